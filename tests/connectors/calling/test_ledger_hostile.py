"""The ledger on a system that fails in every way, by a Foyer that repeats itself, is killed, gives up and takes back.

Whatever happens: who was told of access has it, with its end; who gave up has none left in the end; what nobody here gave stays.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import Sessions, connect
from connectors.calling.ledger import LATE, OVERDUE, Act, Given, Ledger, Look, Seen, _End
from connectors.calling.tables import metadata, outside_end
from connectors.errors import ConnectorError
from connectors.ports.records import new_id
from connectors.ports.systems import Effect
from tests.connectors.calling.modelled import APPLICATION, ROLE, WAYS, Clock, Dying, Story, System, Way

Make = Callable[[], Ledger]


class World:
    """One database with a ledger in it; `story` begins with a person of its own."""

    def __init__(self, engine: AsyncEngine, sessions: Sessions, kind: type[Ledger] = Ledger) -> None:
        self.engine, self.sessions, self.clock, self.kind = engine, sessions, Clock(), kind

    def ledger(self) -> Ledger:
        return self.kind("figma", self.sessions, self.clock)

    def story(self, *ways: Way, permanent: bool = False) -> Story:
        person = new_id()
        return Story(person, System(ways, {person} if permanent else ()), self.clock, self.ledger)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    engine, sessions = connect(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF").close())
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield World(engine, sessions)
    await engine.dispose()


async def wish(story: Story, permanent: bool = False) -> list[str]:
    """A grant as Foyer makes one, with what follows where it fails; what is wrong with how that ended."""
    wrong = []
    granted = await story.grant("k1")
    had = story.person in story.system.members
    if isinstance(granted, Effect):
        if not had:
            wrong.append("told of access that is not there")
        if had and not permanent and await story.end() != story.until:
            wrong.append("given without its end")
    else:
        if await story.has_for_ever() and not permanent:
            wrong.append("given up, there, and without an end")
        await story.take_back("k1:undo")
    acts = story.system.acts
    story.system.land()
    if isinstance(granted, Effect) and await story.grant("k1") != Effect(granted.reference, False, granted.detail):
        wrong.append("a finished key came to something else")
    if isinstance(granted, Effect) and story.system.acts > acts:
        wrong.append("a finished key acted again")
    if await story.has_for_ever() and not permanent:
        wrong.append("landed late, and without an end")
    await story.sweep(minutes=OVERDUE.total_seconds() / 60)
    there = story.person in story.system.members
    if permanent and not there:
        wrong.append("took what nobody here gave")
    if permanent and await story.end() is not None:
        wrong.append("an end for what nobody here gave")
    if not permanent and there != isinstance(granted, Effect):
        wrong.append("there, and given up" if there else "gone, and told of")
    return wrong


async def of_all(world: World, ways: list[tuple[Way, ...]], permanent: bool = False) -> list[tuple[tuple[Way, ...], list[str]]]:
    found = [(one, await wish(world.story(*one, permanent=permanent), permanent)) for one in ways]
    return [(one, wrong) for one, wrong in found if wrong]


async def taken_back(world: World, all_ways: list[tuple[Way, ...]]) -> list[tuple[tuple[Way, ...], str]]:
    wrong = []
    for ways in all_ways:
        story = world.story("works", *ways)
        await story.grant("k1")
        taken = await story.revoke("k2")
        if isinstance(taken, Effect) and story.person in story.system.members:
            wrong.append((ways, "told of an end that is not so"))
        if await story.has_for_ever():
            wrong.append((ways, "there without an end"))
        story.system.land()
        if await story.has_for_ever():
            wrong.append((ways, "there without an end, after all had landed"))
    return wrong


TWICE: list[tuple[Way, ...]] = list(itertools.product(WAYS, repeat=2))
NEVER: list[tuple[Way, ...]] = [(one,) * 3 for one in WAYS if one != "works"]
"""Every way twice in a row, then it works; and each that never stops."""
SOME: list[tuple[Way, ...]] = [*((one,) for one in WAYS), *NEVER]
MORE: list[tuple[Way, ...]] = SOME + TWICE[::4]
"""Each way is in it as the first of two and as the second. All pairs: tests/soak."""


class TestAGrant:
    async def test_ends_well_however_its_acts_end(self, world: World) -> None:
        assert await of_all(world, MORE) == []

    async def test_leaves_what_nobody_here_gave(self, world: World) -> None:
        assert await of_all(world, [()], permanent=True) == []

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("permanent", [False, True])
    async def test_is_finished_after_a_kill_at_any_commit(self, world: World, when: Literal["before", "after"], permanent: bool) -> None:
        for at in (1, 2):
            story = world.story(permanent=permanent)
            processes = iter([Ledger("figma", Dying(world.sessions, at, when), world.clock)])
            story.ledger = next(processes)
            assert await wish(story, permanent) == []


class Blind(Ledger):
    """The negative control: does what it is told, and says that it is done."""

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str, look: Look, act: Act) -> Effect:
        with suppress(ConnectorError):
            await act()
        return Effect("member:somebody")


class EndsAfter(Ledger):
    """The negative control: writes the end once the act is over, as who trusts that a process lives on."""

    async def _begin(self, operation: str, target: str, key: str, seen: Seen, given: Given | None = None, end: _End | None = None) -> None:
        return await super()._begin(operation, target, key, seen)

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str, look: Look, act: Act) -> Effect:
        effect = await super().grant(person_key, application_key, role, until=until, key=key, look=look, act=act)
        async with self._sessions.begin() as session:
            await self._keep_end(session, Given(person_key, application_key, role), _End(until, None))
        return effect


class Trusting(Ledger):
    """The negative control: never looks afterwards."""

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str, look: Look, act: Act) -> Effect:
        looked = 0

        async def once() -> Seen:
            nonlocal looked
            looked += 1
            return await look() if looked == 1 else Seen(True, "member:somebody")

        async def silent() -> None:
            with suppress(ConnectorError):
                await act()

        return await super().grant(person_key, application_key, role, until=until, key=key, look=once, act=silent)


@pytest.mark.parametrize("kind", [Blind, EndsAfter, Trusting])
async def test_a_ledger_that_cuts_corners_is_found_out(world: World, kind: type[Ledger]) -> None:
    world.kind = kind
    assert await of_all(world, SOME)


class TestTakingBack:
    async def test_ends_well_however_its_acts_end(self, world: World) -> None:
        assert await taken_back(world, MORE) == []

    async def test_what_was_given_anew_stays(self, world: World) -> None:
        """A second wish after an undo that nobody knows the outcome of: the sweep leaves it alone until its own end."""
        for ways in SOME:
            story = world.story("works", *ways)
            await story.grant("k1")
            await story.revoke("k2")
            story.system.land()
            if not isinstance(await story.grant("k3", story.until + timedelta(days=7)), Effect):
                continue
            await story.sweep(minutes=60)
            assert story.person in story.system.members, ways
            assert await story.end() == story.until + timedelta(days=7), ways

    async def test_a_request_that_lands_after_its_retry_and_the_undo_has_an_end(self, world: World) -> None:
        story = world.story("late", "works")
        assert isinstance(await story.grant("k1"), Effect)
        assert isinstance(await story.revoke("k1:undo"), Effect)
        story.system.land()
        assert not await story.has_for_ever()
        await story.sweep(minutes=OVERDUE.total_seconds() / 60)
        assert story.person not in story.system.members

    async def test_what_staff_give_by_hand_afterwards_stays(self, world: World) -> None:
        """The request failed and went to people; they gave the access themselves."""
        story = world.story("cut", "cut", "cut")
        assert not isinstance(await story.grant("k1"), Effect)
        await story.take_back("k1:undo")
        await story.sweep(seconds=LATE.total_seconds())
        story.system.members.add(story.person)
        await story.sweep(hours=1)
        await story.sweep(days=20)
        assert story.person in story.system.members
        assert await story.end() is None


class TestTwoProcesses:
    """Each stands still before every call of the system, and goes on when it is its turn: in every order that there is."""

    ORDERS = sorted(set(itertools.permutations("AAABBB")))

    async def test_one_key(self, world: World) -> None:
        for order in self.ORDERS:
            story = world.story()
            a, b = await raced(world, story, order, ("grant", "k1"), ("grant", "k1"))
            assert [one.changed for one in (a, b) if isinstance(one, Effect)].count(True) <= 1, order
            assert story.person in story.system.members
            assert await story.end() == story.until

    @pytest.mark.parametrize("way", ["refused", "busy", "cut", "lost"])
    async def test_one_key_when_one_of_them_fails(self, world: World, way: Way) -> None:
        for order in self.ORDERS:
            story = world.story(way)
            results = await raced(world, story, order, ("grant", "k1"), ("grant", "k1"))
            if any(isinstance(one, Effect) for one in results):
                assert story.person in story.system.members, order
            assert not await story.has_for_ever(), order

    async def test_two_wishes(self, world: World) -> None:
        for order in self.ORDERS:
            story = world.story()
            await raced(world, story, order, ("grant", "k1"), ("grant", "k2"))
            assert await story.end() == story.until

    async def test_giving_and_taking_leave_nothing_without_an_end(self, world: World) -> None:
        for order in self.ORDERS:
            story = world.story()
            await story.grant("k0")
            await raced(world, story, order, ("grant", "k1"), ("revoke", "k2"))
            assert not await story.has_for_ever(), order


async def raced(
    world: World, story: Story, order: tuple[str, ...], a: tuple[str, str], b: tuple[str, str]
) -> list[Effect | ConnectorError]:
    turns = {"A": asyncio.Semaphore(0), "B": asyncio.Semaphore(0)}
    still: dict[str, asyncio.Event] = {"A": asyncio.Event(), "B": asyncio.Event()}

    async def one(name: str, what: str, key: str) -> Effect | ConnectorError:
        look, act = story.system.calls(story.person, add=what == "grant")

        async def turn() -> None:
            still[name].set()
            await turns[name].acquire()
            still[name].clear()

        async def looked() -> Seen:
            await turn()
            return await look()

        async def acted() -> None:
            await turn()
            await act()

        ledger, who = world.ledger(), (story.person, APPLICATION, ROLE)
        try:
            if what == "grant":
                return await ledger.grant(*who, until=story.until, key=story.key(key), look=looked, act=acted)
            return await ledger.revoke(*who, key=story.key(key), look=looked, act=acted)
        except ConnectorError as error:
            return error
        finally:
            still[name].set()

    running = {"A": asyncio.create_task(one("A", *a)), "B": asyncio.create_task(one("B", *b))}
    for name in (*order, *"AAABBB"):  # what is over early lets its turns pass; who is not over by then gets more
        await still[name].wait()
        if not running[name].done():
            still[name].clear()
            turns[name].release()
            await asyncio.sleep(0)
            await _wait(still[name], running[name])
    return [await running["A"], await running["B"]]


async def _wait(still: asyncio.Event, task: "asyncio.Task[Any]") -> None:
    waiting = asyncio.create_task(still.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def test_cut_off_at_any_moment_it_leaves_the_database_to_others(world: World) -> None:
    """A call that takes too long is cancelled by whoever waits for it, wherever it stands then."""

    async def awaited(call: Coroutine[Any, Any, Effect], steps: int) -> bool:
        task = asyncio.create_task(call)
        for _ in range(steps):
            await asyncio.sleep(0.0005)
            if task.done():
                break
        over = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return over

    for steps in range(1, 60):
        story = world.story()
        look, act = story.system.calls(story.person, add=True)
        call = story.ledger.grant(story.person, APPLICATION, ROLE, until=story.until, key=story.key("k1"), look=look, act=act)
        over = await awaited(call, steps)
        async with asyncio.timeout(5), world.sessions.begin() as session:
            await session.execute(select(outside_end).limit(1))
        assert isinstance(await story.grant("k1"), Effect)
        assert await story.end() == story.until
        if over:
            return
    raise AssertionError("it was never over")
