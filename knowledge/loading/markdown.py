"""Markdown files, with YAML front matter: the keys in SETTINGS."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import yaml

from knowledge.chunking import blocks
from knowledge.errors import LoadRefused
from knowledge.loading.decoding import binary_kind, cleaned, decode, title_from_name
from knowledge.loading.html import is_html_document
from knowledge.loading.port import FrontMatter, Loaded
from knowledge.loading.styles import declarations, is_hidden, is_white
from knowledge.text import plain

SETTINGS = ("title", "audience", "updated", "review", "language")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n?^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_MAX_FRONT_MATTER = 4_000
_MAX_NESTED = 5
"""More than any setting needs; the YAML parser takes quadratic time on what lies deeper."""
_MAX_HEAD = 10_000
"""How far the title is looked for."""
_MAX_UNKNOWN = 200
"""Letters of the settings that are named as unknown."""
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|iframe|object|template)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,500})\](?:\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\[\]\n]{0,500}\])")
_LINK_DEFINITION = re.compile(r"^ {0,3}\[(?!\^)[^\[\]\n]{1,500}\]:[ \t]+\S.*$\n?", re.MULTILINE)
_STYLED = re.compile(r"<([a-z][a-z0-9]*)\b([^<>]{0,1000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


class MarkdownLoader:
    suffixes = (".md", ".markdown")

    def sniff(self, data: bytes) -> bool:
        return binary_kind(data) is None and not is_html_document(data)

    def load(self, data: bytes, name: str) -> Loaded:
        """Comments, scripts and images go: a reader would not see them, or they would be fetched from elsewhere."""
        text, warnings = decode(data)
        text = text.lstrip("\n")
        found = _FRONT_MATTER.match(text)
        front, unknown = _front_matter(found.group(1)) if found else (FrontMatter(), "")
        body = text[found.end() :] if found else text
        shown = _outside_fences(body)
        if shown != body:
            warnings = (*warnings, "hidden_text_removed")
        if unknown:
            warnings = (*warnings, f"setting_unknown:{unknown}")
        shown = _IMAGE.sub(r"\1", _LINK_DEFINITION.sub("", shown)).strip()
        heading = next((block.text for block in blocks(shown[:_MAX_HEAD]) if block.kind == "heading" and block.level == 1), "")
        return Loaded(front.title or plain(heading) or title_from_name(name), shown, warnings, front)


def _outside_fences(body: str) -> str:
    """Removes what readers do not see, except inside code, where it is shown."""
    parts: list[str] = []
    lines: list[str] = []
    fence = ""
    for line in body.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            lines.append(line)
            if mark and line.strip() == fence[0] * len(line.strip()) and len(line.strip()) >= len(fence):
                parts.append("\n".join(lines))
                lines, fence = [], ""
        elif mark:
            parts.append(_seen("\n".join(lines)))
            lines, fence = [line], mark.group(1)
        else:
            lines.append(line)
    rest = "\n".join(lines)
    return "\n".join((*parts, rest if fence else _seen(rest)))


def _seen(text: str) -> str:
    """Without comments, scripts, and what the style of a tag hides: to the tag's end, or that of its paragraph."""
    text = _HIDDEN.sub("", text)
    parts: list[str] = []
    begun = 0
    for tag in _STYLED.finditer(text):
        if tag.start() >= begun and _hides(tag.group(2)):
            end = re.compile(rf"</{tag.group(1)}\s*>|\n[ \t]*\n|\Z", re.IGNORECASE).search(text, tag.end())
            parts.append(text[begun : tag.start()])
            begun = end.end() if end and end.group().startswith("<") else end.start() if end else len(text)
    return "".join((*parts, text[begun:]))


def _hides(attributes: str) -> bool:
    found = {name.lower(): one or two or three for name, one, two, three in _ATTRIBUTE.findall(attributes)}
    declared = {**declarations(f"color:{found.get('color', '')}"), **declarations(found.get("style", ""))}
    return "hidden" in found or is_hidden(declared) or is_white(declared)


def _front_matter(source: str) -> tuple[FrontMatter, str]:
    """What it says, and the names of settings that there are none of."""
    if len(source) > _MAX_FRONT_MATTER:
        raise LoadRefused("front_matter_too_long", limit=str(_MAX_FRONT_MATTER))
    try:
        _refuse_unbounded(source)
        data = _Settings(source).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        # The first line of the file is the one above the settings.
        line = min(place.line, source.count("\n")) + 2 if place else 2
        raise LoadRefused("front_matter_invalid", line=str(line)) from error
    if data is None:
        return FrontMatter(), ""
    if not isinstance(data, Mapping):
        raise LoadRefused("front_matter_invalid", line="2")
    front = FrontMatter(
        title=_text(data, "title"),
        audience=_selectors(data.get("audience")),
        updated=_date(data, "updated"),
        review=_date(data, "review"),
        language=_text(data, "language"),
    )
    unknown = (" ".join(cleaned(key).split()) for key in data if isinstance(key, str) and key not in SETTINGS)
    return front, ", ".join(unknown)[:_MAX_UNKNOWN]


class _Settings(yaml.SafeLoader):
    """A date that no calendar has stays a text, so that the refusal can name its setting."""

    def date(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Settings.add_constructor("tag:yaml.org,2002:timestamp", _Settings.date)


def _refuse_unbounded(source: str) -> None:
    """A few lines of YAML can grow without bound by aliases, or take the parser long by nesting."""
    depth = 0
    for event in yaml.parse(source, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_NESTED or isinstance(event, yaml.AliasEvent):
            raise LoadRefused("front_matter_invalid", line=str(event.start_mark.line + 2 if event.start_mark else 2))


def _text(data: Mapping[Any, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, (Mapping, list)):
        raise LoadRefused("front_matter_text", setting=key)
    return " ".join(_written(value, key).split()) or None


def _date(data: Mapping[Any, Any], key: str) -> date | None:
    value = data.get(key)
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)  # in quotes
    except (TypeError, ValueError) as error:
        raise LoadRefused("front_matter_date", setting=key) from error


def _selectors(value: Any) -> tuple[str, ...]:
    """`country=DE`, a list of such, or a mapping `{country: [DE, FR]}`."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(value, Mapping):
        return tuple(f"{key}={','.join(map(_scalar, one)) if isinstance(one, list) else _scalar(one)}" for key, one in value.items())
    raise LoadRefused("front_matter_audience")


def _scalar(value: Any) -> str:
    """YAML reads the country NO as false; here it means Norway."""
    return {False: "NO", True: "YES"}[value] if isinstance(value, bool) else _written(value, "audience")


def _written(value: Any, setting: str) -> str:
    try:
        return str(value)
    except ValueError as error:
        # A number of thousands of digits, which Python does not write.
        raise LoadRefused("front_matter_text", setting=setting) from error
