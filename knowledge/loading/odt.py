"""OpenDocument texts, such as LibreOffice writes: headings, lists and tables by their library's own Markdown.

What a reader does not see is taken out first: hidden text, paragraphs, rows and sections (also those that a condition
hides), deletions that were tracked, letters of the colour behind them or of no size, whichever style says so. Fills of
frames are not looked at, nor is what columns that are folded away hold; such columns are reported.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree
from odfdo import Document

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded
from knowledge.loading.visibility import WHITE, color, contrasts, is_tiny

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_MARKER = re.compile(r"^(\s*)-  ", re.MULTILINE)
_FIRST = re.compile(r"^# (.+)$", re.MULTILINE)
_ENCRYPTED = b"encryption-data"
_WHOLE = (_TEXT + "section", _TEXT + "hidden-text", _TABLE + "table-row")
_LETTERED = (_TEXT + "p", _TEXT + "h", _TEXT + "span", _TEXT + "a")
_FOLDED = ("collapse", "filter")
_FAMILIES: Mapping[str, str] = {
    _TEXT + "span": "text",
    _TEXT + "a": "text",
    _TEXT + "p": "paragraph",
    _TEXT + "h": "paragraph",
    _TEXT + "section": "section",
    _TABLE + "table-cell": "table-cell",
    _TABLE + "table-row": "table-row",
    _TABLE + "table": "table",
}
_ASKED = {"color": _FO, "font-size": _FO, "background-color": _FO, "display": _TEXT, "use-window-font-color": _STYLE}
_MAX_LAYERS = 20


def read(data: bytes, name: str) -> Loaded:
    parts = text_parts(data, "content.xml")
    if _ENCRYPTED in parts.get("META-INF/manifest.xml", b""):
        raise LoadRefused("password_protected")
    parts["content.xml"], warnings = _as_seen(parts["content.xml"], parts.get("styles.xml", b""))
    markdown = "\n".join(line.rstrip() for line in _MARKER.sub(_outdented, str(Document(packed(parts)).to_markdown())).split("\n"))
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip()
    headings = _FIRST.findall(markdown)
    title = headings[0] if len(headings) == 1 or markdown.startswith("# ") else title_from_name(name)
    return Loaded(title, markdown, warnings)


def _outdented(found: re.Match[str]) -> str:
    """A list begins at the margin, and each level two blanks further in."""
    return " " * (2 * (len(found.group(1)) // 3)) + "- "


def _as_seen(content: bytes, sheet: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The content without what is not seen, and what is to be said of it."""
    tree = _parsed(content)
    for deleted in list(tree.iter(_TEXT + "tracked-changes")):
        deleted.getparent().remove(deleted)
    looks = _Looks(tree, _parsed(sheet) if sheet.strip() else None)
    hid = False
    for one in [one for one in tree.iter(*_WHOLE) if _is_gone(one)] + [one.getparent() for one in tree.iter(_TEXT + "hidden-paragraph")]:
        hid = hid or bool("".join(one.itertext()).strip()) or one.tag == _TEXT + "hidden-text"
        _remove(one)
    for one in list(tree.iter(*_LETTERED)):
        if any((text or "").strip() for text in (one.text, *(own.tail for own in one))) and looks.is_unseen(one):
            hid = True
            one.text = None
            for own in one:
                own.tail = None
            if not "".join(one.itertext()).strip():
                _remove(one)
    folded = any(column.get(_TABLE + "visibility") in _FOLDED for column in tree.iter(_TABLE + "table-column"))
    said = (("hidden_text_removed", hid), ("text_not_checked", folded))
    return etree.tostring(tree), tuple(code for code, one in said if one)


def _parsed(xml: bytes) -> Any:
    try:
        return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        raise LoadRefused("damaged") from error


def _is_gone(one: Any) -> bool:
    if one.tag == _TABLE + "table-row":
        return one.get(_TABLE + "visibility") in _FOLDED
    hidden = one.get(_TEXT + "display") in ("none", "condition") or one.get(_TEXT + "is-hidden") == "true"
    return one.tag == _TEXT + "hidden-text" or hidden


class _Looks:
    """The styles of a document, those of its style sheet included."""

    def __init__(self, content: Any, sheet: Any) -> None:
        self._styles: dict[tuple[str, str], Any] = {}
        self._defaults: list[tuple[str, str]] = []
        for tree in (sheet, content):
            for style in () if tree is None else tree.iter(_STYLE + "style"):
                self._styles[str(style.get(_STYLE + "family")), str(style.get(_STYLE + "name"))] = style
            for style in () if tree is None else tree.iter(_STYLE + "default-style"):
                if style.get(_STYLE + "family") == "paragraph":
                    self._defaults = _said(style)

    def is_unseen(self, one: Any) -> bool:
        """Of the text that stands in this paragraph, heading or span itself."""
        values: dict[str, str] = {}
        for name, value in (*self._layers(one), *self._defaults):
            values.setdefault(name, value)
        if values.get("display") in ("none", "condition"):
            return True
        size = re.fullmatch(r"([\d.]+)pt", values.get("font-size", ""))
        if size and is_tiny(float(size.group(1).strip(".") or 0)):
            return True
        letters = color(values.get("color"))
        if letters is None or values.get("use-window-font-color") == "true":
            return False
        return not contrasts(letters, [color(values.get("background-color")) or WHITE])

    def _layers(self, one: Any) -> Iterator[tuple[str, str]]:
        """Names and values of what styles say, the nearest first."""
        for element in (one, *one.iterancestors()):
            family = _FAMILIES.get(element.tag)
            name = None if family is None else element.get((_TABLE if family.startswith("table") else _TEXT) + "style-name")
            for _ in range(_MAX_LAYERS):
                style = self._styles.get((str(family), str(name)))
                if style is None:
                    break
                yield from _said(style)
                name = style.get(_STYLE + "parent-style-name")


def _said(style: Any) -> list[tuple[str, str]]:
    said = []
    for properties in style:
        for name, space in _ASKED.items():
            value = properties.get(space + name)
            if (
                value is not None
                and value != "transparent"
                and (name == "background-color" or properties.tag == _STYLE + "text-properties")
            ):
                said.append((name, str(value).strip()))
    return said


def _remove(element: Any) -> None:
    """Without the text that follows it, which belongs to its parent."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)
