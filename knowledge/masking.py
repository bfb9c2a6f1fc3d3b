"""Takes out of a question what says who asks, or about whom: it is kept for others to read. Pure."""

import re

LONGEST = 300
"""Characters kept of a question."""

_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_HANDLE = re.compile(r"<@[^>\s]*>|(?<!\w)@[\w.-]+")
_CASE = re.compile(r"\b(?:FOY-\d+|[A-Z]{2,10}[-_#]\d{3,}|[A-Z]{2,6}\d{5,})\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])[+(]?\d(?:[\d ()/.-]*\d)?(?![\w])")
_DATE = re.compile(r"\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|(?:19|20)\d\d ?[/-] ?(?:19|20)?\d\d")
_DIGITS = 6
"""A bare number with fewer is an amount, a year or a version; phone numbers, badges and codes have as many or more."""
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}(?: ?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
_CODE = re.compile(r"(?<!\w)(?=[\w-]*[A-Za-z])(?=(?:[\w-]*\d){4})(?![A-Za-z]+(?:19|20)\d\d(?!\w))[\w-]{6,}(?!\w)")
"""Serial numbers, tokens and the like: letters with at least four digits; "Office2021" is none."""


def masked(text: str) -> str:
    """The text on one line without addresses, links, phone numbers, codes and case numbers; at most LONGEST characters."""
    one = " ".join(text.split())
    one = _LINK.sub("[link]", one)
    one = _MAIL.sub("[address]", one)
    one = _HANDLE.sub("[name]", one)
    one = _CASE.sub("[case]", one)
    one = _ACCOUNT.sub("[number]", one)
    one = _NUMBER.sub(_number, one)
    one = _CODE.sub("[code]", one)
    return one if len(one) <= LONGEST else one[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def _number(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found[0])
    return found[0] if digits < _DIGITS or _DATE.fullmatch(found[0]) else "[number]"
