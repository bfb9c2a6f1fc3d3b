"""Files go where the words go that they came with: into the conversation, to staff, and away with a deleted message."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bot import tables as t
from bot.buttons import Verb
from bot.changes import Changes
from bot.files import MOST_A_DAY
from bot.hearing import Hearing
from bot.talk import Talk
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Activity, ActivityKind, Address, FileRef, Heard, Shortcut
from connectors.ports.records import new_id
from specialists.request import Request
from tests.fakes.slack.state import FakeFile
from tests.scenarios.company import Company, email
from tests.scenarios.platform import SHARED, Platform
from tests.scenarios.slack import DESK, GENERAL, PEOPLE, OnSlack
from tests.scenarios.test_shortcuts import LOCKED, requests

PNG = b"\x89PNG"
SCREEN = FileRef("f1", "screen.png", "image/png", len(PNG))


@pytest.fixture
async def slack(template: Path, tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with OnSlack.open(tmp_path / "home", template) as opened:
        yield opened
        assert opened.fake.refusals == []


async def kept(company: Company) -> list[str]:
    """The names of all that is kept; of each there are bytes, and of nothing else."""
    async with company.app.sessions() as session:
        rows = (await session.execute(select(t.attachment.c.id, t.attachment.c.name).order_by(t.attachment.c.at, t.attachment.c.id))).all()
    folder = company.app.home.path / "files"
    assert sorted(row.id for row in rows) == sorted(path.name for path in folder.iterdir() if folder.exists())
    return sorted(row.name for row in rows)


async def of_request(company: Company, request: Request) -> list[str]:
    return [file.name for file in await company.app.files.of_conversation(request.conversation_id)]


def written(slack: OnSlack) -> list[str]:
    """What stands in the words of cards and relays at the desk."""
    return [slack.fake.text_of(message) for message in slack.by_bot(DESK) if not message.files]


async def delete(slack: OnSlack, person: str, ts: str, room: str | None = None) -> None:
    await slack.fake.delete(PEOPLE[person][0], ts, room=room)
    await slack.settle()


# -- a deleted message ---------------------------------------------------------------------------------------------


async def test_a_deleted_message_takes_its_file_along(slack: OnSlack) -> None:
    asked = await slack.say("dana", "my screen is broken, I want a person", files=[FakeFile("screen.png", PNG, "image/png")])
    more = await slack.say("dana", "and this", thread=asked, files=[FakeFile("second.png", PNG, "image/png")])
    assert await kept(slack.company) == ["screen.png", "second.png"]
    await delete(slack, "dana", more)
    assert await kept(slack.company) == ["screen.png"]
    assert not any("second.png" in said for said in written(slack))
    await delete(slack, "dana", asked)
    assert await kept(slack.company) == []
    assert not any("screen.png" in said or "my screen" in said for said in written(slack))


async def test_a_handoff_that_moves_on_takes_no_deleted_file_along(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I want a person")
    await slack.press("sam", slack.by_bot(DESK)[0], "Claim", room=DESK)
    more = await slack.say("dana", "look", thread=asked, files=[FakeFile("screen.png", PNG, "image/png")])
    await delete(slack, "dana", more)
    assert await kept(slack.company) == []
    await slack.press("sam", slack.by_bot(DESK)[0], "Assign", room=DESK)
    await slack.submit("sam", {"A colleague's name or address, or an assignment group": "people-team"})
    shown = await slack.company.shown("grace")
    assert shown
    assert not any(one.reply.files or "screen.png" in str(one.reply) for one in shown)


async def test_the_file_of_a_deleted_reply_is_kept_no_longer(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I want a person")
    card = slack.by_bot(DESK)[0]
    await slack.press("sam", card, "Claim", room=DESK)
    said = await slack.say("sam", "!reply see here", room=DESK, thread=card.ts, files=[FakeFile("how.png", PNG, "image/png")])
    assert await kept(slack.company) == ["how.png"]
    await delete(slack, "sam", said, room=DESK)
    assert await kept(slack.company) == []
    assert not any("see here" in told for told in slack.told("dana", asked))


async def test_only_its_author_deletes_a_file(platform: Platform) -> None:
    sent = await send(platform, "dana", "hello", SCREEN)
    await record(platform, "omar", ActivityKind.DELETED, target=sent)
    assert await kept(platform.company) == ["screen.png"]
    await record(platform, "dana", ActivityKind.DELETED, target=sent)
    assert await kept(platform.company) == []


# -- a marked message, and one that a shortcut was used on ---------------------------------------------------------


async def test_the_file_of_ones_own_marked_message_is_taken(platform: Platform) -> None:
    platform.channel.contents["f1"] = PNG
    await platform.mark("dana", with_file(platform))
    (request,) = await requests(platform, "dana")
    assert await of_request(platform.company, request) == ["screen.png"]
    said = await platform.company.app.conversations.transcript(request.conversation_id)
    assert "screen.png" in said[0].text


async def test_the_authors_yes_takes_the_file_and_nothing_else_does(platform: Platform) -> None:
    platform.channel.contents["f1"] = PNG
    await platform.mark("sam", with_file(platform))
    assert not (platform.company.app.home.path / "files").exists()
    await platform.press("dana", platform.offered(SHARED, Verb.JOIN), room=SHARED, thread="m1")
    (request,) = await requests(platform, "dana")
    assert await of_request(platform.company, request) == ["screen.png"]


@pytest.mark.parametrize(("along", "there"), [(True, ["screen.png"]), (False, [])])
async def test_whoever_sends_the_form_says_whether_the_file_goes_along(platform: Platform, along: bool, there: list[str]) -> None:
    platform.channel.contents["f1"] = PNG
    await platform.shortcut("omar", Shortcut.CREATE_REQUEST, with_file(platform), "v1")
    form = platform.surface("v1").form
    assert form is not None
    field = next(one for one in form.fields if one.name == "files")
    assert [label for _, label in field.choices] == ["Take along: screen.png", "Leave them there"]
    value = field.choices[0 if along else 1][0]
    await platform.press("omar", form.submit, values={"text": LOCKED, "files": value}, thread=None)
    (request,) = await requests(platform, "omar")
    assert await of_request(platform.company, request) == there


async def test_nobody_gets_a_file_by_somebody_elses_form(platform: Platform) -> None:
    platform.channel.contents["f1"] = PNG
    await platform.shortcut("dana", Shortcut.CREATE_REQUEST, with_file(platform), "v1")
    form = platform.surface("v1").form
    assert form is not None
    field = next(one for one in form.fields if one.name == "files")
    for value in (field.value, "m1", "nonsense"):
        await platform.press("omar", form.submit, values={"text": LOCKED, "files": value}, thread=None)
    assert not (platform.company.app.home.path / "files").exists()
    assert await requests(platform, "omar") != []


async def test_without_a_file_the_form_asks_nothing_about_one(platform: Platform) -> None:
    await platform.shortcut("dana", Shortcut.CREATE_REQUEST, platform.wrote("dana", LOCKED), "v1")
    form = platform.surface("v1").form
    assert [one.name for one in form.fields] == ["text"] if form is not None else False


async def test_in_slack_files_come_by_emoji_and_by_shortcut(slack: OnSlack) -> None:
    said = await slack.say("dana", LOCKED, room=GENERAL, files=[FakeFile("screen.png", PNG, "image/png")])
    await slack.fake.shortcut(PEOPLE["omar"][0], "create_request", said, room=GENERAL)
    await slack.settle()
    await slack.submit("omar", {"What do you need?": LOCKED, "Its files": "Take along: screen.png"})
    assert await kept(slack.company) == ["screen.png"]
    await slack.fake.react(PEOPLE["sam"][0], "ticket", said, room=GENERAL)
    await slack.settle()
    await slack.press("dana", slack.by_bot(GENERAL, said)[0], "Yes, please", room=GENERAL)
    assert await kept(slack.company) == ["screen.png", "screen.png"]


# -- many, large, late ---------------------------------------------------------------------------------------------


class Slow(MemoryChannel):
    """Gives a file only when `together` of them are being fetched; one named "never" never comes."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.together, self.fetching, self.enough = together, 0, asyncio.Event()

    async def download(self, tenant: str, file: FileRef) -> bytes:
        if file.name == "never":
            await asyncio.Event().wait()
        self.fetching += 1
        if self.fetching >= self.together:
            self.enough.set()
        await self.enough.wait()
        return PNG


