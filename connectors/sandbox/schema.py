"""The tables of the sandbox company. It is an outside system: nothing here refers to a table of Foyer's.

Times are ISO text in UTC with microseconds, so that text sorts like time and an end that was asked for is read back exactly.
"""

import sqlite3
from datetime import UTC, datetime

VERSION = 1
"""Kept as SQLite's user_version; a file of another version starts over when it is opened."""

TABLES = {
    "company": "key TEXT PRIMARY KEY, value TEXT NOT NULL",
    "people": """key TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL COLLATE NOCASE, title TEXT NOT NULL,
        department TEXT NOT NULL, country TEXT NOT NULL, office TEXT NOT NULL, timezone TEXT NOT NULL, locale TEXT NOT NULL,
        manager_key TEXT, hired TEXT NOT NULL, active INTEGER NOT NULL, guest INTEGER NOT NULL, privileged INTEGER NOT NULL""",
    "memberships": 'person_key TEXT NOT NULL, "group" TEXT NOT NULL, PRIMARY KEY (person_key, "group")',
    "accounts": """person_key TEXT PRIMARY KEY, status TEXT NOT NULL, locked_since TEXT, enrolled TEXT,
        password_hash TEXT, password_changed_at TEXT""",
    "reset_links": """id INTEGER PRIMARY KEY AUTOINCREMENT, person_key TEXT NOT NULL, token_sha256 TEXT NOT NULL UNIQUE,
        expires_at TEXT NOT NULL, state TEXT NOT NULL""",
    "inbox": """id INTEGER PRIMARY KEY AUTOINCREMENT, person_key TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
        link TEXT, at TEXT NOT NULL""",
    "applications": """key TEXT PRIMARY KEY, name TEXT NOT NULL, roles TEXT NOT NULL, aliases TEXT NOT NULL, owner_key TEXT,
        default_role TEXT, sensitive_roles TEXT NOT NULL""",
    "entitlements": """id INTEGER PRIMARY KEY AUTOINCREMENT, person_key TEXT NOT NULL, application_key TEXT NOT NULL,
        role TEXT NOT NULL, until TEXT, UNIQUE (person_key, application_key, role)""",
    "leaves": """id INTEGER PRIMARY KEY AUTOINCREMENT, person_key TEXT NOT NULL, start TEXT NOT NULL, "end" TEXT NOT NULL,
        days REAL NOT NULL, status TEXT NOT NULL""",
    "catalogue": """key TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, price REAL NOT NULL, currency TEXT NOT NULL,
        aliases TEXT NOT NULL, lead_days INTEGER NOT NULL""",
    "orders": """id INTEGER PRIMARY KEY AUTOINCREMENT, person_key TEXT NOT NULL, item_key TEXT NOT NULL, quantity INTEGER NOT NULL,
        reason TEXT NOT NULL, ordered_at TEXT NOT NULL, expected TEXT NOT NULL, cancelled INTEGER NOT NULL""",
    "devices": "tag TEXT PRIMARY KEY, person_key TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL, assigned TEXT NOT NULL",
    "tickets": """number TEXT PRIMARY KEY, person_key TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, priority TEXT NOT NULL,
        status TEXT NOT NULL, opened_at TEXT NOT NULL""",
    # A key row is written in the transaction of its effect: either both are there or neither.
    "idempotency_keys": """key TEXT PRIMARY KEY, operation TEXT NOT NULL, target TEXT NOT NULL, reference TEXT NOT NULL,
        detail TEXT NOT NULL""",
    "effects": """id INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, key TEXT NOT NULL, person_key TEXT NOT NULL,
        at TEXT NOT NULL, json TEXT NOT NULL""",
    "faults": """id INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, kind TEXT NOT NULL, remaining INTEGER,
        probability REAL NOT NULL, seed INTEGER NOT NULL, draws INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL""",
}

INDEXES = (
    "CREATE INDEX people_email ON people (email)",
    'CREATE INDEX memberships_group ON memberships ("group")',
    "CREATE INDEX reset_links_person ON reset_links (person_key)",
    "CREATE INDEX inbox_person ON inbox (person_key)",
    "CREATE INDEX leaves_person ON leaves (person_key)",
    "CREATE INDEX orders_person ON orders (person_key)",
    "CREATE INDEX devices_person ON devices (person_key)",
    "CREATE INDEX tickets_person ON tickets (person_key)",
)


def create(db: sqlite3.Connection) -> None:
    """Makes every table anew, in the caller's transaction."""
    for name, columns in TABLES.items():
        db.execute(f"DROP TABLE IF EXISTS {name}")
        db.execute(f"CREATE TABLE {name} ({columns})")
    for index in INDEXES:
        db.execute(index)
    db.execute(f"PRAGMA user_version = {VERSION}")


def to_text(at: datetime) -> str:
    """An aware time as stored; raises ValueError for one without a zone."""
    if at.tzinfo is None:
        raise ValueError("a stored time needs a zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def to_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
