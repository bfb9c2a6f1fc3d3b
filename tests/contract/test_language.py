"""The contract of a language model: on its twin in memory, and on Claude at a Messages API that is strict and breaks in every way."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol

import pytest

from connectors.anthropic.connector import Claude
from connectors.anthropic.settings import ClaudeSettings
from connectors.errors import ConnectorError, Refused, Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.language import NOBODY, Ask, LanguageModel, Prompt, Size, Unusable
from tests.fakes.anthropic import FakeMessages, Fault

SECRET = "zebra-quartz"
"""Stands for whatever somebody wrote; no error may hold it."""
SHAPE = {
    "type": "object",
    "properties": {
        "language": {"type": "string", "enum": ["en", "de"]},
        "sentences": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "passage": {"type": "integer"}},
                "required": ["text", "passage"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["language", "sentences"],
    "additionalProperties": False,
}
RESULT = {
    "language": "de",
    "sentences": [{"text": "Über das Portal 🙂, unter „Urlaub“.", "passage": 1}, {"text": "Bis März.", "passage": 2}],
}
WRONG = {"language": "fr", "sentences": []}
ASK = Ask(Prompt("answer", 1, f"Answer from the passages. {SECRET}"), "small", f"Wie viele Tage? {SECRET}", SHAPE, NOBODY, first=5.0)


class Case(Protocol):
    """A model whose behaviour a test decides."""

    model: LanguageModel

    @property
    def asked(self) -> int:
        """How often it was really asked."""

    def say(self, result: Any) -> None: ...

    def crawl(self, result: Any, seconds: float) -> None:
        """So long before each piece."""

    def fail(self, code: str) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.model = self._scripted = ScriptedModel(lambda ask: {})

    @property
    def asked(self) -> int:
        return len(self._scripted.asked)

    def say(self, result: Any) -> None:
        self._scripted.script = lambda ask: result

    def crawl(self, result: Any, seconds: float) -> None:
        self.say(result)
        self._scripted.delay = self._scripted.pause = seconds

    def fail(self, code: str) -> None:
        failures: Mapping[str, Any] = {
            "rate_limited": Retry("rate_limited", after=7.0),
            "rate_limited without after": Retry("rate_limited"),
            "schema": WRONG,
            **{code: Retry(code) for code in ("unreachable", "overloaded", "server_error")},
            **{code: Refused(code) for code in ("not_authorised", "bad_request")},
            **{code: Unusable(code) for code in ("malformed", "cut", "refusal", "max_tokens")},
        }
        self.say(failures[code])


class AtTheApi:
    def __init__(self, fake: FakeMessages, model: Claude) -> None:
        self.fake = fake
        self.model = model

    @property
    def asked(self) -> int:
        return len(self.fake.requests)

    def say(self, result: Any) -> None:
        self.fake.brain = lambda request: result

    def crawl(self, result: Any, seconds: float) -> None:
        self.say(Fault.slow(result, seconds))

    def fail(self, code: str) -> None:
        faults: Mapping[str, Any] = {
            "unreachable": Fault.disconnect(),
            "rate_limited": Fault.failed(429, "rate_limit_error", retry_after="7"),
            "rate_limited without after": Fault.failed(429, "rate_limit_error"),
            "overloaded": Fault.failed(529, "overloaded_error"),
            "server_error": Fault.failed(500),
            "not_authorised": Fault.failed(401, "authentication_error"),
            "bad_request": Fault.failed(400, "invalid_request_error"),
            "malformed": Fault.malformed_json(RESULT),
            "schema": WRONG,
            "cut": Fault.cut(RESULT),
            "refusal": Fault.refusal(RESULT),
            "max_tokens": Fault.max_tokens(RESULT),
        }
        self.say(faults[code])


@asynccontextmanager
async def in_memory() -> AsyncIterator[Case]:
    yield InMemory()


@asynccontextmanager
async def at_the_api() -> AsyncIterator[Case]:
    async with FakeMessages() as fake:
        model = Claude(ClaudeSettings(fake.key, fake.url))
        yield AtTheApi(fake, model)
        await model.close()
        assert fake.refused == []


@pytest.fixture(params=[in_memory, at_the_api])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with request.param() as made:
        yield made


@pytest.fixture(params=["small", "large"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return replace(ASK, size=request.param)


async def test_a_result_has_the_shape_and_names_who_made_it_and_what_it_cost(case: Case, ask: Ask) -> None:
    case.say(RESULT)
    completion = await case.model.complete(ask)
    assert completion.result == RESULT
    assert completion.model == case.model.name(ask.size)
    assert completion.usage.input > 0
    assert completion.usage.output > 1
    assert case.asked == 1


async def test_a_watcher_sees_the_result_grow_to_the_whole(case: Case, ask: Ask) -> None:
    case.say(RESULT)
    seen: list[Mapping[str, Any]] = []

    async def watch(so_far: Mapping[str, Any]) -> None:
        seen.append(so_far)

    completion = await case.model.complete(ask, watch=watch)
    assert len(seen) > 2
    assert seen[-1] == completion.result
    for earlier, later in pairwise(seen):
        assert earlier != later
        assert grew(earlier, later), (earlier, later)


def grew(earlier: Any, later: Any) -> bool:
    """What was complete stays; the last string or list may have grown, and more may have come."""
    if isinstance(earlier, Mapping):
        return all(key in later and grew(value, later[key]) for key, value in earlier.items())
    if isinstance(earlier, list):
        return len(earlier) <= len(later) and all(map(grew, earlier, later))
    return bool(later.startswith(earlier)) if isinstance(earlier, str) else earlier == later


async def test_what_a_watcher_raises_ends_the_answer_and_stays_what_it_is(case: Case) -> None:
    case.say(RESULT)

    async def watch(so_far: Mapping[str, Any]) -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await case.model.complete(ASK, watch=watch)


FAILURES = [
    ("unreachable", Retry),
    ("rate_limited", Retry),
    ("overloaded", Retry),
    ("server_error", Retry),
    ("not_authorised", Refused),
    ("bad_request", Refused),
    ("malformed", Unusable),
    ("schema", Unusable),
    ("cut", Unusable),
    ("refusal", Unusable),
    ("max_tokens", Unusable),
]


@pytest.mark.parametrize(("code", "kind"), FAILURES, ids=[code for code, _ in FAILURES])
async def test_each_failure_has_its_code_and_is_not_tried_again(case: Case, ask: Ask, code: str, kind: type[ConnectorError]) -> None:
    case.fail(code)
    with pytest.raises(kind) as raised:
        await case.model.complete(ask, watch=ignore)
    assert type(raised.value) is kind
    assert raised.value.code == code
    assert case.asked == 1
    assert SECRET not in "".join(traceback.format_exception(raised.value)) + repr(raised.value.args)
    if isinstance(raised.value, Unusable):
        assert raised.value.model == case.model.name(ask.size)
        assert raised.value.usage.input > 0


async def ignore(so_far: Mapping[str, Any]) -> None:
    pass


async def test_a_rate_limit_says_how_long_where_it_was_said(case: Case) -> None:
    case.fail("rate_limited")
    with pytest.raises(Retry) as raised:
        await case.model.complete(ASK)
    assert raised.value.after == 7.0
    case.fail("rate_limited without after")
    with pytest.raises(Retry) as raised:
        await case.model.complete(ASK)
    assert raised.value.code == "rate_limited"
    assert raised.value.after is None


async def test_it_is_late_when_nothing_has_come_in_time(case: Case) -> None:
    case.crawl(RESULT, 30.0)
    with pytest.raises(Unusable) as raised:
        await case.model.complete(replace(ASK, first=0.2))
    assert raised.value.code == "late"
    assert raised.value.usage.input > 0
    assert case.asked == 1


async def test_it_is_late_when_not_all_of_it_has_come_in_time(case: Case) -> None:
    case.crawl(RESULT, 0.15)
    seen: list[Mapping[str, Any]] = []

    async def watch(so_far: Mapping[str, Any]) -> None:
        seen.append(so_far)

    with pytest.raises(Unusable) as raised:
        await case.model.complete(replace(ASK, within=0.4), watch=watch)
    assert raised.value.code == "late"
    assert raised.value.usage.input > 0
    assert RESULT not in seen


async def test_the_first_piece_may_take_less_than_the_whole(case: Case) -> None:
    case.crawl(RESULT, 0.1)
    completion = await case.model.complete(replace(ASK, first=0.4, within=30.0))
    assert completion.result == RESULT


@pytest.mark.parametrize(
    "content", ["\ud83d unpaired", "a\x00b\x1b[31m\x7f", "\u202e\u2028", "long " * 60_000], ids=["surrogate", "control", "bidi", "long"]
)
async def test_any_text_can_be_asked(case: Case, ask: Ask, content: str) -> None:
    case.say(RESULT)
    asked = replace(ask, content=content, stable=content, prompt=replace(ask.prompt, text=content))
    assert (await case.model.complete(asked)).result == RESULT
    assert await case.model.count(asked) > 0


async def test_many_are_asked_at_once(case: Case) -> None:
    case.say(RESULT)
    done = await asyncio.gather(*(case.model.complete(ASK) for _ in range(20)))
    assert [one.result for one in done] == [RESULT] * 20


async def test_more_text_counts_more_tokens(case: Case, ask: Ask) -> None:
    few = await case.model.count(ask)
    assert 0 < few < await case.model.count(replace(ask, content=ask.content * 100))
    assert case.asked == 0


async def test_each_size_has_a_model(case: Case) -> None:
    sizes: tuple[Size, ...] = ("small", "large")
    assert len({case.model.name(size) for size in sizes}) == 2
