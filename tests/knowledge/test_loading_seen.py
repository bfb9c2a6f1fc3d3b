"""What no reader sees goes, however the file says so; what is seen stays; what cannot be told or read is said."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from lxml import etree
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font, PatternFill
from openpyxl.styles.colors import Color
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.util import Inches, Pt

from knowledge.loading import pdf_page
from knowledge.loading.port import Loaded
from knowledge.loading.registry import load_now
from knowledge.loading.visibility import BLACK, WHITE, color, contrasts, is_beside
from tests.knowledge.files import packed, pdf, written

HIDDEN = ("hidden_text_removed",)
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WPS = "http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
_SPACES = (
    f'xmlns:w="{_W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:wps="{_WPS}" '
    f'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:r="{_OFFICE}"'
)
_WHITE = '<w:color w:val="FFFFFF"/>'


def word(body: str, styles: str = "", part: str = "word/document.xml", before: str = "") -> Loaded:
    seen = "<w:p><w:r><w:t>Seen.</w:t></w:r></w:p>"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r" Type="{_OFFICE}/officeDocument" Target="{part}"/>'
        "</Relationships>",
        part: f"<w:document {_SPACES}>{before}<w:body>{seen}{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {_SPACES}>{styles}</w:styles>",
    }
    return load_now(packed(parts), "a.docx")


def run(properties: str, text: str = "grant") -> str:
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def test_contrast_decides_and_not_a_name() -> None:
    assert color("FFFEFEFE") == color("#fefefe") == (254, 254, 254)
    assert color("auto") is None
    assert not contrasts((254, 254, 254), [WHITE])
    assert contrasts(WHITE, [WHITE, BLACK])
    assert contrasts((255, 255, 0), [WHITE])
    assert is_beside((-5, 0, -1, 9), (10, 10))
    assert not is_beside((-5, 0, 1, 9), (10, 10))


@pytest.mark.parametrize(
    "body",
    [
        run('<w:color w:val="FEFEFE"/>'),
        run('<w:color w:val="auto" w:themeColor="background1"/>'),
        run(_WHITE + '<w:highlight w:val="none"/>'),
        run(_WHITE + '<w:shd w:val="clear" w:fill="FFFFFE"/>'),
        run(_WHITE + '<w:shd w:val="nil" w:fill="000000"/>'),
        run('<w:color w:val="000000"/><w:shd w:val="clear" w:fill="000000"/>'),
        run('<w:w w:val="1"/>'),
        f'<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/></w:tblPr><w:tr><w:tc>{run(_WHITE)}</w:tc></w:tr></w:tbl>',
        f"<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc>{run('')}</w:tc></w:tr></w:tbl>",
        '<w:p><w:pPr><w:spacing w:line="1" w:lineRule="exact"/></w:pPr><w:r><w:t>grant</w:t></w:r></w:p>',
        f'<w:p><w:r><w:pict><v:shape style="visibility:hidden"><v:textbox><w:txbxContent>{run("")}</w:txbxContent></v:textbox></v:shape>'
        "</w:pict></w:r></w:p>",
        '<w:p><mc:AlternateContent><mc:Choice Requires="wps"/><mc:Fallback><w:r><w:t>grant</w:t></w:r></mc:Fallback>'
        "</mc:AlternateContent></w:p>",
    ],
)
def test_word_text_that_is_not_seen_goes(body: str) -> None:
    loaded = word(body)
    assert (loaded.markdown, loaded.warnings) == ("Seen.", HIDDEN)


def test_word_defaults_count_whatever_the_parts_are_called() -> None:
    default = '<w:style w:type="paragraph" w:default="1" w:styleId="N"><w:name w:val="N"/><w:rPr><w:vanish/></w:rPr></w:style>'
    defaults = "<w:docDefaults><w:rPrDefault><w:rPr><w:vanish/></w:rPr></w:rPrDefault></w:docDefaults>"
    for styles in (default, defaults):
        assert word(run('<w:vanish w:val="0"/>', "Shown."), styles).markdown == "Shown."
    assert word(run("<w:vanish/>"), part="word/x/main.xml").markdown == "Seen."


def test_word_keeps_white_letters_on_what_is_dark() -> None:
    styled = '<w:style w:type="table" w:styleId="T"><w:name w:val="T"/><w:tcPr><w:shd w:val="clear" w:fill="003366"/></w:tcPr></w:style>'
    body = f'<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr><w:tr><w:tc>{run(_WHITE, "Head")}</w:tc></w:tr></w:tbl>'
    loaded = word(body + run(_WHITE + '<w:shd w:val="clear" w:fill="003366"/>', "Banner"), styled)
    assert "Head" in loaded.markdown
    assert "Banner" in loaded.markdown
    assert loaded.warnings == ()


def test_word_reads_the_choice_and_says_what_it_does_not_read() -> None:
    choice = '<w:p><mc:AlternateContent><mc:Choice Requires="wps"><w:r><w:t>Chosen.</w:t></w:r></mc:Choice></mc:AlternateContent></w:p>'
    loaded = word(choice + '<w:altChunk r:id="r9"/>')
    assert (loaded.markdown, loaded.warnings) == ("Seen.\n\nChosen.", ("parts_not_read",))


def excel(change: Callable[[Any], None]) -> Loaded:
    book = Workbook()
    book.active["A1"], book.active["A3"] = "seen", "grant"
    change(book.active)
    target = BytesIO()
    book.save(target)
    return load_now(target.getvalue(), "a.xlsx")


def _style(**values: Any) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        for name, value in values.items():
            setattr(sheet["A3"], name, value)

    return change


def _narrow(sheet: Any) -> None:
    sheet.move_range("A3", cols=3)
    sheet.column_dimensions["D"].width = 0.1


@pytest.mark.parametrize(
    "change",
    [
        _style(font=Font(color="FFFEFEFE")),
        _style(font=Font(color=Color(indexed=9))),
        _style(font=Font(color="FFFFFFFF"), fill=PatternFill("solid", fgColor=Color(theme=0))),
        _style(fill=PatternFill("solid", fgColor="FF000000")),
        _style(font=Font(size=1)),
        _style(number_format=";;;"),
        lambda sheet: setattr(sheet.row_dimensions[3], "height", 0.5),
        _narrow,
        _style(value=CellRichText(TextBlock(InlineFont(color="FFFFFFFF"), "grant"))),
    ],
)
def test_cells_that_are_not_seen_go(change: Callable[[Any], None]) -> None:
    loaded = excel(change)
    assert (loaded.markdown, loaded.warnings) == ("## Sheet\n\nseen", HIDDEN)


def test_cells_that_a_rule_may_colour_stay_and_formulas_without_a_value_are_reported() -> None:
    def change(sheet: Any) -> None:
        sheet["A3"].font = Font(color="FFFFFFFF")
        sheet.conditional_formatting.add("A3", CellIsRule("equal", ["1"], fill=PatternFill("solid", bgColor="FF000000")))
        sheet["A5"] = "=1+1"

    loaded = excel(change)
    assert "grant" in loaded.markdown
    assert loaded.warnings == ("text_not_checked", "parts_not_read")


def slides(change: Callable[[Any, Any], None]) -> Loaded:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Title"
    slide.shapes.add_textbox(Inches(1), Inches(2), Inches(3), Inches(1)).text_frame.text = "Seen."
    change(slide, slide.shapes)
    target = BytesIO()
    show.save(target)
    return load_now(target.getvalue(), "a.pptx")


def _box(shapes: Any, left: int = 1) -> Any:
    box = shapes.add_textbox(Inches(left), Inches(4), Inches(3), Inches(1))
    box.text_frame.text = "grant"
    return box.text_frame.paragraphs[0].runs[0]


def _unfilled(_: Any, shapes: Any) -> None:
    etree.SubElement(_box(shapes)._r.get_or_add_rPr(), "{http://schemas.openxmlformats.org/drawingml/2006/main}noFill")


def _hidden_group(_: Any, shapes: Any) -> None:
    group = shapes.add_group_shape()
    _box(group.shapes)
    group._element.nvGrpSpPr.cNvPr.set("hidden", "1")


@pytest.mark.parametrize(
    "change",
    [
        lambda _, shapes: setattr(_box(shapes).font.color, "rgb", RGBColor(254, 254, 254)),
        lambda _, shapes: setattr(_box(shapes).font, "size", Pt(1)),
        lambda _, shapes: _box(shapes.add_group_shape().shapes, left=-9),
        _unfilled,
        _hidden_group,
    ],
)
def test_text_of_slides_that_is_not_seen_goes(change: Callable[[Any, Any], None]) -> None:
    loaded = slides(change)
    assert (loaded.markdown, loaded.warnings) == ("## Title\n\nSeen.", HIDDEN)


def test_a_hidden_title_is_none() -> None:
    loaded = slides(lambda slide, shapes: shapes.title._element.nvSpPr.cNvPr.set("hidden", "1"))
    assert (loaded.title, loaded.markdown, loaded.warnings) == ("A", "## Slide 1\n\nSeen.", HIDDEN)


def test_white_on_a_dark_shape_is_seen() -> None:
    def change(_: Any, shapes: Any) -> None:
        shape = shapes.add_shape(1, Inches(1), Inches(4), Inches(3), Inches(1))
        shape.fill.solid()
        shape.fill.fore_color.rgb = RGBColor(0, 40, 90)
        _box(shapes).font.color.rgb = RGBColor(255, 255, 255)

    loaded = slides(change)
    assert "grant" in loaded.markdown
    assert loaded.warnings == ()


def test_a_deck_of_titles_has_text() -> None:
    loaded = slides(lambda _, shapes: shapes[1]._element.getparent().remove(shapes[1]._element))
    assert (loaded.title, loaded.markdown) == ("Title", "Title")


def open_document(body: str, automatic: str = "", styles: str = "") -> Loaded:
    named = {
        "office": "office",
        "text": "text",
        "style": "style",
        "table": "table",
        "fo": "xsl-fo-compatible",
    }
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"' for name, space in named.items())
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content {spaces}><office:automatic-styles>{automatic}</office:automatic-styles><office:body>"
        f"<office:text><text:p>Seen.</text:p>{body}</office:text></office:body></office:document-content>",
        "styles.xml": f"<office:document-styles {spaces}><office:styles>{styles}</office:styles></office:document-styles>",
        "META-INF/manifest.xml": '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
    }
    return load_now(packed(parts), "a.odt")


def _named(properties: str, name: str = "X", parent: str = "") -> str:
    head = f'<style:style style:name="{name}" style:family="paragraph" style:parent-style-name="{parent}">'
    return f"{head}<style:text-properties {properties}/></style:style>"


_GRANT = '<text:p text:style-name="X">grant</text:p>'
_GONE = 'text:display="none"'


@pytest.mark.parametrize(
    ("body", "automatic", "styles"),
    [
        (_GRANT, _named('fo:color="#fefefe"'), ""),
        (_GRANT, _named('fo:color="#ffffff" fo:background-color="#ffffff"'), ""),
        (_GRANT, _named('fo:font-size="1pt"'), ""),
        (_GRANT, "", _named(_GONE)),
        (_GRANT, _named("", parent="Y"), _named(_GONE, "Y")),
        ('<text:section text:display="condition"><text:p>grant</text:p></text:section>', "", ""),
        (
            '<table:table><table:table-column/><table:table-row table:visibility="collapse"><table:table-cell><text:p>grant</text:p>'
            "</table:table-cell></table:table-row></table:table>",
            "",
            "",
        ),
    ],
)
def test_text_of_an_open_document_that_is_not_seen_goes(body: str, automatic: str, styles: str) -> None:
    loaded = open_document(body, automatic, styles)
    assert "grant" not in loaded.markdown
    assert loaded.markdown.startswith("Seen.")
    assert loaded.warnings == HIDDEN


_SEEN = written(["Seen here."], y=700)


@pytest.mark.parametrize(
    "hidden",
    [
        "q 0 0 1 1 re W n " + written(["grant"], y=300) + "Q",
        "q 1 1 1 RG 1 Tr " + written(["grant"], y=300) + "Q",
        "1 1 1 rg " + written(["grant"], y=300) + "0 0 0 RG 1 w 40 304 m 400 304 l S",
        written(["grant"], y=300) + "1 1 1 RG 40 w 40 304 m 500 304 l S",
        "BT /R 12 Tf 0.1 Tz 60 300 Td (grant the reader admin) Tj ET",
    ],
    ids=["clipped", "white outlines", "white behind a line", "under a thick line", "squeezed"],
)
def test_a_page_is_drawn_with_and_without_text_that_is_in_doubt(hidden: str) -> None:
    loaded = load_now(pdf(_SEEN + hidden), "a.pdf")
    assert (loaded.markdown, loaded.warnings) == ("Seen here.", HIDDEN)


def test_what_a_rectangle_leaves_and_white_on_dark_is_seen() -> None:
    page = "q 0 0 600 800 re W n " + written(["Within."], y=300) + "Q 0 g 40 180 400 60 re f 1 g " + written(["On dark."], y=200)
    loaded = load_now(pdf(_SEEN + page), "a.pdf")
    assert "Within." in loaded.markdown
    assert "On dark." in loaded.markdown
    assert loaded.warnings == ()


def test_a_page_that_is_cut_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_page, "_MAX_CHARS", 5)
    assert load_now(pdf(_SEEN), "a.pdf").warnings == ("pages_not_read",)


def test_letters_whose_font_does_not_name_them_are_reported() -> None:
    loaded = load_now(pdf(_SEEN, written(["\\001\\002\\003\\004 \\005\\006"])), "a.pdf")
    assert "Seen here." in loaded.markdown
    assert "pages_not_read" in loaded.warnings
