"""Answers a question with quotations and their sources, or says honestly that nothing covers it.

Offline and extractive: every word of an answer stands in an article. What the bot says when there is none is not decided
here; an `Answer` of kind "unknown" carries no quotes.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from connectors.ports.language import NOBODY, Behalf
from connectors.ports.people import Person
from knowledge.answers import Answer, Quote, Show, citation_of
from knowledge.confidence import ANSWER_AT, confidence_of
from knowledge.embedding.port import Encoder, Vector, Vectors
from knowledge.follow_ups import in_short, points, with_context
from knowledge.model import Passage
from knowledge.places import countries_in
from knowledge.quoting import Unit, cells, compose, heading_text, section_of, unit_text, units
from knowledge.retrieval import MAX_QUESTION, Retriever
from knowledge.scoring import coverage
from knowledge.text import KINDS_OF_ANSWER, alike, content_terms, encodable, plain, terms, word_count, words

_READ_WITHIN = 0.18
"""A passage further behind the best one is not read: single sentences of it would be near the question by accident."""
_PASSAGES, _READ, _TOLD = 20, 3, 5
"""Passages that are searched for, to see by how much the best one leads; whose sentences are read; that an answer names."""
_UNIT_COVERAGE, _UNIT_PASSAGE = 0.15, 0.75
_NEAR_ITEM, _NEAR_SENTENCE, _NEAR_QUOTE = 0.1, 0.08, 0.06
"""By how much less than the best unit a further item, sentence or passage may support the question to be quoted too."""
_MAX_SENTENCES, _MAX_ITEMS, _MAX_WORDS, _MAX_QUOTES = 3, 10, 90, 2
_WHOLE_PARAGRAPH = 60
"""Words up to which a paragraph is quoted whole."""
_NEAR_BEFORE = 0.4
"""By how much less than the best sentence one before it in a short paragraph may support the question to be quoted too."""
_HEADING_BEHIND, _OPENING, _FITS = 0.1, 0.15, 0.06
"""How much a heading counts less than a sentence; what speaks for the first words of the article that was asked for, and
for a unit of the kind that was asked for."""
_PARALLEL = 0.4
"""Share of their words that two passages have in common when one is worded after the other."""
_FEW_ROWS = 2
_CACHED_CHUNKS = 2000


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage with its units, their vectors, and the vector of the heading that its first unit stands under."""

    passage: Passage
    units: Sequence[Unit]
    vectors: Vectors
    heading: Vector | None = None


class Reader:
    """Reads passages for a question. Keeps the vectors of what it read lately: chunks never change."""

    def __init__(self, encoder: Encoder, *, keeps: int = _CACHED_CHUNKS) -> None:
        self._encoder = encoder
        self._keeps = keeps
        self._read: OrderedDict[str, tuple[list[Unit], Vectors, Vector]] = OrderedDict()

    async def read(self, question: str, vector: Vector, passages: Sequence[Passage], among: Sequence[Passage] | None = None) -> Answer:
        """`among`: the passages that may be quoted, when it is known better than by their scores."""
        near = [passage for passage in passages[:_READ] if passage.score >= passages[0].score - _READ_WITHIN]
        worth = near if among is None else among[:_READ]
        # A copy for this question: while the encoder works, another question may drop what was read.
        mine = {passage.chunk.id: self._read[passage.chunk.id] for passage in worth if passage.chunk.id in self._read}
        unread = [passage for passage in worth if passage.chunk.id not in mine]
        found = {passage.chunk.id: units(passage.chunk.text) for passage in unread}
        texts = []
        for passage in unread:
            texts += [unit_text(unit, passage.title, passage.chunk.section) for unit in found[passage.chunk.id]]
            texts.append(heading_text(passage.title, passage.chunk.section))
        vectors = await self._encoder.encode(texts)
        start = 0
        for id_, cut in found.items():
            mine[id_] = (cut, vectors[start : start + len(cut)], vectors[start + len(cut)])
            start += len(cut) + 1
        for id_, known in mine.items():
            self._read[id_] = known
            self._read.move_to_end(id_)
        while len(self._read) > self._keeps:
            self._read.popitem(last=False)
        return decide(question, vector, [ReadPassage(passage, *mine[passage.chunk.id]) for passage in worth], passages)


