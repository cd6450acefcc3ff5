"""A job store of the scheduler whose due times outlive the process. Imports APScheduler: load it where it is used."""

from __future__ import annotations

from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore
from sqlalchemy.exc import SQLAlchemyError

from foundation.errors import SuheError
from foundation.log import get_logger
from suhe.job_store import DueTimes


class KeptJobStore(MemoryJobStore):  # type: ignore[misc] # the library has no types
    """A job store whose due times outlive the process."""

    def __init__(self, times: DueTimes) -> None:
        super().__init__()
        self._times = times

    def add_job(self, job: Any) -> None:
        """Add a job and keep when it is due."""
        super().add_job(job)
        self._keep(job)

    def update_job(self, job: Any) -> None:
        """Change a job and keep when it is due."""
        super().update_job(job)
        self._keep(job)

    def _keep(self, job: Any) -> None:
        # The library calls this in the middle of its loop: a time that could not be kept must not end every job. It costs at most a
        # second run after the next start, and a run that was done is claimed.
        try:
            self._times.keep(job.id, str(job.trigger), job.next_run_time)
        except (SQLAlchemyError, SuheError) as error:
            get_logger(__name__).warning("a job's time could not be kept", job=job.id, why=str(error)[:200])
