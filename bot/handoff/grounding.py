"""Whether what a model says of numbered lines stands in them. No model, and pure: figures, addresses, cases and names must be there
letter by letter, and of the other words enough must be.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from knowledge.languages import language_of, languages

ENOUGH = 0.4
"""Share of an item's words that must stand in the lines, each by how it begins."""
BEGINNING = 4
"""Letters of a word that are compared, so that it may be bent."""
_WORD = re.compile(r"[^\W\d_]+")
_EXACT = re.compile(r"https?://\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[^\W\d_]+-\d+\b|\w*\d[\w.,:/-]*")
_LATER = re.compile(r"(?<=[\w,;:)\"'] )[^\W\d_]{2,}(?!\w)")
"""A word that begins no sentence: with a capital it is a name."""
_OWN = frozenset(("employee", "employees", "staff", "assistant", "earlier"))
"""Words for those who take part."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """One line. `source`: whose it is, as the model is told; `by`: who did or said it, and `at` when, where that is told by a line."""

    source: str
    by: str
    text: str
    at: datetime | None = None


def cited(numbers: Iterable[int], lines: Mapping[int, Numbered]) -> tuple[Numbered, ...]:
    """The lines of these numbers; none when one of them is no line's."""
    asked = [*numbers]
    return tuple(lines[n] for n in dict.fromkeys(asked)) if asked and all(n in lines for n in asked) else ()


def supported(text: str, lines: Iterable[Numbered]) -> bool:
    """Whether these lines say this."""
    said = " ".join(one.text for one in lines)
    source = said.casefold()
    if not source or not text.strip() or _tells_of_done(text) > _tells_of_done(said):
        return False
    exact = [found.rstrip(".,:;!?)/-").casefold() for found in _EXACT.findall(text)]
    if not all(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", source) for one in exact):
        return False
    there = {word[:BEGINNING] for word in _WORD.findall(source)}
    names = [word for word in _LATER.findall(text) if word[0].isupper() and word.casefold() not in _OWN]
    if not all(name.casefold()[:BEGINNING] in there for name in names):
        return False
    words = [word for word in _WORD.findall(text.casefold()) if len(word) >= BEGINNING and word not in _OWN]
    if not words:
        return bool(exact)
    return sum(word[:BEGINNING] in there for word in words) >= ENOUGH * len(words)


def _tells_of_done(text: str) -> bool:
    """Whether it says that something has been done: a claim that a line must make, too, however like the words are."""
    spoken = languages()
    return spoken[language_of(text) or "en"].tells_of_done(text)
