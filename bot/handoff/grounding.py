"""Whether what a model says of numbered lines stands in them. No model, and pure: figures, addresses, cases and names must be there
letter by letter, of the other words enough must be, and it says no where they do.
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
_SENTENCE = re.compile(r"[.!?;](?=\s|$)|\n")
_BUT = {"en": "but", "de": "aber", "fr": "mais", "es": "pero", "it": "ma|però", "pt": "mas", "nl": "maar"}
"""What comes after this is no more denied by what came before."""
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


def agrees(text: str, lines: Iterable[Numbered]) -> bool:
    """Whether it says no where these lines do, and only there: each of its sentences and all of theirs that are about as much the same.

    What stands in a sentence that says no is believed only with its "no": which of the words are denied, nothing here can tell.
    """
    theirs = [part for one in lines for part in _parts(one.text)]
    return all(_as_denied(part, theirs) for part in _parts(text))


def _as_denied(part: str, theirs: Iterable[str]) -> bool:
    words, denied = _stems(part), _denies(part)
    if not words:
        return not denied
    shared = {other: len(words & _stems(other)) for other in theirs}
    most = max(shared.values(), default=0)
    if most == 0:
        return not denied
    near = [other for other, count in shared.items() if count == most or 2 * count >= len(words)]
    return all(_denies(other) == denied or (not denied and _is_only_named(part, other)) for other in near)


def _is_only_named(part: str, other: str) -> bool:
    """ "ThinkPad X1", of "My ThinkPad X1 does not start": names and figures, and the "no" comes after them."""
    at = other.find(part)
    named = all(word[:1].isupper() or any(map(str.isdigit, word)) for word in part.split())
    return named and at > 0 and not _denies(other[:at])


def _parts(text: str) -> list[str]:
    """Its sentences, and what comes before a "but" apart from what comes after."""
    but = _BUT.get(language_of(text) or "")
    found = (part for sentence in _SENTENCE.split(text) for part in (re.split(rf"(?i)\b(?:{but})\b", sentence) if but else [sentence]))
    return [part.strip() for part in found if part.strip()]


def _stems(text: str) -> set[str]:
    return {word[:BEGINNING] for word in _WORD.findall(text.casefold()) if len(word) >= BEGINNING and word not in _OWN}


def _denies(text: str) -> bool:
    """Whether it says no, in its language or, where that can't be told, in any."""
    code = language_of(text)
    return any(one.negations(text) for one in ([languages()[code]] if code is not None else languages().values()))


def _tells_of_done(text: str) -> bool:
    """Whether it says that something has been done: a claim that a line must make, too, however like the words are."""
    spoken = languages()
    return spoken[language_of(text) or "en"].tells_of_done(text)
