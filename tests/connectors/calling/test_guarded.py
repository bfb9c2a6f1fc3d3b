"""How a system is called: in bounded time, again where that does no harm, and not at all while it is down."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from connectors.calling.breaker import FAILURES, OPEN
from connectors.calling.codes import BUSY, DOWN, LOCKED_OUT
from connectors.calling.guarded import Guard, Unserved, operations
from connectors.errors import ConnectorError, NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.calls import CallRules, recording
from connectors.ports.systems import Account, Accounts, Effect

RULES = CallRules(timeout=10.0, retries=2, wait=0.2)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Scripted:
    """An identity store that does what it is told: raises, waits for ever, or answers."""

    script: list[Exception | str] = field(default_factory=list)
    asked: int = 0

    async def _next(self) -> None:
        self.asked += 1
        what = self.script.pop(0) if self.script else "answer"
        if isinstance(what, Exception):
            raise what
        if what == "hang":
            await asyncio.Event().wait()

    async def account(self, person_key: str) -> Account:
        await self._next()
        return Account("active")

    async def unlock(self, person_key: str, *, key: str) -> Effect:
        await self._next()
        return Effect("account:7")

    async def send_reset_link(self, person_key: str, *, lifetime: timedelta, key: str) -> Effect:
        await self._next()
        return Effect("link:1", changed=False)

    async def withdraw_reset_link(self, person_key: str, *, key: str) -> Effect:
        await self._next()
        return Effect("link:1")

    async def destroy(self) -> None:
        """No operation of the port."""


@dataclass
class Heard:
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    asked: dict[str, Callable[[], bool]] = field(default_factory=dict)

    def called(self, connector: str, operation: str, came_to: str, seconds: float) -> None:
        self.calls.append((connector, operation, came_to))

    def watch_connector(self, connector: str, called: Callable[[], bool]) -> None:
        self.asked[connector] = called


@dataclass
class Stage:
    system: Scripted
    time: Time
    heard: Heard
    guard: Guard
    port: Any


def staged(*script: Exception | str, rules: CallRules | None = RULES, local: tuple[str, ...] = ()) -> Stage:
    system, time, heard = Scripted(list(script)), Time(), Heard()
    guard = Guard("directory", rules, watch=heard, monotonic=time, sleep=time.sleep)
    return Stage(system, time, heard, guard, guard.port("accounts", Accounts, system, local))


async def failing(stage: Stage, times: int, code: str = "unreachable") -> None:
    for _ in range(times):
        stage.system.script.append(Retry(code))
        with pytest.raises(Retry):
            await stage.port.unlock("e1001", key="k")


async def test_a_port_has_the_operations_of_its_protocol_and_no_others() -> None:
    stage = staged()
    assert set(operations(Accounts)) == {"account", "unlock", "send_reset_link", "withdraw_reset_link"}
    assert await stage.port.account("e1001") == Account("active")
    with pytest.raises(AttributeError):
        await stage.port.destroy()


@pytest.mark.parametrize("code", sorted(DOWN))
async def test_a_read_is_repeated_while_the_system_is_down_for_a_moment(code: str) -> None:
    stage = staged(Retry(code), Retry(code))
    with recording() as calls:
        assert await stage.port.account("e1001") == Account("active")
    assert (stage.system.asked, stage.time.slept) == (3, [0.2, 0.4])
    assert [(call.came_to, call.tries, call.milliseconds) for call in calls] == [("read", 3, 600)]


@pytest.mark.parametrize(
    "error",
    [
        *(Retry(code) for code in sorted(LOCKED_OUT | {"misconfigured", "rate_limited"})),
        Retry("unavailable", after=20.0),
        Refused("not_permitted"),
        NeedsHuman("ambiguous"),
    ],
    ids=str,
)
async def test_a_read_is_not_repeated_where_that_helps_nobody(error: ConnectorError) -> None:
    stage = staged(error)
    with pytest.raises(type(error)) as raised:
        await stage.port.account("e1001")
    assert raised.value is error
    assert stage.system.asked == 1


@pytest.mark.parametrize("error", [Retry("unreachable"), OutcomeUnknown("connection_lost")], ids=str)
async def test_a_change_is_never_repeated_here(error: Retry) -> None:
    stage = staged(error)
    with pytest.raises(Retry) as raised:
        await stage.port.unlock("e1001", key="k")
    assert raised.value is error
    assert stage.system.asked == 1


async def test_a_change_that_takes_too_long_may_have_happened() -> None:
    stage = staged("hang", rules=CallRules(timeout=0.01))
    with pytest.raises(OutcomeUnknown) as raised:
        await stage.port.unlock("e1001", key="k")
    assert raised.value.code == "timeout"


async def test_a_read_that_takes_too_long_had_no_effect() -> None:
    stage = staged("hang", rules=CallRules(timeout=0.01, retries=0))
    with pytest.raises(Retry) as raised:
        await stage.port.account("e1001")
    assert raised.value.code == "timeout"
    assert not isinstance(raised.value, OutcomeUnknown)


async def test_a_try_that_took_its_whole_time_is_the_last() -> None:
    stage = staged()

    async def slow(person_key: str) -> Account:
        stage.system.asked += 1
        stage.time.now += RULES.timeout
        raise Retry("timeout")

    stage.system.account = slow  # type: ignore[method-assign]
    port = stage.guard.port("accounts", Accounts, stage.system)
    with pytest.raises(Retry):
        await port.account("e1001")
    assert stage.system.asked == 1


async def test_five_failures_in_a_row_keep_the_system_from_being_called() -> None:
    stage = staged()
    await failing(stage, FAILURES)
    with pytest.raises(Retry) as raised:
        await stage.port.account("e1001")
    assert (raised.value.code, raised.value.after, raised.value.detail) == ("breaker_open", OPEN, "unreachable")
    assert stage.system.asked == FAILURES
    assert stage.guard.closed_to == "unreachable"
    assert stage.heard.asked["directory"]() is False


async def test_without_the_breaker_it_would_have_been_called() -> None:
    stage = staged(rules=None)
    await failing(stage, FAILURES)
    assert await stage.port.account("e1001") == Account("active")


@pytest.mark.parametrize("code", ["bad_credentials", "unreachable"])
async def test_what_is_wrong_with_a_system_that_this_one_asks_is_laid_to_that_one(code: str) -> None:
    directory, figma = staged(), staged()
    figma.guard.name = "figma"

    async def of_the_directory(person_key: str) -> Account:
        answer: Account = await directory.port.account(person_key)
        return answer

    figma.system.account = of_the_directory  # type: ignore[method-assign]
    directory.system.script += [Retry(code)] * (FAILURES + 1)
    port = figma.guard.port("accounts", Accounts, figma.system)
    with capture_logs() as logged:
        for _ in range(FAILURES):
            with pytest.raises(Retry) as raised:
                await port.account("e1001")
            assert raised.value.connector == "directory"
    assert directory.guard.closed_to == code
    assert figma.guard.closed_to is None
    assert {entry["connector"] for entry in logged} == {"directory"}


async def test_one_probe_opens_it_again_and_the_others_wait_meanwhile() -> None:
    stage = staged()
    await failing(stage, FAILURES)
    stage.time.now += OPEN
    stage.system.script.append("hang")
    probe = asyncio.create_task(stage.port.unlock("e1001", key="k"))
    await asyncio.sleep(0)
    with pytest.raises(Retry) as raised:
        await stage.port.account("e1001")
    assert raised.value.code == "breaker_open"
    assert raised.value.after
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert await stage.port.account("e1001") == Account("active"), "a probe that was given up leaves its place to another"
    assert stage.guard.closed_to is None


async def test_a_failed_probe_doubles_the_time() -> None:
    stage = staged()
    await failing(stage, FAILURES)
    stage.time.now += OPEN
    await failing(stage, 1)
    with pytest.raises(Retry) as raised:
        await stage.port.account("e1001")
    assert raised.value.after == 2 * OPEN


@pytest.mark.parametrize("code", sorted(LOCKED_OUT))
async def test_wrong_credentials_are_tried_once(code: str) -> None:
    """A service account that Foyer tried again and again would be locked."""
    stage = staged()
    await failing(stage, 1, code)
    for _ in range(5):
        with pytest.raises(Retry) as raised:
            await stage.port.account("e1001")
        assert raised.value.detail == code
    assert stage.system.asked == 1


@pytest.mark.parametrize("error", [Refused("not_permitted"), NeedsHuman("ambiguous"), Retry("misconfigured")], ids=str)
async def test_what_answers_is_not_down(error: ConnectorError) -> None:
    stage = staged()
    for _ in range(3 * FAILURES):
        stage.system.script.append(error)
        with pytest.raises(ConnectorError):
            await stage.port.unlock("e1001", key="k")
    assert stage.guard.closed_to is None


async def test_a_limit_pauses_the_system_for_as_long_as_it_asks() -> None:
    stage = staged(Retry("rate_limited", after=7.0))
    with pytest.raises(Retry):
        await stage.port.unlock("e1001", key="k")
    stage.time.now += 3.0
    with pytest.raises(Retry) as raised:
        await stage.port.account("e1001")
    assert (raised.value.code, raised.value.after, stage.system.asked) == ("rate_limited", 4.0, 1)
    assert stage.guard.closed_to is None
    stage.time.now += 4.0
    assert await stage.port.account("e1001") == Account("active")


async def test_what_needs_no_system_is_told_while_it_is_down() -> None:
    stage = staged(local=("account",))
    await failing(stage, FAILURES)
    assert await stage.port.account("e1001") == Account("active")


async def test_what_came_of_each_call_is_recorded_and_counted() -> None:
    stage = staged()
    with recording() as calls:
        await stage.port.account("e1001")
        await stage.port.unlock("e1001", key="a")
        await stage.port.send_reset_link("e1001", lifetime=timedelta(minutes=5), key="b")
        stage.system.script.append(Refused("unknown_person", "e1001"))
        with pytest.raises(Refused):
            await stage.port.unlock("e1001", key="c")
    told = [(call.connector, call.operation, call.came_to, call.reference) for call in calls]
    assert told == [
        ("directory", "accounts.account", "read", None),
        ("directory", "accounts.unlock", "changed", "account:7"),
        ("directory", "accounts.send_reset_link", "unchanged", "link:1"),
        ("directory", "accounts.unlock", "unknown_person", None),
    ]
    assert stage.heard.calls == [one[:3] for one in told]


async def test_a_failure_is_told_once_with_what_the_operator_needs() -> None:
    stage = staged(
        Retry("unreachable", "dc1:636 refused"), Retry("unreachable", "dc1:636 refused"), Retry("unreachable", "dc1:636 refused")
    )
    with capture_logs() as logs, pytest.raises(Retry):
        await stage.port.account("e1001")
    assert logs == [
        {
            "event": "outside_call_failed",
            "log_level": "warning",
            "connector": "directory",
            "operation": "accounts.account",
            "code": "unreachable",
            "detail": "dc1:636 refused",
            "tries": 3,
            "outcome": "none",
        }
    ]


@pytest.mark.parametrize(
    "error", [Retry("bad_credentials"), Retry("bad_certificate"), Retry("misconfigured"), Refused("not_permitted")], ids=str
)
async def test_what_somebody_has_to_mend_is_an_error(error: ConnectorError) -> None:
    stage = staged(error)
    with capture_logs() as logs, pytest.raises(ConnectorError):
        await stage.port.account("e1001")
    assert [one["log_level"] for one in logs if one["event"] == "outside_call_failed"] == ["error"]


async def test_what_a_connector_logs_during_a_call_names_it() -> None:
    class Speaking(Scripted):
        async def account(self, person_key: str) -> Account:
            structlog.get_logger().warning("owner_unknown")
            return Account("active")

    with capture_logs([merge_contextvars]) as logs:
        await Guard("directory", RULES).port("accounts", Accounts, Speaking()).account("e1001")
        structlog.get_logger().warning("after")
    assert [(one["event"], one.get("connector")) for one in logs] == [("owner_unknown", "directory"), ("after", None)]


async def test_opening_and_closing_are_told_once_each() -> None:
    stage = staged()
    with capture_logs() as logs:
        await failing(stage, FAILURES)
        for _ in range(3):
            with pytest.raises(Retry):
                await stage.port.account("e1001")
        stage.time.now += OPEN
        await stage.port.account("e1001")
        await stage.port.account("e1001")
    assert [one["event"] for one in logs if one["event"] != "outside_call_failed"] == ["outside_no_longer_called", "outside_called_again"]
    assert len(logs) == FAILURES + 2


async def test_what_breaks_in_a_connector_says_nothing_of_the_system() -> None:
    stage = staged(*(KeyError("mail") for _ in range(2 * FAILURES)))
    for _ in range(2 * FAILURES):
        with pytest.raises(KeyError):
            await stage.port.account("e1001")
    assert stage.guard.closed_to is None
    assert stage.heard.calls[-1] == ("directory", "accounts.account", "broken")


async def test_a_port_that_nobody_serves_refuses() -> None:
    with pytest.raises(Refused) as raised:
        await Unserved("hr").leaves("e1001")
    assert raised.value.code == "not_served"
    assert "hr" in raised.value.detail


async def test_waiting_for_connections_of_our_own_says_nothing_of_the_system() -> None:
    stage = staged()
    await failing(stage, FAILURES - 1)
    await failing(stage, FAILURES, BUSY)
    assert stage.guard.closed_to is None
    await failing(stage, 1)
    assert stage.guard.closed_to == "unreachable", "nor was it taken for an answer"
