"""The contract of an encoder: on the default runtime, its in-memory twin, and sentence-transformers where it is installed."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from knowledge.embedding.build_minilm import PACKAGE
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.onnx_minilm import OnnxMiniLM
from knowledge.embedding.port import Encoder
from knowledge.embedding.sentence_transformers import SentenceTransformersEncoder, model_name


def packaged_minilm() -> Encoder:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return SentenceTransformersEncoder(Path(spec.origin).parent / "model", dimension=384)


# The extra is tested where it is installed; elsewhere there is nothing to test, rather than a test that is skipped.
EXTRA: dict[str, Callable[[], Encoder]] = (
    {"sentence_transformers": packaged_minilm} if importlib.util.find_spec("sentence_transformers") is not None else {}
)
ALL: dict[str, Callable[[], Encoder]] = {"hashing": HashingEncoder, "onnx_minilm": OnnxMiniLM, **EXTRA}

TEXTS = [
    "How many days of PTO do I carry over?",
    "vpn",
    "",
    "   ",
    "Ünïcode – 你好 🙂 \u202e",
    "A longer sentence, with numbers (42) and an address such as dana@acme.example, for good measure. " * 3,
    "word " * 2_000,
]


@pytest.fixture(params=list(ALL))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return ALL[request.param]()


async def test_vectors_have_the_promised_form(encoder: Encoder) -> None:
    vectors = await encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))
    assert lengths[0] > 0.99
    assert (await encoder.encode([])).shape == (0, encoder.dimension)


async def test_a_text_has_the_same_vector_in_any_company(encoder: Encoder) -> None:
    together = await encoder.encode(TEXTS)
    backwards = (await encoder.encode(TEXTS[::-1]))[::-1]
    alone = np.concatenate([await encoder.encode([text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(backwards, alone, atol=1e-5)


async def test_near_texts_are_nearer_than_others(encoder: Encoder) -> None:
    asked, near, far = await encoder.encode(["reset my password", "please reset the password", "opening hours of the canteen"])
    assert asked @ near > asked @ far + 0.2


async def test_half_a_surrogate_pair_is_encoded_like_any_other_odd_letter() -> None:
    vectors = await OnnxMiniLM().encode(["what costs \ud83d?", "what costs it?"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_name_tells_vector_spaces_apart() -> None:
    assert HashingEncoder(64).name != HashingEncoder(128).name != OnnxMiniLM().name


if EXTRA:

    @pytest.mark.parametrize("other", list(EXTRA))
    async def test_both_runtimes_make_the_same_vectors(other: str) -> None:
        ours, theirs = await OnnxMiniLM().encode(TEXTS), await EXTRA[other]().encode(TEXTS)
        assert np.all(np.sum(ours * theirs, axis=1) >= 0.9999)


def model_in(folder: Path, weights: bytes = b"\0" * 500_000) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"hidden_size": 384}')
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_models_are_told_apart_by_what_is_in_their_folders(tmp_path: Path) -> None:
    first = model_name(model_in(tmp_path / "one" / "model"), 384)
    assert first.startswith("model-")
    assert model_name(shutil.copytree(tmp_path / "one" / "model", tmp_path / "moved" / "model"), 384) == first
    trained = bytearray(500_000)
    trained[100_000:400_000] = b"\1" * 300_000
    assert model_name(model_in(tmp_path / "two" / "model", bytes(trained)), 384) != first, "of the same size and header"
    assert model_name(tmp_path / "one" / "model", 768) != first
    (tmp_path / "moved" / "model" / "config.json").write_text('{"hidden_size": 383}')
    assert model_name(tmp_path / "moved" / "model", 384) != first
    assert model_name("one/model", 384) != model_name("other/model", 384)
    assert len(model_name(model_in(tmp_path / ("m" * 200)), 384)) <= 100, "the database's column"
