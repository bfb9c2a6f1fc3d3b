"""The home page tells the truth, to one person, about what is theirs."""

import pytest

from bot.buttons import Verb
from bot.front_page import _PROMPTS
from connectors.ports.chat import HOME_PAGE, OWN_CHAT, Activity, ActivityKind, Address, Reply, ReplyKind, Section
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from tests.scenarios.company import email
from tests.scenarios.platform import Platform

WISH = "I need editor access to Figma for 30 days"
GUEST = "marta@partner.example"


def part(page: Reply, title: str) -> Section | None:
    return next((one for one in page.sections if one.title == title), None)


def lines(page: Reply, title: str) -> str:
    found = part(page, title)
    return "\n".join(item.text for item in found.items) if found is not None else ""


async def test_it_follows_what_happens_after_it_was_opened(platform: Platform) -> None:
    await platform.open("dana")
    assert lines(platform.home("dana"), "My requests") == "You have no request with me yet."
    await platform.say("dana", WISH)
    assert "Priya Nair has it: asked for approval" in lines(platform.home("dana"), "My requests")
    await platform.company.press("priya", "approve")
    assert "Done" in lines(platform.home("dana"), "My requests")
    assert len([reply for reply in platform.shown("dana") if reply.kind is ReplyKind.HOME]) == 1


async def test_what_nobody_opened_is_not_drawn(platform: Platform) -> None:
    await platform.say("dana", WISH)
    assert not any(reply.kind is ReplyKind.HOME for reply in platform.shown("dana"))


async def test_opened_again_it_is_the_same_page(platform: Platform) -> None:
    await platform.open("dana")
    await platform.open("dana")
    assert len([reply for reply in platform.shown("dana") if reply.kind is ReplyKind.HOME]) == 1


async def test_each_workspace_has_its_page_and_all_of_them_follow(platform: Platform) -> None:
    sender = ExternalId(platform.channel.name, "second", email("dana"))
    await platform.open("dana")
    for _ in range(2):
        now, address = platform.company.clock(), Address(platform.channel.name, "second", email("dana"))
        opened = Activity(new_id(), ActivityKind.OPENED, address, sender, now, target=HOME_PAGE)
        await platform.company.app.inbox.record(opened)
        await platform.company.settle()
    await platform.say("dana", WISH)
    pages = [m for m in platform.channel.messages.values() if m.reply is not None and m.reply.kind is ReplyKind.HOME]
    assert [page.address.tenant for page in pages] == ["local", "second"]
    assert all("Figma" in str(page.reply) for page in pages)


async def test_it_never_shows_what_is_somebody_elses(platform: Platform) -> None:
    await platform.say("dana", WISH)
    await platform.say("omar", "my account is locked", thread="o1")
    for person in ("omar", "sam", GUEST):
        await platform.open(person)
        assert "Figma" not in str(platform.home(person))
    assert "Unlock" not in lines(await _opened(platform, "dana"), "My requests")


async def _opened(platform: Platform, person: str) -> Reply:
    await platform.open(person)
    return platform.home(person)


async def test_an_approval_is_decided_on_it_and_needs_no_message_beyond(platform: Platform) -> None:
    await platform.open("priya")
    await platform.say("dana", WISH)
    page = platform.home("priya")
    assert "Exactly: grant(" in lines(page, "Waiting for your approval")
    before = len(platform.channel.messages)
    await platform.press("priya", platform.button(page, Verb.APPROVE), thread=None)
    assert part(platform.home("priya"), "Waiting for your approval") is None
    assert [m for m in list(platform.channel.messages.values())[before:] if m.address.room == email("priya")] == []
    assert "Done" in lines(await _opened(platform, "dana"), "My requests")


async def test_a_page_that_is_behind_says_who_decided_and_is_true_again(platform: Platform) -> None:
    await platform.open("priya")
    await platform.say("dana", WISH)
    approve = platform.button(platform.home("priya"), Verb.APPROVE)
    await platform.press("priya", platform.button(platform.home("priya"), Verb.DENY), "not now", thread="card")
    await platform.press("priya", approve, thread=None)
    assert "denied that already" in platform.home("priya").text
    assert part(platform.home("priya"), "Waiting for your approval") is None
    assert "Denied by Priya Nair" in lines(await _opened(platform, "dana"), "My requests")


async def test_an_approval_copied_from_somebody_elses_page_decides_nothing(platform: Platform) -> None:
    await platform.open("priya")
    await platform.open("omar")
    await platform.say("dana", WISH)
    await platform.press("omar", platform.button(platform.home("priya"), Verb.APPROVE), thread=None)
    assert "isn't yours to decide" in platform.home("omar").text
    assert part(platform.home("priya"), "Waiting for your approval") is not None


async def test_a_denial_there_needs_its_reason(platform: Platform) -> None:
    await platform.open("priya")
    await platform.say("dana", WISH)
    deny = platform.button(platform.home("priya"), Verb.DENY)
    assert deny.needs_text == "required"
    await platform.press("priya", deny, thread=None)
    assert part(platform.home("priya"), "Waiting for your approval") is not None
    await platform.press("priya", deny, "too long", thread=None)
    assert part(platform.home("priya"), "Waiting for your approval") is None


async def test_cancelled_there_it_is_said_where_it_was_asked(platform: Platform) -> None:
    await platform.say("dana", WISH, thread="t7")
    page = await _opened(platform, "dana")
    cancel = platform.button(page, Verb.CANCEL)
    assert cancel.confirm
    await platform.press("dana", cancel, thread=None)
    assert "is cancelled" in platform.channel.shown(email("dana"), "t7")[-1].text
    assert "Cancelled." in lines(platform.home("dana"), "My requests")


