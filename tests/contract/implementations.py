"""Every implementation of the ports, ready to be put through the contract suites."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import bot
from bot.database import Sessions, connect
from bot.resets import OwnResets
from connectors.errors import OutcomeUnknown, Retry
from connectors.memory.passwords import MemoryPasswords
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.systems import Account, Passwords
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from connectors.sandbox.people import TENANT, object_id
from specialists.audit import Audit
from tests.contract.cases import (
    AccessCase,
    AccountsCase,
    DevicesCase,
    DirectoryCase,
    Disturb,
    EnrolledCase,
    FakeClock,
    HrCase,
    PasswordsCase,
    PurchasingCase,
)
from tests.contract.made_once import company_file
from tests.contract.over_scim import SCIM_ACCESSES
from tests.contract.over_smtp import smtp_enrolled
from tests.migrated import sqlite_file

T = TypeVar("T")
Made = Callable[[Path], AbstractAsyncContextManager[T]]


@asynccontextmanager
async def _company(folder: Path, clock: FakeClock) -> AsyncIterator[SandboxCompany]:
    await company_file(folder / "sandbox.sqlite")
    company = SandboxCompany(folder / "sandbox.sqlite", clock)
    await company.open()
    try:
        yield company
    finally:
        await company.close()


def _disturb(company: SandboxCompany, kind: FaultKind) -> Disturb:
    return partial(company.faults.fail_next, "*", kind)


async def _leaver(company: SandboxCompany) -> str:
    keys = [f"e{number}" for number in range(2001, 2001 + facts.HEADCOUNT - len(facts.NAMED))]
    people = [await company.people.get(key) for key in keys]
    return next(person.key for person in people if person is not None and not person.active)


@asynccontextmanager
async def sandbox_directory(folder: Path) -> AsyncIterator[DirectoryCase]:
    async with _company(folder, FakeClock()) as company:

        async def departs(person_key: str) -> None:
            with sqlite3.connect(folder / "sandbox.sqlite") as db:
                db.execute("UPDATE people SET active = 0 WHERE key = ?", (person_key,))
            db.close()

        yield DirectoryCase(
            port=company.people,
            person=facts.DANA,
            name="Dana Whitfield",
            email="dana@acme.example",
            manager=facts.PRIYA,
            leaver=await _leaver(company),
            group="it-support",
            group_members=frozenset({facts.SAM, facts.NOOR}),
            shared_email="reception@acme.example",
            account=f"entra:{TENANT}:{object_id(facts.DANA)}",
            departs=departs,
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
        )


@asynccontextmanager
async def sandbox_accounts(folder: Path) -> AsyncIterator[AccountsCase]:
    clock = FakeClock()
    async with _company(folder, clock) as company:

        async def received(person_key: str) -> int:
            return len(await company.inbox(person_key))

        yield AccountsCase(
            port=company.accounts,
            clock=clock,
            locked=facts.DANA,
            active=facts.OMAR,
            disabled=await _leaver(company),
            not_enrolled=facts.JONAS,
            received=received,
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
            answer_lost=_disturb(company, FaultKind.APPLY_THEN_FAIL),
        )


def resets_over(passwords: Passwords, company: SandboxCompany, sessions: Sessions, clock: FakeClock) -> OwnResets:
    """Foyer's own links, over these passwords and the sandbox's enrolled channel."""

    class People:
        async def get(self, person_id: str) -> Person | None:
            return await self.by_key(person_id)

        async def known(self, person_id: str) -> Person | None:
            return await self.get(person_id)

        async def by_key(self, directory_key: str) -> Person | None:
            entry = await company.people.get(directory_key)
            return Person(entry.key, entry.key, entry.name, entry.email, entry.timezone, entry.locale) if entry is not None else None

        async def members(self, group: str) -> list[Person]:
            return []

    return OwnResets(
        passwords=passwords,
        enrolled=company.enrolled,
        sessions=sessions,
        people=People(),
        audit=Audit(b"k" * 32, clock=clock),
        messages=Messages.load([Path(bot.__file__).with_name("messages.yaml")]),
        reader=Reader("en", "UTC"),
        clock=clock,
        secret=b"s" * 32,
        base_url="http://127.0.0.1:8080",
    )


def _memory_passwords(clock: FakeClock, leaver: str) -> MemoryPasswords:
    locked = Account("locked", locked_since=clock() - timedelta(hours=1))
    active = Account("active", password_changed_at=clock() - timedelta(days=90))
    known = {facts.DANA: locked, facts.OMAR: active, facts.JONAS: active, leaver: replace(active, status="disabled")}
    return MemoryPasswords(known, clock)


@asynccontextmanager
async def own_resets(folder: Path) -> AsyncIterator[AccountsCase]:
    """Foyer's own links, over passwords in memory."""
    clock = FakeClock()
    engine, sessions = connect(await sqlite_file(folder / "foyer.db"))
    async with _company(folder, clock) as company:
        leaver = await _leaver(company)
        passwords = _memory_passwords(clock, leaver)

        async def received(person_key: str) -> int:
            return len(await company.inbox(person_key))

        async def unreachable() -> None:
            passwords.fail_next(Retry("unreachable"))

        async def answer_lost() -> None:
            passwords.fail_next(OutcomeUnknown("connection_lost"), "unlock", after=True)
            await company.faults.fail_next("enrolled.send", FaultKind.APPLY_THEN_FAIL)

        yield AccountsCase(
            port=resets_over(passwords, company, sessions, clock),
            clock=clock,
            locked=facts.DANA,
            active=facts.OMAR,
            disabled=leaver,
            not_enrolled=facts.JONAS,
            received=received,
            unreachable=unreachable,
            answer_lost=answer_lost,
        )
    await engine.dispose()


