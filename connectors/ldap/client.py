"""A directory as coroutines: a few bound connections, threads of its own, bounded time, and the next server when one does not answer.

Threads of its own rather than the loop's default executor: the workflow engine shuts that one down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from cryptography import x509

from connectors.calling.codes import BUSY
from connectors.calling.sign_ins import SignIns
from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ldap.results import Missing, Rejected
from connectors.ldap.settings import LdapSettings, Url
from connectors.ldap.threads import Threads
from connectors.ldap.wire import Change, Entry, Page, Scope, Wire
from connectors.ports.records import Clock

__all__ = ["Change", "Entry", "LdapClient", "Rejected", "escaped"]

log = structlog.get_logger()
T = TypeVar("T")
IDLE = timedelta(minutes=1)
"""Unused for so long, a connection is not trusted any more: whatever stands between forgets it without a word."""
GRACE = 0.5
"""Seconds that a thread has to tell of its own time-out, before it is woken."""
LEAST = 1.0
"""Seconds that a change must have for its answer: with less, its outcome would be as good as unknown before it is sent."""
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.,_=+-:/")


def escaped(value: str | bytes) -> str:
    """As a value stands in a filter (RFC 4515); whatever is not plain is escaped, blanks too, which ldap3 would strip at the ends."""
    raw = value.encode() if isinstance(value, str) else value
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in raw)


def _left_behind(done: "asyncio.Future[Any]", wire: Wire) -> None:
    if not done.cancelled():
        done.exception()
    wire.close()


class LdapClient:
    """Raises Retry ("unreachable", "timeout", "connection_lost", "unavailable", "bad_credentials", "bad_certificate", "misconfigured"),
    Refused("not_permitted") and Rejected."""

    def __init__(self, settings: LdapSettings, clock: Clock, sign_ins: SignIns | None = None) -> None:
        """`sign_ins`: shared by all clients of one account."""
        self._settings = settings
        self._clock = clock
        self.sign_ins = sign_ins or SignIns(clock)
        self._urls = list(settings.url)
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        self._free = asyncio.Semaphore(settings.pool)
        # More than there are connections: a thread that looks up a name cannot be woken.
        self._threads = Threads(2 * settings.pool, "ldap")

    async def search(
        self, base: str, filter: str, attributes: Sequence[str], *, scope: Scope = "subtree", most: int | None = None
    ) -> list[Entry]:
        """Every match, or the first `most`; each page has the whole time-out. Retry("misconfigured") when there is no such base."""
        paged = most is None or most > self._settings.page_size
        limit, size = (0, self._settings.page_size) if paged else (most or 0, 0)

        async def read(wire: Wire, seconds: float) -> list[Entry]:
            found: list[Entry] = []
            cookie: bytes | None = b""
            while cookie is not None:

                def next_page(wire: Wire, cookie: bytes = cookie) -> Page:
                    return wire.page(base, filter, attributes, scope, limit=limit, size=size, cookie=cookie)

                page = await self._run(wire, next_page, seconds)
                found += page.entries
                cookie = page.cookie if page.cookie and (most is None or len(found) < most) else None
                seconds = self._settings.timeout
            return found[:most]

        return await self._use(read)

    async def read(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        """One entry; None when there is none, or none that bind_dn may see."""
        try:
            found = await self.search(dn, "(objectClass=*)", attributes, scope="base", most=1)
        except Missing:
            return None
        return found[0] if found else None

    async def modify(self, dn: str, changes: Sequence[Change], *, controls: Sequence[tuple[str, bool, bytes | None]] = ()) -> None:
        """All of the changes or none; `controls`: oid, criticality, value. OutcomeUnknown when the answer was lost."""
        await self._change(lambda wire: wire.modify(dn, changes, controls))

    async def set_password(self, dn: str, password: str) -> None:
        """By the password-modify operation (RFC 3062), for OpenLDAP."""
        await self._change(lambda wire: wire.set_password(dn, password))

    async def root(self) -> Entry:
        """What the server tells of itself."""
        return (await self.search("", "(objectClass=*)", ["*", "+"], scope="base", most=1))[0]

    async def certificate(self) -> tuple[Url, x509.Certificate | None]:
        """The server that answers now, and its certificate; None where there is no TLS."""

        async def look(wire: Wire, seconds: float) -> tuple[Url, x509.Certificate | None]:
            return wire.url, wire.certificate()

        return await self._use(look)

    async def close(self) -> None:
        """What is under way is cut off."""
        for wire in self._busy:
            wire.abort()
        for wire in self._idle:
            wire.close()
        self._idle.clear()
        self._threads.close()

    async def _change(self, work: Callable[[Wire], None]) -> None:
        """Sends nothing that could not be answered any more: connecting may have taken the time, and next time there is a connection."""
        least = min(LEAST, self._settings.timeout / 2)
        await self._use(lambda wire, seconds: self._run(wire, work, seconds, changes=True), least=least)

    async def _use(self, work: Callable[[Wire, float], Awaitable[T]], *, least: float = 0) -> T:
        """`work` gets a connection that is its own, and the seconds that are left, which are `least` or more. A stale connection is found
        out and replaced."""
        until = asyncio.get_running_loop().time() + self._settings.timeout
        try:
            async with asyncio.timeout(self._settings.timeout / 2):
                await self._free.acquire()
        except TimeoutError as error:
            waited = self._settings.timeout / 2
            raise Retry(BUSY, f"none of {self._settings.pool} connections (setting pool) was free for {waited:.1f} s") from error
        try:
            while True:
                wire = self._rested()
                reused = wire is not None
                if wire is None:
                    wire = await self._connected(until)
                if self._left(until) < least:
                    self._rest(wire)
                    raise Retry("timeout", f"{wire.url}: nothing was sent, as {least:.1f} s were not left for the answer")
                try:
                    value = await work(wire, self._left(until))
                except Refused:
                    self._rest(wire)
                    raise
                except Retry as error:
                    self._drop(wire)
                    if reused and error.code == "connection_lost" and not isinstance(error, OutcomeUnknown):
                        continue
                    if error.code in ("timeout", "connection_lost", "unavailable"):
                        self._put_last(wire.url, error.code)
                    raise
                except BaseException:
                    self._drop(wire)
                    raise
                self._rest(wire)
                return value
        finally:
            self._free.release()

    async def _run(self, wire: Wire, work: Callable[[Wire], T], seconds: float, *, changes: bool = False) -> T:
        wire.limit(seconds)
        future = self._threads.run(lambda: work(wire))
        self._busy.add(wire)
        future.add_done_callback(lambda _: self._busy.discard(wire))
        try:
            async with asyncio.timeout(seconds + GRACE):
                return await asyncio.shield(future)
        except (TimeoutError, asyncio.CancelledError) as error:
            wire.abort()
            # The thread still holds it, and closes it once it is awake; nobody else asks what came of it.
            future.add_done_callback(lambda done: _left_behind(done, wire))
            if isinstance(error, asyncio.CancelledError):
                raise
            raise (OutcomeUnknown if changes else Retry)("timeout", f"{wire.url}: no answer within {seconds:.1f} s") from error

    async def _connected(self, until: float) -> Wire:
        """The first server that takes us. Wrong credentials end it at once: every further try would count towards a lockout."""
        self.sign_ins.check()
        failures: list[Retry] = []
        share = self._settings.timeout / (len(self._urls) + 1)
        for url in tuple(self._urls):
            wire = Wire(url, self._settings)
            seconds = min(share, self._left(until))
            try:
                await self._run(wire, lambda wire, seconds=seconds: wire.connect(seconds), seconds)  # type: ignore[misc]
                await self._signed_in(wire, until, seconds)
            except Retry as error:
                if error.code == "bad_credentials":
                    raise
                failures.append(error)
                self._put_last(url, error.code)
                continue
            return wire
        if len(failures) == 1:
            raise failures[0]
        raise Retry(failures[0].code, "; ".join(failure.detail for failure in failures))

    async def _signed_in(self, wire: Wire, until: float, seconds: float) -> None:
        """Takes `seconds` at most once it is this connection's turn."""
        try:
            async with asyncio.timeout_at(until) as limit, self.sign_ins.turn():
                limit.reschedule(None)
                await self._run(wire, lambda wire: wire.bind(), min(seconds, self._left(until)))
        except TimeoutError as error:
            raise Retry("timeout", f"{wire.url}: another connection has been signing in for too long") from error
        finally:
            if not wire.bound:
                self._drop(wire)

    def _rested(self) -> Wire | None:
        while self._idle:
            wire = self._idle.pop()
            if self._clock() - wire.used_at < IDLE and not wire.stale():
                return wire
            wire.close()
        return None

    def _rest(self, wire: Wire) -> None:
        wire.used_at = self._clock()
        self._idle.append(wire)

    def _drop(self, wire: Wire) -> None:
        if not wire.aborted:
            wire.close()

    def _put_last(self, url: Url, code: str) -> None:
        """Another server is asked first from now on; connections to this one may hang as well."""
        if len(self._urls) > 1:
            log.warning("ldap_server_put_last", server=str(url), code=code)
            self._urls.remove(url)
            self._urls.append(url)
        staying = [wire for wire in self._idle if wire.url != url]
        for wire in self._idle:
            if wire.url == url:
                wire.close()
        self._idle = staying

    @staticmethod
    def _left(until: float) -> float:
        return max(until - asyncio.get_running_loop().time(), 0.01)
