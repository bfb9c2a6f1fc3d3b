"""What the channels and the conversation say to each other.

A channel turns what it hears into an `Activity` for the `Intake` it was given, and a `Reply` for an `Address` into
what its platform shows. It knows nothing else of the bot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, cast

from pydantic import TypeAdapter

from connectors.ports.people import ExternalId


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is said. `room` is the platform's room or direct chat; `thread` the thread in it.

    `thread` None in an outgoing address: a new message of its own in that room; what it starts is told by the delivery. `thread`
    None in what was heard: it was said in no thread, or in a room that has none (a chat of Teams). There the bot tells by time what
    belongs together, and names such a run of messages by a thread of its own, which the platform does not show.
    """

    channel: str
    tenant: str
    room: str
    thread: str | None = None


class ActivityKind(StrEnum):
    MESSAGE = "message"
    ACTION = "action"
    """A button was pressed or a form sent; `target` is the message that it stands on, where the platform tells."""
    EDITED = "edited"
    """`text` is the new text; `target` the id of the message's own activity."""
    DELETED = "deleted"
    OPENED = "opened"
    """Somebody opened the bot's own page (`target` HOME_PAGE) or its chat (`target` OWN_CHAT)."""
    STOPPED = "stopped"
    """Somebody told the bot to stop what it is saying or doing in this conversation."""
    SHORTCUT = "shortcut"
    """`target` is a `Shortcut`; `about` the message it was used on."""
    MARKED = "marked"
    """Somebody marked a message (an emoji) so that a request is made of it; `target` is that message's id."""
    RATED = "rated"
    """Somebody said of a message of the bot (`target`) whether it was of use (`liked`); `text` may say why."""


class Shortcut(StrEnum):
    CREATE_REQUEST = "create_request"
    ADD_TO_KNOWLEDGE = "add_to_knowledge"


HOME_PAGE = "home"
OWN_CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button: the opaque id of its `Action`, and what was typed with it (a reason, a reply)."""

    action_id: str
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file on a platform. `url` is for the channel itself to download it with; nobody is ever shown it."""

    id: str
    name: str
    mime: str
    size: int
    """Bytes, as the platform says."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that Foyer keeps; `Files.read` has its bytes."""

    id: str
    name: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it stands on the platform now, whoever wrote it. Its text is data: it chooses nothing by itself."""

    message_id: str
    """The id that its activity has."""
    author: ExternalId | None
    """None for a bot."""
    author_name: str
    text: str
    at: datetime
    thread: str | None = None
    files: tuple[FileRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """Any inbound thing, translated. `id` is unique in (channel, tenant): a redelivery has the same one.

    The id of a MESSAGE is the platform's message id, as `Delivered.message_id` is of the bot's own.
    """

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
    """What it is about; the kinds say."""
    addressed: bool = True
    """Said to the bot, in its own chat or by mention; False for what it merely overhears in a room."""
    for_others: bool = False
    """It names people, and the bot is none of them."""
    in_thread: bool = False
    """A reply in a thread that began before; `Channel.history` has what was said there."""
    files: tuple[FileRef, ...] = ()
    incomplete: bool = False
    """The platform left out the files: `Channel.read` has them."""
    about: Heard | None = None
    surface: str | None = None
    """An empty form that the channel opened at once for the answer: a reply with this surface fills it."""
    liked: bool | None = None


class ReplyKind(StrEnum):
    ANSWER = "answer"
    QUESTION = "question"
    PROGRESS = "progress"
    APPROVAL = "approval"
    RECEIPT = "receipt"
    HANDOFF = "handoff"
    NOTICE = "notice"
    REFUSAL = "refusal"
    FORM = "form"
    """To be filled in; shown on `surface`."""
    HOME = "home"
    """The bot's own page for one person; posting it again replaces it."""
    GREETING = "greeting"
    """What the bot's chat shows before anything is said: who it is, and `prompts` to begin with."""


