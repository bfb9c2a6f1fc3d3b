"""The ports on Active Directory as cases of the contract suites: Samba, a proxy before it that can fail, and the connector."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.database import Sessions, connect
from connectors.calling.ledger import Ledger
from connectors.ldap.connector import Ldap
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from connectors.sandbox.people import account_of
from tests.contract.cases import AccessCase, AccountsCase, DirectoryCase, FakeClock, PasswordsCase
from tests.contract.implementations import resets_over
from tests.e2e.on_ldap import Reached
from tests.migrated import sqlite_file
from tests.outside import company, domain
from tests.outside.proxy import APPLY_THEN_CUT, FaultProxy, asks
from tests.outside.samba import Samba, missing

APPLICATIONS = ("figma", "slack", "old-intranet")


@dataclass(frozen=True)
class Stage:
    samba: Samba
    ldap: Ldap
    sessions: Sessions
    clock: FakeClock


@asynccontextmanager
async def staged(samba: Samba, folder: Path, url: str | None = None, **settings: Any) -> AsyncIterator[Stage]:
    """The connector on a domain that runs; over TLS unless another url is given. `settings` go over domain.settings."""
    clock = FakeClock(datetime.now(UTC))
    engine, sessions = connect(await sqlite_file(folder / "foyer.db"))
    given = {**domain.settings(url or samba.url, samba.ca, APPLICATIONS), **settings}
    del given["use"]
    given.setdefault("password", SecretStr(domain.SERVICE_PASSWORD))
    ldap = Ldap(name="directory", clock=clock, ledger=Ledger("directory", sessions, clock), **given)
    await ldap.open()
    try:
        yield Stage(samba, ldap, sessions, clock)
    finally:
        await ldap.close()
        await engine.dispose()


@asynccontextmanager
async def _disturbed(folder: Path) -> AsyncIterator[tuple[Stage, FaultProxy]]:
    if why := missing():
        pytest.skip(why)
    async with (
        Samba(folder, plain=True) as samba,
        FaultProxy(389, "ldap", host=samba.address) as proxy,
        staged(samba, folder, proxy.url) as stage,
    ):
        yield stage, proxy


async def _lose_answer(proxy: FaultProxy) -> None:
    proxy.plan(APPLY_THEN_CUT, when=asks("modify"))


@asynccontextmanager
async def domain_directory(folder: Path) -> AsyncIterator[DirectoryCase]:
    async with _disturbed(folder) as (stage, proxy):

        async def departs(person_key: str) -> None:
            await stage.samba.replace(domain.dn_of(person_key), userAccountControl=str(domain.SWITCHED_OFF))

        port, unreachable = Reached.of(stage.ldap.people, proxy)
        yield DirectoryCase(
            port=port,
            person=facts.DANA,
            name="Dana Whitfield",
            email="dana@acme.example",
            manager=facts.PRIYA,
            leaver=company.leaver().key,
            group="it-support",
            group_members=frozenset({facts.SAM, facts.NOOR}),
            shared_email="reception@acme.example",
            account=account_of(facts.DANA),
            departs=departs,
            unreachable=unreachable,
        )


@asynccontextmanager
async def domain_accounts(folder: Path) -> AsyncIterator[AccountsCase]:
    """The domain's lock state and passwords, Foyer's own links, and the sandbox's enrolled channel."""
    async with _disturbed(folder) as (stage, proxy):
        sandbox = SandboxCompany(folder / "sandbox.sqlite", stage.clock)
        await sandbox.open()
        port, unreachable = Reached.of(stage.ldap.passwords, proxy)

        async def received(person_key: str) -> int:
            return len(await sandbox.inbox(person_key))

        async def answer_lost() -> None:
            await _lose_answer(proxy)
            await sandbox.faults.fail_next("enrolled.send", FaultKind.APPLY_THEN_FAIL)

        yield AccountsCase(
            port=resets_over(port, sandbox, stage.sessions, stage.clock),
            clock=stage.clock,
            locked=company.LOCKED,
            active=company.ACTIVE,
            disabled=company.leaver().key,
            not_enrolled=company.NOT_ENROLLED,
            received=received,
            unreachable=unreachable,
            answer_lost=answer_lost,
        )
        await sandbox.close()


@asynccontextmanager
async def domain_passwords(folder: Path) -> AsyncIterator[PasswordsCase]:
    async with _disturbed(folder) as (stage, proxy):
        port, unreachable = Reached.of(stage.ldap.passwords, proxy)

        async def signs_in(person_key: str, password: str) -> bool:
            return await stage.samba.signs_in(domain.dn_of(person_key), password)

        # Samba counts no history where a password is set by somebody else (it has no policy hints); Windows does.
        rejected: Mapping[str, str] = {"password_too_short": "Short-one-9", "password_too_simple": "small letters alone"}

        async def answer_lost() -> None:
            await _lose_answer(proxy)

        yield PasswordsCase(
            port=port,
            locked=company.LOCKED,
            active=company.ACTIVE,
            disabled=company.leaver().key,
            good="A kettle, a lamp and 7 spoons",
            rejected=rejected,
            signs_in=signs_in,
            unreachable=unreachable,
            answer_lost=answer_lost,
        )


@asynccontextmanager
async def domain_access(folder: Path) -> AsyncIterator[AccessCase]:
    async with _disturbed(folder) as (stage, proxy):
        port, unreachable = Reached.of(stage.ldap.access, proxy)

        async def answer_lost() -> None:
            await _lose_answer(proxy)

        async def departs() -> None:
            await stage.samba.modify(f"dn: {domain.dn_of(facts.DANA)}\nchangetype: delete\n")

        yield AccessCase(
            port=port,
            clock=stage.clock,
            person=facts.DANA,
            leaver=company.leaver().key,
            application="figma",
            role="editor",
            ownerless="old-intranet",
            permanent=("slack", "member"),
            departs=departs,
            unreachable=unreachable,
            answer_lost=answer_lost,
            cleans_up=True,
        )
