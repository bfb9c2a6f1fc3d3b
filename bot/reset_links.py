"""One-time links to the page where a person sets a new password, as rows. Only the database decides whose attempt a link is used for."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.database import Sessions
from bot.tables import reset_link as t
from connectors.errors import Refused, Retry
from connectors.ports.records import new_id

T = TypeVar("T")
Standing = Literal["open", "busy", "expired", "used", "withdrawn", "unknown"]
"""What a link is to whoever opens it. busy: a password is being set through it at this moment."""
LEASE = timedelta(seconds=60)
"""How long an attempt may take. One that is older has died, or nobody knows what came of it."""
LATE = timedelta(minutes=5)
"""How long after it was asked for a password may still be set, from a store's or a proxy's own queue."""
FORGOTTEN_AFTER = timedelta(days=30)
_STEP = re.compile(r"([0-9a-f-]{36}):\d+")
"""The key of a request's step."""
_USABLE, _LIVE = ("new", "open"), ("open", "claimed")


@dataclass(frozen=True, slots=True)
class Link:
    """A row of `reset_link`. `state`: new (nobody knows yet whether it went out), open, claimed, used, withdrawn."""

    id: str
    person_key: str
    key: str
    request_id: str | None
    state: str
    expires_at: datetime
    sent_at: datetime | None
    claim: str | None
    claimed_at: datetime | None
    claimed_by: str | None
    changed_before: datetime | None
    used_at: datetime | None

    @property
    def reference(self) -> str:
        return f"link:{self.id}"

    def standing(self, now: datetime) -> Standing:
        match self.state:
            case "used":
                return "used"
            case "withdrawn":
                return "withdrawn"
            case "claimed":
                return "busy"
        return "open" if now < self.expires_at else "expired"

    def doubtful(self, now: datetime) -> bool:
        """Whether an attempt ended without anybody knowing how: its process died, or the answer was lost."""
        return self.claimed_at is not None and self.state != "used" and (self.state != "claimed" or self.claimed_at <= now - LEASE)

    def in_doubt_until(self) -> datetime:
        """Until then what came of the attempt is looked at again and again, and then once more."""
        return max(self.expires_at, self.claimed_at + LATE) if self.claimed_at is not None else self.expires_at


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt. `changed_before`: when the password had last been changed until then, or until the earlier one whose outcome nobody
    knows, by the store's own clock; None also of a store that does not tell."""

    id: str
    by: str
    changed_before: datetime | None


_COLUMNS = [t.c[field.name] for field in fields(Link)]


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _request_of(key: str) -> str | None:
    step = _STEP.fullmatch(key)
    return step[1] if step is not None else None


