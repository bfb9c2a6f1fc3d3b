"""Fills the company's file: the same seed and the same day give the same company, row by row.

Only what is relative to the present (leave, tickets, since when an account is locked) follows the clock.
"""

import json
import random
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors.sandbox import facts, schema
from connectors.sandbox.holidays import working_dates
from connectors.sandbox.schema import to_text

SEED = 20120109
LEAVE_YEARS = 2
"""Leave is recorded for the year before this one, and this one."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One person as generated."""

    key: str
    name: str
    email: str
    title: str
    department: str
    office: facts.Office
    locale: str
    manager_key: str | None
    hired: date
    groups: tuple[str, ...]
    active: bool = True
    guest: bool = False
    privileged: bool = False
    enrolled: bool = True


def make(db: sqlite3.Connection, now: datetime) -> None:
    """Starts the company over, in the caller's transaction."""
    schema.create(db)
    chance = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    people = _people(chance)
    heads = facts.HEADS | {row.department: row.key for row in people if row.title.startswith("Head of ")}
    db.execute("INSERT INTO company VALUES ('leave_records_since', ?)", (str(now.year - LEAVE_YEARS + 1),))
    _save_people(db, people, chance, now)
    _save_applications(db, people, heads, chance)
    _save_hardware(db, people, chance, now)
    _save_leave(db, people, chance, now)
    _save_tickets(db, people, chance, now)


def _people(chance: random.Random) -> list[_Row]:
    offices = {office.name: office for office in facts.OFFICES}
    rows = [
        _Row(
            key=named.key,
            name=named.name,
            email=named.email,
            title=named.title,
            department=named.department,
            office=offices[named.office],
            locale=named.locale,
            manager_key=named.manager_key,
            hired=date.fromisoformat(named.hired),
            groups=named.groups if named.guest else (*named.groups, "employees"),
            guest=named.guest,
            privileged=named.privileged,
            enrolled=named.enrolled,
        )
        for named in facts.NAMED
    ]
    names = _Names(chance, taken={row.email for row in rows})
    rest = facts.HEADCOUNT - len(rows)
    sizes = {department: size for department, (size, _) in facts.DEPARTMENTS.items()}
    departments = chance.choices(list(sizes), list(sizes.values()), k=rest)
    leads: dict[str, list[str]] = {department: [key] for department, key in facts.HEADS.items()}
    for n, department in enumerate(departments):
        office = chance.choices(facts.OFFICES, [office.weight for office in facts.OFFICES])[0]
        name, email = names.next(office.country)
        key = f"e{2001 + n}"
        seniors = leads.setdefault(department, [])
        titles = facts.DEPARTMENTS[department][1]
        groups: tuple[str, ...] = ("employees",)
        title, manager, privileged = chance.choice(titles), "", False
        if not seniors:
            groups, title, manager, privileged = ("executives", "employees"), f"Head of {department}", facts.VIC, True
            seniors.append(key)
        elif len(seniors) < 2 + sizes[department] // 12 and chance.random() < 0.25:
            title, manager = f"{department} Team Lead", seniors[0]
            seniors.append(key)
        else:
            manager = chance.choice(seniors)
        if department == "People":
            groups = ("people-team", *groups)
        rows.append(
            _Row(
                key=key,
                name=name,
                email=email,
                title=title,
                department=department,
                office=office,
                locale=facts.LOCALES[office.country],
                manager_key=manager,
                hired=date(2014, 1, 6) + timedelta(days=chance.randrange(4000)),
                groups=groups,
                privileged=privileged,
                enrolled=n % 29 != 28,
            )
        )
    return _special_cases(rows)


def _special_cases(rows: list[_Row]) -> list[_Row]:
    """A guest more, some who left, and two receptionists with one address between them."""
    managers = {row.manager_key for row in rows}
    plain = [n for n, row in enumerate(rows) if row.key.startswith("e2") and row.key not in managers and not row.privileged]
    *leavers, guest = plain[::53]
    receptionists = [n for n in plain if rows[n].department == "Workplace" and n not in (guest, *leavers)][:2]
    for n in leavers:
        rows[n] = replace(rows[n], active=False, groups=())
    rows[guest] = replace(rows[guest], guest=True, groups=(), title="Contractor", email=rows[guest].email.replace("acme", "partner"))
    for n in receptionists:
        rows[n] = replace(rows[n], email="reception@acme.example", title="Receptionist")
    return rows


class _Names:
    """Names of a country with addresses that nobody else has."""

    def __init__(self, chance: random.Random, taken: set[str]) -> None:
        self._chance = chance
        self._taken = taken

    def next(self, country: str) -> tuple[str, str]:
        first = self._chance.choice(facts.FIRST_NAMES[country].split())
        last = self._chance.choice(facts.LAST_NAMES[country].split())
        plain = unicodedata.normalize("NFKD", f"{first}.{last}".lower()).encode("ascii", "ignore").decode()
        email, n = f"{plain}@acme.example", 1
        while email in self._taken:
            n += 1
            email = f"{plain}{n}@acme.example"
        self._taken.add(email)
        return f"{first} {last}", email


