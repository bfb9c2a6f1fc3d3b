"""Which countries a text speaks of; pure. English names, as the rest of the offline engine, unless another language is given."""

import re
from collections.abc import Mapping
from functools import lru_cache

from babel import Locale

from knowledge.text import words

_CAPITALS = re.compile(r"\b(?:US|USA|UK|UAE)\b|\bU\.[SK]\.")
_ABBREVIATIONS = {"US": "us", "USA": "us", "U.S.": "us", "UK": "gb", "U.K.": "gb", "UAE": "ae"}
_OTHER_NAMES = {
    "great britain": "gb",
    "britain": "gb",
    "england": "gb",
    "america": "us",
    "holland": "nl",
    "german": "de",
    "american": "us",
    "british": "gb",
    "french": "fr",
    "indian": "in",
    "spanish": "es",
    "dutch": "nl",
    "italian": "it",
}
_OFTEN_SOMETHING_ELSE = frozenset({"chad", "georgia", "guinea", "jersey", "jordan", "mali", "turkey", "world"})


def countries_in(text: str, language: str = "en") -> frozenset[str]:
    """ISO 3166 codes, in lower case, of the countries that a text in this language names."""
    names = _names(language)
    spoken = words(text)
    spans = (" ".join(spoken[start : start + size]) for size in (1, 2, 3) for start in range(len(spoken) - size + 1))
    return frozenset({names[span] for span in spans if span in names} | {_ABBREVIATIONS[name] for name in _CAPITALS.findall(text)})


@lru_cache
def _names(language: str) -> Mapping[str, str]:
    territories = {name.lower(): code.lower() for code, name in Locale(language).territories.items() if len(code) == 2 and code.isalpha()}
    others = _OTHER_NAMES if language == "en" else {}
    return {name: code for name, code in {**territories, **others}.items() if name not in _OFTEN_SOMETHING_ELSE}
