"""What people are told without having asked: in the channel that they used last, and after their quiet hours."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot import tables as t
from bot.buttons import Verb
from bot.changes import Changes
from bot.intake import Received
from bot.quiet import QuietHours
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import OWN_CHAT, Activity, ActivityKind, Address, Profile, Reply, ReplyKind, Shortcut
from connectors.ports.people import Person
from connectors.ports.records import new_id
from specialists import request as requests
from specialists.request import EventKind, Request, RequestState
from tests.scenarios.company import Company, email
from tests.scenarios.platform import Platform

HOURS = {"quiet_hours": QuietHours.model_validate({"from": "20:00", "to": "07:00", "weekends": True})}
WISH = "I need editor access to Figma for 30 days"
TEN_AT_NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""On Monday in New York, where Dana and Priya are; for Omar in Berlin it is Tuesday, 04:00."""


@pytest.fixture
async def asleep(template: Path, tmp_path: Path) -> AsyncIterator[Company]:
    """A company with quiet hours, late in the evening."""
    opened = await Company.open(tmp_path / "home", template, organisation=HOURS)
    opened.clock.now = TEN_AT_NIGHT
    yield opened
    await opened.close()


async def kinds(company: Company, person: str) -> list[ReplyKind]:
    return [said.reply.kind for said in await company.shown(person)]


async def test_an_approval_asked_at_night_comes_in_the_morning(asleep: Company) -> None:
    await asleep.say("dana", WISH)
    assert ReplyKind.PROGRESS in await kinds(asleep, "dana"), "her own answer comes at once"
    assert (await kinds(asleep, "priya"), await asleep.app.held.count()) == ([], 1)
    assert await asleep.app.outbox.waiting() == 0
    await asleep.later(hours=8, minutes=59)
    assert await kinds(asleep, "priya") == []
    await asleep.later(minutes=1)
    assert (await kinds(asleep, "priya"), await asleep.app.held.count()) == ([ReplyKind.APPROVAL], 0)
    await asleep.press("priya", "approve")
    assert ReplyKind.RECEIPT in await kinds(asleep, "dana"), "nobody sleeps at seven"


async def test_without_quiet_hours_it_comes_at_once(company: Company) -> None:
    """The negative control."""
    company.clock.now = TEN_AT_NIGHT
    await company.say("dana", WISH)
    assert await kinds(company, "priya") == [ReplyKind.APPROVAL]


async def test_it_comes_at_once_when_they_turn_up(asleep: Company) -> None:
    await asleep.say("dana", WISH)
    await asleep.later(hours=1)
    assert await kinds(asleep, "priya") == []
    await asleep.say("priya", "how many PTO days do I have left?")
    assert ReplyKind.APPROVAL in await kinds(asleep, "priya")
    assert len(await kinds(asleep, "priya")) > 1, "and her own answer"


async def test_what_somebody_asks_for_is_not_shown_once_more_in_the_morning(asleep: Company) -> None:
    await asleep.say("dana", WISH)
    await asleep.later(hours=1)
    await asleep.say("priya", "what is waiting for my approval?")
    assert (await kinds(asleep, "priya")).count(ReplyKind.APPROVAL) == 1
    await asleep.later(hours=10)
    assert (await kinds(asleep, "priya")).count(ReplyKind.APPROVAL) == 1
    await asleep.press("priya", "approve")
    assert ReplyKind.RECEIPT in await kinds(asleep, "dana"), "the one that is shown is the one that counts"


async def test_nothing_is_held_for_whoever_is_awake(asleep: Company) -> None:
    await asleep.say("priya", "how many PTO days do I have left?")
    await asleep.later(minutes=29)
    await asleep.say("dana", WISH)
    assert ReplyKind.APPROVAL in await kinds(asleep, "priya")


async def test_it_outlives_a_restart(asleep: Company) -> None:
    await asleep.say("dana", WISH)
    await asleep.restart()
    await asleep.settle()
    assert (await kinds(asleep, "priya"), await asleep.app.held.count()) == ([], 1)
    asleep.clock.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    await asleep.restart()
    await asleep.settle()
    assert await kinds(asleep, "priya") == [ReplyKind.APPROVAL]


