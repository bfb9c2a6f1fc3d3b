"""Starts, turns and recognition: from the outside where it can be, a real process on a home of its own, talked to over its API."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bot.bootstrap import App
from bot.config import Settings
from bot.conversation.model import Recall
from connectors.ports.chat import Activity, ActivityKind, Address
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id, utcnow
from connectors.web import store
from tests.bench.figures import Figure, p95

FOYER = [str(Path(sys.executable).with_name("foyer"))]
QUESTION = "how many days of PTO do I carry over?"
UTTERANCES = (
    QUESTION,
    "what is the wifi password for guests?",
    "what is happening with my request?",
    "thanks!",
    "how much PTO do I have left?",
    "who approves travel?",
    "how do I set up the VPN?",
    "hello there",
)
RECOGNISED = (
    "unlock my account please",
    "I need editor access to Figma for 30 days",
    "book time off from 22 December to 24 December",
    "please order me a new headset",
    QUESTION,
    "I want to talk to a person",
    "what is happening with FOY-1?",
    "forgot my password again, help",
)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "FOYER_HOME": str(home), "FOYER_RATE_PER_MINUTE": "1000000"}


def initialise(home: Path) -> float:
    """Seconds of a command on an empty home."""
    started = time.perf_counter()
    subprocess.run([*FOYER, "doctor"], env=environment(home), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def cold_start(home: Path) -> float:
    """Seconds from starting a process on a home that exists to its first answer."""
    started = time.perf_counter()
    command = [*FOYER, "chat", "--json", "--as", "dana@acme.example"]
    with subprocess.Popen(command, env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(QUESTION + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if json.loads(line)["kind"] == "answer":
                took = time.perf_counter() - started
                break
        else:
            raise RuntimeError("no answer")
        process.stdin.close()
        process.stdout.read()
    return took


async def answered(app: App, person: str, text: str) -> float:
    """Seconds from a message at the intake to the first reply shown in the web chat."""
    thread = new_id()
    address = Address("web", "local", person, thread)
    started = time.perf_counter()
    await app.inbox.record(Activity(new_id(), ActivityKind.MESSAGE, address, ExternalId("web", "local", person), utcnow(), text))
    while True:
        async with app.sessions() as session:
            if await store.dialogue(session, person, thread):
                return time.perf_counter() - started
        await asyncio.sleep(0.001)


async def turns(app: App, count: int) -> list[float]:
    """Each on an idle Foyer: what the one before began is over."""
    took = []
    for n in range(count):
        took.append(await answered(app, "dana@acme.example", UTTERANCES[n % len(UTTERANCES)]))
        await idle(app)
    return took


async def recognitions(app: App, count: int) -> list[float]:
    person = await app.people.by_email("dana@acme.example")
    assert person is not None
    took = []
    for n in range(count):
        # A number makes each utterance a new one: nothing can be remembered.
        text = f"{RECOGNISED[n % len(RECOGNISED)]} ({n})"
        started = time.perf_counter()
        await app.recognizer.recognize(text, Recall(person))
        took.append(time.perf_counter() - started)
    return took


async def idle(app: App) -> None:
    while await app.working() or await app.outbox.undelivered(["dana@acme.example"]):
        await asyncio.sleep(0.01)


async def inside(home: Path, repetitions: int, count: int) -> list[Figure]:
    app = App(Settings(home=home, rate_per_minute=1_000_000))
    await app.start()
    try:
        await turns(app, 20)
        measured: dict[str, list[float]] = {"turn": [], "recognition": [], "turn p50": []}
        for _ in range(repetitions):
            took = await turns(app, count)
            measured["turn"].append(1000 * p95(took))
            measured["turn p50"].append(1000 * statistics.median(took))
            measured["recognition"].append(1000 * p95(await recognitions(app, count)))
        memory = psutil.Process().memory_info().rss / 1e6
    finally:
        await app.stop()
    return [
        Figure("turn, message in to first visible reply, idle, p95", "ms", 60, measured["turn"]),
        Figure("the same, p50", "ms", 60, measured["turn p50"]),
        Figure("recognition of one utterance, embedding included, p95", "ms", 8, measured["recognition"]),
        Figure("memory of the process after it", "MB", 600, [memory]),
    ]


def measure(folder: Path, repetitions: int, count: int) -> list[Figure]:
    homes = [folder / f"home{n}" for n in range(repetitions)]
    figures = [Figure("a command on an empty home", "s", 5, [initialise(home) for home in homes])]
    figures.append(Figure("cold start to first answer", "s", 3, [cold_start(home) for home in homes]))
    return [*figures, *asyncio.run(inside(homes[0], repetitions, count))]
