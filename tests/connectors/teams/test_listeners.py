"""What Teams sends is recorded, then answered; what was not recorded raises, so that it comes again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from connectors.errors import Refused
from connectors.ports.chat import Activity, ActivityKind, Address
from connectors.teams.adapter import InvokeAnswer
from connectors.teams.client import Client
from connectors.teams.entities import CARD
from connectors.teams.listeners import ERROR, FORM, MESSAGE, Listeners
from connectors.teams.places import Places
from connectors.teams.store import AccountStore, RoomStore
from connectors.teams.tables import metadata
from connectors.teams.waiting import Waiting, changing
from tests.fakes.teams import FakeTeams

PAYLOADS = {
    case["name"]: case["payload"]
    for case in map(json.loads, (Path(__file__).parent / "payloads.jsonl").read_text(encoding="utf-8").splitlines())
}
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CHANNEL = "19:253b1f341670408fb6fe51d3e9e4fba4@thread.tacv2"
DANA = "user:6b7b3b2a-2c4b-4175-8582-41c9e685c1b5"
SHOWN = {"type": "AdaptiveCard", "body": []}


@dataclass
class Inbox:
    """Implements the Intake port. `on_record` is what the bot does at once; `broken` fails before anything is kept."""

    rows: dict[str, Activity] = field(default_factory=dict)
    asked: int = 0
    broken: bool = False
    on_record: Callable[[Activity], object] = lambda activity: None

    async def record(self, activity: Activity) -> bool:
        self.asked += 1
        if self.broken:
            raise OSError("the database is away")
        new = activity.id not in self.rows
        self.rows.setdefault(activity.id, activity)
        self.on_record(activity)
        return new

    @property
    def one(self) -> Activity:
        (only,) = self.rows.values()
        return only


@dataclass
class Ornaments:
    """Implements Speaker. While `held` is not set, typing takes for ever; `refused` fails."""

    shown: list[Address] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    refused: bool = False

    async def typing(self, address: Address) -> None:
        self.began.set()
        await self.held.wait()
        if self.refused:
            raise Refused("gone")
        self.shown.append(address)


@dataclass
class Transfers:
    """Implements Answers. While `held` is not set, it takes for ever."""

    answers: list[Mapping[str, Any]] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    async def answered(self, payload: Mapping[str, Any]) -> None:
        await self.held.wait()
        if self.broken:
            raise OSError("the database is away")
        self.answers.append(payload)


@dataclass
class Here:
    listeners: Listeners
    inbox: Inbox
    waiting: Waiting
    speaker: Ornaments
    transfers: Transfers
    rooms: RoomStore
    accounts: AccountStore

    async def is_in(self, name: str) -> bool:
        room = await self.rooms.get(TENANT, name)
        return room is not None and not room.gone

    async def sends(self, name: str, **more: Any) -> InvokeAnswer | None:
        return await self.listeners.handle({**PAYLOADS[name], **more})

    async def asks(self, name: str, **more: Any) -> Any:
        """The body of the answer."""
        answer = await self.sends(name, **more)
        assert answer is not None
        assert answer.status == 200
        return answer.body


def word(key: str, /, **params: str) -> str:
    return key


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    """Nobody waits in vain for long: what is waited for is there at once, or never."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'teams.sqlite'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    sessions = async_sessionmaker(engine)
    rooms, accounts = RoomStore(sessions), AccountStore(sessions)
    inbox, waiting, speaker, transfers = Inbox(), Waiting(), Ornaments(), Transfers()
    now = datetime(2026, 11, 20, 9, 16, tzinfo=UTC)
    places = Places(rooms, accounts, Client(None), lambda room: None, lambda: now)
    listeners = Listeners(places, inbox, waiting, speaker, transfers, word, lambda: now, form=0.01, pressed=0.01)
    yield Here(listeners, inbox, waiting, speaker, transfers, rooms, accounts)
    await listeners.close()
    await engine.dispose()


# -- what is said


async def test_a_message_is_recorded_with_where_it_came_from_and_who_said_it(here: Here) -> None:
    assert await here.sends("personal message") is None
    assert here.inbox.one.text == "my laptop is broken"
    room, account = await here.rooms.get(TENANT, DANA), await here.accounts.get(TENANT, DANA.removeprefix("user:"))
    assert room is not None
    assert (room.kind, room.conversation_id, room.gone) == ("personal", PAYLOADS["personal message"]["conversation"]["id"], False)
    assert account is not None
    assert (account.name, account.found_in) == ("Dana Whitfield", DANA)


