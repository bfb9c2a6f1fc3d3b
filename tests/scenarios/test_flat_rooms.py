"""A chat without threads: what belongs together is told by time and by what was shown there, and all else is as anywhere."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from bot import tables as t
from bot.buttons import Verb
from bot.threads import OWN_CHAT_IDLE
from connectors.errors import Refused, Retry
from connectors.memory.channel import GROUP, THREADED
from connectors.ports.chat import Activity, ActivityKind, Address, Press, Reply, ReplyKind
from connectors.ports.records import new_id
from specialists.request import Request
from tests.scenarios.company import email
from tests.scenarios.handoffs import in_room
from tests.scenarios.platform import Platform
from tests.scenarios.test_feedback import kept as rows
from tests.scenarios.test_forms import WANTED, requests, start

WISH = "I need editor access to Figma for 30 days"
QUESTION = "How do I connect to the VPN?"
CHAT = f"{GROUP}chat"
DESK = f"{THREADED}-people"
CHANNEL = f"{THREADED}-general"


async def of(flat: Platform, person: str = "dana") -> Request:
    """The person's newest request."""
    return (await requests(flat, person))[0]


def last(flat: Platform, room: str = "dana") -> Reply:
    return flat.shown(room)[-1]


# -- what belongs together -----------------------------------------------------------------------------------------


