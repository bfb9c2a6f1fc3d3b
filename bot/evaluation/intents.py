"""How well intents are recognised: trained on one file of labelled utterances, tried on another.

It learns and ranks by the lines that serve employees (`bot.intent.learned`), without the bot's own skills; a language model, where
one is given, reads by the prompt that serves them, and is checked and pooled with as there.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.evaluation import figures
from bot.evaluation.rows import BadInput, Clock, Progress, rows, silent, text_in
from bot.intent.asking import shape, words
from bot.intent.assisted import PROMPT
from bot.intent.catalogue import Catalogue
from bot.intent.checks import Illegal, checked
from bot.intent.learned import ACCEPTED, learn
from bot.intent.matching import matcher
from bot.intent.pooling import USUAL, Evidence
from bot.intent.scoring import Ranked
from bot.intent.text import read
from bot.intent.training import Example
from connectors.errors import ConnectorError
from connectors.ports.language import NOBODY, Ask, LanguageModel
from knowledge.embedding.port import Encoder

OUT_OF_SCOPE = "oos"
"""The label of what none of the others is."""
_TOLD_EVERY = 100
_AT_ONCE = 8
"""Utterances that a model reads at a time."""
_PATIENCE = 20.0
"""Seconds for one: nobody waits."""
_DESCRIBED_BY = 3
"""Utterances of a label that tell a model what it is."""
_EVEN = 0.5
_NAMED = 5
"""Labels that are named where many would be."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One test utterance: what it is, the best label that is in scope with its confidence, how sure it is that the utterance
    is in scope at all, and whether it is taken up at the threshold that serves employees."""

    label: str
    guess: str
    confidence: float
    known: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """Shares are 0..1; None where a figure is not defined, such as `oos_auroc` without rows of both kinds.

    accuracy, macro_f1, ece: of the in-scope rows, by the best in-scope label, whether it was taken up or not.
    oos_auroc: out of scope against in scope, by how unsure it is that one is in scope. oos_recall: share of out-of-scope rows
    not taken up. in_scope_rejected: share of in-scope rows not taken up.
    fell_back: share of the rows that the offline engine judged alone because the model did not; None without a model.
    train_s: seconds, embedding included. p50_ms, p95_ms: of one utterance at a time, embedding included.
    """

    accuracy: float | None
    macro_f1: float | None
    oos_auroc: float | None
    oos_recall: float | None
    in_scope_rejected: float | None
    ece: float | None
    train_s: float
    p50_ms: float | None
    p95_ms: float | None
    fell_back: float | None = None

    def as_json(self) -> Mapping[str, float | None]:
        """Without what only a model has, where there is none."""
        assisted = {} if self.fell_back is None else {"fell_back": figures.rounded(self.fell_back)}
        return {
            "accuracy": figures.rounded(self.accuracy),
            "macro_f1": figures.rounded(self.macro_f1),
            "oos_auroc": figures.rounded(self.oos_auroc),
            "oos_recall": figures.rounded(self.oos_recall),
            "in_scope_rejected": figures.rounded(self.in_scope_rejected),
            "ece": figures.rounded(self.ece),
            "train_s": figures.rounded(self.train_s, 3),
            "p50_ms": figures.rounded(self.p50_ms, 3),
            "p95_ms": figures.rounded(self.p95_ms, 3),
            **assisted,
        }


def read_examples(path: Path) -> list[Example]:
    """JSON lines with "text" and "label"; further keys are for others. Raises BadInput."""
    return [Example(text_in(row, "text", where), text_in(row, "label", where)) for where, row in rows(path)]


def check(train: Path, test: Path) -> tuple[list[Example], list[Example]]:
    """Both files, when one can be learned from. Raises BadInput."""
    known = read_examples(train)
    labels = {one.label for one in known}
    if len(labels - {OUT_OF_SCOPE}) < 1 or len(labels) < 2:
        raise BadInput(f"{train}: all rows have one label; to tell utterances apart it takes two.")
    return known, read_examples(test)


def doubts(train: Sequence[Example], test: Sequence[Example]) -> list[str]:
    """What to know of the rows before reading the figures, as sentences."""
    found = []
    untaught = Counter(one.label for one in test if one.label != OUT_OF_SCOPE)
    for label in {one.label for one in train}:
        untaught.pop(label, None)
    if untaught:
        names = ", ".join(f'"{label}"' for label in sorted(untaught)[:_NAMED]) + (", ..." if len(untaught) > _NAMED else "")
        rows, they = ("1 row to try has", "it counts") if untaught.total() == 1 else (f"{untaught.total()} rows to try have", "they count")
        found.append(f"{rows} a label that is in no row to learn from, so {they} as wrong: {names}")
    if max(Counter(one.label for one in train).values()) == 1:
        found.append("every label has one row to learn from, so confidence is as it usually is and not measured on these rows")
    return found


async def evaluate(
    train: Sequence[Example],
    test: Sequence[Example],
    encoder: Encoder,
    *,
    model: LanguageModel | None = None,
    progress: Progress = silent,
    clock: Clock = time.perf_counter,
) -> IntentFigures:
    """Learns `train` and tries `test`, one utterance after the other; with a model, several at a time are read by it as well."""
    progress(f"learning {len(train)} utterances", 0, 0)
    await encoder.encode([train[0].text])  # opening the model is no part of what is measured
    apart = {one.label for one in train} & {OUT_OF_SCOPE}
    started = clock()
    learned = await learn(train, encoder, matcher(Catalogue()), apart=apart)
    train_s = clock() - started
    reader = None if model is None else Reader(model, train)
    judged: list[Judged] = []
    took: list[float] = []
    fell_back: list[bool] = []

    async def tried(one: Example) -> tuple[Judged, float, bool]:
        started = clock()
        ranked = await learned.rank(one.text)
        guess, confidence = next(found for found in ranked.labels if found[0] not in apart)
        offline = Judged(one.label, guess, confidence, ranked.known, learned.accepts(ranked))
        by_model = None if reader is None else await reader.read(one.text)
        found = offline if by_model is None else pooled(offline, ranked, by_model)
        return found, 1000 * (clock() - started), by_model is None

    at_once = 1 if reader is None else _AT_ONCE
    for number in range(0, len(test), at_once):
        if number % _TOLD_EVERY < at_once:
            progress("trying utterances", number, len(test))
        for found, ms, alone in await asyncio.gather(*map(tried, test[number : number + at_once])):
            judged.append(found)
            took.append(ms)
            fell_back.append(alone)
    progress("trying utterances", len(test), len(test))
    result = summed_up(judged, train_s, took)
    return result if reader is None else replace(result, fell_back=figures.share(fell_back))


@dataclass(frozen=True, slots=True)
class Read:
    """What a model takes an utterance for, None for none of the labels, and how sure it is."""

    label: str | None
    confidence: float


class Reader:
    """A model that is told the labels as it is told skills, by the prompt that serves employees; a label's own utterances describe it."""

    def __init__(self, model: LanguageModel, train: Sequence[Example]) -> None:
        self._model = model
        labels = sorted({one.label for one in train} - {OUT_OF_SCOPE})
        told = {label: [one.text for one in train if one.label == label][:_DESCRIBED_BY] for label in labels}
        self._labels: Mapping[str, Sequence[str]] = dict.fromkeys(labels, ())
        self._stable = "\n".join(["<skills>", *(f"{label}: as in: {'; '.join(texts)}" for label, texts in told.items()), "</skills>"])

    async def read(self, text: str) -> Read | None:
        """None when the model did not do: the offline engine judges alone then, as it would serve."""
        reading = read(text)
        ask = Ask(PROMPT, "small", words(reading), shape(self._labels), NOBODY, self._stable, first=_PATIENCE, within=_PATIENCE)
        try:
            said = checked((await self._model.complete(ask)).result, reading, self._labels, None)
        except (ConnectorError, Illegal):
            return None
        found = next(iter(said.wishes), None)
        return None if found is None else Read(found.skill if found.act == "skill" else None, found.confidence)


