"""The audit: who saw, decided, did and got what, append-only, chained, and private where it must be.

An event is a row of the transaction that it tells of; one sealer chains the rows afterwards, so that no turn waits for
another's hash. Personal fields are encrypted under a key of the person's own, and the chain runs over the ciphertext:
erasing the key erases the person and leaves the chain whole.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Text, bindparam, cast, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.records import Clock, Json, new_id, utcnow
from specialists.audit_chain import GENESIS, Checker, Checkpoint, StoredEvent, Verification, chained
from specialists.tables import audit_event, person_key

Kind = Literal["observation", "decision", "action", "outcome"]
ERASED: Final = "[erased]"
BATCH: Final = 500
"""Events sealed in one transaction."""
PAGE: Final = 5_000
SEALER: Final = 4_611_686_018
"""PostgreSQL's advisory lock that the sealer holds."""
_NONCE = 12
_STORED = [cast(column, Text) if column.name == "data" else column for column in (audit_event.c[name] for name in StoredEvent._fields)]
"""The columns that are hashed; JSON as the text that is stored."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event, decrypted. `private` is ERASED when the person's key is gone; `seq` None: not sealed yet."""

    id: str
    seq: int | None
    at: datetime
    kind: Kind
    event: str
    actor_id: str
    subject_id: str | None
    request_id: str | None
    data: Mapping[str, Json]
    private: Mapping[str, Json] | Literal["[erased]"] | None


