"""Looking after one store on disk: compaction, retention, deletion, proof that it is whole, backup. Any process may, beside the writers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from foundation.clock import Clock
from ingest import manifest
from ingest.catalog import Catalog
from ingest.compaction import compact, remove_dropped
from ingest.deletions import Deletion, deletions
from ingest.rollups import LEVELS

if TYPE_CHECKING:
    from ingest.backing import Backup
    from ingest.checking import Report
    from ingest.retention import Keep


@dataclass(frozen=True)
class Kind:
    """The files of one kind in numbers; `bytes` are those recorded at writing."""

    name: str
    files: int
    rows: int
    bytes: int


class Store:
    """The folder of readings of one installation."""

    def __init__(self, folder: Path, clock: Clock, catalog: Catalog | None = None) -> None:
        self._folder, self._clock, self._given = folder, clock, catalog

    def compact(self) -> int:
        """Merge waiting segments into sorted files now and return how many were merged."""
        merged = compact(self._folder, self.catalog, self._clock)
        remove_dropped(self._folder, self.catalog, self._clock)
        return merged

    def retain(self, keep: Keep) -> list[Deletion]:
        """Take away what is older than it is kept for, and return the trace."""
        from ingest.retention import retain

        made = retain(self._folder, self.catalog, self._clock, keep)
        remove_dropped(self._folder, self.catalog, self._clock)
        return made

    def delete(self, device: str, channel: str, start_ms: int, end_ms: int, *, who: str, why: str) -> Deletion:
        """Delete the readings of a device, or of one channel of it, observed in [start, end), and return the trace."""
        from ingest.erasing import erase

        return erase(self._folder, self.catalog, self._clock, device, channel, start_ms, end_ms, who=who, why=why)

    def deletions(self, devices: Sequence[str] | None = None, start_ms: int | None = None, end_ms: int | None = None) -> list[Deletion]:
        """Return what was deleted, the newest first."""
        return deletions(self.catalog, devices, start_ms, end_ms)

    def check(self, *, deep: bool = False) -> Report:
        """Look whether every file is what the manifest says it is."""
        from ingest.checking import check

        return check(self._folder, self.catalog, deep=deep)

    def backup(self, target: Path) -> Backup:
        """Copy the store, in use as it is, to a folder that is empty or not there."""
        from ingest.backing import backup

        return backup(self._folder, target, self._clock)

    def export(
        self, form: str, start_ms: int, end_ms: int, devices: Sequence[str] = (), channels: Sequence[str] = (), *, good_only: bool = False
    ) -> Iterator[bytes]:
        """Yield readings as a file of a format, narrowed by devices and channels; in bounded memory."""
        from ingest.asking import Asker
        from ingest.exporting import export

        where, parameters = ["1"], list[object]()
        for column, values in (("device", devices), ("channel", channels)):
            if values:
                where.append(f"{column} IN ({','.join('?' * len(values))})")
                parameters += values
        series = sorted(self.catalog.series(" AND ".join(where), parameters), key=lambda s: s.sid)
        return export(Asker(self._folder, self.catalog), form, series, start_ms, end_ms, good_only=good_only)

    def stats(self) -> list[Kind]:
        """Return segments, daily files and rollups in numbers."""
        with self.catalog.snapshot():
            files, windows, known = self.catalog.files(), manifest.rollups(self.catalog), manifest.digests(self.catalog)
        labels = {level.window_ms: f"rollup {level.label}" for level in LEVELS}
        found: dict[str, list[int]] = {name: [0, 0, 0] for name in ("segment", "daily", *labels.values())}
        told = [(f.kind, f.name, f.rows) for f in files] + [(labels.get(r.window_ms, "rollup"), r.name, r.rows) for r in windows]
        for kind, name, rows in told:
            size = known[name].size if name in known else (self._folder / manifest.PLACES.get(kind, "rollup") / name).stat().st_size
            for at, more in enumerate((1, rows, size)):
                found.setdefault(kind, [0, 0, 0])[at] += more
        return [Kind(name, *numbers) for name, numbers in found.items()]

    @cached_property
    def catalog(self) -> Catalog:
        """The catalogue, opened when it is needed."""
        return self._given or Catalog(self._folder)
