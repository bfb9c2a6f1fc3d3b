"""What the ledger promises, on a system that keeps neither keys nor ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from connectors.calling.ledger import LATE, OVERDUE, Given, GivenAs, Ledger, Seen
from connectors.calling.tables import metadata
from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Effect
from tests.connectors.calling.system import Members
from tests.contract.cases import FakeClock

GIVEN = Given("dana", "figma", "editor")
TWO_WEEKS = timedelta(days=14)


class World:
    def __init__(self, ledger: Ledger, clock: FakeClock, sessions: async_sessionmaker[AsyncSession]) -> None:
        self.ledger, self.clock, self.sessions, self.system = ledger, clock, sessions, Members()

    async def grant(self, key: str = "k1", after: timedelta = TWO_WEEKS) -> Effect:
        until = self.clock() + after
        return await self.ledger.grant(*self._who, until=until, key=key, look=self.system.look, act=self.system.add)

    async def revoke(self, key: str = "k2") -> Effect:
        return await self.ledger.revoke(*self._who, key=key, look=self.system.look, act=self.system.remove)

    async def settle(self) -> list[bool]:
        return [await self.ledger.settle(given, self.system.look, self.system.remove) for given in await self.ledger.overdue()]

    _who = (GIVEN.person_key, GIVEN.application_key, GIVEN.role)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    clock = FakeClock()
    sessions = async_sessionmaker(engine)
    yield World(Ledger("figma", sessions, clock), clock, sessions)
    await engine.dispose()


async def unknown() -> None:
    raise OutcomeUnknown("timeout")


async def refused() -> None:
    raise Refused("not_permitted")


async def unreachable() -> None:
    raise Retry("unreachable")


async def out_of_reach() -> Seen:
    raise Retry("unreachable")


class TestChange:
    async def test_is_had_once_a_key(self, world: World) -> None:
        world.system.members.add("dana")
        calls = [world.ledger.change("unlock", "dana", "k1", world.system.look_gone, world.system.remove) for _ in range(8)]
        effects = await asyncio.gather(*calls)
        assert [effect.changed for effect in effects].count(True) == 1
        assert {effect.reference for effect in effects} == {"member:dana"}

    async def test_a_finished_key_never_acts_again(self, world: World) -> None:
        world.system.members.add("dana")
        await world.ledger.change("unlock", "dana", "k1", world.system.look_gone, world.system.remove)
        world.system.members.add("dana")
        assert not (await world.ledger.change("unlock", "dana", "k1", world.system.look_gone, world.system.remove)).changed
        assert world.system.members == {"dana"}

    async def test_refuses_a_key_of_something_else(self, world: World) -> None:
        await world.ledger.change("unlock", "dana", "k1", world.system.look_gone, world.system.remove)
        with pytest.raises(Refused) as raised:
            await world.ledger.change("unlock", "omar", "k1", world.system.look_gone, world.system.remove)
        assert raised.value.code == "key_reused"

    async def test_what_was_done_and_is_not_seen_is_unknown(self, world: World) -> None:
        async def add_another() -> None:
            await world.system.add("omar")

        with pytest.raises(OutcomeUnknown):
            await world.ledger.change("add", "dana", "k1", world.system.look, add_another)


class TestOnce:
    async def test_is_repeated_only_while_its_outcome_is_unknown(self, world: World) -> None:
        sent: list[str] = []

        async def send() -> str:
            sent.append("mail")
            await world.system.after()
            return "m1"

        world.system.after = unknown
        with pytest.raises(OutcomeUnknown):
            await world.ledger.once("send", "dana", "k1", send)
        world.system.after = unreachable
        with pytest.raises(Retry):
            await world.ledger.once("send", "dana", "k1", send)
        del world.system.after
        world.system.after = Members().after
        first = await world.ledger.once("send", "dana", "k1", send)
        again = await world.ledger.once("send", "dana", "k1", send)
        assert (first.changed, again.changed, first.reference, again.reference) == (True, False, "m1", "m1")
        assert len(sent) == 3


class TestGrant:
    async def test_an_answer_that_was_lost_is_found_by_looking(self, world: World) -> None:
        world.system.after = unknown
        with pytest.raises(OutcomeUnknown):
            await world.grant()
        assert list(await world.ledger.ends("dana")) == [("figma", "editor")]
        assert not (await world.grant()).changed
        assert world.system.changes == ["+dana"]

    @pytest.mark.parametrize("failure", [refused, unreachable])
    async def test_what_certainly_had_no_effect_leaves_nothing(self, world: World, failure: object) -> None:
        world.system.before = failure  # type: ignore[assignment]
        with pytest.raises((Refused, Retry)):
            await world.grant()
        assert await world.ledger.ends("dana") == {}
        world.system.members.add("dana")  # given by somebody else meanwhile, without an end
        assert not (await world.grant()).changed
        assert await world.ledger.ends("dana") == {}

    async def test_access_of_somebody_elses_giving_has_no_end(self, world: World) -> None:
        world.system.members.add("dana")
        assert not (await world.grant()).changed
        assert await world.ledger.ends("dana") == {}

    async def test_an_older_key_does_not_move_a_newer_end_back(self, world: World) -> None:
        world.system.after = unknown
        with pytest.raises(OutcomeUnknown):
            await world.grant("k1")
        await world.grant("k2", after=2 * TWO_WEEKS)
        await world.grant("k1")
        assert set((await world.ledger.ends("dana")).values()) == {world.clock() + 2 * TWO_WEEKS}


class TestTakingBack:
    async def test_forgets_the_end(self, world: World) -> None:
        await world.grant()
        assert (await world.revoke()).changed
        assert (world.system.members, await world.ledger.ends("dana")) == (set(), {})

    async def test_a_grant_that_comes_about_after_it_was_given_up_is_taken_back(self, world: World) -> None:
        world.system.before = unknown
        with pytest.raises(OutcomeUnknown):
            await world.grant()
        world.system.before = Members().before
        assert not (await world.revoke()).changed
        world.system.members.add("dana")  # the system was slow
        assert await world.settle() == []
        world.clock.advance(LATE)
        assert await world.settle() == [True]
        assert world.system.members == set()
        assert await world.ledger.overdue() == []

    async def test_what_could_not_be_taken_back_is_taken_back_later(self, world: World) -> None:
        await world.grant()
        world.system.before = unknown
        with pytest.raises(OutcomeUnknown):
            await world.revoke()
        assert set((await world.ledger.ends("dana")).values()) == {world.clock() + TWO_WEEKS}
        world.system.before = Members().before
        world.clock.advance(OVERDUE)
        assert await world.settle() == [True]
        assert (world.system.members, await world.ledger.overdue()) == (set(), [])

    async def test_nothing_is_overdue_before_its_end(self, world: World) -> None:
        await world.grant()
        world.clock.advance(TWO_WEEKS)
        assert await world.ledger.overdue() == []
        world.clock.advance(OVERDUE)
        assert await world.ledger.overdue() == [GIVEN]


class TestGivenAs:
    async def test_is_what_the_system_had_for_the_person_the_last_first(self, world: World) -> None:
        for key, holder in (("k1", "a"), ("k2", "b"), ("k3", "a")):
            world.system.holder = holder
            await world.grant(key)
            await world.revoke(f"r-{key}")
            world.clock.advance(timedelta(minutes=1))
        assert await world.ledger.given_as("dana", "figma", "editor") == [GivenAs("member:dana", one) for one in ("a", "b")]
        assert await world.ledger.given_as("dana", "figma", "viewer") == []
        assert await world.ledger.given_as("omar", "figma", "editor") == []

    async def test_is_known_of_what_was_begun_and_never_seen(self, world: World) -> None:
        world.system.holder, world.system.before = "a", unknown
        with pytest.raises(OutcomeUnknown):
            await world.grant()
        assert await world.ledger.given_as("dana", "figma", "editor") == [GivenAs("member:dana", "a")]

    async def test_is_known_of_what_was_found_done_and_not_of_what_had_no_effect(self, world: World) -> None:
        world.system.holder, world.system.before = "a", refused
        with pytest.raises(Refused):
            await world.grant("k0")
        assert await world.ledger.given_as("dana", "figma", "editor") == []
        world.system.members.add("dana")
        assert not (await world.grant()).changed
        assert await world.ledger.given_as("dana", "figma", "editor") == [GivenAs("member:dana", "a")]

    async def test_follows_the_roles_that_are_asked_for(self, world: World) -> None:
        for role in ("viewer", "editor"):
            world.system.members, world.system.holder = set(), role
            until = world.clock() + TWO_WEEKS
            await world.ledger.grant("dana", "figma", role, until=until, key=role, look=world.system.look, act=world.system.add)
        for roles in (["viewer", "editor"], ["editor", "viewer"]):
            assert [one.holder for one in await world.ledger.given_as("dana", "figma", *roles)] == roles

    async def test_what_was_given_is_taken_back_though_a_server_that_is_behind_does_not_show_it(self, world: World) -> None:
        async def behind() -> Seen:
            return Seen(False, "member:dana")

        await world.grant()
        effect = await world.ledger.revoke("dana", "figma", "editor", key="k2", look=behind, act=world.system.remove)
        assert not effect.changed
        assert world.system.members == set()

    async def test_a_revocation_that_cannot_even_look_is_made_good_soon(self, world: World) -> None:
        await world.grant()
        with pytest.raises(Retry):
            await world.ledger.revoke("dana", "figma", "editor", key="k2", look=out_of_reach, act=world.system.remove)
        world.clock.advance(LATE)
        assert await world.settle() == [True]
        assert world.system.members == set()

    async def test_what_was_given_anew_since_is_not_overdue_any_more(self, world: World) -> None:
        world.system.before = unknown
        with pytest.raises(OutcomeUnknown):
            await world.grant()
        world.system.before = Members().before
        await world.revoke()
        world.clock.advance(LATE)
        due = await world.ledger.overdue()
        await world.grant("k3")
        assert [await world.ledger.settle(given, world.system.look, world.system.remove) for given in due] == [False]
        assert world.system.members == {"dana"}
        assert set((await world.ledger.ends("dana")).values()) == {world.clock() + TWO_WEEKS}


class TestTwoProcesses:
    """What one of them writes down while the other one acts is left as it is."""

    @pytest.mark.parametrize("fails", [True, False])
    async def test_a_later_end_stays(self, world: World, fails: bool) -> None:
        other = World(Ledger("figma", world.sessions, world.clock), world.clock, world.sessions)
        other.system = world.system

        who, later = (GIVEN.person_key, GIVEN.application_key, GIVEN.role), world.clock() + 2 * TWO_WEEKS

        async def meanwhile() -> None:
            await other.ledger.grant(*who, until=later, key="k2", look=other.system.look, act=other.system.add)
            if fails:
                raise Retry("unreachable")

        with pytest.raises(Retry) if fails else nullcontext():
            await world.ledger.grant(*who, until=later - TWO_WEEKS, key="k1", look=world.system.look, act=meanwhile)
        assert set((await world.ledger.ends("dana")).values()) == {later}