def _save_people(db: sqlite3.Connection, people: Sequence[_Row], chance: random.Random, now: datetime) -> None:
    for row in people:
        db.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.key,
                row.name,
                row.email,
                row.title,
                row.department,
                row.office.country,
                row.office.name,
                row.office.timezone,
                row.locale,
                row.manager_key,
                row.hired.isoformat(),
                row.active,
                row.guest,
                row.privileged,
            ),
        )
        db.executemany("INSERT INTO memberships VALUES (?, ?)", [(row.key, group) for group in row.groups])
        locked = row.key == facts.DANA
        status = "locked" if locked else "active" if row.active else "disabled"
        db.execute(
            "INSERT INTO accounts (person_key, status, locked_since, enrolled, password_changed_at) VALUES (?, ?, ?, ?, ?)",
            (
                row.key,
                status,
                to_text(_this_morning(now, row.office.timezone)) if locked else None,
                row.email if row.enrolled else None,
                to_text(now - timedelta(days=chance.randrange(5, 300), minutes=chance.randrange(1440))),
            ),
        )


def _this_morning(now: datetime, timezone: str) -> datetime:
    """08:12 where they are: today, or yesterday while it is earlier than that."""
    local = now.astimezone(ZoneInfo(timezone))
    morning = datetime.combine(local.date(), time(8, 12), ZoneInfo(timezone))
    return morning if morning <= local else datetime.combine(local.date() - timedelta(days=1), time(8, 12), ZoneInfo(timezone))


def _save_applications(db: sqlite3.Connection, people: Sequence[_Row], heads: dict[str, str], chance: random.Random) -> None:
    for app in facts.APPLICATIONS:
        owner = heads.get(app.owner, app.owner) if app.owner else None
        lists = [json.dumps(list(names)) for names in (app.roles, app.aliases, app.sensitive)]
        db.execute(
            "INSERT INTO applications VALUES (?, ?, ?, ?, ?, ?, ?)",
            (app.key, app.name, lists[0], lists[1], owner, app.default_role, lists[2]),
        )
    given = "INSERT INTO entitlements (person_key, application_key, role, until) VALUES (?, ?, ?, NULL)"
    others = [app for app in facts.APPLICATIONS if not app.departments and app.owner is not None]
    for row in people:
        if not row.active:
            continue
        if row.guest:
            db.execute(given, (row.key, "slack", "member"))
            continue
        usual = [app for app in facts.APPLICATIONS if "*" in app.departments or row.department in app.departments]
        # The named people have the usual applications only, so that asking for any other one is worth telling.
        extra = chance.sample(others, chance.randrange(3)) if row.key.startswith("e2") else []
        db.executemany(given, [(row.key, app.key, app.default_role) for app in (*usual, *extra)])


def _save_hardware(db: sqlite3.Connection, people: Sequence[_Row], chance: random.Random, now: datetime) -> None:
    for item in facts.CATALOGUE:
        db.execute(
            "INSERT INTO catalogue VALUES (?, ?, ?, ?, ?, ?, ?)",
            (item.key, item.name, item.category, item.price, facts.CURRENCY, json.dumps(list(item.aliases)), item.lead_days),
        )
    of = {category: [item for item in facts.CATALOGUE if item.category == category] for category in ("laptop", "monitor", "phone")}
    tag = 5000
    for row in people:
        if not row.active:
            continue
        kinds = ["laptop"] + ["monitor"] * (chance.random() < 0.7) + ["phone"] * (chance.random() < 0.3)
        for kind in kinds:
            tag += 1
            item = chance.choice(of[kind])
            since = max(row.hired, now.date() - timedelta(days=chance.randrange(30, 1400)))
            db.execute("INSERT INTO devices VALUES (?, ?, ?, ?, ?)", (f"AC-{tag}", row.key, kind, item.name, since.isoformat()))
        if row.key.startswith("e2") and chance.random() < 0.15:
            item = chance.choice(facts.CATALOGUE)
            ordered = now - timedelta(days=chance.randrange(0, 40), hours=chance.randrange(24))
            db.execute(
                "INSERT INTO orders (person_key, item_key, quantity, reason, ordered_at, expected, cancelled) VALUES (?, ?, 1, ?, ?, ?, 0)",
                (row.key, item.key, "Replacement", to_text(ordered), (ordered.date() + timedelta(days=item.lead_days)).isoformat()),
            )


def _save_leave(db: sqlite3.Connection, people: Sequence[_Row], chance: random.Random, now: datetime) -> None:
    for row in people:
        if row.guest:
            continue
        today = now.astimezone(ZoneInfo(row.office.timezone)).date()
        named = not row.key.startswith("e2")
        for year in range(now.year - LEAVE_YEARS + 1, now.year + 1):
            for month in sorted(chance.sample(range(1, 13), 3)):
                start = date(year, month, chance.randrange(1, 20))
                end = start + timedelta(days=chance.randrange(1, 7))
                days = len(working_dates(row.office.country, start, end))
                # The named people have nothing booked, so that whatever they ask for on a stage is free.
                if days == 0 or year <= row.hired.year or (not row.active and end >= today) or (named and end >= today):
                    continue
                db.execute(
                    """INSERT INTO leaves (person_key, start, "end", days, status) VALUES (?, ?, ?, ?, 'booked')""",
                    (row.key, start.isoformat(), end.isoformat(), days),
                )


def _save_tickets(db: sqlite3.Connection, people: Sequence[_Row], chance: random.Random, now: datetime) -> None:
    number = 10400
    for row in people:
        if not row.active or chance.random() > 0.4:
            continue
        number += 1
        kind, title = chance.choice(facts.TICKETS)
        opened = now.astimezone(UTC) - timedelta(days=chance.randrange(1, 120), minutes=chance.randrange(1440))
        status = chance.choice(("open", "in progress", "resolved", "resolved", "closed"))
        prefix = "INC" if kind == "incident" else "REQ"
        db.execute(
            "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?)",
            (f"{prefix}-{number}", row.key, kind, title, chance.choice(("low", "medium", "high")), status, to_text(opened)),
        )
