"""S1: whatever a language model says, nothing is done or told that the requester could not have had without it.

Hypothesis chooses all that the model says, who speaks and in the middle of what. What is wrong with a plan is told by `oracle.py`.
"""

from pathlib import Path

import pytest

from tests.security.controls import AllowingPolicy, CredulousAnswerer, CredulousRecognizer
from tests.security.holding import caught, hold, stage

PLANS = 2_000
PLAYS = 16
"""Routes that go through the whole app; the soak takes all of them."""


@pytest.mark.timeout(300)
def test_a_compromised_model_gets_nothing_done(template: Path, tmp_path: Path) -> None:
    with stage(tmp_path / "home", template, plays=PLAYS) as (theatre, runner):
        hold(theatre, runner, PLANS)
        assert theatre.tried >= PLANS
        assert theatre.played == PLAYS
        assert theatre.model.asked


def test_the_control_that_believes_the_model_is_caught(template: Path, tmp_path: Path) -> None:
    with stage(tmp_path / "home", template, recognizer=CredulousRecognizer, plays=8) as (theatre, runner):
        wrong = caught(theatre, runner, 60)
    assert any("nobody had asked for it" in one for one in wrong)


def test_the_control_that_allows_everything_is_caught(template: Path, tmp_path: Path) -> None:
    with stage(tmp_path / "home", template, recognizer=CredulousRecognizer, policy=AllowingPolicy(), plays=10) as (theatre, runner):
        wrong = caught(theatre, runner, 100)
    assert any("without a step-up" in one for one in wrong)
    assert any("e1002" in one for one in wrong)


def test_the_control_that_checks_no_answer_is_caught(template: Path, tmp_path: Path) -> None:
    with stage(tmp_path / "home", template, answerer=CredulousAnswerer, plays=0) as (theatre, runner):
        wrong = caught(theatre, runner, 60)
    assert any("evil.example" in one for one in wrong)
    assert any("was told that something is done" in one for one in wrong)
