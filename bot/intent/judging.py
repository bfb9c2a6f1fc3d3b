"""From scores to what each part of an utterance wants, and which parts belong together. Pure.

The form of the words is weighed with the score: "how do I reset my password?" wants to know how, and what it is about
can be done, so it is offered rather than done; what is said not to be wanted is never done.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.intent import acts
from bot.intent.experience import Experience
from bot.intent.learned import OFFERED, Learned, served
from bot.intent.matching import Matcher
from bot.intent.model import Act
from bot.intent.scoring import Ranked
from bot.intent.training import NEITHER, QUESTION, marks
from bot.intent.wording import Floats
from specialists.skill import SkillSpec

UNWANTED = 0.5
"""The confidence that what is not wanted has at most."""
_WAY = 0.6
"""How sure the wish inside "how do I ..." must be."""
_LIKELY_ACT = 0.6
"""Below it an act other than a skill is not taken for one."""
_CLEAR_PART, _CLEAR_SENTENCE = 0.75, 0.65
"""How sure a part must be to stand alone: after "and", after the end of a sentence."""
_CLEAR_WHOLE = 0.9
_SURE_PART = 0.85
_TOLD_PART = 0.95
_NEVER = math.inf
_RIVAL = 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one part wants. `likely`: every skill with its confidence; `alternatives`: those that might be meant instead."""

    text: str
    act: Act
    confidence: float
    skill: str | None = None
    alternatives: tuple[tuple[str, float], ...] = ()
    likely: tuple[tuple[str, float], ...] = field(default=())

    @property
    def kind(self) -> str:
        return self.skill or self.act


@dataclass(frozen=True, slots=True)
class Asked:
    """What has to be encoded: the parts as said, mended; then the wishes inside "how do I ..."."""

    said: tuple[str, ...]
    texts: tuple[str, ...]
    marks: tuple[frozenset[str], ...]
    ways: Mapping[int, int]
    """Index of a part -> index of the wish it asks the way of."""


class Judging:
    def __init__(self, learned: Learned, skills: Mapping[str, SkillSpec]) -> None:
        self._learned, self._skills = learned, skills

    def prepare(self, said: Sequence[str], matcher: Matcher) -> Asked:
        full = [said[0], *(_completed(part) for part in said[1:])]
        texts = [self._learned.prepared(text, matcher) for text in full]
        ways: dict[int, int] = {}
        for index, text in enumerate(texts[: len(said)]):
            way = acts.how_to(text)
            if way:
                ways[index] = len(texts)
                texts.append(way)
        return Asked(tuple(said), tuple(texts), tuple(marks(text, matcher) for text in texts), ways)

    def judge(self, asked: Asked, vectors: Floats, experience: Experience) -> list[Judgement]:
        found = self._learned.classifier.rank(asked.texts, vectors, asked.marks)
        ranked = [experience.weigh(one, vectors[index], self._skills) for index, one in enumerate(found)]
        return [
            self._judged(text, found[index], ranked[index], ranked[asked.ways[index]] if index in asked.ways else None)
            for index, text in enumerate(asked.said)
        ]

    def _judged(self, text: str, before: Ranked, ranked: Ranked, way: Ranked | None) -> Judgement:
        """`before`: the ranking before experience moved it."""
        likely = tuple((label, confidence) for label, confidence in ranked.labels if label in self._skills)
        asked = self._skills.get(ranked.label if ranked.label in self._skills or way is None else way.label)
        if way is not None and asked is not None and asked.slots and max(way.confidence, ranked.of(asked.name)) >= _WAY:
            # What takes more than a word to do is explained; who wants it done says so.
            return Judgement(text, "question", max(way.confidence, ranked.confidence), likely=likely)
        if way is not None and ranked.label not in self._skills and way.label in self._skills and way.confidence >= _WAY:
            spec = self._skills[way.label]
            offered = max(min(way.confidence, spec.act_at - OFFERED), spec.notify_at)
            return Judgement(text, "skill", offered, way.label, likely=likely)
        if acts.asks_what_was_done(text) or (ranked.label in self._skills and acts.asks_where(text)):
            return Judgement(text, "status", max(ranked.of("status"), _CLEAR_WHOLE), likely=likely)
        if ranked.label in self._skills:
            return self._skill(text, before, ranked, likely, way)
        if acts.case_in(text) and ranked.label not in ("cancel", "undo", "human", "thanks"):
            return Judgement(text, "status", max(ranked.confidence, _CLEAR_WHOLE), likely=likely)
        act: Act
        if ranked.label not in NEITHER and ranked.confidence >= _LIKELY_ACT:
            act = ranked.label  # type: ignore[assignment]
        elif ranked.label == QUESTION or acts.is_question(text):
            act = "question"
        else:
            act = "unclear"
        alternatives = tuple(one for one in likely if one[1] >= _RIVAL)
        return Judgement(text, act, ranked.confidence, alternatives=alternatives, likely=likely)

    def _skill(self, text: str, before: Ranked, ranked: Ranked, likely: tuple[tuple[str, float], ...], way: Ranked | None) -> Judgement:
        spec = self._skills[ranked.label]
        confidence = served(ranked, spec.notify_at, before)
        alternatives = tuple(one for one in likely[1:] if one[1] >= _RIVAL)
        if unwanted(text, spec, way=way is not None):
            confidence = min(confidence, UNWANTED)
        elif way is not None:
            # It is not short of words.
            confidence = min(confidence, ranked.confidence)
            if way.label == ranked.label:
                confidence = max(confidence, way.confidence)
            confidence = min(confidence, spec.act_at - OFFERED)
        return Judgement(text, "skill", confidence, ranked.label, alternatives, likely)


