"""How passages are ordered; pure.

The weights were tuned on a company's knowledge base of 111 articles with 440 questions and on 125 how-to answers with 720
paraphrases. Equal weights for words and vectors cost half of what they gain there. A pairwise re-ranker, trained on one of them and
tried on the other, was no better than these two terms: not with the article's second passage, its best sentence, the rarity of the
words that it has, their pairs, or its headings; nor were chunks of 40 to 80 words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from knowledge.embedding.port import Vector
from knowledge.model import Audience, Chunk, Passage
from knowledge.sameness import are_copies, differ
from knowledge.text import KINDS_OF_ANSWER, alike, content_terms, plain, terms

LEXICAL_WEIGHT = 0.07
"""Of the text search's score, normalised to 1 for the best hit. 0.05 to 0.1 measure alike; 0.2 loses 2 points."""
SPECIFIC_BONUS = 0.03
"""For an article that is not for everyone: among near scores the one for this person's country comes first."""
HELPFUL_WEIGHT = 0.03
"""Of what people thought of the article: as much as a clear difference in words, so that it decides among near scores only."""
SAME_TEXT = 0.97
"""Of chunks this similar one is shown if they say the same, word by word: vectors hardly see a "not" or another number."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a search brought up. `lexical` is its normalised text score, 0 if only its vector was near. `helpful` is what
    people thought of its article, -1..1 and 0 while nobody said."""

    chunk: Chunk
    title: str
    source: str
    audience: Audience
    updated_at: datetime
    vector: Vector
    title_vector: Vector
    lexical: float
    helpful: float = 0.0


def rank(question: str, vector: Vector, candidates: Sequence[Candidate], limit: int) -> list[Passage]:
    """The best passages, best first. Of passages that say the same one is shown, where the best of them stands.

    An article's title counts as one more chunk of it: where it is nearer to the question than every chunk, all of them
    rise by the difference. That alone was worth 1.5 points of first hits.
    """
    if not candidates:
        return []
    vectors = np.array([candidate.vector for candidate in candidates])
    # Without BLAS, which would share these small products with a thread that may have to wait for a core.
    near = np.einsum("ij,j->i", vectors, vector)
    titles = np.einsum("ij,j->i", np.array([candidate.title_vector for candidate in candidates]), vector)
    best_chunk: dict[str, float] = {}
    for candidate, similarity in zip(candidates, near, strict=True):
        article = candidate.chunk.article_id
        best_chunk[article] = max(best_chunk.get(article, -1.0), float(similarity))
    scores = [
        float(near[place])
        + max(0.0, float(titles[place]) - best_chunk[candidate.chunk.article_id])
        + LEXICAL_WEIGHT * candidate.lexical
        + (SPECIFIC_BONUS if candidate.audience else 0.0)
        + HELPFUL_WEIGHT * min(max(candidate.helpful, -1.0), 1.0)
        for place, candidate in enumerate(candidates)
    ]
    asked = content_terms(question)
    kept: list[int] = []
    shown: list[int] = []
    for place in sorted(range(len(candidates)), key=lambda place: (-scores[place], candidates[place].chunk.id)):
        alike_texts = np.flatnonzero(np.einsum("ij,j->i", vectors[kept], vectors[place]) >= SAME_TEXT)
        twins = (int(at) for at in alike_texts if _says_the_same(candidates[place], candidates[kept[at]], asked))
        twin = next(twins, None)
        if twin is not None:
            shown[twin] = _preferred(candidates, shown[twin], place)
        elif len(kept) < limit:
            kept.append(place)
            shown.append(place)
    best = candidates[kept[0]].vector if kept else vector
    nearest = np.maximum(near, titles)
    return [
        _passage(candidates[place], asked, scores[first], float(nearest[place]), best) for first, place in zip(kept, shown, strict=True)
    ]


def coverage(asked: Sequence[str], text: str) -> float:
    """Share of the asked terms that occur in the text, themselves or in another word; 1 when nothing of content was asked.

    "Amount" or "policy" say what kind of answer is wanted, which an article has no need to repeat.
    """
    topic = [term for term in asked if term not in KINDS_OF_ANSWER] or asked
    if not topic:
        return 1.0
    there = terms(text)
    return sum(not there.isdisjoint(alike(term)) for term in topic) / len(topic)


def _preferred(candidates: Sequence[Candidate], shown: int, twin: int) -> int:
    """Of two that say the same, the one to show: of the same article the better, else the more specific, else the newer."""
    one, other = candidates[shown], candidates[twin]
    if one.chunk.article_id == other.chunk.article_id:
        return shown
    return twin if (bool(other.audience), other.updated_at) > (bool(one.audience), one.updated_at) else shown


def _says_the_same(one: Candidate, other: Candidate, asked: Sequence[str]) -> bool:
    headings = (f"{one.title} {one.chunk.section}", f"{other.title} {other.chunk.section}")
    return not differ(*headings, asked) and are_copies(one.chunk.text, other.chunk.text)


def _passage(candidate: Candidate, asked: Sequence[str], score: float, similarity: float, best: Vector) -> Passage:
    chunk = candidate.chunk
    read = " ".join((plain(candidate.title), plain(chunk.section), plain(chunk.text)))
    return Passage(
        chunk=chunk,
        title=candidate.title,
        source=candidate.source,
        audience=candidate.audience,
        updated_at=candidate.updated_at,
        score=score,
        similarity=similarity,
        coverage=coverage(asked, read),
        likeness=float(candidate.vector @ best),
    )
