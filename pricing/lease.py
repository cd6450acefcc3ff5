"""A lease in the records: of several processes that could do a thing, one does, and another takes over when it falls silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from foundation.clock import Clock, to_ms
from pricing.store import price_lease

if TYPE_CHECKING:
    from pricing.service import Prices


class Lease:
    """Held by one holder at a time, for `seconds` after each `take`. `fence` grows with every change of hands."""

    def __init__(self, prices: Prices, clock: Clock, name: str, holder: str, seconds: float) -> None:
        self._engine = prices.engine
        self._clock = clock
        self._name = name
        self._holder = holder
        self._ms = int(seconds * 1000)

    def take(self) -> bool:
        """Take or prolong the lease; False where somebody else holds it."""
        now = to_ms(self._clock.now())
        t = price_lease
        mine = t.c.holder == self._holder
        with self._engine.begin() as connection:
            if connection.execute(update(t).where(t.c.name == self._name, mine).values(until_ms=now + self._ms)).rowcount:
                return True
            free = update(t).where(t.c.name == self._name, or_(t.c.until_ms < now, t.c.until_ms > now + 10 * self._ms))
            if connection.execute(free.values(holder=self._holder, until_ms=now + self._ms, fence=t.c.fence + 1)).rowcount:
                return True
            if connection.execute(select(t.c.name).where(t.c.name == self._name)).first() is not None:
                return False
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(t).values(name=self._name, holder=self._holder, fence=1, until_ms=now + self._ms))
            return True
        except IntegrityError:
            return False

    def give_up(self) -> None:
        """Let the next one have it at once."""
        with self._engine.begin() as connection:
            connection.execute(delete(price_lease).where(price_lease.c.name == self._name, price_lease.c.holder == self._holder))
