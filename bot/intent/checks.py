"""What a language model said of an utterance, checked before anything else sees it. Pure.

The model may be wrong, or turned by what it read: what it says counts only as far as the employee's own words bear it out. A skill,
a slot or an argument that was not on offer makes all of it worthless. Words that the employee did not write are dropped.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.intent.asking import ACTS, NONE
from bot.intent.sensitive import TOPICS
from bot.intent.text import MAX_CHARS, Reading, clean

MOST_WISHES = 4
_MOST_SLOTS = 12
_LONGEST = 500
"""Characters of a question in English, and of a value."""
_MOSTLY = 0.5
_NAME = 2
"""Words between quotation marks that may be what something is called."""
Origin = Literal["own", "quoted"]


class Illegal(Exception):
    """Something that was not on offer: nothing else of it is believed either."""


@dataclass(frozen=True, slots=True)
class SaidSlot:
    """Words for a slot, as they stand in the utterance; `value`: what the model takes them for, an untrusted guess."""

    slot: str
    said: str
    value: str
    origin: Origin = "own"


@dataclass(frozen=True, slots=True)
class SaidWish:
    """`said`: the employee's own words. `other`: their words for whoever it is for, when that is somebody else. `quoting`: part of
    `said` stands between quotation marks, and is more than a name."""

    act: str
    said: str
    confidence: float
    skill: str | None = None
    search: str | None = None
    other: str | None = None
    slots: tuple[SaidSlot, ...] = ()
    quoting: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    language: str | None
    urgent: bool
    sensitive: str | None
    wishes: tuple[SaidWish, ...] = ()
    answers: tuple[SaidSlot, ...] = ()


Offered = Mapping[str, Collection[str]]
"""The skills on offer, each with its slots."""


def checked(result: Mapping[str, Any], reading: Reading, skills: Offered, asked: str | None) -> Checked:
    """What can be used of a result that has its shape. `asked`: the skill that something was asked about. Raises Illegal."""
    own, quoted = _Text(reading.own), _Text(reading.quoted)
    for wish in result["wishes"]:
        _legal(wish, skills)
    answers = result["answers"] if asked in skills else []
    _all_of(answers, skills.get(asked or "", ()))
    if result["sensitive"] not in (*TOPICS, NONE):
        raise Illegal("topic")
    wishes = (_wish(wish, own, quoted) for wish in result["wishes"][:MOST_WISHES])
    return Checked(
        language=result["language"].lower() if _LANGUAGE.fullmatch(result["language"]) else None,
        urgent=result["urgent"],
        sensitive=None if result["sensitive"] == NONE else result["sensitive"],
        wishes=tuple(wish for wish in wishes if wish is not None),
        answers=_slots(answers, own, quoted),
    )


_LANGUAGE = re.compile(r"[a-zA-Z]{2}")


def _legal(wish: Mapping[str, Any], skills: Offered) -> None:
    if wish["act"] not in ACTS:
        raise Illegal("act")
    if wish["skill"] != NONE and wish["skill"] not in skills:
        raise Illegal("skill")
    if not 0.0 <= wish["confidence"] <= 1.0:
        raise Illegal("confidence")
    _all_of(wish["slots"], skills.get(wish["skill"], ()))


def _all_of(given: Sequence[Mapping[str, Any]], slots: Collection[str]) -> None:
    if any(one["slot"] not in slots for one in given):
        raise Illegal("slot")


def _wish(wish: Mapping[str, Any], own: "_Text", quoted: "_Text") -> SaidWish | None:
    """None when the employee has not said it in words of their own."""
    said, other = own.find(wish["said"]), wish["for_somebody_else"].strip()
    skill = None if wish["skill"] == NONE else wish["skill"]
    if said is None or own.quotes(wish["said"]) == "mostly" or (wish["act"] == "skill" and skill is None):
        return None
    other = "" if other.lower() == NONE else other
    named = own.find(other)
    if other and named is None:
        # It is for somebody, and nobody knows whom: better not at all than for the wrong one.
        return None
    search = clean(wish["in_english"])
    return SaidWish(
        act=wish["act"],
        said=said,
        confidence=float(wish["confidence"]),
        skill=skill,
        search=search if 0 < len(search) <= _LONGEST else None,
        other=named,
        slots=_slots(wish["slots"], own, quoted),
        quoting=own.quotes(wish["said"]) == "partly",
    )


def _slots(given: Sequence[Mapping[str, Any]], own: "_Text", quoted: "_Text") -> tuple[SaidSlot, ...]:
    """Each slot once, the first time that its words are found: in what the employee wrote, else in what they quoted."""
    found: dict[str, SaidSlot] = {}
    for one in given[:_MOST_SLOTS]:
        mine, theirs = own.find(one["said"]), quoted.find(one["said"])
        words = mine or theirs
        if words is not None:
            value = clean(one["value"])[:_LONGEST]
            found.setdefault(one["slot"], SaidSlot(one["slot"], words, value, "own" if mine else "quoted"))
    return tuple(found.values())


class _Text:
    """A text in which words are found again, however they are spaced, in whatever case and form of Unicode."""

    def __init__(self, text: str) -> None:
        self._text = text
        letters: list[str] = []
        places: list[int] = []
        for place, character in enumerate(text):
            for one in _folded(character):
                if one == " " and (not letters or letters[-1] == " "):
                    continue
                letters.append(one)
                places.append(place)
        self._folded, self._places = "".join(letters), places
        self._inside = [match.span() for match in _QUOTED.finditer(text)]

    def find(self, said: str) -> str | None:
        """The words as they stand in the text, whole ones; None when they do not, or are none."""
        span = self._span(said)
        return None if span is None else self._text[span[0] : span[1]]

    def quotes(self, said: str) -> Literal["mostly", "partly"] | None:
        """How much of these words stands between quotation marks; a name or two are nothing."""
        span = self._span(said)
        if span is None:
            return None
        letters = [place for place in range(*span) if self._text[place].isalnum()]
        inside = sum(any(first <= place < last for first, last in self._inside) for place in letters)
        if inside > _MOSTLY * len(letters):
            return "mostly"
        longest = max((len(self._text[max(first, span[0]) : min(last, span[1])].split()) for first, last in self._inside), default=0)
        return "partly" if longest > _NAME else None

    def _span(self, said: str) -> tuple[int, int] | None:
        wanted = " ".join("".join(_folded(character) for character in clean(said[:MAX_CHARS])).split())
        if not any(character.isalnum() for character in wanted):
            return None
        first = self._folded.find(wanted)
        while first >= 0:
            last = first + len(wanted)
            if not _inside_word(self._folded, first) and not _inside_word(self._folded, last):
                return self._places[first], self._places[last - 1] + 1
            first = self._folded.find(wanted, first + 1)
        return None


_QUOTED = re.compile(r"\"[^\"]+\"|«[^»]+»|»[^«]+«|‹[^›]+›|(?<!\w)'[^']+'(?!\w)")


def _folded(character: str) -> str:
    if character.isspace():
        return " "
    return _ESCAPED.get(character) or unicodedata.normalize("NFKC", character).casefold()


def _inside_word(text: str, place: int) -> bool:
    """Whether a word goes on over this place: "4 days" is not said in "14 days". Scripts without case need no spaces between words."""
    around = text[max(place - 1, 0) : place + 1]
    return len(around) == 2 and all(one.isalnum() and unicodedata.category(one) != "Lo" for one in around)


_ESCAPED = {"\u2039": "<", "\u203a": ">"}
"""As they are written where a block must not end."""
