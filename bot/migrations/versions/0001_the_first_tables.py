"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Written out, so that this migration makes the same tables whatever becomes of the code.
_SEARCH_AND_GUARDS = {
    "sqlite": (
        """CREATE VIRTUAL TABLE IF NOT EXISTS knowledge_lexical USING fts5(title, section, body, tokenize = 'porter unicode61 remove_diacritics 2')""",
        """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    WHEN OLD.seq IS NOT NULL
        OR NEW.id IS NOT OLD.id
        OR NEW.at IS NOT OLD.at
        OR NEW.kind IS NOT OLD.kind
        OR NEW.event IS NOT OLD.event
        OR NEW.actor_id IS NOT OLD.actor_id
        OR NEW.subject_id IS NOT OLD.subject_id
        OR NEW.request_id IS NOT OLD.request_id
        OR NEW.data IS NOT OLD.data
        OR NEW.private IS NOT OLD.private
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
        """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
    ),
    "postgresql": (
        """CREATE TABLE IF NOT EXISTS knowledge_lexical (number integer PRIMARY KEY, document tsvector NOT NULL)""",
        """CREATE INDEX IF NOT EXISTS ix_knowledge_lexical ON knowledge_lexical USING gin (document)""",
        """CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$""",
        """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event FOR EACH ROW
    WHEN (OLD.seq IS NOT NULL
        OR NEW.id::text IS DISTINCT FROM OLD.id::text
        OR NEW.at::text IS DISTINCT FROM OLD.at::text
        OR NEW.kind::text IS DISTINCT FROM OLD.kind::text
        OR NEW.event::text IS DISTINCT FROM OLD.event::text
        OR NEW.actor_id::text IS DISTINCT FROM OLD.actor_id::text
        OR NEW.subject_id::text IS DISTINCT FROM OLD.subject_id::text
        OR NEW.request_id::text IS DISTINCT FROM OLD.request_id::text
        OR NEW.data::text IS DISTINCT FROM OLD.data::text
        OR NEW.private::text IS DISTINCT FROM OLD.private::text)
    EXECUTE FUNCTION audit_event_refuse()""",
        """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()""",
        """CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()""",
    ),
}
_UNGUARD = {
    "sqlite": ("DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete"),
    "postgresql": ("DROP FUNCTION audit_event_refuse() CASCADE",),
}


