"""What staff read says truly who said what."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.bootstrap import HERE
from bot.buttons import Buttons
from bot.conversation.model import Speaker, TranscriptEvent
from bot.conversation.summary import Attempt, Summary
from bot.conversation.summary_store import Kept
from bot.handoff.briefing import Packet, desk_card, lines, summarised, summary
from bot.handoff.model import Handoff
from bot.words import Words
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORDS = Words(Messages.load([HERE / "messages.yaml"]), Reader("en-US", "UTC"))
DANA = Person("p1", "dana", "Dana Whitfield", "dana@acme.example", "UTC", "en-US")


def packet(*said: tuple[Speaker, str, str | None]) -> Packet:
    handoff = Handoff("0f3c2c1e-8d1b-4a51-9a53-0f7b6f1b7a10", 1, "c1", DANA.id, "asked", "it-support", NOW, NOW)
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


KEPT = Kept(
    "c1",
    upto=1,
    summary=Summary(
        "Her *VPN* [fails](https://evil.example).",
        tried=(
            Attempt("look_up", "specialist:it_service_desk", "failed", "timeout"),
            Attempt("restart the router", "staff:p2", "perhaps"),
            Attempt("reinstall", "assistant", "told"),
        ),
        open=("a new certificate",),
    ),
    model="large",
)


def fields(of: Packet, *, alone: bool = False) -> dict[str, str]:
    card = desk_card(of, WORDS, Buttons(bytes(64)), "r1", alone=alone)
    return {field.label: field.value for field in card.fields}


def test_the_card_says_who_tried_what_and_what_is_open() -> None:
    asked = packet(("person", "VPN is down", "p1"), ("bot", "Sam has taken it", None))
    known = [replace(event, seq=n) for n, event in enumerate(asked.transcript, 1)]
    asked = replace(asked, transcript=known, names=asked.names | {"specialist:it_service_desk": "Iris (AI)"})
    shown = fields(summarised(asked, KEPT))
    assert shown["Tried"].split("\n") == [
        "Iris (AI): look up (failed: timeout)",
        "Sam Okoye: restart the router (unclear whether it worked)",
        'Foyer: said "reinstall"',
    ]
    assert shown["Still open"] == "a new certificate"


def test_what_a_model_says_is_marked_and_leads_nowhere() -> None:
    lines_ = packet(("person", "VPN is down", "p1"), ("person", "hello?", "p1"))
    known = [replace(event, seq=n) for n, event in enumerate(lines_.transcript, 1)]
    asked = summarised(replace(lines_, transcript=known), KEPT)
    told = summary(asked, WORDS)
    assert told.startswith("Summarised by AI: ")
    assert "](https" not in told
    assert told.endswith('They last said: "hello?"')
    assert "AI" not in summary(summarised(lines_), WORDS)


def test_of_a_private_matter_the_group_sees_nothing() -> None:
    asked = summarised(packet(("person", "VPN is down", "p1"), ("bot", "Since when?", None)), KEPT)
    private = replace(asked, handoff=replace(asked.handoff, sensitive="health"))
    card = desk_card(private, WORDS, Buttons(bytes(64)), "r1")
    assert not any(words in str(card) for words in ("VPN", "router", "certificate", "AI"))
    assert "Tried" in fields(private, alone=True)
