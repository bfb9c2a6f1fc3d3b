"""Whether a sentence says what a passage says: the check on a composed answer, which is no model; pure.

A sentence stands on the units of an article that its quote stands in. Who shows these instead of the sentence says nothing that the
article does not; so whatever cannot be shown to say the same is taken for wrong, and it costs no more than the wording.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Literal

from knowledge.facts import SPANS, Facts, facts_in
from knowledge.languages import Language, language_of, languages
from knowledge.places import countries_in
from knowledge.quoting import Unit, units
from knowledge.text import plain, word_count, words
from knowledge.wording import telling

Fault = Literal[
    # Such a sentence is a lie or an attack: nothing is shown of it, nor of what it stands on.
    "not_quoted",  # its quote does not stand in the passage, or is too short to mean anything
    "addressed",  # it, or what it stands on, speaks to an assistant, not to a reader
    "markup",  # it shows an image, a link of its own or marks that hide or strike out
    "letters",  # letters that look like others, or that nobody sees
    "secret",  # it, or what it stands on, tells somebody to say a password or code
    # Such a one may be true: what it stands on serves instead.
    "empty",  # says nothing, or too much for one sentence
    "language",  # is in one that nobody asked in, or that cannot be checked
    "worded",  # in the article's language: leaves out, adds, turns round or words otherwise
    # As far as a translation can be compared.
    "address",  # an e-mail address, URL, host or handle that the article's words have not
    "code",  # a token that they have not
    "figure",  # a number, date, time or amount of one that the other has not, or in another order
    "name",  # a name or country that they have not
    "negation",  # says no where they do not, or the reverse
    "done",  # says that something has been done
    "more",  # is more sentences
    "limit",  # leaves out "if", leaves out or adds "only" or "except", "at least" or "at most"
    "flipped",  # before for after, more for less
    "topic",  # speaks of something else
    "length",  # is much longer or shorter
]
HARD = frozenset(("not_quoted", "addressed", "markup", "letters", "secret"))
"""Faults that nothing is shown of."""

ARTICLES = "en"
"""The language of a passage that does not tell."""
_LONGEST = 600
_QUOTE_WORDS = 3
_SHORTER, _LONGER, _SLACK = 0.4, 2.2, 25
"""How much shorter or longer than its source a translation may be, and by how many characters more: short ones vary."""
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_COMMENT = re.compile(r"<!--.{0,5000}?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]{0,500}\](?:\([^)]{0,2000}\)|\[[^\]]{0,100}\])?")
_QUOTES = str.maketrans({**dict.fromkeys("“”„«»″", '"'), **dict.fromkeys("‘’‚´`′", "'"), **dict.fromkeys("‐‑‒–—−", "-"), "…": "..."})
_USUAL_SIGNS = frozenset("“”„«»″‘’‚´′‐‑‒–—−…•·°€£¥₹§½¼¾²³×→±ºª¿¡™®©\u00a0\u202f")
_MARKUP = re.compile(
    r"!\[|\]\s?\[|^\s*\[[^\]]{1,100}\]:|<\s?[a-zA-Z!/@#]|~~|\|\||==|^\s*(?:#|>|\|)"
    r"|&(?:#\w{1,8}|[a-zA-Z]{2,31});|\\(?=[^\w\s])"
)
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
_COUNTED = re.compile(r"\d[\d.,]*\s+[^\W\d_]+$")
"""A number and its unit, after which German names what is counted: "5 Tage Urlaub"."""
_OPENING = frozenset(".!?:;\"'“„«(-–*")
"""What stands before a first word."""
_POLITE = frozenset(
    {"sie", "ihr", "ihre", "ihren", "ihrem", "ihrer", "ihnen", "lei", "suo", "sua", "suoi", "usted", "ustedes", "vous", "u", "uw"}
)
_FACING = (("at_least", "at_most"), ("before", "after"), ("more", "less"), ("from", "until"))
_BOUNDS = frozenset(("at_least", "at_most"))
_FIGURES = ("number ", "date ", "time ", "money ", "phone ", "percent", "half")
"""Readings that a translation must not leave out."""
_SAYS_NO = re.compile(r"^(?:no|nein|non|não|nee)\s?[,.:;!]\s*", re.I)
_YES = re.compile(r"^(?:yes|ja|oui|sí|sì|si|sim)\s?[,.:;!]\s*", re.I)
_ENDED = re.compile(r"[^\W\d_]{2}[.!?][\"'”»)]?\s+[\"'“«(]?[A-ZÀ-ÖØ-Þ]")
"""The end of a sentence after which another begins."""
_MARKS, _QUOTED_LINE = re.compile(r"[*_~`\\]"), re.compile(r"(?<!\S)>+(?!\S)")


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


def evidence(quote: str, passage: str) -> tuple[Unit, ...]:
    """The units of a passage that a quote stands in word by word; none when it does not, or means nothing: it takes three words, or all of
    a unit. A question is no evidence, nor is a heading alone."""
    bare = same(quote).strip(" .,;:!?\"'")
    if not bare:
        return ()
    low = ""
    spans: list[tuple[Unit, int, int]] = []
    for unit in units(readable(passage)):
        begins = len(low)
        if spans and unit.kind == "row" and unit.block == spans[-1][0].block:
            head = ""
        else:
            head = unit.lead if unit.kind == "row" else unit.heading if not spans or unit.heading != spans[-1][0].heading else ""
        low += " ".join(part for part in (same(head), same(unit.text)) if part) + " "
        spans.append((unit, begins, len(low)))
    found = re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", low)
    if found is None:
        return ()
    there = tuple(unit for unit, begins, ends in spans if begins < found.end() and found.start() < ends)
    if word_count(bare) < _QUOTE_WORDS and not any(same(unit.text).strip(" .,;:!?\"'") == bare for unit in there):
        return ()
    return tuple(unit for unit in there if not plain(unit.text).endswith("?"))


def shown(unit: Unit, language: Language) -> str:
    """A unit as it is shown in an answer: the article's own words, with what they need to be understood."""
    if unit.kind == "row":
        return unit.reading
    text = _IMAGE.sub("", unit.text)
    if unit.kind == "code":
        return text
    text = tidy(text)
    return f"{plain(unit.lead)} {text}" if _decides(unit.lead, language) else text


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


