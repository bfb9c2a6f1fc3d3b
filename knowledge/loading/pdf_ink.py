"""What is left of text when a page of a PDF is drawn: with it and without, where its letters are, something must differ."""

import ctypes
from collections.abc import Collection, Iterator
from typing import Any

import pypdfium2.raw as raw

from knowledge.loading.visibility import CONTRAST

_SCALE, _MAX_PIXELS = 1.5, 2_000
_MAX_ANNOTATIONS = 2_000
_OPTIONAL = "OC"
_CORNERS = 5
"""Points of a closed rectangle; what else cuts may leave anything."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points from the lower left corner."""


class Canvas:
    """A page, drawn."""

    def __init__(self, page: Any, without: Collection[int] = ()) -> None:
        """`without`: the addresses of texts that are not to be drawn."""
        width, height = page.get_size()
        self._page = page
        texts = [ctypes.cast(ctypes.c_void_p(key), raw.FPDF_PAGEOBJECT) for key in without if key]
        for text in texts:
            raw.FPDFPageObj_SetIsActive(text, False)
        drawn = page.render(scale=min(_SCALE, _MAX_PIXELS / max(width, height, 1)), force_bitmap_format=raw.FPDFBitmap_BGR)
        for text in texts:
            raw.FPDFPageObj_SetIsActive(text, True)
        self._wide, self._high, self._stride = drawn.width, drawn.height, drawn.stride
        self._pixels = bytes(drawn.buffer)

    def differs(self, other: "Canvas", box: Box) -> bool:
        """Whether anything there looks otherwise in another drawing of the page."""
        for one, two in zip(self._rows(box), other._rows(box), strict=True):
            if one != two and any(abs(a - b) >= CONTRAST for a, b in zip(one, two, strict=True)):
                return True
        return False

    def shows(self, box: Box) -> bool:
        """Whether anything differs there from anything else."""
        lowest, highest = [255] * 3, [0] * 3
        for line in self._rows(box):
            for channel in range(3):
                values = line[channel::3]
                if values:
                    lowest[channel] = min(lowest[channel], min(values))
                    highest[channel] = max(highest[channel], max(values))
            if any(high - low >= CONTRAST for low, high in zip(lowest, highest, strict=True)):
                return True
        return False

    def _rows(self, box: Box) -> Iterator[bytes]:
        (x0, y0), (x1, y1) = self._pixel(box[0], box[3]), self._pixel(box[2], box[1])
        left, right = max(min(x0, x1) - 1, 0), min(max(x0, x1) + 1, self._wide)
        top, bottom = max(min(y0, y1) - 1, 0), min(max(y0, y1) + 1, self._high)
        for row in range(top, bottom):
            yield self._pixels[row * self._stride + left * 3 : row * self._stride + right * 3]

    def _pixel(self, x: float, y: float) -> tuple[int, int]:
        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(self._page, 0, 0, self._wide, self._high, 0, x, y, across, down)
        return across.value, down.value


def annotated(page: Any) -> Iterator[Box]:
    """Where annotations may cover what is under them; links do not."""
    rect = raw.FS_RECTF()
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        if raw.FPDFAnnot_GetSubtype(annotation) != raw.FPDF_ANNOT_LINK and raw.FPDFAnnot_GetRect(annotation, rect):
            yield (rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top))
        raw.FPDFPage_CloseAnnot(annotation)


def is_conditional(text: Any) -> bool:
    """Whether it belongs to a layer that may be off, or is drawn with transparency or a mask."""
    if raw.FPDFPageObj_HasTransparency(text):
        return True
    name, length = (ctypes.c_ushort * 16)(), ctypes.c_ulong()
    for index in range(raw.FPDFPageObj_CountMarks(text)):
        mark = raw.FPDFPageObj_GetMark(text, index)
        if raw.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length) and bytes(name).startswith(
            _OPTIONAL.encode("utf-16-le") + b"\0\0"
        ):
            return True
    return False


def is_clipped(key: int, middle: tuple[float, float]) -> bool:
    """Whether what cuts the text of that address may cut it off there: it is no rectangle, or that point is not in it."""
    if not key:
        return False
    path = raw.FPDFPageObj_GetClipPath(ctypes.cast(ctypes.c_void_p(key), raw.FPDF_PAGEOBJECT))
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(max(raw.FPDFClipPath_CountPaths(path), 0) if path else 0):
        points = raw.FPDFClipPath_CountPathSegments(path, number)
        if points > _CORNERS:
            return True
        across, up = [], []
        for index in range(points):
            raw.FPDFPathSegment_GetPoint(raw.FPDFClipPath_GetPathSegment(path, number, index), x, y)
            across.append(x.value)
            up.append(y.value)
        if points > 0 and not (min(across) <= middle[0] <= max(across) and min(up) <= middle[1] <= max(up)):
            return True
    return False
