"""A system that keeps neither keys nor ends, in memory, with every way in which a call of it can go wrong; and a Foyer that calls it.

`Story` does to it what Foyer does: repeats a key while it may work later, is killed and comes back, gives up and takes back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from bot.database import Sessions
from connectors.calling.ledger import Ledger, Seen
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Effect

Way = Literal["works", "refused", "busy", "cut", "lost", "late", "killed_before", "killed_after", "unseen"]
"""How an act ends. busy: certainly nothing; cut: nothing, and nobody knows; lost: done, and nobody knows; late: done when nobody waits
for it any more; unseen: done, and what is read afterwards cannot be read."""
WAYS: tuple[Way, ...] = ("works", "refused", "busy", "cut", "lost", "late", "killed_before", "killed_after", "unseen")

APPLICATION, ROLE = "figma", "editor"
TRIES = 3


class Killed(BaseException):
    """`kill -9` at this point: nothing of this process runs after it."""


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 9, 16, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class System:
    """Who is a member. `ways`: how the next acts end; those that nothing is said of work."""

    def __init__(self, ways: Iterable[Way] = (), members: Iterable[str] = ()) -> None:
        self.members = set(members)
        self.acts = 0
        self._ways = list(ways)
        self._unreadable = 0
        self._landing: list[Callable[[], None]] = []

    def land(self) -> None:
        """What was under way arrives now."""
        for land in self._landing:
            land()
        self._landing.clear()

    def calls(self, person: str, add: bool) -> tuple[Callable[[], Awaitable[Seen]], Callable[[], Awaitable[None]]]:
        """Look and act of giving (`add`) or taking the access of this person."""

        def apply() -> None:
            (self.members.add if add else self.members.discard)(person)

        async def look() -> Seen:
            if self._unreadable:
                self._unreadable -= 1
                raise Retry("unreachable")
            return Seen(person in self.members, f"member:{person}")

        async def act() -> None:
            self.acts += 1
            way = self._ways.pop(0) if self._ways else "works"
            match way:
                case "refused":
                    raise Refused("not_permitted")
                case "busy":
                    raise Retry("unavailable")
                case "cut":
                    raise OutcomeUnknown("connection_lost")
                case "late":
                    self._landing.append(apply)
                    raise OutcomeUnknown("timeout")
                case "killed_before":
                    raise Killed
            apply()
            match way:
                case "lost":
                    raise OutcomeUnknown("connection_lost")
                case "killed_after":
                    raise Killed
                case "unseen":
                    self._unreadable = 1

        return look, act


class Dying(Sessions):
    """Sessions of a process that is killed before or after its transaction number `at` is committed."""

    def __init__(self, real: Sessions, at: int, when: Literal["before", "after"]) -> None:
        self._real, self._left, self._when = real, at, when

    def __call__(self, **local: Any) -> AsyncSession:
        return self._real(**local)

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        self._left -= 1
        async with self._real.begin() as session:
            yield session
            if self._left == 0 and self._when == "before":
                raise Killed
        if self._left == 0 and self._when == "after":
            raise Killed


class Story:
    """One person's access, from one wish to what became of it. `make`: the ledger of every process that there is in it."""

    def __init__(self, person: str, system: System, clock: Clock, make: Callable[[], Ledger]) -> None:
        self.person, self.system, self.clock, self._make = person, system, clock, make
        self.ledger = make()
        self.until = clock() + timedelta(days=14)

    async def grant(self, key: str, until: datetime | None = None) -> Effect | ConnectorError:
        """As Foyer does it: the same key again while it may work later, by the next process where this one was killed."""
        look, act = self.system.calls(self.person, add=True)
        given = until or self.until

        async def call() -> Effect:
            return await self.ledger.grant(self.person, APPLICATION, ROLE, until=given, key=self.key(key), look=look, act=act)

        return await self._tried(call)

    async def revoke(self, key: str) -> Effect | ConnectorError:
        look, act = self.system.calls(self.person, add=False)

        async def call() -> Effect:
            return await self.ledger.revoke(self.person, APPLICATION, ROLE, key=self.key(key), look=look, act=act)

        return await self._tried(call)

    async def take_back(self, key: str) -> Effect | ConnectorError | None:
        """As the skill takes a grant back: not where the person has it without an end, which nobody here gave. None: left alone."""
        if self.system.members >= {self.person} and await self.end() is None:
            return None
        return await self.revoke(key)

    async def sweep(self, **later: float) -> None:
        """Time passes, and what was lost sight of is looked for."""
        self.clock.now += timedelta(**later)
        for given in await self.ledger.overdue():
            if given.person_key == self.person:
                await self.ledger.settle(given, *self.system.calls(self.person, add=False))

    def key(self, of_theirs: str) -> str:
        return f"{self.person}:{of_theirs}"

    async def end(self) -> datetime | None:
        return (await self.ledger.ends(self.person, APPLICATION)).get((APPLICATION, ROLE))

    async def has_for_ever(self) -> bool:
        """The person has it, and nothing here knows when it ends."""
        return self.person in self.system.members and await self.end() is None

    async def _tried(self, call: Callable[[], Awaitable[Effect]]) -> Effect | ConnectorError:
        problem: ConnectorError = Retry("not_tried")
        for _ in range(TRIES):
            try:
                return await call()
            except Killed:
                self.ledger = self._make()
            except Retry as error:
                problem = error
            except ConnectorError as error:
                return error
        return problem
