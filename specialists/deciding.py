"""From a submitted request to leave to act, or to whoever must give it: plan, then decide.

A plan is fixed once an action of it has begun. Until then it is made anew for every attempt, counted from the same
moment, so that an approval stays valid exactly while the same would be done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.calling.codes import cause
from connectors.errors import ConnectorError, NeedsHuman
from connectors.ports.calls import Call, as_json, recording
from connectors.ports.messages import Message, Messages, Param, Reader
from connectors.ports.people import Person
from connectors.ports.records import new_id
from connectors.ports.systems import Effect
from specialists import gate, step_up
from specialists.approvals import Approval, eligible
from specialists.casework import Case, Casework, is_current
from specialists.gate import Standing, Way
from specialists.planning import StoredPlan, actions_as_json, plan_hash
from specialists.policy.model import Outcome, PolicyDecision
from specialists.request import Change, EventKind, Request, RequestState, StartCommand, held, moved, noted
from specialists.skill import Declined, Plan

S: Final = RequestState
STOP: Final = -1
"""What `plan` answers when there is nothing to go on with."""
_APPROVAL_EXPIRES: Final = timedelta(days=3)
"""For an approval that policy wants where the skill declares none."""


class _Paused(ConnectorError):
    """The switch was pressed before the link went out."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """`link` + token is the address of the step-up page."""

    work: Casework
    words: Messages
    link: str
    secret: bytes

    # -- plan ---------------------------------------------------------------------------------------------------------

    async def plan(self, request_id: str, attempt: int) -> int:
        """Looks, plans and keeps the plan of this attempt; how many actions it has, STOP when it ends here."""
        store = self.work.store
        request = await self.work.current(request_id, attempt, S.SUBMITTED, S.RUNNING)
        if request is None:
            return STOP
        calls: Sequence[Call] = ()
        kept = await store.plan(request_id)
        if kept is not None and kept.attempt == attempt:
            return len(kept.plan.actions)
        case = await self.work.open(request)
        entry = self.work.policy.decide(gate.entry_query(request, case.skill.spec, case.requester, case.beneficiary))
        if gate.way([entry]) is Way.DECLINE:
            await self._decline(request, entry)
            return STOP
        if kept is not None and await store.actions(request_id):
            made: Plan | Declined | ConnectorError = kept.plan
            planned_at = kept.planned_at
        else:
            now = self.work.clock()
            lasting = kept is not None and (kept.plan.until is None or kept.plan.until > now)
            planned_at = kept.planned_at if kept is not None and lasting else now
            hands = self.work.hands(case, planned_at)
            with recording() as calls:
                made = await hands.plan()

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, attempt, S.SUBMITTED):
                return None
            if not isinstance(made, Plan):
                return await self._unplanned(session, now_request, made, calls)
            stored = StoredPlan(attempt, planned_at, made, plan_hash(made))
            await store.keep_plan(session, request_id, stored)
            await self.work.outcome(session, now_request, "request_planned", {"hash": stored.hash, "calls": as_json(calls)})
            titles = [
                {"action": a.name, "message": case.skill.says(f"step.{a.name}", case.context(planned_at)).as_json()} for a in made.actions
            ]
            arguments = [dict(action.arguments) for action in made.actions]
            return noted(now_request, EventKind.PLANNED, self.work.clock(), {"steps": titles, "arguments": arguments, "hash": stored.hash})

        saved = await self.work.change("plan", request_id, make)
        return len(made.actions) if isinstance(made, Plan) and saved is not None else STOP

    async def _decline(self, request: Request, decision: PolicyDecision) -> None:
        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, request.attempt, S.SUBMITTED):
                return None
            await self.work.audit_decisions(session, now_request, [f"look_{now_request.skill}"], [decision])
            return self._declined(now_request, decision.rules)

        await self.work.change("decline", request.id, make)

    def _declined(self, request: Request, rules: Sequence[str]) -> Change:
        message = Message(f"declined.{gate.declining_rule(rules)}")
        data = {"message": message.as_json(), "rules": list(rules)}
        return moved(request, S.DECLINED, EventKind.DECLINED, self.work.clock(), data)

    async def _unplanned(self, session: AsyncSession, request: Request, made: Declined | ConnectorError, calls: Sequence[Call]) -> Change:
        now, told = self.work.clock(), {"calls": as_json(calls)}
        if isinstance(made, Declined):
            await self.work.outcome(session, request, "request_declined", {"message": made.message.key, **told})
            return moved(request, S.DECLINED, EventKind.DECLINED, now, {"message": made.message.as_json(), "offer_human": made.offer_human})
        await self.work.outcome(session, request, "planning_failed", {"code": cause(made), **told})
        if isinstance(made, NeedsHuman):
            return moved(request, S.WITH_STAFF, EventKind.LEFT_TO_STAFF, now, {"rules": [], "reason": made.code})
        return moved(request, S.FAILED, EventKind.FAILED, now, {"code": cause(made), "n": None})

    # -- decide -------------------------------------------------------------------------------------------------------

    async def decide(self, request_id: str, attempt: int) -> bool:
        """Asks policy about the whole plan before anything is done; True when it may run."""
        request = await self.work.current(request_id, attempt, S.SUBMITTED, S.RUNNING)
        if request is None:
            return False
        if request.state is S.RUNNING:
            return True
        case = await self.work.open(request)
        stored = await self.work.store.plan(request_id, attempt)
        if stored is None:
            raise LookupError(f"no plan of {request_id}:{attempt}")
        records = await self.work.store.actions(request_id)
        standing = await self.work.standing(request, stored, records)
        left = [(n, action) for n, action in enumerate(stored.plan.actions) if n not in records or records[n].state != "done"]
        decisions = [self.work.decide(case, stored, action, _counted(standing, place)) for place, (_, action) in enumerate(left)]
        if not decisions:
            decisions = [self.work.decide(case, stored, action, standing) for action in stored.plan.actions]
            left = list(enumerate(stored.plan.actions))
        rules = gate.rules(decisions)
        way = gate.way(decisions)
        approvers = await self._approvers(case, stored) if way is Way.APPROVAL else ()
        with recording() as calls:
            asked = await self._ask_step_up(case) if way is Way.STEP_UP else None
        if isinstance(asked, _Paused):
            way = Way.HOLD

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, attempt, S.SUBMITTED):
                return None
            await self.work.audit_decisions(session, now_request, [action.name for _, action in left], decisions)
            data = {"outcome": _outcome_of(decisions), "rules": list(rules), "policy_version": decisions[0].policy_version}
            if way in (Way.RUN, Way.NOTIFY):
                return self._run(now_request, data, way)
            decided = noted(now_request, EventKind.DECIDED, self.work.clock(), data)
            return decided.then(await self._wait(session, decided.request, case, stored, way, rules, approvers, asked, calls))

        saved = await self.work.change("decide", request_id, make)
        return saved is not None and saved.state is S.RUNNING

    def _run(self, request: Request, decided: dict[str, Any], way: Way) -> Change:
        now = self.work.clock()
        running = moved(request, S.RUNNING, EventKind.DECIDED, now, decided)
        if way is Way.RUN:
            return running
        told = {"manager_email": self.work.roster[request.specialist].manager, "confidence": request.confidence}
        return running.then(noted(running.request, EventKind.OWNER_NOTIFIED, now, told))

    async def _wait(
        self,
        session: AsyncSession,
        request: Request,
        case: Case,
        stored: StoredPlan,
        way: Way,
        rules: Sequence[str],
        approvers: Sequence[Person],
        asked: str | ConnectorError | None,
        calls: Sequence[Call],
    ) -> Change:
        now = self.work.clock()
        match way:
            case Way.HOLD:
                return held(request, now)
            case Way.DECLINE:
                return self._declined(request, rules)
            case Way.STEP_UP if isinstance(asked, str):
                return await self._await_step_up(session, request, asked, calls)
            case Way.APPROVAL if approvers:
                return await self._await_approval(session, request, case, stored, approvers)
        if isinstance(asked, ConnectorError):
            await self.work.outcome(session, request, "step_up_failed", {"code": cause(asked), "calls": as_json(calls)})
        reason = cause(asked) if isinstance(asked, ConnectorError) else "no_approver" if way is Way.APPROVAL else "policy"
        return moved(request, S.WITH_STAFF, EventKind.LEFT_TO_STAFF, now, {"rules": list(rules), "reason": reason})

    async def _await_approval(
        self, session: AsyncSession, request: Request, case: Case, stored: StoredPlan, approvers: Sequence[Person]
    ) -> Change:
        now, spec = self.work.clock(), case.skill.spec
        expires_at = now + (spec.approval.expires if spec.approval else _APPROVAL_EXPIRES)
        approval = Approval(
            new_id(), request.id, stored.plan.actions, stored.hash, tuple(person.id for person in approvers), now, expires_at
        )
        await self.work.store.ask_approval(session, approval)
        data = {"approval_id": approval.id, "approver_ids": list(approval.approver_ids), "expires_at": expires_at.isoformat()}
        exact = {"actions": actions_as_json(approval.actions)}
        await self.work.outcome(session, request, "approval_requested", {**data, "hash": stored.hash}, private=exact)
        change = moved(request, S.AWAITING_APPROVAL, EventKind.APPROVAL_REQUESTED, now, data)
        return replace(change, start=(StartCommand(f"{approval.id}:expire", "expire_approval", approval.id, expires_at),))

    async def _approvers(self, case: Case, stored: StoredPlan) -> tuple[Person, ...]:
        """The beneficiary's manager; else the owner of what is asked for; else nobody, which is never a yes."""
        for key in (case.beneficiary.manager_key, stored.plan.owner_key):
            candidate = await self.work.people.by_key(key) if key is not None else None
            if candidate is not None and eligible(candidate, case.requester, case.beneficiary):
                return (candidate,)
        return ()

    async def _await_step_up(self, session: AsyncSession, request: Request, enrolled: str, calls: Sequence[Call]) -> Change:
        now = self.work.clock()
        asked = step_up.StepUp(
            token_hash=step_up.hashed(step_up.token(self.secret, request.id, request.attempt)),
            request_id=request.id,
            attempt=request.attempt,
            person_id=request.requester_id,
            requested_at=now,
            expires_at=now + step_up.LIFETIME,
        )
        await self.work.store.ask_step_up(session, asked)
        audited = {"expires_at": asked.expires_at.isoformat(), "calls": as_json(calls)}
        await self.work.outcome(session, request, "step_up_requested", audited)
        data = {"expires_at": asked.expires_at.isoformat(), "enrolled": enrolled}
        change = moved(request, S.AWAITING_STEP_UP, EventKind.STEP_UP_REQUESTED, now, data)
        expire = StartCommand(f"{request.id}:{request.attempt}:expire", "expire_step_up", asked.token_hash, asked.expires_at)
        return replace(change, start=(expire,))

    async def _ask_step_up(self, case: Case) -> str | ConnectorError:
        """Sends the link before the row says so: a row without a sent link would wait for nothing. The masked address, or why not."""
        person, request = case.requester, case.request
        hands = self.work.hands(case)
        enrolled = await hands.look(lambda: self.work.ports.enrolled.address(person.directory_key))
        if isinstance(enrolled, ConnectorError):
            return enrolled
        if enrolled is None:
            return NeedsHuman("not_enrolled")
        known: dict[str, Param] = {
            "case": request.case,
            "person": person.first_name,
            "title": case.skill.spec.title,
            "lifetime": step_up.LIFETIME,
        }
        reader = Reader(person.locale, person.timezone)
        subject, text = (self.words.say(Message(f"step_up.{part}", known), reader) for part in ("subject", "text"))
        link = self.link + step_up.token(self.secret, request.id, request.attempt)

        async def send() -> Effect:
            if await self.work.paused(request):
                raise _Paused("paused")
            key = f"{request.id}:{request.attempt}:step-up"
            return await self.work.ports.enrolled.send(person.directory_key, subject=subject, text=text, link=link, key=key)

        await self.work.checkpoint("step_up:before-effect")
        sent = await hands.look(send)
        await self.work.checkpoint("step_up:after-effect")
        return sent if isinstance(sent, ConnectorError) else enrolled


def _counted(standing: Standing, place: int) -> Standing:
    """As it will stand once the actions before this one were done."""
    return replace(standing, actions_so_far=standing.actions_so_far + place, actions_today=standing.actions_today + place)


def _outcome_of(decisions: Sequence[PolicyDecision]) -> str:
    """The least permissive outcome among the plan's actions."""
    order = (Outcome.DENY, Outcome.APPROVAL, Outcome.NOTIFY, Outcome.RUN)
    return min((decision.outcome for decision in decisions), key=order.index)
