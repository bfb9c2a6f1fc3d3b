"""Each fault does what it is called, as often as planned, also across processes and restarts."""

from pathlib import Path

import pytest

from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from tests.contract.cases import FakeClock


@pytest.mark.parametrize(
    ("fault", "error", "code", "happened"),
    [
        (FaultKind.REFUSE_CONNECTION, Retry, "unreachable", False),
        (FaultKind.TIMEOUT_BEFORE, OutcomeUnknown, "timeout", False),
        (FaultKind.APPLY_THEN_FAIL, OutcomeUnknown, "timeout", True),
        (FaultKind.RATE_LIMIT, Retry, "rate_limited", False),
        (FaultKind.REFUSED, Refused, "refused", False),
    ],
)
async def test_what_the_caller_meets(
    company: SandboxCompany, fault: FaultKind, error: type[ConnectorError], code: str, happened: bool
) -> None:
    await company.faults.fail_next("accounts.unlock", fault)
    with pytest.raises(ConnectorError) as raised:
        await company.accounts.unlock(facts.DANA, key="k1")
    assert (type(raised.value), raised.value.code) == (error, code)
    assert len(await company.effects()) == int(happened)
    assert (await company.accounts.unlock(facts.DANA, key="k1")).changed is not happened
    assert len(await company.effects()) == 1


async def test_a_rate_limit_says_how_long_to_wait(company: SandboxCompany) -> None:
    await company.faults.fail_next("people.get", FaultKind.RATE_LIMIT, seconds=30)
    with pytest.raises(Retry) as raised:
        await company.people.get(facts.DANA)
    assert raised.value.after == 30


async def test_slow_works_in_the_end(company: SandboxCompany) -> None:
    await company.faults.fail_next("accounts.unlock", FaultKind.SLOW, seconds=0)
    assert (await company.accounts.unlock(facts.DANA, key="k1")).changed


async def test_strikes_only_its_operation_and_only_so_often(company: SandboxCompany) -> None:
    await company.faults.fail_next("access.*", FaultKind.REFUSE_CONNECTION, times=2)
    assert await company.people.get(facts.DANA)
    for _ in range(2):
        with pytest.raises(Retry):
            await company.access.applications()
    assert await company.access.applications()


async def test_faults_follow_each_other(company: SandboxCompany) -> None:
    await company.faults.fail_next("hr.leaves", FaultKind.REFUSED)
    await company.faults.fail_next("hr.*", FaultKind.RATE_LIMIT)
    for error in (Refused, Retry):
        with pytest.raises(error):
            await company.hr.leaves(facts.DANA)
    assert await company.hr.leaves(facts.DANA)


async def test_another_process_sets_and_clears_the_plan(company: SandboxCompany, other: SandboxCompany) -> None:
    await other.faults.fail_sometimes("*", FaultKind.REFUSE_CONNECTION, 1.0, seed=1)
    for _ in range(3):
        with pytest.raises(Retry):
            await company.people.get(facts.DANA)
    await other.faults.clear()
    assert await company.people.get(facts.DANA)


async def struck(company: SandboxCompany, calls: int) -> list[bool]:
    struck = []
    for _ in range(calls):
        try:
            await company.people.get(facts.DANA)
            struck.append(False)
        except Retry:
            struck.append(True)
    return struck


async def test_lots_are_drawn_from_the_seed_also_across_a_restart(company: SandboxCompany, path: Path, clock: FakeClock) -> None:
    await company.faults.fail_sometimes("people.*", FaultKind.REFUSE_CONNECTION, 0.3, seed=7)
    whole = await struck(company, 60)
    assert 8 <= whole.count(True) <= 28
    await company.faults.clear()
    await company.faults.fail_sometimes("people.*", FaultKind.REFUSE_CONNECTION, 0.3, seed=7)
    first = await struck(company, 25)
    restarted = SandboxCompany(path, clock)
    await restarted.open()
    assert first + await struck(restarted, 35) == whole
    await restarted.close()


async def test_what_the_operator_does_is_never_struck(company: SandboxCompany) -> None:
    await company.faults.fail_sometimes("*", FaultKind.REFUSED, 1.0, seed=1)
    assert await company.show(facts.DANA)
    assert await company.inbox(facts.DANA) == []
    await company.reset()
    assert await company.people.get(facts.DANA)
