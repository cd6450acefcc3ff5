"""The table of erasable values, and how a value is truly gone from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Boolean, Column, Connection, Engine, Table, insert, select, text, update

from foundation.database import metadata
from foundation.errors import NotFound
from traceability.column_types import Bytes, Whole, Words
from traceability.secrets import SALT_BYTES, Kept, Secret
from traceability.store import chunks

secret = Table(
    "secret",
    metadata,
    Column("commitment", Words(64), primary_key=True),
    Column("field", Words(40), nullable=False),
    Column("salt", Bytes(SALT_BYTES)),
    Column("value", Words(120)),
    Column("consent", Boolean, nullable=False),
    Column("party", Words(64), nullable=False),
    Column("kept_ms", Whole, nullable=False),
    Column("erased_ms", Whole),
    Column("reason", Words(200), nullable=False),
)


def keep(connection: Connection, given: Sequence[tuple[Secret, str]], now_ms: int) -> None:
    """Keep values with the party that wrote each. One that was erased stays erased, however often its envelope is sent again."""
    wanted = {s.commitment: (s, party) for s, party in given}
    if not wanted:
        return
    known = set(read(connection, wanted))
    rows = [
        {"commitment": c, "field": s.field, "salt": s.salt, "value": s.value, "consent": s.consent, "party": party, "kept_ms": now_ms,
         "erased_ms": None, "reason": ""}
        for c, (s, party) in wanted.items() if c not in known
    ]  # fmt: skip
    if rows:
        connection.execute(insert(secret), rows)


def read(connection: Connection, commitments: Iterable[str]) -> Mapping[str, Kept]:
    """Return what is kept of these commitments."""
    found = {}
    for some in chunks(commitments):
        for row in connection.execute(select(secret).where(secret.c.commitment.in_(some))):
            salt = None if row.salt is None else bytes(row.salt)
            found[row.commitment] = Kept(row.commitment, row.field, salt, row.value, row.consent, row.party, row.erased_ms)
    return found


def erase(engine: Engine, commitment: str, reason: str, now_ms: int) -> int:
    """Delete salt and value, keep that and when it was; return when. A second time changes nothing and returns the first time.

    What was deleted must not lie on in the file: SQLite zeroes what it frees (`secure_delete`, see `foundation.database`) and its
    write-ahead log is emptied; PostgreSQL rewrites this small table. Backups are another matter: `docs/security.md`.
    """
    with engine.begin() as connection:
        known = connection.execute(select(secret.c.erased_ms).where(secret.c.commitment == commitment)).first()
        if known is None:
            raise NotFound("no value is kept behind this commitment", got=commitment[:80], todo="read it from the event's suhe:by")
        erased_ms = known.erased_ms or now_ms
        if known.erased_ms is None:
            changed = {"salt": None, "value": None, "consent": False, "erased_ms": now_ms, "reason": reason}
            connection.execute(update(secret).where(secret.c.commitment == commitment).values(**changed))
    # Also when it was erased before: that may be the call that was cut short here.
    _clear_traces(engine)
    return int(erased_ms)


def _clear_traces(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
        return
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM (FULL) secret"))
