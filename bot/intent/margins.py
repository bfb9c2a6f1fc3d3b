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

Indices = NDArray[np.intp]

_SHARPNESS, _GAIN = 1.5, 2.0
"""Of the embedding kernel g * exp(s * (cosine - 1)). These and the ridge did best on held-out rows of public sets."""
_RIDGE = 0.3
_LANDMARKS = 4096
_JITTER = 1e-3
"""Keeps the kernel of landmarks that are said twice invertible."""
_ROUNDS, _FURTHER_ROUNDS = 15, 5
"""From the labels alone, and from where all examples arrived."""
_CHUNK, _BLOCK = 2048, 256
_MORE = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
"""What is added to the diagonal, in turn, until a factor can be taken."""


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
    """What all trainings on some of the examples share, made once. `whole`: trained on all of them."""

    @property
    def whole(self) -> Margins: ...

    def without(self, held: NDArray[np.bool_]) -> Margins:
        """Trained on all examples but those that are held out, from where the training on all arrived: a third of the time,
        and not quite as if they had never been seen (`scoring.py` says what comes of that)."""


def trainer(vectors: Floats, features: Sequence[Wording], columns: int, own: NDArray[np.bool_], *, landmarks: int = _LANDMARKS) -> Trainer:
    """`features` of the texts, out of `columns`; `own`: which label each has, shape [texts, labels]. `landmarks`: examples up
    to which closeness is taken to each of them; of more, the size of the sample that it is taken to."""
    if len(vectors) <= landmarks:
        return _Exact(vectors, features, columns, own)
    return _Sampled(vectors, features, columns, own, landmarks)


class _Exact:
    def __init__(self, vectors: Floats, features: Sequence[Wording], columns: int, own: NDArray[np.bool_]) -> None:
        self._vectors, self._own, self._words = vectors, own, dense(features, columns)
        self._kernel = _closeness(vectors @ vectors.T) + self._words @ self._words.T
        self.whole, self._targets = self._fit(np.arange(len(vectors)), own.astype(np.float32), _ROUNDS)

    def without(self, held: NDArray[np.bool_]) -> Margins:
        kept = np.flatnonzero(~held)
        return self._fit(kept, self._targets[kept], _FURTHER_ROUNDS)[0]

    def _fit(self, kept: Indices, targets: Floats, rounds: int) -> tuple[Margins, Floats]:
        factor = _Factor(self._kernel[np.ix_(kept, kept)], _RIDGE)
        targets = _moved(self._own[kept], targets, lambda some: some - np.float32(_RIDGE) * factor.solve(some), rounds)
        duals = factor.solve(targets)
        return Margins(self._vectors[kept], duals, self._words[kept].T @ duals), targets


class _Sampled:
    def __init__(self, vectors: Floats, features: Sequence[Wording], columns: int, own: NDArray[np.bool_], landmarks: int) -> None:
        self._features, self._columns, self._own, self._width = features, columns, own, landmarks + columns
        self._landmarks = vectors[np.sort(np.random.default_rng(0).choice(len(vectors), landmarks, replace=False))]
        # Expansions whose products are the kernel.
        self._basis = _Factor(_closeness(self._landmarks @ self._landmarks.T), _JITTER)
        self._near = np.empty((len(vectors), landmarks), dtype=np.float32)
        everything = np.arange(len(vectors))
        for rows in _chunks(everything):
            self._near[rows] = self._basis.forward(_closeness(self._landmarks @ vectors[rows].T)).T
        self._gram = np.zeros((self._width, self._width), dtype=np.float32)
        self._count(everything, self._gram)
        self.whole, self._targets = self._fit(everything, self._gram.copy(), own.astype(np.float32), _ROUNDS)

    def without(self, held: NDArray[np.bool_]) -> Margins:
        kept, gram = np.flatnonzero(~held), self._gram.copy()
        self._count(np.flatnonzero(held), gram, -1)
        return self._fit(kept, gram, self._targets[kept], _FURTHER_ROUNDS)[0]

    def _fit(self, kept: Indices, gram: Floats, targets: Floats, rounds: int) -> tuple[Margins, Floats]:
        factor = _Factor(gram, _RIDGE)
        own, split = self._own[kept], len(self._landmarks)
        chunks = [(some, slice(start, start + len(some))) for some, start in zip(_chunks(kept), range(0, len(kept), _CHUNK), strict=True)]

        def weighed(targets: Floats) -> Floats:
            aims = np.zeros((self._width, own.shape[1]), dtype=np.float32)
            for some, place in chunks:
                aims[:split] += self._near[some].T @ targets[place]
                aims[split:] += self._words(some).T @ targets[place]
            return factor.solve(aims)

        def predicted(targets: Floats) -> Floats:
            weights = weighed(targets)
            return np.vstack([self._near[some] @ weights[:split] + self._words(some) @ weights[split:] for some, _ in chunks])

        targets = _moved(own, targets, predicted, rounds)
        weights = weighed(targets)
        return Margins(self._landmarks, self._basis.back(weights[:split]), weights[split:]), targets

    def _words(self, rows: Indices) -> Floats:
        return dense([self._features[row] for row in rows], self._columns)

    def _count(self, rows: Indices, gram: Floats, sign: int = 1) -> None:
        """Adds some examples to the products of all features, or takes them away."""
        for some in _chunks(rows):
            seen = np.hstack([self._near[some], self._words(some)])
            for start in range(0, self._width, _CHUNK):
                gram[start : start + _CHUNK] += (np.float32(sign) * seen[:, start : start + _CHUNK]).T @ seen


