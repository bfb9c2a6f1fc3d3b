"""What is learned from labelled utterances: read like any utterance, ranked, taken up or not; versions beside each other."""

import pytest

from bot.intent.learned import Learned, learn
from bot.intent.matching import matcher
from bot.intent.recognizer import Recognizer
from bot.intent.scoring import Ranked
from bot.intent.training import Example
from knowledge.embedding.hashing import HashingEncoder
from specialists.loader import load_skills

from .conftest import CATALOGUE, SmallDirectory, recalling, surroundings
from .test_scoring import TEXTS

EXAMPLES = [Example(text, label) for label, texts in TEXTS.items() for text in texts]
NAMES = matcher(CATALOGUE)


async def learned() -> Learned:
    return await learn(EXAMPLES, HashingEncoder(), NAMES)


async def test_an_utterance_is_read_as_the_bot_reads_it() -> None:
    version = await learned()
    plain, polite = await version.rank("unlock my account"), await version.rank("Hi, please unlock my acount, thanks!")
    assert plain.label == polite.label == "unlock"
    assert polite.nearest == pytest.approx(plain.nearest, abs=0.05)


async def test_only_what_is_known_and_sure_enough_is_taken_up() -> None:
    version = await learned()
    sure = (("unlock", 0.9), ("other", 0.1))
    assert version.accepts(Ranked(sure, 0.8, 0.9))
    assert not version.accepts(Ranked(sure, 0.8, 0.1, strange=True))
    assert not version.accepts(Ranked((("unlock", 0.5), ("other", 0.4)), 0.8, 0.9))
    assert not version.accepts(Ranked((("other", 0.9), ("unlock", 0.1)), 0.8, 0.1))


async def test_what_is_served_though_it_is_short_of_words_is_taken_up() -> None:
    version = await learned()
    assert version.accepts(Ranked((("unlock", 0.6), ("other", 0.1)), 0.8, 0.9))
    assert not version.accepts(Ranked((("unlock", 0.6), ("other", 0.2)), 0.8, 0.9))
    assert not version.accepts(Ranked((("unlock", 0.6), ("other", 0.1)), 0.8, 0.1, strange=True))


async def test_it_is_ranked_as_said_of_the_speaker_and_without_odd_characters() -> None:
    version = await learned()
    own = await version.rank("unlock my account")
    assert await version.rank("unlock Omar's account") == own
    assert await version.rank("unlock\u200b my\u00a0account\ud800") == own


async def test_what_is_apart_but_says_what_a_label_says_is_left_out() -> None:
    contradicting = Example("unlock my account", "other")
    version = await learn([*EXAMPLES, contradicting], HashingEncoder(), NAMES)
    assert len(version.vectors) == len(EXAMPLES) + 1
    assert (await version.rank("unlock my account")).labels == (await (await learned()).rank("unlock my account")).labels


async def test_any_label_can_be_the_one_apart() -> None:
    examples = [Example(one.text, "oos" if one.label in ("other", "question") else one.label) for one in EXAMPLES]
    version = await learn(examples, HashingEncoder(), NAMES, apart={"oos"})
    known, unknown = await version.rank("my account is locked again"), await version.rank("another good joke")
    assert unknown.label == "oos"
    assert not version.accepts(unknown)
    assert known.known > unknown.known


async def test_a_version_is_trained_beside_the_one_that_serves() -> None:
    specs = {name: loaded.spec for name, loaded in load_skills().items()}
    recognizer = Recognizer(HashingEncoder(), specs, SmallDirectory(), surroundings(specs))
    await recognizer.warm()
    said = "zorbify the quux flange"
    before = await recognizer.recognize(said, recalling())
    taught = await recognizer.train([Example(f"{said} {end}", "reset_password") for end in ("", "now", "for me", "today")])
    assert (await recognizer.recognize(said, recalling())).wishes == before.wishes
    recognizer.use(taught)
    (wish,) = (await recognizer.recognize(said, recalling())).wishes
    assert wish.skill == "reset_password"
