"""Microsoft's keys: there when they are needed, renewed unnoticed, and not asked for on and on."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from botframework.connector.auth.jwt_token_extractor import _OpenIdMetadata

from connectors.errors import Retry
from connectors.teams.keys import AGAIN, AGE, UNKNOWN, Keys
from tests.connectors.teams.auth_support import Inbound, Seconds, inbound
from tests.fakes.teams.openid import FakeOpenId, served


@pytest.fixture
async def here() -> AsyncIterator[Inbound]:
    async with inbound() as made:
        yield made


async def test_a_rotation_is_not_felt(here: Inbound) -> None:
    assert await here.post() == 200
    here.fake.rotate()
    assert await here.post() == 200
    assert here.fake.asked == 2


async def test_a_key_that_was_withdrawn_is_refused(here: Inbound) -> None:
    before = here.fake.header()
    assert await here.post(headers=before) == 200
    here.fake.rotate()
    assert await here.post() == 200
    assert await here.post(headers=before) == 401


async def test_invented_keys_do_not_make_us_ask_on_and_on(here: Inbound) -> None:
    assert await here.post() == 200
    invented = [here.fake.header(kid=f"invented-{number}") for number in range(20)]
    assert await asyncio.gather(*(here.post(headers=header) for header in invented)) == [401] * 20
    assert here.fake.asked == 2
    here.seconds.forward(UNKNOWN)
    here.fake.rotate()
    assert await here.post() == 200
    assert here.fake.asked == 3


async def test_many_at_once_ask_once(here: Inbound) -> None:
    assert await asyncio.gather(*(here.post() for _ in range(10))) == [200] * 10
    assert here.fake.asked == 1


async def test_they_are_warm_before_the_first_message(here: Inbound) -> None:
    assert here.adapter is not None
    await here.adapter.warm()
    await here.adapter.warm()
    assert here.fake.asked == 1
    here.fake.status = 500
    assert await here.post() == 200


async def test_they_are_renewed_once_a_day_and_hold_while_that_fails(here: Inbound) -> None:
    assert await here.post() == 200
    here.seconds.forward(AGE)
    here.fake.status = 500
    assert await here.post() == 200
    here.fake.status = 200
    here.seconds.forward(AGAIN)
    assert await here.post() == 200
    assert here.fake.asked == 2


@pytest.mark.parametrize("body", ["no JSON", "{}", "[]", '{"keys": 5}', '{"keys": [{"kty": "RSA", "kid": "key-1", "n": "AQAB"}]}'])
async def test_without_them_nobody_is_let_in_and_nobody_is_refused_for_ever(here: Inbound, body: str) -> None:
    here.fake.body = body
    assert await here.post() == 503
    assert here.handled == []
    assert here.deliveries.broken is None
    here.fake.body = None
    assert await here.post() == 503
    here.seconds.forward(AGAIN)
    assert await here.post() == 200


async def test_fetching_them_ends() -> None:
    fake = FakeOpenId(hanging=asyncio.Event())
    async with served(fake):
        with pytest.raises(Retry, match="cannot fetch the keys"):
            await Keys(fake.url, Seconds(), timeout=0.1).get("key-1")


async def test_what_else_is_published_there_is_left_alone() -> None:
    fake = FakeOpenId()
    async with served(fake):
        odd: list[Any] = [{"kty": "EC", "kid": "ec"}, {"kty": "RSA"}, {"kty": "RSA", "kid": "broken", "n": "?", "e": "AQAB"}]
        fake.body = json.dumps({"keys": [*odd, fake.keys[0].published()]})
        keys = Keys(fake.url, Seconds())
        assert await keys.get("broken") is None
        found = await keys.get("key-1")
        assert found is not None
        assert "msteams" in found.endorsements


class Witness:
    """A server in a thread of its own, which asks whether the loop of whoever asks it turns meanwhile."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._turned = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.saw_it_turn: bool | None = None
        self._thread = threading.Thread(target=self._answer)

    async def while_asked(self, asking: Awaitable[object]) -> bool | None:
        self._thread.start()
        asyncio.get_running_loop().call_later(0.02, self._turned.set)
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.to_thread(self._thread.join)
        self._listening.close()
        return self.saw_it_turn

    def _answer(self) -> None:
        asked, _ = self._listening.accept()
        with asked:
            asked.recv(65_536)
            self.saw_it_turn = self._turned.wait(self._patience)
            asked.sendall(b"HTTP/1.1 500 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def test_everything_else_goes_on_while_keys_are_fetched() -> None:
    witness = Witness(patience=30.0)
    assert await witness.while_asked(Keys(witness.url, Seconds(), timeout=60.0).get("key-1")) is True


async def test_the_library_stands_still_while_it_fetches_keys() -> None:
    witness = Witness(patience=0.3)
    assert await witness.while_asked(_OpenIdMetadata(witness.url).get("key-1")) is False
