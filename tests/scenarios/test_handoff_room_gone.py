"""A room that is gone, or that Foyer was removed from, leaves nobody waiting: the card moves, and staff hear of it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.bootstrap import App
from bot.buttons import Verb
from bot.config import Settings
from connectors.errors import Refused
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Activity, ActivityKind, Address, Delivered, FileRef, Operation, Reply
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from knowledge.index import MemoryIndex
from tests.scenarios.company import Company, email
from tests.scenarios.handoffs import in_room, texts
from tests.scenarios.platform import Platform
from tests.scenarios.test_handoff_privacy import TOLD, WORDS, handoff, own, room

DESK = "group:desk"


class Rooms(MemoryChannel):
    """A platform on which rooms get lost."""

    def __init__(self) -> None:
        super().__init__("rooms")
        self.archived: set[str] = set()
        self.takes_no_files = False
        self.unread: set[str] = set()
        """What no message may hold."""

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if address.room in self.archived:
            raise Refused("is_archived", address.room)
        if any(words in reply.text for words in self.unread):
            raise Refused("BadSyntax")
        shown = await super().deliver(operation, address, reply, key=key, message_id=message_id)
        return replace(shown, unsent=tuple(file.name for file in reply.files)) if self.takes_no_files else shown


class Elsewhere(Company):
    """IT support works in a room of another platform."""

    def _app(self) -> App:
        self.rooms = Rooms()
        settings = Settings(home=self.home, rate_per_minute=100_000, recall_seconds=0)
        desks = {"it-support": f"rooms:local:{DESK}", "people-team": f"rooms:local:{DESK}"}
        organisation = settings.organisation.model_copy(update={"desks": desks})
        return App(
            settings.model_copy(update={"organisation": organisation}), clock=self.clock, index=MemoryIndex(), channels=(self.rooms,)
        )


@pytest.fixture
async def company(template: Path, tmp_path: Path) -> AsyncIterator[Elsewhere]:
    opened = await Elsewhere.open(tmp_path / "home", template)
    assert isinstance(opened, Elsewhere)
    yield opened
    await opened.close()


async def test_a_card_that_cannot_be_posted_is_posted_elsewhere(company: Elsewhere) -> None:
    company.rooms.archived.add(DESK)
    await company.say("dana", "I want to talk to a person")
    for person in ("sam", "noor"):
        assert any("can't write in the room" in one.reply.text for one in await company.news(person))
    assert await in_room(company, "group:it-support") == []
    await company.press("sam", "claim")
    await company.say("dana", "are you there?")
    assert "are you there?" in await texts(company, "sam")
    assert not any(text == "are you there?" for text in await texts(company, "noor"))
    await company.press("sam", "reply", "I am")
    assert "I am" in await texts(company, "dana")


async def test_words_that_cannot_be_carried_are_on_the_card_that_moved(company: Elsewhere) -> None:
    await company.say("dana", "I want to talk to a person")
    (card,) = company.rooms.shown(DESK)
    claim = next(action for action in card.actions if action.label == "Claim")
    await company.press_id("sam", claim.id)
    await company.say("dana", "first words")
    assert "first words" in [reply.text for reply in company.rooms.shown(DESK)]
    company.rooms.archived.add(DESK)
    await company.say("dana", "second words")
    assert "second words" in str([reply.transcript for reply in await in_room(company, email("sam"))])
    await company.say("dana", "third words")
    assert "third words" in await texts(company, "sam")
    for person in ("sam", "noor"):
        theirs = await in_room(company, email(person))
        assert len([reply for reply in theirs if "can't write in the room" in reply.text]) == 1
        assert len({reply.id for reply in theirs if reply.fields}) == 1


async def test_words_that_are_refused_are_said_again_bare_and_lose_nobody_the_room(company: Elsewhere) -> None:
    await company.say("dana", "I want to talk to a person")
    (card,) = company.rooms.shown(DESK)
    await company.press_id("sam", next(action for action in card.actions if action.label == "Claim").id)
    company.rooms.unread |= {"|---|", "poison"}
    await company.say("dana", "| a | b |\n|---|---|\n| c | d |")
    shown = company.rooms.shown(DESK)[-1]
    assert shown.text.strip("\u2060") == "a, b\nc, d"
    assert shown.author is not None
    await company.say("dana", "poison")
    assert "can't be shown here" in company.rooms.shown(DESK)[-1].text
    await company.say("dana", "last words")
    assert company.rooms.shown(DESK)[-1].text == "last words"
    assert not any("can't write in the room" in one.reply.text for one in await company.news("sam"))


async def test_where_not_even_that_can_be_told_the_card_moves(company: Elsewhere) -> None:
    await company.say("dana", "I want to talk to a person")
    (card,) = company.rooms.shown(DESK)
    await company.press_id("sam", next(action for action in card.actions if action.label == "Claim").id)
    company.rooms.unread.add("")
    await company.say("dana", "anybody?")
    assert any("can't write in the room" in one.reply.text for one in await company.news("sam"))


async def test_a_private_matter_moves_without_its_words(company: Elsewhere) -> None:
    company.rooms.archived.add(DESK)
    await company.say("dana", WORDS)
    assert TOLD not in await room(company, "grace", "people-team")
    await company.press("grace", "claim")
    assert TOLD in await own(company, "grace")
    assert TOLD not in await room(company, "grace", "people-team")


async def test_staff_hear_that_the_employee_cannot_be_reached(company: Elsewhere) -> None:
    """Whoever replied believes that it was read."""
    asked = Address("rooms", "local", email("dana"), "t")
    sender = ExternalId("rooms", "local", email("dana"))
    words = "I want to talk to a person"
    await company.app.inbox.record(Activity(new_id(), ActivityKind.MESSAGE, asked, sender, company.clock(), words))
    await company.settle()
    (card,) = company.rooms.shown(DESK)
    await company.press_id("sam", next(action.id for action in card.actions if action.label == "Claim"))
    case = await handoff(company, "dana")
    company.rooms.archived.add(email("dana"))
    await company.press_id("sam", company.app.buttons.id(Verb.REPLY, case.id), "hello?")
    assert any("could not be delivered" in reply.text for reply in company.rooms.shown(DESK))


async def heard(company: Elsewhere, person: str, room: str, text: str, *, files: tuple[FileRef, ...] = ()) -> None:
    """Says it on the platform with rooms."""
    address = Address("rooms", "local", room, "t")
    sender = ExternalId("rooms", "local", email(person))
    said = Activity(new_id(), ActivityKind.MESSAGE, address, sender, company.clock(), text, files=files)
    await company.app.inbox.record(said)
    await company.settle()


async def test_an_answer_that_a_room_refuses_is_said_in_ones_own_chat(company: Elsewhere) -> None:
    company.rooms.archived.add("group:general")
    await heard(company, "dana", "group:general", "How do I reset my password?")
    assert company.rooms.shown("group:general") == []
    (answer,) = company.rooms.shown(email("dana"))
    assert "password" in answer.text.lower()


async def test_a_card_that_somebody_deleted_is_posted_again(company: Elsewhere) -> None:
    await heard(company, "dana", email("dana"), "I want to talk to a person")
    (card,) = (one for one in company.rooms.messages.values() if one.address.room == DESK)
    del company.rooms.messages[card.message_id]
    assert card.reply is not None
    await company.press_id("sam", next(action.id for action in card.reply.actions if action.label == "Claim"))
    (again,) = company.rooms.shown(DESK)
    assert "Sam" in again.text
    assert not any("can't write in the room" in one.reply.text for one in await company.news("sam"))


async def test_whoever_sent_a_file_that_did_not_arrive_is_told(company: Elsewhere) -> None:
    await heard(company, "dana", email("dana"), "I want to talk to a person")
    (card,) = company.rooms.shown(DESK)
    await company.press_id("sam", next(action.id for action in card.actions if action.label == "Claim"))
    company.rooms.contents["f1"] = b"png"
    company.rooms.takes_no_files = True
    await heard(company, "dana", email("dana"), "look", files=(FileRef("f1", "screen.png", "image/png", 3),))
    assert "look" in [reply.text for reply in company.rooms.shown(DESK)]
    assert any("could not pass on" in reply.text and "screen.png" in reply.text for reply in company.rooms.shown(email("dana")))


# -- chats that somebody closed ------------------------------------------------------------------------------------

CHANNEL = "group:general"
OWN_MATTER = "how many days of PTO do I have left?"


class Flat(Rooms):
    """A platform that cannot whisper, so that what is for one person goes to their own chat."""

    def __init__(self, name: str = "flat") -> None:
        super().__init__()
        self.name = name
        self.capabilities = replace(self.capabilities, whispers=False)


@dataclass(frozen=True)
class Closed:
    """Two platforms on which chats with the bot can be closed."""

    first: Platform
    second: Platform
    close: Callable[[str, str], None]

    def shown(self, room: str) -> list[str]:
        return [reply.text for reply in self.first.shown(room)]


@pytest.fixture
async def closed(template: Path, tmp_path: Path) -> AsyncIterator[Closed]:
    chats = {"first": Flat("first"), "second": Flat("second")}
    opened = await Company.open(tmp_path / "home", template, channels=[*chats.values()])

    def close(platform: str, person: str) -> None:
        chats[platform].archived.add(email(person))

    yield Closed(Platform(opened, chats["first"]), Platform(opened, chats["second"]), close)
    await opened.close()


async def test_what_ones_own_chat_refuses_is_said_where_else_they_are(closed: Closed) -> None:
    await closed.second.say("dana", "hello")
    closed.close("first", "dana")
    before = len(closed.second.shown("dana"))
    await closed.first.say("dana", OWN_MATTER, room=CHANNEL)
    assert "PTO" in closed.second.shown("dana")[before].text
    assert any("Add Foyer to your own chats" in said for said in closed.shown(CHANNEL))
    await closed.first.say("dana", OWN_MATTER, room=CHANNEL)
    assert len([said for said in closed.shown(CHANNEL) if "Add Foyer" in said]) == 1


async def test_what_every_chat_refuses_is_said_on_the_web(closed: Closed) -> None:
    await closed.second.say("dana", "hello")
    for platform in ("first", "second"):
        closed.close(platform, "dana")
    await closed.first.say("dana", OWN_MATTER, room=CHANNEL)
    assert any("PTO" in said for said in await texts(closed.first.company, "dana"))


async def test_what_the_web_chat_refuses_is_given_up_where_nobody_is_known_elsewhere(company: Elsewhere) -> None:
    company.app.channels["web"] = web = Flat("web")
    web.archived.add(email("dana"))
    await company.say("dana", "I need editor access to Figma for 30 days")
    assert (web.shown(email("dana")), await company.app.outbox.waiting()) == ([], 0)
    assert web.shown(email("priya")), "all else goes on"
