"""Foyer's persons: who a verified platform identity belongs to, kept in step with the platform and the directory."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

import structlog
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from connectors.errors import NeedsHuman, Retry
from connectors.ports.chat import Address, Channel, Profile
from connectors.ports.messages import Reader, readable
from connectors.ports.people import Directory, DirectoryPerson, ExternalId, Person
from connectors.ports.records import Clock, new_id

log = structlog.get_logger()
FRESH = timedelta(seconds=30)
"""How long what the directory said is believed: a leaver keeps nothing for longer."""
PROFILE_FRESH = timedelta(minutes=5)
"""How long what a channel said of somebody is believed."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The last use of an account that was only looked up."""
WEB = "web"
REMEMBERED = 10_000
"""Entries of each of the caches; the oldest goes first, and is asked for again."""
K = TypeVar("K")
V = TypeVar("V")


class Recent(dict[K, V]):
    """What was set last; never more than `most` of it."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)
        super().__setitem__(key, value)
        if len(self) > self._most:
            del self[next(iter(self))]


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Nobody whom Foyer works for. "unknown": a member of the platform whom the directory doesn't know, or nobody at all; "ambiguous": one
    whom it knows no more of than an address that several have."""

    standing: Literal["stranger", "guest", "bot", "gone", "unknown", "ambiguous"]


