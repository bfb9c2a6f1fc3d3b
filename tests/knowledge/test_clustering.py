"""Questions about the same matter come together, each in exactly one group, the same way every time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge.clustering import central, clusters
from knowledge.embedding.port import Vectors, normalised


def questions(matters: int, of_each: int, spread: float = 0.03, seed: int = 1) -> tuple[Vectors, list[int]]:
    """Vectors around so many middles, in mixed order, and which middle each belongs to."""
    random = np.random.default_rng(seed)
    middles = normalised(random.normal(size=(matters, 64)))
    own = random.permutation(np.repeat(np.arange(matters), of_each))
    return normalised(middles[own] + random.normal(scale=spread, size=(len(own), 64))), own.tolist()


def test_every_matter_has_its_group() -> None:
    vectors, own = questions(40, 9)
    found = clusters(vectors)
    assert len(found) == 40
    assert all(len({own[row] for row in group}) == 1 for group in found)


def test_the_largest_comes_first_and_in_it_the_most_central() -> None:
    vectors, own = questions(3, 5)
    extra = vectors[own.index(2)]
    found = clusters(np.vstack([vectors, extra, extra]))
    assert [len(group) for group in found] == [7, 5, 5]
    largest = found[0]
    middle = normalised(np.vstack([vectors, extra, extra])[largest].sum(axis=0, keepdims=True))[0]
    near = [float(np.vstack([vectors, extra, extra])[row] @ middle) for row in largest]
    assert near == sorted(near, reverse=True)


@given(st.integers(0, 30), st.integers(1, 5), st.floats(0.0, 0.4), st.integers(0, 5))
def test_each_question_is_in_one_group_and_always_the_same(matters: int, of_each: int, spread: float, seed: int) -> None:
    vectors, _ = questions(matters, of_each, spread, seed)
    found = clusters(vectors)
    assert sorted(row for group in found for row in group) == list(range(len(vectors)))
    assert clusters(vectors.copy()) == found


def test_many_more_groups_than_are_looked_at_for_joining() -> None:
    random = np.random.default_rng(3)
    vectors = normalised(random.normal(size=(2500, 64)))
    assert sum(len(group) for group in clusters(vectors)) == 2500


def test_samples_are_different_and_the_most_central() -> None:
    assert central([2, 0, 1, 3], ["Carry over?", "carry over?", "How many days carry over?", "PTO"], 3) == [
        "How many days carry over?",
        "Carry over?",
        "PTO",
    ]
