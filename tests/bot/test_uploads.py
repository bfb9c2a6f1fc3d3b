"""Many files: each by itself, stopped when it is not wanted any more, and nothing left behind. Whatever takes time here waits for
an event of the test, and time itself is the test's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.database import connect
from bot.upload import MOST_BYTES, FileState, NotYours, Upload, UploadRefused
from bot.uploads import AT_ONCE, IDLE_SECONDS, LARGEST, MOST_FILES, MOST_KEPT, MOST_OPEN, Uploads
from connectors.ports.people import Person
from connectors.ports.records import utcnow
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vectors
from knowledge.errors import AudienceInvalid, NotAllowed
from knowledge.index import MemoryIndex
from knowledge.library import Library
from knowledge.loading.port import Loaded
from tests.bot.console.conftest import VOCABULARY, NoAudit
from tests.migrated import sqlite_file


def somebody(name: str, *roles: str) -> Person:
    return Person(f"p-{name}", name, name.title(), f"{name}@acme.example", "UTC", "en-US", roles=frozenset({"employee", *roles}))


KIM, LEE, DANA = somebody("kim", "knowledge_admin"), somebody("lee", "knowledge_admin"), somebody("dana")
Files = Sequence[tuple[str, bytes]]


class SlowEncoder(HashingEncoder):
    """Waits while `go` is not set; `waiting` tells that it does."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.waiting = asyncio.Event(), asyncio.Event()
        self.go.set()

    async def encode(self, texts: Sequence[str]) -> Vectors:
        self.waiting.set()
        await self.go.wait()
        self.waiting.clear()
        return await super().encode(texts)


@dataclass
class Hall:
    library: Library
    encoder: SlowEncoder
    folder: Path
    now: float = 0.0
    uploads: Uploads = field(init=False)

    def __post_init__(self) -> None:
        self.uploads = Uploads(self.library, self.folder, monotonic=lambda: self.now)

    def begin(self, files: Files, *, audience: Sequence[str] = (), publish: bool = False, by: Person = KIM) -> Upload:
        return self.uploads.begin([(name, len(data)) for name, data in files], audience, publish=publish, by=by)

    async def send(self, upload: Upload, files: Files, *numbers: int) -> None:
        for number in numbers or range(len(files)):
            if upload.files[number].wanted:
                await self.uploads.receive(upload.id, number, pieces(files[number][1]), by=upload.by)

    async def whole(self, files: Files, *, publish: bool = False) -> Upload:
        upload = self.begin(files, publish=publish)
        await self.send(upload, files)
        await until(lambda: not upload.open)
        return upload

    async def states(self) -> dict[str, str]:
        return {article.source: article.state.value for article in await self.library.list()}

    def on_disk(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.002)


def page(number: int, text: str = "It is as it is.") -> tuple[str, bytes]:
    return f"handbook/{number:02}/index.md", f"# Page {number}\n\n{text}".encode()


def states(upload: Upload) -> list[str]:
    return [file.state.value for file in upload.files]


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    engine, sessions = connect(await sqlite_file(tmp_path / "foyer.db"))
    encoder = SlowEncoder()
    made = Hall(Library(sessions, MemoryIndex(), encoder, NoAudit(), utcnow, VOCABULARY), encoder, tmp_path / "uploads")
    await made.uploads.start()
    yield made
    encoder.go.set()
    await made.uploads.stop(5.0)
    await engine.dispose()


async def test_one_refusal_among_many_stops_nobody(hall: Hall) -> None:
    files = [page(1), ("handbook/empty.md", b""), ("handbook/tool.exe", b"MZ\x90\x00"), page(2)]
    upload = await hall.whole(files)
    assert (upload.state, states(upload)) == ("done", ["added", "refused", "refused", "added"])
    assert [file.refusal.code for file in upload.files if file.refusal] == ["no_text", "format_unsupported"]
    assert (upload.done, len(upload.drafts)) == (4, 2)
    assert await hall.states() == {"handbook/01/index.md": "draft", "handbook/02/index.md": "draft"}
    await until(lambda: hall.on_disk() == [])


