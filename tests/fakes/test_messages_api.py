"""The fake Messages API refuses what the real one refuses, and streams as documented: each strictness has a request that meets it."""

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import aiohttp
import pytest

from tests.fakes.anthropic import FakeMessages, Fault
from tests.fakes.anthropic.server import KEY

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
BODY: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 100,
    "stream": True,
    "system": [{"type": "text", "text": "Say where.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Where is the Louvre?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "place", "input": {"city": "Paris"}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Yes."}, {"type": "text", "text": "And the Prado?"}],
        },
    ],
    "tools": [{"name": "place", "description": "A place.", "input_schema": SCHEMA, "strict": True}],
    "tool_choice": {"type": "tool", "name": "place"},
    "thinking": {"type": "disabled"},
    "output_config": {"effort": "low"},
    "metadata": {"user_id": "13f8a0"},
}
HEADERS = {"x-api-key": KEY, "anthropic-version": "2026-10-21", "content-type": "application/json"}
MISSING = object()
FORMAT = {"type": "json_schema", "schema": SCHEMA}


@pytest.fixture
async def fake() -> AsyncIterator[FakeMessages]:
    async with FakeMessages(lambda request: {"city": "Madrid"}, pieces=3) as made:
        yield made


async def send(
    fake: FakeMessages, body: Any = BODY, *, path: str = "/v1/messages", method: str = "POST", **headers: Any
) -> tuple[int, str]:
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name: value for name, value in given.items() if value is not MISSING}
    async with (
        aiohttp.ClientSession(skip_auto_headers=("content-type",)) as session,
        session.request(method, fake.url + path, data=data, headers=sent) as answer,
    ):
        return answer.status, await answer.text()


def changed(path: str, value: Any, body: Any = BODY) -> Any:
    """The body with something else at messages.0.content, or without it."""
    body = deepcopy(body)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = body
    for part in way:
        place = place[part]
    if value is MISSING:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return body


async def test_a_good_request_is_streamed_in_the_documented_order(fake: FakeMessages) -> None:
    status, said = await send(fake)
    assert status == 200
    events = [dict(line.split(": ", 1) for line in event.split("\n")) for event in said.strip().split("\n\n")]
    assert [event["event"] for event in events] == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 4,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    data = [json.loads(event["data"]) for event in events]
    assert [one["type"] for one in data] == [event["event"] for event in events]
    assert data[0]["message"]["usage"]["input_tokens"] > 0
    assert data[1]["content_block"] == {"type": "tool_use", "id": "toolu_fake", "name": "place", "input": {}}
    assert "".join(one["delta"]["partial_json"] for one in data[3:7]) == '{"city": "Madrid"}'
    assert data[-2]["delta"]["stop_reason"] == "tool_use"
    assert data[-2]["usage"]["output_tokens"] > 0
    assert fake.requests == [BODY]
    assert fake.refused == []


GOOD: dict[str, Any] = {
    "bearer": BODY,
    "system as text": changed("system", "Say where."),
    "no system": changed("system", MISSING),
    "any tool": changed("tool_choice", {"type": "any"}),
    "a tool that is not strict": changed("tools.0", {"name": "place", "input_schema": {"type": "object"}}),
    "four marks": changed("system", [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}] * 4),
    "constrained text": {key: BODY[key] for key in ("model", "max_tokens", "stream")}
    | {"messages": BODY["messages"][:1], "output_config": {"format": FORMAT}},
    "adaptive thinking with a forced tool": changed("thinking", {"type": "adaptive"}),
    "another model": changed(
        "tool_choice", {"type": "auto"}, changed("thinking", {"type": "between_tools"}, changed("model", "claude-sonnet-5-5"))
    ),
}


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
async def test_other_good_requests_are_answered(fake: FakeMessages, body: Any) -> None:
    assert (await send(fake, body, x_api_key=MISSING, authorization=f"Bearer {KEY}"))[0] == 200


def with_schema(**more: Any) -> Any:
    return changed("tools.0.input_schema", {**SCHEMA, **more})


def of_city(schema: Any) -> Any:
    return with_schema(properties={"city": schema})


