"""The classifier: which label is an utterance, and how sure is that. Pure numpy, trained at start.

Kernel ridge regression, one target a label, on a sum of two kernels: closeness of the embeddings, and shared words and
letter n-grams (typos, product names). It has an exact leave-one-out prediction in closed form, so confidence is
calibrated on examples that were not trained on, without training twice. Near twins are left out together, so that an
example is judged as a fresh phrasing rather than as a copy of another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SHARPNESS = 2.0
"""Of the embedding kernel exp(s * (cosine - 1)). This, the lexical weight and the ridge did best on public validation rows."""
_LEXICAL = 0.3
_MARKED = 0.1
"""Weight of each mark that two utterances share."""
_RIDGE = 0.3
_BUCKETS = 2048
_TWIN = 0.85
"""Cosine above which two examples of one label are held out together."""
_WORD = re.compile(r"[\w']+")
_RIVALRY = 8.0
"""How fast the rest of the confidence falls off among the labels that came second."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Labels with calibrated confidence, best first. `nearest`: cosine of the nearest example of the best label. `known`:
    how sure it is that the utterance has one of the labels that are told apart."""

    labels: tuple[tuple[str, float], ...]
    nearest: float
    known: float

    @property
    def label(self) -> str:
        return self.labels[0][0]

    @property
    def confidence(self) -> float:
        return self.labels[0][1]

    def of(self, label: str) -> float:
        return next((confidence for name, confidence in self.labels if name == label), 0.0)


class Classifier:
    """Trained on labelled utterances with their embeddings; `rank` takes well under a millisecond.

    `marks` are what somebody else saw in a text ("it names an application"), one set a text. `same`: labels that need
    not be told apart, such as two kinds of "none of these": taking one for the other costs no confidence.
    """

    def __init__(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        vectors: Floats,
        marks: Sequence[frozenset[str]] = (),
        *,
        same: Sequence[str] = (),
    ) -> None:
        """Raises ValueError with fewer than two labels."""
        self.labels = tuple(sorted(set(labels)))
        if len(self.labels) < 2:
            raise ValueError("a classifier needs two labels at least")
        self._vectors, self._same = vectors, frozenset(same)
        self._truth = np.array([self.labels.index(label) for label in labels])
        self._groups = np.array([-1 if label in same else index for index, label in enumerate(self.labels)])
        self._marks = sorted(frozenset().union(*marks))
        features = self._features(texts, marks)
        closeness = vectors @ vectors.T
        kernel = (np.exp(_SHARPNESS * (closeness - 1)) + features @ features.T).astype(np.float64)
        kernel[np.diag_indices_from(kernel)] += _RIDGE
        targets = np.eye(len(self.labels))[self._truth]
        inverse = np.linalg.inv(kernel)
        duals = inverse @ targets
        self._duals = duals.astype(np.float32)
        self._by_feature = features.T @ self._duals
        self._weights = self._calibrate(_held_out(inverse, duals, targets, closeness, self._truth), closeness)

    def rank(self, texts: Sequence[str], vectors: Floats, marks: Sequence[frozenset[str]] = ()) -> list[Ranked]:
        closeness = products(vectors, self._vectors)
        scores = products(np.exp(_SHARPNESS * (closeness - 1)), self._duals.T)
        for row, features in enumerate(self._features(texts, marks)):
            there = np.flatnonzero(features)
            scores[row] += (features[there, None] * self._by_feature[there]).sum(axis=0)
        nearest = self._nearest(closeness)
        return [self._ranked(scores[row], nearest[row]) for row in range(len(texts))]

    def _ranked(self, scores: Floats, nearest: Floats) -> Ranked:
        order = np.argsort(-scores)
        best = order[0]
        confidence = float(1 / (1 + np.exp(-(self._evidence(scores, nearest) @ self._weights))))
        others = order[self._groups[order] != self._groups[best]]
        rest = np.exp(_RIVALRY * (scores[others] - scores[best]))
        shares = (1 - confidence) * rest / max(float(rest.sum()), 1.0)
        rivals = tuple((self.labels[index], float(share)) for index, share in zip(others, shares, strict=True))
        labels = ((self.labels[best], confidence), *rivals)
        return Ranked(labels, float(nearest[best]), sum(sure for label, sure in labels if label not in self._same))

    def _features(self, texts: Sequence[str], marks: Sequence[frozenset[str]]) -> Floats:
        seen = np.zeros((len(texts), len(self._marks)), dtype=np.float32)
        for row, own in enumerate(marks):
            seen[row] = [mark in own for mark in self._marks]
        return np.hstack([_lexical(texts) * np.float32(_LEXICAL**0.5), seen * np.float32(_MARKED**0.5)])

    def _nearest(self, closeness: Floats) -> Floats:
        nearest = np.full((closeness.shape[0], len(self.labels)), -1.0, dtype=np.float32)
        for index in range(len(self.labels)):
            nearest[:, index] = closeness[:, self._truth == index].max(axis=1)
        return nearest

    def _evidence(self, scores: NDArray[np.floating], nearest: Floats) -> NDArray[np.float64]:
        """What speaks for the best label: its score, its lead, how near its nearest example is, and that one's lead."""
        best = int(np.argmax(scores))
        outside = self._groups != self._groups[best]
        second, rival = (scores[outside].max(), nearest[outside].max()) if outside.any() else (0.0, 0.0)
        return np.array([1.0, scores[best], scores[best] - second, nearest[best], nearest[best] - rival])

    def _calibrate(self, scores: NDArray[np.float64], closeness: Floats) -> NDArray[np.float64]:
        """Logistic weights of the evidence for "the best label is right", on held-out predictions."""
        alone = np.where((closeness > _TWIN) & (self._truth[:, None] == self._truth[None, :]), -1.0, closeness)
        np.fill_diagonal(alone, -1.0)
        nearest = self._nearest(alone.astype(np.float32))
        evidence = np.array([self._evidence(scores[row], nearest[row]) for row in range(len(scores))])
        right = (self._groups[scores.argmax(axis=1)] == self._groups[self._truth]).astype(float)
        return _logistic(evidence, right)


