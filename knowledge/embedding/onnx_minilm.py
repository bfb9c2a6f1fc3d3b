"""The default encoder: all-MiniLM-L6-v2 in fp32 on onnxruntime.

Chosen over torch for start-up, memory and speed of a single question; int8 is not batch-stable and therefore not
offered. The graph is built once at set-up by `build_minilm`; nothing is downloaded.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from knowledge.embedding.port import EncoderUnavailable, Vectors
from knowledge.text import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DIMENSION = 384
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
MANIFEST_FILE = "manifest.json"
_MAX_TOKENS = 256
"""What the model was trained with; the tokenizer file itself says 128 and is overruled."""
_BATCH_TOKENS = 1024
"""Tokens of one run, padding included: keeps a bulk load from holding up a question for more than some 60 ms."""
_MAX_THREADS = 2
_PAD_ID = 0


def default_directory() -> Path:
    """Where set-up puts the graph: in the virtual environment, outside FOYER_HOME."""
    return Path(sys.prefix) / "share" / "foyer" / "minilm"


@dataclass(frozen=True, slots=True)
class _Runtime:
    session: Any
    tokenizer: "Tokenizer"


class OnnxMiniLM:
    """all-MiniLM-L6-v2, 384 dimensions, the first 256 tokens of a text."""

    name = "all-minilm-l6-v2-fp32"
    dimension = DIMENSION

    def __init__(self, directory: Path | None = None, *, threads: int | None = None) -> None:
        """`threads`: for one run inside onnxruntime; at most two and the machine's cores by default."""
        self._directory = directory or default_directory()
        self._threads = threads or min(_MAX_THREADS, os.cpu_count() or 1)
        self._runtime: _Runtime | None = None
        self._loading = threading.Lock()
        # Threads of our own: the loop's default executor belongs to whoever replaced it last.
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="encoder")

    async def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if not texts:
            return vectors
        loop = asyncio.get_running_loop()
        if len(texts) == 1:
            vectors[0] = await loop.run_in_executor(self._executor, self._encode_one, texts[0])
            return vectors
        tokens = await loop.run_in_executor(self._executor, self._tokenise, list(texts))
        # Texts of like length go together, so that little is computed for padding.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        for batch in _batches(order, tokens):
            vectors[batch] = await loop.run_in_executor(self._executor, self._run, [tokens[index] for index in batch])
        return vectors

    def _encode_one(self, text: str) -> Vectors:
        return self._run(self._tokenise([text]))

    def _tokenise(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._load().tokenizer.encode_batch([encodable(text) for text in texts])]

    def _run(self, tokens: list[list[int]]) -> Vectors:
        length = max(len(ids) for ids in tokens)
        input_ids = np.full((len(tokens), length), _PAD_ID, dtype=np.int64)
        mask = np.zeros((len(tokens), length), dtype=np.int64)
        for row, ids in enumerate(tokens):
            input_ids[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        (vectors,) = self._load().session.run(None, {"input_ids": input_ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)

    def _load(self) -> _Runtime:
        with self._loading:
            if self._runtime is None:
                self._runtime = _open(self._directory, self._threads)
            return self._runtime


def _open(directory: Path, threads: int) -> _Runtime:
    for file in (MODEL_FILE, TOKENIZER_FILE):
        if not (directory / file).is_file():
            raise EncoderUnavailable(f"The embedding model is not installed ({directory / file} is missing): run `make setup`.")
    # Imported here: half a second that a command which encodes nothing need not pay.
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads sleep rather than spin: the process has other work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(directory / MODEL_FILE), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=_MAX_TOKENS)
    return _Runtime(session, tokenizer)


def _batches(order: list[int], tokens: list[list[int]]) -> list[list[int]]:
    """Cuts indices sorted by length into runs of at most `_BATCH_TOKENS` padded tokens."""
    batches: list[list[int]] = []
    for index in order:
        if batches and (len(batches[-1]) + 1) * len(tokens[index]) <= _BATCH_TOKENS:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
