"""Foyer in front of Microsoft's own client of a Teams bot: people write and press there, and are answered there."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import SHIPPED
from connectors.sandbox.people import TENANT
from connectors.sandbox.playground import CHANNEL, GROUP_CHAT
from connectors.sandbox.playground import PERSONAL_CHAT as OWN_CHAT
from tests.e2e.browser import Window
from tests.e2e.foyer import Foyer
from tests.e2e.playground import Message, Playground, data_of

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Screens:
    """A playground shows what one person sees, so there are two, in front of one Foyer whose staff work in a channel of Dana's."""

    dana: Playground
    priya: Playground
    window: Window
    """Dana's, in a browser."""


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    folder: Path = tmp_path_factory.mktemp("teams")
    organisation = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | {"desks": {"it-support": f"teams:{TENANT}:{CHANNEL}"}}
    for name in ("home", "dana", "priya"):
        (folder / name).mkdir()
    (folder / "home" / "foyer.yaml").write_text(yaml.safe_dump(organisation), encoding="utf-8")
    dana, priya = Playground(folder / "dana", "dana@acme.example"), Playground(folder / "priya", "priya@acme.example")
    foyer = Foyer(folder / "home", FOYER_TEAMS_LOCAL="true", FOYER_RECALL_SECONDS="0")
    try:
        foyer.start()
        for playground in (dana, priya):
            playground.start(f"{foyer.url}/api/messages")
        window = Window(dana.url, folder / "profile", width=1400, height=1000)
        try:
            window.driver.get(dana.url)
            window.see("body", "Personal Chat")
            yield Screens(dana, priya, window)
        finally:
            window.close()
    finally:
        dana.stop()
        priya.stop()
        foyer.stop()


@pytest.fixture
def teams(screens: Screens) -> Playground:
    """As Dana sees it."""
    return screens.dana


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


def test_microsofts_client_shows_the_label_the_source_and_the_thumbs(screens: Screens) -> None:
    screens.window.see("body", "AI generated")
    screens.window.see("body", "You can carry over up to 5 days")
    screens.window.picture("39-teams-playground-answer")


def test_a_mention_in_a_channel_is_answered_in_its_thread(teams: Playground) -> None:
    thread = teams.say("how do I connect to the VPN?", CHANNEL, mention=True)
    teams.see(has("Set up the VPN"), thread)
    teams.say("how many days of PTO do I carry over?", CHANNEL)
    assert all("PTO" not in message.words for message in teams.messages(thread))


def test_a_mention_in_a_group_chat_is_answered_there(teams: Playground) -> None:
    teams.say("how do I connect to the VPN?", GROUP_CHAT, mention=True)
    teams.see(has("Set up the VPN"), GROUP_CHAT)


def test_a_request_is_filled_in_by_a_form_and_approved_by_a_press(screens: Screens) -> None:
    """task/fetch for the form, Execute by the manager; both cards lock, hers in the answer to her press already."""
    teams, priya = screens.dana, screens.priya
    priya.install()
    priya.see(has("Hello Priya"))
    teams.say("I need access to Figma")
    asked = teams.see(has("Fill in a form"), OWN_CHAT)
    opened = teams.fetch_task(asked, data_of(asked.card, "Fill in a form"))
    assert opened["task"]["type"] == "continue"
    assert "Role" in str(opened["task"]["value"]["card"]["content"])
    teams.say("editor")
    teams.say("30 days")
    approval = priya.see(has("Approve", "Figma"))
    teams.see(has("FOY-", "Priya Nair"), OWN_CHAT)
    answer = priya.execute(approval, data_of(approval.card, "Approve"))
    assert answer["type"] == "application/vnd.microsoft.card.adaptive"
    assert "Deny" not in str(answer["value"])
    teams.see(has("You can use Figma as editor"), OWN_CHAT)
    screens.window.see("body", "You can use Figma as editor")
    screens.window.picture("39-teams-playground-receipt")
    locked = priya.see(lambda message: message.id == approval.id and "Deny" not in message.words)
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


def test_a_shortcut_on_a_message_opens_a_form_with_its_words(teams: Playground) -> None:
    opened = teams.shortcut("create_request", "My monitor flickers")
    assert "My monitor flickers" in str(opened)


def test_nothing_was_said_twice(teams: Playground) -> None:
    said = teams.messages(OWN_CHAT)
    answered = [message for message in said if has("up to 5 days")(message)]
    assert twice(said) == []
    assert twice([*said, *answered]) == [message.words for message in answered] != []


def twice(messages: Iterable[Message]) -> list[str]:
    return [words for words, times in Counter(message.words for message in messages).items() if times > 1]
