"""Four hundred Slack events at 200 a second, some twice and some late, while the process is killed: none lost, none answered twice.

The same with 10,000 is in tests/soak/; the figures are those of `python -m tests.soak.load`.
"""

from pathlib import Path

import pytest

from tests.soak.load.driving import Load, run
from tests.soak.load.people import addresses

ENDED_TWICE = {"chat.stopStream: message_not_in_streaming_state"}
"""What a process that was killed in the middle of an answer asks Slack for in vain, as it must."""


@pytest.mark.timeout(300)
async def test_nothing_is_lost_and_nobody_answered_twice(tmp_path: Path) -> None:
    outcome = await run(tmp_path / "home", Load(400, killed_every=(1.5, 2.5)), await addresses(tmp_path / "company.sqlite"))
    assert outcome.kept, outcome
    assert outcome.kills > 0
    assert set(outcome.refusals) <= ENDED_TWICE


@pytest.mark.timeout(300)
async def test_without_an_inbox_messages_are_lost(tmp_path: Path) -> None:
    """The control: the same harness notices when what it watches over is missing."""
    load = Load(300, killed_every=(0.5, 1.0), inbox=False, patience=4.0)
    outcome = await run(tmp_path / "home", load, await addresses(tmp_path / "company.sqlite"))
    assert not outcome.kept
    assert outcome.lost > 0
