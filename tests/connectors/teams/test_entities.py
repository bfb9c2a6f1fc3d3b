"""That the library's own serializer lets through what Teams needs."""

from typing import Any

from botbuilder.schema import Activity, Entity

from connectors.ports.chat import Action, Citation, Feedback, Reply, ReplyKind
from connectors.teams.entities import StreamInfo, activity_of, ai_message
from connectors.teams.render import render
from tests.connectors.slack.support import WORDING
from tests.connectors.teams.replies import words

CITATIONS = (
    Citation(1, "Travel policy", "travel.md", "Hotels", "Up to **120 €** a night.", "https://kb.acme.example/travel"),
    Citation(2, "Expenses", "expenses.md"),
)
ANSWER = Reply(
    "answer",
    ReplyKind.ANSWER,
    "Up to 120 € a night [1], within 30 days [2].",
    citations=CITATIONS,
    actions=(Action("p", "Ask a person"),),
    feedback=Feedback(Action("up", "Helpful"), Action("down", "Not helpful")),
)


def wire(activity: Activity) -> dict[str, Any]:
    made = activity.serialize()
    assert isinstance(made, dict)
    return made


def test_label_citations_card_and_feedback_reach_the_wire() -> None:
    (part,) = render(ANSWER, WORDING)
    sent = wire(activity_of(part, stream=StreamInfo("final", stream_id="s1")))
    assert (sent["type"], sent["textFormat"]) == ("message", "markdown")
    assert sent["text"].startswith("Up to 120 € a night [1], within 30 days [2].")
    assert sent["channelData"] == {"feedbackLoop": {"type": "default"}}
    label, stream = sent["entities"]
    assert label == {
        "type": "https://schema.org/Message",
        "@type": "Message",
        "@context": "https://schema.org",
        "@id": "",
        "additionalType": ["AIGeneratedContent"],
        "citation": [
            {
                "@type": "Claim",
                "position": 1,
                "appearance": {
                    "@type": "DigitalDocument",
                    "name": "Travel policy",
                    "abstract": "Up to 120 € a night.",
                    "url": "https://kb.acme.example/travel",
                },
            },
            {"@type": "Claim", "position": 2, "appearance": {"@type": "DigitalDocument", "name": "Expenses", "abstract": "Expenses"}},
        ],
    }
    assert stream == {"type": "streaminfo", "streamId": "s1", "streamType": "final"}
    (attachment,) = sent["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"] == part.card
    assert "Ask a person" in words(attachment["content"])


def test_a_stream_begins_without_an_id() -> None:
    begun = Activity(type="typing", text="One moment", entities=[StreamInfo("informative", stream_sequence=1)])
    assert wire(begun)["entities"] == [{"type": "streaminfo", "streamType": "informative", "streamSequence": 1}]


def test_the_librarys_own_entity_loses_them() -> None:
    """If this fails, the classes here are no longer needed."""
    plain = Entity(type="streaminfo", streamId="s1", additionalType=["AIGeneratedContent"])
    assert wire(Activity(type="message", entities=[plain]))["entities"] == [{"type": "streaminfo"}]


def test_what_staff_wrote_has_no_label() -> None:
    sent = [wire(activity_of(part)) for part in render(Reply("r", ReplyKind.NOTICE, "Hello"), WORDING)]
    assert [(one["text"], one.get("entities", [])) for one in sent] == [("Hello", [])]
    assert "channelData" not in sent[0]


def test_a_citation_leads_only_where_a_browser_may_go() -> None:
    for url in ("javascript:alert(1)", "mailto:it@acme.example", "MAILTO:it@acme.example", "https://kb.example/" + "x" * 600, "http://["):
        (claim,) = ai_message([Citation(1, "VPN", "vpn.md", url=url)])["citation"]
        assert "url" not in claim["appearance"]


def test_twenty_citations_each_number_once_and_together_of_bounded_size() -> None:
    many = [Citation(n, "Title " * 30, "s", snippet="words " * 100, url=f"https://kb.example/{n}") for n in (0, *range(1, 40), 3)]
    cited = ai_message(many)["citation"]
    assert [claim["position"] for claim in cited] == list(range(1, 21))
    huge = [Citation(n, '"' * 90, "s", snippet='"' * 300, url="https://kb.example/" + "x" * 480) for n in range(1, 40)]
    assert 5 < len(ai_message(huge)["citation"]) < 20


def test_a_part_of_a_long_answer_cites_what_it_says() -> None:
    assert [claim["position"] for claim in ai_message(CITATIONS, "within 30 days [2].")["citation"]] == [2]
