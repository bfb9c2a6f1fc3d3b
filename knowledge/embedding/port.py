"""The port of everything that turns texts into vectors, so that a runtime can be changed without touching who uses it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One L2-normalised embedding, shape [dimension]; the dot product of two is their cosine."""
Vectors = NDArray[np.float32]
"""Several of them, shape [n, dimension]."""


class EncoderUnavailable(RuntimeError):
    """The embedding runtime is not installed; the message says how to mend it."""


class Encoder(Protocol):
    """Encodes texts. The contract suite in tests/contract/ runs on every implementation.

    Batch-stable: a text has the same vector (to 1e-5) alone and in any company, so vectors that were made at
    publication can be compared with those of a question.
    """

    @property
    def name(self) -> str:
        """Names the vector space. Vectors made under another name have to be made again."""

    @property
    def dimension(self) -> int: ...

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Normalised float32 vectors, shape [len(texts), dimension], in the order given.

        Never blocks the event loop. Raises `EncoderUnavailable` when the runtime is not installed.
        """


def normalised(vectors: NDArray[np.floating]) -> Vectors:
    """Rows scaled to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1.0, lengths), dtype=np.float32)
