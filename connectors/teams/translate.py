"""What Teams sends, as the bot understands it: a payload in, an `Activity` out, or nothing for what is nobody's business.

Pure, and it never raises: Teams' payloads are many and change, and one that cannot be read must not be sent again for ever.
Nothing but ids is believed of a press; whether somebody may press is for the bot to decide.
"""

import json
import mimetypes
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from connectors.chat.text import clean
from connectors.ports.chat import OWN_CHAT, Activity, ActivityKind, Address, FileRef, Heard, Press, Shortcut
from connectors.ports.people import ExternalId
from connectors.teams import buttons
from connectors.teams.envelope import (
    BETWEEN_PEOPLE,
    CHANNEL,
    Payload,
    called,
    conversation_of,
    direct_room,
    is_added,
    is_from_bot,
    kind_of,
    part,
    parts,
    person_of,
    room_kind_of,
    room_name_of,
    root_of,
    tenant_of,
    text_in,
)
from connectors.teams.plain import LONGEST, from_html, mentions, names_others, said_in

log = structlog.get_logger()
DOWNLOAD = "application/vnd.microsoft.teams.file.download.info"
ELSEWHERE = "reference"
"""A file that stands in a channel's or somebody's own folder, where a bot cannot read it."""
LIKED = re.compile(r"like|heart|laugh|plusone|yes(-tone\d)?|1f44d.*", re.IGNORECASE)
DISLIKED = re.compile(r"sad|angry|dislike|minusone|no(-tone\d)?|1f44e.*", re.IGNORECASE)
"""Reactions that say whether an answer was of use. Any other emoji says nothing of it."""
LONGEST_ID = 200
"""Characters of the name of an activity, a message or a thread for which there is room in the inbox."""
SHORTCUTS = frozenset(shortcut.value for shortcut in Shortcut)


def translate(payload: Payload, now: datetime) -> Activity | None:
    """`now`: when it came. None for what is not for us; `teams_payload_unreadable` is logged for what ought to be, and cannot be read."""
    try:
        read = READ.get(kind_of(payload))
        found = read(_Read(payload, now)) if read is not None else None
        if found is not None and max(len(found.id), len(found.target or ""), len(found.address.thread or "")) > LONGEST_ID:
            raise ValueError("an id too long to be kept")
        return found
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        log.warning("teams_payload_unreadable", kind=kind_of(payload), error=type(error).__name__)
        return None


def file_refs(message: Payload, message_id: str) -> tuple[FileRef, ...]:
    """The files of a message and the pictures in it. Without a `url`: one that cannot be had."""
    found = (_file(attachment, f"{message_id}#{number}") for number, attachment in enumerate(parts(message, "attachments"), 1))
    return tuple(file for file in found if file is not None)


def files_told(message: Payload, message_id: str) -> tuple[FileRef, ...]:
    """The same where the message itself was not sent to us. Where its files lie anybody may have written: none of them is had."""
    return tuple(replace(file, url="") for file in file_refs(message, message_id))


class _Read:
    """A payload, and what every reading of it needs. Raises ValueError for one that does not say whose it is or where from."""

    def __init__(self, payload: Payload, now: datetime) -> None:
        self.payload = payload
        self.tenant = tenant_of(payload)
        self.who = person_of(part(payload, "from"))
        self.room = room_name_of(payload)
        if not (self.tenant and self.who and self.room):
            raise ValueError("no tenant, sender or room")
        self.kind = room_kind_of(payload)
        self.told = text_in(payload, "timestamp")
        self.at = _time(self.told, now)
        self.id = text_in(payload, "id") or f"{self.who}:{self.told or self.at.isoformat()}"
        self.value = part(payload, "value")

    @property
    def on(self) -> str | None:
        """The message that this is an answer to, or a press on."""
        answered = text_in(self.payload, "replyToId")
        return self.message_id(answered) if answered else None

    def message_id(self, activity_id: str) -> str:
        return f"{self.room}|{activity_id}"

    def activity(self, kind: ActivityKind, name: str) -> Activity:
        """Of the room that it was sent from, in the thread that it was sent in."""
        thread = (root_of(self.payload) or None) if self.kind == "channel" else None
        return Activity(
            id=name,
            kind=kind,
            address=Address(CHANNEL, self.tenant, self.room, thread),
            sender=ExternalId(CHANNEL, self.tenant, self.who),
            at=self.at,
            order=self.at.strftime("%Y%m%d%H%M%S%f"),
        )


