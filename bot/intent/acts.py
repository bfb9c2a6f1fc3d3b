"""What an utterance says about the conversation itself: yes, no, never mind, a person please, hello; and the form of a question. Pure.

Short closed phrases are looked up, from `acts.yaml` and, of other languages, `phrases.yaml`; longer ones are the classifier's,
which is trained on its examples.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.intent.text import Courtesies, plain
from connectors.ports.data_files import read_yaml

FOLDER = Path(__file__).parent

CLOSED = ("yes", "no", "cancel", "undo", "human", "greeting", "thanks", "help", "who", "solved", "unsolved")
"""Acts with phrases. solved and unsolved count only as the answer to "did this solve it?"."""


@dataclass(frozen=True, slots=True)
class ActWords:
    """The words of one locale."""

    phrases: Mapping[str, str]
    """Phrase -> act; a phrase that answers "solved?" and nothing else is kept under solved or unsolved."""
    examples: Mapping[str, tuple[str, ...]]
    courtesies: Courtesies

    def act_of(self, text: str) -> str | None:
        """The closed act that the whole utterance is, courtesies aside; None if it is none. A question agrees to nothing: "sure?"."""
        for candidate in (text, self.courtesies.strip(text)):
            act = self.phrases.get(plain(candidate))
            if act is not None:
                return None if act in _AGREES and self._asks(text) else act
        return None

    def leading(self, text: str) -> str | None:
        """yes or no when the utterance begins with it: "yes but for 60 days", "nein danke, lieber nicht"."""
        match = _LEADING.match(plain(text))
        if match is not None:
            return ("yes" if not self._asks(text) else None) if match["yes"] else "no"
        return "no" if _LEADING_ELSEWHERE.match(text.strip()) else None

    def _asks(self, text: str) -> bool:
        return any(_ASKS.search(candidate) is not None for candidate in (text, self.courtesies.strip(text)))


@lru_cache(maxsize=8)
def act_words(locale: str = "en") -> ActWords:
    """Read once. Raises ValueError when a phrase stands under two acts."""
    data = load("acts.yaml", locale)
    phrases: dict[str, str] = {}
    for act in CLOSED:
        for phrase in data["phrases"][act]:
            key = plain(phrase)
            if phrases.setdefault(key, act) != act:
                raise ValueError(f"acts.yaml: {phrase!r} is both {phrases[key]} and {act}")
    for other in _of_languages().values():
        for act, said in other["phrases"].items():
            for phrase in said:
                if phrases.setdefault(plain(phrase), act) != act:
                    raise ValueError(f"phrases.yaml: {phrase!r} is both {phrases[plain(phrase)]} and {act}")
    examples = {act: tuple(lines) for act, lines in data["examples"].items()}
    return ActWords(phrases, examples, Courtesies(data["openers"], data["closers"]))


def load(name: str, locale: str) -> Mapping[str, Any]:
    """One locale of a data file beside this module, English when it has none."""
    data = read(name)
    found: Mapping[str, Any] = data.get(locale.split("-")[0]) or data["en"]
    return found


def read(name: str) -> Mapping[str, Any]:
    """A data file beside this module."""
    found: Mapping[str, Any] = read_yaml(FOLDER / name)
    return found


@lru_cache(maxsize=1)
def _of_languages() -> Mapping[str, Any]:
    return read("phrases.yaml")


def says_no(text: str, language: str) -> bool | None:
    """Whether words of a language speak of something that is not wanted; None for a language whose words are not known."""
    if language == "en":
        return bool(_NOT.search(text))
    words = _of_languages().get(language)
    return None if words is None else not frozenset(_WORDS.findall(text.lower())).isdisjoint(words["negations"])


def case_in(text: str) -> str | None:
    """A case number that is named ("FOY-12", "foy 12"), as people quote it."""
    match = _CASE.search(text)
    return f"FOY-{int(match[1])}" if match else None


def how_to(text: str) -> str | None:
    """What "how do I ..." asks about, as a wish ("reset my password"); None when it has not that form."""
    match = _HOW_TO.match(text.strip())
    return match["wish"].strip(" ?.!") or None if match else None


def asks_about(text: str) -> bool:
    """It asks for a reason or a rule, or about nobody in particular: "why did my account get locked?", "when is one locked?"."""
    stripped = text.strip()
    return bool(_WHY.match(stripped) or (_ABOUT.match(stripped) and not _SELF.search(stripped)))


def asks_whether(text: str) -> bool:
    """It asks whether one may: "can I cancel my vacation?"."""
    return bool(re.match(r"(?:can|could|may) (?:i|we)\b", text.strip(), re.IGNORECASE))


def asks_which(text: str) -> bool:
    """While something is asked for: what may it be, or why is it asked?"""
    return bool(_WHICH.match(text.strip()))


def group_of(text: str) -> str | None:
    """The assignment group that is named: "somebody from payroll"."""
    words: Mapping[str, Sequence[str]] = load("words.yaml", "en")["groups"]
    said = f" {' '.join(_WORDS.findall(text.lower()))} "
    if re.search(r"\bIT\b", text):
        return "it-support"
    return next((group for group, names in words.items() if any(f" {name} " in said for name in names)), None)


def asks_what_was_done(text: str) -> bool:
    """It asks what somebody did about a trouble: "what did Sam do?"."""
    return bool(_WHAT_WAS_DONE.match(text.strip()))


def asks_where(text: str) -> bool:
    """It asks where something stays: "where is my access to Figma?"."""
    return bool(re.match(r"(?:so |and |but )?where(?:'s| is| are) my\b", text.strip(), re.IGNORECASE))


def tells(text: str) -> bool:
    """It tells what happened rather than asks for something: "I typed it wrong three times"."""
    return bool(_TELLS.match(text.strip())) and not is_request(text)


def is_question(text: str) -> bool:
    """It ends in a question mark or begins like a question."""
    return text.rstrip().rstrip("\"')").endswith("?") or bool(_QUESTION.match(text.strip()))


def is_request(text: str) -> bool:
    """It asks for something to be done, politely or not."""
    return bool(_REQUEST.match(text.strip()))


def leans(text: str) -> bool:
    """It makes sense only after the question before: "and in Germany?", "what about sick leave?", "how long does that take?"."""
    words = text.split()
    leaning = _LEANING.match(text.strip()) or _BARE.fullmatch(text.strip()) or (is_question(text) and _POINTING.search(text))
    return len(words) <= 8 and bool(leaning)


def negated(text: str) -> bool:
    """It says that something is not wanted, or that it is to be taken back."""
    return bool(_NEGATED.search(text.strip()))


def everything(text: str) -> bool:
    """All that is open is meant, rather than one thing."""
    return bool(_EVERYTHING.search(text))


def urgent(text: str) -> bool:
    return bool(_URGENT.search(text))


def ordinal(text: str, count: int) -> int | None:
    """Which of `count` things is meant by "the second one", "2", "the last": its index."""
    words = plain(text)
    for index, names in enumerate(_ORDINALS[:count]):
        if re.fullmatch(rf"(?:the |option |number |no |#)?(?:{names})(?: one| option| choice)?", words):
            return index
    return count - 1 if count and re.fullmatch(r"(?:the )?last(?: one)?", words) else None


_ORDINALS: Sequence[str] = ("1|1st|one|first|a", "2|2nd|two|second|b", "3|3rd|three|third|c", "4|4th|four|fourth|d", "5|5th|five|fifth|e")
_LEADING = re.compile(
    r"(?:(?P<yes>yes|yeah|yep|yup|sure|ok|okay|correct|right|exactly)"
    r"|(?P<no>no|nope|nah|wrong|not quite|not exactly))\b(?! idea| clue| problem)"
)
_LEADING_ELSEWHERE = re.compile(
    r"(?:(?:nein|nö|nee|neen)\b(?!-)|(?:non|não|nao)\b(?=\s*[,.;:!]|\s+(?:merci|grazie|obrigad[oa]|s'il)\b))", re.IGNORECASE
)
"""In other languages. "Ja" is not here: what comes after it may change what it agrees to; nor a bare "non", which is also "not"."""
_AGREES = ("yes", "solved")
_ASKS = re.compile(r"[?？؟][^\w?？؟]*$")
_CASE = re.compile(r"\bfoy[-\s#]?(\d{1,9})\b", re.IGNORECASE)
_HOW_TO = re.compile(
    r"(?:(?:can|could|would) you (?:please )?(?:tell|show|explain to) me |do you know |i (?:want|would like|'d like|need) to know "
    r"|(?:please )?tell me |i (?:don't|do not) know )?"
    r"(?:how (?:do|can|could|would|should|might|shall|to|does one|can one) (?:i |we |you |one )?(?:go about |get to )?"
    r"|what do i (?:have to |need to )?do to |what's the (?:best |right )?way to |what is the (?:best |right |proper )?way to "
    r"|where (?:do|can|could|should) (?:i|we) (?:go to )?|(?:who|whom) (?:do|should|can) i (?:ask|contact) (?:for|to) "
    r"|what is the process (?:for|to) )"
    r"(?P<wish>.+)",
    re.IGNORECASE | re.DOTALL,
)
_WHY = re.compile(r"(?:why (?!don't|not\b|can't|cant)|what happens|who (?:can|may|is)\b)", re.IGNORECASE)
_ABOUT = re.compile(r"(?:after |until |by |for |at )?(?:what|how|when|where|who|which|is|are|does|do|did)\b(?! you\b)", re.IGNORECASE)
_SELF = re.compile(r"\b(?:i|i'm|i've|i'd|me|my|mine|we|our|us)\b", re.IGNORECASE)
_TELLS = re.compile(r"(?:now |so |then )?(?:i|i'm|im|i've|it|it's|my|we|the|he|she|they)\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"(?:what|what's|whats|how|when|where|why|who|whose|whom|which|is|are|am|was|were|do|does|did|can|could|may|should|shall|will|would|has|have|had|any|"
    r"tell me|explain|i wonder|i was wondering|i'd like to know|i want to know|do you know|question about|information (?:on|about))\b(?!')",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:(?:can|could|would|will) you|please|i need|i want|i'd like|i would like|i wish to|we need|get me|give me|send me|let me|help me|"
    r"can i (?:get|have)|could i (?:get|have))\b(?! to know)(?!,? (?:please )?(?:tell|explain))",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"(?:and|what about|how about|and what about|also|same for|what if|and if|and for|or|but what|even|also for)\b", re.IGNORECASE
)
_BARE = re.compile(
    r"(?:(?:until|since|from|for|by|after|with|in|to|at) )?(?:when|what|who|whom|where|why|which|how(?: (?:much|many|long|often))?)"
    r"(?: (?:ones?|exactly|then|else|so|not))?\s*[?.!]*",
    re.IGNORECASE,
)
_POINTING = re.compile(r"\b(?:that|it|this|those|these|they|them|there|then)\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:do not|don't|dont|does not|doesn't|didn't|no longer|not) (?:need|want|wish|require)(?:ed)?\b(?! to (?:lose|wait))"
    r"|\b(?:please |just )?(?:do not|don't|dont|never) (?:reset|unlock|grant|give|order|book|request|send|change|add|buy|schedule)\b"
    r"|^(?:please |pls |(?:can|could|would) you (?:please )?|i (?:want|need|would like) to |i'd like to )?"
    r"(?:cancel|revoke|remove(?!.{0,20}\b(?:un)?(?:b?lock))|withdraw|delete"
    r"|take away|take back|return|give back|close|deactivate|disable)\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:no|not|never|neither|nor|without|cannot|can't|none|nothing|\w+n't)\b", re.IGNORECASE)
_WHICH = re.compile(
    r"(?:(?:what|which|who)(?: (?:are|is|do|can|could|should|would))?(?: \w+){0,4} "
    r"(?:choose(?: from)?|pick(?: from)?|there|available|possible|allowed|exist)"
    r"|(?:and )?(?:what|which)(?: (?:other|kind of|kinds of|sort of))? ?"
    r"(?:one|ones|roles?|options?|choices?|values?|items?)?(?: are there| exist)?"
    r"|what (?:are|is) (?:my |the )?(?:options?|choices?|roles?|possibilities)"
    r"|(?:show|list|tell) (?:me )?(?:the |all |my )*(?:options?|choices?|roles?|list)"
    r"|(?:but |and )?why(?: (?:do|are|does|would|should|must|is|i|you)\b.{0,24}"
    r"\b(?:know|ask|asking|need|want|matter|this|that|it))?|what for|what do you mean)[\s?.!]*$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[\w']+")
_WHAT_WAS_DONE = re.compile(
    r"(?:so |and )?what (?:did|has|have) (?!i\b|we\b)(?:the |my )?\w+(?: \w+)? (?:do|done)(?: (?:about|with|for|on|so far)\b.*)?[\s?.!]*$",
    re.IGNORECASE,
)
_EVERYTHING = re.compile(r"\b(?:everything|all (?:of (?:it|them|that)|my|open)|them all|both)\b", re.IGNORECASE)
_URGENT = re.compile(
    r"\b(?:urgent(?:ly)?|asap|immediately|right now|right away|emergency|as soon as possible|in \d+ min(?:ute)?s?|top priority)\b",
    re.IGNORECASE,
)