class PeopleStore:
    """Implements the People port. Directory entries are read again after FRESH; a person is made on first sight."""

    def __init__(
        self,
        sessions: Sessions,
        directory: Directory,
        channels: Mapping[str, Channel],
        roles: Mapping[str, Sequence[str]],
        clock: Clock,
        default_reader: Reader,
        remembered: int = REMEMBERED,
    ) -> None:
        self._default_reader = default_reader
        self._sessions = sessions
        self._directory = directory
        self._channels = channels
        self._roles = {role: frozenset(groups) for role, groups in roles.items()}
        self._clock = clock
        self._seen: Recent[str, tuple[datetime, Person]] = Recent(remembered)
        self._profiles: Recent[ExternalId, tuple[datetime, Profile | None]] = Recent(remembered)
        self._absent: Recent[tuple[str, str], datetime] = Recent(remembered)
        """When a person was last not found on a channel."""

    async def resolve(self, sender: ExternalId) -> Person | Unresolved:
        """The person behind an identity: by the channel's word a member, and known to the directory by their account in it or by their
        verified address.

        The link is kept, but the channel's word is asked for again after PROFILE_FRESH. Raises Retry when the channel cannot be
        reached and the identity is a new one; a linked one goes on as it was known.
        """
        return await self._resolve(sender, self._clock())

    async def get(self, person_id: str) -> Person | None:
        cached = self._cached(person_id)
        if cached is not None:
            return cached
        key = await self._key(person_id)
        entry = await self._directory.get(key) if key is not None else None
        return self._person(person_id, entry) if entry is not None else None

    async def known(self, person_id: str) -> Person | None:
        person = await self.get(person_id)
        key = await self._key(person_id) if person is None else None
        if key is None:
            return person
        reader = self._default_reader
        return Person(person_id, key, "", "", reader.timezone, reader.locale, active=False)

    async def name(self, person_id: str) -> str:
        """What they are called; empty for somebody whom the directory does not know any more."""
        person = await self.get(person_id)
        return person.name if person is not None else ""

    async def by_key(self, directory_key: str) -> Person | None:
        entry = await self._directory.get(directory_key)
        return await self._keep(entry) if entry is not None else None

    async def by_email(self, email: str) -> Person | None:
        entry = await self._directory.by_email(email)
        return await self._keep(entry) if entry is not None else None

    async def one_at(self, email: str) -> Person | None:
        """Somebody whom foyer.yaml or the roster names by address; None also where several have it, which the log tells."""
        try:
            return await self.by_email(email)
        except NeedsHuman as error:
            log.error("address_of_several", people=error.detail)
            return None

    async def members(self, group: str) -> Sequence[Person]:
        return [await self._keep(entry) for entry in await self._directory.members(group)]

    async def address(self, person: Person, channels: Mapping[str, Channel]) -> Address:
        """Where to reach somebody who did not just write: the channel used last; else one where their address is found; else
        the web chat, which `channels` must have for that."""
        address = await self.reached_at(person, channels)
        if address is None:
            raise LookupError(WEB)
        return address

    async def reached_at(self, person: Person, channels: Mapping[str, Channel]) -> Address | None:
        """As `address`; None where the web chat is not among these channels, and none of them knows the person."""
        for identity in await self._identities(person.id):
            if identity.channel in channels and await self._is(identity, person):
                return channels[identity.channel].direct(identity.tenant, identity.external_id)
        for name, channel in channels.items():
            found = await self._lookup(channel, person) if name != WEB else None
            if found is not None:
                return channel.direct(found.tenant, found.external_id)
        return channels[WEB].direct("local", person.email) if WEB in channels else None

    async def external_id(self, person: Person, channel: str, tenant: str) -> str | None:
        """Who this is there; of several accounts the one used last."""
        own = [i.external_id for i in await self._identities(person.id) if (i.channel, i.tenant) == (channel, tenant)]
        return own[0] if own else None

    async def picture(self, person: Person) -> str | None:
        """The address of their picture, of the account used last that has one."""
        for identity in await self._identities(person.id):
            if identity.channel not in self._channels:
                continue
            try:
                profile, _ = await self._profile(identity)
            except Retry:
                _, profile = self._profiles.get(identity, (None, None))
            if profile is not None and profile.picture is not None:
                return profile.picture
        return None

    async def saw(self, session: AsyncSession, sender: ExternalId) -> None:
        """Remembers, in the turn's transaction, which channel somebody used last."""
        await session.execute(update(t.identity).where(*_row_of(sender)).values(last_seen_at=self._clock()))

    async def _key(self, person_id: str) -> str | None:
        async with self._sessions() as session:
            found = select(t.person.c.directory_key).where(t.person.c.id == person_id)
            return (await session.execute(found)).scalar_one_or_none()

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

    async def _resolve(self, sender: ExternalId, used: datetime) -> Person | Unresolved:
        """`used`: what to keep as its last use when it is linked now."""
        linked = await self._linked(sender)
        try:
            profile, changed = await self._profile(sender)
        except Retry as error:
            if linked is None:
                raise
            log.warning("profile_unavailable", channel=sender.channel, code=error.code)
            if sender not in self._profiles:
                return await self.get(linked) or Unresolved("unknown")
            (_, profile), changed = self._profiles[sender], False
        if profile is None:
            return Unresolved("unknown")
        if profile.standing != "member":
            return Unresolved(profile.standing)
        if linked is None or changed:
            try:
                linked = await self._link(sender, profile, linked, used)
            except NeedsHuman as error:
                log.error("address_of_several", channel=sender.channel, people=error.detail)
                if linked is None:
                    return Unresolved("ambiguous")
        person = await self.get(linked) if linked is not None else None
        return person or Unresolved("unknown")

    async def _is(self, identity: ExternalId, person: Person) -> bool:
        """Whether somebody can still be reached there. That they were looked for is no use of it."""
        found = await self._resolve(identity, NEVER)
        return isinstance(found, Person) and found.id == person.id

    async def _profile(self, sender: ExternalId) -> tuple[Profile | None, bool]:
        """The channel's word, and whether it was asked for just now. Raises Retry."""
        now = self._clock()
        at, profile = self._profiles.get(sender, (None, None))
        if at is not None and now - at < PROFILE_FRESH:
            return profile, False
        profile = await self._channels[sender.channel].profile(sender.tenant, sender.external_id)
        self._profiles[sender] = (now, profile)
        return profile, True

    async def _lookup(self, channel: Channel, person: Person) -> ExternalId | None:
        """None too when the channel cannot be reached: whoever is to be told something is told elsewhere."""
        now = self._clock()
        absent = self._absent.get((channel.name, person.id))
        if absent is not None and now - absent < PROFILE_FRESH:
            return None
        try:
            found = await channel.lookup(person.email)
            if found is not None and await self._is(found, person):
                return found
        except Retry as error:
            log.warning("lookup_unavailable", channel=channel.name, code=error.code)
            return None
        self._absent[channel.name, person.id] = now
        return None

    async def _linked(self, sender: ExternalId) -> str | None:
        async with self._sessions() as session:
            return (await session.execute(select(t.identity.c.person_id).where(*_row_of(sender)))).scalar_one_or_none()

    async def _identities(self, person_id: str) -> list[ExternalId]:
        """All accounts of somebody, the one used last first."""
        own = select(t.identity).where(t.identity.c.person_id == person_id).order_by(t.identity.c.last_seen_at.desc())
        async with self._sessions() as session:
            return [ExternalId(row.channel, row.tenant, row.external_id) for row in await session.execute(own)]

    async def _link(self, sender: ExternalId, profile: Profile, linked: str | None, used: datetime) -> str | None:
        """Whose identity this is now. What was given to somebody else goes with the directory's word of it: of the account, which
        says more than an address; else of its verified address, unless the directory knows another account of theirs in the same
        place: then the address is all that this one has of them. Raises NeedsHuman where several have that address."""
        try:
            entry = await self._directory.by_account(profile.account) if profile.account is not None else None
            if entry is None and profile.email is not None:
                entry = await self._directory.by_email(profile.email)
        except Retry:
            if linked is None:
                raise
            return linked
        if entry is None:
            return linked
        person_id = (await self._keep(entry)).id
        if profile.account is not None and entry.disowns(profile.account):
            log.warning("address_of_another_account", channel=sender.channel, account=profile.account)
            if linked == person_id:
                await self._unlink(sender)
            return linked if linked != person_id else None
        if linked is None:
            with contextlib.suppress(IntegrityError):  # linked meanwhile
                async with self._sessions.begin() as session:
                    await session.execute(insert(t.identity).values(**asdict(sender), person_id=person_id, last_seen_at=used))
        elif linked != person_id:
            log.warning("identity_moved", channel=sender.channel, before=linked, after=person_id)
            async with self._sessions.begin() as session:
                await session.execute(update(t.identity).where(*_row_of(sender)).values(person_id=person_id, last_seen_at=used))
        return person_id

    async def _unlink(self, sender: ExternalId) -> None:
        async with self._sessions.begin() as session:
            await session.execute(delete(t.identity).where(*_row_of(sender)))

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


def _row_of(sender: ExternalId) -> tuple[ColumnElement[bool], ...]:
    i = t.identity.c
    return (i.channel == sender.channel, i.tenant == sender.tenant, i.external_id == sender.external_id)
