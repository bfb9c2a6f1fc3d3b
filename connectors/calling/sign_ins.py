"""Foyer's own accounts at other systems get locked by wrong passwords: so one connection at a time tries its password, and once that is
refused nobody tries it again for a while, whoever wants to: a call, what reads in the background, or `foyer doctor`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog

from connectors.errors import Retry
from connectors.ports.records import Clock

log = structlog.get_logger()
FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=15)
"""For which nobody tries after a refusal: doubled with every further one."""


class SignIns:
    """Of one account with one password: another password comes with another process, which tries it at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()
        self._refused: Retry | None = None
        self._until: datetime | None = None
        self._wait = FIRST

    def check(self) -> None:
        """Raises Retry("bad_credentials") while nobody is to try; it says what was refused, and until when."""
        if self._refused is None or self._until is None:
            return
        left = (self._until - self._clock()).total_seconds()
        if left > 0:
            told = f"{self._refused.detail}; while this Foyer runs it does not try again before {self._until:%H:%M:%S} UTC"
            raise Retry(self._refused.code, told, after=left)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Inside, the password is tried: Retry("bad_credentials") from there is its refusal. Waits for whoever tries it now."""
        async with self._turn:
            self.check()
            try:
                yield
            except Retry as error:
                if error.code == "bad_credentials":
                    self._refused, self._until = error, self._clock() + self._wait
                    log.warning("sign_in_refused", seconds=self._wait.total_seconds())
                    self._wait = min(2 * self._wait, LONGEST)
                raise
            self._refused, self._until, self._wait = None, None, FIRST
