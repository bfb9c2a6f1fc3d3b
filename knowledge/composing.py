"""Makes an answer of the sentences that a language model offers, keeping those that have support; pure but for the encoder.

Sentences come one by one and are judged once each, in order, so that what was kept can be shown while the rest is on its way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowledge.answers import Answer, Quote, citation_of
from knowledge.confidence import ANSWER_AT
from knowledge.conflicts import outdone
from knowledge.embedding.port import Encoder
from knowledge.languages import Language, languages
from knowledge.model import Passage
from knowledge.quoting import section_of, units
from knowledge.support import fault, readable, same, tidy, told_in, written_in
from knowledge.text import content_terms

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
    """`place` is that of its passage among those that were given; `evidence` stands in it."""

    text: str
    place: int
    evidence: str
    step: bool


class Composer:
    """Of one answer. `base` is the offline answer to the same question; `asked` the question's language; `given` the numbered passages,
    with as much of their texts as the model was given."""

    def __init__(self, base: Answer, given: Sequence[Passage], asked: str | None, encoder: Encoder) -> None:
        self._base = base
        self._given = given
        self._asked = asked
        self._terms = content_terms(base.question)
        self._encoder = encoder
        self._heard = 0
        self._kept: list[_Sentence] = []
        self._leaning = False
        self._gap = False
        self._translated = False
        self.dropped = 0

    async def hear(self, sentences: Sequence[Mapping[str, Any]], *, done: bool) -> bool:
        """Judges what is new and whole; whether anything of it was kept. Unless `done`, the last one may still grow."""
        before = len(self._kept)
        for number in range(self._heard, len(sentences)):
            said = sentences[number]
            whole = len(said) == len(_KEYS) and tuple(said)[-1] == _KEYS[-1]
            if not done and number == len(sentences) - 1 and not whole:
                break
            self._heard += 1
            await self._judge(said)
        return len(self._kept) > before

    @property
    def holds(self) -> bool:
        """Whether what was kept is an answer: at least half of what was said, and no step is missing."""
        return bool(self._kept) and len(self._kept) >= self.dropped and not self._gap

    def answer(self) -> Answer:
        """What was kept so far. Not empty."""
        numbers = {place: number for number, place in enumerate(dict.fromkeys(one.place for one in self._kept), 1)}
        quotes = tuple(self._quote(place, number) for place, number in numbers.items())
        share = len(self._kept) / (len(self._kept) + self.dropped)
        return replace(
            self._base,
            kind="answered",
            # That it was shown to be in the articles counts as covered at the least.
            confidence=share * max(self._base.confidence, ANSWER_AT),
            quotes=quotes,
            articles=tuple(self._given[place].chunk.article_id for place in numbers),
            text=_markdown([(one, numbers[one.place]) for one in self._kept]),
            translated=self._translated,
            dropped=self.dropped,
        )

    async def _judge(self, said: Mapping[str, Any]) -> None:
        text, place, step = tidy(said["text"]), said["passage"] - 1, said["step"]
        if any(same(text) == same(one.text) for one in self._kept):
            return
        told = await self._language_of(text, place, said["quote"]) if self._heard <= SENTENCES else None
        if told is None or (self._leaning and told.leans(text)):
            self.dropped += 1
            self._leaning = True
            self._gap = self._gap or step
            return
        self._leaning = False
        self._translated = self._translated or told is not written_in(self._given[place].chunk.text)
        self._kept.append(_Sentence(text, place, said["quote"], step))

    async def _language_of(self, text: str, place: int, quote: str) -> Language | None:
        """The language of a sentence that has support; None for one that has none."""
        if not 0 <= place < len(self._given):
            return None
        passage = self._given[place]
        source = written_in(passage.chunk.text)
        near = None
        if told_in(text, source, self._asked) is source and quote.strip():
            one, other = await self._encoder.encode([text, quote])
            near = float(one @ other)
        if fault(text, quote, passage.chunk.text, asked=self._asked, near=near) is not None:
            return None
        if outdone(quote, passage, self._given, self._terms, source):
            return None
        return told_in(text, source, self._asked)

    def _quote(self, place: int, number: int) -> Quote:
        passage = self._given[place]
        evidence = list(dict.fromkeys(" ".join(one.evidence.split()) for one in self._kept if one.place == place))
        section = passage.chunk.section
        first = next((unit for unit in units(passage.chunk.text) if same(evidence[0])[:40] in same(unit.text)), None)
        text = " … ".join(evidence)
        return Quote(text, citation_of(number, passage, section_of(first, section) if first else section, text))


def _markdown(said: Sequence[tuple[_Sentence, int]]) -> str:
    """Sentences as running text, steps as numbered lists, each with [n]."""
    parts: list[str] = []
    steps = 0
    for place, (one, number) in enumerate(said):
        marked = f"{one.text} [{number}]"
        after_step = place > 0 and said[place - 1][0].step
        if one.step:
            steps = steps + 1 if after_step else 1
            parts.append(("\n" if steps > 1 else "\n\n" if parts else "") + f"{steps}. {marked}")
        else:
            parts.append(("\n\n" if after_step else " " if parts else "") + marked)
    return "".join(parts)


def language_asked(question_language: str | None, locale: str) -> str | None:
    """The language to answer in: the question's, else that of who asks; None when it is none that can be checked."""
    own = locale.replace("_", "-").split("-")[0].lower()
    return question_language or (own if own in languages() else None)


def as_given(passages: Sequence[Passage], each: int, most: int) -> list[Passage]:
    """The passages as a model reads them: without what is hidden, each cut at a line's or word's end, as many as there is room for."""
    found: list[Passage] = []
    room = most
    for passage in passages:
        text = readable(passage.chunk.text).strip()
        if len(text) > each:
            cut = text[:each]
            text = cut.rsplit("\n", 1)[0] if "\n" in cut else cut.rsplit(" ", 1)[0]
        if len(text) > room:
            break
        room -= len(text)
        found.append(replace(passage, chunk=replace(passage.chunk, text=text)))
    return found