async def test_show_opens_the_live_card_in_a_thread_of_its_own(platform: Platform) -> None:
    await platform.say("dana", WISH, thread="t7")
    page = await _opened(platform, "dana")
    await platform.press("dana", platform.button(page, Verb.SHOW), thread=None)
    cards = [m for m in platform.channel.messages.values() if m.reply and m.reply.kind is ReplyKind.PROGRESS]
    assert [card.address.thread == "t7" for card in cards] == [True, False]
    await platform.company.press("priya", "approve")
    texts = [m.reply.text for m in platform.channel.messages.values() if m.reply and m.reply.kind is ReplyKind.PROGRESS]
    assert all("Done" in text for text in texts)


async def test_show_of_what_waits_for_an_answer_asks_again_where_it_can_be_answered(platform: Platform) -> None:
    await platform.say("dana", "I need access to Figma", thread="t7")
    page = await _opened(platform, "dana")
    await platform.press("dana", platform.button(page, Verb.SHOW), thread=None)
    first, again = platform.channel.shown(email("dana"), "t7")
    assert (again.kind, again.text) == (ReplyKind.QUESTION, first.text)
    assert platform.button(again, Verb.FILL_FORM).opens_form


async def test_what_ended_and_is_left_out_is_counted(platform: Platform) -> None:
    for n in range(5):
        await platform.say("dana", "I need access to Figma", thread=f"t{n}")
        await platform.say("dana", "cancel", thread=f"t{n}")
    assert "And 2 more that ended." in lines(await _opened(platform, "dana"), "My requests")


async def test_show_of_somebody_elses_request_is_refused(platform: Platform) -> None:
    await platform.say("dana", WISH)
    show = platform.button(await _opened(platform, "dana"), Verb.SHOW)
    await platform.press("omar", show, thread=None)
    assert "Figma" not in str(platform.shown("omar"))
    assert any(reply.kind is ReplyKind.REFUSAL for reply in platform.shown("omar"))


async def test_a_person_is_asked_from_there_with_what_it_is_about(platform: Platform) -> None:
    page = await _opened(platform, "dana")
    await platform.press("dana", platform.button(page, Verb.WANT_PERSON), "My badge is broken", thread=None)
    assert "waits for IT support" in lines(platform.home("dana"), "My requests")
    desk = [one.reply for one in await platform.company.shown("sam") if one.reply.kind is ReplyKind.HANDOFF]
    assert "My badge is broken" in str(desk[-1])


async def test_what_is_sensitive_stays_private_from_there_too(platform: Platform) -> None:
    page = await _opened(platform, "dana")
    await platform.press("dana", platform.button(page, Verb.WANT_PERSON), "My manager is sexually harassing me", thread=None)
    assert not any("harassing" in str(one.reply) for one in await platform.company.shown("sam"))
    assert any("in private" in reply.text for reply in platform.shown("dana"))


async def test_staff_see_what_they_claimed_and_its_owner_who_has_it(platform: Platform) -> None:
    await platform.open("sam")
    await platform.say("dana", "I want to talk to a person")
    await platform.open("dana")
    assert part(platform.home("sam"), "Claimed by me") is None
    assert "Dana Whitfield" in lines(platform.home("sam"), "Waiting in my groups")
    assert "**FOY-1** A person's help. It waits for IT support" in lines(platform.home("dana"), "My requests")
    await platform.press("sam", platform.button(platform.home("sam"), Verb.CLAIM), thread=None)
    assert part(platform.home("sam"), "Waiting in my groups") is None
    assert platform.channel.shown(email("sam"), "t1") == []
    assert "Dana Whitfield. They asked for a person." in lines(platform.home("sam"), "Claimed by me")
    assert "Sam Okoye has" in lines(platform.home("dana"), "My requests")
    await platform.company.press("sam", "resolve", "Fixed.")
    assert lines(platform.home("sam"), "Claimed by me") == ""
    assert "Sam Okoye has" not in lines(platform.home("dana"), "My requests")


async def test_the_page_of_whoever_claimed_a_private_matter_does_not_tell_of_it(platform: Platform) -> None:
    await platform.open("grace")
    await platform.say("dana", "my manager is sexually harassing me")
    await platform.company.press("grace", "claim")
    assert "A private matter" in lines(platform.home("grace"), "Claimed by me")
    assert "Dana" not in lines(platform.home("grace"), "Claimed by me")


async def test_guests_get_a_page_without_anything_to_press(platform: Platform) -> None:
    page = await _opened(platform, GUEST)
    assert (page.sections, "only help employees" in page.text) == ((), True)


async def test_the_chat_begins_with_prompts_and_remembers_nothing_of_it(platform: Platform) -> None:
    await platform.open("dana", OWN_CHAT)
    (greeting,) = platform.shown("dana")
    assert (greeting.kind, len(greeting.prompts)) == (ReplyKind.GREETING, 4)
    who = await platform.company.app.people.by_email(email("dana"))
    assert who is not None
    assert await platform.company.app.requests.recent_of(who.id) == []


@pytest.mark.parametrize("key", _PROMPTS)
async def test_every_prompt_is_something_that_it_can_serve(platform: Platform, key: str) -> None:
    who = await platform.company.app.people.by_email(email("dana"))
    assert who is not None
    await platform.say("dana", platform.company.app.words(who)(f"{key}.text"))
    kinds = {reply.kind for reply in platform.shown("dana")}
    assert kinds & {ReplyKind.RECEIPT, ReplyKind.PROGRESS, ReplyKind.QUESTION} or any(reply.citations for reply in platform.shown("dana"))
    assert not any(platform.verb(action) is Verb.WANT_PERSON for reply in platform.shown("dana") for action in reply.actions)
