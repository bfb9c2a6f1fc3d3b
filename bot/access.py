"""Access to all applications as one port, though each is looked after by a connector of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from connectors.errors import ConnectorError, Refused
from connectors.ports.systems import Access, Application, Effect, Entitlement

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Source:
    """One connector's access. `keys`: the applications that foyer.yaml declares for it; None: only the system knows which it has."""

    access: Access
    keys: frozenset[str] | None = None


@dataclass(slots=True)
class JoinedAccess:
    """Implements `connectors.ports.systems.Access`. `chosen`: application -> source, of all that foyer.yaml names.

    Whatever it does not name belongs to the first source that has it by its own word.
    """

    sources: Mapping[str, Source]
    chosen: Mapping[str, str]
    _known: dict[str, tuple[Application, ...]] = field(default_factory=dict, init=False)
    """What each source had when it was last asked."""

    async def applications(self) -> Sequence[Application]:
        """A source that cannot be asked has what it had last, and hides no other's. Raises only where none can be asked."""
        of = await self.whose()
        return [one for name in self.sources for one in self._known.get(name, ()) if of[one.key] == name]

    async def whose(self) -> Mapping[str, str]:
        """Application -> source. Raises as `applications`."""
        found = await asyncio.gather(*(self._ask(name) for name in self.sources), return_exceptions=True)
        failed = [error for error in found if isinstance(error, BaseException)]
        unexpected = [error for error in failed if not isinstance(error, ConnectorError)]
        if unexpected or (failed and len(failed) == len(self.sources)):
            raise (unexpected or failed)[0]
        of = dict(self.chosen)
        for name in self.sources:
            for one in self._known.get(name, ()):
                of.setdefault(one.key, name)
        return of

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        if application_key is not None:
            name = await self._of(application_key)
            return await self.sources[name].access.entitlements(person_key, application_key=application_key)
        asked = await asyncio.gather(*(source.access.entitlements(person_key) for source in self.sources.values()))
        of = dict(self.chosen)
        return [
            one for name, mine in zip(self.sources, asked, strict=True) for one in mine if of.setdefault(one.application_key, name) == name
        ]

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        name = await self._of(application_key)
        return await self.sources[name].access.grant(person_key, application_key, role, until=until, key=key)

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        name = await self._of(application_key)
        return await self.sources[name].access.revoke(person_key, application_key, role, key=key)

    async def _of(self, application_key: str) -> str:
        """Whose it is. Raises Refused("unknown_application")."""
        if application_key in self.chosen:
            return self.chosen[application_key]
        unasked = [name for name, source in self.sources.items() if source.keys is None]
        for name in unasked:
            if name not in self._known and len(unasked) > 1:
                await self._ask(name)
            if len(unasked) == 1 or any(one.key == application_key for one in self._known[name]):
                return name
        raise Refused("unknown_application", application_key)

    async def _ask(self, name: str) -> None:
        try:
            self._known[name] = tuple(await self.sources[name].access.applications())
        except ConnectorError as error:
            # Theirs need not be the fault: they ask the directory who owns an application.
            log.warning("applications_not_read", connector=error.connector or name, code=error.code, of=name)
            raise
