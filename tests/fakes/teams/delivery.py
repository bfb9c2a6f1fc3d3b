"""When the bot is told, how often, and what is remembered of it."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import aiohttp

from tests.fakes.teams.connector import Connector
from tests.fakes.teams.faults import Fault, Faults
from tests.fakes.teams.login import Login
from tests.fakes.teams.payloads import Payloads
from tests.fakes.teams.state import Json, Sent


class NotAnswered(AssertionError):
    """An invoke got no 200 in time: the person sees "Something went wrong" in Teams."""


class Delivery(Connector):
    """`patience`: seconds that an answer may take; Teams re-sends what took longer than 15 (documented). `dialog`: the same of what
    opens, fills or closes a dialog (documented: five)."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ""
        """Where activities are posted: http://.../api/messages."""
        self.login = Login(self.app_id, self.app_password, self.tenant)
        self.faults = Faults()
        self.patience = 15.0
        self.dialog = 5.0
        self.signed = True
        self.holding = False
        """Keep messages, edits and deletions in `held` instead of delivering them: a test delivers them itself, in its own order."""
        self.held: list[Json] = []
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def service_url(self) -> str:
        return f"{self.base}/connector/"

    @property
    def payloads(self) -> Payloads:
        return Payloads(self.service_url, self.bot_id, self.bot_name)

    def fail(
        self, method: str, times: int = 1, *, status: int = 429, code: str = "", message: str = "", retry_after: float | None = None,
        apply_first: bool = False, cut: bool = False, skip: int = 0, room: str | None = None,
    ) -> Fault:  # fmt: skip
        """Orders a fault; `method` is one of faults.Method. `room`: only there. See Fault."""
        return self.faults.add(
            method, times, status=status, code=code, message=message, retry_after=retry_after, apply_first=apply_first, cut=cut, skip=skip,
            conversation="" if room is None else self.room(room).id,
        )  # fmt: skip

    async def deliver(self, payload: Json, *, token: str | None = None) -> Sent:
        """One delivery, whatever comes of it. `token`: another one than Teams would give; empty for none."""
        sent = Sent(payload)
        self.deliveries.append(sent)
        if token is None:
            token = self.login.inbound(str(payload.get("serviceUrl", ""))) if self.signed else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        in_dialog = str(payload.get("name")).startswith(("task/", "composeExtension/"))
        limit = aiohttp.ClientTimeout(total=self.dialog if in_dialog else self.patience)
        try:
            async with self._session.post(self.app, json=payload, headers=headers, timeout=limit) as answer:
                body = await answer.text()
                sent.status = answer.status
                sent.body = json.loads(body) if body else None
        except TimeoutError:
            sent.reason = "timeout"
        except ValueError:
            sent.reason = "not_json"
        except (aiohttp.ClientError, OSError):
            sent.reason = "connection_failed"
        return sent

    async def resend(self, sent: Sent | None = None) -> Sent:
        """The same activity once more (the last one): Teams does so when no answer came in time."""
        return await self.deliver((sent or self.deliveries[-1]).payload)

    async def emit(self, payload: Json) -> None:
        """A message, an edit, a deletion, an installation: nobody waits for what is answered."""
        if self.holding:
            self.held.append(payload)
        elif self.app:
            await self.deliver(payload)

    async def ask(self, payload: Json) -> Any:
        """An invoke. Returns the body of the answer."""
        sent = await self.deliver(payload)
        if sent.status != 200:
            raise NotAnswered(f"{payload.get('name')}: {sent.status} {sent.reason} {str(sent.body)[:300]}")
        return sent.body

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Waits for everything that is still under way to the bot."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await self.settle()
        if self._session is not None:
            await self._session.close()
