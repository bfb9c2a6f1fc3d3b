"""The classifier, its calibration, and the cache of vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.intent.margins import trainer
from bot.intent.scoring import Classifier
from bot.intent.training import Example, Spelling
from bot.intent.vectors import encode_cached
from bot.intent.wording import BUCKETS, wording
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vectors, normalised

TEXTS = {
    "unlock": ["unlock my account", "my account is locked", "account locked again", "please unlock the account"],
    "leave": ["vacation next week", "book vacation in May", "vacation please", "I want vacation"],
    "question": ["what is the policy", "what does the policy say", "is there a policy", "where is the policy"],
    "other": ["tell me a joke", "another joke please", "a good joke", "joke of the day"],
}


async def trained(*, same: Sequence[str] = ()) -> Classifier:
    rows = [(text, label) for label, texts in TEXTS.items() for text in texts]
    vectors = await HashingEncoder().encode([text for text, _ in rows])
    return Classifier([text for text, _ in rows], [label for _, label in rows], vectors, same=same)


async def test_knows_what_is_like_its_examples() -> None:
    classifier = await trained()
    texts = ["my account got locked", "book a vacation", "a joke"]
    ranked = classifier.rank(texts, await HashingEncoder().encode(texts))
    assert [one.label for one in ranked] == ["unlock", "leave", "other"]
    for one in ranked:
        confidences = [confidence for _, confidence in one.labels]
        assert sum(confidences) <= 1 + 1e-6
        assert all(0 <= confidence <= 1 for confidence in confidences)


async def test_says_how_near_the_nearest_example_is() -> None:
    classifier = await trained()
    texts = ["unlock my account", "zebra crossing quantum"]
    near, far = classifier.rank(texts, await HashingEncoder().encode(texts))
    assert near.nearest == pytest.approx(1, abs=1e-4)
    assert far.nearest < 0.3


async def test_labels_that_need_not_be_told_apart_share_confidence() -> None:
    classifier = await trained(same=("question", "other"))
    (ranked,) = classifier.rank(["a joke policy"], await HashingEncoder().encode(["a joke policy"]))
    assert ranked.label in ("question", "other")
    assert {label for label, _ in ranked.labels[1:]} == {"unlock", "leave"}


def clusters(count: int, each: int, noise: float, seed: int) -> tuple[list[str], Vectors]:
    """Labels and vectors of points around random directions, the same directions whatever the seed."""
    middles = np.random.default_rng(7).normal(size=(count, 24))
    labels = [f"label {index:02}" for index in range(count) for _ in range(each)]
    points = np.repeat(middles, each, axis=0) + np.random.default_rng(seed).normal(scale=noise, size=(count * each, 24))
    return labels, normalised(points)


def wordless(labels: Sequence[str], vectors: Vectors) -> Classifier:
    return Classifier([""] * len(labels), labels, vectors)


def test_confidence_is_the_share_that_is_right() -> None:
    classifier = wordless(*clusters(12, 40, 1.4, seed=1))
    labels, vectors = clusters(12, 80, 1.4, seed=2)
    ranked = classifier.rank([""] * len(labels), vectors)
    confidence = np.array([one.confidence for one in ranked])
    right = np.array([one.label == label for one, label in zip(ranked, labels, strict=True)])
    assert 0.6 < right.mean() < 0.97, "neither too easy nor too hard to show anything"
    bins = np.minimum((confidence * 10).astype(int), 9)
    error = sum(abs(confidence[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean() for one in set(bins.tolist()))
    assert error < 0.06
    assert confidence[right].mean() > confidence[~right].mean() + 0.1


def test_what_nobody_taught_is_known_to_be_strange() -> None:
    labels, vectors = clusters(16, 30, 0.5, seed=1)
    taught = [index for index, label in enumerate(labels) if label < "label 12"]
    classifier = wordless([labels[index] for index in taught], vectors[taught])
    labels, vectors = clusters(16, 10, 0.5, seed=2)
    ranked = classifier.rank([""] * len(labels), vectors)
    mine = [one for one, label in zip(ranked, labels, strict=True) if label < "label 12"]
    others = [one for one, label in zip(ranked, labels, strict=True) if label >= "label 12"]
    assert np.mean([one.known > other.known for one in mine for other in others]) > 0.98
    assert np.mean([one.strange for one in others]) > 0.8
    assert np.mean([one.strange for one in mine]) < 0.1


@pytest.mark.parametrize("count", [3, 6, 10])
def test_few_labels_are_enough_to_know_what_is_strange(count: int) -> None:
    labels, vectors = clusters(16, 20, 0.5, seed=1)
    classifier = wordless(labels[: count * 20], vectors[: count * 20])
    labels, vectors = clusters(16, 10, 0.5, seed=2)
    ranked = classifier.rank([""] * len(labels), vectors)
    mine, others = ranked[: count * 10], ranked[120:]
    assert np.mean([one.known > other.known for one in mine for other in others]) > 0.98
    assert np.mean([one.strange for one in others]) > 0.8
    assert np.mean([one.strange for one in mine]) < 0.15


def test_the_second_is_never_surer_than_the_best() -> None:
    labels, vectors = clusters(2, 30, 2.5, seed=1)
    classifier = wordless(labels, vectors)
    for one in classifier.rank([""] * 60, clusters(2, 30, 3.0, seed=2)[1]):
        assert one.labels[1][1] <= one.confidence


def test_thousands_of_the_same_are_learned() -> None:
    vectors = np.full((600, 24), 24**-0.5, dtype=np.float32)
    own = np.arange(600)[:, None] % 4 == np.arange(4)
    margins = trainer(vectors, [wording("order thing")] * 600, BUCKETS, own, landmarks=500).whole
    assert np.isfinite(margins.by_landmark).all()


def test_the_same_examples_make_the_same_classifier_in_whatever_order() -> None:
    labels, vectors = clusters(6, 12, 0.8, seed=1)
    one, same = wordless(labels, vectors), wordless(labels, vectors)
    asked = clusters(6, 3, 0.8, seed=2)[1]
    assert one.rank([""] * len(asked), asked) == same.rank([""] * len(asked), asked)


def test_a_label_of_twins_and_one_of_a_single_example_are_learned() -> None:
    labels, vectors = clusters(4, 6, 0.5, seed=1)
    vectors[:6] = vectors[0]
    classifier = wordless([*labels[:19]], vectors[:19])
    assert [one.label for one in classifier.rank(["", ""], vectors[[0, 18]])] == ["label 00", "label 03"]


def test_a_sample_of_landmarks_does_nearly_what_all_do() -> None:
    labels, vectors = clusters(8, 60, 0.9, seed=1)
    own = np.array(labels)[:, None] == np.unique(labels)
    features = [wording(f"{label} and more") if index % 3 == 0 else wording("more") for index, label in enumerate(labels)]
    held = np.arange(len(labels)) % 5 == 0
    asked, words = vectors[held], [features[index] for index in np.flatnonzero(held)]
    exact = trainer(vectors, features, BUCKETS, own).without(held).scores(asked, words)
    for landmarks, far, alike in ((470, 0.02, 0.99), (300, 0.08, 0.95)):
        sampled = trainer(vectors, features, BUCKETS, own, landmarks=landmarks).without(held)
        scores = sampled.scores(asked, words)
        assert len(sampled.landmarks) == landmarks
        assert np.abs(scores - exact).mean() < far
        assert (scores.argmax(axis=1) == exact.argmax(axis=1)).mean() >= alike


def test_wording_is_of_length_one_and_of_no_words_nothing() -> None:
    there, values = wording("Reset my VPN-Tokne, reset it")
    assert np.linalg.norm(values) == pytest.approx(1)
    assert list(there) == sorted(set(there))
    assert not len(wording("?!")[0])


async def test_marks_count() -> None:
    texts = ["one alpha", "one beta", "two gamma", "two delta"]
    vectors = np.zeros((4, 8), dtype=np.float32)
    there, none = frozenset({"there"}), frozenset[str]()
    classifier = Classifier(texts, ["a", "a", "b", "b"], vectors, [there, there, none, none])
    assert [one.label for one in classifier.rank(["epsilon"] * 2, vectors[:2], [there, none])] == ["a", "b"]


def test_needs_two_labels() -> None:
    with pytest.raises(ValueError, match="two labels"):
        Classifier(["a"], ["x"], np.zeros((1, 4), dtype=np.float32))


class CountingEncoder(HashingEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    async def encode(self, texts: Sequence[str]) -> Vectors:
        self.made += texts
        return await super().encode(texts)


async def test_only_new_utterances_are_encoded(tmp_path: Path) -> None:
    cache, encoder = tmp_path / "deep" / "utterances.npz", CountingEncoder()
    first = await encode_cached(encoder, ["one", "two"], cache)
    second = await encode_cached(encoder, ["two", "three", "one"], cache)
    assert encoder.made == ["one", "two", "three"]
    assert np.array_equal(second[[2, 0]], first)


async def test_another_encoder_or_a_broken_file_means_encoding_again(tmp_path: Path) -> None:
    cache, encoder = tmp_path / "utterances.npz", CountingEncoder()
    await encode_cached(encoder, ["one"], cache)
    encoder.name = "another"
    await encode_cached(encoder, ["one"], cache)
    cache.write_bytes(b"PK\x03\x04 no archive")
    await encode_cached(encoder, ["one"], cache)
    assert encoder.made == ["one"] * 3


def test_spelling_mends_one_slip_and_nothing_else() -> None:
    spelling = Spelling([Example("my account password", "s"), Example("account password enable", "s"), Example("enable it", "other")])
    assert spelling.mend("my acount pasword", frozenset()) == "my account password"
    assert spelling.mend("unable to read the accent", frozenset()) == "unable to read the accent"
    assert spelling.mend("accounts", frozenset()) == "accounts"
    assert spelling.mend("pasword", frozenset({"pasword"})) == "pasword"
