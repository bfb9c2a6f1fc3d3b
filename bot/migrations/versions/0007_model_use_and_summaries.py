"""Model use and summaries"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "model_spent",
        sa.Column("limit", sa.String(length=20), nullable=False),
        sa.Column("of", sa.String(length=200), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("against", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("limit", "of", "period", name=op.f("pk_model_spent")),
    )
    op.create_index(op.f("ix_model_spent_at"), "model_spent", ["at"], unique=False)
    op.create_index(
        "ix_model_spent_untold",
        "model_spent",
        ["limit"],
        unique=False,
        sqlite_where=sa.text("told < reached"),
        postgresql_where=sa.text("told < reached"),
    )
    op.create_table(
        "model_use",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turn_id", sa.String(length=200), nullable=True),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("person_id", sa.String(length=36), nullable=True),
        sa.Column("specialist", sa.String(length=60), nullable=False),
        sa.Column("prompt", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cache_read_tokens", sa.Integer(), nullable=False),
        sa.Column("cache_written_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_use")),
    )
    op.create_index(op.f("ix_model_use_at"), "model_use", ["at"], unique=False)
    op.create_index("ix_model_use_person", "model_use", ["person_id", "at"], unique=False)
    op.create_table(
        "conversation_summary",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("prompt", sa.String(length=60), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_conversation_summary_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversation_summary")),
    )
    op.create_index(op.f("ix_conversation_summary_upto"), "conversation_summary", ["upto"], unique=False)


def downgrade() -> None:

    op.drop_index(op.f("ix_conversation_summary_upto"), table_name="conversation_summary")
    op.drop_table("conversation_summary")
    op.drop_index("ix_model_use_person", table_name="model_use")
    op.drop_index(op.f("ix_model_use_at"), table_name="model_use")
    op.drop_table("model_use")
    op.drop_index("ix_model_spent_untold", table_name="model_spent")
    op.drop_index(op.f("ix_model_spent_at"), table_name="model_spent")
    op.drop_table("model_spent")