def _message(read: _Read) -> Activity | None:
    """Something said, or a button that Teams sends as a message without words."""
    if is_from_bot(read.payload):
        return None
    press = buttons.read(read.value)
    if press is not None:
        return _press(read, press)
    said = _said(read, ActivityKind.MESSAGE, read.message_id(read.id))
    if read.value and not said.text and not said.files:
        return None
    return said


def _said(read: _Read, kind: ActivityKind, name: str) -> Activity:
    payload, me = read.payload, text_in(part(read.payload, "recipient"), "id")
    root = (root_of(payload) or read.id) if read.kind == "channel" else None
    said = read.activity(kind, name)
    return replace(
        said,
        address=replace(said.address, thread=root),
        text=said_in(payload),
        addressed=read.kind == "personal" or mentions(payload, me),
        for_others=names_others(payload, me),
        in_thread=root is not None and root != read.id,
        files=file_refs(payload, read.message_id(read.id)),
    )


def _changed(read: _Read) -> Activity | None:
    """An edit by its author; a message that was deleted and is there again is one, too."""
    if is_from_bot(read.payload) or part(read.payload, "channelData").get("eventType") not in ("editMessage", "undeleteMessage"):
        return None
    target = read.message_id(read.id)
    said = _said(read, ActivityKind.EDITED, f"edited:{target}:{read.told or read.at.isoformat()}")
    return replace(said, target=target, for_others=False, files=())


def _deleted(read: _Read) -> Activity | None:
    if is_from_bot(read.payload):
        return None
    target = read.message_id(read.id)
    said = _said(read, ActivityKind.DELETED, f"deleted:{target}:{read.told or read.at.isoformat()}")
    return replace(said, text="", target=target, addressed=read.kind == "personal", for_others=False, files=())


def _reacted(read: _Read) -> Activity | None:
    """What somebody thinks of a message of the bot. A reaction that is taken back leaves what it said."""
    reactions = [text_in(reaction, "type") for reaction in parts(read.payload, "reactionsAdded")]
    liked = next((name for name in reactions if LIKED.fullmatch(name) or DISLIKED.fullmatch(name)), None)
    if liked is None or read.on is None or is_from_bot(read.payload):
        return None
    rated = read.activity(ActivityKind.RATED, f"rated:{read.on}:{read.who}:{read.told or read.id}")
    return replace(rated, target=read.on, liked=LIKED.fullmatch(liked) is not None)


def _installed(read: _Read) -> Activity | None:
    """The app is new here: the same hour is the same greeting."""
    if not is_added(read.payload) or is_from_bot(read.payload):
        return None
    opened = read.activity(ActivityKind.OPENED, f"installed:{read.room}:{read.at:%Y%m%d%H}")
    return replace(opened, address=replace(opened.address, thread=None), target=OWN_CHAT)


def _executed(read: _Read) -> Activity | None:
    return _pressed(read, part(part(read.value, "action"), "data"))


def _asked(read: _Read) -> Activity | None:
    return _pressed(read, part(read.value, "data"))


def _pressed(read: _Read, data: Payload) -> Activity | None:
    press = buttons.read(data)
    return _press(read, press) if press is not None else None


def _press(read: _Read, press: Press) -> Activity:
    pressed = read.activity(ActivityKind.ACTION, f"press:{read.id}")
    return replace(pressed, press=replace(press, text=press.text[:LONGEST]), target=read.on)


def _sent_aside(read: _Read) -> Activity | None:
    """A form that was opened on somebody's message, wherever that stands: it goes on in the sender's own chat."""
    sent = _asked(read)
    return replace(sent, address=_own_chat(read), target=None) if sent is not None else None


