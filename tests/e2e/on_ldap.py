"""The ports on LDAP as cases of the contract suites: slapd, a proxy before it that can fail, and the connector."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import SecretStr

from bot.database import Sessions, connect
from bot.migrations import METADATA
from connectors.calling.ledger import Ledger
from connectors.ldap.connector import Ldap
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from connectors.sandbox.people import account_of
from tests.contract.cases import AccessCase, AccountsCase, DirectoryCase, FakeClock, PasswordsCase
from tests.contract.implementations import resets_over
from tests.outside import company
from tests.outside.proxy import APPLY_THEN_CUT, FaultProxy, asks
from tests.outside.slapd import Slapd
from tests.outside.wires import PASSWORD_MODIFY

P = TypeVar("P")
CHANGES = asks("modify"), asks("extended", target=PASSWORD_MODIFY)


class Reached:
    """A port as it is, but for the call that finds nobody there."""

    def __init__(self, port: object, proxy: FaultProxy) -> None:
        self._port, self._proxy, self._down = port, proxy, False

    @classmethod
    def of(cls, port: P, proxy: FaultProxy) -> tuple[P, Callable[[], Awaitable[None]]]:
        reached = cls(port, proxy)
        return cast(P, reached), reached.unreachable

    async def unreachable(self) -> None:
        self._down = True

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            down, self._down = self._down, False
            if not down:
                return await getattr(self._port, name)(*args, **kwargs)
            async with self._proxy.down():
                return await getattr(self._port, name)(*args, **kwargs)

        return call


@dataclass(frozen=True)
class Stage:
    slapd: Slapd
    proxy: FaultProxy
    ldap: Ldap
    sessions: Sessions
    clock: FakeClock

    async def answer_lost(self) -> None:
        self.proxy.plan(APPLY_THEN_CUT, when=lambda asked: any(change(asked) for change in CHANGES))


@asynccontextmanager
async def staged(folder: Path, *, memberof: bool = True) -> AsyncIterator[Stage]:
    clock = FakeClock(datetime.now(UTC))
    engine, sessions = connect(f"sqlite+aiosqlite:///{folder / 'foyer.db'}")
    async with engine.begin() as connection:
        for metadata in METADATA:
            await connection.run_sync(metadata.create_all)
    async with Slapd(folder, memberof=memberof) as slapd, FaultProxy(slapd.port, "ldap") as proxy:
        given = company.settings(proxy.url, applications=("figma", "slack", "old-intranet"))
        del given["use"]
        password, ledger = SecretStr(company.SERVICE_PASSWORD), Ledger("directory", sessions, clock)
        ldap = Ldap(name="directory", clock=clock, ledger=ledger, password=password, **given)
        await ldap.open()
        try:
            yield Stage(slapd, proxy, ldap, sessions, clock)
        finally:
            await ldap.close()
    await engine.dispose()


@asynccontextmanager
async def ldap_directory(folder: Path, *, memberof: bool = True) -> AsyncIterator[DirectoryCase]:
    async with staged(folder, memberof=memberof) as stage:

        async def departs(person_key: str) -> None:
            await stage.slapd.replace(company.dn_of(person_key), pwdAccountLockedTime=company.DISABLED)

        port, unreachable = Reached.of(stage.ldap.people, stage.proxy)
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
async def ldap_accounts(folder: Path) -> AsyncIterator[AccountsCase]:
    """The directory's lock state and passwords, Foyer's own links, and the sandbox's enrolled channel."""
    async with staged(folder) as stage:
        sandbox = SandboxCompany(folder / "sandbox.sqlite", stage.clock)
        await sandbox.open()
        port, unreachable = Reached.of(stage.ldap.passwords, stage.proxy)

        async def received(person_key: str) -> int:
            return len(await sandbox.inbox(person_key))

        async def answer_lost() -> None:
            await stage.answer_lost()
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
async def ldap_passwords(folder: Path) -> AsyncIterator[PasswordsCase]:
    async with staged(folder) as stage:
        port, unreachable = Reached.of(stage.ldap.passwords, stage.proxy)

        async def signs_in(person_key: str, password: str) -> bool:
            return await stage.slapd.signs_in(company.dn_of(person_key), password)

        rejected: Mapping[str, str] = {
            "password_too_short": "Short-one-9",
            "password_used_before": company.employees()[company.ACTIVE].password,
        }
        yield PasswordsCase(
            port=port,
            locked=company.LOCKED,
            active=company.ACTIVE,
            disabled=company.leaver().key,
            good="A kettle, a lamp and 7 spoons",
            rejected=rejected,
            signs_in=signs_in,
            unreachable=unreachable,
            answer_lost=stage.answer_lost,
        )


@asynccontextmanager
async def ldap_access(folder: Path, *, memberof: bool = True) -> AsyncIterator[AccessCase]:
    async with staged(folder, memberof=memberof) as stage:
        port, unreachable = Reached.of(stage.ldap.access, stage.proxy)

        async def departs() -> None:
            await stage.slapd.delete(company.dn_of(facts.DANA))

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
            answer_lost=stage.answer_lost,
            cleans_up=memberof,
        )
