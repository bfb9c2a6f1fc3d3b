"""Word documents: by way of HTML, whose loader keeps headings, lists and tables and drops what would act.

What a reader does not see (hidden and white text, letters of a point or two) is taken out before, since HTML would show
it. Styles become headings by their outline level too, because companies name their own; a document without any has the
lines that are bold as a whole.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from html import unescape
from typing import Any

import mammoth
from lxml import etree

from knowledge.errors import LoadRefused
from knowledge.loading.decoding import title_from_name
from knowledge.loading.html import HtmlLoader
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded
from knowledge.loading.tables import inline

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXTS = re.compile(r"word/(?:document\d*|footnotes|endnotes)\.xml\Z", re.IGNORECASE)
_OFF = ("0", "false", "off")
_TINY_HALF_POINTS = 5
_DEEPEST = 6
_MAX_LAYERS = 20
_CHECKBOX = re.compile(r'<input( checked="checked")? type="checkbox" ?/>')
_BACK_LINK = re.compile(r'<a href="#(?:foot|end)note-ref-\d+">↑</a>')
_BOLD_LINE = re.compile(r"<p><strong>([^<>]{2,80}[^<>.,;:!?])</strong></p>")
_HEADING = re.compile(r"<h[1-6]\b")
_ONE_CELL = re.compile(r"<table>(?:<t(?:head|body)>)?<tr><t([hd])>((?:(?!<t[dhr]>).)*)</t\1></tr>(?:</t(?:head|body)>)?</table>", re.DOTALL)
_EMPTY_HEADING = re.compile(r"<h([1-6])[^>]*>(?:<a id=[^>]*></a>|<br ?/>|\s)*</h\1>")
_TITLE = re.compile(r'<h1 class="title">(.*?)</h1>', re.DOTALL)
_FIRST = re.compile(r"<h1\b[^>]*>(.*?)</h1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_STRONG_HEADING = re.compile(r"^(#{1,6} .*)$", re.MULTILINE)
_EMPTY_ROW = re.compile(r"(?<=\|)\n\|(?:[ \t]*\|)+(?=\n|\Z)")


def read(data: bytes, name: str) -> Loaded:
    parts, hid, headings = _as_seen(text_parts(data, "word/"))
    html = mammoth.convert_to_html(packed(parts), style_map="\n".join(headings), convert_image=_no_image, external_file_access=False).value
    html = _CHECKBOX.sub(lambda found: "☑ " if found.group(1) else "☐ ", _BACK_LINK.sub("", html))
    html = _EMPTY_HEADING.sub("", _ONE_CELL.sub(r"\2", html))
    if not _HEADING.search(html):
        html = _BOLD_LINE.sub(r"<h2>\1</h2>", html)
    page = HtmlLoader().load(html.encode(), name)
    markdown = _STRONG_HEADING.sub(lambda found: found.group(1).replace("**", ""), page.markdown)
    warnings = (*page.warnings, "hidden_text_removed") if hid else page.warnings
    return Loaded(_title(html) or title_from_name(name), _EMPTY_ROW.sub("", markdown), warnings)


def _title(html: str) -> str:
    """What is styled as the title; else the one heading of the first level, or the one that everything begins with."""
    first = _FIRST.search(html)
    if first is not None and (first.start() > 0 and html.count("<h1") > 1):
        first = None
    found = _TITLE.search(html) or first
    return inline(unescape(_TAG.sub("", found.group(1)))) if found else ""


def _no_image(_: Any) -> list[Any]:
    return []


def _as_seen(parts: Mapping[str, bytes]) -> tuple[dict[str, bytes], bool, list[str]]:
    """The parts without hidden runs, whether there were any, and which styles are headings, in mammoth's words."""
    seen, hid = dict(parts), False
    sheet = _parsed(parts["word/styles.xml"]) if "word/styles.xml" in parts else None
    styles = {} if sheet is None else {str(style.get(_W + "styleId")): style for style in sheet.iter(_W + "style")}
    used: set[str] = set()
    for part in filter(_TEXTS.match, parts):
        tree = _parsed(parts[part])
        used.update(str(one.get(_W + "val")) for one in tree.iter(_W + "pStyle"))
        for run in [run for run in tree.iter(_W + "r") if _is_unseen(run, styles)]:
            hid = hid or bool("".join(text.text or "" for text in run.iter(_W + "t")).strip())
            run.getparent().remove(run)
        seen[part] = etree.tostring(tree)
    headings = list(_headings(styles, used))
    if sheet is not None:
        _slim(sheet)
        seen["word/styles.xml"] = etree.tostring(sheet)
    return seen, hid, headings


