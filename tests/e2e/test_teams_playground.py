"""Foyer in front of Microsoft's own client of a Teams bot: people write and press there, and are answered there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import SHIPPED
from connectors.sandbox.facts import DANA, KIM, OMAR, PRIYA, SAM
from connectors.sandbox.people import TENANT, object_id
from tests.e2e.foyer import Foyer
from tests.e2e.playground import CHANNEL, GROUP_CHAT, OWN_CHAT, Playground, User, data_of

pytestmark = pytest.mark.timeout(300)
PEOPLE = (("Dana", "Whitfield", DANA), ("Priya", "Nair", PRIYA), ("Sam", "Okoye", SAM), ("Omar", "Khalil", OMAR), ("Kim", "Larsen", KIM))


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A playground, and a Foyer that is connected with it and whose staff work in a channel there."""
    folder: Path = tmp_path_factory.mktemp("teams")
    organisation = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | {"desks": {"it-support": f"teams:{TENANT}:{CHANNEL}"}}
    (folder / "home").mkdir()
    (folder / "home" / "foyer.yaml").write_text(yaml.safe_dump(organisation), encoding="utf-8")
    users = [User(number, first, last, object_id(key)) for number, (first, last, key) in enumerate(PEOPLE)]
    playground = Playground(folder, users)
    foyer = Foyer(folder / "home", FOYER_TEAMS_LOCAL="true", FOYER_RECALL_SECONDS="0")
    try:
        foyer.start()
        playground.start(f"{foyer.url}/api/messages")
        yield playground
    finally:
        playground.stop()
        foyer.stop()


def has(*words: str) -> Any:
    return lambda message: all(word in message.words for word in words)


def test_whoever_installs_it_is_greeted_by_an_ai(teams: Playground) -> None:
    teams.install()
    greeting = teams.see(has("AI", "Dana"), OWN_CHAT)
    assert greeting.card is not None
    assert [message for message in teams.messages(OWN_CHAT) if "Dana" in message.words] == [greeting]


def test_a_question_is_answered_with_its_source_and_the_label(teams: Playground) -> None:
    teams.say("How many days of PTO do I carry over?")
    answer = teams.see(has("up to 5 days", "PTO policy (United States)"), OWN_CHAT)
    assert answer.versions[0].get("streamEntity", {}).get("streamType") == "informative"


def test_a_mention_in_a_channel_is_answered_in_its_thread(teams: Playground) -> None:
    thread = teams.say("how do I connect to the VPN?", CHANNEL, mention=True)
    teams.see(has("Set up the VPN"), thread)
    teams.say("how many days of PTO do I carry over?", CHANNEL)
    assert all("PTO" not in message.words for message in teams.messages(thread))


def test_a_mention_in_a_group_chat_is_answered_there(teams: Playground) -> None:
    teams.say("how do I connect to the VPN?", GROUP_CHAT, mention=True)
    teams.see(has("Set up the VPN"), GROUP_CHAT)


def test_a_request_is_filled_in_by_a_form_and_approved_by_a_press(teams: Playground) -> None:
    """Execute by the manager and by the requester, task/fetch for the form; both cards lock."""
    teams.say("I need access to Figma")
    asked = teams.see(has("Fill in a form"), OWN_CHAT)
    opened = teams.fetch_task(asked, data_of(asked.card, "Fill in a form"))
    form = opened["task"]["value"]["card"]["content"]
    assert opened["task"]["type"] == "continue"
    assert "Role" in str(form)
    teams.say("editor")
    teams.say("30 days")
    approval = teams.see(has("Approve", "Figma"))
    assert approval.conversation not in (OWN_CHAT, GROUP_CHAT)
    teams.see(has("FOY-", "Priya Nair"), OWN_CHAT)
    teams.other_executes("priya", approval, data_of(approval.card, "Approve"))
    teams.see(has("You can use Figma as editor"), OWN_CHAT)
    locked = teams.see(lambda message: message.id == approval.id and "Deny" not in message.words, approval.conversation)
    assert "Approved" in locked.words


def test_a_press_by_submit_is_as_good_as_execute(teams: Playground) -> None:
    receipt = teams.see(has("You can use Figma as editor", "Undo"), OWN_CHAT)
    teams.submit(receipt, data_of(receipt.card, "Undo"))
    teams.see(lambda message: "undone" in message.words.lower() or "taken back" in message.words.lower(), OWN_CHAT)


def test_a_handoff_is_claimed_in_the_channel_and_relayed_both_ways(teams: Playground) -> None:
    teams.say("I want to talk to a person about my broken laptop")
    card = teams.see(has("Claim", "laptop"))
    assert card.conversation.startswith(CHANNEL)
    teams.other_executes("sam", card, data_of(card.card, "Claim"))
    teams.see(has("Sam"), OWN_CHAT)
    claimed = teams.see(lambda message: message.id == card.id and "Reply to employee" in message.words)

    thread = claimed.conversation
    teams.other("sam", thread, "message", text="a note among ourselves", textFormat="plain")
    teams.other("sam", thread, "message", text="!reply Does the power light blink?", textFormat="plain")
    reply = teams.see(has("Does the power light blink?"), OWN_CHAT)
    assert "Sam Okoye" in reply.words
    assert not any("among ourselves" in message.words for message in teams.messages(OWN_CHAT))

    teams.say("It does not blink at all")
    teams.see(has("It does not blink at all"), thread)
    replied = data_of(claimed.card, "Return to Foyer")
    teams.other_executes("sam", claimed, {**replied, "foyer.text": "Told to restart it"})
    teams.see(has("Told to restart it"), OWN_CHAT)


def test_nothing_was_said_twice(teams: Playground) -> None:
    said = [message.words for message in teams.messages(OWN_CHAT)]
    assert len(said) == len(set(said))
