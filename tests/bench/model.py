"""A language model that fails: how soon people see a reply all the same, from the real app against the fake Messages API, over the wire.

The control is the same app without what protects it: its answers wait for the model and have no offline twin.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.bootstrap import App
from connectors.anthropic.connector import Claude
from connectors.anthropic.settings import ClaudeSettings
from connectors.ports.chat import Activity, ActivityKind, Address, ReplyKind
from connectors.ports.language import Ask
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from connectors.web import store
from knowledge.answering import Answerer
from knowledge.answers import Answer
from knowledge.assisted import PROMPT
from knowledge.composing import SHAPE
from knowledge.index import MemoryIndex
from specialists.tables import audit_event
from tests.bench.figures import Figure, p95
from tests.fakes.anthropic.faults import Fault
from tests.fakes.anthropic.server import KEY, FakeMessages
from tests.scenarios.company import Company, email
from tests.scenarios.mind import Mind
from tests.scenarios.test_assisted import FAULTS

QUESTIONS = (
    "how many days of PTO do I carry over?",
    "how do I set up the VPN?",
    "when do I get paid?",
    "can I work from abroad?",
)
GRANT = "I need editor access to Figma for 30 days"
REFUSED = "connection refused"
SPOKE = "refusal"
"""Says something of what was asked, and nothing of the model: no breaker opens."""
PATIENT = 60.0
"""Seconds for which a reply is waited for here."""
CONTROLS = 3
"""Messages to the control, each of which waits."""
STEP = 1.0
"""Seconds of the model's clock between two looks whether the breaker has closed."""


class Timed(Company):
    """The company on this machine's own time; `skipped` seconds are added to what the breaker sees."""

    skipped = 0.0

    def _app(self) -> App:
        def monotonic() -> float:
            return time.monotonic() + self.skipped

        return App(self.settings, clock=self.clock, index=MemoryIndex(), monotonic=monotonic, model=self.model)


class Bare:
    """Answers by the model alone: the control."""

    def __init__(self, offline: Answerer, claude: Claude) -> None:
        self._offline, self._claude = offline, claude

    async def answer(self, question: str, asker: Any, **how: Any) -> Answer:
        await self._claude.complete(Ask(PROMPT, "large", question, SHAPE, how["behalf"], first=PATIENT, within=PATIENT))
        return await self._offline.answer(question, asker)


@dataclass(frozen=True)
class Outcome:
    """Of one fault. `calls`: those that were made until the breaker had opened; `closed`: seconds from the end of the fault."""

    took: list[float]
    answered: float
    doubled: int
    calls: int = 0
    closed: float = 0.0


async def first_reply(company: Company, text: str) -> float:
    """Seconds from a message at the intake, which comes twice, to the first reply that is shown; then until all is done."""
    room, thread = email("dana"), new_id()
    activity = Activity(
        new_id(), ActivityKind.MESSAGE, Address("web", "local", room, thread), ExternalId("web", "local", room), company.clock(), text
    )
    started = time.perf_counter()
    await company.app.inbox.record(activity)
    await company.app.inbox.record(activity)
    while True:
        async with company.app.sessions() as session:
            if await store.dialogue(session, room, thread):
                break
        await asyncio.sleep(0.002)
    took = time.perf_counter() - started
    async with asyncio.timeout(PATIENT):
        while await company._busy():
            await asyncio.sleep(0.005)
    return took


@asynccontextmanager
async def opened(home: Path, template: Path, api: FakeMessages) -> AsyncIterator[Timed]:
    company = await Timed.open(home, template, model=Claude(ClaudeSettings(KEY, api.url)))
    try:
        await company.say("dana", QUESTIONS[0], thread="warm")
        yield company
    finally:
        await company.close()


