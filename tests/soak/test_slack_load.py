"""Ten thousand Slack events at 200 a second: with `kill -9` every few seconds, without kills, and without the inbox."""

from pathlib import Path

import pytest

from tests.scenarios.test_busy_day import ENDED_TWICE
from tests.soak.load.driving import Load, Outcome, run
from tests.soak.load.people import addresses

EVENTS = 10_000


async def _run(folder: Path, load: Load) -> Outcome:
    outcome = await run(folder / "home", load, await addresses(folder / "company.sqlite"))
    print(outcome)
    return outcome


@pytest.mark.timeout(3600)
async def test_killed_every_few_seconds(tmp_path: Path) -> None:
    outcome = await _run(tmp_path, Load(EVENTS))
    assert outcome.kept, outcome
    assert outcome.kills > 5
    assert set(outcome.refusals) <= ENDED_TWICE


@pytest.mark.timeout(3600)
async def test_not_killed(tmp_path: Path) -> None:
    outcome = await _run(tmp_path, Load(EVENTS, killed_every=None))
    assert outcome.kept, outcome


@pytest.mark.timeout(3600)
async def test_without_an_inbox(tmp_path: Path) -> None:
    assert not (await _run(tmp_path, Load(EVENTS, inbox=False, patience=10.0))).kept
