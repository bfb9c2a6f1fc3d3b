"""Two confidences become one, and its weights learn from an installation's own rows."""

import random
from pathlib import Path

import pytest

from bot.intent.pooling import ENOUGH, USUAL, Evidence, Kept, Weights, fit, tried

LEVELS = (0.05, 0.2, 0.5, 0.8, 0.95)


def test_more_of_anything_never_makes_it_less_sure() -> None:
    for one in LEVELS:
        sure = [USUAL.pool(Evidence(other, one)) for other in LEVELS]
        assert sure == sorted(sure)
        sure = [USUAL.pool(Evidence(one, other)) for other in LEVELS]
        assert sure == sorted(sure)
        assert USUAL.pool(Evidence(one, 0.8, agree=True)) > USUAL.pool(Evidence(one, 0.8))


def test_both_may_act_and_neither_alone() -> None:
    assert USUAL.pool(Evidence(0.6, 0.95, agree=True)) >= 0.85
    assert USUAL.pool(Evidence(0.05, 1.0)) < 0.85
    assert USUAL.pool(Evidence(0.97, 0.05)) < 0.65


def test_who_cannot_read_says_nothing() -> None:
    assert USUAL.pool(Evidence(None, 0.9)) > USUAL.pool(Evidence(0.05, 0.9))
    assert USUAL.pool(Evidence(None, 0.5)) == pytest.approx(0.5)


def _rows(count: int, right_of: float) -> list[tuple[Evidence, bool]]:
    """A model that is sure and right only so often, beside an offline engine that is as sure as it is right."""
    chance = random.Random(1)
    rows = []
    for _ in range(count):
        sure = chance.choice((0.2, 0.5, 0.9))
        rows.append((Evidence(sure, 0.95 if chance.random() < right_of else 0.1, agree=sure >= 0.5), chance.random() < sure))
    return rows


def test_a_model_that_says_nothing_loses_its_weight() -> None:
    fitted = fit(_rows(600, 0.5))
    assert fitted.model < 0.2 < fitted.offline
    assert min(fitted.offline, fitted.model, fitted.agreement) >= 0


def test_few_rows_move_the_weights_little() -> None:
    few, many = fit(_rows(6, 0.5)), fit(_rows(600, 0.5))
    assert abs(few.model - USUAL.model) < abs(many.model - USUAL.model)
    assert fit([(Evidence(0.9, 0.9, agree=True), True)] * 20) == USUAL


def test_weights_must_be_no_worse_on_what_they_have_not_seen() -> None:
    better = tried(_rows(300, 0.5), USUAL)
    assert better.better
    assert better.held_out == 100
    assert better.loss < better.loss_before
    # What is right where it was learned is wrong where it is tried.
    turned = [(Evidence(0.5, sure), (sure > 0.5) is (place % 3 == 0)) for place, sure in enumerate((0.1, 0.9, 0.9, 0.1) * 30)]
    assert not tried(turned, USUAL).better
    with pytest.raises(ValueError, match="too few"):
        tried(_rows(ENOUGH - 1, 0.5), USUAL)


def test_versions_are_kept_with_their_figures(tmp_path: Path) -> None:
    path = tmp_path / "pooling.json"
    assert Kept.load(path) == Kept()
    first = Kept().after(tried(_rows(300, 0.5), USUAL), "2026-11-20T12:00:00+00:00", "small, recognition-1")
    first.save(path)
    kept = Kept.load(path)
    assert kept == first
    assert kept.version == 1
    assert kept.history[0]["rows"] == 300
    kept.after(tried(_rows(300, 0.6), kept.weights), "2026-11-21T12:00:00+00:00", "small, recognition-1").save(path)
    assert [one["version"] for one in Kept.load(path).history] == [1, 2]


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": 1, "weights": {"x": 1}, "history": []}'])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pooling.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="damaged"):
        Kept.load(path)


def test_weights_are_what_they_are_documented_to_be() -> None:
    assert Weights() == USUAL
    assert USUAL.model > USUAL.offline