class Answerer:
    """Answers employees from the published articles."""

    def __init__(self, retriever: Retriever, encoder: Encoder) -> None:
        self._retriever = retriever
        self._encoder = encoder
        self._reader = Reader(encoder)

    async def answer(
        self,
        question: str,
        asker: Person,
        *,
        context: str | None = None,
        vector: Vector | None = None,
        search: str | None = None,
        behalf: Behalf = NOBODY,
        show: Show | None = None,
    ) -> Answer:
        """As `Answers` has it; nobody's model works, and it comes at once."""
        if search is not None:
            question, context, vector = search, None, None
        asked = encodable(question[:MAX_QUESTION]).strip()
        if not words(asked):
            return Answer("unknown", asked, 0.0)
        context = in_short(encodable(context)) if context else None
        whole = with_context(asked, context)
        if whole == asked:
            return await self._answer(asked, asker, vector)
        own = [] if countries_in(asked) else content_terms(asked)
        if not own:
            return await self._answer(whole, asker, None)
        if not points(asked):
            # "What about sick leave?" names a topic of its own: the question before would only draw the answer to its topic.
            alone = await self._answer(asked, asker, vector)
            if alone.quotes and alone.confidence >= _STANDS_ALONE:
                return alone
        return await self._answer_further(whole, asked, own, context or "", asker)

    async def _answer_further(self, whole: str, asked: str, own: Sequence[str], before: str, asker: Person) -> Answer:
        """Answers a follow-up that has words of its own: "and how do I request it?"

        It is about what the question before was about, so the article that answered that is looked at first, for what
        has the new words; else both questions are looked for together.
        """
        first, both, added = await self._encoder.encode([before, whole, asked])
        mixed = both + _OWN_WORDS * added
        mixed = mixed / np.linalg.norm(mixed)
        topic = await self._retriever.search(before, asker, 1, vector=first)
        passages = await self._retriever.search(whole, asker, _PASSAGES, vector=both)
        same = [passage for passage in passages if topic and passage.chunk.article_id == topic[0].chunk.article_id]
        there = {passage.chunk.id: coverage(own, f"{passage.chunk.section} {passage.chunk.text}") for passage in same}
        most = max(there.values(), default=0.0)
        if most >= _MOSTLY:
            among = [passage for passage in same if there[passage.chunk.id] == most]
            found = await self._reader.read(whole, both, passages, among)
            if found.quotes:
                return found
        return await self._answer(whole, asker, mixed)

    async def _answer(self, question: str, asker: Person, vector: Vector | None) -> Answer:
        if vector is None:
            vector = (await self._encoder.encode([question]))[0]
        passages = await self._retriever.search(question, asker, _PASSAGES, vector=vector)
        return await self._reader.read(question, vector, passages)


def decide(question: str, vector: Vector, read: Sequence[ReadPassage], passages: Sequence[Passage]) -> Answer:
    """The answer from what was found and read; pure."""
    read = [one for one in read if one.units and not is_about_another_country(question, one.passage)]
    if not read:
        return Answer("unknown", question, 0.0, passages=tuple(passages[:_TOLD]), vector=vector)
    asked = content_terms(question)
    support = [_support(one, vector, asked, question) for one in read]
    sentence = max(_nearest_sentence(one, vector) for one in read)
    confidence = confidence_of([one.passage for one in read], sentence, passages)
    if confidence < ANSWER_AT:
        return Answer("unknown", question, confidence, passages=tuple(passages[:_TOLD]), vector=vector)
    tops = [float(scores.max()) for scores in support]
    best = max(tops)
    order = sorted((place for place, top in enumerate(tops) if top >= best - _NEAR_QUOTE), key=lambda place: -tops[place])
    quotes: list[Quote] = []
    quoted: list[str] = []
    for place in order[:_MAX_QUOTES]:
        if quotes and is_the_other_one(read[place].passage, read[order[0]].passage, asked):
            continue
        chosen = choose(read[place].units, support[place])
        text = compose(chosen)
        if not any(plain(text) in plain(quote.text) for quote in quotes):
            section = section_of(chosen[0], read[place].passage.chunk.section)
            quotes.append(Quote(text, citation_of(len(quotes) + 1, read[place].passage, section, text)))
            quoted.append(read[place].passage.chunk.article_id)
    return Answer("answered", question, confidence, tuple(quotes), tuple(passages[:_TOLD]), tuple(quoted), vector)


def choose(found: Sequence[Unit], support: np.ndarray) -> list[Unit]:
    """The units of one chunk to quote, in their order: the best one, and what belongs to it or supports it as well."""
    best = int(np.argmax(support))
    unit, top = found[best], float(support[best])
    if unit.kind == "sentence" and unit.text.rstrip().endswith(":"):
        led = [one for one in found if one.lead == unit.text]
        if led:
            return _bounded(led)
    if unit.kind == "label":
        under = [place for place in range(best + 1, len(found)) if found[place].block == found[best + 1].block]
        return [unit, *choose([found[place] for place in under], support[under])] if under else [unit]
    block = [place for place, one in enumerate(found) if one.block == unit.block]
    if unit.kind == "item" and _STEP.match(unit.text):
        return _bounded([found[place] for place in block])
    if unit.kind in ("item", "row"):
        near = [place for place in block if support[place] >= top - _NEAR_ITEM]
        # A row or two were asked for; with more, the question is about the table, and what is missing would be missed.
        shown = block if unit.kind == "row" and len(near) > _FEW_ROWS else near
        return _bounded([found[place] for place in shown])
    if unit.kind == "code":
        return [unit]
    if len(block) <= _MAX_SENTENCES and sum(word_count(found[place].text) for place in block) <= _WHOLE_PARAGRAPH:
        # A short paragraph is understood as a whole; taken apart it loses its rule or its condition.
        return [found[place] for place in block if place >= best or support[place] >= top - _NEAR_BEFORE]
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


