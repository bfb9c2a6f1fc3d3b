"""Whom a text names, so that the names can be left out of what is kept of it: capitalised words that the directory knows somebody by."""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.intent.beneficiary import is_called
from bot.intent.matching import matcher
from bot.intent.surroundings import Surroundings
from connectors.errors import ConnectorError
from connectors.ports.people import Directory, Person
from knowledge.masking import LONGEST

log = structlog.get_logger()
_CAPITALISED = re.compile(r"(?<![\w@])[A-ZÀ-Þ](?:['’][A-ZÀ-Þ])?[^\W\d_]+(?:-[^\W\d_]+)*")
_MOST = 12
"""Words of one text that are looked up."""
_REMEMBERED = 2000
_FOR = timedelta(days=1)
"""How long it is remembered whether a word is a name."""


@dataclass(slots=True)
class Names:
    directory: Directory
    surroundings: Surroundings
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

    def _remembered(self, word: str, now: datetime) -> bool | None:
        known, at = self._known.get(word, (None, now))
        return known if now - at < _FOR else None

    async def _asked(self, word: str, now: datetime) -> bool | None:
        try:
            known = any(is_called(word, person) for person in await self.directory.find(word))
        except ConnectorError as error:
            log.warning("name_not_looked_up", code=error.code)
            return None
        self._known[word] = (known, now)
        self._known.move_to_end(word)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known


def _begins(text: str, at: int) -> bool:
    """Whether a sentence begins there."""
    before = text[:at].rstrip(" \n\"'(“")
    return not before or before[-1] in ".!?:"
