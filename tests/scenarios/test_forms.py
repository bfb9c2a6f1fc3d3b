"""A form saves typing, and nothing else: it shows what is missing, fills what can be read, and decides nothing."""

import pytest

from bot.buttons import Verb
from bot.forms import skill_id
from connectors.ports.chat import Action, ReplyKind
from specialists.request import Request
from tests.scenarios.company import email
from tests.scenarios.platform import SHARED, Platform

WANTED = {"application": "figma", "role": "editor", "duration": "30 days", "reason": "The launch"}


async def requests(platform: Platform, person: str) -> list[Request]:
    who = await platform.company.app.people.by_email(email(person))
    assert who is not None
    return list(await platform.company.app.requests.recent_of(who.id))


async def form(platform: Platform, person: str = "dana", surface: str = "v1") -> Action:
    """The form of what the person just asked for; its button to send it."""
    await platform.press(person, platform.offered(person, Verb.FILL_FORM), surface=surface)
    return platform.button(platform.surface(surface), Verb.SEND_FORM)


async def test_a_question_comes_with_its_form_and_the_form_with_what_is_known(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    assert platform.offered("dana", Verb.FILL_FORM).opens_form
    await form(platform)
    shown = platform.surface("v1")
    assert (shown.kind, shown.form is not None) == (ReplyKind.FORM, True)
    assert shown.form is not None
    fields = {one.name: one for one in shown.form.fields}
    assert fields["application"].value == "figma"
    assert "editor" in dict(fields["role"].choices)
    assert not fields["reason"].required


async def test_a_form_is_no_part_of_the_conversation(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    (request,) = await requests(platform, "dana")
    before = await platform.company.app.conversations.transcript(request.conversation_id)
    await form(platform)
    assert await platform.company.app.conversations.transcript(request.conversation_id) == before


async def test_a_sent_form_is_submitted_as_if_it_had_been_said(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    await platform.press("dana", await form(platform), values=WANTED, thread=None)
    (request,) = await requests(platform, "dana")
    assert {name: one.label for name, one in request.slots.items()} == {
        "application": "Figma",
        "role": "editor",
        "duration": "30 days",
        "reason": "The launch",
    }
    assert request.state.value == "awaiting_approval"
    said = await platform.company.app.conversations.transcript(request.conversation_id)
    assert "Application: Figma; Role: editor; For how long: 30 days; Reason: The launch" in [line.text for line in said]


async def test_what_cannot_be_read_is_asked_in_words_and_the_rest_is_kept(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    await platform.press("dana", await form(platform), values={**WANTED, "duration": "for ever"}, thread=None)
    (request,) = await requests(platform, "dana")
    assert set(request.slots) == {"application", "role", "reason"}
    assert "couldn't read that as a length of time" in platform.shown("dana")[-1].text
    assert platform.shown("dana")[-1].text.lower().count("for example") == 1
    await platform.say("dana", "30 days")
    assert (await requests(platform, "dana"))[0].state.value == "awaiting_approval"


async def test_what_need_not_be_given_is_asked_for_too_when_it_could_not_be_read(platform: Platform) -> None:
    await platform.say("dana", "I need new hardware")
    await platform.press("dana", await form(platform), values={"item": "macbook-pro-14", "quantity": "-2"}, thread=None)
    assert 'What shall I put for "Quantity"?' in platform.shown("dana")[-1].text
    await platform.say("dana", "two")
    (request,) = await requests(platform, "dana")
    assert request.slots["quantity"].value == 2


async def test_a_last_day_before_the_first_is_said_to_be_that(platform: Platform) -> None:
    await platform.say("dana", "I would like to request annual leave, please")
    await platform.press("dana", await form(platform), values={"start": "2026-12-21", "end": "2026-12-18"}, thread=None)
    assert "before the first one" in platform.shown("dana")[-1].text


async def test_a_form_of_what_was_cancelled_says_that_it_ended(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    await platform.say("dana", "cancel")
    await platform.press("dana", platform.offered("dana", Verb.FILL_FORM), surface="v3")
    assert "has ended already" in platform.surface("v3").text


async def test_a_forged_application_is_not_taken(platform: Platform) -> None:
    await platform.say("dana", "I need access to an application")
    await platform.press("dana", await form(platform), values={**WANTED, "application": "root-of-everything"}, thread=None)
    (request,) = await requests(platform, "dana")
    assert "application" not in request.slots
    assert request.state.value == "gathering"
    assert "don't know that application" in platform.shown("dana")[-1].text


async def test_a_form_that_somebody_else_sends_or_wants_does_nothing(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    send, fill = await form(platform), platform.offered("dana", Verb.FILL_FORM)
    await platform.press("omar", send, values=WANTED, thread=None)
    await platform.press("omar", fill, surface="v2")
    (request,) = await requests(platform, "dana")
    assert set(request.slots) == {"application"}
    assert await requests(platform, "omar") == []
    assert (platform.surface("v2").form, "isn't yours" in platform.surface("v2").text) == (None, True)


async def test_a_form_for_somebody_elses_request_shows_nothing_of_it(platform: Platform) -> None:
    await platform.say("omar", "I need access to Tableau")
    (his,) = await requests(platform, "omar")
    forged = Action(platform.company.app.buttons.id(Verb.FILL_FORM, his.id), "Fill in a form")
    await platform.press("dana", forged, surface="v1")
    assert "Tableau" not in str(platform.surface("v1"))
    sent = Action(platform.company.app.buttons.id(Verb.SEND_FORM, his.id), "Send")
    await platform.press("dana", sent, values=WANTED, thread=None)
    assert (await requests(platform, "omar"))[0].slots == his.slots


async def test_a_form_sent_after_its_request_went_off_changes_nothing(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    send = await form(platform)
    await platform.press("dana", send, values=WANTED, thread=None)
    await platform.press("dana", send, values={**WANTED, "role": "viewer"}, thread=None)
    (request,) = await requests(platform, "dana")
    assert request.slots["role"].value == "editor"
    await platform.press("dana", platform.offered("dana", Verb.FILL_FORM), surface="v2")
    assert platform.surface("v2").form is None


async def test_a_sensitive_reason_goes_to_people_and_to_nobody_else(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma")
    values = {**WANTED, "reason": "my manager is sexually harassing me"}
    await platform.press("dana", await form(platform), values=values, thread=None)
    (request,) = await requests(platform, "dana")
    assert "reason" not in request.slots
    assert "in private" in platform.shown("dana")[-1].text
    assert not any("harassing" in str(one.reply) for one in await platform.company.shown("priya"))


async def test_in_a_room_of_several_the_form_says_nothing_there(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma", room=SHARED)
    await platform.press("dana", platform.offered(SHARED, Verb.FILL_FORM), surface="v1", room=SHARED)
    assert platform.surface("v1").form is not None
    assert not any(reply.form for reply in platform.shown(SHARED))


async def test_a_channel_without_forms_asks_as_before(platform: Platform) -> None:
    await platform.company.say("dana", "I need access to Figma")
    replies = [one.reply for one in await platform.company.shown("dana")]
    assert not any(platform.verb(action) is Verb.FILL_FORM for reply in replies for action in reply.actions)


def start(platform: Platform, skill: str) -> Action:
    return Action(platform.company.app.buttons.id(Verb.START, skill_id(skill)), skill)


async def test_a_quick_start_without_slots_is_a_request(platform: Platform) -> None:
    await platform.press("dana", start(platform, "check_pto_balance"), thread=None)
    (request,) = await requests(platform, "dana")
    assert (request.skill, request.state.value) == ("check_pto_balance", "done")


async def test_a_quick_start_with_slots_is_a_form_and_keeps_nothing_until_it_is_sent(platform: Platform) -> None:
    await platform.press("dana", start(platform, "grant_access"), thread=None, surface="v1")
    assert await requests(platform, "dana") == []
    await platform.press("dana", platform.button(platform.surface("v1"), Verb.START), values=WANTED, thread=None)
    (request,) = await requests(platform, "dana")
    assert request.state.value == "awaiting_approval"


async def test_a_quick_start_without_a_surface_asks(platform: Platform) -> None:
    await platform.press("dana", start(platform, "grant_access"), thread=None)
    assert "Which application" in platform.shown("dana")[-1].text


@pytest.mark.parametrize("surface", [None, "v1"])
async def test_a_quick_start_by_somebody_who_may_not_is_refused(platform: Platform, surface: str | None) -> None:
    await platform.press("marta@partner.example", start(platform, "grant_access"), thread=None, surface=surface)
    assert any(reply.kind is ReplyKind.REFUSAL for reply in platform.shown("marta@partner.example"))
    assert not any(reply.form for reply in platform.shown("marta@partner.example"))


async def test_a_quick_start_of_no_skill_does_nothing(platform: Platform) -> None:
    await platform.press("dana", start(platform, "fire_everybody"), thread=None)
    assert await requests(platform, "dana") == []
