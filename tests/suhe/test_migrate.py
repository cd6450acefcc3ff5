"""The migrations make exactly the tables the code uses, on both databases."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from foundation.database import open_engine
from foundation.errors import Conflict
from suhe.migrate import _config, migrate, tables


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


def test_stored_series_learn_their_variety(records_url: str) -> None:
    """Step 0017 reads the names that are stored already, and what stands is kept to the last row."""
    engine = open_engine(records_url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0016")
        for number, name in enumerate(("净藕", "西红柿", "怪菜"), 1):
            connection.execute(
                text("INSERT INTO price_series (id, source, market, name, spec, grade, origin, currency)"
                     " VALUES (:n, 's', 'm', :name, '', '', '', 'CNY')"),
                {"n": number, "name": name},
            )  # fmt: skip
            connection.execute(
                text("INSERT INTO quote_current (series_id, valid_date, ordinal, observed_ms, low, mid, high, mid_kind, raw_price,"
                     " raw_unit, run_id) VALUES (:n, '2026-11-20', 0, 1, 1, 2, 3, 'midpoint', '', '斤', 1)"),
                {"n": number},
            )  # fmt: skip
    migrate(engine)
    with engine.connect() as connection:
        series = connection.execute(text("SELECT name, product, variety FROM price_series ORDER BY id")).all()
        assert [tuple(r) for r in series] == [("净藕", "lotus_root", "cleaned"), ("西红柿", "tomato", None), ("怪菜", None, None)]
        stands = connection.execute(text("SELECT series_id, mid, raw_unit FROM quote_current ORDER BY series_id")).all()
        assert [tuple(r) for r in stands] == [(n, 2, "斤") for n in (1, 2, 3)]
        if connection.dialect.name == "sqlite":
            made = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'quote_current'")).scalar_one()
            assert "WITHOUT ROWID" in made and "FOREIGN KEY" not in made
