"""PowerPoint slides: each slide a heading with its text, bullets, tables, diagrams and notes.

Slides and shapes that are not shown, shapes beside the slide, and letters of no size or of the colour behind them are left
out and reported (see `pptx_seen`). Footers and slide numbers are no content.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from zipfile import BadZipFile

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded
from knowledge.loading.pptx_seen import Placed, Slide, placed
from knowledge.loading.tables import inline, paragraph, table

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_FURNITURE = (PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.HEADER)
_BULLETED = (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY, PP_PLACEHOLDER.VERTICAL_OBJECT)
_MAX_SLIDES = 1_000


def read(data: bytes, name: str) -> Loaded:
    package = packed(text_parts(data, "ppt/"))
    try:
        show = Presentation(package)
        slides = list(show.slides)
    except (PythonPptxError, KeyError, AttributeError, BadZipFile, etree.XMLSyntaxError) as error:
        raise LoadRefused("damaged") from error
    if len(slides) > _MAX_SLIDES:
        raise LoadRefused("too_many_pages", pages=str(len(slides)), limit=str(_MAX_SLIDES))
    size = (show.slide_width or 0, show.slide_height or 0)
    parts: list[str] = []
    headings: list[str] = []
    hid = unchecked = False
    for number, slide in enumerate(slides, start=1):
        if slide._element.get("show") in ("0", "false"):
            hid = True
            continue
        shapes = placed(slide.shapes, size)
        looks = Slide(slide, shapes)
        heading, content = "", []
        for one in shapes:
            if _is(one.shape, _FURNITURE):
                continue
            if not one.seen:
                hid = hid or bool(_texts(one, slide, None))
                continue
            if _is_title(one.shape, slide):
                heading = inline(" ".join(text for _, text in _lines(one, looks)))
            else:
                content.extend(_texts(one, slide, looks))
        content.extend(_notes(slide))
        hid, unchecked = hid or looks.hid, unchecked or looks.unchecked
        headings.extend([heading] if heading else [])
        if heading or content:
            parts.append("\n\n".join((f"## {heading or f'Slide {number}'}", *content)))
    if all("\n" not in part for part in parts):
        # Headings of nothing are the text.
        parts = [paragraph(heading) for heading in headings]
    said = (("hidden_text_removed", hid), ("text_not_checked", unchecked))
    return Loaded(headings[0] if headings else title_from_name(name), "\n\n".join(parts), tuple(code for code, one in said if one))


def _is(shape: Any, kinds: Sequence[Any]) -> bool:
    return bool(shape.is_placeholder) and shape.placeholder_format.type in kinds


def _is_title(shape: Any, slide: Any) -> bool:
    return slide.shapes.title is not None and shape.shape_id == slide.shapes.title.shape_id


def _lines(one: Placed, looks: Slide | None) -> list[tuple[int, str]]:
    """Its paragraphs with their level, without what is not seen; with it, if nobody looks."""
    paragraphs = one.shape.text_frame.paragraphs
    texts = [(paragraph.level, inline(paragraph.text if looks is None else looks.text(paragraph, one))) for paragraph in paragraphs]
    return [(level, text) for level, text in texts if text]


def _texts(one: Placed, slide: Any, looks: Slide | None) -> list[str]:
    """A shape's blocks of Markdown."""
    shape = one.shape
    if getattr(shape, "has_table", False):
        return [text for text in (table([[_cell(cell, one, looks) for cell in row.cells] for row in shape.table.rows]),) if text]
    if getattr(shape, "has_text_frame", False):
        lines = _lines(one, looks)
        if _is(shape, _BULLETED) and len(lines) > 1:
            return ["\n".join(f"{'  ' * level}- {text}" for level, text in lines)]
        return [paragraph(text) for _, text in lines]
    points = [inline(text) for text in _diagram(shape, slide)]
    return ["\n".join(f"- {text}" for text in points if text)] if any(points) else []


def _cell(cell: Any, one: Placed, looks: Slide | None) -> str:
    if looks is None:
        return str(cell.text)
    return "\n".join(looks.text(line, one, cell._tc) for line in cell.text_frame.paragraphs)


def _diagram(shape: Any, slide: Any) -> Iterator[str]:
    """The points of a SmartArt diagram, which lie in a part of their own."""
    relations = next(shape._element.iter(_DIAGRAM + "relIds"), None)
    if relations is None:
        return
    try:
        points = etree.fromstring(slide.part.related_part(relations.get(_RELATION + "dm")).blob, etree.XMLParser(resolve_entities=False))
    except (KeyError, etree.XMLSyntaxError):
        return
    for point in points.iter(_DIAGRAM + "pt"):
        yield "".join(text.text or "" for text in point.iter(_A + "t"))


def _notes(slide: Any) -> list[str]:
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    lines = [inline(one.text) for one in frame.paragraphs if one.text.strip()] if frame is not None else []
    return [f"Notes: {' '.join(lines)}"] if lines else []
