"""One person on two platforms, one with threads and one without: what is begun on one is seen, continued and decided on the other."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.buttons import Verb
from connectors.memory.channel import THREADED, MemoryChannel
from connectors.ports.chat import HOME_PAGE, Reply, ReplyKind
from specialists.request import Request
from tests.scenarios.company import Company, email
from tests.scenarios.platform import SHARED, Platform
from tests.scenarios.test_forms import WANTED, requests

WISH = "I need editor access to Figma for 30 days"


@dataclass(frozen=True)
class Two:
    threads: Platform
    flat: Platform

    @property
    def company(self) -> Company:
        return self.threads.company

    async def request(self) -> Request:
        """Dana's newest."""
        return (await requests(self.threads, "dana"))[0]

    async def home(self) -> tuple[str, str]:
        """The channel and room of the conversation that Dana's newest request belongs to."""
        conversation = await self.company.app.conversations.get((await self.request()).conversation_id)
        assert conversation is not None
        return conversation.address.channel, conversation.address.room

    def cards(self, person: str = "dana", kind: ReplyKind = ReplyKind.PROGRESS) -> list[list[Reply]]:
        """What is shown of this kind in the person's own chats: on the platform with threads, and on the flat one."""
        return [[reply for reply in platform.shown(person) if reply.kind is kind] for platform in (self.threads, self.flat)]


@pytest.fixture
async def two(template: Path, tmp_path: Path) -> AsyncIterator[Two]:
    desks = {"it-support": f"first:local:{THREADED}-desk"}
    first, second = MemoryChannel("first"), MemoryChannel("second", flat=True)
    opened = await Company.open(tmp_path / "home", template, channels=(first, second), organisation={"desks": desks})
    yield Two(Platform(opened, first), Platform(opened, second))
    await opened.close()


# -- continued -----------------------------------------------------------------------------------------------------


async def test_what_was_asked_on_one_is_listed_on_the_other_and_both_cards_change(two: Two) -> None:
    await two.threads.say("dana", WISH)
    await two.flat.say("dana", "what is happening with my request?")
    here, there = two.cards()
    assert (len(here), len(there), here[0].text) == (1, 1, there[0].text)
    await two.company.press("priya", "approve")
    here, there = two.cards()
    assert all("Done" in card.text for card in (*here, *there))


