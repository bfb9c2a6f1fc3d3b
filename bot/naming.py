"""Whom a text names, so that the names can be left out of what is kept of it: capitalised words that the directory knows somebody by."""

import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.intent.beneficiary import is_called
from bot.intent.matching import matcher
from bot.intent.surroundings import Surroundings
from connectors.errors import ConnectorError
from connectors.ports.people import Directory, DirectoryPerson, Person
from knowledge.masking import LONGEST

log = structlog.get_logger()
_CAPITALISED = re.compile(r"(?<![\w@])[A-ZÀ-Þ](?:['’][A-ZÀ-Þ])?[^\W\d_]+(?:-[^\W\d_]+)*")
_SMALL = re.compile(r"(?<![\w@.])[a-zß-ÿ][^\W\d_]+(?![\w@])")
_MOST, _MOST_SMALL = 12, 24
"""Words of one text that are looked up: those with a capital, and those without."""
_REMEMBERED = 2000
_FOR = timedelta(days=1)
"""How long it is remembered whether a word is a name."""


@dataclass(slots=True)
class Names:
    directory: Directory
    surroundings: Surroundings
    ordinary: Collection[str] = ()
    """Words in small letters that are no names, though somebody may be called so."""
    _known: OrderedDict[str, tuple[bool, datetime]] = field(default_factory=OrderedDict, init=False)

    async def in_text(self, text: str, now: datetime, *people: Person) -> frozenset[str]:
        """The names in a text, and those of `people` in any case. Words of the catalogue ("Okta") are no names.

        While the directory is away, every such word inside a sentence is taken for one.
        """
        things = matcher(await self.surroundings.catalogue())
        found = {part for person in people for part in (person.name, *person.name.split())}
        looked_up = 0
        for match in _CAPITALISED.finditer(text[: 4 * LONGEST]):
            word = re.sub(r"['’]s$", "", match[0])
            if word in found or things.is_thing(word):
                continue
            known = self._remembered(word, now)
            if known is None and looked_up < _MOST:
                looked_up += 1
                known = await self._asked(word, now)
            if known or (known is None and not _begins(text, match.start())):
                found.add(word)
        return frozenset(found)

    async def in_any_case(self, text: str, now: datetime, *people: Person) -> frozenset[str]:
        """`in_text`, and as they are written the words in small letters that are just a part of somebody's name and not `ordinary`.

        While the directory is away, none of those is taken for a name.
        """
        things = matcher(await self.surroundings.catalogue())
        found = set(await self.in_text(text, now, *people))
        looked_up = 0
        for word in dict.fromkeys(match[0] for match in _SMALL.finditer(text[: 4 * LONGEST])):
            if word in self.ordinary or things.is_thing(word):
                continue
            known = self._remembered(word, now)
            if known is None and looked_up < _MOST_SMALL:
                looked_up += 1
                known = await self._asked(word, now)
            if known:
                found.add(word)
        return frozenset(found)

    def _remembered(self, word: str, now: datetime) -> bool | None:
        known, at = self._known.get(word, (None, now))
        return known if now - at < _FOR else None

    async def _asked(self, word: str, now: datetime) -> bool | None:
        try:
            called = _is_part if word[0].islower() else is_called
            known = any(called(word, person) for person in await self.directory.find(word))
        except ConnectorError as error:
            log.warning("name_not_looked_up", code=error.code)
            return None
        self._known[word] = (known, now)
        self._known.move_to_end(word)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known


def _is_part(word: str, person: DirectoryPerson) -> bool:
    """As written: most words in small letters resemble some name."""
    return word in person.name.lower().split()


def _begins(text: str, at: int) -> bool:
    """Whether a sentence begins there."""
    before = text[:at].rstrip(" \n\"'(“")
    return not before or before[-1] in ".!?:"
