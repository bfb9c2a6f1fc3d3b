"""kill -9 between any two commits: the next process finishes it once. A handful of the boundaries; tests/soak has them all."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def crashes(folder: Path, scenario: str, *wanted: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the run without a crash came to, and what each of the crashed ones did after another process had finished it."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.specialists.fulfilment.crashes", str(folder / "runs"), scenario, *wanted],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    whole, *crashed = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert all(run["killed"] and run["finished"] for run in crashed), ran.stderr
    return whole, crashed


def results(run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name not in ("boundary", "name", "names", "killed", "finished")}


CHOSEN = {
    "grant": ("decide:after-commit", "click:after-commit", "grant:after-effect", "complete:before-commit"),
    "unlock": ("unlock:after-effect",),
}


@pytest.mark.parametrize("scenario", CHOSEN)
def test_a_killed_request_is_finished_once_by_the_next_process(tmp_path: Path, scenario: str) -> None:
    whole, crashed = crashes(tmp_path, scenario, *CHOSEN[scenario])
    assert whole["requests"] == [["done"]]
    assert len(whole["effects"]) == 1
    assert len(crashed) == len(CHOSEN[scenario])
    for run in crashed:
        assert results(run) == results(whole), run["name"]


def test_without_stable_keys_the_effect_is_there_twice(tmp_path: Path) -> None:
    """The negative control: the harness sees a doubled effect when there is one."""
    whole, (crashed,) = crashes(tmp_path, "hardware", "--random-keys", "order:after-effect")
    assert whole["effects"].count("purchasing.order e1001") == 1
    assert crashed["effects"].count("purchasing.order e1001") == 2
