"""No log line holds what somebody wrote, whatever breaks."""

import json
import logging
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from bot import logs
from bot.database import connect

CANARY = "canary-7f3a-my-private-words"


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "foyer.log"
    logs.set_up("info", path)
    return path


async def test_a_failing_statement_is_logged_without_its_words(log_file: Path, tmp_path: Path) -> None:
    engine, sessions = connect(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    utterance = CANARY
    try:
        async with sessions.begin() as session:
            await session.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": utterance})
    except Exception:
        structlog.get_logger().exception("turn_failed", seq=1)
        logging.getLogger("a.library").exception("failed with %s", utterance)
    await engine.dispose()
    lines = [json.loads(line) for line in log_file.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["turn_failed", "library"]
    assert any("OperationalError" in entry["error"] for entry in lines[0]["exception"])
    assert any("test_logs.py" in frame for entry in lines[0]["exception"] for frame in entry["frames"])
    assert CANARY not in log_file.read_text()


async def test_the_usual_rendering_would_have_kept_them(log_file: Path) -> None:
    """The negative control: structlog's own tracebacks hold the words."""
    structlog.configure(
        processors=[structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(log_file.open("a")),
    )
    utterance = CANARY
    try:
        raise ValueError(utterance)
    except ValueError:
        structlog.get_logger().exception("turn_failed")
    assert CANARY in log_file.read_text()
