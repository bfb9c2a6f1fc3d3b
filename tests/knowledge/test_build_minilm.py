"""The embedding graph is the model that it should be."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from knowledge.embedding.build_minilm import REFERENCE_FILE, REFERENCE_SENTENCE, BuildFailed, build, main
from knowledge.embedding.onnx_minilm import MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE, OnnxMiniLM, default_directory
from knowledge.embedding.port import EncoderUnavailable


async def test_the_installed_graph_agrees_with_another_implementation() -> None:
    expected = np.array(REFERENCE_FILE.read_text().split(), dtype=np.float64)
    (actual,) = await OnnxMiniLM().encode([REFERENCE_SENTENCE])
    assert float(expected @ actual) >= 0.99999
    (other,) = await OnnxMiniLM().encode(["How do I connect to the VPN?"])
    assert float(expected @ other) < 0.5


def test_what_is_built_is_not_built_again(tmp_path: Path) -> None:
    built = tmp_path / "minilm"
    built.mkdir()
    for file in (MODEL_FILE, TOKENIZER_FILE):
        (built / file).symlink_to(default_directory() / file)
    shutil.copy(default_directory() / MANIFEST_FILE, built)
    assert build(built) is False
    assert main(["--directory", str(built)]) == 0
    (built / MODEL_FILE).unlink()
    with pytest.raises(BuildFailed):
        build(built, source=tmp_path)


def test_other_weights_than_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BuildFailed, match="expected 53aa5117"):
        build(tmp_path / "minilm", source=tmp_path)
    assert not (tmp_path / "minilm").exists()


async def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="run `make setup`"):
        await OnnxMiniLM(tmp_path).encode(["text"])
