"""The extra encoder `foyer[st]`: any sentence-transformers model, multilingual ones and GPUs included.

An extra because it brings torch, gigabytes that the default does without.
"""

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.embedding.port import EncoderUnavailable, Vectors
from knowledge.text import encodable

_BATCH = 32
_NAME = 60
_DIGITS = 12
_WHOLE = 64 * 1024
"""Bytes of a file that are looked at as they are; of a longer one so many samples, evenly spread, of as many bytes each."""
_SAMPLES, _SAMPLE = 64, 4096


def model_name(model: str | Path, dimension: int) -> str:
    """What tells this model's vectors from those of any other: its last path part, which people know it by, and a digest.

    Of a folder's files: trained further, a model has files of the same sizes and headers, so the weights are sampled, too. A model that
    is not a folder goes by its whole name.
    """
    digest = hashlib.sha256(str(dimension).encode())
    folder = Path(model)
    if folder.is_dir():
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
        inside = {path.relative_to(folder): path for path in files}
        for name, path in sorted(inside.items()):
            if not any(part.startswith(".") for part in name.parts):
                size = path.stat().st_size
                digest.update(f"\n{name.as_posix()}\n{size}\n".encode())
                digest.update(_samples(path, size))
    else:
        digest.update(f"\n{model}".encode())
    return f"{(folder.resolve() if folder.is_dir() else folder).name[-_NAME:]}-{digest.hexdigest()[:_DIGITS]}"


def _samples(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        if size <= _WHOLE:
            return file.read()
        found = []
        for number in range(_SAMPLES):
            file.seek(number * (size - _SAMPLE) // (_SAMPLES - 1))
            found.append(file.read(_SAMPLE))
        return b"".join(found)


class SentenceTransformersEncoder:
    """A model from a directory or by its name; loaded at the first text."""

    def __init__(self, model: str | Path, *, dimension: int, device: str = "cpu") -> None:
        """`dimension` is the model's own."""
        self.name = model_name(model, dimension)
        self.dimension = dimension
        self._model_path = str(model)
        self._device = device
        self._model: Any = None
        self._loading = threading.Lock()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")

    async def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._encode, list(texts))

    def _encode(self, texts: list[str]) -> Vectors:
        vectors = self._load().encode(
            [encodable(text) for text in texts], batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def _load(self) -> Any:
        with self._loading:
            if self._model is None:
                try:
                    from sentence_transformers import SentenceTransformer
                except ImportError as error:
                    raise EncoderUnavailable("sentence-transformers is not installed: run `pip install 'foyer[st]'`.") from error
                try:
                    self._model = SentenceTransformer(self._model_path, device=self._device)
                except (OSError, ValueError, KeyError, RuntimeError) as error:
                    raise EncoderUnavailable(f"The model {self._model_path} cannot be opened: {error}") from error
            return self._model
