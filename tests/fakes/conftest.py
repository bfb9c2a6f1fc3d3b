"""A fake Slack with two people and a room, and a Bolt app that hears it."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.heard import Heard, served
from tests.fakes.slack import FakeSlack


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack.serve() as fake:
        fake.add_user("U0ANN", "Ann Lee", "ann@acme.example")
        fake.add_user("U0BOB", "Bob Ray", "bob@acme.example")
        fake.add_room("C0HELP", "help", ["U0ANN", "U0BOB"])
        yield fake


@pytest.fixture
def client(fake: FakeSlack) -> AsyncWebClient:
    return AsyncWebClient(token=fake.bot_token, base_url=fake.url, timeout=5)


@pytest.fixture
async def heard(fake: FakeSlack) -> AsyncIterator[Heard]:
    heard = Heard(fake)
    async with served(heard, fake):
        yield heard
