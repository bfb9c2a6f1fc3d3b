"""kill -9 at every commit and effect of every skill: the same in the end as without a crash. Minutes, not seconds."""

from pathlib import Path

import pytest

from tests.specialists.fulfilment.crashes import SCENARIOS
from tests.specialists.fulfilment.test_crash import crashes, results


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_at_every_boundary(tmp_path: Path, scenario: str) -> None:
    whole, crashed = crashes(tmp_path, scenario)
    assert len(crashed) == len(whole["names"]) > 10
    different = {run["name"]: results(run) for run in crashed if results(run) != results(whole)}
    assert different == {}


@pytest.mark.timeout(600)
def test_the_control_without_stable_keys_doubles_an_effect_somewhere(tmp_path: Path) -> None:
    whole, crashed = crashes(tmp_path, "hardware", "--random-keys")
    assert any(len(run["effects"]) > len(whole["effects"]) for run in crashed)
