"""Where streams keep their memories on disk, so that nothing is forgotten without them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "memories",
        sa.Column("pipeline", sa.String(255), primary_key=True),
        sa.Column("stream_id", sa.String(255), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
    )


def downgrade() -> None:
    """Change them back."""
    op.drop_table("memories")
