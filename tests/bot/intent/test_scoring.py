"""The classifier, its calibration, and the cache of vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.intent.scoring import Classifier
from bot.intent.training import Example, Spelling
from bot.intent.vectors import encode_cached
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vectors

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
