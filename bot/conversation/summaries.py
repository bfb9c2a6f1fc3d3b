"""The rolling memory of conversations: what each has come to so far, made beside the turns and never in one.

It holds what the employee has said or seen, and nothing else: no notes of staff, and nothing of a private matter. An offline summary
is kept first; where there is a language model, what it makes of the same lines then takes its place, unless somebody was faster or a
line was changed meanwhile. While people have a private matter here, no model is asked at all.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from bot import tables as t
from bot.conversation.model import Conversation, TranscriptEvent
from bot.conversation.store import ConversationStore
from bot.conversation.summary import STAFF
from bot.conversation.summary_store import Kept, SummaryStore
from bot.database import Sessions
from bot.handoff.model import Handoff
from bot.handoff.store import HandoffStore
from bot.handoff.summarising import AssistedSummariser, Material, heard, offline
from bot.intent.sensitive import by_pattern
from connectors.ports.chat import ReplyKind
from connectors.ports.language import Behalf
from connectors.ports.records import Clock
from specialists.request import Request
from specialists.skill import SkillSpec
from specialists.store import RequestStore

log = structlog.get_logger()
GROWN = 8
"""Lines more than were known, after which a conversation is worth a new summary."""
LATER = timedelta(hours=1)
"""A pause after which it is taken up again."""
LINES = 200
"""The most that are read at once; the former summary stands for those before."""
REQUESTS = 5
BATCH = 2000
"""Lines looked at in a round."""
BACKLOG = 20_000
"""Lines that a start looks back; what is older is summarised when it is taken up again."""
AT_ONCE = 20
"""Conversations summarised in a round."""
SETTLES = timedelta(minutes=1)
"""Younger lines are looked at again: a line before them may be committed after them. Longer than a turn takes."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What is new of a conversation. `new`: lines beyond those known; `before`: when the last of them was said that an earlier round
    saw, `then`: when the first after that was; `late`: among those known is one that was not there when they were read."""

    conversation_id: str
    new: int
    before: datetime | None
    then: datetime | None
    kept_at: datetime | None
    late: bool = False


def is_worth_it(growth: Growth, handoffs: Sequence[Handoff]) -> bool:
    """Staff took it up or gave it back since, it has grown, it is taken up again after a pause, or a line of it was missed."""
    if growth.late:
        return True
    if growth.new == 0:
        return False
    if growth.new >= GROWN or any(growth.kept_at is None or handoff.updated_at >= growth.kept_at for handoff in handoffs):
        return True
    return growth.before is not None and growth.then is not None and growth.then - growth.before >= LATER


@dataclass(frozen=True, slots=True)
class _Draft:
    """An offline summary that is kept, with what it was made of; a model may make a better one."""

    kept: Kept
    material: Material
    conversation: Conversation
    handoff: Handoff | None
    """The one that is open."""
    rebuilt: bool
    """What was kept before had been forgotten."""


class Summaries:
    def __init__(
        self,
        sessions: Sessions,
        store: SummaryStore,
        conversations: ConversationStore,
        requests: RequestStore,
        handoffs: HandoffStore,
        name: Callable[[str], Awaitable[str]],
        skills: Mapping[str, SkillSpec],
        clock: Clock,
        assisted: AssistedSummariser | None = None,
        on_made: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`name`: of a person, by id, empty for nobody. `on_made`: told the id of an open handoff, of whose conversation a better
        summary is there."""
        self._sessions = sessions
        self._store = store
        self._conversations = conversations
        self._requests = requests
        self._handoffs = handoffs
        self._name = name
        self._skills = skills
        self._clock = clock
        self._assisted = assisted
        self._on_made = on_made
        self._seen: int | None = None
        """The last line that a round has looked at."""
        self._settled = 0
        """The last of those that need not be looked at again."""
        self._waiting: list[str] = []
        """What is worth it and did not fit into a round."""
        self._fruitless: set[str] = set()
        """What came to nothing since nothing waited."""

    async def step(self) -> float | None:
        """One round, for a loop: all offline ones first, since a model may take its time. Returns 0 when there is more to do, which
        comes to an end: what came to nothing is not taken again before a round that leaves nothing waiting."""
        waited = bool(self._waiting)
        if not waited:
            found = dict.fromkeys([*await self._store.forgotten(), *await self._grown()])
            self._waiting = [one for one in found if one not in self._fruitless]
        now, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        drafts = []
        for one in now:
            draft = await self._guarded(one)
            if draft is not None:
                drafts.append(draft)
            else:
                self._fruitless.add(one)
        for draft in sorted(drafts, key=lambda draft: draft.handoff is None):
            try:
                await self._better(draft)
            except Exception:  # a defect in one summary: the others are still made
                log.exception("summary_broken", conversation=draft.kept.conversation_id)
        if waited or self._waiting:
            return 0.0
        self._fruitless.clear()
        return None

    async def _guarded(self, conversation_id: str) -> _Draft | None:
        try:
            return await self._draft(conversation_id)
        except Exception:  # as above; what had been forgotten comes last next time, the rest again with the next lines
            log.exception("summary_broken", conversation=conversation_id)
            await self._store.put_off(conversation_id, self._clock())
            return None

    async def _grown(self) -> list[str]:
        """The conversations that are worth it, among those in which something was said since the last round."""
        e, c, k = t.transcript.c, t.conversation.c, t.conversation_summary.c
        async with self._sessions() as session:
            if self._seen is None:
                last = (await session.execute(select(func.max(e.seq)))).scalar() or 0
                self._seen = self._settled = max(0, last - BACKLOG)
            seen = self._seen
            newest = select(e.seq, e.at, e.conversation_id).where(e.seq > self._settled).order_by(e.seq).limit(BATCH)
            lines = (await session.execute(newest)).all()
            if not lines:
                return []
            ids = {line.conversation_id for line in lines}
            known = func.coalesce(k.upto, 0)
            grown = (
                select(
                    c.id,
                    func.count(e.seq).filter(e.seq > known).label("new"),
                    func.max(e.at).filter(e.seq <= seen).label("before"),
                    func.min(e.at).filter(e.seq > seen).label("then"),
                    func.max(k.at).label("kept_at"),
                    func.count(e.seq).filter(e.seq <= known).label("there"),
                    func.coalesce(func.max(k.known), 0).label("known"),
                )
                .join(t.transcript, e.conversation_id == c.id)
                .outerjoin(t.conversation_summary, k.conversation_id == c.id)
                .where(c.id.in_(ids), e.private_to.is_(None))
                .group_by(c.id)
            )
            growths = [
                Growth(row.id, row.new, row.before, row.then, row.kept_at, row.there > row.known) for row in await session.execute(grown)
            ]
        handoffs = await self._handoffs.of_conversations(ids)
        young = next((line.seq for line in lines if line.at > self._clock() - SETTLES), None)
        # A full batch is gone past all the same, or no round would come further.
        self._settled = lines[-1].seq if young is None or len(lines) == BATCH else young - 1
        self._seen = max(seen, lines[-1].seq)
        return [one.conversation_id for one in growths if is_worth_it(one, handoffs.get(one.conversation_id, []))]

    async def _draft(self, conversation_id: str) -> _Draft | None:
        """Keeps the offline summary; None where there is nothing to keep, or somebody else keeps it."""
        conversation, kept = await self._conversations.get(conversation_id), await self._store.get(conversation_id)
        if conversation is None:
            return None
        at_desk = await self._handoffs.at_desk(conversation.address)
        if at_desk is not None and at_desk.person_id != conversation.person_id:
            # What staff do there is none of their own.
            if kept.upto == 0 and kept.at is not None:
                await self._store.save(replace(kept, at=None))
            return None
        if await self._store.lines(conversation_id, kept.upto) > kept.known:
            kept = replace(kept, upto=0, known=0, summary=None)
        lines = await self._conversations.transcript(conversation_id, limit=LINES, after=kept.upto)
        if not lines and kept.summary is not None:
            return None  # another process was faster, and may have asked a model
        before = kept.known if len(lines) < LINES else await self._store.lines(conversation_id, (lines[0].seq or 0) - 1)
        kept = replace(kept, known=before + sum(line.private_to is None for line in lines))
        material = await self._material(conversation, kept, lines)
        made = offline(material)
        upto = max((line.seq or 0 for line in lines), default=kept.upto)
        if not made.asked:
            await self._store.save(replace(kept, upto=upto, summary=None, model=None, prompt=None, at=None))
            return None
        saved = await self._store.save(replace(kept, upto=upto, summary=made, at=self._clock()))
        if saved is None:
            log.info("summary_superseded", conversation=conversation_id)
            return None
        handoffs = await self._handoffs.of_conversation(conversation_id)
        running = next((handoff for handoff in handoffs if handoff.open), None)
        return _Draft(saved, material, conversation, running, kept.upto == 0 and kept.at is not None)

    async def _better(self, draft: _Draft) -> None:
        """What a model makes of it, kept in place of the offline one if that is still there."""
        kept, handoff = draft.kept, draft.handoff
        private = handoff is not None and handoff.sensitive is not None
        saved = None
        if self._assisted is not None and not private:
            behalf = Behalf(conversation=kept.conversation_id, person=draft.conversation.person_id)
            made = await self._assisted.summarise(draft.material, behalf)
            if made.model is not None:
                better = replace(kept, summary=made.summary, model=made.model, prompt=made.prompt, at=self._clock())
                saved = await self._store.save(better)
        if handoff is not None and not private and self._on_made is not None and (saved is not None or draft.rebuilt):
            await self._on_made(handoff.id)

    async def _material(self, conversation: Conversation, kept: Kept, lines: Sequence[TranscriptEvent]) -> Material:
        handoffs = await self._handoffs.of_conversation(conversation.id)
        apart = [handoff for handoff in handoffs if handoff.sensitive is not None]
        requests = [
            self._without_free_text(request)
            for request in await self._requests.of_conversation(conversation.id)
            if not any(handoff.covers(request.created_at) for handoff in apart)
        ][-REQUESTS:]
        shown = [line for line in _open_to_all(heard(lines)) if not _may_repeat(line, kept.changed)]
        ended = [handoff for handoff in handoffs if not handoff.open and handoff.sensitive is None]
        return Material(
            lines=shown,
            requests=[(request, [one.event for one in await self._requests.events_of(request.id)]) for request in requests],
            handoffs=ended,
            former=kept.summary,
            names=await self._names(conversation, shown, kept, ended),
            employee=conversation.person_id,
        )

    def _without_free_text(self, request: Request) -> Request:
        """What somebody wrote into it stands in their line, and goes with it."""
        spec = self._skills.get(request.skill)
        named = {slot.name for slot in spec.slots if slot.type != "text"} if spec is not None else set()
        return replace(request, slots={name: slot for name, slot in request.slots.items() if name in named})

    async def _names(
        self, conversation: Conversation, lines: Sequence[TranscriptEvent], kept: Kept, handoffs: Sequence[Handoff]
    ) -> dict[str, str]:
        """Of all who take part."""
        ids = {conversation.person_id, *(line.person_id for line in lines), *(handoff.claimed_by for handoff in handoffs)}
        if kept.summary is not None:
            ids |= {one.by.removeprefix(STAFF) for one in kept.summary.tried if one.by.startswith(STAFF)}
        return {one: name for one in ids if one and (name := await self._name(one))}


def _open_to_all(lines: Iterable[TranscriptEvent]) -> Iterable[TranscriptEvent]:
    """Without what belongs to a private matter; and without what names one outright, as an edit may have made a line do."""
    return (line for line in lines if line.private_to is None and not (line.speaker == "person" and by_pattern(line.text)))


def _may_repeat(line: TranscriptEvent, changed: int) -> bool:
    """Whether the bot may repeat in it what a person has taken back since. What articles say is nobody's."""
    return line.speaker == "bot" and (line.seq or 0) <= changed and line.reply_kind != ReplyKind.ANSWER.value
