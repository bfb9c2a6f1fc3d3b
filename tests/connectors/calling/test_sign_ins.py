"""Who may try a password, and when."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors.calling.sign_ins import SignIns
from connectors.errors import Retry


class Server:
    """Takes the right password; each try takes a turn of the loop."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
        self.sign_ins = SignIns(lambda: self.now)
        self.code: str | None = "bad_credentials"
        self.tried = 0

    async def sign_in(self) -> None:
        async with self.sign_ins.turn():
            self.tried += 1
            await asyncio.sleep(0)
            if self.code is not None:
                raise Retry(self.code, "wrong")


@pytest.fixture
def server() -> Server:
    return Server()


async def test_a_wrong_password_is_tried_once_by_all_together(server: Server) -> None:
    told = await asyncio.gather(*(server.sign_in() for _ in range(8)), return_exceptions=True)
    assert [error.code for error in told if isinstance(error, Retry)] == ["bad_credentials"] * 8
    assert server.tried == 1
    with pytest.raises(Retry, match="wrong; while this Foyer runs it does not try again before 14:01:00 UTC"):
        server.sign_ins.check()


async def test_a_right_one_is_tried_by_each(server: Server) -> None:
    server.code = None
    await asyncio.gather(*(server.sign_in() for _ in range(8)))
    assert server.tried == 8


async def test_what_is_no_refusal_keeps_nobody_from_trying(server: Server) -> None:
    server.code = "timeout"
    await asyncio.gather(*(server.sign_in() for _ in range(8)), return_exceptions=True)
    assert server.tried == 8


async def test_it_waits_longer_after_each_refusal_and_forgets_them_once_it_is_taken(server: Server) -> None:
    async def waits() -> float:
        tried = server.tried
        with pytest.raises(Retry):
            await server.sign_in()
        assert server.tried == tried + 1
        with pytest.raises(Retry) as raised:
            await server.sign_in()
        assert server.tried == tried + 1
        server.now += timedelta(seconds=raised.value.after or 0)
        return (raised.value.after or 0) / 60

    assert [await waits() for _ in range(6)] == [1, 2, 4, 8, 15, 15]
    server.code = None
    await server.sign_in()
    server.code = "bad_credentials"
    assert await waits() == 1
