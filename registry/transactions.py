"""How the registry reads and writes: one transaction per use case, a race for the same id told as Conflict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from foundation.clock import Clock, to_ms
from foundation.database import reading
from foundation.errors import Conflict


class Transactions:
    """An engine, its read-only view and a clock."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reader = reading(engine)
        self._clock = clock

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Yield a transaction that commits at the end of the block."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError as error:
            # Rules are checked before writing; what the database still refuses is a race with another process.
            raise Conflict("the records changed while this was written", todo="try again") from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Yield a transaction that only reads and never waits for a writer."""
        with self._reader.begin() as connection:
            yield connection

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())
