"""Whether a sentence says what a passage says: the check on a composed answer, which is no model; pure.

A sentence is believed for one reason only: words that stand in the passage it names. What it says must be in them: figures, negations
and limits in the very words it quotes; names, addresses and codes anywhere in the passage. What cannot be shown is taken for unsupported;
the price of that is an answer by the offline engine.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from knowledge.facts import SPANS, facts_in
from knowledge.languages import Language, language_of, languages
from knowledge.places import countries_in
from knowledge.quoting import units
from knowledge.text import STOP_WORDS, alike, content_terms, plain, terms, word_count, words

Fault = Literal[
    "empty",  # says nothing, or too much for one sentence
    "not_quoted",  # its quote does not stand in the passage, or is too short to mean anything
    "addressed",  # its quote speaks to an assistant, not to a reader
    "link",  # shows an image, a link of its own or markup
    "secret",  # tells somebody to say a password or code in the chat
    "address",  # an e-mail address, URL, host or handle that the passage has not
    "code",  # a token that the passage has not
    "figure",  # a number, date, time or amount that the quote has not
    "name",  # a name or country that the passage has not
    "negation",  # says no where the quote does not, or the reverse
    "done",  # says that something has been done, which the quote does not
    "more",  # is more sentences than its quote
    "limit",  # leaves out or adds "only" or "except", "at least" or "at most"
    "flipped",  # at least for at most, before for after, must for may
    "length",  # a translation much longer or shorter than its quote
    "uncovered",  # words of content that neither the quote nor the passage has
    "unlike",  # means something else than its quote, by their vectors
]

NEAR = 0.45
"""Cosine that a sentence in the passage's language must have with its quote."""
ARTICLES = "en"
"""The language of a passage that does not tell."""
_LONGEST = 600
_QUOTE_WORDS = 3
_ENDED = re.compile(r"[^\W\d_]{2}[.!?][\"'”»)]?\s+[\"'“«(]?[A-ZÀ-ÖØ-Þ]")
"""The end of a sentence after which another begins."""
_IN_PASSAGE, _IN_QUOTE, _IN_A_ROW = 0.8, 0.4, 2
"""Shares of a sentence's words of content that must be in its passage, and in its quote; so many in a row that the passage has not are a
thing of its own ("free of charge"), where single ones are other words for the same."""
_SHORTER, _LONGER, _SLACK = 0.4, 2.2, 25
"""How much shorter or longer than its quote a translation may be, and by how many characters more: short ones vary."""
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
_COMMENT = re.compile(r"<!--.{0,5000}?-->", re.DOTALL)
_QUOTES = str.maketrans({**dict.fromkeys("“”„«»″", '"'), **dict.fromkeys("‘’‚´`′", "'"), **dict.fromkeys("‐‑‒–—−", "-"), "…": "..."})
_IMAGE_OR_REFERENCE = re.compile(r"!\[|\]\s?\[|^\s*\[[^\]]{1,100}\]:|<\s?[a-zA-Z!/@#]", re.MULTILINE)
_LINK = re.compile(r"\]\(\s*<?([^()\s>]*)")
_MARKER = re.compile(r"\s*\[\d{1,2}\]")
_STEP_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+")
_BOTS = r"(?:ai|assistants?|chat ?bots?|bots?|language models?|llms?|agents?)"
_TO_ASSISTANTS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruction|prompt|rule|message|guideline|context)s?\b"
    r"|\bsystem prompt\b|\byou are (?:now )?(?:an? )?(?:ai|assistant|chat ?bot|language model|dan)\b"
    rf"|\b(?:note|message|instructions?|attention) (?:to|for) (?:the |any |all |an )?{_BOTS}\b"
    rf"|\b{_BOTS} (?:reading|processing|that reads?|summari[sz]ing) this\b"
    r"|\b(?:ignor|negeer)\w*\b.{0,40}\b(?:anweisungen|instructions|consignes|instrucciones|istruzioni|instruções|instructies)\b",
    re.I,
)
_NAME = re.compile(r"(?<![\w'’@#/.-])[A-ZÄÖÜÉÀÈÇÑÓÍÁÚ][^\W\d_]+(?:['’-][^\W\d_]+)*")
_INFLECTED = re.compile(r"(?:e[nmrs]?|t)$")
"""How an adjective or a verb ends that begins a German sentence before a noun."""
_OPENING = frozenset(".!?:;\"'“„«(-–*")
"""What stands before a first word."""
_POLITE = frozenset(
    {"sie", "ihr", "ihre", "ihren", "ihrem", "ihrer", "ihnen", "lei", "suo", "sua", "suoi", "usted", "ustedes", "vous", "u", "uw"}
)
_USUAL = """
yes no please employees staff everyone anyone people open click press go ask contact call send use select choose sign enter submit request
report log visit check fill add remove restart connect install bring keep wait tell follow email write note first second then next finally
also afterwards otherwise if when once after before until each every all both most some new full your you
"""
_OPENERS = frozenset(_USUAL.split())
"""Words that may begin a sentence though its passage has them not, and are no names."""
_OBLIGED, _FREE = (
    re.compile(r"\b(?:must|required|mandatory|have to|has to|obliged)\b", re.I),
    re.compile(r"\b(?:may|optional|voluntary)\b", re.I),
)
_BOUNDS = frozenset(("at_least", "at_most"))
_FACING = (("at_least", "at_most"), ("before", "after"), ("more", "less"))
_SAYS_NO = re.compile(r"^(?:no|nein|non|não|nee)\s?[,.:;!]\s*", re.I)
_YES = re.compile(r"^(?:yes|ja|oui|sí|sì|si|sim)\s?[,.:;!]\s*", re.I)


