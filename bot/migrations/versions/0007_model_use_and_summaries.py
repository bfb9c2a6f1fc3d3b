"""Model use and summaries"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "model_limit_notice",
        sa.Column("limit", sa.String(length=20), nullable=False),
        sa.Column("of", sa.String(length=200), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("limit", "of", "period", "level", name=op.f("pk_model_limit_notice")),
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
    op.create_index(op.f("ix_model_use_conversation_id"), "model_use", ["conversation_id"], unique=False)
    op.create_index("ix_model_use_person", "model_use", ["person_id", "at"], unique=False)
    op.create_index("ix_model_use_specialist", "model_use", ["specialist", "at"], unique=False)
    op.create_index(op.f("ix_model_use_turn_id"), "model_use", ["turn_id"], unique=False)
    op.create_table(
        "conversation_summary",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("prompt", sa.String(length=60), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_conversation_summary_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversation_summary")),
    )


def downgrade() -> None:

    op.drop_table("conversation_summary")
    op.drop_index(op.f("ix_model_use_turn_id"), table_name="model_use")
    op.drop_index("ix_model_use_specialist", table_name="model_use")
    op.drop_index("ix_model_use_person", table_name="model_use")
    op.drop_index(op.f("ix_model_use_conversation_id"), table_name="model_use")
    op.drop_index(op.f("ix_model_use_at"), table_name="model_use")
    op.drop_table("model_use")
    op.drop_table("model_limit_notice")
