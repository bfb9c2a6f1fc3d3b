"""The proxy that disturbs: each fault does what it says, to the request that it is meant for and to no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.outside.proxy import (
    APPLY_THEN_CUT,
    APPLY_THEN_HANG,
    CUT,
    HANG,
    PAGE,
    Fault,
    FaultProxy,
    answer,
    apply_then,
    asks,
    cut_answer,
    cut_request,
    delay,
    rate_limited,
)
from tests.outside.wires import CONNECT, WIRES, Speaks

PATIENCE, A_WHILE = 10.0, 0.05
"""Seconds to wait for what will come, and for what will not."""


class Server:
    """Answers every message with the same, and keeps the operations of those that came whole."""

    def __init__(self, speaks: Speaks) -> None:
        self._wire, self._answer = WIRES[speaks], ANSWERS[speaks]
        self.done: list[str] = []
        self.ended_early = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await self._wire.request(reader)
                self.done.append(asked.operation)
                writer.write(self._answer[asked.operation])
                await writer.drain()
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.ended_early.set()
        finally:
            writer.close()


# Messages as OpenLDAP's commands and curl send them.
MODIFY = bytes.fromhex("3031020101662c04147569643d64616e612c64633d61636d652c6f3d78301430120a0102300d04057469746c65310404024954")
SEARCH = bytes.fromhex("302c0201036327040764633d61636d650a01020a0100020100020100010100870b6f626a656374436c6173733000")
MODIFIED = bytes.fromhex("300c02010167070a010004000400")
FOUND = bytes.fromhex("3010020103640b040764633d61636d653000" + "300c02010365070a010004000400")
PATCH = b"PATCH /scim/v2/Groups/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET /scim/v2/Users?filter=x HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ANSWERS: dict[Speaks, dict[str, bytes]] = {"ldap": {"modify": MODIFIED, "search": FOUND}, "http": {"PATCH": LENGTH, "GET": CHUNKED}}
CHANGE: dict[Speaks, bytes] = {"ldap": MODIFY, "http": PATCH}
READ: dict[Speaks, bytes] = {"ldap": SEARCH, "http": GET}
CHANGES: dict[Speaks, str] = {"ldap": "modify", "http": "PATCH"}
READS: dict[Speaks, str] = {"ldap": "search", "http": "GET"}


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, raw: bytes) -> bytes:
        """What comes; b"" when the connection ended."""
        self._writer.write(raw)
        return await self.hear(PATIENCE)

    async def hear(self, seconds: float) -> bytes:
        try:
            return await asyncio.wait_for(self._reader.read(65536), seconds)
        except ConnectionError:
            return b""

    async def asks_in_vain(self, raw: bytes) -> bool:
        """Whether nothing comes, not even the end of the connection."""
        self._writer.write(raw)
        try:
            await self.hear(A_WHILE)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._writer.close()


class Stage:
    def __init__(self, speaks: Speaks, server: Server, proxy: FaultProxy) -> None:
        self.speaks, self.server, self.proxy = speaks, server, proxy
        self.change, self.read = CHANGE[speaks], READ[speaks]
        self.changes, self.reads = asks(CHANGES[speaks]), asks(READS[speaks])
        self.answer = ANSWERS[speaks][CHANGES[speaks]]
        self._clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.proxy.port))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


@asynccontextmanager
async def staged(speaks: Speaks) -> AsyncIterator[Stage]:
    server = Server(speaks)
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    async with listening, FaultProxy(listening.sockets[0].getsockname()[1], speaks) as proxy:
        stage = Stage(speaks, server, proxy)
        yield stage
        stage.close()


@pytest.fixture(params=["ldap", "http"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(request.param) as stage:
        yield stage


async def test_passes_everything_on_where_nothing_is_planned(stage: Stage) -> None:
    """The negative control: the same harness without a fault loses nothing."""
    client = await stage.client()
    for raw, operation in ((stage.change, CHANGES[stage.speaks]), (stage.read, READS[stage.speaks])):
        assert await client.ask(raw) == ANSWERS[stage.speaks][operation]
    assert stage.server.done == [CHANGES[stage.speaks], READS[stage.speaks]]
    assert [passed.fault for passed in stage.proxy.log] == [None, None, None]
    assert [passed.asked.operation for passed in stage.proxy.reached()] == stage.server.done


@pytest.mark.parametrize(
    ("fault", "applied", "hangs"),
    [
        (HANG, False, True),
        (CUT, False, False),
        (cut_request(9), False, False),
        (APPLY_THEN_CUT, True, False),
        (APPLY_THEN_HANG, True, True),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
async def test_strikes_what_it_is_meant_for_once(stage: Stage, fault: Fault, applied: bool, hangs: bool) -> None:
    stage.proxy.plan(fault, when=stage.changes)
    client = await stage.client()
    assert await client.ask(stage.read)
    if hangs:
        assert await client.asks_in_vain(stage.change)
    else:
        assert await client.ask(stage.change) == b""
    assert stage.server.done.count(CHANGES[stage.speaks]) == applied == len(stage.proxy.reached(stage.changes))
    again = await stage.client()
    assert await again.ask(stage.change) == stage.answer
    assert stage.server.done.count(CHANGES[stage.speaks]) == 1 + applied


async def test_a_cut_request_never_comes_whole(stage: Stage) -> None:
    stage.proxy.plan(cut_request(9), when=stage.changes)
    await (await stage.client()).ask(stage.change)
    async with asyncio.timeout(PATIENCE):
        await stage.server.ended_early.wait()
    assert stage.server.done == []


async def test_cuts_in_the_middle_of_an_answer(stage: Stage) -> None:
    stage.proxy.plan(cut_answer(5))
    client = await stage.client()
    assert await client.ask(stage.change) == stage.answer[:5]
    assert await client.ask(stage.change) == b""


async def test_delays(stage: Stage) -> None:
    stage.proxy.plan(delay(10 * A_WHILE))
    client = await stage.client()
    assert await client.asks_in_vain(stage.change)
    assert stage.server.done == []
    assert await client.hear(PATIENCE) == stage.answer


async def test_refuses_and_listens_again_on_the_same_port(stage: Stage) -> None:
    client = await stage.client()
    assert await client.ask(stage.change) == stage.answer
    async with stage.proxy.down():
        assert await client.ask(stage.change) == b""
        with pytest.raises(ConnectionRefusedError):
            await stage.client()
    assert await (await stage.client()).ask(stage.change) == stage.answer


async def test_takes_a_connection_and_says_nothing(stage: Stage) -> None:
    stage.proxy.plan(HANG, when=asks(CONNECT))
    client = await stage.client()
    assert await client.asks_in_vain(stage.change)
    assert await client.asks_in_vain(stage.change)
    assert stage.server.done == []
    assert await (await stage.client()).ask(stage.change) == stage.answer


async def test_strikes_as_often_as_planned_until_cleared(stage: Stage) -> None:
    stage.proxy.plan(CUT, times=2)
    heard = [await (await stage.client()).ask(stage.change) for _ in range(3)]
    assert heard == [b"", b"", stage.answer]
    stage.proxy.plan(CUT, times=None)
    heard = [await (await stage.client()).ask(stage.change) for _ in range(3)]
    assert heard == [b"", b"", b""]
    stage.proxy.clear()
    assert await (await stage.client()).ask(stage.change) == stage.answer


async def test_aims_by_target(stage: Stage) -> None:
    other, mine = {"ldap": ("dc=elsewhere", "UID=Dana,"), "http": ("/Users", "/groups/7")}[stage.speaks]
    stage.proxy.plan(CUT, when=asks(target=other), times=None)
    assert await (await stage.client()).ask(stage.change) == stage.answer
    stage.proxy.plan(CUT, when=asks(target=mine), times=None)
    assert await (await stage.client()).ask(stage.change) == b""


async def test_http_is_answered_in_the_servers_place() -> None:
    async with staged("http") as stage:
        client = await stage.client()
        for fault, begins, holds in (
            (rate_limited(2.5), b"HTTP/1.1 429 ", b"Retry-After: 2.5\r\n"),
            (answer(500), b"HTTP/1.1 500 ", b"Content-Length: 0\r\n"),
            (PAGE, b"HTTP/1.1 200 ", b"<html>"),
        ):
            stage.proxy.plan(fault)
            heard = await client.ask(PATCH)
            assert heard.startswith(begins)
            assert holds in heard
        assert stage.server.done == []
        stage.proxy.plan(apply_then(502))
        heard = await client.ask(PATCH)
        assert heard.startswith(b"HTTP/1.1 502 ")
        assert stage.server.done == ["PATCH"]
        assert [(passed.reached, passed.told) for passed in stage.proxy.asked()] == [(False, None)] * 3 + [(True, 200)]


async def test_ldap_is_answered_in_the_servers_place() -> None:
    async with staged("ldap") as stage:
        client = await stage.client()
        for fault, done in ((answer(51), []), (apply_then(80), ["modify"])):
            stage.proxy.plan(fault)
            reader = asyncio.StreamReader()
            reader.feed_data(await client.ask(MODIFY))
            told = await WIRES["ldap"].answer(reader, stage.proxy.log[-1].asked)
            assert told is not None
            assert (told.result, stage.server.done) == (fault.status, done)
