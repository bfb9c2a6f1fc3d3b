"""Dates and ranges of dates in people's words, with where they stand in the text. Pure: today is passed in.

Own patterns rather than a general date library: that one reads "22-24 December" as a year and "22.12." as a time of day,
and does not say where a range begins and ends.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError

from bot.intent.durations import NUMBERS, UNIT_DAYS, WORKING_WEEK, find_durations, last_day, number_of

_MONTH_FIRST = frozenset({"en-US", "en-PH", "en"})
"""Locales that write 12/22 for the 22nd of December."""

_SHORT_MONTHS = {"sept": 9}
_SHORT_DAYS = {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Days from `start` to `end`, both included; one of them is None when the words leave that side open ("until Friday").

    `first`, `last`: where the words stand in the text. `single`: one day was named, without saying from or until.
    """

    start: date | None
    end: date | None
    first: int
    last: int
    single: bool = False


@dataclass(frozen=True, slots=True)
class _Atom:
    """One mention of a day or of a stretch of days. `resolve(base)`: on or after `base`."""

    first: int
    last: int
    resolve: Callable[[date], tuple[date, date] | None]
    kind: Literal["weekday", "dated", "other"] = "other"


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    months: dict[str, int]
    days: dict[str, int]
    pattern: re.Pattern[str]


def find_dates(text: str, today: date, locale: str = "en-US") -> list[DateSpan]:
    """Every date and range of dates in the text, in order. `today` is the day in the person's own zone.

    A day without a year is the next one; "next Friday" is the Friday of the coming calendar week. A weekday beside a
    date belongs to it; when they contradict each other, neither is believed.
    """
    vocabulary = _vocabulary(locale)
    atoms = [atom for match in vocabulary.pattern.finditer(text.lower()) if (atom := _atom(match, today, locale, vocabulary)) is not None]
    atoms = _with_weekdays(atoms, text.lower())
    spans: list[DateSpan] = []
    index = 0
    while index < len(atoms):
        atom = atoms[index]
        following = atoms[index + 1] if index + 1 < len(atoms) else None
        before = text[: atom.first].lower()
        resolved = atom.resolve(today)
        index += 1
        if resolved is None:
            continue
        start, end = _after_the_last(resolved, atom, spans, text)
        if following is not None and _joined(before, text[atom.last : following.first].lower()):
            until = following.resolve(start)
            if until is not None and until[1] >= start:
                spans.append(DateSpan(start, until[1], _from(before), following.last))
                index += 1
                continue
        spans.append(_alone(text, before, atom, start, end))
    return _neighbours_joined(spans, text)


def _with_weekdays(atoms: list[_Atom], text: str) -> list[_Atom]:
    """ "Monday, December 7" and "Dec 7 (Monday)" are one mention each."""
    found: list[_Atom] = []
    for atom in atoms:
        last = found[-1] if found else None
        if last is not None and {last.kind, atom.kind} == {"weekday", "dated"} and _BESIDE.fullmatch(text[last.last : atom.first]):
            day, named = (last, atom) if last.kind == "dated" else (atom, last)
            found[-1] = _Atom(last.first, atom.last, _agreeing(day, named))
        else:
            found.append(atom)
    return found


def _agreeing(dated: _Atom, named: _Atom) -> Callable[[date], tuple[date, date] | None]:
    def resolve(base: date) -> tuple[date, date] | None:
        day, weekday = dated.resolve(base), named.resolve(base)
        return day if day is not None and weekday is not None and day[0].weekday() == weekday[0].weekday() else None

    return resolve


_BESIDE = re.compile(r"\s*,?\s*\(?(?:on\s+)?(?:the\s+)?")


def _after_the_last(resolved: tuple[date, date], atom: _Atom, spans: list[DateSpan], text: str) -> tuple[date, date]:
    """ "Friday and Monday", said on a Friday: the Monday after."""
    last = spans[-1] if spans else None
    if last is None or last.end is None or resolved[0] > last.end or not _AND.fullmatch(text[last.last : atom.first].lower()):
        return resolved
    later = atom.resolve(last.end)
    return later if later is not None and last.end < later[0] <= last.end + timedelta(days=7) else resolved


def _neighbours_joined(spans: list[DateSpan], text: str) -> list[DateSpan]:
    """ "Thursday and Friday" is one stretch."""
    joined: list[DateSpan] = []
    for span in spans:
        last = joined[-1] if joined else None
        if last and last.start and last.end and span.single and span.start and _AND.fullmatch(text[last.last : span.first].lower()):
            following = last.end + timedelta(days=3 if last.end.weekday() == WORKING_WEEK - 1 else 1)
            if span.start in (last.end + timedelta(days=1), following):
                joined[-1] = DateSpan(last.start, span.end, last.first, span.last)
                continue
        joined.append(span)
    return joined


