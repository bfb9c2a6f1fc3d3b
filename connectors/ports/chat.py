"""What the channels and the conversation say to each other.

A channel turns what it hears into an `Activity` for the `Intake` it was given, and a `Reply` for an `Address` into
what its platform shows. It knows nothing else of the bot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, cast

from pydantic import TypeAdapter

from connectors.ports.people import ExternalId


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is said. `room` is the platform's room or direct chat; `thread` the thread in it.

    `thread` None in an outgoing address: a new message of its own in that room; what it starts is told by the delivery.
    """

    channel: str
    tenant: str
    room: str
    thread: str | None = None


class ActivityKind(StrEnum):
    MESSAGE = "message"
    ACTION = "action"
    """A button was pressed or a form sent."""
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button: the opaque id of its `Action`, and what was typed with it (a reason, a reply)."""

    action_id: str
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Activity:
    """Any inbound thing, translated. `id` is unique in (channel, tenant): a redelivery has the same one."""

    id: str
    kind: ActivityKind
    address: Address
    sender: ExternalId
    at: datetime
    text: str = ""
    press: Press | None = None
    order: str = ""
    """Sorts activities of one conversation as the platform saw them; by arrival when empty."""
    target: str | None = None
    """For edited and deleted: the platform's id of the message meant."""


class ReplyKind(StrEnum):
    ANSWER = "answer"
    QUESTION = "question"
    PROGRESS = "progress"
    APPROVAL = "approval"
    RECEIPT = "receipt"
    HANDOFF = "handoff"
    NOTICE = "notice"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Citation:
    """`n` matches the [n] in the text. `updated` is when the article was last reviewed or changed."""

    n: int
    title: str
    source: str
    section: str = ""
    snippet: str = ""
    url: str | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestRef:
    """The request a reply is about. `case` is what people quote ("FOY-12")."""

    case: str
    skill: str
    state: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button. `id` is opaque and grants nothing; who pressed it is checked. `needs_text`: ask for words with it."""

    id: str
    label: str
    style: Literal["primary", "danger", "plain"] = "plain"
    needs_text: Literal["no", "optional", "required"] = "no"
    prompt: str = ""
    """What to ask for when text is wanted, already in the person's language."""


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    status: Literal["pending", "running", "done", "failed", "undone"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Who has the ball and what is ticked off; shown on the live card."""

    title: str
    ball: str
    """Already in words: "Approval: Priya Nair, since 14:05"."""
    specialist: str
    steps: tuple[Step, ...] = ()
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """A member of staff who speaks themselves; None on a Reply means the bot speaks."""

    name: str
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled fact on a card: an approval's exact argument, a line of a receipt or a briefing."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said to people, in the reader's language and zone already. `id` stays the same when a card changes."""

    id: str
    kind: ReplyKind
    text: str
    """Markdown."""
    citations: tuple[Citation, ...] = ()
    request: RequestRef | None = None
    actions: tuple[Action, ...] = ()
    progress: Progress | None = None
    fields: tuple[Field, ...] = ()
    transcript: tuple[str, ...] = ()
    """What was said so far, on a handoff card; one line an utterance."""
    author: Author | None = None
    requester_only: bool = False

    def as_json(self) -> dict[str, Any]:
        return cast(dict[str, Any], _reply.dump_python(self, mode="json"))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Reply":
        return _reply.validate_python(data)


_reply: TypeAdapter[Reply] = TypeAdapter(Reply)


Operation = Literal["post", "edit", "delete"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can show; renderers truncate visibly or split beyond it."""

    live_edits: bool
    forms: bool
    requester_only: bool
    max_chars: int
    max_actions: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """`message_id` is the platform's; `thread` the thread that a reply to it would be in."""

    message_id: str
    thread: str | None = None


class Channel(Protocol):
    """One chat platform. The contract suite in tests/contract/ runs on every implementation and on `MemoryChannel`."""

    name: str
    capabilities: Capabilities

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        """Shows a reply. `message_id` names the message to edit or delete, None for a post.

        Raises Retry (not shown, `after` seconds), OutcomeUnknown (perhaps shown: `find` tells), Refused (never).
        """

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        """The message that was posted under this key, None if there is none: asked after an unknown outcome."""

    def direct(self, tenant: str, external_id: str) -> Address:
        """The room in which this channel speaks to one person alone."""


class Intake(Protocol):
    async def record(self, activity: Activity) -> bool:
        """Commits the activity to the inbox; False when it was there already. Acknowledge only after this."""
