"""Which text of a slide a reader sees: where its shapes stand, and letters against what lies behind them.

Colours are looked for from the letters outwards, to the master's; pictures and gradients may have any, so text that only
they can make visible stays and is said to be unchecked. Animations, effects, tables' styles, diagrams and what other shapes
cover are not looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.loading.visibility import BLACK, WHITE, Box, Color, color, contrasts, is_beside, is_tiny, mixed, theme_colors

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_MAX_DEPTH = 20
_PER_CENT = 100_000
_TITLES = ("title", "ctrTitle")
_ALIKE = (_TITLES, ("body", "obj", "subTitle"))
_NO_TEXT_STYLE = ("dt", "ftr", "sldNum")
_PRESETS: dict[str, Color] = {"white": WHITE, "black": BLACK}
_MAPPED = {"bg1": "lt1", "tx1": "dk1", "bg2": "lt2", "tx2": "dk2"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A shape, groups taken apart. `box`: where it is on the slide, None if the slide's layout says so or nothing does."""

    shape: Any
    box: Box | None
    seen: bool


def placed(shapes: Any, size: tuple[int, int]) -> list[Placed]:
    """In the order in which they are drawn."""
    return list(_placed(shapes, size, (1.0, 1.0, 0.0, 0.0), True, 0))


def _placed(shapes: Any, size: tuple[int, int], scale: tuple[float, float, float, float], seen: bool, depth: int) -> Iterator[Placed]:
    for shape in shapes:
        box = _box(shape, scale)
        properties = next((one for one in shape._element.iter() if one.tag.endswith("}cNvPr")), None)
        shown = seen and (properties is None or properties.get("hidden") not in ("1", "true"))
        shown = shown and not (box is not None and all(size) and is_beside(box, size))
        if hasattr(shape, "shapes") and depth < _MAX_DEPTH:
            yield from _placed(shape.shapes, size, _inner(shape, scale), shown, depth + 1)
        else:
            yield Placed(shape, box, shown)


def _box(shape: Any, scale: tuple[float, float, float, float]) -> Box | None:
    if None in (shape.left, shape.top, shape.width, shape.height):
        return None
    left, top = shape.left * scale[0] + scale[2], shape.top * scale[1] + scale[3]
    # A box without width is none beside the slide: its text runs over.
    return (left, top, left + max(shape.width * scale[0], 1), top + max(shape.height * scale[1], 1))


