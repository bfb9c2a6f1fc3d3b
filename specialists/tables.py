"""The specialists' tables: requests and what fulfilment must not forget. `bot/migrations/` composes them with the others'.

Everything here is one application database; the durable engine keeps its own rows elsewhere and only ids go there.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from connectors.ports.records import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Sequence64 = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself only in an INTEGER primary key."""


def _id(name: str) -> Column[str]:
    return Column(name, String(36), primary_key=True)


def _request_id() -> Column[str]:
    return Column("request_id", String(36), ForeignKey("request.id"), nullable=False)


request = Table(
    "request",
    metadata,
    _id("id"),
    Column("number", Integer, nullable=False, unique=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("skill", String(100), nullable=False),
    Column("specialist", String(100), nullable=False),
    Column("requester_id", String(36), nullable=False),
    Column("beneficiary_id", String(36), nullable=False),
    Column("conversation_id", String(36), nullable=False, index=True),
    Column("confidence", Float, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("slots", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("held_from", String(20)),
    Column("confirmed", Boolean, nullable=False),
    Column("resolution", String(10)),
    Column("attempt", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "requester_id", "created_at"),
    Index(None, "state", "specialist"),
)

request_plan = Table(
    "request_plan",
    metadata,
    _request_id(),
    Column("attempt", Integer, nullable=False),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("request_id", "attempt"),
)

request_action = Table(
    "request_action",
    metadata,
    _request_id(),
    Column("n", Integer, nullable=False),
    Column("name", String(100), nullable=False),
    Column("beneficiary_id", String(36), nullable=False),
    Column("autonomous", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("reference", String(200), nullable=False),
    Column("changed", Boolean, nullable=False),
    Column("done", JSON),
    Column("evidence", JSON),
    Column("rules", JSON, nullable=False),
    UniqueConstraint("request_id", "n"),
    Index(None, "beneficiary_id", "started_at"),
)

request_event = Table(
    "request_event",
    metadata,
    Column("seq", Sequence64, primary_key=True, autoincrement=True),
    _request_id(),
    Column("kind", String(30), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index(None, "request_id", "seq"),
    sqlite_autoincrement=True,
)

start_command = Table(
    "start_command",
    metadata,
    Column("workflow_id", String(120), primary_key=True),
    Column("workflow", String(40), nullable=False),
    Column("argument", String(120), nullable=False),
    Column("not_before", UtcDateTime),
    Column("started", Boolean, nullable=False),
    Index(None, "started"),
)

approval = Table(
    "approval",
    metadata,
    _id("id"),
    _request_id(),
    Column("actions", JSON, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("decided_by", String(36)),
    Column("decided_at", UtcDateTime),
    Column("reason", Text),
    Index(None, "request_id", "state"),
)

approver = Table(
    "approver",
    metadata,
    Column("approval_id", String(36), ForeignKey("approval.id"), primary_key=True),
    Column("person_id", String(36), primary_key=True, index=True),
)

step_up = Table(
    "step_up",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _request_id(),
    Column("attempt", Integer, nullable=False),
    Column("person_id", String(36), nullable=False),
    Column("state", String(10), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    UniqueConstraint("request_id", "attempt"),
)

grant = Table(
    "grant",
    metadata,
    _id("id"),
    Column("request_id", String(36), ForeignKey("request.id"), nullable=False, unique=True),
    Column("person_id", String(36), nullable=False, index=True),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("reminded_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False),
    Index(None, "ended_at", "next_try_at"),
)

switch = Table(
    "switch",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

case_number = Table("case_number", metadata, Column("number", Integer, primary_key=True, autoincrement=True), sqlite_autoincrement=True)

audit_event = Table(
    "audit_event",
    metadata,
    _id("id"),
    Column("seq", BigInteger, unique=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("event", String(100), nullable=False),
    Column("actor_id", String(100), nullable=False),
    Column("subject_id", String(100)),
    Column("request_id", String(36), index=True),
    Column("data", JSON, nullable=False),
    Column("private", LargeBinary),
    Column("prev_hash", String(64)),
    Column("hash", String(64)),
)
"""`seq`, `prev_hash` and `hash` are null until the event is sealed; `create_audit_guards` makes the rest append-only."""

person_key = Table("person_key", metadata, Column("person_id", String(100), primary_key=True), Column("key", LargeBinary, nullable=False))
"""The key under which a person's part of the audit is encrypted, itself wrapped by the master key."""
