"""Where the bot is: told by whoever installs it and by what is said, and by the teams themselves."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.teams.places import Places
from connectors.teams.store import Room
from tests.connectors.teams.asking import NOW, Asking, open_asking


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[Asking]:
    async with open_asking(tmp_path) as made:
        made.fake.holding = True
        made.fake.app = made.fake.base
        made.fake.held.clear()
        yield made


def places(teams: Asking) -> Places:
    return Places(teams.rooms, teams.accounts, teams.client, teams.reading.forget, lambda: NOW)


async def noted(teams: Asking) -> list[Room]:
    """Whatever Teams has sent since is written down, and its teams are asked. Those that were."""
    asked = []
    while teams.fake.held:
        if (team := await places(teams).note(teams.fake.held.pop(0))) is not None:
            await places(teams).ask(team)
            asked.append(team)
    return asked


async def here(teams: Asking, *names: str) -> list[bool]:
    found = [await teams.rooms.get(teams.fake.tenant, teams.fake.room_id(name)) for name in names]
    return [room is not None and not room.gone for room in found]


async def test_installed_in_a_team_it_knows_all_its_channels(teams: Asking) -> None:
    """Without a word in any of them: a desk is where it was said to be."""
    await teams.fake.install("support")
    await noted(teams)
    room = await teams.rooms.get(teams.fake.tenant, teams.fake.room_id("support"))
    team = teams.fake.room("support").team
    assert room is not None
    assert team is not None
    assert (room.kind, room.name, room.team_id, room.group_id) == ("channel", "Support", team.id, team.group_id)
    assert await teams.client.members(room), "it can be spoken to"
    assert await here(teams, "general", "partner") == [True, False]


async def test_installed_in_a_group_chat_it_knows_that_chat(teams: Asking) -> None:
    await teams.fake.install("group")
    assert await noted(teams) == []
    assert await here(teams, "group", "support") == [True, False]
    assert teams.asked("team") == 0


async def test_where_it_comes_back_it_is_again(teams: Asking) -> None:
    await teams.fake.install("support")
    await noted(teams)
    await teams.fake.uninstall("support")
    await noted(teams)
    assert await here(teams, "support", "general") == [False, False]
    await teams.fake.install("support")
    await noted(teams)
    assert await here(teams, "support", "general") == [True, True]


async def test_an_upgrade_asks_again(teams: Asking) -> None:
    await teams.fake.upgrade("support")
    assert len(await noted(teams)) == 1
    assert await here(teams, "support") == [True]


async def test_a_new_channel_is_known_at_once(teams: Asking) -> None:
    await teams.fake.create_channel("desk", "Desk", "support")
    await noted(teams)
    assert await here(teams, "desk") == [True]


async def test_a_team_that_does_not_answer_now_is_asked_later(teams: Asking) -> None:
    await teams.fake.install("support")
    teams.fake.fail("team", times=4, status=503)
    await noted(teams)
    assert await here(teams, "general", "support") == [True, False]
    teams.fake.faults.clear()
    await places(teams).ask_all()
    assert await here(teams, "general", "support") == [True, True]


async def test_where_something_was_said_comes_before_where_nothing_was(teams: Asking) -> None:
    await teams.fake.say("dana", "hello", room="support", mention=True)
    await noted(teams)
    await places(teams).ask_all()
    latest = [room.room for room in await teams.rooms.latest(2, teams.fake.tenant)]
    assert latest == [teams.fake.room_id("support"), teams.fake.room_id("general")]


async def test_a_guest_who_joins_is_an_outsider_at_once(teams: Asking) -> None:
    await teams.known("group", "support", "general")
    for room in ("group", "support"):
        assert not await teams.reading.has_outsiders(teams.address(room))
        await teams.fake.join("guest", room)
        await noted(teams)
        assert await teams.reading.has_outsiders(teams.address(room))
        await teams.fake.join("guest", room, leaves=True)
        await noted(teams)
        assert not await teams.reading.has_outsiders(teams.address(room))


async def test_what_kind_of_room_it_is_stays(teams: Asking) -> None:
    """Whatever says later that it is another."""
    await teams.known("group")
    before = await teams.rooms.get(teams.fake.tenant, teams.fake.room_id("group"))
    assert before is not None
    await teams.rooms.saw(replace(before, kind="personal", name="Other"), NOW)
    assert await teams.rooms.get(teams.fake.tenant, before.room) == replace(before, name="Other")


@pytest.mark.parametrize("place", ["group", "partner"])
@pytest.mark.parametrize("event", ["channelDeleted", "teamDeleted", "teamMemberRemoved"])
async def test_what_is_gone_of_a_team_only_the_team_tells(teams: Asking, place: str, event: str) -> None:
    await teams.fake.install("support")
    await teams.fake.create_channel("desk", "Desk", "support")
    await teams.fake.say("dana", "hello", room="group", mention=True)
    await teams.fake.say("dana", "hello", room="partner", mention=True)
    await noted(teams)
    told = deleted(teams, event)
    elsewhere = teams.fake.room(place)
    told["conversation"] |= {"id": elsewhere.id, "conversationType": elsewhere.kind}
    await places(teams).note(told)
    assert await here(teams, "support", "desk", "general") == [True, True, True]
    await places(teams).note(deleted(teams, event))
    assert await here(teams, "support", "desk", "general") == [event == "channelDeleted", False, event == "channelDeleted"]


def deleted(teams: Asking, event: str) -> dict[str, Any]:
    """A channel, a team, or the app in a team; told in another of its channels."""
    fake = teams.fake
    room, team = fake.room("support"), fake.room("support").team
    assert team is not None
    bot = [{"id": fake.bot_id}] if event == "teamMemberRemoved" else []
    data = {"tenant": {"id": fake.tenant}, "eventType": event, "team": {"id": team.id}, "channel": {"id": fake.room_id("desk")}}
    return {
        "type": "conversationUpdate", "from": {"id": "29:dana"}, "recipient": {"id": fake.bot_id}, "membersRemoved": bot,
        "conversation": {"id": room.id, "conversationType": "channel"}, "channelData": data,
    }  # fmt: skip
