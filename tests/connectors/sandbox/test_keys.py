"""Idempotency keys: one effect a key, whoever races and whenever the process dies."""

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from tests.contract.cases import FakeClock

DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from connectors.sandbox import facts, store
from connectors.sandbox.connector import SandboxCompany

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def main(path, when):
    company = SandboxCompany(path)
    await company.open()
    if when == "between effect and key":
        # Made when the effect is written and the key row is not.
        store.Applied.__init__ = lambda self, *values, **named: die()
    await company.purchasing.order(facts.DANA, "desk-lamp", quantity=1, reason="", key="k1")
    die()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


async def ordered(company: SandboxCompany, key: str) -> bool:
    return (await company.purchasing.order(facts.DANA, "desk-lamp", quantity=1, reason="", key=key)).changed


async def test_two_processes_with_one_key_have_one_effect(company: SandboxCompany, other: SandboxCompany) -> None:
    changed = await asyncio.gather(*(ordered(one, f"k{n}") for n in range(10) for one in (company, other)))
    assert changed.count(True) == 10
    assert len(await company.purchasing.orders(facts.DANA)) == 10
    assert [entry.key for entry in await other.effects("purchasing.order")] == [f"k{n}" for n in range(10)]


async def test_without_keys_the_same_calls_double(company: SandboxCompany, other: SandboxCompany) -> None:
    await company.faults.fail_sometimes("purchasing.*", FaultKind.IGNORE_KEY, 1.0, seed=1)
    changed = await asyncio.gather(*(ordered(one, f"k{n}") for n in range(3) for one in (company, other)))
    assert changed.count(True) == 6
    assert len(await company.effects("purchasing.order")) == 6


@pytest.mark.parametrize(("when", "happened"), [("between effect and key", False), ("before the answer", True)])
async def test_a_killed_process_leaves_both_or_neither(path: Path, clock: FakeClock, when: str, happened: bool) -> None:
    dead = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", DIES, str(path), when], timeout=60, check=False)
    assert dead.returncode == -signal.SIGKILL
    company = SandboxCompany(path, clock)
    await company.open()
    assert len(await company.effects("purchasing.order")) == int(happened)
    assert await ordered(company, "k1") is not happened
    assert len(await company.purchasing.orders(facts.DANA)) == len(await company.effects("purchasing.order", key="k1")) == 1
    await company.close()


async def test_a_refusal_uses_no_key_up(company: SandboxCompany) -> None:
    with pytest.raises(Refused):
        await company.purchasing.order(facts.DANA, "desk-lamp", quantity=0, reason="", key="k1")
    assert await ordered(company, "k1")


async def test_a_key_belongs_to_one_operation_and_target(company: SandboxCompany) -> None:
    assert await ordered(company, "k1")
    with pytest.raises(Refused, match="key_reused"):
        await company.purchasing.order(facts.OMAR, "desk-lamp", quantity=1, reason="", key="k1")
    with pytest.raises(Refused, match="key_reused"):
        await company.accounts.unlock(facts.DANA, key="k1")
    assert (await company.accounts.account(facts.DANA)).status == "locked"


async def test_an_empty_key_is_none(company: SandboxCompany) -> None:
    with pytest.raises(Refused, match="no_key"):
        await ordered(company, "")


async def test_the_journal_counts_effects_and_not_calls(company: SandboxCompany, clock: FakeClock) -> None:
    until = clock() + timedelta(days=7)
    for key in ("k1", "k1", "k2"):
        await company.access.grant(facts.DANA, "figma", "editor", until=until, key=key)
    [entry] = await company.effects("access.*", person_key=facts.DANA)
    assert (entry.operation, entry.key, entry.at) == ("access.grant", "k1", clock())
    assert entry.data["until"] == until.isoformat(timespec="microseconds")
    assert await company.effects("access.*", person_key=facts.OMAR) == []


async def test_a_retry_after_a_lost_answer_has_one_effect(company: SandboxCompany) -> None:
    await company.faults.fail_next("purchasing.order", FaultKind.APPLY_THEN_FAIL, times=2)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await ordered(company, "k1")
    assert not await ordered(company, "k1")
    assert len(await company.effects(key="k1")) == 1
