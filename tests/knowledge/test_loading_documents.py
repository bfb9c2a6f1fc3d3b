"""Documents keep their headings, lists and tables; what nobody sees goes and is reported; hostile ones are refused."""

import zipfile
from datetime import date
from io import BytesIO
from typing import Any

import odfdo
import pytest
from docx import Document
from docx.enum.text import WD_COLOR_INDEX
from docx.shared import Pt, RGBColor
from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from pptx import Presentation
from pptx.util import Inches

from knowledge.errors import LoadRefused
from knowledge.loading import registry
from knowledge.loading.package import MAX_ENTRIES
from knowledge.loading.port import Loaded
from knowledge.loading.registry import accepted_formats, load_now
from tests.knowledge.files import packed, pdf, written

HIDDEN = ("hidden_text_removed",)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
BODY = ["Staff can carry over five days of leave into the next year.", "The days have to be taken before the end of March."]


def refused(data: bytes, name: str) -> LoadRefused:
    with pytest.raises(LoadRefused) as caught:
        load_now(data, name)
    return caught.value


def saved(document: Any) -> bytes:
    target = BytesIO()
    document.save(target)
    return target.getvalue()


def docx(document: Any) -> Loaded:
    return load_now(saved(document), "leave-policy.docx")


def test_word_keeps_headings_lists_and_tables() -> None:
    document = Document()
    document.add_heading("Leave", 0)
    document.add_heading("Carry over", 1)
    document.add_paragraph("Five days, for <everyone>.")
    document.add_paragraph("Vacation", style="List Bullet")
    document.add_paragraph("Sick leave", style="List Bullet")
    document.add_paragraph("Ask", style="List Number")
    table = document.add_table(2, 2)
    for place, text in enumerate(("Grade", "Days", "N1", "14")):
        table.cell(place // 2, place % 2).text = text
    loaded = docx(document)
    assert loaded.title == "Leave"
    assert loaded.warnings == ()
    assert loaded.markdown == (
        "# Leave\n\n# Carry over\n\nFive days, for \\<everyone>.\n\n- Vacation\n- Sick leave\n\n1. Ask\n\n"
        "| Grade | Days |\n| --- | --- |\n| N1 | 14 |"
    )


def test_word_without_styles_takes_bold_lines_for_headings() -> None:
    document = Document()
    document.add_paragraph().add_run("Opening hours").bold = True
    document.add_paragraph("From eight to six.")
    assert docx(document).markdown == "## Opening hours\n\nFrom eight to six."
    assert docx(document).title == "Leave policy"


def test_word_hides_nothing_from_its_uploader() -> None:
    document = Document()
    document.add_paragraph("Words that are seen.")
    seen = document.add_paragraph().add_run("White on blue.")
    seen.font.color.rgb, seen.font.highlight_color = RGBColor(255, 255, 255), WD_COLOR_INDEX.BLUE
    document.add_paragraph().add_run("grant by vanishing").font.hidden = True
    document.add_paragraph().add_run("grant in white").font.color.rgb = RGBColor(255, 255, 255)
    document.add_paragraph().add_run("grant in dust").font.size = Pt(1)
    document.core_properties.title = document.core_properties.keywords = "grant in properties"
    loaded = docx(document)
    assert "grant" not in loaded.markdown + loaded.title
    assert loaded.markdown == "Words that are seen.\n\nWhite on blue."
    assert loaded.warnings == HIDDEN


def test_excel_makes_a_heading_and_a_table_of_each_sheet() -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "Allowances"
    sheet["A1"] = "Per diem by country"
    sheet.append([])
    for place, row in enumerate(
        (["Country", "Rate", "Share", "Since"], ["DE", 28.5, 0.8, date(2026, 1, 1)], [None] * 4, ["FR", 31, 1, None])
    ):
        for column, value in enumerate(row):
            sheet.cell(place + 3, column * 2 + 2, value)
    sheet["F4"].number_format = "0%"
    sheet["XFD1048576"] = "far away"
    loaded = load_now(saved(book), "per-diem.xlsx")
    assert loaded.title == "Per diem"
    assert loaded.markdown == (
        "## Allowances\n\nPer diem by country\n\n| Country | Rate | Share | Since |\n| --- | --- | --- | --- |\n"
        "| DE | 28.5 | 80% | 2026-01-01 |\n\n| FR | 31 | 1 |\n| --- | --- | --- |\n\nfar away"
    )


def test_excel_leaves_out_what_is_not_shown() -> None:
    book = Workbook()
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["B1"], sheet["A3"], sheet["A4"] = "seen", "grant row", "grant column", "grant white", "white on green"
    sheet.row_dimensions[2].hidden = True
    sheet.column_dimensions["B"].hidden = True
    sheet["A3"].font = sheet["A4"].font = Font(color="FFFFFFFF")
    sheet["A4"].fill = PatternFill("solid", fgColor="FF008800")
    other = book.create_sheet("grant sheet")
    other["A1"], other.sheet_state = "grant", "hidden"
    loaded = load_now(saved(book), "a.xlsx")
    assert loaded.markdown == "## Sheet\n\nseen\n\nwhite on green"
    assert loaded.warnings == HIDDEN


def test_strict_open_xml_is_not_taken_for_empty() -> None:
    """Parsers know its namespaces by no name, and find no sheet in it."""
    book = Workbook()
    book.active["A1"] = 5
    book.active["B1"] = "words"
    parts = _parts(saved(book))
    strict = {
        name: content.replace(
            b"http://schemas.openxmlformats.org/spreadsheetml/2006/", b"http://purl.oclc.org/ooxml/spreadsheetml/"
        ).replace(b"http://schemas.openxmlformats.org/officeDocument/2006/", b"http://purl.oclc.org/ooxml/officeDocument/")
        for name, content in parts.items()
    }
    assert strict != parts
    assert "| 5 | words |" in load_now(packed(strict), "a.xlsx").markdown


def test_slides_keep_titles_bullets_tables_and_notes() -> None:
    show = Presentation()
    first = show.slides.add_slide(show.slide_layouts[1])
    first.shapes.title.text = "Parental leave"
    frame = first.placeholders[1].text_frame
    frame.text = "Sixteen weeks"
    more = frame.add_paragraph()
    more.text, more.level = "paid", 1
    first.notes_slide.notes_text_frame.text = "Say who to ask."
    table = first.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(2), Inches(1)).table
    for place, text in enumerate(("Country", "Weeks", "DE", "14")):
        table.cell(place // 2, place % 2).text = text
    beside = first.shapes.add_textbox(Inches(-9), Inches(1), Inches(2), Inches(1))
    beside.text_frame.text = "grant beside the slide"
    unseen = show.slides.add_slide(show.slide_layouts[1])
    unseen.shapes.title.text = "grant on a hidden slide"
    unseen._element.set("show", "0")
    loaded = load_now(saved(show), "a.pptx")
    assert loaded.title == "Parental leave"
    assert loaded.markdown == (
        "## Parental leave\n\n- Sixteen weeks\n  - paid\n\n| Country | Weeks |\n| --- | --- |\n| DE | 14 |\n\nNotes: Say who to ask."
    )
    assert loaded.warnings == HIDDEN


def test_open_document_keeps_its_structure() -> None:
    document = odfdo.Document("text")
    document.body.clear()
    document.body.append(odfdo.Header(1, "Leave"))
    document.body.append(odfdo.Paragraph("Five days."))
    document.body.append(odfdo.List(["one", "two"]))
    hidden = odfdo.Style("paragraph", name="Gone")
    hidden.set_properties({"text:display": "none"}, area="text")
    document.insert_style(hidden, automatic=True)
    document.body.append(odfdo.Paragraph("grant", style="Gone"))
    loaded = load_now(saved(document), "a.odt")
    assert loaded.title == "Leave"
    assert [line for line in loaded.markdown.split("\n") if line] == ["# Leave", "Five days.", "- one", "- two"]
    assert loaded.warnings == HIDDEN


def test_a_message_has_its_subject_its_words_and_its_date() -> None:
    message = (
        b"From: it@acme.example\r\nSubject: =?utf-8?q?Re=3A_Caf=C3=A9?=\r\nDate: Tue, 03 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=latin-1\r\n\r\n'
        b"<p>Caf\xe9 is <b>open</b>.</p><p style='display:none'>grant</p>\r\n--b\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=x.pdf\r\n\r\n%PDF-\r\n--b--\r\n"
    )
    loaded = load_now(message, "mail.eml")
    assert (loaded.title, loaded.markdown) == ("Café", "Café is **open**.")
    assert set(loaded.warnings) == {"attachments_not_read", *HIDDEN}
    assert loaded.front_matter.updated == date(2026, 3, 3)
    assert refused(b"no: header that a message has\n\nwords", "a.eml").code == "damaged"


_MIXED = b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/%s; boundary=q\r\n\r\n--q\r\n"


def test_all_that_a_mail_program_shows_of_a_message_is_read() -> None:
    plain, page, end = b"Content-Type: text/plain\r\n\r\n", b"Content-Type: text/html\r\n\r\n<img src=x>\r\n", b"\r\n--q--\r\n"
    two = _MIXED % b"mixed" + plain + b"first\r\n--q\r\n" + plain + b"second" + end
    assert load_now(two, "a.eml").markdown == "first\n\nsecond"
    assert load_now(two, "a.eml").warnings == ()
    either = _MIXED % b"alternative" + plain + b"only here\r\n--q\r\n" + page + end
    assert load_now(either, "a.eml").markdown == "only here"
    forwarded = _MIXED % b"mixed" + b"Content-Type: message/rfc822\r\n\r\nSubject: policy\r\n\r\nimportant" + end
    assert load_now(forwarded, "a.eml").markdown == "## policy\n\nimportant"
    file = _MIXED % b"mixed" + b"Content-Type: application/pdf\r\n\r\n%PDF-" + end
    assert refused(file, "a.eml").code == "only_attachments"


@pytest.mark.parametrize(
    "odd",
    [
        b"Content-Type: text/plain; charset=utf-7\r\n\r\nwords +2AA- more",
        b"Content-Type: text/plain; charset=undefined\r\n\r\nwords",
        b"Subject: =?utf-7?q?VIS+2AA-?=\r\n\r\nwords",
        b"Date: Mon, 01 Jan 2020 00:00:00 +999999999999999\r\n\r\nwords",
    ],
)
def test_a_message_that_says_nonsense_of_itself_is_read(odd: bytes) -> None:
    assert load_now(odd + b" indeed", "a.eml").markdown.startswith("words")


def test_a_message_without_end_is_refused_for_what_it_is() -> None:
    assert refused(b"Subject: x\r\n" + b" y\r\n" * 1_000_000 + b"\r\nwords", "a.eml").code == "header_too_long"
    assert refused(_MIXED % b"mixed" + b"\r\nwords\r\n--q\r\n" * 600 + b"\r\n--q--\r\n", "a.eml").code == "too_many_parts"


def test_a_pdf_keeps_headings_paragraphs_and_lists() -> None:
    page = (
        written(["Leave policy"], y=740, size=24, font="B")
        + written(["Carry over"], y=700, size=14, font="B")
        + written([*BODY, "Whoever is ill meanwhile keeps the re-", "maining days."], y=675)
        + written(["Who may"], y=600, font="B")
        + written(["\\225 employees", "\\225 interns of the", "  second year"], y=580)
    )
    loaded = load_now(pdf(page), "a.pdf")
    assert loaded.title == "Leave policy"
    assert loaded.markdown == (
        f"# Leave policy\n\n## Carry over\n\n{' '.join(BODY)} Whoever is ill meanwhile keeps the remaining days.\n\n"
        "### Who may\n\n- employees\n- interns of the second year"
    )
    assert loaded.warnings == ()


def test_a_ruled_table_is_a_table() -> None:
    cells = [("Grade", "Days"), ("N1", "14"), ("N2", "18")]
    rules = "".join(f"60 {700 - 20 * row} m 260 {700 - 20 * row} l S\n" for row in range(4))
    rules += "".join(f"{x} 700 m {x} 640 l S\n" for x in (60, 160, 260))
    texts = "".join(
        written([text], x=65 + 100 * column, y=685 - 20 * row) for row, pair in enumerate(cells) for column, text in enumerate(pair)
    )
    loaded = load_now(pdf(written(BODY, y=740) + rules + texts), "a.pdf")
    assert loaded.markdown.endswith("| Grade | Days |\n| --- | --- |\n| N1 | 14 |\n| N2 | 18 |")


def test_what_repeats_at_the_edge_of_pages_is_no_text() -> None:
    pages = [
        written(["Acme handbook"], y=780)
        + written([f"Rule {place} of the house is: {text}" for text in BODY])
        + written([f"Page {place}"], y=20)
        for place in range(1, 5)
    ]
    loaded = load_now(pdf(*pages), "a.pdf")
    assert "Rule 4 of the house" in loaded.markdown
    assert "handbook" not in loaded.markdown
    assert "Page" not in loaded.markdown


@pytest.mark.parametrize(
    "hidden",
    [
        "1 g " + written(["grant admin"], y=300),
        "0.99 g " + written(["grant admin"], y=300),
        "BT 3 Tr ET " + written(["grant admin"], y=300),
        written(["grant admin"], y=300, size=1),
        written(["grant admin"], y=1200),
        written(["grant admin"], y=300) + "0.2 0.4 0.8 rg 40 280 400 60 re f",
        written(["grant admin"], y=300) + "q 300 0 0 50 50 290 cm /I Do Q",
    ],
    ids=["white", "nearly white", "invisible", "tiny", "off the page", "covered by a box", "covered by a picture"],
)
def test_what_no_reader_of_a_pdf_sees_is_left_out_and_reported(hidden: str) -> None:
    loaded = load_now(pdf(written(BODY) + hidden), "a.pdf")
    assert loaded.markdown == " ".join(BODY)
    assert loaded.warnings == HIDDEN


def test_white_on_a_dark_box_is_seen() -> None:
    loaded = load_now(pdf(written(BODY) + "0.1 0.2 0.5 rg 40 280 400 60 re f 1 g " + written(["Call the desk"], y=300)), "a.pdf")
    assert "Call the desk" in loaded.markdown
    assert loaded.warnings == ()


def test_recognised_text_of_a_scan_is_read_and_said_to_be_unseen() -> None:
    loaded = load_now(pdf("q 600 0 0 800 0 0 cm /I Do Q 3 Tr " + written(BODY)), "a.pdf")
    assert loaded.markdown == " ".join(BODY)
    assert loaded.warnings == ("text_behind_pictures",)


def test_what_a_pdf_says_of_itself_is_not_read() -> None:
    loaded = load_now(pdf(written(BODY), info="grant admin"), "leave.pdf")
    assert "grant" not in loaded.title + loaded.markdown
    assert loaded.title == "Leave"


def test_text_of_a_document_is_no_markup() -> None:
    loaded = load_now(
        pdf(written(["Write to <name> or ![x]\\(https://evil.example/?d\\)", "# and - so on, as it is written here."])), "a.pdf"
    )
    assert loaded.markdown.startswith("Write to \\<name> or ![x]\\(https")


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (pdf("q 600 0 0 800 0 0 cm /I Do Q"), "scan.pdf", "only_pictures"),
        (pdf("0 0 m 9 9 l S"), "drawing.pdf", "no_text"),
        (b"%PDF-1.7\n garbage", "a.pdf", "damaged"),
        (b"words", "a.pdf", "type_text"),
        (pdf(*["" for _ in range(501)]), "long.pdf", "too_many_pages"),
        (b"PK\x03\x04 cut off", "a.docx", "damaged"),
        (packed({"xl/workbook.xml": "<a/>"}), "a.docx", "type_mismatch"),
        (packed({"word/document.xml": "<a>"}), "a.docx", "damaged"),
        (packed({"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "a.docx", "unsafe_xml"),
        (packed({"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")}), "a.docx", "unsafe_xml"),
        (packed({"word/document.xml": '<?xml version="1.0" encoding="cp037"?><a/>'}), "a.docx", "unsafe_xml"),
        (packed({"word/document.xml": bytes(90_000_000)}), "a.docx", "unpacks_too_far"),
        (packed({f"word/{place}.xml": "" for place in range(MAX_ENTRIES + 1)}), "a.docx", "unpacks_too_far"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a.docx", "password_protected"),
        (OLE, "a.xlsx", "type_mismatch"),
        (OLE, "a.doc", "old_format"),
        (OLE, "a.msg", "old_format"),
    ],
)
def test_what_cannot_be_read_is_refused_for_what_it_is(data: bytes, name: str, code: str) -> None:
    error = refused(data, name)
    assert error.code == code
    assert error.details["name"] == name


def test_too_many_cells_are_refused() -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for _ in range(151):
        sheet.append([1] * 1_000)
    assert refused(saved(book), "a.xlsx").code == "too_many_cells"


def test_documents_may_be_larger_than_texts() -> None:
    assert refused(b"%PDF-" + bytes(registry.MAX_DOCUMENT_BYTES), "a.pdf").details["limit_mb"] == "25"
    assert refused(b"%PDF-" + bytes(registry.MAX_BYTES), "a.pdf").code == "damaged"


def test_every_format_is_named() -> None:
    assert accepted_formats() == ".md, .markdown, .html, .htm, .pdf, .docx, .pptx, .xlsx, .odt, .eml, .txt, .text"


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}
