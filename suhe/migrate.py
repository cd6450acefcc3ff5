"""Bring the records' schema up to date: forward only, under a lock, refusing a schema newer than this program."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, MetaData, text

from foundation.database import metadata
from foundation.errors import Conflict

# Any number will do; it only has to be the same in every process that migrates.
_ADVISORY_LOCK = 371522_321023


def tables() -> MetaData:
    """Return the MetaData with every domain's tables on it."""
    import foundation.notify_outbox
    import logistics.cold_chain.store
    import logistics.freight.store
    import pricing.alerts.store
    import pricing.desk.tables
    import pricing.forecast.store
    import pricing.hosts
    import pricing.index_store
    import pricing.reviews
    import pricing.store
    import pricing.touched
    import pricing.usual
    import registry.feed_store
    import registry.store
    import suhe.job_store
    import traceability.anchor_store
    import traceability.limits_store
    import traceability.map_store
    import traceability.photos
    import traceability.problem_reports
    import traceability.scan_store
    import traceability.seal_store
    import traceability.secret_store
    import traceability.store
    import traceability.witness_store

    assert registry.feed_store
    assert logistics.cold_chain.store and logistics.freight.store and pricing.store and pricing.desk.tables and registry.store
    assert pricing.index_store
    assert pricing.hosts and pricing.reviews and pricing.usual and suhe.job_store
    assert traceability.store and traceability.anchor_store and traceability.witness_store and traceability.secret_store
    assert pricing.forecast.store
    assert traceability.photos and traceability.problem_reports
    assert traceability.scan_store
    assert pricing.alerts.store and foundation.notify_outbox
    assert traceability.map_store and traceability.seal_store
    assert traceability.limits_store and traceability.map_store and traceability.seal_store
    return metadata


def migrate(engine: Engine) -> None:
    """Apply every migration the database lacks; raise Conflict where the database is newer than this program."""
    tables()
    # One transaction for all: SQLite's BEGIN IMMEDIATE or PostgreSQL's advisory lock keeps a second process waiting.
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})
        config = _config(connection)
        current = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory.from_config(config)
        if current == scripts.get_current_head():
            return
        if current is not None:
            try:
                scripts.get_revision(current)
            except CommandError as error:
                raise Conflict(
                    "the records were written by a newer Suhe", got=f"schema {current}", todo="install that version or a later one"
                ) from error
        command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    return config


def new_migration(engine: Engine, message: str, number: str) -> None:
    """Write a migration that takes the database behind `engine` to the tables as they stand in the code."""
    tables()
    with engine.begin() as connection:
        command.revision(_config(connection), message=message, autogenerate=True, rev_id=number)