async def test_what_comes_of_it_waits_for_its_requester(asleep: Company) -> None:
    """Omar asks before his night, Priya approves in the middle of it."""
    asleep.clock.now = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    await asleep.say("omar", WISH)
    await asleep.later(hours=3)
    await asleep.press("priya", "approve")
    assert ReplyKind.NOTICE in await kinds(asleep, "priya"), "what she did is answered"
    assert ReplyKind.RECEIPT not in await kinds(asleep, "omar")
    (card,) = [said.reply for said in await asleep.shown("omar") if said.reply.kind is ReplyKind.PROGRESS]
    assert card.request is not None
    assert card.request.state == "done", "the live card is true at once"
    await asleep.later(hours=9)
    assert ReplyKind.RECEIPT in await kinds(asleep, "omar")
    await asleep.say("omar", "yes")
    assert (await _one(asleep, "omar", "grant_access")).resolution == "confirmed"


async def test_an_approval_that_is_withdrawn_meanwhile_is_never_asked(asleep: Company) -> None:
    await asleep.say("dana", WISH)
    await asleep.press("dana", "cancel")
    assert await asleep.app.held.count() == 0
    await asleep.later(hours=10)
    assert await kinds(asleep, "priya") == []


async def test_security_does_not_wait(asleep: Company) -> None:
    await asleep.say("dana", "I forgot my password")
    async with asleep.app.sessions.begin() as session:  # else she is awake for longer than the link can be used
        await session.execute(update(t.identity).values(last_seen_at=TEN_AT_NIGHT - timedelta(hours=3)))
    before = len(await asleep.shown("dana"))
    await asleep.confirm("dana", yes=False)
    assert len(await asleep.shown("dana")) > before
    assert await asleep.app.held.count() == 0


async def test_a_link_that_ended_unused_can_wait(asleep: Company) -> None:
    """The negative control of the one above."""
    await asleep.say("dana", "I forgot my password")
    before = len(await asleep.shown("dana"))
    await asleep.later(minutes=31)
    assert (len(await asleep.shown("dana")), await asleep.app.held.count()) == (before, 1)


async def _one(company: Company, person: str, skill: str) -> Request:
    who = await _person(company, person)
    return next(one for one in await company.app.requests.recent_of(who.id) if one.skill == skill)


async def _done_at_night(asleep: Company) -> None:
    """Omar's wish of the evening is granted in the middle of his night."""
    asleep.clock.now = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    await asleep.say("omar", WISH)
    await asleep.say("omar", "time for a new laptop")
    await asleep.say("omar", "the MacBook Air")
    await asleep.later(hours=3)
    await asleep.press("priya", "approve")
    assert ReplyKind.RECEIPT not in await kinds(asleep, "omar")


async def test_what_somebody_says_is_no_answer_to_what_they_were_not_shown(asleep: Company) -> None:
    """The open question that they have seen is answered, not "did this solve it?" of a receipt that is held."""
    await _done_at_night(asleep)
    await asleep.say("omar", "no")
    assert (await _one(asleep, "omar", "grant_access")).resolution is None
    assert (await _one(asleep, "omar", "request_hardware")).state.value == "cancelled"
    assert ReplyKind.RECEIPT in await kinds(asleep, "omar"), "he turned up"


async def test_what_was_asked_meanwhile_is_answered_when_it_is_seen(asleep: Company) -> None:
    """The negative control."""
    await _done_at_night(asleep)
    await asleep.say("omar", "no")
    await asleep.say("omar", "no")
    assert (await _one(asleep, "omar", "grant_access")).resolution == "reopened"


# -- several channels ----------------------------------------------------------------------------------------------


class Two:
    """Two chats beside the web chat."""

    def __init__(self, company: Company, a: MemoryChannel, b: MemoryChannel) -> None:
        self.company = company
        self.a, self.b = Platform(company, a), Platform(company, b)

    async def tick(self) -> None:
        await self.company.later(seconds=1)


@pytest.fixture
async def two(template: Path, tmp_path: Path) -> AsyncIterator[Two]:
    a, b = MemoryChannel("alpha"), MemoryChannel("beta")
    opened = await Company.open(tmp_path / "home", template, channels=(a, b))
    yield Two(opened, a, b)
    await opened.close()


