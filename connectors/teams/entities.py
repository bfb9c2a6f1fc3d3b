"""What goes to Teams beside text and cards: the label that a computer wrote it, citations, and what a stream is told by.

The library's own `Entity` knows a type and drops every other key without an error, so each entity here has a class that names its keys.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botbuilder.schema import Activity, ActivityTypes, Attachment, Entity

from connectors.chat.markdown import words
from connectors.chat.text import safe_url, units
from connectors.ports.chat import Citation
from connectors.teams import limits
from connectors.teams.limits import Json, json_units, line

if TYPE_CHECKING:
    from connectors.teams.render import Part

MESSAGE = "https://schema.org/Message"
CARD = "application/vnd.microsoft.card.adaptive"
CITED = 9_000
"""UTF-16 units of all citations of a message together, as JSON."""


class StreamInfo(Entity):  # type: ignore[misc]
    """`stream_type`: informative, streaming, final. A first message has no id, a final one no sequence."""

    _attribute_map = {
        "type": {"key": "type", "type": "str"},
        "stream_id": {"key": "streamId", "type": "str"},
        "stream_type": {"key": "streamType", "type": "str"},
        "stream_sequence": {"key": "streamSequence", "type": "int"},
    }

    def __init__(self, stream_type: str, *, stream_id: str | None = None, stream_sequence: int | None = None) -> None:
        super().__init__(type="streaminfo")
        self.stream_type = stream_type
        self.stream_id = stream_id
        self.stream_sequence = stream_sequence


class AiMessage(Entity):  # type: ignore[misc]
    """The one entity about the message itself; Teams takes no second one."""

    _attribute_map = {
        "type": {"key": "type", "type": "str"},
        "at_type": {"key": "@type", "type": "str"},
        "at_context": {"key": "@context", "type": "str"},
        "at_id": {"key": "@id", "type": "str"},
        "additional_type": {"key": "additionalType", "type": "[str]"},
        "citation": {"key": "citation", "type": "[object]"},
    }

    def __init__(self, said: Json) -> None:
        super().__init__(type=said["type"])
        self.at_type = said["@type"]
        self.at_context = said["@context"]
        self.at_id = said["@id"]
        self.additional_type = said["additionalType"]
        self.citation = said["citation"]


def ai_message(citations: Sequence[Citation], text: str | None = None) -> Json:
    """Says that a computer wrote it, and what [n] stands for. `text`: only what is cited in it."""
    claims: dict[int, Json] = {}
    for citation in citations:
        cited = text is None or re.search(rf"\[{citation.n}\]", text)
        if citation.n > 0 and cited and len(claims) < limits.CITATIONS:
            claims.setdefault(citation.n, _claim(citation))
    kept = list(claims.values())
    while json_units(kept) > CITED:
        kept.pop()
    return {
        "type": MESSAGE,
        "@type": "Message",
        "@context": "https://schema.org",
        "@id": "",
        "additionalType": ["AIGeneratedContent"],
        "citation": kept,
    }


def activity_of(part: "Part", *, stream: StreamInfo | None = None) -> Activity:
    """The message as the library sends it; `stream` when it ends a stream."""
    entities: list[Entity] = [AiMessage(entity) for entity in part.entities]
    if stream is not None:
        entities.append(stream)
    # The library's models take their fields by keyword, untyped.
    made: dict[str, Any] = {"type": ActivityTypes.message, "summary": part.summary or None, "entities": entities}
    if part.text:
        made |= {"text": part.text, "text_format": "markdown"}
    if part.card is not None:
        made["attachments"] = [Attachment(content_type=CARD, content=dict(part.card))]
    if part.channel_data:
        made["channel_data"] = dict(part.channel_data)
    return Activity(**made)


def _claim(citation: Citation) -> Json:
    url = safe_url(citation.url) if citation.url else None
    shown = url if url is not None and not url.lower().startswith("mailto:") and units(url) <= limits.CITATION_URL else None
    said = words(citation.snippet) or citation.section or citation.title or citation.source
    appearance: Json = {
        "@type": "DigitalDocument",
        "name": line(citation.title or citation.source, limits.CITATION_NAME),
        "abstract": line(said, limits.CITATION_ABSTRACT),
    }
    return {"@type": "Claim", "position": citation.n, "appearance": appearance | ({"url": shown} if shown else {})}
