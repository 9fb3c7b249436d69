"""Who goes on with a stream: the newest of those who claimed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    with op.batch_alter_table("streams") as streams:
        streams.add_column(sa.Column("claims", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Change them back."""
    with op.batch_alter_table("streams") as streams:
        streams.drop_column("claims")