def refs(*names: str) -> list[FileRef]:
    return [FileRef(f"f{n}", name, "image/png", len(PNG)) for n, name in enumerate(names)]


async def fetched(platform: Platform, channel: MemoryChannel, files: list[FileRef], patience: float) -> Talk:
    hearing, turns = platform.company.app.turns.hearing, platform.company.app.turns
    slow = Hearing({channel.name: channel}, hearing.files, hearing.sessions, patience)
    who = await platform.company.app.people.by_email(email("dana"))
    assert who is not None
    address = Address(channel.name, "local", email("dana"), "t1")
    conversation = await platform.company.app.conversations.load(address, who.id, platform.company.clock())
    talk = await turns.talks.open("m1", who, conversation, platform.company.clock(), Changes())
    await slow.take(talk, "m1", files)
    return talk


async def test_files_are_fetched_side_by_side(platform: Platform) -> None:
    talk = await fetched(platform, Slow(together=3), refs("a.png", "b.png", "c.png"), 10.0)
    assert [file.name for file in talk.files] == ["a.png", "b.png", "c.png"]


async def test_what_is_late_is_told_and_the_rest_is_kept(platform: Platform) -> None:
    talk = await fetched(platform, Slow(together=1), refs("a.png", "never", "c.png"), 0.0)
    assert [file.name for file in talk.files] == ["a.png", "c.png"]
    assert talk.untaken == ["I could not take never: it could not be fetched. Please send it again."]