def products(some: Floats, others: Floats) -> Floats:
    """The dot product of each of some vectors with each of the others, in this thread.

    A handful of vectors is too little for BLAS to share out among threads, and waiting for those costs milliseconds on a
    busy machine.
    """
    return np.asarray(np.einsum("id,jd->ij", some, others, optimize=False), dtype=np.float32)


def _held_out(
    inverse: NDArray[np.float64], duals: NDArray[np.float64], targets: NDArray[np.float64], closeness: Floats, truth: NDArray[np.int_]
) -> NDArray[np.float64]:
    """What the model says of each example when it and its twins were not trained on: y - (K^-1 of the block)^-1 duals."""
    scores = np.empty_like(targets)
    for row in range(len(targets)):
        block = np.flatnonzero((closeness[row] > _TWIN) & (truth == truth[row]))
        block = np.concatenate(([row], block[block != row]))
        residual = np.linalg.solve(inverse[np.ix_(block, block)], duals[block])
        scores[row] = targets[row] - residual[0]
    return scores


def _logistic(evidence: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newton's method with a little shrinkage; smoothed targets keep it finite when everything is right."""
    targets = right * 0.99 + 0.005
    weights = np.zeros(evidence.shape[1])
    shrink = np.diag([0.0] + [0.05] * (evidence.shape[1] - 1))
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(evidence @ weights, -30, 30)))
        gradient = evidence.T @ (targets - chance) - shrink @ weights
        hessian = (evidence * (chance * (1 - chance))[:, None]).T @ evidence + shrink + 1e-6 * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        weights = weights + step
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


def _lexical(texts: Sequence[str]) -> Floats:
    """Words, pairs of words and letter 3- and 4-grams, hashed; dampened and of length 1."""
    matrix = np.zeros((len(texts), _BUCKETS), dtype=np.float32)
    for row, text in enumerate(texts):
        words = _WORD.findall(text.lower())[:256]
        for word in words:
            for bucket, sign in _pieces(word):
                matrix[row, bucket] += sign
        for pair in pairwise(words):
            bucket, sign = _bucket(" ".join(pair))
            matrix[row, bucket] += sign
    matrix = np.sign(matrix) * np.log1p(np.abs(matrix))
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(lengths == 0, 1.0, lengths), dtype=np.float32)


@lru_cache(maxsize=8192)
def _pieces(word: str) -> tuple[tuple[int, float], ...]:
    padded = f"<{word[:40]}>"
    grams = [f"#{padded[start : start + size]}" for size in (3, 4) for start in range(len(padded) - size + 1)]
    return tuple(_bucket(piece) for piece in (word, *grams))


def _bucket(piece: str) -> tuple[int, float]:
    digest = crc32(piece.encode("utf-8", "replace"))
    return digest % _BUCKETS, 1.0 if digest >> 31 else -1.0
