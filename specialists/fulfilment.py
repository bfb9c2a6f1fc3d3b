"""Durable fulfilment: a request, once submitted, comes to its end, however often the process dies on the way.

The application's rows are the truth; the engine only makes sure that somebody keeps working on them. A change that wants
work writes a start command in its own transaction, and `wake` starts the workflow after the commit, or after the crash.
The workflows are short: whatever waits for a person or for a moment is a row, not a running workflow.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.calling.codes import cause
from connectors.errors import ConnectorError
from connectors.ports.knowledge import AuditSink
from connectors.ports.messages import Messages
from connectors.ports.people import People, Person
from connectors.ports.records import Clock, utcnow
from specialists import step_up
from specialists.acting import Acting
from specialists.approvals import AlreadyDecided, Decided, Judgement, NotYours, OwnRequest, Refusal, Verdict, refuse
from specialists.casework import Casework
from specialists.deciding import STOP, Deciding
from specialists.engine import Engine
from specialists.hands import Checkpoint, Patience
from specialists.loader import LoadedSkill
from specialists.policy.decide import Policy
from specialists.request import WORKING, EventKind, Request, RequestState, StartCommand, moved, noted, submitted
from specialists.roster import Roster
from specialists.rounds import Rounds
from specialists.skill import Ports
from specialists.step_up import StepUp, StepUpResult
from specialists.store import RequestStore
from specialists.switch import Switch
from specialists.taking_back import TakingBack

log = structlog.get_logger()

MESSAGES: Final = Path(__file__).with_name("messages.yaml")
"""The words of fulfilment itself, for the catalogue of whoever shows its events."""
_SWEEP_SECONDS: Final = 30.0
_DISPATCH_SECONDS: Final = 5.0
"""Until what another process committed is started here though nobody said so."""
_AGAIN_SECONDS: Final = 1.0
_PATIENCE: Final = 10.0
"""Seconds for a round that runs while this is closed."""


async def _no_checkpoint(name: str) -> None:
    """Tests stop the process here."""


def _nobody_listens() -> None:
    pass


class Fulfilment:
    """Runs requests. `secret` signs step-up links, whose page is at `base_url`/step-up/TOKEN.

    `committed` is called after every commit of a workflow: there are new request events to read.
    """

    def __init__(
        self,
        *,
        store: RequestStore,
        sessions: async_sessionmaker[AsyncSession],
        engine: Engine,
        switch: Switch,
        policy: Policy,
        roster: Roster,
        skills: Mapping[str, LoadedSkill],
        ports: Ports,
        people: People,
        audit: AuditSink,
        base_url: str,
        secret: bytes,
        clock: Clock = utcnow,
        patience: Patience | None = None,
        checkpoint: Checkpoint = _no_checkpoint,
        committed: Callable[[], None] = _nobody_listens,
    ) -> None:
        def saved() -> None:
            self.wake()
            committed()

        work = Casework(
            store=store,
            sessions=sessions,
            switch=switch,
            policy=policy,
            roster=roster,
            skills=skills,
            ports=ports,
            people=people,
            audit=audit,
            clock=clock,
            patience=patience or Patience(),
            checkpoint=checkpoint,
            saved=saved,
        )
        self._work = work
        self._store = store
        self._engine = engine
        self._deciding = Deciding(work, Messages.load([MESSAGES]), f"{base_url.rstrip('/')}/step-up/", secret)
        self._acting = Acting(work)
        self._taking_back = TakingBack(work)
        self._dispatching = asyncio.Lock()
        # Rounds of its own: a workflow may not start others from inside a step, and what it starts would be its child.
        self._dispatches = Rounds("dispatch", self._dispatch, longest=_DISPATCH_SECONDS, again=_AGAIN_SECONDS)
        self._sweeps = Rounds("sweep", self._swept, longest=_SWEEP_SECONDS, again=_SWEEP_SECONDS)
        engine.register("fulfil", self._fulfil)
        engine.register("undo", self._undo)
        engine.register("revoke", self._revoke)
        engine.register("remind", self._one("remind", self._taking_back.remind))
        engine.register("expire_approval", self._one("expire_approval", self._taking_back.expire_approval))
        engine.register("expire_step_up", self._one("expire_step_up", self._taking_back.expire_step_up))

    # -- life ---------------------------------------------------------------------------------------------------------

    async def launch(self) -> None:
        """Launches the engine, which goes on where the last process stopped; overdue revocations start at once."""
        await self._engine.launch()
        self._dispatches.start()
        self._sweeps.start()

    async def close(self) -> None:
        """Lets what is being started or swept come to its end; what is left is done by the next launch."""
        await asyncio.gather(self._dispatches.stop(_PATIENCE), self._sweeps.stop(_PATIENCE))
        await self._engine.close()

    def wake(self) -> None:
        """Starts, soon, what committed changes want started. Call it after every commit that may want something."""
        self._dispatches.wake()

    async def idle(self) -> bool:
        """Whether nothing runs and nothing waits to be started. Waiting for people or for a moment is idle."""
        return not await self._store.pending_commands(limit=1) and not await self._engine.busy()

    async def sweep(self) -> None:
        """What no timer or command is sure to reach: overdue grants and questions, released or broken off requests."""
        now = self._work.clock()
        for grant in await self._store.grants_due(now):
            slot = int(now.timestamp() // _SWEEP_SECONDS)
            await self._engine.start("revoke", f"{grant.id}:revoke:{slot}", grant.id)
        for approval in await self._store.approvals_overdue(now):
            await self._taking_back.expire_approval(approval.id)
        for asked in await self._store.step_ups_overdue(now):
            await self._taking_back.expire_step_up(asked.token_hash)
        await self._work.switch.release()
        await self._dispatch()
        for request in await self._store.in_states(*WORKING):
            await self._revive(request)

    # -- what people answer -------------------------------------------------------------------------------------------

    async def decide_approval(
        self, session: AsyncSession, approval_id: str, by: Person, verdict: Verdict, reason: str, now: datetime
    ) -> Judgement:
        """A click on Approve or Deny, in the caller's transaction; `wake` after its commit.

        The first click decides, and what becomes of the request is in the same commit. Raises Conflict (roll back, again).
        """
        approval = await self._store.approval(approval_id, session=session)
        request = await self._store.get(approval.request_id, session=session) if approval is not None else None
        if approval is None or request is None:
            return NotYours()
        refusal = refuse(approval, request, by, now) or self._not_by_policy(request, approval.approver_ids, by)
        if refusal is None and not await self._store.close_approval(session, approval_id, verdict, now, by=by.id, reason=reason):
            first = await self._store.approval(approval_id, session=session)
            refusal = AlreadyDecided(first.state, first.decided_by, first.decided_at) if first is not None else NotYours()
        if refusal is not None:
            facts = {"approval_id": approval_id, "why": type(refusal).__name__}
            await self._heard(session, request, by.id, "approval_click_refused", facts)
            return refusal
        data = {"approval_id": approval_id, "verdict": verdict, "by": by.id, "reason": reason}
        change = noted(request, EventKind.APPROVAL_DECIDED, now, data)
        if verdict == "approved":
            change = change.then(submitted(change.request, now))
        else:
            change = change.then(moved(change.request, RequestState.DENIED, EventKind.DENIED, now, {"reason": reason}))
        saved = await self._store.save(session, change)
        await self._work.audit.append(
            session,
            kind="decision",
            event="approval_decided",
            actor_id=by.id,
            data={"approval_id": approval_id, "verdict": verdict, "hash": approval.hash, "policy_version": self._work.policy.version},
            private={"reason": reason},
            request_id=request.id,
            at=now,
        )
        return Decided(replace(approval, state=verdict, decided_by=by.id, decided_at=now, reason=reason), saved)

    async def step_up(self, token: str) -> StepUp | None:
        """What a link asks to confirm, for its page; None for no such link."""
        return await self._store.step_up(step_up.hashed(token))

    async def pass_step_up(self, session: AsyncSession, token: str, now: datetime) -> StepUpResult:
        """The person confirmed on their enrolled channel; the request goes on. `wake` afterwards."""
        found = await self._close_step_up(session, token, "passed", now)
        if found is None:
            return "closed"
        passed = noted(found, EventKind.STEP_UP_PASSED, now)
        await self._store.save(session, passed.then(submitted(passed.request, now)))
        await self._heard(session, found, found.requester_id, "step_up_passed", {})
        return "passed"

    async def refuse_step_up(self, session: AsyncSession, token: str, now: datetime) -> StepUpResult:
        """ "This was not me": nothing is done, and the audit has an event for security."""
        found = await self._close_step_up(session, token, "refused", now)
        if found is None:
            return "closed"
        await self._store.save(session, moved(found, RequestState.DENIED, EventKind.DENIED, now, {"reason": "not_me"}))
        await self._heard(session, found, found.requester_id, "security_step_up_refused", {"skill": found.skill})
        return "refused"

    async def _close_step_up(self, session: AsyncSession, token: str, state: StepUpResult, now: datetime) -> Request | None:
        """The request that this answer decides; None when it decides nothing any more."""
        token_hash = step_up.hashed(token)
        asked = await self._store.step_up(token_hash, session=session)
        request = await self._store.get(asked.request_id, session=session) if asked is not None else None
        if asked is None or request is None or not asked.open(now) or request.state is not RequestState.AWAITING_STEP_UP:
            return None
        closed = await self._store.close_step_up(session, token_hash, "passed" if state == "passed" else "refused", now)
        return request if closed else None

    def _not_by_policy(self, request: Request, approver_ids: tuple[str, ...], by: Person) -> Refusal | None:
        allowed = self._work.policy.may_approve(by, request.requester_id, request.beneficiary_id, approver_ids)
        if allowed.allowed:
            return None
        return OwnRequest() if "self_approval" in allowed.rules else NotYours()

    async def _heard(self, session: AsyncSession, request: Request, by: str, event: str, data: Mapping[str, str]) -> None:
        await self._work.audit.append(
            session,
            kind="observation",
            event=event,
            actor_id=by,
            data=data,
            subject_id=request.beneficiary_id,
            request_id=request.id,
            at=self._work.clock(),
        )

    # -- the workflows ------------------------------------------------------------------------------------------------

    async def _fulfil(self, argument: str) -> None:
        request_id, attempt = _parts(argument)
        step = self._engine.step
        try:
            actions = await step("plan", self._deciding.plan, request_id, attempt)
            if actions != STOP and await step("decide", self._deciding.decide, request_id, attempt):
                for n in range(actions):
                    acted = await step("act", self._acting.act, request_id, attempt, n)
                    if acted == "failed":
                        await step("compensate", self._acting.compensate, request_id, attempt)
                    if acted != "done":
                        break
                else:
                    await step("complete", self._acting.complete, request_id, attempt)
        except Exception as error:
            await self._give_up(request_id, attempt, error)

    async def _undo(self, argument: str) -> None:
        request_id, attempt = _parts(argument)
        step = self._engine.step
        try:
            actions = await step("plan", self._planned, request_id)
            for n in reversed(range(actions)):
                if await step("undo", self._taking_back.undo, request_id, attempt, n) != "undone":
                    break
            else:
                await step("undone", self._taking_back.undone, request_id, attempt)
        except Exception as error:
            await self._give_up(request_id, attempt, error)

    async def _revoke(self, grant_id: str) -> None:
        if await self._engine.step("claim", self._taking_back.claim, grant_id):
            await self._engine.step("revoke", self._taking_back.revoke, grant_id)

    async def _planned(self, request_id: str) -> int:
        stored = await self._store.plan(request_id)
        return len(stored.plan.actions) if stored is not None else 0

    async def _give_up(self, request_id: str, attempt: int, error: Exception) -> None:
        """Never silent: an error of ours ends the request with people, as a failed step does."""
        code = _code(error)
        log.error("fulfilment_failed", request=request_id, attempt=attempt, error=type(error).__name__, code=code)
        await self._engine.step("fail", self._acting.fail, request_id, attempt, code)

    def _one(self, name: str, fn: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
        """A workflow of one step."""

        async def run(argument: str) -> None:
            await self._engine.step(name, fn, argument)

        return run

    # -- starting -----------------------------------------------------------------------------------------------------

    async def _dispatch(self) -> bool:
        """False when some could not be started now."""
        async with self._dispatching:
            while commands := await self._store.pending_commands():
                done = [command.workflow_id for command in commands if await self._started(command)]
                await self._store.commands_started(done)
                if len(done) < len(commands):
                    return False
        return True

    async def _swept(self) -> bool:
        await self.sweep()
        return True

    async def _started(self, command: StartCommand) -> bool:
        """False when it could not be started now; it must not keep the others waiting."""
        try:
            await self._start(command)
        except Exception as error:
            log.warning("start_failed", workflow=command.workflow_id, error=type(error).__name__)
            return False
        await self._work.checkpoint(f"{command.workflow}:started")
        return True

    async def _start(self, command: StartCommand) -> None:
        if command.at is None:
            await self._engine.start(command.workflow, command.workflow_id, command.argument)
        else:
            await self._engine.schedule_at(command.workflow, command.workflow_id, command.argument, command.at)

    async def _revive(self, request: Request) -> None:
        """A workflow that could not even write down that it failed is run again, now that the database answers."""
        name = "undo" if request.state is RequestState.UNDOING else "fulfil"
        workflow_id = f"{request.id}:undo:{request.attempt}" if name == "undo" else f"{request.id}:{request.attempt}"
        status = await self._engine.status(workflow_id)
        if status == "ERROR":
            with suppress(Exception):
                await self._engine.again(workflow_id)
        elif status is None:
            await self._engine.start(name, workflow_id, f"{request.id}:{request.attempt}")


def _code(error: Exception) -> str:
    """Of the directory, say, that could not be asked who this is, as long as the step was tried; else it is an error of ours."""
    tries = [error, *getattr(error, "errors", ())]
    return next((cause(one) for one in reversed(tries) if isinstance(one, ConnectorError)), "internal")


def _parts(argument: str) -> tuple[str, int]:
    request_id, attempt = argument.rsplit(":", 1)
    return request_id, int(attempt)
