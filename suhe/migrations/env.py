"""Alembic's entry: the caller hands a connection in; there is no ini file and no offline mode."""

from __future__ import annotations

from alembic import context

from suhe.migrate import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables(), render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
