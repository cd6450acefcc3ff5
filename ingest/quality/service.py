"""The use cases of quality control: what was said of a device's readings, and the normals of months."""

from __future__ import annotations

from pathlib import Path

from foundation.clock import Clock
from ingest.catalog import Catalog
from ingest.history import History
from ingest.quality.keeping import open_plan
from ingest.quality.normals import build_normals
from ingest.quality.report import FlagCounts, FlaggedReading, count_flags, flagged_readings


class Quality:
    """Quality control of one store, for those who ask; writers flag by `quality/stream`, the compaction by `quality/final`."""

    def __init__(self, folder: Path, catalog: Catalog, history: History, clock: Clock) -> None:
        self._folder, self._catalog, self._history, self._clock = folder, catalog, history, clock

    def counts(self, device: str, start_ms: int, end_ms: int) -> list[FlagCounts]:
        """Return, for each channel of a device, how many of its readings in [start, end) had which flag and which result of each test."""
        return count_flags(self._history.asker, self._names(device), start_ms, end_ms)

    def flagged(self, device: str, start_ms: int, end_ms: int, limit: int = 100) -> list[FlaggedReading]:
        """Return the newest suspect, failed and missing readings of a device in [start, end) with every test's result, newest first."""
        return flagged_readings(self._history.asker, self._names(device), start_ms, end_ms, limit)

    def build_normals(self) -> int:
        """Add the months that are over to the normals that readings are held against; return how many normals that made."""
        return build_normals(self._catalog, self._history, open_plan(self._folder, self._catalog), self._clock)

    def _names(self, device: str) -> dict[int, tuple[str, str]]:
        return {s.sid: (s.device, s.channel) for s in self._catalog.series("device = ?", (device,))}
