"""Plays a workspace of busy people against a Foyer of its own process, which is killed again and again, and counts what came of it."""

import asyncio
import os
import random
import signal
import socket
import sqlite3
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.slack import FakeSlack
from tests.fakes.slack.control import latency, statistics

ROOT = Path(__file__).parents[3]
QUESTIONS = ("how do I connect to the VPN?", "how do I set up a new phone for the authenticator app?", "where do I find my pay slip?")


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` is events a second; `killed_every`: seconds between two kills, None for no kill. The seed decides all that is random."""

    events: int
    rate: float = 200.0
    conversations: int = 500
    duplicates: float = 0.05
    delayed: float = 0.05
    killed_every: tuple[float, float] | None = (2.5, 7.5)
    inbox: bool = True
    patience: float = 25.0
    """Seconds without anything new after which what is missing is missing for good."""
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    """`lost` and `doubled` count messages of people without an answer, and answers too many."""

    lost: int = 0
    doubled: int = 0
    unacked: int = 0
    kills: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    ack: dict[str, float] = field(default_factory=dict)
    """Seconds, by percentile."""
    sound: bool = False
    """The database passes its own integrity check."""

    @property
    def kept(self) -> bool:
        return not (self.lost or self.doubled or self.unacked) and self.sound


class Process:
    """Foyer on a port, killed and started at will."""

    def __init__(self, home: Path, fake: FakeSlack, *, inbox: bool) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "tests.soak.load.serving", *([] if inbox else ["--no-inbox"])]
        self._environment = {
            **os.environ,
            "FOYER_HOME": str(home),
            "FOYER_PORT": str(self.port),
            "FOYER_RATE_PER_MINUTE": "100000",
            "FOYER_SLACK_API_URL": fake.url,
            "FOYER_SLACK_BOT_TOKEN": fake.bot_token,
            "FOYER_SLACK_SIGNING_SECRET": fake.signing_secret,
        }
        self._out = home.parent / "foyer.out"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._out.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, env=self._environment, stdout=out, stderr=out, stdin=asyncio.subprocess.DEVNULL
            )
        while True:
            if self._process.returncode is not None:
                raise RuntimeError("Foyer did not start:\n" + self._out.read_text(errors="replace")[-3000:])
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    async def stop(self, how: int) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()


async def run(home: Path, load: Load, people: list[str]) -> Outcome:
    """`people`: addresses that the directory knows."""
    async with FakeSlack.serve() as fake:
        fake.echo, fake.retry, fake.retry_after, fake.retry_times = False, True, 1.0, 120
        users = [f"U{n:04d}" for n in range(len(people))]
        for user, email in zip(users, people, strict=True):
            fake.add_user(user, email.partition("@")[0], email)
        foyer = Process(home, fake, inbox=load.inbox)
        await foyer.start()
        fake.app = f"{foyer.url}/slack/events"
        outcome, chance = Outcome(), random.Random(load.seed)
        killing = asyncio.create_task(_kill(foyer, load, outcome))
        try:
            asked = await _say(fake, load, users, chance)
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
        await foyer.stop(signal.SIGTERM if load.killed_every is None else signal.SIGKILL)
        await foyer.start()
        await _answered(fake, asked, load.patience)
        await foyer.stop(signal.SIGTERM)
        for root, wanted in asked.items():
            answers = sum(bool(message.bot_id) for message in fake.in_thread(*root))
            outcome.lost += max(0, wanted - answers)
            outcome.doubled += max(0, answers - wanted)
        told = statistics(fake)
        outcome.unacked, outcome.refusals, outcome.ack = told["unacked"], told["refusals"], latency(fake.deliveries)
        outcome.sound = _sound(home / "foyer.db")
        return outcome


async def _kill(foyer: Process, load: Load, outcome: Outcome) -> None:
    if load.killed_every is None:
        return
    chance = random.Random(load.seed + 1)
    while True:
        await asyncio.sleep(chance.uniform(*load.killed_every))
        # A kill that is being cancelled still starts the next process: the events after the last one need it.
        await asyncio.shield(asyncio.create_task(_killed(foyer, outcome)))


async def _killed(foyer: Process, outcome: Outcome) -> None:
    await foyer.stop(signal.SIGKILL)
    outcome.kills += 1
    await foyer.start()


async def _say(fake: FakeSlack, load: Load, users: list[str], chance: random.Random) -> Counter[tuple[str, str]]:
    """How many messages people wrote in each thread, when all of them were delivered."""
    loop, asked, threads = asyncio.get_running_loop(), Counter[tuple[str, str]](), list[tuple[str, str, str]]()
    began, sending = loop.time(), set[asyncio.Task[None]]()
    fake.holding = True
    for n in range(load.events):
        await asyncio.sleep(max(0.0, began + n / load.rate - loop.time()))
        if len(threads) < load.conversations:
            user, thread = users[n % len(users)], None
        else:
            user, _, thread = chance.choice(threads)
        ts = await fake.say(user, chance.choice(QUESTIONS), thread=thread)
        (envelope,), fake.held = fake.held, []
        if thread is None:
            threads.append((user, envelope["event"]["channel"], ts))
        asked[envelope["event"]["channel"], thread or ts] += 1
        copies = 2 if chance.random() < load.duplicates else 1
        delay = chance.uniform(0.5, 3.0) if chance.random() < load.delayed else 0.0
        task = asyncio.create_task(_deliver(fake, envelope, copies, delay))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)
    await fake.settle()
    return asked


async def _deliver(fake: FakeSlack, envelope: dict[str, object], copies: int, delay: float) -> None:
    await asyncio.sleep(delay)
    await asyncio.gather(*(fake.transmit(envelope) for _ in range(copies)))


async def _answered(fake: FakeSlack, asked: Counter[tuple[str, str]], patience: float) -> None:
    """Until everybody has an answer, or nothing comes any more."""
    loop = asyncio.get_running_loop()
    before, since = -1, loop.time()
    while loop.time() - since < patience:
        answers = sum(sum(bool(message.bot_id) for message in fake.in_thread(*root)) for root in asked)
        if answers >= sum(asked.values()):
            return
        if answers != before:
            before, since = answers, loop.time()
        await asyncio.sleep(0.5)


def _sound(database: Path) -> bool:
    connection = sqlite3.connect(database)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    finally:
        connection.close()
