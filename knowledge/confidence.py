"""How sure it is that what was found covers a question, and from where on it is answered; pure."""

import math
from collections.abc import Sequence

from knowledge.model import Passage

ANSWER_AT = 0.5
"""Confidence from which a question counts as covered. It answers 90 to 97 % of the questions that the articles below cover; 78 %
where the same articles were given titles that say nothing."""
_WEIGHT_SIMILARITY, _WEIGHT_COVERAGE, _WEIGHT_MARGIN, _OFFSET = 10.8, 2.7, 14.6, -9.0
"""A logistic regression with an L2 penalty over 8,000 questions on five knowledge bases, a company's, how-to answers, four
policies, a handbook and the starter articles: 2,700 that are covered, 1,600 whose own article was taken away, 3,700 about other
organisations, as many covered as not by weight (calibration error 0.015 then; 0.03 where six in ten are covered). Of those without
their article 72 to 84 % are not answered, of the foreign ones 92 to 100 %. With a base left out of the fit these move by 2 points,
but only 86 % of the questions on the policies are answered. The rarity of the uncovered words, numbers, names, pairs of words,
agreement of words and vectors, and what each word of a question adds to the nearness were tried and told nothing more. It was
fitted when the words of the first passage alone counted."""
_SENTENCE_BEHIND = 0.05
"""How much a single sentence counts less than a passage or a title: it is near many questions by accident."""
_MAX_MARGIN = 0.15
_AS_GOOD = 0.08
"""A passage that is read and scores so little less than the first may be the one that answers: its words count as well."""
_SAME_MATTER = 0.85
"""Passages this near to the best one say the same: two versions of a policy, not two policies."""


def confidence_of(read: Sequence[Passage], sentence: float, passages: Sequence[Passage]) -> float:
    """How likely these passages cover the question, 0..1. `read`: those whose sentences were read, not empty; `sentence`: the
    nearest sentence's cosine; `passages`: all that were found.

    Three things tell: how near the nearest passage, title or sentence is; how many of the question's words the first
    passage has, or one as good; by how much it leads over other articles, since what is on no topic is equally far from all.
    """
    article = read[0].chunk.article_id
    first = next((passage for passage in passages if passage.chunk.article_id == article), read[0])
    nearest = max(first.similarity, *(passage.similarity for passage in read), sentence - _SENTENCE_BEHIND)
    same = {first.chunk.article_id, *(passage.chunk.article_id for passage in passages if passage.likeness >= _SAME_MATTER)}
    others = [passage.score for passage in passages if passage.chunk.article_id not in same]
    margin = min(max(first.score - max(others, default=0.0), 0.0), _MAX_MARGIN)
    covered = max(first.coverage, *(passage.coverage for passage in read if passage.score >= first.score - _AS_GOOD), 0.0)
    odds = _WEIGHT_SIMILARITY * nearest + _WEIGHT_COVERAGE * covered + _WEIGHT_MARGIN * margin + _OFFSET
    return 1 / (1 + math.exp(-odds))
