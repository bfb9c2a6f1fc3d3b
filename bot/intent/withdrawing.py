"""What takes a wish back, and which kind of request is talked about. Pure.

Words that withdraw win over everything they name: "I changed my mind about the day off on Monday" names a day off, and
must never book one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from bot.intent import acts
from bot.intent.matching import matcher
from bot.intent.slots import Extraction, SlotContext, extract
from bot.intent.text import plain
from specialists.skill import SkillSpec

UNSENT = ("gathering", "confirming")
"""States of a request that nobody has seen yet but the employee."""


@dataclass(frozen=True, slots=True)
class Topic:
    """The kind of request that words are about, and what they say of it. `skill` None: they name none."""

    skill: str | None = None
    said: Extraction = field(default_factory=Extraction)


def topic_of(text: str, specs: Mapping[str, SkillSpec], context: SlotContext) -> Topic:
    """By the things that are named, else by the words for a kind of request, else by a day."""
    names = matcher(context.catalogue)
    kinds = {slot.type: spec for spec in reversed(list(specs.values())) for slot in spec.slots}
    spec: SkillSpec | None = None
    if any(mention.by_name for mention in names.applications.find(text)):
        spec = kinds.get("application")
    elif names.hardware.find(text):
        spec = kinds.get("hardware")
    if spec is None:
        spec = next((specs[skill] for skill, words in _topics() if skill in specs and words.search(text)), None)
    if spec is None and (dated := kinds.get("date")) is not None and extract(dated, text, context).found:
        spec = dated
    return Topic() if spec is None else Topic(spec.name, extract(spec, text, context))


def bare_topic(text: str, specs: Mapping[str, SkillSpec], context: SlotContext) -> str | None:
    """The skill that an application's name or a word for a kind of request names when it stands alone."""
    said = plain(text)
    if len(said.split()) > _FEW_WORDS:
        return None
    mentions = matcher(context.catalogue).applications.find(said)
    alone = len(mentions) == 1 and mentions[0].by_name and mentions[0].first == 0 and mentions[0].last == len(said)
    return topic_of(said, specs, context).skill if alone or said in acts.load("words.yaml", "en")["bare"] else None


def takes_back(text: str) -> bool:
    """Whether it may withdraw something, before looking at what."""
    return any(form.search(text.strip()) for form in (_RETRACTS, _CHANGED, _UNDO, _TAKE, _CANCEL, _UNWANTED))


def withdrawal(text: str, topic: Topic) -> Literal["cancel", "undo"] | None:
    """Whether the text takes a wish back; None for questions about doing so, and for what is none of ours."""
    stripped = text.strip()
    if acts.how_to(stripped) or acts.asks_about(stripped) or _NOT_OURS.search(stripped):
        return None
    if retracts(stripped) or _CHANGED.search(stripped):
        return "cancel"
    ours = topic.skill is not None or _REQUEST.search(stripped) is not None or acts.case_in(stripped) is not None
    if not ours:
        return None
    if _UNDO.match(stripped) or (_TAKE.match(stripped) and not _LOCK.search(stripped)):
        return "undo"
    if _CANCEL.match(stripped):
        return "cancel"
    return "cancel" if _UNWANTED.search(stripped) and not stripped.endswith("?") and not _RATHER.search(stripped) else None


def retracts(text: str) -> bool:
    """It says a wish and takes it back in the same breath."""
    return bool(_RETRACTS.search(text.strip()))


@lru_cache(maxsize=1)
def _topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    words = acts.load("words.yaml", "en")["topics"]
    return tuple((skill, re.compile(rf"\b(?:{'|'.join(map(re.escape, named))})\b", re.IGNORECASE)) for skill, named in words.items())


_FEW_WORDS = 3
_POLITE = (
    r"^(?:(?:please|pls|just|so|and|then|can (?:you|i|we)|could (?:you|i|we)|would you|i'd like (?:you )?to|i would like (?:you )?to"
    r"|i (?:want|need|have) (?:you )?to|i wish to|let's)[\s,]+)*"
)
_CANCEL = re.compile(
    _POLITE + r"(?:(?:cancel|withdraw|call off|scrap|abort|forget about)\b|(?:drop|stop)\b.*\b(?:requests?|orders?|foy\b))", re.IGNORECASE
)
_UNDO = re.compile(_POLITE + r"(?:undo|revert|reverse|roll back|unbook)\b", re.IGNORECASE)
_TAKE = re.compile(
    _POLITE + r"(?:(?:revoke|remove|take away|take back|give back|give up|hand back)\b.*\bmy\b"
    r"|(?:give|hand) (?:back )?(?:my|the)\b.*\bback\b|give back (?:my|the)\b|revoke the\b|(?:remove|take) me (?:from|off|out of)\b)",
    re.IGNORECASE,
)
_UNWANTED = re.compile(
    r"\b(?:do not|don't|dont|does not|doesn't|no longer|not)\s+(?:really |actually )?(?:need|want|wish|require)\b"
    r"(?! (?:to (?:lose|wait|talk|speak|know|share|change)|(?:any |your |the )?(?:help|approval|person|human))\b)"
    r"|^(?:please |so |just )*(?:do not|don't|dont|never) (?:reset|unlock|grant|give|order|book|request|send|submit|buy|schedule)\b",
    re.IGNORECASE,
)
_CHANGED = re.compile(r"\bchanged my mind\b|^never ?mind (?:about )?(?:my|the|that)\b", re.IGNORECASE)
_RATHER = re.compile(r"\b(?:just|only|but|instead|rather)\b", re.IGNORECASE)
"""Something else is wanted in its place."""
_RETRACTS = re.compile(
    r"\S[\s,.;:!-]+(?:(?:but |oh |well |hmm |wait,? )*(?:actually|on second thoughts?)[\s,]+(?:no|not|don't|dont)(?: (?:thanks|please))?"
    r"|(?:oh |wait |no |actually )*(?:never ?mind|nvm|scratch that|forget (?:it|that|about it)|cancel (?:that|it)))[\s.!]*$",
    re.IGNORECASE,
)
_REQUEST = re.compile(r"\b(?:requests?|orders?|bookings?|everything|all (?:of (?:it|them|that))|them all|tickets?)\b", re.IGNORECASE)
_LOCK = re.compile(r"\b(?:un)?b?lock", re.IGNORECASE)
_NOT_OURS = re.compile(
    r"\b(?:meetings?|calls?|appointments?|calendar|flights?|hotels?|tables?|taxi|invit\w+|subscriptions?|memberships?|newsletter)\b",
    re.IGNORECASE,
)
