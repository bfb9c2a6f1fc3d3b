"""What is kept of a question says nothing of who asked, or about whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.masking import LONGEST, masked


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Call me at +1 (415) 555-0132, please", "Call me at [number], please"),
        ("mail dana.w@acme.example about FOY-12", "mail [address] about [case]"),
        ("INC0012345 and REQ-4711 are still open", "[case] and [case] are still open"),
        ("the code 483920 does not work", "the code [number] does not work"),
        ("my laptop C02XK1ZLJGH5 is slow", "my laptop [code] is slow"),
        ("pay it to DE89 3704 0044 0532 0130 00", "pay it to [number]"),
        ("what is https://intra.acme.example/x?token=abc for", "what is [link] for"),
        ("can @omar or <@U0123ABC> see it?", "can [name] or [name] see it?"),
        ("two\n lines", "two lines"),
        ("Tel.0301234567 or call,4915112345678", "Tel.[number] or call,[number]"),
        ("my badge 48213, ext. 4711", "my badge [number], ext. [number]"),
        ("I was born on 21.11.1990", "I was born on [date]"),
        (r"open \\server\users\dana.whitfield please", "open [link] please"),
    ],
)
def test_what_identifies_is_masked(said: str, kept: str) -> None:
    assert masked(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "W-2 for 2026?",
        "is 1,000,000 or 23500 the 401k limit",
        "from 21.11.2026 or 2026-11-21 until 10:30-11:30",
        "Office2021, ISO 27001, COVID-19 and Windows 11 in room 4.123",
        "the years 2025-2026 and 2025/26",
    ],
)
def test_amounts_dates_and_products_stay(said: str) -> None:
    assert masked(said) == said


def test_names_that_are_known_go_and_words_that_are_spelt_alike_stay() -> None:
    names = ("Will Li", "Dana")
    assert masked("Why was Dana's or will li's salary cut, ask Li. It will be May", names) == (
        "Why was [name]'s or [name]'s salary cut, ask [name]. It will be May"
    )


def test_long_texts_are_cut_before_they_are_looked_at() -> None:
    assert masked("word " * 239 + "dana.whitfield@acme.example") == masked("word " * 239)


@given(st.text(max_size=1000))
def test_it_is_one_short_line_and_masking_again_changes_nothing_of_addresses(text: str) -> None:
    kept = masked(f"{text} dana@acme.example")
    assert len(kept) <= LONGEST
    assert "dana@acme.example" not in kept
    assert "\n" not in kept
