"""Vectors that set-up made of the texts that ship with Foyer, so that an empty home is ready at once.

A text's vector is the same whenever it is made: looking it up instead changes nothing but the time.
"""

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from knowledge.embedding.port import Encoder, Vector, Vectors


class PreparedEncoder:
    """Another encoder with some vectors known beforehand. `path`: a file that `keep` wrote; without it nothing is known."""

    def __init__(self, encoder: Encoder, path: Path) -> None:
        self._encoder = encoder
        self._path = path
        self._known: Mapping[bytes, Vector] | None = None

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    async def encode(self, texts: Sequence[str]) -> Vectors:
        if self._known is None:
            self._known = _read(self._path, self._encoder)
        known = self._known
        keys = [_key(text) for text in texts]
        missing = [index for index, key in enumerate(keys) if key not in known]
        if len(missing) == len(texts):
            return await self._encoder.encode(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        made = await self._encoder.encode([texts[index] for index in missing])
        vectors[missing] = made
        for index, key in enumerate(keys):
            if key in known:
                vectors[index] = known[key]
        return vectors


class RecordingEncoder:
    """Another encoder that remembers all that it is asked for, to be kept by `keep`."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._made: dict[bytes, Vector] = {}

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    async def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = await self._encoder.encode(texts)
        self._made.update(zip(map(_key, texts), vectors, strict=True))
        return vectors

    def keep(self, path: Path) -> int:
        """Writes what was made, for the encoder of this name; returns how many vectors."""
        aside = path.with_suffix(".new")
        with aside.open("wb") as file:
            keys = np.array([key.hex() for key in self._made])
            np.savez(file, name=np.array(self.name), keys=keys, vectors=np.array(list(self._made.values()), dtype=np.float32))
        aside.replace(path)
        return len(self._made)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _read(path: Path, encoder: Encoder) -> Mapping[bytes, Vector]:
    """Nothing, when the file is missing, damaged or of another encoder: it only saves time."""
    try:
        with np.load(path, allow_pickle=False) as data:
            name, keys, vectors = str(data["name"]), [bytes.fromhex(key) for key in data["keys"].tolist()], data["vectors"]
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile):
        return {}
    if name != encoder.name or vectors.shape != (len(keys), encoder.dimension):
        return {}
    return dict(zip(keys, vectors, strict=True))
