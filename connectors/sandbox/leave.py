"""What leave somebody has: entitlement, carry-over and its expiry by country. Pure; days are dates that are off.

Carried days can be used until they expire, and are used first; what is used after that comes from the year's own
entitlement. A year's carry-over is what its predecessor left over, and is known once that year has ended.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from connectors.ports.systems import LeaveBalance


@dataclass(frozen=True, slots=True)
class LeaveRule:
    """Working days a year, how many of them may be carried over, and the last day (month, day) to use those."""

    days: float
    carry_over: float
    until: tuple[int, int] = (3, 31)


RULES = {
    "US": LeaveRule(20.0, 5.0),
    "DE": LeaveRule(30.0, 10.0),
    "GB": LeaveRule(25.0, 5.0),
    "FR": LeaveRule(25.0, 5.0, (5, 31)),
    "IN": LeaveRule(24.0, 10.0),
    "BR": LeaveRule(22.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Employment:
    """What of a person decides on their leave. `records_since` is the first year of which leave was recorded."""

    country: str
    hired: date
    records_since: int


@dataclass(frozen=True, slots=True)
class _Year:
    entitled: float
    carried: float
    expires: date
    used_early: int
    """Days off up to the expiry: these can use carried days."""
    used_late: int

    @property
    def unused(self) -> float:
        """What is left of the year's own entitlement; negative: more is taken than there is."""
        return self.entitled - self.used_late - max(0.0, self.used_early - self.carried)


def entitlement(employment: Employment, year: int) -> float:
    """Days for that year, by whole months in the year of hiring, rounded to half days."""
    rule = RULES[employment.country]
    if year < employment.hired.year:
        return 0.0
    months = 13 - employment.hired.month if year == employment.hired.year else 12
    return round(rule.days * months / 12 * 2) / 2


def balance(employment: Employment, days_off: Collection[date], year: int, today: date) -> LeaveBalance:
    """The balance as it is on `today`: carried days that have expired unused no longer count."""
    account = _year(employment, days_off, year, today)
    expired = today > account.expires
    in_year = [day for day in days_off if day.year == year]
    taken = sum(day < today for day in in_year)
    return LeaveBalance(
        year=year,
        entitled=account.entitled,
        carried_over=min(account.carried, float(account.used_early)) if expired else account.carried,
        carried_over_expires=account.expires if account.carried else None,
        taken=float(taken),
        booked=float(len(in_year) - taken),
    )


def affordable(employment: Employment, days_off: Collection[date], year: int, today: date) -> bool:
    """Whether these days off, booked ones and new ones, fit into the year."""
    return _year(employment, days_off, year, today).unused >= 0


def _year(employment: Employment, days_off: Collection[date], year: int, today: date) -> _Year:
    rule = RULES[employment.country]
    if employment.records_since < year <= today.year:
        carried = min(rule.carry_over, max(0.0, _year(employment, days_off, year - 1, today).unused))
    else:
        carried = 0.0
    expires = date(year, *rule.until)
    in_year = [day for day in days_off if day.year == year]
    early = sum(day <= expires for day in in_year)
    return _Year(entitlement(employment, year), carried, expires, early, len(in_year) - early)
