"""A page of a PDF as its library sees it: letters with place, size and weight, ruled lines, and whether a reader sees them.

Text that is there and not seen (white on white, covered, cut off, off the page, of no size, "invisible") is told from the
rest by drawing the page with it and without, see `pdf_ink`; pages that give no cause for doubt are not drawn, since that
costs most. Fonts whose letters are empty on a page without doubt are taken at their word, and so are replacement texts.
"""

import ctypes
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from knowledge.loading.pdf_ink import Box, Canvas, annotated, is_clipped, is_conditional

_INVISIBLE = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
_MIN_SIZE = 2.5
"""Points; smaller letters are no text for people."""
_PALE = 150
"""Letters whose darkest channel is above are looked at more closely."""
_MAX_CHARS = 200_000
_MAX_SEGMENTS = 20_000
_NAMELESS = 0.2
"""Share of letters that are control characters, from which on the rest makes no sense."""
_THIN = 2.5
_MAX_DEPTH = 5
_LARGE = 40
"""Points from which on pale letters may cover others."""
_SQUEEZED = 0.1
"""Share of their size that letters are wide on average; less is a stroke."""
_HYPHENS = ("\ufffe", "\x02")
"""What pdfium makes of a hyphen at the end of a line."""


class Letter(NamedTuple):
    text: str
    box: Box
    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Its letters in the order of the file, each line closed by "\\n" (or by "\\u00ad" where a word goes on)."""

    width: float
    height: float
    letters: Sequence[Letter]
    rules: Sequence[Box]
    """Ruled lines and the edges of boxes, each as thin as it is drawn."""
    hid: bool
    behind: bool
    """Whether its text lies invisibly over a picture, as recognised text of a scan does."""
    pictures: bool
    cut: bool = False
    """Whether it has more letters than are read, or many whose font does not tell what they are."""
    drawn: bool = False
    unchecked: bool = False
    """Whether there is doubt about text, and the page was not to be drawn twice."""


@dataclass(slots=True)
class _Run:
    """Letters that were written at once, and so look the same."""

    size: float
    bold: bool
    pale: bool
    doubtful: bool
    """For how it is drawn, whatever lies around it."""
    invisible: bool
    box: Box
    letters: int = 0


def read_page(page: Any, thorough: bool = True) -> Page:
    """`thorough`: whether a page that gives cause for doubt may be drawn with and without its text."""
    text = page.get_textpage()
    letters, runs = _letters(text.raw)
    pictures, fills, rules, top = _drawn(page)
    fills.extend(annotated(page))
    fills.extend(run.box for run in runs.values() if run.pale and run.size > _LARGE)
    unseen: set[int] = set()
    behind = unchecked = False
    pale: set[int] = set()
    other: set[int] = set()
    for key, run in runs.items():
        middle = _middle(run.box)
        if run.size < _MIN_SIZE or _is_squeezed(run):
            unseen.add(key)
        elif run.invisible:
            over = any(_inside(middle, picture) for picture in pictures)
            behind = behind or over
            if not over:
                unseen.add(key)
        elif run.pale:
            pale.add(key)
        else:
            near = any(_inside(middle, one) for one in (*pictures, *fills)) or not _on_page(run.box, page)
            if near or run.doubtful or key not in top or is_clipped(key, middle):
                other.add(key)
    if pale or other:
        boxes = _tight_boxes(text.raw, letters, pale | other)
        canvas = Canvas(page)
        if thorough:
            for group in (pale, other):
                without = Canvas(page, group) if group else canvas
                unseen.update(key for key in group if key in boxes and not canvas.differs(without, boxes[key]))
        else:
            unseen.update(key for key, box in boxes.items() if not canvas.shows(box))
            unchecked = True
    hid = any(key in unseen and letter.text.strip() for letter, key, _ in letters)
    width, height = page.get_size()
    seen = [letter for letter, key, _ in letters if key not in unseen]
    nameless = sum(letter.text < " " for letter in seen if letter.size)
    cut = raw.FPDFText_CountChars(text.raw) > _MAX_CHARS or nameless > _NAMELESS * len(seen)
    return Page(width, height, seen, rules, hid, behind, bool(pictures), cut, bool(pale or other), unchecked)


def _is_squeezed(run: _Run) -> bool:
    """Whether it is no longer than a few of its letters would be; upright lines are as high."""
    longest = max(run.box[2] - run.box[0], run.box[3] - run.box[1])
    return run.letters > 1 / _SQUEEZED and longest < _SQUEEZED * run.size * run.letters


def _letters(text: Any) -> tuple[list[tuple[Letter, int, int]], dict[int, _Run]]:
    runs: dict[int, _Run] = {}
    letters: list[tuple[Letter, int, int]] = []
    loose, before = raw.FS_RECTF(), 0
    for index in range(min(raw.FPDFText_CountChars(text), _MAX_CHARS)):
        code = raw.FPDFText_GetUnicode(text, index)
        char = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
        if char in ("\r", "", "\x00"):
            continue
        if char in ("\n", *_HYPHENS):
            letters.append((Letter("\n" if char == "\n" else "\u00ad", (0, 0, 0, 0), 0, False), before, index))
            continue
        owner = raw.FPDFText_GetTextObject(text, index)
        key = ctypes.addressof(owner.contents) if owner else before
        if not raw.FPDFText_GetLooseCharBox(text, index, loose):
            continue
        box = (loose.left, loose.bottom, loose.right, loose.top)
        run = runs.get(key)
        if run is None:
            run = runs[key] = _run(text, index, owner, box)
        if char != " ":
            run.box = _union(run.box, box)
            run.letters += 1
        letters.append((Letter(char, box, run.size, run.bold), key, index))
        before = key
    return letters, runs


def _tight_boxes(text: Any, letters: Sequence[tuple[Letter, int, int]], wanted: Collection[int]) -> dict[int, Box]:
    """The ink of these runs alone: looser boxes would take in what stands above and below."""
    boxes: dict[int, Box] = {}
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for letter, key, index in letters:
        if key in wanted and letter.text.strip() and raw.FPDFText_GetCharBox(text, index, left, right, bottom, top):
            box = (left.value, bottom.value, right.value, top.value)
            boxes[key] = _union(boxes[key], box) if key in boxes else box
    return boxes


def _run(text: Any, index: int, owner: Any, box: Box) -> _Run:
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(text, index, matrix)
    size = raw.FPDFText_GetFontSize(text, index) * math.hypot(matrix.c, matrix.d)
    high = box[3] - box[1]
    if not math.isfinite(size) or size < high / 2:
        # The matrix does not tell where a whole group of objects is scaled.
        size = high
    name, flags = ctypes.create_string_buffer(256), ctypes.c_int()
    raw.FPDFText_GetFontInfo(text, index, name, 256, flags)
    lower = name.value.lower()
    bold = any(word in lower for word in (b"bold", b"black", b"heavy", b"demi"))
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    raw.FPDFText_GetFillColor(text, index, red, green, blue, alpha)
    pale = min(red.value, green.value, blue.value) > _PALE or alpha.value < 255 - _PALE
    mode = raw.FPDFTextObj_GetTextRenderMode(owner) if owner else 0
    doubtful = mode != raw.FPDF_TEXTRENDERMODE_FILL or bool(owner and is_conditional(owner))
    return _Run(size, bold, pale, doubtful, mode in _INVISIBLE, box)


def _drawn(page: Any) -> tuple[list[Box], list[Box], list[Box], set[int]]:
    """Pictures, filled areas, rules, and the texts that lie on the page itself and not in a form."""
    top: set[int] = set()
    pictures: list[Box] = []
    fills: list[Box] = []
    rules: list[Box] = []
    for one in page.get_objects(max_depth=_MAX_DEPTH):
        if one.type == raw.FPDF_PAGEOBJ_TEXT and one.level == 0:
            top.add(ctypes.addressof(one.raw.contents))
        if one.type not in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING):
            continue
        try:
            box: Box = one.get_bounds()
        except pdfium.PdfiumError:
            continue
        if one.type == raw.FPDF_PAGEOBJ_IMAGE:
            pictures.append(box)
            continue
        if one.type == raw.FPDF_PAGEOBJ_SHADING:
            fills.append(box)
            continue
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(one, fill, stroke)
        wide, high = box[2] - box[0], box[3] - box[1]
        thick = ctypes.c_float()
        if stroke.value and raw.FPDFPageObj_GetStrokeWidth(one, thick) and thick.value > _THIN:
            half = thick.value / 2
            fills.append((box[0] - half, box[1] - half, box[2] + half, box[3] + half))
        if fill.value and wide > _THIN and high > _THIN:
            fills.append(box)
        if len(rules) < _MAX_SEGMENTS:
            rules.extend(_edges(one, box, bool(fill.value or stroke.value)))
    return pictures, fills, rules, top


def _edges(path: Any, box: Box, drawn: bool) -> Iterator[Box]:
    """The straight pieces of a path that lie flat or upright."""
    if not drawn:
        return
    if box[2] - box[0] <= _THIN or box[3] - box[1] <= _THIN:
        yield box
        return
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(path, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    start: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    for index in range(min(raw.FPDFPath_CountSegments(path), 400)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = (matrix.a * x.value + matrix.c * y.value + matrix.e, matrix.b * x.value + matrix.d * y.value + matrix.f)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == raw.FPDF_SEGMENT_LINETO and last is not None:
            yield from _straight(last, point)
        if raw.FPDFPathSegment_GetClose(segment) and start is not None:
            yield from _straight(point, start)
        last = point


def _straight(one: tuple[float, float], other: tuple[float, float]) -> Iterator[Box]:
    box = (min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1]))
    if (box[2] - box[0] <= _THIN) != (box[3] - box[1] <= _THIN):
        yield box


def _union(one: Box, other: Box) -> Box:
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))


def _middle(box: Box) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _inside(point: tuple[float, float], box: Box) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _on_page(box: Box, page: Any) -> bool:
    return _inside(_middle(box), page.get_bbox())
