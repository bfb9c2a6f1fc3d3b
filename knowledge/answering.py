"""Answers a question with quotations and their sources, or says honestly that nothing covers it.

Offline and extractive: every word of an answer stands in an article. What the bot says when there is none is not decided
here; an `Answer` of kind "unknown" carries no quotes.
"""

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from connectors.ports.chat import Citation
from connectors.ports.people import Person
from knowledge.embedding.port import Encoder, Vector, Vectors
from knowledge.model import Passage
from knowledge.places import countries_in
from knowledge.quoting import Unit, compose, unit_text, units
from knowledge.retrieval import MAX_QUESTION, Retriever
from knowledge.scoring import coverage
from knowledge.text import content_terms, plain, word_count, words

ANSWER_AT = 0.5
"""Confidence from which a question counts as covered. On four knowledge bases 92 to 96 % of the answerable questions were
answered and 95 to 100 % of those about other organisations were not; of questions whose own article had been taken away,
the hardest case, 70 % were not."""
_WEIGHT_SIMILARITY, _WEIGHT_COVERAGE, _WEIGHT_MARGIN, _OFFSET = 13.4, 3.2, 14.6, -10.6
"""A logistic regression over 3,300 questions, 900 of them answerable, on three of these knowledge bases."""
_MAX_MARGIN = 0.15
_READ_WITHIN = 0.18
"""A passage further behind the best one is not read: single sentences of it would be near the question by accident."""
_PASSAGES, _READ, _TOLD = 20, 3, 5
"""Passages that are searched for, to see by how much the best one leads; whose sentences are read; that an answer names."""
_UNIT_COVERAGE, _UNIT_PASSAGE = 0.15, 0.75
_NEAR_ITEM, _NEAR_SENTENCE, _NEAR_QUOTE = 0.1, 0.08, 0.06
"""By how much less than the best unit a further item, sentence or passage may support the question to be quoted too."""
_MAX_SENTENCES, _MAX_ITEMS, _MAX_WORDS, _MAX_QUOTES = 3, 10, 90, 2
_SNIPPET = 240
_CACHED_CHUNKS = 2000


