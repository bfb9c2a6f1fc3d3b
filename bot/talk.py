"""One turn while it is thought out: who speaks, what is said back, what changes. Nothing is written until it is saved."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.changes import Changes, Post
from bot.conversation.model import Awaits, Conversation, Speaker, TranscriptEvent
from bot.people import PeopleStore
from bot.rooms import Rooms
from bot.words import Words
from connectors.ports.chat import Action, Address, Attachment, Author, Citation, Reply, ReplyKind, RequestRef
from connectors.ports.messages import Messages
from connectors.ports.people import ExternalId, Person
from connectors.ports.records import new_id
from specialists.request import Request


@dataclass(slots=True)
class Talk:
    """`id` is the turn's; requests opened in it are keyed by it, so that a repeated turn opens them once."""

    id: str
    person: Person
    conversation: Conversation
    words: Words
    now: datetime
    changes: Changes = field(default_factory=Changes)
    confidence: float | None = None
    """Of what was understood in this turn, 0-1."""
    asked: bool = False
    """A question was asked in this turn; another one waits."""
    opened: int = 0
    reader: ExternalId | None = None
    """Who the person is on the channel of this conversation, where that is known."""
    alone: Address | None = None
    """The person's own room, when this conversation is in a room of several people."""
    personal_skills: frozenset[str] = frozenset()
    files: tuple[Attachment, ...] = ()
    """What was sent with what is being heard."""
    began: str = ""
    """What a thread is begun with, when what was heard was not said in one (a form, a button of the home page)."""
    private_to: str | None = None
    """The open sensitive handoff that all that is said here belongs to."""

    def hear(self, text: str, message_id: str | None = None) -> None:
        said = "\n".join(filter(None, (text, *(self.words("say.file", name=file.name) for file in self.files))))
        event = TranscriptEvent(
            new_id(), self.conversation.id, self.now, "person", said, self.person.id, private_to=self.private_to, message_id=message_id
        )
        self.changes.transcript.append(event)

    def keep_private(self, handoff_id: str) -> None:
        """From here on, and what this turn has said already, only the claimant of this handoff reads."""
        self.private_to = handoff_id
        self.changes.transcript[:] = [
            replace(event, private_to=handoff_id) if event.conversation_id == self.conversation.id else event
            for event in self.changes.transcript
        ]

    def say(
        self,
        kind: ReplyKind,
        text: str,
        *,
        citations: Sequence[Citation] = (),
        request: Request | None = None,
        actions: Sequence[Action] = (),
        author: Author | None = None,
        author_id: str | None = None,
        private_to: str | None = None,
        personal: bool = False,
    ) -> None:
        """Speaks in this conversation; with an author, in a member of staff's own name. `personal`: to this person alone."""
        reply = Reply(
            id=new_id(),
            kind=kind,
            text=text,
            citations=tuple(citations),
            request=request_ref(request) if request is not None else None,
            actions=tuple(actions),
            author=author,
        )
        self.post(reply, author_id=author_id, private_to=private_to, personal=personal)

    def post(
        self,
        reply: Reply,
        *,
        card_key: str | None = None,
        author_id: str | None = None,
        private_to: str | None = None,
        personal: bool = False,
    ) -> None:
        self.changes.posts.append(self._addressed(reply, card_key, personal or self._is_personal(reply, private_to)))
        speaker: Speaker = "staff" if author_id is not None else "bot"
        of = private_to or self.private_to
        self.changes.transcript.append(
            TranscriptEvent(new_id(), self.conversation.id, self.now, speaker, reply.text, author_id, reply.kind.value, of)
        )

    def _addressed(self, reply: Reply, card_key: str | None, personal: bool) -> Post:
        """Where it goes. In a room of several people what is personal is shown to the one person only; what changes later, and so
        cannot be shown like that, goes to their own room."""
        here = self.conversation.address
        if not personal or self.alone is None:
            return Post(here, reply, card_key, self.person.id)
        if card_key is not None or self.reader is None:
            return Post(self.alone, reply, card_key, self.person.id)
        return Post(here, replace(reply, only_for=self.reader.external_id), None, self.person.id)

    def _is_personal(self, reply: Reply, private_to: str | None) -> bool:
        return (
            reply.kind is ReplyKind.REFUSAL
            or (private_to or self.private_to) is not None
            or (reply.request is not None and reply.request.skill in self.personal_skills)
            or any(citation.restricted for citation in reply.citations)
        )

    def ask(self, awaits: Awaits, text: str, *, request: Request | None = None, actions: Sequence[Action] = ()) -> None:
        """Asks one question; a second one in the same turn waits until the first is answered."""
        if self.asked:
            self.conversation = self.conversation.queueing(awaits)
            return
        self.asked = True
        self.conversation = self.conversation.asking(awaits)
        self.say(ReplyKind.QUESTION, text, request=request, actions=actions)

    def current(self, request: Request) -> Request:
        """The request as this turn has changed it so far."""
        change = self.changes.requests.get(request.id)
        return change.request if change is not None else request


@dataclass(frozen=True, slots=True)
class Talks:
    """Opens a Talk with what it must know of its room."""

    people: PeopleStore
    rooms: Rooms
    messages: Messages
    personal_skills: frozenset[str]

    async def open(
        self, turn_id: str, person: Person, conversation: Conversation, now: datetime, changes: Changes, reader: ExternalId | None = None
    ) -> Talk:
        """`reader`: who the person is on this channel, when they have just spoken there."""
        address = conversation.address
        if reader is None and self.rooms.is_shared(address):
            known = await self.people.external_id(person, address.channel, address.tenant)
            reader = ExternalId(address.channel, address.tenant, known) if known is not None else None
        return Talk(
            turn_id,
            person,
            conversation,
            Words.for_person(self.messages, person),
            now,
            changes,
            reader=reader,
            alone=self.rooms.alone(address, reader),
            personal_skills=self.personal_skills,
        )


def request_ref(request: Request) -> RequestRef:
    return RequestRef(request.case, request.skill, request.state.value)
