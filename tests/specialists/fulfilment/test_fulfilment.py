"""A request from submission to its end, on the sandbox company."""

from connectors.sandbox.facts import DANA, PRIYA
from specialists.request import EventKind, RequestState
from tests.specialists.fulfilment.rig import Rig

S = RequestState
FIGMA = {"application": "figma", "role": "editor", "duration": "P30D"}


async def test_an_unlock_is_done_read_back_and_told_in_a_receipt(rig: Rig) -> None:
    request = await rig.submit("unlock_account")
    done = await rig.settle(request)
    assert done.state is S.DONE
    receipt = await rig.receipt(request)
    assert [message.key for message in receipt.changed] == ["skill.unlock_account.done.unlock"]
    assert receipt.verified
    assert receipt.rules
    assert len(await rig.company.effects("accounts.unlock")) == 1


async def test_a_grant_waits_for_the_manager_and_ends_by_itself(rig: Rig) -> None:
    request = await rig.submit("grant_access", **FIGMA)
    waiting = await rig.settle(request)
    assert waiting.state is S.AWAITING_APPROVAL
    assert await rig.company.effects("access.grant") == []
    approval_id = await rig.approval_of(request)
    await rig.click(approval_id, PRIYA)
    done = await rig.settle(request)
    assert done.state is S.DONE, await rig.store.events_of(request.id)
    assert len(await rig.company.effects("access.grant", person_key=DANA)) == 1
    assert EventKind.APPROVAL_DECIDED in await rig.kinds(request)