_AND = re.compile(r"\s*(?:,|and|&|\+|, and)\s*(?:on\s+)?(?:the\s+)?")


def until_end(text: str, today: date) -> tuple[date, int, int] | None:
    """The last day of "the rest of the quarter", "the end of the month" and the like, with where the words stand."""
    match = _END_OF.search(text.lower())
    if match is None:
        return None
    return _end_of(match["period"], today, following=bool(match["next"])), match.start(), match.end()


_END_OF = re.compile(
    r"(?:rest|remainder|end) of (?:the |this )?(?P<next>next )?(?:calendar |current )?(?P<period>week|month|quarter|year)\b"
)


def _end_of(period: str, today: date, *, following: bool = False) -> date:
    match period:
        case "week":
            return today + timedelta(days=(4 - today.weekday()) % 7 + (7 if following else 0))
        case "month":
            return _last_of_month(_first_of_month(today, 1) if following else today)
        case "quarter":
            base = _first_of_month(today, 3) if following else today
            return _last_of_month(base.replace(day=1, month=3 * ((base.month - 1) // 3) + 3))
        case _:
            return date(today.year + following, 12, 31)


def _first_of_month(day: date, ahead: int) -> date:
    month = day.month - 1 + ahead
    return date(day.year + month // 12, month % 12 + 1, 1)


def _last_of_month(day: date) -> date:
    return _first_of_month(day, 1) - timedelta(days=1)


@lru_cache(maxsize=32)
def _vocabulary(locale: str) -> _Vocabulary:
    """English names always, and the full names of the person's own language."""
    english = Locale("en")
    months, days = dict(_SHORT_MONTHS), dict(_SHORT_DAYS)
    try:
        own = Locale.parse(locale, sep="-")
    except (ValueError, UnknownLocaleError):
        own = english
    for names in (english.months["format"]["wide"], english.months["format"]["abbreviated"], own.months["format"]["wide"]):
        months |= {name.lower(): number for number, name in names.items()}
    for names in (english.days["format"]["wide"], english.days["format"]["abbreviated"], own.days["format"]["wide"]):
        days |= {name.lower(): number for number, name in names.items()}
    month = "|".join(re.escape(name) for name in sorted(months, key=len, reverse=True))
    weekday = "|".join(re.escape(name) for name in sorted(days, key=len, reverse=True))
    ordinal = r"(?:st|nd|rd|th|\.)?"
    year = r"(?:,?\s+(?P<{}>20\d\d))?"
    to = r"\s*(?P<{}>-|–|—|to|till|until|through|thru|and|&)\s*(?:the\s+)?"
    forms = (
        r"(?P<iso>20\d\d-\d\d?-\d\d?)",
        rf"(?:the\s+)?(?P<dr1>\d{{1,2}}){ordinal}{to.format('drt')}(?P<dr2>\d{{1,2}}){ordinal}\s+(?:of\s+)?(?P<drm>{month})\b\.?"
        + year.format("dry"),
        rf"(?P<mrm>{month})\b\.?\s+(?:the\s+)?(?P<mr1>\d{{1,2}}){ordinal}{to.format('mrt')}(?P<mr2>\d{{1,2}})(?:st|nd|rd|th)?(?![\d/:]|\s*(?:{month})\b)"
        + year.format("mry"),
        rf"(?:week|wk) (?:of|starting|beginning|from)\s+(?:the\s+)?(?:(?P<wkm>{month})\b\.?\s+(?P<wkd>\d{{1,2}}){ordinal}"
        rf"|(?P<wkd2>\d{{1,2}}){ordinal}\s+(?:of\s+)?(?P<wkm2>{month})\b)",
        rf"(?P<nth>first|second|third|last) week (?:of|in) (?P<nthm>{month})\b",
        rf"(?:the\s+)?(?P<dm_d>\d{{1,2}}){ordinal}\s+(?:of\s+)?(?P<dm_m>{month})\b\.?" + year.format("dm_y"),
        rf"(?P<md_m>{month})\b\.?\s+(?:the\s+)?(?P<md_d>\d{{1,2}})(?!\d|:)(?:st|nd|rd|th)?\b" + year.format("md_y"),
        r"(?P<dot_d>\d{1,2})\.(?P<dot_m>\d{1,2})\.(?P<dot_y>(?:20)?\d\d)?(?!\d)",
        r"(?P<sl_a>\d{1,2})/(?P<sl_b>\d{1,2})(?:/(?P<sl_y>(?:20)?\d\d))?(?!\d)",
        r"(?P<week>next week|this week|the week after next|the following week)",
        rf"(?P<rel>this|next|coming|the coming|this coming|following)\s+(?P<rel_d>{weekday})\b",
        rf"(?P<weekday>{weekday})\b(?:,?\s+(?P<wd_ord>\d{{1,2}})(?:st|nd|rd|th)\b(?!\s+(?:of\s+)?(?:{month})\b))?",
        r"(?P<day>day after tomorrow|tomorrow|tmrw|tmr|tomorow|today|yesterday)",
        r"in (?P<in_n>\d{1,3}|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + r") (?P<in_u>days?|weeks?|months?)",
        r"(?:the\s+)(?P<ord>\d{1,2})(?:st|nd|rd|th)\b",
    )
    return _Vocabulary(months, days, re.compile(r"(?<![\w./])(?:" + "|".join(forms) + ")"))


def _atom(match: re.Match[str], today: date, locale: str, vocabulary: _Vocabulary) -> _Atom | None:
    g, months, days = match.groupdict(), vocabulary.months, vocabulary.days

    kind: Literal["weekday", "dated", "other"] = "other"
    if g["rel_d"] or (g["weekday"] and not g["wd_ord"]):
        kind = "weekday"
    elif any(g[name] for name in ("iso", "dm_d", "md_m", "dot_d", "sl_a", "ord")):
        kind = "dated"

    def atom(resolve: Callable[[date], tuple[date, date] | None]) -> _Atom:
        return _Atom(match.start(), match.end(), resolve, kind)

    def paired(joint: str) -> bool:
        return joint in ("and", "&") and not match.string[: match.start()].endswith("between ")

    if g["iso"]:
        year, month, day = (int(part) for part in g["iso"].split("-"))
        return atom(lambda base: _day(year, month, day))
    if g["dr1"]:
        return atom(lambda base: _days(months[g["drm"]], int(g["dr1"]), int(g["dr2"]), g["dry"], base, pair=paired(g["drt"])))
    if g["mr1"]:
        return atom(lambda base: _days(months[g["mrm"]], int(g["mr1"]), int(g["mr2"]), g["mry"], base, pair=paired(g["mrt"])))
    if g["wkm"] or g["wkm2"]:
        return atom(lambda base: _week_of(_month_day(months[g["wkm"] or g["wkm2"]], int(g["wkd"] or g["wkd2"]), None, base)))
    if g["nth"]:
        return atom(lambda base: _nth_week(g["nth"], months[g["nthm"]], base))
    if g["dm_d"]:
        return atom(lambda base: _month_day(months[g["dm_m"]], int(g["dm_d"]), g["dm_y"], base))
    if g["md_m"]:
        return atom(lambda base: _month_day(months[g["md_m"]], int(g["md_d"]), g["md_y"], base))
    if g["dot_d"]:
        return atom(lambda base: _month_day(int(g["dot_m"]), int(g["dot_d"]), g["dot_y"], base))
    if g["sl_a"]:
        one, other = int(g["sl_a"]), int(g["sl_b"])
        month, day = (one, other) if locale in _MONTH_FIRST else (other, one)
        if month > 12 >= day:
            month, day = day, month
        return atom(lambda base: _month_day(month, day, g["sl_y"], base))
    if g["week"]:
        ahead = {"this week": 0, "the week after next": 2}.get(g["week"], 1)
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=ahead)
        start = max(monday, today) if ahead == 0 else monday
        return atom(lambda base: (start, max(start, monday + timedelta(days=4))))
    if g["rel_d"]:
        return atom(lambda base: _weekday(days[g["rel_d"]], base, today, following=g["rel"] in ("next", "following")))
    if g["weekday"] and g["wd_ord"]:
        named, dated = (
            atom(lambda base: _weekday(days[g["weekday"]], base, today)),
            atom(lambda base: _day_of_month(int(g["wd_ord"]), base)),
        )
        return atom(_agreeing(dated, named))
    if g["weekday"]:
        return atom(lambda base: _weekday(days[g["weekday"]], base, today))
    if g["day"]:
        offset = {"today": 0, "yesterday": -1, "day after tomorrow": 2}.get(g["day"], 1)
        return atom(lambda base: _one(today + timedelta(days=offset)))
    if g["in_n"]:
        ahead = number_of(g["in_n"]) * UNIT_DAYS[g["in_u"][0]]
        return atom(lambda base: _one(today + timedelta(days=ahead)))
    return atom(lambda base: _day_of_month(int(g["ord"]), base))


def _one(day: date) -> tuple[date, date]:
    return day, day


def _day(year: int, month: int, day: int) -> tuple[date, date] | None:
    try:
        return _one(date(year, month, day))
    except ValueError:
        return None


def _month_day(month: int, day: int, year: str | None, base: date) -> tuple[date, date] | None:
    if year:
        return _day(int(year) + (2000 if len(year) == 2 else 0), month, day)
    this = _day(base.year, month, day)
    return this if this and this[0] >= base else _day(base.year + 1, month, day)


def _days(month: int, first: int, last: int, year: str | None, base: date, *, pair: bool) -> tuple[date, date] | None:
    """`pair`: "the 22nd and 23rd", a stretch only when the days are neighbours."""
    if last < first or (pair and last != first + 1):
        return None
    end = _month_day(month, last, year, base)
    start = end and _day(end[0].year, month, first)
    return (start[0], end[0]) if start and end else None


def _week_of(day: tuple[date, date] | None) -> tuple[date, date] | None:
    if day is None:
        return None
    monday = day[0] - timedelta(days=day[0].weekday())
    if day[0].weekday() >= WORKING_WEEK:
        monday += timedelta(weeks=1)
    return monday, monday + timedelta(days=4)


def _nth_week(nth: str, month: int, base: date) -> tuple[date, date]:
    """The first week of a month is the one with its first Monday to Friday."""
    first = date(base.year + (month < base.month), month, 1)
    monday = first + timedelta(days=-first.weekday() % 7)
    if nth == "last":
        last = _last_of_month(first)
        friday = last - timedelta(days=(last.weekday() - 4) % 7)
        return friday - timedelta(days=4), friday
    monday += timedelta(weeks=("first", "second", "third").index(nth))
    return monday, monday + timedelta(days=4)


def _weekday(weekday: int, base: date, today: date, *, following: bool = False) -> tuple[date, date]:
    if following and base == today:
        return _one(today - timedelta(days=today.weekday()) + timedelta(weeks=1, days=weekday))
    ahead = (weekday - base.weekday()) % 7
    if ahead == 0 and base == today:
        ahead = 7
    return _one(base + timedelta(days=ahead))


def _day_of_month(day: int, base: date) -> tuple[date, date] | None:
    for ahead in range(4):
        month = _first_of_month(base, ahead)
        found = _day(month.year, month.month, day)
        if found and found[0] >= base:
            return found
    return None


_JOIN = re.compile(r"^\s*,?\s*(?:-|–|—|to|till|until|til|through|thru|up to|up until)\s*(?:and including\s+)?(?:on\s+)?(?:the\s+)?$")
_BETWEEN = re.compile(r"between\s+(?:the\s+)?$")
_OPEN_END = re.compile(r"(?:from|starting|start|beginning|as of|since|after)\s+(?:on\s+|at\s+)?(?:the\s+)?$")
_OPEN_START = re.compile(r"(?:until|till|til|through|thru|up to|ending|ends?|last day is)\s+(?:on\s+)?(?:the\s+)?$")
_FROM = re.compile(r"(?:from|between|starting|on)\s+(?:the\s+)?$")


def _joined(before: str, between: str) -> bool:
    return bool(_JOIN.match(between)) or (bool(_BETWEEN.search(before)) and between.strip() in ("and", "and the"))


def _from(before: str) -> int:
    match = _FROM.search(before)
    return match.start() if match else len(before)


def _alone(text: str, before: str, atom: _Atom, start: date, end: date) -> DateSpan:
    if _OPEN_START.search(before):
        return DateSpan(None, end, atom.first, atom.last)
    if start == end and _OPEN_END.search(before):
        return DateSpan(start, _after_length(text[atom.last :], start), _from(before), atom.last)
    if start == end:
        length = _after_length(text[atom.last :], start)
        if length is not None:
            return DateSpan(start, length, atom.first, atom.last)
        return DateSpan(start, end, atom.first, atom.last, single=True)
    return DateSpan(start, end, atom.first, atom.last)


_LENGTH = re.compile(r"^\s*,?\s*(?:for|off for|on for|lasting|,)\s+")


def _after_length(after: str, start: date) -> date | None:
    """The last day of "... for a week", counted in working days when days are named."""
    match = _LENGTH.match(after.lower())
    durations = find_durations(after) if match else []
    return last_day(start, after, durations[0]) if match and durations and durations[0].first <= match.end() else None
