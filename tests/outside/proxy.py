"""Stands between Foyer and a server, and fails as networks and servers fail; keeps a record of what reached the server.

`async with FaultProxy(slapd.port, "ldap") as proxy:` and point Foyer to `proxy.url`. Nothing is disturbed but what was planned:
`proxy.plan(APPLY_THEN_CUT, when=asks("modify"))` strikes the next ModifyRequest after the server has done it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Literal, Self

from tests.outside.wires import CONNECT, START_TLS, WIRES, Asked, Speaks, Told, http_answer, ldap_answer

When = Callable[[Asked], bool]
Kind = Literal["hang", "cut", "cut_request", "cut_answer", "lose_answer", "delay", "answer", "apply_then_answer"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request instead of its way there and back. Made by the functions below."""

    kind: Kind
    after: int = 0
    """cut_request, cut_answer: how many bytes still pass."""
    seconds: float = 0.0
    status: int = 0
    """answer, apply_then_answer: HTTP's status, or LDAP's result code."""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


HANG = Fault("hang")
"""Nothing is passed on, nothing is said, the connection stays. Of a new connection: it is taken, and no word is ever said on it."""
CUT = Fault("cut")
"""The connection is cut before anything is passed on."""
APPLY_THEN_CUT = Fault("cut_answer")
"""The server does it; the connection is cut before a byte of its answer."""
APPLY_THEN_HANG = Fault("lose_answer")
"""The server does it; its answer never comes, the connection stays."""
PAGE = Fault("answer", status=200, body="<!DOCTYPE html><html><body>Sign in</body></html>", headers={"Content-Type": "text/html"})
"""What a proxy or a sign-in page says in the server's place."""


def cut_request(after: int) -> Fault:
    """The server gets the first `after` bytes and then the end of the connection."""
    return Fault("cut_request", after=after)


def cut_answer(after: int) -> Fault:
    """The server does it; `after` bytes of its answer arrive, then the connection is cut."""
    return Fault("cut_answer", after=after)


def delay(seconds: float) -> Fault:
    """The request is passed on later."""
    return Fault("delay", seconds=seconds)


def answer(status: int, body: str = "", headers: Mapping[str, str] = MappingProxyType({})) -> Fault:
    """Answers in the server's place, which hears nothing of it. `status`: HTTP's, or LDAP's result code (busy = 51)."""
    return Fault("answer", status=status, body=body, headers=headers)


def rate_limited(after: float) -> Fault:
    return answer(429, headers={"Retry-After": f"{after:g}"})


def apply_then(status: int, body: str = "") -> Fault:
    """The server does it; what arrives is this instead of its answer (502, or LDAP's 80)."""
    return Fault("apply_then_answer", status=status, body=body)


def always(asked: Asked) -> bool:
    return asked.operation != CONNECT


def asks(*operations: str, target: str = "") -> When:
    """`operations`: LDAP's, HTTP's methods, or "connect" (none: any but that); `target`: part of the DN or path, in any case."""

    def when(asked: Asked) -> bool:
        named = asked.operation in operations if operations else always(asked)
        return named and target.lower() in asked.target.lower()

    return when


@dataclass(slots=True)
class Passed:
    """One request: what was done to it, whether the server got it whole, and what the server said."""

    asked: Asked
    fault: Fault | None = None
    reached: bool = False
    told: int | None = None


@dataclass(slots=True)
class _Planned:
    fault: Fault
    when: When
    times: int | None


class FaultProxy:
    """`log`: every request that came, oldest first. Requests of one connection are taken one after the other."""

    def __init__(self, port: int, speaks: Speaks, *, host: str = "127.0.0.1") -> None:
        self._server: asyncio.Server | None = None
        self._upstream, self._speaks, self._wire = (host, port), speaks, WIRES[speaks]
        self._planned: list[_Planned] = []
        self._open: set[asyncio.Task[None]] = set()
        self.log: list[Passed] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"{self._speaks}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.refuse()

    def plan(self, fault: Fault, *, when: When = always, times: int | None = 1) -> None:
        """Strikes the next `times` requests for which `when` holds (None: all), before what was planned later."""
        self._planned.append(_Planned(fault, when, times))

    def clear(self) -> None:
        """No fault from now on; what hangs goes on hanging until its connection ends."""
        self._planned.clear()

    async def accept(self) -> None:
        """Listens, on the same port as ever."""
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", self.port, limit=2**24)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def refuse(self) -> None:
        """Nobody listens, and what was open is cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Cuts what is open, as a restarted firewall does."""
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        await self.refuse()
        try:
            yield
        finally:
            await self.accept()

    def asked(self, when: When = always) -> list[Passed]:
        return [passed for passed in self.log if when(passed.asked)]

    def reached(self, when: When = always) -> list[Passed]:
        """What the server got whole."""
        return [passed for passed in self.asked(when) if passed.reached]

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            # Either side may go at any time, and the harness cuts by cancelling.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._struck(Passed(Asked(CONNECT)))
        if fault is not None and fault.kind == "hang":
            await _until_gone(reader)
            return
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            return
        up_reader, up_writer = await asyncio.open_connection(*self._upstream, limit=2**24)
        try:
            while True:
                passed = Passed(await self._wire.request(reader))
                if not await self._pass(passed, reader, writer, up_reader, up_writer):
                    return
        finally:
            up_writer.close()

    async def _pass(
        self,
        passed: Passed,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> bool:
        """Whether the connection lives on."""
        asked, fault = passed.asked, self._struck(passed)
        match fault:
            case Fault("hang"):
                await _until_gone(reader)
                return False
            case Fault("cut"):
                return False
            case Fault("answer", status=status, body=body, headers=headers):
                writer.write(ldap_answer(asked, status) if self._speaks == "ldap" else http_answer(status, body, headers))
                await writer.drain()
                return True
            case Fault("cut_request", after=after):
                up_writer.write(asked.raw[:after])
                await up_writer.drain()
                return False
            case Fault("delay", seconds=seconds):
                await asyncio.sleep(seconds)
        up_writer.write(asked.raw)
        await up_writer.drain()
        passed.reached = True
        told = await self._wire.answer(up_reader, asked)
        if told is None:
            return True
        passed.told = told.result
        return await self._tell(asked, told, fault, reader, writer, up_reader, up_writer)

    async def _tell(
        self,
        asked: Asked,
        told: Told,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> bool:
        match fault:
            case Fault("lose_answer"):
                await _until_gone(reader)
                return False
            case Fault("cut_answer", after=after):
                writer.write(told.raw[:after])
                await writer.drain()
                # Closed and not aborted: what was written is to arrive.
                writer.close()
                return False
            case Fault("apply_then_answer", status=status, body=body, headers=headers):
                writer.write(ldap_answer(asked, status) if self._speaks == "ldap" else http_answer(status, body, headers))
                await writer.drain()
                return not told.closes
        writer.write(told.raw)
        await writer.drain()
        if asked.target == START_TLS and told.result == 0:
            # Nothing can be read from here on.
            await asyncio.wait(
                [asyncio.ensure_future(_pump(reader, up_writer)), asyncio.ensure_future(_pump(up_reader, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            return False
        return not told.closes

    def _struck(self, passed: Passed) -> Fault | None:
        """Notes the request, and the fault that was planned for it."""
        self.log.append(passed)
        for planned in self._planned:
            if planned.when(passed.asked):
                if planned.times is not None:
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                passed.fault = planned.fault
                return planned.fault
        return None


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
