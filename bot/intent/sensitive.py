"""Topics that a person hears first, in private: harassment, health, self-harm, legal threats, security incidents.

Found by patterns and, in English, by likeness to examples; either is enough: missing one is worse than asking a person once too
often. Questions about rules and benefits are ordinary; the examples of those are the contrast.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.intent.acts import how_to, load, read
from bot.intent.margins import products

TOPICS = ("self_harm", "harassment", "health", "security", "legal")
"""The most urgent first: it names the topic when several fit."""
_NEAR = 0.45
_NEAR_PART = 0.6
_LEAD = 0.03
"""Cosine to the nearest example, of an utterance and of a part of it; how much nearer it must be than anything ordinary."""
_NEAR_RULES = 30
"""Characters about a word of another language in which one of rules makes it ordinary."""
_RULES = re.compile(
    r"\b(?:polic(?:y|ies)|training|course|webinar|workshop|benefits?|insurance|covered|handbook|guidelines?|program(?:me)?)\b",
    re.IGNORECASE,
)
"""Whoever asks about these asks about rules; only an outright pattern makes that sensitive."""

Floats = NDArray[np.float32]


def by_pattern(text: str) -> str | None:
    """The topic that the words name outright, in any language that is known here."""
    lowered = text.lower()
    rules = [match.start() for match in _elsewhere()[1].finditer(lowered)]
    for topic in TOPICS:
        if any(pattern.search(lowered) for pattern in _patterns()[topic]):
            return topic
        for pattern in _elsewhere()[0][topic]:
            found = [match.span() for match in pattern.finditer(lowered)]
            if any(
                topic == "self_harm" or not any(first - _NEAR_RULES <= rule <= last + _NEAR_RULES for rule in rules)
                for first, last in found
            ):
                return topic
    return None


def examples() -> list[tuple[str, str]]:
    """(text, topic); "ordinary" for what is none."""
    data = load("sensitive.yaml", "en")
    return [(text, topic) for topic in TOPICS for text in data[topic]["examples"]] + [(text, "ordinary") for text in data["ordinary"]]


class Likeness:
    """How near an utterance is to sensitive examples, against everything ordinary."""

    def __init__(self, topics: Sequence[str], vectors: Floats, ordinary: Floats) -> None:
        """`topics` and `vectors` of the examples; `ordinary`: all other utterances known."""
        self._topics = [topic for topic in topics if topic != "ordinary"]
        sensitive = np.array([topic != "ordinary" for topic in topics])
        self._vectors = vectors[sensitive]
        self._ordinary = np.vstack([vectors[~sensitive], ordinary])

    def topic(self, texts: Sequence[str], vectors: Floats) -> str | None:
        """The topic of an utterance: the first text is the whole, the others are its parts."""
        near = products(vectors, self._vectors)
        ordinary = products(vectors, self._ordinary).max(axis=1)
        for row, text in enumerate(texts):
            best = int(near[row].argmax())
            topic = self._topics[best]
            if near[row, best] < max(_NEAR if row == 0 else _NEAR_PART, ordinary[row] + _LEAD) or _RULES.search(text):
                continue
            # How to report a phishing mail is in an article; that one was opened is not.
            if topic != "security" or not how_to(text):
                return topic
        return None


@lru_cache(maxsize=1)
def _patterns() -> dict[str, tuple[re.Pattern[str], ...]]:
    data = load("sensitive.yaml", "en")
    return {topic: tuple(re.compile(pattern) for pattern in data[topic]["patterns"]) for topic in TOPICS}


@lru_cache(maxsize=1)
def _elsewhere() -> tuple[dict[str, tuple[re.Pattern[str], ...]], re.Pattern[str]]:
    """Patterns of other languages by topic, and the words of rules."""
    data = dict(read("sensitive_elsewhere.yaml"))
    rules = re.compile(data.pop("rules"))
    return {topic: tuple(re.compile(pattern) for other in data.values() for pattern in other[topic]) for topic in TOPICS}, rules
