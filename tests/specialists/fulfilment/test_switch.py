"""The kill switch: no new effect once it is pressed, everything goes on when it is released."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.ports.systems import Effect
from connectors.sandbox.facts import DANA, OMAR, PRIYA
from connectors.sandbox.faults import FaultKind
from specialists import tables
from specialists.audit import Audit
from specialists.request import Change, EventKind, Request, RequestState
from specialists.roster import Lifecycle
from specialists.store import Conflict, RequestStore
from specialists.switch import Switch
from tests.specialists.fulfilment.rig import Clock, Rig, make, make_tables

S = RequestState


async def test_a_request_to_a_paused_specialist_is_held_and_goes_on_after(rig: Rig) -> None:
    await rig.switch.pause("it_service_desk", "operator")
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.HELD
    assert await rig.company.effects() == []
    assert await rig.switch.resume("it_service_desk", "operator") == 1
    rig.fulfilment.wake()
    assert (await rig.settle(request)).state is S.DONE
    assert EventKind.RESUMED in await rig.kinds(request)


async def test_the_switch_for_all_holds_until_both_are_released(rig: Rig) -> None:
    await rig.switch.pause("*", "operator")
    await rig.switch.pause("it_service_desk", "operator")
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.HELD
    assert await rig.switch.resume("*", "operator") == 0
    assert await rig.switch.resume("it_service_desk", "operator") == 1


async def test_another_specialist_is_not_held(rig: Rig) -> None:
    await rig.switch.pause("access_manager", "operator")
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.DONE


async def test_reading_goes_on_while_paused(rig: Rig) -> None:
    await rig.switch.pause("*", "operator")
    request = await rig.submit("check_pto_balance")
    assert (await rig.settle(request)).state is S.DONE


async def test_an_approval_given_while_paused_is_kept_for_later(rig: Rig) -> None:
    request = await rig.submit("grant_access", application="figma", role="editor", duration="P30D")
    await rig.settle(request)
    await rig.switch.pause("access_manager", "operator")
    await rig.click(await rig.approval_of(request), PRIYA)
    assert (await rig.settle(request)).state is S.HELD
    await rig.switch.resume("access_manager", "operator")
    rig.fulfilment.wake()
    assert (await rig.settle(request)).state is S.DONE
    assert len(await rig.store.approvals_of(request.id)) == 1


async def test_pressed_between_two_tries_the_second_never_comes(rig: Rig) -> None:
    loaded = rig.skills["unlock_account"]
    tries = 0

    class PressesAfterTheFirst(type(loaded.code)):  # type: ignore[misc]
        async def perform(self, *args: object, **named: object) -> Effect:
            nonlocal tries
            tries += 1
            await rig.switch.pause("it_service_desk", "operator")
            return await super().perform(*args, **named)  # type: ignore[no-any-return]

    rig.skills["unlock_account"] = replace(loaded, code=PressesAfterTheFirst())
    await rig.company.faults.fail_next("accounts.unlock", FaultKind.APPLY_THEN_FAIL)
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.HELD
    assert tries == 1
    rig.skills["unlock_account"] = loaded
    await rig.switch.resume("it_service_desk", "operator")
    rig.fulfilment.wake()
    assert (await rig.settle(request)).state is S.DONE
    assert len(await rig.company.effects("accounts.unlock")) == 1


async def test_an_undo_is_held_and_resumed_as_an_undo(rig: Rig) -> None:
    request = await rig.submit("request_pto", start="2026-04-06", end="2026-04-08", who=OMAR)
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    assert (await rig.settle(request)).state is S.DONE
    await rig.switch.pause("*", "operator")
    assert (await rig.undo(request)).state is S.HELD
    assert await rig.company.effects("hr.cancel_leave") == []
    await rig.switch.resume("*", "operator")
    rig.fulfilment.wake()
    assert (await rig.settle(request)).state is S.UNDONE
    assert len(await rig.company.effects("hr.cancel_leave")) == 1


async def test_a_hold_that_the_release_just_missed_is_swept_up(rig: Rig) -> None:
    await rig.switch.pause("it_service_desk", "operator")
    request = await rig.submit("unlock_account")
    await rig.settle(request)
    # As if the request had been held a moment after the release: the row says released, nobody submitted it again.
    async with rig.sessions.begin() as session:
        await session.execute(update(tables.switch).values(paused=False))
    await rig.fulfilment.sweep()
    assert (await rig.settle(request)).state is S.DONE


@pytest.mark.parametrize("lifecycle", ["draft", "shadow", "paused", "retired"])
async def test_a_specialist_that_is_not_in_service_holds_its_requests_once(rig: Rig, lifecycle: Lifecycle) -> None:
    everyone = rig.roster.specialists
    away = replace(everyone["it_service_desk"], lifecycle=lifecycle)
    rig.roster.specialists = {**everyone, "it_service_desk": away}
    request = await rig.submit("unlock_account")
    await rig.settle(request)
    for _ in range(2):
        await rig.fulfilment.sweep()
        assert (await rig.settle(request)).state is S.HELD
    assert await rig.switch.resume("it_service_desk", "operator") == 0
    assert (await rig.kinds(request)).count(EventKind.HELD) == 1
    assert await rig.company.effects() == []
    rig.roster.specialists = everyone
    await rig.fulfilment.sweep()
    assert (await rig.settle(request)).state is S.DONE


async def test_one_that_moves_at_the_moment_of_release_keeps_nobody_else(rig: Rig) -> None:
    await rig.switch.pause("it_service_desk", "operator")
    moving, other = [await rig.submit("unlock_account", who=who) for who in (OMAR, DANA)]
    await rig.quiet()

    class Moving(RequestStore):
        async def save(self, session: AsyncSession, change: Change) -> Request:
            if change.request.id == moving.id:
                raise Conflict("somebody else was faster")
            return await super().save(session, change)

    switch = Switch(rig.sessions, Moving(rig.sessions), Audit(b"k" * 32, clock=rig.clock), rig.clock, rig.roster)
    assert await switch.resume("it_service_desk", "operator") == 1
    rig.fulfilment.wake()
    assert (await rig.settle(other)).state is S.DONE
    assert not await rig.switch.paused("it_service_desk")
    await rig.fulfilment.sweep()
    assert (await rig.settle(moving)).state is not S.HELD


async def test_pressed_before_the_link_goes_out_none_is_sent(tmp_path: Path, clock: Clock) -> None:
    engine, sessions = await make_tables(tmp_path)

    async def press(name: str) -> None:
        if name == "step_up:before-effect" and not await rig.switch.state():
            await rig.switch.pause("it_service_desk", "operator")

    rig = make(tmp_path, sessions, clock=clock, checkpoint=press)
    await rig.company.open()
    await rig.fulfilment.launch()
    request = await rig.submit("reset_password")
    assert (await rig.settle(request)).state is S.HELD
    assert await rig.company.inbox(DANA) == []
    await rig.switch.resume("it_service_desk", "operator")
    rig.fulfilment.wake()
    assert (await rig.settle(request)).state is S.AWAITING_STEP_UP
    await rig.pass_step_up(await rig.link())
    assert (await rig.settle(request)).state is S.DONE
    await rig.fulfilment.close()
    await rig.company.close()
    await engine.dispose()


async def test_who_pressed_it_is_kept(rig: Rig) -> None:
    await rig.switch.pause("people", "operator")
    state = await rig.switch.state()
    assert (state["people"].paused, state["people"].by, state["people"].at) == (True, "operator", rig.clock())
    await rig.switch.resume("people", PRIYA)
    assert not (await rig.switch.state())["people"].paused


async def test_it_holds_from_the_press_on_while_its_row_waits_for_another_writer(rig: Rig) -> None:
    async with rig.sessions.begin():
        pressing = asyncio.create_task(rig.switch.pause("people", "operator"))
        await asyncio.sleep(0)
        assert not pressing.done()
        assert await rig.switch.paused("people")
        assert not await rig.switch.paused("it_service_desk")
    await pressing
    assert await rig.switch.paused("people")
