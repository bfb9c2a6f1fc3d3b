"""`kill -9` of the whole process between commits of a grant and its approval: the next process finishes it, once."""

import asyncio
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

ONCE = {
    "effects": 1,
    "requests": ["done"],
    "dana": {"progress": 1, "receipt": 1},
    "priya": {"approval": 1, "notice": 1},
    "decisions": 1,
    "chain": True,
}
SOME = [("before", 1), ("after", 6), ("before", 12)]
"""Boundaries of the default set; `make soak` kills at every one."""


async def process(home: Path, when: str, at: int, ids: str = "same") -> tuple[int, dict[str, Any]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scenarios.killed", str(home), when, str(at), ids, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    assert child.returncode is not None
    return child.returncode, json.loads(output.splitlines()[-1]) if child.returncode == 0 else {}


async def killed_then_finished(template: Path, home: Path, when: str, at: int, ids: str = "same") -> tuple[bool, dict[str, Any]]:
    """Whether the first process was killed, and what the second one found and finished."""
    shutil.copytree(template, home)
    code, _ = await process(home, when, at, ids)
    assert code in (0, -signal.SIGKILL)
    _, summary = await process(home, "never", 0, ids)
    summary.pop("commits")
    return code != 0, summary


@pytest.mark.parametrize(("when", "at"), SOME)
async def test_killed_at_a_commit_it_is_finished_once(template: Path, tmp_path: Path, when: str, at: int) -> None:
    died, summary = await killed_then_finished(template, tmp_path / "home", when, at)
    assert died
    assert summary == ONCE


async def test_without_the_channels_own_ids_it_is_asked_twice(template: Path, tmp_path: Path) -> None:
    """The negative control: what makes a repetition harmless is that the inbox knows it again."""
    died, summary = await killed_then_finished(template, tmp_path / "home", "after", 9, ids="new")
    assert died
    assert len(summary["requests"]) == 2
