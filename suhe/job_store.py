"""When each job is due, kept in the records: a job that was missed while nothing ran is run after the start.

The table of jobs in `suhe/schedule.py` is the truth, so nothing of a job but its time is kept: no function, no arguments, nothing
that would be unpickled. A job whose times were changed starts anew, and one that left the table is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Engine, Table, Text, delete, insert, select, update

from foundation.clock import SHANGHAI, from_ms, to_ms
from foundation.database import metadata
from pricing.lease import Fence

schedule_job = Table(
    "schedule_job", metadata,
    Column("id", Text, primary_key=True),
    Column("times", Text, nullable=False),  # of its trigger, so that changed times are noticed
    Column("due_ms", BigInteger),
)  # fmt: skip


class DueTimes:
    """The table of due times, written by the holder of the lease only."""

    def __init__(self, engine: Engine, fence: Fence | None) -> None:
        self._engine = engine
        self._fence = fence

    def due(self, job_id: str, times: str) -> datetime | None:
        """Return when a job is or was due, None where it is new or its times were changed."""
        t = schedule_job.c
        with self._engine.connect() as connection:
            ms = connection.execute(select(t.due_ms).where(t.id == job_id, t.times == times)).scalar_one_or_none()
        return from_ms(ms).astimezone(SHANGHAI) if ms is not None else None

    def keep(self, job_id: str, times: str, due: datetime | None) -> None:
        """Keep when a job is due."""
        values = {"times": times, "due_ms": to_ms(due) if due is not None else None}

        def write(connection: Connection) -> None:
            if not connection.execute(update(schedule_job).where(schedule_job.c.id == job_id).values(**values)).rowcount:
                connection.execute(insert(schedule_job).values(id=job_id, **values))

        self._write(write)

    def keep_only(self, job_ids: list[str]) -> None:
        """Forget every job but these."""
        self._write(lambda connection: connection.execute(delete(schedule_job).where(schedule_job.c.id.not_in(job_ids))))

    def _write(self, write: Callable[[Connection], object]) -> None:
        with self._engine.begin() as connection:
            if self._fence is not None:
                self._fence.check(connection)
            write(connection)
