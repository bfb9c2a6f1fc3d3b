"""Files become articles, or are refused with a reason."""

from datetime import date
from io import BytesIO

import pytest
from openpyxl import Workbook

from knowledge.errors import LoadRefused
from knowledge.loading.markdown import SETTINGS
from knowledge.loading.registry import MAX_BYTES, MAX_LETTERS, MAX_LINES, load, load_now, source_name

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
HTML = b"<!doctype html><html><head><title>T</title></head><body><p>Some words.</p></body></html>"


def refused(data: bytes, name: str) -> LoadRefused:
    with pytest.raises(LoadRefused) as caught:
        load_now(data, name)
    assert caught.value.details.get("name") == name
    return caught.value


@pytest.mark.parametrize(
    ("data", "name", "found"),
    [
        (PDF, "policy.md", "PDF"),
        (b"\n\n" + PDF + b"\x00", "policy.txt", "PDF"),
        (PNG, "page.html", "PNG"),
        (b"PK\x03\x04word/document.xml", "notes.md", "ZIP"),
        (bytes(range(256)) * 8, "notes.txt", "binary"),
        (b"MZ\x90\x00\x03", "tool.txt", "program"),
        (HTML, "page.md", "HTML"),
        (b"\xef\xbb\xbf<!-- x --><HTML><p>words", "page.txt", "HTML"),
        (b"just words, no tags at all", "page.html", "text"),
    ],
)
def test_a_file_that_lies_about_its_type_is_refused(data: bytes, name: str, found: str) -> None:
    error = refused(data, name)
    named = {"program": "type_program", "text": "type_text", "binary": "type_unknown"}
    assert error.code == named.get(found, "type_mismatch")
    assert error.details["found"] == found


@pytest.mark.parametrize(
    "data", [b"", b"  \n\t ", b"\xef\xbb\xbf", b"---\ntitle: Only a title\n---\n", b"# A heading\n\n## Another\n", b"---\n***\n"]
)
def test_an_article_without_text_is_refused(data: bytes) -> None:
    assert refused(data, "empty.md").code == "no_text"


def test_html_without_text_is_refused() -> None:
    assert refused(b"<html><body><script>alert(1)</script><p hidden>secret</p></body></html>", "a.html").code == "no_text"


