"""Every figure against values worked out by hand."""

import math

import pytest

from bot.evaluation.figures import Ranking, auroc, calibration_error, macro_f1, mean, percentile, share


def test_a_share_of_nothing_is_not_defined() -> None:
    assert share([True, False, True, True]) == 0.75
    assert share([]) is None
    assert mean([]) is None


def test_macro_f1_counts_every_label_alike() -> None:
    # a: 2 of 3 found, 2 of 2 guesses right: F1 0.8. b: 1 of 1 found, 1 of 2 guesses right: F1 2/3.
    assert macro_f1(["a", "a", "a", "b"], ["a", "a", "b", "b"]) == pytest.approx((0.8 + 2 / 3) / 2)


def test_macro_f1_counts_a_label_that_is_only_guessed() -> None:
    assert macro_f1(["a", "a"], ["a", "b"]) == pytest.approx((2 / 3 + 0) / 2)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    # Pairs (0.9 > 0.8), (0.9 > 0.1), (0.8 = 0.8: half), (0.8 > 0.1): 3.5 of 4.
    assert auroc([0.9, 0.8], [0.8, 0.1]) == pytest.approx(3.5 / 4)
    assert auroc([1, 2], [3, 4]) == 0
    assert auroc([1, 1], [1, 1, 1]) == 0.5
    assert auroc([], [1]) is None


def test_auroc_is_that_of_all_pairs() -> None:
    positive, negative = [0.3, 0.7, 0.7, 0.2], [0.1, 0.7, 0.25]
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))


def test_calibration_error_weighs_the_bins() -> None:
    # Of two bins: (0, 0.5] has 0.2 and 0.4, of which one is right: |0.6 - 1|; (0.5, 1] has 0.9, wrong: |0.9 - 0|. Over 3.
    assert calibration_error([0.2, 0.4, 0.9], [True, False, False], bins=2) == pytest.approx((0.4 + 0.9) / 3)
    assert calibration_error([], []) is None


def test_a_bin_has_its_upper_edge() -> None:
    # 0.5 and 0.4 share a bin, so that one too high and one too low cancel out.
    assert calibration_error([0.5, 0.5], [True, False], bins=2) == 0
    assert calibration_error([0.5, 0.51], [True, False], bins=2) == pytest.approx((0.5 + 0.51) / 2)
    assert calibration_error([0.0, 1.0], [False, True]) == 0


def test_being_sure_and_wrong_is_a_large_calibration_error() -> None:
    """The negative control: as often right, but sure of everything."""
    right = [True, False, True, False]
    assert calibration_error([0.5] * 4, right) == 0
    assert calibration_error([0.99] * 4, right) == pytest.approx(0.49)


def test_ranks_count_from_one() -> None:
    ranking = Ranking(("a", "b", "c"), frozenset({"b"}))
    assert (ranking.rank, ranking.hit(1), ranking.hit(2), ranking.reciprocal) == (2, False, True, 0.5)
    nothing = Ranking((), frozenset({"b"}))
    assert (nothing.rank, nothing.hit(5), nothing.reciprocal, nothing.ndcg(10)) == (0, False, 0.0, 0.0)


def test_ndcg_is_the_gain_over_the_best_there_can_be() -> None:
    # Gold at places 1 and 3: (1 + 1/2) over (1 + 1/log2 3).
    ranking = Ranking(("a", "x", "b"), frozenset({"a", "b"}))
    assert ranking.ndcg(10) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    assert Ranking(("a",), frozenset({"a"})).ndcg(10) == 1
    assert Ranking((*"0123456789", "a"), frozenset({"a"})).ndcg(10) == 0


def test_more_gold_than_places_can_still_be_perfect() -> None:
    assert Ranking(("a", "b"), frozenset({"a", "b", "c"})).ndcg(2) == 1


def test_percentiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert (percentile(values, 50), percentile(values, 95), percentile(values, 100)) == (3, 5, 5)
    assert percentile([7.0], 50) == 7
    assert percentile([], 50) is None