async def test_an_answer_given_on_the_other_goes_on_there(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    before = len(two.threads.shown("dana"))
    await two.flat.say("dana", "editor for 30 days")
    request = await two.request()
    assert (request.state.value, await two.home()) == ("awaiting_approval", ("second", email("dana")))
    assert len(two.threads.shown("dana")) == before
    await two.company.press("priya", "approve")
    assert any(reply.kind is ReplyKind.RECEIPT for reply in two.flat.shown("dana"))
    assert len(two.threads.shown("dana")) == before


@pytest.mark.parametrize("said", ["continue {case}", "what is happening with {case}?"])
async def test_asked_for_by_its_case_its_question_comes_along(two: Two, said: str) -> None:
    await two.threads.say("dana", "I need access to Figma")
    question = two.threads.shown("dana")[-1]
    await two.flat.say("dana", said.format(case=(await two.request()).case))
    assert (two.flat.shown("dana")[-1].kind, two.flat.shown("dana")[-1].text) == (ReplyKind.QUESTION, question.text)
    await two.flat.say("dana", "editor")
    await two.flat.say("dana", "30 days")
    assert (await two.request()).state.value == "awaiting_approval"


async def test_continued_by_the_button_of_its_card(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    await two.flat.say("dana", "what is happening with my request?")
    await two.flat.press("dana", two.flat.offered("dana", Verb.SHOW))
    assert two.flat.shown("dana")[-1].kind is ReplyKind.QUESTION
    await two.flat.press("dana", two.flat.offered("dana", Verb.FILL_FORM), surface="v1")
    await two.flat.press("dana", two.flat.button(two.flat.surface("v1"), Verb.SEND_FORM), values=WANTED, thread=None)
    assert (await two.home(), (await two.request()).state.value) == (("second", email("dana")), "awaiting_approval")


async def test_continued_from_the_home_page_of_the_other(two: Two) -> None:
    await two.flat.say("dana", "I need access to Figma")
    await two.threads.open("dana", HOME_PAGE)
    await two.threads.press("dana", two.threads.button(two.threads.home("dana"), Verb.SHOW), thread=None)
    said = [reply for reply in two.threads.shown("dana") if reply.kind is ReplyKind.QUESTION]
    assert len(said) == 1
    assert (await two.home())[0] == "first"


async def test_back_and_forth_it_is_one_request(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    await two.flat.say("dana", "editor")
    case = (await two.request()).case
    await two.threads.say("dana", f"continue {case}")
    await two.threads.say("dana", "30 days")
    (request,) = await requests(two.threads, "dana")
    assert (request.state.value, await two.home()) == ("awaiting_approval", ("first", email("dana")))


async def test_what_it_left_behind_asks_nothing_any_more(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    await two.flat.say("dana", "editor")
    await two.threads.say("dana", "how do I connect to the VPN?")
    assert two.threads.shown("dana")[-1].kind is ReplyKind.ANSWER


async def test_nothing_private_comes_into_a_room_of_several(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    case, room = (await two.request()).case, f"{THREADED}-general"
    await two.flat.say("dana", f"continue {case}", room=room)
    await two.threads.say("dana", f"continue {case}", room=SHARED)
    assert "Figma" not in str(two.flat.shown(room))
    assert "Figma" not in str(two.threads.shown(SHARED))
    assert await two.home() == ("first", email("dana"))


async def test_from_a_room_of_several_it_comes_into_their_own_chat(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma", room=SHARED)
    shown = two.threads.shown(SHARED)
    await two.flat.say("dana", "editor for 30 days")
    await two.company.press("priya", "approve")
    assert any(reply.kind is ReplyKind.RECEIPT for reply in two.flat.shown("dana"))
    assert two.threads.shown(SHARED) == shown


async def test_nobody_continues_what_is_somebody_elses(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    case = (await two.request()).case
    await two.flat.say("omar", f"continue {case}")
    assert "Figma" not in str(two.flat.shown("omar"))
    assert await two.home() == ("first", email("dana"))


async def test_edited_where_it_began_it_is_begun_anew_once(two: Two) -> None:
    said = await two.threads.say("dana", "I need access to Figma")
    await two.flat.say("dana", "editor")
    await two.threads.edit("dana", said, "I need access to Tableau")
    states = {one.slots["application"].value: one.state.value for one in await requests(two.threads, "dana")}
    assert states == {"figma": "cancelled", "tableau": "gathering"}


async def test_what_cannot_come_along_says_where_it_goes_on(two: Two) -> None:
    """People are asked about it where it began."""
    await two.threads.say("dana", "I need access to Figma")
    await two.threads.say("dana", "I want to talk to a person")
    await two.flat.say("dana", "what is happening with my request?")
    there, here = len(two.threads.shown("dana")), len(two.flat.shown("dana"))
    await two.flat.press("dana", two.flat.offered("dana", Verb.SHOW))
    assert two.threads.shown("dana")[-1].kind is ReplyKind.QUESTION
    assert len(two.threads.shown("dana")) == there + 1
    (told,) = two.flat.shown("dana")[here:]
    assert "on another platform" in told.text
    assert told.request is None


async def test_a_form_of_what_cannot_come_along_opens_where_it_was_asked_for(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    form = two.threads.offered("dana", Verb.FILL_FORM)
    await two.threads.say("dana", "I want to talk to a person")
    there = len(two.threads.shown("dana"))
    await two.flat.press("dana", form, surface="v1", thread=None)
    shown = two.flat.surface("v1")
    assert shown.form is not None
    assert len(two.threads.shown("dana")) == there
    await two.flat.press("dana", two.flat.button(shown, Verb.SEND_FORM), values=WANTED, thread=None)
    assert (await two.request()).state.value == "awaiting_approval"
    assert "on another platform" in two.flat.shown("dana")[-1].text


# -- cancelled and undone ------------------------------------------------------------------------------------------


async def test_cancelled_on_one_it_is_cancelled_on_both(two: Two) -> None:
    await two.threads.say("dana", WISH)
    await two.flat.say("dana", "what is happening with my request?")
    await two.flat.press("dana", two.flat.offered("dana", Verb.CANCEL))
    here, there = two.cards()
    assert (here[0].actions, there[0].actions) == ((), ())
    assert "is cancelled" in two.flat.shown("dana")[-1].text
    assert "is cancelled" not in two.threads.shown("dana")[-1].text


async def test_undone_from_the_other_the_receipt_says_so(two: Two) -> None:
    await two.threads.say("dana", WISH)
    await two.company.press("priya", "approve")
    await two.flat.say("dana", "undo")
    assert (await two.request()).state.value == "undone"
    receipt = next(reply for reply in two.threads.shown("dana") if reply.kind is ReplyKind.RECEIPT)
    assert not any(two.threads.verb(action) is Verb.UNDO for action in receipt.actions)
    assert two.flat.shown("dana")[-1].kind is ReplyKind.RECEIPT


# -- decided -------------------------------------------------------------------------------------------------------


async def test_a_manager_decides_on_one_what_was_asked_on_the_other(two: Two) -> None:
    await two.flat.say("priya", "hello")
    await two.threads.say("dana", WISH)
    await two.flat.press("priya", two.flat.offered("priya", Verb.APPROVE))
    (card,), _ = two.cards()
    assert "Done" in card.text


async def test_decided_on_one_the_card_on_the_other_locks_and_says_so(two: Two) -> None:
    await two.flat.say("priya", "hello")
    await two.threads.say("dana", WISH)
    await two.threads.say("priya", "what is waiting for my approval?")
    late = two.threads.offered("priya", Verb.DENY)
    await two.flat.press("priya", two.flat.offered("priya", Verb.APPROVE))
    here, there = two.cards("priya", ReplyKind.APPROVAL)
    assert ([card.actions for card in here], [card.actions for card in there]) == ([()], [()])
    await two.threads.press("priya", late, "too late")
    assert "approved that already" in two.threads.shown("priya")[-1].text
    assert (await two.request()).state.value == "done"


# -- people --------------------------------------------------------------------------------------------------------


async def test_staff_on_one_and_the_employee_on_the_other(two: Two) -> None:
    room = f"{THREADED}-desk"
    await two.flat.say("dana", "I want to talk to a person")
    desk = two.threads.shown(room)[-1]
    thread = two.threads.message(desk)
    await two.threads.press("sam", two.threads.button(desk, Verb.CLAIM), room=room, thread=thread)
    await two.flat.say("dana", "My badge is broken")
    assert any(reply.text == "My badge is broken" for reply in two.threads.shown(room))
    await two.threads.say("sam", "looks like the chip", room=room, thread=thread)
    assert "the chip" not in str(two.flat.shown("dana"))
    await two.threads.say("sam", "!reply Come by at noon.", room=room, thread=thread)
    reply = two.flat.shown("dana")[-1]
    assert (reply.text, reply.author is not None and reply.author.name) == ("Come by at noon.", "Sam Okoye")
    assert two.threads.shown("dana") == []


async def test_what_people_have_in_hand_stays_where_they_have_it(two: Two) -> None:
    await two.threads.say("dana", WISH)
    await two.threads.say("dana", "I want to talk to a person")
    await two.flat.say("dana", "cancel")
    assert (await two.home())[0] == "first"
    assert (await two.request()).state.value == "cancelled"


async def test_the_news_comes_where_it_was_last_dealt_with(two: Two) -> None:
    await two.threads.say("dana", "I need access to Figma")
    request = await two.request()
    await two.flat.say("dana", f"continue {request.case}")
    await two.flat.say("dana", "editor for 30 days")
    await two.company.press("priya", "deny", "not this year")
    assert any("not this year" in reply.text for reply in two.flat.shown("dana") if reply.kind is ReplyKind.NOTICE)
    assert [reply.kind for reply in two.threads.shown("dana")] == [ReplyKind.QUESTION]


async def test_solved_is_answered_where_it_was_asked(two: Two) -> None:
    await two.threads.say("dana", WISH)
    await two.flat.say("dana", "hello")
    await two.company.later(seconds=1)
    await two.company.press("priya", "approve")
    assert two.flat.shown("dana")[-1].kind is ReplyKind.RECEIPT
    await two.flat.say("dana", "yes")
    assert (await two.request()).resolution == "confirmed"
    receipt = next(reply for reply in two.flat.shown("dana") if reply.kind is ReplyKind.RECEIPT)
    assert not any(two.flat.verb(action) is Verb.SOLVED for action in receipt.actions)
