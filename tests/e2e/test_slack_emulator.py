"""Foyer in front of a Slack that nobody here wrote: people write to it there, and are answered there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.emulator import BOT, SIGNING_SECRET, Emulator, words
from tests.e2e.foyer import Foyer

pytestmark = pytest.mark.timeout(300)
DANA, OMAR = "xoxp-dana", "xoxp-omar"


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator, and a Foyer that is connected with it."""
    folder: Path = tmp_path_factory.mktemp("slack")
    emulator = Emulator(folder / "emulator.out")
    foyer = Foyer(
        folder / "home",
        FOYER_SLACK_BOT_TOKEN=BOT,
        FOYER_SLACK_SIGNING_SECRET=SIGNING_SECRET,
        FOYER_SLACK_API_URL=emulator.url,
    )
    emulator.start(f"{foyer.url}/slack/events")
    try:
        foyer.start()
        yield emulator
    finally:
        foyer.stop()
        emulator.stop()


def test_a_question_is_answered_in_its_own_thread_with_the_source(slack: Emulator) -> None:
    chat = slack.chat_with_bot(DANA)
    asked = slack.say(DANA, chat, "How many days of PTO do I carry over?")
    answer = slack.see(chat, asked, lambda said: "up to 5 days" in words(said))
    assert "[1] PTO policy (United States)" in words(answer)
    assert answer["thread_ts"] == asked


def test_another_country_gets_its_own_article(slack: Emulator) -> None:
    chat = slack.chat_with_bot(OMAR)
    asked = slack.say(OMAR, chat, "How many days of PTO do I carry over?")
    slack.see(chat, asked, lambda said: "[1] PTO policy (Germany)" in words(said))


def test_a_request_is_done_and_followed_up_in_its_thread(slack: Emulator) -> None:
    chat = slack.chat_with_bot(DANA)
    asked = slack.say(DANA, chat, "I am locked out of my account, please unlock it")
    slack.see(chat, asked, lambda said: "FOY-" in words(said))
    slack.see(chat, asked, lambda said: "unlocked" in words(said))
    before = len(slack.answers(chat, asked))
    slack.say(DANA, chat, "What is happening with my request?", thread=asked)
    slack.see(chat, asked, lambda said: said in slack.answers(chat, asked)[before:] and "FOY-" in words(said))


def test_a_mention_in_a_room_is_answered_once_in_its_thread_and_nothing_else_is(slack: Emulator) -> None:
    room = slack.room("it-help")
    aside = slack.say(DANA, room, "how many days of PTO do I carry over?")
    asked = slack.say(DANA, room, f"<@{slack.user(BOT)}> how do I connect to the VPN?")
    slack.see(room, asked, lambda said: "[1] Set up the VPN" in words(said))
    assert len(slack.answers(room, asked)) == 1
    assert slack.answers(room, aside) == []
