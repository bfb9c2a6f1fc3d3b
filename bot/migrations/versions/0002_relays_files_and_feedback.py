"""Relays, held replies, files, feedback; one conversation a person and thread."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("mime", sa.String(length=127), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("private_to", sa.String(length=36), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_person", "attachment", ["person_id", "at"], unique=False)
    op.create_index(op.f("ix_attachment_conversation_id"), "attachment", ["conversation_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("answer_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("answer_id", "person_id", name=op.f("pk_feedback")),
    )
    op.create_table(
        "relay",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=120), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("handoff_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"], name=op.f("fk_relay_handoff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relay")),
        sa.UniqueConstraint("channel", "tenant", "message_id", name=op.f("uq_relay_channel_tenant_message_id")),
    )
    op.create_table(
        "held_reply",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("handoff_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"], name=op.f("fk_held_reply_handoff_id")),
        sa.ForeignKeyConstraint(["id"], ["relay.id"], name=op.f("fk_held_reply_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_reply")),
    )
    op.create_index(op.f("ix_held_reply_handoff_id"), "held_reply", ["handoff_id"], unique=False)
    op.create_index("ix_held_reply_open", "held_reply", ["state", "due_at"], unique=False)
    op.create_index("ix_inbox_thread", "inbox", ["room", "thread"], unique=False)
    op.create_index("ix_card_placement_thread", "card_placement", ["room", "posted_thread"], unique=False)
    op.add_column("handoff_event", sa.Column("relay_id", sa.String(length=36), nullable=True))
    op.add_column("transcript_event", sa.Column("message_id", sa.String(length=200), nullable=True))
    op.add_column("outbox", sa.Column("unsure", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_index("ix_outbox_open", table_name="outbox")
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["channel", "tenant", "room", "thread", "sequence"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.add_column("conversation", sa.Column("engaged", sa.Boolean(), server_default=sa.true(), nullable=False))
    with op.batch_alter_table("conversation") as batch:
        batch.drop_constraint(op.f("uq_conversation_channel_tenant_room_thread"), type_="unique")
        batch.create_unique_constraint(
            op.f("uq_conversation_channel_tenant_room_thread_person_id"), ["channel", "tenant", "room", "thread", "person_id"]
        )


def downgrade() -> None:
    op.drop_column("conversation", "engaged")
    op.drop_index("ix_outbox_pending", table_name="outbox")
    op.create_index("ix_outbox_open", "outbox", ["state", "sequence"], unique=False)
    op.drop_column("outbox", "unsure")
    op.drop_column("transcript_event", "message_id")
    op.drop_index("ix_card_placement_thread", table_name="card_placement")
    op.drop_index("ix_inbox_thread", table_name="inbox")
    with op.batch_alter_table("conversation") as batch:
        batch.drop_constraint(op.f("uq_conversation_channel_tenant_room_thread_person_id"), type_="unique")
        batch.create_unique_constraint(op.f("uq_conversation_channel_tenant_room_thread"), ["channel", "tenant", "room", "thread"])
    op.drop_column("handoff_event", "relay_id")
    op.drop_index("ix_held_reply_open", table_name="held_reply")
    op.drop_index(op.f("ix_held_reply_handoff_id"), table_name="held_reply")
    op.drop_table("held_reply")
    op.drop_table("relay")
    op.drop_table("feedback")
    op.drop_index("ix_attachment_person", table_name="attachment")
    op.drop_index(op.f("ix_attachment_conversation_id"), table_name="attachment")
    op.drop_table("attachment")
