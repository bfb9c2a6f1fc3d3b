"""Intents are evaluated as defined, on rows of this file; with shuffled labels the figures fall to chance."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.evaluation.intents import IntentFigures, Judged, check, doubts, evaluate, summed_up
from bot.evaluation.rows import BadInput
from bot.intent.training import Example
from connectors.errors import Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.language import Ask
from knowledge.embedding.onnx_minilm import OnnxMiniLM

THINGS = {
    "unlock": "unlock my account,my account is locked,I am locked out,please open my locked account,the login says locked,unlock me",
    "laptop": "order a laptop,I need a new laptop,my laptop is too old,get me a notebook,a bigger laptop please,replace my notebook",
    "leave": "book a vacation,I want time off next week,take friday off,request annual leave,days off in may,plan my holiday",
    "salary": "when is payday,my pay is wrong,where is my payslip,salary question,how is my wage taxed,the payroll is late",
}
ELSE = "who won the match,sing a song,tell me a joke,what is the weather,how tall is the tower,translate this poem"


def example_rows(of: slice) -> list[Example]:
    rows = [Example(text, label) for label, texts in THINGS.items() for text in texts.split(",")[of]]
    return rows + [Example(text, "oos") for text in ELSE.split(",")[of]]


TRAIN, TEST = example_rows(slice(0, 4)), example_rows(slice(4, 6))


async def test_what_it_learned_it_recognises() -> None:
    found = await evaluate(TRAIN, TEST, OnnxMiniLM())
    assert found.accuracy is not None
    assert found.accuracy >= 0.75
    assert found.oos_auroc is not None
    assert found.oos_auroc >= 0.8


async def test_shuffled_labels_are_no_better_than_chance() -> None:
    """The negative control: the same texts, and labels that mean nothing."""
    inside = [one for one in TRAIN if one.label != "oos"]
    labels = [one.label for one in inside]
    Random(7).shuffle(labels)
    found = await evaluate([Example(one.text, label) for one, label in zip(inside, labels, strict=True)], TEST[:8], OnnxMiniLM())
    assert found.accuracy is not None
    assert found.accuracy <= 0.5


async def test_without_out_of_scope_rows_their_figures_are_not_defined() -> None:
    found = await evaluate([one for one in TRAIN if one.label != "oos"], TEST[:2], OnnxMiniLM())
    told = found.as_json()
    assert (told["oos_auroc"], told["oos_recall"]) == (None, None)
    assert told["in_scope_rejected"] is not None


async def test_out_of_scope_rows_may_be_in_the_test_alone() -> None:
    found = await evaluate([one for one in TRAIN if one.label != "oos"], TEST, OnnxMiniLM())
    assert found.oos_auroc is not None
    assert found.oos_auroc >= 0.85
    assert found.oos_recall is not None
    assert found.oos_recall >= 0.5


@pytest.mark.parametrize("strays", [0, 1])
async def test_a_stray_out_of_scope_row_to_learn_from_does_no_harm(strays: int) -> None:
    """One out-of-scope row to learn from tells no more than none."""
    outside = [one for one in TRAIN if one.label == "oos"][:strays]
    found = await evaluate([*(one for one in TRAIN if one.label != "oos"), *outside], TEST, OnnxMiniLM())
    assert found.oos_auroc is not None
    assert found.oos_auroc >= 0.85


async def test_one_row_a_label_is_enough_to_be_sure_of_something() -> None:
    rows = [next(one for one in TRAIN if one.label == label) for label in THINGS]
    found = await evaluate(rows, [*rows, *(one for one in TEST if one.label == "oos")], OnnxMiniLM())
    assert (found.accuracy, found.in_scope_rejected) == (1.0, 0.0)
    assert found.ece is not None
    assert found.ece < 0.15
    assert found.oos_auroc == 1.0
    assert found.oos_recall is not None
    assert found.oos_recall >= 0.5


async def test_out_of_scope_rows_that_contradict_all_others_are_learned_after_all() -> None:
    found = await evaluate([Example("reset my password", "a"), Example("please reset my password", "oos")], TEST[:1], OnnxMiniLM())
    assert found.accuracy == 0.0


async def test_a_label_that_nobody_taught_counts_as_wrong() -> None:
    found = await evaluate(TRAIN, [Example("unlock my account", "zebra"), Example("unlock my account", "unlock")], OnnxMiniLM())
    assert found.accuracy == 0.5


def test_what_to_doubt_is_told() -> None:
    assert doubts(TRAIN, TEST) == []
    (untaught,) = doubts(TRAIN, [Example("x", "zebra"), Example("y", "zebra"), Example("z", "oos")])
    assert untaught.startswith("2 rows to try")
    assert untaught.endswith('"zebra"')
    (one,) = doubts(TRAIN, [Example("x", "zebra")])
    assert one.startswith("1 row to try has a label that is in no row to learn from, so it counts as wrong")
    assert ["one row" in one for one in doubts([Example("x", "a"), Example("y", "b")], [Example("x", "a")])] == [True]


async def test_time_is_what_the_clock_says() -> None:
    ticks = iter(range(1000))
    found = await evaluate(TRAIN, TEST[:3], OnnxMiniLM(), clock=lambda: float(next(ticks)))
    assert (found.train_s, found.p50_ms, found.p95_ms) == (1.0, 1000.0, 1000.0)


def test_the_figures_of_what_was_tried() -> None:
    judged = [
        Judged("a", "a", 0.9, 0.95, True),
        Judged("a", "b", 0.7, 0.6, True),
        Judged("b", "b", 0.4, 0.5, False),
        Judged("oos", "a", 0.3, 0.2, False),
        Judged("oos", "b", 0.8, 0.55, True),
    ]
    found = summed_up(judged, 2.0, [4.0, 1.0, 2.0, 3.0, 9.0])
    # ece: 0.9 right, 0.7 wrong, 0.4 right, each in a bin of its own.
    assert found.ece == pytest.approx((0.1 + 0.7 + 0.6) / 3)
    assert (found.accuracy, found.macro_f1) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    # Of six pairs only (0.55 out, 0.5 in) is in the wrong order.
    assert found.oos_auroc == pytest.approx(5 / 6)
    assert (found.oos_recall, found.in_scope_rejected) == (0.5, pytest.approx(1 / 3))
    assert (found.p50_ms, found.p95_ms) == (3.0, 9.0)


def test_the_keys_are_as_promised() -> None:
    keys = ["accuracy", "macro_f1", "oos_auroc", "oos_recall", "in_scope_rejected", "ece", "train_s", "p50_ms", "p95_ms"]
    assert list(IntentFigures(*[0.0] * 9).as_json()) == keys


def written(path: Path, *lines: Any) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


GOOD = ({"text": "unlock me", "label": "a", "split": "train"}, "", {"text": "a song", "label": "oos"})


def test_further_keys_and_empty_lines_are_no_matter(tmp_path: Path) -> None:
    known, tried = check(written(tmp_path / "train", *GOOD), written(tmp_path / "test", {"text": "x", "label": "a"}))
    assert known == [Example("unlock me", "a"), Example("a song", "oos")]
    assert tried == [Example("x", "a")]


def test_half_a_character_is_no_matter(tmp_path: Path) -> None:
    known, _ = check(written(tmp_path / "train", *GOOD, {"text": "open \ud800up", "label": "a\udfff"}), written(tmp_path / "test", *GOOD))
    assert known[-1] == Example("open up", "a")


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        (("{oops",), (), "train:1: this line is not JSON"),
        (("[1]",), (), "train:1: this line is not a JSON object"),
        ((*GOOD, {"text": "x"}), (), 'train:4: "label" is missing'),
        (({"text": "  ", "label": "a"},), (), 'train:1: "text" is missing'),
        (("",), (), "train: there is nothing in this file"),
        (({"text": "x", "label": "a"},), (), "train: all rows have one label"),
        (({"text": "\ud800", "label": "a"},), (), 'train:1: "text" is missing'),
        (GOOD, ("\n\n",), "test: there is nothing in this file"),
    ],
)
def test_bad_input_is_told_by_its_line(tmp_path: Path, train: Any, test: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        check(written(tmp_path / "train", *train), written(tmp_path / "test", *test))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    good = written(tmp_path / "good", *GOOD)
    with pytest.raises(BadInput, match="cannot be read"):
        check(tmp_path / "gone", good)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not UTF-8"):
        check(tmp_path / "binary", good)


def _reading(right: Callable[[str], str | None]) -> ScriptedModel:
    """A model that takes each utterance for what `right` says, and is sure of it."""

    def script(ask: Ask) -> Any:
        said = ask.content.split("<own_words>\n")[1].split("\n</own_words>")[0]
        label = right(said)
        wish = {"act": "skill" if label else "unclear", "skill": label or "none", "said": said, "in_english": "", "confidence": 0.95}
        wishes = [{**wish, "for_somebody_else": "", "slots": []}]
        return {"language": "en", "urgent": False, "sensitive": "none", "wishes": wishes, "answers": []}

    return ScriptedModel(script)


async def test_a_model_that_knows_makes_it_better_and_one_that_guesses_makes_it_worse() -> None:
    truth = {one.text: one.label if one.label != "oos" else None for one in TEST}
    offline = await evaluate(TRAIN, TEST, OnnxMiniLM())
    model = _reading(lambda said: truth[said])
    known = await evaluate(TRAIN, TEST, OnnxMiniLM(), model=model)
    assert (known.accuracy, known.oos_auroc, known.fell_back) == (1.0, 1.0, 0.0)
    assert model.asked[0].shape["properties"]["wishes"]["items"]["properties"]["skill"]["enum"] == [*sorted(THINGS), "none"]
    assert "unlock: as in: unlock my account; my account is locked; I am locked out" in model.asked[0].stable
    guessed = await evaluate(TRAIN, TEST, OnnxMiniLM(), model=_reading(lambda said: "salary"))
    assert guessed.accuracy is not None
    assert offline.accuracy is not None
    assert guessed.accuracy < offline.accuracy
    assert "fell_back" in known.as_json()
    assert "fell_back" not in offline.as_json()


async def test_where_the_model_does_not_answer_the_figures_are_the_offline_engines() -> None:
    def script(ask: Ask) -> Any:
        raise Retry("overloaded")

    offline = await evaluate(TRAIN, TEST, OnnxMiniLM())
    alone = await evaluate(TRAIN, TEST, OnnxMiniLM(), model=ScriptedModel(script))
    assert alone.fell_back == 1.0
    assert (alone.accuracy, alone.ece, alone.oos_auroc) == (offline.accuracy, offline.ece, offline.oos_auroc)
