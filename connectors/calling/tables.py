"""What was asked of systems that keep no idempotency keys, and when what was given there ends."""

from sqlalchemy import JSON, Boolean, Column, Index, MetaData, String, Table, Text

from connectors.ports.records import UtcDateTime

metadata = MetaData()

outside_change = Table(
    "outside_change",
    metadata,
    # One namespace of keys for each connector: a request's action may ask two of them under one key.
    Column("connector", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("operation", String(64), nullable=False),
    Column("target", String(400), nullable=False),
    # False: begun, and nobody knows yet what came of it.
    Column("done", Boolean, nullable=False),
    Column("reference", String(400), nullable=False),
    # What the system had for the person, such as a member's name; "" for nothing.
    Column("holder", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    # It was begun more than once: an earlier try may still come about after the one that was seen.
    Column("repeated", Boolean, nullable=False),
    # When it was begun last.
    Column("begun_at", UtcDateTime, nullable=False),
    Index("ix_outside_change_target", "connector", "target", "done"),
)

outside_end = Table(
    "outside_end",
    metadata,
    Column("connector", String(64), primary_key=True),
    Column("person_key", String(120), primary_key=True),
    Column("application_key", String(120), primary_key=True),
    Column("role", String(120), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    # Since when it is to be taken back; None while it may stay until its end.
    Column("leaving_since", UtcDateTime),
)
