from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import Refused
from connectors.ports.messages import Message
from connectors.sandbox.accounts import Redeemed
from connectors.sandbox.connector import SandboxCompany
from specialists.skill import LEFT, Declined
from tests.specialists.skills.bench import MONDAY, Clock
from tests.specialists.skills.conftest import MakeBench

PRIYA = "e1003"


async def test_a_link_goes_to_the_inbox_and_both_are_told(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("reset_password", "dana")
    done = await dana.run()
    assert [action.name for action, _ in done] == ["send_link", "notify_person", "notify_manager"]
    assert all(action.idempotency == "key" for action, _ in done)
    assert (await company.accounts.account(dana.key)).reset_link_expires_at == MONDAY + timedelta(minutes=10)
    link, notice = await company.inbox(dana.key)
    assert link.link is not None
    assert (notice.subject, notice.link) == ("Your password reset (FOY-1)", None)
    assert "on Mon 2 Mar, 09:30 you asked" in notice.text
    [manager] = await company.inbox(PRIYA)
    assert manager.subject == "Password reset of Dana Whitfield (FOY-1)"
    assert "Hello Priya Nair" in manager.text
    assert manager.link is None
    assert [dana.told(*step) for step in done] == [
        "A one-time link is on its way to d•••@acme.example. It works once, until Mon 2 Mar, 09:40.",
        "A notice about this reset went to d•••@acme.example.",
        "Your manager, Priya Nair, has been told that you asked for a reset.",
    ]


async def test_neither_plan_nor_effects_hold_the_link(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("reset_password", "dana")
    done = await dana.run()
    link = (await company.inbox(dana.key))[0].link or ""
    token = link.rsplit("/", 1)[1]
    assert len(token) > 20
    assert token not in repr(done)


async def test_nothing_goes_to_another_address_than_the_person_was_told(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("reset_password", "dana")
    plan = await dana.planned()
    for action in plan.actions[:2]:
        exchanged = replace(action, arguments={**action.arguments, "fingerprint": "of another address"})
        with pytest.raises(Refused) as raised:
            await dana.perform(exchanged)
        assert raised.value.code == "enrolled_changed"
    assert await company.inbox(dana.key) == []


async def test_a_used_link_verifies_as_used(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("reset_password", "dana")
    [(action, _), *_] = await dana.run()
    token = ((await company.inbox(dana.key))[0].link or "").rsplit("/", 1)[1]
    assert await company.redeem_reset_link(token, "correct horse battery") is Redeemed.CHANGED
    verified = await dana.verify(action)
    assert verified.holds
    assert "was changed" in dana.read(verified.evidence)


async def test_undo_withdraws_the_link(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("reset_password", "dana")
    done = await dana.run()
    assert [(await dana.undo(*step)).changed for step in reversed(done)] == [False, False, True]
    assert (await company.accounts.account(dana.key)).reset_link_expires_at is None
    assert not (await dana.verify(done[0][0])).holds


async def test_undo_says_that_a_used_link_set_a_password(bench: MakeBench, company: SandboxCompany, clock: Clock) -> None:
    dana = await bench("reset_password", "dana")
    done = await dana.run()
    token = ((await company.inbox(dana.key))[0].link or "").rsplit("/", 1)[1]
    clock.advance(minutes=2)
    assert await company.redeem_reset_link(token, "correct horse battery") is Redeemed.CHANGED
    clock.advance(minutes=3)
    await company.accounts.send_reset_link(dana.key, lifetime=timedelta(minutes=10), key="newer")
    effect = await dana.undo(*done[0])
    assert not effect.changed
    assert "your password was changed at Mon 2 Mar, 09:32" in dana.read(Message.from_json(effect.detail[LEFT]))  # type: ignore[arg-type]
    assert (await company.accounts.account(dana.key)).reset_link_expires_at is not None


async def test_an_expired_link_no_longer_verifies(bench: MakeBench, clock: Clock) -> None:
    dana = await bench("reset_password", "dana")
    [(action, _), *_] = await dana.run()
    clock.advance(minutes=11)
    assert not (await dana.verify(action)).holds


async def test_without_an_enrolled_channel_people_take_over(bench: MakeBench) -> None:
    jonas = await bench("reset_password", "jonas")
    plan = await jonas.plan()
    assert isinstance(plan, Declined)
    assert plan.offer_human
    assert "no enrolled address" in jonas.read(plan.message)


async def test_a_manager_who_cannot_be_reached_is_left_out(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("reset_password", "dana")
    jonas = await company.people.by_email("jonas@acme.example")
    assert jonas is not None
    for manager_key in (None, "nobody", jonas.key):
        plan = await replace(dana, who=replace(dana.who, manager_key=manager_key)).planned()
        assert [action.name for action in plan.actions] == ["send_link", "notify_person"]
