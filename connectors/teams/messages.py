"""A message as Graph describes it, as Foyer understands it. Pure, and it never raises."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from connectors.ports.chat import Heard
from connectors.ports.people import ExternalId
from connectors.teams.envelope import CHANNEL, Payload, called, part, parts, text_in
from connectors.teams.plain import LONGEST, from_html
from connectors.teams.store import Room
from connectors.teams.translate import files_told

BEGINNING = 80
"""Letters by which a message is known again."""
_TAG = re.compile(r"<[^>]*>")
_LINK = re.compile(r"\]\([^)]*\)")
_FENCE = re.compile(r"^\s*```\w*", re.MULTILINE)


def is_said(message: Payload) -> bool:
    """Whether it is a message of somebody's that is still there; Graph also lists who came and went."""
    return message.get("messageType", "message") == "message" and not message.get("deletedDateTime")


def number_of(message_id: str) -> int | None:
    """Ids are moments: a message with a smaller one is older."""
    return int(message_id) if message_id.isascii() and message_id.isdigit() else None


def time_of(message: Payload) -> datetime:
    """When it was said; long ago where Graph does not say."""
    try:
        at = datetime.fromisoformat(str(message.get("createdDateTime")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def said_by(message: Payload, app_id: str) -> bool:
    """Whether this app said it."""
    return bool(app_id) and text_in(part(part(message, "from"), "application"), "id").lower() == app_id.lower()


def heard_of(room: Room, message: Payload) -> Heard:
    """`author` None for a bot, a flow, a connector."""
    user, application = part(part(message, "from"), "user"), part(part(message, "from"), "application")
    message_id, who = text_in(message, "id"), text_in(user, "id").lower()
    name = f"{room.room}|{message_id}"
    return Heard(
        message_id=name,
        author=ExternalId(CHANNEL, room.tenant, who) if who else None,
        author_name=called(text_in(user if who else application, "displayName")),
        text=_text(message),
        at=time_of(message),
        thread=(text_in(message, "replyToId") or message_id) if room.kind == "channel" else None,
        files=files_told(message, name),
    )


def begins_alike(text: str, message: Payload) -> bool:
    """Whether a message says what this Markdown does, by its first letters: Teams writes it anew, in HTML or on a card."""
    wanted = _letters(text)[:BEGINNING]
    body = html.unescape(_TAG.sub(" ", text_in(part(message, "body"), "content")))
    shown = (_letters(body)[:BEGINNING], _letters(text_in(message, "summary"))[:BEGINNING])
    return wanted in shown or (bool(wanted) and wanted in _letters(" ".join(_on_cards(message))))


def _text(message: Payload) -> str:
    body = part(message, "body")
    content = text_in(body, "content")
    return from_html(content) if body.get("contentType") == "html" else content.strip()[:LONGEST]


def _on_cards(message: Payload) -> Iterator[str]:
    for attachment in parts(message, "attachments"):
        try:
            yield from _words(json.loads(text_in(attachment, "content")))
        except (ValueError, RecursionError):
            continue


def _words(card: object) -> Iterator[str]:
    if isinstance(card, Mapping):
        yield text_in(card, "text")
        for value in card.values():
            yield from _words(value)
    elif isinstance(card, list):
        for value in card:
            yield from _words(value)


def _letters(text: str) -> str:
    """Without where links lead to, and without digits: those of a list are not in its HTML."""
    return "".join(filter(str.isalpha, _LINK.sub("]", _FENCE.sub("", text)))).casefold()
