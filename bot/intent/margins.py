"""A kernel classifier with margins, one side a label, on embedding and words: what it says where it is right enough is left alone.

The kernel is closeness of the embeddings, to all examples or to a sample of them (Nystroem), plus shared words. The
squared hinge is minimised by ridge regressions, each to targets moved to wherever the one before was past them: one
matrix is inverted, and the rest is products. With few examples that matrix is of examples, with many it is of landmarks
and words, so that memory is bounded and time grows with the number of examples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.intent.wording import Floats, Wording, dense

Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]

_SHARPNESS, _GAIN = 2.0, 2.0
"""Of the embedding kernel g * exp(s * (cosine - 1)). These and the ridge did best on held-out rows of public sets."""
_RIDGE = 0.3
_FEW = 3000
"""Examples up to which closeness is taken to each of them."""
_LANDMARKS = 2048
"""Size of the sample that it is taken to of more."""
_JITTER = 1e-4
"""Keeps the kernel of landmarks that are said twice invertible."""
_ROUNDS = 15
_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class Margins:
    """What serves. `landmarks`: embeddings, shape [m, dimension]; `by_landmark`: [m, labels]; `by_feature`: [features, labels]."""

    landmarks: Floats
    by_landmark: Floats
    by_feature: Floats

    def scores(self, vectors: Floats, features: Sequence[Wording]) -> Floats:
        """Shape [texts, labels]: about 1 for a label that fits, about 0 for others."""
        scores = products(_closeness(products(vectors, self.landmarks)), self.by_landmark.T)
        for row, (there, values) in enumerate(features):
            scores[row] += values @ self.by_feature[there]
        return scores


class Trainer(Protocol):
    """What all trainings on some of the examples share, made once."""

    def fit(self, held: NDArray[np.bool_]) -> Margins:
        """Trained on all examples but those that are held out."""


def trainer(vectors: Floats, features: Sequence[Wording], columns: int, own: NDArray[np.bool_]) -> Trainer:
    """`features` of the texts, out of `columns`; `own`: which label each has, shape [texts, labels]."""
    return (_Exact if len(vectors) <= _FEW else _Sampled)(vectors, features, columns, own)


class _Exact:
    def __init__(self, vectors: Floats, features: Sequence[Wording], columns: int, own: NDArray[np.bool_]) -> None:
        self._vectors, self._own, self._words = vectors, own, dense(features, columns)
        self._inverse = _inverse(_closeness(vectors @ vectors.T) + self._words @ self._words.T)

    def fit(self, held: NDArray[np.bool_]) -> Margins:
        kept, left = np.flatnonzero(~held), np.flatnonzero(held)
        # The inverse without some of its rows, from that with them.
        across = self._inverse[np.ix_(left, kept)]
        inverse = self._inverse[np.ix_(kept, kept)]
        if len(left):
            inverse = inverse - across.T @ np.linalg.solve(self._inverse[np.ix_(left, left)], across)
        light = inverse.astype(np.float32)
        targets = _moved(self._own[kept], lambda targets: targets - np.float32(_RIDGE) * (light @ targets))
        duals = light @ targets
        return Margins(self._vectors[kept], duals, self._words[kept].T @ duals)


class _Sampled:
    def __init__(self, vectors: Floats, features: Sequence[Wording], columns: int, own: NDArray[np.bool_]) -> None:
        self._features, self._columns, self._own = features, columns, own
        self._landmarks = vectors[np.sort(np.random.default_rng(0).choice(len(vectors), _LANDMARKS, replace=False))]
        self._whitening = _whitening(_closeness(self._landmarks @ self._landmarks.T))
        self._near = np.empty((len(vectors), _LANDMARKS), dtype=np.float32)
        for rows in _chunks(np.arange(len(vectors))):
            self._near[rows] = _closeness(vectors[rows] @ self._landmarks.T) @ self._whitening
        self._gram = self._products(np.arange(len(vectors)))

    def fit(self, held: NDArray[np.bool_]) -> Margins:
        inverse = _inverse(self._gram - self._products(np.flatnonzero(held))).astype(np.float32)
        kept = np.flatnonzero(~held)
        own = self._own[kept]
        chunks = [(rows, slice(start, start + len(rows))) for rows, start in zip(_chunks(kept), range(0, len(kept), _CHUNK), strict=True)]

        def weighed(targets: Floats) -> Floats:
            aims = np.zeros((len(inverse), own.shape[1]), dtype=np.float32)
            for rows, place in chunks:
                aims += self._expanded(rows).T @ targets[place]
            return inverse @ aims

        def predicted(targets: Floats) -> Floats:
            weights = weighed(targets)
            return np.vstack([self._expanded(rows) @ weights for rows, _ in chunks])

        weights = weighed(_moved(own, predicted))
        return Margins(self._landmarks, self._whitening @ weights[:_LANDMARKS], weights[_LANDMARKS:])

    def _expanded(self, rows: Indices) -> Floats:
        return np.hstack([self._near[rows], dense([self._features[row] for row in rows], self._columns)])

    def _products(self, rows: Indices) -> Floats:
        gram = np.zeros((_LANDMARKS + self._columns,) * 2, dtype=np.float32)
        for chunk in _chunks(rows):
            seen = self._expanded(chunk)
            gram += seen.T @ seen
        return gram


def _chunks(rows: Indices) -> list[Indices]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def products(some: Floats, others: Floats) -> Floats:
    """The dot product of each of some vectors with each of the others, in this thread.

    A handful of vectors is too little for BLAS to share out among threads, and waiting for those costs milliseconds on a
    busy machine.
    """
    return np.asarray(np.einsum("id,jd->ij", some, others, optimize=False), dtype=np.float32)


def _closeness(cosines: Floats) -> Floats:
    return np.asarray(_GAIN * np.exp(_SHARPNESS * (cosines - 1)), dtype=np.float32)


def _whitening(kernel: Floats) -> Floats:
    """What makes the product of two expansions their kernel."""
    steady = kernel.astype(np.float64)
    steady[np.diag_indices_from(steady)] += _JITTER
    return np.asarray(np.linalg.inv(np.linalg.cholesky(steady)).T, dtype=np.float32)


def _inverse(gram: Floats) -> Doubles:
    """In double precision: what all utterances share is some hundred thousand times as strong as the ridge."""
    ridged = gram.astype(np.float64)
    ridged[np.diag_indices_from(ridged)] += _RIDGE
    return np.asarray(np.linalg.inv(ridged))


def _moved(own: NDArray[np.bool_], predicted: Callable[[Floats], Floats]) -> Floats:
    """The targets at which the rounds arrive: at least 1 for the own label, at most 0 for others. With Nesterov's momentum."""
    targets = before = own.astype(np.float32)
    for number in range(_ROUNDS):
        scores = predicted(targets)
        after = np.where(own, np.maximum(scores, 1), np.minimum(scores, 0)).astype(np.float32)
        targets = after + np.float32(number / (number + 3)) * (after - before)
        before = after
    return before
