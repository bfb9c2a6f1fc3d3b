"""The in-memory twin of the real encoders: deterministic, instant, no files.

It hashes words and their trigrams into a vector, so texts that share words are near and others are not. It knows no
synonyms: good for testing what stands around an encoder, no measure of how well Foyer answers.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from knowledge.embedding.port import Vectors, normalised

_WORD = re.compile(r"\w+")
_TRIGRAM_WEIGHT = 0.4


class HashingEncoder:
    """Satisfies `Encoder` without a model."""

    def __init__(self, dimension: int = 384) -> None:
        self.name = f"hashing-{dimension}"
        self.dimension = dimension

    async def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension))
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                self._add(vectors[row], word, 1.0)
                padded = f"<{word}>"
                for start in range(len(padded) - 2):
                    self._add(vectors[row], padded[start : start + 3], _TRIGRAM_WEIGHT)
        return normalised(vectors)

    def _add(self, vector: np.ndarray, feature: str, weight: float) -> None:
        digest = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "big")
        vector[digest % self.dimension] += weight if digest >> 63 else -weight
