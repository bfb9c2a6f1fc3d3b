"""Amounts of money in people's words: "$1,200", "45,90 EUR", "about 3k euros". Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.core import get_global
from babel.numbers import format_currency, get_territory_currencies

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

    `bare`: a number without a currency is an amount, too; somebody who is asked how much says "250".
    """
    found = []
    for match in _AMOUNT.finditer(text):
        said = match["before"] or match["after"]
        currency = _currency(said, own) if said and not (said in _ALSO_WORDS and (match["before"] or said != own)) else None
        if currency is None and bare:
            currency = own
        value = _number(match["number"]) * (1000 if match["thousand"] else 1)
        if currency is not None and 0 < value < _MOST:
            found.append(Amount(value.quantize(Decimal(1)) if value % 1 == 0 else value, currency, match.start(), match.end()))
    return found


def _currency(said: str, own: str) -> str | None:
    if said.lower() in _DOLLAR:
        return own if own in _DOLLARS else "USD"
    return _SIGNS.get(said) or _NAMES.get(said.lower()) or (said.upper() if said.upper() in _CODES else None)


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
_CODES = frozenset(code for country in get_global("territory_currencies") for code in get_territory_currencies(country, _DAY))
"""Those that are paid with somewhere, not those that once were."""
_ALSO_WORDS = frozenset({"ALL", "BAM", "COP", "CUP", "GEL", "MAD", "MOP", "PEN", "SOS", "TOP", "TRY"})
"""Codes that are English words, too: only after the number, and only of one who pays with it."""
_SPACES = " \u00a0\u202f"
"""Within an amount: no line break."""
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD"})
_DOLLAR = frozenset({"$", "dollar", "dollars", "bucks"})
_WORDS = "|".join(sorted((*_NAMES, *_DOLLAR - {"$"}, "eur", "usd", "gbp", "chf", "inr", "brl", "jpy", "cad", "aud"), key=len, reverse=True))
_SIGN = r"US\$|A\$|C\$|R\$|[$€£₹¥]"
_AMOUNT = re.compile(
    rf"(?:(?P<before>{_SIGN}|\b[A-Z]{{3}}(?=[{_SPACES}]?\d))[{_SPACES}]?|(?<![\w.,$€£₹¥#-]))"
    rf"(?P<number>[1-9]\d{{0,2}}(?P<group>[.,'’{_SPACES}])\d{{3}}(?:(?P=group)\d{{3}})*(?:[.,]\d{{1,2}})?(?!\d|[{_SPACES}]?k\b)"
    rf"|0[.,]\d{{1,6}}|\d{{1,9}}(?:[.,]\d{{1,2}})?)(?P<thousand>[{_SPACES}]?k\b)?"
    rf"(?:[{_SPACES}]?(?P<after>(?:{_SIGN})|(?i:{_WORDS})\b|[A-Z]{{3}}\b))?(?![\w%-]|[.,]\d)"
)
