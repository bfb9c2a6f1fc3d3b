"""The process that reads files for another: bounded first, then one file after the other until nobody asks any more."""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from knowledge.errors import LoadRefused
from knowledge.loading.port import Loaded
from knowledge.loading.wire import ANSWER_HEAD, FILE_HEAD, MAX_ANSWER, loaded_to

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MAX_FILES = 500
"""Parsers leak a little; a process that has read this many is replaced."""
_MAX_DESCRIPTORS = 32
_STATUS = Path("/proc/self/status")


_DIE_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG` of Linux."""


def main(reader: str, memory_mb: str, seconds: str, parent: str) -> None:
    _end_with(int(parent))
    module, _, function = reader.partition(":")
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # A parser that prints must not answer for us.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _bound(int(memory_mb))
    read: Callable[[bytes, str], Loaded] = getattr(import_module(module), function)
    for count in range(1, _MAX_FILES + 1):
        file = _next_file(asked)
        if file is None:
            return
        _bound_time(float(seconds))
        answer = {**_answer(read, *file), "peak_mb": _peak_mb()}
        encoded = json.dumps({"last": count == _MAX_FILES, **answer}).encode()
        if len(encoded) > MAX_ANSWER:
            refused = {"refused": "too_long", "details": {"limit": str(MAX_ANSWER)}}
            encoded = json.dumps({"last": True, "peak_mb": answer["peak_mb"], **refused}).encode()
        answers.write(ANSWER_HEAD.pack(len(encoded)) + encoded)
        answers.flush()


def _answer(read: Callable[[bytes, str], Loaded], data: bytes, name: str) -> dict[str, Any]:
    try:
        return {"loaded": loaded_to(read(data, name))}
    except LoadRefused as refused:
        return {"refused": refused.code, "details": refused.details}
    except MemoryError:
        # What the parser holds is not free yet, perhaps never.
        return {"refused": "too_much_memory", "details": {}, "last": True}
    except Exception as error:
        return {"failed": type(error).__name__}


def _next_file(asked: BinaryIO) -> tuple[bytes, str] | None:
    head = asked.read(FILE_HEAD.size)
    if len(head) < FILE_HEAD.size:
        return None
    name_size, size = FILE_HEAD.unpack(head)
    name = asked.read(name_size).decode()
    return asked.read(size), name


def _end_with(parent: int) -> None:
    """Asks the kernel to end this process when the thread that started it ends, also in the middle of a file.

    Elsewhere than on Linux, one whose parent is gone ends with its file, or with the time that the file has.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _bound(memory_mb: int) -> None:
    if resource is None or not memory_mb:
        return
    size = memory_mb * 1024 * 1024
    wanted = {resource.RLIMIT_AS: size, resource.RLIMIT_DATA: size, resource.RLIMIT_NOFILE: _MAX_DESCRIPTORS}
    nothing = dict.fromkeys((resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC), 0)
    for what, limit in (wanted | nothing).items():
        _, most = resource.getrlimit(what)
        lowest = limit if most == resource.RLIM_INFINITY else min(limit, most)
        # macOS knows a limit on addresses and refuses to set it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (lowest, lowest))


def _bound_time(seconds: float) -> None:
    """Processor time for the next file on top of what is spent: it ends the process even if nobody is left to kill it."""
    if resource is not None:
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 2, most))


def _peak_mb() -> float:
    try:
        found = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0.0
    return int(found.split()[1]) / 1024
