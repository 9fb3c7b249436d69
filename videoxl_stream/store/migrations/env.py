"""Brings the database behind one connection up to date; EventStore hands the connection over."""

from __future__ import annotations

from alembic import context

from videoxl_stream.store.tables import Tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Tables.metadata,
    render_as_batch=True,  # SQLite alters a table only by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
