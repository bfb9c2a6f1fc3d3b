"""What staff read says truly who said what."""

from datetime import UTC, datetime

from bot.bootstrap import HERE
from bot.conversation.model import Speaker, TranscriptEvent
from bot.handoff.briefing import Packet, lines, summary
from bot.handoff.model import Handoff
from bot.words import Words
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORDS = Words(Messages.load([HERE / "messages.yaml"]), Reader("en-US", "UTC"))
DANA = Person("p1", "dana", "Dana Whitfield", "dana@acme.example", "UTC", "en-US")


def packet(*said: tuple[Speaker, str, str | None]) -> Packet:
    handoff = Handoff("h1", 1, "c1", DANA.id, "asked", "it-support", NOW, NOW)
    transcript = [TranscriptEvent(str(n), "c1", NOW, who, text, by) for n, (who, text, by) in enumerate(said)]
    return Packet(handoff, DANA, transcript, {"p1": DANA.name, "p2": "Sam Okoye"})


def said_by(*said: tuple[Speaker, str, str | None]) -> list[str]:
    """Without the time."""
    return [line.split("12:00 ")[1] for line in lines(packet(*said), WORDS)]


def test_what_others_said_in_the_thread_is_not_the_employees() -> None:
    said = said_by(("other", "Omar Haddad: my laptop is slow", None), ("person", "mine too", "p1"))
    assert said == ["Omar Haddad: my laptop is slow", "Dana Whitfield: mine too"]
    assert "Omar" not in summary(packet(("other", "Omar Haddad: my laptop is slow", None), ("person", "mine too", "p1")), WORDS)


def test_what_the_bot_said_is_shown_without_its_marks() -> None:
    assert said_by(("bot", "**FOY-1** ~~Gone~~, see [VPN](https://x.example/a)", None)) == ["Foyer: FOY-1 Gone, see VPN"]
    assert said_by(("person", "2 ** 3", "p1")) == ["Dana Whitfield: 2 ** 3"]


def test_where_several_read_times_name_their_zone() -> None:
    together = Words(WORDS.messages, Reader("en-US", "Europe/Berlin", several=True))
    assert lines(packet(("bot", "hello", None)), together) == ("Fri 20 Nov, 13:00 CET Foyer: hello",)


def test_staff_and_the_bot_are_named_as_such() -> None:
    said = said_by(("staff", "hello", "p2"), ("staff", "hello", "p3"), ("bot", "hello", None))
    assert said == ["Sam Okoye: hello", "Staff: hello", "Foyer: hello"]
