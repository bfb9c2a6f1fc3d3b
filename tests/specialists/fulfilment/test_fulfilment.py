"""A request from submission to its end, on the sandbox company."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import OutcomeUnknown
from connectors.sandbox.accounts import Redeemed
from connectors.sandbox.facts import DANA, INES, OMAR, PRIYA, VIC
from connectors.sandbox.faults import FaultKind
from specialists.request import EventKind, Request, RequestState, cancelled
from specialists.step_up import hashed
from tests.specialists.fulfilment.rig import Rig

S = RequestState
FIGMA: dict[str, Any] = {"application": "figma", "role": "editor", "duration": "P30D"}


async def leave_booked(rig: Rig) -> Request:
    request = await rig.submit("request_pto", start="2026-04-06", end="2026-04-08")
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    return request


async def test_an_unlock_is_done_read_back_and_told_in_a_receipt(rig: Rig) -> None:
    request = await rig.submit("unlock_account")
    done = await rig.settle(request)
    assert done.state is S.DONE
    receipt = await rig.receipt(request)
    assert [message.key for message in receipt.changed] == ["skill.unlock_account.done.unlock"]
    assert [message.key for message in receipt.verified] == ["skill.unlock_account.verified.unlock"]
    assert receipt.rules == ("certain",)
    assert not receipt.undo
    assert await rig.kinds(request) == [
        EventKind.OPENED,
        EventKind.SUBMITTED,
        EventKind.PLANNED,
        EventKind.DECIDED,
        EventKind.STEP_STARTED,
        EventKind.STEP_DONE,
        EventKind.COMPLETED,
    ]
    (effect,) = await rig.company.effects("accounts.unlock")
    assert effect.key == f"{request.id}:0"


async def test_what_only_reads_is_answered_with_a_receipt_too(rig: Rig) -> None:
    request = await rig.submit("check_pto_balance")
    assert (await rig.settle(request)).state is S.DONE
    assert (await rig.receipt(request)).changed
    assert await rig.company.effects() == []


async def test_nothing_to_do_is_declined_with_the_skills_reason(rig: Rig) -> None:
    request = await rig.submit("unlock_account", who=OMAR)
    assert (await rig.settle(request)).state is S.DECLINED
    (data,) = await rig.data(request, EventKind.DECLINED)
    assert data["message"]["key"] == "skill.unlock_account.declined.not_locked"


async def test_a_request_for_somebody_else_discloses_nothing_about_them(rig: Rig) -> None:
    request = await rig.submit("unlock_account", who=OMAR, whom=DANA)
    assert (await rig.settle(request)).state is S.DECLINED
    (data,) = await rig.data(request, EventKind.DECLINED)
    assert data["message"] == {"key": "declined.self_only", "params": {}}
    assert await rig.company.effects() == []


async def test_what_is_declined_for_who_it_is_for_is_never_looked_up(rig: Rig) -> None:
    """Otherwise "your account is not locked" would tell a stranger about it."""
    request = await rig.submit("unlock_account", who=DANA, whom=OMAR)
    assert (await rig.settle(request)).state is S.DECLINED
    (data,) = await rig.data(request, EventKind.DECLINED)
    assert data["message"]["key"] == "declined.self_only"


async def test_privileged_accounts_are_left_to_people_with_the_rule(rig: Rig) -> None:
    request = await rig.submit("grant_access", who=VIC, **FIGMA)
    assert (await rig.settle(request)).state is S.WITH_STAFF
    (data,) = await rig.data(request, EventKind.LEFT_TO_STAFF)
    assert data["rules"] == ["privileged_human_only"]


async def test_the_owner_is_told_when_it_was_not_quite_sure(rig: Rig) -> None:
    request = await rig.submit("unlock_account", confidence=0.7)
    assert (await rig.settle(request)).state is S.DONE
    (data,) = await rig.data(request, EventKind.OWNER_NOTIFIED)
    assert data["manager_email"].endswith("@acme.example")
    assert data["confidence"] == 0.7


async def test_below_the_gate_it_is_left_to_people(rig: Rig) -> None:
    request = await rig.submit("unlock_account", confidence=0.5)
    assert (await rig.settle(request)).state is S.WITH_STAFF
    assert await rig.company.effects() == []


async def test_a_grant_is_given_once_the_manager_approved_and_can_be_undone(rig: Rig) -> None:
    request = await rig.submit("grant_access", **FIGMA)
    assert (await rig.settle(request)).state is S.AWAITING_APPROVAL
    assert await rig.company.effects() == []
    approval = await rig.store.approval(await rig.approval_of(request))
    assert approval is not None
    assert approval.approver_ids == (PRIYA,)
    assert approval.actions[0].arguments["role"] == "editor"
    rig.clock.advance(hours=5)
    await rig.click(approval.id, PRIYA)
    assert (await rig.settle(request)).state is S.DONE
    receipt = await rig.receipt(request)
    assert receipt.undo
    assert "approved" in receipt.rules
    assert receipt.until == rig.clock.now - timedelta(hours=5) + timedelta(days=30)
    assert len(await rig.company.effects("access.grant", person_key=DANA)) == 1

    undone = await rig.undo(request)
    assert undone.state is S.UNDONE
    assert len(await rig.company.effects("access.revoke", person_key=DANA)) == 1
    assert not [one for one in await rig.company.access.entitlements(DANA) if one.application_key == "figma"]
    grant = await rig.store.grant_of(request.id)
    assert grant is not None
    assert grant.ended_at is not None
    rig.clock.advance(days=40)
    await rig.engine.start("revoke", "its-timer", grant.id)
    await rig.quiet()
    assert len(await rig.company.effects("access.revoke")) == 1


async def test_a_reset_needs_a_step_up_on_the_enrolled_channel_first(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    waiting = await rig.settle(request)
    assert waiting.state is S.AWAITING_STEP_UP
    assert await rig.company.effects("accounts.*") == []
    (data,) = await rig.data(request, EventKind.STEP_UP_REQUESTED)
    token = await rig.link()
    assert token not in str(await rig.store.events_of(request.id))
    assert data["expires_at"] == (rig.clock() + timedelta(minutes=10)).isoformat()
    assert await rig.pass_step_up(token) == "passed"
    assert (await rig.settle(request)).state is S.DONE
    assert await rig.pass_step_up(token) == "closed"
    assert len(await rig.company.effects("accounts.send_reset_link")) == 1


async def test_this_was_not_me_denies_and_tells_security(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    await rig.settle(request)
    token = await rig.link()
    async with rig.sessions.begin() as session:
        assert await rig.fulfilment.refuse_step_up(session, token, rig.clock()) == "refused"
    assert await rig.state(request) is S.DENIED
    assert await rig.pass_step_up(token) == "closed"
    assert await rig.company.effects("accounts.*") == []


async def test_a_step_up_ends_after_ten_minutes(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    await rig.settle(request)
    token = await rig.link()
    rig.clock.advance(minutes=10)
    assert await rig.pass_step_up(token) == "closed"
    await rig.fire(f"{request.id}:1:expire")
    assert await rig.state(request) is S.EXPIRED


async def test_a_timer_that_comes_too_early_does_nothing(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    await rig.settle(request)
    await rig.engine.start("expire_step_up", "early", hashed(await rig.link()))
    await rig.quiet()
    assert await rig.state(request) is S.AWAITING_STEP_UP
    rig.clock.advance(minutes=11)
    await rig.fulfilment.sweep()
    assert await rig.state(request) is S.EXPIRED


@pytest.mark.parametrize("fault", [FaultKind.REFUSE_CONNECTION, FaultKind.TIMEOUT_BEFORE, FaultKind.APPLY_THEN_FAIL])
async def test_what_may_work_later_is_tried_again_with_the_same_key(rig: Rig, fault: FaultKind) -> None:
    await rig.company.faults.fail_next("accounts.unlock", fault, times=2)
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.DONE
    assert len(await rig.company.effects("accounts.unlock")) == 1


async def test_an_effect_whose_answer_was_lost_can_still_be_undone(rig: Rig) -> None:
    await rig.company.faults.fail_next("hr.book_leave", FaultKind.APPLY_THEN_FAIL, times=1)
    request = await leave_booked(rig)
    assert (await rig.settle(request)).state is S.DONE
    assert (await rig.receipt(request)).undo
    assert (await rig.undo(request)).state is S.UNDONE


async def test_a_step_that_is_refused_fails_the_request(rig: Rig) -> None:
    await rig.company.faults.fail_next("accounts.unlock", FaultKind.REFUSED)
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.FAILED
    (data,) = await rig.data(request, EventKind.FAILED)
    assert data["n"] == 0
    assert data["code"]


async def test_what_was_done_before_a_failed_step_is_compensated(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    await rig.settle(request)
    token = await rig.link()
    await rig.company.faults.fail_next("enrolled.send", FaultKind.REFUSED)
    await rig.pass_step_up(token)
    assert (await rig.settle(request)).state is S.FAILED
    assert [data["n"] for data in await rig.data(request, EventKind.COMPENSATED)] == [0]
    assert len(await rig.company.effects("accounts.withdraw_reset_link")) == 1


async def test_what_may_have_happened_is_taken_back_and_staff_read_perhaps(rig: Rig) -> None:
    """The answer is lost every time, and nothing can be read back until it is undone."""
    loaded, blind = rig.skills["grant_access"], True

    class Blind(type(loaded.code)):  # type: ignore[misc]
        async def perform(self, *args: object, **named: object) -> object:
            await super().perform(*args, **named)
            raise OutcomeUnknown("timeout")

        async def verify(self, *args: object) -> object:
            if blind:
                raise OutcomeUnknown("timeout")
            return await super().verify(*args)

        async def undo(self, *args: object, **named: object) -> object:
            nonlocal blind
            blind = False
            return await super().undo(*args, **named)

    rig.skills["grant_access"] = replace(loaded, code=Blind())
    request = await rig.submit("grant_access", **FIGMA)
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    assert (await rig.settle(request)).state is S.FAILED
    (failed,) = await rig.data(request, EventKind.STEP_FAILED)
    assert failed == {"n": 0, "action": "grant", "code": "timeout", "perhaps": True}
    assert await rig.data(request, EventKind.COMPENSATED) == [{"n": 0, "action": "grant"}]
    assert len(await rig.company.effects("access.revoke", person_key=DANA)) == 1


async def test_an_order_that_perhaps_went_out_and_cannot_be_told_apart_is_left_to_people(rig: Rig) -> None:
    loaded = rig.skills["request_hardware"]

    class Lost(type(loaded.code)):  # type: ignore[misc]
        async def perform(self, *args: object, **named: object) -> object:
            raise KeyError("a bug after the order went out")

    rig.skills["request_hardware"] = replace(loaded, code=Lost())
    request = await rig.submit("request_hardware", item="monitor-24", reason="desk")
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    assert (await rig.settle(request)).state is S.FAILED
    step, undo = await rig.data(request, EventKind.STEP_FAILED)
    assert (step["action"], step["perhaps"]) == ("order", True)
    assert (undo["action"], undo["code"]) == ("undo_order", "order_unknown")
    (failed,) = await rig.data(request, EventKind.FAILED)
    assert failed["code"] == "skill_broke"


async def test_a_step_that_certainly_did_nothing_is_not_perhaps_done(rig: Rig) -> None:
    await rig.company.faults.fail_next("accounts.unlock", FaultKind.REFUSED)
    request = await rig.submit("unlock_account")
    await rig.settle(request)
    (data,) = await rig.data(request, EventKind.STEP_FAILED)
    assert data["perhaps"] is False


async def test_an_undo_that_does_not_work_is_left_to_people(rig: Rig) -> None:
    request = await leave_booked(rig)
    await rig.settle(request)
    await rig.company.faults.fail_next("hr.cancel_leave", FaultKind.REFUSED)
    assert (await rig.undo(request)).state is S.FAILED


async def test_a_directory_that_is_away_for_long_ends_with_people_not_in_silence(rig: Rig) -> None:
    await rig.company.faults.fail_next("people.get", FaultKind.REFUSE_CONNECTION, times=50)
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.FAILED
    (data,) = await rig.data(request, EventKind.FAILED)
    assert data["code"] == "unreachable"


async def test_a_request_cancelled_meanwhile_is_not_carried_out(rig: Rig) -> None:
    request = await rig.submit("grant_access", **FIGMA)
    await rig.settle(request)
    current = await rig.now(request)
    async with rig.sessions.begin() as session:
        await rig.store.save(session, cancelled(current, rig.clock()))
    approval = await rig.store.approval(await rig.approval_of(request))
    assert approval is not None
    assert approval.state == "withdrawn"
    await rig.click(approval.id, PRIYA)
    assert (await rig.settle(request)).state is S.CANCELLED
    assert await rig.company.effects() == []


async def test_a_workflow_of_an_older_attempt_does_nothing(rig: Rig) -> None:
    request = await rig.submit("grant_access", **FIGMA)
    await rig.settle(request)
    await rig.click(await rig.approval_of(request), PRIYA)
    await rig.settle(request)
    before = await rig.kinds(request)
    await rig.engine.start("fulfil", "a-late-replay", f"{request.id}:1")
    await rig.quiet()
    assert await rig.kinds(request) == before


async def test_a_start_that_was_lost_between_commit_and_dispatch_is_found(rig: Rig) -> None:
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.DONE
    await rig.fulfilment.sweep()
    assert (await rig.kinds(request)).count(EventKind.COMPLETED) == 1
    assert not await rig.store.pending_commands()


async def test_the_manager_of_a_manager_is_not_asked_when_an_owner_is_there(rig: Rig) -> None:
    rig.people.changed[PRIYA] = {"active": False}
    request = await rig.submit("grant_access", application="onepassword", role="member", duration="P5D", who=OMAR)
    assert (await rig.settle(request)).state is S.AWAITING_APPROVAL
    approval = await rig.store.approval(await rig.approval_of(request))
    assert approval is not None
    assert approval.approver_ids == (INES,)


async def test_nobody_to_approve_means_people_and_never_yes(rig: Rig) -> None:
    rig.people.changed[DANA] = {"manager_key": None}
    request = await rig.submit("grant_access", application="old-intranet", role="reader", duration="P5D")
    assert (await rig.settle(request)).state is S.WITH_STAFF
    (data,) = await rig.data(request, EventKind.LEFT_TO_STAFF)
    assert data["reason"] == "no_approver"
    assert await rig.company.effects() == []


async def test_a_skill_that_breaks_ends_with_people(rig: Rig) -> None:
    loaded = rig.skills["unlock_account"]

    class Broken(type(loaded.code)):  # type: ignore[misc]
        async def perform(self, *args: object, **named: object) -> object:
            raise KeyError("a bug")

    rig.skills["unlock_account"] = replace(loaded, code=Broken())
    request = await rig.submit("unlock_account")
    assert (await rig.settle(request)).state is S.FAILED


async def test_undo_of_a_reset_whose_link_was_used_changes_nothing_and_says_so(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    await rig.settle(request)
    await rig.pass_step_up(await rig.link())
    request = await rig.settle(request)
    sent = [mail.link for mail in await rig.company.inbox(DANA) if mail.link and "/sandbox/reset/" in mail.link]
    assert await rig.company.redeem_reset_link(sent[-1].rsplit("/", 1)[1], "correct horse battery") is Redeemed.CHANGED
    effects = await rig.company.effects()
    assert (await rig.undo(request)).state is S.DONE
    (data,) = await rig.data(request, EventKind.NOTHING_TO_UNDO)
    assert data["message"]["key"] == "skill.reset_password.left"
    assert not {EventKind.UNDONE, EventKind.COMPENSATED} & set(await rig.kinds(request))
    assert {record.state for record in (await rig.store.actions(request.id)).values()} == {"done", "left"}
    assert len(await rig.company.effects()) == len(effects)


async def test_undo_of_a_reset_cancels_a_link_that_nobody_used(rig: Rig) -> None:
    request = await rig.submit("reset_password")
    await rig.settle(request)
    await rig.pass_step_up(await rig.link())
    request = await rig.settle(request)
    assert (await rig.undo(request)).state is S.UNDONE
    assert (await rig.company.accounts.account(DANA)).reset_link_expires_at is None
