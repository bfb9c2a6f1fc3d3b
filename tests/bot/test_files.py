"""Files that people sent: kept once, for those who may have them, and nothing left lying about."""

import asyncio
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot import tables as t
from bot.database import Sessions
from bot.files import DAY, MOST_A_DAY, MOST_BYTES, FileStore, safe_mime, safe_name
from connectors.errors import Refused
from connectors.ports.chat import Attachment
from connectors.ports.records import new_id

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class Desk:
    def __init__(self, sessions: Sessions, folder: Path) -> None:
        self.sessions = sessions
        self.folder = folder
        self.files = FileStore(sessions, folder)
        self.sent = 0

    async def keep(
        self,
        data: bytes = b"png",
        *,
        id: str | None = None,
        name: str = "a.png",
        private_to: str | None = None,
        message_id: str | None = None,
        conversation_id: str = "c1",
        person_id: str = "p1",
        later: timedelta = timedelta(),
    ) -> Attachment:
        self.sent += 1
        return await self.files.keep(
            data,
            id=id or new_id(),
            name=name,
            mime="image/png",
            conversation_id=conversation_id,
            person_id=person_id,
            now=NOW + timedelta(seconds=self.sent) + later,
            private_to=private_to,
            message_id=message_id,
        )

    async def sent_before(self, size: int) -> None:
        """As if p1 had sent that much at the beginning."""
        row = {"id": new_id(), "conversation_id": "c0", "person_id": "p1", "name": "a", "mime": "b", "size": size, "at": NOW}
        async with self.sessions.begin() as session:
            await session.execute(insert(t.attachment).values(row))

    def left(self, name: str, age: timedelta) -> Path:
        """A file that no row names."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / name
        path.write_bytes(b"lost")
        moment = (NOW - age).timestamp()
        os.utime(path, (moment, moment))
        return path


@pytest.fixture
def desk(sessions: Sessions, tmp_path: Path) -> Desk:
    return Desk(sessions, tmp_path / "files")


async def test_what_is_kept_can_be_read(desk: Desk) -> None:
    kept = await desk.keep(b"\x00\xffbytes")
    assert await desk.files.read(kept.id) == b"\x00\xffbytes"
    assert kept == Attachment(kept.id, "a.png", "image/png", 7)
    assert await desk.files.of_conversation("c1") == [kept]
    assert await desk.files.of_conversation("c2") == []


async def test_nobody_else_on_the_machine_can_read_it(desk: Desk) -> None:
    kept = await desk.keep()
    assert stat.S_IMODE((desk.folder / kept.id).stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.folder.stat().st_mode) == 0o700


async def test_a_repeated_turn_keeps_it_once(desk: Desk) -> None:
    first = await desk.keep(b"first", id="the-same", private_to="h1")
    again = await desk.keep(b"other", id="the-same", name="other.png")
    assert again == first
    assert await desk.files.read("the-same") == b"first"
    assert await desk.files.of_conversation("c1", private_to="h1") == [first]
    assert [path.name for path in desk.folder.iterdir()] == ["the-same"]


async def test_a_turn_that_is_tried_again_takes_its_file_into_the_conversation_that_comes_of_it(desk: Desk) -> None:
    kept = await desk.keep(id="the-same", conversation_id="never-saved")
    await desk.keep(id="the-same", conversation_id="c1")
    assert await desk.files.of_conversation("c1") == [kept]
    assert await desk.files.of_conversation("never-saved") == []


async def test_what_came_with_a_deleted_message_is_gone_row_and_bytes(desk: Desk) -> None:
    kept, other, theirs = (
        await desk.keep(message_id="m1"),
        await desk.keep(message_id="m2"),
        await desk.keep(message_id="m1", person_id="p2"),
    )
    await desk.files.forget("p1", "m1")
    await desk.files.forget("p1", "m1")
    assert await desk.files.of_conversation("c1") == [other, theirs]
    assert {path.name for path in desk.folder.iterdir()} == {other.id, theirs.id}
    with pytest.raises(Refused):
        await desk.files.read(kept.id)


async def test_nobody_fills_the_disk_in_a_day(desk: Desk) -> None:
    await desk.sent_before(MOST_A_DAY - 3)
    await desk.keep(b"png", id="fits")
    with pytest.raises(Refused) as raised:
        await desk.keep(b"x")
    assert raised.value.code == "quota"
    assert await desk.keep(b"png", id="fits")
    await desk.keep(b"x", person_id="p2")
    await desk.keep(b"x", later=DAY)


async def test_what_comes_at_the_same_time_is_counted_too(desk: Desk) -> None:
    await desk.sent_before(MOST_A_DAY - 3)
    both = await asyncio.gather(desk.keep(b"png"), desk.keep(b"png"), return_exceptions=True)
    assert [isinstance(one, Refused) for one in both].count(True) == 1


async def test_what_is_too_large_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as raised:
        await desk.keep(bytes(MOST_BYTES + 1))
    assert raised.value.code == "too_large"
    assert not desk.folder.exists()
    assert (await desk.keep(bytes(MOST_BYTES))).size == MOST_BYTES


async def test_what_is_private_is_shown_to_its_own_handoff_alone(desk: Desk) -> None:
    open_one = await desk.keep()
    private = await desk.keep(private_to="h1")
    assert await desk.files.of_conversation("c1") == [open_one]
    assert await desk.files.of_conversation("c1", private_to="h2") == [open_one]
    assert await desk.files.of_conversation("c1", private_to="h1") == [open_one, private]


async def test_a_file_can_be_made_private_later(desk: Desk) -> None:
    kept, other, open_one = await desk.keep(), await desk.keep(private_to="h0"), await desk.keep()
    async with desk.sessions.begin() as session:
        await desk.files.make_private(session, [kept], "h1")
    assert await desk.files.of_conversation("c1") == [open_one]
    assert await desk.files.of_conversation("c1", private_to="h1") == [kept, open_one]
    assert await desk.files.of_conversation("c1", private_to="h0") == [other, open_one]


async def test_what_is_not_there_is_gone(desk: Desk) -> None:
    kept = await desk.keep()
    (desk.folder / kept.id).unlink()
    for attachment_id in (kept.id, "never", "../../etc/passwd"):
        with pytest.raises(Refused) as raised:
            await desk.files.read(attachment_id)
        assert raised.value.code == "gone"


async def test_a_file_that_no_row_names_is_not_read(desk: Desk) -> None:
    desk.left("stray", timedelta())
    with pytest.raises(Refused):
        await desk.files.read("stray")


async def test_without_bytes_there_is_no_row(desk: Desk) -> None:
    desk.folder.write_bytes(b"in the way")
    with pytest.raises(OSError, match="files"):
        await desk.keep(id="one")
    assert await desk.files.of_conversation("c1") == []


async def test_lost_files_are_swept_and_others_stay(desk: Desk) -> None:
    kept = await desk.keep()
    os.utime(desk.folder / kept.id, (0, 0))
    lost, fresh = desk.left("lost", timedelta(days=2)), desk.left("fresh", timedelta(hours=1))
    await desk.files.sweep(NOW)
    assert (lost.exists(), fresh.exists()) == (False, True)
    assert await desk.files.read(kept.id) == b"png"


async def test_sweeping_is_not_done_more_often_than_it_is_worth(desk: Desk) -> None:
    await desk.files.sweep(NOW)
    lost = desk.left("lost", timedelta(days=2))
    await desk.files.sweep(NOW + timedelta(minutes=30))
    assert lost.exists()
    await desk.files.sweep(NOW + timedelta(hours=1))
    assert not lost.exists()


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\dana\\notes.txt", "notes.txt"),
        ("a\x00b\r\nc.txt", "ab c.txt"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        (".bashrc", "bashrc"),
        ("..", "file"),
        ("", "file"),
        ("Überblick  2026.pdf", "Überblick 2026.pdf"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300, "x" * 255),
    ],
)
def test_names_are_made_safe(given: str, safe: str) -> None:
    assert safe_name(given) == safe


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("image/PNG", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("nonsense", "application/octet-stream"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("text/" + "x" * 200, "application/octet-stream"),
    ],
)
def test_types_are_made_safe(given: str, safe: str) -> None:
    assert safe_mime(given) == safe
