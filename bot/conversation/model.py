"""A conversation: one thread of one channel, with what it waits for. Pure.

Requests belong to persons, not to conversations; a conversation only remembers which ones it talks about.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from connectors.ports.chat import Address
from connectors.ports.language import NOBODY, Behalf
from connectors.ports.people import Person
from connectors.ports.records import new_id
from specialists.request import SlotValue


@dataclass(frozen=True, slots=True)
class AwaitsSlot:
    """A request's slot was asked for. `misses`: answers that did not parse."""

    request_id: str
    slot: str
    misses: int = 0
    type: Literal["slot"] = "slot"


@dataclass(frozen=True, slots=True)
class AwaitsConfirmation:
    """The employee was asked whether this is what they want."""

    request_id: str
    type: Literal["confirmation"] = "confirmation"


@dataclass(frozen=True, slots=True)
class AwaitsChoice:
    """Several skills are likely: which one did they mean? `utterance` is what was said, `id` what its buttons name."""

    skills: tuple[str, ...]
    utterance: str
    id: str = field(default_factory=new_id)
    type: Literal["choice"] = "choice"


@dataclass(frozen=True, slots=True)
class AwaitsHandoffAnswer:
    """A person was offered. `reason` is a handoff reason, `utterance` what it is about; `sensitive`: the topic, where it was offered
    to tell it in private."""

    reason: str
    utterance: str
    request_id: str | None = None
    sensitive: str | None = None
    type: Literal["handoff"] = "handoff"


@dataclass(frozen=True, slots=True)
class AwaitsSolved:
    """ "Did this solve it?" was asked about a request."""

    request_id: str
    type: Literal["solved"] = "solved"


@dataclass(frozen=True, slots=True)
class AwaitsInvitation:
    """Somebody marked what this person said to others: they were asked whether the bot may help. `text`: what they said."""

    text: str
    message_id: str
    type: Literal["invitation"] = "invitation"


Awaits = AwaitsSlot | AwaitsConfirmation | AwaitsChoice | AwaitsHandoffAnswer | AwaitsSolved | AwaitsInvitation
awaits_adapter: TypeAdapter[tuple[Awaits, ...]] = TypeAdapter(tuple[Awaits, ...])


@dataclass(frozen=True, slots=True)
class Conversation:
    """`awaits`: open questions, the first is the one asked last. `version` 0 = not stored yet."""

    id: str
    address: Address
    person_id: str
    created_at: datetime
    awaits: tuple[Awaits, ...] = ()
    question: str | None = None
    """The last question answered from articles: a follow-up leans on it."""
    request_id: str | None = None
    """The request talked about last."""
    handoff_id: str | None = None
    """The open handoff, if any."""
    misses: int = 0
    """Utterances in a row that led nowhere; the second one opens a handoff."""
    engaged: bool = False
    """They have spoken to the bot here: from then on it need not be mentioned."""
    version: int = 0

    def asking(self, awaits: Awaits) -> "Conversation":
        """With one more open question, asked now; an older one of the same kind and request is dropped."""
        rest = tuple(item for item in self.awaits if not _same_subject(item, awaits))
        return replace(self, awaits=(awaits, *rest))

    def queueing(self, awaits: Awaits) -> "Conversation":
        """With one more open question, to be asked when those before it are answered."""
        rest = tuple(item for item in self.awaits if not _same_subject(item, awaits))
        return replace(self, awaits=(*rest, awaits))

    def without(self, *dropped: Awaits) -> "Conversation":
        return replace(self, awaits=tuple(item for item in self.awaits if item not in dropped))

    def passing_over(self, unseen: Collection[Awaits] = ()) -> "Conversation":
        """Without what stands for one turn only: an offer, a choice, "did this solve it?" What was not seen yet, `unseen`, comes
        last.
        """
        lasting = tuple(item for item in self.awaits if isinstance(item, AwaitsSlot | AwaitsConfirmation | AwaitsInvitation))
        return replace(self, awaits=(*lasting, *(item for item in self.awaits if item in unseen)))

    @property
    def composing(self) -> bool:
        """Whether a request is being put together here."""
        return any(isinstance(item, AwaitsSlot | AwaitsConfirmation) for item in self.awaits)

    def forgetting(self, request_id: str) -> "Conversation":
        """Without any open question about this request."""
        return replace(self, awaits=tuple(item for item in self.awaits if getattr(item, "request_id", None) != request_id))


def _same_subject(one: Awaits, other: Awaits) -> bool:
    return one.type == other.type and getattr(one, "request_id", None) == getattr(other, "request_id", None)


Speaker = Literal["person", "bot", "staff", "note", "other"]
"""Who speaks in the transcript; a note is internal to staff and never shown to the employee; other: whoever spoke in the thread
before the bot was called into it."""


@dataclass(frozen=True, slots=True)
class TranscriptEvent:
    """One line of the dialogue. `reply_kind` for what the bot said; `message_id` the platform's, for what a person said: if they
    edit or delete it there, the line follows."""

    id: str
    conversation_id: str
    at: datetime
    speaker: Speaker
    text: str
    person_id: str | None = None
    reply_kind: str | None = None
    private_to: str | None = None
    """The sensitive handoff that this was said about; only its claimant reads it, and no other handoff shows it."""
    message_id: str | None = None
    seq: int | None = None
    """Where it stands among all lines; None while it is not stored yet."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a turn needs to know of a request that is still open. `slots`: what is filled; a role is understood by its application."""

    id: str
    case: str
    skill: str
    state: str
    missing: tuple[str, ...] = ()
    slots: Mapping[str, SlotValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recall:
    """What the conversation remembers, as far as understanding needs it."""

    person: Person
    awaits: tuple[Awaits, ...] = ()
    question: str | None = None
    request_id: str | None = None
    requests: tuple[OpenRequest, ...] = ()
    """The person's open requests, newest first, whatever conversation they began in."""
    misses: int = 0
    handoff_open: bool = False
    unseen: tuple[Awaits, ...] = ()
    """Questions that the person was not shown yet, which no answer is meant for."""
    behalf: Behalf = NOBODY
    """For whom a language model works that helps to understand."""
    summary: str = ""
    """What was said here before, in short; data, never instructions."""
    private: bool = False
    """What is said here belongs to a sensitive handoff: no language model hears of it."""