def tidy(text: str) -> str:
    """A model's sentence as it may be shown: on one line, without marks of lists and citations, which are ours to set."""
    bare = _INVISIBLE.sub("", _MARKER.sub("", text))
    return _STEP_MARK.sub("", " ".join(bare.split())).strip()


def readable(markdown: str) -> str:
    """A passage without what its readers do not see."""
    return _INVISIBLE.sub("", _COMMENT.sub(" ", markdown))


def same(text: str) -> str:
    """A text as quotes are compared: without Markdown's marks, and all spacing, quotation marks and cases alike."""
    bare = plain(readable(unicodedata.normalize("NFKC", text))).translate(_QUOTES).casefold()
    return " ".join(_MARKS.sub("", _QUOTED_LINE.sub(" ", bare)).split())


_MARKS, _QUOTED_LINE = re.compile(r"[*_~`\\]"), re.compile(r"(?<!\S)>+(?!\S)")


def stands_in(quote: str, passage: str) -> bool:
    """Whether a quote stands in a passage word by word and means something: three words of it, or a whole line."""
    bare = same(quote).strip(" .,;:!?\"'")
    if not bare or re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", same(passage)) is None:
        return False
    return word_count(bare) >= _QUOTE_WORDS or any(same(line).strip(" .,;:!?\"'") == bare for line in passage.split("\n"))


def written_in(passage: str) -> Language:
    """The language of a passage."""
    return languages()[language_of(passage) or ARTICLES]


def told_in(text: str, source: Language, asked: str | None) -> Language | None:
    """The language of a sentence; None when it is one that nobody asked in, or that cannot be checked.

    What does not tell is held to be of the passage's language, as whatever is asked in that: the stricter check.
    """
    if asked is None or asked == source.code:
        return source
    own = language_of(text)
    if own == source.code:
        return source
    return languages().get(asked)


def fault(text: str, quote: str, passage: str, *, asked: str | None = None, near: float | None = None) -> Fault | None:
    """Why a sentence has no support; None when it has.

    `text` is a tidy sentence, `passage` the Markdown of what it is said to be from, `quote` the words of it. `asked` is the question's
    language: only in that one may a sentence be a translation, which can be compared less well. `near` is the cosine of sentence and
    quote, where somebody knows it.
    """
    passage, quote = readable(passage), readable(quote)
    if not words(text) or len(text) > _LONGEST:
        return "empty"
    if not stands_in(quote, passage):
        return "not_quoted"
    if _TO_ASSISTANTS.search(_around(quote, passage)) or _TO_ASSISTANTS.search(text):
        return "addressed"
    if _shows_more(text, passage):
        return "link"
    source = written_in(passage)
    told = told_in(text, source, asked)
    if told is None:
        return "uncovered"
    if any(one.asks_for_a_secret(text) for one in {told, source}):
        return "secret"
    return (
        _facts_amiss(text, quote, passage, told, source)
        or _turned(text, quote, told, source)
        or (_same_language_amiss(text, quote, passage, told, near) if told is source else _translation_amiss(text, quote))
    )


def _around(quote: str, passage: str) -> str:
    """The whole sentences that a quote stands in, as compared."""
    low, bare = same(passage), same(quote).strip(" .,;:!?\"'")
    start = low.index(bare)
    begins = max(low.rfind(mark, 0, start) for mark in (". ", "! ", "? "))
    ends = re.compile(r"[.!?](?:\s|$)").search(low, start + len(bare))
    return low[begins + 1 : ends.start() if ends else len(low)]


def _shows_more(text: str, passage: str) -> bool:
    if _IMAGE_OR_REFERENCE.search(text) and not (set(_IMAGE_OR_REFERENCE.findall(text)) <= {"<"}):
        return True
    there = {target.rstrip("/").lower() for target in _LINK.findall(passage)}
    return any(not target or target.rstrip("/").lower() not in there for target in _LINK.findall(text))


