"""Claude on the strict API: what is special to it, beyond the port's contract."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from aiohttp import web

from connectors.anthropic.client import retry_after
from connectors.anthropic.connector import Claude
from connectors.anthropic.settings import ClaudeSettings
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.language import NOBODY, Ask, Prompt, Unusable, Usage, telling
from tests.fakes.anthropic import FakeMessages, Fault

SHAPE = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"], "additionalProperties": False}
LONG = "All of this is said each time, and never changes. " * 100
ASK = Ask(Prompt("title", 1, "Find a title."), "small", "zebra-quartz", SHAPE, NOBODY, stable=LONG, first=5.0)
RESULT = {"title": "Holidays"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeMessages]:
    async with FakeMessages(lambda request: RESULT) as made:
        yield made


@pytest.fixture
async def claude(fake: FakeMessages) -> AsyncIterator[Claude]:
    made = Claude(ClaudeSettings(fake.key, fake.url))
    yield made
    await made.close()


async def other(fake: FakeMessages, **settings: Any) -> Claude:
    return Claude(replace(ClaudeSettings(fake.key, fake.url), **settings))


@pytest.mark.parametrize("size", ["small", "large"])
async def test_what_never_changes_is_read_from_the_cache_the_second_time(claude: Claude, size: Any) -> None:
    ask = replace(ASK, size=size)
    first = (await claude.complete(ask)).usage
    second = (await claude.complete(replace(ask, content="another"))).usage
    assert first.cache_written > 1000
    assert first.cache_read == 0
    assert second.cache_read == first.cache_written
    assert second.cache_written == 0
    assert second.input < 100


async def test_when_only_what_follows_the_prompt_changes_the_prompt_is_read_from_the_cache(claude: Claude) -> None:
    ask = replace(ASK, prompt=Prompt("title", 1, LONG), stable="Skills: one.")
    await claude.complete(ask)
    usage = (await claude.complete(replace(ask, stable="Skills: two."))).usage
    assert usage.cache_read > 1000
    assert 0 < usage.cache_written < 100


async def test_when_it_is_late_the_connection_is_closed_at_once(fake: FakeMessages, claude: Claude) -> None:
    fake.brain = lambda request: Fault.slow(RESULT, 30.0)
    with pytest.raises(Unusable) as raised:
        await claude.complete(replace(ASK, first=0.2))
    assert raised.value.usage.cache_written > 1000, "the message had begun, and said what it cost"
    for _ in range(100):
        if not fake.open:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the API still answers")


async def test_when_nothing_at_all_comes_it_is_late(fake: FakeMessages, claude: Claude) -> None:
    fake.brain = lambda request: Fault.hang()
    with pytest.raises(Unusable) as raised:
        await claude.complete(replace(ASK, first=0.2))
    assert (raised.value.code, raised.value.model, raised.value.usage) == ("late", "claude-haiku-5-5", Usage())


async def test_whoever_stops_waiting_closes_the_connection(fake: FakeMessages, claude: Claude) -> None:
    fake.brain = lambda request: Fault.slow(RESULT, 30.0)
    asking = asyncio.create_task(claude.complete(ASK))
    while not fake.open:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while fake.open:
        await asyncio.sleep(0.01)


async def test_the_time_that_a_watcher_takes_is_never_cut_off(fake: FakeMessages, claude: Claude) -> None:
    finished = []

    async def watch(so_far: Any) -> None:
        await asyncio.sleep(0.3)
        finished.append(so_far)

    fake.brain = lambda request: Fault.slow(RESULT, 0.05)
    with pytest.raises(Unusable) as raised:
        await claude.complete(replace(ASK, first=0.2, within=0.2), watch=watch)
    assert raised.value.code == "late"
    assert finished, "it was let finish what it had begun"


async def test_nobody_listening_is_unreachable(fake: FakeMessages, claude: Claude) -> None:
    await fake.refuse()
    with pytest.raises(Retry) as raised:
        await claude.complete(ASK)
    assert raised.value.code == "unreachable"
    with pytest.raises(Retry) as raised:
        await claude.count(ASK)
    assert raised.value.code == "unreachable"


@pytest.mark.parametrize("address", ["http://localhost:1", "https://127.0.0.1:{port}"], ids=["refused", "no TLS"])
async def test_an_address_that_cannot_be_spoken_to_is_unreachable(fake: FakeMessages, address: str) -> None:
    claude = await other(fake, base_url=address.format(port=fake.url.rsplit(":", 1)[1]))
    with pytest.raises(Retry) as raised:
        await claude.complete(ASK)
    assert raised.value.code == "unreachable"
    await claude.close()


MIDST = [
    ("overloaded_error", Retry, "overloaded"),
    ("rate_limit_error", Retry, "rate_limited"),
    ("api_error", Retry, "server_error"),
    ("timeout_error", Retry, "server_error"),
    ("something_new_error", Retry, "server_error"),
    ("authentication_error", Refused, "not_authorised"),
    ("permission_error", Refused, "not_authorised"),
    ("invalid_request_error", Refused, "bad_request"),
]


@pytest.mark.parametrize(("type_", "kind", "code"), MIDST, ids=[type_ for type_, _, _ in MIDST])
async def test_an_error_in_the_midst_is_told_by_its_type(
    fake: FakeMessages, claude: Claude, type_: str, kind: type[ConnectorError], code: str
) -> None:
    fake.brain = lambda request: Fault.error(type_, RESULT)
    with pytest.raises(kind) as raised:
        await claude.complete(ASK)
    assert (type(raised.value), raised.value.code) == (kind, code)
    told = telling(raised.value)
    assert told is not None
    assert (told.model, told.usage.cache_written > 1000) == ("claude-haiku-5-5", True), "it was spent all the same"


STATUSES = [
    (400, "invalid_request_error", "bad_request"),
    (402, "billing_error", "not_authorised"),
    (403, "permission_error", "not_authorised"),
    (404, "not_found_error", "bad_request"),
    (413, "request_too_large", "bad_request"),
    (422, "invalid_request_error", "bad_request"),
    (500, "api_error", "server_error"),
    (502, "api_error", "server_error"),
    (504, "timeout_error", "server_error"),
    (529, "overloaded_error", "overloaded"),
]


@pytest.mark.parametrize(("status", "type_", "code"), STATUSES, ids=[str(status) for status, _, _ in STATUSES])
async def test_a_status_is_told_by_its_code_with_the_type_alone(
    fake: FakeMessages, claude: Claude, status: int, type_: str, code: str
) -> None:
    fake.brain = lambda request: Fault.failed(status, type_)
    with pytest.raises(ConnectorError) as raised:
        await claude.complete(ASK)
    assert (raised.value.code, raised.value.detail) == (code, type_)


PAGES = [(200, Unusable, "malformed"), (403, Refused, "not_authorised"), (502, Retry, "server_error")]


@pytest.mark.parametrize(("status", "kind", "code"), PAGES)
async def test_a_page_of_somebody_in_between_is_no_answer(
    fake: FakeMessages, claude: Claude, status: int, kind: type[ConnectorError], code: str
) -> None:
    fake.brain = lambda request: Fault.page(status)
    with pytest.raises(kind) as raised:
        await claude.complete(ASK)
    assert (raised.value.code, raised.value.detail) == (code, "")


@pytest.mark.parametrize("events", range(9))
@pytest.mark.parametrize(("fault", "code"), [(Fault.cut, "cut"), (Fault.malformed_event, "malformed")])
async def test_a_stream_may_break_after_any_event(fake: FakeMessages, claude: Claude, fault: Any, code: str, events: int) -> None:
    broken = replace(fault(events=events), result=RESULT)
    fake.brain = lambda request: broken
    with pytest.raises(Unusable) as raised:
        await claude.complete(ASK)
    assert raised.value.code == code
    assert (raised.value.usage.cache_written > 0) == (events > 0)


async def test_thinking_before_the_answer_is_passed_over(fake: FakeMessages) -> None:
    claude = await other(fake, small="claude-opus-5-5")
    assert (await claude.complete(ASK)).result == RESULT
    await claude.close()


class Careless(FakeMessages):
    def _events(self, body: Any, result: Any, fault: Any) -> Any:
        yield "message_start", {"type": "message_start"}


class Newer(FakeMessages):
    """An API of a later version: it says more than is known today."""

    def _events(self, body: Any, result: Any, fault: Any) -> Any:
        for name, data in super()._events(body, result, fault):
            yield name, data
            if name == "ping":
                yield "weather", {"type": "weather", "sunny": True}
                yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "text": "glad"}}


async def test_an_event_that_lacks_what_it_must_have_is_malformed() -> None:
    async with Careless() as fake:
        claude = await other(fake)
        with pytest.raises(Unusable) as raised:
            await claude.complete(ASK)
        assert raised.value.code == "malformed"
        await claude.close()


class Lying(FakeMessages):
    """An API, or somebody before it, that says what cannot be in one place of the message."""

    def __init__(self, where: Sequence[str], what: Any) -> None:
        super().__init__(lambda request: RESULT)
        self._where, self._what = where, what

    def _events(self, body: Any, result: Any, fault: Any) -> Any:
        event, *path, last = self._where
        for name, data in super()._events(body, result, fault):
            if name == event:
                data = json.loads(json.dumps(data))
                inner = data
                for key in path:
                    inner = inner[key]
                inner[last] = self._what
            yield name, data


START, DELTA, END = ("message_start", "message"), ("content_block_delta", "delta"), ("message_delta",)
LIES = [
    ((*START, "usage", "input_tokens"), -3_000_000),
    ((*START, "usage", "input_tokens"), 2**80),
    ((*START, "usage", "input_tokens"), "many"),
    ((*START, "usage", "cache_read_input_tokens"), 1.5),
    ((*START, "usage", "output_tokens"), []),
    ((*START, "usage"), 7),
    ((*START, "model"), {"x": 1}),
    ((*START, "model"), None),
    ((*DELTA, "partial_json"), 5),
    ((*DELTA, "partial_json"), {}),
    ((*DELTA, "partial_json"), None),
    ((*END, "delta", "stop_reason"), ["refusal"]),
    ((*END, "usage", "output_tokens"), -1),
    ((*END, "usage"), "none"),
]


@pytest.mark.parametrize(("where", "what"), LIES, ids=[f"{'.'.join(where)}={what!r}"[:60] for where, what in LIES])
async def test_what_cannot_be_is_malformed_and_not_counted(where: Sequence[str], what: Any) -> None:
    async with Lying(where, what) as fake:
        claude = await other(fake)
        with pytest.raises(Unusable) as raised:
            await claude.complete(ASK)
        assert raised.value.code == "malformed"
        used = raised.value.usage
        assert all(type(one) is int and 0 <= one < 100_000 for one in (used.input, used.output, used.cache_read, used.cache_written))
        assert raised.value.model == "claude-haiku-5-5"
        await claude.close()


async def test_a_long_name_of_a_model_is_cut() -> None:
    async with Lying((*START, "model"), "m" * 5000) as fake:
        claude = await other(fake)
        assert (await claude.complete(ASK)).model == "m" * 120
        await claude.close()


@pytest.mark.parametrize("fault", [Fault.cut(events=8), Fault.error(events=8)], ids=["cut", "error"])
async def test_what_was_said_before_it_broke_counts(fake: FakeMessages, claude: Claude, fault: Fault) -> None:
    fake.brain = lambda request: replace(fault, result={"title": "word " * 300})
    with pytest.raises(ConnectorError) as raised:
        await claude.complete(ASK)
    told = telling(raised.value)
    assert told is not None
    assert 200 < told.usage.output < 700


def test_whole_requests_are_never_logged(fake: FakeMessages) -> None:
    logging.getLogger("anthropic").setLevel(logging.DEBUG)
    Claude(ClaudeSettings(fake.key, fake.url))
    assert not logging.getLogger("anthropic").isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("size", ["small", "large"])
async def test_events_and_deltas_of_new_kinds_are_passed_over(size: Any) -> None:
    async with Newer(lambda request: RESULT) as fake:
        claude = await other(fake)
        assert (await claude.complete(replace(ASK, size=size))).result == RESULT
        await claude.close()


async def test_the_key_follows_no_redirect(fake: FakeMessages) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{fake.url}/v1/messages")

    app = web.Application()
    app.router.add_post("/v1/messages", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    claude = await other(fake, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    with pytest.raises(Refused) as raised:
        await claude.complete(ASK)
    assert raised.value.code == "bad_request"
    assert fake.requests == []
    await claude.close()
    await runner.cleanup()


async def test_no_log_of_the_library_holds_what_was_asked(
    fake: FakeMessages, claude: Claude, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("", "httpx2", "anthropic"):
        caplog.set_level(logging.INFO, name)
    await claude.complete(ASK)
    fake.brain = lambda request: Fault.failed(500)
    with pytest.raises(Retry):
        await claude.complete(ASK)
    said = caplog.text + "".join(capsys.readouterr())
    assert "/v1/messages" in said, "it logs at all"
    for secret in (ASK.content, fake.key, "Find a title"):
        assert secret not in said


NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
AFTER = [
    ({"retry-after": "7"}, 7.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after": "-3"}, 0.0),
    ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
    ({"retry-after": format_datetime(NOW + timedelta(minutes=2), usegmt=True)}, 120.0),
    ({"retry-after": format_datetime(NOW - timedelta(minutes=2), usegmt=True)}, 0.0),
    ({"retry-after": "Sat, 21 Nov 2026 09:00:30"}, 30.0),
    ({"retry-after": "tomorrow"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "inf"}, None),
    ({"retry-after": ""}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "after"), AFTER)
def test_how_long_to_wait_is_read_in_every_form(headers: dict[str, str], after: float | None) -> None:
    assert retry_after(httpx2.Headers(headers), NOW) == after


async def test_the_check_names_both_models_and_asks_nothing_that_costs(fake: FakeMessages, claude: Claude) -> None:
    assert await claude.check() == f"claude-haiku-5-5 (small), claude-sonnet-5-5 (large), at {fake.url}"
    assert fake.requests == []
    assert [body["model"] for body in fake.counted] == ["claude-haiku-5-5", "claude-sonnet-5-5"]


async def test_the_check_says_what_is_wrong_in_words(fake: FakeMessages) -> None:
    wrong_key, no_model = await other(fake, api_key="sk-ant-other"), await other(fake, large="claude-sonata-5")
    with pytest.raises(Refused) as raised:
        await wrong_key.check()
    assert raised.value.detail == f"{fake.url} does not accept ANTHROPIC_API_KEY (authentication_error)"
    with pytest.raises(Refused) as raised:
        await no_model.check()
    assert raised.value.detail == f"there is no model claude-sonata-5 at {fake.url}"
    await fake.refuse()
    with pytest.raises(Retry) as unreachable:
        await wrong_key.check()
    assert unreachable.value.detail == f"{fake.url} does not serve now: unreachable"
    for claude in (wrong_key, no_model):
        await claude.close()
