"""The console on loopback: real guard, real library on a real database, the sandbox company's real mailbox."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from bot.console.articles import add_articles
from bot.console.gaps import add_gaps
from bot.console.inbox import add_inbox
from bot.console.step_up import StepUpView, add_step_up
from bot.console.uploads import add_uploads
from bot.database import Sessions, connect
from bot.uploads import Uploads
from bot.words import Words
from connectors.ports.chat import Field
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import utcnow
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.pages import add_reset_page
from connectors.web.guard import Guard
from connectors.web.render import safe_html
from connectors.web.session import seal
from knowledge.answering import Answerer
from knowledge.embedding.hashing import HashingEncoder
from knowledge.gaps import Gaps
from knowledge.index import MemoryIndex
from knowledge.library import Library
from knowledge.retrieval import Retriever
from knowledge.reviews import Reviews
from specialists.step_up import StepUpResult
from tests.connectors.web.support import PEOPLE, SECRET, FakeSignIn
from tests.migrated import sqlite_file

Client = TestClient[web.Request, web.Application]
MESSAGES = Messages.load([Path(__file__).parents[3] / "bot" / "messages.yaml"])
VOCABULARY = {"country": ("US", "DE"), "department": ("Sales", "IT")}


class NoAudit:
    async def append(self, session: Any, **event: Any) -> None:
        pass


@dataclass
class OneStepUp:
    """One step-up, behind the token "open"."""

    state: str = "pending"
    asked: list[str] = field(default_factory=list)

    async def look(self, token: str) -> StepUpView | None:
        if token != "open" or self.state != "pending":
            return None
        return StepUpView(
            "Dana <b>", "Reset your password & unlock", "FOY-1", "Fri 20 Nov, 14:31", (Field("Account", "<script>x</script>"),)
        )

    async def answer(self, token: str, yes: bool) -> StepUpResult:
        if token != "open" or self.state != "pending":
            return "closed"
        self.state = "passed" if yes else "refused"
        return "passed" if yes else "refused"


@dataclass
class Console:
    company: SandboxCompany
    library: Library
    step_ups: OneStepUp
    uploads: Uploads
    sessions: Sessions
    enter: Callable[[str], Awaitable[Client]]


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    engine, sessions = connect(await sqlite_file(tmp_path / "foyer.db"))
    library_index = MemoryIndex()
    library = Library(sessions, library_index, HashingEncoder(), NoAudit(), utcnow, VOCABULARY)
    company = SandboxCompany(tmp_path / "company.sqlite")
    await company.open()
    step_ups = OneStepUp()
    guard = Guard(FakeSignIn(), SECRET, utcnow)

    async def person_of(external_id: str) -> Person | None:
        known, entry = PEOPLE.get(external_id), await company.people.by_email(external_id)
        if known is None or entry is None:
            return None
        return Person(f"p-{entry.key}", entry.key, entry.name, entry.email, entry.timezone, "en-US", roles=known.roles)

    def words(person: Person) -> Words:
        return Words(MESSAGES, Reader("en-US", "UTC"))

    app = web.Application(client_max_size=8_000_000)
    add_articles(app, guard, person_of, library, words=words, html=safe_html, vocabulary=VOCABULARY)
    uploads = Uploads(library, tmp_path / "uploads")
    await uploads.start()
    add_uploads(app, guard, person_of, uploads, words=words)
    retriever, audit = Retriever(sessions, library_index, HashingEncoder()), NoAudit()
    answerer = Answerer(retriever, HashingEncoder())

    async def nobody(person_id: str) -> Person | None:
        return None

    async def name_of(person_id: str) -> str:
        entry = await company.people.get(person_id.removeprefix("p-"))
        return entry.name if entry is not None else ""

    gaps = Gaps(sessions, HashingEncoder(), retriever, answerer, nobody, audit, utcnow)
    add_gaps(app, guard, person_of, gaps, Reviews(sessions, audit, utcnow), words=words, name_of=name_of)
    add_inbox(app, guard, person_of, company.inbox)
    add_step_up(app, guard, step_ups)
    add_reset_page(app, company, partial(guard.anyone, html=True))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    clients: list[Client] = []

    async def enter(name: str) -> Client:
        client: Client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
        clients.append(client)
        if name:
            client.session.cookie_jar.update_cookies({guard.cookie: seal(f"{name}@acme.example", SECRET, utcnow())}, server.make_url("/"))
        return client

    yield Console(company, library, step_ups, uploads, sessions, enter)
    for client in clients:
        await client.close()
    await server.close()
    await uploads.stop(5.0)
    await company.close()
    await engine.dispose()
