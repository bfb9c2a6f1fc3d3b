"""Which runs of a Word document a reader sees: what styles, tables, shapes and the page make of each.

Layers are asked from the run outwards: its own properties, its styles, its paragraph's, its table's, the defaults. What is
not looked at: styles that a table has for some of its cells only, frames, and text that another shape covers.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from knowledge.loading.visibility import BLACK, WHITE, Color, color, contrasts, is_tiny, mixed, theme_colors

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_VML = "{urn:schemas-microsoft-com:vml}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_KNOWN = ("http://schemas.microsoft.com/office/", "http://schemas.openxmlformats.org/")
_OFF = ("0", "false", "off", "none")
_MAX_LAYERS = 20
_NARROWEST = 10
"""Per cent of their width to which letters may be squeezed."""
_LOWEST_LINE = 60
"""Twentieths of a point."""
_FAR = 1500.0
"""Points from where a shape belongs: beyond any page."""
_NAMES = {"background1": "lt1", "light1": "lt1", "text1": "dk1", "dark1": "dk1", "background2": "lt2", "light2": "lt2", "text2": "dk2"}
_NAMES |= {"dark2": "dk2", "hyperlink": "hlink", "followedHyperlink": "folHlink"}
_HIGHLIGHTS = {"white": WHITE, "black": BLACK, "yellow": (255, 255, 0), "lightGray": (192, 192, 192)}
_DARK: Color = (96, 96, 96)
"""Stands for the other highlights, none of which is near white or black."""
_LENGTH = re.compile(r"(?:^|;)\s*(margin-left|margin-top|left|top|width|height)\s*:\s*(-?[\d.]+)(pt|in|cm|mm|px)?")
_POINTS = {"pt": 1.0, "in": 72.0, "cm": 28.35, "mm": 2.835, "px": 0.75, "": 0.75}


class Looks:
    """The styles and colours of one document."""

    def __init__(self, styles: Any, theme: bytes) -> None:
        """`styles`: the tree of styles.xml, or None."""
        self._theme = theme_colors(theme)
        found = [] if styles is None else list(styles.iter(W + "style"))
        self.styles: Mapping[str, Any] = {str(style.get(W + "styleId")): style for style in found}
        paragraphs = [one for one in found if one.get(W + "type") == "paragraph"]
        self._default = next((one for one in paragraphs if one.get(W + "default") in ("1", "true", "on")), None)
        self._defaults = {kind: _find(styles, f"{W}docDefaults/{W}{kind}PrDefault/{W}{kind}Pr") for kind in ("r", "p")}

    def is_unseen(self, run: Any) -> bool:
        paragraph = next(run.iterancestors(W + "p"), None)
        own = run.find(W + "rPr")
        properties = [own, *self._chain(_find(own, W + "rStyle"), "rPr"), *self._of_paragraph(paragraph, "rPr")]
        if not _off(_first(properties, "vanish"), "1") or not _off(_first(properties, "specVanish"), "1"):
            return True
        size, wide = _number(_first(properties, "sz")), _number(_first(properties, "w"))
        if is_tiny(None if size is None else size / 2) or (wide is not None and wide < _NARROWEST):
            return True
        spacing = _first([_find(paragraph, W + "pPr"), *self._of_paragraph(paragraph, "pPr")], "spacing")
        if spacing is not None and spacing.get(W + "lineRule") == "exact" and (_number(spacing, "line") or 240) < _LOWEST_LINE:
            return True
        if any(not _off(_find(row, f"{W}trPr/{W}hidden"), "1") for row in run.iterancestors(W + "tr")):
            return True
        if any(_is_shape_gone(shape) for shape in run.iterancestors()):
            return True
        letters = self._color(_first(properties, "color"), "val", "theme")
        return letters is not None and not contrasts(letters, self._backings(run, properties, paragraph))

    def _of_paragraph(self, paragraph: Any, kind: str) -> list[Any]:
        named = _find(paragraph, f"{W}pPr/{W}pStyle")
        chain = self._chain(named, kind)
        if named is None and self._default is not None:
            chain = [self._default.find(W + kind)]
        table = None if paragraph is None else next(paragraph.iterancestors(W + "tbl"), None)
        return [*chain, *self._chain(_find(table, f"{W}tblPr/{W}tblStyle"), kind), self._defaults[kind[0]]]

    def _chain(self, reference: Any, kind: str) -> list[Any]:
        """Properties of the style that is named and of those that it is based on."""
        return [style.find(W + kind) for style in self._based(reference)]

    def _based(self, reference: Any) -> Iterator[Any]:
        for _ in range(_MAX_LAYERS):
            style = None if reference is None else self.styles.get(str(reference.get(W + "val")))
            if style is None:
                return
            yield style
            reference = style.find(W + "basedOn")

    def _color(self, element: Any, plain: str, theme: str) -> Color | None:
        """`plain`, `theme`: the attributes that name it (`fill` and `themeFill`, or `val` and `themeColor`)."""
        if element is None:
            return None
        label = str(element.get(W + ("themeColor" if theme == "theme" else theme), ""))
        base = self._theme.get(_NAMES.get(label, label))
        if base is None:
            return color(element.get(W + plain))
        for mark, other in (("Tint", WHITE), ("Shade", BLACK)):
            share = element.get(W + theme + mark)
            if share and re.fullmatch("[0-9A-Fa-f]{1,2}", share):
                base = mixed(base, other, 1 - int(share, 16) / 255)
        return base

    def _backings(self, run: Any, properties: list[Any], paragraph: Any) -> set[Color]:
        """The colours that may lie behind a run: of the nearest thing that has one."""
        highlight = _first(properties, "highlight")
        if highlight is not None and highlight.get(W + "val") != "none":
            return {_HIGHLIGHTS.get(str(highlight.get(W + "val")), _DARK)}
        for layers in (properties, [_find(paragraph, W + "pPr"), *self._of_paragraph(paragraph, "pPr")]):
            found = self._shade(_first(layers, "shd"))
            if found:
                return found
        for one in run.iterancestors():
            found = self._shade(_find(one.find(W + "tcPr"), W + "shd")) if one.tag == W + "tc" else set()
            if one.tag == W + "tbl":
                reference = _find(one, f"{W}tblPr/{W}tblStyle")
                shades = [shade for style in self._based(reference) for shade in style.iter(W + "shd")]
                found = self._shade(_find(one, f"{W}tblPr/{W}shd"))
                # Which of its cells a table's style shades is not worked out: any may be this one, and so may none.
                styled = set().union(*(self._shade(shade) for shade in shades))
                found = found or (styled and styled | {WHITE})
            elif one.tag == W + "txbxContent":
                found = _shape_fill(one, self._theme)
            elif one.tag == W + "document":
                page = self._color(one.find(W + "background"), "color", "theme")
                found = {page} if page is not None else set()
            if found:
                return found
        return {WHITE}

    def _shade(self, shade: Any) -> set[Color]:
        kind = "nil" if shade is None else str(shade.get(W + "val", "clear"))
        if kind == "nil":
            return set()
        fill, front = self._color(shade, "fill", "themeFill"), self._color(shade, "color", "theme")
        if kind == "solid":
            return {front or BLACK}
        if kind == "clear":
            return set() if fill is None else {fill}
        return {mixed(fill or WHITE, front or BLACK, (_share(kind)))}


def shown_alternative(alternatives: Any) -> Any:
    """What Word shows of `mc:AlternateContent`: the first choice that it knows all about, else the fallback; or None."""
    for choice in alternatives.findall(MC + "Choice"):
        required = str(choice.get("Requires", "")).split()
        if required and all(str(choice.nsmap.get(prefix, "")).startswith(_KNOWN) for prefix in required):
            return choice
    return alternatives.find(MC + "Fallback")


def _shape_fill(content: Any, theme: Mapping[str, Color]) -> set[Color]:
    """Of the shape around; a fill that is no single colour may be anything."""
    for one in content.iterancestors():
        if one.tag.endswith("}wsp"):
            fill = next((own for own in one.iterchildren() if own.tag.endswith("}spPr")), None)
            kinds = [] if fill is None else [own for own in fill if own.tag.endswith("Fill")]
            if not kinds:
                styled = any(own.tag.endswith("}style") for own in one.iterchildren())
                return {WHITE, _DARK} if styled else set()
            if kinds[0].tag.endswith("}noFill"):
                return set()
            values = [str(own.get("val", "")) for own in kinds[0].iter()]
            named = [theme.get({"bg1": "lt1", "tx1": "dk1"}.get(value, value)) or color(value) for value in values]
            solid = {own for own in named if own is not None} if kinds[0].tag.endswith("}solidFill") else set()
            return solid or {WHITE, _DARK}
        if str(one.tag).startswith(_VML) and one.get("fillcolor"):
            return {color(str(one.get("fillcolor")).split()[0]) or _DARK} if one.get("filled") not in ("f", "false") else set()
        if one.tag in (W + "pict", W + "drawing"):
            return set()
    return set()


def _is_shape_gone(one: Any) -> bool:
    if one.tag in (_DRAWING + "anchor", _DRAWING + "inline"):
        return bool(_find(one, _DRAWING + "docPr") is not None and one.find(_DRAWING + "docPr").get("hidden") in ("1", "true"))
    if not str(one.tag).startswith(_VML):
        return False
    style = str(one.get("style", "")).replace(" ", "").lower()
    lengths = {name: float(value) * _POINTS[unit] for name, value, unit in _LENGTH.findall(style) if value.strip("-.").replace(".", "", 1)}
    # In a group lengths are in the group's own units.
    grouped = next(one.iterancestors(_VML + "group"), None) is not None
    far = not grouped and any(abs(lengths.get(name, 0)) > _FAR for name in ("margin-left", "margin-top", "left", "top"))
    return far or "visibility:hidden" in style or "display:none" in style


def _share(kind: str) -> float:
    found = re.fullmatch(r"pct(\d{1,2})", kind)
    return int(found.group(1)) / 100 if found else 0.5


def _first(layers: list[Any], tag: str) -> Any:
    return next((one for layer in layers if (one := _find(layer, W + tag)) is not None), None)


def _off(element: Any, default: str) -> bool:
    return element is None or str(element.get(W + "val", default)).lower() in _OFF


def _number(element: Any, attribute: str = "val") -> float | None:
    value = "" if element is None else str(element.get(W + attribute, "")).rstrip("%")
    try:
        return float(value)
    except ValueError:
        return None


def _find(element: Any, path: str) -> Any:
    return None if element is None else element.find(path)