RESULT_BLOCK = BODY["messages"][2]["content"][0]
BAD: dict[str, Any] = {
    "no model": changed("model", MISSING),
    "no max_tokens": changed("max_tokens", MISSING),
    "max_tokens of nothing": changed("max_tokens", 0),
    "max_tokens as text": changed("max_tokens", "100"),
    "too many max_tokens": changed("max_tokens", 200_000),
    "no stream": changed("stream", False),
    "unknown key": changed("colour", "red"),
    "temperature": changed("temperature", 0.0),
    "metadata that names somebody": changed("metadata", {"user_id": "dana@acme.example"}),
    "metadata of another kind": changed("metadata", {"person": "1"}),
    "no messages": changed("messages", []),
    "begins with the assistant": changed("messages", [{"role": "assistant", "content": "Hi"}]),
    "user twice": changed("messages.1.role", "user"),
    "unknown role": changed("messages.0.role", "system"),
    "ends with the assistant": changed("messages.2", MISSING),
    "empty text": changed("messages.0.content", ""),
    "blank text": changed("messages.0.content", " \n"),
    "no content": changed("messages.0.content", []),
    "content that is a number": changed("messages.0.content", 7),
    "unknown key of a message": changed("messages.0.name", "Dana"),
    "unknown block": changed("messages.2.content.1.type", "video"),
    "a tool's use by the user": changed("messages.2.content.2", BODY["messages"][1]["content"][0]),
    "a tool's result by the assistant": changed("messages.1.content.1", RESULT_BLOCK),
    "a use without its result": changed("messages.2.content", "And the Prado?"),
    "a result without its use": changed("messages.0.content", [RESULT_BLOCK]),
    "a result of another use": changed("messages.2.content.0.tool_use_id", "toolu_2"),
    "a result after text": changed("messages.2.content", [BODY["messages"][2]["content"][1], RESULT_BLOCK]),
    "a use twice": changed("messages.1.content.1", BODY["messages"][1]["content"][0]),
    "a use with text as input": changed("messages.1.content.0.input", "Paris"),
    "system as a number": changed("system", 7),
    "system with a picture": changed("system.0.type", "image"),
    "empty system": changed("system.0.text", ""),
    "a tool without a schema": changed("tools.0.input_schema", MISSING),
    "a tool without a name": changed("tools.0.name", "Where is it?"),
    "unknown key of a tool": changed("tools.0.parameters", {}),
    "two tools of one name": changed("tools.1", BODY["tools"][0]),
    "a tool of an unknown type": changed("tools.0.type", "function"),
    "a choice of no tool": changed("tool_choice.name", "weather"),
    "a choice of an unknown type": changed("tool_choice", {"type": "must"}),
    "a choice as text": changed("tool_choice", "place"),
    "a choice with an unknown key": changed("tool_choice.strict", True),
    "a choice without tools": changed("tools", []),
    "five marks": changed("system", [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5),
    "a mark of an unknown type": changed("system.0.cache_control", {"type": "forever"}),
    "a mark of an unknown time": changed("system.0.cache_control.ttl", "2h"),
    "a long mark after a short one": changed(
        "messages.0.content", [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    ),
    "a mark in the wrong place": changed("output_config.cache_control", {"type": "ephemeral"}),
    "manual thinking": changed("thinking", {"type": "enabled", "budget_tokens": 1024}),
    "thinking with an unknown key": changed("thinking.budget_tokens", 1024),
    "thinking of another model": changed("thinking.type", "between_tools"),
    "no thinking at high effort": changed("output_config.effort", "max"),
    "unknown effort": changed("output_config.effort", "little"),
    "effort on a model without": changed("model", "claude-haiku-4-5"),
    "forced on a model that refuses": changed("thinking", MISSING, changed("model", "claude-sonnet-5-5")),
    "disabled on a model that refuses": changed("tool_choice", MISSING, changed("model", "claude-sonnet-5-5")),
    "an unknown format": changed("output_config.format", {"type": "json_object", "schema": SCHEMA}),
    "a format with an open schema": changed(
        "output_config.format", {"type": "json_schema", "schema": {"type": "object", "properties": {}}}
    ),
    "a schema of a list": changed("tools.0.input_schema", {"type": "array", "items": SCHEMA}),
    "an open schema": with_schema(additionalProperties=True),
    "an open schema within": of_city({"type": "object", "properties": {}}),
    "a required property that is none": with_schema(required=["town"]),
    "a bound of numbers": of_city({"type": "integer", "minimum": 1}),
    "a bound of text": of_city({"type": "string", "maxLength": 10}),
    "a bound of lists": of_city({"type": "array", "items": {"type": "string"}, "maxItems": 3}),
    "two at least": of_city({"type": "array", "items": {"type": "string"}, "minItems": 2}),
    "an unknown format of text": of_city({"type": "string", "format": "iban"}),
    "no type": of_city({"description": "anything"}),
    "an unknown type": of_city({"type": "text"}),
    "a complex enum": of_city({"enum": [["a"]]}),
    "one of several": of_city({"oneOf": [{"type": "string"}]}),
    "a schema of elsewhere": of_city({"$ref": "https://example.com/city.json"}),
    "a schema that leads nowhere": of_city({"$ref": "#/$defs/city"}),
    "a schema within itself": with_schema(
        properties={"city": {"$ref": "#/$defs/c"}},
        **{
            "$defs": {"c": {"type": "object", "properties": {"c": {"$ref": "#/$defs/c"}}, "required": ["c"], "additionalProperties": False}}
        },
    ),
    "too many optional properties": with_schema(properties={f"p{n}": {"type": "string"} for n in range(25)}, required=[]),
    "too many unions": with_schema(
        properties={f"p{n}": {"type": ["string", "null"]} for n in range(17)}, required=[f"p{n}" for n in range(17)]
    ),
    "no object": [],
    "no JSON": b"{",
    "an unpaired surrogate": json.dumps(changed("messages.0.content", "\ud83d")).encode(),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
async def test_a_bad_request_is_refused_with_the_errors_of_the_api(fake: FakeMessages, body: Any) -> None:
    status, said = await send(fake, body)
    assert status == 400
    told = json.loads(said)
    assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error")
    assert fake.refused == [told["error"]["message"]]
    assert fake.requests == []


HEADS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no key": ({"x_api_key": MISSING}, 401, "authentication_error"),
    "a wrong key": ({"x_api_key": "sk-ant-other"}, 401, "authentication_error"),
    "two keys": ({"authorization": f"Bearer {KEY}"}, 401, "authentication_error"),
    "no version": ({"anthropic_version": MISSING}, 400, "invalid_request_error"),
    "an unknown version": ({"anthropic_version": "2020-01-01"}, 400, "invalid_request_error"),
    "an unknown beta": ({"anthropic_beta": "time-travel-2027-01-01"}, 400, "invalid_request_error"),
    "another type": ({"content_type": "text/plain"}, 400, "invalid_request_error"),
    "no type": ({"content_type": MISSING}, 400, "invalid_request_error"),
    "another path": ({"path": "/v1/complete"}, 404, "not_found_error"),
    "another method": ({"method": "PUT"}, 405, "invalid_request_error"),
    "an unknown model": ({"body": changed("model", "claude-sonata-5")}, 404, "not_found_error"),
    "too much": ({"body": b"x" * (32 * 1024 * 1024 + 1)}, 413, "request_too_large"),
}


@pytest.mark.parametrize(("more", "status", "type_"), HEADS.values(), ids=HEADS.keys())
async def test_what_is_wrong_around_the_body_is_refused(fake: FakeMessages, more: dict[str, Any], status: int, type_: str) -> None:
    answered, said = await send(fake, **more)
    assert (answered, json.loads(said)["error"]["type"]) == (status, type_)
    assert fake.requests == []


async def test_tokens_are_counted_of_what_is_read_alone(fake: FakeMessages) -> None:
    body = {key: value for key, value in BODY.items() if key not in ("max_tokens", "stream", "metadata")}
    status, said = await send(fake, body, path="/v1/messages/count_tokens")
    assert (status, json.loads(said)["input_tokens"] > 0) == (200, True)
    assert fake.counted == [body]
    assert (await send(fake, path="/v1/messages/count_tokens"))[0] == 400, "it takes no max_tokens"


async def usage(fake: FakeMessages, body: Any) -> Any:
    _, said = await send(fake, body)
    return json.loads(said.split("data: ", 2)[1].split("\n")[0])["message"]["usage"]


async def test_a_prefix_is_read_from_the_cache_when_it_is_the_same_and_long_enough(fake: FakeMessages) -> None:
    long = changed("system.0.text", "Say where. " * 400)
    first, second = await usage(fake, long), await usage(fake, changed("messages.0.content", "Where is it?", long))
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] > 512
    assert (first["cache_read_input_tokens"], second["cache_creation_input_tokens"]) == (0, 0)
    other_tools = await usage(fake, changed("tools.0.description", "Another.", long))
    assert other_tools["cache_read_input_tokens"] == 0, "tools stand before the system"
    other_model = await usage(
        fake, changed("model", "claude-opus-5-5", changed("tool_choice", MISSING, changed("thinking", MISSING, long)))
    )
    assert other_model["cache_read_input_tokens"] == 0
    unmarked = await usage(fake, changed("system.0.cache_control", MISSING, long))
    assert unmarked["cache_read_input_tokens"] == unmarked["cache_creation_input_tokens"] == 0
    for _ in range(2):
        short = await usage(fake, BODY)
        assert short["cache_read_input_tokens"] == short["cache_creation_input_tokens"] == 0


async def test_a_fault_is_what_a_brain_returns(fake: FakeMessages) -> None:
    fake.brain = lambda request: Fault.failed(429, "rate_limit_error", retry_after="7")
    async with aiohttp.ClientSession() as session, session.post(fake.url + "/v1/messages", json=BODY, headers=HEADERS) as answer:
        assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    fake.brain = lambda request: Fault.disconnect()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await send(fake)
    fake.brain = lambda request: Fault.cut({"city": "Madrid"}, events=5)
    with pytest.raises(aiohttp.ClientPayloadError):
        await send(fake)
    await fake.refuse()
    with pytest.raises(aiohttp.ClientConnectorError):
        await send(fake)