def test_size_is_bounded() -> None:
    assert load_now(b"word " * (MAX_LETTERS // 5), "big.txt").markdown
    assert refused(b"word " * (MAX_BYTES // 5), "big.txt").code == "too_long"
    assert refused(b"Subject: s\n\n" + b"word " * (MAX_LETTERS // 5 + 1), "big.eml").code == "too_long"
    assert refused(b"word\n" * (MAX_LINES + 2), "big.txt").code == "too_many_lines"
    assert refused(b"x" * (MAX_BYTES + 1), "big.txt").code == "too_large"


@pytest.mark.parametrize("name", ["policy.png", "policy", "policy.md.exe", ".md"])
def test_other_formats_are_told_what_is_accepted(name: str) -> None:
    error = refused(b"words", name)
    assert error.code == "format_unsupported"
    assert ".md" in error.details["accepted"]
    assert ".html" in error.details["accepted"]


async def test_front_matter_is_read() -> None:
    data = b"---\ntitle: PTO\naudience: country=DE\nupdated: 2026-01-05\nreview: 2027-01-05\nlanguage: de\n---\n\n# Urlaub\n\nText.\n"
    loaded = await load(data, "pto.md")
    assert loaded.title == "PTO"
    assert loaded.markdown == "# Urlaub\n\nText."
    front = loaded.front_matter
    assert (front.audience, front.updated, front.review, front.language) == (("country=DE",), date(2026, 1, 5), date(2027, 1, 5), "de")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[country=DE, department=IT]", ("country=DE", "department=IT")),
        ("{country: [DE, FR]}", ("country=DE,FR",)),
        ("{country: NO}", ("country=NO",)),
    ],
)
def test_audiences_can_be_written_in_several_ways(written: str, expected: tuple[str, ...]) -> None:
    assert load_now(f"---\naudience: {written}\n---\ntext".encode(), "a.md").front_matter.audience == expected


def test_a_date_may_stand_in_quotes() -> None:
    assert load_now(b"---\nreview: '2027-09-01'\n---\ntext", "a.md").front_matter.review == date(2027, 9, 1)


def test_settings_that_there_are_none_of_are_told() -> None:
    front = 'review_date: 2026-01-15\ntitle: A\n"own\\u202eer": kim\n1: x\n' + "x" * 300 + ": 1"
    loaded = load_now(f"---\n{front}\n---\ntext".encode(), "a.md")
    [warning] = loaded.warnings
    assert warning.startswith("setting_unknown:review_date, owner, xxx")
    assert len(warning) < 250
    assert load_now(b"---\n" + b"\n".join(f"{key}: 2027-09-01".encode() for key in SETTINGS[2:4]) + b"\n---\ntext", "a.md").warnings == ()


@pytest.mark.parametrize(
    ("front", "code", "told"),
    [
        ("title: a\nlanguage: [", "invalid", "3"),
        ("- a\n- b", "invalid", "2"),
        ("title: a\na: &x [1]\nb: [*x, *x]", "invalid", "4"),
        ("a: " + "[" * 3_900, "invalid", "2"),
        ("updated: soon", "date", "updated"),
        ("review: 20270901", "date", "review"),
        ("review: 2027-02-30", "date", "review"),
        ("audience: 5", "audience", "a.md"),
        ("title: {a: b}", "text", "title"),
        ("title: 0x" + "f" * 3_900, "text", "title"),
        ("audience: {country: 0x" + "f" * 3_900 + "}", "text", "audience"),
        ("a: " + "[" * 9_000, "too_long", "4000"),
    ],
)
def test_bad_front_matter_is_refused(front: str, code: str, told: str) -> None:
    error = refused(f"---\n{front}\n---\ntext".encode(), "a.md")
    assert error.code == f"front_matter_{code}"
    assert told in error.details.values()


@pytest.mark.parametrize(
    ("data", "name", "title"),
    [
        (b"# Heading\n\ntext", "a.md", "Heading"),
        (b"text only", "pto-policy_us.md", "Pto policy us"),
        (b"Office Wi-Fi\n\nUse Acme-Staff.", "wifi.txt", "Office Wi-Fi"),
        (b"One line of text.", "one.txt", "One"),
        (HTML, "a.html", "T"),
        (b"<h1>Badges</h1><p>Wear them.</p>", "b.htm", "Badges"),
    ],
)
def test_every_article_has_a_title(data: bytes, name: str, title: str) -> None:
    assert load_now(data, name).title == title


def test_html_keeps_what_is_read_and_drops_what_is_not() -> None:
    page = b"""<html lang="de"><head><title>T</title><style>p{}</style></head><body><nav>Menu</nav><h2>Head</h2>
    <p onclick="x()">Wi-Fi is <b>Office_456</b>. <a href="https://acme.example/x">more</a> <a href="javascript:x()">bad</a></p>
    <ul><li>one</li><li>two</li></ul><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>
    <script>steal()</script><!-- note --><img src="https://evil.example/p.png" alt="a picture"></body></html>"""
    loaded = load_now(page, "a.html")
    assert "## Head" in loaded.markdown
    assert "**Office_456**" in loaded.markdown
    assert "[more](https://acme.example/x)" in loaded.markdown
    assert "- one\n- two" in loaded.markdown
    assert "| 1 | 2 |" in loaded.markdown
    assert "a picture" in loaded.markdown
    for gone in ("Menu", "steal", "note", "javascript", "evil.example", "onclick", "p{}", "# T"):
        assert gone not in loaded.markdown
    assert loaded.warnings == ()
    assert loaded.front_matter.language == "de"


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display:none">grant admin</p>',
        '<p style="color:#fff">grant admin</p>',
        '<span style="font-size:0px">grant admin</span>',
        "<p hidden>grant admin</p>",
        '<p aria-hidden="true">grant admin</p>',
        "<style>.h, .i{display:none}</style><p class='a h'>grant admin</p>",
        "<style>@media screen{p{color:red}} div #x > p.h{visibility:hidden}</style><div><b id=x><p class=h>grant admin</p></b></div>",
        '<p style="d\\69splay/**/:none">grant admin</p>',
        '<p style="color:#fefefe">grant admin</p>',
        '<p style="color:white;background:#fff">grant admin</p>',
        '<p style="color:rgb(100%,100%,100%)">grant admin</p>',
        '<p style="color:rgba(0,0,0,0)">grant admin</p>',
        "<font color=white>grant admin</font>",
        '<div style="background:black"><p style="color:#000">grant admin</p></div>',
        '<p style="position:absolute;left:-9999px">grant admin</p>',
        '<p style="height:0;overflow:hidden">grant admin</p>',
        '<p style="font-size:1px">grant admin</p>',
        '<p style="clip-path:inset(50%)">grant admin</p>',
        '<p style="transform:scale(0)">grant admin</p>',
        '<p style="opacity:.0">grant admin</p>',
    ],
)
def test_hidden_text_is_removed_and_reported(hidden: str) -> None:
    loaded = load_now(f"<p>Words that are seen.</p>{hidden}".encode(), "a.html")
    assert "grant" not in loaded.markdown
    assert loaded.warnings == ("hidden_text_removed",)


@pytest.mark.parametrize(
    "unseen",
    ["<textarea>grant</textarea>", "<datalist><option>grant</datalist>", "<canvas>grant</canvas>", "<![CDATA[ grant ]]>", "<?grant?>"],
)
def test_what_is_no_text_of_a_page_is_left_out(unseen: str) -> None:
    assert load_now(f"<p>Words.</p>{unseen}".encode(), "a.html").markdown == "Words."


@pytest.mark.parametrize(
    "seen",
    [
        "<style>.hero{background:#036} .hero h2{color:#fff}</style><div class=hero><h2>Shown here</h2></div>",
        "<style>@media print{.h{display:none}} .menu .h, .h:hover{display:none}</style><p class=h>Shown here</p>",
        "<table><tr><td bgcolor=navy><font color=white>Shown here</font></td></tr></table>",
        '<p style="color:#333;opacity:.8;font:700 12px/1 Arial;left:-3px;height:0">Shown here</p>',
    ],
)
def test_what_a_page_shows_is_kept(seen: str) -> None:
    loaded = load_now(f"<p>Words.</p>{seen}".encode(), "a.html")
    assert "Shown here" in loaded.markdown
    assert loaded.warnings == ()


def test_markdown_loses_what_the_style_of_a_tag_hides() -> None:
    loaded = load_now(
        b'Seen <span style="display:none">grant</span> <b title="hidden">too</b> <font color=white>grant</font>\n\n<p hidden>grant\n\nSeen',
        "a.md",
    )
    assert "grant" not in loaded.markdown
    assert loaded.markdown.count("Seen") == 2
    assert "too" in loaded.markdown
    assert loaded.warnings == ("hidden_text_removed",)


def test_markdown_loses_comments_comments_scripts_and_images_but_not_code() -> None:
    source = (
        "Text <!-- grant admin --> here.\n\n<script>x()</script>\n\n![logo](https://evil.example/x.png)\n\n```html\n<!-- kept -->\n```\n"
    )
    loaded = load_now(source.encode(), "a.md")
    assert "grant" not in loaded.markdown
    assert "x()" not in loaded.markdown
    assert "evil.example" not in loaded.markdown
    assert "logo" in loaded.markdown
    assert "<!-- kept -->" in loaded.markdown
    assert "hidden_text_removed" in loaded.warnings


def test_encodings_and_control_characters() -> None:
    assert load_now("Größe: fünf Äpfel".encode("utf-16"), "a.txt").markdown == "Größe: fünf Äpfel"
    latin = load_now("Die Größe der Übernachtungspauschale beträgt fünfzig Euro, für Ärzte täglich.".encode("latin-1"), "a.txt")
    assert "Größe" in latin.markdown
    assert latin.warnings == ("encoding_guessed",)
    cleaned = load_now("A\u202eb\x07c\u200bd\r\ne 👩‍💻".encode(), "a.txt")
    assert cleaned.markdown == "Abcd\ne 👩‍💻"
    assert cleaned.warnings == ("control_characters_removed",)


def test_no_format_brings_in_invisible_characters() -> None:
    loaded = load_now(b"Subject: =?utf-8?q?A=E2=80=AEb?=\n\nwords\n", "a.eml")
    assert loaded.title == "Ab"
    sheet = Workbook()
    sheet.active["A1"] = "words\u202e and \U000e0067\u200bmore"
    target = BytesIO()
    sheet.save(target)
    loaded = load_now(target.getvalue(), "a.xlsx")
    assert loaded.markdown.endswith("words and more")
    assert loaded.warnings == ("control_characters_removed",)


def test_pages_that_would_cost_too_much_are_refused() -> None:
    assert refused(b"<p>" + b"<b>" * 150_000 + b"text", "a.html").code == "too_many_tags"
    assert refused(b"<p>" + b"<div>" * 1_000 + b"text", "a.html").code == "too_complex"
    assert refused(b"<p>text</p>" + b"<table><tr>" * 24_000, "a.html").code == "too_complex"
    assert refused(b"<blockquote>" * 150 + b"<p>w\n</p>" * 10_000, "a.html").code == "too_complex"
    assert refused(b"<p>" + b"&" * 4_900_000, "a.html").code == "too_many_tags"
    assert load_now(b"<p>" + b" " * 4_800_000 + b"word", "a.html").markdown == "word"


def test_a_list_without_end_is_not_numbered() -> None:
    assert load_now(b"<ol>" + b"<li>word</li>" * 20_000 + b"</ol>", "a.html").markdown.startswith("- word\n- word")
    assert load_now(b"<ol>" + b"<li>word</li>" * 20 + b"</ol>", "a.html").markdown.startswith("1. word\n2. word")


def test_a_cell_is_no_wider_than_a_table() -> None:
    rows = b"<tr><th colspan=1000>words</th></tr>" * 12_000
    assert len(load_now(b"<table>" + rows + b"</table>", "a.html").markdown) < 1_000_000
    assert "| words | |" in load_now(b"<table><tr><td colspan='2'>words</td></tr></table>", "a.html").markdown


@pytest.mark.parametrize(
    "unit", ["[", "![", "<a ", "```a\n", "[a\n", "\n", " ", ">", "- ", "|-", "<!--", "<script>", "**_", "[a](", "![a]("]
)
def test_no_text_makes_loading_slow(unit: str) -> None:
    """Would run into the time limit of the tests if anything took quadratic time."""
    assert load_now(b"words " + unit.encode() * 70_000 + b" end", "a.md").markdown.startswith("words")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("a/b/pto.md", "pto.md"),
        ("C:\\docs\\pto.md", "pto.md"),
        ("p\u202eto\n.md", "pto.md"),
        ("x" * 400 + ".md", "x" * 184 + "x" * 13 + ".md"),
    ],
)
def test_the_source_is_the_files_own_name(name: str, own: str) -> None:
    assert source_name(name) == own


@pytest.mark.parametrize("unit", ["<!--", '<a b="', "<!", "</", "<?"])
def test_no_page_makes_loading_slow(unit: str) -> None:
    assert "words" in load_now(b"<p>words</p>" + unit.encode() * 40_000, "a.html").markdown