async def test_the_same_name_in_two_folders_is_two_articles_and_the_same_path_twice_is_refused(hall: Hall) -> None:
    files = [page(1), page(2), ("handbook\\01\\./index.md", b"Another.")]
    upload = await hall.whole(files)
    assert states(upload) == ["added", "added", "refused"]
    assert upload.files[2].refusal is not None
    assert upload.files[2].refusal.message_key == "upload.twin"


async def test_uploading_again_changes_only_what_changed(hall: Hall) -> None:
    files = [page(1), page(2), page(3)]
    await hall.whole(files, publish=True)
    files[1] = page(2, "It is not as it was.")
    again = await hall.whole(files, publish=True)
    assert states(again) == ["unchanged", "published", "unchanged"]
    assert [article.version for article in await hall.library.list()] == [1, 2, 1]


async def test_publishing_is_for_the_whole_upload_at_once_or_afterwards(hall: Hall) -> None:
    files = [page(number) for number in range(AT_ONCE + 3)]
    drafts = await hall.whole(files)
    assert set(states(drafts)) == {"added"}
    assert set((await hall.states()).values()) == {"draft"}
    hall.uploads.publish(drafts.id, by=KIM)
    await until(lambda: not drafts.open)
    assert (drafts.state, set(states(drafts)), drafts.drafts) == ("done", {"published"}, [])
    assert set((await hall.states()).values()) == {"published"}


async def test_drafts_that_wait_since_an_earlier_upload_can_be_published_with_it(hall: Hall) -> None:
    await hall.whole([page(1)])
    again = await hall.whole([page(1)])
    assert (states(again), len(again.drafts)) == (["unchanged"], 1)
    assert states(await hall.whole([page(1)], publish=True)) == ["published"]


async def test_cancelled_before_the_next_file_what_was_added_stays(hall: Hall) -> None:
    files = [page(number) for number in range(4)]
    upload = hall.begin(files)
    await hall.send(upload, files, 0, 1)
    await until(lambda: upload.done == 2)
    assert hall.uploads.cancel(upload.id, by=KIM).state == "cancelled"
    assert states(upload) == ["added", "added", "left", "left"]
    with pytest.raises(UploadRefused, match="over"):
        await hall.uploads.receive(upload.id, 2, pieces(files[2][1]), by=KIM)
    assert len(await hall.states()) == 2
    hall.uploads.publish(upload.id, by=KIM)
    await until(lambda: not upload.open)
    assert (upload.state, states(upload)) == ("cancelled", ["published", "published", "left", "left"])


async def test_cancelled_while_it_encodes_nothing_is_half_published(hall: Hall) -> None:
    files = [page(number) for number in range(AT_ONCE + 2)]
    hall.encoder.go.clear()
    upload = hall.begin(files, publish=True)
    await hall.send(upload, files)
    await hall.encoder.waiting.wait()
    assert upload.now is not None
    assert upload.now.state is FileState.ENCODING
    hall.uploads.cancel(upload.id, by=KIM)
    assert upload.state == "cancelling", "the batch that is being encoded comes to its end"
    with pytest.raises(UploadRefused, match="over"):
        hall.uploads.publish(upload.id, by=KIM)
    hall.encoder.go.set()
    await until(lambda: not upload.open)
    assert upload.state == "cancelled"
    assert set(states(upload)) == {"added", "left"}
    assert set((await hall.states()).values()) == {"draft"}


