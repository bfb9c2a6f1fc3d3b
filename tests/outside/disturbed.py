"""A Foyer between whose connectors and their servers something may go wrong, and what came of a wish, for the judge."""

import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

from bot.access import JoinedAccess, Source
from connectors.errors import ConnectorError
from connectors.ports.chat import ReplyKind
from connectors.ports.systems import Access, Application, Effect, Entitlement
from specialists.grants import Grant
from specialists.hands import Patience
from specialists.request import Request, RequestState
from tests.outside import company
from tests.outside.direct import DANA, EDITORS, LdapLock, LdapMembers, ScimMembers
from tests.outside.judging import End, Found, Wish
from tests.outside.proxy import (
    APPLY_THEN_CUT,
    APPLY_THEN_HANG,
    CUT,
    HANG,
    PAGE,
    Fault,
    FaultProxy,
    answer,
    apply_then,
    asks,
    cut_answer,
    rate_limited,
)
from tests.outside.scim import TOKEN, ScimService, shared_server
from tests.outside.slapd import Slapd
from tests.scenarios.company import Company

IMPATIENT = Patience(waits=(0.0, 0.05, 0.05), call=10.0)
SCIM_CHANGES = asks("PATCH", "PUT", "POST")
SCIM_FAULTS: Mapping[str, Fault] = {
    "hang": HANG,
    "cut": CUT,
    "cut_answer": cut_answer(20),
    "apply_then_cut": APPLY_THEN_CUT,
    "apply_then_hang": APPLY_THEN_HANG,
    "apply_then_502": apply_then(502),
    "429": rate_limited(0.01),
    "500": answer(500),
    "page": PAGE,
}
LDAP_CHANGES = asks("modify")
LDAP_FAULTS: Mapping[str, Fault] = {
    "hang": HANG,
    "cut": CUT,
    "cut_answer": cut_answer(5),
    "apply_then_cut": APPLY_THEN_CUT,
    "apply_then_hang": APPLY_THEN_HANG,
    "apply_then_other": apply_then(80),
    "busy": answer(51),
}
"""Result codes of RFC 4511."""
WISHES = {"grant": "I need editor access to Figma for 30 days", "unlock": "unlock my account"}
_tenants = itertools.count()


class Server(Protocol):
    """What a wish changes, asked of the server itself, by a way that nothing disturbs."""

    async def has(self) -> bool:
        """The access, or an account that is not locked."""

    async def effects(self) -> int:
        """How often it changed since the start."""

    async def listed(self) -> int: ...


@dataclass(slots=True)
class Disturbed:
    """One Foyer, one server, one person: Dana, whom Priya leads."""

    company: Company
    server: Server

    @classmethod
    async def open(cls, home: Path, template: Path | None, server: Server, organisation: Mapping[str, object]) -> Self:
        if template is not None:
            shutil.copytree(template, home)
        opened = cls(Company(home, organisation=organisation), server)
        opened._hurry()
        await opened.company.app.start()
        return opened

    async def restart(self) -> None:
        await self.company.restart()
        self._hurry()

    def _hurry(self) -> None:
        # Nobody waits in a test for what may work in eight seconds; what is done in between is the same.
        object.__setattr__(self.company.app.fulfilment._work, "patience", IMPATIENT)

    async def ask(self, wish: Wish) -> None:
        """As an employee does, and their manager says yes; whatever there is to wait for."""
        await self.company.say("dana", WISHES[wish])
        if wish == "grant":
            await self.company.press("priya", "approve")

    async def request(self) -> Request:
        dana = await self.company.person("dana")
        return (await self.company.app.requests.recent_of(dana.id))[0]

    async def grant(self) -> Grant | None:
        return await self.company.app.requests.grant_of((await self.request()).id)

    async def to_its_end(self) -> None:
        """The moment at which the grant is over, and what Foyer does then."""
        grant = await self.grant()
        assert grant is not None
        await self.company.later(seconds=(grant.until - self.company.clock()).total_seconds() + 1)

    async def found(self, wish: Wish, before: int = 0) -> Found:
        """`before`: effects that there were before the wish."""
        request, has = await self.request(), await self.server.has()
        audited = await self.company.app.audit.story(self.company.app.sessions, request.id)
        shown = [message.reply for message in await self.company.shown("dana")]
        mine = [reply for reply in shown if reply.request is not None and reply.request.case == request.case]
        staff = [message.reply for message in await self.company.shown("sam") if message.reply.kind is ReplyKind.HANDOFF]
        await self.company.app.audit.seal(self.company.app.sessions)
        return Found(
            wish=wish,
            so=has if wish in ("grant", "unlock") else not has,
            effects=await self.server.effects() - before,
            listed=await self.server.listed(),
            end=await self._end(wish, request),
            told=sum(_tells(wish, reply) for reply in mine),
            asked_people=sum(reply.kind is ReplyKind.HANDOFF for reply in mine),
            with_staff="\n".join(" ".join([reply.text, *(field.value for field in reply.fields)]) for reply in staff),
            audited=[entry.event for entry in audited],
            intact=(await self.company.app.audit.verify(self.company.app.sessions)).ok,
        )

    async def _end(self, wish: Wish, request: Request) -> End:
        if wish == "revoke":
            grant = await self.grant()
            return "done" if grant is not None and grant.ended_at is not None else "waiting"
        wanted = RequestState.UNDONE if wish == "undo" else RequestState.DONE
        return "done" if request.state is wanted else "failed" if request.state is RequestState.FAILED else "waiting"


