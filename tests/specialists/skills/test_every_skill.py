"""What every skill owes on a system that fails: once-only effects, an undo that is once-only too, its own ports only."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from connectors.errors import OutcomeUnknown, Refused
from connectors.ports.systems import Effect
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.faults import FaultKind
from specialists.loader import load_skills
from tests.specialists.skills.bench import Bench
from tests.specialists.skills.conftest import MakeBench

SKILLS = dict(load_skills())
SLOTS: dict[str, dict[str, Any]] = {
    "unlock_account": {},
    "reset_password": {},
    "grant_access": {"application": "figma", "role": "editor", "duration": "P30D"},
    "request_hardware": {"item": "monitor-27-4k"},
    "check_pto_balance": {},
    "request_pto": {"start": "2026-03-09", "end": "2026-03-13"},
}
each_skill = pytest.mark.parametrize("name", sorted(SKILLS))


@pytest.fixture
def asking(bench: MakeBench) -> Callable[[str], Awaitable[Bench]]:
    async def make(name: str) -> Bench:
        return (await bench(name, "dana")).asks(**SLOTS[name])

    return make


async def struck(call: Callable[[], Awaitable[object]]) -> None:
    """Until the time-outs are over, as a step of the engine does it."""
    for _ in range(20):
        try:
            await call()
        except OutcomeUnknown:
            continue
        return
    raise AssertionError("it never came through")


OPERATIONS = (
    "accounts.unlock",
    "accounts.send_reset_link",
    "enrolled.send",
    "access.grant",
    "purchasing.order",
    "hr.book_leave",
)
"""Whatever changes something while a skill performs."""


@each_skill
async def test_every_skill_is_in_the_table(name: str) -> None:
    assert name in SLOTS


@each_skill
async def test_a_plan_keeps_to_its_declaration(name: str, asking: Callable[[str], Awaitable[Bench]]) -> None:
    bench = await asking(name)
    plan, again = await bench.planned(), await bench.planned()
    assert plan == again
    assert 1 <= len(plan.actions) <= 5
    for action in plan.actions:
        declared = bench.skill.actions[action.name]
        assert (action.idempotency, action.effect) == (declared.idempotency, declared.effect)
    assert (plan.until is not None) == bench.skill.spec.timed


@each_skill
async def test_an_effect_whose_answer_was_lost_is_there_once(
    name: str, asking: Callable[[str], Awaitable[Bench]], company: SandboxCompany
) -> None:
    bench = await asking(name)
    for action in (await bench.planned()).actions:
        for operation in OPERATIONS:
            await company.faults.fail_next(operation, FaultKind.APPLY_THEN_FAIL)
        await struck(partial(bench.perform, action))
    effects = [(entry.operation, entry.person_key) for entry in await company.effects()]
    assert len(effects) == sum(action.effect for action in bench.skill.actions.values())
    assert len(set(effects)) == len(effects)


@pytest.mark.parametrize(("name", "operation"), [("request_hardware", "purchasing.order"), ("reset_password", "accounts.send_reset_link")])
async def test_without_keys_the_same_repetition_shows_doubles(
    name: str, operation: str, asking: Callable[[str], Awaitable[Bench]], company: SandboxCompany
) -> None:
    """The negative control."""
    bench = await asking(name)
    [action, *_] = (await bench.planned()).actions
    await company.faults.fail_next(operation, FaultKind.APPLY_THEN_FAIL)
    await company.faults.fail_next(operation, FaultKind.IGNORE_KEY)
    await struck(partial(bench.perform, action))
    assert len(await company.effects(operation)) == 2


@each_skill
async def test_what_is_done_can_be_said_and_read_back(name: str, asking: Callable[[str], Awaitable[Bench]]) -> None:
    bench = await asking(name)
    for action, effect in await bench.run():
        assert bench.told(action, effect)
        assert bench.read((await bench.verify(action)).evidence)
        assert bench.read(bench.skill.says(f"step.{action.name}", bench.context))
        # The answer was lost, and reading back showed that it was done.
        assert bench.told(action, Effect(""))


@pytest.mark.parametrize("name", sorted(name for name, loaded in SKILLS.items() if loaded.spec.undo))
async def test_an_undo_whose_answer_was_lost_is_there_once(
    name: str, asking: Callable[[str], Awaitable[Bench]], company: SandboxCompany
) -> None:
    bench = await asking(name)
    done = await bench.run()
    before = len(await company.effects())
    first, effect = done[0]
    for operation in ("accounts.withdraw_reset_link", "access.revoke", "purchasing.cancel_order", "hr.cancel_leave"):
        await company.faults.fail_next(operation, FaultKind.APPLY_THEN_FAIL)
    await struck(partial(bench.undo, first, effect))
    assert len(await company.effects()) == before + 1
    assert not (await bench.verify(first)).holds
    assert bench.read(bench.skill.says("undone", bench.context))


@each_skill
async def test_an_undeclared_port_is_out_of_reach(name: str, asking: Callable[[str], Awaitable[Bench]]) -> None:
    bench = await asking(name)
    for port in ("people", "accounts", "enrolled", "access", "hr", "purchasing", "knowledge"):
        declared = port in bench.skill.spec.connectors
        with pytest.raises(Refused, match="undeclared_scope" if declared else "undeclared_port"):
            getattr(bench.ports, port).anything  # noqa: B018
