"""The company as a whole: made when missing, kept over a restart, started over in place, shown; and its yaml tells the truth."""

import asyncio
import json
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

import connectors.sandbox
from connectors.errors import Refused, Retry
from connectors.ports.people import Directory
from connectors.ports.systems import Access, Accounts, Devices, EnrolledChannel, Hr, Purchasing
from connectors.sandbox import facts, schema
from connectors.sandbox.connector import BASE_URL, SandboxCompany
from connectors.sandbox.faults import FaultKind
from tests.contract.cases import FakeClock

FOLDER = Path(connectors.sandbox.__path__[0])


def ports_of(company: SandboxCompany) -> tuple[Directory, Accounts, EnrolledChannel, Access, Hr, Purchasing, Devices]:
    """The type checker holds the company to its ports here."""
    return company.people, company.accounts, company.enrolled, company.access, company.hr, company.purchasing, company.devices


async def test_a_restart_keeps_everything(path: Path, clock: FakeClock) -> None:
    before = SandboxCompany(path, clock)
    await before.open()
    await before.accounts.unlock(facts.DANA, key="k1")
    await before.access.grant(facts.DANA, "figma", "editor", until=clock() + timedelta(days=7), key="k2")
    await before.enrolled.send(facts.DANA, subject="Confirm", text="Is it you?", key="k3")
    shown, journal = await before.show(facts.DANA), await before.effects()
    await before.close()
    after = SandboxCompany(path, clock)
    await after.open()
    assert await after.show(facts.DANA) == shown
    assert await after.effects() == journal
    assert not (await after.enrolled.send(facts.DANA, subject="Confirm", text="Is it you?", key="k3")).changed
    await after.close()


async def test_processes_that_start_at_once_make_one_company(tmp_path: Path, clock: FakeClock) -> None:
    for n in range(8):
        several = [SandboxCompany(tmp_path / f"{n}.sqlite", clock) for _ in range(4)]
        await asyncio.gather(*(one.open() for one in several))
        assert len({json.dumps(await one.show(facts.DANA)) for one in several}) == 1
        assert len(await several[0].people.members("employees")) > 250
        for one in several:
            await one.close()


async def test_opening_waits_for_another_process_that_is_making_the_file(path: Path, clock: FakeClock) -> None:
    maker = sqlite3.connect(path, isolation_level=None)
    maker.execute("BEGIN IMMEDIATE")
    company = SandboxCompany(path, clock)
    opening = asyncio.create_task(company.open())
    finished, _ = await asyncio.wait({opening}, timeout=0.1)
    assert not finished
    maker.execute("ROLLBACK")
    maker.close()
    await opening
    assert await company.people.get(facts.DANA)
    await company.close()


async def test_a_file_of_another_version_starts_over(path: Path, clock: FakeClock) -> None:
    db = sqlite3.connect(path)
    db.executescript(f"CREATE TABLE people (key TEXT); PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    company = SandboxCompany(path, clock)
    await company.open()
    assert await company.people.get(facts.DANA)
    await company.close()


async def test_reset_starts_over_under_open_connections(company: SandboxCompany, other: SandboxCompany) -> None:
    fresh = await company.show(facts.DANA)
    await other.accounts.unlock(facts.DANA, key="k1")
    await other.accounts.send_reset_link(facts.DANA, lifetime=timedelta(minutes=10), key="k2")
    await other.faults.fail_next("*", FaultKind.REFUSED)
    await company.reset()
    assert await other.show(facts.DANA) == fresh
    assert await other.effects() == []
    assert (await other.accounts.unlock(facts.DANA, key="k1")).changed


async def test_it_is_in_wal(company: SandboxCompany, path: Path) -> None:
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    db.close()


async def test_shows_all_that_is_known_of_somebody(company: SandboxCompany, clock: FakeClock) -> None:
    await company.purchasing.order(facts.DANA, "desk-lamp", quantity=1, reason="Dark", key="k1")
    await company.enrolled.send(facts.DANA, subject="Confirm", text="Is it you?", link="https://acme.example/1", key="k2")
    shown = await company.show("Dana@ACME.example")
    assert list(shown) == ["person", "account", "devices", "entitlements", "leave", "orders", "tickets", "inbox"]
    assert json.loads(json.dumps(shown)) == shown
    assert shown["person"]["attributes"] == {"country": "US", "department": "Product", "office": "New York"}
    assert shown["account"]["status"] == "locked"
    assert {one["application_key"] for one in shown["entitlements"]} == {"slack", "zoom", "microsoft-365", "workday"}
    assert shown["leave"]["balance"]["year"] == 2026
    assert [order["status"] for order in shown["orders"]] == ["ordered"]
    assert shown["inbox"] == [{"subject": "Confirm", "text": "Is it you?", "link": "https://acme.example/1", "at": clock().isoformat()}]


async def test_shows_guests_and_refuses_to_guess(company: SandboxCompany) -> None:
    assert (await company.show(facts.MARTA))["leave"] is None
    for wanted, code in (("nobody@acme.example", "unknown_person"), ("reception@acme.example", "ambiguous")):
        with pytest.raises(Refused, match=code):
            await company.show(wanted)


async def test_every_person_can_be_shown(company: SandboxCompany) -> None:
    for person in await company.people.members("employees"):
        shown = await company.show(person.key)
        assert shown["leave"]["balance"]["remaining"] >= 0


async def test_a_company_that_is_not_open_is_a_retry(path: Path) -> None:
    with pytest.raises(Retry):
        await SandboxCompany(path).people.get(facts.DANA)


async def test_a_locked_file_is_a_retry(company: SandboxCompany, path: Path) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    await company._store.look(lambda db, now: db.execute("PRAGMA busy_timeout = 0").fetchall())
    with pytest.raises(Retry, match="unavailable"):
        await company.accounts.unlock(facts.DANA, key="k1")
    db.execute("ROLLBACK")
    assert (await company.accounts.unlock(facts.DANA, key="k1")).changed
    db.close()


def test_the_yaml_names_every_port_setting_and_operation(path: Path) -> None:
    declared = yaml.safe_load((FOLDER / "connector.yaml").read_text(encoding="utf-8"))
    assert declared["name"] == FOLDER.name
    assert declared["connector"] == f"{SandboxCompany.__module__}:{SandboxCompany.__name__}"
    company = SandboxCompany(path)
    assert [getattr(company, attribute) for attribute in declared["ports"].values()] == list(ports_of(company))
    assert set(declared["settings"]) == {"path", "base_url"}
    assert declared["settings"]["base_url"]["default"] == BASE_URL
    code = "\n".join(file.read_text(encoding="utf-8") for file in FOLDER.glob("*.py"))
    used = re.findall(r"_store\.(?:read|change)\(\s*\"([a-z_.]+)\"", code)
    assert sorted(used) == sorted(declared["scopes"])
    assert {scope.split(".")[0] for scope in used} == set(declared["ports"])
