"""Names for searches by resemblance: when they are read again, and what happens while they cannot be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.errors import Retry
from connectors.ldap import snapshot
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from tests.connectors.ldap.tree import Clock, Tree, person, settings

BEFORE, LATER = "20261121120000Z", "20261121135930Z"


def directory(tree: Tree, clock: Clock, **over: Any) -> LdapDirectory:
    made = settings(**over)
    return LdapDirectory(tree, made, schema_of(made.schema_, key=made.key, attributes=made.attributes), clock)  # type: ignore[arg-type]


async def keys(people: LdapDirectory, text: str) -> list[str]:
    return [one.key for one in await people.find(text)]


async def test_a_look_asks_for_who_changed_since_the_last() -> None:
    tree, clock = Tree(person("dana", "e1", modifyTimestamp=BEFORE), person("omar", "e2", modifyTimestamp=BEFORE)), Clock()
    people = directory(tree, clock)
    await people.snapshot.refresh()
    tree.replace(person("dana", "e1", cn="Dana Whitfield", modifyTimestamp=LATER))
    await people.snapshot.refresh()
    assert "(modifyTimestamp>=20261121114500.0Z)" in tree.asked[-1]
    assert await keys(people, "Whitfield") == ["e1"]


async def test_who_is_gone_is_not_found_and_forgotten_with_the_next_whole_reading() -> None:
    tree, clock = Tree(person("dana", "e1", modifyTimestamp=BEFORE), person("omar", "e2", modifyTimestamp=BEFORE)), Clock()
    people = directory(tree, clock)
    await people.snapshot.refresh()
    tree.entries = [one for one in tree.entries if one.text("uid") != "dana"]
    assert await people.snapshot.resembling("Dana", 5) == ["e1"]
    assert await keys(people, "Dana") == []
    clock.forward(hours=1)
    await people.snapshot.refresh()
    assert await people.snapshot.resembling("Dana", 5) == []


async def test_who_left_is_seen_to_have_left_at_once() -> None:
    tree = Tree(person("dana", "e1", modifyTimestamp=BEFORE))
    people = directory(tree, Clock())
    await people.snapshot.refresh()
    tree.replace(person("dana", "e1", modifyTimestamp=LATER, pwdAccountLockedTime="000001010000Z"))
    assert [one.active for one in await people.find("Dana")] == [False]


async def test_a_failed_look_leaves_what_is_known() -> None:
    tree = Tree(person("dana", "e1", modifyTimestamp=BEFORE))
    people = directory(tree, Clock())
    await people.snapshot.refresh()
    tree.down = Retry("unreachable")
    with pytest.raises(Retry):
        await people.snapshot.refresh()
    assert await people.snapshot.resembling("Dana", 5) == ["e1"]


@asynccontextmanager
async def looking(people: LdapDirectory) -> AsyncIterator[None]:
    people.snapshot.open()
    try:
        yield
    finally:
        await people.snapshot.close()


async def test_a_search_before_the_first_look_waits_for_it() -> None:
    people = directory(Tree(person("dana", "e1", modifyTimestamp=BEFORE)), Clock())
    async with looking(people):
        assert await keys(people, "Dana") == ["e1"]


async def test_a_search_while_the_directory_is_down_says_so_and_looks_again_when_asked_again() -> None:
    tree = Tree(person("dana", "e1", modifyTimestamp=BEFORE))
    tree.down = Retry("unreachable", "ldaps://dc1")
    people = directory(tree, Clock(), refresh=3600)
    async with looking(people):
        with pytest.raises(Retry) as raised:
            await people.find("Dana")
        assert raised.value.code == "unreachable"
        tree.down = None
        assert await keys(people, "Dana") == ["e1"]


async def test_a_look_that_breaks_is_not_the_last() -> None:
    class Broken(Tree):
        async def search(self, *args: Any, **kwargs: Any) -> Any:
            if not self.asked:
                self.asked.append("")
                raise ZeroDivisionError
            return await super().search(*args, **kwargs)

    people = directory(Broken(person("dana", "e1", modifyTimestamp=BEFORE)), Clock(), refresh=3600)
    async with looking(people):
        with pytest.raises(Retry) as raised:
            await people.find("Dana")
        assert raised.value.code == "unavailable"
        assert await keys(people, "Dana") == ["e1"]


async def test_a_first_look_that_takes_too_long_is_not_waited_for() -> None:
    class Slow(Tree):
        async def search(self, *args: Any, **kwargs: Any) -> Any:
            await asyncio.Event().wait()

    people = directory(Slow(), Clock(), timeout=0.05)
    async with looking(people):
        with pytest.raises(Retry) as raised:
            await people.find("Dana")
    assert raised.value.code == "not_ready"


async def test_nothing_resembles_nobody() -> None:
    people = directory(Tree(), Clock())
    assert await people.find("  ") == []


async def test_others_have_their_turn_while_many_are_read_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "AT_ONCE", 2)
    people = directory(Tree(*(person(f"p{n}", f"e{n}", modifyTimestamp=BEFORE) for n in range(8))), Clock())
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    await people.snapshot.refresh()
    read, turns = turns, 0
    assert await people.snapshot.resembling("p7", 5) == ["e7"]
    task.cancel()
    assert min(read, turns) >= 4


async def test_people_with_several_addresses_for_recovery_are_counted_in_the_log() -> None:
    several = person("dana", "e1", modifyTimestamp=BEFORE, otherMailbox=["a@home.example", "b@home.example"])
    people = directory(Tree(several, person("omar", "e2", otherMailbox="o@home.example")), Clock(), attributes={"enrolled": "otherMailbox"})
    with capture_logs() as logs:
        await people.snapshot.refresh()
    assert [line["people"] for line in logs if line["event"] == "ldap_enrolled_several"] == [1]