async def test_files_have_less_time_than_a_turn(platform: Platform) -> None:
    assert platform.company.app.turns.hearing.patience < platform.company.app.turns.timeout


async def test_more_than_are_taken_are_told(platform: Platform) -> None:
    talk = await fetched(platform, Slow(together=1), refs(*(f"{n}.png" for n in range(11))), 10.0)
    assert len(talk.files) == 10
    (told,) = talk.untaken
    assert "1 more were left out" in told


async def test_whoever_has_sent_enough_for_a_day_is_told_so(platform: Platform) -> None:
    who = await platform.company.app.people.by_email(email("dana"))
    assert who is not None
    row = {"id": new_id(), "conversation_id": "c", "person_id": who.id, "name": "a", "mime": "b", "size": MOST_A_DAY}
    async with platform.company.app.sessions.begin() as session:
        await session.execute(insert(t.attachment).values(**row, at=platform.company.clock()))
    await send(platform, "dana", "hello", SCREEN)
    assert any("250 MB within a day" in reply.text for reply in platform.shown("dana"))
    await send(platform, "omar", "hello", SCREEN)
    assert not any("250 MB" in reply.text for reply in platform.shown("omar"))


def with_file(platform: Platform) -> Heard:
    return replace(platform.wrote("dana", LOCKED), files=(SCREEN,))


async def send(platform: Platform, person: str, text: str, *files: FileRef) -> str:
    for file in files:
        platform.channel.contents[file.id] = PNG
    return await record(platform, person, ActivityKind.MESSAGE, text=text, files=files)


async def record(platform: Platform, person: str, kind: ActivityKind, **more: object) -> str:
    address = Address(platform.channel.name, "local", email("dana"), "t1")
    activity = Activity(new_id(), kind, address, platform.sender(person), platform.company.clock(), **more)  # type: ignore[arg-type]
    await platform.company.app.inbox.record(activity)
    await platform.company.settle()
    return activity.id
