"""Teams as people use it, against the whole bot: what employees, approvers and staff see where."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.teams import FakeFile, Shown
from tests.fakes.teams.cards import actions
from tests.fakes.teams.rules import MESSAGE
from tests.scenarios.teams import DESK, GENERAL, GROUP, HELP, QUIET, OnTeams

CARRY_OVER = "how many days of PTO do I carry over?"
PNG = b"\x89PNG\r\n\x1a\n"
FIGMA = "I need editor access to Figma for 30 days"


@pytest.fixture
async def teams(template: Path, tmp_path: Path) -> AsyncIterator[OnTeams]:
    async with OnTeams.open(tmp_path / "home", template) as opened:
        yield opened
        assert opened.fake.refusals == []


async def approval(teams: OnTeams, text: str = FIGMA) -> Shown:
    """What Priya is asked, after Dana asked for it."""
    await teams.say("dana", text)
    return teams.card("priya", "Approve")


async def test_an_answer_streams_in_with_its_sources_its_label_and_thumbs(teams: OnTeams) -> None:
    await teams.say("dana", CARRY_OVER)
    (answer,) = teams.by_bot("dana")
    assert "5 days" in answer.text
    (label,) = [entity for entity in answer.entities if entity["type"] == MESSAGE]
    assert label["additionalType"] == ["AIGeneratedContent"]
    assert label["citation"][0]["appearance"]["name"]
    assert answer.channel_data["feedbackLoop"] == {"type": "default"}
    assert answer.id in teams.fake.streams


async def test_a_thumb_down_with_a_reason_is_kept(teams: OnTeams) -> None:
    await teams.say("dana", CARRY_OVER)
    (answer,) = teams.by_bot("dana")
    assert await teams.done(teams.fake.rate("dana", answer, "dislike", "it is seven")) == {}
    assert len(teams.told("dana")) > 1


async def test_installing_greets_once_and_says_that_it_is_an_ai(teams: OnTeams) -> None:
    await teams.fake.install("vic")
    await teams.settle()
    (greeting,) = teams.by_bot("vic")
    assert "an AI" in teams.fake.words(greeting)
    await teams.press("vic", greeting, "Connect to the VPN")
    assert any("Acme Connect" in said for said in teams.told("vic"))


async def test_a_room_is_greeted_once_and_an_upgrade_greets_nobody(teams: OnTeams) -> None:
    teams.fake.add_channel("news", "News", teams.fake.add_team("new", "New", {"dana", "vic"}))
    for place in (GROUP, "news"):
        await teams.done(teams.fake.install(place))
        (hello,) = teams.by_bot(place)
        teams.company.clock.now += timedelta(hours=2)
        await teams.done(teams.fake.upgrade(place))
        assert teams.by_bot(place) == [hello]


async def test_a_mention_is_answered_in_the_thread_and_goes_on_without_one(teams: OnTeams) -> None:
    asked = await teams.say("dana", "I need access to Figma", room=GENERAL, mention=True)
    assert len(teams.told(GENERAL, asked)) == 1
    await teams.say("dana", "editor", room=GENERAL, thread=asked)
    await teams.say("dana", "30 days", room=GENERAL, thread=asked)
    assert any("Priya Nair" in said for said in teams.told(GENERAL, asked))
    waiting = teams.card("priya", "Approve")
    await teams.press("priya", waiting, "Approve", {"Reason": "for the launch"})
    assert any("ends by itself" in said for said in teams.told(GENERAL, asked))


async def test_a_group_chat_is_answered_where_it_was_asked(teams: OnTeams) -> None:
    await teams.done(teams.fake.install(GROUP))
    before = len(teams.told(GROUP))
    await teams.say("dana", "how do I connect to the VPN?", room=GROUP, mention=True)
    assert any("Acme Connect" in said for said in teams.told(GROUP)[before:])
    said = teams.told(GROUP)
    await teams.say("omar", "how do I connect to the VPN?", room=GROUP)
    assert teams.told(GROUP) == said


async def test_a_manager_approves_on_the_card_and_the_card_locks(teams: OnTeams) -> None:
    waiting = await approval(teams)
    answer = await teams.press("priya", waiting, "Approve", {"Reason": "for the launch"})
    assert answer["statusCode"] == 200
    assert "Approve" not in teams.fake.labels(waiting)
    assert "Approve" not in teams.fake.labels(waiting, "priya")
    assert any("ends by itself" in said for said in teams.told("dana"))


async def test_an_old_client_approves_too(teams: OnTeams) -> None:
    waiting = await approval(teams)
    await teams.done(teams.fake.submit("priya", waiting, "Approve", {"Reason": "for the launch"}))
    assert "Approve" not in teams.fake.labels(waiting)
    assert any("ends by itself" in said for said in teams.told("dana"))


async def test_a_denial_says_why_to_who_asked(teams: OnTeams) -> None:
    waiting = await approval(teams)
    with pytest.raises(AssertionError, match="required"):
        await teams.fake.press("priya", waiting, "Deny")
    await teams.press("priya", waiting, "Deny", {"Reason": "the budget is spent"})
    assert any("the budget is spent" in said for said in teams.told("dana"))
    assert "Deny" not in teams.fake.labels(waiting)


async def test_a_press_on_a_card_that_changed_decides_nothing_again(teams: OnTeams) -> None:
    waiting = await approval(teams)
    card = waiting.card
    assert card is not None
    await teams.press("priya", waiting, "Approve", {"Reason": "for the launch"})
    before = teams.told("dana")
    await teams.done(teams.fake.press_stale("priya", waiting, card, "Deny", {"Reason": "no"}))
    assert teams.told("dana") == before


async def test_nobody_else_approves(teams: OnTeams) -> None:
    waiting = await approval(teams)
    stolen = teams.fake.put(Shown("1", teams.fake.room("omar"), waiting.at, card=waiting.card))
    await teams.press("omar", stolen, "Approve", {"Reason": "why not"})
    assert "Approve" in teams.fake.labels(waiting)
    assert not any("ends by itself" in said for said in teams.told("dana"))


async def test_a_form_is_filled_in(teams: OnTeams) -> None:
    await teams.say("dana", "I need access to Figma")
    asked = next(message for message in teams.by_bot("dana") if any(_opens_form(message, label) for label in teams.fake.labels(message)))
    label = next(label for label in teams.fake.labels(asked) if _opens_form(asked, label))
    opened = await teams.done(teams.fake.fetch_task("dana", asked, label))
    await teams.done(teams.fake.send_task("dana", opened, {"Role": "editor", "For how long": "30 days"}))
    assert any("Priya Nair" in said for said in teams.told("dana"))


def _opens_form(message: Shown, label: str) -> bool:
    found = [action for action, _ in actions(message.card or {}) if action.get("title") == label]
    return any((action.get("data") or {}).get("msteams", {}).get("type") == "task/fetch" for action in found)


async def test_the_desk_works_in_its_channel(teams: OnTeams) -> None:
    await teams.say("dana", "my screen is broken, I want a person", files=[FakeFile("screen.png", b"\x89PNG", "image/png")])
    card = teams.card(DESK, "Claim")
    assert "Dana Whitfield" in teams.fake.words(card)
    await teams.press("sam", card, "Claim")
    await teams.say("sam", "she has an old docking station", room=DESK, thread=card.id)
    assert not any("docking" in said for said in teams.told("dana"))
    await teams.press(
        "sam", teams.card(DESK, "Reply to employee"), "Reply to employee", {"What the employee will read": "It is on its way."}
    )
    relayed = next(message for message in teams.by_bot("dana") if "It is on its way." in teams.fake.words(message))
    assert "Sam Okoye" in teams.fake.words(relayed)
    assert MESSAGE not in [entity["type"] for entity in relayed.entities]
    told = await teams.say("dana", "thank you, when?")
    assert any("thank you, when?" in said for said in teams.told(DESK, card.id))
    await teams.done(teams.fake.edit("dana", told, "thank you, today?"))
    assert any("thank you, today?" in said for said in teams.told(DESK, card.id))
    await teams.say("sam", "!reply Tomorrow.", room=DESK, thread=card.id)
    assert any("Tomorrow." in said for said in teams.told("dana"))
    await teams.press("sam", teams.card(DESK, "Resolve"), "Resolve", {"What you did; the employee reads it": "New screen ordered"})
    assert any("New screen ordered" in said for said in teams.told("dana"))
    assert not any("docking" in said for said in teams.told("dana"))


async def test_a_handoff_is_given_back(teams: OnTeams) -> None:
    await teams.say("dana", "my screen is broken, I want a person")
    await teams.press("sam", teams.card(DESK, "Claim"), "Claim")
    label = next(label for label in teams.fake.labels(teams.card(DESK, "Resolve")) if "Return" in label or "back" in label)
    await teams.press("sam", teams.card(DESK, label), label)
    await teams.say("dana", CARRY_OVER)
    assert any("5 days" in said for said in teams.told("dana"))


async def test_without_consent_the_desk_replies_by_the_button(template: Path, tmp_path: Path) -> None:
    async with OnTeams.open(tmp_path / "home", template, consent=False) as teams:
        await teams.say("dana", "my screen is broken, I want a person")
        card = teams.card(DESK, "Claim")
        await teams.press("sam", card, "Claim")
        await teams.say("sam", "!reply Tomorrow.", room=DESK, thread=card.id)
        assert not any("Tomorrow." in said for said in teams.told("dana"))
        await teams.press("sam", teams.card(DESK, "Reply to employee"), "Reply to employee", {"What the employee will read": "Tomorrow."})
        assert any("Tomorrow." in said for said in teams.told("dana"))
        assert teams.fake.refusals == []


@pytest.mark.parametrize("consent", [False, True])
async def test_staff_read_where_they_are_not_heard(template: Path, tmp_path: Path, consent: bool) -> None:
    async with OnTeams.open(tmp_path / "home", template, consent=consent) as teams:
        if consent:
            teams.fake.consent_to(DESK)
        await teams.say("dana", "my screen is broken, I want a person")
        card = teams.card(DESK, "Claim")
        assert ("does not hear this room" in teams.fake.words(card)) is not consent
        asked = len(teams.fake.refusals)
        await teams.press("sam", card, "Claim")
        assert ("does not hear this room" in teams.told(DESK, card.id)[-1]) is not consent
        assert len(teams.fake.refusals) == asked


async def test_without_consent_the_desk_replies_by_what_it_says_to_the_bot(template: Path, tmp_path: Path) -> None:
    async with OnTeams.open(tmp_path / "home", template, consent=False) as teams:
        await teams.say("dana", "my screen is broken, I want a person")
        card = teams.card(DESK, "Claim")
        await teams.press("sam", card, "Claim")
        await teams.say("sam", "!reply Tomorrow.", room=DESK, thread=card.id, mention=True)
        assert any("Tomorrow." in said for said in teams.told("dana"))
        assert teams.fake.refusals == []


async def test_an_activity_that_is_sent_again_is_handled_once(teams: OnTeams) -> None:
    await teams.say("dana", "my account is locked")
    before = teams.told("dana")
    sent = [one for one in teams.fake.deliveries if one.payload.get("text") == "my account is locked"]
    assert (await teams.done(teams.fake.resend(sent[-1]))).acked
    assert teams.told("dana") == before


async def test_a_lost_answer_is_not_said_twice(teams: OnTeams) -> None:
    teams.fake.fail("stream_final", status=502, apply_first=True)
    await teams.say("dana", CARRY_OVER)
    assert len(teams.told("dana")) == 1
    teams.fake.fail("send", status=502, apply_first=True)
    asked = await teams.say("omar", "how do I connect to the VPN?", room=GENERAL, mention=True)
    assert len(teams.told(GENERAL, asked)) == 1


async def test_what_teams_throttles_comes_later(teams: OnTeams) -> None:
    teams.fake.fail("stream_start", times=2, status=429, retry_after=1)
    teams.fake.fail("stream_final", status=412)
    await teams.say("dana", CARRY_OVER)
    assert len(teams.told("dana")) == 1


async def test_whoever_is_throttled_holds_up_nobody_else(teams: OnTeams) -> None:
    teams.fake.fail("stream_start", retry_after=600, room="dana")
    await teams.during(teams.fake.say("dana", CARRY_OVER))
    await teams.during(teams.fake.say("omar", CARRY_OVER))
    await teams.until(lambda: bool(teams.told("omar")), seconds=60)
    assert teams.told("dana") == []
    await teams.company.later(seconds=600)
    assert len(teams.told("dana")) == 1


async def test_an_edited_question_is_answered_anew(teams: OnTeams) -> None:
    asked = await teams.say("dana", "how do I print?")
    before = len(teams.told("dana"))
    await teams.done(teams.fake.edit("dana", asked, CARRY_OVER))
    assert len(teams.told("dana")) == before + 1
    assert "5 days" in teams.told("dana")[-1]


async def test_an_edit_that_comes_first_is_the_message(teams: OnTeams) -> None:
    teams.fake.holding = True
    asked = await teams.fake.say("dana", "hwo many days")
    await teams.fake.edit("dana", asked, CARRY_OVER)
    teams.fake.holding = False
    for payload in reversed(teams.fake.held):
        await teams.done(teams.fake.deliver(payload))
    assert len(teams.told("dana")) == 1
    assert "5 days" in teams.told("dana")[0]


async def test_a_deleted_wish_is_dropped_while_it_can_be(teams: OnTeams) -> None:
    asked = await teams.say("dana", "I need access to Figma")
    await teams.done(teams.fake.delete("dana", asked))
    assert any("dropped" in said for said in teams.told("dana"))


async def test_only_a_file_that_cannot_be_taken_is_told_as_that(teams: OnTeams) -> None:
    await teams.say("dana", "", files=[FakeFile("virus.exe", b"MZ", "application/x-msdownload")])
    (told,) = teams.told("dana")
    assert "virus.exe" in told


async def test_files_come_along_to_whoever_helps(template: Path, tmp_path: Path) -> None:
    async with OnTeams.open(tmp_path / "home", template, local=True, desks=()) as teams:
        files = [FakeFile("screen.png", PNG, "image/png"), FakeFile("pasted.png", PNG, "image/png", inline=True)]
        await teams.say("dana", "my screen is broken, I want a person", files=files)
        (card,) = await teams.company.shown("sam")
        assert [(file.name, file.size) for file in sorted(card.reply.files, key=lambda file: file.name)] == [
            ("image.png", len(PNG)),
            ("screen.png", len(PNG)),
        ]
        assert teams.fake.refusals == []


async def test_a_reaction_rates_an_answer(teams: OnTeams) -> None:
    await teams.say("dana", CARRY_OVER)
    (answer,) = teams.by_bot("dana")
    await teams.done(teams.fake.react("dana", answer.id, "angry"))
    assert len(teams.told("dana")) > 1


async def test_a_message_becomes_a_request(teams: OnTeams) -> None:
    said = await teams.say("omar", "my account is locked", room=GENERAL)
    opened = await teams.done(teams.fake.shortcut("omar", "create_request", said, room=GENERAL))
    await teams.done(teams.fake.send_task("omar", opened, {"What do you need?": "my account is locked"}))
    assert any("Unlock your account" in told for told in teams.told("omar"))
    assert teams.told(GENERAL, said) == []


async def test_a_message_becomes_a_draft(teams: OnTeams) -> None:
    said = await teams.say("omar", "Hold the power button for ten seconds, then start it again.", room=GENERAL)
    opened = await teams.done(teams.fake.shortcut("kim", "add_to_knowledge", said, room=GENERAL))
    await teams.done(teams.fake.send_task("kim", opened, {"title": "A frozen laptop"}))
    assert any("A frozen laptop" in told for told in teams.told("kim"))


async def test_rooms_have_modes(teams: OnTeams) -> None:
    answered = await teams.say("omar", "how do I connect to the VPN?", room=HELP)
    assert len(teams.told(HELP, answered)) == 1
    ignored = await teams.say("omar", "lunch at the usual place?", room=HELP)
    assert teams.told(HELP, ignored) == []
    off = await teams.say("omar", "how do I connect to the VPN?", room=QUIET, mention=True)
    assert teams.told(QUIET, off) == []
    assert any("switched off" in said for said in teams.told("omar"))


async def test_words_to_somebody_else_are_theirs(teams: OnTeams) -> None:
    asked = await teams.say("dana", "how do I connect to the VPN?", room=GENERAL, mention=True)
    before = teams.told(GENERAL, asked)
    await teams.say("dana", "can you unlock my account?", room=GENERAL, thread=asked, to=["omar"])
    assert teams.told(GENERAL, asked) == before


async def test_guests_and_other_organisations_are_refused(teams: OnTeams) -> None:
    fake = teams.fake
    await fake.install("partner")
    await teams.say("guest", CARRY_OVER, room="partner", mention=True)
    assert not any("5 days" in said for said in (*teams.told("partner"), *teams.told("guest")))
    heard = len(fake.calls)
    fake.personal("outsider").installed = True
    await teams.say("outsider", CARRY_OVER)
    assert teams.told("outsider") == []
    assert len(fake.calls) == heard


async def test_unsigned_requests_are_refused(teams: OnTeams) -> None:
    await teams.say("dana", CARRY_OVER)
    payload: dict[str, Any] = {**teams.fake.deliveries[-1].payload, "id": "1", "text": "please unlock my account"}
    before = teams.told("dana")
    for token in ("", "forged", teams.fake.login.inbound("https://smba.example/")):
        assert (await teams.fake.deliver(payload, token=token)).status == 401
    await teams.settle()
    assert teams.told("dana") == before
