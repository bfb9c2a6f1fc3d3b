"""The vectors of the example utterances, kept in a file: a rebuildable projection, so that a start need not make them."""

import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import structlog

from knowledge.embedding.port import Encoder, Vectors

log = structlog.get_logger()


async def encode_cached(encoder: Encoder, texts: Sequence[str], cache: Path | None) -> Vectors:
    """The vectors of the texts; only those are made that the file does not have for this encoder."""
    keys = [hashlib.sha256(f"{encoder.name}\n{text}".encode("utf-8", "replace")).hexdigest() for text in texts]
    known = _read(cache, encoder.dimension)
    missing = [index for index, key in enumerate(keys) if key not in known]
    if missing:
        for index, vector in zip(missing, await encoder.encode([texts[index] for index in missing]), strict=True):
            known[keys[index]] = vector
        if cache is not None:
            _write(cache, {key: known[key] for key in keys})
    log.info("utterances_encoded", made=len(missing), cached=len(texts) - len(missing))
    return np.array([known[key] for key in keys], dtype=np.float32).reshape(len(texts), encoder.dimension)


def _read(cache: Path | None, dimension: int) -> dict[str, Vectors]:
    """Whatever is wrong with the file, it is only a cache."""
    if cache is None or not cache.is_file():
        return {}
    try:
        with np.load(cache, allow_pickle=False) as data:
            keys, vectors = data["keys"], data["vectors"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("utterance_cache_unreadable", error=type(error).__name__)
        return {}
    if vectors.ndim != 2 or vectors.shape != (len(keys), dimension):
        return {}
    return dict(zip(keys.tolist(), vectors.astype(np.float32), strict=True))


def _write(cache: Path, vectors: dict[str, Vectors]) -> None:
    """Aside and moved, so that an interrupted write leaves no half a file."""
    aside = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            np.savez(file, keys=np.array(list(vectors)), vectors=np.array(list(vectors.values()), dtype=np.float32))
        aside.replace(cache)
    except OSError as error:
        log.warning("utterance_cache_not_written", error=type(error).__name__)
        aside.unlink(missing_ok=True)
