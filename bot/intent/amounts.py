"""Amounts of money in people's words: "$1,200", "45,90 EUR", "about 3k euros". Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from unicodedata import category

from babel.core import get_global
from babel.numbers import format_currency, get_territory_currencies, list_currencies

from bot.intent.acts import load

_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY", "R$": "BRL", "US$": "USD", "A$": "AUD", "C$": "CAD"}
_MOST = Decimal(10) ** 9
_DAY = date(2026, 1, 1)
"""On which they are: who reads what does not change by itself."""


@dataclass(frozen=True, slots=True)
class Amount:
    """`value` in units of the currency, an ISO 4217 code. `first`, `last`: where it stands in the text."""

    value: Decimal
    currency: str
    first: int
    last: int

    def label(self, locale: str) -> str:
        return format_currency(self.value, self.currency, locale=locale.replace("-", "_"))

    def __str__(self) -> str:
        return f"{self.value} {self.currency}"


def currency_of(country: str) -> str:
    """The currency that is paid with in a country (ISO 3166); USD for one that is not known."""
    known = get_territory_currencies(country.upper()) if len(country) == 2 else []
    return known[0] if known else "USD"


def find_amounts(text: str, own: str, *, bare: bool = False) -> list[Amount]:
    """The amounts in a text, in order. `own`: the currency of the person's country, which a "$" or "kr" alone is in where that fits.

    `bare`: where no currency is said, a number is an amount in `own`; somebody who is asked how much says "250". Beside a currency
    that cannot be read for certain it is none: it would become an amount of another currency.
    """
    found: list[Amount] = []
    assumed: list[Amount] = []
    strange = False
    for match in _AMOUNT.finditer(text):
        said = _said(match, own, bare=bare)
        strange = strange or (said is None and _is_strange(match, own))
        value = _number(match["number"]) * (1000 if match["thousand"] else 1)
        if 0 < value < _MOST:
            value = value.quantize(Decimal(1)) if value % 1 == 0 else value
            (found if said else assumed).append(Amount(value, said or own, match.start(), match.end()))
    return found or (assumed if bare and not strange else [])


def _said(match: re.Match[str], own: str, *, bare: bool) -> str | None:
    """The currency that is written with a number. A code that is a word as well must stand where only a code would."""
    before, after = match["before"], match["after"]
    first = before == own and (bare or not _COUNTED.match(match.string, match.end("amount")))
    for said, is_code in ((before, first), (after, bare or after == own)):
        if said and (is_code or said not in _ALSO_WORDS) and (currency := _currency(said, own)):
            return currency
    codes = [code for code in _beside(match) if code in CURRENCIES and code not in _ALSO_WORDS] if bare else []
    return codes[0] if codes else None


def _is_strange(match: re.Match[str], own: str) -> bool:
    """Whether a currency stands beside a number with which none was read: "500 HRK", "TRY 500", "500 try" and no more, "500₺"."""
    text, first, last = match.string, match.start(), match.end()
    if any(code in _EVER and code != own for code in (match["before"], match["after"])):
        return True
    if any(category(sign) == "Sc" for sign in text[max(first - 2, 0) : first] + text[last : last + 2]):
        return True
    return any(code in _ALSO_WORDS and code != own for code in _beside(match)) and not text[last + 4 :].strip(" .!?")


def _beside(match: re.Match[str]) -> list[str]:
    """The words of three letters before and after a number, as codes: "500 sek" is what people type."""
    text, first, last = match.string, match.start(), match.end()
    words = (_LAST.search(text[max(first - 5, 0) : first]), _FIRST.match(text[last : last + 5]))
    return [word["code"].upper() for word in words if word]


def _currency(said: str, own: str) -> str | None:
    if said.lower() in _DOLLAR:
        return own if own in _DOLLARS else "USD"
    return _SIGNS.get(said) or _NAMES.get(said.lower()) or (said.upper() if said.upper() in CURRENCIES else None)


def _number(digits: str) -> Decimal:
    """A sign before exactly three last digits groups thousands ("1.200", "1,200"), but not after nothing ("0.500"); any other
    one begins the cents."""
    compact = re.sub(rf"[{_SPACES}'’]", "", digits)
    parts = re.split(r"[.,]", compact)
    signs = re.findall(r"[.,]", compact)
    if len(parts) > 1 and (parts[0] == "0" or len(parts[-1]) != 3 or (len(signs) > 1 and signs[-1] != signs[0])):
        return Decimal("".join(parts[:-1]) + "." + parts[-1])
    return Decimal("".join(parts))


_NAMES: Mapping[str, str] = load("words.yaml", "en")["currencies"]
CURRENCIES = frozenset(code for country in get_global("territory_currencies") for code in get_territory_currencies(country, _DAY))
"""Those that are paid with somewhere, not those that once were."""
_ALSO_WORDS = frozenset({"ALL", "BAM", "COP", "CUP", "GEL", "MAD", "MOP", "PEN", "SOS", "TOP", "TRY"})
"""Codes that are English words, too: only of one who pays with it, or who is asked how much and says it after the number."""
_EVER = frozenset(list_currencies())
"""Those that once were as well, and what is no money to pay with, such as gold."""
_SPACES = " \u00a0\u202f"
"""Within an amount: no line break."""
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD"})
_DOLLAR = frozenset({"$", "dollar", "dollars", "bucks"})
_WORDS = "|".join(sorted((*_NAMES, *_DOLLAR - {"$"}, "eur", "usd", "gbp", "chf", "inr", "brl", "jpy", "cad", "aud"), key=len, reverse=True))
_SIGN = r"US\$|A\$|C\$|R\$|[$€£₹¥]"
# With "k", a point or a comma does not tell thousands from a fraction ("12.345k"); a space or an apostrophe does.
_AMOUNT = re.compile(
    rf"(?:(?P<before>{_SIGN}|\b[A-Z]{{3}}(?=[{_SPACES}]?\d))[{_SPACES}]?|(?<![\w.,$€£₹¥#-]))"
    rf"(?P<amount>(?P<number>[1-9]\d{{0,2}}(?P<sign>[.,])\d{{3}}(?:(?P=sign)\d{{3}})*(?:[.,]\d{{1,2}})?(?!\d|[{_SPACES}]?k\b)"
    rf"|[1-9]\d{{0,2}}(?P<gap>['’{_SPACES}])\d{{3}}(?:(?P=gap)\d{{3}})*(?:[.,]\d{{1,2}})?(?!\d)"
    rf"|0[.,]\d{{1,6}}|\d{{1,9}}(?:[.,]\d{{1,2}})?)(?P<thousand>[{_SPACES}]?k\b)?)"
    rf"(?:[{_SPACES}]?(?P<after>(?:{_SIGN})|(?i:{_WORDS})\b|[A-Z]{{3}}\b))?(?![\w%-]|[.,]\d)"
)
_COUNTED = re.compile(rf"[{_SPACES}]?(?!(?:and|as|for|from|on|please)\b)[^\W\d]", re.IGNORECASE)
"""After a number: a word for what there are so many of ("TRY 2 times"), unlike "TRY 500 for the taxi"."""
_LAST = re.compile(rf"(?:^|\W)(?P<code>[A-Za-z]{{3}})[{_SPACES}]$")
_FIRST = re.compile(rf"[{_SPACES}]?(?P<code>[A-Za-z]{{3}})\b")
