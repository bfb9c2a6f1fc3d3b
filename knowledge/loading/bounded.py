"""Reads files in processes of their own, so that no file takes more time or memory than a file may.

Parsers of office formats and PDF are large programs that read what strangers wrote. A process that reads is started afresh
(never forked: the parent has threads), inherits no environment and no descriptor but its pipes, leads a group of its own
and is killed with it. It stays for the next file, since starting one and loading a parser costs half a second; one that
dies, takes too long or has grown is replaced. Memory, processor time and written files are bounded by the kernel
(`setrlimit`); where there is none (Windows; macOS for memory), only the clock and the size of the answer are.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from knowledge.errors import LoadRefused
from knowledge.loading.port import Loaded
from knowledge.loading.wire import ANSWER_HEAD, FILE_HEAD, MAX_ANSWER, loaded_from

_READER = "knowledge.loading.registry:load_now"
_ROOT = Path(__file__).parent.parent.parent
_START = "import sys; sys.path.insert(0, sys.argv[1]); from knowledge.loading.worker import main; main(*sys.argv[2:])"
_PROCESSES = 2
"""One more than needed, so that a file that takes its whole time holds up nobody else."""
_GROWN_MB = 200
"""A process that once took this much keeps some of it, which the next file would lack."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. `memory_mb` 0: as much as there is, which only a negative control wants."""

    seconds: float = 15
    memory_mb: int = 512


@dataclass(frozen=True, slots=True)
class Taken:
    """What reading a file took: seconds by the clock, and the most memory that its process ever held (0 where unknown)."""

    seconds: float
    peak_mb: float


class _Gone(Exception):
    """The process ended instead of answering."""


class Stop:
    """Ends the reading of one file from another thread, whenever it is called: before, meanwhile, or too late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self.called = False

    def __call__(self) -> None:
        with self._lock:
            self.called = True
            if self._process is not None:
                self._process.kill()

    def watch(self, process: "_Process | None") -> None:
        """From now on this process reads the file; None: no process does, and the last one may be given another file."""
        with self._lock:
            self._process = process
            if self.called and process is not None:
                process.kill()


class Readers:
    """A few processes that read files one after another. Started when first needed; they end when nobody needs them."""

    def __init__(self, limits: Limits = Limits(), reader: str = _READER, idle_seconds: float = 60) -> None:
        """`reader`: `module:function`, called there with bytes and name; it returns `Loaded` or raises `LoadRefused`."""
        self._limits = limits
        self._reader = reader
        self._idle_seconds = idle_seconds
        self._idle: list[tuple[_Process, threading.Timer]] = []
        self._lock = threading.Lock()
        # Threads of their own: all those of the event loop would wait here while somebody adds a folder.
        self.threads = ThreadPoolExecutor(_PROCESSES, thread_name_prefix="file-reader")

    def read(self, data: bytes, name: str, stop: Stop | None = None) -> tuple[Loaded, Taken]:
        """Blocks; meant for one of `threads`. Raises `LoadRefused`, whatever happens to the process, and `CancelledError` after `stop`."""
        stop = stop or Stop()
        begun = time.monotonic()
        process = self._take()
        try:
            answer = process.ask(data, name, self._limits.seconds, stop)
        except _Gone as error:
            code = process.end()
            if stop.called:
                raise CancelledError from error
            late = process.late or code == -getattr(signal, "SIGXCPU", 0)
            log.warning("file_reader_died", late=late, exit=code)
            if late:
                raise LoadRefused("took_too_long", name=name, seconds=f"{self._limits.seconds:g}") from error
            raise LoadRefused("damaged", name=name) from error
        peak = float(answer["peak_mb"])
        if answer["last"] or peak > _GROWN_MB:
            process.end()
        else:
            self._keep(process)
        if "failed" in answer:
            log.warning("file_unreadable", error=answer["failed"])
            raise LoadRefused("damaged", name=name)
        if "refused" in answer:
            raise LoadRefused(answer["refused"], **{"name": name, **answer["details"]})
        return loaded_from(answer["loaded"]), Taken(time.monotonic() - begun, peak)

    def close(self) -> None:
        """Ends the processes. For tests: otherwise they end with this one, or a minute after their last file."""
        self.threads.shutdown()
        while (process := self._taken()) is not None:
            process.end()

    def _take(self) -> "_Process":
        while (process := self._taken()) is not None:
            if process.is_alive():
                return process
            process.end()
        return _Process(self._reader, self._limits)

    def _taken(self) -> "_Process | None":
        with self._lock:
            if not self._idle:
                return None
            process, timer = self._idle.pop()
        timer.cancel()
        return process

    def _keep(self, process: "_Process") -> None:
        # Ended from here, so that it is waited for as well: one that ended by itself would stay a zombie until the next file.
        timer = threading.Timer(self._idle_seconds, self._retire, (process,))
        timer.daemon = True
        with self._lock:
            self._idle.append((process, timer))
        timer.start()

    def _retire(self, process: "_Process") -> None:
        with self._lock:
            kept = [one for one in self._idle if one[0] is not process]
            found = len(kept) < len(self._idle)
            self._idle = kept
        if found:
            process.end()


class _Process:
    def __init__(self, reader: str, limits: Limits) -> None:
        self.late = False
        self._process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-I",
                "-X",
                "utf8",
                "-c",
                _START,
                str(_ROOT),
                reader,
                str(limits.memory_mb),
                f"{limits.seconds:g}",
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What parsers print may quote the file.
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )

    def ask(self, data: bytes, name: str, seconds: float, stop: Stop) -> Mapping[str, Any]:
        """What the process answers for one file. Raises `_Gone`, also after `stop`; `late` says whether it was stopped for its time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        clock = threading.Timer(seconds, self._stop)
        clock.start()
        stop.watch(self)
        own = name.encode()
        try:
            self._process.stdin.write(FILE_HEAD.pack(len(own), len(data)))
            self._process.stdin.write(own)
            self._process.stdin.write(data)
            self._process.stdin.flush()
            (size,) = ANSWER_HEAD.unpack(self._process.stdout.read(ANSWER_HEAD.size))
            if size > MAX_ANSWER:
                raise _Gone
            answer = self._process.stdout.read(size)
            decoded: Mapping[str, Any] = json.loads(answer)
        except (OSError, struct.error, ValueError) as error:
            raise _Gone from error
        finally:
            clock.cancel()
            clock.join()
            stop.watch(None)
        if self.late or stop.called:
            raise _Gone
        return decoded

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> int:
        """Ends it with whatever it started. Its exit code, negative for a signal; its own if it had ended before."""
        self.kill()
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return code

    def _stop(self) -> None:
        self.late = True
        self.kill()

    def kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()
