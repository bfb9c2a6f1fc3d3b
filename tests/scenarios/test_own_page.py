"""A password reset where the directory sends no links: asked for in the chat, chosen on Foyer's own page, told in the mailbox."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.config import ConfigError
from bot.server import Server
from connectors.memory.passwords import MemoryPasswords
from connectors.ports.systems import Account
from connectors.sandbox import facts
from tests.scenarios.company import Company

NEW = "A kettle, a lamp and 7 spoons"
NOBODY = {
    "use": "ldap",
    "url": ["ldap://127.0.0.1:9"],
    "schema": "openldap",
    "bind_dn": "cn=foyer,dc=acme,dc=example",
    "password": {"file": "directory.password"},
    "people": {"base": "ou=people,dc=acme,dc=example"},
    "groups": {"base": "ou=groups,dc=acme,dc=example"},
}
"""A directory that is down. Its passwords are in memory here; everything else is as it is served."""

SYSTEMS = {"connectors": {"sandbox": {}, "directory": NOBODY}, "ports": {"people": "sandbox", "accounts": "directory"}}


@pytest.fixture
async def passwords(template: Path, tmp_path: Path) -> AsyncIterator[tuple[Company, MemoryPasswords]]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "directory.password").write_text("unused")
    company = await Company.open(home, template, organisation=SYSTEMS)
    assert company.app.resets is not None
    kept = MemoryPasswords({facts.DANA: Account("active", password_changed_at=company.clock() - timedelta(days=80))}, company.clock)
    company.app.resets.passwords = kept
    yield company, kept
    await company.close()


async def mailed(company: Company) -> list[tuple[str, str | None]]:
    assert company.app.company is not None
    return [(mail.subject, mail.link) for mail in await company.app.company.inbox(facts.DANA)]


def holding(home: Path, text: str) -> set[str]:
    """The files that have it."""
    return {path.name for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()}


async def test_a_reset_from_the_sentence_to_the_notice(passwords: tuple[Company, MemoryPasswords]) -> None:
    company, kept = passwords
    await company.say("dana", "I forgot my password")
    await company.confirm("dana")
    said = " ".join(str(one.reply) for one in await company.shown("dana"))
    assert "A one-time link is on its way to d•••@acme.example" in said
    link = next(link for _, link in await mailed(company) if link and "/reset/" in link)
    token = link.rsplit("/", 1)[1]
    assert token not in said
    server = Server(company.app, port=0)
    await server.start()
    try:
        url = f"http://127.0.0.1:{server.bound}/reset/{token}"
        async with ClientSession() as browser:
            assert (await browser.get(url)).status == 200
            assert (await browser.post(url, data={"password": NEW, "again": NEW})).status == 200
            assert (await browser.post(url, data={"password": NEW, "again": NEW})).status == 410
    finally:
        await server.stop()
    assert kept.chosen == [(facts.DANA, NEW)]
    assert company.app.resets is not None
    await company.app.resets.settle()
    assert [subject for subject, _ in await mailed(company)].count("Your password was changed") == 1
    assert holding(company.home, NEW) == set()
    assert holding(company.home, NEW.replace(" ", "+")) == set()
    # The mailbox is the sandbox company's, and keeps its mails in clear.
    found = holding(company.home, token)
    assert found
    assert found <= {"sandbox.sqlite", "sandbox.sqlite-wal"}


async def test_undoing_withdraws_the_link(passwords: tuple[Company, MemoryPasswords]) -> None:
    company, kept = passwords
    await company.say("dana", "I forgot my password")
    await company.confirm("dana")
    await company.press("dana", "undo")
    link = next(link for _, link in await mailed(company) if link and "/reset/" in link)
    assert company.app.resets is not None
    assert (await company.app.resets.choose(link.rsplit("/", 1)[1], NEW)).state == "withdrawn"
    assert kept.chosen == []


async def test_no_password_is_asked_for_where_it_could_be_read_on_its_way(template: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "directory.password").write_text("unused")
    with pytest.raises(ConfigError, match="FOYER_PUBLIC_URL must begin with https://"):
        await Company.open(home, template, organisation=SYSTEMS, settings={"public_url": "http://foyer.acme.example"})


async def test_there_is_no_page_where_the_system_has_its_own(company: Company) -> None:
    assert company.app.resets is None
    server = Server(company.app, port=0)
    await server.start()
    try:
        async with ClientSession() as browser:
            assert (await browser.get(f"http://127.0.0.1:{server.bound}/reset/{'0' * 64}")).status == 404
            assert (await browser.get(f"http://127.0.0.1:{server.bound}/console/reset.css")).status == 404
    finally:
        await server.stop()
