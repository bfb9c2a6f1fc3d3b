"""Random damage to a chain, and the negative control: without comparing hashes the same damage goes unseen."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from specialists.audit_chain import GENESIS, Checker, Checkpoint, StoredEvent, Verification, chained

LENGTH = 200
Rows = list[StoredEvent]


def chain(length: int = LENGTH) -> Rows:
    rows: Rows = []
    for n in range(1, length + 1):
        at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=n)
        prev = rows[-1].hash if rows else GENESIS
        assert prev is not None
        row = StoredEvent(n, f"id-{n}", at, "action", "unlock", "actor", None, "r1", f'{{"n": {n}}}', bytes([n % 256]) * 20, prev, None)
        rows.append(row._replace(hash=chained(row, prev)))
    return rows


def check(rows: Rows, checkpoint: Checkpoint | None = None, hash_of: Callable[[StoredEvent, str], str] = chained) -> Verification:
    checker = Checker(checkpoint, hash_of)
    checker.take(rows)
    return checker.verdict()


def edited(rows: Rows, dice: random.Random) -> Rows:
    n = dice.randrange(len(rows))
    row = rows[n]
    private = bytearray(row.private or b"")
    private[dice.randrange(len(private))] ^= 1 << dice.randrange(8)
    other = dice.choice(
        [
            row._replace(data=row.data.replace("n", "m")),
            row._replace(private=bytes(private)),
            row._replace(private=None),
            row._replace(at=row.at + timedelta(microseconds=1)),
            row._replace(actor_id=row.actor_id + "x"),
            row._replace(subject_id="", request_id=None),
            row._replace(event="", kind=row.kind + row.event),
        ]
    )
    return [*rows[:n], other, *rows[n + 1 :]]


def deleted(rows: Rows, dice: random.Random) -> Rows:
    n = dice.randrange(len(rows) - 1)
    return rows[:n] + rows[n + 1 :]


def swapped(rows: Rows, dice: random.Random) -> Rows:
    """The contents of two events change places; numbers and hashes stay."""
    a, b = sorted(dice.sample(range(len(rows)), 2))
    of = {a: rows[b], b: rows[a]}
    return [of[n]._replace(seq=row.seq, prev_hash=row.prev_hash, hash=row.hash) if n in of else row for n, row in enumerate(rows)]


def duplicated(rows: Rows, dice: random.Random) -> Rows:
    """An event is there twice, and all after it are renumbered."""
    n = dice.randrange(len(rows))
    return [*rows[: n + 1], *(row._replace(seq=row.seq + 1) for row in rows[n:])]


def truncated(rows: Rows, dice: random.Random) -> Rows:
    return rows[: dice.randrange(len(rows))]


def rewritten(rows: Rows, dice: random.Random) -> Rows:
    """Somebody edits one event and forges every hash from there on."""
    n = dice.randrange(len(rows))
    forged = rows[:n]
    for row in (rows[n]._replace(event="forged"), *rows[n + 1 :]):
        prev = forged[-1].hash if forged else GENESIS
        assert prev is not None
        forged.append(row._replace(prev_hash=prev, hash=chained(row, prev)))
    return forged


def test_an_untouched_chain_is_whole_with_and_without_its_checkpoint() -> None:
    rows = chain()
    for seq in (0, 1, 100, LENGTH):
        known = Checkpoint(seq, rows[seq - 1].hash or "") if seq else None
        assert check(rows, known) == Verification(True, LENGTH, None, f"{LENGTH} events, an unbroken chain")


def test_every_random_damage_is_found() -> None:
    rows, dice = chain(), random.Random(7)
    end = Checkpoint(LENGTH, rows[-1].hash or "")
    for damage in (edited, deleted, swapped, duplicated):
        for _ in range(100):
            assert not check(damage(rows, dice)).ok, damage.__name__
    for damage in (truncated, rewritten):
        for _ in range(100):
            damaged = damage(rows, dice)
            assert check(damaged).ok, "whole in itself, hence the checkpoint"
            assert not check(damaged, end).ok, damage.__name__


def test_without_comparing_hashes_the_same_edits_go_unseen() -> None:
    rows, dice = chain(), random.Random(7)
    for damage in (edited, swapped):
        for _ in range(100):
            assert check(damage(rows, dice), hash_of=lambda row, _: row.hash or "").ok, damage.__name__


def test_a_verdict_names_the_first_bad_event() -> None:
    rows = chain(10)
    verdict = check([*rows[:4], rows[4]._replace(event="other"), *rows[5:]])
    assert verdict == replace(verdict, ok=False, count=4, first_bad=5)
    assert "5" in verdict.message
