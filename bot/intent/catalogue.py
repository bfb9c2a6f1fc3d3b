"""What can be asked for by name: applications with their roles, and hardware. Slots are matched against it.

It is asked of the outside systems at most every five minutes. While they are down the last known one serves; without
any, it is empty, and the employee is asked instead.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connectors.errors import ConnectorError
from connectors.ports.records import Clock, utcnow
from connectors.ports.systems import Access, Application, CatalogueItem, Purchasing

log = structlog.get_logger()

LIFETIME = timedelta(minutes=5)
RETRY_AFTER = timedelta(seconds=15)
"""A system that failed is left alone for so long: a turn does not wait for it each time."""


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Compared by identity: what is derived from one is kept for it."""

    applications: tuple[Application, ...] = ()
    items: tuple[CatalogueItem, ...] = ()

    def application(self, key: str) -> Application | None:
        return next((one for one in self.applications if one.key == key), None)

    def roles_of(self, application_key: str) -> tuple[str, ...]:
        """The roles of an application that a specialist may give, in the system's order; () for an unknown one."""
        found = self.application(application_key)
        return () if found is None else tuple(role for role in found.roles if role not in found.sensitive_roles)


class Catalogues:
    """The present catalogue, refreshed when it is asked for and too old."""

    def __init__(self, access: Access, purchasing: Purchasing | None, *, clock: Clock = utcnow, lifetime: timedelta = LIFETIME) -> None:
        """`purchasing` None: no hardware can be ordered here."""
        self._access, self._purchasing, self._clock, self._lifetime = access, purchasing, clock, lifetime
        self._known = Catalogue()
        self._due: datetime | None = None
        self._refreshing = asyncio.Lock()

    async def current(self) -> Catalogue:
        """Never raises: a part whose system is down stays as it was."""
        if self._stale():
            async with self._refreshing:
                if self._stale():
                    await self._refresh()
        return self._known

    def _stale(self) -> bool:
        return self._due is None or self._clock() >= self._due

    async def _refresh(self) -> None:
        applications, items = self._known.applications, self._known.items
        lasts = self._lifetime
        try:
            applications = tuple(await self._access.applications())
        except ConnectorError as error:
            lasts = RETRY_AFTER
            log.warning("catalogue_not_refreshed", part="applications", code=error.code)
        try:
            items = tuple(await self._purchasing.catalogue()) if self._purchasing is not None else ()
        except ConnectorError as error:
            lasts = RETRY_AFTER
            log.warning("catalogue_not_refreshed", part="items", code=error.code)
        self._known = Catalogue(applications, items)
        self._due = self._clock() + lasts
