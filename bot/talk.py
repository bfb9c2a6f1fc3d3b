"""One turn while it is thought out: who speaks, what is said back, what changes. Nothing is written until it is saved."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.changes import Changes, Post
from bot.conversation.model import Awaits, Conversation, Speaker, TranscriptEvent
from bot.live_answers import LiveAnswer
from bot.people import PeopleStore
from bot.privacy import Situation, Subject, Where, where
from bot.rooms import Rooms
from bot.words import Words
from connectors.errors import Refused
from connectors.ports.chat import Action, Address, Attachment, Author, Citation, Reply, ReplyKind, RequestRef
from connectors.ports.language import NOBODY, Behalf
from connectors.ports.messages import Messages
from connectors.ports.people import ExternalId, Person
from connectors.ports.records import new_id
from knowledge.answers import Answer
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
    """The person's own room; None when this conversation is in no room of several people."""
    present: Address | None = None
    """The room in which they have just spoken or pressed something; None when nobody did."""
    whispers: bool = True
    """Something can be shown to them alone in the room of this conversation, if that is a room of several."""
    apart: bool = False
    """They have spoken in their own room (`alone`) of what is going on in a room of several: there they are answered."""
    outsiders: bool = False
    """People of other organisations read in the room of this conversation."""
    personal_skills: frozenset[str] = frozenset()
    files: tuple[Attachment, ...] = ()
    """What was sent with what is being heard."""
    untaken: list[str] = field(default_factory=list)
    """What is to be said, after all else, of files that could not be had."""
    about: tuple[Subject, ...] = ()
    """What all that is said here is about, beside what is said of each part of it."""
    sent_elsewhere: bool = False
    """They were told that something of this turn is in their own room."""
    began: str = ""
    """What a thread is begun with, when what was heard was not said in one (a form, a button of the home page)."""
    private_to: str | None = None
    """The open sensitive handoff that all that is said here belongs to."""
    behalf: Behalf = NOBODY
    """For whom a language model works in this turn."""
    live: LiveAnswer | None = None
    """The message in which an answer is shown while it is made; None where it is shown when it is there."""

    def hear(self, text: str, message_id: str | None = None) -> None:
        said = "\n".join(filter(None, (text, *(self.words("say.file", name=file.name) for file in self.files))))
        event = TranscriptEvent(
            new_id(), self.conversation.id, self.now, "person", said, self.person.id, private_to=self.private_to, message_id=message_id
        )
        self.changes.transcript.append(event)

    def keep_private(self, handoff_id: str) -> None:
        """From here on, and what this turn has said already, only the claimant of this handoff reads."""
        self.private_to = handoff_id
        self.conversation = replace(self.conversation, question=None)
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
        about: Sequence[Subject] = (),
        personal: bool = False,
    ) -> None:
        """Speaks in this conversation; with an author, in a member of staff's own name. `about`: what more than `request` it tells
        of; `personal`: to this person alone in any case."""
        reply = Reply(
            id=new_id(),
            kind=kind,
            text=text,
            citations=tuple(citations),
            request=request_ref(request) if request is not None else None,
            actions=tuple(actions),
            author=author,
        )
        subjects = (*about, request) if request is not None else about
        self.post(reply, author_id=author_id, private_to=private_to, about=subjects, personal=personal)

    def post(
        self,
        reply: Reply,
        *,
        card_key: str | None = None,
        author_id: str | None = None,
        private_to: str | None = None,
        about: Sequence[Subject] = (),
        personal: bool = False,
    ) -> None:
        """`about`: the requests and handoffs that it tells of; that decides who sees it."""
        of = private_to or self.private_to
        shown = self._where(reply, about, personal=personal or of is not None, lasting=card_key is not None)
        self._send(reply, shown, card_key)
        self.remember(reply.kind, reply.text, author_id=author_id, private_to=of)

    @property
    def streams(self) -> bool:
        """Whether what is said next may be shown while it is made: it is no private matter, and nothing waits to be said before it."""
        return self.live is not None and not self.live.taken and self.private_to is None and not self.changes.posts

    async def show(self, so_far: Answer, reply: Reply) -> None:
        """Shows what there is of an answer where the whole of it will stand, its sources left for the end. Raises Stopped, and Refused
        where that is not in the conversation, for all who read there.
        """
        if self.live is None or not self.streams or self._where(reply) is not Where.HERE:
            raise Refused("not_shown_openly")
        post = Post(self.conversation.address, replace(reply, citations=()), None, self.person.id)
        await self.live.show(so_far, post, self.conversation)

    def _where(self, reply: Reply, about: Sequence[Subject] = (), *, personal: bool = False, lasting: bool = False) -> Where:
        situation = Situation(self.alone is not None, self._is_present() and self.whispers, self.apart, self.outsiders)
        subjects = (*self.about, *about)
        return where(reply, subjects, self.conversation, situation, self.personal_skills, personal=personal, lasting=lasting)

    def remember(self, kind: ReplyKind, text: str, *, author_id: str | None = None, private_to: str | None = None) -> None:
        """What was said, for whoever reads the conversation; also of what a card says that was there before."""
        speaker: Speaker = "staff" if author_id is not None else "bot"
        of = private_to or self.private_to
        event = TranscriptEvent(new_id(), self.conversation.id, self.now, speaker, text, author_id, kind.value, of)
        self.changes.transcript.append(event)

    def _is_present(self) -> bool:
        return self.reader is not None and self.present == replace(self.conversation.address, thread=None)

    def _send(self, reply: Reply, shown: Where, card_key: str | None) -> None:
        here, posts = self.conversation.address, self.changes.posts
        if self.live is not None and reply.kind is ReplyKind.ANSWER and shown is not Where.HERE:
            self.live.otherwise = self.words("answer.elsewhere")
        if shown is Where.WHISPERED and self.reader is not None:
            posts.append(Post(here, replace(reply, only_for=self.reader.external_id), None, self.person.id))
        elif shown is Where.HERE or self.alone is None:
            post = Post(here, reply, card_key, self.person.id)
            if self.live is None or not self.live.takes(post, posts):
                posts.append(post)
        else:
            # A placement, so that the thread which it begins there is known to belong to this conversation.
            posts.append(Post(self.alone, reply, card_key or f"said:{self.conversation.id}", self.person.id))
            self._tell_where()

    def _tell_where(self) -> None:
        """Whoever has asked in a room and is answered elsewhere is told so there, once a turn; before everybody where nothing can be
        whispered, unless people of other organisations read there."""
        openly = not self.whispers
        if self.reader is None or self.sent_elsewhere or not self._is_present() or (openly and self.outsiders):
            return
        self.sent_elsewhere = True
        told = Reply(new_id(), ReplyKind.NOTICE, self.words("room.elsewhere"), only_for=None if openly else self.reader.external_id)
        self.changes.posts.append(Post(self.conversation.address, told, None, self.person.id))

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
        self,
        turn_id: str,
        person: Person,
        conversation: Conversation,
        now: datetime,
        changes: Changes,
        reader: ExternalId | None = None,
        heard: Address | None = None,
    ) -> Talk:
        """`reader`: who the person is on this channel, when they have just spoken there; `heard`: where, with its thread, when that
        is not where the conversation is."""
        address = conversation.address
        present = replace(heard or address, thread=None) if reader is not None else None
        apart = heard is not None and present != replace(address, thread=None) and not self.rooms.is_shared(heard)
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
            alone=heard if apart else await self._alone(person, address, reader),
            apart=apart,
            present=present,
            whispers=self.rooms.channels[address.channel].capabilities.whispers,
            outsiders=self.rooms.is_shared(address) and await self.rooms.has_outsiders(address),
            personal_skills=self.personal_skills,
        )

    async def _alone(self, person: Person, address: Address, reader: ExternalId | None) -> Address | None:
        """Somewhere else than in a room of several, even for somebody who is not known there any more."""
        if not self.rooms.is_shared(address):
            return None
        return self.rooms.own(address, reader) if reader is not None else await self.people.address(person, self.rooms.channels)


def request_ref(request: Request) -> RequestRef:
    return RequestRef(request.case, request.skill, request.state.value)