@asynccontextmanager
async def memory_passwords(folder: Path) -> AsyncIterator[PasswordsCase]:
    clock, used = FakeClock(), "A password of long ago"
    passwords = _memory_passwords(clock, "e2001")
    await passwords.set_password(facts.OMAR, used)
    clock.advance(timedelta(days=1))

    async def signs_in(person_key: str, password: str) -> bool:
        return [chosen for who, chosen in passwords.chosen if who == person_key][-1:] == [password]

    async def unreachable() -> None:
        passwords.fail_next(Retry("unreachable"))

    async def answer_lost() -> None:
        passwords.fail_next(OutcomeUnknown("connection_lost"), "set_password", after=True)

    yield PasswordsCase(
        port=passwords,
        locked=facts.DANA,
        active=facts.OMAR,
        disabled="e2001",
        good="A kettle, a lamp and 7 spoons",
        rejected={"password_too_short": "Short-one-9", "password_too_long": "long" * 40, "password_used_before": used},
        signs_in=signs_in,
        unreachable=unreachable,
        answer_lost=answer_lost,
    )


@asynccontextmanager
async def sandbox_enrolled(folder: Path) -> AsyncIterator[EnrolledCase]:
    async with _company(folder, FakeClock()) as company:

        async def received(person_key: str) -> int:
            return len(await company.inbox(person_key))

        yield EnrolledCase(
            port=company.enrolled,
            person=facts.OMAR,
            other=facts.DANA,
            not_enrolled=facts.JONAS,
            received=received,
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
            answer_lost=_disturb(company, FaultKind.APPLY_THEN_FAIL),
        )


@asynccontextmanager
async def sandbox_access(folder: Path) -> AsyncIterator[AccessCase]:
    clock = FakeClock()
    async with _company(folder, clock) as company:

        async def departs() -> None:
            with closing(sqlite3.connect(folder / "sandbox.sqlite")) as db, db:
                db.execute("DELETE FROM people WHERE key = ?", (facts.DANA,))

        yield AccessCase(
            port=company.access,
            clock=clock,
            person=facts.DANA,
            leaver=await _leaver(company),
            application="figma",
            role="editor",
            ownerless="old-intranet",
            permanent=("slack", "member"),
            departs=departs,
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
            answer_lost=_disturb(company, FaultKind.APPLY_THEN_FAIL),
        )


@asynccontextmanager
async def sandbox_hr(folder: Path) -> AsyncIterator[HrCase]:
    clock = FakeClock()
    async with _company(folder, clock) as company:
        yield HrCase(
            port=company.hr,
            today=clock().date(),
            person=facts.DANA,
            holiday=date(2026, 11, 26),
            monday=date(2026, 9, 28),
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
            answer_lost=_disturb(company, FaultKind.APPLY_THEN_FAIL),
        )


@asynccontextmanager
async def sandbox_purchasing(folder: Path) -> AsyncIterator[PurchasingCase]:
    clock = FakeClock()
    async with _company(folder, clock) as company:
        yield PurchasingCase(
            port=company.purchasing,
            clock=clock,
            person=facts.DANA,
            item="monitor-27-4k",
            ships_after=timedelta(days=1),
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
            answer_lost=_disturb(company, FaultKind.APPLY_THEN_FAIL),
        )


@asynccontextmanager
async def sandbox_devices(folder: Path) -> AsyncIterator[DevicesCase]:
    async with _company(folder, FakeClock()) as company:
        yield DevicesCase(company.devices, facts.DANA, "laptop", _disturb(company, FaultKind.REFUSE_CONNECTION))


DIRECTORIES: dict[str, Made[DirectoryCase]] = {"sandbox": sandbox_directory}
ACCOUNTS: dict[str, Made[AccountsCase]] = {"sandbox": sandbox_accounts, "own_resets": own_resets}
ENROLLED: dict[str, Made[EnrolledCase]] = {"sandbox": sandbox_enrolled, "smtp": smtp_enrolled}
PASSWORDS: dict[str, Made[PasswordsCase]] = {"memory": memory_passwords}
ACCESSES: dict[str, Made[AccessCase]] = {
    "sandbox": sandbox_access,
    **SCIM_ACCESSES,
}
HRS: dict[str, Made[HrCase]] = {"sandbox": sandbox_hr}
PURCHASINGS: dict[str, Made[PurchasingCase]] = {"sandbox": sandbox_purchasing}
DEVICES: dict[str, Made[DevicesCase]] = {"sandbox": sandbox_devices}
