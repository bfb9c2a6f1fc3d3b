"""Faults on demand: how the sandbox misbehaves so that Foyer can show that it copes.

The plan is stored in the company's file, so that one process can set it and another be struck by it, also after a restart.
"""

import asyncio
import random
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from connectors.errors import OutcomeUnknown, Refused, Retry


class FaultKind(StrEnum):
    REFUSE_CONNECTION = "refuse_connection"
    """Nothing happened, and the caller knows: Retry."""
    TIMEOUT_BEFORE = "timeout_before"
    """Nothing happened, and the caller cannot know: OutcomeUnknown."""
    APPLY_THEN_FAIL = "apply_then_fail"
    """It happened, and the caller cannot know: OutcomeUnknown."""
    RATE_LIMIT = "rate_limit"
    """Retry with `after` = the fault's seconds."""
    REFUSED = "refused"
    SLOW = "slow"
    """Works, after the fault's seconds."""
    IGNORE_KEY = "ignore_key"
    """A system without idempotency keys: the negative control of every test that counts effects."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that strikes one call."""

    kind: FaultKind
    seconds: float

    async def before(self) -> None:
        """What the caller meets before anything is done."""
        match self.kind:
            case FaultKind.REFUSE_CONNECTION:
                raise Retry("unreachable")
            case FaultKind.TIMEOUT_BEFORE:
                raise OutcomeUnknown("timeout")
            case FaultKind.RATE_LIMIT:
                raise Retry("rate_limited", after=self.seconds)
            case FaultKind.REFUSED:
                raise Refused("refused")
            case FaultKind.SLOW:
                await asyncio.sleep(self.seconds)

    def after(self) -> None:
        """What the caller meets once it is done."""
        if self.kind is FaultKind.APPLY_THEN_FAIL:
            raise OutcomeUnknown("timeout")


def plan(
    db: sqlite3.Connection, operation: str, kind: FaultKind, *, times: int | None, probability: float, seed: int, seconds: float
) -> None:
    """Adds a rule. `operation` is a name of connector.yaml's scopes or a glob of them ("access.*")."""
    db.execute(
        "INSERT INTO faults (operation, kind, remaining, probability, seed, seconds) VALUES (?, ?, ?, ?, ?, ?)",
        (operation, kind.value, times, probability, seed, seconds),
    )


def clear(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM faults")


def draw(db: sqlite3.Connection, operation: str) -> Fault | None:
    """The fault that strikes this call, if any: the counted ones first, then by lot. Uses the caller's transaction."""
    rules = db.execute("SELECT * FROM faults WHERE ? GLOB operation ORDER BY remaining IS NULL, id", (operation,)).fetchall()
    for rule in rules:
        if rule["remaining"] is not None:
            db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (rule["id"],))
            db.execute("DELETE FROM faults WHERE remaining <= 0")
            return Fault(FaultKind(rule["kind"]), rule["seconds"])
        db.execute("UPDATE faults SET draws = draws + 1 WHERE id = ?", (rule["id"],))
        # Drawn from the seed and a stored counter, so that a restart goes on with the same sequence.
        lot = random.Random(f"{rule['seed']}:{operation}:{rule['draws']}")  # noqa: S311 - repeatable on purpose
        if lot.random() < rule["probability"]:
            return Fault(FaultKind(rule["kind"]), rule["seconds"])
    return None
