"""A chat without threads, where several things go on at once: whose words an answer is, and that what is private stays so."""

from datetime import timedelta

import pytest

from bot.buttons import Verb
from bot.threads import OWN_CHAT_IDLE
from connectors.ports.chat import ReplyKind
from tests.scenarios.company import email
from tests.scenarios.platform import Platform
from tests.scenarios.test_flat_rooms import CHANNEL, CHAT, DESK, QUESTION, WISH, last, of
from tests.scenarios.test_forms import requests

LAPTOP = ("time for a new laptop", "the MacBook Air")


async def heard_by_sam(flat: Platform) -> list[str]:
    return [one.reply.text for one in await flat.company.shown("sam")]


async def with_sam(flat: Platform, person: str = "dana", room: str | None = None) -> None:
    await flat.say(person, "I want to talk to a person", room=room)
    await flat.company.press("sam", "claim")


async def claim(flat: Platform) -> None:
    """Grace takes what was handed to the people team last."""
    card = next(one for one in reversed(flat.shown(DESK)) if any(flat.verb(action) is Verb.CLAIM for action in one.actions))
    await flat.press("grace", flat.button(card, Verb.CLAIM), room=DESK, thread=flat.message(card))


# -- what somebody has in hand comes first -------------------------------------------------------------------------


async def test_a_press_on_an_approval_takes_nothing_from_whoever_has_the_conversation(flat: Platform) -> None:
    await with_sam(flat, "priya")
    await flat.say("dana", WISH)
    await flat.press("priya", flat.offered("priya", Verb.APPROVE))
    await flat.say("priya", "It is the blue one")
    assert "It is the blue one" in await heard_by_sam(flat)


async def test_a_receipt_of_yesterday_takes_nothing_from_whoever_has_the_conversation(flat: Platform) -> None:
    await flat.say("dana", WISH)
    await flat.company.later(hours=9)
    await with_sam(flat)
    await flat.company.press("priya", "approve")
    assert last(flat).kind is ReplyKind.RECEIPT
    await flat.say("dana", "It is the blue one")
    assert "It is the blue one" in await heard_by_sam(flat)


async def test_a_press_on_an_old_card_takes_nothing_from_whoever_has_the_conversation(flat: Platform) -> None:
    await flat.say("dana", WISH)
    cancel = flat.offered("dana", Verb.CANCEL)
    await flat.company.later(hours=9)
    await with_sam(flat)
    await flat.press("dana", cancel)
    await flat.say("dana", "It is the blue one")
    assert "It is the blue one" in await heard_by_sam(flat)


