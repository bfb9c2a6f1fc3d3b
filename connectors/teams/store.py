"""What stands in Teams' own tables (tables.py), as values. Each change is a transaction of its own."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import and_, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.teams.tables import account, belonging, consent, post, room

Sessions = async_sessionmaker[AsyncSession]

RoomKind = Literal["personal", "group", "channel"]
KEPT = ("team_id", "group_id", "name", "shared")
"""Told now and then only; a message in a shared channel need not say that it is one."""
GATHERINGS = 1_000
"""Rooms among which somebody is looked for."""
STALE = timedelta(hours=1)
"""After this, what was heard of a room or an account is written down again though it is the same."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where the bot can speak: a conversation reference. See the table."""

    tenant: str
    room: str
    kind: RoomKind
    conversation_id: str
    service_url: str
    bot_id: str
    bot_name: str = ""
    team_id: str | None = None
    group_id: str | None = None
    name: str = ""
    shared: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody whom the bot has met, or found among a room's members. See the table."""

    tenant: str
    external_id: str
    user_id: str
    name: str
    email: str | None
    found_in: str


@dataclass(frozen=True, slots=True)
class Post:
    """A message under way, or posted. See the table."""

    key: str
    tenant: str
    room: str
    thread: str | None
    began_at: datetime
    text: str = ""
    stream_id: str | None = None
    activity_id: str | None = None
    whole: bool = False


BelongingKind = Literal["message", "file"]


@dataclass(frozen=True, slots=True)
class Belonging:
    activity_id: str
    kind: BelongingKind
    source: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Consent:
    """A file that somebody was asked to take. See the table."""

    id: str
    tenant: str
    person: str
    source: str
    name: str
    state: Literal["asked", "sent", "declined"] = "asked"


class RoomStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, tenant: str, name: str) -> Room | None:
        async with self._sessions() as session:
            row = (await session.execute(select(room).where(room.c.tenant == tenant, room.c.room == name))).one_or_none()
        return _room(row) if row is not None else None

    async def any(self, tenant: str) -> Room | None:
        """The one of this tenant that was heard of last."""
        return next(iter(await self._here(1, room.c.tenant == tenant)), None)

    async def latest(self, most: int, tenant: str | None = None) -> Sequence[Room]:
        """Where several people are and the bot still is, the one heard of last first."""
        of = () if tenant is None else (room.c.tenant == tenant,)
        return await self._here(most, room.c.kind != "personal", *of)

    async def gatherings(self, tenant: str | None = None) -> Sequence[Room]:
        """The group chats, and of each team one channel, the one that all of the team are in if it is there. The latest."""
        found: dict[tuple[str, str], Room] = {}
        for one in await self.latest(GATHERINGS, tenant):
            key = (one.tenant, one.team_id or one.room)
            if key not in found or one.conversation_id == one.team_id:
                found[key] = one
        return list(found.values())

    async def services(self, tenant: str) -> frozenset[str]:
        """The service URLs at which the bot speaks in this tenant."""
        async with self._sessions() as session:
            there = await session.execute(select(room.c.service_url).where(room.c.tenant == tenant, ~room.c.gone).distinct())
            return frozenset(there.scalars())

    async def _here(self, most: int, *where: Any) -> Sequence[Room]:
        async with self._sessions() as session:
            rows = await session.execute(select(room).where(~room.c.gone, *where).order_by(room.c.seen_at.desc()).limit(most))
            return [_room(row) for row in rows]

    async def saw(self, seen: Room, now: datetime) -> None:
        """What an activity said of where it came from. What is told now and then only (names, ids of the team) stays as it was told, and
        what kind of room it is stays for ever: on that depends who reads along."""
        key = (room.c.tenant == seen.tenant, room.c.room == seen.room)
        async with self._sessions() as session:
            row = (await session.execute(select(room).where(*key))).one_or_none()
        if row is not None:
            before = _room(row)
            kept = {name: value or getattr(before, name) for name, value in asdict(seen).items() if name in KEPT}
            values = asdict(seen) | kept | {"kind": before.kind}
            if values == asdict(before) and now - row.seen_at < STALE:
                return
            await _write(self._sessions, update(room).where(*key).values(**values, seen_at=max(now, row.seen_at)))
            return
        try:
            await _write(self._sessions, insert(room).values(**asdict(seen), seen_at=now))
        except IntegrityError:  # heard of it twice at once
            await self.saw(seen, now)

    async def left(self, tenant: str, name: str, team: str = "", channel: str = "") -> None:
        """The app was removed there; with `team`, in all of its channels; with `channel`, in that one of them and else nowhere.

        What is said of a team is believed in its own channels only.
        """
        told = room.alias()
        told_in_it = exists().where(told.c.tenant == tenant, told.c.room == name, told.c.team_id == team)
        there = room.c.room == name
        if channel:
            there = and_(told_in_it, room.c.team_id == team, room.c.room == channel)
        elif team:
            there = or_(there, and_(told_in_it, room.c.team_id == team))
        await _write(self._sessions, update(room).where(room.c.tenant == tenant, there).values(gone=True))


class AccountStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, tenant: str, external_id: str) -> Account | None:
        a = account.c
        async with self._sessions() as session:
            row = (await session.execute(select(account).where(a.tenant == tenant, a.external_id == external_id))).one_or_none()
        return _account(row) if row is not None else None

    async def by_email(self, email: str) -> Sequence[Account]:
        """Everybody who had this address when they were seen last."""
        async with self._sessions() as session:
            rows = await session.execute(select(account).where(account.c.email == email.lower()).order_by(account.c.seen_at.desc()))
            return [_account(row) for row in rows]

    async def saw(self, seen: Account, now: datetime) -> None:
        """An address that is not told this time stays as it was."""
        a = account.c
        key = (a.tenant == seen.tenant, a.external_id == seen.external_id)
        values = asdict(seen) | {"email": seen.email.lower() if seen.email else None}
        async with self._sessions() as session:
            row = (await session.execute(select(account).where(*key))).one_or_none()
        if row is not None:
            values |= {"email": values["email"] or row.email, "name": seen.name or row.name, "user_id": seen.user_id or row.user_id}
            if values == asdict(_account(row)) and now - row.seen_at < STALE:
                return
            await _write(self._sessions, update(account).where(*key).values(**values, seen_at=now))
            return
        try:
            await _write(self._sessions, insert(account).values(**values, seen_at=now))
        except IntegrityError:  # heard of them twice at once
            await _write(self._sessions, update(account).where(*key).values(**values, seen_at=now))


class PostStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, key: str) -> Post | None:
        async with self._sessions() as session:
            row = (await session.execute(select(post).where(post.c.delivery_key == key))).one_or_none()
        if row is None:
            return None
        names = ("tenant", "room", "thread", "began_at", "text", "stream_id", "activity_id", "whole")
        return Post(row.delivery_key, **{name: getattr(row, name) for name in names})

    async def is_known(self, tenant: str, name: str, activity_id: str) -> bool:
        """Whether a message of this room is one of these."""
        p = post.c
        here = select(p.delivery_key).where(p.tenant == tenant, p.room == name, p.activity_id == activity_id).limit(1)
        async with self._sessions() as session:
            return (await session.execute(here)).first() is not None

    async def begin(self, new: Post) -> None:
        values = asdict(new)
        await _write(self._sessions, insert(post).values(delivery_key=values.pop("key"), **values))

    async def change(self, key: str, **values: Any) -> None:
        """`stream_id`, `activity_id` or `whole`, as they become known."""
        await _write(self._sessions, update(post).where(post.c.delivery_key == key).values(**values))

    async def drop(self, key: str) -> None:
        """It was not begun after all."""
        await _write(self._sessions, delete(post).where(post.c.delivery_key == key))


class BelongingStore:
    """By the room and the activity id of the reply's first message."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def of(self, tenant: str, name: str, message: str) -> Sequence[Belonging]:
        """In their order."""
        b = belonging.c
        here = select(belonging).where(b.tenant == tenant, b.room == name, b.message == message).order_by(b.number, b.activity_id)
        async with self._sessions() as session:
            return [Belonging(row.activity_id, row.kind, row.source, row.number) for row in await session.execute(here)]

    async def add(self, tenant: str, name: str, message: str, one: Belonging) -> None:
        """Again is as good as once."""
        await self.drop(tenant, name, one.activity_id)
        await _write(self._sessions, insert(belonging).values(tenant=tenant, room=name, message=message, **asdict(one)))

    async def drop(self, tenant: str, name: str, activity_id: str) -> None:
        b = belonging.c
        await _write(self._sessions, delete(belonging).where(b.tenant == tenant, b.room == name, b.activity_id == activity_id))


class ConsentStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, consent_id: str) -> Consent | None:
        async with self._sessions() as session:
            row = (await session.execute(select(consent).where(consent.c.id == consent_id))).one_or_none()
        return Consent(row.id, row.tenant, row.person, row.source, row.name, row.state) if row is not None else None

    async def ask(self, new: Consent, now: datetime) -> None:
        """Again is as good as once."""
        try:
            await _write(self._sessions, insert(consent).values(**asdict(new), asked_at=now))
        except IntegrityError:
            return

    async def answered(self, consent_id: str, state: Literal["sent", "declined"]) -> None:
        await _write(self._sessions, update(consent).where(consent.c.id == consent_id).values(state=state))


async def _write(sessions: Sessions, statement: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(statement)


def _room(row: Any) -> Room:
    return Room(
        row.tenant, row.room, row.kind, row.conversation_id, row.service_url, row.bot_id, row.bot_name, row.team_id, row.group_id, row.name,
        row.shared, row.gone,
    )  # fmt: skip


def _account(row: Any) -> Account:
    return Account(row.tenant, row.external_id, row.user_id, row.name, row.email, row.found_in)
