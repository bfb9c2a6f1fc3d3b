"""The words of a message that was not said to the bot choose nothing until somebody makes them their own."""

from dataclasses import replace
from typing import Any

import pytest

from bot.buttons import Verb
from connectors.ports.chat import Action, FileRef, Heard, Reply, ReplyKind, Shortcut
from knowledge.model import Article, ArticleState
from specialists.request import Request
from tests.scenarios.company import email
from tests.scenarios.platform import SHARED, Platform

LOCKED = "my account is locked"
GUEST = "marta@partner.example"


async def requests(platform: Platform, person: str) -> list[Request]:
    who = await platform.company.app.people.by_email(email(person))
    assert who is not None
    return list(await platform.company.app.requests.recent_of(who.id))


async def articles(platform: Platform) -> list[Article]:
    return list(await platform.company.app.library.list(state=ArticleState.DRAFT))


def value(reply: Reply, name: str) -> str:
    assert reply.form is not None
    return next(one.value for one in reply.form.fields if one.name == name)


# -- create a request ----------------------------------------------------------------------------------------------


async def test_a_request_comes_of_what_the_person_sends_not_of_what_was_written(platform: Platform) -> None:
    await platform.shortcut("dana", Shortcut.CREATE_REQUEST, platform.wrote("omar", LOCKED), "v1")
    shown = platform.surface("v1")
    assert value(shown, "text") == LOCKED
    assert "Omar wrote this" in (shown.form.text if shown.form else "")
    assert await requests(platform, "dana") == []
    submit = platform.button(shown, Verb.CREATE_REQUEST)
    await platform.press("dana", submit, values={"text": "how much PTO do I have left?"}, thread=None)
    assert [one.skill for one in await requests(platform, "dana")] == ["check_pto_balance"]
    assert await requests(platform, "omar") == []
    assert platform.shown(SHARED) == []


async def test_it_is_understood_in_a_thread_of_their_own_as_their_words(platform: Platform) -> None:
    await platform.shortcut("dana", Shortcut.CREATE_REQUEST, platform.wrote("omar", LOCKED), "v1")
    await platform.press("dana", platform.button(platform.surface("v1"), Verb.CREATE_REQUEST), values={"text": LOCKED}, thread=None)
    (request,) = await requests(platform, "dana")
    conversation = await platform.company.app.conversations.get(request.conversation_id)
    assert conversation is not None
    assert (conversation.address.room, conversation.address.thread is not None) == (email("dana"), True)
    said = await platform.company.app.conversations.transcript(conversation.id)
    assert (said[0].speaker, said[0].text) == ("person", LOCKED)


async def test_an_empty_form_is_told(platform: Platform) -> None:
    await platform.shortcut("dana", Shortcut.CREATE_REQUEST, platform.wrote("omar", LOCKED), "v1")
    await platform.press("dana", platform.button(platform.surface("v1"), Verb.CREATE_REQUEST), values={"text": " "}, thread=None)
    assert "was empty" in platform.shown("dana")[-1].text


async def test_a_secret_in_the_message_is_not_shown_again(platform: Platform) -> None:
    await platform.shortcut("dana", Shortcut.CREATE_REQUEST, platform.wrote("omar", "my password is Hunter2!xyz"), "v1")
    assert "Hunter2" not in str(platform.surface("v1"))


@pytest.mark.parametrize("which", list(Shortcut))
async def test_guests_are_refused(platform: Platform, which: Shortcut) -> None:
    await platform.shortcut(GUEST, which, platform.wrote("omar", LOCKED), "v1")
    shown = platform.surface("v1")
    assert (shown.kind, shown.form) == (ReplyKind.REFUSAL, None)
    forged = Action(platform.company.app.buttons.id(Verb.ADD_ARTICLE, "0193b1c2-0000-7000-8000-000000000001"), "Send")
    await platform.press(GUEST, forged, values={"title": "Free lunch", "text": "For all", "audience": "all"}, thread=None)
    assert await articles(platform) == []


@pytest.mark.parametrize("which", list(Shortcut))
@pytest.mark.parametrize(
    ("text", "files", "told"),
    [(None, 0, "isn't there any more"), ("  ", 0, "no words in it"), ("", 1, "only a file")],
)
async def test_a_message_without_words_is_told(platform: Platform, which: Shortcut, text: str | None, files: int, told: str) -> None:
    about: Heard | None = None
    if text is not None:
        about = replace(platform.wrote("omar", text), files=(FileRef("f1", "screen.png", "image/png", 10),) * files)
    await platform.shortcut("kim", which, about, "v1")
    assert (platform.surface("v1").form, told in platform.surface("v1").text) == (None, True)


