"""How well questions are answered from documents: found, answered, cited, and left alone where nothing covers them.

The documents go through the library, the search and the answerer that serve employees, in a home of their own. Whoever
asks is an employee who may read everything.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bot import assistance
from bot.bootstrap import OPERATOR, App
from bot.evaluation import figures
from bot.evaluation.documents import Document, Shelf, fill
from bot.evaluation.engines import Engine
from bot.evaluation.figures import Ranking
from bot.evaluation.rows import Clock, Progress, rows, silent, text_in, texts_in
from knowledge.answers import Answer
from knowledge.model import Passage
from knowledge.store import chunks
from knowledge.text import plain

_SEARCHED = 60
"""Passages that are looked at for the ten documents that `ndcg@10` wants."""
_TOLD_EVERY = 20
_AT_ONCE = 4
"""Questions that a language model is asked at a time."""

ASKER = OPERATOR
"""Every document is for all employees, and it may change the library."""


@dataclass(frozen=True, slots=True)
class Question:
    """`gold`: ids of the documents that answer it; none: nothing does. `must_contain`: what its answer has to say."""

    text: str
    gold: frozenset[str] = frozenset()
    must_contain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and what came of it: the documents found, best first and each once; whether it was answered, from which
    documents, and in which words; for an assisted answer how many sentences had no support, and whether it is the offline one."""

    question: Question
    found: tuple[str, ...]
    answered: bool
    cited: frozenset[str]
    text: str
    dropped: int = 0
    replaced: int = 0
    fell_back: bool = False

    @property
    def ranking(self) -> Ranking:
        return Ranking(self.found, self.question.gold)