def fault(text: str, found: Sequence[Unit], passage: str, *, asked: str | None = None, heading: str = "") -> Fault | None:
    """Why a sentence is not shown as it is; None when it says what these units of the passage say.

    `text` is a tidy sentence, `found` what it stands on, `passage` the Markdown of both, `heading` what that stands under. `asked` is
    the question's language: only in that one may a sentence be a translation, which can be compared less well.
    """
    passage = readable(passage)
    source = written_in(passage)
    told = told_in(text, source, asked)
    if hard := _hard(text, found, passage, {source, told or source}):
        return hard
    if not words(text) or len(text) > _LONGEST:
        return "empty"
    if told is None:
        return "language"
    if told is source:
        return None if _says_the_same(text, found, source) else "worded"
    own = " ".join(unit.reading for unit in found)
    return _facts_amiss(text, own, f"{heading}. {own}", passage, told, source) or _turned(text, own, told, source)


def _hard(text: str, found: Sequence[Unit], passage: str, spoken: Collection[Language]) -> Fault | None:
    if not found:
        return "not_quoted"
    own = [unit.reading for unit in found]
    if any(_TO_ASSISTANTS.search(same(one)) for one in (text, *own)):
        return "addressed"
    if _is_marked(text, passage):
        return "markup"
    if _is_disguised(text, passage):
        return "letters"
    if any(one.asks_for_a_secret(part) for one in spoken for part in (text, *own)):
        return "secret"
    return None


def _is_marked(text: str, passage: str) -> bool:
    there = {target.rstrip("/").lower() for target in _LINK.findall(passage)}
    return _MARKUP.search(text) is not None or any(not target or target.rstrip("/").lower() not in there for target in _LINK.findall(text))


def _is_disguised(text: str, passage: str) -> bool:
    """Whether it has letters or signs that neither Latin nor its passage has, or a word of two scripts."""
    strange = {sign for sign in text if not sign.isascii() and sign not in _USUAL_SIGNS and not _is_latin(sign)}
    if strange - set(passage):
        return True
    return bool(strange) and any(
        any(map(_is_latin, word)) and not strange.isdisjoint(word) for word in re.findall(r"[^\W\d_]+(?:[.\-][^\W\d_]+)*", text)
    )


def _is_latin(sign: str) -> bool:
    usual = "a" <= sign.lower() <= "z" or "\u00c0" <= sign <= "\u024f" or "\u1e00" <= sign <= "\u1eff"
    return usual and unicodedata.normalize("NFKC", sign) == sign