# -- add to knowledge ----------------------------------------------------------------------------------------------

TEXT = "Hold the power button for ten seconds.\n\nThen start it again."


async def added(platform: Platform, **values: Any) -> Action:
    await platform.shortcut("kim", Shortcut.ADD_TO_KNOWLEDGE, platform.wrote("omar", TEXT), "v1")
    submit = platform.button(platform.surface("v1"), Verb.ADD_ARTICLE)
    await platform.press("kim", submit, values={"title": "A frozen laptop", "text": TEXT, "audience": "all", **values}, thread=None)
    return submit


async def test_a_message_becomes_a_draft_for_whom_was_chosen(platform: Platform) -> None:
    await added(platform, audience="country=DE")
    (draft,) = await articles(platform)
    assert (draft.title, dict(draft.audience)) == ("A frozen laptop", {"country": frozenset({"de"})})
    assert "Hold the power button" in draft.body
    assert '"A frozen laptop" is a draft now' in platform.shown("kim")[-1].text
    assert "/#/articles" in platform.shown("kim")[-1].text


async def test_a_draft_is_published_by_a_button_by_those_who_may(platform: Platform) -> None:
    await added(platform)
    publish = platform.offered("kim", Verb.PUBLISH)
    assert publish.confirm
    await platform.press("dana", publish)
    assert platform.shown("dana")[-1].kind is ReplyKind.REFUSAL
    assert [one.state.value for one in await articles(platform)] == ["draft"]
    await platform.press("kim", publish)
    assert "is published" in platform.shown("kim")[-1].text
    await platform.say("dana", "what do I do with a frozen laptop?")
    assert any("power button" in reply.text for reply in platform.shown("dana"))


async def test_nobody_is_answered_from_a_draft(platform: Platform) -> None:
    await added(platform)
    await platform.say("dana", "what do I do with a frozen laptop?")
    assert not any("power button" in reply.text for reply in platform.shown("dana"))


async def test_who_may_not_add_is_told_who_may(platform: Platform) -> None:
    await platform.shortcut("dana", Shortcut.ADD_TO_KNOWLEDGE, platform.wrote("omar", TEXT), "v1")
    shown = platform.surface("v1")
    assert (shown.kind, shown.form) == (ReplyKind.REFUSAL, None)
    assert "Kim Larsen" in shown.text


async def test_a_form_passed_on_to_somebody_who_may_not_adds_nothing(platform: Platform) -> None:
    await platform.shortcut("kim", Shortcut.ADD_TO_KNOWLEDGE, platform.wrote("omar", TEXT), "v1")
    submit = platform.button(platform.surface("v1"), Verb.ADD_ARTICLE)
    await platform.press("dana", submit, values={"title": "Free lunch", "text": "For all", "audience": "all"}, thread=None)
    assert await articles(platform) == []
    assert platform.shown("dana")[-1].kind is ReplyKind.REFUSAL


@pytest.mark.parametrize("values", [{"audience": "country=XX"}, {"audience": "salary=high"}, {"title": " "}, {"text": ""}])
async def test_a_form_with_what_cannot_be_adds_nothing_and_says_so(platform: Platform, values: dict[str, str]) -> None:
    await added(platform, **values)
    assert await articles(platform) == []
    assert platform.shown("kim")[-1].kind is ReplyKind.NOTICE


async def test_a_message_cannot_choose_its_own_audience_or_replace_an_article(platform: Platform) -> None:
    before = {article.id: article.version for article in await platform.company.app.library.list()}
    existing = next(iter(await platform.company.app.library.list()))
    await added(platform, title=existing.source.removesuffix(".md"), text=f"---\naudience: all\n---\n{TEXT}", audience="country=DE")
    (draft,) = await articles(platform)
    assert draft.id not in before
    assert dict(draft.audience) == {"country": frozenset({"de"})}


async def test_the_same_form_sent_again_is_the_same_draft(platform: Platform) -> None:
    submit = await added(platform)
    await platform.press("kim", submit, values={"title": "A frozen laptop", "text": TEXT, "audience": "all"}, thread=None)
    assert len(await articles(platform)) == 1