def _tells(wish: Wish, reply: Any) -> bool:
    match wish:
        case "grant" | "unlock":
            return bool(reply.kind is ReplyKind.RECEIPT)
        case "undo":
            return "taken back" in reply.text
        case "revoke":
            return "has ended" in reply.text
    return False


@dataclass(frozen=True, slots=True)
class Scene:
    foyer: Disturbed
    service: ScimService
    proxy: FaultProxy


@asynccontextmanager
async def scim_scene(home: Path, template: Path | None, *, account: bool = True, **settings: Any) -> AsyncIterator[Scene]:
    """The sandbox company, with Figma behind SCIM and a proxy. `account`: whether Dana has one there; she is no editor."""
    server = shared_server()
    service = server.service(f"tenant{next(_tenants)}")
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(FaultProxy(server.port, "http"))
        await service.make_group(EDITORS)
        if account:
            await service.make_user(DANA)
        organisation = figma_behind_scim(service.by(proxy.url), home.parent, **settings)
        foyer = await Disturbed.open(home, template, ScimMembers(service, proxy), organisation)
        stack.push_async_callback(lambda: foyer.company.close())
        yield Scene(foyer, service, proxy)


def figma_behind_scim(url: str, folder: Path, **settings: Any) -> dict[str, object]:
    """What foyer.yaml says; the token is in a file of this folder."""
    (folder / "token").write_text(TOKEN)
    application = {"key": "figma", "name": "Figma", "owner": "priya@acme.example", "roles": {"editor": {"group": EDITORS}}}
    figma = {"use": "scim", "url": url, "token": {"file": str(folder / "token")}, "application": application, "timeout": 1.0, **settings}
    return {"connectors": {"sandbox": {}, "figma": figma}, "applications": {"figma": "figma"}}


@asynccontextmanager
async def ldap_scene(
    folder: Path,
    template: Path | None,
    wish: Wish,
    directory: Mapping[str, Any] | None = None,
    *,
    tls: bool = False,
    prepare: Callable[[Slapd], Awaitable[None]] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[Disturbed, Slapd, FaultProxy]]:
    """The company's directory in slapd: who people are, their accounts, and Figma's roles as groups. The rest is the sandbox's.

    `directory`: how slapd is started; `prepare`: what is done to it before Foyer starts; `tls`: past the proxy, which cannot read it.
    """
    async with AsyncExitStack() as stack:
        slapd = await stack.enter_async_context(Slapd(folder, **(directory or {})))
        proxy = await stack.enter_async_context(FaultProxy(slapd.port, "ldap"))
        if prepare is not None:
            await prepare(slapd)
        server = LdapLock(slapd) if wish == "unlock" else LdapMembers(slapd)
        given = {"ca_file": str(slapd.ca), **settings} if tls else settings
        organisation = people_in_ldap(slapd.tls_url if tls else proxy.url, folder, **given)
        foyer = await Disturbed.open(folder / "home", template, server, organisation)
        stack.push_async_callback(lambda: foyer.company.close())
        yield foyer, slapd, proxy


def people_in_ldap(url: str, folder: Path, **settings: Any) -> dict[str, object]:
    """What foyer.yaml says; the password is in a file of this folder."""
    (folder / "password").write_text(company.SERVICE_PASSWORD)
    directory = {
        **company.settings(url, applications=("figma",)),
        "password": {"file": str(folder / "password")},
        "timeout": 2.0,
        **settings,
    }
    return {
        "connectors": {"directory": directory, "sandbox": {}},
        "ports": {"people": "directory", "accounts": "directory"},
        "applications": {"figma": "directory"},
    }


class BlindAccess:
    """The negative control: a connector that does what it is told, never looks, and says that it is done."""

    def __init__(self, inner: Access) -> None:
        self._inner = inner
        self._told: dict[tuple[str, str, str], datetime] = {}

    async def applications(self) -> Sequence[Application]:
        return await self._inner.applications()

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        return [Entitlement("said", *which, until) for which, until in self._told.items() if which[0] == person_key]

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        with suppress(ConnectorError):
            await self._inner.grant(person_key, application_key, role, until=until, key=key)
        self._told[person_key, application_key, role] = until
        return Effect("said")

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        with suppress(ConnectorError):
            await self._inner.revoke(person_key, application_key, role, key=key)
        self._told.pop((person_key, application_key, role), None)
        return Effect("said")


def blind(foyer: Disturbed, connector: str) -> None:
    """From now on this connector's access is blind."""
    access = foyer.company.app.outside.ports["access"]
    assert isinstance(access, JoinedAccess)
    access.sources = {**access.sources, connector: Source(BlindAccess(access.sources[connector].access), access.sources[connector].keys)}
