"""PowerPoint slides: each slide a heading with its text, bullets, tables, diagrams and notes.

Slides and shapes that are not shown, and shapes beside the slide, are left out and reported. Footers and slide numbers
are no content.
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
from knowledge.loading.tables import inline, paragraph, table

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_FURNITURE = (PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.HEADER)
_BULLETED = (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY, PP_PLACEHOLDER.VERTICAL_OBJECT)
_MAX_SLIDES = 1_000
_MAX_DEPTH = 20


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
    hid = False
    title = ""
    for number, slide in enumerate(slides, start=1):
        if slide._element.get("show") in ("0", "false"):
            hid = True
            continue
        shapes = list(_shapes(slide.shapes))
        seen = [shape for shape in shapes if _is_seen(shape, size)]
        hid = hid or any(_texts(shape, slide) for shape in shapes if shape not in seen)
        heading = inline(slide.shapes.title.text_frame.text) if slide.shapes.title is not None else ""
        title = title or heading
        content = [text for shape in seen if not _is(shape, _FURNITURE) and not _is_title(shape, slide) for text in _texts(shape, slide)]
        content.extend(_notes(slide))
        if heading or content:
            parts.append("\n\n".join((f"## {heading or f'Slide {number}'}", *content)))
    return Loaded(title or title_from_name(name), "\n\n".join(parts), ("hidden_text_removed",) if hid else ())


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < _MAX_DEPTH:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _is(shape: Any, kinds: Sequence[Any]) -> bool:
    return bool(shape.is_placeholder) and shape.placeholder_format.type in kinds


def _is_title(shape: Any, slide: Any) -> bool:
    return slide.shapes.title is not None and shape.shape_id == slide.shapes.title.shape_id


def _is_seen(shape: Any, size: tuple[int, int]) -> bool:
    properties = next((one for one in shape._element.iter() if one.tag.endswith("}cNvPr")), None)
    if properties is not None and properties.get("hidden") in ("1", "true"):
        return False
    # The places of grouped shapes are those of their group.
    if shape._element.getparent().tag.endswith("}grpSp") or None in (shape.left, shape.top, shape.width, shape.height) or not all(size):
        return True
    across = shape.left < size[0] and shape.left + shape.width > 0
    return bool(across and shape.top < size[1] and shape.top + shape.height > 0)


def _texts(shape: Any, slide: Any) -> list[str]:
    """A shape's blocks of Markdown."""
    if getattr(shape, "has_table", False):
        return [text for text in (table([[cell.text for cell in row.cells] for row in shape.table.rows]),) if text]
    if getattr(shape, "has_text_frame", False):
        lines = [(one.level, inline(one.text)) for one in shape.text_frame.paragraphs if one.text.strip()]
        if _is(shape, _BULLETED) and len(lines) > 1:
            return ["\n".join(f"{'  ' * level}- {text}" for level, text in lines)]
        return [paragraph(text) for _, text in lines]
    points = [inline(text) for text in _diagram(shape, slide)]
    return ["\n".join(f"- {text}" for text in points if text)] if any(points) else []


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