class ResetLinks:
    """The rows. What writes comes to its end even if whoever waits for it is cut off."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def of_token(self, token: str) -> Link | None:
        return await self._one(t.c.token_hash == hashed(token))

    async def of(self, link_id: str) -> Link:
        async with self._sessions() as session:
            return await _the(session, t.c.id == link_id)

    async def of_key(self, person_key: str, key: str) -> Link | None:
        """Raises Refused("key_reused") when the key was for something else."""
        if not key:
            raise Refused("no_key")
        if await self._one(t.c.withdrawn_by == key) is not None:
            raise Refused("key_reused", "it withdrew a link")
        link = await self._one(t.c.key == key)
        if link is not None and link.person_key != person_key:
            raise Refused("key_reused", "it is a link of somebody else")
        return link

    async def live(self, person_key: str) -> Link | None:
        """The link that was sent and is neither used nor withdrawn."""
        return await self._one(t.c.person_key == person_key, t.c.state.in_(_LIVE))

    async def doubtful(self, now: datetime) -> Sequence[Link]:
        found = await self._all(t.c.claimed_at <= now - LEASE, t.c.state != "used")
        return [link for link in found if link.doubtful(now)]

    async def untold(self) -> Sequence[Link]:
        """Links through which a password was set, whose persons have not been told."""
        return await self._all(t.c.state == "used", t.c.told_at.is_(None))

    async def begin(self, person_key: str, key: str, token: str, expires_at: datetime) -> Link:
        """Writes the link down before it is sent. An older one stays open until this one is known to have gone out."""

        async def work(session: AsyncSession) -> Link:
            link = await _in(session, t.c.key == key)
            if link is None:
                row = {"id": new_id(), "person_key": person_key, "key": key, "token_hash": hashed(token), "request_id": _request_of(key)}
                await session.execute(insert(t).values(**row, state="new", expires_at=expires_at))
            elif link.state in ("new", "withdrawn"):
                await session.execute(update(t).where(t.c.id == link.id).values(state="new", expires_at=expires_at))
            return await _the(session, t.c.key == key)

        return await self._write(work)

    async def drop(self, link: Link) -> None:
        """It certainly went to nobody."""
        await self._write(lambda session: _done(session, delete(t).where(t.c.id == link.id, t.c.state == "new")))

    async def sent(self, link: Link, now: datetime) -> Link:
        """It went out: it is the person's only one from here on."""

        async def work(session: AsyncSession) -> Link:
            await _lock(session, link.person_key)
            current = await _the(session, t.c.id == link.id)
            if current.state == "new":
                await _withdraw_others(session, current)
                await session.execute(update(t).where(t.c.id == link.id).values(state="open"))
            await session.execute(update(t).where(t.c.id == link.id, t.c.sent_at.is_(None)).values(sent_at=now))
            return await _the(session, t.c.id == link.id)

        return await self._write(work)

    async def withdraw(self, person_key: str, key: str, reference: str = "") -> tuple[Link | None, bool]:
        """The link that this key withdrew, and whether it was only now; `reference`: only that one. One that was used stays as it is.

        Raises Refused("key_reused").
        """
        if not key:
            raise Refused("no_key")

        async def work(session: AsyncSession) -> tuple[Link | None, bool]:
            if await _in(session, t.c.key == key) is not None:
                raise Refused("key_reused", "it sent a link")
            first = await _in(session, t.c.withdrawn_by == key)
            if first is not None:
                if first.person_key != person_key:
                    raise Refused("key_reused", "it withdrew a link of somebody else")
                return first, False
            usable = [link for link in await _lock(session, person_key) if reference in ("", link.reference)]
            if not usable:
                return await _used(session, person_key, reference), False
            latest = max(usable, key=lambda link: (link.state in _LIVE, link.id))
            if not reference:
                await _withdraw_others(session, latest)
            await session.execute(update(t).where(t.c.id == latest.id).values(state="withdrawn", withdrawn_by=key))
            return latest, True

        return await self._write(work)

    async def claim(self, link: Link, claim: Claim, now: datetime) -> bool:
        """Takes the link for one attempt; False when it is not open any more. Whoever uses a link has it, so it was sent."""

        async def work(session: AsyncSession) -> bool:
            await _lock(session, link.person_key)
            current = await _the(session, t.c.id == link.id)
            if current.standing(now) != "open":
                return False
            await _withdraw_others(session, current)
            attempt = {"claim": claim.id, "claimed_at": now, "claimed_by": claim.by, "changed_before": claim.changed_before}
            values = {"state": "claimed", "sent_at": current.sent_at or now, **attempt}
            await session.execute(update(t).where(t.c.id == link.id).values(**values))
            return True

        return await self._write(work)

    async def release(self, claim: str, *, known: bool, also: Callable[[AsyncSession], Awaitable[None]] | None = None) -> None:
        """Gives the link back. `known`: certainly no password was set; otherwise that is looked at again later.
        `also` is written in the same transaction."""

        async def work(session: AsyncSession) -> None:
            mine = (t.c.claim == claim, t.c.state != "used")
            await session.execute(update(t).where(*mine, t.c.state == "claimed").values(state="open"))
            if known:
                await session.execute(update(t).where(*mine).values(claim=None, claimed_at=None))
            if also is not None:
                await also(session)

        await self._write(work)

    async def finish(self, claim: str, now: datetime, also: Callable[[AsyncSession], Awaitable[None]]) -> bool:
        """A password was set in this attempt. Whether nobody else had written so; only then `also`, in the same transaction."""

        async def work(session: AsyncSession) -> bool:
            mine = update(t).where(t.c.claim == claim, t.c.state != "used").values(state="used", used_at=now).returning(t.c.id)
            won = (await session.execute(mine)).one_or_none() is not None
            if won:
                await also(session)
            return won

        return await self._write(work)

    async def told(self, link: Link, now: datetime) -> None:
        await self._write(lambda session: _done(session, update(t).where(t.c.id == link.id).values(told_at=now)))

    async def forget(self, now: datetime) -> None:
        ended = t.c.expires_at < now - FORGOTTEN_AFTER
        if await self._one(ended) is not None:
            await self._write(lambda session: _done(session, delete(t).where(ended)))

    async def _one(self, *where: ColumnElement[bool]) -> Link | None:
        async with self._sessions() as session:
            return await _in(session, *where)

    async def _all(self, *where: ColumnElement[bool]) -> Sequence[Link]:
        async with self._sessions() as session:
            return [Link(*row) for row in await session.execute(select(*_COLUMNS).where(*where).order_by(t.c.id))]

    async def _write(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async def transaction() -> T:
            async with self._sessions.begin() as session:
                return await work(session)

        try:
            return await self._sessions.in_peace(transaction())
        except IntegrityError as error:  # another process was at it in the same moment: the row says how it went
            raise Retry("reset_link_changes") from error


async def _in(session: AsyncSession, *where: ColumnElement[bool]) -> Link | None:
    row = (await session.execute(select(*_COLUMNS).where(*where).limit(1))).one_or_none()
    return Link(*row) if row is not None else None


async def _used(session: AsyncSession, person_key: str, reference: str) -> Link | None:
    """The link with this reference, or the last one, if it was used."""
    theirs = select(*_COLUMNS).where(t.c.person_key == person_key).order_by(t.c.id.desc())
    links = [Link(*row) for row in await session.execute(theirs)]
    last = next((link for link in links if reference in ("", link.reference)), None)
    return last if last is not None and last.state == "used" else None


async def _the(session: AsyncSession, *where: ColumnElement[bool]) -> Link:
    return Link(*(await session.execute(select(*_COLUMNS).where(*where))).one())


async def _lock(session: AsyncSession, person_key: str) -> Sequence[Link]:
    """The person's usable links, theirs alone until the end of the transaction."""
    mine = select(*_COLUMNS).where(t.c.person_key == person_key, t.c.state.in_({*_USABLE, *_LIVE})).order_by(t.c.id).with_for_update()
    return [Link(*row) for row in await session.execute(mine)]


async def _withdraw_others(session: AsyncSession, link: Link) -> None:
    others = (t.c.person_key == link.person_key, t.c.id != link.id, t.c.state.in_({*_USABLE, *_LIVE}))
    await session.execute(update(t).where(*others).values(state="withdrawn"))


async def _done(session: AsyncSession, statement: Any) -> None:
    await session.execute(statement)
