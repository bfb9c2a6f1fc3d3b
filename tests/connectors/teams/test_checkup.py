"""What `foyer doctor` says of Teams: everything that is wrong, in words, and how to write down the rooms that are known."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from connectors.errors import Refused, Retry
from connectors.ports.chat import Address
from connectors.teams.checkup import Checkup
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Room, RoomStore
from connectors.teams.tables import metadata

TENANT, OTHER = "6f0a3c52-8b1e-4d57-9c40-2a7be31d5f10", "7f0a3c52-8b1e-4d57-9c40-2a7be31d5f10"
SETTINGS = TeamsSettings(
    app_id="app", app_password="x", tenant_id=TENANT, tenants=frozenset({TENANT}), base_url="https://foyer.example.com"
)
SUPPORT = Room(TENANT, "19:support@thread.tacv2", "channel", "19:support@thread.tacv2", "https://smba", "28:app", name="Support")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[RoomStore]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'teams.sqlite'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield RoomStore(async_sessionmaker(engine))
    await engine.dispose()


async def fine() -> str:
    return "given"


def checkup(rooms: RoomStore, settings: TeamsSettings = SETTINGS, *, consented: bool = True, **asked: object) -> Checkup:
    async def hears(address: Address) -> bool:
        return consented

    async def nothing_new() -> None:
        pass

    return Checkup(settings, rooms, asked.get("token", fine), asked.get("keys", fine), asked.get("ask", nothing_new), hears)  # type: ignore[arg-type]


def raising(error: Exception) -> object:
    async def ask() -> None:
        raise error

    return ask


def desk(room: str = SUPPORT.room, tenant: str = TENANT) -> list[tuple[str, Address, bool]]:
    return [("the desk it-support", Address("teams", tenant, room), True)]


async def test_it_names_the_app_the_tenants_and_the_rooms_as_foyer_yaml_writes_them(rooms: RoomStore) -> None:
    await rooms.saw(SUPPORT, NOW)
    said = await checkup(rooms).run(desk(), None)
    assert f"the app app for {TENANT} at https://foyer.example.com/api/messages" in said
    assert f"Support: teams:{TENANT}:19:support@thread.tacv2" in said.split("\n")


async def test_it_names_nothing_where_no_desk_could_be(rooms: RoomStore) -> None:
    for other in (replace(SUPPORT, room="19:a", kind="group"), replace(SUPPORT, room="19:b", tenant=OTHER)):
        await rooms.saw(other, NOW)
    assert "\n" not in await checkup(rooms).run([], None)


async def test_the_local_mode_asks_nobody(rooms: RoomStore) -> None:
    never = raising(AssertionError("asked"))
    said = await checkup(rooms, TeamsSettings(local=True), token=never, keys=never).run([], None)
    assert "unsigned" in said


async def test_a_room_that_was_never_heard_of(rooms: RoomStore) -> None:
    with pytest.raises(Refused) as raised:
        await checkup(rooms).run(desk(), None)
    assert "mention it once" in raised.value.detail


async def test_a_room_that_its_team_tells_of(rooms: RoomStore) -> None:
    """Nobody has to say a word there first."""

    async def ask() -> None:
        await rooms.saw(SUPPORT, NOW)

    assert SUPPORT.room in await checkup(rooms, ask=ask).run(desk(), None)
    assert await checkup(rooms, ask=raising(AssertionError("asked"))).run(desk(), None)


async def test_a_room_where_the_app_was_removed(rooms: RoomStore) -> None:
    await rooms.saw(SUPPORT, NOW)
    await rooms.left(TENANT, SUPPORT.room)
    with pytest.raises(Refused) as raised:
        await checkup(rooms).run(desk(), None)
    assert "add it to the team" in raised.value.detail


@pytest.mark.parametrize(
    ("room", "said"),
    [(replace(SUPPORT, kind="group"), "a desk needs a channel"), (replace(SUPPORT, shared=True), "shared with other organisations")],
)
async def test_a_desk_needs_a_channel_of_ones_own(rooms: RoomStore, room: Room, said: str) -> None:
    await rooms.saw(room, NOW)
    with pytest.raises(Refused) as raised:
        await checkup(rooms).run(desk(), None)
    assert said in raised.value.detail
    assert await checkup(rooms).run([("a room", Address("teams", TENANT, room.room), False)], None)


async def test_a_room_of_another_tenant(rooms: RoomStore) -> None:
    with pytest.raises(Refused) as raised:
        await checkup(rooms).run(desk(tenant=OTHER), None)
    assert OTHER in raised.value.detail
    assert f"this is for {TENANT}" in raised.value.detail


async def test_a_desk_whose_staff_are_not_heard(rooms: RoomStore) -> None:
    await rooms.saw(SUPPORT, NOW)
    with pytest.raises(Refused) as raised:
        await checkup(rooms, consented=False).run(desk(), None)
    assert "Manage team" in raised.value.detail
    assert "hears only what mentions it" in raised.value.detail


async def test_why_what_teams_sends_is_refused(rooms: RoomStore) -> None:
    with pytest.raises(Refused) as raised:
        await checkup(rooms).run([], "requests are signed for another app")
    assert raised.value.detail.startswith("requests are signed for another app\notherwise the app app")


async def test_a_token_that_is_refused_says_why(rooms: RoomStore) -> None:
    with pytest.raises(Refused) as raised:
        await checkup(rooms, token=raising(Refused("bad_credentials", "the client secret has expired"))).run([], None)
    assert raised.value.detail == "Microsoft gives no token for the bot: the client secret has expired"
    with pytest.raises(Refused) as raised:
        await checkup(rooms, token=raising(Refused("bad_credentials"))).run([], None)
    assert "FOYER_TEAMS_APP_PASSWORD" in raised.value.detail


async def test_microsoft_cannot_be_reached(rooms: RoomStore) -> None:
    with pytest.raises(Retry) as raised:
        await checkup(rooms, keys=raising(Retry("unreachable"))).run([], None)
    assert SETTINGS.openid_url in raised.value.detail
    assert "must reach login.botframework.com and login.microsoftonline.com at port 443" in raised.value.detail
