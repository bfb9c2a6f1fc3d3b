"""Approvals that stand up: exact, single-use, nobody their own, the first click decides, and none is lost."""

from datetime import timedelta
from typing import Any

from connectors.sandbox.facts import DANA, INES, OMAR, PRIYA
from specialists.approvals import AlreadyDecided, Decided, Expired, NotYours, OwnRequest
from specialists.request import EventKind, RequestState
from tests.specialists.fulfilment.rig import Rig

S = RequestState
FIGMA: dict[str, Any] = {"application": "figma", "role": "editor", "duration": "P30D"}


async def asked(rig: Rig) -> str:
    request = await rig.submit("grant_access", **FIGMA)
    await rig.settle(request)
    return await rig.approval_of(request)


async def test_the_first_click_decides_and_the_second_is_told_so(rig: Rig) -> None:
    approval_id = await asked(rig)
    assert isinstance(await rig.click(approval_id, PRIYA), Decided)
    again = await rig.click(approval_id, PRIYA, "denied", "changed my mind")
    assert again == AlreadyDecided("approved", PRIYA, rig.clock())
    await rig.quiet()
    assert len(await rig.company.effects("access.grant")) == 1


async def test_a_denial_ends_it_with_the_reason(rig: Rig) -> None:
    approval_id = await asked(rig)
    judged = await rig.click(approval_id, PRIYA, "denied", "use the viewer role")
    assert isinstance(judged, Decided)
    assert judged.request.state is S.DENIED
    assert [data["reason"] for data in await rig.data(judged.request, EventKind.DENIED)] == ["use the viewer role"]
    await rig.quiet()
    assert await rig.company.effects() == []


async def test_nobody_approves_their_own_and_a_bystander_learns_nothing(rig: Rig) -> None:
    approval_id = await asked(rig)
    assert await rig.click(approval_id, DANA) == OwnRequest()
    assert await rig.click(approval_id, OMAR) == NotYours()
    assert await rig.click("no-such-approval", OMAR) == NotYours()
    await rig.quiet()
    assert await rig.company.effects() == []


async def test_an_approver_who_left_meanwhile_is_none(rig: Rig) -> None:
    approval_id = await asked(rig)
    rig.people.changed[PRIYA] = {"active": False}
    assert await rig.click(approval_id, PRIYA) == NotYours()


async def test_an_approval_expires_and_a_late_click_changes_nothing(rig: Rig) -> None:
    approval_id = await asked(rig)
    approval = await rig.store.approval(approval_id)
    assert approval is not None
    rig.clock.now = approval.expires_at
    assert await rig.click(approval_id, PRIYA) == Expired(approval.expires_at)
    await rig.fire(f"{approval_id}:expire")
    request = await rig.store.get(approval.request_id)
    assert request is not None
    assert request.state is S.EXPIRED
    assert isinstance(await rig.click(approval_id, PRIYA), AlreadyDecided)


async def test_expiry_after_a_decision_changes_nothing(rig: Rig) -> None:
    approval_id = await asked(rig)
    judged = await rig.click(approval_id, PRIYA)
    assert isinstance(judged, Decided)
    await rig.quiet()
    rig.clock.advance(days=5)
    await rig.engine.start("expire_approval", "late", approval_id)
    await rig.quiet()
    assert (await rig.now(judged.request)).state is S.DONE


async def test_what_waits_for_a_person_is_found_until_it_is_decided(rig: Rig) -> None:
    approval_id = await asked(rig)
    assert [one.id for one in await rig.store.approvals_waiting(PRIYA)] == [approval_id]
    assert await rig.store.approvals_waiting(DANA) == []
    await rig.click(approval_id, PRIYA)
    assert await rig.store.approvals_waiting(PRIYA) == []


async def test_a_plan_that_changed_after_the_approval_needs_a_new_one(rig: Rig) -> None:
    """While Priya thinks, Dana gets the role elsewhere for a while: another plan than the one approved."""
    approval_id = await asked(rig)
    await rig.company.access.grant(DANA, "figma", "editor", until=rig.clock() + timedelta(days=3), key="elsewhere")
    judged = await rig.click(approval_id, PRIYA)
    assert isinstance(judged, Decided)
    request = await rig.settle(judged.request)
    assert request.state is S.AWAITING_APPROVAL
    assert len(await rig.company.effects("access.grant")) == 1
    first, second = await rig.store.approvals_of(request.id)
    assert first.hash != second.hash
    assert second.state == "pending"
    await rig.click(second.id, PRIYA)
    assert (await rig.settle(request)).state is S.DONE


async def test_an_approval_given_days_later_still_binds_the_same_end(rig: Rig) -> None:
    approval_id = await asked(rig)
    approval = await rig.store.approval(approval_id)
    assert approval is not None
    rig.clock.advance(days=2)
    judged = await rig.click(approval_id, PRIYA)
    assert isinstance(judged, Decided)
    assert (await rig.settle(judged.request)).state is S.DONE
    (has,) = [one for one in await rig.company.access.entitlements(DANA) if one.application_key == "figma"]
    assert has.until is not None
    assert has.until.isoformat() == approval.actions[0].arguments["until"]


async def test_the_owner_decides_for_whom_the_manager_asks_for_themselves(rig: Rig) -> None:
    rig.people.changed[OMAR] = {"manager_key": OMAR}
    request = await rig.submit("grant_access", who=OMAR, application="onepassword", role="member", duration="P5D")
    await rig.settle(request)
    approval = await rig.store.approval(await rig.approval_of(request))
    assert approval is not None
    assert approval.approver_ids == (INES,)
