"""The store on SQLite and PostgreSQL: versions, one commit for what belongs together, and a cursor that misses nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.database import Sessions
from connectors.ports.messages import Message
from connectors.ports.records import new_id
from specialists.approvals import Approval
from specialists.grants import Grant
from specialists.planning import StoredPlan, plan_hash
from specialists.request import EventKind, Request, RequestState, SlotValue, StartCommand, cancelled, moved, noted, opened, submitted
from specialists.skill import Plan, PlannedAction
from specialists.step_up import StepUp
from specialists.store import ActionRecord, Conflict, RequestStore
from tests.specialists.fulfilment.rig import MONDAY

S = RequestState


@pytest.fixture
def store(sessions: Sessions) -> RequestStore:
    return RequestStore(sessions)


def a_request(number: int, **given: object) -> Request:
    values = {
        "id": new_id(),
        "number": number,
        "key": new_id(),
        "skill": "grant_access",
        "specialist": "access_manager",
        "requester_id": "dana",
        "beneficiary_id": "dana",
        "conversation_id": "c1",
        "confidence": 0.91,
        "created_at": MONDAY,
        "updated_at": MONDAY,
        "slots": {"days": SlotValue(30, "30 days", "answer", tainted=True)},
        **given,
    }
    return Request(**values)  # type: ignore[arg-type]


async def saved(store: RequestStore, sessions: Sessions, **given: object) -> Request:
    request = a_request(await store.next_number(), **given)
    async with sessions.begin() as session:
        return await store.save(session, opened(request))


async def test_a_request_comes_back_as_it_was_saved(store: RequestStore, sessions: Sessions) -> None:
    request = await saved(store, sessions)
    assert request.version == 1
    assert await store.get(request.id) == request
    assert await store.by_number(request.number) == request
    assert await store.by_key(request.key) == request
    assert await store.get("nobody") is None


async def test_a_stale_version_changes_nothing(store: RequestStore, sessions: Sessions) -> None:
    stale = await saved(store, sessions)
    async with sessions.begin() as session:
        await store.save(session, submitted(stale, MONDAY))
    with pytest.raises(Conflict):
        async with sessions.begin() as session:
            await store.save(session, cancelled(stale, MONDAY))
    found = await store.get(stale.id)
    assert found is not None
    assert (found.state, found.version) == (S.SUBMITTED, 2)
    assert [one.event.kind for one in await store.events_of(stale.id)] == [EventKind.OPENED, EventKind.SUBMITTED]


async def test_a_repeated_turn_opens_its_request_once(store: RequestStore, sessions: Sessions) -> None:
    request = await saved(store, sessions)
    with pytest.raises(Conflict):
        await saved(store, sessions, key=request.key)
    assert len(await store.of_conversation("c1")) == 1


async def test_what_is_rolled_back_leaves_nothing(store: RequestStore, sessions: Sessions) -> None:
    request = a_request(await store.next_number())

    async def broken_turn() -> None:
        async with sessions.begin() as session:
            change = opened(request)
            await store.save(session, change.then(submitted(change.request, MONDAY)))
            raise RuntimeError("the turn broke")

    with pytest.raises(RuntimeError):
        await broken_turn()
    assert await store.get(request.id) is None
    assert await store.pending_commands() == []
    assert await store.events_after(0) == []


async def test_numbers_are_never_given_twice(store: RequestStore) -> None:
    numbers = await asyncio.gather(*(store.next_number() for _ in range(20)))
    assert len(set(numbers)) == 20


async def test_a_reader_by_cursor_misses_no_event_of_concurrent_writers(store: RequestStore, sessions: Sessions) -> None:
    requests = [await saved(store, sessions) for _ in range(8)]
    seen: list[int] = []
    writing = True

    async def write(request: Request) -> None:
        for _ in range(5):
            async with sessions.begin() as session:
                request = await store.save(session, noted(request, EventKind.OWNER_NOTIFIED, MONDAY, {}))
                await asyncio.sleep(0)

    async def read() -> None:
        while True:
            last_round = not writing
            seen.extend(one.seq for one in await store.events_after(seen[-1] if seen else 0, limit=3))
            if last_round and not await store.events_after(seen[-1]):
                return

    reading = asyncio.create_task(read())
    await asyncio.gather(*map(write, requests))
    writing = False
    await reading
    assert len(seen) == len(set(seen)) == 8 + 8 * 5
    assert seen == sorted(seen)


async def test_open_and_recent_requests_are_the_requesters_newest_first(store: RequestStore, sessions: Sessions) -> None:
    first, second, third = [await saved(store, sessions) for _ in range(3)]
    await saved(store, sessions, requester_id="omar", beneficiary_id="dana")
    async with sessions.begin() as session:
        await store.save(session, cancelled(second, MONDAY))
    assert [one.id for one in await store.open_of("dana")] == [third.id, first.id]
    assert [one.id for one in await store.recent_of("dana", 2)] == [third.id, second.id]
    assert [one.id for one in await store.in_states(S.CANCELLED)] == [second.id]


async def test_a_start_command_is_pending_until_it_is_started_and_written_once(store: RequestStore, sessions: Sessions) -> None:
    later = StartCommand("w2", "revoke", "g1", MONDAY + timedelta(days=1))
    async with sessions.begin() as session:
        await store.command(session, StartCommand("w1", "fulfil", "r1:1"))
        await store.command(session, StartCommand("w1", "fulfil", "another"))
        await store.command(session, later)
    pending = {one.workflow_id: one for one in await store.pending_commands()}
    assert pending == {"w1": StartCommand("w1", "fulfil", "r1:1"), "w2": later}
    await store.commands_started(["w1"])
    assert await store.pending_commands() == [later]


async def test_plans_and_actions_come_back_as_they_were_kept(store: RequestStore, sessions: Sessions) -> None:
    request = await saved(store, sessions)
    plan = Plan((PlannedAction("grant", {"role": "editor", "days": 30}, "key"),), until=MONDAY + timedelta(days=30), owner_key="e1")
    kept = StoredPlan(1, MONDAY, plan, plan_hash(plan))
    record = ActionRecord(0, "grant", "dana", True, "started", MONDAY, ("certain",))
    done = replace(
        record, state="done", reference="e:1", changed=True, done=Message("done", {"at": MONDAY}), evidence=Message("seen", {"n": 1})
    )
    async with sessions.begin() as session:
        await store.keep_plan(session, request.id, kept)
        await store.keep_plan(session, request.id, replace(kept, attempt=2))
        await store.put_action(session, request.id, record)
        await store.put_action(session, request.id, done)
    assert await store.plan(request.id, 1) == kept
    latest = await store.plan(request.id)
    assert latest is not None
    assert latest.attempt == 2
    assert await store.actions(request.id) == {0: done}
    assert await store.autonomous_since("dana", MONDAY) == 1
    assert await store.autonomous_since("dana", MONDAY + timedelta(seconds=1)) == 0


def test_the_hash_binds_arguments_and_end_and_nothing_else() -> None:
    action = PlannedAction("grant", {"role": "editor", "application": "figma"}, "key")
    plan = Plan((action,), until=MONDAY)
    same = Plan((replace(action, arguments={"application": "figma", "role": "editor"}),), until=MONDAY, owner_key="another")
    assert plan_hash(plan) == plan_hash(same)
    assert plan_hash(plan) != plan_hash(replace(plan, until=MONDAY + timedelta(seconds=1)))
    assert plan_hash(plan) != plan_hash(Plan((replace(action, arguments={"role": "admin", "application": "figma"}),), until=MONDAY))


async def awaiting(store: RequestStore, sessions: Sessions, state: RequestState) -> Request:
    request = await saved(store, sessions)
    async with sessions.begin() as session:
        request = await store.save(session, submitted(request, MONDAY))
        return await store.save(session, moved(request, state, EventKind.DECIDED, MONDAY))


async def test_an_approval_is_decided_once_and_withdrawn_with_its_request(store: RequestStore, sessions: Sessions) -> None:
    request = await awaiting(store, sessions, S.AWAITING_APPROVAL)
    approvals = [
        Approval(new_id(), request.id, (PlannedAction("grant", {"a": 1}, "key"),), "h", ("p1", "p2"), MONDAY, MONDAY + timedelta(days=3))
        for _ in range(2)
    ]
    async with sessions.begin() as session:
        for approval in approvals:
            await store.ask_approval(session, approval)
    assert await store.approval(approvals[0].id) == approvals[0]
    assert list(await store.approvals_waiting("p2")) == approvals
    assert await store.approvals_overdue(MONDAY) == []
    assert list(await store.approvals_overdue(MONDAY + timedelta(days=3))) == approvals
    async with sessions.begin() as session:
        assert await store.close_approval(session, approvals[0].id, "approved", MONDAY, by="p1", reason="fine")
        assert not await store.close_approval(session, approvals[0].id, "denied", MONDAY, by="p2")
    async with sessions.begin() as session:
        await store.save(session, cancelled(request, MONDAY))
    first, second = await store.approvals_of(request.id)
    assert (first.state, first.decided_by, first.reason) == ("approved", "p1", "fine")
    assert (second.state, second.decided_by) == ("withdrawn", None)


async def test_of_two_clicks_at_once_one_decides(store: RequestStore, sessions: Sessions) -> None:
    request = await awaiting(store, sessions, S.AWAITING_APPROVAL)
    approval = Approval(new_id(), request.id, (), "h", ("p1",), MONDAY, MONDAY + timedelta(days=3))
    async with sessions.begin() as session:
        await store.ask_approval(session, approval)

    async def click() -> bool:
        async with sessions.begin() as session:
            return await store.close_approval(session, approval.id, "approved", MONDAY, by="p1")

    assert sorted(await asyncio.gather(*(click() for _ in range(5)))) == [False] * 4 + [True]


async def test_a_step_up_is_answered_once_and_withdrawn_with_its_request(store: RequestStore, sessions: Sessions) -> None:
    request = await awaiting(store, sessions, S.AWAITING_STEP_UP)
    asked = StepUp("hash", request.id, 1, "dana", MONDAY, MONDAY + timedelta(minutes=10))
    async with sessions.begin() as session:
        await store.ask_step_up(session, asked)
    assert await store.step_up("hash") == asked
    assert list(await store.step_ups_overdue(MONDAY + timedelta(minutes=10))) == [asked]
    async with sessions.begin() as session:
        await store.save(session, cancelled(request, MONDAY))
        assert not await store.close_step_up(session, "hash", "passed", MONDAY)
    (found,) = await store.step_ups_of(request.id)
    assert found.state == "withdrawn"


async def test_a_grant_is_due_until_it_has_ended(store: RequestStore, sessions: Sessions) -> None:
    request = await saved(store, sessions)
    grant = Grant(new_id(), request.id, "dana", MONDAY, MONDAY + timedelta(days=1), next_try_at=MONDAY + timedelta(days=1))
    async with sessions.begin() as session:
        await store.add_grant(session, grant)
    assert await store.grant_of(request.id) == grant
    assert await store.grants_due(MONDAY) == []
    assert list(await store.grants_due(grant.until)) == [grant]
    async with sessions.begin() as session:
        assert await store.put_grant(session, replace(grant, ended_at=grant.until))
        assert not await store.put_grant(session, replace(grant, tries=1))
    assert await store.grants_due(grant.until) == []
