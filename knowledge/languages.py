"""What of a language tells whether one sentence says the same as another: negations, limits, numbers in words; pure.

These are the languages in which a composed answer can be checked, so they are the ones it may be given in. The lists are in
languages.yaml.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from connectors.ports.data_files import read_yaml
from knowledge.text import words

_FEW_WORDS = 4
"""A text this short is told by one word."""
_NEAR = 40
"""Characters within which a second negation still belongs to the first, where a language has it so ("no tiene ningún")."""

_CLAUSE = re.compile(r"[.;:!?](?:\s|$)")


@dataclass(frozen=True, eq=False)
class Language:
    """One language, by its ISO 639 code and its lists."""

    code: str
    lists: Mapping[str, Any]

    def negations(self, text: str) -> int:
        """How often it says no: "no ... ningún" once."""
        found = self._aside.sub(" ", text) if self._aside else text
        spans = [match.span() for match in self._not.finditer(found)]
        if self._said_with is None:
            return len(spans)
        count, last = 0, -_NEAR - 1
        for start, end in spans:
            again = self._said_with.fullmatch(found, start, end) is not None and 0 <= start - last <= _NEAR
            count, last = count + (not again), end
        return count

    def limits(self, text: str) -> frozenset[str]:
        """Whether it says "only", and whether "except"."""
        return frozenset(name for name in ("only", "except") if self._named[name].search(text))

    def is_conditional(self, text: str) -> bool:
        """Whether what it says holds only if something is so."""
        return self._named["if"].search(text) is not None

    def tells_of_done(self, text: str) -> bool:
        """Whether it says that something has been done."""
        return self._named["done"].search(text) is not None

    def leans(self, text: str) -> bool:
        """Whether it begins as what is about the sentence before it does."""
        return self._leans.match(text) is not None

    def sides(self, text: str) -> frozenset[str]:
        """Which of the opposites it has: at_least, at_most, before, after, more, less."""
        found = frozenset(name for name, pattern in self._opposites.items() if pattern.search(text))
        # "No more than" is a limit of its own; what it is made of says nothing.
        return found - {"more"} if "at_most" in found else found - {"less"} if "at_least" in found else found

    def asks_for_a_secret(self, text: str) -> bool:
        """Whether a clause tells somebody to say a password or code to anybody, or to write it in the chat.

        What says no has to stand before that, or beside it: "tell them when they ask, never in a mail" tells them.
        """
        for clause in _CLAUSE.split(text):
            shared = self._named["tell"].search(clause) or (self._named["here"].search(clause) and self._named["share"].search(clause))
            if shared and self._named["secret"].search(clause):
                begins, ends = clause.rfind(",", 0, shared.start()), clause.find(",", shared.end())
                beside = clause[begins + 1 : ends if ends >= 0 else len(clause)]
                if not self.negations(clause[: shared.start()]) and not self.negations(beside):
                    return True
        return False

    def topics(self, text: str) -> frozenset[str]:
        """Of what everybody asks about, what it speaks of, by names that all languages share."""
        return frozenset(name for name, pattern in self._topics.items() if pattern.search(text))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.lists["words"].split())

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Numbers in words, from two."""
        ones = dict(enumerate(self.lists["numbers"].split(), 2))
        found = {word: number for number, word in ones.items()}
        first = self.lists["one"].split("|")[0]
        for place, ten in enumerate(self.lists["tens"].split(), 2):
            found[ten] = 10 * place
            for one, word in {1: first, **ones}.items():
                if one < 10:
                    for spelt in (self.lists["joined"], self.lists["joined"].replace("-", " ")):
                        found.setdefault(spelt.format(one=word, ten=ten), 10 * place + one)
        return found

    @cached_property
    def ordinals(self) -> Mapping[str, int]:
        """Ordinals and multiples in words, from two: "fourth", "twice"."""
        endings = self.lists.get("ordinal_endings", "").split() or [""]
        found = {word + ending: number for number, word in enumerate(self.lists["ordinals"].split(), 2) for ending in endings}
        return found | {word: int(number) for word, number in self.lists["multiples"].items()}

    @cached_property
    def spelt(self) -> re.Pattern[str]:
        """Any number in words."""
        listed = sorted((*self.numbers, *self.ordinals), key=len, reverse=True)
        return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, listed))})(?!\w)", re.I)

    def number(self, word: str) -> int:
        """What a word that is `spelt` counts. Raises KeyError for another."""
        low = word.lower()
        return self.numbers[low] if low in self.numbers else self.ordinals[low]

    @cached_property
    def units(self) -> Mapping[str, re.Pattern[str]]:
        return {unit: re.compile(spelt, re.I) for unit, spelt in self.lists["units"].items()}

    @cached_property
    def one_of(self) -> re.Pattern[str]:
        """ "a week", "one day": one of a unit of time."""
        return re.compile(rf"\b(?:{self.lists['one']})\s+({'|'.join(self.lists['units'].values())})\b", re.I)

    @cached_property
    def each(self) -> re.Pattern[str]:
        """ "per day", "every week": each of them."""
        return re.compile(rf"\b(?:{self.lists['per']})\s+(?:{self.lists['one']}\s+)?({'|'.join(self.lists['units'].values())})\b", re.I)

    @cached_property
    def elsewhere(self) -> re.Pattern[str]:
        """After this, what follows a number is no unit of it: "30 euros a day"."""
        return re.compile(rf"[.;:!?)|]|(?<!\w)(?:{self.lists['per']}|{self.lists['one']})(?!\w)", re.I)

    @cached_property
    def often(self) -> Mapping[str, re.Pattern[str]]:
        """ "daily", "annual": each of them in one word."""
        return {unit: re.compile(rf"(?<!\w)(?:{spelt})(?!\w)", re.I) for unit, spelt in self.lists["often"].items()}

    @cached_property
    def signs(self) -> Mapping[str, re.Pattern[str]]:
        """What counts as a figure though it has no digit."""
        return {name: re.compile(rf"\b(?:{self.lists[name]})\b", re.I) for name in ("half", "percent", "noon", "hundred", "thousand")}

    @cached_property
    def _not(self) -> re.Pattern[str]:
        listed = sorted(self.lists["not"].split(), key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(listed)})(?!\w)", re.I)

    @cached_property
    def _said_with(self) -> re.Pattern[str] | None:
        listed = self.lists.get("said_with")
        return re.compile(rf"(?:{'|'.join(listed.split())})", re.I) if listed else None

    @cached_property
    def _aside(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(self.lists['aside'])})", re.I)

    @cached_property
    def _named(self) -> Mapping[str, re.Pattern[str]]:
        named = ("only", "except", "if", "done", "share", "tell", "secret", "here")
        return {name: re.compile(rf"(?<!\w)(?:{self.lists[name]})(?!\w)", re.I) for name in named}

    @cached_property
    def _leans(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self.lists['leans']})(?!\w)", re.I)

    @cached_property
    def _topics(self) -> Mapping[str, re.Pattern[str]]:
        return {name: re.compile(rf"(?<!\w)(?:{spelt})(?!\w)", re.I) for name, spelt in self.lists["topics"].items()}

    @cached_property
    def _opposites(self) -> Mapping[str, re.Pattern[str]]:
        return {name: re.compile(rf"(?<!\w)(?:{spelt})(?!\w)", re.I) for name, spelt in self.lists["opposites"].items()}


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Language]:
    """The languages there are, by code."""
    data = read_yaml(Path(__file__).with_name("languages.yaml"))
    return {code: Language(code, lists) for code, lists in data.items()}


def language_of(text: str) -> str | None:
    """The language that most of its small words are of; None when they do not tell."""
    spoken = words(text)
    hits = {code: sum(word in one.words for word in spoken) for code, one in languages().items()}
    first, second = sorted(hits.values(), reverse=True)[:2]
    if first == second or first < (1 if len(spoken) <= _FEW_WORDS else 2):
        return None
    return max(hits, key=lambda code: hits[code])


def is_latin(text: str) -> bool:
    """Whether its letters are those of the languages above, but for a few."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter > "\u02ff" and not "\u1e00" <= letter <= "\u1eff" for letter in letters) * 10 <= len(letters)
