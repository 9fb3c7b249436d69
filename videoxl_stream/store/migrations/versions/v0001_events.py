"""Events, how far each stream has come, and what each rule remembers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "events",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("pipeline", sa.String(255), nullable=False),
        sa.Column("stream_id", sa.String(255), nullable=False),
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("window", sa.Integer, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_s", sa.Double, nullable=False),
        sa.Column("end_s", sa.Double, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
    )
    op.create_index("ix_events_stream", "events", ["pipeline", "stream_id", "start"])
    op.create_index("ix_events_rule", "events", ["rule", "start"])
    op.create_index("ix_events_status", "events", ["status", "start"])
    op.create_table(
        "streams",
        sa.Column("pipeline", sa.String(255), primary_key=True),
        sa.Column("stream_id", sa.String(255), primary_key=True),
        sa.Column("windows", sa.Integer, nullable=False),
        sa.Column("position", sa.JSON, nullable=True),
    )
    op.create_table(
        "rules",
        sa.Column("pipeline", sa.String(255), primary_key=True),
        sa.Column("stream_id", sa.String(255), primary_key=True),
        sa.Column("rule", sa.String(255), primary_key=True),
        sa.Column("state", sa.Text, nullable=True),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    """Change them back."""
    op.drop_table("rules")
    op.drop_table("streams")
    op.drop_table("events")
