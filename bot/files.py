"""Files that people sent: their bytes in a folder of this installation, and a row for each that says whose they are.

The bytes are written before the row, so that what a row names is there; what a crash left without a row is swept up.
"""

import asyncio
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from connectors.errors import Refused
from connectors.ports.chat import Attachment
from connectors.ports.records import new_id

log = structlog.get_logger()
MOST_BYTES = 25 * 1024 * 1024
MOST_A_DAY = 250 * 1024 * 1024
"""Bytes that are kept of one person within DAY."""
DAY = timedelta(days=1)
NAME_CHARS = 255
ENDING_CHARS = 20
"""What counts as a file name's ending, dot included: it stays when the name is cut."""
UNCLAIMED = timedelta(days=1)
"""How long bytes may be without a row: a turn that keeps them takes seconds."""
SWEEP_EVERY = timedelta(hours=1)
AT_ONCE = 500
"""Ids that one question to the database names."""
_MIME = re.compile(r"(?=.{3,127}$)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


class FileStore:
    """Implements the Files port. `folder` is made on first use; it and what is in it are for this user alone."""

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        self._sessions = sessions
        self._folder = folder
        self._swept: datetime | None = None
        self._keeping = asyncio.Lock()
        """Files that come at the same time are counted one after the other."""

    async def keep(
        self,
        data: bytes,
        *,
        id: str,
        name: str,
        mime: str,
        conversation_id: str,
        person_id: str,
        now: datetime,
        private_to: str | None = None,
        message_id: str | None = None,
    ) -> Attachment:
        """Keeps a file under an id (a UUID) that says which it is: one that was kept before is left as it was, but in the
        conversation that it is for now, since a turn that is tried again may begin another one.

        `private_to`: the sensitive handoff it belongs to; `message_id`: what it came with. Raises Refused (`too_large`, `quota`).
        """
        if len(data) > MOST_BYTES:
            raise Refused("too_large", f"{len(data)} bytes")
        made = Attachment(id, safe_name(name), safe_mime(mime), len(data))
        whose = {"conversation_id": conversation_id, "person_id": person_id, "private_to": private_to, "message_id": message_id}
        async with self._keeping:
            kept = await self._row(id)
            if kept is not None:
                async with self._sessions.begin() as session:
                    await session.execute(update(t.attachment).where(t.attachment.c.id == id).values(conversation_id=conversation_id))
                return _attachment(kept)
            if await self._kept_since(person_id, now - DAY) + len(data) > MOST_A_DAY:
                raise Refused("quota", person_id)
            await asyncio.to_thread(self._write, id, data)
            with suppress(IntegrityError):  # another process kept it meanwhile
                async with self._sessions.begin() as session:
                    await session.execute(insert(t.attachment).values(**asdict(made), **whose, at=now))
        return made

    async def forget(self, person_id: str, message_id: str) -> None:
        """What this person sent with a message that they have deleted: at once, so that whatever is drawn next is without it."""
        theirs = (t.attachment.c.person_id == person_id, t.attachment.c.message_id == message_id)
        async with self._sessions.begin() as session:
            gone = (await session.execute(delete(t.attachment).where(*theirs).returning(t.attachment.c.id))).scalars().all()
        await asyncio.to_thread(self._remove, gone)

    async def of_conversation(self, conversation_id: str, *, private_to: str | None = None) -> Sequence[Attachment]:
        """In the order in which they were sent; private ones only for the handoff that they belong to."""
        a = t.attachment.c
        theirs = a.private_to.is_(None) if private_to is None else a.private_to.is_(None) | (a.private_to == private_to)
        async with self._sessions() as session:
            rows = await session.execute(select(t.attachment).where(a.conversation_id == conversation_id, theirs).order_by(a.at, a.id))
            return [_attachment(row) for row in rows]

    async def read(self, attachment_id: str) -> bytes:
        """The bytes. Whoever asks has checked who may have them. Raises Refused (`gone`)."""
        if await self._row(attachment_id) is None:
            raise Refused("gone", attachment_id)
        try:
            return await asyncio.to_thread((self._folder / attachment_id).read_bytes)
        except FileNotFoundError as error:
            raise Refused("gone", attachment_id) from error

    async def make_private(self, session: AsyncSession, files: Iterable[Attachment], handoff_id: str) -> None:
        """In the caller's transaction: these files belong to that handoff alone."""
        ids = [file.id for file in files]
        await session.execute(update(t.attachment).where(t.attachment.c.id.in_(ids)).values(private_to=handoff_id))

    async def sweep(self, now: datetime) -> None:
        """Removes what has lain there for UNCLAIMED without a row; looks every SWEEP_EVERY, however often it is asked to."""
        if self._swept is not None and now - self._swept < SWEEP_EVERY:
            return
        self._swept = now
        old = await asyncio.to_thread(self._older_than, (now - UNCLAIMED).timestamp())
        for start in range(0, len(old), AT_ONCE):
            some = old[start : start + AT_ONCE]
            async with self._sessions() as session:
                known = set((await session.execute(select(t.attachment.c.id).where(t.attachment.c.id.in_(some)))).scalars())
            unclaimed = [name for name in some if name not in known]
            if unclaimed:
                await asyncio.to_thread(self._remove, unclaimed)
                log.info("files_swept", count=len(unclaimed))

    async def _kept_since(self, person_id: str, moment: datetime) -> int:
        """Bytes."""
        a = t.attachment.c
        async with self._sessions() as session:
            kept = await session.execute(select(func.coalesce(func.sum(a.size), 0)).where(a.person_id == person_id, a.at > moment))
            return int(kept.scalar_one())

    async def _row(self, attachment_id: str) -> Row[tuple[str, str, str, int]] | None:
        async with self._sessions() as session:
            return (await session.execute(select(t.attachment).where(t.attachment.c.id == attachment_id))).one_or_none()

    def _write(self, attachment_id: str, data: bytes) -> None:
        """Whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = self._folder / f"{attachment_id}.{new_id()}"
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._folder / attachment_id)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _older_than(self, moment: float) -> list[str]:
        if not self._folder.exists():
            return []
        with os.scandir(self._folder) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < moment]

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """A name to show and to download by: no folders, nothing invisible that could make it look like another one."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(" " if char.isspace() else char for char in last if char.isspace() or unicodedata.category(char)[0] != "C")
    plain = " ".join(seen.split()).lstrip(". ")
    if len(plain) > NAME_CHARS:
        ending = Path(plain).suffix
        ending = ending if len(ending) <= ENDING_CHARS else ""
        plain = plain[: NAME_CHARS - len(ending)] + ending
    return plain or "file"


def safe_mime(mime: str) -> str:
    plain = mime.split(";", 1)[0].strip().lower()
    return plain if _MIME.fullmatch(plain) else "application/octet-stream"


def _attachment(row: Row[tuple[str, str, str, int]]) -> Attachment:
    return Attachment(row.id, row.name, row.mime, row.size)
