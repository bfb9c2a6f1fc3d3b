import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bot.database import Sessions
from connectors.ports.records import new_id
from specialists.audit import ERASED, Audit
from specialists.audit_guards import drop_audit_guards
from specialists.tables import audit_event, person_key

MASTER = b"m" * 32
AT = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def audit() -> Audit:
    return Audit(MASTER, clock=lambda: AT, stamps={"engine_version": "offline-1"})


async def write(audit: Audit, sessions: Sessions, count: int, *, person: str = "dana", request: str = "r1") -> None:
    async with sessions.begin() as session:
        for n in range(count):
            await audit.append(
                session,
                kind="action",
                event="unlock",
                actor_id="it_service_desk",
                data={"n": n, "rules": ["certain"], "share": 0.5},
                private={"said": f"secret words {n}"},
                subject_id=person,
                request_id=request,
            )


async def unguard(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await (await session.connection()).run_sync(drop_audit_guards)


async def test_an_untouched_chain_is_whole(audit: Audit, sessions: Sessions) -> None:
    empty = await audit.verify(sessions)
    assert (empty.ok, empty.count) == (True, 0)
    await write(audit, sessions, 7)
    assert (await audit.verify(sessions)).count == 0
    assert await audit.seal(sessions) == 7
    assert await audit.seal(sessions) == 0
    await write(audit, sessions, 5, person="omar")
    checkpoint = await audit.checkpoint(sessions)
    assert checkpoint.seq == 7
    assert await audit.seal(sessions) == 5
    verdict = await audit.verify(sessions, checkpoint)
    assert (verdict.ok, verdict.count, verdict.first_bad) == (True, 12, None)


async def test_more_than_one_batch_and_page(audit: Audit, sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("specialists.audit.BATCH", 4)
    monkeypatch.setattr("specialists.audit.PAGE", 3)
    await write(audit, sessions, 10)
    assert await audit.seal(sessions) == 10
    assert (await audit.verify(sessions)).count == 10


async def test_two_sealers_take_turns(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 60)
    other = Audit(MASTER)
    counts = await asyncio.gather(*(one.seal(sessions) for one in (audit, other, audit, other)))
    assert sum(counts) == 60
    assert (await audit.verify(sessions)).count == 60


async def test_the_story_is_read_by_who_has_the_master_key(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 2)
    await write(audit, sessions, 1, request="r2")
    async with sessions.begin() as session:
        await audit.append(session, kind="decision", event="decided", actor_id="policy", data={"outcome": "deny"}, request_id="r1", at=AT)
    story = await audit.story(sessions, "r1")
    assert [(entry.event, entry.private) for entry in story] == [
        ("unlock", {"said": "secret words 0"}),
        ("unlock", {"said": "secret words 1"}),
        ("decided", None),
    ]
    assert story[0].data == {"engine_version": "offline-1", "n": 0, "rules": ["certain"], "share": 0.5}
    assert (story[0].at, story[0].seq) == (AT, None)
    async with sessions() as session:
        stored = (await session.execute(select(audit_event))).all()
        keys = (await session.execute(select(person_key))).all()
    assert all(b"secret" not in (row.private or b"") and "secret" not in json.dumps(row.data) for row in stored)
    assert [row.person_id for row in keys] == ["dana"]


async def test_erasing_a_key_erases_a_person_and_leaves_the_chain_whole(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 3, person="dana")
    await write(audit, sessions, 1, person="omar")
    await audit.seal(sessions)
    checkpoint = await audit.checkpoint(sessions)
    async with sessions.begin() as session:
        assert await audit.erase(session, "dana")
        assert not await audit.erase(session, "nobody")
    await write(audit, sessions, 1, person="dana")
    await audit.seal(sessions)
    assert [entry.private for entry in await audit.story(sessions, "r1")] == [
        ERASED,
        ERASED,
        ERASED,
        {"said": "secret words 0"},
        {"said": "secret words 0"},
    ]
    assert (await audit.verify(sessions, checkpoint)).ok


async def test_an_event_dies_with_its_transaction(audit: Audit, sessions: Sessions) -> None:
    async def fail() -> None:
        async with sessions.begin() as session:
            await audit.append(session, kind="action", event="x", actor_id="dana", data={}, private={"a": 1})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await audit.seal(sessions) == 0
    async with sessions() as session:
        assert (await session.execute(select(person_key))).all() == []


async def test_a_persons_key_is_made_once_however_many_write_at_once(audit: Audit, sessions: Sessions) -> None:
    await asyncio.gather(*(write(audit, sessions, 1) for _ in range(12)))
    async with sessions() as session:
        assert len((await session.execute(select(person_key))).all()) == 1
    assert all(entry.private == {"said": "secret words 0"} for entry in await audit.story(sessions, "r1"))


async def test_what_json_cannot_say_is_refused(audit: Audit, sessions: Sessions) -> None:
    for private in (None, {"score": float("nan")}):
        async with sessions.begin() as session:
            with pytest.raises(ValueError, match="JSON"):
                await audit.append(
                    session, kind="action", event="x", actor_id="a", data={"n": float("nan")} if private is None else {}, private=private
                )


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Audit(b"short")


async def test_another_master_key_reads_nothing(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 1)
    with pytest.raises(InvalidTag):
        await Audit(b"x" * 32).story(sessions, "r1")


@pytest.mark.parametrize(
    "statement",
    [
        update(audit_event).values(event="other"),
        update(audit_event).values(hash="0" * 64),
        update(audit_event).values(seq=None),
        delete(audit_event),
    ],
)
async def test_the_database_refuses_changes(audit: Audit, sessions: Sessions, statement: Executable) -> None:
    await write(audit, sessions, 2)
    await audit.seal(sessions)
    with pytest.raises(DBAPIError, match="append-only"):
        async with sessions.begin() as session:
            await session.execute(statement)
    assert (await audit.verify(sessions)).count == 2


async def test_the_database_refuses_changes_before_the_seal_too(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 1)
    with pytest.raises(DBAPIError, match="append-only"):
        async with sessions.begin() as session:
            await session.execute(update(audit_event).values(data={"n": 99}))


async def test_the_database_refuses_to_empty_the_table(audit: Audit, sessions: Sessions) -> None:
    """SQLite empties a table by a DELETE without a condition, PostgreSQL by TRUNCATE, too."""
    await write(audit, sessions, 1)
    async with sessions() as session:
        on_postgresql = session.get_bind().dialect.name == "postgresql"
    for statement in ("DELETE FROM audit_event", *(("TRUNCATE audit_event",) if on_postgresql else ())):
        with pytest.raises(DBAPIError, match="append-only"):
            async with sessions.begin() as session:
                await session.execute(text(statement))


EDITS = {
    "at": datetime(2020, 1, 1, tzinfo=UTC),
    "kind": "outcome",
    "event": "other",
    "actor_id": "vic",
    "subject_id": None,
    "request_id": "r9",
    "data": {"n": 0, "rules": [], "share": 0.5},
    "private": b"\0" * 40,
    "hash": "0" * 64,
    "prev_hash": "f" * 64,
    "id": "00000000-0000-7000-8000-000000000000",
}


@pytest.mark.parametrize("column", sorted(EDITS))
async def test_an_edit_is_found_where_it_is(audit: Audit, sessions: Sessions, column: str) -> None:
    await write(audit, sessions, 6)
    await audit.seal(sessions)
    await unguard(sessions)
    async with sessions.begin() as session:
        await session.execute(update(audit_event).where(audit_event.c.seq == 4).values(**{column: EDITS[column]}))
    verdict = await audit.verify(sessions)
    assert (verdict.ok, verdict.count, verdict.first_bad) == (False, 3, 4)


SEQ: Any = audit_event.c.seq
DAMAGES: dict[str, tuple[list[Executable], int | None, int]] = {
    "the first deleted": ([delete(audit_event).where(SEQ == 1)], 1, 1),
    "one deleted": ([delete(audit_event).where(SEQ == 3)], 3, 3),
    "two swapped": ([update(audit_event).where(n == SEQ).values(seq=to) for n, to in ((3, 99), (5, 3), (99, 5))], 3, 3),
    "one unsealed": ([update(audit_event).where(SEQ == 6).values(seq=None)], 6, 6),
    "one deleted and the rest moved up": (
        [delete(audit_event).where(SEQ == 3), *(update(audit_event).where(n == SEQ).values(seq=n - 1) for n in range(4, 9))],
        3,
        3,
    ),
    "the tail cut off": ([delete(audit_event).where(SEQ >= 7)], None, 7),
    "all deleted": ([delete(audit_event)], None, 1),
}
"""What is done -> the first bad event without a checkpoint, and with one. A cut tail is whole in itself."""


@pytest.mark.parametrize("damage", sorted(DAMAGES))
async def test_damage_is_found(audit: Audit, sessions: Sessions, damage: str) -> None:
    await write(audit, sessions, 8)
    await audit.seal(sessions)
    checkpoint = await audit.checkpoint(sessions)
    await unguard(sessions)
    statements, alone, against_checkpoint = DAMAGES[damage]
    async with sessions.begin() as session:
        for statement in statements:
            await session.execute(statement)
    assert (await audit.verify(sessions)).first_bad == alone
    verdict = await audit.verify(sessions, checkpoint)
    assert (verdict.ok, verdict.first_bad) == (False, against_checkpoint)


async def test_a_tail_that_was_cut_and_grew_again_is_found(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 8)
    await audit.seal(sessions)
    checkpoint = await audit.checkpoint(sessions)
    await unguard(sessions)
    async with sessions.begin() as session:
        await session.execute(delete(audit_event).where(SEQ >= 5))
    await write(audit, sessions, 10)
    await audit.seal(sessions)
    assert (await audit.verify(sessions)).ok
    assert (await audit.verify(sessions, checkpoint)).first_bad == 8


async def test_an_inserted_event_is_found(audit: Audit, sessions: Sessions) -> None:
    await write(audit, sessions, 4)
    await audit.seal(sessions)
    await unguard(sessions)
    async with sessions.begin() as session:
        forged = {"id": new_id(), "at": AT, "kind": "action", "event": "x", "actor_id": "vic", "data": {}, "hash": "1" * 64}
        await session.execute(insert(audit_event).values(seq=5, prev_hash="1" * 64, **forged))
    assert (await audit.verify(sessions)).first_bad == 5
