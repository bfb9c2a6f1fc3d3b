"""Foyer's persons: who a verified platform identity belongs to, kept in step with the directory."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from connectors.ports.chat import Address, Channel
from connectors.ports.messages import Reader, readable
from connectors.ports.people import Directory, DirectoryPerson, ExternalId, Person
from connectors.ports.records import Clock, new_id

FRESH = timedelta(seconds=30)
"""How long what the directory said is believed: a leaver keeps nothing for longer."""


class PeopleStore:
    """Implements the People port. Directory entries are read again after FRESH; a person is made on first sight."""

    def __init__(
        self,
        sessions: Sessions,
        directory: Directory,
        roles: Mapping[str, Sequence[str]],
        clock: Clock,
        default_reader: Reader,
    ) -> None:
        self._default_reader = default_reader
        self._sessions = sessions
        self._directory = directory
        self._roles = {role: frozenset(groups) for role, groups in roles.items()}
        self._clock = clock
        self._seen: dict[str, tuple[datetime, Person]] = {}

    async def resolve(self, sender: ExternalId) -> Person | None:
        """The person behind a verified identity; None for a stranger. The web channel's ids are directory addresses."""
        async with self._sessions() as session:
            person_id = (
                await session.execute(
                    select(t.identity.c.person_id).where(
                        t.identity.c.channel == sender.channel,
                        t.identity.c.tenant == sender.tenant,
                        t.identity.c.external_id == sender.external_id,
                    )
                )
            ).scalar_one_or_none()
        if person_id is not None:
            return await self.get(person_id)
        entry = await self._directory.by_email(sender.external_id)
        if entry is None:
            return None
        person = await self._keep(entry)
        await self._link(sender, person.id)
        return person

    async def get(self, person_id: str) -> Person | None:
        cached = self._cached(person_id)
        if cached is not None:
            return cached
        async with self._sessions() as session:
            key = (await session.execute(select(t.person.c.directory_key).where(t.person.c.id == person_id))).scalar_one_or_none()
        entry = await self._directory.get(key) if key is not None else None
        return self._person(person_id, entry) if entry is not None else None

    async def by_key(self, directory_key: str) -> Person | None:
        entry = await self._directory.get(directory_key)
        return await self._keep(entry) if entry is not None else None

    async def by_email(self, email: str) -> Person | None:
        entry = await self._directory.by_email(email)
        return await self._keep(entry) if entry is not None else None

    async def members(self, group: str) -> Sequence[Person]:
        return [await self._keep(entry) for entry in await self._directory.members(group)]

    async def address(self, person: Person, channels: Mapping[str, Channel]) -> Address:
        """Where to reach somebody who did not just write: the channel used last, else the web chat."""
        async with self._sessions() as session:
            row = (
                await session.execute(
                    select(t.identity.c.channel, t.identity.c.tenant, t.identity.c.external_id)
                    .where(t.identity.c.person_id == person.id, t.identity.c.channel.in_(list(channels)))
                    .order_by(t.identity.c.last_seen_at.desc())
                    .limit(1)
                )
            ).one_or_none()
        if row is not None:
            return channels[row.channel].direct(row.tenant, row.external_id)
        return channels["web"].direct("local", person.email)

    async def saw(self, session: AsyncSession, sender: ExternalId) -> None:
        """Remembers, in the turn's transaction, which channel somebody used last."""
        await session.execute(
            update(t.identity)
            .where(
                t.identity.c.channel == sender.channel,
                t.identity.c.tenant == sender.tenant,
                t.identity.c.external_id == sender.external_id,
            )
            .values(last_seen_at=self._clock())
        )

    async def _keep(self, entry: DirectoryPerson) -> Person:
        found = select(t.person.c.id).where(t.person.c.directory_key == entry.key)
        async with self._sessions() as session:
            person_id = (await session.execute(found)).scalar_one_or_none()
        if person_id is None:
            person_id = new_id()
            try:
                async with self._sessions.begin() as session:
                    await session.execute(insert(t.person).values(id=person_id, directory_key=entry.key, created_at=self._clock()))
            except IntegrityError:  # somebody else was first
                async with self._sessions() as session:
                    person_id = (await session.execute(found)).scalar_one()
        return self._person(person_id, entry)

    async def _link(self, sender: ExternalId, person_id: str) -> None:
        with contextlib.suppress(IntegrityError):  # linked meanwhile
            async with self._sessions.begin() as session:
                await session.execute(
                    insert(t.identity).values(
                        channel=sender.channel,
                        tenant=sender.tenant,
                        external_id=sender.external_id,
                        person_id=person_id,
                        last_seen_at=self._clock(),
                    )
                )

    def _person(self, person_id: str, entry: DirectoryPerson) -> Person:
        reader = readable(entry.locale, entry.timezone, self._default_reader)
        person = Person(
            id=person_id,
            directory_key=entry.key,
            name=entry.name,
            email=entry.email,
            timezone=reader.timezone,
            locale=reader.locale,
            roles=frozenset(role for role, groups in self._roles.items() if groups & entry.groups),
            groups=entry.groups,
            attributes=entry.attributes,
            manager_key=entry.manager_key,
            title=entry.title,
            active=entry.active,
            guest=entry.guest,
            privileged=entry.privileged,
        )
        self._seen[person_id] = (self._clock(), person)
        return person

    def _cached(self, person_id: str) -> Person | None:
        at, person = self._seen.get(person_id, (None, None))
        return person if at is not None and self._clock() - at < FRESH else None
