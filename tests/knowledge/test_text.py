"""Words, stems and sentences."""

import pytest

from knowledge.places import countries_in
from knowledge.scoring import coverage
from knowledge.text import content_terms, encodable, plain, sentences, stem, terms


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**Bold** and _slanted_, `code`, [link](https://x.example)", "Bold and slanted, code, link"),
        ("| A | B |\n| --- | --- |\n| 1 | 2 |", "A B 1 2"),
        ("- one\n- two\n1. three\n> quoted", "one two three quoted"),
        ("Office456\\_WiFi and snake_case stay", "Office456_WiFi and snake_case stay"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ('One<br/>two <a href="https://x.example">three</a> <B>four</B>', "One two three four"),
        ("Press <Ctrl> and <Del>, type <your-name>", "Press <Ctrl> and <Del>, type <your-name>"),
        ("a<b or 5 <x and y> 3, a <b and c> d", "a<b or 5 <x and y> 3, a <b and c> d"),
        ("Ask <desk@acme.example> or see <https://x.example/a>.", "Ask desk@acme.example or see https://x.example/a."),
    ],
)
def test_marks_are_taken_off(markdown: str, expected: str) -> None:
    assert plain(markdown) == expected


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert encodable("caf\ud83d is open 😀") == "caf\ufffd is open 😀"


@pytest.mark.parametrize(
    ("one", "other"), [("policies", "policy"), ("carried", "carry"), ("expires", "expire"), ("booking", "booked"), ("days", "day")]
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize("word", ["bus", "pass", "vpn", "812", "this", "wifi"])
def test_short_words_keep_their_form(word: str) -> None:
    assert stem(word) == word


def test_content_terms_leave_out_what_every_question_has() -> None:
    assert content_terms("How many days of PTO do I carry over?") == ["day", "pto", "carry"]
    assert set(content_terms("sign-on error 812")) <= terms("Error 812 at single sign-on")


def test_other_words_for_the_same_are_alike() -> None:
    assert set(content_terms("401k")) <= terms("Retirement: 401(k)")
    assert coverage(content_terms("vacation for a laptop"), "PTO and notebooks") == 1
    assert coverage(content_terms("vacation in the canteen"), "PTO") == 0.5
    assert coverage(content_terms("carry over limit"), "What is carried over") == 1, "a limit is the kind of answer, not its topic"
    assert coverage(content_terms("limit"), "What is carried over") == 0


def test_sentences_end_where_they_end() -> None:
    text = "Ask Dr. Okafor, e.g. by mail. It costs 2.50 dollars! Opens at 8 a.m. daily. Done?"
    assert sentences(text) == ["Ask Dr. Okafor, e.g. by mail.", "It costs 2.50 dollars!", "Opens at 8 a.m. daily.", "Done?"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("and in Germany?", {"de"}),
        ("the United Kingdom or France", {"gb", "fr"}),
        ("our US employees", {"us"}),
        ("tell us about it", set()),
        ("German holidays", {"de"}),
        ("chad asked about the jersey", set()),
    ],
)
def test_countries_are_recognised(text: str, codes: set[str]) -> None:
    assert countries_in(text) == codes


def test_links_that_do_not_end_cost_no_time_and_addresses_may_have_brackets() -> None:
    """Would run into the time limit of the tests if every link were read to the end of the text."""
    assert plain("[a](" * 200_000).startswith("[a](")
    assert plain("See [x](https://acme.example/X_(Y)) now.") == "See x now."
