"""Fulfilment stopped and started again, in one process: nothing lost, nothing twice; and the same on PostgreSQL."""

from pathlib import Path
from typing import Any

from bot.database import Sessions
from connectors.sandbox.facts import DANA, PRIYA
from specialists.request import RequestState
from tests.specialists.fulfilment.rig import Clock, Rig, make, make_tables

S = RequestState
FIGMA: dict[str, Any] = {"application": "figma", "role": "editor", "duration": "P30D"}


async def launched(folder: Path, sessions: Sessions, clock: Clock, engine_url: str | None = None) -> Rig:
    rig = make(folder, sessions, clock=clock, engine_url=engine_url)
    await rig.company.open()
    await rig.fulfilment.launch()
    return rig


async def stopped(rig: Rig) -> None:
    await rig.fulfilment.close()
    await rig.company.close()


async def test_pending_approvals_and_switches_survive_restarts(tmp_path: Path, clock: Clock) -> None:
    engine, sessions = await make_tables(tmp_path)
    rig = await launched(tmp_path, sessions, clock)
    request = await rig.submit("grant_access", **FIGMA)
    await rig.settle(request)
    await rig.switch.pause("*", "operator")
    await stopped(rig)

    rig = await launched(tmp_path, sessions, clock)
    await rig.click(await rig.approval_of(request), PRIYA)
    assert (await rig.settle(request)).state is S.HELD
    await stopped(rig)

    rig = await launched(tmp_path, sessions, clock)
    assert await rig.switch.paused("access_manager")
    await rig.switch.resume("*", "operator")
    rig.fulfilment.wake()
    assert (await rig.settle(request)).state is S.DONE
    assert len(await rig.company.effects("access.grant")) == 1
    await stopped(rig)
    await engine.dispose()


async def test_a_grant_that_ended_while_nothing_ran_is_revoked_at_the_start(tmp_path: Path, clock: Clock) -> None:
    engine, sessions = await make_tables(tmp_path)
    rig = await launched(tmp_path, sessions, clock)
    request = await rig.submit("grant_access", **FIGMA)
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    await rig.settle(request)
    await stopped(rig)

    clock.advance(days=31)
    rig = await launched(tmp_path, sessions, clock)
    await rig.fulfilment.sweep()
    await rig.quiet()
    assert [one for one in await rig.company.access.entitlements(DANA) if one.application_key == "figma"] == []
    await stopped(rig)
    await engine.dispose()


async def test_a_command_that_nobody_dispatched_is_started_by_the_next_process(tmp_path: Path, clock: Clock) -> None:
    engine, sessions = await make_tables(tmp_path)
    rig = make(tmp_path, sessions, clock=clock)
    await rig.company.open()
    request = await rig.submit("unlock_account")  # the engine was never launched: dispatching fails, and says so only in the log
    await rig.company.close()
    assert len(await rig.store.pending_commands()) == 1
    rig = await launched(tmp_path, sessions, clock)
    assert (await rig.settle(request)).state is S.DONE
    await stopped(rig)
    await engine.dispose()


async def test_a_whole_grant_on_either_database(tmp_path: Path, clock: Clock, sessions: Sessions, migrated_url: str) -> None:
    """On PostgreSQL the engine lives in the application's own database, in a schema of its own."""
    own = None if migrated_url.startswith("sqlite") else migrated_url
    rig = await launched(tmp_path, sessions, clock, engine_url=own)
    requests = [await rig.submit("grant_access", **FIGMA), await rig.submit("unlock_account")]
    await rig.settle(requests[0])
    await rig.click(await rig.approval_of(requests[0]), PRIYA)
    assert [(await rig.settle(request)).state for request in requests] == [S.DONE, S.DONE]
    assert (await rig.undo(requests[0])).state is S.UNDONE
    await stopped(rig)
