"""What there is in a Teams: people, teams, rooms, messages, files; and what the fake remembers of its dealings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]
RoomKind = Literal["personal", "groupChat", "channel"]
CARD = "application/vnd.microsoft.card.adaptive"
FILE_INFO = "application/vnd.microsoft.teams.file.download.info"
FILE_CONSENT = "application/vnd.microsoft.teams.card.file.consent"
FILE_CARD = "application/vnd.microsoft.teams.card.file.info"


class BotError(Exception):
    """What the Bot Connector or Graph answers with an error. `recorded` False: it was ordered by a test, so it is nobody's violation."""

    def __init__(self, status: int, code: str, message: str = "", *, recorded: bool = True) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.recorded = status, code, message, recorded


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that Teams would have refused."""

    method: str
    status: int
    code: str
    message: str
    payload: Any


@dataclass(slots=True)
class Sent:
    """A delivery to the bot. `status` 0: no answer came (`reason` says why)."""

    payload: Json
    status: int = 0
    body: Any = None
    reason: str = ""

    @property
    def acked(self) -> bool:
        return 200 <= self.status < 300


@dataclass(slots=True)
class Person:
    key: str
    name: str
    user_id: str
    """Teams' own, and only for this bot: "29:..."."""
    object_id: str
    email: str
    upn: str
    tenant: str
    role: Literal["user", "guest", "anonymous"] = "user"


@dataclass(slots=True)
class Team:
    id: str
    group_id: str
    name: str
    members: set[str]
    """Keys of people."""
    installed: bool = False


@dataclass(slots=True)
class Room:
    key: str
    """What tests call it: "general", "support", "group", a person's key for their chat with the bot."""
    id: str
    kind: RoomKind
    tenant: str
    name: str
    members: set[str]
    team: Team | None = None
    installed: bool = False
    shared: bool = False
    """A channel that other organisations share."""


@dataclass(slots=True)
class FakeFile:
    """`inline`: a picture pasted into the message; otherwise a file of its own."""

    name: str
    content: bytes
    mime: str = "application/octet-stream"
    inline: bool = False
    id: str = ""
    gone: bool = False


@dataclass(slots=True)
class Shown:
    """A message as people see it now. `by`: a person's key, None for the bot."""

    id: str
    room: Room
    at: datetime
    by: str | None = None
    text: str = ""
    text_format: str = "markdown"
    summary: str = ""
    card: Json | None = None
    entities: list[Json] = field(default_factory=list)
    channel_data: Json = field(default_factory=dict)
    attachments: list[Json] = field(default_factory=list)
    thread: str | None = None
    """In a channel: the root's id, its own for a root."""
    edited: bool = False
    deleted: bool = False
    streamed: bool = False
    """Its text was built up before everybody's eyes."""
    seen: dict[str, Json] = field(default_factory=dict)
    """By person: the card that the answer to a press showed them in place of this one."""
    reactions: dict[str, set[str]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    """What stood here before, oldest first."""

    def card_for(self, person: str) -> Json | None:
        return self.seen.get(person, self.card)

    def as_activity(self) -> Mapping[str, Any]:
        return {
            "text": self.text, "attachments": self.attachments, "entities": self.entities, "channelData": self.channel_data,
        }  # fmt: skip
