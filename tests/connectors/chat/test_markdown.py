import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.chat.markdown import divided, literal, pieces, safe_markdown, without_sources, words
from connectors.chat.text import units
from tests.connectors.slack.replies import LIVE, texts

J = "\u2060"
READ = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("Plain words, 3 * 4 = 12, snake_case.", "Plain words, 3 \\* 4 = 12, snake_case."),
        ("**bold** *it* ~~gone~~ `code`", "**bold** *it* ~~gone~~ `code`"),
        ("~~You can use it.~~", "~~You can use it.~~"),
        ("[words](https://kb.example/x)", "[words](https://kb.example/x) (kb.example)"),
        ("[bank.example](https://evil.example/)", "[bank.example](https://evil.example/) (evil.example)"),
        ("[bank.example](https://bank.example@evil.example/)", "[bank.example](https://bank.example@evil.example/) (evil.example)"),
        ("[https://kb.example](https://kb.example)", "[https://kb.example](https://kb.example)"),
        ("[words][1]\n\n[1]: https://evil.example", "[words](https://evil.example) (evil.example)"),
        ("<https://kb.example/x>", "[https://kb.example/x](https://kb.example/x)"),
        ("[x](slack://open)", "x (slack://open)"),
        ("[аpple.example](https://аpple.example)", "[аpple.example](https://xn--pple-43d.example) (xn--pple-43d.example)"),
        ("![Chart](https://evil.example/p.png?secret)", "Chart (evil.example)"),
        ("\\![x](https://kb.example)", f"!{J}[x](https://kb.example) (kb.example)"),
        ("<b>bold</b> <script>", "&lt;b>bold&lt;/b> &lt;script>"),
        ("<!channel> and @here", f"&lt;{J}!channel> and @{J}here"),
        ("&lt;!here&gt; &#64;everyone", f"&lt;{J}!here> @{J}everyone"),
        ("`<@U1>`", f"`<{J}@U1>`"),
        ("\\# no heading", "\\# no heading"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("- a\n  - b\n- c", "- a\n  - b\n- c"),
        ("> quoted", "> quoted"),
        ("one\ntwo", "one  \ntwo"),
        ("| a | b |\n|---|---|\n| 1 | x \\| y |", "| a | b |\n| --- | --- |\n| 1 | x \\| y |"),
        ("    indented", "```\nindented\n```"),
        ("````\n```\n````", "````\n```\n````"),
    ],
)
def test_markdown_is_written_anew(given_: str, shown: str) -> None:
    assert safe_markdown(given_) == shown


def test_code_keeps_its_contents() -> None:
    code = "```py\nif a < b and x[0](1):\n    print('*_~', \"![x](y)\")\n```"
    assert safe_markdown(code) == code


@settings(max_examples=300, deadline=None)
@given(texts(8))
def test_nothing_live_is_left_whatever_was_written(text: str) -> None:
    shown = safe_markdown(text)
    assert not LIVE.search(shown)
    for token in READ.parse(shown):
        assert token.type != "html_block"
        for inner in token.children or ():
            assert inner.type not in ("image", "html_inline"), shown
            if inner.type == "link_open":
                assert str(inner.attrs["href"]).startswith(("http://", "https://", "mailto:")), shown


@settings(max_examples=200, deadline=None)
@given(texts(8))
def test_a_divided_piece_never_exceeds_its_room(text: str) -> None:
    for piece in pieces(text):
        assert all(units(part) <= 300 for part in divided(piece, 300))


def test_a_citation_leads_to_its_source_but_not_in_code() -> None:
    assert safe_markdown("See [1], `[1]` and [2].", {1: "https://kb.example"}) == "See [[1]](https://kb.example), `[1]` and [2]."


def test_source_lines_are_taken_off_only_where_all_of_them_are_sources() -> None:
    assert without_sources("Yes [1].\n\n[1] A, updated\n[2] B", ["[1] A", "[2] B"]) == ("Yes [1].", ["[1] A, updated", "[2] B"])
    for text in ("[1] A", "Yes.\n\n[1] A\nmore", "Yes."):
        assert without_sources(text, ["[1] A"]) == (text, [])


def test_words_have_no_marks() -> None:
    assert words("# Hi\n\n**bold** [x](https://a.example) ![p](http://b.example/p)\n\n- a\n- b\n\n|c|d|\n|-|-|\n|1|2|\n") == (
        "Hi\nbold x (a.example) p (b.example)\n- a\n- b\nc, d\n1, 2"
    )


def test_divided_code_is_code_in_every_part() -> None:
    (piece,) = pieces("```py\n" + "\n".join(f"line {n}" for n in range(100)) + "\n```")
    parts = divided(piece, 300)
    assert len(parts) > 1
    assert all(part.startswith("```py\n") and part.endswith("\n```") for part in parts)


def test_deep_nesting_is_survived() -> None:
    assert safe_markdown(">" * 5_000 + " x")
    assert safe_markdown("[" * 5_000)


NAMES = (
    "[Sign in again](https://evil.example/login).txt", "![x](https://evil.example/p.png)", "[a][b]", "[a]: https://evil.example",
    "<https://evil.example>", "<img src=x>.exe", "**x** _y_ `z` ~~gone~~", "# Title", "1. first", "> said", "a\n\nb", "end\\", "\\*x\\*",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_as_it_stands(name: str) -> None:
    assert _letters(literal(name)) == " ".join(name.split())
    assert _letters(f"I could not take {literal(name)}: it is gone.") == f"I could not take {' '.join(name.split())}: it is gone."


@given(st.text(st.sampled_from("ab1 .\n[]()<>!*_`~\\#-&;:/|")))
def test_no_name_is_more_than_its_letters(name: str) -> None:
    said = f"I keep {literal(name)} here"
    (_, inline, _) = READ.parse(said)
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}


def _letters(markdown: str) -> str:
    (_, inline, _) = READ.parse(markdown)
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}
    return "".join(child.content for child in inline.children or []).replace(J, "")


def test_names_stay_what_they_are_where_they_mean_nothing() -> None:
    assert literal("my_report (final) [v2].pdf") == "my_report (final) [v2].pdf"
    assert literal("Sam O'Neil-Ortiz") == "Sam O'Neil-Ortiz"
