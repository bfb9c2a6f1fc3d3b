"""Reset links and outside changes"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reset_link",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person_key", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=True),
        sa.Column("claim", sa.String(length=36), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=36), nullable=True),
        sa.Column("changed_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_link")),
        sa.UniqueConstraint("key", name=op.f("uq_reset_link_key")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_reset_link_token_hash")),
    )
    op.create_index(op.f("ix_reset_link_expires_at"), "reset_link", ["expires_at"], unique=False)
    op.create_index(op.f("ix_reset_link_withdrawn_by"), "reset_link", ["withdrawn_by"], unique=False)
    op.create_index(
        "ix_reset_link_live",
        "reset_link",
        ["person_key"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'claimed')"),
        postgresql_where=sa.text("state IN ('open', 'claimed')"),
    )
    op.create_index("ix_reset_link_state", "reset_link", ["state", "told_at"], unique=False)
    op.create_table(
        "outside_change",
        sa.Column("connector", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=400), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.String(length=400), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connector", "key"),
    )
    op.create_index("ix_outside_change_target", "outside_change", ["connector", "target", "done"], unique=False)
    op.create_table(
        "outside_end",
        sa.Column("connector", sa.String(length=64), nullable=False),
        sa.Column("person_key", sa.String(length=120), nullable=False),
        sa.Column("application_key", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=120), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaving_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("connector", "person_key", "application_key", "role"),
    )


def downgrade() -> None:
    op.drop_table("outside_end")
    op.drop_index("ix_outside_change_target", table_name="outside_change")
    op.drop_table("outside_change")
    op.drop_index("ix_reset_link_state", table_name="reset_link")
    op.drop_index(
        "ix_reset_link_live",
        table_name="reset_link",
        sqlite_where=sa.text("state IN ('open', 'claimed')"),
        postgresql_where=sa.text("state IN ('open', 'claimed')"),
    )
    op.drop_index(op.f("ix_reset_link_withdrawn_by"), table_name="reset_link")
    op.drop_index(op.f("ix_reset_link_expires_at"), table_name="reset_link")
    op.drop_table("reset_link")