def _slim(sheet: Any) -> None:
    """Leaves the names and numbering of styles, all that is still needed: the rest takes most of the time to parse."""
    for one in list(sheet):
        if one.tag != _W + "style":
            sheet.remove(one)
            continue
        for own in list(one):
            if own.tag not in (_W + "name", _W + "basedOn", _W + "pPr"):
                one.remove(own)


def _parsed(xml: bytes) -> Any:
    try:
        return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        raise LoadRefused("damaged") from error


def _headings(styles: Mapping[str, Any], used: Collection[str]) -> Iterator[str]:
    """Titles and paragraphs with an outline level, of their own or of the style they are based on."""
    known = {id_: style for id_, style in styles.items() if style.get(_W + "type") == "paragraph"}
    for id_ in known.keys() & set(used):
        style = known[id_]
        named = style.find(_W + "name")
        label = "" if named is None else str(named.get(_W + "val"))
        if label.lower() == "title":
            yield f"p.{_escaped(id_)} => h1.title:fresh"
            continue
        base, level = style, None
        for _ in range(len(known)):
            level = base.find(f"{_W}pPr/{_W}outlineLvl")
            based = base.find(_W + "basedOn")
            if level is not None or based is None or based.get(_W + "val") not in known:
                break
            base = known[based.get(_W + "val")]
        value = "" if level is None else str(level.get(_W + "val"))
        if value.isdecimal() and int(value) < _DEEPEST:
            yield f"p.{_escaped(id_)} => h{int(value) + 1}:fresh"


def _escaped(id_: str) -> str:
    return re.sub(r"(^[0-9]|[^A-Za-z0-9_-])", r"\\\1", id_)


def _is_unseen(run: Any, styles: Mapping[str, Any]) -> bool:
    """By the run's own properties, or else those of its style or its paragraph's."""
    paragraph = next(run.iterancestors(_W + "p"), None)
    layers = [run.find(_W + "rPr")]
    for reference in (None if layers[0] is None else layers[0].find(_W + "rStyle"), _find(paragraph, f"{_W}pPr/{_W}pStyle")):
        while reference is not None and (style := styles.get(str(reference.get(_W + "val")))) is not None and len(layers) < _MAX_LAYERS:
            layers.append(style.find(_W + "rPr"))
            reference = style.find(_W + "basedOn")

    def value(tag: str, default: str) -> str:
        found = next((one for layer in layers if (one := _find(layer, _W + tag)) is not None), None)
        return "" if found is None else str(found.get(_W + "val", default)).lower()

    if value("vanish", "1") not in ("", *_OFF):
        return True
    size = value("sz", "")
    if size.isdecimal() and int(size) < _TINY_HALF_POINTS:
        return True
    return value("color", "") == "ffffff" and not _is_backed(run)


def _is_backed(run: Any) -> bool:
    """Whether white would be seen here: on a shade, a highlight, in a shape or in a table that has a style."""
    for one in (run, *run.iterancestors()):
        if one.tag in (_W + "txbxContent", _W + "tbl") and (one.tag != _W + "tbl" or one.find(f"{_W}tblPr/{_W}tblStyle") is not None):
            return True
        if one.tag == _W + "document" and one.find(_W + "background") is not None:
            return True
        properties = one.find(one.tag + "Pr")
        shade = _find(properties, _W + "shd")
        if shade is not None and str(shade.get(_W + "fill", "auto")).lower() not in ("auto", "ffffff"):
            return True
        if _find(properties, _W + "highlight") is not None:
            return True
    return False


def _find(element: Any, path: str) -> Any:
    return None if element is None else element.find(path)
