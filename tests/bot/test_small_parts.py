"""Buttons, the rate limit, the home and its lock, configuration."""

import multiprocessing
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.buttons import Buttons, Verb
from bot.config import SHIPPED, ConfigError, check_groups, load
from bot.home import Home, Owner
from bot.rate import RateLimit
from connectors.ports.messages import Message, Messages, Reader, readable
from connectors.ports.records import new_id
from specialists.loader import load_skills
from specialists.roster import load_roster


def test_a_button_says_what_was_pressed_to_its_maker_only() -> None:
    subject = new_id()
    mine, other = Buttons(b"a" * 32), Buttons(b"b" * 32)
    id_ = mine.id(Verb.APPROVE, subject)
    assert mine.id(Verb.APPROVE, subject) == id_
    pressed = mine.read(id_)
    assert pressed is not None
    assert (pressed.verb, pressed.subject) == (Verb.APPROVE, subject)
    assert other.read(id_) is None
    assert subject not in id_


@pytest.mark.parametrize("forged", ["", "x", "AAAA", "approve", "é", "A" * 500, "=" * 8])
def test_a_forged_button_is_nothing(forged: str) -> None:
    assert Buttons(b"a" * 32).read(forged) is None


def test_the_rate_limit_refills() -> None:
    now = 0.0
    rate = RateLimit(2, lambda: now)
    assert [rate.allows("dana") for _ in range(3)] == [True, True, False]
    assert rate.allows("omar")
    now = 30.0
    assert [rate.allows("dana") for _ in range(2)] == [True, False]


def test_who_is_too_fast_hears_of_it_once_a_minute_in_a_room() -> None:
    now = 0.0
    rate = RateLimit(2, lambda: now)
    told = [
        rate.tells("dana", "hall", "1"),
        rate.tells("dana", "hall", "2"),
        rate.tells("dana", "desk", "3"),
        rate.tells("omar", "hall", "4"),
    ]
    assert told == [True, False, True, True]
    assert rate.tells("dana", "hall", "1")
    now = 60.0
    assert rate.tells("dana", "hall", "5")


def _own(path: str, ready: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    home = Home(Path(path))
    assert home.acquire()
    home.announce(Owner(1, "http://x", "/tmp/s"))
    ready.set()
    done.wait(30)
    home.release()


def test_one_process_owns_a_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    assert home.owner() is None
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_own, args=(str(tmp_path), ready, done))
    other.start()
    try:
        assert ready.wait(30)
        assert not home.acquire()
        owner = home.owner()
        assert owner is not None
        assert owner.socket == "/tmp/s"
    finally:
        done.set()
        other.join()
    assert home.acquire()
    home.release()


def test_keys_differ_by_purpose_and_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    first = home.key("audit")
    home.make()
    assert home.key("audit") == first != home.key("buttons")
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_what_is_handed_to_nobody_is_refused(tmp_path: Path) -> None:
    skills = {name: skill.spec for name, skill in load_skills().items()}
    check_groups(load(home=tmp_path).organisation, skills, load_roster(skills))
    text = SHIPPED.read_text().replace("assignment_groups: [it-support, people-team]", "assignment_groups: [helpdesk]")
    (tmp_path / "foyer.yaml").write_text(text)
    with pytest.raises(
        ConfigError, match=r"assignment_groups lacks 'people-team', to which go: the skill .*; and 'it-support', to which go: "
    ):
        check_groups(load(home=tmp_path).organisation, skills, load_roster(skills))


def test_foyer_yaml_is_read_and_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "foyer.yaml").write_text(SHIPPED.read_text().replace("Acme", "Globex").replace("[US, DE, FR, GB, IN, BR]", "[US, CA]"))
    organisation = load(home=tmp_path).organisation
    assert organisation.name == "Globex"
    assert organisation.audience["country"] == ("US", "CA")
    (tmp_path / "foyer.yaml").write_text("nmae: Globex\n")
    with pytest.raises(ConfigError, match="nmae"):
        load(home=tmp_path)


TEXTS = Messages(
    {
        "en": {"at": "at {at}", "on": "on {on}", "days": {"plural": "n", "one": "{n} day", "other": "{n} days"}, "for": "for {long}"},
        "de": {"days": {"plural": "n", "one": "{n} Tag", "other": "{n} Tage"}},
    }
)
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("message", "reader", "text"),
    [
        (Message("at", {"at": NOON}), Reader("en-US", "America/New_York"), "at Tue 1 Dec, 07:00"),
        (Message("at", {"at": NOON}), Reader("en-DE", "Europe/Berlin"), "at Tue 1 Dec, 13:00"),
        (Message("on", {"on": date(2026, 12, 1)}), Reader("en-US", "UTC"), "on Tue 1 Dec 2026"),
        (Message("days", {"n": 1}), Reader("en-US", "UTC"), "1 day"),
        (Message("days", {"n": 2.5}), Reader("en-US", "UTC"), "2.5 days"),
        (Message("days", {"n": 2.5}), Reader("de-DE", "UTC"), "2,5 Tage"),
        (Message("for", {"long": timedelta(days=30)}), Reader("en-US", "UTC"), "for 30 days"),
    ],
)
def test_a_message_is_worded_for_its_reader(message: Message, reader: Reader, text: str) -> None:
    assert TEXTS.say(message, reader) == text
    assert TEXTS.say(Message.from_json(message.as_json()), reader) == text


@pytest.mark.parametrize(
    ("locale", "timezone", "reader"),
    [
        ("en_US", "America/New_York", Reader("en-US", "America/New_York")),
        ("en-DE", "Eastern", Reader("en-DE", "UTC")),
        ("", "", Reader("en-GB", "UTC")),
        ("klingon-QX", "../../etc/passwd", Reader("en-GB", "UTC")),
    ],
)
def test_what_a_directory_says_is_made_usable(locale: str, timezone: str, reader: Reader) -> None:
    assert readable(locale, timezone, Reader("en-GB", "UTC")) == reader
