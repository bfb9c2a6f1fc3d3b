"""Doing one action in an outside system, as its idempotency allows, and reading back what came of it. No database here.

Every error becomes a value: a step of a workflow ends with a result that can be kept, never with a stranger's exception.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeGuard, TypeVar

import structlog

from connectors.calling.codes import FOR_OPERATOR, cause
from connectors.errors import ConnectorError, NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Effect
from specialists.loader import LoadedSkill
from specialists.skill import MAX_ACTIONS, Declined, Plan, PlannedAction, Ports, SkillContext, Verified

log = structlog.get_logger()

T = TypeVar("T")

Checkpoint = Callable[[str], Awaitable[None]]
Paused = Callable[[], Awaitable[bool]]


_LONGEST_WAIT: Final = 60.0
"""Seconds: who asks to be left alone for longer than this is not waited for."""


class Broken(ConnectorError):
    """Code of a skill or connector broke its contract; it may have got as far as the effect."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long outside systems are given: `waits` in seconds between tries, `call` the longest that one call may take.

    `asked`: who asks to be left alone for longer is not asked again; None to wait as long as is waited for anybody.
    """

    waits: tuple[float, ...] = (0.5, 2.0, 8.0)
    call: float = 30.0
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    effect: Effect
    verified: Verified


@dataclass(frozen=True, slots=True)
class Trouble:
    """It did not work. `touched`: it had an effect, or may have had one. `final`: it will not, however often it is tried."""

    code: str
    touched: bool
    effect: Effect | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The specialist is paused. `touched`: an earlier try may have had its effect."""

    touched: bool


@dataclass(frozen=True, slots=True)
class Hands:
    """One skill at work for one request."""

    skill: LoadedSkill
    context: SkillContext
    ports: Ports
    patience: Patience
    checkpoint: Checkpoint

    async def plan(self) -> Plan | Declined | ConnectorError:
        async def looked() -> Plan | Declined:
            made = self.skill.code.plan(self.context, await self.skill.code.look(self.context, self.ports))
            if isinstance(made, Plan) and not 1 <= len(made.actions) <= MAX_ACTIONS:
                raise NeedsHuman("plan_size", f"{len(made.actions)} actions")
            return made

        return await self._tried(looked)

    async def look(self, what: Callable[[], Awaitable[T]]) -> T | ConnectorError:
        """A call without an effect, repeated while it may work later."""
        return await self._tried(what)

    async def perform(self, action: PlannedAction, key: str, repeated: bool, paused: Paused) -> Done | Trouble | Held:
        """Does the action and reads it back. `repeated`: it was begun before and nobody knows how that ended.

        The switch is asked before every single try, because a wait for the next one may be long.
        """
        unknown = repeated
        problem: ConnectorError = Retry("not_tried")
        for wait in (*self.patience.waits, None):
            if unknown and action.effect:
                if action.idempotency == "none":
                    return Trouble("outcome_unknown", touched=True)
                if action.idempotency == "read-back":
                    seen = await self._verified(action)
                    if isinstance(seen, Verified) and seen.holds:
                        return Done(Effect(""), seen)
            if action.effect and await paused():
                return Held(touched=unknown)
            await self.checkpoint(f"{action.name}:before-effect")
            found = await self._once(lambda: self.skill.code.perform(action, self.context, self.ports, key=key))
            await self.checkpoint(f"{action.name}:after-effect")
            if isinstance(found, Effect):
                return await self._read_back(action, Effect(found.reference, found.changed or unknown, found.detail))
            problem, unknown = found, unknown or isinstance(found, OutcomeUnknown | Broken)
            if not isinstance(found, Retry):
                return Trouble(found.code, touched=unknown)
            if not self._may_pass(found):
                break
            if wait is not None:
                await _wait(wait, found)
        if unknown:
            seen = await self._verified(action)
            if isinstance(seen, Verified) and seen.holds:
                return Done(Effect(""), seen)
        return Trouble(cause(problem), touched=unknown)

    async def undo(self, action: PlannedAction, reference: str, key: str, paused: Paused) -> Effect | Trouble | Held:
        """Compensates; the key makes a repetition harmless."""
        problem: ConnectorError = Retry("not_tried")
        touched = False
        for wait in (*self.patience.waits, None):
            if await paused():
                return Held(touched)
            await self.checkpoint(f"undo_{action.name}:before-effect")
            found = await self._once(lambda: self.skill.code.undo(action, self.context, reference, self.ports, key=key))
            await self.checkpoint(f"undo_{action.name}:after-effect")
            if isinstance(found, Effect):
                return Effect(found.reference, found.changed or touched, found.detail)
            problem, touched = found, touched or isinstance(found, OutcomeUnknown | Broken)
            if not self._may_pass(found):
                break
            if wait is not None:
                await _wait(wait, found)
        return Trouble(cause(problem), touched, final=is_final(problem))

    async def gone(self, action: PlannedAction) -> bool:
        """Whether the action's postcondition holds no longer; False also when that cannot be read."""
        seen = await self._verified(action, holding=False)
        return isinstance(seen, Verified) and not seen.holds

    async def stands(self, action: PlannedAction) -> bool:
        """Whether the action's postcondition still holds; True also when that cannot be read."""
        seen = await self._verified(action)
        return not isinstance(seen, Verified) or seen.holds

    async def _read_back(self, action: PlannedAction, effect: Effect) -> Done | Trouble:
        seen = await self._verified(action)
        if isinstance(seen, ConnectorError):
            return Trouble(cause(seen), touched=True, effect=effect)
        return Done(effect, seen) if seen.holds else Trouble("not_verified", touched=True, effect=effect)

    async def _verified(self, action: PlannedAction, holding: bool = True) -> Verified | ConnectorError:
        """Reads back until it is as it should be or patience ends: a change is not seen everywhere at once."""
        for wait in (*self.patience.waits, None):
            seen = await self._tried(lambda: self.skill.code.verify(action, self.context, self.ports))
            if wait is None or isinstance(seen, ConnectorError) or seen.holds == holding:
                break
            await asyncio.sleep(wait)
        return seen

    async def _tried(self, what: Callable[[], Awaitable[T]]) -> T | ConnectorError:
        for wait in (*self.patience.waits, None):
            found = await self._once(what)
            if wait is None or not isinstance(found, ConnectorError) or not self._may_pass(found):
                break
            await _wait(wait, found)
        return found

    async def _once(self, what: Callable[[], Awaitable[T]]) -> T | ConnectorError:
        try:
            async with asyncio.timeout(self.patience.call):
                return await what()
        except ConnectorError as error:
            return error
        except TimeoutError:
            return OutcomeUnknown("timeout")
        except Exception as error:
            log.error("skill_broke", skill=self.skill.spec.name, request=self.context.request_id, error=type(error).__name__)
            return Broken("skill_broke")

    def _may_pass(self, error: ConnectorError) -> TypeGuard[Retry]:
        """Whether it may work a moment later: what an operator has to mend does not pass by itself."""
        if not isinstance(error, Retry) or cause(error) in FOR_OPERATOR:
            return False
        return error.after is None or self.patience.asked is None or error.after <= self.patience.asked


def is_final(error: ConnectorError) -> bool:
    """Whether it fails however often it is tried."""
    return isinstance(error, Refused | NeedsHuman)


async def _wait(seconds: float, error: Retry) -> None:
    await asyncio.sleep(seconds if error.after is None else min(error.after, _LONGEST_WAIT))
