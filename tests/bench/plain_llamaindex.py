"""A plain pipeline of LlamaIndex on the same passages, questions and encoder: `python -m tests.bench.plain_llamaindex FOLDER`.

It runs in an environment of its own, which `tests/bench/install` makes: a vector store index as its first tutorial has it.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import TextNode

from knowledge.embedding.onnx_minilm import OnnxMiniLM
from tests.bench.figures import p95

_ENCODER = OnnxMiniLM()
_LOOP = asyncio.new_event_loop()
_LIMIT = 10
_BATCH = 64


class SameEncoder(BaseEmbedding):  # type: ignore[misc]
    def _get_text_embeddings(self, texts: Sequence[str]) -> list[list[float]]:
        return [vector.tolist() for vector in _LOOP.run_until_complete(_ENCODER.encode(list(texts)))]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return [float(value) for value in (await _ENCODER.encode([query]))[0]]


def main(folder: Path) -> None:
    given: dict[str, Any] = json.loads((folder / "texts.json").read_text())
    model = SameEncoder(embed_batch_size=_BATCH)
    model.get_text_embedding("x")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    nodes = [TextNode(id_=str(n), text=text, embedding=vectors[n].tolist()) for n, text in enumerate(given["passages"])]
    index = VectorStoreIndex(nodes, embed_model=model)
    retriever = index.as_retriever(similarity_top_k=_LIMIT)
    took, hits = [], 0
    for question, place in given["asked"]:
        started = time.perf_counter()
        found = retriever.retrieve(question)
        took.append(time.perf_counter() - started)
        hits += bool(found) and found[0].node.node_id == str(place)
    uploaded = [TextNode(text=text) for some in given["uploaded"] for text in some]
    started = time.perf_counter()
    index.insert_nodes(uploaded)
    rate = len(uploaded) / (time.perf_counter() - started)
    measured = {
        "p50": 1000 * statistics.median(took),
        "p95": 1000 * p95(took),
        "hit@1": hits / len(took),
        "ingest": rate,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
