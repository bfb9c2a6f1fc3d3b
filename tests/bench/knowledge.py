"""Search and ingest with 100,000 passages, beside Chroma's plain query; and with fewer beside a plain pipeline of LlamaIndex.

A search is everything between a question and its passages: encoding it, vectors, text, the audience in both and once more,
ranking. Chroma's plain query is the vectors alone, of a question that is encoded already.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from connectors.ports.people import Person
from knowledge.embedding.onnx_minilm import OnnxMiniLM
from knowledge.embedding.port import Vectors
from knowledge.model import admits
from knowledge.retrieval import articles_in
from knowledge.store import audience_key
from tests.bench import corpus
from tests.bench.figures import Figure, p95
from tests.bench.shelf import AUDIENCES, MANY, Shelf, fill, person

REAL = 3_000
"""Passages whose vectors are real."""
ASKED = 200
"""Questions a repetition."""
LIMIT = 10
BESIDE = 10_000
"""Passages of the comparison with a plain pipeline, whose store compares with each of them and takes a second at 100,000."""
UPLOADED = 600
"""Passages that are uploaded."""
_ASKERS = {
    "an employee, who may read most": person("DE", "IT"),
    "one whose audience has 1 % beside what all may read": person("FR", "Legal"),
}
_ROOT = Path(__file__).parents[2]
_BESIDE_PYTHON = _ROOT / ".venv-bench" / "bin" / "python"


def measure(folder: Path, repetitions: int, count: int) -> list[Figure]:
    return [*asyncio.run(at_scale(folder / "scale", repetitions, count)), *beside(folder / "beside", min(count, BESIDE))]


async def of_many_audiences(folder: Path, encoder: OnnxMiniLM, given: corpus.Passages, asked: Sequence[Sequence[str]]) -> list[Figure]:
    """Somebody who is in all of fifty groups, each with passages of its own."""
    folder.mkdir()
    shelf = await fill(folder, encoder, given, MANY)
    asker = person("DE", "IT", groups=frozenset(f"g{number}" for number in range(50)))
    await control(shelf, asked[0], asker)
    rounds = [await timed([search(shelf, question, asker) for question in some]) for some in asked]
    await shelf.index.close()
    name = f"search of {len(given.texts):,} passages, somebody who may read what 51 audiences may, p95"
    return [
        Figure(name, "ms", 20, [1000 * p95(took) for took in rounds]),
        Figure("the same, p50", "ms", 20, [1000 * statistics.median(took) for took in rounds]),
    ]


async def at_scale(folder: Path, repetitions: int, count: int) -> list[Figure]:
    folder.mkdir()
    encoder = OnnxMiniLM()
    given = await corpus.library(encoder, count, REAL)
    asked = [corpus.questions(given.texts, ASKED, seed) for seed in range(repetitions)]
    vectors = [await encoder.encode(some) for some in asked]
    started = time.perf_counter()
    shelf = await fill(folder, encoder, given)
    say(f"{count:,} passages stored and indexed in {time.perf_counter() - started:.0f} s")
    figures: list[Figure] = []
    for name, asker in _ASKERS.items():
        await control(shelf, asked[0], asker)
        rounds = [await timed([search(shelf, question, asker) for question in some]) for some in asked]
        figures.append(Figure(f"search of {count:,} passages, {name}, p95", "ms", 20, [1000 * p95(took) for took in rounds]))
        figures.append(Figure("the same, p50", "ms", 20, [1000 * statistics.median(took) for took in rounds]))
    share = await recall(shelf, given.vectors, vectors[0])
    figures.append(Figure("of the ten nearest by comparing with each, what the index finds", "", 0.98, [share], at_least=True))
    figures += plain_chroma(folder / "plain", shelf, given.vectors, vectors)
    figures.append(await ingest(shelf, repetitions))
    figures.append(Figure(f"memory of the process with {count:,} passages and what measures them", "MB", None, [memory()]))
    await shelf.index.close()
    return [*figures, *await of_many_audiences(folder / "many", encoder, given, asked)]


def search(shelf: Shelf, question: str, asker: Person) -> Callable[[], Awaitable[object]]:
    return lambda: shelf.retriever.search(question, asker, LIMIT)


async def timed(calls: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    took = []
    for call in calls:
        started = time.perf_counter()
        await call()
        took.append(time.perf_counter() - started)
    return took


async def control(shelf: Shelf, asked: Sequence[str], asker: Person) -> None:
    """What would make the figures worthless: passages that the asker may not read, or none at all."""
    guest = person("DE", "IT", guest=True)
    for question in asked[:20]:
        found = await shelf.retriever.search(question, asker, LIMIT)
        if not found or not all(admits(passage.audience, asker) for passage in found):
            raise RuntimeError("the search finds nothing, or what it must not")
        if await shelf.retriever.search(question, guest, LIMIT):
            raise RuntimeError("a filter that admits nothing finds something")


def readable(asker: Person) -> list[str]:
    return [audience_key(audience) for audience, _ in AUDIENCES if admits(audience, asker)]


async def recall(shelf: Shelf, vectors: Vectors, asked: Vectors) -> float:
    """Of the ten nearest passages that an asker may read, by comparing with each: the share among the forty that the index gives."""
    shares = []
    for asker in _ASKERS.values():
        mine = np.flatnonzero(np.isin(shelf.audiences, readable(asker)))
        among = frozenset(readable(asker))
        own = vectors[mine]
        for question in asked:
            nearest = {shelf.ids[place] for place in mine[np.argsort(-(own @ question))[:LIMIT]]}
            found = {hit.id for hit in await articles_in(shelf.index, shelf.encoder.name).query(question, 40, among)}
            shares.append(len(nearest & found) / LIMIT)
    return statistics.mean(shares)


def plain_chroma(folder: Path, shelf: Shelf, vectors: Vectors, asked: Sequence[Vectors]) -> list[Figure]:
    """The same vectors in one collection as it comes, with the audience as metadata."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    collection = client.create_collection("plain", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    for start in range(0, len(vectors), 5000):
        places = range(start, min(start + 5000, len(vectors)))
        rows = [{"audience": shelf.audiences[place]} for place in places]
        collection.add(ids=list(shelf.ids[start : places.stop]), embeddings=vectors[start : places.stop], metadatas=rows)
    figures = []
    filters: dict[str, dict[str, object] | None] = {"not filtered": None}
    filters |= {f"filtered for {name}": {"audience": {"$in": readable(one)}} for name, one in _ASKERS.items()}
    for name, where in filters.items():
        rounds = []
        # A filtered query takes so long that fewer show it.
        for some in asked if where is None else asked[:1]:
            took = []
            for question in some if where is None else some[:30]:
                started = time.perf_counter()
                collection.query(query_embeddings=[question], n_results=LIMIT, where=where)
                took.append(time.perf_counter() - started)
            rounds.append(took)
        figures.append(Figure(f"Chroma's plain query, {name}, p95", "ms", None, [1000 * p95(took) for took in rounds]))
        figures.append(Figure("the same, p50", "ms", None, [1000 * statistics.median(took) for took in rounds]))
    client.close()
    return figures