@dataclass(frozen=True, slots=True)
class Quote:
    """`text` is Markdown from the article, to be shown with [n] of its citation."""

    text: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Answer:
    """`question` is what was looked for, with what a follow-up left out. `confidence` is 0..1; `passages` are the best found."""

    kind: Literal["answered", "unknown"]
    question: str
    confidence: float
    quotes: tuple[Quote, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage with its units and their vectors."""

    passage: Passage
    units: Sequence[Unit]
    vectors: Vectors


class Reader:
    """Reads passages for a question. Keeps the vectors of what it read lately: chunks never change."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._read: OrderedDict[str, tuple[list[Unit], Vectors]] = OrderedDict()

    async def read(self, question: str, vector: Vector, passages: Sequence[Passage]) -> Answer:
        worth = [passage for passage in passages[:_READ] if passage.score >= passages[0].score - _READ_WITHIN]
        unread = [passage for passage in worth if passage.chunk.id not in self._read]
        found = {passage.chunk.id: units(passage.chunk.text) for passage in unread}
        texts = [unit_text(unit, passage.title, passage.chunk.section) for passage in unread for unit in found[passage.chunk.id]]
        vectors = await self._encoder.encode(texts)
        start = 0
        for id_, cut in found.items():
            self._read[id_] = (cut, vectors[start : start + len(cut)])
            start += len(cut)
        read = []
        for passage in worth:
            self._read.move_to_end(passage.chunk.id)
            read.append(ReadPassage(passage, *self._read[passage.chunk.id]))
        while len(self._read) > _CACHED_CHUNKS:
            self._read.popitem(last=False)
        return decide(question, vector, read, passages)


class Answerer:
    """Answers employees from the published articles."""

    def __init__(self, retriever: Retriever, encoder: Encoder) -> None:
        self._retriever = retriever
        self._encoder = encoder
        self._reader = Reader(encoder)

    async def answer(self, question: str, asker: Person, *, context: str | None = None, vector: Vector | None = None) -> Answer:
        """An answer that `asker` may read.

        `context` is their previous question, used when this one cannot stand alone ("and in Germany?"). `vector` is the
        question's embedding, if recognition made it already.
        """
        asked = question[:MAX_QUESTION].strip()
        if not words(asked):
            return Answer("unknown", asked, 0.0)
        whole = with_context(asked, context)
        if whole == asked:
            return await self._answer(asked, asker, vector)
        if content_terms(asked) and not countries_in(asked):
            # "What about sick leave?" names a topic of its own: the question before would only draw the answer to its topic.
            alone = await self._answer(asked, asker, vector)
            if alone.quotes and alone.confidence >= _STANDS_ALONE:
                return alone
        return await self._answer(whole, asker, None)

    async def _answer(self, question: str, asker: Person, vector: Vector | None) -> Answer:
        if vector is None:
            vector = (await self._encoder.encode([question]))[0]
        passages = await self._retriever.search(question, asker, _PASSAGES, vector=vector)
        return await self._reader.read(question, vector, passages)


def decide(question: str, vector: Vector, read: Sequence[ReadPassage], passages: Sequence[Passage]) -> Answer:
    """The answer from what was found and read; pure."""
    read = [one for one in read if one.units and not is_about_another_country(question, one.passage)]
    if not read:
        return Answer("unknown", question, 0.0, passages=tuple(passages[:_TOLD]))
    asked = content_terms(question)
    support = [_support(one, vector, asked) for one in read]
    confidence = _confidence(read, support, vector, passages)
    if confidence < ANSWER_AT:
        return Answer("unknown", question, confidence, passages=tuple(passages[:_TOLD]))
    tops = [float(scores.max()) for scores in support]
    best = max(tops)
    order = sorted((place for place, top in enumerate(tops) if top >= best - _NEAR_QUOTE), key=lambda place: -tops[place])
    quotes: list[Quote] = []
    for place in order[:_MAX_QUOTES]:
        chosen = choose(read[place].units, support[place])
        text = compose(chosen)
        if not any(plain(text) in plain(quote.text) for quote in quotes):
            quotes.append(Quote(text, _citation(len(quotes) + 1, read[place].passage, text)))
    return Answer("answered", question, confidence, tuple(quotes), tuple(passages[:_TOLD]))


def choose(found: Sequence[Unit], support: np.ndarray) -> list[Unit]:
    """The units of one chunk to quote, in their order: the best one, and what belongs to it or supports it as well."""
    best = int(np.argmax(support))
    unit, top = found[best], float(support[best])
    if unit.kind == "sentence" and unit.text.rstrip().endswith(":"):
        led = [one for one in found if one.lead == unit.text]
        if led:
            return led[:_MAX_ITEMS]
    block = [place for place, one in enumerate(found) if one.block == unit.block]
    if unit.kind == "item" and re.match(r"\s*\d", unit.text):
        return [found[place] for place in block][:_MAX_ITEMS]
    if unit.kind in ("item", "row"):
        near = [place for place in block if support[place] >= top - _NEAR_ITEM]
        return [found[place] for place in near][:_MAX_ITEMS]
    if unit.kind == "code":
        return [unit]
    # The sentence after the best one usually carries its condition or its deadline.
    follows = {best + 1} if best + 1 in block else set()
    spoken = [place for place, one in enumerate(found) if one.kind == "sentence" and place != best]
    others = sorted(spoken, key=lambda place: -support[place])
    near = [place for place in others if support[place] >= top - _NEAR_SENTENCE or place in follows]
    chosen, size = {best}, word_count(unit.text)
    for place in sorted(near, key=lambda place: place not in follows):
        size += word_count(found[place].text)
        if len(chosen) == _MAX_SENTENCES or size > _MAX_WORDS:
            break
        chosen.add(place)
    return [found[place] for place in sorted(chosen)]


_FOLLOW_UP = re.compile(
    r"^(?:and|or|but|also|then|so|what about|how about|what if|same for|for|in|with|without)\b|^(?:why|how so)\W*$", re.I
)
_POINTING = frozenset({"it", "that", "this", "those", "these", "them", "they", "one", "ones", "there", "then", "he", "she", "same"})
_SHORT = 3
_STANDS_ALONE = 0.8
"""Confidence from which a follow-up that names a topic is answered without the question before it."""


def with_context(question: str, previous: str | None) -> str:
    """The question with the previous one before it when it cannot stand alone, else as it is."""
    if not previous or not previous.strip():
        return question
    own = content_terms(question)
    leans = _FOLLOW_UP.match(question) is not None and len(own) <= 2 * _SHORT
    points = len(own) < _SHORT and not _POINTING.isdisjoint(words(question))
    bare = len(own) <= 1 and word_count(question) <= _SHORT
    return f"{previous.strip()} {question}" if leans or points or bare else question


def is_about_another_country(question: str, passage: Passage) -> bool:
    """Whether the question names a country that this passage is neither for nor speaks of.

    "And in Germany?" must not be answered from the American article, however near it is.
    """
    named = countries_in(question)
    if not named:
        return False
    audience = passage.audience.get("country", frozenset())
    spoken = countries_in(" ".join((passage.title, passage.chunk.section, passage.chunk.text)))
    return named.isdisjoint(audience) and named.isdisjoint(spoken)


def _support(one: ReadPassage, vector: Vector, asked: Sequence[str]) -> np.ndarray:
    covered = np.array([coverage(asked, unit.reading) for unit in one.units])
    titles = np.array([-0.3 if plain(unit.text).lower() == plain(one.passage.title).lower() else 0.0 for unit in one.units])
    return np.asarray(one.vectors @ vector + _UNIT_COVERAGE * covered + _UNIT_PASSAGE * one.passage.score + titles)


def _confidence(read: Sequence[ReadPassage], support: Sequence[np.ndarray], vector: Vector, passages: Sequence[Passage]) -> float:
    """How likely these passages cover the question, 0..1.

    Three things tell: how near the nearest passage, title or sentence is; how many of the question's words the first
    passage has; by how much it leads over other articles, since what is on no topic is equally far from all.
    """
    nearest = max(max(one.passage.similarity, float((one.vectors @ vector).max())) for one in read)
    first = read[0].passage
    others = [passage.score for passage in passages if passage.chunk.article_id != first.chunk.article_id]
    margin = min(max(first.score - max(others, default=0.0), 0.0), _MAX_MARGIN)
    odds = _WEIGHT_SIMILARITY * nearest + _WEIGHT_COVERAGE * first.coverage + _WEIGHT_MARGIN * margin + _OFFSET
    return 1 / (1 + math.exp(-odds))


def _citation(number: int, passage: Passage, text: str) -> Citation:
    snippet = plain(text)
    return Citation(
        n=number,
        title=passage.title,
        source=passage.source,
        section=passage.chunk.section,
        snippet=snippet if len(snippet) <= _SNIPPET else snippet[: _SNIPPET - 1].rsplit(" ", 1)[0] + "…",
        updated=passage.updated_at,
    )
