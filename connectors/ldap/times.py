"""How directories write times: GeneralizedTime (RFC 4517, 3.3.13), and Active Directory's counts of 100 nanoseconds."""

import re
from datetime import UTC, datetime, timedelta

_GENERALIZED = re.compile(
    r"(?P<y>\d{4})(?P<mo>\d\d)(?P<d>\d\d)(?P<h>\d\d)(?:(?P<mi>\d\d)(?P<s>\d\d)?)?(?:[.,](?P<part>\d+))?(?P<zone>Z|[+-]\d\d(?:\d\d)?)"
)
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS = 10_000_000
"""Of a second."""
_NEVER = 0x7FFF_FFFF_FFFF_FFFF


def generalized(text: str) -> datetime | None:
    """ "20261121134623.905917Z" as UTC; None of what is no time that there can be, such as the year 0."""
    found = _GENERALIZED.fullmatch(text.strip())
    if found is None:
        return None
    unit = timedelta(seconds=1) if found["s"] else timedelta(minutes=1) if found["mi"] else timedelta(hours=1)
    try:
        # 60 is a leap second.
        whole = datetime(
            int(found["y"]),
            int(found["mo"]),
            int(found["d"]),
            int(found["h"]),
            int(found["mi"] or 0),
            min(int(found["s"] or 0), 59),
            tzinfo=UTC,
        )
        return whole + unit * float(f"0.{found['part'] or 0}") - _offset(found["zone"])
    except (ValueError, OverflowError):
        return None


def as_generalized(moment: datetime) -> str:
    """To the second, rounded down."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")


def filetime(text: str | None) -> datetime | None:
    """Active Directory's count since 1601; None of 0 and of the largest one, which both mean never."""
    ticks = _count(text)
    if not 0 < ticks < _NEVER:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def interval(text: str | None) -> timedelta | None:
    """Active Directory's intervals are negative; None of 0 and of the largest one, which both mean without an end."""
    ticks = _count(text)
    if not -_NEVER < ticks < 0:
        return None
    return timedelta(seconds=-ticks / _TICKS)


def _count(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta(0)
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
