"""`python -m bot.set_up`, the last step of `make setup`: keeps the vectors of the texts that ship with Foyer.

An empty home then needs no encoding: its utterances and starter articles are looked up.
"""

import asyncio
import tempfile
from pathlib import Path

from bot import logs
from bot.bootstrap import App
from bot.config import Settings, load
from bot.encoders import PREPARED
from knowledge.embedding.onnx_minilm import OnnxMiniLM, default_directory
from knowledge.embedding.prepared import RecordingEncoder
from knowledge.index import MemoryIndex


async def prepare(directory: Path | None) -> int:
    """Starts Foyer once on an empty home and keeps all vectors that it made; returns how many."""
    recorder = RecordingEncoder(OnnxMiniLM(directory))
    with tempfile.TemporaryDirectory() as folder:
        app = App(Settings(home=Path(folder), database_url=None), encoder=recorder, index=MemoryIndex())
        await app.start()
        await app.stop()
    return recorder.keep((directory or default_directory()) / PREPARED)


if __name__ == "__main__":
    logs.set_up("error")
    print(f"{asyncio.run(prepare(load().models))} vectors of shipped texts kept.")  # noqa: T201
