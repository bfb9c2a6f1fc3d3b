"""Whether a question leans on the one before it, and what of that one it is read with; pure."""

import re

from knowledge.text import content_terms, sentences, word_count, words

_FOLLOW_UP = re.compile(
    r"^(?:and|or|but|also|then|so|what about|how about|what if|same for|for|in|with|without)\b|^(?:why|how so)\W*$", re.I
)
_POINTING = frozenset({"it", "that", "this", "those", "these", "them", "they", "one", "ones", "there", "then", "he", "she", "same"})
_SHORT = 3
_LOOKED_AT = 10_000
_CONTEXT = 300
"""Characters of the question before that a follow-up is read with: the encoder reads no more than some 1,000."""


def with_context(question: str, previous: str | None) -> str:
    """The question with the previous one before it when it cannot stand alone, else as it is."""
    if not previous or not previous.strip():
        return question
    own = content_terms(question)
    leans = _FOLLOW_UP.match(question) is not None and len(own) <= 2 * _SHORT
    refers = len(own) < _SHORT and points(question)
    bare = len(own) <= 1 and word_count(question) <= _SHORT
    return f"{previous.strip()} {question}" if leans or refers or bare else question


def in_short(previous: str) -> str:
    """What a question asked: of a long one what ends with a question mark, if anything does, so that a follow-up is not cut off."""
    text = " ".join(previous[:_LOOKED_AT].split())
    if len(text) <= _CONTEXT:
        return text
    asked = " ".join(sentence for sentence in sentences(text) if sentence.endswith("?")) or text
    return asked if len(asked) <= _CONTEXT else asked[:_CONTEXT].rsplit(" ", 1)[0]


def points(question: str) -> bool:
    """Whether a word stands for something that was named before: "how do I request it?"."""
    return not _POINTING.isdisjoint(words(question))
