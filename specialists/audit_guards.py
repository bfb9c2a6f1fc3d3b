"""Triggers that keep the audit append-only against mistakes: no deletion, and no change but the seal.

Whoever may drop a trigger can still change a row; that is what the chain shows.
"""

from sqlalchemy import Connection

from specialists.tables import audit_event

_SEAL = frozenset({"seq", "prev_hash", "hash"})
_CONTENT = tuple(column.name for column in audit_event.columns if column.name not in _SEAL)
_REFUSAL = "audit events are append-only"

_SQLITE = (
    f"""CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    WHEN OLD.seq IS NOT NULL OR {" OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _CONTENT)}
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
)
_POSTGRESQL = (
    f"""CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$""",
    f"""CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event FOR EACH ROW
    WHEN (OLD.seq IS NOT NULL OR {" OR ".join(f"NEW.{name}::text IS DISTINCT FROM OLD.{name}::text" for name in _CONTENT)})
    EXECUTE FUNCTION audit_event_refuse()""",
    "CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()",
    "CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()",
)
_DROPS = {
    "sqlite": ("DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete"),
    "postgresql": ("DROP FUNCTION audit_event_refuse() CASCADE",),
}


def create_audit_guards(connection: Connection) -> None:
    """For the migration that makes the table."""
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)


def drop_audit_guards(connection: Connection) -> None:
    for statement in _DROPS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
