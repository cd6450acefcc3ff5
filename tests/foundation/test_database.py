"""The records' database: settings of every connection, writers in a queue, readers beside them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, ForeignKey, Integer, MetaData, Table, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from foundation.database import metadata, open_engine, reading

own = MetaData(naming_convention=metadata.naming_convention)
parent = Table("parent", own, Column("id", Integer, primary_key=True))
child = Table("child", own, Column("id", Integer, primary_key=True), Column("parent", ForeignKey("parent.id"), unique=True))


@pytest.fixture
def opened(records_url: str) -> Iterator[Engine]:
    """Yield an engine on a database with the two tables of these tests."""
    engine = open_engine(records_url)
    own.create_all(engine)
    yield engine
    engine.dispose()


def test_sqlite_connections_are_durable_and_keep_references(tmp_path: Path) -> None:
    """WAL, synchronous FULL, foreign keys and a patient busy timeout hold on every connection, of the reading view too."""
    engine = open_engine(f"sqlite:///{tmp_path / 'new' / 'records.db'}")
    for view in (engine, reading(engine)):
        with view.connect() as connection:
            got = [connection.execute(text(f"PRAGMA {p}")).scalar() for p in ("journal_mode", "synchronous", "foreign_keys")]
            assert got == ["wal", 2, 1]
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30_000


def test_a_reference_to_nothing_is_refused_on_both_engines(opened: Engine) -> None:
    """A row that names what is not there does not come in; the transaction leaves nothing."""
    engine = opened

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(parent.insert().values(id=1))
            connection.execute(child.insert().values(id=1, parent=2))

    with pytest.raises(IntegrityError):
        write()
    with reading(engine).connect() as connection:
        assert connection.execute(parent.select()).all() == []


def test_constraints_have_fixed_names_on_both_engines(opened: Engine) -> None:
    """A migration can name a constraint without asking the engine."""
    engine = opened
    assert inspect(engine).get_foreign_keys("child")[0]["name"] == "fk_child_parent_parent"
    assert inspect(engine).get_unique_constraints("child")[0]["name"] == "uq_child_parent"


def test_two_writers_queue_and_none_is_lost(opened: Engine) -> None:
    """Read-then-write transactions of several threads all take effect, one after the other."""
    engine = opened
    failed: list[BaseException] = []

    def add(start: int) -> None:
        try:
            for n in range(25):
                with engine.begin() as connection:
                    connection.execute(text("SELECT count(*) FROM parent"))
                    connection.execute(parent.insert().values(id=start + n))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=add, args=(k * 1000,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with reading(engine).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM parent")).scalar() == 100


def test_a_reader_does_not_wait_for_a_writer(opened: Engine) -> None:
    """While a writer holds its transaction, the reading view answers, with the state before it."""
    engine = opened
    with engine.begin() as writer:
        writer.execute(parent.insert().values(id=1))
        with reading(engine).connect() as reader:
            assert reader.execute(text("SELECT count(*) FROM parent")).scalar() == 0
    with reading(engine).connect() as reader:
        assert reader.execute(text("SELECT count(*) FROM parent")).scalar() == 1


def test_a_postgres_url_may_be_written_short(postgres_url: str) -> None:
    """`postgres://` and `postgresql://` both mean psycopg 3."""
    for url in (postgres_url, postgres_url.replace("postgresql://", "postgres://")):
        engine = open_engine(url)
        assert engine.driver == "psycopg"
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        engine.dispose()


def test_a_folder_that_is_a_file_fails_loudly(tmp_path: Path) -> None:
    """A records path that cannot be opened is an error at the first use, not an empty database elsewhere."""
    (tmp_path / "records.db").mkdir()
    with pytest.raises(OperationalError):
        open_engine(f"sqlite:///{tmp_path / 'records.db'}").connect()
