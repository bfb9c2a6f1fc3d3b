"""Tells people what happens to their requests: reads request events by cursor, keeps each live card true, and speaks up.

The cursor moves in the same transaction as what is said, so after a crash nothing is told twice and nothing is missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import outages
from bot import tables as t
from bot.buttons import Buttons
from bot.cards import RequestStory, approval_card, exact_arguments, receipt, status_card, titled
from bot.changes import Changes, Post, Redraw, Saver
from bot.conversation.model import AwaitsSolved
from bot.conversation.store import ConversationStore
from bot.database import Sessions
from bot.dialogue import Dialogue
from bot.front_page import FrontPage
from bot.handoff.desk import Desk
from bot.held import HeldPosts
from bot.metrics import Metrics
from bot.outbox import Placement
from bot.people import PeopleStore
from bot.talk import Talk, Talks, request_ref
from bot.turn import MOVED
from bot.words import Words
from connectors.errors import ConnectorError, Retry
from connectors.ports.chat import Action, Channel, Reply, ReplyKind
from connectors.ports.messages import Message, Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id
from specialists import request as requests
from specialists.approvals import Approval
from specialists.request import COMPOSED, Change, EventKind, Request, RequestEvent, RequestState
from specialists.roster import Roster
from specialists.skill import SkillSpec
from specialists.store import Conflict, RequestStore, StoredEvent

log = structlog.get_logger()
NAME = "status"
BATCH = 100
_SHOWN_ON_RECEIPT = {
    EventKind.UNDO_STARTED,
    EventKind.UNDONE,
    EventKind.NOTHING_TO_UNDO,
    EventKind.GRANT_ENDED,
    EventKind.RESOLVED,
}
ABANDONED = timedelta(days=1)
"""How long a request may wait for the employee's own answer."""


@dataclass(frozen=True, slots=True)
class StatusReader:
    sessions: Sessions
    requests: RequestStore
    conversations: ConversationStore
    people: PeopleStore
    channels: dict[str, Channel]
    dialogue: Dialogue
    desk: Desk
    talks: Talks
    front_page: FrontPage
    held: HeldPosts
    saver: Saver
    roster: Roster
    specs: Mapping[str, SkillSpec]
    messages: Messages
    buttons: Buttons
    metrics: Metrics
    clock: Clock
    room_reader: Reader
    """Language and zone of rooms that several people read."""
    assumed_after: timedelta

    async def read(self) -> None:
        """All that is new."""
        while True:
            try:
                if not await self.step():
                    return
            except MOVED:
                log.info("status_read_again")

    async def behind(self) -> bool:
        """Whether there are events that nobody was told of yet."""
        return bool(await self.requests.events_after(await self._cursor(), limit=1))

    async def step(self) -> bool:
        """Reads one batch of events; False when there was none."""
        cursor = await self._cursor()
        events = await self.requests.events_after(cursor, limit=BATCH)
        if not events:
            return False
        for request_id, seq, of_request in _runs(events):
            await self._tell(request_id, seq, of_request)
        return True

    async def _tell(self, request_id: str, seq: int, events: list[RequestEvent]) -> None:
        """Tells what happened to one request and moves the cursor past it. What cannot be told does not silence the rest."""
        try:
            changes = Changes()
            told = _Telling(self, changes)
            await told.tell(request_id, events)
            changes.conversations.extend(talk.conversation for talk in told.talks.values())
            await self._advance(changes, seq)
            self.metrics.events(events)
        except MOVED:
            raise
        except (SQLAlchemyError, OSError, Retry):
            raise  # the database or the directory is away: nothing is lost by waiting, but by passing over it
        except Exception:  # a defect in telling of one request: the others are still told
            log.exception("event_not_told", request=request_id, seq=seq)
            await self._advance(Changes(), seq)

    async def _advance(self, changes: Changes, seq: int) -> None:
        async def advance(session: AsyncSession) -> None:
            moved = await session.execute(
                update(t.projection)
                .where(t.projection.c.name == NAME, t.projection.c.cursor < seq)
                .values(cursor=seq)
                .returning(t.projection.c.cursor)
            )
            if moved.one_or_none() is None:
                raise Conflict("another process told it")

        changes.inside.append(advance)
        await self.saver.save(changes)

    async def abandon(self) -> None:
        """Requests that were begun and never finished are cancelled after a day."""
        due = self.clock() - ABANDONED
        for request in await self.requests.in_states(*COMPOSED):
            if request.updated_at < due:
                await self._change(requests.cancelled(request, self.clock()))

    async def assume(self) -> None:
        """Requests whose "did this solve it?" nobody answered count as assumed after a while."""
        due = self.clock() - self.assumed_after
        for request in await self.requests.in_states(RequestState.DONE, unresolved=True):
            if request.updated_at < due:
                await self._change(requests.resolved(request, "assumed", self.clock()))

    async def _change(self, change: Change) -> None:
        changes = Changes()
        changes.request(change)
        try:
            await self.saver.save(changes)
        except MOVED:
            log.info("sweep_passed_over", request=change.request.id)  # somebody just used it

    async def _cursor(self) -> int:
        async with self.sessions() as session:
            return int((await session.execute(select(t.projection.c.cursor).where(t.projection.c.name == NAME))).scalar_one())


