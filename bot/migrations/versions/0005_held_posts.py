"""Held posts"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    held = sa.text("state = 'held'")
    op.create_index("ix_outbox_held", "outbox", ["due_at"], unique=False, sqlite_where=held, postgresql_where=held)


def downgrade() -> None:
    op.drop_index("ix_outbox_held", table_name="outbox")
