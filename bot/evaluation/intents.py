"""How well intents are recognised: trained on one file of labelled utterances, tried on another.

It learns and ranks by the lines that serve employees (`bot.intent.learned`), without the bot's own skills.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.evaluation import figures
from bot.evaluation.rows import BadInput, Clock, Progress, rows, silent, text_in
from bot.intent.catalogue import Catalogue
from bot.intent.learned import learn
from bot.intent.matching import matcher
from bot.intent.training import Example
from knowledge.embedding.port import Encoder

OUT_OF_SCOPE = "oos"
"""The label of what none of the others is."""
_TOLD_EVERY = 100
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

    def as_json(self) -> Mapping[str, float | None]:
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
    train: Sequence[Example], test: Sequence[Example], encoder: Encoder, *, progress: Progress = silent, clock: Clock = time.perf_counter
) -> IntentFigures:
    """Learns `train` and tries `test`, one utterance after the other."""
    progress(f"learning {len(train)} utterances", 0, 0)
    await encoder.encode([train[0].text])  # opening the model is no part of what is measured
    apart = {one.label for one in train} & {OUT_OF_SCOPE}
    started = clock()
    learned = await learn(train, encoder, matcher(Catalogue()), apart=apart)
    train_s = clock() - started
    judged, took = [], []
    for number, one in enumerate(test):
        if number % _TOLD_EVERY == 0:
            progress("trying utterances", number, len(test))
        started = clock()
        ranked = await learned.rank(one.text)
        took.append(1000 * (clock() - started))
        guess, confidence = next(found for found in ranked.labels if found[0] not in apart)
        judged.append(Judged(one.label, guess, confidence, ranked.known, learned.accepts(ranked)))
    progress("trying utterances", len(test), len(test))
    return summed_up(judged, train_s, took)


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
