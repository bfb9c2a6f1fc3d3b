"""Takes payloads to the app: signed over HTTP, or over the Socket Mode socket when no address is set."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.fakes.slack.events import INTERACTIONS, signature
from tests.fakes.slack.state import Json, Sent


def kind_of(payload: Mapping[str, Any]) -> str:
    """The event's type, the interaction's type, or "command"."""
    if "command" in payload:
        return "command"
    if payload.get("type") == "event_callback":
        return str(payload["event"]["type"])
    return str(payload.get("type"))


class Courier:
    """`patience`: seconds that an answer may take. Latencies are in `Sent.seconds`."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.app = ""
        self.patience = 3.0
        self._session: aiohttp.ClientSession | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._acks: dict[str, asyncio.Future[Json]] = {}
        self._envelopes = 0

    @property
    def connected(self) -> bool:
        return bool(self._sockets)

    async def close(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
        if self._session is not None:
            await self._session.close()

    async def take(
        self, payload: Json, *, event_id: str = "", retry_num: int = 0, reason: str = "", signed: bool = True, timestamp: int | None = None
    ) -> Sent:
        """One delivery, whatever comes of it."""
        sent = Sent(kind_of(payload), event_id, payload, retry_num=retry_num)
        began = time.perf_counter()
        if not self.app and self._sockets:
            await self._over_socket(sent, retry_num, reason)
        else:
            await self._over_http(sent, retry_num, reason, signed, timestamp)
        sent.seconds = time.perf_counter() - began
        return sent

    async def _over_http(self, sent: Sent, retry_num: int, reason: str, signed: bool, timestamp: int | None) -> None:
        if sent.kind == "command":
            body, mime = urlencode(sent.payload).encode(), "application/x-www-form-urlencoded"
        elif sent.kind in INTERACTIONS:
            body, mime = urlencode({"payload": json.dumps(sent.payload)}).encode(), "application/x-www-form-urlencoded"
        else:
            body, mime = json.dumps(sent.payload).encode(), "application/json"
        at = str(int(time.time()) if timestamp is None else timestamp)
        headers = {
            "Content-Type": mime,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": signature(self.secret if signed else "forged", at, body),
        }
        if retry_num:
            headers |= {"X-Slack-Retry-Num": str(retry_num), "X-Slack-Retry-Reason": reason}
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        try:
            limit = aiohttp.ClientTimeout(total=self.patience)
            async with self._session.post(self.app, data=body, headers=headers, timeout=limit, allow_redirects=False) as answer:
                sent.body = await answer.text()
                sent.status = answer.status
                sent.reason = "" if sent.acked else "http_error"
        except TimeoutError:
            sent.reason = "http_timeout"
        except (aiohttp.ClientError, OSError):
            sent.reason = "connection_failed"

    async def _over_socket(self, sent: Sent, retry_num: int, reason: str) -> None:
        self._envelopes += 1
        envelope_id = f"envelope-{self._envelopes}"
        kind = {"command": "slash_commands"}.get(sent.kind, "interactive" if sent.kind in INTERACTIONS else "events_api")
        told: Json = {"envelope_id": envelope_id, "type": kind, "payload": sent.payload, "accepts_response_payload": kind != "events_api"}
        if kind == "events_api":
            told |= {"retry_attempt": retry_num, "retry_reason": reason}
        self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await self._sockets[self._envelopes % len(self._sockets)].send_str(json.dumps(told))
            answer = await asyncio.wait_for(self._acks[envelope_id], self.patience)
            sent.status, sent.body = 200, json.dumps(answer["payload"]) if answer.get("payload") else ""
        except TimeoutError:
            sent.reason = "timeout"
        except ConnectionError:
            sent.reason = "connection_failed"
        finally:
            del self._acks[envelope_id]

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """One Socket Mode connection of the app, until it goes."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": len(self._sockets) + 1, "connection_info": {}}))
        self._sockets.append(socket)
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    answer = json.loads(message.data)
                    waiting = self._acks.get(answer.get("envelope_id", ""))
                    if waiting is not None and not waiting.done():
                        waiting.set_result(answer)
        finally:
            self._sockets.remove(socket)
        return socket
