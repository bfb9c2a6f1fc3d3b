"""The words of a sentence that tell, in their order: two that have the same ones say the same; pure.

What stands beside what is meaning: "approves up to 1,000; above that" turned round has the same words. So nothing is left out of a
sentence but what never tells, and nothing is evened out but spellings of the same.
"""

import re
from collections.abc import Mapping

from knowledge.facts import one_spelling
from knowledge.languages import Language
from knowledge.text import plain, stem, words

_QUOTES = str.maketrans({**dict.fromkeys("“”„«»″", '"'), **dict.fromkeys("‘’‚´`′", "'"), **dict.fromkeys("‐‑‒–—−", "-"), "…": "..."})
_SIGNS = (
    (re.compile(r"([€£$])\s?(\d[\d.,]*\d|\d)"), r"\2 \1"),
    (re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b"), r"nth\1"),
    (re.compile(r"(?<=\d)(?=[%€£$])"), " "),
)
_MONEY: Mapping[str, str] = {"$": " dollars ", "€": " euros ", "£": " pounds ", "%": " percent "}
_GROUPED = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?![\w])")
_CLOCK = re.compile(r"(?<![\w.:])(\d{1,2})(?::([0-5]\d))?\s?([ap])\.?\s?m\b\.?")
_ENGLISH = tuple(
    (re.compile(rf"(?<![\w])(?:{spelt})(?![\w])"), f" {same} ")
    for spelt, same in (
        (r"can't|cannot|can not|mustn't|must not|may not", "cannot"),
        (r"at most|at maximum|a maximum of|maximum of|no more than|not more than|up to", "atmost"),
        (r"at least|a minimum of|no less than|not less than", "atleast"),
        (r"or (?:more|longer|above)", "ormore"),
        (r"more than|longer than|older than|over|above", "above"),
        (r"fewer than|less than|under|below", "below"),
        (r"need not|needn't|(?:do|does) not (?:have|need) to", "neednot"),
        (r"has to|have to|must", "must"),
        (r"may|(?:is|are) allowed to", "can"),
        (r"gets?|has|have|receives?|(?:is|are) entitled to", "have"),
        (r"(?:all )?employees|everybody|everyone|(?:as an )?employee|you", "you"),
        (r"someone", "somebody"),
        (r"everyone else", "everybody else"),
        (r"two times", "twice"),
    )
)
_SURE = re.compile(r"^(?:yes|no),\s+")
"""What answers a question before the sentence does; a sentence that says no says so again."""
_WITHOUT = "a an the is are be been being your our us of per that please also will it's its"
_IDLE = frozenset(_WITHOUT.split())
"""English words without which a sentence says the same."""


def telling(text: str, language: Language) -> tuple[str, ...]:
    """What a sentence says, word by word; a question says nothing that an answer says."""
    low = plain(text).translate(_QUOTES).casefold()
    asks = low.rstrip(" \"')").endswith("?")
    low = _GROUPED.sub(lambda match: one_spelling(match[0]), _CLOCK.sub(_on_the_clock, low))
    for pattern, same in _SIGNS:
        low = pattern.sub(same, low)
    for sign, name in _MONEY.items():
        low = low.replace(sign, name)
    idle: frozenset[str] = frozenset()
    if language.code == "en":
        idle = _IDLE
        agreed = _SURE.match(low)
        if agreed and not (agreed[0].startswith("no") and not language.negations(low[agreed.end() :])):
            low = low[agreed.end() :]
        for pattern, same in _ENGLISH:
            low = pattern.sub(same, low)
    found = (_figure(word, language) or stem(word) for word in words(low) if word not in idle)
    return (*found, *("?" * asks))


def _figure(word: str, language: Language) -> str | None:
    if word in language.numbers:
        return str(language.numbers[word])
    return f"nth{language.ordinals[word]}" if word in language.ordinals else None


def _on_the_clock(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[3] == "p" else 0)
    return f"{hour}:{match[2] or '00'}"
