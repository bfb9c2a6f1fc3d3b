"""Words and sentences: the small linguistics that retrieval and answering share; pure, English first."""

import re
from functools import lru_cache
from itertools import chain

# No pattern may look ahead without bound from every place it could start at: texts of megabytes are uploaded.
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?(?:\s+\"[^\"\n]{0,500}\")?\)")
_TAG_NAMES = """
abbr address article aside audio bdi bdo big blockquote body br button canvas caption center cite code col colgroup dd del details dfn
div dl dt em embed fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html iframe img input ins kbd label legend
li link main mark menu meta nav noscript ol optgroup option picture pre progress rp rt ruby samp script section select small source span
strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time tr track tt ul var video wbr
"""
_TAG_LETTERS = "abipqsu"


def _tags() -> re.Pattern[str]:
    """What HTML itself knows, in one case throughout: <Ctrl> is a key, <your-name> a place to fill in, and "a <b and c> d" no markup."""
    names = "|".join(name for spelt in (_TAG_NAMES, _TAG_NAMES.upper()) for name in spelt.split())
    letters = f"[{_TAG_LETTERS}{_TAG_LETTERS.upper()}]"
    closing, opening = rf"/(?:{names}|{letters})\s{{0,9}}", rf"(?:{names})(?:[\s/][^<>]{{0,500}})?"
    return re.compile(rf"(?<!\\)<(?:{closing}|{opening}|{letters}(?:\s[^<>=]{{0,200}}=[^<>]{{0,500}})?\s{{0,9}}/?)>")


_TAG = _tags()
_ADDRESS = re.compile(r"(?<!\\)<([a-zA-Z][a-zA-Z0-9+.\-]{1,31}:[^<>\s]{1,2000}|[^<>\s@]{1,64}@[^<>\s@]{1,255})>")
_EMPHASIS = re.compile(r"(?<!\\)(?:\*\*|__|~~|(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])|(?<!\w)_(?=\S)|(?<=\S)_(?!\w)|`+)")
_LINE_MARK = re.compile(r"^[ \t]{0,20}(?:#{1,6}[ \t]+|[-*+][ \t]+|\d{1,3}[.)][ \t]+|>[ \t]?)", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]{0,3}\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$\n?", re.MULTILINE)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENDING_IN_BRACKETS = re.compile(r"(?<=[^\W_])\(([^\W_]{1,2})\)")
_WORD = re.compile(r"[^\W_]+(?:['’.\-/&@:][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[*_]*[A-Z0-9ÄÖÜÉÀ])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|no|nr|mr|mrs|ms|dr|st|inc|ltd|fig|cf)|\b[A-Z])\.$", re.IGNORECASE)
_LONGEST_ABBREVIATION = 8

_STOP_WORDS = """
a able about above after again all also am an and answer any anybody anyone anything are aren't as ask at be because been before being
below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each either else etc even
ever every exact few find first for from further get gets getting give given go goes going got had hadn't has hasn't have haven't having
he hello help her here hers hey hi him his how however i i'd i'll i'm i've if in into is isn't it it's its itself just kindly know let
let's like lot make many may maybe me might mine more most much must my myself need needs no nor not now of off ok okay on once one only
or other our ours out over own please provide put question same say says see shall she should so some somebody someone something specify
still such take tell than thank thanks that that's the their theirs them then there these they they're thing things this those through
to too under until up upon us use used using very want wants was wasn't way we were what what's when where whether which while who whom
whose why will with within without won't would wouldn't yes yet you you'd you'll you're you've your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


_SYNONYMS = """
pto vacation holiday leave
died dies death passed deceased bereavement funeral
grandmother grandfather grandparent grandma grandpa aunt uncle relative
mother father parent mum mom dad
wife husband spouse partner
kid kids child children
gym fitness sport
subsidy stipend allowance benefit budget
reimburse reimbursed expense expenses refund
chatgpt copilot gemini ai
broken defective damaged repair repaired
disconnect disconnecting disconnects drops dropping
quit resign resigning leaving
salary pay wage paid
computer laptop notebook macbook
phone mobile smartphone
ill illness sick sickness
wifi wi-fi wlan
bike bicycle
bus train tram subway transport
buy purchase order
fix mend repair
"""


def plain(markdown: str) -> str:
    """Markdown without its marks, as one would read it aloud; line breaks become spaces."""
    # Every search reads its passages so, and most have few marks: to look for one is quicker than to look for its pattern.
    text = _TABLE_RULE.sub("", markdown) if "--" in markdown else markdown
    text = _LINK.sub(r"\1", text) if "](" in text else text
    text = _TAG.sub(" ", _ADDRESS.sub(r"\1", text)) if "<" in text else text
    text = _LINE_MARK.sub("", text)
    text = _EMPHASIS.sub("", text) if any(mark in text for mark in "*_~`") else text
    text = _ESCAPE.sub(r"\1", text) if "\\" in text else text
    return " ".join(text.replace("|", " ").split())


def encodable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON and a command line may bring in and no encoder or database takes."""
    return _SURROGATE.sub("\ufffd", text)


