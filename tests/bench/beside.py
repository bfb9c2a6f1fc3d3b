"""Foyer's side of the comparison with a plain pipeline, in a process of its own: `python -m tests.bench.beside FOLDER`.

With `--memory` afterwards: how much a whole Foyer on that library takes.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from bot.bootstrap import App
from bot.config import Settings
from knowledge.embedding.onnx_minilm import OnnxMiniLM
from tests.bench.corpus import Passages
from tests.bench.figures import p95
from tests.bench.knowledge import LIMIT, memory
from tests.bench.shelf import fill, person
from tests.bench.whole import turns


async def main(folder: Path) -> None:
    given = json.loads((folder / "texts.json").read_text())
    encoder = OnnxMiniLM()
    await encoder.encode(["x"])
    home = folder / "foyer"
    home.mkdir()
    shelf = await fill(home, encoder, Passages(given["passages"], np.load(folder / "vectors.npy", mmap_mode="r")), [({}, 1.0)])
    asker = person("GB", "Sales")
    took, hits = [], 0
    for question, place in given["asked"]:
        started = time.perf_counter()
        found = await shelf.retriever.search(question, asker, LIMIT)
        took.append(time.perf_counter() - started)
        hits += bool(found) and found[0].chunk.id == shelf.ids[place]
    files = [(f"upload-{n}.md", "\n\n".join((f"# Upload {n}", *some)).encode()) for n, some in enumerate(given["uploaded"])]
    started = time.perf_counter()
    await shelf.upload(files)
    rate = sum(map(len, given["uploaded"])) / (time.perf_counter() - started)
    print(json.dumps({"p50": 1000 * statistics.median(took), "p95": 1000 * p95(took), "hit@1": hits / len(took), "ingest": rate}))
    await shelf.index.close()


async def whole(home: Path) -> None:
    """All of Foyer on that library: turns, then its memory."""
    app = App(Settings(home=home, rate_per_minute=1_000_000))
    await app.start()
    await turns(app, 100)
    measured = memory()
    await app.stop()
    print(json.dumps({"memory": measured}))


if __name__ == "__main__":
    given = Path(sys.argv[1])
    asyncio.run(whole(given / "foyer") if "--memory" in sys.argv else main(given))
