"""Many at once: pending approvals over restarts, and the kill switch with a hundred requests in flight."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.ports.systems import Effect
from connectors.sandbox.facts import INES, PRIYA
from specialists.approvals import Decided
from specialists.request import RequestState
from tests.specialists.fulfilment.rig import Clock, Rig, make, make_tables

S = RequestState
APPLICATIONS = ("figma", "miro", "tableau", "looker", "datadog")


async def launched(folder: Path, sessions: object, clock: Clock) -> Rig:
    rig = make(folder, sessions, clock=clock)  # type: ignore[arg-type]
    await rig.company.open()
    await rig.fulfilment.launch()
    return rig


@pytest.mark.timeout(600)
async def test_200_pending_approvals_over_five_restarts_are_decided_once_each(tmp_path: Path) -> None:
    clock = Clock()
    engine, sessions = await make_tables(tmp_path)
    rig = await launched(tmp_path, sessions, clock)
    people = [one for n in range(1, 13) if (one := f"e10{n:02d}") not in (PRIYA, INES) and await rig.people.get(one)]
    requests = []
    for n in range(200):
        who = people[n % len(people)]
        rig.people.changed[who] = {"manager_key": PRIYA, "privileged": False, "guest": False, "active": True}
        requests.append(await rig.submit("request_hardware", who=who, item="monitor-24", reason=f"desk {n}"))
    await rig.quiet()
    waiting = await rig.store.approvals_waiting(PRIYA)
    assert len(waiting) == 200
    for round_ in range(5):
        changed = rig.people.changed
        await rig.fulfilment.close()
        await rig.company.close()
        rig = await launched(tmp_path, sessions, clock)
        rig.people.changed = changed
        part = waiting[round_ * 40 : round_ * 40 + 40]
        judged = await asyncio.gather(*(rig.click(one.id, PRIYA) for one in part for _ in range(2)))
        assert sum(isinstance(one, Decided) for one in judged) == len(part)
    await rig.quiet()
    assert await rig.store.approvals_waiting(PRIYA) == []
    assert {(await rig.now(request)).state for request in requests} == {S.DONE}
    assert len(await rig.company.effects("purchasing.order")) == 200
    await rig.fulfilment.close()
    await rig.company.close()
    await engine.dispose()


@pytest.mark.timeout(300)
async def test_the_switch_stops_a_hundred_requests_in_flight(tmp_path: Path) -> None:
    clock = Clock()
    engine, sessions = await make_tables(tmp_path)
    rig = await launched(tmp_path, sessions, clock)
    loaded, began = rig.skills["unlock_account"], list[float]()

    class Noted(type(loaded.code)):  # type: ignore[misc]
        async def perform(self, *args: object, **named: object) -> Effect:
            began.append(time.monotonic())
            await asyncio.sleep(0.05)
            return await super().perform(*args, **named)  # type: ignore[no-any-return]

        def plan(self, context: object, facts: dict[str, object]) -> object:
            locked = replace(facts["account"], status="locked")  # type: ignore[type-var]
            return super().plan(context, {"account": locked})

    rig.skills["unlock_account"] = replace(loaded, code=Noted())
    submitting = asyncio.gather(*(rig.submit("unlock_account", who=f"e{n}") for n in range(2001, 2101)))
    async with asyncio.timeout(60):
        while len(began) < 10:
            await asyncio.sleep(0.01)
    pressed = time.monotonic()
    await rig.switch.pause("*", "operator")
    requests = await submitting
    await rig.quiet()
    assert max(began) - pressed < 1.0
    states = [(await rig.now(request)).state for request in requests]
    held = states.count(S.HELD)
    assert held > 0
    assert set(states) <= {S.HELD, S.DONE, S.DECLINED, S.WITH_STAFF}
    before = len(began)
    await rig.fulfilment.close()
    await rig.company.close()

    rig = await launched(tmp_path, sessions, clock)
    rig.skills["unlock_account"] = replace(loaded, code=Noted())
    await rig.fulfilment.sweep()
    await rig.quiet()
    assert len(began) == before, "a restart starts nothing"
    await rig.switch.resume("*", "operator")
    rig.fulfilment.wake()
    await rig.quiet()
    assert not await rig.store.in_states(S.HELD)
    await rig.fulfilment.close()
    await rig.company.close()
    await engine.dispose()
