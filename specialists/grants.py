"""Permission with an end: when the person is told, and when a revocation that failed is tried again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_TOLD_BEFORE = timedelta(days=1)
_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=5)
_FOR_PEOPLE = 10


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request granted to `person_id` until `until`. It ends once revoking it has been read back."""

    id: str
    request_id: str
    person_id: str
    granted_at: datetime
    until: datetime
    next_try_at: datetime
    reminded_at: datetime | None = None
    ended_at: datetime | None = None
    tries: int = 0
    """Revocations that could not be confirmed."""


def reminder_at(granted_at: datetime, until: datetime) -> datetime:
    """A day before the end, or the last tenth of what is shorter than ten days."""
    return until - min(_TOLD_BEFORE, (until - granted_at) / 10)


def claimed_until(now: datetime) -> datetime:
    """A try that is under way is the only one: the next is due at its end, or then, should it never come to one."""
    return now + _LONGEST_RETRY


def is_for_people(tries: int, final: bool) -> bool:
    """Whether people are to look after a revocation that failed so often. `final`: it will fail however often it is tried."""
    return final or tries >= _FOR_PEOPLE


def next_try(now: datetime, tries: int) -> datetime:
    """Doubles from half a minute to five minutes, and goes on until the revocation is confirmed."""
    return now + min(_FIRST_RETRY * (1 << min(tries, 8)), _LONGEST_RETRY)
