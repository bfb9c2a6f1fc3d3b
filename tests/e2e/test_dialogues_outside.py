"""The dialogues of the skills with people and their accounts on LDAP, Figma on SCIM, Tableau in groups of the directory, and the rest
on the sandbox. What a dialogue says was done is asked of the servers themselves, by ways of their own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from bot.evaluation.dialogues import Dialogue, play, read_dialogues
from bot.server import Server
from connectors.sandbox import facts
from tests.outside import company as directory
from tests.outside.proxy import FaultProxy
from tests.outside.scim import TOKEN, ScimService, shared_server
from tests.outside.slapd import Slapd
from tests.scenarios.company import Company, email
from tests.scenarios.conftest import template as template

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "tests" / "specialists" / "skills").glob("*/dialogues.yaml")), ROOT / "docs" / "examples" / "dialogues.yaml"]
DIALOGUES = [pytest.param(dialogue, id=f"{file.parent.name}: {dialogue.name}") for file in FILES for dialogue in read_dialogues(file)]
ROLES = {"viewer": "Figma viewers", "editor": "Figma editors", "admin": "Figma administrators"}
MAY_READ = """
access to * by dn.exact="{service}" read by anonymous auth by * none
"""
TABLEAU = f"cn=tableau-viewer,{directory.APPLICATIONS}"


@dataclass(frozen=True)
class World:
    """The servers, asked past Foyer."""

    slapd: Slapd
    figma: ScimService
    seen: FaultProxy
    """What Foyer asked of Figma; nothing is disturbed."""

    async def status(self, person_key: str) -> str:
        locked = (await self.slapd.person(person_key)).get("pwdaccountlockedtime", ())
        return {(): "active", (directory.DISABLED,): "disabled"}.get(locked, "locked")

    async def roles(self, person_key: str) -> list[tuple[str, str]]:
        """(application, role) of those applications that are not the sandbox's."""
        person = directory.employees()[person_key]
        figma = [("figma", role) for role, group in ROLES.items() if person.email in await self.figma.members(group)]
        tableau = [
            (one.application, one.role)
            for one in directory.held()
            if one.application == "tableau" and person.dn in await self.slapd.members(one.dn)
        ]
        return figma + tableau


class Outside(Company):
    """A Foyer whose world is more than the sandbox."""

    world: World

    async def state(self, person: str) -> Mapping[str, Any]:
        """The sandbox's, with what other servers say in place of what they serve."""
        key = (await self.person(person)).directory_key
        told = await super().state(person)
        here = [one for one in told["entitlements"] if one["application_key"] not in ("figma", "tableau")]
        there = [{"application_key": application, "role": role} for application, role in await self.world.roles(key)]
        return {**told, "account": {"status": await self.world.status(key)}, "entitlements": [*here, *there]}

    async def mailed(self, person_key: str) -> list[str]:
        assert self.app.company is not None
        return [mail.link for mail in await self.app.company.inbox(person_key) if mail.link]


def organisation(home: Path, world: World) -> dict[str, Any]:
    """As foyer.yaml says it."""
    home.mkdir(parents=True, exist_ok=True)
    for name, secret in (("directory.password", directory.SERVICE_PASSWORD), ("figma.token", TOKEN)):
        (home / name).write_text(secret)
    figma = {
        "key": "figma",
        "name": "Figma",
        "aliases": ["figma design", "figjam"],
        "owner": "priya@acme.example",
        "default_role": "viewer",
        "roles": {role: {"group": group, "sensitive": role == "admin"} for role, group in ROLES.items()},
    }
    people = directory.settings(world.slapd.tls_url, ca_file=str(world.slapd.ca), applications=("tableau",))
    return {
        "connectors": {
            "sandbox": {},
            "directory": {**people, "password": {"file": "directory.password"}},
            "figma": {"use": "scim", "url": world.figma.by(world.seen.url), "application": figma, "token": {"file": "figma.token"}},
        },
        "ports": {"people": "directory", "accounts": "directory", "enrolled": "sandbox"},
        "applications": {"figma": "figma", "tableau": "directory"},
    }


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    figma = shared_server().service(f"figma-{uuid4().hex}")
    for group in ROLES.values():
        await figma.make_group(group)
    async with Slapd(tmp_path) as slapd, FaultProxy(figma.port, "http") as seen:
        yield World(slapd, figma, seen)


@pytest.fixture
async def company(world: World, template: Path, tmp_path: Path) -> AsyncIterator[Outside]:
    home = tmp_path / "home"
    opened = await Outside.open(home, template, organisation=organisation(home, world))
    opened.world = world
    yield opened
    await opened.close()


