"""Answers and bytes of the store of readings.

    python -m bench.store            10 M readings: 4,000 series x 2,500 over 30 days; all of the real weather
    python -m bench.store --quick    0.96 M readings: 960 series x 1,000; a quarter of a year of the real weather

The questions go through `ingest.service.Readings`, each time about another field, after one that is not counted; the files are in the
page cache. Peers answer the same question from the same readings: DuckDB over the daily files by hand (one value for each series and time,
flagged ones left out, as ours), and SQLite clustered by series and time, which holds one value each and no revisions. Bytes are those of
the daily files, every column in them, of PRSA's Shunyi and Huairou (hourly, six channels) and Changins (ten minutes, four channels) of the
folder SUHE_CONFORMANCE_DATA, merged from segments month by month as compaction does.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.report import Row, print_report
from bench.store_data import FIRST_DAY, METRICS, field_devices, make_store
from bench.store_weather import weather_store
from foundation.clock import SystemClock
from ingest.asking import quoted
from ingest.rollups import DAY_MS, HOUR, day_start
from ingest.service import Readings

ROUNDS, QUICK_ROUNDS = 15, 7
DAYS = 30
SPAN = (day_start(FIRST_DAY), day_start(FIRST_DAY + DAYS))
Question = Callable[[int], Any]


class Nobody:
    """A directory for a service that is only asked."""

    def gateway_county(self, gateway_id: str) -> str | None:  # noqa: ARG002
        """Know no gateway."""
        return None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:  # noqa: ARG002
        """Allow no device."""
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a tenth of the readings, fewer rounds")
    quick = parser.parse_args().quick
    fields, points, rounds = (12, 1_000, QUICK_ROUNDS) if quick else (50, 2_500, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="suhe-bench-store-") as name:
        rows = answers(Path(name) / "fields", fields, points, rounds)
        rows += weather(Path(name) / "weather", quick=quick)
    print_report("store", rows)


def answers(folder: Path, fields: int, points: int, rounds: int) -> list[Row]:
    """Return the figures of questions, ours and the peers' in turn."""
    total = make_store(folder, fields, points, DAYS)
    series = fields * 80
    scale = f"{total / 1e6:.2f} M readings, {series:,} series, {DAYS} days"
    readings = Readings(folder, SystemClock(), Nobody())
    peers = Peers(folder, readings)

    def keys(k: int) -> list[tuple[str, str]]:
        return [(device, METRICS[k % 4]) for device in field_devices((k * 7 + 3) % fields)]

    asked: dict[str, Question] = {
        "latest": lambda _: readings.latest(),
        "hourly": lambda k: readings.aggregate_together(keys(k), *SPAN, HOUR),
        "daily": lambda _: readings.aggregate_all(*SPAN, DAY_MS),
        "quantiles": lambda k: readings.quantiles(keys(k), *SPAN, [0.05, 0.5, 0.95]),
        "range": lambda k: readings.range(*keys(k)[0], *SPAN, limit=points),
        "hourly, DuckDB": lambda k: peers.hourly_duckdb(keys(k)),
        "daily, DuckDB": lambda _: peers.daily_duckdb(),
        "latest, SQLite": lambda _: peers.latest_sqlite(),
        "hourly, SQLite": lambda k: peers.hourly_sqlite(keys(k)),
    }
    assert len(asked["latest"](0)) == series
    assert (
        sum(w.n + w.flagged for w in asked["hourly"](0))
        == 20 * points
        == sum(n for _, n, _ in asked["hourly, DuckDB"](0)) + sum(w.flagged for w in asked["hourly"](0))
    )
    took: dict[str, list[float]] = {name: [] for name in asked}
    for k in range(rounds + 1):
        for name, question in asked.items():
            begin = time.perf_counter()
            question(k)
            took[name].append((time.perf_counter() - begin) * 1000)
    readings.close()
    told = {name: statistics.median(times[1:]) for name, times in took.items()}
    bounds = {"latest": 20.0, "hourly": 20.0, "daily": 250.0}
    rows = [Row(name, told[name], "ms", scale, at_most=bounds.get(name)) for name in ("latest", "hourly", "daily", "quantiles", "range")]
    pairs = (("hourly", "hourly, DuckDB"), ("daily", "daily, DuckDB"), ("latest", "latest, SQLite"), ("hourly", "hourly, SQLite"))
    return rows + [Row(f"{ours} against {peer.split(', ')[1]}", told[ours], "ms", scale, peer, told[peer]) for ours, peer in pairs]