async def test_what_cannot_be_recorded_raises(here: Here) -> None:
    here.inbox.broken = True
    for name in ("personal message", "execute", "form asked for", "form sent", "shortcut on a message", "thumb"):
        with pytest.raises(OSError, match="away"):
            await here.sends(name)


async def test_the_same_again_is_one_activity_and_one_sign_of_life(here: Here) -> None:
    here.speaker.held.set()
    for _ in range(2):
        await here.sends("personal message")
        await asyncio.sleep(0)
    await here.speaker.began.wait()
    assert (here.inbox.asked, here.inbox.one.text) == (2, "my laptop is broken")
    assert here.speaker.shown == [here.inbox.one.address]


async def test_only_in_a_chat_of_its_own_does_the_bot_show_at_once_that_it_heard(here: Here) -> None:
    here.speaker.held.set()
    for name in ("channel post with a mention", "edit", "press as a message"):
        await here.sends(name)
    await here.listeners.close()
    assert not here.speaker.began.is_set()


async def test_a_sign_of_life_is_not_waited_for_and_may_fail(here: Here) -> None:
    await here.sends("personal message")
    await here.speaker.began.wait()
    here.speaker.refused = True
    here.speaker.held.set()
    assert await here.sends("personal message", id="1763629842999") is None
    await here.listeners.close()
    assert here.speaker.shown == []


async def test_edits_deletions_reactions_and_greetings_are_recorded(here: Here) -> None:
    for name in ("edit", "deletion", "reaction like", "installed for one person", "bot added for one person"):
        assert await here.sends(name) is None
    kinds = [ActivityKind.EDITED, ActivityKind.DELETED, ActivityKind.RATED, ActivityKind.OPENED]
    assert [activity.kind for activity in here.inbox.rows.values()] == kinds


async def test_what_is_nobodys_business_is_taken_in_silence(here: Here) -> None:
    for name in ("read receipt", "somebody types", "message of a bot", "somebody else joined"):
        assert await here.sends(name) is None
    assert await here.listeners.handle({}) is None
    assert await here.listeners.handle({"type": "message"}) is None
    assert here.inbox.asked == 0


# -- where the bot is


async def test_where_the_bot_was_removed_it_is_no_more_until_it_is_heard_again(here: Here) -> None:
    await here.sends("personal message")
    await here.sends("removed")
    room = await here.rooms.get(TENANT, DANA)
    assert room is not None
    assert room.gone
    await here.sends("installed for one person")
    assert await here.is_in(DANA)


async def test_removed_from_a_team_it_is_gone_from_all_its_channels(here: Here) -> None:
    other = "19:second@thread.tacv2"
    second = {**PAYLOADS["channel post with a mention"]["conversation"], "id": other}
    await here.sends("channel post with a mention")
    await here.sends("channel post with a mention", conversation=second)
    await here.sends("personal message")
    assert [await here.is_in(room) for room in (CHANNEL, other, DANA)] == [True, True, True]
    await here.sends("removed from a team")
    assert [await here.is_in(room) for room in (CHANNEL, other, DANA)] == [False, False, True]


async def test_that_a_channel_is_shared_is_not_forgotten(here: Here) -> None:
    post = PAYLOADS["channel post with a mention"]
    shared = {**post["channelData"], "channel": {"id": CHANNEL, "type": "shared"}}
    await here.sends("channel post with a mention", channelData=shared)
    await here.sends("channel reply without a mention")
    room = await here.rooms.get(TENANT, CHANNEL)
    assert room is not None
    assert room.shared


async def test_a_shortcut_in_a_chat_of_others_does_not_take_the_place_of_our_own(here: Here) -> None:
    await here.sends("personal message")
    await here.sends("shortcut on a message", conversation={"conversationType": "personal", "id": "19:a_b@unq.gbl.spaces"})
    room = await here.rooms.get(TENANT, DANA)
    assert room is not None
    assert room.conversation_id == PAYLOADS["personal message"]["conversation"]["id"]


# -- presses and forms


async def test_whoever_presses_sees_the_card_change(here: Here) -> None:
    here.inbox.on_record = lambda activity: here.waiting.show(changing(TENANT, activity.target or ""), SHOWN)
    assert await here.asks("execute") == {"statusCode": 200, "type": CARD, "value": SHOWN}
    assert here.inbox.one.target == f"{CHANNEL}|1763629842200"


async def test_a_press_that_takes_its_time_is_confirmed(here: Here) -> None:
    assert await here.asks("execute") == {"statusCode": 200, "type": MESSAGE, "value": "teams.pressed"}
    assert here.inbox.one.press is not None