def likely(judged: Sequence[Judgement]) -> tuple[tuple[str, float], ...]:
    """Every skill with its confidence in whatever says it most clearly, the whole utterance or a part of it; best first."""
    best: dict[str, float] = {}
    for one in judged:
        for skill, confidence in one.likely:
            best[skill] = max(confidence, best.get(skill, 0.0))
    return tuple(sorted(best.items(), key=lambda found: -found[1]))


def unwanted(text: str, spec: SkillSpec, *, way: bool) -> bool:
    """Whether the words say that it is not wanted, or ask about it as such: it is not done then, however sure it is meant.

    `way`: they ask how it is done.
    """
    return acts.negated(text) or (not way and spec.effect and acts.asks_about(text))


def grouped(said: Sequence[str], begins: Sequence[bool], judged: Sequence[Judgement]) -> list[Judgement]:
    """The wishes of an utterance. `said` and `judged`: the whole first, then its parts when it has several;
    `begins`: for each part, whether a sentence ended before it.

    Parts stand alone when they clearly want different things; everything else belongs to what is before it.
    """
    whole, own = judged[0], list(judged[1:])
    if not own:
        return [whole]
    sure_whole = whole.act == "skill" and whole.confidence >= _CLEAR_WHOLE and not any(begins[1:])
    needed = []
    for part, begin in zip(own, (True, *begins[1:]), strict=True):
        if acts.tells(part.text) and not any(begins[1:]):
            # "I typed it wrong and now I'm locked out" is one story, unless each half is beyond doubt.
            needed.append(_TOLD_PART)
        elif not begin and own[0].act == "question" and part.act in ("question", "status") and not _asks_by_itself(part.text):
            # "Where is health and safety?" asks one thing, and so does "When is lost and found open?".
            needed.append(_NEVER if part.act == "question" else _TOLD_PART)
        else:
            needed.append(_SURE_PART if sure_whole else _CLEAR_SENTENCE if begin else _CLEAR_PART)
    groups: list[tuple[str, Judgement | None]] = []
    for part, least, begin in zip(own, needed, (True, *begins[1:]), strict=True):
        anchor = part if part.confidence >= least and _stands_alone(part) else None
        if groups and (anchor is None or groups[-1][1] is None or _one_kind(groups[-1][1], anchor)):
            text, before = groups[-1]
            best = max((one for one in (before, anchor) if one is not None), key=lambda one: one.confidence, default=None)
            # Things that "and" joined stay a list.
            groups[-1] = (f"{text.rstrip(' .')}{'. ' if begin else ' and '}{part.text}", best)
        else:
            groups.append((part.text, anchor))
    clear = [(text, anchor) for text, anchor in groups if anchor is not None]
    if len(clear) > 1:
        return [replace(anchor, text=text) for text, anchor in clear]
    # One wish: the whole says it, or the one clear part does when the rest clouds it.
    best = max((part for part in own if _stands_alone(part)), key=lambda one: one.confidence, default=whole)
    if best.confidence > whole.confidence and (
        not _stands_alone(whole) or best.kind == whole.kind or best.confidence >= _SURE_PART > whole.confidence
    ):
        return [replace(best, text=whole.text)]
    return [whole]


def _asks_by_itself(part: str) -> bool:
    return acts.is_question(part.rstrip(" ?")) or acts.case_in(part) is not None


def _one_kind(before: Judgement, part: Judgement) -> bool:
    """Whether a part goes on with what is before it. Each question is one of its own, unless it leans on the one before."""
    both_ask = before.act == part.act == "question" and part.text.rstrip().endswith("?") and not acts.leans(part.text)
    return before.kind == part.kind and not both_ask


def _completed(part: str) -> str:
    """ "... and a new headset": the verb was said before."""
    return f"I need {part}" if _THING.match(part) and len(part.split()) <= _FEW_WORDS else part


_THING = re.compile(r"(?:an?|another|one|two|three|some|new)\s+\w", re.IGNORECASE)
_FEW_WORDS = 6


def _stands_alone(part: Judgement) -> bool:
    if part.act == "unclear" or part.act in ("greeting", "thanks", "yes", "no"):
        return False
    # A question that no article answers for sure is rather the tail of what was said before.
    return part.act != "question" or part.text.rstrip().endswith("?") or acts.is_question(part.text)
