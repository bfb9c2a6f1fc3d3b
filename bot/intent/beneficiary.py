"""For whom: somebody other than the speaker who is named as the one something is done for.

Only a mention that stands where a beneficiary stands counts: "Omar's password", "the account of Omar", "for my colleague
Lena", "Lena needs access". The speaker's own name and a mere mention ("my manager's approval") do not.
How it is said is data, in `beneficiary.yaml`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import structlog
from rapidfuzz import fuzz

from bot.intent.acts import load
from bot.intent.amounts import CURRENCIES
from bot.intent.model import Beneficiary
from connectors.errors import ConnectorError
from connectors.ports.people import Directory, DirectoryPerson, Person

log = structlog.get_logger()
_ALIKE = 85
"""Of 100: how much of a name a mention must match before somebody is taken to be meant."""


@dataclass(frozen=True, slots=True)
class _Words:
    kin: re.Pattern[str]
    patterns: tuple[tuple[re.Pattern[str], bool, str], ...]
    not_people: frozenset[str]


async def find_beneficiary(text: str, speaker: Person, directory: Directory, is_thing: Callable[[str], bool]) -> Beneficiary | None:
    """None when it is for the speaker. `is_thing`: whether a word names something of the catalogue rather than a person.

    When the directory cannot be reached, or several people are meant, somebody is named but nobody is identified.
    """
    words = _words("en")
    for mention, sure in _mentions(text, words):
        if is_thing(mention) or _is_speaker(mention, speaker):
            continue
        kin = words.kin.fullmatch(mention.lower())
        if kin:
            return Beneficiary(mention, speaker.manager_key if kin["manager"] and speaker.manager_key else None)
        meant = await _meant(mention, sure, speaker, directory)
        if meant is not None:
            return meant
    return None


async def named_beneficiary(mention: str, speaker: Person, directory: Directory, is_thing: Callable[[str], bool]) -> Beneficiary | None:
    """Whoever these words of the speaker mean, which somebody else took for a person. None when they mean the speaker or a thing; nobody
    is identified where the directory does not know one alone who is called so."""
    if is_thing(mention) or _is_speaker(mention, speaker):
        return None
    return await _meant(mention, True, speaker, directory)


async def _meant(mention: str, sure: bool, speaker: Person, directory: Directory) -> Beneficiary | None:
    try:
        people = await directory.find(mention)
    except ConnectorError as error:
        log.warning("beneficiary_not_looked_up", code=error.code)
        return Beneficiary(mention, None)
    meant = [person for person in people if is_called(mention, person)]
    if any(person.key == speaker.directory_key for person in meant[:1]):
        return None
    exact = [person for person in meant if mention.lower() in (person.name.lower(), person.email.lower())]
    if exact or meant:
        one = exact or meant
        return Beneficiary(mention, one[0].key if len(one) == 1 else None)
    return Beneficiary(mention, None) if sure else None


def as_if_own(text: str, is_thing: Callable[[str], bool]) -> str:
    """The text as the speaker would say it for themselves: "reset my password" for "reset Omar's password".

    What is wanted is recognised in this, so that it does not depend on a name.
    """
    said, end = "", 0
    shouted = text.isupper()
    for mention in sorted(_stands(text, _words("en")), key=lambda one: (one.first, -one.last)):
        # "Book time off" is no wish for somebody called time: only the directory could tell, and it is not asked here.
        certain = mention.own == "my" or mention.sure or mention.who[0].isupper()
        # Nor is "my savings account" somebody's.
        owned = not mention.sure and _OWNED.search(text, 0, mention.first) is not None
        # Capitals are a name in "OMAR's account"; in money "for GBP", an "account for GBP" and "my PIN was blocked" they are a thing.
        named = mention.sure and mention.own != "I" and mention.who not in CURRENCIES
        other = owned or (mention.who.isupper() and not shouted and not named)
        if certain and not other and mention.first >= end and not is_thing(mention.who):
            said += text[end : mention.first] + mention.own
            end = mention.last
    return said + text[end:]


def _mentions(text: str, words: _Words) -> list[tuple[str, bool]]:
    """Who stands where a beneficiary stands, each with whether it is surely a person. A name says more than "my colleague"."""
    found = sorted(_stands(text, words), key=lambda one: (words.kin.fullmatch(one.who.lower()) is not None, one.first, -len(one.who)))
    return list({one.who: (one.who, one.sure) for one in found}.values())


@dataclass(frozen=True, slots=True)
class _Stand:
    """A mention; `first`, `last`: the words that `own` takes the place of."""

    who: str
    sure: bool
    first: int
    last: int
    own: str


def _stands(text: str, words: _Words) -> list[_Stand]:
    found = []
    for pattern, sure, own in words.patterns:
        for match in pattern.finditer(text):
            who = match["who"].strip(" .,!?")
            said = who.lower().split()
            kin = words.kin.fullmatch(who.lower()) is not None
            if not said or (not kin and (said[0] in words.not_people or said[-1] in words.not_people)):
                continue
            ending = _POSSESSIVE.match(text, match.end("who")) if own == "my" else None
            last = ending.end() if ending else match.end("who")
            found.append(_Stand(who, sure and (kin or who[0].isupper() or "@" in who), match.start("who"), last, own))
    return found


_POSSESSIVE = re.compile(r"'s|s'|'|s\b")
_OWNED = re.compile(r"\b(?:my|our|your) (?:\w+ ){0,2}$", re.IGNORECASE)


def _is_speaker(mention: str, speaker: Person) -> bool:
    said = mention.lower()
    return said in (speaker.name.lower(), speaker.first_name.lower(), speaker.email.lower())


def is_called(mention: str, person: DirectoryPerson) -> bool:
    """Whether a name or an address, perhaps misspelt, is this person's."""
    if "@" in mention:
        return mention.lower() == person.email.lower() or mention.lower().lstrip("@") == person.email.lower().split("@")[0]
    names = person.name.lower().split()
    return all(any(fuzz.ratio(word, name) >= _ALIKE for name in names) for word in mention.lower().split())


@lru_cache(maxsize=8)
def _words(locale: str) -> _Words:
    data = load("beneficiary.yaml", locale)
    managers = "|".join(data["managers"])
    kin = "|".join([f"my (?:{managers})", *data["kin"]])
    parts = {
        # Bounded, so that one very long word is not looked at from each of its letters to its end.
        "email": r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,6}|@[\w.-]{1,64}\w",
        "name": r"(?-i:[A-ZÀ-Þ])(?:'(?-i:[A-Z]))?[\w-]{0,40}\w(?:\s+(?-i:[A-ZÀ-Þ])(?:'(?-i:[A-Z]))?[\w-]{1,40}){0,2}",
        "word": r"\w{1,40}",
        "kin": kin,
        "title": f"(?:{data['title']})",
        "thing": f"(?:{data['thing']})",
        "state": "|".join(data["state"]),
    }
    patterns = tuple(
        (re.compile(one["pattern"].format(**parts), re.IGNORECASE), bool(one["sure"]), str(one["own"])) for one in data["patterns"]
    )
    return _Words(re.compile(rf"(?P<manager>my (?:{managers}))|{kin}"), patterns, frozenset(data["not_people"]))
