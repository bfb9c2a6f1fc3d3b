"""The kept questions: what no version is trained on, so that two versions can be compared. And when one is worse."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.evaluation.figures import calibration_error
from bot.intent import acts
from bot.intent.learned import Learned
from bot.intent.training import NEITHER
from bot.teaching.lessons import Lesson

UNSURE = 0.02
"""How much the calibration error may grow: on a hundred questions less than that is chance."""
WRONG_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Question:
    """`taught`: it came from a lesson; otherwise it ships with Foyer."""

    text: str
    label: str
    taught: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What a version made of one question."""

    question: Question
    label: str
    confidence: float

    @property
    def right(self) -> bool:
        """Both kinds of "none of these" are the same."""
        return self.label == self.question.label or {self.label, self.question.label} <= set(NEITHER)


@dataclass(frozen=True, slots=True)
class Score:
    """A version on the kept questions. `shipped`: accuracy on those alone that ship with Foyer; all figures 0-1."""

    accuracy: float
    shipped: float
    calibration_error: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`why`: the core message that says why the candidate may not serve; None when it may. `lost`: what it gets wrong that the other
    got right."""

    candidate: Score
    serving: Score
    why: str | None
    lost: tuple[str, ...]


def shipped(labels: Collection[str]) -> list[Question]:
    """The questions that ship, of the labels that there are."""
    found: Mapping[str, list[str]] = acts.load("kept.yaml", "en")
    return [Question(text, label) for label, texts in found.items() if label in labels for text in texts]


def questions(labels: Collection[str], lessons: Sequence[Lesson]) -> list[Question]:
    return [*shipped(labels), *(Question(one.text, one.label, taught=True) for one in lessons)]


async def score(learned: Learned, asked: Sequence[Question]) -> Score:
    """Each question the way the bot ranks an utterance, some milliseconds each."""
    marks = []
    for question in asked:
        ranked = await learned.rank(question.text)
        marks.append(Mark(question, ranked.label, ranked.confidence))
    return scored(marks)


def scored(marks: Sequence[Mark]) -> Score:
    own = [mark.right for mark in marks if not mark.question.taught]
    right = [mark.right for mark in marks]
    error = calibration_error([mark.confidence for mark in marks], right)
    return Score(_share(right), _share(own), error or 0.0, tuple(marks))


def compared(candidate: Score, serving: Score) -> Comparison:
    """Whether the candidate may serve. It must be no worse on all that is kept, and on what ships alone: kept lessons are as good as
    whoever taught them, and wrong ones would vote for themselves."""
    if candidate.shipped < serving.shipped:
        why = "recognition.refused.shipped"
    elif candidate.accuracy < serving.accuracy:
        why = "recognition.refused.accuracy"
    elif candidate.calibration_error > serving.calibration_error + UNSURE:
        why = "recognition.refused.calibration"
    else:
        why = None
    lost = [new.question.text for new, old in zip(candidate.marks, serving.marks, strict=True) if old.right and not new.right]
    return Comparison(candidate, serving, why, tuple(lost[:WRONG_SHOWN]))


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else 1.0