async def test_cancelled_in_the_middle_of_reading_the_file_is_not_waited_for(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(_data: bytes, _name: str) -> Loaded:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    monkeypatch.setattr("bot.uploads.load", endless)
    files = [page(1), page(2)]
    upload = hall.begin(files)
    await hall.send(upload, files)
    await begun.wait()
    assert hall.uploads.cancel(upload.id, by=KIM).state == "cancelling"
    await until(lambda: not upload.open)
    assert (ended.is_set(), upload.state, states(upload), await hall.states()) == (True, "cancelled", ["left", "left"], {})
    monkeypatch.undo()
    assert states(await hall.whole(files)) == ["added", "added"], "and the next one is not disturbed"


async def test_cancelled_in_the_middle_of_a_file_that_comes_it_is_forgotten(hall: Hall) -> None:
    upload, begun, go = hall.begin([page(1)]), asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"# Page"
        begun.set()
        await go.wait()
        yield b" one"

    receiving = asyncio.create_task(hall.uploads.receive(upload.id, 0, slow(), by=KIM))
    await begun.wait()
    hall.uploads.cancel(upload.id, by=KIM)
    go.set()
    with pytest.raises(UploadRefused, match="over"):
        await receiving
    assert (states(upload), await hall.states()) == (["left"], {})
    await until(lambda: hall.on_disk() == [])


async def test_a_file_that_breaks_off_can_be_sent_again_and_sent_twice_counts_once(hall: Hall) -> None:
    files = [page(1)]
    upload = hall.begin(files)

    async def broken() -> AsyncIterator[bytes]:
        yield b"# Pa"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await hall.uploads.receive(upload.id, 0, broken(), by=KIM)
    assert upload.files[0].wanted
    assert hall.on_disk() == []
    await hall.send(upload, files)
    await hall.uploads.receive(upload.id, 0, pieces(b"# Something else"), by=KIM)
    await until(lambda: not upload.open)
    assert [article.title for article in await hall.library.list()] == ["Page 1"]


async def test_one_file_at_a_time_of_whoever_has_something_there(hall: Hall) -> None:
    """An upload whose browser is slow keeps nobody else from theirs."""
    stalled = hall.begin([page(1)])
    other = hall.begin([page(2)], by=LEE)
    await hall.uploads.receive(other.id, 0, pieces(page(2)[1]), by=LEE)
    await until(lambda: not other.open)
    assert (other.state, stalled.state) == ("done", "open")


async def test_what_nobody_sends_any_more_is_left(hall: Hall) -> None:
    files = [page(1), page(2)]
    upload = hall.begin(files)
    await hall.send(upload, files, 0)
    await until(lambda: upload.done == 1)
    hall.now = IDLE_SECONDS + 1
    assert [one.state for one in hall.uploads.all(by=KIM)] == ["cancelled"]
    assert states(upload) == ["added", "left"]


async def test_it_is_bounded(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(*sizes: int, audience: Sequence[str] = ()) -> Upload:
        files = [(f"{n}.md", size) for n, size in enumerate(sizes)]
        return hall.uploads.begin(files, audience, publish=False, by=KIM)

    for sizes, code in (((), "empty"), ([1] * (MOST_FILES + 1), "too_many"), ([LARGEST] * (MOST_BYTES // LARGEST + 1), "too_much")):
        with pytest.raises(UploadRefused, match=code):
            begin(*sizes)
    with pytest.raises(AudienceInvalid):
        begin(1, audience=["planet=earth"])
    large = begin(LARGEST + 1, 1)
    assert states(large) == ["refused", "waiting"]

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LARGEST // 1_000_000 + 2):
            yield b"x" * 1_000_000

    await hall.uploads.receive(large.id, 1, endless(), by=KIM)
    assert states(large) == ["refused", "refused"], "whatever was said of its size"
    for _ in range(MOST_OPEN):
        last = begin(1)
    with pytest.raises(UploadRefused, match="busy"):
        begin(1)
    hall.uploads.cancel(last.id, by=KIM)
    begin(1)


async def test_only_the_last_are_remembered(hall: Hall) -> None:
    for _ in range(MOST_KEPT + 3):
        upload = hall.begin([page(1)])
        hall.uploads.cancel(upload.id, by=KIM)
        await until(lambda kept=upload: not kept.kept)  # type: ignore[misc]
    assert len(hall.uploads.all(by=KIM)) == MOST_KEPT
    assert hall.uploads.all(by=KIM)[0].id == upload.id


async def test_it_belongs_to_whoever_began_it_and_is_seen_by_knowledge_admins(hall: Hall) -> None:
    upload = hall.begin([page(1)])
    assert hall.uploads.find(upload.id, by=LEE) is upload
    with pytest.raises(NotYours):
        hall.uploads.publish(upload.id, by=LEE)
    for changing in (hall.uploads.cancel, hall.uploads.publish):
        with pytest.raises(NotAllowed):
            changing(upload.id, by=DANA)
    with pytest.raises(NotYours):
        await hall.uploads.receive(upload.id, 0, pieces(b"theirs"), by=LEE)
    with pytest.raises(NotAllowed):
        hall.begin([page(1)], by=DANA)
    for looking in (lambda: hall.uploads.find(upload.id, by=DANA), lambda: hall.uploads.all(by=DANA)):
        with pytest.raises(NotAllowed):
            looking()
    with pytest.raises(UploadRefused, match="unknown"):
        hall.uploads.find("no-such-upload", by=KIM)
    with pytest.raises(UploadRefused, match="no_file"):
        await hall.uploads.receive(upload.id, 1, pieces(b"more"), by=KIM)
    assert hall.uploads.cancel(upload.id, by=LEE).state == "cancelled", "whoever began it may be away"


async def test_a_restart_leaves_nothing_on_the_disk_and_stops_between_batches(hall: Hall) -> None:
    files = [page(number) for number in range(AT_ONCE + 2)]
    hall.encoder.go.clear()
    upload = hall.begin(files, publish=True)
    await hall.send(upload, files)
    await hall.encoder.waiting.wait()
    assert hall.on_disk()
    stopping = asyncio.create_task(hall.uploads.stop(5.0))
    await asyncio.sleep(0)
    hall.encoder.go.set()
    await stopping
    assert not hall.folder.exists()
    assert set((await hall.states()).values()) == {"draft"}

    (hall.folder / "of-a-killed-process").mkdir(parents=True)
    (hall.folder / "of-a-killed-process" / "0.file").write_bytes(b"words")
    again = Hall(hall.library, hall.encoder, hall.folder)
    await again.uploads.start()
    assert not hall.folder.exists()
    with pytest.raises(UploadRefused, match="unknown"):
        again.uploads.find(upload.id, by=KIM)
    assert set(states(await again.whole(files, publish=True))) == {"published"}
    await again.uploads.stop(5.0)


async def test_what_somebody_else_did_meanwhile_spoils_nothing(hall: Hall) -> None:
    files = [page(1), page(2), page(3)]
    upload = await hall.whole(files)
    one, other = upload.files[0].article or "", upload.files[1].article or ""
    await hall.library.publish(one, KIM)
    await hall.library.publish(other, KIM)
    await hall.library.retire(other, KIM)
    hall.uploads.publish(upload.id, by=KIM)
    await until(lambda: not upload.open)
    assert states(upload) == ["published", "refused", "published"]
    assert [article.state.value for article in await hall.library.list()] == ["published", "retired", "published"]


async def test_what_breaks_with_one_file_is_said_of_that_file(hall: Hall) -> None:
    files = [page(1), page(2)]
    upload = hall.begin(files)

    async def breaks(*_: object, **__: object) -> None:
        raise OSError("the disk is on fire")

    adding, hall.library.add_changed = hall.library.add_changed, breaks  # type: ignore[method-assign, assignment]
    await hall.send(upload, files, 0)
    await until(lambda: upload.done == 1)
    hall.library.add_changed = adding  # type: ignore[method-assign]
    await hall.send(upload, files, 1)
    await until(lambda: not upload.open)
    assert states(upload) == ["refused", "added"]
    assert upload.files[0].refusal is not None
    assert upload.files[0].refusal.message_key == "upload.failed"
