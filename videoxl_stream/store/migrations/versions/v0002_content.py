"""What an event's rule asked for beyond the alarm, such as what an ad is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    with op.batch_alter_table("events") as events:
        events.add_column(sa.Column("content", sa.Text, nullable=True))


def downgrade() -> None:
    """Change them back."""
    with op.batch_alter_table("events") as events:
        events.drop_column("content")