@dataclass(frozen=True, slots=True)
class Citation:
    """`n` matches the [n] in the text. `updated` is when the article was last reviewed or changed."""

    n: int
    title: str
    source: str
    """Where it is from, as a file name or an id."""
    section: str = ""
    snippet: str = ""
    url: str | None = None
    updated: datetime | None = None
    restricted: bool = False
    """Not everybody in the organisation may read it."""


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
    confirm: str = ""
    """What to ask before it is done ("Undo this?"), for what destroys something."""
    opens_form: bool = False
    """The answer to this press is a form: a channel with `forms` opens an empty one at once and names it as `surface`."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One thing to fill in. `choices` are (value, label) for a choice; `value` what stands there already."""

    name: str
    label: str
    kind: Literal["text", "long_text", "choice", "date", "number"] = "text"
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    value: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """Sent back as a press of `submit`, with its values by field name. Dates are YYYY-MM-DD."""

    title: str
    submit: Action
    fields: tuple[FormField, ...]
    text: str = ""
    """Markdown above the fields."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Was this answer of use? `down` may ask for the reason, which then comes as a second press of it."""

    up: Action
    down: Action


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something to begin with: what it is called, and what is said by choosing it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a home page: a heading, and what stands under it."""

    title: str
    items: tuple["Item", ...]
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """Markdown, with its buttons."""

    text: str
    actions: tuple[Action, ...] = ()


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
    only_for: str | None = None
    """The platform's id of the one person in the room who may see it; None for everybody there."""
    files: tuple[Attachment, ...] = ()
    feedback: Feedback | None = None
    form: Form | None = None
    surface: str | None = None
    sections: tuple[Section, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    unfinished: bool = False
    """It is still being written: it is shown as it is now, and what it says in the end comes as an edit."""

    def as_json(self) -> dict[str, Any]:
        return cast(dict[str, Any], _reply.dump_python(self, mode="json"))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Reply":
        return _reply.validate_python(data)


_reply: TypeAdapter[Reply] = TypeAdapter(Reply)


Operation = Literal["post", "edit", "delete"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can show beyond messages."""

    forms: bool
    """It can open an empty form at once, and fill it later."""
    home: bool
    """It has a page of its own for each person."""
    whispers: bool = True
    """It can show a message in a room of several to one person alone (`Reply.only_for`). Where it cannot, the bot says what is for one
    person in their own chat; what is sent with `only_for` all the same goes there, too."""
    flat_rooms: bool = False
    """It has rooms without threads: a message that is heard in no thread stands in such a room itself. Elsewhere it stands nowhere
    yet (a command), and `begin` puts it there."""
    forms_in_messages: bool = False
    """It can show a form in an ordinary message (a Reply with a form, and no surface)."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """`message_id` is the platform's; `thread` the thread that a reply to it would be in."""

    message_id: str
    thread: str | None = None
    unsent: tuple[str, ...] = ()
    """Names of the files that the platform did not take; all else is shown."""


Standing = Literal["member", "guest", "stranger", "bot", "gone"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is on a platform, by the platform's own word. `email` only where the platform has verified it."""

    external_id: str
    name: str
    standing: Standing
    email: str | None = None
    picture: str | None = None
    account: str | None = None
    """The organisation's own id of the account, where the platform signs people in by the organisation's directory:
    "entra:<tenant>:<object id>", as `Directory.by_account` takes it."""


class Channel(Protocol):
    """One chat platform. The contract suite in tests/contract/ runs on every implementation and on `MemoryChannel`.

    All that talks to the platform raises Retry (nothing came of it, `after` seconds) when it cannot be reached.
    """

    name: str
    capabilities: Capabilities

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        """Shows a reply. `message_id` names the message to edit or delete, None for a post.

        Raises Retry (not shown), OutcomeUnknown (perhaps shown: `find` tells), Refused (never).
        """

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        """The message that was posted under this key, None if there is none: asked after an unknown outcome."""

    async def begin(self, address: Address, said: str, *, key: str, since: datetime) -> Address:
        """A thread to talk in, for something that was not said in one (a form, a command); `said` is shown as what began it.

        Once a key; nothing was begun under it before `since`.
        """

    def direct(self, tenant: str, external_id: str) -> Address:
        """The room in which this channel speaks to one person alone."""

    def is_shared(self, address: Address) -> bool:
        """Whether several people read in this room."""

    async def has_outsiders(self, address: Address) -> bool:
        """Whether people of other organisations read in this room; true where that cannot be found out."""

    async def hears(self, address: Address) -> bool:
        """Whether it hears in this room what nobody said to it; true where that cannot be found out. Asked at every card of staff."""

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        """Who this is; None for an id that the platform does not know."""

    async def lookup(self, email: str) -> ExternalId | None:
        """Whoever has this verified address on the platform; None if nobody has, or the platform cannot tell."""

    async def read(self, address: Address, message_id: str) -> Heard | None:
        """A message of this room as it stands now; None if it is gone."""

    async def history(self, address: Address, *, before: str, limit: int) -> Sequence[Heard]:
        """What was said in this thread before that message, oldest first; the last `limit` of it, bots left out."""

    async def download(self, tenant: str, file: FileRef) -> bytes:
        """The bytes of a file that was sent. Raises Refused (`too_large`, `not_allowed`, `gone`)."""


class Intake(Protocol):
    async def record(self, activity: Activity) -> bool:
        """Commits the activity to the inbox; False when it was there already, or was overheard and is none of the bot's
        business. Acknowledge only after this."""


class Files(Protocol):
    async def read(self, attachment_id: str) -> bytes:
        """Raises Refused when it is gone."""
