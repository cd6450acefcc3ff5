"""What is remembered of each host between requests: when it may be asked next, how much it gave today, its robots.txt, its failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Date, Engine, Integer, Table, Text, delete, insert, select, update

from foundation.clock import Clock, market_day, to_ms
from foundation.database import metadata, reading
from pricing.breaker import Breaker

price_host = Table(
    "price_host", metadata,
    Column("host", Text, primary_key=True),
    Column("next_ms", BigInteger, nullable=False, default=0),  # before this it is not asked
    Column("day", Date),
    Column("bytes", BigInteger, nullable=False, default=0),  # of that day
    Column("failures", Integer, nullable=False, default=0),
    Column("open_until_ms", BigInteger, nullable=False, default=0),
    Column("robots", Text),
    Column("robots_ms", BigInteger),
    Column("refusal", Text, nullable=False, default=""),  # the line of robots.txt that last forbade us something
)  # fmt: skip

price_answer = Table(
    "price_answer", metadata,
    Column("request", Text, primary_key=True),  # SHA-256 of what was asked
    Column("source", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),
    Column("blob", Text, nullable=False),
    Column("told_ms", BigInteger, nullable=False, index=True),
)  # fmt: skip

# Requests name their days: one that was not repeated for so long will not be.
FORGET_ANSWERS_MS = 60 * 86_400_000
# However far ahead a host was booked by processes that are gone, nobody waits longer than this.
LONGEST_TURN_MS = 120_000


@dataclass(frozen=True, slots=True)
class HostState:
    """How one host is: what it gave on `day`, its robots.txt and when that was read, and its breaker."""

    host: str
    bytes_today: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    robots: str | None = None
    robots_ms: int = 0
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a host said with an answer so that the same answer need not be sent again, and the blob that holds it."""

    etag: str
    modified: str
    blob: str


class HostBook:
    """The two tables. Every method is one short transaction, so that several processes may ask hosts at once and stay polite together."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock

    def state(self, host: str) -> HostState:
        """Return how a host is."""
        with self._reading.connect() as connection:
            row = connection.execute(select(price_host).where(price_host.c.host == host)).first()
        return _state(row, market_day(self._clock.now())) if row is not None else HostState(host)

    def states(self) -> dict[str, HostState]:
        """Return how every host that was ever asked is."""
        today = market_day(self._clock.now())
        with self._reading.connect() as connection:
            return {r.host: _state(r, today) for r in connection.execute(select(price_host))}

    def turn(self, host: str, gap_seconds: float) -> float:
        """Book the next turn to ask a host, at least `gap_seconds` behind the turn before, and return the seconds until it comes."""
        now = to_ms(self._clock.now())
        with self._engine.begin() as connection:
            before = int(self._row(connection, host).next_ms)
            mine = max(now, min(before, now + LONGEST_TURN_MS))
            self._set(connection, host, {"next_ms": mine + int(gap_seconds * 1000)})
        return (mine - now) / 1000

    def answered(self, host: str, size: int, *, well: bool) -> None:
        """Count the bytes of an answer; a proper one closes the breaker."""
        today = market_day(self._clock.now())
        with self._engine.begin() as connection:
            row = self._row(connection, host)
            values: dict[str, Any] = {"day": today, "bytes": size + (row.bytes if row.day == today else 0)}
            if well and (row.failures or row.open_until_ms):
                values |= {"failures": 0, "open_until_ms": 0}
            self._set(connection, host, values)

    def failed(self, host: str, rest_seconds: float = 0.0) -> Breaker:
        """Count a failure and return the breaker; `rest_seconds` is how long the host asked to be left alone."""
        with self._engine.begin() as connection:
            row = self._row(connection, host)
            breaker = Breaker(row.failures, row.open_until_ms).failed(to_ms(self._clock.now()), int(rest_seconds * 1000))
            self._set(connection, host, {"failures": breaker.failures, "open_until_ms": breaker.open_until_ms})
        return breaker

    def keep_robots(self, host: str, text: str) -> None:
        """Keep a host's robots.txt."""
        with self._engine.begin() as connection:
            self._row(connection, host)
            self._set(connection, host, {"robots": text, "robots_ms": to_ms(self._clock.now())})

    def note_refusal(self, host: str, rule: str) -> None:
        """Keep which line of robots.txt forbade us something; nothing where none does."""
        with self._engine.begin() as connection:
            self._row(connection, host)
            self._set(connection, host, {"refusal": rule})

    def told(self, request: str) -> Told | None:
        """Return what a host said with its last answer to a request."""
        t = price_answer.c
        with self._reading.connect() as connection:
            row = connection.execute(select(t.etag, t.modified, t.blob).where(t.request == request)).first()
        return Told(*row) if row is not None else None

    def tell(self, request: str, source: str, told: Told) -> None:
        """Keep what a host said with an answer, and forget what is long past."""
        now = to_ms(self._clock.now())
        t = price_answer
        with self._engine.begin() as connection:
            connection.execute(delete(t).where((t.c.request == request) | (t.c.told_ms < now - FORGET_ANSWERS_MS)))
            row = {"request": request, "source": source, "etag": told.etag, "modified": told.modified, "blob": told.blob, "told_ms": now}
            connection.execute(insert(t).values(row))

    def _row(self, connection: Connection, host: str) -> Any:
        """Return a host's row, locked for this transaction; made where there is none."""
        wanted = select(price_host).where(price_host.c.host == host).with_for_update()
        row = connection.execute(wanted).first()
        if row is None:
            from sqlalchemy.dialects import postgresql, sqlite

            make: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(make(price_host).values(host=host).on_conflict_do_nothing())
            row = connection.execute(wanted).one()
        return row

    def _set(self, connection: Connection, host: str, values: Mapping[str, Any]) -> None:
        connection.execute(update(price_host).where(price_host.c.host == host).values(**values))


def _state(row: Any, today: date) -> HostState:
    spent = row.bytes if row.day == today else 0
    return HostState(row.host, spent, Breaker(row.failures, row.open_until_ms), row.robots, row.robots_ms or 0, row.refusal)