def _bounded(listed: Sequence[Unit]) -> list[Unit]:
    """As many items or rows as an answer may have; what is left out shows."""
    if len(listed) <= _MAX_ITEMS:
        return list(listed)
    last = listed[_MAX_ITEMS - 1]
    rest = f"| …{' |' * len(cells(last.text))}" if last.kind == "row" else "- …"
    return [*listed[:_MAX_ITEMS], replace(last, text=rest)]


_STEP = re.compile(r"\s*\d")
_FIGURE = re.compile(
    r"\b(?:how (?:many|much|long|often|big|far|large)|amount|limit|maximum|number of|rate|cost|price)\b"
    r"|\b(?:what time|(?:until|by|from|since) when)\b"
    r"|^\W*(?:and |so )?when\b",
    re.I,
)
"""Asks for a figure: an amount, a time or a date."""
_HOW_TO = re.compile(r"^\W*(?:and |so )?how (?:do|can|should|to)\b", re.I)
_OWN_WORDS = 0.5
"""Weight of a follow-up's own vector beside the one of both questions."""
_MOSTLY = 0.5
"""Share of a follow-up's own words that a passage of the article before must have to be its answer."""
_STANDS_ALONE = 0.8
"""Confidence from which a follow-up that names a topic is answered without the question before it."""


def is_about_another_country(question: str, passage: Passage) -> bool:
    """Whether the question names a country that this passage is neither for nor speaks of.

    "And in Germany?" must not be answered from the American article, however near it is. An article that is for no country
    in particular holds in all: "May I work from Spain?" is not about Spain.
    """
    named = countries_in(question)
    audience = [_countries_of(value) for value in passage.audience.get("country", frozenset())]
    if not named or not audience or not all(audience):
        return False
    spoken = countries_in(" ".join((passage.title, passage.chunk.section, passage.chunk.text)))
    return named.isdisjoint(frozenset().union(*audience)) and named.isdisjoint(spoken)


def _countries_of(value: str) -> frozenset[str]:
    """The countries that a value of an audience stands for, an ISO code or a name; none if it is of the company's own making."""
    own = frozenset({value}) if len(value) == 2 and value.isalpha() else frozenset[str]()
    return own | countries_in(value.replace("_", " ").replace("-", " ").upper())


def is_the_other_one(second: Passage, first: Passage, asked: Sequence[str]) -> bool:
    """Whether a passage says the like of the first one about another floor, plan or weekday than the question names.

    What is worded differently adds to an answer, even if it lacks a word of the question.
    """
    own, best = (terms(plain(f"{one.title} {one.chunk.section} {one.chunk.text}")) for one in (second, first))
    if len(own & best) < _PARALLEL * len(own | best):
        return False
    return any(own.isdisjoint(alike(term)) and not best.isdisjoint(alike(term)) for term in asked if term not in KINDS_OF_ANSWER)


def _nearest_sentence(one: ReadPassage, vector: Vector) -> float:
    said = [place for place, unit in enumerate(one.units) if unit.kind != "label"]
    return float((one.vectors[said] @ vector).max(initial=-1.0))


def _support(one: ReadPassage, vector: Vector, asked: Sequence[str], question: str) -> np.ndarray:
    covered = np.array([coverage(asked, unit.reading) for unit in one.units])
    kinds = np.array([_fitness(unit, one.passage.title, question) for unit in one.units])
    near = one.vectors @ vector - _HEADING_BEHIND * np.array([unit.kind == "label" for unit in one.units])
    if one.heading is not None:
        # What a heading announces begins with its first unit.
        near[0] = max(near[0], one.heading @ vector - _HEADING_BEHIND)
    if one.passage.chunk.ordinal == 0 and _is_called(asked, one.passage.title):
        # Who asks for what an article is called asks for its rule, and the rule comes first.
        near[0] += _OPENING if kinds[0] or _FIGURE.search(question) is None else 0.0
    return np.asarray(near + _UNIT_COVERAGE * covered + _UNIT_PASSAGE * one.passage.score + kinds)


def _is_called(asked: Sequence[str], title: str) -> bool:
    """Whether the question has nothing of content that the title lacks, and most of what the title has."""
    return bool(asked) and coverage(asked, title) == 1 and coverage(content_terms(title), " ".join(asked)) >= 0.5


def _fitness(unit: Unit, title: str, question: str) -> float:
    """What speaks for a unit because of its kind: a number for "how many", a step for "how do I"."""
    if plain(unit.text).lower() == plain(title).lower():
        return -0.3
    amount = _FIGURE.search(question) is not None and re.search(r"\d", unit.text) is not None
    step = _HOW_TO.match(question) is not None and unit.kind == "item" and _STEP.match(unit.text) is not None
    return _FITS if amount or step else 0.0
