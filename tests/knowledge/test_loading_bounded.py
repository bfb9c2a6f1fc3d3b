"""What a file may take of the machine, whatever its parser does; and that the limits, not luck, hold it."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from knowledge.errors import LoadRefused
from knowledge.loading.bounded import Limits, Readers, Stop
from knowledge.loading.registry import load, load_apart

LIMITED = Limits(seconds=60, memory_mb=512)
HURRIED = Limits(seconds=2, memory_mb=512)
LINUX = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    one = Readers(LIMITED, "tests.knowledge.hostile:read")
    yield one
    one.close()


def refused(readers: Readers, kind: str) -> LoadRefused:
    with pytest.raises(LoadRefused) as caught:
        readers.read(kind.encode(), "a.txt")
    assert caught.value.details["name"] == "a.txt"
    return caught.value


@pytest.fixture(scope="module")
def hurried() -> Iterator[Readers]:
    one = Readers(HURRIED, "tests.knowledge.hostile:read")
    yield one
    one.close()


def test_a_parser_that_does_not_end_is_ended_and_the_next_file_read(hurried: Readers) -> None:
    assert refused(hurried, "loop").code == "took_too_long"
    assert hurried.read(b"well", "b.txt")[0].title == "read"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("allocate", "too_much_memory"),
        ("die", "damaged"),
        ("crash", "damaged"),
        ("fail", "damaged"),
        ("refuse", "no_text"),
        ("flood", "too_long"),
        ("write", "damaged"),
    ],
)
def test_whatever_a_parser_does_its_file_is_refused_and_the_next_one_read(readers: Readers, kind: str, code: str) -> None:
    assert refused(readers, kind).code == code
    assert readers.read(b"well", "b.txt")[0].title == "read"


def test_without_limits_the_same_parsers_get_what_they_want() -> None:
    """The negative control: it is the limits that stop them."""
    unlimited = Readers(Limits(seconds=60, memory_mb=0), "tests.knowledge.hostile:read")
    try:
        loaded, taken = unlimited.read(b"allocate", "a.txt")
        assert int(loaded.markdown) > LIMITED.memory_mb * 1024 * 1024
        assert taken.peak_mb == 0 or taken.peak_mb > 64
    finally:
        unlimited.close()


def test_one_process_reads_many_files(readers: Readers) -> None:
    assert len({readers.read(b"well", "a.txt")[0].markdown for _ in range(5)}) == 1


def test_what_a_parser_prints_is_no_answer(readers: Readers) -> None:
    assert readers.read(b"print", "a.txt")[0].title == "read"


@LINUX
def test_a_process_inherits_neither_environment_nor_descriptors(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOYER_SECRET", "x")
    with Path(__file__).open("rb") as held:
        assert held.fileno() > 2
        loaded, _ = readers.read(b"look", "a.txt")
    assert "FOYER" not in loaded.title
    # Its three pipes, the copy of the third, and the directory that it lists.
    assert len(loaded.markdown.split()) <= 6


async def test_a_file_that_takes_its_time_holds_up_neither_the_loop_nor_the_next_file(hurried: Readers) -> None:
    slow = asyncio.create_task(load_apart(b"sleep", "slow.txt", hurried))
    await asyncio.sleep(0)
    quick = await load_apart(b"well", "quick.txt", hurried)
    assert quick[0].title == "read"
    assert not slow.done()
    with pytest.raises(LoadRefused, match="took_too_long"):
        await slow


async def test_the_process_of_a_file_that_nobody_wants_any_more_ends_and_the_next_file_is_read() -> None:
    patient = Readers(Limits(seconds=60), "tests.knowledge.hostile:read")
    reading = [asyncio.create_task(load_apart(b"sleep", "slow.txt", patient)) for _ in range(2)]
    await asyncio.sleep(0.05)
    for one in reading:
        one.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    assert all(one.cancelled() for one in reading)
    async with asyncio.timeout(20):  # all its processes were at it
        assert (await load_apart(b"well", "next.txt", patient))[0].title == "read"
    patient.close()


def test_stopped_when_it_has_ended_it_disturbs_no_other_file(readers: Readers) -> None:
    stop = Stop()
    first = readers.read(b"well", "a.txt", stop)[0]
    stop()
    assert readers.read(b"well", "b.txt")[0] == first, "the same process"
    with pytest.raises(CancelledError):
        readers.read(b"well", "c.txt", stop)


@LINUX
def test_an_idle_process_ends_and_leaves_no_zombie() -> None:
    brief = Readers(LIMITED, "tests.knowledge.hostile:read", idle_seconds=0.05)
    pid = brief.read(b"well", "a.txt")[0].markdown
    _wait_until_gone(pid)
    assert brief.read(b"well", "b.txt")[0].markdown != pid
    brief.close()


@LINUX
def test_a_process_ends_with_the_one_that_asked_it_also_in_the_middle_of_a_file() -> None:
    script = (
        "from knowledge.loading.bounded import Limits, Readers\n"
        "readers = Readers(Limits(seconds=60), 'tests.knowledge.hostile:read')\n"
        "print(readers.read(b'well', 'a.txt')[0].markdown, flush=True)\n"
        "readers.read(b'loop', 'a.txt')\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = parent.stdout.readline().strip()
        while _state(pid) != "R":
            time.sleep(0.01)
        parent.kill()
    _wait_until_gone(pid)


def _state(pid: str) -> str:
    """`R` for a process that runs; nothing for none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _wait_until_gone(pid: str) -> None:
    """Runs into the time limit of the tests if it stays. An orphan may stay a zombie: that is up to the first process."""
    while _state(pid) not in ("", *("Z" if _is_orphan(pid) else "")):
        time.sleep(0.01)


def _is_orphan(pid: str) -> bool:
    with contextlib.suppress(OSError):
        return f"PPid:\t{os.getpid()}\n" not in Path(f"/proc/{pid}/status").read_text()
    return True


async def test_a_page_is_read_the_same_in_a_process_of_its_own() -> None:
    loaded = await load(b"<html lang=de><title>T</title><p>Words.<p hidden>unseen", "a.html")
    assert (loaded.title, loaded.markdown, loaded.warnings, loaded.front_matter.language) == ("T", "Words.", ("hidden_text_removed",), "de")