def _used(read: _Read) -> Activity | None:
    """A shortcut on a message, whoever wrote it; the answer goes to whoever used it, in their own chat."""
    command, message = text_in(read.value, "commandId"), part(read.value, "messagePayload")
    if command not in SHORTCUTS:
        return None
    used = read.activity(ActivityKind.SHORTCUT, f"shortcut:{read.id}")
    return replace(used, address=_own_chat(read), target=command, about=_heard(read, message))


def _heard(read: _Read, message: Payload) -> Heard:
    """As the client of whoever used the shortcut tells it: who wrote it, and what it says, nobody has verified."""
    activity_id, author, body = text_in(message, "id"), part(message, "from"), part(message, "body")
    if not activity_id:
        raise ValueError("no message")
    user, application = part(author, "user"), part(author, "application")
    who, content = person_of({"aadObjectId": user.get("id")}), text_in(body, "content")
    place = conversation_of(read.payload)
    name = f"{place}|{activity_id}" if place.startswith(BETWEEN_PEOPLE) else read.message_id(activity_id)
    return Heard(
        message_id=name,
        author=ExternalId(CHANNEL, read.tenant, who) if who else None,
        author_name=called(text_in(user or application, "displayName")),
        text=from_html(content) if body.get("contentType") == "html" else clean(content).strip()[:LONGEST],
        at=_time(text_in(message, "createdDateTime"), read.at),
        thread=(text_in(message, "replyToId") or activity_id) if read.kind == "channel" else None,
        files=files_told(message, name),
    )


def _own_chat(read: _Read) -> Address:
    return Address(CHANNEL, read.tenant, direct_room(read.who))


def _rated(read: _Read) -> Activity | None:
    """The thumbs under an answer."""
    given = part(read.value, "actionValue")
    if read.value.get("actionName") != "feedback" or given.get("reaction") not in ("like", "dislike") or read.on is None:
        return None
    rated = read.activity(ActivityKind.RATED, f"rated:{read.on}:{read.who}:{read.id}")
    return replace(rated, target=read.on, liked=given["reaction"] == "like", text=_reason(given.get("feedback")))


def _reason(feedback: object) -> str:
    """What somebody wrote with their thumb: an object, or one as JSON."""
    if isinstance(feedback, str):
        try:
            feedback = json.loads(feedback)
        except (ValueError, RecursionError):
            return ""
    return text_in(feedback, "feedbackText").strip()[:LONGEST] if isinstance(feedback, Mapping) else ""


READ: Mapping[str, Callable[[_Read], Activity | None]] = {
    "message": _message,
    "messageUpdate": _changed,
    "messageDelete": _deleted,
    "messageReaction": _reacted,
    "installationUpdate": _installed,
    "conversationUpdate": _installed,
    "adaptiveCard/action": _executed,
    "task/fetch": _asked,
    "task/submit": _asked,
    "composeExtension/fetchTask": _used,
    "composeExtension/submitAction": _sent_aside,
    "message/submitAction": _rated,
}


def _file(attachment: Payload, name: str) -> FileRef | None:
    kind, content = text_in(attachment, "contentType").lower(), part(attachment, "content")
    title = called(text_in(attachment, "name"))
    if kind == DOWNLOAD:
        return FileRef(text_in(content, "uniqueId") or name, title or name, _mime(title), 0, text_in(content, "downloadUrl"))
    if kind == ELSEWHERE:
        return FileRef(text_in(attachment, "id") or name, title or name, _mime(title), 0)
    if kind.startswith("image/") and text_in(attachment, "contentUrl"):
        mime = "image/png" if kind == "image/*" else kind
        return FileRef(name, title or "image" + (mimetypes.guess_extension(mime) or ""), mime, 0, text_in(attachment, "contentUrl"))
    return None


def _mime(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _time(told: str, otherwise: datetime) -> datetime:
    """In UTC. Raises ValueError and OverflowError."""
    if not told:
        return otherwise
    at = datetime.fromisoformat(told)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