def words(text: str) -> list[str]:
    """The words of plain text in lower case; "sign-on", "8:00" and "j.doe@acme" stay one word, "401(k)" and "day(s)" too."""
    whole = _ENDING_IN_BRACKETS.sub(r"\1", text) if "(" in text else text
    found = [word.lower() for word in _WORD.findall(whole)]
    return [word.replace("’", "'") for word in found] if "’" in whole else found


def content_terms(text: str) -> list[str]:
    """The stems of a text's words that carry meaning, each once, in order."""
    return list(dict.fromkeys(term for word in words(text) if word not in STOP_WORDS for term in terms_of(word)))


def terms(text: str) -> frozenset[str]:
    """All stems of a text, joined words whole and in their parts, to look `content_terms` up in."""
    return frozenset(chain.from_iterable(map(_terms_in, words(text))))


@lru_cache(maxsize=50_000)
def _terms_in(word: str) -> tuple[str, ...]:
    return (*terms_of(word), stem(word))


def terms_of(word: str) -> list[str]:
    """The stems of a word's parts: "follow-up" is "follow" and "up", "employee's" is "employe"."""
    return [stem(part) for part in re.split(r"['.\-/&@:]", word) if len(part) > 1 or part.isdigit()]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A light stem: plurals and the commonest verb endings go. Errs on the side of leaving a word as it is."""
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending, replacement, least in (
        ("ational", "ate", 4),
        ("ations", "at", 3),
        ("ation", "at", 3),
        ("ments", "", 4),
        ("ment", "", 4),
        ("ies", "y", 2),
        ("sses", "ss", 2),
        ("ings", "", 3),
        ("ing", "", 3),
        ("ied", "y", 2),
        ("ed", "", 3),
        ("es", "", 3),
        ("ers", "", 4),
        ("er", "", 4),
        ("ly", "", 4),
        ("s", "", 3),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith(("ss", "us", "is")):
            word = word[: -len(ending)] + replacement
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word[-1] in "e" else word


def alike(term: str) -> frozenset[str]:
    """The stems that mean what this one means at work, itself among them."""
    return _ALIKE.get(term, frozenset({term}))


def sentences(text: str) -> list[str]:
    """Cuts running text into sentences; abbreviations and decimals do not end one."""
    found: list[list[str]] = []
    for part in _SENTENCE_END.split(text.strip()):
        if found and _ABBREVIATION.search(found[-1][-1][-_LONGEST_ABBREVIATION:]):
            found[-1].append(part)
        elif part.strip():
            found.append([part.strip()])
    return [" ".join(parts) for parts in found]


def word_count(text: str) -> int:
    return len(text.split())


def _groups() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _SYNONYMS.strip().split("\n"):
        group = frozenset(stem(word) for word in line.split())
        for term in group:
            found[term] = found.get(term, frozenset()) | group
    return found


_ALIKE = _groups()
KINDS_OF_ANSWER = frozenset(
    map(stem, ("amount", "limit", "maximum", "minimum", "number", "total", "policy", "rule", "rules", "process", "details", "information"))
)
"""Stems of words that say what kind of answer is wanted, not what it is about."""
