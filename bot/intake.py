"""The inbox: what a channel hears is committed here before it is acknowledged, and handled once, in order, afterwards.

One turn at a time per conversation, many conversations at once. A turn's transaction marks its row as done, so a crash
before that commit repeats the turn and a crash after it repeats nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions, insert_into
from bot.outages import asks_to_wait, passes
from connectors.errors import ConnectorError
from connectors.ports.chat import Activity, ActivityKind, Address
from connectors.ports.records import Clock
from connectors.ports.secrets import without_secrets

log = structlog.get_logger()
_activity: TypeAdapter[Activity] = TypeAdapter(Activity)
ATTEMPTS = 3
PAUSES = (0.2, 1.0, 5.0)
"""Seconds before a turn that failed is tried again; the last repeats."""
AT_ONCE, ASSISTED_AT_ONCE = 16, 64
"""Turns in flight, and where most of their time they wait for a language model; more wait in the inbox."""

PATIENCE = 60.0
"""Seconds that a turn waits for something outside that asks for it, before that counts as a failure."""
GIVES_WAY = 0.2
"""Seconds that a turn waits for messages that are being recorded."""
MOST_TOGETHER = 100
"""Activities in one commit."""

GOES_ON = timedelta(minutes=10)
"""How long somebody's words in a room of several that has no threads are taken to follow on what they said to the bot before.
Whatever they say there later is as likely to be for the others."""

ActivityKey = tuple[str, str, str]
"""Channel, tenant, activity id."""
ConversationKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """An activity in the inbox. `seq` is its row; `attempts` counts the turns that were tried for it before; `at`: when it came."""

    seq: int
    activity: Activity
    attempts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Entry:
    """An activity whose sender waits to hear whether it is new."""

    activity: Activity
    new: asyncio.Future[bool]

    def tell(self, outcome: bool | Exception) -> None:
        if self.new.done():
            return  # nobody waits any more
        if isinstance(outcome, Exception):
            self.new.set_exception(outcome)
        else:
            self.new.set_result(outcome)


Mode = Callable[[Address], str]
"""What the bot may do in a room: off, mention or questions."""
Handle = Callable[[Received], Awaitable[None]]
GiveUp = Callable[[Received, Exception | None], Awaitable[None]]
"""With what broke the last try, None where that was in another process, or took too long."""


class Inbox:
    """Implements the Intake port."""

    def __init__(self, sessions: Sessions, clock: Clock, pauses: Sequence[float] = PAUSES) -> None:
        self._pauses = pauses
        self._sessions = sessions
        self._clock = clock
        self.mode: Mode = lambda address: "mention"
        self.is_desk: Callable[[Address], bool] = lambda address: False
        """Whether staff work in this room."""
        self.on_new: Callable[[], None] = lambda: None
        """Called when something new was recorded, or could not be served at once."""
        self._busy: dict[ConversationKey, asyncio.Task[None]] = {}
        self._broke: dict[int, Exception] = {}
        """What broke the last try of a turn, by its row."""
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._coming: list[_Entry] = []
        self._writer: asyncio.Task[None] | None = None
        self._calm = asyncio.Event()
        """Nothing is being recorded."""
        self._calm.set()

    @property
    def busy(self) -> int:
        """Conversations that are being served now."""
        return len(self._busy)

    def widen(self) -> None:
        """Before it serves: there is a language model."""
        self._slots = asyncio.Semaphore(ASSISTED_AT_ONCE)

    async def record(self, activity: Activity) -> bool:
        """What comes at the same time is committed together: one commit costs as much for fifty as for one."""
        entry = _Entry(_without_secrets(activity), asyncio.get_running_loop().create_future())
        self._coming.append(entry)
        if self._writer is None or self._writer.done():
            self._calm.clear()
            self._writer = asyncio.create_task(self._write())
        return await entry.new

    async def _write(self) -> None:
        while self._coming:
            entries, self._coming = self._coming[:MOST_TOGETHER], self._coming[MOST_TOGETHER:]
            try:
                new = await self._commit([entry.activity for entry in entries])
            except Exception as error:  # nothing of it was recorded
                await self._write_each(entries, error)
                continue
            for entry in entries:
                entry.tell(_key(entry.activity) in new)
                new.discard(_key(entry.activity))
            self.on_new()
        self._calm.set()

    async def _write_each(self, entries: Sequence[_Entry], together: Exception) -> None:
        """One that cannot be written keeps none of the others out."""
        for entry in entries:
            try:
                if len(entries) == 1:
                    raise together
                entry.tell(bool(await self._commit([entry.activity])))
            except Exception as error:  # whoever waits is told
                entry.tell(error)
        self.on_new()

    async def _commit(self, activities: Sequence[Activity]) -> set[ActivityKey]:
        """Those that were not there already."""
        new: set[ActivityKey] = set()
        async with self._sessions.begin(urgent=True) as session:
            addressed = [activity for activity in activities if activity.addressed]
            if addressed:
                new |= await self._insert(session, addressed)
            for activity in activities:
                if not activity.addressed and await self._concerns(session, activity):
                    new |= await self._insert(session, [activity])
        return new

    async def _insert(self, session: AsyncSession, activities: Sequence[Activity]) -> set[ActivityKey]:
        now = self._clock()
        rows = [_row(activity, now) for activity in activities]
        inserted = await session.execute(
            insert_into(session, t.inbox)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["channel", "tenant", "activity_id"])
            .returning(t.inbox.c.channel, t.inbox.c.tenant, t.inbox.c.activity_id)
        )
        return {(row.channel, row.tenant, row.activity_id) for row in inserted}

    async def _concerns(self, session: AsyncSession, activity: Activity) -> bool:
        """Whether something that was only overheard is the bot's business: in a thread that it takes part in or that staff work in,
        about a message that it has heard, by whoever was just talking with it in a room without threads, or in a room where it answers
        questions. Nothing else is written down."""
        address = activity.address
        if activity.kind is ActivityKind.MESSAGE and not activity.in_thread:
            return self.mode(address) == "questions" or await self._goes_on(session, activity)
        if self.is_desk(address):
            return True  # its card may be on its way to be known
        own = t.inbox.c
        heard = (own.channel == address.channel, own.tenant == address.tenant, own.state != "overheard")
        known = or_(
            exists().where(*heard, own.activity_id == activity.target),
            exists().where(*heard, own.room == address.room, own.thread == address.thread),
            exists().where(*_in(t.conversation.c, address), t.conversation.c.thread == address.thread),
            exists().where(*_in(t.placement.c, address), t.placement.c.posted_thread == address.thread),
        )
        return bool((await session.execute(select(known))).scalar())

    async def _goes_on(self, session: AsyncSession, activity: Activity) -> bool:
        """Whether it follows, in a room without threads, on what this person has just said to the bot there."""
        address, own = activity.address, t.inbox.c
        if address.thread is not None:
            return False
        here = (own.channel == address.channel, own.tenant == address.tenant, own.room == address.room, own.thread == "")
        said = (own.sender == activity.sender.external_id, own.state != "overheard", own.received_at >= self._clock() - GOES_ON)
        return bool((await session.execute(select(exists().where(*here, *said)))).scalar())

    async def mark(self, session: AsyncSession, seq: int, state: Literal["done", "failed", "overheard"]) -> bool:
        """In the turn's transaction; False when the row was finished before. What was only overheard keeps no words."""
        values: dict[str, object] = {"state": state}
        if state == "overheard":
            values["activity"] = {}
        marked = await session.execute(
            update(t.inbox).where(t.inbox.c.seq == seq, t.inbox.c.state == "new").values(**values).returning(t.inbox.c.seq)
        )
        return marked.one_or_none() is not None

    async def goes_on(self, session: AsyncSession, activity: Activity) -> bool:
        """In a transaction: whether the turn of this activity is not finished, and its sender has not pressed Stop there since. Until
        the end of the transaction nobody can finish it.
        """
        own, address = t.inbox.c, activity.address
        new = (own.channel == address.channel, own.tenant == address.tenant, own.state == "new")
        this = select(own.seq).where(*new, own.activity_id == activity.id).with_for_update()
        if (await session.execute(this)).one_or_none() is None:
            return False
        here = (*new, own.room == address.room, own.thread == (address.thread or ""), own.sender == activity.sender.external_id)
        stop = own.activity["kind"].as_string() == ActivityKind.STOPPED.value
        return not (await session.execute(select(exists().where(*here, stop)))).scalar()

    async def stand_in(self, session: AsyncSession, activity: Activity) -> None:
        """An edit that came before its message, or speaks to the bot where that did not, is that message: in the turn's
        transaction, so that the message itself is a redelivery when it comes."""
        done = {"state": "done", "activity": {"kind": ActivityKind.MESSAGE.value}}
        row = {**_row(activity, self._clock()), "activity_id": activity.target, **done}
        there = insert_into(session, t.inbox).values(row)
        await session.execute(there.on_conflict_do_update(index_elements=["channel", "tenant", "activity_id"], set_=done))

    async def received_at(self, address: Address, activity_id: str) -> datetime | None:
        """When an activity was recorded; None for one that never was, or was only overheard."""
        own = t.inbox.c
        mine = (own.channel == address.channel, own.tenant == address.tenant, own.activity_id == activity_id, own.state != "overheard")
        async with self._sessions() as session:
            return (await session.execute(select(t.inbox.c.received_at).where(*mine))).scalar_one_or_none()

    async def last_word(self, activity: Activity) -> str | None:
        """The id of the last thing that this sender said or pressed in this thread; edits and deletions aside."""
        address = activity.address
        said = (
            t.inbox.c.channel == address.channel,
            t.inbox.c.tenant == address.tenant,
            t.inbox.c.room == address.room,
            t.inbox.c.thread == (address.thread or ""),
            t.inbox.c.sender == activity.sender.external_id,
            t.inbox.c.activity["kind"].as_string().in_((ActivityKind.MESSAGE.value, ActivityKind.ACTION.value)),
        )
        newest = select(t.inbox.c.activity_id).where(*said).order_by(t.inbox.c.sort.desc(), t.inbox.c.seq.desc()).limit(1)
        async with self._sessions() as session:
            return (await session.execute(newest)).scalar_one_or_none()

    async def open_for(self, sender: str) -> int:
        """How many activities of this sender are not handled yet."""
        async with self._sessions() as session:
            rows = await session.execute(select(t.inbox.c.seq).where(t.inbox.c.state == "new", t.inbox.c.sender == sender))
            return len(rows.all())

    async def waiting(self) -> int:
        counted = select(func.count()).select_from(t.inbox).where(t.inbox.c.state == "new")
        async with self._sessions() as session:
            return int((await session.execute(counted)).scalar_one())

    async def serve(self, handle: Handle, give_up: GiveUp) -> None:
        """Sees to it that every conversation with something new is served: also what a crash left.

        `give_up` answers after ATTEMPTS failures.
        """
        for key in await self._waiting():
            if key not in self._busy:
                self._busy[key] = asyncio.create_task(self._serve(key, handle, give_up))

    async def close(self, patience: float) -> None:
        """Lets running turns come to their end for `patience` seconds."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=patience)
        for task in (left := list(self._busy.values())):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _waiting(self) -> list[ConversationKey]:
        columns = (t.inbox.c.channel, t.inbox.c.tenant, t.inbox.c.room, t.inbox.c.thread)
        async with self._sessions() as session:
            rows = await session.execute(select(*columns).where(t.inbox.c.state == "new").group_by(*columns))
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def _serve(self, key: ConversationKey, handle: Handle, give_up: GiveUp) -> None:
        try:
            failures, waited = 0, 0.0
            while True:
                async with self._slots:
                    # Whoever waits for an acknowledgement goes first, as long as nobody waits for an answer too long.
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._calm.wait(), GIVES_WAY)
                    received = await self._next(key)
                    if received is None:
                        break
                    again = await self._one(received, handle, give_up, waited)
                if again is None:
                    failures, waited = 0, 0.0
                    continue
                failures += 1
                pause = again or self._pauses[min(failures, len(self._pauses)) - 1]
                waited += again
                await asyncio.sleep(pause)
        except Exception:  # the database is away, or a row cannot be read: it stays in the inbox, and is looked at again
            log.exception("conversation_not_served")
            await asyncio.sleep(self._pauses[-1])
        finally:
            del self._busy[key]
            self.on_new()

    async def _one(self, received: Received, handle: Handle, give_up: GiveUp, waited: float) -> float | None:
        """None when it was finished, one way or the other; else after how many seconds to try again, 0 for the usual pause.
        `waited`: for how many seconds it has been waited for something outside already.
        """
        structlog.contextvars.bind_contextvars(correlation=received.activity.id)
        if received.attempts < ATTEMPTS:
            try:
                await handle(received)
                self._broke.pop(received.seq, None)
                return None
            except TimeoutError:
                log.error("turn_too_slow", seq=received.seq)  # thinking longer would not make it faster
            except Exception as error:  # whatever broke, the message is kept and the person hears of it
                asked = asks_to_wait(error)
                if asked is not None and waited < PATIENCE:
                    log.info("turn_asked_to_wait", seq=received.seq, seconds=asked)
                    return max(0.05, min(asked, PATIENCE))
                told = {"code": error.code, "detail": error.detail} if isinstance(error, ConnectorError) else {}
                log.exception("turn_failed", seq=received.seq, attempt=received.attempts + 1, **told)
                self._broke[received.seq] = error
                if passes(error):
                    async with self._sessions.begin() as session:
                        await session.execute(update(t.inbox).where(t.inbox.c.seq == received.seq).values(attempts=received.attempts + 1))
                    return 0.0
        await give_up(received, self._broke.get(received.seq))
        self._broke.pop(received.seq, None)
        return None

    async def _next(self, key: ConversationKey) -> Received | None:
        channel, tenant, room, thread = key
        async with self._sessions() as session:
            row = (
                await session.execute(
                    select(t.inbox.c.seq, t.inbox.c.activity, t.inbox.c.attempts, t.inbox.c.received_at)
                    .where(
                        t.inbox.c.state == "new",
                        t.inbox.c.channel == channel,
                        t.inbox.c.tenant == tenant,
                        t.inbox.c.room == room,
                        t.inbox.c.thread == thread,
                    )
                    .order_by(t.inbox.c.sort, t.inbox.c.seq)
                    .limit(1)
                )
            ).one_or_none()
        return Received(row.seq, _activity.validate_python(row.activity), row.attempts, row.received_at) if row is not None else None


def _without_secrets(activity: Activity) -> Activity:
    press, about = activity.press, activity.about
    if press is not None:
        values = {name: without_secrets(value) for name, value in press.values.items()}
        press = replace(press, text=without_secrets(press.text), values=values)
    if about is not None:
        about = replace(about, text=without_secrets(about.text))
    return replace(activity, text=without_secrets(activity.text), press=press, about=about)


def _key(activity: Activity) -> ActivityKey:
    return activity.address.channel, activity.address.tenant, activity.id


def _row(activity: Activity, now: datetime) -> dict[str, object]:
    address = activity.address
    return {
        "channel": address.channel,
        "tenant": address.tenant,
        "activity_id": activity.id,
        "sender": activity.sender.external_id,
        "room": address.room,
        "thread": address.thread or "",
        "sort": activity.order,
        "activity": _activity.dump_python(activity, mode="json"),
        "received_at": now,
        "state": "new",
    }


def _in(columns: Any, address: Address) -> tuple[ColumnElement[bool], ...]:
    return columns.channel == address.channel, columns.tenant == address.tenant, columns.room == address.room
