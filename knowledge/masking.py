"""Takes out of a question what says who asks, or about whom: it is kept for others to read. Pure.

Numbers, codes, addresses and links go by their shape. Names have none: whoever keeps a text looks them up and passes them in.
"""

import re
from collections.abc import Collection

LONGEST = 300
"""Characters kept of a question."""
_LOOKED_AT = 4 * LONGEST
"""Characters looked at: the patterns are for short texts."""

_LINK = re.compile(r"\b(?:https?://|www\.)\S+|\\\\\S+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_HANDLE = re.compile(r"<@[^>\s]*>|(?<!\w)@[\w.-]+")
_CASE = re.compile(r"\b(?:FOY-\d+|[A-Z]{2,10}[-_#]\d{3,}|[A-Z]{2,6}\d{5,})\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\w)(?<!\d[.,])[+(]?\d(?:[\d ()/.-]*\d)?(?![\w])")
_DATE = re.compile(r"\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|(?:19|20)\d\d ?[/-] ?(?:19|20)?\d\d")
_DIGITS = 6
"""A bare number with fewer is an amount, a year or a version; phone numbers and codes have as many or more."""
_OF_SOMEBODY = re.compile(
    r"(?P<what>\b(?:badge|pin|ext|extension|id|(?:employee|personnel|staff) (?:no|nr|number|id))\b\.?"
    r"(?: ?(?:no|nr|number|is)\b)?[ .:#]*)"
    r"\d{3,}(?!\w)",
    re.IGNORECASE,
)
"""A number that is said to be somebody's, however short."""
_BORN = re.compile(rf"(?P<what>\b(?:born|birthday|birth|dob)\b\W+(?:[a-z]+\W+){{0,2}}?)(?:{_DATE.pattern})", re.IGNORECASE)
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}(?: ?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
_WORD = re.compile(r"(?<!\w)[\w-]{6,}")
_YEARED = re.compile(r"[A-Za-z]+(?:19|20)\d\d(?!\w)")


def masked(text: str, names: Collection[str] = ()) -> str:
    """The text on one line without addresses, links, phone numbers, codes, case numbers and these names; at most LONGEST characters.

    Of a name of several words each goes by itself, too; with a capital only, since "may" and "will" are words.
    """
    one = " ".join(_cut(text, _LOOKED_AT).split())
    one = _LINK.sub("[link]", one)
    one = _MAIL.sub("[address]", one)
    one = _HANDLE.sub("[name]", one)
    one = _nameless(one, names)
    one = _CASE.sub("[case]", one)
    one = _ACCOUNT.sub("[number]", one)
    one = _BORN.sub(r"\g<what>[date]", one)
    one = _OF_SOMEBODY.sub(r"\g<what>[number]", one)
    one = _NUMBER.sub(_number, one)
    one = _WORD.sub(_code, one)
    return one if len(one) <= LONGEST else one[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def _cut(text: str, length: int) -> str:
    """Between two words, where there are any: half an address is no address to a pattern."""
    return text if len(text) <= length else text[:length].rsplit(maxsplit=1)[0]


def _nameless(text: str, names: Collection[str]) -> str:
    wholes = {name for name in names if " " in name}
    parts = {part[:1].upper() + part[1:] for name in names for part in name.split() if len(part) > 1}
    for some, flags in ((wholes, re.IGNORECASE), (parts, re.NOFLAG)):
        if some:
            either = "|".join(re.escape(one) for one in sorted(some, key=len, reverse=True))
            text = re.sub(rf"(?<!\w)(?:{either})(?!\w)", "[name]", text, flags=flags)
    return text


def _number(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found[0])
    return found[0] if digits < _DIGITS or _DATE.fullmatch(found[0]) else "[number]"


def _code(found: re.Match[str]) -> str:
    """Serial numbers, tokens and the like: letters with at least four digits; "Office2021" is none."""
    word = found[0]
    is_code = sum(character.isdigit() for character in word) >= 4 and any(character.isascii() and character.isalpha() for character in word)
    return "[code]" if is_code and not _YEARED.match(word) else word
