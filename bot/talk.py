"""One turn while it is thought out: who speaks, what is said back, what changes. Nothing is written until it is saved."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.changes import Changes, Post
from bot.conversation.model import Awaits, Conversation, Speaker, TranscriptEvent
from bot.words import Words
from connectors.ports.chat import Action, Attachment, Author, Citation, Reply, ReplyKind, RequestRef
from connectors.ports.people import Person
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
    files: tuple[Attachment, ...] = ()
    """What was sent with what is being heard."""
    private_to: str | None = None
    """The open sensitive handoff that all that is said here belongs to."""

    def hear(self, text: str) -> None:
        event = TranscriptEvent(new_id(), self.conversation.id, self.now, "person", text, self.person.id, private_to=self.private_to)
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
    ) -> None:
        """Speaks in this conversation; with an author, in a member of staff's own name."""
        reply = Reply(
            id=new_id(),
            kind=kind,
            text=text,
            citations=tuple(citations),
            request=request_ref(request) if request is not None else None,
            actions=tuple(actions),
            author=author,
        )
        self.post(reply, author_id=author_id, private_to=private_to)

    def post(self, reply: Reply, *, card_key: str | None = None, author_id: str | None = None, private_to: str | None = None) -> None:
        self.changes.posts.append(Post(self.conversation.address, reply, card_key, self.person.id))
        speaker: Speaker = "staff" if author_id is not None else "bot"
        of = private_to or self.private_to
        self.changes.transcript.append(
            TranscriptEvent(new_id(), self.conversation.id, self.now, speaker, reply.text, author_id, reply.kind.value, of)
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


def request_ref(request: Request) -> RequestRef:
    return RequestRef(request.case, request.skill, request.state.value)
