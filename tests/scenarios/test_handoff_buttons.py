"""Buttons about persons and choices mean what they stood under, and nothing else."""

import pytest

from bot.buttons import Verb
from bot.conversation.model import AwaitsChoice
from connectors.ports.chat import Address
from connectors.ports.people import ExternalId, Person
from connectors.ports.records import new_id
from tests.scenarios.company import Company, email
from tests.scenarios.test_handoff_privacy import handoff, room

ASKED = AwaitsChoice(("unlock_account", "grant_access"), "I need editor access to Figma for 30 days")


async def asked(company: Company, *choices: AwaitsChoice) -> None:
    """As if these choices had been offered to Dana, the last one now."""
    person = await company.app.people.resolve(ExternalId("web", "local", email("dana")))
    assert isinstance(person, Person)
    for choice in choices:
        conversation = await company.app.conversations.load(Address("web", "local", email("dana"), "with-dana"), person.id, company.clock())
        async with company.app.sessions.begin() as session:
            await company.app.conversations.save(session, conversation.asking(choice))


def button(company: Company, verb: Verb, choice: AwaitsChoice) -> str:
    return company.app.buttons.id(verb, choice.id)


async def test_a_choice_keeps_what_was_said(company: Company) -> None:
    await asked(company, ASKED)
    await company.press_id("dana", button(company, Verb.CHOOSE_SECOND, ASKED))
    (approval,) = [one for one in await company.news("priya") if one.reply.kind.value == "approval"]
    shown = " ".join(field.value for field in approval.reply.fields)
    assert "Figma" in shown
    assert "editor" in shown


async def test_a_choice_keeps_whom_it_is_for(company: Company) -> None:
    choice = AwaitsChoice(("unlock_account", "reset_password"), "reset Omar's password")
    await asked(company, choice)
    await company.press_id("dana", button(company, Verb.CHOOSE_SECOND, choice))
    assert any("only do that for you" in one.reply.text for one in await company.news("dana"))


@pytest.mark.parametrize("verb", [Verb.CHOOSE_FIRST, Verb.CHOOSE_SECOND])
async def test_an_older_choice_is_over(company: Company, verb: Verb) -> None:
    older = AwaitsChoice(("unlock_account", "reset_password"), "sign-in", new_id())
    await asked(company, older, ASKED)
    await company.press_id("dana", button(company, verb, older))
    (said,) = await company.news("dana")
    assert "That choice is over" in said.reply.text


async def test_a_person_is_asked_about_the_cards_own_request(company: Company) -> None:
    await company.say("dana", "I need editor access to Figma for 30 days")
    first, address, action = await company.offered("dana", "person-for")
    await company.say("dana", "how much PTO do I have left?")
    await company.press_id("dana", action, thread=address.thread)
    case = await handoff(company, "dana")
    assert case.request_id is not None
    request = await company.app.requests.get(case.request_id)
    assert request is not None
    assert first.request is not None
    assert request.case == first.request.case
    await company.news("omar")
    await company.press_id("omar", action)
    assert "isn't yours" in (await company.news("omar"))[-1].reply.text


async def test_a_person_asked_for_after_an_answer_is_not_about_the_last_request(company: Company) -> None:
    await company.say("dana", "how much PTO do I have left?")
    await company.say("dana", "what is the airspeed velocity of an unladen swallow?")
    await company.press("dana", "person")
    case = await handoff(company, "dana")
    assert (case.request_id, case.assignment_group) == (None, "it-support")
    assert "PTO balance" in await room(company, "sam", "it-support")


async def test_while_a_person_has_it_buttons_do_not_speak_for_the_bot(company: Company) -> None:
    await company.say("dana", "I need editor access to Figma for 30 days")
    _, address, action = await company.offered("dana", "person-for")
    await company.say("dana", "I want to talk to a person")
    await company.press("sam", "claim")
    assert any("already under way" in one.reply.text for one in await company.news("dana"))
    await asked(company, ASKED)
    for pressed in (action, button(company, Verb.CHOOSE_SECOND, ASKED)):
        await company.press_id("dana", pressed, thread=address.thread)
        assert [one.reply.text.split(" (")[0] for one in await company.news("dana")] == ["Sam Okoye has your conversation now"]