def _inner(group: Any, scale: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Factor and offset of both axes for what is in a group."""
    frame = next(group._element.iter(_A + "xfrm"), None)
    if frame is None:
        return scale
    values = {}
    for name, one, other in (("off", "x", "y"), ("ext", "cx", "cy"), ("chOff", "x", "y"), ("chExt", "cx", "cy")):
        found = frame.find(_A + name)
        values[name] = (0.0, 0.0) if found is None else (_number(found.get(one)) or 0.0, _number(found.get(other)) or 0.0)
    factors = [values["ext"][axis] / values["chExt"][axis] if values["chExt"][axis] else 1.0 for axis in (0, 1)]
    offsets = [values["off"][axis] - values["chOff"][axis] * factors[axis] for axis in (0, 1)]
    return (
        scale[0] * factors[0],
        scale[1] * factors[1],
        scale[0] * offsets[0] + scale[2],
        scale[1] * offsets[1] + scale[3],
    )


class Slide:
    """A slide's colours. `hid`, `unchecked`: whether text that was asked for was left out, or could not be judged."""

    def __init__(self, slide: Any, shapes: Sequence[Placed]) -> None:
        self.hid = self.unchecked = False
        self._layout = slide.slide_layout
        self._master = self._layout.slide_master
        theme = next((one.target_part.blob for one in self._master.part.rels.values() if one.reltype.endswith("/theme")), b"")
        self._theme = theme_colors(theme)
        mapping = self._master._element.find(_P + "clrMap")
        self._mapped = _MAPPED | ({} if mapping is None else dict(mapping.attrib))
        self._shapes = shapes
        self._below = [*placed(self._master.shapes, (0, 0)), *placed(self._layout.shapes, (0, 0))]
        pages = (slide, self._layout, self._master)
        backs = (one._element.find(f"{_P}cSld/{_P}bg") for one in pages)
        self._page = self._filled(next((back for back in backs if back is not None), None)) or {self._named("bg1") or WHITE}

    def text(self, paragraph: Any, one: Placed, cell: Any = None) -> str:
        """What of a paragraph is seen."""
        parts = []
        for element in paragraph._p:
            if element.tag == _A + "br":
                parts.append("\n")
            elif element.tag in (_A + "r", _A + "fld"):
                words = "".join(text.text or "" for text in element.iter(_A + "t"))
                if words.strip() and self._is_unseen(element.find(_A + "rPr"), paragraph, one, cell):
                    self.hid = True
                else:
                    parts.append(words)
        return "".join(parts)

    def _is_unseen(self, own: Any, paragraph: Any, one: Placed, cell: Any) -> bool:
        layers = [layer for layer in (own, *(() if cell is not None else self._inherited(paragraph, one))) if layer is not None]
        size = next((_number(layer.get("sz")) for layer in layers if layer.get("sz")), None)
        if is_tiny(None if size is None else size / 100):
            return True
        fill = next((kind for layer in layers for kind in layer if kind.tag.endswith("Fill")), None)
        if fill is None or fill.tag == _A + "gradFill":
            return False
        if fill.tag == _A + "noFill":
            line = next((layer.find(_A + "ln") for layer in layers if layer.find(_A + "ln") is not None), None)
            return line is None or not self._filled(line)
        letters = self._solid(fill)
        if letters is None:
            return False
        backings = self._backings(one, cell)
        known = {back for back in backings if back is not None}
        if not contrasts(letters, known):
            if None not in backings:
                return True
            self.unchecked = True
        return False

    def _inherited(self, paragraph: Any, one: Placed) -> Iterator[Any]:
        """The run properties of the levels above, the nearest first."""
        tag = f"{_A}lvl{paragraph.level + 1}pPr/{_A}defRPr"
        bodies = [one.shape._element]
        kind = None
        if one.shape.is_placeholder:
            kind = one.shape._element.find(f".//{_P}nvPr/{_P}ph")
            bodies.extend(self._like(kind, page) for page in (self._layout, self._master))
        for body in bodies:
            found = None if body is None else body.find(f"{_P}txBody/{_A}lstStyle/{tag}")
            if found is not None:
                yield found
        label = "" if kind is None else kind.get("type", "obj")
        style = "titleStyle" if label in _TITLES else "otherStyle" if kind is None or label in _NO_TEXT_STYLE else "bodyStyle"
        yield self._master._element.find(f"{_P}txStyles/{_P}{style}/{tag}")

    def _like(self, kind: Any, page: Any) -> Any:
        """The placeholder of a layout or master that this one is filled in for."""
        same = next((kinds for kinds in _ALIKE if kind.get("type", "obj") in kinds), (kind.get("type"),))
        by_type = None
        for one in page._element.iter(_P + "sp"):
            other = one.find(f".//{_P}nvPr/{_P}ph")
            if other is not None and page is self._layout and other.get("idx", "0") == kind.get("idx", "0"):
                return one
            if other is not None and by_type is None and other.get("type", "obj") in same:
                by_type = one
        return by_type

    def _backings(self, one: Placed, cell: Any) -> set[Color | None]:
        """Colours that may lie behind a shape's text; None stands for any."""
        if cell is not None:
            own = self._filled(cell.find(_A + "tcPr"))
            return own or {None, *self._page}
        own = self._fill_of(one)
        if own:
            return own
        place = next((place for place, other in enumerate(self._shapes) if other.shape is one.shape), 0)
        found: set[Color | None] = set(self._page)
        for other in (*self._below, *self._shapes[:place]):
            if one.box is None or other.box is None or _meet(one.box, other.box):
                found |= self._fill_of(other)
        return found

    def _fill_of(self, one: Placed) -> set[Color | None]:
        element = one.shape._element
        if element.tag == _P + "pic" or element.tag == _P + "graphicFrame":
            return {None}
        properties = element.find(_P + "spPr")
        if properties is not None and any(kind.tag.endswith("Fill") for kind in properties):
            return self._filled(properties)
        # By a style of the theme, or by the layout's placeholder.
        reference = element.find(f"{_P}style/{_A}fillRef")
        if reference is not None and reference.get("idx") != "0":
            return {self._solid(reference)}
        kind = element.find(f".//{_P}nvPr/{_P}ph")
        inherited = None if kind is None or one in self._below else self._like(kind, self._layout)
        return set() if inherited is None else self._filled(inherited.find(_P + "spPr"))

    def _filled(self, element: Any) -> set[Color | None]:
        """By the fill that an element has within it: a background's, a shape's, a cell's. Empty if it has none."""
        if element is None:
            return set()
        inner = element.find(_P + "bgPr")
        for one in element if inner is None else inner:
            if one.tag == _A + "noFill":
                return set()
            if one.tag in (_A + "solidFill", _P + "bgRef"):
                return {self._solid(one)}
            if one.tag in (_A + "gradFill", _A + "blipFill", _A + "pattFill", _A + "grpFill"):
                return {None}
        return set()

    def _solid(self, fill: Any) -> Color | None:
        """The one colour in it. Letters that nothing is left of for being transparent have that of the slide."""
        for one in fill:
            found = self._named(str(one.get("val"))) if one.tag == _A + "schemeClr" else None
            if one.tag == _A + "srgbClr":
                found = color(one.get("val"))
            elif one.tag == _A + "sysClr":
                found = color(one.get("lastClr"))
            elif one.tag == _A + "prstClr":
                found = _PRESETS.get(str(one.get("val")))
            return None if found is None else self._changed(found, one)
        return None

    def _named(self, label: str) -> Color | None:
        return self._theme.get(self._mapped.get(label, label))

    def _changed(self, base: Color, element: Any) -> Color:
        """With its luminance and transparency, as far as they lead to white, to black or to the slide."""
        amounts = {one.tag.removeprefix(_A): (_number(one.get("val")) or 0.0) / _PER_CENT for one in element}
        base = mixed(BLACK, base, amounts.get("lumMod", 1.0))
        base = mixed(base, WHITE, amounts.get("lumOff", 0.0))
        base = mixed(BLACK, base, amounts.get("shade", 1.0))
        base = mixed(WHITE, base, amounts.get("tint", 1.0))
        back = next((one for one in getattr(self, "_page", {WHITE}) if one is not None), WHITE)
        return mixed(back, base, amounts.get("alpha", 1.0))


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
