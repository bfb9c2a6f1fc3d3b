"""What ends again: an undo that somebody pressed, a grant whose time is over, a question that nobody answered in time.

A revocation is not given up: what could not be confirmed is tried again until it is, also by the next process, and never
before its time, whatever a timer or a clock that was set back says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.calling.codes import cause
from connectors.errors import ConnectorError
from connectors.ports.calls import Call, as_json, recording
from connectors.ports.messages import Message
from connectors.ports.records import Json
from connectors.ports.systems import Effect
from specialists import gate
from specialists.casework import Case, Casework, is_current
from specialists.grants import Grant, claimed_until, is_for_people, next_try
from specialists.hands import Held, Trouble, is_final
from specialists.policy.model import Outcome
from specialists.request import Change, EventKind, Request, RequestState, held, moved, noted
from specialists.skill import LEFT, SUPERSEDED, PlannedAction
from specialists.store import ActionRecord

S: Final = RequestState
_ASKED: Final = 8.0
"""Seconds that a system may ask a revocation to wait: for longer than that, the next try is the one that waits."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """What kept a grant from being ended. `final`: it will, however often it is tried."""

    action: str
    code: str
    final: bool


@dataclass(frozen=True, slots=True)
class _Ended:
    """`superseded`: another grant has taken its place."""

    superseded: bool


@dataclass(frozen=True, slots=True)
class TakingBack:
    work: Casework

    # -- undo ---------------------------------------------------------------------------------------------------------

    async def undo(self, request_id: str, attempt: int, n: int) -> Literal["undone", "failed", "stop"]:
        """Undoes one action, if there is something to undo, after policy and switch were asked again.

        There is nothing once its time is over, or when somebody gave it anew since: then its record stays "done". What cannot be taken
        back says why, and is "left".
        """
        request = await self.work.current(request_id, attempt, S.UNDOING)
        stored = await self.work.store.plan(request_id)
        if request is None or stored is None:
            return "stop"
        records = await self.work.store.actions(request_id)
        record = records.get(n)
        grant = await self.work.store.grant_of(request_id)
        if record is None or record.state != "done" or not record.changed or (grant is not None and grant.ended_at is not None):
            return "undone"
        case, action = await self.work.open(request, ending=True), stored.plan.actions[n]
        standing = await self.work.standing(request, stored, {})
        decision = self.work.policy.decide(gate.undo_query(request, case.skill.spec, action, case.requester, case.beneficiary, standing))

        async def begin(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, attempt, S.UNDOING):
                return None
            await self.work.audit_decisions(session, now_request, [f"undo_{action.name}"], [decision])
            if decision.outcome == Outcome.DENY:
                hold = gate.way([decision]) is gate.Way.HOLD
                return held(now_request, self.work.clock()) if hold else Change(now_request)
            started: dict[str, Any] = {"n": n, "action": f"undo_{action.name}"}
            await self.work.outcome(session, now_request, "action_started", started, kind="action")
            return Change(now_request)

        began = await self.work.change(f"begin undo {n}", request_id, begin)
        if began is None or began.state is S.HELD:
            return "stop"
        if decision.outcome == Outcome.DENY:
            return await self._not_undone(case, record, decision.rules[0])
        hands = self.work.hands(case)
        with recording() as calls:
            result = await hands.undo(action, record.reference, f"{request_id}:{n}:undo", lambda: self.work.paused(request))
            superseded = isinstance(result, Effect) and bool(result.detail.get(SUPERSEDED))
            left = isinstance(result, Effect) and result.changed and not superseded and not await hands.gone(action)
        if isinstance(result, Held):
            await self._hold(case)
            return "stop"
        if isinstance(result, Trouble) or left:
            return await self._not_undone(case, record, result.code if isinstance(result, Trouble) else "undo_not_verified", calls)
        stays = result.detail.get(LEFT)
        if superseded or stays is True:
            return "undone"
        if isinstance(stays, dict):
            return await self._left(case, replace(record, state="left", evidence=Message.from_json(stays)), calls)

        async def done(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, attempt, S.UNDOING):
                return None
            await self.work.store.put_action(session, request_id, replace(record, state="undone"))
            audited: dict[str, Json] = {"n": n, "action": action.name, "reference": record.reference, "calls": as_json(calls)}
            await self.work.outcome(session, now_request, "action_undone", audited)
            return noted(now_request, EventKind.COMPENSATED, self.work.clock(), {"n": n, "action": action.name})

        return "undone" if await self.work.change(f"undone {n}", request_id, done) is not None else "stop"

    async def undone(self, request_id: str, attempt: int) -> None:
        """The end of an undo; a grant ends with it, and its timers find nothing to do.

        Where nothing was left to take back, the request stays done and its grant as it is: when a later one is undone,
        the earlier end counts again.
        """
        request = await self.work.current(request_id, attempt, S.UNDOING)
        if request is None:
            return
        case = await self.work.open(request, ending=True)
        message = case.skill.says("undone", case.context(self.work.clock()))
        records = (await self.work.store.actions(request_id)).values()
        taken = any(record.state == "undone" for record in records)
        stays = next((record.evidence for record in records if record.state == "left" and record.evidence), Message("nothing_to_undo"))

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            if not is_current(now_request, attempt, S.UNDOING):
                return None
            now = self.work.clock()
            if not taken:
                await self.work.outcome(session, now_request, "nothing_to_undo", {})
                return moved(now_request, S.DONE, EventKind.NOTHING_TO_UNDO, now, {"message": stays.as_json()})
            grant = await self.work.store.grant_of(request_id, session=session)
            if grant is not None and grant.ended_at is None:
                await self.work.store.put_grant(session, replace(grant, ended_at=now))
            await self.work.outcome(session, now_request, "request_undone", {})
            return moved(now_request, S.UNDONE, EventKind.UNDONE, now, {"message": message.as_json()})

        await self.work.change("undone", request_id, make)

    async def _left(self, case: Case, record: ActionRecord, calls: Sequence[Call]) -> Literal["undone", "stop"]:
        """Writes down that this step stays, and why."""
        audited: dict[str, Json] = {"n": record.n, "action": record.name, "reference": record.reference, "calls": as_json(calls)}

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.UNDOING):
                return None
            await self.work.store.put_action(session, request.id, record)
            await self.work.outcome(session, request, "action_left", audited)
            return Change(request)

        return "undone" if await self.work.change(f"left {record.n}", case.request.id, make) is not None else "stop"

    async def _not_undone(self, case: Case, record: ActionRecord, code: str, calls: Sequence[Call] = ()) -> Literal["failed", "stop"]:
        data: dict[str, Any] = {"n": record.n, "action": f"undo_{record.name}", "code": code}

        async def make(session: AsyncSession, request: Request) -> Change | None:
            if not is_current(request, case.request.attempt, S.UNDOING):
                return None
            now = self.work.clock()
            await self.work.outcome(session, request, "undo_failed", {**data, "reference": record.reference, "calls": as_json(calls)})
            failed = noted(request, EventKind.STEP_FAILED, now, data)
            return failed.then(moved(failed.request, S.FAILED, EventKind.FAILED, now, {"code": code, "n": record.n}))

        return "failed" if await self.work.change(f"undo failed {record.n}", case.request.id, make) is not None else "stop"

    async def _hold(self, case: Case) -> None:
        async def make(session: AsyncSession, request: Request) -> Change | None:
            return held(request, self.work.clock()) if is_current(request, case.request.attempt, S.UNDOING) else None

        await self.work.change("undo held", case.request.id, make)

    # -- grants -------------------------------------------------------------------------------------------------------

    async def remind(self, grant_id: str) -> None:
        """Tells the person that the end is near, once, unless what they have ends at another time by now."""
        grant = await self.work.store.grant(grant_id)
        if grant is None or await self._replaced(grant.request_id):
            return

        async def make(session: AsyncSession, request: Request) -> Change | None:
            now = self.work.clock()
            known = await self.work.store.grant(grant_id, session=session)
            if known is None or known.ended_at is not None or known.reminded_at is not None or now >= known.until:
                return None
            await self.work.store.put_grant(session, replace(known, reminded_at=now))
            return noted(request, EventKind.GRANT_ENDING, now, {"grant_id": grant_id, "until": known.until.isoformat()})

        await self.work.change("remind", grant.request_id, make)

    async def claim(self, grant_id: str) -> bool:
        """Whether a try to end this grant is due, and whoever asks makes it: while one is under way, nobody begins another.

        A paused specialist does not act: then it waits for the switch.
        """
        grant = await self.work.store.grant(grant_id)
        request = await self.work.store.get(grant.request_id) if grant is not None else None
        if request is None or await self.work.paused(request):
            return False

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            now = self.work.clock()
            known = await self.work.store.grant(grant_id, session=session)
            if known is None or known.ended_at is not None or now < known.next_try_at:
                return None
            await self.work.store.put_grant(session, replace(known, next_try_at=claimed_until(now)))
            return Change(now_request)

        return await self.work.change("claim", request.id, make) is not None

    async def revoke(self, grant_id: str) -> None:
        """One try to end a grant that is over, once it is claimed; the sweep makes the next one.

        Not asked of policy again: that it ends was part of what was decided, and must happen also for somebody who has left
        since.
        """
        grant = await self.work.store.grant(grant_id)
        if grant is None or grant.ended_at is not None:
            return
        request = await self.work.store.get(grant.request_id)
        stored = await self.work.store.plan(grant.request_id)
        if request is None or stored is None:
            return
        records = await self.work.store.actions(request.id)
        taken = [record for n, record in sorted(records.items(), reverse=True) if record.state == "done" and record.changed]
        with recording() as calls:
            came_to = await self._end(grant, request, [(stored.plan.actions[record.n], record) for record in taken])
        if isinstance(came_to, Held):
            return await self._put_back(grant, request)
        outside: dict[str, Json] = {"references": [record.reference for record in taken if record.reference], "calls": as_json(calls)}
        await self._revoked(grant, request, came_to, outside)

    async def _end(self, grant: Grant, request: Request, taken: Sequence[tuple[PlannedAction, ActionRecord]]) -> _Ended | _Problem | Held:
        """A directory that is down ends a try as any other system does."""
        try:
            hands = self.work.hands(await self.work.open(request, ending=True))
        except ConnectorError as error:
            return _Problem(request.skill, cause(error), is_final(error))
        hands = replace(hands, patience=replace(hands.patience, asked=_ASKED))
        superseded = False
        for action, record in taken:
            result = await hands.undo(action, record.reference, f"{grant.id}:{record.n}:revoke", lambda: self.work.paused(request))
            if isinstance(result, Held):
                return result
            if isinstance(result, Trouble):
                return _Problem(action.name, result.code, result.final)
            if not await hands.gone(action):
                return _Problem(action.name, "revoke_not_verified", final=False)
            superseded = superseded or bool(result.detail.get(SUPERSEDED))
        return _Ended(superseded)

    async def _put_back(self, grant: Grant, request: Request) -> None:
        """The switch came between: due again as soon as it allows."""

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            known = await self.work.store.grant(grant.id, session=session)
            if known is None or known.ended_at is not None:
                return None
            await self.work.store.put_grant(session, replace(known, next_try_at=self.work.clock()))
            return Change(now_request)

        await self.work.change("put back", request.id, make)

    async def _replaced(self, request_id: str) -> bool:
        """Whether a step of this request can be read to hold no longer."""
        request, stored = await self.work.store.get(request_id), await self.work.store.plan(request_id)
        if request is None or stored is None:
            return False
        try:
            hands = self.work.hands(await self.work.open(request, ending=True))
        except ConnectorError:
            return False
        changed = [n for n, record in (await self.work.store.actions(request_id)).items() if record.state == "done" and record.changed]
        return not all([await hands.stands(stored.plan.actions[n]) for n in changed])

    async def _revoked(self, grant: Grant, request: Request, came_to: _Ended | _Problem, outside: Mapping[str, Json]) -> None:
        """A grant that another one has taken the place of ends without a word: to the person nothing has ended.

        What cannot be ended is tried on, and people hear of it once. `outside`: what the audit keeps of the systems.
        """
        audited = {"grant_id": grant.id, **outside}

        async def make(session: AsyncSession, now_request: Request) -> Change | None:
            now = self.work.clock()
            known = await self.work.store.grant(grant.id, session=session)
            if known is None or known.ended_at is not None:
                return None
            if isinstance(came_to, _Problem):
                tried = replace(known, tries=known.tries + 1, next_try_at=next_try(now, known.tries))
                await self.work.store.put_grant(session, tried)
                await self.work.outcome(session, now_request, "revoke_failed", {**audited, "code": came_to.code, "tries": tried.tries})
                before = await self.work.store.events_of(now_request.id, session=session)
                told = any(one.event.kind is EventKind.GRANT_STUCK for one in before)
                if told or not is_for_people(tried.tries, came_to.final):
                    return Change(now_request)
                await self.work.outcome(session, now_request, "revoke_left_to_staff", {"grant_id": grant.id, "code": came_to.code})
                stuck = {"grant_id": grant.id, "action": f"undo_{came_to.action}", "code": came_to.code}
                return noted(now_request, EventKind.GRANT_STUCK, now, stuck)
            await self.work.store.put_grant(session, replace(known, ended_at=now))
            await self.work.outcome(session, now_request, "grant_superseded" if came_to.superseded else "grant_ended", audited)
            if came_to.superseded:
                return Change(now_request)
            return noted(now_request, EventKind.GRANT_ENDED, now, {"grant_id": grant.id})

        await self.work.change("revoke", request.id, make)

    # -- unanswered ---------------------------------------------------------------------------------------------------

    async def expire_approval(self, approval_id: str) -> None:
        approval = await self.work.store.approval(approval_id)
        if approval is None:
            return

        async def make(session: AsyncSession, request: Request) -> Change | None:
            now = self.work.clock()
            if now < approval.expires_at or not await self.work.store.close_approval(session, approval_id, "expired", now):
                return None
            await self.work.outcome(session, request, "approval_expired", {"approval_id": approval_id})
            return moved(request, S.EXPIRED, EventKind.EXPIRED, now) if request.state is S.AWAITING_APPROVAL else Change(request)

        await self.work.change("expire approval", approval.request_id, make)

    async def expire_step_up(self, token_hash: str) -> None:
        asked = await self.work.store.step_up(token_hash)
        if asked is None:
            return

        async def make(session: AsyncSession, request: Request) -> Change | None:
            now = self.work.clock()
            if now < asked.expires_at or not await self.work.store.close_step_up(session, token_hash, "expired", now):
                return None
            await self.work.outcome(session, request, "step_up_expired", {})
            return moved(request, S.EXPIRED, EventKind.EXPIRED, now) if request.state is S.AWAITING_STEP_UP else Change(request)

        await self.work.change("expire step-up", asked.request_id, make)