# -- what the servers have when a dialogue is over ------------------------------------------------------------------------


async def figma_was_given_and_ended(company: Outside) -> None:
    assert await company.world.roles(facts.DANA) == []
    # Account and role in one request; the role taken back; the account that Foyer made is left, and shut.
    assert (await company.world.figma.users())[email("dana")]["active"] is False
    changed = [
        f"{one.asked.operation} {one.asked.target.split('/')[3]}" for one in company.world.seen.reached() if one.asked.operation != "GET"
    ]
    assert changed == ["POST Bulk", "PATCH Groups", "PATCH Users"]


async def tableau_was_given_and_taken_back(company: Outside) -> None:
    assert await company.world.roles(facts.DANA) == []
    writes = company.world.slapd.writes(TABLEAU)
    assert [write.changes for write in writes] == [("add: member",), ("delete: member",)]


async def dana_is_unlocked(company: Outside) -> None:
    dana = directory.employees()[facts.DANA]
    assert await company.world.slapd.signs_in(dana.dn, dana.password)
    [write] = company.world.slapd.writes()
    assert (write.dn, write.changes) == (dana.dn, ("delete: pwdAccountLockedTime", "delete: pwdFailureTime"))


async def a_link_of_foyers_own_sets_the_password(company: Outside) -> None:
    dana, chosen = directory.employees()[facts.DANA], "A kettle, a lamp and 7 spoons"
    assert company.world.slapd.writes() == []
    token = next(link for link in await company.mailed(dana.key) if "/reset/" in link).rsplit("/", 1)[1]
    server = Server(company.app, port=0)
    await server.start()
    try:
        async with ClientSession() as browser:
            for password, status in (("short", 400), (chosen, 200), (chosen + "!", 410)):
                url = f"http://127.0.0.1:{server.bound}/reset/{token}"
                assert (await browser.post(url, data={"password": password, "again": password})).status == status
    finally:
        await server.stop()
    assert await company.world.slapd.signs_in(dana.dn, chosen)
    assert await company.world.status(dana.key) == "active"


async def a_link_that_is_dead(company: Outside) -> None:
    omar = directory.employees()[facts.OMAR]
    token = next(link for link in await company.mailed(omar.key) if "/reset/" in link).rsplit("/", 1)[1]
    assert company.app.resets is not None
    assert (await company.app.resets.choose(token, "A kettle, a lamp and 7 spoons")).state == "withdrawn"
    assert company.world.slapd.writes() == []
    assert await company.world.slapd.signs_in(omar.dn, omar.password)


Left = Callable[[Outside], Awaitable[None]]
LEFT: Mapping[str, Left] = {
    "grant_access: everything in one sentence, approved, and ended by itself": figma_was_given_and_ended,
    "grant_access: it can be given back": tableau_was_given_and_taken_back,
    "unlock_account: a locked account is opened": dana_is_unlocked,
    "reset_password: a link goes to the enrolled channel after the step-up": a_link_of_foyers_own_sets_the_password,
    "reset_password: the link can be cancelled": a_link_that_is_dead,
    "examples: a locked account is unlocked, and really is": dana_is_unlocked,
    "examples: an access is asked for, approved, and ends by itself": figma_was_given_and_ended,
}


async def nothing(company: Outside) -> None:
    """Nothing was changed: of every dialogue that is not in LEFT."""
    assert company.world.slapd.writes() == []
    assert await company.world.figma.users() == {}


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_dialogue(company: Outside, dialogue: Dialogue, request: pytest.FixtureRequest) -> None:
    assert await play(company, dialogue) is None
    await LEFT.get(request.node.callspec.id, nothing)(company)


def test_what_is_left_is_of_dialogues_that_there_are() -> None:
    assert set(LEFT) <= {str(param.id) for param in DIALOGUES}


async def test_a_server_that_refuses_makes_a_dialogue_come_out_otherwise(world: World, template: Path, tmp_path: Path) -> None:
    """The negative control: where the service account may not unlock, nobody is told that it is done."""
    [dialogue] = [one for file in FILES for one in read_dialogues(file) if one.name == "a locked account is opened"]
    async with Slapd(tmp_path / "reading", acl=MAY_READ) as slapd:
        refusing = replace(world, slapd=slapd)
        home = tmp_path / "home"
        company = await Outside.open(home, template, organisation=organisation(home, refusing))
        try:
            assert await play(company, dialogue) is not None
            assert (await refusing.status(facts.DANA), slapd.writes()) == ("locked", [])
        finally:
            await company.close()