async def ingest(shelf: Shelf, repetitions: int) -> Figure:
    """Files in, passages to be found out, over what the encoder alone takes for the same texts, before and after."""
    shares = []
    for seed in range(repetitions):
        texts = corpus.passages(UPLOADED // repetitions, 1000 + seed)
        files = [
            (f"upload-{seed}-{start}.md", "\n\n".join((f"# Upload {seed} {start}", *texts[start : start + 5])).encode())
            for start in range(0, len(texts), 5)
        ]
        started = time.perf_counter()
        published = await shelf.upload(files)
        took = time.perf_counter() - started
        written = await shelf.encoded_texts(published)
        alone = []
        for _ in range(2):
            started = time.perf_counter()
            await shelf.encoder.encode(written)
            alone.append(time.perf_counter() - started)
        say(f"{len(written) / took:.0f} texts a second uploaded, {len(written) / statistics.mean(alone):.0f} encoded alone")
        shares.append(statistics.mean(alone) / took)
    return Figure("ingest, files to passages that are found, over the encoder alone", "", 0.8, shares, True)


def beside(folder: Path, count: int) -> list[Figure]:
    """The same passages, questions and encoder here and in a plain pipeline, each in a process of its own."""
    folder.mkdir()
    asyncio.run(prepare(folder, count))
    subprocess.run([str(_ROOT / "tests" / "bench" / "install")], check=True)
    ours = told([sys.executable, "-m", "tests.bench.beside", str(folder)])
    theirs = told([str(_BESIDE_PYTHON), "-m", "tests.bench.plain_llamaindex", str(folder)])
    whole = told([sys.executable, "-m", "tests.bench.beside", str(folder), "--memory"])
    figures = [Figure(f"memory of one whole Foyer with {count:,} passages, after 100 turns", "MB", 600, [whole["memory"]])]
    for name, told_by in (("Foyer", ours), ("LlamaIndex, plain", theirs)):
        of = f"{name}, {count:,} passages"
        figures.append(Figure(f"{of}: search p50", "ms", None, [told_by["p50"]]))
        figures.append(Figure(f"{of}: search p95", "ms", None, [told_by["p95"]]))
        figures.append(Figure(f"{of}: the passage a question was made of is first", "", None, [told_by["hit@1"]], True))
        figures.append(Figure(f"{name}: ingest", "passages/s", None, [told_by["ingest"]], True))
    return figures


async def prepare(folder: Path, count: int) -> None:
    given = await corpus.library(OnnxMiniLM(), count, REAL // 2)
    asked = corpus.pairs(given.texts[: REAL // 2], ASKED)
    texts = corpus.passages(UPLOADED // 2, 77)
    uploaded = [texts[start : start + 5] for start in range(0, len(texts), 5)]
    (folder / "texts.json").write_text(json.dumps({"passages": given.texts, "asked": asked, "uploaded": uploaded}))
    np.save(folder / "vectors.npy", given.vectors)


def told(command: Sequence[str]) -> dict[str, float]:
    """What another process measured, as its last line."""
    done = subprocess.run(command, cwd=_ROOT, env={**os.environ, "PYTHONPATH": str(_ROOT)}, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def memory() -> float:
    return float(psutil.Process().memory_info().rss / 1e6)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
