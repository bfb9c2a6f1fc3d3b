"""Every implementation of the ports, ready to be put through the contract suites."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from connectors.sandbox.people import TENANT, object_id
from tests.contract.cases import AccessCase, AccountsCase, DevicesCase, DirectoryCase, Disturb, FakeClock, HrCase, PurchasingCase

T = TypeVar("T")
Made = Callable[[Path], AbstractAsyncContextManager[T]]


@asynccontextmanager
async def _company(folder: Path, clock: FakeClock) -> AsyncIterator[SandboxCompany]:
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
            enrolled_port=company.enrolled,
            clock=clock,
            locked=facts.DANA,
            active=facts.OMAR,
            disabled=await _leaver(company),
            not_enrolled=facts.JONAS,
            received=received,
            unreachable=_disturb(company, FaultKind.REFUSE_CONNECTION),
            answer_lost=_disturb(company, FaultKind.APPLY_THEN_FAIL),
        )


@asynccontextmanager
async def sandbox_access(folder: Path) -> AsyncIterator[AccessCase]:
    clock = FakeClock()
    async with _company(folder, clock) as company:
        yield AccessCase(
            port=company.access,
            clock=clock,
            person=facts.DANA,
            leaver=await _leaver(company),
            application="figma",
            role="editor",
            ownerless="old-intranet",
            permanent=("slack", "member"),
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
ACCOUNTS: dict[str, Made[AccountsCase]] = {"sandbox": sandbox_accounts}
ACCESSES: dict[str, Made[AccessCase]] = {"sandbox": sandbox_access}
HRS: dict[str, Made[HrCase]] = {"sandbox": sandbox_hr}
PURCHASINGS: dict[str, Made[PurchasingCase]] = {"sandbox": sandbox_purchasing}
DEVICES: dict[str, Made[DevicesCase]] = {"sandbox": sandbox_devices}
