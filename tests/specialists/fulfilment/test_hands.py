"""What each kind of idempotency allows, on a skill that does as it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.messages import Message, Messages
from connectors.ports.systems import Effect
from specialists.hands import Done, Hands, Held, Patience, Trouble
from specialists.loader import LoadedSkill, load_skills
from specialists.skill import Declined, Idempotency, Plan, PlannedAction, Verified

SPEC = load_skills()["unlock_account"].spec
EVIDENCE = Message("seen")


@dataclass
class Scripted:
    """`performs`: what each call does, an error or the effect; `holds`: whether the postcondition does, call by call."""

    performs: list[Exception | Effect] = field(default_factory=list)
    holds: list[bool | Exception] = field(default_factory=lambda: [True])
    keys: list[str] = field(default_factory=list)
    plans: Plan | Declined | None = None

    async def look(self, context: Any, ports: Any) -> Mapping[str, Any]:
        return {}

    def plan(self, context: Any, facts: Any) -> Any:
        return self.plans

    async def perform(self, action: PlannedAction, context: Any, ports: Any, *, key: str) -> Effect:
        self.keys.append(key)
        result = self.performs.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    async def verify(self, action: PlannedAction, context: Any, ports: Any) -> Verified:
        result = self.holds.pop(0) if len(self.holds) > 1 else self.holds[0]
        if isinstance(result, Exception):
            raise result
        return Verified(result, EVIDENCE)

    async def undo(self, action: PlannedAction, context: Any, reference: str, ports: Any, *, key: str) -> Effect:
        return await self.perform(action, context, ports, key=key)


async def not_paused() -> bool:
    return False


async def no_checkpoint(name: str) -> None:
    pass


class _Context:
    request_id = "r1"


def hands(code: Scripted) -> Hands:
    skill = LoadedSkill(SPEC, code, Messages({}), {})
    return Hands(skill, _Context(), None, Patience((0.0, 0.0), call=5.0), no_checkpoint)  # type: ignore[arg-type]


def action(idempotency: Idempotency, effect: bool = True) -> PlannedAction:
    return PlannedAction("act", {}, idempotency, effect)


async def perform(code: Scripted, idempotency: Idempotency, *, repeated: bool = False, effect: bool = True) -> Done | Trouble | Held:
    return await hands(code).perform(action(idempotency, effect), "key", repeated, not_paused)


@pytest.mark.parametrize("idempotency", ["key", "natural", "read-back", "none"])
async def test_what_certainly_had_no_effect_is_tried_again(idempotency: Idempotency) -> None:
    code = Scripted([Retry("busy", after=0), Retry("busy"), Effect("e1")])
    assert await perform(code, idempotency) == Done(Effect("e1"), Verified(True, EVIDENCE))
    assert code.keys == ["key"] * 3


@pytest.mark.parametrize("idempotency", ["key", "natural"])
async def test_an_unknown_outcome_is_repeated_by_key_or_by_nature(idempotency: Idempotency) -> None:
    code = Scripted([OutcomeUnknown("timeout"), Effect("e1", changed=False)])
    result = await perform(code, idempotency)
    assert isinstance(result, Done)
    assert result.effect.changed, "the first try may have changed it"


async def test_an_unknown_outcome_is_read_back_before_it_is_repeated() -> None:
    code = Scripted([OutcomeUnknown("timeout")], holds=[True])
    assert await perform(code, "read-back") == Done(Effect(""), Verified(True, EVIDENCE))
    code = Scripted([OutcomeUnknown("timeout"), Effect("e2")], holds=[False, False, False, True])
    assert await perform(code, "read-back") == Done(Effect("e2"), Verified(True, EVIDENCE))


async def test_an_unknown_outcome_of_what_cannot_be_repeated_goes_to_a_human() -> None:
    code = Scripted([OutcomeUnknown("timeout"), Effect("never")])
    assert await perform(code, "none") == Trouble("outcome_unknown", touched=True)
    assert len(code.keys) == 1


async def test_begun_before_a_crash_counts_as_an_unknown_outcome() -> None:
    assert await perform(Scripted([Effect("never")]), "none", repeated=True) == Trouble("outcome_unknown", touched=True)
    assert await perform(Scripted([]), "read-back", repeated=True) == Done(Effect(""), Verified(True, EVIDENCE))
    assert isinstance(await perform(Scripted([Effect("e1")]), "key", repeated=True), Done)
    assert isinstance(await perform(Scripted([Effect("e1")]), "none", repeated=True, effect=False), Done)


async def test_patience_ends_and_what_is_known_then_counts() -> None:
    assert await perform(Scripted([Retry("busy")] * 3), "key") == Trouble("busy", touched=False)
    assert await perform(Scripted([OutcomeUnknown("cut")] * 3, holds=[False]), "key") == Trouble("cut", touched=True)
    assert isinstance(await perform(Scripted([OutcomeUnknown("cut")] * 3, holds=[True]), "key"), Done)


@pytest.mark.parametrize("error", [Refused("no"), NeedsHuman("ask")])
async def test_what_will_not_work_is_not_tried_again(error: Exception) -> None:
    code = Scripted([error, Effect("never")])
    result = await perform(code, "key")
    assert isinstance(result, Trouble)
    assert not result.touched
    assert len(code.keys) == 1


async def test_an_effect_that_does_not_show_is_trouble_that_names_it() -> None:
    assert await perform(Scripted([Effect("e1")], holds=[False]), "key") == Trouble("not_verified", touched=True, effect=Effect("e1"))
    unreadable = await perform(Scripted([Effect("e1")], holds=[Refused("gone")]), "key")
    assert unreadable == Trouble("gone", touched=True, effect=Effect("e1"))


async def test_what_shows_a_little_later_is_waited_for() -> None:
    assert isinstance(await perform(Scripted([Effect("e1")], holds=[False, True]), "key"), Done)


async def test_a_bug_may_have_had_its_effect() -> None:
    assert await perform(Scripted([KeyError("bug")]), "key") == Trouble("skill_broke", touched=True)


async def test_the_switch_is_asked_before_every_try() -> None:
    code, asked = Scripted([Retry("busy"), Effect("never")]), 0

    async def pressed_after_the_first() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    assert await hands(code).perform(action("key"), "key", False, pressed_after_the_first) == Held(touched=False)
    assert len(code.keys) == 1


async def test_a_plan_without_actions_or_with_too_many_is_left_to_people() -> None:
    for many in (0, 6):
        made = await hands(Scripted(plans=Plan((action("key"),) * many))).plan()
        assert isinstance(made, NeedsHuman)
    assert isinstance(await hands(Scripted(plans=Plan((action("key"),)))).plan(), Plan)


async def test_an_undo_is_repeated_and_then_given_up() -> None:
    undone = await hands(Scripted([Retry("busy"), Effect("e1")])).undo(action("key"), "e1", "k", not_paused)
    assert undone == Effect("e1")
    assert await hands(Scripted([Refused("no")])).undo(action("key"), "e1", "k", not_paused) == Trouble("no", touched=False, final=True)
    assert await hands(Scripted(holds=[True, False])).gone(action("key"))
    assert not await hands(Scripted(holds=[True])).gone(action("key"))
    assert not await hands(Scripted(holds=[Refused("?")])).gone(action("key"))
