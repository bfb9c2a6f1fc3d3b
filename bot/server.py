"""The aiohttp application: the web chat with /api/v1, the console, health and metrics; and the operator's socket."""

import os
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.bootstrap import App
from bot.console.articles import add_articles
from bot.console.gaps import add_gaps
from bot.console.inbox import add_inbox
from bot.console.reset import add_reset
from bot.console.step_up import add_step_up
from bot.console.understanding import add_understanding
from bot.console.uploads import add_uploads
from bot.control import COMMANDS
from bot.home import Owner, Refusal
from bot.sign_in import SandboxSignIn
from connectors.sandbox.pages import add_reset_page
from connectors.web.render import safe_html
from connectors.web.routes import WebChat

log = structlog.get_logger()
SOCKET_LENGTH = 100
"""The longest path that a unix socket may have is 108 bytes on Linux and fewer elsewhere."""
OPERATORS_LARGEST = 36 * 1024**2
"""Bytes of a command: the largest file that the library takes, in base64."""


class Server:
    """Serves one App on a port, and on a unix socket that only this machine's operator can open."""

    def __init__(self, app: App, *, port: int | None) -> None:
        self.app = app
        self._port = port
        self._runners: list[web.AppRunner] = []
        self.socket = _socket_path(app.home.path)
        self.url = app.settings.base_url

    async def start(self) -> None:
        """Raises OSError when the port is taken."""
        because = self.app.sign_in_off
        if self.app.settings.sandbox_sign_in is not False and because is not None:
            log.warning("sandbox_sign_in_off", because=because)
        await self._serve(self._application(because is None))
        if self._port is not None:
            await web.TCPSite(self._runners[0], self.app.settings.host, self._port).start()
        operator = self._application(True, largest=OPERATORS_LARGEST)
        operator.router.add_post("/control/{command}", self._control)
        await self._serve(operator)
        with suppress(FileNotFoundError):
            os.unlink(self.socket)
        await web.UnixSite(self._runners[1], self.socket).start()
        os.chmod(self.socket, 0o600)
        self.app.home.announce(Owner(os.getpid(), self.url, self.socket))

    @property
    def bound(self) -> int:
        """The port that it listens on, when 0 asked for a free one."""
        return int(self._runners[0].addresses[0][1])

    async def stop(self) -> None:
        for runner in reversed(self._runners):
            await runner.cleanup()
        with suppress(FileNotFoundError):
            os.unlink(self.socket)

    async def _serve(self, application: web.Application) -> None:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        self._runners.append(runner)

    def _application(self, may_choose: bool, largest: int = 8_000_000) -> web.Application:
        """`may_choose`: whoever reaches it may choose who they are, if the installation lets anybody. `largest`: bytes of a JSON body."""
        app = self.app
        application = web.Application(client_max_size=largest)
        chooses = may_choose and app.settings.sandbox_sign_in is not False
        sign_in = SandboxSignIn(app.outside.ports["people"], app.people, app.sandbox_people) if chooses else None
        secret, address = app.home.key("web session"), app.settings.public_url
        chat = WebChat(app.web, app.inbox, sign_in, app.busy, secret=secret, clock=app.clock, address=address)
        chat.add_to(application)
        add_step_up(application, chat.guard, app.step_ups)
        if app.resets is not None:
            add_reset(application, chat.guard, app.resets)
        vocabulary = app.settings.organisation.audience
        add_articles(application, chat.guard, app.people.by_email, app.library, words=app.words, html=safe_html, vocabulary=vocabulary)
        add_uploads(application, chat.guard, app.people.by_email, app.uploads, words=app.words)
        add_gaps(application, chat.guard, app.people.by_email, app.gaps, app.reviews, words=app.words, name_of=app.people.name)
        person_of, name_of = app.people.by_email, app.people.name
        add_understanding(application, chat.guard, person_of, app.lessons, app.versions, words=app.words, name_of=name_of)
        if app.company is not None:
            add_inbox(application, chat.guard, app.people.by_email, app.company.inbox)
            add_reset_page(application, app.company, partial(chat.guard.anyone, html=True))
        for platform in app.platforms:
            platform.add_to(application)
        application.router.add_get("/healthz", _alive)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/metrics", self._metrics)
        return application

    async def _ready(self, request: web.Request) -> web.Response:
        """Whether a message would be recorded: the database answers."""
        try:
            async with self.app.sessions() as session:
                await session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return web.json_response({"status": "the database does not answer"}, status=503)
        return web.json_response({"status": "ready"})

    async def _metrics(self, request: web.Request) -> web.Response:
        self.app.metrics.waiting.labels("inbox").set(await self.app.inbox.waiting())
        self.app.metrics.waiting.labels("outbox").set(await self.app.outbox.waiting())
        self.app.metrics.waiting.labels("held").set(await self.app.held.count())
        return web.Response(body=self.app.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _control(self, request: web.Request) -> web.Response:
        """A command of the operator, from another process of theirs."""
        command = COMMANDS.get(request.match_info["command"])
        if command is None:
            return web.json_response({"error": "There is no such command."}, status=404)
        try:
            return web.json_response({"result": await command(self.app, await request.json())})
        except Refusal as refusal:
            return web.json_response({"error": str(refusal)}, status=409)


async def _alive(request: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


def _socket_path(home: Path) -> str:
    path = str(home / "foyer.sock")
    if len(path.encode()) <= SOCKET_LENGTH:
        return path
    return str(Path(tempfile.mkdtemp(prefix="foyer-")) / "foyer.sock")