class _Factor:
    """The Cholesky factor of a matrix with something added to its diagonal; solves by blocks, which numpy has no call for.

    In single precision an inverse would be useless: what all utterances share is some hundred thousand times as strong as
    the ridge. A factor is not troubled by that.
    """

    def __init__(self, matrix: Floats, diagonal: float) -> None:
        """Takes the matrix's memory; the upper half is left as it is."""
        matrix[np.diag_indices_from(matrix)] += np.float32(diagonal)
        self._lower = matrix
        self._blocks = [slice(start, min(start + _BLOCK, len(matrix))) for start in range(0, len(matrix), _BLOCK)]
        self._inverses = []
        for block in self._blocks:
            rows = slice(block.start, None)
            matrix[rows, block] -= matrix[rows, : block.start] @ matrix[block, : block.start].T
            self._inverses.append(np.linalg.inv(_root(matrix[block, block])))
            matrix[block.stop :, block] = matrix[block.stop :, block] @ self._inverses[-1].T

    def solve(self, right: Floats) -> Floats:
        return self.back(self.forward(right))

    def forward(self, right: Floats) -> Floats:
        """Solves with the factor itself."""
        found = np.array(right, dtype=np.float32)
        for block, inverse in zip(self._blocks, self._inverses, strict=True):
            found[block] = inverse @ (found[block] - self._lower[block, : block.start] @ found[: block.start])
        return found

    def back(self, right: Floats) -> Floats:
        """Solves with the factor transposed."""
        found = np.array(right, dtype=np.float32)
        for block, inverse in zip(reversed(self._blocks), reversed(self._inverses), strict=True):
            found[block] = inverse.T @ (found[block] - self._lower[block.stop :, block].T @ found[block.stop :])
        return found


def _root(block: Floats) -> Floats:
    """Its Cholesky factor; what thousands of equal examples leave is rounded to less than nothing now and then, and gets more."""
    for more in _MORE:
        try:
            return np.asarray(np.linalg.cholesky(block + np.float32(more) * np.eye(len(block), dtype=np.float32)), dtype=np.float32)
        except np.linalg.LinAlgError:
            continue
    raise np.linalg.LinAlgError("these vectors are no numbers")


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


def _moved(own: NDArray[np.bool_], targets: Floats, predicted: Callable[[Floats], Floats], rounds: int) -> Floats:
    """The targets at which the rounds arrive: at least 1 for the own label, at most 0 for others. With Nesterov's momentum."""
    before = targets
    for number in range(rounds):
        scores = predicted(targets)
        after = np.where(own, np.maximum(scores, 1), np.minimum(scores, 0)).astype(np.float32)
        targets = after + np.float32(number / (number + 3)) * (after - before)
        before = after
    return before
