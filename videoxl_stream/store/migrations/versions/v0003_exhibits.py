"""Evidence, what became of each stream's frames, and the order in which events changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("events", sa.Column("seq", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("events", sa.Column("kept", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_events_seq", "events", ["seq"])
    op.create_index("ix_events_start", "events", ["start"])
    op.create_index("ix_events_end", "events", ["end"])
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "events", "value": 0}])
    with op.batch_alter_table("streams") as streams:
        streams.alter_column("windows", existing_type=sa.Integer, nullable=True)
        streams.add_column(sa.Column("counts", sa.JSON, nullable=True))
        streams.add_column(sa.Column("first", sa.DateTime(timezone=True), nullable=True))
        streams.add_column(sa.Column("last", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "exhibits",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("pipeline", sa.String(255), nullable=False),
        sa.Column("stream_id", sa.String(255), nullable=False),
        sa.Column("event_id", sa.String(32), nullable=True),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_s", sa.Double, nullable=False),
        sa.Column("end_s", sa.Double, nullable=False),
        sa.Column("num_bytes", sa.BigInteger, nullable=False),
        sa.Column("kept", sa.Boolean, nullable=False),
        sa.Column("leaving", sa.Boolean, nullable=False),
    )
    op.create_index("ix_exhibits_event", "exhibits", ["event_id"])
    op.create_index("ix_exhibits_stream", "exhibits", ["stream_id", "start"])
    op.create_index("ix_exhibits_kind", "exhibits", ["kind", "end"])
    op.create_index("ix_exhibits_leaving", "exhibits", ["leaving", "end"])


def downgrade() -> None:
    """Change them back."""
    op.drop_table("exhibits")
    op.execute("DELETE FROM streams WHERE windows IS NULL")
    with op.batch_alter_table("streams") as streams:
        streams.drop_column("last")
        streams.drop_column("first")
        streams.drop_column("counts")
        streams.alter_column("windows", existing_type=sa.Integer, nullable=False)
    op.drop_table("counters")
    op.drop_index("ix_events_start", "events")
    op.drop_index("ix_events_end", "events")
    op.drop_index("ix_events_seq", "events")
    with op.batch_alter_table("events") as events:
        events.drop_column("kept")
        events.drop_column("seq")
