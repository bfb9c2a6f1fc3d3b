"""What the classifier is trained on, and the marks it sees beside the words. A spelling is mended before it looks."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rapidfuzz.distance import OSA

from bot.intent import acts
from bot.intent.dates import find_dates
from bot.intent.durations import find_durations
from bot.intent.matching import Matcher
from specialists.skill import SkillSpec

QUESTION, OTHER = "question", "other"
"""Labels of the background: wants to know something; chit-chat, or something that no skill does."""
NEITHER = (QUESTION, OTHER)

_WORD = re.compile(r"[^\W\d_]+")
_IN_FULL = {
    "cant": "can't", "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "isnt": "isn't", "wont": "won't", "couldnt": "couldn't",
    "havent": "haven't", "ive": "I've", "gimme": "give me", "wanna": "want to", "gotta": "have to",
}  # fmt: skip
"""How people write in haste."""
_SHORT = re.compile(rf"\b(?:{'|'.join(_IN_FULL)})\b", re.IGNORECASE)
_SHORTEST = 5
_ANY_DAY = date(2024, 1, 1)


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    label: str


def examples(skills: Mapping[str, SkillSpec]) -> list[Example]:
    """The skills' own utterances, the background and the acts, without courtesies."""
    words = acts.act_words()
    background = acts.load("background.yaml", "en")
    found = [Example(text, name) for name, spec in skills.items() for text in spec.utterances]
    found += [Example(text, QUESTION) for text in background["questions"]]
    found += [Example(text, OTHER) for text in background["other"]]
    found += [Example(text, act) for act, texts in words.examples.items() for text in texts]
    return [Example(words.courtesies.strip(one.text), one.label) for one in found]


def marks(text: str, matcher: Matcher) -> frozenset[str]:
    """What a text contains, whatever the words."""
    seen = {
        "application": any(mention.by_name for mention in matcher.applications.find(text)),
        "item": bool(matcher.items(text)),
        "date": bool(find_dates(text, _ANY_DAY)),
        "duration": bool(find_durations(text)),
        "case": acts.case_in(text) is not None,
        "question": acts.is_question(text),
        "request": acts.is_request(text),
        "negated": acts.negated(text),
    }
    return frozenset(name for name, there in seen.items() if there)


class Spelling:
    """Mends a word nobody knows when it is one slip away from a word of the skills."""

    def __init__(self, known: Sequence[Example], apart: Collection[str] = NEITHER) -> None:
        """`apart`: labels whose words nothing is mended to."""
        self._known = Counter(word for one in known for word in _words(one.text))
        meant = {word for one in known if one.label not in apart for word in _words(one.text)}
        self._targets = sorted((word for word in meant if len(word) >= _SHORTEST and self._known[word] > 1), key=lambda w: -self._known[w])

    def mend(self, text: str, names: frozenset[str]) -> str:
        """`names`: words of the catalogue, which are right as they are."""
        full = _SHORT.sub(lambda match: _IN_FULL[match[0].lower()], text)
        return _WORD.sub(lambda match: self._mended(match[0], names), full)

    def _mended(self, word: str, names: frozenset[str]) -> str:
        lowered = word.lower()
        if len(lowered) < _SHORTEST or lowered in self._known or lowered in names or lowered.removesuffix("s") in self._known:
            return word
        # The first letter is rarely the wrong one: "unable" is no misspelt "enable".
        near = (target for target in self._targets if target[0] == lowered[0] and abs(len(target) - len(lowered)) <= 1)
        return next((target for target in near if OSA.distance(lowered, target, score_cutoff=1) <= 1), word)


def vocabulary(known: Sequence[Example]) -> frozenset[str]:
    """The words of these utterances that are written in small letters: ordinary ones, no names."""
    return frozenset(word for one in known for word in _WORD.findall(one.text) if word.islower())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
