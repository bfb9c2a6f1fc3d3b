"""What a person's words may refer to: the catalogue, today where they are, and, for skills that ask for such things, their
devices and the people they name.

Devices and people are looked up only where a skill has a slot of that type, so that nothing is asked of a system in vain.
"""

import asyncio
import re
from collections.abc import Collection, Mapping
from datetime import date
from zoneinfo import ZoneInfo

import structlog

from bot.intent.amounts import currency_of
from bot.intent.beneficiary import is_called
from bot.intent.catalogue import Catalogue, Catalogues
from bot.intent.matching import matcher
from bot.intent.slots import SlotContext
from connectors.errors import ConnectorError
from connectors.ports.people import Directory, DirectoryPerson, Person
from connectors.ports.records import Clock, utcnow
from connectors.ports.systems import Device, Devices
from specialists.skill import SkillSpec

log = structlog.get_logger()
_MENTION = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,6}|@[\w.-]{1,64}\w|\b(?:myself|me)\b|\bmy (?:manager|boss|lead|supervisor)\b"
    r"|(?-i:\b[A-ZÀ-Þ](?:'[A-Z])?[\w-]{0,40}\w(?:\s+[A-ZÀ-Þ](?:'[A-Z])?[\w-]{1,40}){0,2})",
    re.IGNORECASE,
)
_MANAGER = re.compile(r"my (?:manager|boss|lead|supervisor)")
_MOST_MENTIONS = 6
_BARE = 3
"""Words up to which an utterance may be nothing but a name, whatever its letters: "omar"."""


class Surroundings:
    """Makes the context in which slots are filled. Never raises: what cannot be looked up is asked for instead."""

    def __init__(
        self,
        catalogues: Catalogues,
        devices: Devices | None,
        directory: Directory,
        skills: Mapping[str, SkillSpec],
        *,
        clock: Clock = utcnow,
    ) -> None:
        """`devices` None: nobody knows here who has which."""
        self._catalogues, self._devices, self._directory, self._clock = catalogues, devices, directory, clock
        self._types = {slot.type for spec in skills.values() for slot in spec.slots}

    async def catalogue(self) -> Catalogue:
        return await self._catalogues.current()

    async def around(self, person: Person, *said: str) -> SlotContext:
        """`said`: the texts that slots may be filled from."""
        catalogue = await self._catalogues.current()
        devices, named = await asyncio.gather(self._devices_of(person), self._named(person, said, catalogue))
        country = person.attributes.get("country", "")
        return SlotContext(catalogue, self._today(person), person.locale, currency_of(country), devices, named)

    def _today(self, person: Person) -> date:
        try:
            zone = ZoneInfo(person.timezone)
        except (KeyError, ValueError, OSError):
            zone = ZoneInfo("UTC")
        return self._clock().astimezone(zone).date()

    async def _devices_of(self, person: Person) -> tuple[Device, ...]:
        if "device" not in self._types or self._devices is None:
            return ()
        try:
            return tuple(await self._devices.of(person.directory_key))
        except ConnectorError as error:
            log.warning("devices_not_looked_up", code=error.code)
            return ()

    async def _named(self, person: Person, said: Collection[str], catalogue: Catalogue) -> dict[str, tuple[DirectoryPerson, ...]]:
        if "person" not in self._types:
            return {}
        names = matcher(catalogue)
        mentions = dict.fromkeys(mention for text in said for mention in mentioned(text) if not names.is_thing(mention))
        found: dict[str, tuple[DirectoryPerson, ...]] = {}
        for mention in list(mentions)[:_MOST_MENTIONS]:
            try:
                found[mention] = await self._who(mention, person)
            except ConnectorError as error:
                log.warning("person_not_looked_up", code=error.code)
        return {mention: people for mention, people in found.items() if people}

    async def _who(self, mention: str, speaker: Person) -> tuple[DirectoryPerson, ...]:
        """Everybody who may be meant, none if nobody is called so; one if somebody is called exactly so."""
        word = mention.lower()
        manager = _MANAGER.fullmatch(word) is not None
        if manager or word in ("me", "myself"):
            key = speaker.manager_key if manager else speaker.directory_key
            one = await self._directory.get(key) if key else None
            return () if one is None else (one,)
        people = [one for one in await self._directory.find(mention) if is_called(mention, one)]
        exact = [one for one in people if word in (one.name.lower(), one.email.lower())]
        return tuple(exact or people)


def mentioned(text: str) -> list[str]:
    """The words of a text that may name people, in order; the whole of a very short one, too. Pure."""
    found = [match[0] for match in _MENTION.finditer(text)]
    bare = text.strip(" .,!?")
    return found if not 0 < len(bare.split()) <= _BARE or bare in found else [*found, bare]
