"""Public holidays, computed for any year: the nationwide ones of the countries in which the sandbox company has offices.

India has its fixed national days, Good Friday and Christmas only: its lunar holidays are announced year by year. Germany has
none that only some states keep. Sources: 5 U.S.C. 6103, gov.uk bank holidays, the countries' holiday laws.
"""

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6


@lru_cache(maxsize=512)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The days off in this calendar year, shifted where the country shifts those that fall on a weekend."""
    if country == "US":
        # 1 January of the next year, on a Saturday, is observed on 31 December of this one.
        observed = [_observed_us(day) for y in (year, year + 1) for day in _united_states(y)]
        return frozenset(day for day in observed if day.year == year)
    if country == "GB":
        return _substituted(_britain(year))
    rule = {"DE": _germany, "FR": _france, "IN": _india, "BR": _brazil}.get(country)
    return frozenset(rule(year)) if rule else frozenset()


def working_dates(country: str, start: date, end: date) -> list[date]:
    """Monday to Friday from start to end, both included, without the country's public holidays."""
    days = (start + timedelta(days=n) for n in range((end - start).days + 1))
    return [day for day in days if day.weekday() < SATURDAY and day not in public_holidays(country, day.year)]


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm; Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """The nth such weekday of the month, or its last one for n = -1."""
    if n == -1:
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _fixed(year: int, *days: tuple[int, int]) -> list[date]:
    return [date(year, month, day) for month, day in days]


def _around_easter(year: int, *offsets: int) -> list[date]:
    return [easter(year) + timedelta(days=offset) for offset in offsets]


def _united_states(year: int) -> list[date]:
    moving = [(1, MONDAY, 3), (2, MONDAY, 3), (5, MONDAY, -1), (9, MONDAY, 1), (10, MONDAY, 2), (11, THURSDAY, 4)]
    return _fixed(year, (1, 1), (6, 19), (7, 4), (11, 11), (12, 25)) + [_nth(year, *rule) for rule in moving]


def _observed_us(day: date) -> date:
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def _britain(year: int) -> list[date]:
    moving = [(5, MONDAY, 1), (5, MONDAY, -1), (8, MONDAY, -1)]
    return _fixed(year, (1, 1), (12, 25), (12, 26)) + _around_easter(year, -2, 1) + [_nth(year, *rule) for rule in moving]


def _substituted(days: Collection[date]) -> frozenset[date]:
    """Those on a weekend move to the next weekday that is not a holiday itself."""
    on_weekend = sorted(day for day in days if day.weekday() >= SATURDAY)
    kept = {day for day in days if day.weekday() < SATURDAY}
    for day in on_weekend:
        while day.weekday() >= SATURDAY or day in kept:
            day += timedelta(days=1)
        kept.add(day)
    return frozenset(kept)


def _germany(year: int) -> list[date]:
    return _fixed(year, (1, 1), (5, 1), (10, 3), (12, 25), (12, 26)) + _around_easter(year, -2, 1, 39, 50)


def _france(year: int) -> list[date]:
    return _fixed(year, (1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)) + _around_easter(year, 1, 39, 50)


def _india(year: int) -> list[date]:
    return _fixed(year, (1, 26), (8, 15), (10, 2), (12, 25)) + _around_easter(year, -2)


def _brazil(year: int) -> list[date]:
    return _fixed(year, (1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 25)) + _around_easter(year, -2)
