"""Ten thousand plans of a compromised model, and every route of theirs through the whole app. Minutes, not seconds."""

from pathlib import Path

import pytest

from tests.security.conftest import template
from tests.security.holding import hold, stage

__all__ = ["template"]


@pytest.mark.timeout(1800)
def test_a_compromised_model_gets_nothing_done(template: Path, tmp_path: Path) -> None:
    with stage(tmp_path / "home", template) as (theatre, runner):
        hold(theatre, runner, 10_000)
        assert theatre.tried >= 10_000
        assert theatre.played > 100
