"""A library of any size made of real sentences, for measurements that must not depend on files from elsewhere.

The sentences are Python's own documentation, the descriptions of the installed packages and the starter articles: tens of
thousands of words with the frequencies of natural text. Passages recombine neighbouring ones, each with a few words that
nothing else has, as names and numbers are. A few thousand vectors are real; the others are mixed of them.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pydoc_data import topics

import numpy as np

from knowledge.embedding.port import Encoder, Vectors, normalised
from knowledge.starter import DIRECTORY
from knowledge.text import plain, sentences, word_count

_LETTERS = 0.85
"""Share of a sentence that is letters and spaces; the rest is tables and code."""
_MIXED = (1.0, 0.5, 0.3)
"""Shares of the real vectors that another one is mixed of, as a passage speaks of several matters."""
_SPREAD = 0.2
"""Length of what is added that has no direction."""
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")


@dataclass(frozen=True)
class Passages:
    texts: Sequence[str]
    vectors: Vectors


@cache
def real_sentences() -> tuple[str, ...]:
    """In the order of their sources, each once."""
    installed = sorted(metadata.distributions(), key=lambda one: str(one.name))
    sources = [*topics.topics.values(), *(path.read_text(encoding="utf-8") for path in sorted(DIRECTORY.glob("*.md")))]
    sources += [one.read_text("METADATA") or "" for one in installed]
    found: dict[str, None] = {}
    for source in sources:
        for paragraph in re.split(r"\n\s*\n", source):
            for sentence in sentences(plain(" ".join(paragraph.split()))):
                letters = sum(letter.isalpha() or letter == " " for letter in sentence)
                if 6 <= word_count(sentence) <= 40 and letters >= _LETTERS * len(sentence):
                    found[sentence] = None
    return tuple(found)


def passages(count: int, seed: int) -> list[str]:
    """Texts of some 80 words, all different."""
    chance, known = random.Random(seed), real_sentences()
    made = []
    for _ in range(count):
        parts: list[str] = []
        while sum(map(word_count, parts)) < chance.randint(50, 90):
            start = chance.randrange(len(known))
            parts += known[start : start + chance.randint(1, 3)]
        names = " ".join("".join(chance.choices(_SYLLABLES, k=4)) for _ in range(2))
        made.append(f"{' '.join(parts)} This is about {names} {chance.randrange(100_000)}.")
    return made


async def library(encoder: Encoder, count: int, real: int, seed: int = 11) -> Passages:
    """`count` passages, of which `real` have been encoded."""
    texts = passages(count, seed)
    encoded = await encoder.encode(texts[:real])
    noise = np.random.default_rng(seed)
    vectors = np.empty((count, encoder.dimension), dtype=np.float32)
    vectors[: len(encoded)] = encoded
    for start in range(len(encoded), count, 10_000):
        part = slice(start, min(start + 10_000, count))
        shape = (part.stop - part.start, encoder.dimension)
        mixed = _SPREAD * normalised(noise.normal(size=shape))
        for share in _MIXED:
            mixed += share * encoded[noise.integers(len(encoded), size=shape[0])]
        vectors[part] = normalised(mixed)
    return Passages(texts, vectors)


def questions(texts: Sequence[str], count: int, seed: int = 7) -> list[str]:
    return [question for question, _ in pairs(texts, count, seed)]


def pairs(texts: Sequence[str], count: int, seed: int = 7) -> list[tuple[str, int]]:
    """Questions and the place of the passage that each is made of: 4 to 14 words in a row, behind a question's beginning."""
    chance = random.Random(seed)
    begins = ("how do I know that", "what does it mean that", "where can I read that", "who decides if", "is it right that", "why")
    made = []
    for _ in range(count):
        place = chance.randrange(len(texts))
        words = texts[place].split()
        start = chance.randrange(max(1, len(words) - 14))
        made.append((f"{chance.choice(begins)} {' '.join(words[start : start + chance.randint(4, 14)])}?", place))
    return made
