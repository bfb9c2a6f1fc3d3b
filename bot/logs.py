"""Structured logs: a line of JSON an event, ids only, with the correlation id of the turn. Never to standard output."""

import logging
import sys
from pathlib import Path
from typing import TextIO

import structlog


def set_up(level: str, file: Path | None = None) -> None:
    """To a file, else to standard error."""
    stream: TextIO = sys.stderr
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a", encoding="utf-8", buffering=1)
    numeric = getattr(logging, level.upper())
    logging.basicConfig(
        level=max(numeric, logging.WARNING), stream=stream, force=True, format='{"event": "library", "text": "%(message)s"}'
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
