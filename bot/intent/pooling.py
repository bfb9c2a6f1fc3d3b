"""One confidence out of two: the offline engine's and a language model's. Pure.

Both are turned into log-odds, weighed and added up. The offline engine's confidence is calibrated, and says little of what is put in
words that nobody taught it; a model reads those, and is too sure of itself. So the model's weighs more, and where it is against
the offline engine, both must be doubtful before something is done. The weights may be fitted to an installation's own rows.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.evaluation import figures
from bot.intent.scoring import logistic

SEEN = 0.35
"""Confidence from which the offline engine sees a skill at all; below it the model alone does."""
ENOUGH = 30
"""Rows without which nothing is fitted: a third of them is held out."""
_LEAST = 0.05
"""Neither is surer than so that a thing is meant, or is not: no engine alone outweighs all that the other may say."""
_SHRINKAGE = 4.0
"""How hard the usual weights hold against what a few rows say."""
_HELD_OUT = 3
"""Every so many-th row is held out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What two engines say of one thing, 0..1 each.

    offline: its confidence; None where it cannot read the words, and so says nothing. model: its confidence in this thing; where it
    says something else instead, what that leaves. agree: both take it for what is most likely meant.
    """

    offline: float | None
    model: float
    agree: bool = False

    def weighed(self) -> tuple[float, float, float, float]:
        """Nothing is said, neither for nor against, by an engine that cannot read."""
        if self.offline is None:
            return 1.0, 0.0, _odds(self.model), 0.0
        return 1.0, _odds(self.offline), _odds(self.model), 1.0 if self.agree else -1.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the log-odds of either engine, and of their agreement, which counts for as much as their difference counts against."""

    bias: float = 0.0
    offline: float = 0.3
    model: float = 0.9
    agreement: float = 0.3

    def pool(self, evidence: Evidence) -> float:
        """How sure both together are, 0..1."""
        odds = math.fsum(weight * one for weight, one in zip(astuple(self), evidence.weighed(), strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


USUAL = Weights()


def fit(rows: Sequence[tuple[Evidence, bool]]) -> Weights:
    """Logistic weights for "this is what was meant", held to the usual ones; those, where all rows are right or all wrong."""
    evidence = np.array([one.weighed() for one, _ in rows], dtype=np.float64).reshape(len(rows), 4)
    right = np.array([meant for _, meant in rows], dtype=bool)
    fitted = logistic(evidence, right, np.array(astuple(USUAL)), _SHRINKAGE)
    # However the rows came out: what speaks for a thing never speaks against it.
    return Weights(float(fitted[0]), *(max(float(one), 0.0) for one in fitted[1:]))


@dataclass(frozen=True, slots=True)
class Fitted:
    """`loss` and `error`, log loss and calibration error, are of rows that were held out; `before` those of the weights that served."""

    weights: Weights
    rows: int
    held_out: int
    loss: float
    loss_before: float
    error: float
    error_before: float

    @property
    def better(self) -> bool:
        """Whether they may serve: on what they have not seen they are no worse."""
        return self.loss <= self.loss_before


def tried(rows: Sequence[tuple[Evidence, bool]], serving: Weights) -> Fitted:
    """Weights fitted to two thirds of the rows, with their figures on the last third. Raises ValueError with fewer than ENOUGH."""
    if len(rows) < ENOUGH:
        raise ValueError(f"{len(rows)} rows are too few to fit weights to; there must be {ENOUGH}.")
    held = rows[::_HELD_OUT]
    weights = fit([row for place, row in enumerate(rows) if place % _HELD_OUT])
    loss, error = _figures(weights, held)
    loss_before, error_before = _figures(serving, held)
    return Fitted(weights, len(rows), len(held), loss, loss_before, error, error_before)


def _figures(weights: Weights, rows: Sequence[tuple[Evidence, bool]]) -> tuple[float, float]:
    sure, right = [weights.pool(one) for one, _ in rows], [meant for _, meant in rows]
    lost = math.fsum(-math.log(max(one if meant else 1 - one, 1e-9)) for one, meant in zip(sure, right, strict=True))
    return lost / len(rows), figures.calibration_error(sure, right) or 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """The weights of an installation: `pooling.json` in its home. `version` 0: none were fitted. `history`: the figures of each."""

    version: int = 0
    weights: Weights = USUAL
    history: tuple[dict[str, Any], ...] = ()

    @staticmethod
    def load(path: Path) -> "Kept":
        """The usual weights where there is no file. Raises ValueError when it is not one of ours."""
        if not path.exists():
            return Kept()
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            weights = Weights(**{name: float(value) for name, value in data["weights"].items()})
            return Kept(int(data["version"]), weights, tuple(data["history"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is damaged; without it the usual weights serve") from error

    def after(self, fitted: Fitted, at: str, engine: str) -> "Kept":
        """One version more. `engine`: the model and the prompt that the rows were read by."""
        told = {"version": self.version + 1, "at": at, "engine": engine, **_told(fitted)}
        return Kept(self.version + 1, fitted.weights, (*self.history, told))

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        weights = dict(zip(("bias", "offline", "model", "agreement"), astuple(self.weights), strict=True))
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"version": self.version, "weights": weights, "history": self.history}, indent=1), encoding="utf-8")
        draft.replace(path)


def _told(fitted: Fitted) -> dict[str, Any]:
    names = ("rows", "held_out", "loss", "loss_before", "error", "error_before")
    return {name: round(getattr(fitted, name), 4) for name in names}


def _odds(confidence: float) -> float:
    bounded = min(max(confidence, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))