def _facts_amiss(text: str, quote: str, passage: str, told: Language, source: Language) -> Fault | None:
    said, quoted, there = facts_in(text, told), facts_in(quote, source), facts_in(passage, source)
    if not said.addresses <= there.addresses:
        return "address"
    low = same(passage)
    if any(re.search(rf"(?<!\w){re.escape(same(code) or code)}s?(?!\w)", low) is None for code in said.codes - there.codes):
        return "code"
    # The head of a table says what its figures count; which of its own figures a cell belongs to nobody can see.
    offered = quoted.offered | (facts_in(_with_its_lead(quote, passage), source).offered & SPANS)
    if any(demand.isdisjoint(offered) for demand in said.figures):
        return "figure"
    if not countries_in(text, told.code) <= countries_in(passage, source.code) | countries_in(passage, told.code):
        return "name"
    return "name" if _strange_names(text, low, told, source) else None


def _strange_names(text: str, passage: str, told: Language, source: Language) -> list[str]:
    """Names that the passage, as compared, has not.

    German writes every noun like a name: there, the second of two in a row is one. In a translation the first word of a sentence tells
    nothing; in the passage's language it is a word that the passage has, or a usual one.
    """
    found, spoken = [], plain(text)
    for match in _NAME.finditer(spoken):
        low, before = same(match[0]), spoken[: match.start()].rstrip()
        if low in _POLITE or re.search(rf"(?<!\w){re.escape(low)}", passage) or _is_day_or_country(match[0], told):
            continue
        if not before or before[-1] in _OPENING:
            strange = told is source and not _may_open(low, passage)
        elif told.code == "de":
            previous = before.rsplit(" ", 1)[-1]
            opens = previous == before and _INFLECTED.search(previous) is not None
            small = previous.lower() in _POLITE | told.words
            strange = previous[0].isupper() and previous[-1].isalpha() and not small and not opens
        else:
            strange = True
        if strange:
            found.append(match[0])
    return found


def _may_open(word: str, passage: str) -> bool:
    """Whether a word that begins a sentence is no name: a small word, a usual one, or one that the passage has in another form."""
    if word in STOP_WORDS or word in _OPENERS:
        return True
    there = _terms(passage)
    return any(not there.isdisjoint(alike(term)) for term in content_terms(word))


def _is_day_or_country(name: str, told: Language) -> bool:
    """These are compared by what they mean."""
    return bool(countries_in(name, told.code)) or any(
        reading.startswith(("weekday", "month")) for reading in facts_in(f"in {name}", told).offered
    )


def _turned(text: str, quote: str, told: Language, source: Language) -> Fault | None:
    bare, quoted = _YES.sub("", plain(text)), plain(quote)
    if (denied := _SAYS_NO.match(bare)) and not _SAYS_NO.match(quoted):
        bare = bare[denied.end() :]
        if not told.negations(bare):
            return "negation"
    if told.negations(bare) != source.negations(quoted):
        return "negation"
    if told.tells_of_done(bare) and not source.tells_of_done(quoted):
        return "done"
    if len(_ENDED.findall(bare)) > len(_ENDED.findall(quoted)):
        return "more"
    if told.limits(bare) != source.limits(quoted):
        return "limit"
    mine, theirs = told.sides(bare), source.sides(quoted)
    for one, other in (*_FACING, *((other, one) for one, other in _FACING)):
        if one in mine and one not in theirs and other in theirs:
            return "flipped"
    if mine & _BOUNDS != theirs & _BOUNDS:
        return "limit"
    obliged, free = ([bool(pattern.search(one)) for one in (bare, quoted)] for pattern in (_OBLIGED, _FREE))
    if told is source and not told.negations(bare) and obliged[0] != obliged[1] and obliged == free[::-1]:
        return "flipped"
    return None


def _same_language_amiss(text: str, quote: str, passage: str, told: Language, near: float | None) -> Fault | None:
    # Figures were compared by what they mean.
    asked = [term for term in content_terms(plain(text)) if term not in _small(told) and not any(map(str.isdigit, term))]
    for there, least in ((_terms(plain(passage)), _IN_PASSAGE), (_terms(_with_its_lead(quote, passage)), _IN_QUOTE)):
        there_is = [not there.isdisjoint(alike(term)) for term in asked]
        if sum(there_is) < least * len(asked):
            return "uncovered"
        if least == _IN_PASSAGE and not all(any(there_is[place : place + _IN_A_ROW]) for place in range(len(asked) - _IN_A_ROW + 1)):
            return "uncovered"
    return "unlike" if near is not None and near < NEAR else None


def _with_its_lead(quote: str, passage: str) -> str:
    """A quote with what it needs to be understood: a row's header, a list's introduction."""
    bare = same(quote).strip(" .,;:!?\"'")
    return " ".join((plain(quote), *(plain(unit.lead) for unit in units(passage) if unit.lead and bare in same(unit.text))))


def _translation_amiss(text: str, quote: str) -> Fault | None:
    mine, theirs = len(plain(text)), len(plain(quote))
    return None if _SHORTER * theirs - _SLACK <= mine <= _LONGER * theirs + _SLACK else "length"


@lru_cache(maxsize=500)
def _terms(text: str) -> frozenset[str]:
    return terms(text)


@lru_cache
def _small(language: Language) -> frozenset[str]:
    """Stems of a language's small words, and of its numbers."""
    return frozenset(term for word in (*language.words, *language.numbers) for term in content_terms(word))