@dataclass(frozen=True, slots=True)
class KnowledgeFigures:
    """Shares are 0..1; None where a figure is not defined, such as `abstained_correctly` without unanswerable questions.

    hit_1, hit_5, mrr, ndcg_10: of answerable questions, by documents, each counted where its first passage is.
    answered: share of answerable questions that were answered. abstained_correctly: share of unanswerable ones that were not.
    cited: share of the answers to answerable questions that cite a document which answers them.
    must_contain: share of the questions that say what the answer has to contain, whose answer has all of it.
    passages: how many the documents were cut into. ingest_passages_per_s: from files to passages that can be found.
    p50_ms, p95_ms: from a question to its answer, one at a time; four at a time where a model is asked.
    fell_back: share of the questions that the offline engine served because the model did not. dropped, replaced: sentences without
    support that were left out, or said in the article's own words. All three None without a model.
    """

    hit_1: float | None
    hit_5: float | None
    mrr: float | None
    ndcg_10: float | None
    answered: float | None
    abstained_correctly: float | None
    cited: float | None
    must_contain: float | None
    passages: int
    ingest_passages_per_s: float | None
    p50_ms: float | None
    p95_ms: float | None
    fell_back: float | None = None
    dropped: int | None = None
    replaced: int | None = None

    def as_json(self) -> Mapping[str, float | None]:
        """Without what only a model has, where there is none."""
        assisted = {"fell_back": figures.rounded(self.fell_back), "dropped": self.dropped, "replaced": self.replaced}
        assisted = {} if self.fell_back is None else assisted
        return {
            "hit@1": figures.rounded(self.hit_1),
            "hit@5": figures.rounded(self.hit_5),
            "mrr": figures.rounded(self.mrr),
            "ndcg@10": figures.rounded(self.ndcg_10),
            "answered": figures.rounded(self.answered),
            "abstained_correctly": figures.rounded(self.abstained_correctly),
            "cited": figures.rounded(self.cited),
            "must_contain": figures.rounded(self.must_contain),
            "passages": self.passages,
            "ingest_passages_per_s": figures.rounded(self.ingest_passages_per_s, 1),
            "p50_ms": figures.rounded(self.p50_ms, 3),
            "p95_ms": figures.rounded(self.p95_ms, 3),
            **assisted,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """`refused`: documents that could not be read, and why. `missing`: documents that questions name and nobody
    gave; such questions count as not found."""

    figures: KnowledgeFigures
    asked: tuple[Asked, ...]
    refused: Mapping[str, str]
    missing: tuple[str, ...]


def read_questions(path: Path) -> list[Question]:
    """JSON lines with "question", and "gold_docs" and "must_contain" where they apply; further keys are for others.

    Raises BadInput.
    """
    return [
        Question(text_in(row, "question", where), frozenset(texts_in(row, "gold_docs", where)), texts_in(row, "must_contain", where))
        for where, row in rows(path)
    ]


async def evaluate(
    app: App,
    given: Sequence[Document],
    questions: Sequence[Question],
    *,
    engines: Sequence[Engine] = (Engine.OFFLINE,),
    progress: Progress = silent,
    clock: Clock = time.perf_counter,
) -> Mapping[Engine, Result]:
    """Fills the empty library of `app` with the documents and asks each engine the questions; the assisted one needs its model."""
    # Opening the model and the index is no part of what is measured.
    await app.encoder.encode([questions[0].text])
    await app.library.projection.sync()
    words = app.words(ASKER)
    started = clock()
    shelf = await fill(app.library, given, ASKER, lambda refused: words(refused.message_key, **refused.details), progress)
    ingest_s = clock() - started
    passages = await _passages(app)
    known = {*shelf.ids.values(), *shelf.refused}
    missing = tuple(sorted({gold for question in questions for gold in question.gold} - known))
    found = {}
    for engine in engines:
        asked, took = await ask(app, shelf, questions, progress, clock, engine=engine)
        found[engine] = Result(summed_up(asked, passages, ingest_s, took, engine), asked, shelf.refused, missing)
    return found


async def ask(
    app: App,
    shelf: Shelf,
    questions: Sequence[Question],
    progress: Progress = silent,
    clock: Clock = time.perf_counter,
    *,
    engine: Engine = Engine.OFFLINE,
) -> tuple[tuple[Asked, ...], list[float]]:
    """What comes of each question, and the milliseconds that its answer took."""
    model = app.model if engine is Engine.ASSISTED else None
    answers = assistance.articles(app.answerer, model, app.retriever, time.monotonic)
    asked: list[Asked] = []
    took: list[float] = []

    async def one(question: Question) -> tuple[Answer, float]:
        started = clock()
        answer = await answers.answer(question.text, ASKER)
        return answer, 1000 * (clock() - started)

    doing = "asking" if model is None else "asking with the model"
    at_once = 1 if model is None else _AT_ONCE
    for number in range(0, len(questions), at_once):
        if number % _TOLD_EVERY < at_once:
            progress(doing, number, len(questions))
        some = questions[number : number + at_once]
        for question, (answer, ms) in zip(some, await asyncio.gather(*map(one, some)), strict=True):
            took.append(ms)
            found = await app.retriever.search(question.text, ASKER, _SEARCHED, vector=answer.vector)
            asked.append(_asked(question, shelf, answer, found))
    progress(doing, len(questions), len(questions))
    return tuple(asked), took


async def _passages(app: App) -> int:
    async with app.sessions() as session:
        return await session.scalar(select(func.count()).select_from(chunks)) or 0


def _asked(question: Question, shelf: Shelf, answer: Answer, found: Sequence[Passage]) -> Asked:
    in_order = dict.fromkeys(shelf.ids[passage.source] for passage in found)
    cited = frozenset(shelf.ids[quote.citation.source] for quote in answer.quotes)
    text = "\n".join(quote.text for quote in answer.quotes) if answer.text is None else answer.text
    return Asked(
        question, tuple(in_order), answer.kind == "answered", cited, text, answer.dropped, answer.replaced, answer.fell_back is not None
    )


def summed_up(
    asked: Sequence[Asked], passages: int, ingest_s: float, took_ms: Sequence[float], engine: Engine = Engine.OFFLINE
) -> KnowledgeFigures:
    """The figures of what was asked; pure."""
    assisted = engine is Engine.ASSISTED
    answerable = [one for one in asked if one.question.gold]
    rankings = [one.ranking for one in answerable]
    return KnowledgeFigures(
        hit_1=figures.share([ranking.hit(1) for ranking in rankings]),
        hit_5=figures.share([ranking.hit(5) for ranking in rankings]),
        mrr=figures.mean([ranking.reciprocal for ranking in rankings]),
        ndcg_10=figures.mean([ranking.ndcg(10) for ranking in rankings]),
        answered=figures.share([one.answered for one in answerable]),
        abstained_correctly=figures.share([not one.answered for one in asked if not one.question.gold]),
        cited=figures.share([not one.cited.isdisjoint(one.question.gold) for one in answerable if one.answered]),
        must_contain=figures.share([contains(one.text, one.question.must_contain) for one in asked if one.question.must_contain]),
        passages=passages,
        ingest_passages_per_s=passages / ingest_s if ingest_s > 0 else None,
        p50_ms=figures.percentile(took_ms, 50),
        p95_ms=figures.percentile(took_ms, 95),
        fell_back=figures.share([one.fell_back for one in asked]) if assisted else None,
        dropped=sum(one.dropped for one in asked) if assisted else None,
        replaced=sum(one.replaced for one in asked) if assisted else None,
    )


def contains(text: str, wanted: Collection[str]) -> bool:
    """Whether all of it stands in the text, whatever the case, the spacing and the Markdown."""
    said = _bare(text)
    return all(_bare(one) in said for one in wanted)


def _bare(text: str) -> str:
    return " ".join(plain(text).casefold().split())
