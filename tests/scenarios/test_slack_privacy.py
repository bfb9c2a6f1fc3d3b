"""What is one person's alone stays so in rooms of several, whoever says it, in whatever turn, and whenever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from bot import tables as t
from tests.fakes.slack.state import FakeMessage
from tests.scenarios.slack import DESK, GENERAL, PEOPLE, OnSlack

PTO = "I want to take PTO from 2026-12-21 to 2026-12-23"
ELSEWHERE = "I go on with that in our own chat."


@pytest.fixture
async def slack(template: Path, tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with OnSlack.open(tmp_path / "home", template, desks=("it-support", "people-team")) as opened:
        yield opened
        assert opened.fake.refusals == []


def general(slack: OnSlack) -> str:
    return "\n".join(slack.told(GENERAL))


def hidden(slack: OnSlack, person: str) -> list[FakeMessage]:
    return slack.fake.ephemeral(PEOPLE[person][0])


async def claimed(slack: OnSlack) -> FakeMessage:
    """The desk's card, after Sam took it."""
    await slack.press("sam", slack.by_bot(DESK)[0], "Claim", room=DESK)
    return slack.by_bot(DESK)[0]


async def test_staff_speak_of_a_personal_request_in_the_employees_own_room(slack: OnSlack) -> None:
    asked = await slack.say("dana", "how much PTO do I have left?", room=GENERAL, mention=True)
    assert slack.told(GENERAL, asked) == []
    await slack.say("dana", "I want a person", room=GENERAL, thread=asked)
    card = await claimed(slack)
    assert any("has taken" in said for said in slack.told("dana"))
    await slack.say("sam", "!reply Your PTO was miscounted.", room=DESK, thread=card.ts)
    await slack.press("sam", slack.by_bot(DESK)[0], "Resolve", room=DESK)
    await slack.submit("sam", {"What you did; the employee reads it": "Three days of PTO given back"})
    own = "\n".join(slack.told("dana"))
    assert "Your PTO was miscounted." in own
    assert "Three days of PTO given back" in own
    for words in ("Okoye", "has taken", "miscounted", "given back", "FOY-"):
        assert words not in general(slack)
    assert slack.privately("omar") == []


async def test_a_handoff_of_nothing_personal_stays_in_the_thread(slack: OnSlack) -> None:
    asked = await slack.say("dana", "my screen is broken, I want a person", room=GENERAL, mention=True)
    card = await claimed(slack)
    await slack.say("sam", "!reply A new one is on its way.", room=DESK, thread=card.ts)
    assert any("A new one is on its way." in said for said in slack.told(GENERAL, asked))


async def test_what_was_asked_elsewhere_is_not_told_in_a_room(slack: OnSlack) -> None:
    await slack.say("dana", "I need access to Figma")
    await slack.say("dana", "my screen is broken, I want a person")
    await claimed(slack)
    await slack.press("sam", slack.by_bot(DESK)[0], "Resolve", room=DESK)
    await slack.submit("sam", {"What you did; the employee reads it": "Ordered an expensive screen"})
    before = len(slack.told("dana"))
    await slack.say("dana", "what is happening with my requests?", room=GENERAL, mention=True)
    assert general(slack) == ""
    assert len(slack.told("dana")) > before
    assert [said for said in slack.privately("dana") if ELSEWHERE in said] != []
    assert slack.privately("omar") == []


async def test_what_waits_for_approval_is_shown_to_the_approver_alone(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need editor access to Figma for 30 days")
    assert any("Priya Nair" in said for said in slack.told("dana", asked))
    before = len(slack.by_bot("priya"))
    await slack.say("priya", "what is happening with my requests?", room=GENERAL, mention=True)
    assert general(slack) == ""
    again = slack.by_bot("priya")[before:]
    assert "Approve" in [label for message in again for label, _, _ in slack.fake.buttons_of(message)]


async def test_what_could_be_cancelled_is_listed_to_its_owner_alone(slack: OnSlack) -> None:
    await slack.say("dana", "I need access to Figma")
    await slack.say("dana", "I need access to GitHub")
    await slack.say("dana", "cancel my request", room=GENERAL, mention=True)
    assert general(slack) == ""
    assert any("Figma" in said for said in slack.privately("dana"))


async def test_it_is_said_once_that_the_rest_is_elsewhere(slack: OnSlack) -> None:
    await slack.say("dana", "I need access to Figma")
    await slack.say("dana", "I need access to GitHub")
    await slack.say("dana", "what is happening with my requests?", room=GENERAL, mention=True)
    assert len([message for message in hidden(slack, "dana") if ELSEWHERE in slack.fake.text_of(message)]) == 1


@pytest.mark.parametrize("forgotten", [False, True])
async def test_what_comes_later_is_not_whispered(slack: OnSlack, forgotten: bool) -> None:
    """Nor posted where all read, when nobody knows any more who the employee is there."""
    await slack.say("dana", PTO, room=GENERAL, mention=True)
    whispered = len(hidden(slack, "dana"))
    cards = [message for who in ("priya", "omar", "sam") for message in slack.by_bot(who)]
    waiting = next(message for message in cards if "Approve" in [label for label, _, _ in slack.fake.buttons_of(message)])
    approver = next(name for name, (user, _) in PEOPLE.items() if waiting in slack.by_bot(name))
    if forgotten:
        async with slack.company.app.sessions.begin() as session:
            await session.execute(delete(t.identity).where(t.identity.c.external_id == PEOPLE["dana"][0]))
    await slack.press(approver, waiting, "Deny")
    await slack.submit(approver, {"Reason": "the launch is that week"})
    assert any("the launch is that week" in said for said in slack.told("dana"))
    assert len(hidden(slack, "dana")) == whispered
    assert "launch" not in general(slack)


async def test_a_guest_gets_a_page_and_no_message(slack: OnSlack) -> None:
    slack.fake.add_user("U0GUEST", "Gus", "gus@partner.example", restricted=True)
    for _ in range(2):
        await slack.fake.open_home("U0GUEST")
        await slack.settle()
    assert "guest" in slack.fake.text_of(slack.fake.home("U0GUEST") or {})
    assert [message for message in slack.fake.messages("U0GUEST") if message.bot_id] == []


async def test_nothing_is_said_where_other_organisations_read(slack: OnSlack) -> None:
    dana = PEOPLE["dana"][0]
    slack.fake.add_user("U0EVE", "Eve", "eve@other.example", stranger=True, team="T0OTHER")
    slack.fake.add_room("C0EXT", "partner", [dana, "U0EVE"], ext_shared=True)
    await slack.say("dana", "how do I connect to the VPN?", room="C0EXT", mention=True)
    await slack.say("dana", "I need access to Figma", room="C0EXT", mention=True)
    assert slack.told("C0EXT") == []
    assert any("Acme Connect" in said for said in [*slack.privately("dana"), *slack.told("dana")])


async def test_why_it_was_denied_is_told_to_who_asked(slack: OnSlack) -> None:
    asked = await slack.say("dana", "I need editor access to Figma for 30 days", room=GENERAL, mention=True)
    (approval,) = [message for message in slack.by_bot("priya") if "Figma" in slack.fake.text_of(message)]
    await slack.press("priya", approval, "Deny")
    await slack.submit("priya", {"Reason": "you are on probation"})
    assert not any("probation" in said for said in slack.told(GENERAL, asked))
    assert any("probation" in said for said in slack.told("dana"))
