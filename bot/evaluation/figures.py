"""The figures of an evaluation, each by its usual definition. Pure; None where a figure is not defined.

Ranks count from 1; 0 means that nothing relevant was found.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

BINS = 15
"""Of equal width, for the calibration error."""


def share(of: Sequence[bool]) -> float | None:
    """How many of them are true, 0..1."""
    return sum(of) / len(of) if of else None


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def macro_f1(truth: Sequence[str], predicted: Sequence[str]) -> float | None:
    """The mean F1 of the labels that are in the truth or were predicted, each counting alike."""
    right = Counter(label for label, guess in zip(truth, predicted, strict=True) if label == guess)
    there, guessed = Counter(truth), Counter(predicted)
    # 2pr / (p + r), with the counts put in.
    return mean([2 * right[label] / (there[label] + guessed[label]) for label in sorted({*truth, *predicted})])


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """The chance that a positive one scores higher than a negative one; a tie counts half."""
    if not positive or not negative:
        return None
    scores = np.array([*positive, *negative])
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2)[place]
    sum_of_positive = float(ranks[: len(positive)].sum())
    return (sum_of_positive - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))


def calibration_error(confidence: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float | None:
    """The expected calibration error: how far confidence and the share that is right lie apart, weighted by bin."""
    if not confidence:
        return None
    sure, hit = np.array(confidence, dtype=np.float64), np.array(right, dtype=np.float64)
    # A bin has its upper edge: exactly 0.2 of five bins is in the first.
    own = np.clip(np.ceil(sure * bins) - 1, 0, bins - 1).astype(int)
    apart = [abs(float(sure[own == one].sum() - hit[own == one].sum())) for one in range(bins)]
    return math.fsum(apart) / len(sure)


@dataclass(frozen=True, slots=True)
class Ranking:
    """One question's found documents, best first and each once, and those that answer it."""

    found: Sequence[str]
    gold: Collection[str]

    @property
    def rank(self) -> int:
        """Of the first document that answers it."""
        return next((place for place, one in enumerate(self.found, 1) if one in self.gold), 0)

    def hit(self, at: int) -> bool:
        return 0 < self.rank <= at

    @property
    def reciprocal(self) -> float:
        return 1 / self.rank if self.rank else 0.0

    def ndcg(self, at: int) -> float:
        """Discounted gain of the first so many, over that of the best order there can be."""
        gain = math.fsum(1 / math.log2(place + 1) for place, one in enumerate(self.found[:at], 1) if one in self.gold)
        best = math.fsum(1 / math.log2(place + 1) for place in range(1, min(at, len(set(self.gold))) + 1))
        return gain / best if best else 0.0


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that so many per cent of them do not exceed (nearest rank)."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
