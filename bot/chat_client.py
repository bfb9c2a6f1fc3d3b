"""`foyer chat`: the terminal client of the web chat's API.

Utterances are sent one at a time: the next line goes out once nothing is running for this person any more, so that a dialogue piped
in gives the same replies every time.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import aiohttp

from bot.chat_screen import JsonScreen, Screen, as_object, notice, reply_of
from connectors.ports.records import new_id

if TYPE_CHECKING:
    from bot.chat_terminal import TerminalScreen

LOOK_SECONDS = (0.02, 0.25)
"""How long to wait between two looks for replies: it grows from the first to the second while nothing comes."""
PATIENCE_SECONDS = 120.0
"""A line waits no longer for what the previous one started: the person may want to ask what is taking so long."""
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5)


class Unavailable(Exception):
    """The server does not answer, or does not let us in; the text is for the person."""


class Declined(Exception):
    """The server refused one request; the text is its sentence."""


class Api:
    """The few calls of /api/v1 that a chat needs."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._headers: dict[str, str] = {}

    async def sign_in(self, email: str) -> dict[str, Any]:
        """Raises Declined when nobody has this address."""
        return await self.call("POST", "/api/v1/session", {"email": email})

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Raises Declined for a refusal with a sentence, Unavailable when there is no server to speak of."""
        headers, data = dict(self._headers), None
        if body is not None:
            # As UTF-8: escapes would make a long text of emoji three times as long, beyond what a request may have.
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            async with self._session.request(
                method, self._base + path, data=data, params=query, headers=headers, timeout=TIMEOUT
            ) as response:
                content = await response.json(content_type=None)
                # Kept by hand: a cookie jar drops the cookies of hosts that are addresses.
                if response.cookies:
                    self._headers["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in response.cookies.items())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"Foyer at {self._base} does not answer. Is it running? (foyer demo)") from error
        except ValueError as error:
            raise Unavailable(f"What answers at {self._base} is not Foyer.") from error
        if response.status >= 400:
            sentence = content.get("error") if isinstance(content, dict) else None
            raise Declined(sentence or f"The server answered {response.status}.")
        return dict(content)


async def run_chat(
    session: aiohttp.ClientSession,
    base_url: str,
    email: str,
    *,
    json_output: bool,
    conversation: str | None,
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO | None = None,
) -> int:
    """Chats until the end of `stdin`; returns the exit code. 1: no server, not let in, or nobody reads `stdout` any more."""
    errors = stderr or sys.stderr
    try:
        return await _chat(Api(session, base_url), email, json_output, conversation, stdin, stdout)
    except (Unavailable, Declined) as error:
        print(error, file=errors)
        return 1
    except BrokenPipeError:
        with suppress(OSError):
            print("Nobody reads the replies any more.", file=errors)
        return 1


async def _chat(api: Api, email: str, json_output: bool, conversation: str | None, stdin: TextIO, stdout: TextIO) -> int:
    me = await api.sign_in(email)
    here = conversation or new_id()
    lines = _lines(stdin)
    if json_output:
        dialogue = Dialogue(api, here, JsonScreen(stdout))
        await dialogue.begin()
        async for line in lines:
            await dialogue.say(line)
            await dialogue.settle(PATIENCE_SECONDS)
    else:
        from bot.chat_terminal import TerminalScreen  # programs need none of what it draws with

        screen = TerminalScreen(stdout, here)
        screen.welcome(me["name"], me["email"])
        dialogue = Dialogue(api, here, screen)
        await dialogue.begin()
        await _talk(dialogue, screen, lines)
    await dialogue.settle(None)
    return 0


async def _talk(dialogue: "Dialogue", screen: "TerminalScreen", lines: AsyncIterator[str]) -> None:
    """A person types while replies arrive."""
    watching = asyncio.create_task(dialogue.watch())
    typing = asyncio.create_task(_type(dialogue, screen, lines))
    try:
        await asyncio.wait({watching, typing}, return_when=asyncio.FIRST_COMPLETED)
        await (watching if watching.done() else typing)
    finally:
        for task in (watching, typing):
            task.cancel()
        await asyncio.gather(watching, typing, return_exceptions=True)


async def _type(dialogue: "Dialogue", screen: "TerminalScreen", lines: AsyncIterator[str]) -> None:
    screen.prompt()
    async for line in lines:
        screen.line_typed()
        await dialogue.say(line)
        screen.prompt()


class Dialogue:
    """One person's chat: what was shown, and up to where."""

    def __init__(self, api: Api, conversation: str, screen: Screen) -> None:
        self._api = api
        self._conversation = conversation
        self._screen = screen
        self._cursor = 0
        self._shown: dict[str, dict[str, Any]] = {}
        self._where: dict[str, str] = {}
        """Action id -> the conversation in which its button was shown."""
        self._looking = asyncio.Lock()

    async def begin(self) -> None:
        """Shows what waits for this person: approvals, handoffs of their groups, replies they have not seen."""
        waiting = await self._api.call("GET", "/api/v1/waiting")
        self._show(waiting["messages"])
        self._cursor = waiting["seq"]
        await self._seen()

    async def say(self, line: str) -> None:
        """Sends one line: words, or `!ACTION_ID text` for a button. What the server refuses becomes a notice."""
        body: dict[str, Any] = {"id": new_id(), "text": line}
        path = f"/api/v1/conversations/{self._conversation}/messages"
        if line.startswith("!"):
            name, _, words = line[1:].partition(" ")
            action = self._screen.action_id(name)
            body |= {"text": words, "conversation": self._where.get(action, self._conversation)}
            path = f"/api/v1/actions/{action}"
            if not action or not all(c.isascii() and (c.isalnum() or c in "_.:~=-") for c in action):
                self._notice(f"There is no button “{name[:40]}”.")
                return
        try:
            await self._api.call("POST", path, body)
        except Declined as error:
            self._notice(str(error))

    async def settle(self, patience: float | None) -> None:
        """Shows replies until nothing is running for this person; `patience` in seconds, None = however long it takes."""
        start, pause = time.monotonic(), LOOK_SECONDS[0]
        while True:
            idle = (await self._api.call("GET", "/api/v1/idle"))["idle"]
            if await self.look():
                pause = LOOK_SECONDS[0]
            if idle or (patience is not None and time.monotonic() - start > patience):
                await self._seen()
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LOOK_SECONDS[1])

    async def watch(self) -> None:
        """Shows replies as they come, until cancelled."""
        while True:
            if await self.look():
                await self._seen()
                self._screen.prompt()
            await asyncio.sleep(LOOK_SECONDS[1])

    async def look(self) -> bool:
        """Shows what changed since the last look; whether anything did."""
        async with self._looking:
            changed = False
            while True:
                found = await self._api.call("GET", "/api/v1/messages", after=str(self._cursor))
                if not found["messages"]:
                    return changed
                changed = self._show(found["messages"]) or changed
                self._cursor = found["seq"]

    async def _seen(self) -> None:
        await self._api.call("POST", "/api/v1/seen", {"seq": self._cursor})

    def _show(self, messages: list[dict[str, Any]]) -> bool:
        shown = False
        for message in messages:
            reply = reply_of(message)
            if reply is None:
                continue
            judged = (reply.feedback.up, reply.feedback.down) if reply.feedback else ()
            for action in (*reply.actions, *judged):
                self._where[action.id] = message["conversation"]
            now, before = as_object(message["conversation"], reply), self._shown.get(message["id"])
            if now != before:
                self._shown[message["id"]] = now
                self._screen.show(message["conversation"], reply, changed=before is not None)
                shown = True
        return shown

    def _notice(self, text: str) -> None:
        self._screen.show(self._conversation, notice(new_id(), text), changed=False)


async def _lines(stdin: TextIO) -> AsyncIterator[str]:
    """The lines of a file that blocks, without their ends. A thread of its own that the end of the program need not wait for."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        try:
            for line in stdin:
                put(line)
        finally:
            put(None)

    if hasattr(stdin, "reconfigure"):
        stdin.reconfigure(encoding="utf-8", errors="replace")
    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line.rstrip("\n").rstrip("\r")