async def test_a_rating_takes_nothing_from_whoever_has_the_conversation(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    answer = last(flat)
    await flat.company.later(hours=9)
    await with_sam(flat)
    await flat.rate("dana", answer, True)
    await flat.say("dana", "It is the blue one")
    assert "It is the blue one" in await heard_by_sam(flat)


async def test_in_a_room_of_several_whoever_mentions_it_reaches_who_has_the_conversation(flat: Platform) -> None:
    await with_sam(flat, room=CHAT)
    flat.company.clock.now += timedelta(minutes=11)
    await flat.say("dana", "It is the red one", room=CHAT, addressed=False)
    await flat.say("dana", "It is the blue one", room=CHAT)
    heard = await heard_by_sam(flat)
    assert ("It is the blue one" in heard, "It is the red one" in heard) == (True, False)


# -- what was asked is answered ------------------------------------------------------------------------------------


async def test_in_a_room_of_several_what_was_asked_is_answered_by_mention_later(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma", room=CHAT)
    before = (await of(flat)).conversation_id
    flat.company.clock.now += timedelta(minutes=11)
    await flat.say("dana", "editor for 30 days", room=CHAT)
    request = await of(flat)
    assert (request.state.value, request.conversation_id) == ("awaiting_approval", before)
    assert flat.shown("dana") == []


async def test_a_decision_about_something_else_leaves_an_open_question_open(flat: Platform) -> None:
    for words in LAPTOP:
        await flat.say("priya", words)
    await flat.say("dana", WISH)
    await flat.press("priya", flat.offered("priya", Verb.APPROVE))
    await flat.say("priya", "yes")
    assert (await of(flat, "priya")).state.value not in ("gathering", "confirming")


async def test_a_receipt_in_between_is_answered_first_and_the_question_after_it(flat: Platform) -> None:
    await flat.say("dana", WISH)
    await flat.company.later(hours=9)
    for words in LAPTOP:
        await flat.say("dana", words)
    await flat.company.press("priya", "approve")
    await flat.say("dana", "yes")
    laptop, figma = await requests(flat, "dana")
    assert (laptop.state.value, figma.resolution) == ("confirming", "confirmed")
    await flat.say("dana", "yes")
    assert (await of(flat)).state.value == "awaiting_approval"


async def test_what_a_rating_asks_is_answered_by_the_next_word(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    answer = last(flat)
    await flat.company.later(hours=9)
    await flat.say("dana", "hello")
    await flat.rate("dana", answer, False)
    await flat.say("dana", "yes")
    assert last(flat).kind is ReplyKind.HANDOFF


async def test_an_offer_of_yesterday_is_not_taken_up_by_a_word_of_today(flat: Platform) -> None:
    await flat.say("dana", QUESTION)
    await flat.rate("dana", last(flat), False)
    flat.company.clock.now += OWN_CHAT_IDLE * 2
    await flat.say("dana", "yes")
    assert last(flat).kind is not ReplyKind.HANDOFF


# -- what is said in the own chat is told there --------------------------------------------------------------------


@pytest.mark.parametrize("room", [CHANNEL, CHAT])
async def test_after_a_rating_in_a_room_what_is_asked_for_alone_stays_alone(flat: Platform, room: str) -> None:
    await flat.say("dana", QUESTION, room=room)
    await flat.rate("dana", flat.shown(room)[-1], True, room=room)
    shown = flat.shown(room)
    await flat.say("dana", WISH)
    await flat.company.press("priya", "approve")
    assert (flat.shown(room), last(flat).kind) == (shown, ReplyKind.RECEIPT)


@pytest.mark.parametrize("room", [CHANNEL, CHAT])
async def test_after_a_private_half_what_staff_say_stays_alone(flat: Platform, room: str) -> None:
    await flat.say("dana", "how many days of PTO do I have left?", room=room)
    shown = flat.shown(room)
    await with_sam(flat)
    await flat.say("dana", "I am on the roof with my projector")
    assert "I am on the roof with my projector" in await heard_by_sam(flat)
    await flat.company.press("sam", "reply", "Come down with it.")
    await flat.company.press("sam", "resolve", "Projector replaced.")
    assert flat.shown(room) == shown
    assert "Projector replaced." in last(flat).text


async def test_a_receipt_of_a_channel_that_is_said_no_to_goes_on_alone(flat: Platform) -> None:
    await flat.say("dana", "how many days of PTO do I have left?", room=CHANNEL)
    shown = flat.shown(CHANNEL)
    receipt = next(reply for reply in flat.shown("dana") if reply.kind is ReplyKind.RECEIPT)
    await flat.press("dana", flat.button(receipt, Verb.NOT_SOLVED))
    await claim(flat)
    await flat.say("dana", "I had seven before")
    card = next(one for one in reversed(flat.shown(DESK)) if one.actions)
    assert "I had seven before" in str(flat.shown(DESK))
    await flat.press("grace", flat.button(card, Verb.REPLY), "Seven it is.", room=DESK, thread=flat.message(card))
    assert (last(flat).text, flat.shown(CHANNEL)) == ("Seven it is.", shown)


async def test_a_private_matter_of_a_channel_is_gone_on_with_alone(flat: Platform) -> None:
    await flat.say("dana", "my manager is sexually harassing me", room=CHANNEL)
    await flat.say("dana", "It happened in Berlin")
    shown = flat.shown(CHANNEL)
    await flat.say("grace", "hello")
    await claim(flat)
    assert ("Berlin" in str(flat.shown(DESK)), "Berlin" in str(flat.shown("grace"))) == (False, True)
    await flat.say("dana", "And again in Paris")
    assert any("Paris" in reply.text for reply in flat.shown("grace"))
    assert flat.shown(CHANNEL) == shown


async def test_what_is_asked_for_beside_a_private_matter_of_a_channel_stays_alone(flat: Platform) -> None:
    await flat.say("dana", "my manager is sexually harassing me", room=CHANNEL)
    await flat.say("dana", WISH)
    shown = flat.shown(CHANNEL)
    await flat.say("grace", "hello")
    await claim(flat)
    await flat.press("grace", flat.offered("grace", Verb.RESOLVE), "We spoke.")
    await flat.company.press("priya", "approve")
    assert (last(flat).kind, flat.shown(CHANNEL)) == (ReplyKind.RECEIPT, shown)


async def test_about_a_denial_that_was_told_alone_staff_speak_alone(flat: Platform) -> None:
    await flat.say("dana", WISH, room=CHANNEL)
    await flat.company.press("priya", "deny", "not this year")
    shown = [reply.id for reply in flat.shown(CHANNEL)]
    await flat.press("dana", flat.offered("dana", Verb.WANT_PERSON_FOR))
    await flat.company.press("sam", "claim")
    await flat.say("dana", "It is for the audit")
    assert "It is for the audit" in await heard_by_sam(flat)
    await flat.company.press("sam", "reply", "Then I ask her again.")
    assert (last(flat).text, [reply.id for reply in flat.shown(CHANNEL)]) == ("Then I ask her again.", shown)


async def test_a_question_about_a_channels_request_is_carried_into_the_own_chat(flat: Platform) -> None:
    await flat.say("dana", "I need access to Figma", room=CHANNEL)
    case = (await of(flat)).case
    shown = flat.shown(CHANNEL)
    await flat.say("dana", f"continue {case}")
    assert last(flat).kind is ReplyKind.QUESTION
    await flat.say("dana", "editor for 30 days")
    await flat.company.press("priya", "approve")
    request = await of(flat)
    home = await flat.company.app.conversations.get(request.conversation_id)
    assert (home is not None and home.address.room, flat.shown(CHANNEL)) == (email("dana"), shown)
