"""`kill -9` of the whole process before and after every commit of a grant and its approval."""

from pathlib import Path

import pytest

from tests.scenarios.conftest import template  # noqa: F401
from tests.scenarios.test_kill import ONCE, killed_then_finished, process


@pytest.mark.timeout(1800)
async def test_every_commit(template: Path, tmp_path: Path) -> None:  # noqa: F811
    _, undisturbed = await process(tmp_path / "undisturbed", "never", 0)
    commits = undisturbed.pop("commits")
    assert undisturbed == ONCE
    assert commits > 20
    wrong = []
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            _, summary = await killed_then_finished(template, tmp_path / f"{when}{at}", when, at)
            if summary != ONCE:
                wrong.append((when, at, summary))
    assert wrong == []
