from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intent.amounts import currency_of, find_amounts


@pytest.mark.parametrize(
    ("said", "amounts"),
    [
        ("it was $1,200", ["1200 USD"]),
        ("45,90 EUR for the taxi", ["45.90 EUR"]),
        ("about 3k euros", ["3000 EUR"]),
        ("1.200,50 € please", ["1200.50 EUR"]),
        ("R$ 300", ["300 BRL"]),
        ("250 bucks", ["250 USD"]),
        ("EUR 12.5", ["12.5 EUR"]),
        ("12 usd and 13 gbp", ["12 USD", "13 GBP"]),
        ("1'250.00 CHF", ["1250 CHF"]),
        ("for $50.", ["50 USD"]),
        ("FOY-12, a 27 inch screen, 5% and 30 days", []),
        ("99 for me, 12 all in all", []),
        ("$0", []),
        ("€0.500", ["0.500 EUR"]),
        ("0,5 EUR", ["0.5 EUR"]),
        ("1.000.000,50 EUR", ["1000000.50 EUR"]),
        ("1 200 EUR", ["1200 EUR"]),
        ("1\n200 EUR", ["200 EUR"]),
        ("EUR\n200", []),
        ("12.345k EUR", []),
        ("1 200k EUR", ["1200000 EUR"]),
        ("EUR 1'200 k", ["1200000 EUR"]),
        ("1.5k EUR", ["1500 EUR"]),
        ("please TRY 500 EUR", ["500 EUR"]),
        ("$1,5000", []),
        ("200 DEM", []),
    ],
)
def test_money_is_found_however_it_is_written(said: str, amounts: list[str]) -> None:
    assert [str(one) for one in find_amounts(said, "EUR")] == amounts


@pytest.mark.parametrize(
    "said", ["I NEED ALL 3 MONITORS", "PLEASE TRY 2 TIMES", "buy 2 PEN", "TOP 5 laptops", "I'm MAD 2 days now", "2 SOS calls"]
)
@pytest.mark.parametrize("own", ["EUR", "ALL"])
def test_a_word_is_no_currency(said: str, own: str) -> None:
    assert find_amounts(said, own) == []


def test_a_code_that_is_a_word_is_one_to_those_who_pay_with_it() -> None:
    assert [str(one) for one in find_amounts("200 TRY for the taxi", "TRY")] == ["200 TRY"]
    assert [str(one) for one in find_amounts("TRY 500 for the taxi", "TRY")] == ["500 TRY"]
    assert [str(one) for one in find_amounts("it was TRY 500.", "TRY")] == ["500 TRY"]
    assert find_amounts("please TRY 2 times", "TRY") == []


def test_a_dollar_is_their_own_where_they_have_dollars() -> None:
    assert [str(one) for one in find_amounts("20 dollars", "CAD")] == ["20 CAD"]
    assert [str(one) for one in find_amounts("$20", "GBP")] == ["20 USD"]


def test_who_is_asked_how_much_says_a_number() -> None:
    assert find_amounts("250", "EUR") == []
    assert [str(one) for one in find_amounts("250 for the whole day", "EUR", bare=True)] == ["250 EUR"]


@pytest.mark.parametrize(
    ("said", "amounts"),
    [
        ("500 TRY", ["500 TRY"]),
        ("300 MAD", ["300 MAD"]),
        ("500 sek", ["500 SEK"]),
        ("gbp 500", ["500 GBP"]),
        ("TRY 500", []),
        ("COP 500000", []),
        ("500 HRK", []),
        ("DEM 500", []),
        ("500 HRK for 2 nights", []),
        ("2 nights at 500 USD", ["500 USD"]),
        ("500 try", []),
        ("500₺", []),
        ("1 200k", ["1200000 EUR"]),
        ("500 for the two of us", ["500 EUR"]),
        ("250 all in all", ["250 EUR"]),
        ("for 250 max", ["250 EUR"]),
    ],
)
def test_a_number_beside_another_currency_does_not_become_their_own(said: str, amounts: list[str]) -> None:
    assert [str(one) for one in find_amounts(said, "EUR", bare=True)] == amounts


def test_who_is_asked_how_much_may_say_their_own_code_first() -> None:
    assert [str(one) for one in find_amounts("TRY 500", "TRY", bare=True)] == ["500 TRY"]


def test_a_country_has_its_currency() -> None:
    assert [currency_of(country) for country in ("DE", "us", "IN", "", "XX")] == ["EUR", "USD", "INR", "USD", "USD"]


def test_people_read_it_as_they_write_it() -> None:
    (amount,) = find_amounts("1200.50 EUR", "USD")
    assert amount.label("de-DE").replace("\xa0", " ") == "1.200,50 €"


@given(st.text(alphabet="0123456789.,'’ $€kEURusd-", max_size=40))
def test_nothing_that_is_written_breaks_it(said: str) -> None:
    for amount in find_amounts(said, "USD", bare=True):
        assert 0 < amount.value < Decimal(10) ** 9
        assert said[amount.first : amount.last].strip()
