"""What was written, made ready for understanding: cleaned, the person's own words apart from quoted ones, cut into parts. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from connectors.ports.data_files import read_yaml

MAX_CHARS = 4000
"""A longer utterance is not read beyond this."""
MAX_PARTS = 8

Oddity = Literal["empty", "only_symbols", "too_long"]


@dataclass(frozen=True, slots=True)
class Reading:
    """`own`: the person's own words. `quoted`: what they quoted or forwarded, which is data and wishes nothing."""

    own: str
    quoted: str


def oddity(text: str) -> Oddity | None:
    """Why there is nothing to understand, None if there is."""
    if len(text) > MAX_CHARS:
        return "too_long"
    cleaned = clean(text)
    if not cleaned:
        return "empty"
    return None if any(character.isalnum() for character in cleaned) else "only_symbols"


def clean(text: str) -> str:
    """At most MAX_CHARS characters without control and invisible ones; spaces are single, line breaks stay."""
    kept = []
    for character in unicodedata.normalize("NFC", text[:MAX_CHARS]):
        category = unicodedata.category(character)
        if character in "\n\t" or category.startswith("Z"):
            kept.append("\n" if character in "\n\u2028\u2029" else " ")
        elif category == "Cc":
            kept.append("\n" if character == "\r" else " ")
        elif category[0] != "C":
            kept.append(_STRAIGHT.get(character, character))
    lines = (" ".join(line.split()) for line in "".join(kept).split("\n"))
    return "\n".join(line for line in lines if line)


def read(text: str) -> Reading:
    """Separates own words from lines that begin with ">" and from everything after a forwarding or mail header."""
    own: list[str] = []
    quoted: list[str] = []
    below = False
    for line in clean(text).split("\n"):
        below = below or bool(_FORWARDED.search(line))
        (quoted if below or line.startswith((">", "&gt;")) else own).append(line)
    return Reading("\n".join(own), "\n".join(line.lstrip("> ") for line in quoted))


def plain(text: str) -> str:
    """Lower case without punctuation at the ends and without commas: how whole phrases are compared."""
    lowered = text.lower().strip()
    if any(character.isalnum() for character in lowered):
        lowered = lowered.strip(" .,!?;:-~*_()\"'")
    return " ".join(_INNER.sub(" ", lowered).split())


class Courtesies:
    """Greetings and politeness around what is meant; taken off before anything else looks at the words."""

    def __init__(self, openers: Sequence[str], closers: Sequence[str]) -> None:
        opening = "|".join(re.escape(word) for word in sorted(openers, key=len, reverse=True))
        closing = "|".join(re.escape(word) for word in sorted(closers, key=len, reverse=True))
        self._opening = re.compile(rf"^(?:@\S+\s+)?(?:(?:{opening})(?:\s*[,.!;:\n…-]+\s*|$)|(?:{_LIGHT})\s+(?=\w))", re.IGNORECASE)
        self._salutation = re.compile(
            r"^(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\s+[A-Z]\w+\s*(?:[,!.:]|\n)\s*", re.IGNORECASE
        )
        self._closing = re.compile(rf"(?:[\s,.!;:…-]+|(?<=\?)\s*)(?:{closing})\s*[.!…]*$", re.IGNORECASE)

    def strip(self, text: str) -> str:
        """The core of an utterance; the text itself when it is nothing but courtesies."""
        core = text.strip()
        while True:
            shorter = self._opening.sub("", self._salutation.sub("", core, count=1))
            shorter = self._closing.sub("", shorter).strip()
            if not any(character.isalnum() for character in shorter):
                return core
            if shorter == core:
                return core
            core = shorter


def parts(text: str) -> list[tuple[str, bool]]:
    """Clauses that may be wishes of their own, at most MAX_PARTS, each with whether it begins anew: a sentence, or "also"."""
    found: list[tuple[str, bool]] = []
    for sentence in _SENTENCE.split(text):
        anew, place = True, 0
        for joint in (*_CONJUNCTION.finditer(sentence), None):
            clause = sentence[place : joint.start() if joint else None].strip(" ,")
            bare = _LINK.sub("", clause)
            if any(character.isalnum() for character in bare) and plain(bare) not in _LINKS:
                found.append((bare if found else clause, anew or bare != clause))
                anew = False
            if joint is not None:
                anew, place = anew or bool(_ALSO.search(joint[0])), joint.end()
    return [*found[: MAX_PARTS - 1], (" ".join(part for part, _ in found[MAX_PARTS - 1 :]), True)] if len(found) > MAX_PARTS else found


def language(text: str) -> str:
    """A crude guess by script and stop words: "en" when nothing speaks against it."""
    letters = [character for character in text if character.isalpha()]
    for character in letters:
        if character > "\u02ff":
            script = unicodedata.name(character, "").split(" ")[0]
            if script in _SCRIPTS and sum(unicodedata.name(one, "").startswith(script) for one in letters) * 3 > len(letters):
                return _SCRIPTS[script]
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits = {code: sum(word in stop for word in words) for code, stop in _stop_words().items()}
    best = max(hits, key=lambda code: (hits[code], code == "en"))
    return best if hits[best] > hits["en"] and hits[best] >= min(2, len(words)) else "en"


@lru_cache(maxsize=1)
def _stop_words() -> Mapping[str, frozenset[str]]:
    data = read_yaml(Path(__file__).with_name("languages.yaml"))
    return {code: frozenset(words.split()) for code, words in data.items()}


_STRAIGHT = {"’": "'", "‘": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‑": "-"}
_FORWARDED = re.compile(
    r"forwarded message|original message|begin forwarded|weitergeleitete nachricht|^from:\s|^von:\s|^on .{5,80} wrote:$", re.IGNORECASE
)
_INNER = re.compile(r"[,;!?\"]|\.(?!\w)")
_LIGHT = "hi|hello|hey|hiya|hallo|please|pls|plz|so|ok|okay|oh|um|uh|btw"
_SENTENCE = re.compile(r"(?<=[!?;])\s+|(?<=[^\W\d_]{2}\.)\s+|\n+")
_ALSO = re.compile(r"\b(?:also|plus|then|as well as)\b", re.IGNORECASE)
_LINK = re.compile(r"^(?:(?:oh )?(?:and|also|then|plus)\b[\s,]*)+(?=\w)", re.IGNORECASE)
_LINKS = frozenset({"also", "and", "then", "plus", "oh", "so", "ok", "okay", "but", "and also", "and then"})
_CONJUNCTION = re.compile(
    r",?\s+(?:and also|and then|and|also|plus|as well as|but also|but|oh and|& also)\s+(?=\S+\s+\S)"
    r"|,\s+(?=(?:also|then|can|could|please|what|how|when|who|i|my|is"
    r"|request|order|book|reset|unlock|give|get|grant|check|tell|show|cancel|add)\b)",
    re.IGNORECASE,
)
_SCRIPTS = {
    "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru", "ARABIC": "ar", "HEBREW": "he",
    "DEVANAGARI": "hi", "GREEK": "el", "THAI": "th", "TAMIL": "ta", "BENGALI": "bn", "ARMENIAN": "hy", "GEORGIAN": "ka",
}  # fmt: skip
