"""What Teams refuses of a message. Pure.

Documented: the limit of 100 KB in UTF-16 (413 MessageSizeTooBig), one AI entity a message, at most 20 citations whose positions
match [n] in the text, names of 80 and abstracts of 160 characters, feedbackLoop's types. Teams shows no label for a malformed
entity and answers 201; this fake is stricter and answers 400 BadSyntax, so that a test sees it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.fakes.teams import cards
from tests.fakes.teams.state import CARD, FILE_CARD, FILE_CONSENT, BotError, Json

MAX_MESSAGE = 100 * 1024
MESSAGE = "https://schema.org/Message"
_MARK = re.compile(r"\[(\d+)\]")


def check(activity: Mapping[str, Any]) -> None:
    """A message, a typing or an event activity that a bot sends. Raises BotError."""
    if activity.get("type") not in ("message", "typing"):
        raise BotError(400, "BadSyntax", f"Activity type {activity.get('type')!r}")
    sized = {name: activity.get(name) for name in ("text", "attachments", "entities")}
    size = len(json.dumps(sized, ensure_ascii=False).encode("utf-16-le"))
    if size > MAX_MESSAGE:
        raise BotError(413, "MessageSizeTooBig", "Message size too large")
    if activity.get("textFormat") not in (None, "markdown", "plain", "xml"):
        raise BotError(400, "BadSyntax", f"textFormat {activity['textFormat']!r}")
    if activity["type"] == "message" and not activity.get("text") and not activity.get("attachments"):
        raise BotError(400, "BadSyntax", "Activity resulted into multiple skype activities or is empty")
    for attachment in activity.get("attachments") or []:
        _attachment(attachment)
    _entities(activity.get("entities") or [], activity.get("text") or "")
    loop = (activity.get("channelData") or {}).get("feedbackLoop")
    if loop is not None and loop.get("type") not in ("default", "custom"):
        raise BotError(400, "BadSyntax", f"feedbackLoop {loop}")


def _attachment(attachment: Json) -> None:
    kind, content = attachment.get("contentType"), attachment.get("content")
    if kind == CARD:
        cards.check(content)
    elif kind == FILE_CONSENT:
        if not isinstance(content, dict) or not isinstance(content.get("sizeInBytes"), int) or not attachment.get("name"):
            raise BotError(400, "BadSyntax", "a file consent card has a name, and sizeInBytes, acceptContext and declineContext")
    elif kind == FILE_CARD:
        if not attachment.get("contentUrl") or not isinstance(content, dict) or not content.get("uniqueId"):
            raise BotError(400, "BadSyntax", "a file card has contentUrl, and uniqueId and fileType in its content")
    elif not str(kind).startswith("image/"):
        raise BotError(400, "BadSyntax", f"Unknown attachment type {kind!r}")


def _entities(entities: Any, text: str) -> None:
    if not isinstance(entities, list):
        raise BotError(400, "BadSyntax", "entities is a list")
    told = [entity for entity in entities if entity.get("type") == MESSAGE]
    if len(told) > 1:
        raise BotError(400, "BadSyntax", "one AI entity a message")
    for entity in entities:
        if entity.get("type") == "mention" and entity.get("text", "") not in text:
            raise BotError(400, "BadSyntax", "the text of a mention stands in the message")
    for entity in told:
        if entity.get("@type") != "Message" or entity.get("additionalType", ["AIGeneratedContent"]) != ["AIGeneratedContent"]:
            raise BotError(400, "BadSyntax", f"AI entity {sorted(entity)}")
        _citations(entity.get("citation") or [], text)


def _citations(citations: list[Json], text: str) -> None:
    if len(citations) > 20:
        raise BotError(400, "BadSyntax", f"{len(citations)} citations")
    positions = [citation.get("position") for citation in citations]
    if len(positions) != len(set(positions)):
        raise BotError(400, "BadSyntax", f"positions {positions}")
    marks = {int(mark) for mark in _MARK.findall(text)}
    for citation in citations:
        look = citation.get("appearance") or {}
        if citation.get("@type") != "Claim" or look.get("@type") != "DigitalDocument" or citation["position"] not in marks:
            raise BotError(400, "BadSyntax", f"citation {citation.get('position')} has no [n] in the text, or the wrong type")
        if not 1 <= len(look.get("name", "")) <= 80 or not 1 <= len(look.get("abstract", "")) <= 160:
            raise BotError(400, "BadSyntax", f"citation {citation['position']}: name <= 80, abstract <= 160, both required")


def stream_of(activity: Mapping[str, Any]) -> Json | None:
    """The streaminfo entity."""
    found = [entity for entity in activity.get("entities") or [] if entity.get("type") == "streaminfo"]
    if len(found) > 1:
        raise BotError(400, "BadSyntax", "one streaminfo a message")
    return found[0] if found else None
