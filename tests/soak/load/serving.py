"""`foyer serve` for the harness; with `--no-inbox` the control: what was heard is kept in memory only until it is handled."""

import asyncio
import signal
import sys
from collections import deque
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.bootstrap import App
from bot.config import load
from bot.intake import GiveUp, Handle, Inbox, Received
from bot.server import Server
from connectors.ports.chat import Activity
from knowledge.index import MemoryIndex


class NoInbox(Inbox):
    """Acknowledges what it has only in memory, and takes every delivery for a new one. What an inbox is for is missing."""

    _heard: deque[Received]

    async def record(self, activity: Activity) -> bool:
        self._heard = getattr(self, "_heard", deque())
        # Told apart by its number, since two deliveries of one message are two messages to whoever keeps nothing.
        number = len(self._heard) + 1
        self._heard.append(Received(number, replace(activity, id=f"{activity.id}#{id(activity)}"), 0, activity.at))
        self.on_new()
        return True

    async def mark(self, session: AsyncSession, seq: int, state: str) -> bool:  # type: ignore[override]
        return True

    async def serve(self, handle: Handle, give_up: GiveUp) -> None:
        heard = getattr(self, "_heard", deque[Received]())
        while heard:
            received = heard.popleft()
            try:
                await handle(received)
            except Exception as error:  # as it would be without an inbox: it is gone
                await give_up(received, error)

    async def waiting(self) -> int:
        return len(getattr(self, "_heard", ()))


async def main() -> None:
    settings = load()
    logs.set_up("error", settings.home / "logs" / "foyer.log")
    inbox = NoInbox if "--no-inbox" in sys.argv else Inbox
    foyer = App(settings, index=MemoryIndex(), inbox=inbox)
    server = Server(foyer, port=settings.port)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await foyer.start()
    await server.start()
    await stopped.wait()
    await server.stop()
    await foyer.stop()


if __name__ == "__main__":
    asyncio.run(main())
