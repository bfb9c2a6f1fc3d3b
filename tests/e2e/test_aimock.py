"""Claude's connector against an API that nobody here wrote: it understands what is sent, and each way to break has its code."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.anthropic.connector import Claude
from connectors.anthropic.settings import ClaudeSettings
from connectors.errors import ConnectorError, Retry
from connectors.ports.language import NOBODY, Ask, Prompt, Unusable, Usage
from tests.e2e.llmock import FOLDER, Llmock

KEY = "sk-ant-nobodys"


def shape(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT = {"type": "string"}
WISH = shape(act=TEXT, skill=TEXT, said=TEXT, confidence={"type": "number"})
RECOGNITION = Ask(
    Prompt("recognition", 1, "Say what the employee wants."),
    "small",
    "<own_words>Ich brauche Figma</own_words>",
    shape(language=TEXT, wishes={"type": "array", "items": WISH}),
    NOBODY,
    stable="Skills: grant_access.",
    first=20.0,
)
SENTENCE = shape(passage={"type": "integer"}, quote=TEXT, text=TEXT)
ANSWER = Ask(
    Prompt("answer", 1, "Answer from the passages."),
    "large",
    "Wie viele Tage Urlaub darf ich mitnehmen?",
    shape(covered={"type": "boolean"}, sentences={"type": "array", "items": SENTENCE}),
    NOBODY,
    first=20.0,
)

Start = Callable[..., Llmock]


@pytest.fixture
def llmock(tmp_path: Path) -> Iterator[Start]:
    """Starts one with these flags."""
    started: list[Llmock] = []

    def start(*flags: str) -> Llmock:
        made = Llmock(tmp_path / "llmock.out", FOLDER / "fixtures" / "adapter.json", *flags)
        started.append(made)
        made.start()
        return made

    yield start
    for one in started:
        one.stop()


@asynccontextmanager
async def claude_at(mock: Llmock) -> AsyncIterator[Claude]:
    made = Claude(ClaudeSettings(KEY, mock.url))
    yield made
    await made.close()


async def test_a_tool_that_must_be_called_gives_what_is_recognised(llmock: Start) -> None:
    async with claude_at(llmock()) as claude:
        completion = await claude.complete(RECOGNITION)
    assert completion.result["language"] == "de"
    assert completion.result["wishes"] == [{"act": "skill", "skill": "grant_access", "said": "Ich brauche Figma", "confidence": 0.9}]
    assert completion.model == "claude-haiku-5-5"
    assert completion.usage == Usage(input=812, output=64)


async def test_constrained_text_gives_an_answer_that_is_seen_to_grow(llmock: Start) -> None:
    seen: list[Any] = []

    async def watch(so_far: Any) -> None:
        seen.append(so_far)

    async with claude_at(llmock()) as claude:
        completion = await claude.complete(ANSWER, watch=watch)
    assert completion.result["covered"] is True
    assert completion.result["sentences"][0]["text"] == "Sie dürfen fünf Tage mitnehmen 🙂."  # type: ignore[index,call-overload]
    assert completion.model == "claude-sonnet-5-5"
    assert len(seen) > 3
    assert seen[-1] == completion.result


async def test_its_journal_holds_what_was_sent_and_not_the_key(llmock: Start) -> None:
    mock = llmock()
    async with claude_at(mock) as claude:
        await claude.complete(RECOGNITION)
    (entry,) = mock.journal
    assert (entry["method"], entry["path"], entry["response"]["status"]) == ("POST", "/v1/messages", 200)
    body = entry["body"]
    assert (body["model"], body["stream"], body["max_tokens"]) == ("claude-haiku-5-5", True, RECOGNITION.max_tokens)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert RECOGNITION.prompt.text in body["messages"][0]["content"]
    assert RECOGNITION.stable in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == RECOGNITION.content
    (tool,) = body["tools"]
    assert (tool["function"]["name"], tool["function"]["parameters"]) == ("recognition", RECOGNITION.shape)
    assert entry["headers"]["anthropic-version"]
    assert KEY not in str(entry)


async def code(mock: Llmock, ask: Ask = RECOGNITION) -> tuple[type[ConnectorError], str, float | None]:
    """What asking ends in; it is sent once."""
    async with claude_at(mock) as claude:
        with pytest.raises(ConnectorError) as raised:
            await claude.complete(ask)
    assert KEY not in str(raised.value)
    assert ask.content not in str(raised.value)
    assert len(mock.journal) == 1
    return type(raised.value), raised.value.code, getattr(raised.value, "after", None)


async def test_what_no_fixture_matches_is_refused(llmock: Start) -> None:
    assert await code(llmock(), replace(RECOGNITION, content="Who are you?")) == (Retry, "server_error", None)


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [("something else", Unusable, "schema"), ("in prose", Unusable, "malformed"), ("on a busy day", Retry, "overloaded")],
)
async def test_what_is_no_result_has_its_code(llmock: Start, content: str, kind: type[ConnectorError], expected: str) -> None:
    assert await code(llmock(), replace(ANSWER, content=content)) == (kind, expected, None)


async def test_a_rate_limit_says_how_long(llmock: Start) -> None:
    kind, expected, after = await code(llmock("--chaos-ratelimit", "1"))
    assert (kind, expected) == (Retry, "rate_limited")
    assert after is not None
    assert after > 0


async def test_malformed_json_is_malformed(llmock: Start) -> None:
    assert await code(llmock("--chaos-malformed", "1")) == (Unusable, "malformed", None)


async def test_a_closed_connection_is_unreachable(llmock: Start) -> None:
    assert await code(llmock("--chaos-disconnect", "1")) == (Retry, "unreachable", None)


async def test_what_takes_too_long_is_late(llmock: Start) -> None:
    async with claude_at(llmock("--chaos-latency", "5000")) as claude:
        with pytest.raises(Unusable) as raised:
            await claude.complete(replace(RECOGNITION, first=0.5))
    assert raised.value.code == "late"