class Peers:
    """The same readings, asked without us."""

    def __init__(self, folder: Path, readings: Readings) -> None:
        import duckdb

        self._duck: Any = duckdb.connect(":memory:", config={"threads": 2})
        self._files = f"read_parquet([{quoted(sorted(map(str, (folder / 'daily').glob('*.parquet'))))}])"
        self._sids = {(x.device, x.channel): k for k, x in enumerate(readings.latest())}
        self._sqlite = sqlite3.connect(folder.parent / "peer.db")
        self._sqlite.execute("PRAGMA synchronous=OFF")
        self._sqlite.execute("CREATE TABLE r (sid INTEGER, t INTEGER, x REAL, flag INTEGER, PRIMARY KEY (sid, t)) WITHOUT ROWID")
        for device in sorted({d for d, _ in self._sids}):
            query = f"SELECT device, channel, t, x, flag FROM {self._files} WHERE device = '{device}' ORDER BY channel, t"
            rows = [(self._sids[d, c], t, x, flag) for d, c, t, x, flag in self._duck.execute(query).fetchall()]
            self._sqlite.executemany("INSERT INTO r VALUES (?,?,?,?)", rows)
        self._sqlite.commit()

    def hourly_duckdb(self, keys: Sequence[tuple[str, str]]) -> Any:
        """Answer from the daily files."""
        one = self._one(f"device IN ({quoted([d for d, _ in keys])}) AND channel = '{keys[0][1]}'")
        return self._duck.execute(f"SELECT t // {HOUR} AS w, count(*), avg(x) FROM ({one}) WHERE flag < 3 GROUP BY w ORDER BY w").fetchall()

    def daily_duckdb(self) -> Any:
        """Answer from the daily files, as arrays."""
        day = f"(t + 28800000) // {DAY_MS}"
        return self._duck.execute(
            f"SELECT sid, {day} AS w, min(x), max(x) FROM ({self._one('true')}) WHERE flag < 3 GROUP BY sid, w"
        ).fetchnumpy()

    def latest_sqlite(self) -> Any:
        """Look the newest of each series up in the clustered table."""
        last = "SELECT t, x, flag FROM r WHERE sid = ? ORDER BY t DESC LIMIT 1"
        return [self._sqlite.execute(last, (sid,)).fetchone() for sid in self._sids.values()]

    def hourly_sqlite(self, keys: Sequence[tuple[str, str]]) -> Any:
        """Answer from the clustered table."""
        sids = ", ".join(str(self._sids[key]) for key in keys)
        query = f"SELECT t / {HOUR} AS w, count(*), avg(x) FROM r WHERE sid IN ({sids}) AND flag < 3 GROUP BY w ORDER BY w"
        return self._sqlite.execute(query).fetchall()

    def _one(self, where: str) -> str:
        last = "arg_max(x, (received, seq, x)) AS x, arg_max(flag, (received, seq, x)) AS flag"
        return f"SELECT sid, t, {last} FROM {self._files} WHERE {where} GROUP BY sid, t"


def weather(folder: Path, *, quick: bool) -> list[Row]:
    """Return bytes per reading on real weather; nothing where the data is not at hand."""
    told = os.environ.get("SUHE_CONFORMANCE_DATA")
    data = Path(told or "") / "field"
    if not told or not (data / "prsa_weather_Shunyi.csv.gz").exists():
        print("left out: bytes per reading, bytes of windows: set SUHE_CONFORMANCE_DATA to the folder of conformance data")
        return []
    made = weather_store(folder, data, months=3 if quick else 60)
    scale = f"{made.rows:,} readings of 3 stations, {made.files} files"
    return [
        Row("bytes per reading", made.daily / made.rows, "bytes", scale, at_most=6.0),
        Row("bytes of windows", made.rollups / made.rows, "bytes", f"hours and days, for each of {made.rows:,} readings"),
    ]


if __name__ == "__main__":
    main()
