"""Staff and approvers in their own chat without threads: a command goes to the one handoff that is meant, or nowhere; what is only
written under a card is not taken for something else.
"""

import pytest

from bot.buttons import Verb
from connectors.ports.chat import Reply, ReplyKind
from tests.scenarios.platform import Platform
from tests.scenarios.test_flat_rooms import DESK, QUESTION, WISH, last, of
from tests.scenarios.test_flat_runs import claim

PRIVATE = "my manager is sexually harassing me"


async def with_grace(flat: Platform, *people: str) -> None:
    """Each has something private, and Grace has claimed it: the cards are in her own chat."""
    await flat.say("grace", "hello")
    for person in people:
        await flat.say(person, PRIVATE)
        await claim(flat)


def texts(replies: list[Reply]) -> list[str]:
    return [reply.text for reply in replies]


async def test_what_staff_type_as_a_command_in_their_own_chat_goes_to_their_handoff(flat: Platform) -> None:
    await with_grace(flat, "dana")
    card = last(flat, "grace")
    assert (card.kind, "harassing" in str(card)) == (ReplyKind.HANDOFF, True)
    said = await flat.say("grace", "!reply I am here for you.")
    assert last(flat).text == "I am here for you."
    await flat.edit("grace", said, "!reply I am here for you today.")
    assert "I am here for you today." in last(flat).text
    await flat.say("grace", QUESTION)
    assert last(flat, "grace").kind is ReplyKind.ANSWER, "what is no command is said to the bot"


async def test_of_several_none_is_guessed(flat: Platform) -> None:
    await with_grace(flat, "dana", "omar")
    dana, omar = flat.shown("dana"), flat.shown("omar")
    await flat.say("dana", "It happened in Berlin")
    await flat.say("grace", "!reply I have noted Berlin.")
    assert (texts(flat.shown("dana")), texts(flat.shown("omar"))) == (texts(dana), texts(omar))
    told = last(flat, "grace").text
    assert ("FOY-1" in told, "FOY-2" in told, "Nothing was sent" in told) == (True, True, True)


async def test_of_several_the_one_that_is_named_is_meant(flat: Platform) -> None:
    await with_grace(flat, "dana", "omar")
    said = await flat.say("grace", "!reply FOY-1 I have noted Berlin.")
    assert (last(flat).text, "Berlin" in str(flat.shown("omar"))) == ("I have noted Berlin.", False)
    await flat.edit("grace", said, "!reply foy-1: I have noted Munich.")
    assert "Munich" in last(flat).text
    assert "FOY-1:" not in last(flat).text
    await flat.edit("grace", said, "!reply FOY-2 I have noted Rome.")
    assert "Rome" not in str(flat.shown("dana")) + str(flat.shown("omar"))


async def test_a_case_that_is_not_theirs_is_not_answered_in_place_of_another(flat: Platform) -> None:
    await with_grace(flat, "dana")
    before = texts(flat.shown("dana"))
    await flat.say("grace", "!reply FOY-99 I am here for you.")
    assert (texts(flat.shown("dana")), "Nothing was sent" in last(flat, "grace").text) == (before, True)


async def test_what_is_left_is_meant_when_the_other_is_done(flat: Platform) -> None:
    await with_grace(flat, "dana", "omar")
    await flat.say("grace", "!resolve FOY-2 Done for Omar.")
    assert "Done for Omar." in last(flat, "omar").text
    await flat.say("grace", "!reply I am here for you.")
    assert last(flat).text == "I am here for you."


async def test_whoever_has_nothing_is_told_so_and_the_bot_hears_nothing(flat: Platform) -> None:
    await with_grace(flat, "dana")
    await flat.say("grace", "!resolve All done.")
    dana, desk = len(flat.shown("dana")), len(flat.shown(DESK))
    await flat.say("grace", f"!reply {PRIVATE}")
    assert "no case" in last(flat, "grace").text
    assert (len(flat.shown("dana")), len(flat.shown(DESK))) == (dana, desk)


async def test_a_mistyped_command_is_not_taken_as_said_to_the_bot(flat: Platform) -> None:
    await with_grace(flat, "dana")
    await flat.press("grace", flat.offered("grace", Verb.RESOLVE), "All done.")
    desk = len(flat.shown(DESK))
    await flat.say("grace", f"!replay {PRIVATE}")
    assert ("replay" in last(flat, "grace").text, len(flat.shown(DESK))) == (True, desk)


async def test_what_went_to_somebody_else_is_not_meant_any_more(flat: Platform) -> None:
    await with_grace(flat, "dana", "omar")
    await flat.say("grace", "!assign FOY-2 people-team")
    await flat.say("grace", "!reply I am here for you.")
    assert last(flat).text == "I am here for you."


# -- words under a card --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["approve", "Approved.", "I approve", "deny", "deny, too expensive", "yes", "no", "ok"])
async def test_a_decision_is_not_taken_from_words(flat: Platform, words: str) -> None:
    await flat.say("priya", "hello")
    await flat.say("dana", WISH)
    for _ in range(2):
        await flat.say("priya", words)
        assert "Press Approve or Deny" in last(flat, "priya").text
    assert (await of(flat)).state.value == "awaiting_approval"
    assert not any(reply.kind is ReplyKind.HANDOFF for reply in flat.shown("priya"))


async def test_a_yes_under_an_approval_answers_what_was_asked_before(flat: Platform) -> None:
    for words in ("time for a new laptop", "the MacBook Air"):
        await flat.say("priya", words)
    await flat.say("dana", WISH)
    assert last(flat, "priya").kind is ReplyKind.APPROVAL
    await flat.say("priya", "yes")
    assert (await of(flat, "priya")).state.value not in ("gathering", "confirming")


async def test_under_an_approval_all_else_is_said_to_the_bot(flat: Platform) -> None:
    await flat.say("priya", "hello")
    await flat.say("dana", WISH)
    await flat.say("priya", QUESTION)
    assert last(flat, "priya").kind is ReplyKind.ANSWER


async def test_what_a_claimant_writes_of_a_matter_is_not_taken_for_their_own(flat: Platform) -> None:
    await with_grace(flat, "dana")
    desk = len(flat.shown(DESK))
    for words in ("Dana told me she was harassed by her manager, I call her at 3pm", "she cries a lot", "she was harassed in Berlin"):
        await flat.say("grace", words)
        assert "!note" in last(flat, "grace").text
    assert len(flat.shown(DESK)) == desk
    who = await flat.company.app.people.by_email("grace@acme.example")
    assert who is not None
    assert await flat.company.app.handoffs.of_person(who.id) == []


async def test_a_claimant_who_wants_a_person_gets_one(flat: Platform) -> None:
    await with_grace(flat, "dana")
    await flat.say("grace", "I want to talk to a person")
    assert "FOY-2" in last(flat, "grace").text