class Audit:
    """Implements `connectors.ports.knowledge.AuditSink`.

    `master_key` (32 bytes or more) wraps the persons' keys; without it nothing private can be read. `stamps` are added to
    every event's data, such as the engine's version.
    """

    def __init__(self, master_key: bytes, *, clock: Clock = utcnow, stamps: Mapping[str, Json] | None = None) -> None:
        if len(master_key) < 32:
            raise ValueError("the audit's master key needs at least 32 bytes")
        self._wrapping = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"foyer audit person keys").derive(master_key))
        self._clock = clock
        self._stamps = dict(stamps or {})

    async def append(
        self,
        session: AsyncSession,
        *,
        kind: Kind,
        event: str,
        actor_id: str,
        data: Mapping[str, Json],
        private: Mapping[str, Json] | None = None,
        subject_id: str | None = None,
        request_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Writes one event in the caller's transaction. Raises ValueError for what JSON cannot say, such as NaN."""
        event_id, stamped = new_id(), {**self._stamps, **data}
        json.dumps(stamped, allow_nan=False)
        ciphertext = None
        if private is not None:
            key = await self._key_of(session, subject_id or actor_id)
            ciphertext = _encrypt(AESGCM(key), json.dumps(dict(private), allow_nan=False).encode(), event_id)
        await session.execute(
            insert(audit_event).values(
                id=event_id,
                at=at or self._clock(),
                kind=kind,
                event=event,
                actor_id=actor_id,
                subject_id=subject_id,
                request_id=request_id,
                data=stamped,
                private=ciphertext,
            )
        )

    async def seal(self, sessions: async_sessionmaker[AsyncSession]) -> int:
        """Chains what was committed since, oldest first; how many. Two sealers take turns: on SQLite
        `sessions.begin()` is expected to take the write lock at once.
        """
        sealed = 0
        while count := await self._seal_batch(sessions):
            sealed += count
        return sealed

    async def _seal_batch(self, sessions: async_sessionmaker[AsyncSession]) -> int:
        async with sessions.begin() as session:
            if session.get_bind().dialect.name == "postgresql":
                await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SEALER})
            end = await _end(session)
            rows = await session.execute(select(*_STORED).where(audit_event.c.seq.is_(None)).order_by(audit_event.c.id).limit(BATCH))
            seals = []
            for row in map(StoredEvent._make, rows):
                numbered = row._replace(seq=end.seq + 1)
                following = Checkpoint(numbered.seq, chained(numbered, end.hash))
                seals.append({"of": row.id, "to_seq": following.seq, "to_prev": end.hash, "to_hash": following.hash})
                end = following
            if seals:
                await session.execute(_SEAL, seals)
            return len(seals)

    async def verify(self, sessions: async_sessionmaker[AsyncSession], checkpoint: Checkpoint | None = None) -> Verification:
        """Reads the whole chain. A cut tail shows only against a checkpoint that was exported before."""
        checker, last = Checker(checkpoint), 0
        async with sessions() as session:
            while True:
                found = await session.execute(select(*_STORED).where(audit_event.c.seq > last).order_by(audit_event.c.seq).limit(PAGE))
                rows = [StoredEvent._make(row) for row in found]
                if not rows or not checker.take(rows):
                    return checker.verdict()
                last = rows[-1].seq

    async def checkpoint(self, sessions: async_sessionmaker[AsyncSession]) -> Checkpoint:
        """The end of the chain now, to be kept elsewhere."""
        async with sessions() as session:
            return await _end(session)

    async def story(self, sessions: async_sessionmaker[AsyncSession], request_id: str) -> Sequence[AuditEntry]:
        """All that was recorded of one request, in order, decrypted."""
        async with sessions() as session:
            rows = (
                await session.execute(select(audit_event).where(audit_event.c.request_id == request_id).order_by(audit_event.c.id))
            ).all()
            owners = {row.subject_id or row.actor_id for row in rows if row.private is not None}
            found = await session.execute(select(person_key).where(person_key.c.person_id.in_(owners)))
            keys = {row.person_id: self._unwrapped(row.person_id, row.key) for row in found}
        return [
            AuditEntry(
                id=row.id,
                seq=row.seq,
                at=row.at,
                kind=row.kind,
                event=row.event,
                actor_id=row.actor_id,
                subject_id=row.subject_id,
                request_id=row.request_id,
                data=row.data,
                private=_readable(keys.get(row.subject_id or row.actor_id), row.private, row.id),
            )
            for row in rows
        ]

    async def erase(self, session: AsyncSession, person_id: str) -> bool:
        """Destroys the person's key in the caller's transaction; whether there was one.

        What is written about them afterwards gets a new key. Copies of the database made before still have the old one.
        """
        mine = person_key.c.person_id == person_id
        # Overwritten first: SQLite leaves a deleted row's bytes in the page.
        await session.execute(update(person_key).where(mine).values(key=os.urandom(_NONCE + 48)))
        gone = await session.execute(delete(person_key).where(mine).returning(person_key.c.person_id))
        return gone.first() is not None

    async def _key_of(self, session: AsyncSession, person_id: str) -> bytes:
        stored = select(person_key.c.key).where(person_key.c.person_id == person_id)
        wrapped = await session.scalar(stored)
        if wrapped is None:
            dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
            fresh = _encrypt(self._wrapping, AESGCM.generate_key(256), person_id)
            # Somebody else may be making it at this moment: theirs is used then.
            await session.execute(dialect.insert(person_key).values(person_id=person_id, key=fresh).on_conflict_do_nothing())
            wrapped = (await session.execute(stored)).scalar_one()
        return self._unwrapped(person_id, wrapped)

    def _unwrapped(self, person_id: str, wrapped: bytes) -> bytes:
        return _decrypt(self._wrapping, wrapped, person_id)


_SEAL = (
    update(audit_event)
    .where(audit_event.c.id == bindparam("of"), audit_event.c.seq.is_(None))
    .values(seq=bindparam("to_seq"), prev_hash=bindparam("to_prev"), hash=bindparam("to_hash"))
)


async def _end(session: AsyncSession) -> Checkpoint:
    last = select(audit_event.c.seq, audit_event.c.hash).where(audit_event.c.seq.is_not(None)).order_by(audit_event.c.seq.desc()).limit(1)
    row = (await session.execute(last)).first()
    return Checkpoint(row.seq, row.hash) if row else Checkpoint(0, GENESIS)


def _encrypt(cipher: AESGCM, plain: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, bound_to.encode())


def _decrypt(cipher: AESGCM, stored: bytes, bound_to: str) -> bytes:
    return cipher.decrypt(stored[:_NONCE], stored[_NONCE:], bound_to.encode())


def _readable(key: bytes | None, ciphertext: bytes | None, event_id: str) -> Mapping[str, Json] | Literal["[erased]"] | None:
    if ciphertext is None:
        return None
    if key is None:
        return ERASED
    try:
        plain: dict[str, Json] = json.loads(_decrypt(AESGCM(key), ciphertext, event_id))
    except InvalidTag:
        # Written under a key that was erased; the person has a newer one.
        return ERASED
    return plain