def _runs(events: Sequence[StoredEvent]) -> Iterator[tuple[str, int, list[RequestEvent]]]:
    """Events in a row of the same request, with the number of the last: told together, in the order in which they happened."""
    for request_id, run in groupby(events, key=lambda event: event.request_id):
        together = list(run)
        yield request_id, together[-1].seq, [stored.event for stored in together]


class _Telling:
    """One batch of events while it is put into words."""

    def __init__(self, reader: StatusReader, changes: Changes) -> None:
        self._r = reader
        self._changes = changes
        self.talks: dict[str, Talk] = {}

    async def tell(self, request_id: str, events: list[RequestEvent]) -> None:
        request = await self._r.requests.get(request_id)
        if request is None:
            return
        talk = await self._talk(request)
        if talk is None:
            log.warning("status_without_reader", request=request_id)
            for event in events:
                if event.kind is EventKind.GRANT_STUCK:
                    self._tell_staff_alone(request, event)
            return
        taken_over = next((event for event in events if _goes_to_staff(event)), None)
        if taken_over is not None:
            talk, request = await self._followed(talk, request, taken_over)
        story = await self._r.dialogue.story(request)
        for event in events:
            said = len(self._changes.posts)
            await self._one(talk, story, event)
            if talk.private_to is None:
                for n, post in enumerate(self._changes.posts[said:], said):
                    until = await self._r.held.until(post.address, post.reader_id, event)
                    self._changes.posts[n] = replace(post, held_until=until)
        await self._redraw(talk, story, {event.kind for event in events})

    async def _one(self, talk: Talk, story: RequestStory, event: RequestEvent) -> None:
        request, words, data = story.request, talk.words, event.data
        match event.kind:
            case EventKind.APPROVAL_REQUESTED:
                await self._ask_approvers(talk.person, story, data["approval_id"])
            case EventKind.STEP_UP_REQUESTED:
                enrolled = f" ({data['enrolled']})" if data.get("enrolled") else ""
                text = words("step_up.sent", enrolled=enrolled, until=_at(data["expires_at"]))
                talk.say(ReplyKind.NOTICE, text, request=request, personal=True)
            case EventKind.COMPLETED:
                talk.conversation = talk.conversation.asking(AwaitsSolved(request.id))
                talk.post(receipt(story, words, self._r.buttons, new_id()), card_key=f"receipt:{request.id}", about=(request,))
            case EventKind.DECLINED if not data.get("told"):
                self._declined(talk, story, event)
            case EventKind.DENIED:
                self._denied(talk, story)
            case EventKind.EXPIRED:
                asked = story.last(EventKind.STEP_UP_REQUESTED, EventKind.APPROVAL_REQUESTED)
                unconfirmed = asked is not None and asked.kind is EventKind.STEP_UP_REQUESTED
                self._notice(talk, request, words("request.expired.step_up" if unconfirmed else "request.expired", case=request.case))
            case EventKind.FAILED:
                await self._r.desk.open(talk, "failed", request=request, told=outages.failed(story.events))
            case EventKind.LEFT_TO_STAFF if not data.get("told"):
                await self._r.desk.open(talk, "policy", request=request, told=outages.left(event))
            case EventKind.HELD:
                talk.say(
                    ReplyKind.NOTICE,
                    words("request.held", case=request.case, specialist=story.specialist),
                    request=request,
                    actions=(self._person(talk, request),),
                )
            case EventKind.UNDONE:
                talk.say(ReplyKind.RECEIPT, words.of(Message.from_json(data["message"])), request=request)
            case EventKind.NOTHING_TO_UNDO:
                talk.say(ReplyKind.NOTICE, words.of(Message.from_json(data["message"])), request=request)
            case EventKind.OWNER_NOTIFIED:
                await self._tell_owner(story, event)
            case EventKind.GRANT_ENDING:
                talk.say(ReplyKind.NOTICE, words("grant.ending", title=titled(request, words), until=_at(data["until"])), request=request)
            case EventKind.GRANT_STUCK:
                await self._r.desk.open(talk, "not_taken_back", request=request, told="handoff.opened.access_stays")
            case EventKind.GRANT_ENDED:
                talk.say(ReplyKind.NOTICE, words("grant.ended", title=titled(request, words)), request=request)

    def _declined(self, talk: Talk, story: RequestStory, event: RequestEvent) -> None:
        """The card says why. A message adds something only where the card may not, or nobody looks at it any more."""
        kind = ReplyKind.REFUSAL if event.data.get("rules") else ReplyKind.NOTICE
        text = talk.words.of(Message.from_json(event.data["message"]))
        waited = story.last(EventKind.APPROVAL_REQUESTED, EventKind.STEP_UP_REQUESTED, EventKind.HELD) is not None
        if talk.alone is not None or waited:
            talk.say(kind, text, request=story.request, actions=(self._person(talk, story.request),))
        else:
            talk.remember(kind, text)

    def _denied(self, talk: Talk, story: RequestStory) -> None:
        request, decided = story.request, story.last(EventKind.APPROVAL_DECIDED)
        if decided is None:
            self._tell_security(talk, request)
            talk.say(ReplyKind.NOTICE, talk.words("request.denied_by_you", case=request.case), request=request, personal=True)
            return
        by = story.names.get(decided.data.get("by") or "", "")
        reason = decided.data.get("reason") or talk.words("approval.no_reason")
        text = talk.words("request.denied", case=request.case, by=by, reason=reason)
        talk.say(ReplyKind.NOTICE, text, request=request, actions=(self._person(talk, request),), personal=True)

    def _tell_security(self, talk: Talk, request: Request) -> None:
        """Somebody may be using this person's chat: whoever looks after security hears of it."""
        organisation = self._r.desk.organisation
        group = organisation.sensitive.get("security", organisation.assignment_groups[0])
        words = Words(self._r.messages, self._r.room_reader)
        text = words("security.not_me", case=request.case, name=talk.person.name, title=words.of_skill(request, "title"))
        self._changes.posts.append(Post(self._r.desk.room(group), Reply(new_id(), ReplyKind.NOTICE, text, request=request_ref(request))))

    def _tell_staff_alone(self, request: Request, event: RequestEvent) -> None:
        """Nobody is left to speak for what has to be taken back: its group hears of it all the same."""
        words = Words(self._r.messages, self._r.room_reader)
        text = words("grant.stuck", case=request.case, title=titled(request, words), code=event.data["code"])
        room = self._r.desk.room(self._r.specs[request.skill].assignment_group)
        self._changes.posts.append(Post(room, Reply(new_id(), ReplyKind.NOTICE, text, request=request_ref(request))))

    def _notice(self, talk: Talk, request: Request, text: str) -> None:
        """With the offer of a person."""
        talk.say(ReplyKind.NOTICE, text, request=request, actions=(self._person(talk, request),))

    async def _redraw(self, talk: Talk, story: RequestStory, kinds: set[EventKind]) -> None:
        request, r = story.request, self._r

        def card(placement: Placement) -> Reply:
            openly = r.channels[placement.address.channel].is_shared(placement.address)
            return status_card(story, talk.words, r.buttons, placement.id, openly=openly)

        self._changes.redraws.append(Redraw(f"request:{request.id}", card))
        if kinds & _SHOWN_ON_RECEIPT and story.last(EventKind.COMPLETED) is not None:
            self._changes.redraws.append(
                Redraw(f"receipt:{request.id}", lambda placement: receipt(story, talk.words, r.buttons, placement.id))
            )
        concerned = {talk.person.id: talk.person}
        for approval in await r.requests.approvals_of(request.id):
            if approval.state != "pending":
                await self._redraw_approval(talk.person, story, approval)
            concerned |= {i: person for i in approval.approver_ids if (person := await r.people.get(i)) is not None}
        for person in concerned.values():
            await r.front_page.redraw(self._changes, person)
        await r.front_page.follow(self._changes)

    async def _ask_approvers(self, requester: Person, story: RequestStory, approval_id: str) -> None:
        approval = await self._r.requests.approval(approval_id)
        if approval is None:
            return
        for approver_id in approval.approver_ids:
            approver = await self._r.people.get(approver_id)
            if approver is None:
                continue
            words = Words.for_person(self._r.messages, approver)
            card = approval_card(
                story, approval, requester.name, exact_arguments(story.request, approval, words), words, self._r.buttons, new_id()
            )
            address = await self._r.people.address(approver, self._r.channels)
            self._changes.posts.append(Post(address, card, f"approval:{approval.id}", approver.id))

    async def _redraw_approval(self, requester: Person, story: RequestStory, approval: Approval) -> None:
        r = self._r
        readers = {i: person for i in approval.approver_ids if (person := await r.people.get(i)) is not None}

        def draw(placement: Placement) -> Reply:
            person = readers.get(placement.reader_id or "")
            words = Words.for_person(r.messages, person) if person is not None else Words(r.messages, r.room_reader)
            return approval_card(
                story, approval, requester.name, exact_arguments(story.request, approval, words), words, r.buttons, placement.id
            )

        self._changes.redraws.append(Redraw(f"approval:{approval.id}", draw))

    async def _tell_owner(self, story: RequestStory, event: RequestEvent) -> None:
        """Acted on at middling confidence: the specialist's human manager is told."""
        request = story.request
        manager = await self._r.people.one_at(self._r.roster.of(request.skill).manager)
        if manager is None:
            log.error("manager_unknown", specialist=request.specialist)
            return
        words = Words.for_person(self._r.messages, manager)
        text = words(
            "owner.notified",
            specialist=story.specialist,
            case=request.case,
            title=words.of_skill(request, "title"),
            confidence=request.confidence,
        )
        address = await self._r.people.address(manager, self._r.channels)
        self._changes.posts.append(Post(address, Reply(new_id(), ReplyKind.NOTICE, text, request=request_ref(request)), None, manager.id))

    async def _talk(self, request: Request) -> Talk | None:
        talk = self.talks.get(request.conversation_id)
        if talk is None:
            conversation = await self._r.conversations.get(request.conversation_id)
            person = await self._r.people.get(request.requester_id)
            if conversation is None or person is None:
                return None
            talk = await self._r.talks.open(new_id(), person, conversation, self._r.clock(), self._changes)
            used, here = await self._r.people.address(person, self._r.channels), conversation.address
            if (used.channel, used.tenant) != (here.channel, here.tenant):
                # What is new goes to where they are now; the card stays where the request is, and is edited there.
                talk.alone, talk.apart = used, True
            await self._r.desk.keep_private(talk)
            self.talks[request.conversation_id] = talk
        return talk

    async def _followed(self, talk: Talk, request: Request, event: RequestEvent) -> tuple[Talk, Request]:
        """People take over, and answer where the conversation is: it begins anew where the requester is by now."""
        r, here = self._r, talk.alone
        if not talk.apart or here is None or await r.desk.has(talk.conversation):
            return talk, request
        said = talk.words("request.line", case=request.case, title=talk.words.of_skill(request, "title"))
        try:
            begun = await r.channels[here.channel].begin(here, said, key=f"{event.kind.value}:{request.id}", since=event.at)
        except ConnectorError as error:  # then they are told there, and answered where they have asked
            log.warning("request_not_brought", request=request.id, code=error.code)
            return talk, request
        new = await r.conversations.load(begun, talk.person.id, talk.now)
        there = await r.talks.open(talk.id, talk.person, new, talk.now, self._changes)
        self._changes.conversations.append(talk.conversation)
        brought = await r.dialogue.brought(there, request)
        if brought.conversation_id != there.conversation.id:
            self._changes.conversations.remove(talk.conversation)
            return talk, request
        del self.talks[request.conversation_id]
        self.talks[brought.conversation_id] = there
        return there, brought

    def _person(self, talk: Talk, request: Request) -> Action:
        return self._r.dialogue.person_button(talk, request)


def _goes_to_staff(event: RequestEvent) -> bool:
    return event.kind in (EventKind.FAILED, EventKind.GRANT_STUCK) or (event.kind is EventKind.LEFT_TO_STAFF and not event.data.get("told"))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
