"""What became of requests and answers like this one, as a small push on the confidence. Pure.

Whoever said nearly the same before either got what they wanted or took it back. That is worth something and not much: it
moves a label's confidence by a few hundredths, leaves those alone that it knows nothing of, never makes another label the best
one, and never lifts a skill over a level from which it is offered or done unless several agree and nobody near disagrees. What
is risky it can only lower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.intent.margins import products
from bot.intent.scoring import Ranked
from bot.intent.training import QUESTION
from bot.intent.wording import Floats
from specialists.skill import SkillSpec

MOST = 0.08
"""How far a confidence is moved at most."""
NEAR = 0.8
"""Cosine from which an utterance is like another."""
SEVERAL = 3
"""How many must agree to lift a skill over one of its levels."""
NEWEST = 5_000
"""How many are remembered."""
_DOUBT = 1.5
"""Like so many that went neither way: one alone moves little."""
_UNLIKELY = 0.02
"""Labels less likely than this are left alone: no push would make them count."""
_BELOW = 0.001


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an utterance that was taken for `skill`. `vector`: its embedding, of length 1."""

    skill: str
    good: bool
    vector: Floats


class Judged(Protocol):
    """A question that was answered, and what people thought of the answer."""

    @property
    def similarity(self) -> float:
        """Cosine to the one that is asked now."""

    @property
    def helpful(self) -> float:
        """-1..1, on average."""


class JudgedQuestions(Protocol):
    """Whoever keeps what people thought of answers; it looks in memory."""

    def near(self, vector: Floats, at_least: float) -> Sequence[Judged]: ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of those near: their closeness summed up, by how they ended (each counts 0-1, by how near it is), and how many they are."""

    good: float = 0.0
    bad: float = 0.0
    for_it: int = 0
    against_it: int = 0


def moved(confidence: float, evidence: Evidence, spec: SkillSpec | None = None) -> float:
    """The confidence of a label after what is known of its like, 0-1. `spec`: of the skill that the label is, if it is one."""
    weight = evidence.good + evidence.bad
    if weight <= 0.0:
        return confidence
    push = MOST * (evidence.good - evidence.bad) / (weight + _DOUBT)
    after = min(max(confidence + push, 0.0), 1.0)
    if spec is None or after <= confidence:
        return after
    if spec.risk == "high":
        return confidence
    if evidence.for_it >= SEVERAL and not evidence.against_it:
        return after
    level = min((level for level in (spec.notify_at, spec.act_at) if confidence < level), default=None)
    return after if level is None or after < level else max(confidence, level - _BELOW)


@dataclass(frozen=True, slots=True)
class _Like:
    vectors: Floats
    good: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Experience:
    """All that is remembered: requests by their skill, and the answers to questions. `Experience()` moves nothing."""

    closed: Mapping[str, _Like] = field(default_factory=dict)
    judged: JudgedQuestions | None = None

    @staticmethod
    def of(outcomes: Sequence[Outcome], judged: JudgedQuestions | None = None) -> "Experience":
        found: dict[str, list[Outcome]] = {}
        for one in outcomes:
            found.setdefault(one.skill, []).append(one)
        likes = {
            skill: _Like(np.array([one.vector for one in those], dtype=np.float32), np.array([one.good for one in those]))
            for skill, those in found.items()
        }
        return Experience(likes, judged)

    def evidence(self, label: str, vector: Floats) -> Evidence:
        if label == QUESTION and self.judged is not None:
            return _of_answers(self.judged.near(vector, NEAR))
        like = self.closed.get(label)
        if like is None:
            return Evidence()
        closeness = products(vector[None, :], like.vectors)[0]
        near = closeness >= NEAR
        if not near.any():
            return Evidence()
        weights, good = _weight(closeness[near]), like.good[near]
        return Evidence(float(weights[good].sum()), float(weights[~good].sum()), int(good.sum()), int((~good).sum()))

    def weigh(self, ranked: Ranked, vector: Floats, skills: Mapping[str, SkillSpec]) -> Ranked:
        """The same best label, and the same others, with the confidence of each that something is known of moved."""
        if not self.closed and self.judged is None:
            return ranked
        after = [
            moved(confidence, self.evidence(label, vector), skills.get(label)) if confidence >= _UNLIKELY else confidence
            for label, confidence in ranked.labels
        ]
        # However bad, it falls no further than to where the second was; however good, the others rise no further than to it.
        second = min(ranked.confidence, max((confidence for _, confidence in ranked.labels[1:]), default=0.0))
        best = max(after[0], second)
        others = [(label, min(confidence, best)) for (label, _), confidence in zip(ranked.labels[1:], after[1:], strict=True)]
        return replace(ranked, labels=((ranked.label, best), *sorted(others, key=lambda one: -one[1])))


def _of_answers(near: Sequence[Judged]) -> Evidence:
    """One answer counts once, however many judged it."""
    good = sum(max(one.helpful, 0.0) * float(_weight(one.similarity)) for one in near)
    bad = sum(max(-one.helpful, 0.0) * float(_weight(one.similarity)) for one in near)
    return Evidence(good, bad, sum(one.helpful > 0 for one in near), sum(one.helpful < 0 for one in near))


def _weight(closeness: Any) -> Any:
    """0 where it is just near, 1 where it is the same."""
    return np.clip((closeness - NEAR) / (1 - NEAR), 0.0, 1.0)
