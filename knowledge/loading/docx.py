"""Word documents: by way of HTML, whose loader keeps headings, lists and tables and drops what would act.

What a reader does not see (see `docx_seen`) is taken out before, since HTML would show it; of alternatives stays the one
that Word shows. Styles become headings by their outline level too, because companies name their own; a document without any has the
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
from knowledge.loading.docx_seen import MC, Looks, shown_alternative
from knowledge.loading.docx_seen import W as _W
from knowledge.loading.html import HtmlLoader
from knowledge.loading.package import packed, text_parts
from knowledge.loading.port import Loaded
from knowledge.loading.tables import inline

_TEXT_TAGS = (_W + "document", _W + "footnotes", _W + "endnotes")
_STYLES = _W + "styles"
_MAIN = b"wordprocessingml/2006/main"
_THEME = re.compile(r"theme/theme\d*\.xml\Z", re.IGNORECASE)
_DEEPEST = 6
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
    parts, found, headings = _as_seen(text_parts(data, "word/"))
    html = mammoth.convert_to_html(packed(parts), style_map="\n".join(headings), convert_image=_no_image, external_file_access=False).value
    html = _CHECKBOX.sub(lambda found: "☑ " if found.group(1) else "☐ ", _BACK_LINK.sub("", html))
    html = _EMPTY_HEADING.sub("", _ONE_CELL.sub(r"\2", html))
    if not _HEADING.search(html):
        html = _BOLD_LINE.sub(r"<h2>\1</h2>", html)
    page = HtmlLoader().load(html.encode(), name)
    markdown = _STRONG_HEADING.sub(lambda found: found.group(1).replace("**", ""), page.markdown)
    return Loaded(_title(html) or title_from_name(name), _EMPTY_ROW.sub("", markdown), (*page.warnings, *found))


def _title(html: str) -> str:
    """What is styled as the title; else the one heading of the first level, or the one that everything begins with."""
    first = _FIRST.search(html)
    if first is not None and (first.start() > 0 and html.count("<h1") > 1):
        first = None
    found = _TITLE.search(html) or first
    return inline(unescape(_TAG.sub("", found.group(1)))) if found else ""


def _no_image(_: Any) -> list[Any]:
    return []


def _as_seen(parts: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str], list[str]]:
    """The parts without what is not seen, what is to be said of it, and which styles are headings, in mammoth's words.

    Parts are known by what they hold: a package may name them as it likes.
    """
    seen = dict(parts)
    trees = {name: _parsed(xml) for name, xml in parts.items() if _is_read(name, xml)}
    sheets = {name: tree for name, tree in trees.items() if tree.tag == _STYLES}
    sheet = sheets.get("word/styles.xml", next(iter(sheets.values()), None))
    looks = Looks(sheet, next((xml for name, xml in parts.items() if _THEME.search(name)), b""))
    hid, missed = False, False
    used: set[str] = set()
    for part, tree in trees.items():
        if tree.tag not in _TEXT_TAGS:
            continue
        hid = _with_alternatives(tree) or hid
        missed = missed or next(tree.iter(_W + "altChunk"), None) is not None
        used.update(str(one.get(_W + "val")) for one in tree.iter(_W + "pStyle"))
        # From the inside: a run may hold a shape with runs of its own.
        for run in [run for run in reversed(list(tree.iter(_W + "r"))) if _own(run).strip() and looks.is_unseen(run)]:
            hid = True
            for text in [text for text in run if text.tag == _W + "t"]:
                run.remove(text)
        _lift_boxes(tree)
        seen[part] = etree.tostring(tree)
    headings = list(_headings(looks.styles, used))
    for part, tree in sheets.items():
        _slim(tree)
        seen[part] = etree.tostring(tree)
    warnings = [code for code, said in (("hidden_text_removed", hid), ("parts_not_read", missed)) if said]
    return seen, warnings, headings


def _is_read(name: str, xml: bytes) -> bool:
    return name.lower() == "word/document.xml" or (name.lower().endswith(".xml") and _MAIN in xml[:20_000])


def _own(run: Any) -> str:
    return "".join(text.text or "" for text in run if text.tag == _W + "t")


def _with_alternatives(tree: Any) -> bool:
    """Puts what Word shows in the place of alternatives; whether other words went."""
    hid = False
    for one in list(tree.iter(MC + "AlternateContent")):
        shown = shown_alternative(one)
        words = _words(shown) if shown is not None else set()
        hid = hid or any(not words >= _words(branch) for branch in one)
        parent = one.getparent()
        if parent is None:
            continue
        for own in [] if shown is None else list(shown):
            one.addprevious(own)
        parent.remove(one)
    return hid


def _lift_boxes(tree: Any) -> None:
    """Text that is drawn goes where mammoth reads it: it knows shapes of the older kind alone."""
    for drawing in list(tree.iter(_W + "drawing")):
        for box in list(drawing.iter(_W + "txbxContent")):
            if next(box.iterancestors(_W + "txbxContent", _W + "drawing")) is drawing:
                picture = etree.Element(_W + "pict")
                drawing.addnext(picture)
                picture.append(box)


def _words(element: Any) -> set[str]:
    return {word for text in element.iter(_W + "t") for word in (text.text or "").split()}


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