@pytest.fixture
async def two_asleep(template: Path, tmp_path: Path) -> AsyncIterator[Two]:
    """With quiet hours; Priya was on beta in the evening, and on alpha after that."""
    a, b = MemoryChannel("alpha"), MemoryChannel("beta", flat=True)
    opened = await Company.open(tmp_path / "home", template, channels=(a, b), organisation=HOURS)
    opened.clock.now = TEN_AT_NIGHT - timedelta(hours=3)
    two = Two(opened, a, b)
    for platform in (two.b, two.a):
        await platform.say("priya", "hello")
        await two.tick()
    opened.clock.now = TEN_AT_NIGHT
    yield two
    await opened.close()


def of(kind: ReplyKind, replies: Sequence[Reply]) -> list[Reply]:
    return [reply for reply in replies if reply.kind is kind]


async def asked(two: Two) -> list[str]:
    """Where Priya was asked for approval."""
    await two.tick()
    await two.company.say("dana", WISH)
    on_web = [said.reply for said in await two.company.shown("priya")]
    shown = {"alpha": two.a.shown("priya"), "beta": two.b.shown("priya"), "web": on_web}
    return [name for name, replies in shown.items() if of(ReplyKind.APPROVAL, replies)]


async def test_the_channel_used_last_is_where_somebody_is_asked(two: Two) -> None:
    await two.a.say("priya", "hello")
    await two.tick()
    await two.b.say("priya", "hello")
    assert await asked(two) == ["beta"]


@pytest.mark.parametrize("use", ["opened", "pressed", "shortcut"])
async def test_every_use_counts(two: Two, use: str) -> None:
    await two.a.open("priya")
    await two.tick()
    await two.b.say("priya", "hello")
    await two.tick()
    if use == "opened":
        await two.a.open("priya")
    elif use == "pressed":
        await two.a.press("priya", two.a.button(two.a.home("priya"), Verb.WANT_PERSON), thread=None)
    else:
        await two.a.shortcut("priya", Shortcut.CREATE_REQUEST, two.a.wrote("omar", "my screen is broken"), "form-1")
    assert await asked(two) == ["alpha"]


async def test_to_have_it_installed_is_no_use(two: Two) -> None:
    await two.a.say("priya", "hello")
    await two.tick()
    await two.b.say("priya", "hello")
    await two.tick()
    await two.a.open("priya", OWN_CHAT)
    assert await asked(two) == ["beta"]


async def test_a_turn_that_was_given_up_was_a_use_too(two: Two) -> None:
    await two.a.say("priya", "hello")
    await two.tick()
    await two.b.say("priya", "hello")
    await two.tick()
    address = Address("alpha", "local", email("priya"), "t1")
    broken = Activity(new_id(), ActivityKind.MESSAGE, address, two.a.sender("priya"), two.company.clock(), "hello")
    await two.company.app.turns.give_up(Received(10_000, broken, 10, two.company.clock()), None)
    assert await asked(two) == ["alpha"]


async def test_being_looked_up_is_no_use(two: Two) -> None:
    two.a.channel.profiles[email("priya")] = Profile(email("priya"), "Priya", "member", email=email("priya"))
    assert await asked(two) == ["alpha"], "nothing else is known of her"
    await two.a.say("priya", "hello")
    await two.tick()
    await two.b.say("priya", "hello")
    await two.company.app.people.address(await _person(two.company, "priya"), {"alpha": two.a.channel})
    await two.company.press("dana", "cancel")
    two.a.channel.messages.clear()
    assert await asked(two) == ["beta"]


@pytest.mark.parametrize("back", ["alpha", "beta"])
async def test_what_was_held_comes_to_where_somebody_turns_up(two_asleep: Two, back: str) -> None:
    two = two_asleep
    await two.company.say("dana", WISH)
    assert await two.company.app.held.count() == 1
    await two.company.later(hours=1)
    await {"alpha": two.a, "beta": two.b}[back].say("priya", "hello")
    shown = {"alpha": two.a.shown("priya"), "beta": two.b.shown("priya")}
    assert [name for name, replies in shown.items() if of(ReplyKind.APPROVAL, replies)] == [back]
    await two.company.press("dana", "cancel")
    (card,) = of(ReplyKind.APPROVAL, {"alpha": two.a, "beta": two.b}[back].shown("priya"))
    assert card.actions == (), "and is changed there"


