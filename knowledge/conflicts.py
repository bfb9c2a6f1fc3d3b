"""Which of two articles holds when they say different things of the same matter; pure.

Vectors and words cannot tell them apart: two versions of a rule differ in a figure. So a sentence is held against the others that are
worded like it, and what another article says with other figures is outdone by the one for fewer people, else by the newer one.
"""

from collections.abc import Sequence

from knowledge.facts import facts_in
from knowledge.languages import Language
from knowledge.model import Passage
from knowledge.quoting import units
from knowledge.sameness import differ
from knowledge.text import content_terms

_SAME_MATTER = 0.8
"""Share of their words, figures apart, that two sentences have in common when they are about the same."""
_FEWEST = 3


def outdone(quote: str, passage: Passage, others: Sequence[Passage], asked: Sequence[str], language: Language) -> bool:
    """Whether another passage says the same as this quote with other figures, and holds instead. `asked`: the question's terms."""
    mine = _words(quote, language)
    if len(mine) < _FEWEST:
        return False
    return any(
        _goes_before(other, passage)
        and not differ(_headings(other), _headings(passage), asked)
        and _says_otherwise(quote, mine, other, language)
        for other in others
    )


def _goes_before(other: Passage, passage: Passage) -> bool:
    if other.chunk.article_id == passage.chunk.article_id:
        return False
    return (bool(other.audience), other.updated_at) > (bool(passage.audience), passage.updated_at)


def _says_otherwise(quote: str, mine: frozenset[str], other: Passage, language: Language) -> bool:
    figures = facts_in(quote, language)
    for unit in units(other.chunk.text):
        theirs = _words(unit.reading, language)
        if len(mine & theirs) < _SAME_MATTER * len(mine | theirs):
            continue
        said = facts_in(unit.reading, language)
        if figures.lacks(said) and said.lacks(figures):
            return True
    return False


def _words(text: str, language: Language) -> frozenset[str]:
    figures = language.numbers
    return frozenset(term for term in content_terms(text) if term not in figures and not any(map(str.isdigit, term)))


def _headings(passage: Passage) -> str:
    return f"{passage.title} {passage.chunk.section}"
