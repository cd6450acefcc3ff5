"""A lease in the records: of several processes that could do a thing, one does, and another takes over when it falls silent.

On SQLite the lease is a row with a time. On PostgreSQL it is an advisory lock on a connection of its own, which ends with the process or
its network, and the row beside it holds the heartbeat. On both, `fence` grows with every change of hands, and who writes as the holder
has its number checked within the same transaction: one that slept through its own replacement cannot write any more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Engine, exc, insert, or_, select, text, update

from foundation.clock import Clock, to_ms
from foundation.errors import SuheError
from foundation.log import get_logger
from pricing.store import price_lease

if TYPE_CHECKING:
    from pricing.service import Prices


class LeaseLost(SuheError):
    """Another process took over in the meantime: what we were about to write is not ours to write any more."""

    code = "lease-lost"
    status = 409


@dataclass(frozen=True, slots=True)
class Fence:
    """The number of one holding of a lease. Numbers only grow."""

    name: str
    number: int

    def check(self, connection: Connection) -> None:
        """Raise LeaseLost unless the lease is still held under this number; it then stays so until the transaction ends."""
        t = price_lease.c
        # The row is locked: a successor's number waits for this transaction, so nothing is written under two numbers at once.
        found = connection.execute(select(t.fence).where(t.name == self.name).with_for_update()).scalar_one_or_none()
        if found != self.number:
            raise LeaseLost("another scheduler has taken over", expected=f"number {self.number}", got=f"number {found}")


class Lease:
    """Held by one holder at a time, for `seconds` after each `take`. `holder` must be of one process, and of one run of it."""

    def __init__(self, prices: Prices, clock: Clock, name: str, holder: str, seconds: float) -> None:
        self._engine = prices.engine
        self._clock = clock
        self._name = name
        self._holder = holder
        self._ms = int(seconds * 1000)
        self._lock = _AdvisoryLock(prices.engine, name) if prices.engine.dialect.name == "postgresql" else None
        self._fence = 0

    @property
    def fence(self) -> Fence:
        """The number under which it is held, for the writes of the holder."""
        return Fence(self._name, self._fence)

    def take(self) -> bool:
        """Take or prolong the lease; False where somebody else holds it. Taken anew it has another number."""
        if self.prolong():
            return True
        now = to_ms(self._clock.now())
        if self._lock is not None and not self._lock.take():
            # A holder whose process stands still keeps its connection, and with it the lock. Its heartbeat gives it away.
            if not self._is_silent(now):
                return False
            self._lock.end_other_holders()
            if not self._lock.take():
                return False
        return self._take_row(now)

    def prolong(self) -> bool:
        """Keep the lease under the number it has; False where it is not ours any more, which it then stays."""
        if not self._fence or (self._lock is not None and not self._lock.held()):
            return False
        until = to_ms(self._clock.now()) + self._ms
        with self._engine.begin() as connection:
            return bool(connection.execute(update(price_lease).where(self._mine()).values(until_ms=until)).rowcount)

    def give_up(self) -> None:
        """Let the next one have it at once. The number stays, so that it never comes again."""
        try:
            with self._engine.begin() as connection:
                connection.execute(update(price_lease).where(self._mine()).values(holder="", until_ms=0))
        finally:
            if self._lock is not None:
                self._lock.release()

    def _mine(self) -> ColumnElement[bool]:
        t = price_lease.c
        return (t.name == self._name) & (t.holder == self._holder) & (t.fence == self._fence)

    def _take_row(self, now: int) -> bool:
        t = price_lease
        values = {"holder": self._holder, "until_ms": now + self._ms}
        free = t.c.name == self._name
        if self._lock is None:
            # Far ahead is no lease but a clock that was wrong.
            free &= or_(t.c.until_ms < now, t.c.until_ms > now + 10 * self._ms)
        with self._engine.begin() as connection:
            taken = connection.execute(update(t).where(free).values(**values, fence=t.c.fence + 1).returning(t.c.fence))
            number = taken.scalar_one_or_none()
            if number is None and connection.execute(select(t.c.name).where(t.c.name == self._name)).first() is not None:
                return False
        if number is None:
            try:
                with self._engine.begin() as connection:
                    connection.execute(insert(t).values(name=self._name, fence=1, **values))
            except exc.IntegrityError:
                return False
        self._fence = number or 1
        return True

    def _is_silent(self, now: int) -> bool:
        with self._engine.connect() as connection:
            until = connection.execute(select(price_lease.c.until_ms).where(price_lease.c.name == self._name)).scalar_one_or_none()
        return until is not None and until < now


class _AdvisoryLock:
    """A session lock of PostgreSQL on a connection that does nothing else."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._key = int.from_bytes(hashlib.sha256(f"suhe lease {name}".encode()).digest()[:4], "big") & 0x7FFFFFFF
        self._connection: Connection | None = None
        self._held = False

    def take(self) -> bool:
        """Take the lock where it is free. Who stands by asks on the connection it keeps for that."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                # Detached: the pool must not hand the connection that holds the lock to anybody else.
                self._connection.detach()
            self._held = bool(self._connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}).scalar_one())
        except exc.DBAPIError:
            get_logger(__name__).warning("the lock cannot be asked for")
            self.release()
        return self._held

    def held(self) -> bool:
        """Tell whether our connection, and with it the lock, is still there."""
        if not self._held or self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except exc.DBAPIError:
            self.release()
        return self._held

    def end_other_holders(self) -> None:
        """End the connection that holds the lock: its process stands still or is cut off."""
        ended = (
            "SELECT pg_terminate_backend(l.pid, 2000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = :key "
            "AND l.pid <> pg_backend_pid()"
        )
        try:
            with self._engine.connect() as connection:
                connection.execute(text(ended), {"key": self._key})
        except exc.DBAPIError:
            get_logger(__name__).warning("the silent holder of the lock cannot be ended")

    def release(self) -> None:
        """Close the connection, which frees the lock."""
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            try:
                connection.close()
            except exc.DBAPIError:
                connection.invalidate()
