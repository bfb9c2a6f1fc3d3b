"""The extra encoder `foyer[st]`: any sentence-transformers model, multilingual ones and GPUs included.

An extra because it brings torch, gigabytes that the default does without.
"""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.embedding.port import EncoderUnavailable, Vectors

_BATCH = 32


class SentenceTransformersEncoder:
    """A model from a directory or by its name; loaded at the first text."""

    def __init__(self, model: str | Path, *, dimension: int, name: str | None = None, device: str = "cpu") -> None:
        """`dimension` is the model's own; `name` defaults to the model's last path part."""
        self.name = name or Path(model).name
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
        vectors = self._load().encode(texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def _load(self) -> Any:
        with self._loading:
            if self._model is None:
                try:
                    from sentence_transformers import SentenceTransformer
                except ImportError as error:
                    raise EncoderUnavailable("sentence-transformers is not installed: run `pip install 'foyer[st]'`.") from error
                self._model = SentenceTransformer(self._model_path, device=self._device)
            return self._model
