"""The chain of the audit, as anybody can check it: each sealed event's hash runs over its row and the hash before. Pure.

An edit, a deletion, a swap or an insertion breaks the chain where it happened. A tail that is cut off, or rewritten from
some point on with new hashes, leaves a chain that is whole in itself: only a checkpoint that was kept elsewhere shows it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

GENESIS = "0" * 64
"""The hash before the first event."""


class StoredEvent(NamedTuple):
    """One row as it is stored. `data` is the JSON text, `private` the ciphertext."""

    seq: int
    id: str
    at: datetime
    kind: str
    event: str
    actor_id: str
    subject_id: str | None
    request_id: str | None
    data: str
    private: bytes | None
    prev_hash: str | None
    hash: str | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of the chain at some time; kept outside the database it proves that nothing before was taken away."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """`count` events are in order; `first_bad` is the seq of the first that is not, None when all are."""

    ok: bool
    count: int
    first_bad: int | None
    message: str


def chained(row: StoredEvent, prev_hash: str) -> str:
    """SHA-256 of the canonical JSON of the whole row, the hash before it included."""
    content = [
        prev_hash,
        row.seq,
        row.id,
        row.at.isoformat(),
        row.kind,
        row.event,
        row.actor_id,
        row.subject_id,
        row.request_id,
        row.data,
        row.private.hex() if row.private is not None else None,
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()


class Checker:
    """Takes the sealed rows in the order of their seq. `hash_of` is replaced only to show that the hashes are what detects."""

    def __init__(self, checkpoint: Checkpoint | None = None, hash_of: Callable[[StoredEvent, str], str] = chained) -> None:
        self._checkpoint = checkpoint or Checkpoint(0, GENESIS)
        self._hash_of = hash_of
        self._seq, self._hash = 0, GENESIS
        self._bad: Verification | None = None

    def take(self, rows: Iterable[StoredEvent]) -> bool:
        """False once something was wrong: there is no need to go on."""
        for row in rows:
            if row.seq != self._seq + 1:
                return self._fail(self._seq + 1, f"event {self._seq + 1} is missing")
            if row.prev_hash != self._hash:
                return self._fail(row.seq, f"event {row.seq} does not follow the one before it")
            if row.hash != self._hash_of(row, self._hash):
                return self._fail(row.seq, f"event {row.seq} is not what was sealed")
            if row.seq == self._checkpoint.seq and row.hash != self._checkpoint.hash:
                return self._fail(row.seq, f"event {row.seq} is not the one of the checkpoint")
            self._seq, self._hash = row.seq, row.hash
        return True

    def verdict(self) -> Verification:
        if self._bad is not None:
            return self._bad
        if self._seq < self._checkpoint.seq:
            missing = self._seq + 1
            return Verification(False, self._seq, missing, f"events {missing} to {self._checkpoint.seq} of the checkpoint are missing")
        return Verification(True, self._seq, None, f"{self._seq} events, an unbroken chain")

    def _fail(self, seq: int, message: str) -> bool:
        self._bad = Verification(False, self._seq, seq, message)
        return False