def pooled(offline: Judged, ranked: Ranked, read: Read) -> Judged:
    """Both together, as they serve (`bot.intent.merging`): the likelier of the two labels. Pure."""
    same = read.label == offline.guess
    sure = {offline.guess: USUAL.pool(Evidence(offline.confidence, read.confidence if same else 1 - read.confidence, agree=same))}
    if read.label is not None and not same:
        sure[read.label] = USUAL.pool(Evidence(ranked.of(read.label), read.confidence))
    guess = max(sure, key=lambda label: sure[label])
    inside = read.confidence if read.label is not None else 1 - read.confidence
    known = USUAL.pool(Evidence(offline.known, inside, agree=(offline.known >= _EVEN) is (inside >= _EVEN)))
    return Judged(offline.label, guess, sure[guess], known, sure[guess] >= ACCEPTED)


def summed_up(judged: Sequence[Judged], train_s: float, took_ms: Sequence[float]) -> IntentFigures:
    """The figures of what was tried; pure."""
    inside = [one for one in judged if one.label != OUT_OF_SCOPE]
    outside = [one for one in judged if one.label == OUT_OF_SCOPE]
    right = [one.guess == one.label for one in inside]
    return IntentFigures(
        accuracy=figures.share(right),
        macro_f1=figures.macro_f1([one.label for one in inside], [one.guess for one in inside]),
        oos_auroc=figures.auroc([-one.known for one in outside], [-one.known for one in inside]),
        oos_recall=figures.share([not one.accepted for one in outside]),
        in_scope_rejected=figures.share([not one.accepted for one in inside]),
        ece=figures.calibration_error([one.confidence for one in inside], right),
        train_s=train_s,
        p50_ms=figures.percentile(took_ms, 50),
        p95_ms=figures.percentile(took_ms, 95),
    )
