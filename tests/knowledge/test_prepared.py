"""Prepared vectors: the same as those made now, and of no harm when they are missing, damaged or of another encoder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vectors
from knowledge.embedding.prepared import PreparedEncoder, RecordingEncoder


class Counting(HashingEncoder):
    """Counts what it is asked for."""

    asked = 0

    async def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += len(texts)
        return await super().encode(texts)


async def test_what_is_known_is_not_made_again(tmp_path: Path) -> None:
    recorder = RecordingEncoder(HashingEncoder())
    await recorder.encode(["unlock my account", "hello"])
    assert recorder.keep(tmp_path / "known.npz") == 2
    inner = Counting()
    prepared = PreparedEncoder(inner, tmp_path / "known.npz")
    texts = ["something new", "hello", "unlock my account"]
    assert np.array_equal(await prepared.encode(texts), await HashingEncoder().encode(texts))
    assert inner.asked == 1


async def test_a_useless_file_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "damaged.npz").write_bytes(b"not a zip")
    (tmp_path / "empty.npz").write_bytes(b"")
    inner = Counting()
    for name, keys in (("odd.npz", ["not hexadecimal"]), ("numbers.npz", [7])):
        np.savez(tmp_path / name, name=np.array(inner.name), keys=np.array(keys), vectors=np.zeros((1, inner.dimension)))
    for name in ("missing.npz", "damaged.npz", "empty.npz", "odd.npz", "numbers.npz"):
        inner, path = Counting(), tmp_path / name
        assert (await PreparedEncoder(inner, path).encode(["hello"])).shape == (1, inner.dimension)
        assert inner.asked == 1
