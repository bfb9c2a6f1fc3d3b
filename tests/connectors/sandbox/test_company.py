"""The generated company: who is in it, that it makes sense, and that it is the same every time."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.sandbox import company, facts
from connectors.sandbox.leave import RULES
from connectors.sandbox.schema import TABLES

NOW = datetime(2026, 9, 16, 14, 30, tzinfo=UTC)


def made(now: datetime = NOW) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    company.make(db, now)
    return db


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = made()
    yield connection
    connection.close()


def one(db: sqlite3.Connection, query: str, *values: object) -> sqlite3.Row:
    rows: list[sqlite3.Row] = db.execute(query, values).fetchall()
    assert len(rows) == 1
    return rows[0]


def test_is_the_same_every_time() -> None:
    assert list(made().iterdump()) == list(made().iterdump())


def test_making_it_again_leaves_nothing_of_the_old_one(db: sqlite3.Connection) -> None:
    before = list(db.iterdump())
    db.execute("UPDATE accounts SET status = 'locked'")
    db.execute("INSERT INTO idempotency_keys VALUES ('k', 'o', 't', 'r', '{}')")
    company.make(db, NOW)
    assert list(db.iterdump()) == before
    assert {row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} >= set(TABLES)


def test_people_do_not_depend_on_the_day() -> None:
    query = "SELECT * FROM people ORDER BY key"
    later = made(datetime(2027, 2, 3, 4, 5, tzinfo=UTC))
    assert [tuple(row) for row in made().execute(query)] == [tuple(row) for row in later.execute(query)]


def test_has_some_hundreds_of_people_in_six_countries(db: sqlite3.Connection) -> None:
    rows = db.execute("SELECT * FROM people").fetchall()
    assert len(rows) == facts.HEADCOUNT
    assert Counter(row["country"] for row in rows).keys() == RULES.keys()
    for row in rows:
        assert ZoneInfo(row["timezone"])


def test_everybody_but_vic_has_an_active_manager_and_the_tree_has_no_loop(db: sqlite3.Connection) -> None:
    people = {row["key"]: row for row in db.execute("SELECT * FROM people")}
    assert [key for key, row in people.items() if row["manager_key"] is None] == [facts.VIC]
    for key in people:
        chain = [key]
        while (manager := people[chain[-1]]["manager_key"]) is not None:
            assert manager not in chain
            assert people[manager]["active"]
            assert not people[manager]["guest"]
            chain.append(manager)
        assert chain[-1] == facts.VIC


@pytest.mark.parametrize(
    ("email", "country", "timezone", "locale", "manager", "groups"),
    [
        ("dana@acme.example", "US", "America/New_York", "en-US", facts.PRIYA, {"employees"}),
        ("omar@acme.example", "DE", "Europe/Berlin", "en-DE", facts.PRIYA, {"employees"}),
        ("priya@acme.example", "US", "America/New_York", "en-US", facts.VIC, {"employees"}),
        ("sam@acme.example", "US", "America/New_York", "en-US", facts.INES, {"employees", "it-support"}),
        ("kim@acme.example", "GB", "Europe/London", "en-GB", facts.INES, {"employees", "knowledge-admins"}),
        ("vic@acme.example", "US", "America/New_York", "en-US", None, {"employees", "executives"}),
        ("ines@acme.example", "US", "America/New_York", "en-US", facts.VIC, {"employees", "service-owners"}),
        ("grace@acme.example", "GB", "Europe/London", "en-GB", facts.VIC, {"employees", "people-team", "service-owners"}),
    ],
)
def test_the_named_people(
    db: sqlite3.Connection, email: str, country: str, timezone: str, locale: str, manager: str | None, groups: set[str]
) -> None:
    row = one(db, "SELECT * FROM people WHERE email = ?", email)
    assert (row["country"], row["timezone"], row["locale"], row["manager_key"]) == (country, timezone, locale, manager)
    assert " " in row["name"]
    assert {member["group"] for member in db.execute("SELECT * FROM memberships WHERE person_key = ?", (row["key"],))} == groups


def test_first_names_of_the_six_are_theirs_alone(db: sqlite3.Connection) -> None:
    firsts = Counter(row["name"].split()[0] for row in db.execute("SELECT name FROM people"))
    assert [firsts[name] for name in ("Dana", "Omar", "Priya", "Sam", "Kim", "Vic")] == [1] * 6


def test_vic_and_the_heads_of_department_are_privileged(db: sqlite3.Connection) -> None:
    privileged = {row["key"] for row in db.execute("SELECT key FROM people WHERE privileged")}
    assert facts.VIC in privileged
    assert privileged == {row["person_key"] for row in db.execute("""SELECT person_key FROM memberships WHERE "group" = 'executives'""")}
    assert not privileged & {facts.DANA, facts.OMAR, facts.PRIYA, facts.SAM, facts.KIM}


def test_guests_and_leavers_are_in_no_group(db: sqlite3.Connection) -> None:
    outside = db.execute("SELECT * FROM people WHERE guest OR NOT active").fetchall()
    assert sum(row["guest"] for row in outside) == 2
    assert len(outside) > 3
    members = {row["person_key"] for row in db.execute("""SELECT person_key FROM memberships WHERE "group" = 'employees'""")}
    assert len(members) == facts.HEADCOUNT - len(outside)
    assert not members & {row["key"] for row in outside}


def test_addresses_are_distinct_but_for_the_reception(db: sqlite3.Connection) -> None:
    emails = Counter(row["email"] for row in db.execute("SELECT email FROM people"))
    assert {email: n for email, n in emails.items() if n > 1} == {"reception@acme.example": 2}
    assert all(email.isascii() and email == email.lower() for email in emails)


def test_only_danas_account_is_locked_since_this_morning(db: sqlite3.Connection) -> None:
    row = one(db, "SELECT * FROM accounts WHERE status = 'locked'")
    assert (row["person_key"], row["locked_since"]) == (facts.DANA, "2026-09-16T12:12:00.000000+00:00")
    before_dawn = one(made(datetime(2026, 9, 16, 5, 0, tzinfo=UTC)), "SELECT * FROM accounts WHERE status = 'locked'")
    assert before_dawn["locked_since"] == "2026-09-15T12:12:00.000000+00:00"


def test_some_are_not_enrolled_but_dana_and_omar_are(db: sqlite3.Connection) -> None:
    without = {row["person_key"] for row in db.execute("SELECT person_key FROM accounts WHERE enrolled IS NULL")}
    assert facts.JONAS in without
    assert len(without) > 5
    assert not without & {facts.DANA, facts.OMAR, facts.PRIYA, facts.VIC}


def test_applications_have_active_owners_but_for_one(db: sqlite3.Connection) -> None:
    apps = db.execute("SELECT * FROM applications").fetchall()
    assert len(apps) >= 25
    assert [app["key"] for app in apps if app["owner_key"] is None] == ["old-intranet"]
    active = {row["key"] for row in db.execute("SELECT key FROM people WHERE active AND NOT guest")}
    assert {app["owner_key"] for app in apps if app["owner_key"]} <= active


def test_no_alias_or_name_means_two_things() -> None:
    for things in (facts.APPLICATIONS, facts.CATALOGUE):
        names = [name.lower() for thing in things for name in {thing.name.lower(), thing.key.lower(), *thing.aliases}]
        assert [name for name, n in Counter(names).items() if n > 1] == []
    for app in facts.APPLICATIONS:
        assert app.default_role in app.roles
        assert set(app.sensitive) < set(app.roles)


def test_leave_is_taken_and_booked_and_nobody_is_away_twice(db: sqlite3.Connection) -> None:
    ends: dict[str, str] = {}
    leaves = db.execute("""SELECT * FROM leaves ORDER BY person_key, start""").fetchall()
    for leave in leaves:
        assert leave["days"] > 0
        assert leave["start"] > ends.get(leave["person_key"], "")
        ends[leave["person_key"]] = leave["end"]
    today = NOW.date().isoformat()
    assert sum(leave["end"] < today for leave in leaves) > 200
    assert sum(leave["start"] > today for leave in leaves) > 100


def test_the_named_people_have_nothing_booked_ahead(db: sqlite3.Connection) -> None:
    named = {row.key for row in facts.NAMED}
    ahead = {leave["person_key"] for leave in db.execute("""SELECT * FROM leaves WHERE "end" >= ?""", (NOW.date().isoformat(),))}
    assert not ahead & named


def test_every_active_person_has_a_laptop_and_some_have_tickets_and_orders(db: sqlite3.Connection) -> None:
    active = {row["key"] for row in db.execute("SELECT key FROM people WHERE active")}
    assert {row["person_key"] for row in db.execute("SELECT person_key FROM devices WHERE kind = 'laptop'")} == active
    assert one(db, "SELECT count(*) AS n FROM tickets")["n"] > 50
    assert one(db, "SELECT count(*) AS n FROM orders")["n"] > 10
    assert all(date.fromisoformat(row["assigned"]) <= NOW.date() for row in db.execute("SELECT assigned FROM devices"))