def upgrade() -> None:
    op.create_table(
        "card_placement",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("card_key", sa.String(length=120), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=120), nullable=False),
        sa.Column("room", sa.String(length=320), nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=True),
        sa.Column("reader_id", sa.String(length=36), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.Column("posted_thread", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_placement")),
    )
    op.create_index(op.f("ix_card_placement_card_key"), "card_placement", ["card_key"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=120), nullable=False),
        sa.Column("activity_id", sa.String(length=200), nullable=False),
        sa.Column("sender", sa.String(length=320), nullable=False),
        sa.Column("room", sa.String(length=320), nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=False),
        sa.Column("sort", sa.String(length=64), nullable=False),
        sa.Column("activity", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_inbox")),
        sa.UniqueConstraint("channel", "tenant", "activity_id", name=op.f("uq_inbox_channel_tenant_activity_id")),
    )
    op.create_index("ix_inbox_open", "inbox", ["state", "seq"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("sequence", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=120), nullable=False),
        sa.Column("room", sa.String(length=320), nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=True),
        sa.Column("operation", sa.String(length=10), nullable=False),
        sa.Column("card_key", sa.String(length=120), nullable=True),
        sa.Column("placement_id", sa.String(length=36), nullable=True),
        sa.Column("reply", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
    )
    op.create_index("ix_outbox_open", "outbox", ["state", "sequence"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("directory_key", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("directory_key", name=op.f("uq_person_directory_key")),
    )
    op.create_table(
        "projection",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projection")),
    )
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=120), nullable=False),
        sa.Column("room", sa.String(length=320), nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("awaits", sa.JSON(), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("handoff_id", sa.String(length=36), nullable=True),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_conversation_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        sa.UniqueConstraint("channel", "tenant", "room", "thread", name=op.f("uq_conversation_channel_tenant_room_thread")),
    )
    op.create_index(op.f("ix_conversation_person_id"), "conversation", ["person_id"], unique=False)
    op.create_table(
        "identity",
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=120), nullable=False),
        sa.Column("external_id", sa.String(length=320), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_person_id")),
        sa.PrimaryKeyConstraint("channel", "tenant", "external_id", name=op.f("pk_identity")),
    )
    op.create_index(op.f("ix_identity_person_id"), "identity", ["person_id"], unique=False)
    op.create_table(
        "handoff",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("sensitive", sa.String(length=40), nullable=True),
        sa.Column("assignment_group", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("claimed_by", sa.String(length=36), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["claimed_by"], ["person.id"], name=op.f("fk_handoff_claimed_by")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_handoff_conversation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_handoff_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoff")),
        sa.UniqueConstraint("number", name=op.f("uq_handoff_number")),
    )
    op.create_index(op.f("ix_handoff_person_id"), "handoff", ["person_id"], unique=False)
    op.create_index(
        "uq_handoff_open",
        "handoff",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('requested', 'claimed')"),
        postgresql_where=sa.text("state IN ('requested', 'claimed')"),
    )
    op.create_table(
        "transcript_event",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("speaker", sa.String(length=10), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=True),
        sa.Column("reply_kind", sa.String(length=20), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("private_to", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_transcript_event_conversation_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_transcript_event")),
        sa.UniqueConstraint("id", name=op.f("uq_transcript_event_id")),
    )
    op.create_index(op.f("ix_transcript_event_conversation_id"), "transcript_event", ["conversation_id"], unique=False)
    op.create_table(
        "handoff_event",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("handoff_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=True),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"], name=op.f("fk_handoff_event_handoff_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_handoff_event")),
    )
    op.create_index(op.f("ix_handoff_event_handoff_id"), "handoff_event", ["handoff_id"], unique=False)
    op.create_table(
        "audit_event",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("actor_id", sa.String(length=100), nullable=False),
        sa.Column("subject_id", sa.String(length=100), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=True),
        sa.Column("prev_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("seq", name=op.f("uq_audit_event_seq")),
    )
    op.create_index(op.f("ix_audit_event_request_id"), "audit_event", ["request_id"], unique=False)
    op.create_table(
        "case_number",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_case_number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "person_key",
        sa.Column("person_id", sa.String(length=100), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_key")),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("skill", sa.String(length=100), nullable=False),
        sa.Column("specialist", sa.String(length=100), nullable=False),
        sa.Column("requester_id", sa.String(length=36), nullable=False),
        sa.Column("beneficiary_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("held_from", sa.String(length=20), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("resolution", sa.String(length=10), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint("key", name=op.f("uq_request_key")),
        sa.UniqueConstraint("number", name=op.f("uq_request_number")),
    )
    op.create_index(op.f("ix_request_conversation_id"), "request", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_request_requester_id_created_at"), "request", ["requester_id", "created_at"], unique=False)
    op.create_index(op.f("ix_request_state_specialist"), "request", ["state", "specialist"], unique=False)
    op.create_table(
        "start_command",
        sa.Column("workflow_id", sa.String(length=120), nullable=False),
        sa.Column("workflow", sa.String(length=40), nullable=False),
        sa.Column("argument", sa.String(length=120), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_start_command")),
    )
    op.create_index(op.f("ix_start_command_started"), "start_command", ["started"], unique=False)
    op.create_table(
        "switch",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switch")),
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=36), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_approval_request_id_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_request_id_state"), "approval", ["request_id", "state"], unique=False)
    op.create_table(
        "grant",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_grant_request_id_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant")),
        sa.UniqueConstraint("request_id", name=op.f("uq_grant_request_id")),
    )
    op.create_index(op.f("ix_grant_ended_at_next_try_at"), "grant", ["ended_at", "next_try_at"], unique=False)
    op.create_index(op.f("ix_grant_person_id"), "grant", ["person_id"], unique=False)
    op.create_table(
        "request_action",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("beneficiary_id", sa.String(length=36), nullable=False),
        sa.Column("autonomous", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("done", sa.JSON(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_request_action_request_id_request")),
        sa.UniqueConstraint("request_id", "n", name=op.f("uq_request_action_request_id_n")),
    )
    op.create_index(op.f("ix_request_action_beneficiary_id_started_at"), "request_action", ["beneficiary_id", "started_at"], unique=False)
    op.create_table(
        "request_event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_request_event_request_id_request")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_request_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_request_event_request_id_seq"), "request_event", ["request_id", "seq"], unique=False)
    op.create_table(
        "request_plan",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_request_plan_request_id_request")),
        sa.UniqueConstraint("request_id", "attempt", name=op.f("uq_request_plan_request_id_attempt")),
    )
    op.create_table(
        "step_up",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_step_up_request_id_request")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_step_up")),
        sa.UniqueConstraint("request_id", "attempt", name=op.f("uq_step_up_request_id_attempt")),
    )
    op.create_table(
        "approver",
        sa.Column("approval_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], name=op.f("fk_approver_approval_id_approval")),
        sa.PrimaryKeyConstraint("approval_id", "person_id", name=op.f("pk_approver")),
    )
    op.create_index(op.f("ix_approver_person_id"), "approver", ["person_id"], unique=False)
    op.create_table(
        "knowledge_article",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=True),
        sa.Column("audience_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source"),
    )
    op.create_table(
        "knowledge_setting",
        sa.Column("key", sa.String(length=50), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "knowledge_chunk",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("article_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["knowledge_article.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_knowledge_chunk_article", "knowledge_chunk", ["article_id"], unique=False)
    op.create_table(
        "knowledge_projection",
        sa.Column("article_id", sa.String(length=36), nullable=False),
        sa.Column("token", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["knowledge_article.id"],
        ),
        sa.PrimaryKeyConstraint("article_id"),
    )
    op.create_table(
        "knowledge_version",
        sa.Column("article_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_due", sa.Date(), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("title_vector", sa.LargeBinary(), nullable=True),
        sa.Column("encoder", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["knowledge_article.id"],
        ),
        sa.PrimaryKeyConstraint("article_id", "version"),
    )
    op.create_table(
        "web_counter",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "web_message",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("room", sa.String(length=320), nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=False),
        sa.Column("author_id", sa.String(length=300), nullable=True),
        sa.Column("author_name", sa.String(length=300), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("reply", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index("ix_web_message_place", "web_message", ["room", "thread", "seq"], unique=False)
    op.create_table(
        "web_seen",
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "thread"),
    )
    op.create_table(
        "web_delivery",
        sa.Column("delivery_key", sa.String(length=300), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["web_message.message_id"],
        ),
        sa.PrimaryKeyConstraint("delivery_key"),
    )
    op.execute("INSERT INTO projection (name, cursor) VALUES ('status', 0)")
    connection = op.get_bind()
    for statement in _SEARCH_AND_GUARDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    connection = op.get_bind()
    for statement in _UNGUARD[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    op.drop_table("knowledge_lexical")
    op.drop_table("web_delivery")
    op.drop_table("web_seen")
    op.drop_index("ix_web_message_place", table_name="web_message")
    op.drop_table("web_message")
    op.drop_table("web_counter")
    op.drop_table("knowledge_version")
    op.drop_table("knowledge_projection")
    op.drop_index("ix_knowledge_chunk_article", table_name="knowledge_chunk")
    op.drop_table("knowledge_chunk")
    op.drop_table("knowledge_setting")
    op.drop_table("knowledge_article")
    op.drop_index(op.f("ix_approver_person_id"), table_name="approver")
    op.drop_table("approver")
    op.drop_table("step_up")
    op.drop_table("request_plan")
    op.drop_index(op.f("ix_request_event_request_id_seq"), table_name="request_event")
    op.drop_table("request_event")
    op.drop_index(op.f("ix_request_action_beneficiary_id_started_at"), table_name="request_action")
    op.drop_table("request_action")
    op.drop_index(op.f("ix_grant_person_id"), table_name="grant")
    op.drop_index(op.f("ix_grant_ended_at_next_try_at"), table_name="grant")
    op.drop_table("grant")
    op.drop_index(op.f("ix_approval_request_id_state"), table_name="approval")
    op.drop_table("approval")
    op.drop_table("switch")
    op.drop_index(op.f("ix_start_command_started"), table_name="start_command")
    op.drop_table("start_command")
    op.drop_index(op.f("ix_request_state_specialist"), table_name="request")
    op.drop_index(op.f("ix_request_requester_id_created_at"), table_name="request")
    op.drop_index(op.f("ix_request_conversation_id"), table_name="request")
    op.drop_table("request")
    op.drop_table("person_key")
    op.drop_table("case_number")
    op.drop_index(op.f("ix_audit_event_request_id"), table_name="audit_event")
    op.drop_table("audit_event")
    op.drop_index(op.f("ix_handoff_event_handoff_id"), table_name="handoff_event")
    op.drop_table("handoff_event")
    op.drop_index(op.f("ix_transcript_event_conversation_id"), table_name="transcript_event")
    op.drop_table("transcript_event")
    op.drop_index(
        "uq_handoff_open",
        table_name="handoff",
        sqlite_where=sa.text("state IN ('requested', 'claimed')"),
        postgresql_where=sa.text("state IN ('requested', 'claimed')"),
    )
    op.drop_index(op.f("ix_handoff_person_id"), table_name="handoff")
    op.drop_table("handoff")
    op.drop_index(op.f("ix_identity_person_id"), table_name="identity")
    op.drop_table("identity")
    op.drop_index(op.f("ix_conversation_person_id"), table_name="conversation")
    op.drop_table("conversation")
    op.drop_table("projection")
    op.drop_table("person")
    op.drop_index("ix_outbox_open", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_inbox_open", table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_card_placement_card_key"), table_name="card_placement")
    op.drop_table("card_placement")
