"""Structured logs: a line of JSON an event, ids only, with the correlation id of the turn. Never to standard output."""

import json
import logging
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import ExcInfo

MAX_CHAIN, MAX_FRAMES = 5, 12


class _Plain(logging.Formatter):
    """What libraries log: who and where, never their words, which may be somebody's."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        return json.dumps(
            {"event": "library", "logger": record.name, "level": record.levelname.lower(), "line": record.lineno, "error": kind}
        )


def _where(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """An exception without its text and its variables: both may hold what somebody wrote. Its type and its lines are enough."""
    chain: list[dict[str, Any]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(chain) < MAX_CHAIN:
        frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        ours = [frame for frame in frames if "site-packages" not in frame]
        chain.append({"error": type(error).__name__, "code": getattr(error, "code", None), "frames": [*ours[-MAX_FRAMES:], *frames[-1:]]})
        error = error.__cause__ or error.__context__
    return chain


def set_up(level: str, file: Path | None = None) -> None:
    """To a file, else to standard error."""
    stream: TextIO = sys.stderr
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a", encoding="utf-8", buffering=1)
    numeric = getattr(logging, level.upper())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Plain())
    logging.basicConfig(level=max(numeric, logging.WARNING), handlers=[handler], force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_where),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
