"""Whether two texts with nearly the same vector say the same; pure.

Vectors blur exactly what tells one rule from another: a number, a "not", a month, a place. So two passages count as copies only when
every word is the same and in the same order.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from knowledge.places import countries_in
from knowledge.text import alike, plain, terms, words

_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty
thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen half quarter double twice thrice triple once
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth last next previous former latter
"""
_DATES = """
january february march april june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
monday tuesday wednesday thursday friday saturday sunday weekday weekdays weekend today tomorrow yesterday
"""
_CONDITIONS = """
no not nor none neither never without except unless only cannot can't don't doesn't didn't isn't aren't wasn't weren't won't wouldn't
shouldn't couldn't mustn't hasn't haven't hadn't until must shall
"""
_DECISIVE = frozenset(f"{_NUMBERS} {_DATES} {_CONDITIONS}".split())
"""A heading with one of these is about something of its own."""
_IDLE = frozenset(("a", "an", "the", "please", "kindly", "also"))
_SIGNS = re.compile(r"[$€£¥%<>≤≥±✓✔✗✘☐☑☒✅❌]|~~|(?<!\w)[-−](?=\d)|(?<=\w)\+|\]\([^)]*\)")
"""What is no word and says something all the same: signs, ticks, what is struck out, what is below zero, where a link leads."""
_SPELT_TWO_WAYS = 6
"""Letters of the shortest word in which a spelling is evened out: "four" and "for", "off" and "of" are words of their own."""
_SPELLINGS = (("our", "or"), ("z", "s"), ("ence", "ense"))


def are_copies(one: str, other: str) -> bool:
    """Whether two texts say the same, whatever marks, line breaks and spelling make of them."""
    return _said(one) == _said(other) and _SIGNS.findall(one) == _SIGNS.findall(other)


def differ(one: str, other: str, asked: Collection[str]) -> bool:
    """Whether two titles or headings differ in a number, a negation, a date, a place or a word that was asked for.

    Otherwise the same is called by two names.
    """
    mine, theirs = ({_spelt(word): word for word in words(plain(heading))} for heading in (one, other))
    differing = [mine.get(spelt) or theirs[spelt] for spelt in mine.keys() ^ theirs.keys()]
    if any(word in _DECISIVE or any(map(str.isdigit, word)) for word in differing):
        return True
    there = terms(" ".join(differing))
    return countries_in(one) != countries_in(other) or any(not there.isdisjoint(alike(term)) for term in asked)


def _said(markdown: str) -> list[str]:
    return [_spelt(word) for word in words(plain(markdown)) if word not in _IDLE]


@lru_cache(maxsize=20_000)
def _spelt(word: str) -> str:
    """One spelling of a word: "colour" and "color", "organize" and "organise", "centre" and "center", "café" and "cafe" are one."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    if len(bare) < _SPELT_TWO_WAYS or any(map(str.isdigit, bare)) or bare in _DECISIVE:
        return bare
    for spelling, other in _SPELLINGS:
        bare = bare.replace(spelling, other)
    return f"{bare[:-2]}er" if bare.endswith("tre") else bare
