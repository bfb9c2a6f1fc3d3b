"""The whole product with a language model that nobody here wrote: it helps, and however it breaks, people are answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from bot.chat_client import Api
from connectors.ports.records import new_id
from tests.e2e.foyer import Foyer
from tests.e2e.llmock import FOLDER, Llmock

pytestmark = pytest.mark.timeout(300)
ENGLISH = "How many days of PTO do I carry over?"
GERMAN = "Wie viele Urlaubstage kann ich ins nächste Jahr mitnehmen?"
ANSWER_SECONDS = 20.0
CHAOS = {
    "malformed": {"malformedRate": 1},
    "disconnected": {"disconnectRate": 1},
    "slow": {"latencyMs": 5000},
}


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llmock]:
    made = Llmock(tmp_path_factory.mktemp("llmock") / "llmock.out", FOLDER / "fixtures" / "whole.json")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def foyer(mock: Llmock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foyer]:
    running = Foyer(tmp_path_factory.mktemp("assisted") / "home", ANTHROPIC_API_KEY="sk-ant-nobodys", ANTHROPIC_BASE_URL=mock.url)
    try:
        running.start()
        yield running
    finally:
        running.stop()


class Dana:
    """Talks by the web chat's API."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._here = new_id()

    async def say(self, text: str) -> list[dict[str, Any]]:
        """What is answered, once nothing runs any more."""
        before = (await self._api.call("GET", "/api/v1/messages", conversation=self._here))["seq"]
        await self._api.call("POST", f"/api/v1/conversations/{self._here}/messages", {"id": new_id(), "text": text})
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            if (await self._api.call("GET", "/api/v1/idle"))["idle"]:
                told = await self._api.call("GET", "/api/v1/messages", conversation=self._here, after=str(before))
                return [message["reply"] for message in told["messages"] if message["reply"] is not None]
            await asyncio.sleep(0.05)
        raise AssertionError("it never came to rest")


@pytest.fixture
async def dana(foyer: Foyer) -> AsyncIterator[Dana]:
    async with aiohttp.ClientSession() as session:
        api = Api(session, foyer.url)
        await api.sign_in("dana@acme.example")
        yield Dana(api)


async def test_a_question_in_another_language_is_answered_in_it_with_its_source(mock: Llmock, dana: Dana) -> None:
    (answer,) = await dana.say(GERMAN)
    assert "bis zu 5 Tage" in answer["text"]
    assert [source["title"] for source in answer["citations"]] == ["PTO policy (United States)"]
    assert [entry["body"]["model"] for entry in mock.journal[-2:]] == ["claude-haiku-5-5", "claude-sonnet-5-5"]


async def test_a_request_in_another_language_is_confirmed_before_anything_is_done(dana: Dana) -> None:
    (asked,) = await dana.say("Ich brauche für 30 Tage Zugriff auf Figma als Viewer, bitte")
    assert asked["text"] == "Shall I ask for Figma as viewer for 30 days?"
    assert asked["request"]["state"] == "confirming"
    (done,) = await dana.say("ja")
    assert done["request"]["case"] == asked["request"]["case"]
    assert done["request"]["state"] == "awaiting_approval"


@pytest.mark.parametrize("chaos", CHAOS.values(), ids=CHAOS.keys())
async def test_whatever_becomes_of_the_model_people_are_answered_and_it_helps_again(
    mock: Llmock, dana: Dana, chaos: dict[str, float]
) -> None:
    asked = len(mock.journal)
    mock.break_down(**chaos)
    (answer,) = await dana.say(ENGLISH)
    mock.break_down()
    assert "up to 5 days" in answer["text"]
    assert [source["title"] for source in answer["citations"]] == ["PTO policy (United States)"]
    assert [entry["response"]["status"] for entry in mock.journal[asked:]] != [200]
    (answer,) = await dana.say(GERMAN)
    assert "bis zu 5 Tage" in answer["text"]


async def test_while_the_model_is_rate_limited_people_are_answered(mock: Llmock, dana: Dana) -> None:
    """The last test: whoever is rate limited is left alone for as long as they ask."""
    asked = len(mock.journal)
    mock.break_down(rateLimitRate=1)
    for _ in range(3):
        (answer,) = await dana.say(ENGLISH)
        assert "up to 5 days" in answer["text"]
    assert {entry["response"]["status"] for entry in mock.journal[asked:]} == {429}