async def measured(company: Company, count: int) -> tuple[list[float], float, int]:
    """Times; the share of questions that were answered; replies beyond one for each."""
    took = [await first_reply(company, QUESTIONS[n % len(QUESTIONS)]) for n in range(count)]
    replies = [message.reply for message in await company.shown("dana") if message.thread != "warm"]
    answers = [reply for reply in replies if reply.kind is ReplyKind.ANSWER and reply.citations]
    return took, len(answers) / count, len(replies) - count


async def failing(home: Path, template: Path, api: FakeMessages, fault: Any, count: int) -> Outcome:
    """`fault` None: nobody is there any more, and will not be."""
    async with opened(home, template, api) as company:
        if fault is None:
            await api.refuse()
        api.brain = lambda request: fault
        before = len(api.requests)
        took, answered, doubled = await measured(company, count)
        calls = len(api.requests) - before
        await company.say("dana", GRANT)
        await company.press("priya", "approve")
        assert company.app.company is not None
        doubled += len(await company.app.company.effects("access.*")) - 1
        closed = await closed_again(company, api) if fault is not None else 0.0
        return Outcome(took, answered, doubled, calls, closed)


async def closed_again(company: Timed, api: FakeMessages) -> float:
    """Seconds of the breaker's clock from the end of the fault until a model answers again."""
    api.brain = Mind().brain
    for n in range(600):
        await first_reply(company, QUESTIONS[n % len(QUESTIONS)])
        async with company.app.sessions() as session:
            newest = select(audit_event.c.data).where(audit_event.c.event == "answered").order_by(audit_event.c.id.desc()).limit(1)
            if (await session.execute(newest)).scalar_one()["engine"] == "assisted":
                return n * STEP
        company.skipped += STEP
    raise RuntimeError("the breaker stays open")


async def control(home: Path, template: Path, api: FakeMessages, fault: Fault) -> Outcome:
    async with opened(home, template, api) as company:
        app, claude = company.app, company.model
        assert isinstance(claude, Claude)
        bare = Bare(app.answerer, claude)
        app.turns = replace(app.turns, recognizer=app.recognizer, timeout=PATIENT, responder=replace(app.turns.responder, articles=bare))
        api.brain = lambda request: fault
        return Outcome(*await measured(company, CONTROLS))


async def outcomes(folder: Path, count: int) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    template = folder / "template"
    await (await Company.open(template)).close()
    found: dict[str, Outcome] = {}
    for n, (name, fault) in enumerate([*FAULTS.items(), (REFUSED, None)]):
        async with FakeMessages(Mind().brain) as api:
            found[name] = await failing(folder / f"fault{n}", template, api, fault, count)
    waited: dict[str, Outcome] = {}
    for name in ("hang", "529"):
        async with FakeMessages(Mind().brain) as api:
            fault = FAULTS[name]
            assert isinstance(fault, Fault)
            waited[name] = await control(folder / f"control-{name}", template, api, fault)
    return found, waited


def measure(folder: Path, count: int) -> list[Figure]:
    found, waited = asyncio.run(outcomes(folder, count))
    figures = []
    for name, one in found.items():
        figures.append(Figure(f"first visible reply, model: {name}, p95", "s", 3, [p95(one.took)]))
        figures.append(Figure("the same, p50", "s", 3, [statistics.median(one.took)]))
    every, failed = list(found.values()), [one for name, one in found.items() if name not in (REFUSED, SPOKE)]
    figures.append(Figure("questions answered, at every fault", "of 1", 1, [one.answered for one in every], at_least=True))
    figures.append(Figure("calls until the breaker of either model was open", "", 10, [float(one.calls) for one in failed]))
    figures.append(Figure("until a model is asked again and answers", "s", 300, [one.closed for one in failed]))
    figures.append(Figure("effects and replies doubled, messages sent twice", "", 0, [float(sum(one.doubled for one in every))]))
    for name, one in waited.items():
        figures.append(Figure(f"control without breaker and offline twin: {name}, p95", "s", None, [p95(one.took)]))
        figures.append(Figure("the same, questions answered", "of 1", None, [one.answered]))
    return figures