async def test_a_question_is_answered_in_the_chat_and_nothing_is_begun_for_it(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    (answer,) = flat.shown("dana")
    assert (answer.kind, bool(answer.citations)) == (ReplyKind.ANSWER, True)


async def test_a_decision_sent_in_a_form_is_answered_in_words_where_there_is_no_home_page(flat: Platform) -> None:
    await flat.say("priya", QUESTION)
    await flat.say("dana", WISH)
    approve = flat.offered("priya", Verb.APPROVE)
    await flat.press("priya", approve, thread=None)
    assert last(flat, "priya").text.startswith("You approved FOY-1")
    assert (await of(flat)).state.value == "done"
    await flat.press("priya", approve, thread=None)
    assert last(flat, "priya").text.startswith("Priya Nair approved that already")


async def test_what_is_not_understood_while_people_are_asked_is_added_for_them(flat: Platform) -> None:
    await flat.say("dana", "I want a person")
    await flat.say("dana", "it makes a funny clicking sound since yesterday")
    assert last(flat).text == "I added that to FOY-1 for IT support."
    assert last(flat).actions == ()
    card = [reply for reply in await in_room(flat.company, "group:it-support") if reply.transcript][-1]
    assert any("clicking" in line for line in card.transcript)


async def test_what_is_asked_back_is_answered_by_the_next_message(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma")
    assert last(flat).kind is ReplyKind.QUESTION
    await flat.say("dana", "editor")
    await flat.say("dana", "30 days")
    assert (await of(flat)).state.value == "awaiting_approval"


async def test_what_is_said_a_day_later_begins_anew(flat: Platform) -> None:
    await flat.say("dana", WISH)
    before = (await of(flat)).conversation_id
    await flat.company.later(hours=23)
    await flat.say("dana", "I need viewer access to Tableau for 10 days")
    assert (await of(flat)).conversation_id != before


async def test_what_is_said_within_the_day_goes_on(flat: Platform) -> None:
    await flat.say("dana", WISH)
    before = (await of(flat)).conversation_id
    await flat.company.later(seconds=OWN_CHAT_IDLE.total_seconds() - 60)
    await flat.say("dana", "I need viewer access to Tableau for 10 days")
    assert (await of(flat)).conversation_id == before


async def test_what_still_waits_for_an_answer_waits_longer_than_a_day(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma")
    flat.company.clock.now += OWN_CHAT_IDLE * 2
    await flat.say("dana", "editor")
    await flat.say("dana", "30 days")
    assert (await of(flat)).state.value == "awaiting_approval"


async def test_two_people_at_once_are_two_conversations(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma", room=CHAT)
    await flat.say("omar", "I need access to Tableau", room=CHAT)
    await flat.say("dana", "editor", room=CHAT)
    assert set((await of(flat, "dana")).slots) == {"application", "role"}
    assert set((await of(flat, "omar")).slots) == {"application"}


async def test_in_a_room_of_several_it_goes_on_for_minutes_without_a_mention(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma", room=CHAT)
    flat.company.clock.now += OWN_CHAT_IDLE / 100
    await flat.say("dana", "editor", room=CHAT, addressed=False)
    assert "role" in (await of(flat)).slots


async def test_in_a_room_of_several_chatter_hours_later_is_nobodys(flat: Platform) -> None:
    await flat.say("dana", QUESTION, room=CHAT)
    said = flat.shown(CHAT)
    flat.company.clock.now += OWN_CHAT_IDLE / 4
    await flat.say("dana", QUESTION, room=CHAT, addressed=False)
    await flat.say("omar", QUESTION, room=CHAT, addressed=False)
    assert flat.shown(CHAT) == said
    await flat.say("dana", QUESTION, room=CHAT)
    assert len(flat.shown(CHAT)) == len(said) + 1, "who mentions it is answered"


# -- buttons and cards ---------------------------------------------------------------------------------------------


async def test_an_offer_is_taken_up_where_it_was_made(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    feedback = last(flat).feedback
    assert feedback is not None
    await flat.press("dana", feedback.down)
    await flat.press("dana", flat.offered("dana", Verb.WANT_PERSON))
    assert last(flat).kind is ReplyKind.HANDOFF


async def test_a_manager_approves_in_the_chat_and_the_card_is_changed(flat: Platform) -> None:
    await flat.say("priya", "hello")
    await flat.say("dana", WISH)
    asked = last(flat, "priya")
    assert asked.kind is ReplyKind.APPROVAL
    await flat.press("priya", flat.button(asked, Verb.APPROVE))
    shown = flat.shown("priya")
    assert [reply.actions for reply in shown if reply.kind is ReplyKind.APPROVAL] == [()]
    assert "approved" in shown[-1].text
    (card,) = [reply for reply in flat.shown("dana") if reply.kind is ReplyKind.PROGRESS]
    assert "Done" in card.text


async def test_a_button_of_an_old_card_belongs_to_its_own_conversation(flat: Platform) -> None:
    await flat.say("dana", WISH)
    old, cancel = (await of(flat)).conversation_id, flat.offered("dana", Verb.CANCEL)
    await flat.company.later(hours=23)
    await flat.say("dana", "I need access to Tableau")
    await flat.press("dana", cancel)
    assert "is cancelled" in last(flat).text
    said = await flat.company.app.conversations.transcript(old)
    assert "is cancelled" in said[-1].text


@pytest.mark.parametrize("kind", [ActivityKind.ACTION, ActivityKind.RATED])
async def test_what_is_pressed_or_rated_before_its_message_is_known_waits_for_that(flat: Platform, kind: ActivityKind) -> None:
    await flat.say("dana", WISH)
    app, press = flat.company.app, Press(flat.offered("dana", Verb.CANCEL).id)
    place = Address(flat.channel.name, "local", email("dana"))
    who = await app.people.by_email(email("dana"))
    assert who is not None
    seen = Activity(new_id(), kind, place, flat.sender("dana"), flat.company.clock(), press=press, target="m?", liked=True)
    async with app.sessions.begin() as session:
        await app.outbox.post(session, place, Reply(new_id(), ReplyKind.NOTICE, "on its way"))
    with pytest.raises(Retry):
        await app.turns.threads.place(seen, who, flat.company.clock())
    await app.outbox.deliver()
    await flat.company.settle()
    assert (await app.turns.threads.place(seen, who, flat.company.clock())).heard.thread == "m?"


async def test_what_is_pressed_does_not_wait_for_what_is_sent_later(flat: Platform) -> None:
    await flat.say("dana", WISH)
    app, place = flat.company.app, Address(flat.channel.name, "local", email("dana"))
    who = await app.people.by_email(email("dana"))
    assert who is not None
    async with app.sessions.begin() as session:
        await app.outbox.post(session, place, Reply(new_id(), ReplyKind.NOTICE, "in an hour"))
        await session.execute(
            update(t.outbox).where(t.outbox.c.state == "pending").values(due_at=flat.company.clock() + timedelta(hours=1))
        )
    rated = Activity(new_id(), ActivityKind.RATED, place, flat.sender("dana"), flat.company.clock(), target="m?", liked=True)
    assert (await app.turns.threads.place(rated, who, flat.company.clock())).heard.thread == "m?"


async def test_a_form_opened_from_a_question_fills_it(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma")
    await flat.press("dana", flat.offered("dana", Verb.FILL_FORM), surface="v1")
    await flat.press("dana", flat.button(flat.surface("v1"), Verb.SEND_FORM), values=WANTED, thread=None)
    assert (await of(flat)).state.value == "awaiting_approval"
    assert not any(reply.kind is ReplyKind.NOTICE for reply in flat.shown("dana")), "it was asked in the chat: nothing is begun"


async def test_a_form_that_began_nowhere_begins_in_the_chat(flat: Platform) -> None:
    await flat.press("dana", start(flat, "grant_access"), surface="v1", thread=None)
    await flat.press("dana", flat.button(flat.surface("v1"), Verb.START), values=WANTED, thread=None)
    assert (await of(flat)).state.value == "awaiting_approval"
    first, card = [reply for reply in flat.shown("dana") if reply.surface is None]
    assert (first.kind, card.kind) == (ReplyKind.NOTICE, ReplyKind.PROGRESS)


async def test_a_form_that_came_too_late_is_in_the_chat_and_is_filled_there(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma")
    flat.channel.faults.append(Refused("surface_gone", "v1"))
    await flat.press("dana", flat.offered("dana", Verb.FILL_FORM), surface="v1")
    form = last(flat)
    assert (form.kind, form.surface, form.form is not None) == (ReplyKind.FORM, None, True)
    await flat.press("dana", flat.button(form, Verb.SEND_FORM), values=WANTED)
    assert (await of(flat)).state.value == "awaiting_approval"


async def test_where_messages_have_no_forms_a_closed_form_stays_closed(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    before = len(platform.shown("dana"))
    platform.channel.faults.append(Refused("surface_gone", "v1"))
    await platform.press("dana", platform.offered("dana", Verb.FILL_FORM), surface="v1")
    assert len(platform.shown("dana")) == before


# -- second thoughts -----------------------------------------------------------------------------------------------


async def test_what_is_edited_at_once_is_understood_anew(flat: Platform) -> None:
    said = await flat.say("dana", "I need access to Figma")
    await flat.edit("dana", said, "I need access to Tableau")
    one, other = await requests(flat, "dana")
    assert (one.slots["application"].value, one.conversation_id == other.conversation_id) == ("tableau", True)
    assert other.state.value == "cancelled"


async def test_an_edit_that_changes_nothing_is_none(flat: Platform) -> None:
    """A preview was added to it."""
    said = await flat.say("dana", QUESTION)
    before = flat.shown("dana")
    await flat.edit("dana", said, QUESTION)
    assert flat.shown("dana") == before
    await flat.edit("dana", said, WISH)
    await flat.edit("dana", said, WISH)
    assert len(await requests(flat, "dana")) == 1


async def test_an_edit_of_an_old_run_changes_that_and_no_other(flat: Platform) -> None:
    said = await flat.say("dana", "I need access to Figma")
    old = (await of(flat)).conversation_id
    await flat.company.later(hours=30)
    await flat.company.app.status.abandon()
    await flat.company.settle()
    flat.company.clock.now += OWN_CHAT_IDLE * 2
    await flat.say("dana", QUESTION)
    await flat.edit("dana", said, "I need access to Tableau")
    lines = await flat.company.app.conversations.transcript(old)
    assert [line.text for line in lines if line.speaker == "person"] == ["I need access to Tableau"]


async def test_what_is_deleted_is_dropped(flat: Platform) -> None:
    said = await flat.say("dana", "I need access to Figma")
    await flat.delete("dana", said)
    assert (await of(flat)).state.value == "cancelled"
    assert "dropped" in last(flat).text


async def test_told_to_stop_it_drops_what_is_being_put_together(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma")
    await flat.stop("dana")
    assert (await of(flat)).state.value == "cancelled"


# -- people --------------------------------------------------------------------------------------------------------


async def test_staff_and_employee_talk_through_the_chat(flat: Platform) -> None:
    await flat.say("dana", "I want to talk to a person")
    await flat.company.press("sam", "claim")
    flat.company.clock.now += OWN_CHAT_IDLE * 2
    said = await flat.say("dana", "It is the blue one")
    assert any(one.reply.text == "It is the blue one" for one in await flat.company.shown("sam"))
    await flat.edit("dana", said, "It is the red one")
    assert any("It is the red one" in one.reply.text for one in await flat.company.shown("sam"))
    await flat.company.press("sam", "reply", "Got it.")
    reply = last(flat)
    assert (reply.text, reply.author is not None) == ("Got it.", True)
    await flat.company.press("sam", "resolve", "Done.")
    assert "Done." in last(flat).text
    await flat.say("dana", QUESTION)
    assert last(flat).kind is ReplyKind.ANSWER
    assert not any(one.reply.text == QUESTION for one in await flat.company.shown("sam"))


async def test_the_private_half_of_something_asked_in_a_channel_goes_on_in_the_chat(flat: Platform) -> None:
    await flat.say("dana", "how many days of PTO do I have left?", room=CHANNEL)
    assert [reply.text for reply in flat.shown(CHANNEL)] == ["I go on with that in our own chat."]
    assert any(reply.kind is ReplyKind.RECEIPT for reply in flat.shown("dana"))
    before = (await of(flat)).conversation_id
    await flat.say("dana", "yes")
    request = await of(flat)
    home = await flat.company.app.conversations.get(request.conversation_id)
    assert (request.resolution, home is not None and home.address.room) == ("confirmed", email("dana"))
    assert request.conversation_id != before, "it has come into their own chat"
    await flat.say("dana", WISH)
    await flat.company.press("priya", "approve")
    assert last(flat).kind is ReplyKind.RECEIPT
    assert len(flat.shown(CHANNEL)) == 1


async def test_nothing_is_whispered_where_that_is_not_possible(flat: Platform) -> None:
    await flat.say("dana", WISH, room=CHANNEL)
    await flat.company.press("priya", "deny", "not this year")
    assert "not this year" not in str(flat.shown(CHANNEL, to="dana"))
    assert "not this year" in str(flat.shown("dana"))
    assert not any(reply.only_for for reply in flat.shown(CHANNEL, to="dana"))


# -- ratings -------------------------------------------------------------------------------------------------------


async def test_a_rated_answer_is_judged_as_by_its_button(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    await flat.rate("dana", last(flat), False, "The port number")
    assert await kept(flat) == [(False, "The port number")]
    assert flat.verb(last(flat).actions[0]) is Verb.WANT_PERSON
    await flat.rate("dana", flat.shown("dana")[0], True)
    assert await kept(flat) == [(True, "")]


async def test_down_again_without_a_reason_keeps_the_reason(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    answer = last(flat)
    await flat.rate("dana", answer, False, "The port number")
    await flat.rate("dana", answer, False)
    assert await kept(flat) == [(False, "The port number")]


async def test_whatever_has_no_thumbs_is_not_judged(flat: Platform) -> None:
    await flat.say("dana", "hello")
    said = flat.shown("dana")
    await flat.rate("dana", said[0], False)
    assert (await kept(flat), flat.shown("dana")) == ([], said)


async def test_in_a_channel_a_rating_by_somebody_else_is_theirs(flat: Platform) -> None:
    await flat.say("dana", QUESTION, room=CHANNEL)
    answer = flat.shown(CHANNEL)[-1]
    await flat.rate("omar", answer, True, room=CHANNEL)
    await flat.rate("dana", answer, True, room=CHANNEL)
    assert await kept(flat) == [(True, ""), (True, "")]


async def kept(flat: Platform) -> list[tuple[bool, str]]:
    return [(helpful, reason) for _, helpful, reason in await rows(flat)]
