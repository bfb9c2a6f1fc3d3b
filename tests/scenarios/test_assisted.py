"""The whole Foyer with a language model: what it adds when it works, and that nobody is left alone and nothing done twice when not."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.buttons import Verb
from bot.intake import AT_ONCE
from bot.language.settings import Limit, Limits, ModelSettings
from bot.tables import model_use
from connectors.anthropic.connector import Claude
from connectors.anthropic.settings import ClaudeSettings
from connectors.errors import Retry
from connectors.memory.channel import MemoryChannel
from connectors.memory.language import ScriptedModel
from connectors.ports.chat import ActivityKind, Reply, ReplyKind
from connectors.ports.language import Ask, Completion, LanguageModel, Unusable, Watch
from specialists.tables import audit_event
from tests.fakes.anthropic.faults import Fault
from tests.fakes.anthropic.server import KEY, FakeMessages
from tests.scenarios.company import Company, email
from tests.scenarios.mind import Mind, recognition, wish
from tests.scenarios.platform import Platform

QUESTION = "how many days of PTO do I carry over?"
FIGMA = "I need editor access to Figma for 30 days"
GERMAN = "Ich brauche Editor-Zugriff auf Figma für 30 Tage"
MEANS = {
    GERMAN: recognition(
        wish(GERMAN, "grant_access", application=("Figma", "Figma"), role=("Editor", "editor"), duration=("30 Tage", "30 days")),
        language="de",
    )
}


class Scene(Platform):
    """Another chat beside the web chat, in a company that has a model."""

    def answers(self, person: str = "dana") -> list[Reply]:
        return [reply for reply in self.shown(person) if reply.kind is ReplyKind.ANSWER]

    async def audited(self, event: str) -> list[Any]:
        async with self.company.app.sessions() as session:
            found = select(audit_event.c.data).where(audit_event.c.event == event).order_by(audit_event.c.id)
            return [row.data for row in await session.execute(found)]

    async def effects(self) -> int:
        assert self.company.app.company is not None
        return len(await self.company.app.company.effects("access.*"))

    async def offline(self, question: str = QUESTION) -> str:
        """What the offline engine would say."""
        return (await self.company.app.answerer.answer(question, await self.company.person("dana"))).said


@asynccontextmanager
async def opened(home: Path, template: Path, model: LanguageModel, **settings: Any) -> AsyncIterator[Scene]:
    channel = MemoryChannel()
    organisation = {"model": ModelSettings(**settings)} if settings else {}
    company = await Company.open(home, template, channels=(channel,), organisation=organisation, model=model)
    try:
        yield Scene(company, channel)
    finally:
        await company.close()


Open = Callable[..., Any]


@pytest.fixture
def scene(template: Path, tmp_path: Path) -> Open:
    def open_(model: LanguageModel, **settings: Any) -> Any:
        return opened(tmp_path / "home", template, model, **settings)

    return open_


class Breaking(ScriptedModel):
    """Answers come as far as their first sentence; then `then` happens."""

    def __init__(self, then: Callable[[], Any]) -> None:
        super().__init__(Mind(MEANS).script)
        self.then = then

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        if watch is None:
            return await super().complete(ask)
        self.asked.append(ask)
        result = self.script(ask)
        await watch({**result, "sentences": [*result["sentences"][:1], {"passage": 1}]})
        await self.then()
        return Completion(result, self.name(ask.size), self._usage(ask, ""))


async def test_an_answer_is_composed_shown_while_it_is_made_and_audited(scene: Open) -> None:
    model = ScriptedModel(Mind(MEANS).script, pieces=30)
    async with scene(model) as open_:
        await open_.say("dana", QUESTION)
        [answer] = open_.answers()
        [message] = [one for one in open_.channel.messages.values() if one.reply == answer]
        [told] = await open_.audited("answered")
        [understood] = await open_.audited("message_understood")
    assert message.versions >= 2
    assert "[1]" in answer.text
    assert answer.citations
    assert answer.feedback is not None
    assert (told["engine"], told["model"], told["prompt"], told["dropped"]) == ("assisted", "scripted-large", "answer-1", 0)
    assert (understood["engine"], understood["model"], understood["prompt"]) == ("assisted", "scripted-small", "recognition-1")
    for event in (told, understood):
        assert event["models"] == ["scripted-small", "scripted-large"]
        assert event["prompts"] == ["recognition-1", "answer-1", "summary-1"]


async def test_every_event_of_the_audit_names_the_models_and_prompts_that_are_configured(scene: Open) -> None:
    async with scene(ScriptedModel(Mind(MEANS).script)) as open_:
        await open_.say("dana", FIGMA)
        async with open_.company.app.sessions() as session:
            events = [row.data for row in await session.execute(select(audit_event.c.data).where(audit_event.c.event != "skill_loaded"))]
        new = [event for event in events if "models" in event]
    assert len(new) >= 3
    assert all(event["prompts"] and event["policy"] for event in new)


async def test_what_is_cut_off_becomes_the_offline_answer_in_the_same_message(scene: Open) -> None:
    async def cut() -> None:
        await asyncio.sleep(0)
        raise Unusable("cut", model="scripted-large")

    async with scene(Breaking(cut)) as open_:
        await open_.say("dana", QUESTION)
        [answer] = open_.answers()
        [told] = await open_.audited("answered")
        offline = await open_.offline()
        versions = [message.versions for message in open_.channel.messages.values() if message.reply == answer]
    assert answer.text.startswith(offline)
    assert versions == [2]
    assert (told["engine"], told["fell_back"]) == ("offline", "cut")


async def test_a_crash_between_stream_and_save_ends_with_one_whole_answer(scene: Open) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    model = Breaking(hang)
    async with scene(model) as open_:
        saying = asyncio.create_task(open_.say("dana", QUESTION))
        await begun.wait()
        saying.cancel()
        await open_.company.app.stop(patience=0.0)
        model.then = _nothing
        open_.company.app = open_.company._app()
        await open_.company.app.start()
        await open_.company.settle()
        [answer] = open_.answers()
    assert "…" not in answer.text
    assert answer.feedback is not None


async def _nothing() -> None:
    return None


async def test_after_a_stop_nothing_of_a_turn_goes_on_and_what_the_model_has_read_is_recorded(scene: Open) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with scene(Breaking(hang)) as open_:
        before = asyncio.all_tasks()
        saying = asyncio.create_task(open_.say("dana", QUESTION))
        await begun.wait()
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        await open_.company.app.stop(patience=0.0)
        assert asyncio.all_tasks() <= before
        open_.company.app = open_.company._app()
        async with open_.company.app.sessions() as session:
            outcomes = (await session.execute(select(model_use.c.outcome).where(model_use.c.prompt == "answer-1"))).scalars().all()
    assert outcomes == ["cancelled"]


async def test_a_german_wish_is_confirmed_and_done_once(scene: Open) -> None:
    async with scene(ScriptedModel(Mind(MEANS).script)) as open_:
        await open_.say("dana", GERMAN)
        question = open_.shown("dana")[-1]
        assert question.kind is ReplyKind.QUESTION
        before = await open_.effects()
        await open_.press("dana", open_.button(question, Verb.CONFIRM))
        await open_.company.press("priya", "approve")
        done = await open_.effects()
    assert (before, done) == (0, 1)


async def test_a_translation_is_shown_with_what_it_was_made_of(scene: Open) -> None:
    german, quote = "Wie viele Urlaubstage kann ich ins nächste Jahr mitnehmen?", "You can carry over up to 5 days of unused PTO"
    means = recognition({**wish(german, act="question"), "in_english": QUESTION}, language="de")

    def script(ask: Ask) -> Any:
        if "covered" not in ask.shape["properties"]:
            return means
        passages = json.loads(ask.content)["passages"]
        place = next(one["number"] for one in passages if quote in one["text"])
        told = {"passage": place, "quote": quote, "text": "Sie können bis zu 5 Tage ungenutzten Urlaubs mitnehmen.", "step": False}
        return {"covered": True, "language": "de", "sentences": [told]}

    async with scene(ScriptedModel(script)) as open_:
        await open_.say("dana", german)
        [answer] = open_.answers()
    assert answer.text.startswith("Sie können bis zu 5 Tage ungenutzten Urlaubs mitnehmen. [1]")
    # The whole sentence, as it stands in the article.
    assert f"> {quote} (vacation, holiday) into the next year. [1]" in answer.text


async def test_when_the_budget_is_spent_nobody_is_asked_and_the_offline_engine_serves(scene: Open) -> None:
    model = ScriptedModel(Mind(MEANS).script)
    limits = Limits(person_day=Limit(money=Decimal("0.000001")))
    async with scene(model, limits=limits) as open_:
        await open_.say("dana", QUESTION)
        [answer] = open_.answers()
        [told] = await open_.audited("answered")
        offline = await open_.offline()
    assert answer.text.startswith(offline)
    assert told["fell_back"] == "budget_spent"
    assert model.asked == []


async def test_after_five_failures_nobody_is_asked_until_it_works_again(scene: Open) -> None:
    works = False

    def script(ask: Ask) -> Any:
        return Mind(MEANS).script(ask) if works else Retry("overloaded")

    model = ScriptedModel(script)
    async with scene(model) as open_:
        for n in range(8):
            await open_.say("dana", f"{QUESTION} {n}")
        assert [len([ask for ask in model.asked if ask.size == size]) for size in ("small", "large")] == [5, 5]
        works = True
        open_.company.clock.now += timedelta(minutes=10)
        await open_.say("dana", QUESTION)
        await open_.say("dana", QUESTION)
        served = [event["engine"] for event in await open_.audited("answered")]
    assert served == [*["offline"] * 8, "assisted", "assisted"]


async def test_turns_that_wait_for_the_model_keep_no_others_waiting(scene: Open) -> None:
    """More of them than are served at once offline."""
    all_ = asyncio.Event()

    class Waiting(ScriptedModel):
        async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
            self.asked.append(ask)
            if len(self.asked) > AT_ONCE:
                all_.set()
            await all_.wait()
            raise Retry("overloaded")

    async with scene(Waiting(lambda ask: None)) as open_:
        company = open_.company  # waits once for all of them: it looks into the database all the time
        for n in range(AT_ONCE + 1):
            await company._record("dana", ActivityKind.MESSAGE, f"{QUESTION} {n}", f"t{n}", None)
        await company.settle()
        shown = await open_.company.shown("dana")
    assert all_.is_set()
    assert len(shown) == AT_ONCE + 1


WRONG = {"wishes": "none"}
FAULTS: dict[str, Fault | dict[str, str]] = {
    "disconnect": Fault.disconnect(),
    "hang": Fault.hang(30.0),
    "429": Fault.failed(429, "rate_limit_error"),
    "429 with retry-after": Fault.failed(429, "rate_limit_error", retry_after="7"),
    "500": Fault.failed(500),
    "529": Fault.failed(529, "overloaded_error"),
    "malformed JSON": Fault.malformed_json({"covered": True}),
    "malformed event": Fault.malformed_event(),
    "wrong shape": WRONG,
    "cut": Fault.cut({"covered": True, "language": "en", "sentences": []}),
    "refusal": Fault.refusal({}),
    "max tokens": Fault.max_tokens({"covered": True}),
}


@pytest.fixture
async def api() -> AsyncIterator[FakeMessages]:
    async with FakeMessages() as fake:
        yield fake


def claude(api: FakeMessages) -> Claude:
    return Claude(ClaudeSettings(KEY, api.url))


@pytest.mark.parametrize("fault", FAULTS)
async def test_however_claude_fails_it_is_answered_and_done_once_offline(scene: Open, api: FakeMessages, fault: str) -> None:
    api.brain = lambda request: FAULTS[fault]
    async with scene(claude(api), patience=0.4) as open_:
        await open_.say("dana", QUESTION)
        await open_.say("dana", FIGMA)
        await open_.company.press("priya", "approve")
        [answer] = open_.answers()
        [told] = await open_.audited("answered")
        offline, effects = await open_.offline(), await open_.effects()
    assert api.requests
    assert api.refused == []
    assert answer.text.startswith(offline)
    assert (told["engine"], told["fell_back"] is not None) == ("offline", True)
    assert effects == 1


async def test_when_claude_is_not_there_it_is_answered_and_done_once_offline(scene: Open, api: FakeMessages) -> None:
    await api.refuse()
    async with scene(claude(api)) as open_:
        await open_.say("dana", QUESTION)
        await open_.say("dana", FIGMA)
        await open_.company.press("priya", "approve")
        [answer] = open_.answers()
        offline, effects = await open_.offline(), await open_.effects()
    assert answer.text.startswith(offline)
    assert effects == 1


async def test_claude_composes_an_answer_over_the_wire(scene: Open, api: FakeMessages) -> None:
    api.brain = Mind(MEANS).brain
    async with scene(claude(api)) as open_:
        await open_.say("dana", QUESTION)
        [answer] = open_.answers()
        [told] = await open_.audited("answered")
    assert api.refused == []
    assert (told["engine"], told["model"]) == ("assisted", "claude-sonnet-5-5")
    assert answer.citations
    assert email("dana") not in str(api.requests)
