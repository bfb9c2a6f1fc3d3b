"""How people are reached and numbered: e-mail addresses, telephones, accounts, cards and national ids. Pure.

A number is one by its shape and, where it has a check digit, by that: invoices, versions, dates and cases stay as they are.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

Found: TypeAlias = tuple[str, re.Pattern[str], Callable[[str], bool]]
"""The kind of its placeholder, its shape (or the part `it` of one), and whether what has the shape is one."""
_DATE = re.compile(r"(?:\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4}|\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2})\b")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _anything(_: str) -> bool:
    return True


def _is_telephone(text: str) -> bool:
    return 8 <= len(_digits(text)) <= 15 and not _DATE.search(text)


def _is_national(text: str) -> bool:
    """With the zero that is left out of an international one."""
    return len(_digits(text)) >= 9 and _is_telephone(text)


def is_card(text: str) -> bool:
    """By the Luhn check."""
    digits = [int(digit) for digit in _digits(text)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (
        13 <= len(digits) <= 19 and digits[0] in (2, 3, 4, 5, 6) and len(set(digits)) > 1 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
    )


def is_iban(text: str) -> bool:
    """By ISO 13616: the rest modulo 97 is 1."""
    code = re.sub(r"\s", "", text).upper()
    return (
        15 <= len(code) <= 34
        and code.isalnum()
        and code.isascii()
        and code[:2].isalpha()
        and code[2:4].isdigit()
        and int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1
    )


def is_german_tax_id(text: str) -> bool:
    """By ISO 7064, MOD 11,10; the first digit is no zero."""
    digits, product = _digits(text), 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return len(digits) == 11 and digits[0] != "0" and (11 - product) % 10 == int(digits[10])


def is_french_number(text: str) -> bool:
    """A numéro de sécurité sociale by its key; Corsica's departments have letters."""
    code = re.sub(r"\s", "", text).upper().replace("2A", "19").replace("2B", "18")
    return code.isdigit() and 97 - int(code[:13]) % 97 == int(code[13:])


_D = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_P = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")
"""Verhoeff's tables: of the group, and of its permutations."""


def is_aadhaar(text: str) -> bool:
    """By Verhoeff's check."""
    check = 0
    for place, digit in enumerate(reversed(_digits(text))):
        check = int(_D[check][int(_P[place % 8][int(digit)])])
    return check == 0


def is_cpf(text: str) -> bool:
    """By its two check digits."""
    digits = [int(digit) for digit in _digits(text)]

    def check(length: int) -> int:
        return sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=False)) * 10 % 11 % 10

    return len(digits) == 11 and len(set(digits)) > 1 and check(9) == digits[9] and check(10) == digits[10]


def _shape(pattern: str) -> re.Pattern[str]:
    """A number by itself: no part of a word, a version or a longer number."""
    return re.compile(rf"(?<![\w.+-])(?:{pattern})(?!\w|[.-]\w)")


NUMBERS: tuple[Found, ...] = (
    ("number", re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)"), is_iban),
    ("number", _shape(r"[1278] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}"), is_french_number),
    ("number", _shape(r"\d(?:[ -]?\d){12,18}"), is_card),
    ("number", _shape(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}"), _anything),
    ("number", re.compile(r"(?i:\b(?:ssn|social security)\b)[^\d\n]{0,20}(?P<it>\d{3}[ -]?\d{2}[ -]?\d{4})(?!\w|[.-]\w)"), _anything),
    ("number", _shape(r"\d{2} ?\d{3} ?\d{3} ?\d{3}"), is_german_tax_id),
    ("number", _shape(r"\d{2} ?(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2} ?[A-Z] ?\d{3}"), _anything),
    ("number", _shape(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"), _anything),
    ("number", _shape(r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}"), is_aadhaar),
    ("number", _shape(r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]"), _anything),
    ("number", _shape(r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}"), is_cpf),
)
"""IBANs; France; cards; the social security number of the US; Germany, tax and pension; GB; India, Aadhaar and PAN; Brazil."""

_CALLED = r"(?i:(?:tele)?phone|tel|mobile|cell|call|whatsapp|fax|handy|telefon|mobil|t[ée]l[ée]phone|tel[ée]fono|m[óo]vil|telefone|celular)"
CONTACTS: tuple[Found, ...] = (
    ("email", re.compile(r"[\w.+%'-]{1,64}(?:[@\uff20]|\s?[(\[]at[)\]]\s?)[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,}\b"), _anything),
    ("phone", re.compile(r"(?<![\w+])(?<!\d )(?:\+|00(?=[1-9]\d))\d[\d ().\-/]{6,18}\d(?!\w)"), _is_telephone),
    ("phone", re.compile(r"(?<!\w)\(\d{2,5}\)[ -]?\d[\d -]{4,}\d(?!\w)"), _is_telephone),
    ("phone", re.compile(r"(?<![\w.-])\d{3}[-. ]\d{3}[-. ]\d{4}(?!\w|[.-]\d)"), _is_telephone),
    ("phone", re.compile(r"(?<![\w.,:/-])(?<!\d )0\d{1,4}(?:[ /-]\d{2,}){1,6}(?!\w|[.,:/-]\d)"), _is_national),
    ("phone", re.compile(r"(?<![\w.,:/-])0[1-9]\d{8,10}(?!\w|[.,:/-]\d)"), _is_telephone),
    ("phone", re.compile(r"(?<![\w.-])[6-9]\d{4} \d{5}(?!\w|[.-]\d)"), _is_telephone),
    ("phone", re.compile(rf"\b{_CALLED}\b\.?[:\s]*(?:\w+[:\s]+){{0,2}}?(?P<it>\d[\d ()\-/.]{{5,}}\d)(?!\w)"), _anything),
)
"""E-mail addresses, and telephones as they are written in the countries of the numbers."""
