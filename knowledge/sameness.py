"""Whether two texts with nearly the same vector say the same; pure.

Vectors blur exactly what tells one rule from another: a number, a "not", a month, a place. So two passages count as copies only when
every word is the same and in the same order, but for sentences of courtesy that one of them has in addition.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from itertools import chain

from knowledge.places import countries_in
from knowledge.text import alike, plain, sentences, terms, words

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
"""A sentence with one of these is a rule, no courtesy. "May" is a verb nearly always; "in May" is told by its capital, as places are."""
_IDLE = frozenset(("a", "an", "the", "please", "kindly", "also"))
_NAMED = re.compile(r"\b(?:in|at|from|near)\s+(?:the\s+)?[A-ZÄÖÜÉ][a-zäöüßé]")
_COURTESY_WORDS = 20
"""More than this in addition is no courtesy."""
_SIGN = re.compile(r"[$€£¥%<>≤≥±]")
_SPELT_TWO_WAYS = 6
"""Letters of the shortest word in which a spelling is evened out: "four" and "for", "off" and "of" are words of their own."""
_SPELLINGS = (("our", "or"), ("z", "s"), ("ence", "ense"), ("ll", "l"), ("mm", "m"), ("cc", "c"))

Said = tuple[tuple[str, ...], ...]


def said(markdown: str) -> Said:
    """The words of each sentence, as they compare: whatever marks, line breaks and spelling make of them."""
    lines = (sentences(plain(line)) for line in markdown.split("\n"))
    return tuple(_compared(sentence) for sentence in chain.from_iterable(lines))


def are_copies(one: str, other: str, asked: Collection[str]) -> bool:
    """Whether two texts say the same to somebody who asked for these terms."""
    mine, theirs = said(one), said(other)
    if _flat(mine) == _flat(theirs):
        return True
    shorter, longer, text = (mine, theirs, other) if len(_flat(mine)) < len(_flat(theirs)) else (theirs, mine, one)
    known = frozenset(shorter)
    if not shorter or _flat(tuple(sentence for sentence in longer if sentence in known)) != _flat(shorter):
        return False
    lines = (sentences(plain(line)) for line in text.split("\n"))
    added = [sentence for sentence, its in zip(chain.from_iterable(lines), longer, strict=True) if its not in known]
    return sum(len(sentence.split()) for sentence in added) <= _COURTESY_WORDS and not decides(" ".join(added), asked)


def differ(one: str, other: str, asked: Collection[str]) -> bool:
    """Whether two titles or headings differ in a word that decides or was asked for; otherwise the same is called by two names."""
    mine, theirs = words(plain(one)), words(plain(other))
    one_has = set(map(_spelt, mine)) ^ set(map(_spelt, theirs))
    differing = " ".join(word for word in (*mine, *theirs) if _spelt(word) in one_has)
    return countries_in(one) != countries_in(other) or decides(differing, asked)


def decides(text: str, asked: Collection[str]) -> bool:
    """Whether a text has a number, a negation, a date, a place or a word that was asked for."""
    found = words(text)
    if any(word in _DECISIVE or any(map(str.isdigit, word)) for word in found):
        return True
    there = terms(text)
    return any(not there.isdisjoint(alike(term)) for term in asked) or bool(countries_in(text)) or _NAMED.search(text) is not None


def _flat(said_: Said) -> tuple[str, ...]:
    return tuple(chain.from_iterable(said_))


def _compared(sentence: str) -> tuple[str, ...]:
    # Signs at the end: "10%" and "10 %" are one.
    return (*(_spelt(word) for word in words(sentence) if word not in _IDLE), *_SIGN.findall(sentence))


@lru_cache(maxsize=20_000)
def _spelt(word: str) -> str:
    """One spelling of a word: "colour" and "color", "organize" and "organise", "centre" and "center", "café" and "cafe" are one."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    if len(bare) < _SPELT_TWO_WAYS or any(map(str.isdigit, bare)) or bare in _DECISIVE:
        return bare
    for spelling, other in _SPELLINGS:
        bare = bare.replace(spelling, other)
    return f"{bare[:-2]}er" if bare.endswith("tre") else bare
