"""Many articles at once: what became of each file, how far it is, and how to stop it.

An upload is begun with the list of its files; each file then comes by itself, waits in a folder of this installation, is read
and forgotten. One step of one upload is done at a time, so that whoever asks something meanwhile is answered as fast as ever.
Uploads live in memory: after a restart the same files are sent again, and only what changed is done again.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterable, Callable, Sequence
from pathlib import Path

import structlog

from bot.loops import Loop
from bot.upload import MOST_BYTES, File, FileState, NotYours, Upload, UploadRefused
from connectors.ports.people import Person
from connectors.ports.records import new_id
from knowledge.errors import KnowledgeError, LoadRefused
from knowledge.library import Library
from knowledge.loading.port import Loaded
from knowledge.loading.registry import load
from knowledge.model import ArticleState, require_admin
from knowledge.sources import source_path

log = structlog.get_logger()
LARGEST = 25 * 1024 * 1024
"""Bytes of a file."""
MOST_FILES = 2_000
MOST_OPEN = 5
"""Uploads under way; with MOST_BYTES it bounds what waits on the disk."""
MOST_KEPT = 20
"""Uploads that can be looked at, those that are over included."""
IDLE_SECONDS = 600.0
"""After so long without a file the rest of them is not waited for: a browser was closed."""
AT_ONCE = 16
"""Articles that are published together."""
_WRITTEN_AT_ONCE = 1024 * 1024


class _Stopped(Exception):
    """Raised instead of reading a file, or between batches of a publication, that is not wanted any more."""


class Uploads:
    """`folder` holds what came and was not read yet; it is emptied at start and stop."""

    def __init__(self, library: Library, folder: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._library = library
        self._folder = folder
        self._monotonic = monotonic
        self._uploads: dict[str, Upload] = {}
        self._stopping = False
        self._reading: tuple[Upload, asyncio.Task[Loaded]] | None = None
        self._loop = Loop("uploads", self._round, IDLE_SECONDS / 10)

    async def start(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        self._loop.start()

    async def stop(self, patience: float) -> None:
        self._stopping = True
        self._stop_reading()
        await self._loop.stop(patience)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def begin(self, files: Sequence[tuple[str, int]], audience: Sequence[str], *, publish: bool, by: Person) -> Upload:
        """`files`: the path and size in bytes of each. What surely cannot be added is refused at once and need not be sent.

        Raises `NotAllowed`, `AudienceInvalid`, `UploadRefused`.
        """
        require_admin(by)
        self._library.audience(audience)
        self._forget()
        if not files:
            raise UploadRefused("empty")
        if len(files) > MOST_FILES:
            raise UploadRefused("too_many", most=str(MOST_FILES))
        if sum(upload.open for upload in self._uploads.values()) >= MOST_OPEN:
            raise UploadRefused("busy")
        made: dict[str, File] = {}
        listed, size = [], 0
        for path, bytes_ in files:
            file = File(source_path(path))
            if file.name in made:
                file.refuse(UploadRefused("twin", name=file.name))
            elif bytes_ > LARGEST:
                file.refuse(_too_large(file.name))
            else:
                size += bytes_
            made[file.name] = file
            listed.append(file)
        if size > MOST_BYTES:
            raise UploadRefused("too_much", most=str(MOST_BYTES // 1024**2))
        upload = Upload(new_id(), by, tuple(audience), publish, listed, self._monotonic())
        self._uploads[upload.id] = upload
        log.info("upload_begun", upload=upload.id, files=len(listed), publish=publish)
        return upload

    async def receive(self, upload_id: str, number: int, chunks: AsyncIterable[bytes], *, by: Person) -> Upload:
        """The content of one file, by its place in the list; sent twice it counts once. Raises `NotAllowed`, `UploadRefused`."""
        upload = self._own(upload_id, by)
        if not 0 <= number < len(upload.files):
            raise UploadRefused("no_file")
        file = upload.files[number]
        part = self._folder / upload.id / new_id()
        try:
            # Looked at again: it may have been cancelled, or sent twice, meanwhile.
            if file.wanted and await self._write(part, chunks, upload, file) and file.wanted:
                part.rename(self._place(upload, number))
                file.arrived = True
                upload.heard = self._monotonic()
                self._loop.wake()
        finally:
            part.unlink(missing_ok=True)
        if file.state is FileState.LEFT:
            raise UploadRefused("over")
        return upload

    def cancel(self, upload_id: str, *, by: Person) -> Upload:
        """Stops at once, also the reading of a file. What was added stays. Raises `NotAllowed`, `UploadRefused`.

        Anybody's, for knowledge admins: whoever began it may be away, and would keep the others from theirs.
        """
        upload = self.find(upload_id, by=by)
        if upload.open:
            upload.cancelled = True
            upload.leave()
            if self._reading is not None and self._reading[0] is upload:
                self._stop_reading()
            log.info("upload_cancelled", upload=upload.id, begun_by=upload.by.id, by=by.id, done=upload.done)
            self._loop.wake()
        return upload

    def publish(self, upload_id: str, *, by: Person) -> Upload:
        """Publishes what is a draft of it, now or once it is added. Raises `NotAllowed`, `UploadRefused`."""
        upload = self._own(upload_id, by)
        if upload.open and upload.cancelled:
            raise UploadRefused("over")
        upload.publish, upload.cancelled = True, False
        for file in upload.drafts:
            file.state = FileState.ENCODING
        self._loop.wake()
        return upload

    def find(self, upload_id: str, *, by: Person) -> Upload:
        """Of anybody, for knowledge admins. Raises `NotAllowed`, `UploadRefused`."""
        require_admin(by)
        self._forget()
        if upload_id not in self._uploads:
            raise UploadRefused("unknown")
        return self._uploads[upload_id]

    def all(self, *, by: Person) -> Sequence[Upload]:
        """The newest first. Raises `NotAllowed`."""
        require_admin(by)
        self._forget()
        return list(reversed(self._uploads.values()))

    async def refresh(self) -> None:
        """Forgets drafts that are none any more: published or replaced by another upload, or in any other way."""
        drafts = [file for upload in self._uploads.values() if not upload.open for file in upload.drafts]
        if drafts:
            waiting = await self._library.drafts()
            for file in drafts:
                file.draft = waiting.get(file.article or "") == file.version

    def _own(self, upload_id: str, by: Person) -> Upload:
        upload = self.find(upload_id, by=by)
        if upload.by.id != by.id:
            raise NotYours("not_yours", name=upload.by.name)
        return upload

    def _place(self, upload: Upload, number: int) -> Path:
        return self._folder / upload.id / f"{number}.file"

    async def _write(self, part: Path, chunks: AsyncIterable[bytes], upload: Upload, file: File) -> bool:
        """False when it is too large, which is said of the file."""
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        held, size = bytearray(), 0
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            async for chunk in chunks:
                size += len(chunk)
                upload.room -= len(chunk)
                if upload.room < 0:
                    raise UploadRefused("too_much", most=str(MOST_BYTES // 1024**2))
                if size > LARGEST:
                    file.refuse(_too_large(file.name))
                    return False
                held += chunk
                if len(held) >= _WRITTEN_AT_ONCE:
                    await asyncio.to_thread(opened.write, bytes(held))
                    held.clear()
            opened.write(held)
        return True

    def _forget(self) -> None:
        """What nobody sends any more is left, and what is over goes once there is too much of it."""
        now = self._monotonic()
        for upload in self._uploads.values():
            if now - upload.heard > IDLE_SECONDS:
                for file in upload.files:
                    if file.wanted:
                        file.state = FileState.LEFT
        over = [upload.id for upload in self._uploads.values() if not upload.open and not upload.kept]
        for upload_id in over[: max(0, len(self._uploads) - MOST_KEPT)]:
            del self._uploads[upload_id]

    # -- the work ---------------------------------------------------------------------------------------------------

    async def _round(self) -> float | None:
        """One step of the oldest upload that has something to do."""
        self._forget()
        for upload in list(self._uploads.values()):
            if await self._step(upload):
                return 0.0
        return None

    async def _step(self, upload: Upload) -> bool:
        if not upload.open and upload.kept:
            await asyncio.to_thread(shutil.rmtree, self._folder / upload.id, ignore_errors=True)
            upload.kept = False
            log.info("upload_over", upload=upload.id, **{state.value: count for state, count in upload.counts.items()})
        ready = [file for file in upload.files if file.state is FileState.ENCODING][:AT_ONCE]
        number = next((n for n, file in enumerate(upload.files) if file.arrived and file.state is FileState.WAITING), None)
        if ready and (number is None or len(ready) == AT_ONCE):
            await self._publish(upload, ready)
        elif number is not None:
            await self._add(upload, number)
        return bool(ready) or number is not None

    async def _add(self, upload: Upload, number: int) -> None:
        file, path = upload.files[number], self._place(upload, number)
        file.state = FileState.READING
        try:
            data = await asyncio.to_thread(path.read_bytes)

            async def read(data: bytes, name: str) -> Loaded:
                return await self._load(upload, data, name)

            added = await self._library.add_changed(data, file.name, upload.audience, by=upload.by, load=read)
        except _Stopped:
            file.state = FileState.LEFT
        except KnowledgeError as refusal:
            file.refuse(refusal)
        except Exception:  # whatever broke with one file, the others go on
            log.exception("upload_failed", upload=upload.id)
            file.refuse(UploadRefused("failed", name=file.name))
        else:
            file.article, file.version, file.changed = added.article.id, added.article.version, added.changed
            file.draft = added.article.state is ArticleState.DRAFT
            if file.draft and upload.publish and not upload.cancelled:
                file.state = FileState.ENCODING
            else:
                file.rest()
        finally:
            path.unlink(missing_ok=True)

    async def _load(self, upload: Upload, data: bytes, name: str) -> Loaded:
        """Reads a file in a task of its own, the only part of adding that can be broken off: no transaction is open. Raises `_Stopped`."""
        if upload.cancelled or self._stopping:
            raise _Stopped
        reading = asyncio.create_task(load(data, name))
        self._reading = upload, reading
        try:
            await asyncio.wait({reading})
        finally:
            self._stop_reading()
            self._reading = None
        if reading.cancelled():
            raise _Stopped
        return reading.result()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading[1].cancel()

    async def _publish(self, upload: Upload, files: Sequence[File]) -> None:
        def between() -> None:
            if upload.cancelled or self._stopping:
                raise _Stopped

        upload.working = files
        try:
            ids = [file.article for file in files if file.article]
            await self._library.publish_many(ids, upload.by, between=between, wait_for_index=False)
        except _Stopped:
            for file in files:
                file.rest()
        except KnowledgeError as refusal:
            if len(files) == 1 and refusal.details.get("state") == ArticleState.PUBLISHED.value:
                files[0].state, files[0].draft = FileState.PUBLISHED, False  # by somebody else meanwhile
            elif len(files) == 1:
                files[0].refuse(refusal)
            else:  # one of them, and which one is seen by trying each
                for file in files:
                    await self._publish(upload, [file])
        except Exception:
            log.exception("upload_failed", upload=upload.id)
            for file in files:
                file.refuse(UploadRefused("failed", name=file.name))
        else:
            for file in files:
                file.state, file.draft = FileState.PUBLISHED, False
        finally:
            upload.working = ()


def _too_large(name: str) -> LoadRefused:
    return LoadRefused("too_large", name=name, limit_mb=str(LARGEST // 1024**2))