def _says_the_same(text: str, found: Sequence[Unit], language: Language) -> bool:
    """Whether it has all the words that tell of what it stands on, in their order, and no others."""
    said = telling(text, language)
    whole = sum((telling(unit.reading, language) for unit in found), ())
    own = sum((telling(unit.text, language) for unit in found), ())
    return said == whole or (said == own and not any(_decides(unit.lead, language) for unit in found if unit.kind != "row"))


def _decides(lead: str, language: Language) -> bool:
    """Whether what stands before a list turns or limits what its items say."""
    return bool(language.negations(lead) or language.limits(lead))


def _facts_amiss(text: str, own: str, near: str, passage: str, told: Language, source: Language) -> Fault | None:
    """`own` is what a translation stands on, `near` the same under its heading."""
    said, there, offered = facts_in(text, told), facts_in(near, source), facts_in(own, source)
    if not said.addresses <= facts_in(passage, source).addresses:
        return "address"
    low = same(near)
    if any(re.search(rf"(?<!\w){re.escape(same(code) or code)}s?(?!\w)", low) is None for code in said.codes - there.codes):
        return "code"
    if any(demand.isdisjoint(offered.offered | (there.offered & SPANS)) for demand in said.figures) or _left_out(offered, said):
        return "figure"
    common = set(said.numbers) & set(offered.numbers)
    if [number for number in said.numbers if number in common] != [number for number in offered.numbers if number in common]:
        return "figure"
    if not countries_in(text, told.code) <= countries_in(near, source.code) | countries_in(near, told.code):
        return "name"
    return "name" if _strange_names(text, low, same(passage), told) else None


def _left_out(source: Facts, said: Facts) -> bool:
    """Whether a figure of the source is not in what is said; "one" is often an article, and hours are told without minutes."""
    offered = said.offered | {f"time {number}:00" for number in said.numbers}
    return any(
        demand.isdisjoint(offered) and "number 1" not in demand and any(reading.startswith(_FIGURES) for reading in demand)
        for demand in source.figures
    )


def _strange_names(text: str, near: str, passage: str, told: Language) -> list[str]:
    """Names of a translation that what it stands on has not.

    German writes every noun like a name: there, one that stands elsewhere in the passage is one, and the second of two in a row. The
    first word of a sentence tells nothing.
    """
    found, spoken = [], plain(text)
    for match in _NAME.finditer(spoken):
        low, before = same(match[0]), spoken[: match.start()].rstrip()
        pattern = re.compile(rf"(?<!\w){re.escape(low)}")
        if low in _POLITE or pattern.search(near) or _is_day_or_country(match[0], told):
            continue
        if pattern.search(passage):
            strange = low not in told.words
        elif not before or before[-1] in _OPENING:
            strange = False
        elif told.code == "de":
            previous = before.rsplit(" ", 1)[-1]
            opens = previous == before and _INFLECTED.search(previous) is not None
            small = previous.lower() in _POLITE | told.words or _COUNTED.search(before) is not None
            strange = previous[0].isupper() and previous[-1].isalpha() and not small and not opens
        else:
            strange = True
        if strange:
            found.append(match[0])
    return found


def _is_day_or_country(name: str, told: Language) -> bool:
    """These are compared by what they mean."""
    return bool(countries_in(name, told.code)) or any(
        reading.startswith(("weekday", "month")) for reading in facts_in(f"in {name}", told).offered
    )


def _turned(text: str, own: str, told: Language, source: Language) -> Fault | None:
    """Whether a translation says something else than its source, as far as closed lists of words tell."""
    bare = _YES.sub("", plain(text))
    if (denied := _SAYS_NO.match(bare)) and not _SAYS_NO.match(own):
        bare = bare[denied.end() :]
        if not told.negations(bare):
            return "negation"
    if told.negations(bare) != source.negations(own):
        return "negation"
    if told.tells_of_done(bare) and not source.tells_of_done(own):
        return "done"
    if len(_ENDED.findall(bare)) > len(_ENDED.findall(own)):
        return "more"
    if told.limits(bare) != source.limits(own) or (source.is_conditional(own) and not told.is_conditional(bare)):
        return "limit"
    mine, theirs = told.sides(bare), source.sides(own)
    if any(one in mine and one not in theirs and other in theirs for pair in _FACING for one, other in (pair, pair[::-1])):
        return "flipped"
    if mine & _BOUNDS != theirs & _BOUNDS:
        return "limit"
    if told.topics(bare) - source.topics(own):
        return "topic"
    return None if _SHORTER * len(own) - _SLACK <= len(bare) <= _LONGER * len(own) + _SLACK else "length"
