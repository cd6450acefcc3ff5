"""The migrations make exactly the tables the code uses, on both databases."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from foundation.database import open_engine
from foundation.errors import Conflict
from suhe.migrate import migrate, tables


def test_migrations_make_the_tables_of_the_code(records_url: str) -> None:
    """After migrating, comparing database and code finds no difference; a second migration changes nothing."""
    engine = open_engine(records_url)
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables()) == []


def test_a_schema_from_the_future_is_refused(records_url: str) -> None:
    """A program older than the records says so and touches nothing."""
    engine = open_engine(records_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer Suhe"):
        migrate(engine)


def test_two_processes_may_migrate_at_once(records_url: str) -> None:
    """Whoever comes second waits and finds the work done."""
    program = f"from foundation.database import open_engine; from suhe.migrate import migrate; migrate(open_engine({records_url!r}))"
    both = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
