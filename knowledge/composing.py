"""Makes an answer of the sentences that a language model offers; pure.

A sentence that says what an article says is kept. One that may not, but quotes an article, gives way to the article's own words; one
that quotes none, or is an attack, is dropped. They come one by one and are judged once each, in order, so that what was kept can be shown
while the rest is on its way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowledge.answers import Answer, Quote, citation_of
from knowledge.confidence import ANSWER_AT
from knowledge.conflicts import outdone
from knowledge.languages import languages
from knowledge.model import Passage
from knowledge.quoting import Unit, section_of
from knowledge.support import HARD, evidence, fault, readable, shown, tidy, told_in, written_in
from knowledge.text import content_terms, sentences

SENTENCES = 12
"""Sentences of one answer that are looked at."""
_KEYS = ("passage", "quote", "text", "step")
"""What a sentence has, in the order in which it comes: with the last it is whole."""

SHAPE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "covered": {"type": "boolean", "description": "Whether the passages answer the question."},
        "language": {"type": "string", "description": "The language of the answer: an ISO 639 code."},
        "sentences": {
            "type": "array",
            "description": "The answer, sentence by sentence; empty when it is not covered.",
            "items": {
                "type": "object",
                "properties": {
                    "passage": {"type": "integer", "description": "The number of the passage that it is from."},
                    "quote": {"type": "string", "description": "The words of that passage that say it, letter by letter."},
                    "text": {"type": "string", "description": "The sentence, in the language of the answer."},
                    "step": {"type": "boolean", "description": "Whether it is a step of a procedure."},
                },
                "required": list(_KEYS),
                "additionalProperties": False,
            },
        },
    },
    "required": ["covered", "language", "sentences"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class _Sentence:
    """`place` is that of its passage among those that were given; `found` what it stands on. `translated`: in other words than these."""

    text: str
    place: int
    found: tuple[Unit, ...]
    step: bool
    translated: bool


class Composer:
    """Of one answer. `base` is the offline answer to the same question; `asked` the question's language; `given` the numbered passages,
    with as much of their texts as the model was given."""

    def __init__(self, base: Answer, given: Sequence[Passage], asked: str | None) -> None:
        self._base = base
        self._given = given
        self._asked = asked
        self._terms = content_terms(base.question)
        self._heard = 0
        self._kept: list[_Sentence] = []
        self._leaning = False
        self._gap = False
        self.dropped = 0
        self.replaced = 0

    def hear(self, said_so_far: Sequence[Mapping[str, Any]], *, done: bool) -> bool:
        """Judges what is new and whole; whether anything of it was kept. Unless `done`, the last one may still grow."""
        before = len(self._kept)
        for number in range(self._heard, len(said_so_far)):
            said = said_so_far[number]
            whole = len(said) == len(_KEYS) and tuple(said)[-1] == _KEYS[-1]
            if not done and number == len(said_so_far) - 1 and not whole:
                break
            self._heard += 1
            self._judge(said["text"], said["passage"] - 1, said["quote"], said["step"])
        return len(self._kept) > before

    @property
    def holds(self) -> bool:
        """Whether what was kept is an answer: at least half of what was said, and no step is missing."""
        return bool(self._kept) and len(self._kept) >= self.dropped and not self._gap

    def answer(self) -> Answer:
        """What was kept so far. Not empty."""
        numbers = {place: number for number, place in enumerate(dict.fromkeys(one.place for one in self._kept), 1)}
        share = len(self._kept) / (len(self._kept) + self.dropped)
        return replace(
            self._base,
            kind="answered",
            # That it was shown to be in the articles counts as covered at the least.
            confidence=share * max(self._base.confidence, ANSWER_AT),
            quotes=tuple(self._quote(place, number) for place, number in numbers.items()),
            articles=tuple(self._given[place].chunk.article_id for place in numbers),
            text=_markdown([(one, numbers[one.place]) for one in self._kept]),
            translated=any(one.translated for one in self._kept),
            dropped=self.dropped,
            replaced=self.replaced,
        )

    def _judge(self, said: str, place: int, quote: str, step: bool) -> None:
        text = tidy(said)
        passage = self._given[place] if 0 <= place < len(self._given) and self._heard <= SENTENCES else None
        found = evidence(quote, passage.chunk.text) if passage is not None else ()
        if passage is None or not found:
            return self._drop(step)
        source = written_in(passage.chunk.text)
        heading = f"{passage.title}. {passage.chunk.section}"
        amiss = fault(text, found, passage.chunk.text, asked=self._asked, heading=heading)
        told = told_in(text, source, self._asked) or source
        outdated = any(outdone(unit.reading, passage, self._given, self._terms, source) for unit in found)
        if amiss in HARD or outdated or (self._leaning and told.leans(text)):
            return self._drop(step)
        self._leaning = False
        self.replaced += amiss is not None
        translated = amiss is None and told is not source
        if not translated:
            # Two sentences may stand on one unit: it is said once.
            found = tuple(unit for unit in found if not any(self._says(one, unit, place) for one in self._kept))
        if any(one.text == text and one.place == place for one in self._kept) or not found:
            return None
        if amiss is not None:
            text = " ".join(shown(unit, source) for unit in found)
        self._kept.append(_Sentence(text, place, found, step, translated))
        return None

    @staticmethod
    def _says(one: _Sentence, unit: Unit, place: int) -> bool:
        return one.place == place and not one.translated and unit in one.found

    def _drop(self, step: bool) -> None:
        self.dropped += 1
        self._leaning = True
        self._gap = self._gap or step

    def _quote(self, place: int, number: int) -> Quote:
        passage = self._given[place]
        found = dict.fromkeys(unit for one in self._kept if one.place == place for unit in one.found)
        source, section = written_in(passage.chunk.text), passage.chunk.section
        text = " … ".join(shown(unit, source) for unit in found)
        return Quote(text, citation_of(number, passage, section_of(next(iter(found)), section), text))


def _markdown(said: Sequence[tuple[_Sentence, int]]) -> str:
    """Sentences as running text, steps as numbered lists, code by itself, each with [n]."""
    parts: list[str] = []
    steps = 0
    for place, (one, number) in enumerate(said):
        before = said[place - 1][0] if place else None
        code = "\n" in one.text
        marked = f"{one.text}\n\n[{number}]" if code else f"{one.text} [{number}]"
        if one.step and not code:
            steps = steps + 1 if before is not None and before.step else 1
            parts.append(("\n" if steps > 1 else "\n\n" if parts else "") + f"{steps}. {marked}")
        else:
            apart = code or (before is not None and (before.step or "\n" in before.text))
            parts.append(("\n\n" if apart and parts else " " if parts else "") + marked)
    return "".join(parts)


def language_asked(question_language: str | None, locale: str) -> str | None:
    """The language to answer in: the question's, else that of who asks; None when it is none that can be checked."""
    own = locale.replace("_", "-").split("-")[0].lower()
    return question_language or (own if own in languages() else None)


def as_given(passages: Sequence[Passage], each: int, most: int) -> list[Passage]:
    """The passages as a model reads them: without what is hidden, each cut at a line's or sentence's end, as many as there is room for."""
    found: list[Passage] = []
    room = most
    for passage in passages:
        text = readable(passage.chunk.text).strip()
        if len(text) > each:
            cut = text[:each]
            text = cut.rsplit("\n", 1)[0] if "\n" in cut else " ".join(sentences(cut)[:-1]) or cut.rsplit(" ", 1)[0]
        if len(text) > room:
            break
        room -= len(text)
        found.append(replace(passage, chunk=replace(passage.chunk, text=text)))
    return found
