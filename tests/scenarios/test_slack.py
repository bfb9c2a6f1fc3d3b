"""Slack as people use it, against the whole bot: what employees, approvers and staff see where."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.slack.state import FakeFile
from tests.scenarios.slack import DESK, GENERAL, HELP, PEOPLE, QUIET, OnSlack

CARRY_OVER = "how many days of PTO do I carry over?"


@pytest.fixture
async def slack(template: Path, tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with OnSlack.open(tmp_path / "home", template) as opened:
        yield opened
        assert opened.fake.refusals == []


async def test_every_message_in_a_direct_chat_is_a_conversation_of_its_own(slack: OnSlack) -> None:
    first, second = await slack.say("dana", CARRY_OVER), await slack.say("dana", "my account is locked")
    (answer,) = slack.by_bot("dana", first)
    assert "5 days" in slack.fake.text_of(answer)
    assert any("unlocked" in said.lower() for said in slack.told("dana", second))
    assert await slack.say("dana", "and what about next year?", thread=first)


async def test_a_mention_is_answered_in_the_thread_and_goes_on_without_one(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need access to Figma", room=GENERAL, mention=True)
    assert len(slack.told(GENERAL, asked)) == 1
    await slack.say("dana", "editor", room=GENERAL, thread=asked)
    await slack.say("dana", "30 days", room=GENERAL, thread=asked)
    assert any("Priya Nair" in said for said in slack.told(GENERAL, asked))
    (approval,) = [message for message in slack.by_bot("priya") if "Figma" in slack.fake.text_of(message)]
    await slack.press("priya", approval, "Approve")
    await slack.submit("priya", {"Reason": "for the launch"})
    assert "Approve" not in [label for label, _, _ in slack.fake.buttons_of(slack.by_bot("priya")[0])]
    assert any("ends by itself" in said for said in slack.told(GENERAL, asked))


async def test_nobody_else_is_answered_in_the_thread_of_one(slack: OnSlack) -> None:
    asked = await slack.say("dana", CARRY_OVER, room=GENERAL, mention=True)
    before = slack.told(GENERAL)
    await slack.say("omar", "how many days of PTO do I get?", room=GENERAL, thread=asked)
    await slack.say("omar", "how many days of PTO do I get?", room=GENERAL)
    assert slack.told(GENERAL) == before


async def test_an_answer_that_not_everybody_may_read_is_shown_to_the_asker_alone(slack: OnSlack) -> None:
    asked = await slack.say("dana", CARRY_OVER, room=GENERAL, mention=True)
    assert slack.told(GENERAL, asked) == []
    assert any("5 days" in said for said in slack.privately("dana"))
    assert slack.privately("omar") == []


async def test_time_off_is_nobody_elses_business(slack: OnSlack) -> None:
    asked = await slack.say("dana", "how much PTO do I have left?", room=GENERAL, mention=True)
    assert slack.told(GENERAL, asked) == []
    assert any("days" in said for said in slack.told("dana"))


async def test_rooms_have_modes(slack: OnSlack) -> None:
    answered = await slack.say("omar", "how do I connect to the VPN?", room=HELP)
    assert len(slack.told(HELP, answered)) == 1
    ignored = await slack.say("omar", "lunch at the usual place?", room=HELP)
    assert slack.told(HELP, ignored) == []
    wish = await slack.say("omar", "please unlock my account", room=HELP)
    assert slack.told(HELP, wish) == []
    off = await slack.say("omar", "how do I connect to the VPN?", room=QUIET, mention=True)
    assert slack.told(QUIET, off) == []
    assert any("switched off" in said for said in slack.privately("omar"))


async def test_called_into_a_thread_it_knows_what_was_said_there(slack: OnSlack) -> None:
    began = await slack.say("dana", "my account is locked, I cannot get in", room=GENERAL)
    await slack.say("omar", "maybe ask Foyer?", room=GENERAL, thread=began)
    await slack.say("dana", "can you help?", room=GENERAL, thread=began, mention=True)
    assert any("unlocked" in said.lower() for said in slack.told(GENERAL, began))


async def test_what_others_said_chooses_nothing(slack: OnSlack) -> None:
    began = await slack.say("omar", "please unlock my account", room=GENERAL)
    await slack.say("dana", "can you help?", room=GENERAL, thread=began, mention=True)
    assert not any("unlocked" in said.lower() for said in slack.told(GENERAL, began))


async def test_an_edited_question_is_answered_anew(slack: OnSlack) -> None:
    asked = await slack.say("dana", "how do I print?")
    before = len(slack.told("dana", asked))
    await slack.fake.edit(PEOPLE["dana"][0], asked, CARRY_OVER)
    await slack.settle()
    assert len(slack.told("dana", asked)) == before + 1
    assert "5 days" in slack.told("dana", asked)[-1]


async def test_an_edit_that_comes_first_is_the_message(slack: OnSlack) -> None:
    slack.fake.holding = True
    asked = await slack.fake.say(PEOPLE["dana"][0], "hwo many days")
    await slack.fake.edit(PEOPLE["dana"][0], asked, CARRY_OVER)
    slack.fake.holding = False
    for event in reversed(slack.fake.held):
        await slack.fake.deliver(event)
        await slack.settle()
    assert len(slack.told("dana", asked)) == 1
    assert "5 days" in slack.told("dana", asked)[0]


async def test_a_deleted_wish_is_dropped_while_it_can_be(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need access to Figma")
    await slack.fake.delete(PEOPLE["dana"][0], asked)
    await slack.settle()
    assert "dropped" in slack.told("dana", asked)[-1]


async def test_a_deleted_wish_that_is_under_way_is_spoken_of(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need editor access to Figma for 30 days")
    await slack.say("dana", "thanks", thread=asked)
    await slack.fake.delete(PEOPLE["dana"][0], asked)
    await slack.settle()
    said = slack.by_bot("dana", asked)[-1]
    assert "under way" in slack.fake.text_of(said)
    assert "Cancel" in [label for label, _, _ in slack.fake.buttons_of(said)]


async def test_only_a_file_that_cannot_be_taken_is_told_as_that(slack: OnSlack) -> None:
    alone = await slack.say("dana", "", files=[FakeFile("virus.exe", b"MZ", "application/x-msdownload")])
    (told,) = slack.told("dana", alone)
    assert "virus.exe" in told
    asked = await slack.say("dana", CARRY_OVER, files=[FakeFile("virus.exe", b"MZ", "application/x-msdownload")])
    assert ["virus.exe" in said for said in slack.told("dana", asked)] == [False, True]


async def test_the_emoji_on_what_was_said_to_the_bot_offers_nothing(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need access to Figma", room=GENERAL, mention=True)
    before = slack.told(GENERAL, asked)
    await slack.fake.react(PEOPLE["sam"][0], "ticket", asked, room=GENERAL)
    await slack.settle()
    assert slack.told(GENERAL, asked) == before


async def test_stop_is_respected(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need access to Figma")
    await slack.fake.stop(PEOPLE["dana"][0], asked)
    await slack.settle()
    assert "I stopped" in slack.told("dana", asked)[-1]
    await slack.say("dana", "editor", thread=asked)
    assert not any("30 days" in said for said in slack.told("dana", asked))


async def test_guests_and_strangers_are_refused_politely(slack: OnSlack) -> None:
    fake = slack.fake
    fake.add_user("U0GUEST", "Gus", "gus@partner.example", restricted=True)
    fake.add_user("U0STRANGER", "Stan", "stan@other.example", stranger=True, team="T0OTHER")
    for user in ("U0GUEST", "U0STRANGER"):
        fake.add_room("C0" + user, user.lower(), [user])
        ts = await fake.say(user, CARRY_OVER, room="C0" + user, mention=True)
        await slack.settle()
        assert fake.messages("C0" + user, ts)[1:] == []
        assert len(fake.ephemeral(user)) == 1
        assert "PTO" not in fake.text_of(fake.ephemeral(user)[0])


async def test_the_desk_works_in_its_room(slack: OnSlack) -> None:
    asked = await slack.say("dana", "my screen is broken, I want a person", files=[FakeFile("screen.png", b"\x89PNG", "image/png")])
    card = slack.by_bot(DESK)[0]
    assert "Dana Whitfield" in slack.fake.text_of(card)
    assert any("screen.png" in str(message.files) for message in slack.by_bot(DESK))
    await slack.press("sam", card, "Claim", room=DESK)
    await slack.say("sam", "she has an old docking station", room=DESK, thread=card.ts)
    assert not any("docking" in said for said in slack.told("dana"))
    await slack.press("sam", slack.by_bot(DESK)[0], "Reply to employee", room=DESK)
    await slack.submit("sam", {"What the employee will read": "A new one is on its way."})
    assert "A new one is on its way." in slack.told("dana", asked)[-1]
    reply = slack.by_bot("dana", asked)[-1]
    assert (reply.username, reply.icon_url) == ("Sam Okoye", "https://avatars.example/sam.png")
    told = await slack.say("dana", "thank you, when?", thread=asked)
    assert any("thank you, when?" in said for said in slack.told(DESK, card.ts))
    await slack.fake.edit(PEOPLE["dana"][0], told, "thank you, today?")
    await slack.settle()
    assert any("thank you, today?" in said for said in slack.told(DESK, card.ts))
    await slack.say("sam", "!reply Tomorrow.", room=DESK, thread=card.ts)
    assert "Tomorrow." in slack.told("dana", asked)[-1]
    await slack.press("sam", slack.by_bot(DESK)[0], "Resolve", room=DESK)
    await slack.submit("sam", {"What you did; the employee reads it": "New screen ordered"})
    assert "New screen ordered" in slack.told("dana", asked)[-1]
    assert not any("docking" in said for said in slack.told("dana"))


async def test_the_home_page_a_form_and_a_shortcut(slack: OnSlack) -> None:
    dana = PEOPLE["dana"][0]
    await slack.fake.open_home(dana)
    await slack.settle()
    assert slack.fake.home(dana) is not None
    await slack.fake.press_home(dana, "Access to an application")
    await slack.settle()
    assert slack.fake.modal(dana) is not None
    await slack.submit("dana", {"Application": "figma", "Role": "editor", "For how long": "30 days"})
    assert "Figma" in slack.fake.text_of(slack.fake.home(dana) or {})
    said = await slack.say("omar", "my VPN drops every five minutes", room=GENERAL)
    await slack.fake.shortcut(PEOPLE["omar"][0], "create_request", said, room=GENERAL)
    await slack.settle()
    await slack.submit("omar", {"What do you need?": "my VPN drops every five minutes"})
    assert any("VPN" in told for told in slack.told("omar"))


async def test_an_emoji_makes_a_request_with_the_authors_yes(slack: OnSlack) -> None:
    said = await slack.say("dana", "my account is locked", room=GENERAL)
    await slack.fake.react(PEOPLE["sam"][0], "ticket", said, room=GENERAL)
    await slack.settle()
    (offer,) = slack.by_bot(GENERAL, said)
    await slack.press("omar", offer, "Yes, please", room=GENERAL)
    assert not any("unlocked" in told.lower() for told in slack.told(GENERAL, said))
    await slack.press("dana", offer, "Yes, please", room=GENERAL)
    assert any("unlocked" in told.lower() for told in slack.told(GENERAL, said))


async def test_a_command_begins_a_thread(slack: OnSlack) -> None:
    await slack.fake.command(PEOPLE["dana"][0], "/foyer", "unlock my account")
    await slack.settle()
    root = slack.by_bot("dana")[0]
    assert "unlock my account" in slack.fake.text_of(root)
    assert any("unlocked" in said.lower() for said in slack.told("dana", root.ts)[1:])


async def test_a_private_matter_goes_on_in_ones_own_chat(slack: OnSlack) -> None:
    """What staff answer about it stands there, and what is said below it reaches them."""
    await slack.say("dana", "my manager harasses me", room=GENERAL, mention=True)
    assert not any("harass" in said.lower() for said in slack.told(GENERAL))
    company = slack.company
    await company.press("tomas", "claim")
    await company.press("tomas", "reply", "I am here for you. When can we talk?")
    (reply,) = [message for message in slack.by_bot("dana") if "When can we talk?" in slack.fake.text_of(message)]
    await slack.say("dana", "tomorrow at nine", thread=reply.ts)
    assert any("tomorrow at nine" in one.reply.text for one in await company.shown("tomas"))
    assert not any("nine" in said for said in slack.told(GENERAL))


async def test_a_message_that_is_deleted_before_it_comes_is_nothing_to_act_on(slack: OnSlack) -> None:
    slack.fake.holding = True
    asked = await slack.fake.say(PEOPLE["dana"][0], "I need editor access to Figma for 30 days")
    await slack.fake.delete(PEOPLE["dana"][0], asked)
    slack.fake.holding = False
    for event in reversed(slack.fake.held):
        await slack.fake.deliver(event)
        await slack.settle()
    assert slack.told("priya") == []


async def test_words_to_somebody_else_are_theirs(slack: OnSlack) -> None:
    asked = await slack.say("dana", "how do I connect to the VPN?", room=GENERAL, mention=True)
    before = slack.told(GENERAL, asked)
    await slack.say("dana", f"<@{PEOPLE['omar'][0]}> can you unlock my account?", room=GENERAL, thread=asked)
    assert slack.told(GENERAL, asked) == before


async def test_nobody_stops_what_is_said_to_somebody_else(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need access to Figma", room=GENERAL, mention=True)
    before = slack.told(GENERAL, asked)
    await slack.fake.stop(PEOPLE["omar"][0], asked, room=GENERAL)
    await slack.settle()
    assert slack.told(GENERAL, asked) == before
