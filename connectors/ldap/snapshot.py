"""Names and addresses of everybody, for searches by what resembles them: no directory forgives a typing error.

Read whole at first and now and then, so that those who are gone are forgotten; in between, only who changed since. What is found here is
read again before anybody sees it. Times of change are the servers' own, and controllers of one domain have different ones for the same
change: each look goes back a while before the last.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from connectors.calling.resembling import Compared, resembling
from connectors.errors import ConnectorError, Retry
from connectors.ldap.client import Entry, LdapClient
from connectors.ldap.entries import Entries
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ldap.times import as_generalized, generalized
from connectors.ports.records import Clock

log = structlog.get_logger()
OVERLAP = timedelta(minutes=15)
AT_ONCE = 2000
"""People who are compared, or taken in, before everybody else's work goes on."""


class Snapshot:
    def __init__(
        self,
        client: LdapClient,
        settings: LdapSettings,
        schema: Schema,
        entries: Entries,
        clock: Clock,
        *,
        on_whole: Callable[[], Awaitable[None]],
    ) -> None:
        """`on_whole`: called whenever everybody was read, to say what else is wrong between foyer.yaml and the directory."""
        self._client = client
        self._settings = settings
        self._schema = schema
        self._entries = entries
        self._clock = clock
        self._attributes = (*entries.attributes, schema.changed)
        self._people: dict[str, Compared] | None = None
        self._newest: datetime | None = None
        self._whole_at: datetime | None = None
        self._on_whole = on_whole
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._looked = asyncio.Condition()
        self._failure: Retry | None = None

    def open(self) -> None:
        """Begins to look, whether the directory is up or not."""
        self._task = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def resembling(self, text: str, limit: int) -> list[str]:
        """Keys, best first. Before the first look is done: Retry, with its error, or "not_ready" when it takes too long."""
        if not text.strip():
            return []
        people = self._people if self._people is not None else await self._first()
        everybody, best = list(people.items()), []
        for start in range(0, len(everybody), AT_ONCE):
            some = everybody[start : start + AT_ONCE]
            best += [(score, some[at][0]) for at, score in resembling(text, [known for _, known in some])]
            await asyncio.sleep(0)
        return [key for _, key in sorted(best, key=lambda pair: (-pair[0], pair[1]))[:limit]]

    async def refresh(self) -> None:
        """Looks once: for everybody, or for who changed."""
        now = self._clock()
        whole = self._people is None or self._newest is None or self._whole_at is None
        whole_now = whole or (self._whole_at is not None and now - self._whole_at >= timedelta(seconds=self._settings.full_refresh))
        if whole_now:
            found = await self._read("")
            self._whole_at = now
            await self._warn(found)
            people, newest = await self._taken(found)
            self._people, self._newest = people, newest
        else:
            assert self._newest is not None
            since = as_generalized(self._newest - OVERLAP).removesuffix("Z") + ".0Z"
            people, newest = await self._taken(await self._read(f"({self._schema.changed}>={since})"))
            assert self._people is not None
            self._people |= people
            self._newest = max(filter(None, (self._newest, newest)))
        if whole_now:
            await self._on_whole()

    async def _first(self) -> dict[str, Compared]:
        """Waits for the look that is under way, or asks for one now."""
        self._wanted.set()
        try:
            async with asyncio.timeout(self._settings.timeout), self._looked:
                await self._looked.wait()
        except TimeoutError as error:
            raise Retry("not_ready", "everybody is still being read") from error
        if self._people is None:
            raise self._failure or Retry("not_ready")
        return self._people

    async def _keep_looking(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.refresh()
                self._failure = None
                log.debug("ldap_refreshed", people=len(self._people or ()))
            except ConnectorError as error:
                self._failure = error if isinstance(error, Retry) else Retry(error.code, error.detail)
                log.warning("ldap_refresh_failed", code=error.code, detail=error.detail, people=len(self._people or ()))
            except Exception:  # a look that breaks is logged and done again: searches must not stay as they are for good
                self._failure = Retry("unavailable", "what the directory answered could not be read")
                log.exception("ldap_refresh_broke")
            async with self._looked:
                self._looked.notify_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.refresh):
                    await self._wanted.wait()

    async def _read(self, filter: str) -> list[Entry]:
        return await self._client.search(self._settings.people.base, f"(&{self._entries.everybody}{filter})", self._attributes)

    async def _warn(self, everybody: list[Entry]) -> None:
        """Of attributes that were renamed, or that we may not read any more; and of people who have several where one is meant."""
        missing, several = dict(self._entries.missing(())), 0
        for start in range(0, len(everybody), AT_ONCE):
            some = everybody[start : start + AT_ONCE]
            had = self._entries.missing(some)
            missing = {held: attribute for held, attribute in missing.items() if held in had}
            several += sum(1 for entry in some if len(self._entries.enrolled(entry)) > 1)
            await asyncio.sleep(0)
        for held, attribute in missing.items():
            if everybody and self._entries.expected(held):
                log.warning("ldap_attribute_missing", held=held, attribute=attribute)
        if several:
            log.warning("ldap_enrolled_several", people=several)

    async def _taken(self, found: list[Entry]) -> tuple[dict[str, Compared], datetime | None]:
        """By key, and when the last of them was changed."""
        people: dict[str, Compared] = {}
        newest: datetime | None = None
        for at, entry in enumerate(found, 1):
            key = self._entries.key(entry)
            if key is not None:
                people[key] = Compared.of(self._entries.name(entry), self._entries.email(entry))
            changed = generalized(entry.text(self._schema.changed) or "")
            if changed is not None and (newest is None or changed > newest):
                newest = changed
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)
        return people, newest
