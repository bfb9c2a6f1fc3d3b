"""What is granted ends: told before, on time, never early, and tried until it is confirmed."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from connectors.errors import Retry
from connectors.ports.people import Person
from connectors.sandbox.facts import DANA, PRIYA
from connectors.sandbox.faults import FaultKind
from specialists.grants import Grant, next_try, reminder_at
from specialists.request import EventKind, Request, RequestState
from tests.specialists.fulfilment.rig import MONDAY, Rig

S = RequestState


async def granted(rig: Rig, duration: str = "P30D") -> tuple[Request, Grant]:
    request = await rig.submit("grant_access", application="figma", role="editor", duration=duration)
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    request = await rig.settle(request)
    grant = await rig.store.grant_of(request.id)
    assert grant is not None
    return request, grant


async def extended(rig: Rig) -> tuple[Request, Grant]:
    """Sixty days more, ten days before the first thirty are over."""
    rig.clock.advance(days=20)
    return await granted(rig, "P60D")


async def has_figma(rig: Rig) -> bool:
    return any(one.application_key == "figma" for one in await rig.company.access.entitlements(DANA))


async def swept(rig: Rig) -> None:
    await rig.fulfilment.sweep()
    await rig.quiet()


async def test_the_timer_revokes_at_the_end_and_reads_it_back(rig: Rig) -> None:
    request, grant = await granted(rig)
    assert await rig.engine.status(f"{grant.id}:revoke") == "DELAYED"
    rig.clock.now = grant.until
    await rig.fire(f"{grant.id}:revoke")
    assert not await has_figma(rig)
    ended = await rig.store.grant(grant.id)
    assert ended is not None
    assert ended.ended_at == grant.until
    assert (await rig.kinds(request))[-1] is EventKind.GRANT_ENDED


async def test_no_timer_and_no_sweep_revokes_early(rig: Rig) -> None:
    _, grant = await granted(rig)
    rig.clock.now = grant.until - timedelta(seconds=1)
    await rig.engine.start("revoke", "clock-was-set-back", grant.id)
    await swept(rig)
    assert await has_figma(rig)


async def test_overdue_after_a_long_stop_it_is_swept_up(rig: Rig) -> None:
    _, grant = await granted(rig)
    rig.clock.now = grant.until + timedelta(days=2)
    await swept(rig)
    assert not await has_figma(rig)
    assert len(await rig.company.effects("access.revoke")) == 1
    await swept(rig)
    assert len(await rig.company.effects("access.revoke")) == 1


async def test_a_revocation_is_tried_until_it_is_confirmed(rig: Rig) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until
    for tries in (1, 2, 3):
        await rig.company.faults.fail_next("access.revoke", FaultKind.REFUSE_CONNECTION, times=4)
        await swept(rig)
        waiting = await rig.store.grant(grant.id)
        assert waiting is not None
        assert waiting.tries == tries
        assert await has_figma(rig)
        await swept(rig)
        unchanged = await rig.store.grant(grant.id)
        assert unchanged is not None
        assert unchanged.tries == tries, "not again before its time"
        rig.clock.now = waiting.next_try_at
    await swept(rig)
    assert not await has_figma(rig)
    assert (await rig.kinds(request)).count(EventKind.GRANT_ENDED) == 1


async def failed(rig: Rig, grant: Grant) -> Grant:
    """The grant after one more try."""
    await swept(rig)
    found = await rig.store.grant(grant.id)
    assert found is not None
    rig.clock.now = max(rig.clock.now, found.next_try_at)
    return found


async def audited(rig: Rig, event: str) -> list[dict[str, Any]]:
    async with rig.sessions() as session:
        rows = await session.execute(text("SELECT data FROM audit_event WHERE event = :event ORDER BY seq"), {"event": event})
        return [json.loads(row.data) for row in rows]


async def test_a_directory_that_is_down_ends_a_try_and_is_no_error_of_the_engine(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until

    async def down(person_id: str) -> Person | None:
        raise Retry("unreachable")

    with monkeypatch.context() as broken, capture_logs() as logs:
        broken.setattr(rig.people, "get", down)
        for tries in (1, 2):
            assert (await failed(rig, grant)).tries == tries
        await rig.engine.start("remind", "its-reminder", grant.id)
        await rig.quiet()
    assert [one for one in logs if one["event"] == "workflow_failed"] == []
    assert [one["code"] for one in await audited(rig, "revoke_failed")] == ["unreachable", "unreachable"]
    await swept(rig)
    assert not await has_figma(rig)
    assert (await rig.kinds(request))[-1] is EventKind.GRANT_ENDED


async def test_a_person_is_reminded_though_the_directory_cannot_be_asked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until - timedelta(hours=1)

    async def down(person_id: str) -> Person | None:
        raise Retry("unreachable")

    monkeypatch.setattr(rig.people, "get", down)
    await rig.fire(f"{grant.id}:remind")
    assert EventKind.GRANT_ENDING in await rig.kinds(request)


async def test_an_undo_while_the_directory_is_down_goes_to_people(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    request, _ = await granted(rig)

    async def down(person_id: str) -> Person | None:
        raise Retry("unreachable")

    monkeypatch.setattr(rig.people, "get", down)
    with capture_logs() as logs:
        assert (await rig.undo(request)).state is S.FAILED
    assert [one for one in logs if one["event"] == "workflow_failed"] == []
    assert (await rig.data(request, EventKind.FAILED))[-1]["code"] == "unreachable"


async def test_what_cannot_be_taken_back_goes_to_people_at_once_and_only_once(rig: Rig) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until
    await rig.company.faults.fail_next("access.revoke", FaultKind.REFUSED, times=2)
    await failed(rig, grant)
    assert (await failed(rig, grant)).tries == 2, "it is tried on"
    assert len(await rig.data(request, EventKind.GRANT_STUCK)) == 1
    assert len(await audited(rig, "revoke_left_to_staff")) == 1
    await swept(rig)
    assert not await has_figma(rig)


async def test_what_fails_again_and_again_goes_to_people(rig: Rig) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until
    for tries in range(1, 12):
        await rig.company.faults.fail_next("access.revoke", FaultKind.REFUSE_CONNECTION, times=4)
        assert (await failed(rig, grant)).tries == tries
        assert len(await rig.data(request, EventKind.GRANT_STUCK)) == (tries >= 10)


async def test_while_a_try_is_under_way_no_other_begins(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    _, grant = await granted(rig)
    rig.clock.now = grant.until
    begun, go_on, asked = asyncio.Event(), asyncio.Event(), 0
    entitlements = rig.company.access.entitlements

    async def slow(*args: Any, **kwargs: Any) -> Any:
        nonlocal asked
        asked += 1
        begun.set()
        await go_on.wait()
        return await entitlements(*args, **kwargs)

    monkeypatch.setattr(rig.company.access, "entitlements", slow)
    await rig.fulfilment.sweep()
    await begun.wait()
    for n in range(4):
        rig.clock.advance(seconds=31)
        await rig.engine.start("revoke", f"as-the-sweep-{n}", grant.id)
        async with asyncio.timeout(30):
            while await rig.engine.status(f"as-the-sweep-{n}") != "SUCCESS":
                await asyncio.sleep(0.01)
    assert asked == 1
    go_on.set()
    await rig.quiet()
    ended = await rig.store.grant(grant.id)
    assert ended is not None
    assert (ended.ended_at is not None, ended.tries) == (True, 0)


async def test_a_due_revocation_does_not_sit_in_a_long_wait(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    _, grant = await granted(rig)
    rig.clock.now = grant.until

    async def limited(*args: Any, **kwargs: Any) -> Any:
        raise Retry("rate_limited", after=3600.0)

    monkeypatch.setattr(rig.company.access, "entitlements", limited)
    async with asyncio.timeout(20):
        assert (await failed(rig, grant)).tries == 1


async def test_the_person_is_told_once_before_it_ends(rig: Rig) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until - timedelta(days=1)
    await rig.fire(f"{grant.id}:remind")
    await rig.engine.start("remind", "twice", grant.id)
    await rig.quiet()
    (data,) = await rig.data(request, EventKind.GRANT_ENDING)
    assert data == {"grant_id": grant.id, "until": grant.until.isoformat()}


async def test_a_paused_specialist_revokes_when_it_is_resumed(rig: Rig) -> None:
    request, grant = await granted(rig)
    await rig.switch.pause("*", "operator")
    rig.clock.now = grant.until
    await swept(rig)
    assert await has_figma(rig)
    await rig.switch.resume("*", "operator")
    rig.clock.advance(seconds=31)
    await swept(rig)
    assert not await has_figma(rig)
    assert EventKind.GRANT_ENDED in await rig.kinds(request)


async def test_the_first_end_of_an_extended_access_ends_nothing_and_says_nothing(rig: Rig) -> None:
    first, grant = await granted(rig)
    second, later = await extended(rig)
    rig.clock.now = grant.until - timedelta(days=1)
    await rig.fire(f"{grant.id}:remind")
    rig.clock.now = grant.until
    await swept(rig)
    assert await has_figma(rig)
    ended = await rig.store.grant(grant.id)
    assert ended is not None
    assert ended.ended_at == grant.until
    assert not {EventKind.GRANT_ENDING, EventKind.GRANT_ENDED} & set(await rig.kinds(first))
    rig.clock.now = later.until
    await swept(rig)
    assert not await has_figma(rig)
    assert (await rig.kinds(second))[-1] is EventKind.GRANT_ENDED


async def test_undo_on_the_first_receipt_does_not_cut_the_extension_off(rig: Rig) -> None:
    first, grant = await granted(rig)
    second, _ = await extended(rig)
    assert (await rig.undo(first)).state is S.DONE
    assert await has_figma(rig)
    (data,) = await rig.data(first, EventKind.NOTHING_TO_UNDO)
    assert data["message"]["key"] == "nothing_to_undo"
    # The earlier end counts again once the extension is undone, so its timer must still be there.
    assert (await rig.undo(second)).state is S.UNDONE
    assert await has_figma(rig)
    rig.clock.now = grant.until
    await swept(rig)
    assert not await has_figma(rig)
    assert (await rig.kinds(first))[-1] is EventKind.GRANT_ENDED


async def test_there_is_nothing_to_undo_once_it_has_ended(rig: Rig) -> None:
    request, grant = await granted(rig)
    rig.clock.now = grant.until
    await swept(rig)
    effects = await rig.company.effects()
    assert (await rig.undo(request)).state is S.DONE
    assert (await rig.kinds(request))[-1] is EventKind.NOTHING_TO_UNDO
    assert await rig.company.effects() == effects


@pytest.mark.parametrize(
    ("lasts", "before"),
    [(timedelta(days=30), timedelta(days=1)), (timedelta(days=5), timedelta(hours=12)), (timedelta(hours=1), timedelta(minutes=6))],
)
def test_the_reminder_comes_a_day_before_or_in_the_last_tenth(lasts: timedelta, before: timedelta) -> None:
    assert reminder_at(MONDAY, MONDAY + lasts) == MONDAY + lasts - before


def test_the_waits_between_tries_grow_to_five_minutes() -> None:
    waits = [(next_try(MONDAY, tries) - MONDAY).total_seconds() for tries in range(6)]
    assert waits == [30, 60, 120, 240, 300, 300]
    assert (next_try(MONDAY, 1_000_000) - MONDAY).total_seconds() == 300
