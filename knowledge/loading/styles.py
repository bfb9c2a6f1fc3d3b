"""What the styles of a page hide from its reader, so that nobody is quoted words that nobody saw. No browser: simple and general.

Looked at: `style` attributes and `<style>` rules whose selectors are made of element, class and id, below one another or
not; display, visibility, opacity, sizes, clipping, places off the page, and colours that do not differ from what lies behind.
Not looked at, so still a way to hide: other selectors (`:not`, `[attr]`, `+`, `~`), rules under a condition (`@media`),
imported and linked styles, variables and functions of CSS, specificity (the later rule counts), pictures and boxes laid over
text, gradients, and scripts.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

Declarations = Mapping[str, str]
Color = tuple[int, int, int]

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))")
_COMPOUND = re.compile(r"(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)\Z", re.IGNORECASE)
_LENGTH = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|rem|em|ex|ch|vw|vh|cm|mm|in|%)?")
_PIXELS = {"pt": 4 / 3, "rem": 16, "em": 16, "ex": 8, "ch": 8, "vw": 10, "vh": 8, "cm": 38, "mm": 3.8, "in": 96, "%": 0.16}
_NAMED: Mapping[str, Color] = {"black": (0, 0, 0), "gray": (128, 128, 128), "grey": (128, 128, 128)} | dict.fromkeys(
    ("white", "snow", "ghostwhite", "ivory", "floralwhite", "azure", "mintcream", "honeydew", "aliceblue", "whitesmoke"), (255, 255, 255)
)
_ALIKE = 15
"""Of 255 in every channel: colours this near are one to the eye."""
_TINY, _FAR = 3, 999
"""Pixels."""
_MAX_RULES = 20_000
_GONE = {
    "display": re.compile(r"none"),
    "visibility": re.compile(r"hidden|collapse"),
    "content-visibility": re.compile(r"hidden"),
    "opacity": re.compile(r"0*\.?0\d*%?"),
    "filter": re.compile(r".*opacity\(\s*0*\.?0*%?\s*\).*"),
    "transform": re.compile(r".*(?:scale[xy]?\(\s*0*\.?0*\s*[,)]|translate[xy]?\([^)]*-\d{4}).*"),
    "clip-path": re.compile(r"inset\(\s*(?:[5-9]\d|100)%.*|circle\(\s*0(?:px|%)?\b.*"),
    "clip": re.compile(r"rect\((?:\s*[01](?:px)?\s*,?){4}\)"),
}
_PLACES = ("left", "right", "top", "bottom", "margin-left", "margin-top", "text-indent")
_SIDES = ("width", "max-width", "height", "max-height")


@dataclass(frozen=True, slots=True)
class _Rule:
    compounds: tuple[str, ...]
    """From the element outwards; `>` stands between one and its parent."""
    declared: Declarations


class Styles:
    """The rules of a page, and what they come to for one of its tags."""

    def __init__(self, page: BeautifulSoup) -> None:
        self._rules: dict[str, list[tuple[int, _Rule]]] = defaultdict(list)
        source = "\n".join(tag.get_text() for tag in page.find_all("style"))
        for place, rule in zip(range(_MAX_RULES), _rules(source), strict=False):
            self._rules[_key(rule.compounds[0])].append((place, rule))

    def hides(self, tag: Tag) -> bool:
        declared = self._declared(tag)
        return is_hidden(declared) or ("color" in declared and self._blends_in(tag, declared["color"]))

    def _blends_in(self, tag: Tag, written: str) -> bool:
        """Whether its colour is that of what lies behind it: the nearest background, white paper if there is none."""
        if _is_clear(written):
            return True
        front, behind = _color(written), _NAMED["white"]
        for one in (tag, *tag.parents):
            declared = self._declared(one)
            written = declared.get("background-color") or declared.get("background") or ""
            if written and not _is_clear(written) and written not in ("none", "inherit", "initial", "unset"):
                known = _color(written)
                if known is None:
                    return False
                behind = known
                break
        return front is not None and all(abs(a - b) <= _ALIKE for a, b in zip(front, behind, strict=True))

    def _declared(self, tag: Tag) -> Declarations:
        keys = ("*", tag.name, *(f".{one}" for one in _classes(tag)), f"#{tag.get('id')}")
        found = sorted((one for key in keys for one in self._rules.get(key, ()) if _matches(one[1].compounds, tag)), key=lambda one: one[0])
        attributes = {"color": tag.get("color"), "background-color": tag.get("bgcolor")}
        layers: list[Declarations] = [{name: str(value).strip().lower() for name, value in attributes.items() if value}]
        layers += [rule.declared for _, rule in found]
        layers.append(declarations(str(tag.get("style") or "")))
        return {name: value for layer in layers for name, value in layer.items()}


def declarations(source: str) -> Declarations:
    """The properties that `color: red; ...` sets, in lower case, comments and escapes undone."""
    found = {}
    for one in _unescaped(_COMMENT.sub("", source)).lower().split(";"):
        name, _, value = one.partition(":")
        if value.strip():
            found[name.strip()] = value.replace("!important", "").strip()
    return found


def is_hidden(declared: Declarations) -> bool:
    """Whether an element with these properties shows nothing, whatever is around it and whatever its colour."""
    if any(name in declared and pattern.fullmatch(declared[name]) for name, pattern in _GONE.items()):
        return True
    size = _pixels(declared.get("font-size", "")) if "font-size" in declared else _pixels(declared.get("font", ""))
    if size is not None and size < _TINY:
        return True
    if any((place := _pixels(declared.get(name, ""))) is not None and place <= -_FAR for name in _PLACES):
        return True
    cut = any(declared.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-x", "overflow-y"))
    return cut and any((side := _pixels(declared.get(name, ""))) is not None and side <= 1 for name in _SIDES)


def is_white(declared: Declarations) -> bool:
    """Whether text of that colour shows on white paper, which lies behind unless it says otherwise."""
    written = declared.get("color", "")
    front = _color(written)
    return _is_clear(written) or (front is not None and min(front) >= 255 - _ALIKE and not any("background" in name for name in declared))


def _rules(source: str) -> Iterable[_Rule]:
    """Those outside of `@` blocks."""
    selectors, depth, begun = "", 0, 0
    source = _COMMENT.sub("", source).replace("<!--", "").replace("-->", "")
    for found in re.finditer(r"[{};]", source):
        mark, text = found.group(), source[begun : found.start()]
        if mark == "{":
            if depth == 0:
                selectors, begun = text.strip(), found.end()
            depth += 1
        elif mark == "}":
            depth = max(depth - 1, 0)
            if depth == 0:
                declared = {} if selectors.startswith("@") else declarations(text)
                begun = found.end()
                for one in selectors.split(",") if declared else ():
                    compounds = tuple(reversed(re.sub(r"\s*>\s*", " > ", _unescaped(one)).split()))
                    if compounds and all(part == ">" or _COMPOUND.match(part) for part in compounds) and compounds[0] != ">":
                        yield _Rule(compounds, declared)
        elif depth == 0:
            begun = found.end()


def _key(compound: str) -> str:
    """One of the things that an element has if it matches: its last class or id, else its name."""
    marks = re.findall(r"[.#][\w-]+", compound)
    return str(marks[-1]) if marks else compound.lower()


def _matches(compounds: tuple[str, ...], tag: Tag) -> bool:
    first, *rest = compounds
    if not _is(first, tag):
        return False
    above, next_to = list(tag.parents), False
    for part in rest:
        if part == ">":
            next_to = True
            continue
        place = next((place for place, one in enumerate(above[:1] if next_to else above) if _is(part, one)), None)
        if place is None:
            return False
        above, next_to = above[place + 1 :], False
    return True


def _is(compound: str, tag: Tag) -> bool:
    found = _COMPOUND.match(compound)
    if found is None or (found.group(1) or "*").lower() not in ("*", tag.name):
        return False
    own = {*(f".{one}" for one in _classes(tag)), f"#{tag.get('id')}"}
    return all(mark in own for mark in re.findall(r"[.#][\w-]+", found.group(2)))


def _classes(tag: Tag) -> list[str]:
    value = tag.get("class")
    return value.split() if isinstance(value, str) else [str(one) for one in value or ()]


def _unescaped(source: str) -> str:
    return _ESCAPE.sub(lambda found: chr(min(int(found.group(1), 16), 0xFFFD)) if found.group(1) else found.group(2), source)


def _pixels(written: str) -> float | None:
    """The first length in it, if any."""
    found = _LENGTH.search(written)
    return float(found.group(1)) * _PIXELS.get(found.group(2) or "px", 1) if found else None


def _is_clear(written: str) -> bool:
    alpha = re.fullmatch(r"(?:rgb|hsl)a?\([^)]*[,/]\s*0*\.?0\d*%?\s*\)|#[0-9a-f]{6}0[0-9a-f]|#[0-9a-f]{3}0", written)
    return written == "transparent" or (alpha is not None and (written[0] == "#" or len(re.findall(r"[\d.]+", written)) == 4))


def _color(written: str) -> Color | None:
    """None for whatever is no plain colour that is known here."""
    if written in _NAMED:
        return _NAMED[written]
    if found := re.fullmatch(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", written):
        digits = found.group(1)
        digits = "".join(one * 2 for one in digits) if len(digits) < 6 else digits
        return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16))
    if written.startswith(("rgb", "hsl")):
        parts = re.findall(r"(\d*\.?\d+)(%?)", written)[:3]
        if len(parts) == 3 and written.startswith("rgb"):
            red, green, blue = (round(float(number) * (2.55 if percent else 1)) for number, percent in parts)
            return (red, green, blue)
        if len(parts) == 3 and (float(parts[2][0]) >= 94 or float(parts[2][0]) <= 6):
            return _NAMED["white" if float(parts[2][0]) >= 94 else "black"]
    return None