async def test_where_they_are_not_known_any_more_they_are_not_asked(two: Two) -> None:
    await two.a.say("priya", "hello")
    await two.tick()
    await two.b.say("priya", "hello")
    two.b.channel.profiles[email("priya")] = Profile(email("priya"), "Priya", "gone")
    await two.company.later(minutes=6)
    assert await asked(two) == ["alpha"]


async def test_a_channel_that_is_not_connected_now_is_passed_over(two: Two) -> None:
    await two.a.say("priya", "hello")
    await two.tick()
    await two.b.say("priya", "hello")
    two.company.channels = (two.a.channel,)
    await two.company.restart()
    assert await asked(two) == ["alpha"]


async def test_what_comes_of_a_request_is_told_where_its_requester_is_by_now(two: Two) -> None:
    company = two.company
    await two.a.say("dana", WISH)
    await two.tick()
    await two.b.say("dana", "how many PTO days do I have left?")
    await company.press("priya", "approve")
    (card,) = of(ReplyKind.PROGRESS, two.a.shown("dana"))
    assert card.request is not None
    assert card.request.state == "done", "the card stays where it is, and stays true"
    assert of(ReplyKind.RECEIPT, two.a.shown("dana")) == []
    (receipt,) = [
        reply for reply in of(ReplyKind.RECEIPT, two.b.shown("dana")) if reply.request and reply.request.case == card.request.case
    ]
    on_alpha, on_beta = len(two.a.shown("dana")), len(two.b.shown("dana"))
    thread = next(m.address.thread for m in two.b.channel.messages.values() if m.reply == receipt)
    await two.b.press("dana", two.b.button(receipt, Verb.SOLVED), thread=thread or "")
    assert (len(two.a.shown("dana")), len(two.b.shown("dana"))) == (on_alpha, on_beta + 1), "answered where it was pressed"


@pytest.mark.parametrize("later", ["alpha", "beta", "web"])
async def test_people_who_take_over_are_talked_to_where_the_requester_is_by_now(template: Path, tmp_path: Path, later: str) -> None:
    """Begun on alpha; also where nobody has moved, and where chats have no threads."""
    a, b = MemoryChannel("alpha"), MemoryChannel("beta", flat=True)
    company = await Company.open(tmp_path / "home", template, channels=(a, b))
    two = Two(company, a, b)

    async def say(text: str, *, thread: str | None = None) -> None:
        if later == "web":
            await company.say("dana", text, thread=thread)
        else:
            await {"alpha": two.a, "beta": two.b}[later].say("dana", text, thread=thread or "t1")

    async def shown() -> list[tuple[str | None, str]]:
        if later == "web":
            return [(said.thread, said.reply.text) for said in await company.shown("dana")]
        channel = {"alpha": a, "beta": b}[later]
        there = [one for one in channel.messages.values() if one.address.room == email("dana") and one.reply is not None]
        return [(one.address.thread, one.reply.text) for one in there if one.reply is not None]

    await two.a.say("dana", WISH)
    await two.tick()
    await say("hello")
    on_alpha = len(two.a.shown("dana"))
    await left_to_staff(company, "dana")
    (thread, _), *_ = [one for one in await shown() if "IT support" in one[1]]
    await company.press("sam", "claim")
    await say("it is the blue one", thread=thread)
    assert "it is the blue one" in [said.reply.text for said in await company.shown("sam")]
    await company.press("sam", "reply", "On it, Dana.")
    assert (thread, "On it, Dana.") in await shown()
    assert later == "alpha" or len(two.a.shown("dana")) == on_alpha, "the card there changes, and that is all"
    await company.close()


async def left_to_staff(company: Company, person: str) -> None:
    """As the specialist does with what it may not decide."""
    request = (await company.app.requests.recent_of((await _person(company, person)).id))[0]
    changes = Changes()
    changes.request(requests.moved(request, RequestState.WITH_STAFF, EventKind.LEFT_TO_STAFF, company.clock(), {"rules": []}))
    await company.app.status.saver.save(changes)
    await company.settle()


async def test_it_is_told_in_its_conversation_where_nobody_has_moved(two: Two) -> None:
    await two.a.say("dana", WISH, thread="about-figma")
    await two.company.press("priya", "approve")
    assert of(ReplyKind.RECEIPT, two.a.channel.shown(email("dana"), "about-figma"))


async def _person(company: Company, name: str) -> Person:
    found = await company.app.people.by_email(email(name))
    assert found is not None
    return found
