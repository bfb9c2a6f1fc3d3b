"""The effects: begin, act, read back, tell; then the receipt, or back out in reverse.

Before every effect the switch and policy are asked again. An action's row says how far it got, so that a step repeated
after a crash neither forgets an effect nor has it twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.ports.calls import Call, as_json, recording
from connectors.ports.records import new_id
from connectors.ports.systems import Effect
from specialists import gate
from specialists.casework import Case, Casework, is_current
from specialists.gate import Standing, Way
from specialists.grants import Grant, reminder_at
from specialists.hands import Done, Held, Trouble
from specialists.policy.model import Outcome, PolicyDecision
from specialists.request import Change, EventKind, Request, RequestState, StartCommand, held, moved, noted
from specialists.skill import PlannedAction, Receipt
from specialists.store import ActionRecord

S: Final = RequestState

Acted = Literal["done", "failed", "stop"]


@dataclass(frozen=True, slots=True)
class Acting:
    work: Casework

    async def act(self, request_id: str, attempt: int, n: int) -> Acted:
        """Does one action: policy and switch again, begun, effect, read back, told."""
        request = await self.work.current(request_id, attempt, S.RUNNING)
        stored = await self.work.store.plan(request_id, attempt)
        if request is None or stored is None:
            return "stop"
        records = await self.work.store.actions(request_id)
        record = records.get(n)
        if record is not None and record.state in ("done", "failed"):
            return "done" if record.state == "done" else "failed"
        case, action = await self.work.open(request), stored.plan.actions[n]
        standing = await self.work.standing(request, stored, {i: r for i, r in records.items() if i != n})
        decision = self.work.decide(case, stored, action, standing)
        if decision.outcome not in (Outcome.RUN, Outcome.NOTIFY):
            return await self._stopped(case, action, n, decision, record is not None and record.state == "started")
        began = await self._begin(case, action, n, decision, standing)
        if began is None:
            return "stop"
        repeated = record is not None and record.state == "started"
        with recording() as calls:
            result = await self.work.hands(case).perform(action, f"{request_id}:{n}", repeated, lambda: self.work.paused(request))
        if isinstance(result, Held):
            return await self._hold(case, replace(began, state="started" if result.touched else "held"))
        if isinstance(result, Trouble):
            # What may have happened counts as if it had: taking back what is not there does no harm.
            changed = result.touched if result.effect is None else result.effect.changed
            reference = result.effect.reference if result.effect is not None else ""
            return await self._failed(case, replace(began, state="failed", reference=reference, changed=changed), result.code, calls)
        return await self._told(case, began, result, calls)

    async def _begin(self, case: Case, action: PlannedAction, n: int, decision: PolicyDecision, standing: Standing) -> ActionRecord | None:
        request = case.request
        record = ActionRecord(
            n=n,
            name=action.name,
            beneficiary_id=request.beneficiary_id,
            autonomous=action.effect and standing.approved_by is None,
            state="started",
            started_at=self.work.clock(),
            rules=decision.rules,
        )

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, request.attempt, S.RUNNING):
                return None
            await self.work.audit_decisions(session, now_request, [action.name], [decision])
            await self.work.outcome(session, now_request, "action_started", {"n": n, "action": action.name}, kind="action")
            await self.work.store.put_action(session, request.id, record)
            return noted(now_request, EventKind.STEP_STARTED, record.started_at, {"n": n, "action": action.name})

        return record if await self.work.change(f"begin {n}", request.id, make) is not None else None

    async def _told(self, case: Case, began: ActionRecord, result: Done, calls: Sequence[Call]) -> Acted:
        effect = result.effect
        said = case.skill.says(f"done.{began.name}", case.context(self.work.clock()), effect.detail)
        record = replace(
            began, state="done", reference=effect.reference, changed=effect.changed, done=said, evidence=result.verified.evidence
        )
        data: dict[str, Any] = {"n": record.n, "action": record.name, "reference": record.reference, "changed": record.changed}

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.RUNNING):
                return None
            await self.work.store.put_action(session, request.id, record)
            audited = {**data, "evidence": result.verified.evidence.key, "calls": as_json(calls)}
            await self.work.outcome(session, request, "action_done", audited)
            return noted(request, EventKind.STEP_DONE, self.work.clock(), {**data, "message": said.as_json()})

        return "done" if await self.work.change(f"done {record.n}", case.request.id, make) is not None else "stop"

    async def _failed(self, case: Case, record: ActionRecord, code: str, calls: Sequence[Call] = ()) -> Acted:
        data: dict[str, Any] = {"n": record.n, "action": record.name, "code": code, "perhaps": record.changed}

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.RUNNING):
                return None
            await self.work.store.put_action(session, request.id, record)
            await self.work.outcome(session, request, "action_failed", {**data, "reference": record.reference, "calls": as_json(calls)})
            return noted(request, EventKind.STEP_FAILED, self.work.clock(), data)

        return "failed" if await self.work.change(f"failed {record.n}", case.request.id, make) is not None else "stop"

    async def _stopped(self, case: Case, action: PlannedAction, n: int, decision: PolicyDecision, begun: bool) -> Acted:
        """Policy allowed it a moment ago and no longer does: held when paused, else a failure like any other.

        `begun`: an earlier try may have had its effect.
        """

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.RUNNING):
                return None
            await self.work.audit_decisions(session, request, [action.name], [decision])
            return held(request, self.work.clock()) if gate.way([decision]) is Way.HOLD else Change(request)

        saved = await self.work.change(f"stopped {n}", case.request.id, make)
        if saved is None or saved.state is S.HELD:
            return "stop"
        record = ActionRecord(n, action.name, saved.beneficiary_id, False, "failed", self.work.clock(), decision.rules, changed=begun)
        return await self._failed(case, record, decision.rules[0])

    async def _hold(self, case: Case, record: ActionRecord) -> Acted:
        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.RUNNING):
                return None
            await self.work.store.put_action(session, request.id, record)
            return held(request, self.work.clock())

        await self.work.change(f"held {record.n}", case.request.id, make)
        return "stop"

    # -- the end ------------------------------------------------------------------------------------------------------

    async def complete(self, request_id: str, attempt: int) -> None:
        """Writes the receipt and, for what has an end, the grant with its timers."""
        request = await self.work.current(request_id, attempt, S.RUNNING)
        stored = await self.work.store.plan(request_id, attempt)
        if request is None or stored is None:
            return
        records = list((await self.work.store.actions(request_id)).values())
        spec = self.work.skills[request.skill].spec
        changed = [record for record in records if record.changed]
        receipt = Receipt(
            changed=tuple(record.done for record in records if record.done is not None),
            verified=tuple(record.evidence for record in records if record.evidence is not None),
            rules=tuple(dict.fromkeys(rule for record in records for rule in record.rules)),
            until=stored.plan.until,
            undo=spec.undo and bool(changed),
            references=tuple(record.reference for record in records if record.reference),
        )

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, attempt, S.RUNNING):
                return None
            now = self.work.clock()
            change = moved(now_request, S.DONE, EventKind.COMPLETED, now, {"receipt": receipt.as_json()})
            await self.work.outcome(
                session, now_request, "request_done", {"rules": list(receipt.rules), "references": list(receipt.references)}
            )
            if not spec.timed or stored.plan.until is None or not changed:
                return change
            until = stored.plan.until
            grant = Grant(new_id(), request_id, request.beneficiary_id, granted_at=now, until=until, next_try_at=until)
            await self.work.store.add_grant(session, grant)
            remind = StartCommand(f"{grant.id}:remind", "remind", grant.id, reminder_at(now, until))
            return replace(change, start=(remind, StartCommand(f"{grant.id}:revoke", "revoke", grant.id, until)))

        await self.work.change("complete", request_id, make)

    async def compensate(self, request_id: str, attempt: int) -> None:
        """Takes back in reverse what was done before the failure, where the skill can, and leaves the request to people."""
        request = await self.work.current(request_id, attempt, S.RUNNING)
        stored = await self.work.store.plan(request_id, attempt)
        if request is None or stored is None:
            return
        case = await self.work.open(request)
        records = await self.work.store.actions(request_id)
        for n in sorted(records, reverse=True):
            record = records[n]
            if not case.skill.spec.undo or not record.changed or record.state not in ("done", "failed"):
                continue
            hands, action = self.work.hands(case), stored.plan.actions[n]
            with recording() as calls:
                undone = await hands.undo(action, record.reference, f"{request_id}:{n}:undo", lambda: self.work.paused(request))
                left = isinstance(undone, Effect) and not await hands.gone(action)
            if isinstance(undone, Held):
                await self._hold(case, record)
                return
            if isinstance(undone, Effect) and left and not undone.changed:
                continue  # a notice, say, that is out of anybody's hands: nothing to tell
            code = undone.code if isinstance(undone, Trouble) else "undo_not_verified" if left else None
            if not await self._compensated(case, record, code, calls):
                return
        await self.fail(request_id, attempt, None)

    async def _compensated(self, case: Case, record: ActionRecord, code: str | None, calls: Sequence[Call]) -> bool:
        data: dict[str, Any] = {"n": record.n, "action": record.name}
        audited = {**data, "reference": record.reference, "calls": as_json(calls)}

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.RUNNING):
                return None
            if code is not None:
                await self.work.outcome(session, request, "compensation_failed", {**audited, "code": code})
                return noted(request, EventKind.STEP_FAILED, self.work.clock(), {**data, "action": f"undo_{record.name}", "code": code})
            await self.work.store.put_action(session, request.id, replace(record, state="undone"))
            await self.work.outcome(session, request, "action_compensated", audited)
            return noted(request, EventKind.COMPENSATED, self.work.clock(), data)

        return await self.work.change(f"compensated {record.n}", case.request.id, make) is not None

    async def fail(self, request_id: str, attempt: int, code: str | None) -> None:
        """`code` None: that of the step that failed."""
        failures = [one.event.data for one in await self.work.store.events_of(request_id) if one.event.kind is EventKind.STEP_FAILED]
        first = next(iter(failures), {"code": "unknown", "n": None})

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, attempt, S.SUBMITTED, S.RUNNING, S.UNDOING):
                return None
            data = {"code": code or first["code"], "n": None if code else first["n"]}
            await self.work.outcome(session, request, "request_failed", data)
            return moved(request, S.FAILED, EventKind.FAILED, self.work.clock(), data)

        await self.work.change("fail", request_id, make)
