"""The fake Messages API as a server: it refuses what the API refuses, streams what a brain thinks, and breaks as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from aiohttp import web

from tests.fakes.anthropic.caching import CHARACTERS, Cache, Cost, tokens
from tests.fakes.anthropic.errors import ApiError
from tests.fakes.anthropic.faults import Fault
from tests.fakes.anthropic.rules import Json, check_body, check_headers, forced_tool, thinks

KEY = "sk-ant-fake"
MAX_BODY = 32 * 1024 * 1024
Brain = Callable[[Json], Any]
"""What comes of a request: the result as JSON, or a Fault."""
Event = tuple[str, Json]


class FakeMessages:
    """One API for one test: `async with FakeMessages(brain) as fake`.

    `requests` are the bodies that it answered or broke on, `counted` those of which it counted tokens, `refused` what was wrong with
    the others.
    """

    def __init__(self, brain: Brain | None = None, *, key: str = KEY, pieces: int = 6) -> None:
        """`pieces`: in how many a result is streamed."""
        self.brain: Brain = brain or (lambda request: {})
        self.key = key
        self.pieces = pieces
        self.requests: list[Json] = []
        self.counted: list[Json] = []
        self.refused: list[str] = []
        self.open = 0
        """Answers that are being given."""
        self.url = ""
        self._cache = Cache()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "FakeMessages":
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def refuse(self) -> None:
        """Connections are refused from now on."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            counting = self._counts(request)
            body = await self._read(request, counting)
        except ApiError as error:
            self.refused.append(error.message)
            return _error(error)
        if counting:
            self.counted.append(body)
            return web.json_response({"input_tokens": tokens(body)})
        self.requests.append(body)
        self.open += 1
        try:
            return await self._answer(request, body)
        finally:
            self.open -= 1

    def _counts(self, request: web.Request) -> bool:
        if request.path not in ("/v1/messages", "/v1/messages/count_tokens"):
            raise ApiError("Not found", status=404, type="not_found_error")
        if request.method != "POST":
            raise ApiError("Method Not Allowed", status=405)
        return request.path.endswith("count_tokens")

    async def _read(self, request: web.Request, counting: bool) -> Json:
        check_headers(request.headers, self.key)
        try:
            body = json.loads(await request.read())
            json.dumps(body, ensure_ascii=False).encode()
        except web.HTTPRequestEntityTooLarge:
            raise ApiError("Request exceeds the maximum size", status=413, type="request_too_large") from None
        except ValueError as error:
            raise ApiError(f"The request body is not valid JSON: {error}") from None
        check_body(body, counting=counting)
        return dict(body)

    async def _answer(self, request: web.Request, body: Json) -> web.StreamResponse:
        thought = self.brain(body)
        fault = thought if isinstance(thought, Fault) else None
        if fault is not None and fault.kind in ("disconnect", "hang"):
            await asyncio.sleep(fault.seconds)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault is not None and fault.kind == "status":
            error = ApiError("as it was told to", status=fault.status, type=fault.type)
            return _error(error, dict(fault.headers))
        if fault is not None and fault.kind == "page":
            return web.Response(status=fault.status, text="<html>Sign in to the network</html>", content_type="text/html")
        return await self._stream(request, body, fault.result if fault is not None else thought, fault)

    async def _stream(self, request: web.Request, body: Json, result: Any, fault: Fault | None) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8", "request-id": "req_fake"})
        await response.prepare(request)
        number = 0
        async for name, data in self._paced(self._events(body, result, fault), fault):
            if fault is not None and fault.kind in ("cut", "error", "malformed_event") and number == fault.events:
                break
            await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
            number += 1
        if fault is not None and fault.kind == "error":
            told = {"type": "error", "error": {"type": fault.type, "message": "as it was told to"}}
            await response.write(f"event: error\ndata: {json.dumps(told)}\n\n".encode())
        if fault is not None and fault.kind == "malformed_event":
            await response.write(b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n')
        if fault is not None and fault.kind == "cut":
            assert request.transport is not None
            request.transport.close()
        return response

    async def _paced(self, events: Iterator[Event], fault: Fault | None) -> AsyncIterator[Event]:
        for event in events:
            if fault is not None and fault.kind == "slow" and event[0] == "content_block_delta":
                await asyncio.sleep(fault.seconds)
            yield event

    def _events(self, body: Json, result: Any, fault: Fault | None) -> Iterator[Event]:
        """In the documented order."""
        cost, said = self._cache.cost(body), json.dumps(result, ensure_ascii=False)
        stopped = "tool_use" if body.get("tools") else "end_turn"
        if fault is not None and fault.kind == "malformed_json":
            said = said[:-1] + ",,"
        if fault is not None and fault.kind in ("refusal", "max_tokens"):
            said, stopped = said[: len(said) // 2], fault.kind
        spent = len(said) // CHARACTERS + 1
        yield "message_start", {"type": "message_start", "message": _message(body, cost)}
        index = 0
        if thinks(body):
            yield from _block(0, {"type": "thinking", "thinking": "", "signature": ""}, [{"type": "signature_delta", "signature": "EqQB"}])
            index, spent = 1, spent + 40
        if body.get("tools"):
            name = forced_tool(body) or body["tools"][0]["name"]
            start = {"type": "tool_use", "id": "toolu_fake", "name": name, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *self._cut(said))]
        else:
            start = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in self._cut(said)]
        yield from _block(index, start, deltas)
        delta = {"stop_reason": stopped, "stop_sequence": None}
        yield "message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": spent}}
        yield "message_stop", {"type": "message_stop"}

    def _cut(self, said: str) -> list[str]:
        size = max(1, -(-len(said) // self.pieces))
        return [said[at : at + size] for at in range(0, len(said), size)]


def _message(body: Json, cost: Cost) -> Json:
    usage = {
        "input_tokens": cost.input,
        "cache_creation_input_tokens": cost.written,
        "cache_read_input_tokens": cost.read,
        "output_tokens": 1,
        "service_tier": "standard",
    }
    named = {"id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"]}
    return {**named, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _block(index: int, start: Json, deltas: list[Json]) -> Iterator[Event]:
    yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": start}
    yield "ping", {"type": "ping"}
    for delta in deltas:
        yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": index}


def _error(error: ApiError, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(error.body, status=error.status, headers={"request-id": "req_fake", **(headers or {})})