# -- a marked message ----------------------------------------------------------------------------------------------


async def test_ones_own_marked_message_is_as_if_said_to_the_bot_once(platform: Platform) -> None:
    heard = platform.wrote("dana", LOCKED)
    await platform.mark("dana", heard)
    await platform.mark("dana", heard)
    assert [one.skill for one in await requests(platform, "dana")] == ["unlock_account"]
    (request,) = await requests(platform, "dana")
    conversation = await platform.company.app.conversations.get(request.conversation_id)
    assert conversation is not None
    assert (conversation.address.room, conversation.address.thread) == (SHARED, "m1")


async def test_somebody_elses_message_is_only_offered_help(platform: Platform) -> None:
    await platform.mark("sam", platform.wrote("dana", LOCKED))
    (offer,) = platform.shown(SHARED)
    assert "Dana, Sam thinks that I can help here" in offer.text
    assert "an AI" in offer.text
    assert await requests(platform, "dana") == await requests(platform, "sam") == []


async def test_it_is_offered_once(platform: Platform) -> None:
    heard = platform.wrote("dana", LOCKED)
    for person in ("sam", "omar", "sam"):
        await platform.mark(person, heard)
    assert len(platform.shown(SHARED)) == 1
    await platform.press("dana", platform.offered(SHARED, Verb.LEAVE), room=SHARED, thread="m1")
    await platform.mark("sam", heard)
    assert len(platform.shown(SHARED)) == 1


async def test_the_authors_yes_makes_it_their_own_request(platform: Platform) -> None:
    await platform.mark("sam", platform.wrote("dana", LOCKED))
    join = platform.offered(SHARED, Verb.JOIN)
    await platform.press("dana", join, room=SHARED, thread="m1")
    assert [one.skill for one in await requests(platform, "dana")] == ["unlock_account"]
    offer = platform.shown(SHARED)[0]
    assert (offer.actions, "Dana asked me to help" in offer.text) == ((), True)
    await platform.press("dana", join, room=SHARED, thread="m1")
    assert len(await requests(platform, "dana")) == 1


@pytest.mark.parametrize("now", ["never mind, solved it", None])
async def test_a_yes_is_to_the_words_as_they_stand_now(platform: Platform, now: str | None) -> None:
    """They were edited, or deleted, after the message was marked."""
    await platform.mark("sam", platform.wrote("dana", LOCKED))
    platform.channel.heard = [] if now is None else [platform.wrote("dana", now)]
    await platform.press("dana", platform.offered(SHARED, Verb.JOIN), room=SHARED, thread="m1")
    assert await requests(platform, "dana") == []


@pytest.mark.parametrize("somebody", ["sam", "omar"])
async def test_nobody_but_the_author_says_yes_or_no(platform: Platform, somebody: str) -> None:
    await platform.mark("sam", platform.wrote("dana", LOCKED))
    for verb in (Verb.JOIN, Verb.LEAVE):
        await platform.press(somebody, platform.offered(SHARED, verb), room=SHARED, thread="m1")
    assert await requests(platform, "dana") == await requests(platform, somebody) == []
    assert len(platform.shown(SHARED)[0].actions) == 2


async def test_a_no_leaves_it(platform: Platform) -> None:
    await platform.mark("sam", platform.wrote("dana", LOCKED))
    await platform.press("dana", platform.offered(SHARED, Verb.LEAVE), room=SHARED, thread="m1")
    (offer,) = platform.shown(SHARED)
    assert (offer.actions, offer.text) == ((), "All right, I leave it.")
    assert await requests(platform, "dana") == []


async def test_a_guests_or_a_strangers_message_is_left_alone(platform: Platform) -> None:
    await platform.mark("sam", platform.wrote(GUEST, LOCKED))
    await platform.mark("sam", replace(platform.wrote("dana", LOCKED, "m2"), author=None))
    await platform.mark("sam", platform.wrote("nobody@elsewhere.example", LOCKED, "m3"))
    assert platform.shown(SHARED) == []
    assert [bool(reply.actions) for reply in platform.shown(SHARED, to="sam")] == [False, False, False]


async def test_a_guest_marks_nothing(platform: Platform) -> None:
    await platform.mark(GUEST, platform.wrote("dana", LOCKED))
    assert platform.shown(SHARED) == []
    assert [reply.kind for reply in platform.shown(SHARED, to=GUEST)] == [ReplyKind.REFUSAL]
