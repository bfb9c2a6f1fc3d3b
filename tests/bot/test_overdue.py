"""What outlived its end is taken back one by one, each told to the audit, whatever becomes of the others."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from bot.database import Sessions
from bot.overdue import Overdue
from connectors.calling.guarded import Guard
from connectors.calling.ledger import Ending, Given
from connectors.errors import ConnectorError, NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.calls import CallRules
from connectors.ports.people import People, Person
from connectors.ports.systems import Effect
from specialists.audit import Audit
from specialists.switch import Switch
from tests.specialists.fulfilment.rig import Clock, make_tables

GIVEN = tuple(Given(f"e{n}", "figma", "editor") for n in range(4))


@dataclass
class System:
    """Keeps no ends. `wrong`: what it answers, by person; `after`: whether it has done it all the same."""

    left: list[Given] = field(default_factory=lambda: list(GIVEN))
    wrong: dict[str, Exception] = field(default_factory=dict)
    after: bool = False
    slow: float = 0.0
    asked: list[str] = field(default_factory=list)
    there: set[Given] = field(default_factory=lambda: set(GIVEN))

    async def overdue(self) -> Sequence[Given]:
        return list(self.left)

    async def settle(self, given: Given) -> Effect:
        self.asked.append(given.person_key)
        error = self.wrong.get(given.person_key)
        if error is not None and not self.after:
            raise error
        await asyncio.sleep(self.slow)
        was_there = given in self.there
        self.there.discard(given)
        if error is not None:
            raise error
        self.left.remove(given)
        return Effect("", was_there)


class NobodyPaused:
    async def state(self) -> Mapping[str, Any]:
        return {}


class Everybody:
    def __init__(self, error: ConnectorError | None = None) -> None:
        self.error = error

    async def by_key(self, directory_key: str) -> Person | None:
        if self.error is not None:
            raise self.error
        return Person(f"id-of-{directory_key}", directory_key, "", "", "UTC", "en")


@dataclass
class World:
    sessions: Sessions
    system: System
    clock: Clock
    people: Everybody = field(default_factory=Everybody)
    guard: Guard = field(default_factory=lambda: Guard("figma", CallRules(timeout=5.0)))

    def __post_init__(self) -> None:
        ending = cast(Ending, self.guard.port("access", Ending, self.system, ("overdue",)))
        audit, people = Audit(b"k" * 32, clock=self.clock), cast(People, self.people)
        self.overdue = Overdue({"figma": ending}, cast(Switch, NobodyPaused()), people, audit, self.sessions, self.clock)

    async def audited(self) -> list[tuple[str | None, bool]]:
        async with self.sessions() as session:
            rows = await session.execute(text("SELECT subject_id, data FROM audit_event WHERE event = 'overdue_taken_back' ORDER BY seq"))
            return [(row.subject_id, json.loads(row.data)["changed"]) for row in rows]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    engine, sessions = await make_tables(tmp_path)
    yield World(sessions, System(), Clock())
    await engine.dispose()


@pytest.mark.parametrize(
    "error", [Retry("misconfigured", "no such group"), Refused("unknown_role"), NeedsHuman("ambiguous"), KeyError("x")]
)
async def test_one_that_cannot_be_taken_back_hinders_no_other(world: World, error: Exception) -> None:
    world.system.wrong = {"e1": error}
    for _ in range(2):
        await world.overdue.settle()
    assert world.system.left == [GIVEN[1]]
    assert await world.audited() == [("id-of-e0", True), ("id-of-e2", True), ("id-of-e3", True)]
    world.system.wrong = {}
    await world.overdue.settle()
    assert world.system.left == []


@pytest.mark.parametrize("code", ["unreachable", "timeout", "bad_credentials", "rate_limited"])
async def test_a_system_that_is_down_is_asked_once_a_round(world: World, code: str) -> None:
    world.system.wrong = {one.person_key: Retry(code, after=0.001) for one in GIVEN}
    await world.overdue.settle()
    assert world.system.asked == ["e0"]


async def test_one_that_hangs_comes_last_the_next_time(world: World) -> None:
    world.system.wrong = {"e0": Retry("timeout")}
    await world.overdue.settle()
    await world.overdue.settle()
    assert world.system.left == [GIVEN[0]]


async def test_a_directory_that_is_down_costs_no_event(world: World) -> None:
    world.people.error = Retry("unreachable")
    await world.overdue.settle()
    assert await world.audited() == [(None, True)] * 4


async def test_a_round_may_take_longer_than_one_call(world: World) -> None:
    slow = World(world.sessions, System(slow=0.06), world.clock, guard=Guard("figma", CallRules(timeout=0.2)))
    await slow.overdue.settle()
    assert (slow.system.left, len(await slow.audited()), slow.guard.breaker.is_open) == ([], 4, False)


async def test_what_was_perhaps_taken_back_is_told_once_that_is_seen(world: World) -> None:
    world.system.wrong, world.system.after = {"e0": OutcomeUnknown("connection_lost")}, True
    await world.overdue.settle()
    assert (await world.audited(), world.system.there) == ([], set(GIVEN[1:]))
    world.system.wrong = {}
    await world.overdue.settle()
    assert sorted(await world.audited()) == [("id-of-e0", False), *((f"id-of-e{n}", True) for n in (1, 2, 3))]
    await world.overdue.settle()
    assert len(await world.audited()) == 4


async def test_also_when_its_end_is_forgotten_by_then(world: World) -> None:
    world.system.wrong, world.system.after = {"e0": OutcomeUnknown("connection_lost")}, True
    await world.overdue.settle()
    world.system.left.remove(GIVEN[0])
    await world.overdue.settle()
    assert ("id-of-e0", False) in await world.audited()


async def test_an_audit_that_cannot_be_written_is_made_up_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*args: Any, **kwargs: Any) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(Audit, "append", away)
        with pytest.raises(OSError, match="away"):
            await world.overdue.settle()
    world.clock.now += timedelta(seconds=30)
    await world.overdue.settle()
    assert len(await world.audited()) == 4
