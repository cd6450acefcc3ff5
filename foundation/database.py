"""The records' database: SQLAlchemy 2 Core on SQLite (WAL, FULL) or PostgreSQL, one MetaData for all domains' tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event

# Constraint names are fixed so that migrations can name them on both engines.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def open_engine(url: str) -> Engine:
    """Return an engine for the records.

    SQLite gets WAL, synchronous=FULL (a commit survives power loss), foreign keys, and BEGIN IMMEDIATE so that two writers
    queue instead of failing half-way. PostgreSQL URLs may be written `postgresql://`; psycopg 3 is used.
    """
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    path = url.removeprefix("sqlite:///")
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30})
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # The driver must not open transactions of its own: BEGIN is ours (see _on_sqlite_begin).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    # What is deleted is overwritten with zeros: an erased name must not lie on in the file's free space.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _on_sqlite_begin(connection: Any) -> None:
    read_only = connection.get_execution_options().get("suhe_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def reading(engine: Engine) -> Engine:
    """Return a view of `engine` whose transactions only read, so that readers never queue behind a writer."""
    return engine.execution_options(suhe_read_only=True)
