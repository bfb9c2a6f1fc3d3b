"""The client over a socket: what is lost when, what is tried again, and which server is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ldap.client import Change, LdapClient
from tests.connectors.ldap.tree import Clock, settings

BIND, SEARCH, MODIFY = 0x60, 0x63, 0x66
ANSWERS = {BIND: 0x61, SEARCH: 0x65, MODIFY: 0x67}
CHANGE = (Change("replace", "mail", ("x@acme.example",)),)
Reply = Callable[[int, bytes], bytes | None]


def result(asked: int, number: bytes, code: int = 0) -> bytes:
    """An LDAPMessage with a result and nothing else (RFC 4511, BER)."""
    body = number + bytes((ANSWERS[asked], 7, 0x0A, 1, code, 0x04, 0, 0x04, 0))
    return bytes((0x30, len(body))) + body


def fine(asked: int, number: bytes) -> bytes | None:
    return result(asked, number)


class Server:
    """Answers as `reply` says: bytes; None for hanging up; b"" for silence. `asked`: kinds of requests, in their order."""

    def __init__(self) -> None:
        self.reply: Reply = fine
        self.asked: list[int] = []
        self.connections = 0
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(2)
                length = head[1] if head[1] < 0x80 else int.from_bytes(await reader.readexactly(head[1] & 0x7F), "big")
                message = await reader.readexactly(length)
                number, asked = message[: 2 + message[1]], message[2 + message[1]]
                self.asked.append(asked)
                answer = self.reply(asked, number)
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"ldap://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        server.hang_up()


@asynccontextmanager
async def client(*servers: Server, clock: Clock | None = None, **over: Any) -> AsyncIterator[LdapClient]:
    made = LdapClient(settings(**{"url": [server.url for server in servers], "timeout": 5, **over}), clock or Clock())
    try:
        yield made
    finally:
        await made.close()


async def search(ldap: LdapClient) -> None:
    await ldap.search("dc=acme", "(cn=x)", ["cn"])


async def raised(kind: type[Retry], call: Any) -> str:
    with pytest.raises(Retry) as caught:
        await call
    assert type(caught.value) is kind
    return caught.value.code


async def test_a_connection_is_used_again() -> None:
    async with serving() as server, client(server) as ldap:
        for _ in range(3):
            await search(ldap)
        assert server.asked == [BIND, SEARCH, SEARCH, SEARCH]


async def test_one_that_the_server_closed_meanwhile_is_replaced_for_changes_too() -> None:
    async with serving() as server, client(server) as ldap:
        await search(ldap)
        server.hang_up()
        await asyncio.sleep(0.05)
        await ldap.modify("cn=x", CHANGE)
        assert server.asked == [BIND, SEARCH, BIND, MODIFY]


async def test_one_that_rested_too_long_is_not_trusted() -> None:
    clock = Clock()
    async with serving() as server, client(server, clock=clock) as ldap:
        await search(ldap)
        clock.forward(minutes=2)
        await search(ldap)
        assert server.connections == 2


async def test_no_more_connections_than_the_pool_has() -> None:
    async with serving() as server, client(server, pool=2) as ldap:
        await asyncio.gather(*(search(ldap) for _ in range(10)))
        assert server.connections <= 2


async def test_a_refused_password_is_sent_once_whoever_calls_until_it_may_be_tried_again() -> None:
    clock = Clock()
    async with serving() as server, client(server, clock=clock) as ldap:
        server.reply = lambda asked, number: result(asked, number, 49)
        codes = await asyncio.gather(*(raised(Retry, search(ldap)) for _ in range(8)))
        codes.append(await raised(Retry, ldap.modify("cn=x", CHANGE)))
        assert set(codes) == {"bad_credentials"}
        assert server.asked == [BIND]
        server.reply = fine
        clock.forward(seconds=59)
        assert await raised(Retry, search(ldap)) == "bad_credentials"
        clock.forward(seconds=1)
        await search(ldap)
        assert server.asked == [BIND, BIND, SEARCH]


async def test_nobody_waits_longer_than_its_own_time_for_a_bind_that_is_not_answered() -> None:
    async with serving() as server, client(server, timeout=0.6) as ldap:
        server.reply = lambda asked, number: b""
        codes = await asyncio.gather(*(raised(Retry, search(ldap)) for _ in range(4)))
        assert set(codes) == {"timeout"}
        server.reply = fine
        await search(ldap)


async def test_a_read_whose_answer_is_lost_had_no_effect() -> None:
    async with serving() as server, client(server) as ldap:
        server.reply = lambda asked, number: result(asked, number) if asked == BIND else None
        assert await raised(Retry, search(ldap)) == "connection_lost"


async def test_a_change_whose_answer_is_lost_may_have_had_its_effect_and_is_sent_once() -> None:
    async with serving() as server, client(server) as ldap:
        await search(ldap)
        server.reply = lambda asked, number: result(asked, number) if asked == BIND else None
        assert await raised(OutcomeUnknown, ldap.modify("cn=x", CHANGE)) == "connection_lost"
        assert server.asked.count(MODIFY) == 1


async def test_a_change_without_an_answer_may_have_had_its_effect() -> None:
    async with serving() as server, client(server, timeout=0.4) as ldap:
        server.reply = lambda asked, number: result(asked, number) if asked == BIND else b""
        assert await raised(OutcomeUnknown, ldap.modify("cn=x", CHANGE)) == "timeout"
        assert await raised(Retry, search(ldap)) == "timeout"
        server.reply = fine
        await search(ldap)


async def test_a_server_that_trickles_is_cut_off() -> None:
    def trickle(asked: int, number: bytes) -> bytes:
        return result(asked, number) if asked == BIND else b"\x30\x84\x7f\x00\x00\x00"

    async with serving() as server, client(server, timeout=0.4) as ldap:
        server.reply = trickle
        assert await raised(Retry, search(ldap)) == "timeout"


async def test_noise_is_no_answer() -> None:
    async with serving() as server, client(server) as ldap:
        server.reply = lambda asked, number: result(asked, number) if asked == BIND else b"\x30\x03\x02\x01\x63"
        assert await raised(Retry, search(ldap)) == "connection_lost"


async def test_a_cancelled_call_gives_its_connection_up() -> None:
    async with serving() as server, client(server, pool=1) as ldap:
        await search(ldap)
        server.reply = lambda asked, number: b"" if asked == SEARCH else result(asked, number)
        hanging = asyncio.create_task(search(ldap))
        while server.asked.count(SEARCH) < 2:
            await asyncio.sleep(0.01)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        server.reply = fine
        await search(ldap)
        assert server.connections == 2


async def test_the_next_server_is_asked_when_one_is_away_and_goes_on_being_asked() -> None:
    async with serving() as away, serving() as server, client(away, server) as ldap:
        away.reply = lambda asked, number: None
        await search(ldap)
        await search(ldap)
        assert away.connections == 1
        assert server.asked == [BIND, SEARCH, SEARCH]


async def test_a_server_that_hangs_is_asked_last_from_then_on() -> None:
    async with serving() as hung, serving() as server, client(hung, server, timeout=0.6) as ldap:
        await search(ldap)
        hung.reply = lambda asked, number: b""
        assert await raised(Retry, search(ldap)) == "timeout"
        await search(ldap)
        assert server.asked == [BIND, SEARCH]


async def test_all_away_is_told_of_each() -> None:
    async with serving() as one, serving() as other, client(one, other) as ldap:
        one.reply = other.reply = lambda asked, number: None
        with pytest.raises(Retry) as caught:
            await search(ldap)
        assert one.url in caught.value.detail
        assert other.url in caught.value.detail


async def test_wrong_credentials_are_tried_on_one_server_alone() -> None:
    async with serving() as one, serving() as other, client(one, other) as ldap:
        one.reply = other.reply = lambda asked, number: result(asked, number, 49)
        assert await raised(Retry, search(ldap)) == "bad_credentials"
        assert (one.connections, other.connections) == (1, 0)


async def test_a_refusal_keeps_the_connection() -> None:
    async with serving() as server, client(server) as ldap:
        server.reply = lambda asked, number: result(asked, number, 50 if asked == MODIFY else 0)
        with pytest.raises(Refused) as caught:
            await ldap.modify("cn=x", CHANGE)
        assert caught.value.code == "not_permitted"
        await search(ldap)
        assert server.connections == 1


@pytest.mark.parametrize("code", [10, 32, 34])
async def test_an_entry_that_is_not_here_is_none(code: int) -> None:
    async with serving() as server, client(server) as ldap:
        server.reply = lambda asked, number: result(asked, number, code if asked == SEARCH else 0)
        assert await ldap.read("cn=x", ["cn"]) is None


async def test_an_entry_that_cannot_be_asked_for_is_not_taken_for_missing() -> None:
    async with serving() as server, client(server) as ldap:
        server.reply = lambda asked, number: result(asked, number, 13 if asked == SEARCH else 0)
        assert await raised(Retry, ldap.read("cn=x", ["cn"])) == "misconfigured"


async def test_a_wrong_filter_is_the_settings_fault() -> None:
    async with serving() as server, client(server) as ldap:
        with pytest.raises(Retry) as caught:
            await ldap.search("dc=acme", "(cn=x", ["cn"])
        assert caught.value.code == "misconfigured"


async def test_nobody_there_is_unreachable() -> None:
    async with client(url="ldap://127.0.0.1:1") as ldap:
        assert await raised(Retry, search(ldap)) == "unreachable"


@pytest.mark.parametrize(("answers", "asks"), [((), True), ((BIND,), False)])
async def test_a_server_that_hangs_up_at_once_may_wait_for_tls(answers: tuple[int, ...], asks: bool) -> None:
    async with serving() as server, client(server) as ldap:
        server.reply = lambda asked, number: result(asked, number) if asked in answers else None
        with pytest.raises(Retry, match="the server hung up") as caught:
            await search(ldap)
        assert caught.value.detail.endswith("is the port one for ldaps://?") == asks


async def test_tls_is_not_taken_for_granted() -> None:
    async with serving() as server, client(url=server.url.replace("ldap:", "ldaps:")) as ldap:
        assert await raised(Retry, search(ldap)) == "unreachable"
    async with serving() as server, client(server, start_tls=True) as ldap:
        server.reply = lambda asked, number: None
        assert await raised(Retry, search(ldap)) == "connection_lost"
        assert BIND not in server.asked


async def test_a_change_is_not_sent_that_could_not_be_answered_in_time() -> None:
    """Connecting took nearly all of the time: certainly no effect, rather than one that nobody knows of."""
    async with serving() as server, client(server, timeout=1) as ldap:
        connected = ldap._connected

        async def slow(until: float) -> Any:
            wire = await connected(until)
            await asyncio.sleep(until - asyncio.get_running_loop().time() - 0.3)
            return wire

        ldap._connected = slow  # type: ignore[method-assign]
        assert await raised(Retry, ldap.modify("cn=x", CHANGE)) == "timeout"
        assert server.asked == [BIND]
        await ldap.modify("cn=x", CHANGE)
        assert server.asked == [BIND, MODIFY], "by the connection that there is now"


async def test_waiting_for_a_free_connection_is_no_failure_of_the_server() -> None:
    async with serving() as server:
        server.reply = lambda asked, number: b"" if asked == SEARCH else result(asked, number)
        client = LdapClient(settings(url=server.url, timeout=0.4, pool=1), Clock())
        codes = await asyncio.gather(*(client.root() for _ in range(3)), return_exceptions=True)
        assert sorted(getattr(code, "code", "none") for code in codes) == ["busy", "busy", "timeout"]
        await client.close()
