"""`kill -9` of a Foyer in the middle of a change outside: the next process finishes it once, and says so once."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from connectors.calling.tables import outside_change, outside_end
from tests.e2e.killed_outside import play
from tests.outside.direct import DANA, EDITORS, LdapLock, ScimMembers
from tests.outside.disturbed import Disturbed, Server, figma_behind_scim, people_in_ldap
from tests.outside.judging import Found, Wish, wrong
from tests.outside.proxy import APPLY_THEN_HANG, HANG, Fault, FaultProxy, When, asks
from tests.outside.scim import scim_server
from tests.outside.slapd import Slapd
from tests.scenarios.conftest import template  # noqa: F401

HELD: Mapping[str, Fault] = {"before_it_arrived": HANG, "before_its_answer": APPLY_THEN_HANG}


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:  # noqa: F811
    return Path(shutil.copytree(template, tmp_path / "home"))


async def killed(home: Path, organisation: Mapping[str, object], wish: Wish, proxy: FaultProxy, when: When, how: Fault) -> None:
    """Plays the wish in a process of its own, and kills that while the change is held on its way."""
    said = home.parent / "organisation.json"
    said.write_text(json.dumps(organisation))
    proxy.plan(how, when=when)
    command = (sys.executable, "-m", "tests.e2e.killed_outside", str(home), str(said), wish)
    child = await asyncio.create_subprocess_exec(*command)
    async with asyncio.timeout(60):
        while not any(one.fault is how and (how is HANG or one.told is not None) for one in proxy.asked(when)):
            assert child.returncode is None
            await asyncio.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL
    await proxy.cut()


async def finished(home: Path, organisation: Mapping[str, object], wish: Wish, server: Server) -> Found:
    """What the next process makes of it, though all that was said comes a second time."""
    foyer = await Disturbed.open(home, None, server, organisation)
    try:
        await play(foyer.company, wish)
        return await foyer.found(wish)
    finally:
        await foyer.company.close()


@pytest.mark.parametrize("held", HELD)
async def test_in_the_middle_of_a_grant_on_scim(home: Path, tmp_path: Path, held: str) -> None:
    async with scim_server() as server, FaultProxy(server.port, "http") as proxy:
        service = server.service("figma")
        await service.make_group(EDITORS)
        await service.make_user(DANA)
        organisation = figma_behind_scim(service.by(proxy.url), tmp_path, timeout=8)
        await killed(home, organisation, "grant", proxy, asks("PATCH"), HELD[held])
        found = await finished(home, organisation, "grant", ScimMembers(service, proxy))
        assert (found.end, wrong(found)) == ("done", []), found


@pytest.mark.parametrize("held", HELD)
async def test_in_the_middle_of_an_unlock_on_ldap(home: Path, tmp_path: Path, held: str) -> None:
    async with Slapd(tmp_path) as slapd, FaultProxy(slapd.port, "ldap") as proxy:
        organisation = people_in_ldap(proxy.url, tmp_path, timeout=10)
        await killed(home, organisation, "unlock", proxy, asks("modify"), HELD[held])
        found = await finished(home, organisation, "unlock", LdapLock(slapd))
        assert (found.end, wrong(found)) == ("done", []), found


async def test_without_what_was_intended_it_is_not_one_story(home: Path, tmp_path: Path) -> None:
    """The negative control: a connector that had written nothing before it acted takes the access for somebody else's giving."""
    async with scim_server() as server, FaultProxy(server.port, "http") as proxy:
        service = server.service("figma")
        await service.make_group(EDITORS)
        await service.make_user(DANA)
        organisation = figma_behind_scim(service.by(proxy.url), tmp_path, timeout=8)
        await killed(home, organisation, "grant", proxy, asks("PATCH"), APPLY_THEN_HANG)
        with sqlite3.connect(home / "foyer.db") as database:
            for table in (outside_change, outside_end):
                database.execute(f"DELETE FROM {table.name}")
        database.close()
        found = await finished(home, organisation, "grant", ScimMembers(service, proxy))
        assert (found.end, wrong(found)) != ("done", [])
