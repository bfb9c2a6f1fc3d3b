"""The words of an utterance as hashed features: typos, product names, and turns of phrase that an embedding blurs."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Wording = tuple[NDArray[np.int32], Floats]
"""The features that are there, ascending, and their values; of length 1 together."""

BUCKETS = 2048
_WORD = re.compile(r"[\w']+")
_MOST_WORDS, _LONGEST = 256, 40


def wording(text: str) -> Wording:
    """Words, pairs of words and letter 3- to 5-grams, hashed; dampened and of length 1."""
    words = _WORD.findall(text.lower())[:_MOST_WORDS]
    seen: dict[int, float] = {}
    for word in words:
        for bucket, sign in _pieces(word):
            seen[bucket] = seen.get(bucket, 0.0) + sign
    for pair in pairwise(words):
        bucket, sign = _bucket(" ".join(pair))
        seen[bucket] = seen.get(bucket, 0.0) + sign
    there = sorted(seen)
    values = np.array([seen[bucket] for bucket in there], dtype=np.float32)
    values = np.sign(values) * np.log1p(np.abs(values))
    return np.array(there, dtype=np.int32), values / np.float32(max(float(np.linalg.norm(values)), 1e-12))


def dense(wordings: Sequence[Wording], columns: int = BUCKETS) -> Floats:
    """As a matrix, shape [texts, columns]."""
    matrix = np.zeros((len(wordings), columns), dtype=np.float32)
    for row, (there, values) in enumerate(wordings):
        matrix[row, there] = values
    return matrix


@lru_cache(maxsize=16384)
def _pieces(word: str) -> tuple[tuple[int, float], ...]:
    padded = f"<{word[:_LONGEST]}>"
    grams = [f"#{padded[start : start + size]}" for size in (3, 4, 5) for start in range(len(padded) - size + 1)]
    return tuple(_bucket(piece) for piece in (word, *grams))


def _bucket(piece: str) -> tuple[int, float]:
    digest = crc32(piece.encode("utf-8", "replace"))
    return digest % BUCKETS, 1.0 if digest >> 31 else -1.0