async def test_a_card_of_another_tenant_is_not_shown(here: Here) -> None:
    here.inbox.on_record = lambda activity: here.waiting.show(changing("other", activity.target or ""), SHOWN)
    assert (await here.asks("execute"))["type"] == MESSAGE


async def test_a_press_sent_twice_is_one_and_answered_alike(here: Here) -> None:
    here.inbox.on_record = lambda activity: here.waiting.show(changing(TENANT, activity.target or ""), SHOWN)
    assert await here.asks("execute") == await here.asks("execute")
    assert here.inbox.one.press is not None


async def test_a_card_that_is_none_of_ours_is_refused_in_words(here: Here) -> None:
    refused = {"statusCode": 400, "type": ERROR, "value": {"code": "BadRequest", "message": "teams.not_ours"}}
    assert await here.asks("execute of somebody else's card") == refused
    for name in ("form asked for", "form sent"):
        assert await here.asks(name, value={"data": {"theirs": 1}}) == {"task": {"type": "message", "value": "teams.not_ours"}}
    assert await here.asks("somebody else's shortcut") == {"task": {"type": "message", "value": "teams.not_ours"}}
    assert here.inbox.asked == 0


@pytest.mark.parametrize(("name", "title"), [("form asked for", "Change"), ("shortcut on a message", "chat.create_request")])
async def test_a_form_opens_when_the_bot_has_filled_it(here: Here, name: str, title: str) -> None:
    here.inbox.on_record = lambda activity: here.waiting.show(activity.surface or "", SHOWN)
    body = await here.asks(name)
    assert (body["task"]["type"], body["task"]["value"]["title"]) == ("continue", title)
    assert body["task"]["value"]["card"] == {"contentType": CARD, "content": SHOWN}
    assert here.inbox.one.surface == f"task:{TENANT}:f:4c1d"


def test_a_form_is_not_waited_for_longer_than_teams_waits() -> None:
    assert FakeTeams().dialog > FORM


@pytest.mark.parametrize("name", ["form asked for", "shortcut on a message"])
async def test_a_form_that_comes_too_late_is_told(here: Here, name: str) -> None:
    assert await here.asks(name) == {"task": {"type": "message", "value": "teams.too_late"}}
    assert not here.waiting.show(f"task:{TENANT}:f:4c1d", SHOWN), "nobody waits any more"


async def test_a_form_that_is_sent_closes(here: Here) -> None:
    assert await here.asks("form sent") == {}
    assert here.inbox.one.press is not None
    assert here.inbox.one.press.values == {"app": "Figma"}


async def test_a_form_that_was_opened_elsewhere_says_where_it_goes_on(here: Here) -> None:
    assert await here.asks("form of a shortcut sent") == {"task": {"type": "message", "value": "teams.sent"}}
    assert here.inbox.one.address == Address("teams", TENANT, DANA)


async def test_a_thumb_is_recorded_and_taken(here: Here) -> None:
    assert await here.asks("thumb with a reason") == {}
    assert (here.inbox.one.liked, here.inbox.one.text) == (False, "too short")
    assert await here.asks("another submit action") == {}


async def test_an_invoke_that_nobody_knows_is_said_to_be_so(here: Here) -> None:
    assert await here.listeners.handle({**PAYLOADS["execute"], "name": "search"}) == InvokeAnswer(501)
    assert await here.listeners.handle({"type": "invoke"}) == InvokeAnswer(501)


# -- files


async def test_what_was_said_to_a_file_is_passed_on(here: Here) -> None:
    here.transfers.held.set()
    assert await here.asks("consent to a file") == {}
    assert [answer["value"]["action"] for answer in here.transfers.answers] == ["accept"]
    assert here.inbox.asked == 0


async def test_a_file_that_takes_long_goes_on_after_the_answer(here: Here) -> None:
    assert await here.asks("consent to a file") == {}
    assert here.transfers.answers == []
    here.transfers.held.set()
    while not here.transfers.answers:
        await asyncio.sleep(0)


async def test_a_file_that_could_not_even_be_looked_up_raises(here: Here) -> None:
    here.transfers.broken = True
    here.transfers.held.set()
    with pytest.raises(OSError, match="away"):
        await here.sends("consent to a file")


async def test_closing_ends_what_goes_on_beside(here: Here) -> None:
    await here.asks("consent to a file")
    await here.sends("personal message")
    await here.speaker.began.wait()
    await here.listeners.close()
    here.transfers.held.set()
    here.speaker.held.set()
    await asyncio.sleep(0)
    assert (here.transfers.answers, here.speaker.shown) == ([], [])
