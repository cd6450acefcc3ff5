"""One rewriting of a store's sorted files: rows put together by county and day, their rollups made anew, all named in one transaction.

Files are written under new names while the old ones are read; nothing is changed until `finish`, and a `Merge` that is thrown away leaves
only files that nobody names, which the next one removes.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.clock import SHANGHAI, from_ms
from ingest import catalog as cat
from ingest import manifest, rollups
from ingest.catalog import Catalog, StoredFile
from ingest.channels import CHANNELS
from ingest.encoding import ROLLUP_GROUP, Encoder
from ingest.manifest import PLACES, Digest, RolledDay, RollupFile
from ingest.quality.changes import changed_days, days_of, put_changes
from ingest.quality.final import final_flags
from ingest.quality.keeping import open_plan
from ingest.rollups import Level, day_start, roll
from ingest.segments import read_rows
from ingest.settling import settle

_SORTED, _SORTED_ROLLUP = "sid, t, received, seq, x, version", "sid, t"


@dataclass
class _Block:
    """The rollups of one file to be: days that are told anew, and their rows."""

    days: set[int] = field(default_factory=set)
    parts: list[dict[str, Any]] = field(default_factory=list)


class Merge:
    """Writes daily files and rollups under one generation number, then switches the manifest."""

    def __init__(self, folder: Path, catalog: Catalog, now_ms: int) -> None:
        self._folder, self._catalog, self._now = folder, catalog, now_ms
        # A number of the catalogue's own, not the time: a clock may stand still or go back, a file's name must never come twice.
        told = catalog.rows("SELECT value FROM counter WHERE name = 'compactions'")
        self._generation = 1 + (int(str(told[0][0])) if told else 0)
        series = catalog.series()
        self._angles = {s.sid for s in series if s.channel in CHANNELS and CHANNELS[s.channel].kind == "angle"}
        self._encoder = Encoder(series)
        self._plan = open_plan(folder, catalog)
        self._reflagged: set[tuple[int, int]] = set()
        self._frozen = {(d.county, d.day) for d in manifest.rolled_days(catalog, "frozen")}
        self._files: list[tuple[StoredFile, Digest, tuple[int, int]]] = []
        self._rolled: list[RolledDay] = []
        self._blocks: dict[tuple[str, Level, int], _Block] = defaultdict(_Block)
        self._replaced: list[str] = []

    def close(self) -> None:
        """Give the memory back."""
        self._encoder.close()

    @property
    def replaced(self) -> list[str]:
        """Names that leave the manifest at `finish`."""
        return self._replaced

    def replace(self, names: Iterable[str]) -> None:
        """Have these files leave the manifest."""
        self._replaced += names

    def write(self, county: str, first: int, last: int, frame: Any, older: Iterable[StoredFile], *, made_ms: int | None = None) -> None:
        """Put a frame and the rows of older daily files together as the readings of the days `first` to `last` of a county."""
        import numpy as np
        import polars as pl

        older = list(older)
        parts = [*(read_rows(self._folder / PLACES["daily"] / f.name) for f in older), *([frame] if frame is not None else [])]
        columns = settle(pl.concat(parts))
        # Of a day that goes on, writers say what turns out bad; the whole day is judged once it is over.
        if len(columns["sid"]) and last < rollups.day_number(self._now):
            before = columns["flag"]
            columns["flag"], columns["tests"] = final_flags(self._plan, columns)
            self._reflagged |= changed_days(columns, before)
            if frame is not None:
                words = frame.filter(pl.col("version") > 0)
                self._reflagged |= days_of(words["sid"].to_numpy(), words["t"].to_numpy())
        self.replace(f.name for f in older)
        if len(columns["sid"]):
            name = self._name(county, first, last, ".parquet")
            digest = self._encoder.write(self._folder / PLACES["daily"], name, columns, _SORTED)
            low, high = int(columns["t"].min()), int(columns["t"].max())
            file = StoredFile(name, "daily", county, first, len(columns["sid"]), low, high, made_ms or self._now)
            self._files.append((file, digest, (first, last)))
            self._roll(county, first, last, columns, np.unique(rollups.day_of(columns)).tolist(), name)
        else:
            self._roll(county, first, last, columns, [], "")

    def _roll(self, county: str, first: int, last: int, columns: dict[str, Any], days: list[int], source: str) -> None:
        """Note the rollups of days told anew. A day whose readings retention took keeps its own: what is late comes on top at the end."""
        self._rolled += [RolledDay(county, day, source, frozen=False) for day in days if (county, day) not in self._frozen]
        told = {day for day in range(first, last + 1) if (county, day) not in self._frozen}
        for level in rollups.KEPT_WITH_READINGS:
            rows = roll(columns, level.window_ms, self._angles)
            of = rollups.day_of(rows)
            for start in sorted({level.block(day)[0] for day in told}):
                block = self._blocks[county, level, start]
                here = {day for day in told if level.block(day)[0] == start}
                block.days |= here
                mine = [day in here for day in of.tolist()]
                if any(mine):
                    block.parts.append(rollups.only(rows, mine))

    def freeze(self, county: str, first: int, last: int, columns: dict[str, Any], name: str, *, five_minutes_from: int | None) -> None:
        """Have the readings of days go: keep their windows, those of five minutes where they are not too old for them either.

        Windows of days whose readings went before stand; what came late since is added to them.
        """
        days = sorted(set(rollups.day_of(columns).tolist()))
        told = {d.day: d for d in manifest.rolled_days(self._catalog, "county = ? AND day BETWEEN ? AND ?", (county, first, last))}
        for level in rollups.LEVELS:
            rows = roll(columns, level.window_ms, self._angles)
            of = rollups.day_of(rows)
            for day in days:
                frozen = (county, day) in self._frozen
                valid = day in told and told[day].source == name
                young = five_minutes_from is None or day >= five_minutes_from
                if not (young if level is rollups.FIVE_MINUTES else frozen or not valid):
                    continue
                block = self._blocks[county, level, level.block(day)[0]]
                block.days |= set() if frozen else {day}
                if (of == day).any():
                    block.parts.append(rollups.only(rows, of == day))
        self._rolled += [RolledDay(county, day, "", frozen=True) for day in days]

    def forget_series(self, county: str, sids: Iterable[int], start_ms: int, end_ms: int) -> int:
        """Take the windows of series that begin in [start, end) out of a county's rollups and return how many rows went."""
        import numpy as np

        wanted, gone = np.array(sorted(sids), dtype=np.int64), 0
        where = "county = ? AND max_t >= ? AND min_t < ?"
        for file in manifest.rollups(self._catalog, where, (county, start_ms - rollups.DAY_MS, end_ms)):
            rows = read_rollup(self._folder / PLACES["rollup"] / file.name)
            out = np.isin(rows["sid"], wanted) & (rows["t"] + file.window_ms > start_ms) & (rows["t"] < end_ms)
            frozen = np.isin(rollups.day_of(rows), [day for c, day in self._frozen if c == county])
            out &= frozen
            if out.any():
                gone += int(out.sum())
                level = next(x for x in rollups.LEVELS if x.window_ms == file.window_ms)
                block = self._blocks[county, level, level.block(file.first)[0]]
                touched = set(rollups.day_of(rollups.only(rows, out)).tolist())
                block.days |= touched
                kept = ~out & np.isin(rollups.day_of(rows), sorted(touched))
                if kept.any():
                    block.parts.append(rollups.only(rows, kept))
        return gone

    def finish(self, also: Iterable[Any] = ()) -> None:
        """Write the rollups and switch the manifest in one transaction; `also` are functions that take its connection."""
        made = [
            x
            for (county, level, start), block in sorted(self._blocks.items(), key=_place)
            for x in self._block(county, level, start, block)
        ]
        with self._catalog.transaction() as db:
            cat.raise_to(db, "compactions", self._generation)
            leave(db, self._replaced, self._now)
            for file, digest, (first, last) in self._files:
                cat.put_file(db, file)
                manifest.put_digest(db, file.name, digest)
                if last > first:
                    manifest.put_span(db, file.name, first, last)
            for rollup, digest in made:
                manifest.put_rollup(db, rollup)
                manifest.put_digest(db, rollup.name, digest)
            manifest.put_rolled_days(db, self._rolled)
            put_changes(db, self._reflagged, self._now)
            for act in also:
                act(db)
        self.close()

    def _block(self, county: str, level: Level, start: int, block: _Block) -> list[tuple[RollupFile, Digest]]:
        """Write one file of rollups: what was there, without the days told anew, and what is told now."""
        import numpy as np

        last = start + level.days - 1
        older = manifest.rollups(self._catalog, "county = ? AND window_ms = ? AND first = ?", (county, level.window_ms, start))
        parts = list(block.parts)
        for file in older:
            rows = read_rollup(self._folder / PLACES["rollup"] / file.name)
            parts.append(rollups.only(rows, ~np.isin(rollups.day_of(rows), sorted(block.days))))
        self.replace(f.name for f in older)
        rows = rollups.add_up(parts) if parts else {}
        if not parts or not len(rows["sid"]):
            return []
        name = self._name(county, start, last, f".{level.label}.parquet")
        empty = rows["n"] == 0
        told = rows | {x: np.ma.masked_array(np.where(empty, 0.0, rows[x]), mask=empty) for x in ("low", "high")}
        digest = self._encoder.write(self._folder / PLACES["rollup"], name, told, _SORTED_ROLLUP, ROLLUP_GROUP)
        t = rows["t"]
        return [(RollupFile(name, level.window_ms, county, start, last, len(t), int(t.min()), int(t.max()), self._now), digest)]

    def _name(self, county: str, first: int, last: int, ending: str) -> str:
        stamps = [from_ms(day_start(day)).astimezone(SHANGHAI).strftime("%Y%m%d") for day in sorted({first, last})]
        return f"{county or 'unknown'}-{'-'.join(stamps)}-{self._generation:08d}{ending}"


def leave(db: sqlite3.Connection, names: Iterable[str], now_ms: int) -> None:
    """Take files out of the manifest. Their bytes stay for a while: a reader may hold their names, and a sink their order."""
    gone = [(name,) for name in names]
    db.executemany("DELETE FROM file WHERE name = ?", gone)
    db.executemany("INSERT OR REPLACE INTO dropped VALUES (?, ?)", [(name, now_ms) for (name,) in gone])
    db.executemany("DELETE FROM arrival WHERE name = ? AND kind = 'daily'", gone)
    manifest.forget_names(db, (name for (name,) in gone))


def read_rollup(path: Path) -> dict[str, Any]:
    """Return the columns of a file of rollups."""
    import polars as pl

    frame = pl.read_parquet(path, columns=list(rollups.COLUMNS))
    frame = frame.with_columns(pl.col("low").fill_null(float("inf")), pl.col("high").fill_null(float("-inf")))
    return {name: frame[name].to_numpy() for name in rollups.COLUMNS}


def _place(item: tuple[tuple[str, Level, int], Any]) -> tuple[str, int, int]:
    (county, level, start), _ = item
    return county, level.window_ms, start
