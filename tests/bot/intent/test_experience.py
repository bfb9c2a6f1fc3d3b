"""What became of similar requests and answers moves the confidence a little, and never over a level by itself."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intent.experience import MOST, NEAR, SEVERAL, Evidence, Experience, Outcome, moved
from bot.intent.learned import served
from bot.intent.scoring import Ranked
from bot.intent.wording import Floats
from specialists.skill import SkillSpec


def skill(risk: str = "low", act_at: float = 0.85, notify_at: float = 0.65) -> SkillSpec:
    return SkillSpec(
        "unlock_account",
        "",
        risk,  # type: ignore[arg-type]
        (),
        (),
        "self",
        1,
        None,
        {},
        True,
        False,
        False,
        "it-support",
        act_at,
        notify_at,
    )


@pytest.mark.parametrize(
    ("confidence", "evidence", "risk", "low", "high"),
    [
        (0.70, Evidence(), "low", 0.70, 0.70),
        (0.70, Evidence(1.0, 0.0, 1, 0), "low", 0.72, 0.74),
        (0.70, Evidence(6.0, 0.0, 6, 0), "low", 0.76, 0.78),
        (0.70, Evidence(0.0, 6.0, 0, 6), "low", 0.62, 0.64),
        (0.70, Evidence(3.0, 3.0, 3, 3), "low", 0.70, 0.70),
        (0.83, Evidence(2.0, 0.0, 2, 0), "low", 0.84, 0.8499),  # two are not several: it stays below acting
        (0.83, Evidence(3.0, 0.0, 3, 0), "low", 0.85, 0.91),  # three that agree lift it
        (0.83, Evidence(9.0, 0.1, 9, 1), "low", 0.84, 0.8499),  # unless somebody near disagrees
        (0.60, Evidence(2.0, 0.0, 2, 0), "low", 0.60, 0.6499),
        (0.84, Evidence(9.0, 0.0, 9, 0), "high", 0.84, 0.84),  # what is risky is never lifted
        (0.86, Evidence(0.0, 9.0, 0, 9), "high", 0.78, 0.80),  # but it is lowered
        (0.99, Evidence(9.0, 0.0, 9, 0), "low", 1.0, 1.0),
    ],
)
def test_the_table(confidence: float, evidence: Evidence, risk: str, low: float, high: float) -> None:
    assert low <= moved(confidence, evidence, skill(risk)) <= high


PART = st.floats(0, 50, allow_nan=False)
COUNT = st.integers(0, 50)
SURE = st.floats(0, 1, allow_nan=False)


@given(SURE, PART, PART, COUNT, COUNT, st.sampled_from(["low", "medium", "high"]), SURE, SURE)
def test_the_bounds_hold_for_any_evidence(
    confidence: float, good: float, bad: float, for_it: int, against: int, risk: str, one: float, other: float
) -> None:
    spec = skill(risk, max(one, other), min(one, other))
    after = moved(confidence, Evidence(good, bad, for_it, against), spec)
    assert 0 <= after <= 1
    assert abs(after - confidence) <= MOST + 1e-9
    if risk == "high":
        assert after <= confidence
    for level in (spec.notify_at, spec.act_at):
        if confidence < level <= after:
            assert for_it >= SEVERAL
            assert not against


def vector(*values: float) -> Floats:
    made = np.array(values, dtype=np.float32)
    return made / np.float32(np.linalg.norm(made))


def ranked(**labels: float) -> Ranked:
    return Ranked(tuple(labels.items()), 0.9, 0.9)


@dataclass(frozen=True)
class Judged:
    similarity: float
    helpful: float
    people: int = 1


class Answers:
    def __init__(self, *judged: Judged) -> None:
        self.judged = judged

    def near(self, vector: Floats, at_least: float) -> list[Judged]:
        return [one for one in self.judged if one.similarity >= at_least]


def test_only_what_is_near_counts() -> None:
    asked, far = vector(1, 0), vector(NEAR - 0.05, (1 - (NEAR - 0.05) ** 2) ** 0.5)
    skills = {"unlock_account": skill()}
    bad = Outcome("unlock_account", False, far)
    before = ranked(unlock_account=0.8, grant_access=0.1)
    assert Experience.of([bad] * 20).weigh(before, asked, skills) == before
    near = Experience.of([Outcome("unlock_account", False, asked)] * 20).weigh(before, asked, skills)
    assert near.confidence == pytest.approx(0.8 - MOST * 20 / 21.5)
    assert near.of("grant_access") == 0.1


def test_it_never_makes_another_label_the_best_one() -> None:
    asked = vector(1, 0)
    skills = {"unlock_account": skill(), "grant_access": skill()}
    told = [Outcome("unlock_account", False, asked)] * 9 + [Outcome("grant_access", True, asked)] * 9
    after = Experience.of(told).weigh(ranked(unlock_account=0.5, grant_access=0.48), asked, skills)
    assert after.label == "unlock_account"
    assert after.of("grant_access") <= after.confidence


def test_what_it_knows_nothing_of_it_leaves_alone() -> None:
    asked = vector(1, 0)
    skills = {"unlock_account": skill(), "grant_access": skill()}
    bad = [Outcome("unlock_account", False, asked)] * 8
    before = ranked(unlock_account=0.47, grant_access=0.45)
    after = Experience.of(bad).weigh(before, asked, skills)
    assert after.labels == (("unlock_account", 0.45), ("grant_access", 0.45))


def test_what_is_known_of_the_second_counts() -> None:
    asked = vector(1, 0)
    skills = {"unlock_account": skill(), "grant_access": skill()}
    told = [Outcome("unlock_account", False, asked)] * 8 + [Outcome("grant_access", True, asked)] * 8
    after = Experience.of(told).weigh(ranked(unlock_account=0.5, grant_access=0.2), asked, skills)
    assert after.of("unlock_account") == pytest.approx(0.5 - MOST * 8 / 9.5)
    assert after.of("grant_access") == pytest.approx(0.2 + MOST * 8 / 9.5)
    # The third becomes the second when more is known of it.
    told = [Outcome("reset_password", True, asked)] * 8
    after = Experience.of(told).weigh(ranked(unlock_account=0.5, grant_access=0.2, reset_password=0.18), asked, skills)
    assert [label for label, _ in after.labels] == ["unlock_account", "reset_password", "grant_access"]


@pytest.mark.parametrize(
    ("first", "second", "outcome", "taken"),
    [
        (0.53, 0.14, Outcome("unlock_account", True, vector(1, 0)), False),  # short of being unrivalled: nor does a good one do it
        (0.58, 0.17, Outcome("grant_access", False, vector(1, 0)), False),  # nor a bad one of the rival
        (0.58, 0.14, Outcome("grant_access", False, vector(1, 0)), True),
        (0.56, 0.14, Outcome("unlock_account", False, vector(1, 0)), False),  # a bad one of its own may lower it
    ],
)
def test_one_outcome_lifts_nothing_over_being_offered(first: float, second: float, outcome: Outcome, taken: bool) -> None:
    before = ranked(unlock_account=first, grant_access=second)
    after = Experience.of([outcome]).weigh(before, vector(1, 0), {"unlock_account": skill(), "grant_access": skill()})
    assert (served(after, 0.65, before) >= 0.65) is taken


def test_judged_answers_move_the_confidence_of_a_question() -> None:
    asked, before = vector(1, 0), ranked(question=0.6, unlock_account=0.2)
    up = Experience.of([], Answers(Judged(1.0, 1.0), Judged(0.95, 1.0))).weigh(before, asked, {})
    down = Experience.of([], Answers(Judged(1.0, -1.0), Judged(0.95, -1.0))).weigh(before, asked, {})
    assert down.confidence < before.confidence < up.confidence
    assert Experience.of([], Answers(Judged(NEAR - 0.01, -1.0))).weigh(before, asked, {}) == before
