"""Real weather through segments and compaction, month by month, for its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from foundation.clock import FixedClock, from_ms
from ingest.catalog import Catalog, StoredFile, put_file
from ingest.keeping import Store
from ingest.manifest import put_digest
from ingest.segments import SegmentName, write_segment

_SIXTEEN = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
_WINDS = {name: k * 22.5 for k, name in enumerate(_SIXTEEN)}
_PRSA = {
    "TEMP": "air_temperature", "PRES": "air_pressure", "DEWP": "dew_point", "RAIN": "rain", "wd": "wind_direction", "WSPM": "wind_speed",
}  # fmt: skip
_CHANGINS = ("air_temperature", "air_humidity", "rain", "leaf_wetness")
_COUNTIES = {"shunyi": "110113", "huairou": "110116", "changins": "000000"}
_MONTH_MS = 30 * 86_400_000
_SEGMENT = 5_000


@dataclass(frozen=True)
class Made:
    """What came of it."""

    rows: int
    files: int
    daily: int
    rollups: int


def weather_store(folder: Path, data: Path, months: int) -> Made:
    """Store the first `months` of each station: a message for each time, received after a delay as links have (median 150 ms)."""
    import polars as pl

    frames = {name: _prsa(data / f"prsa_weather_{name.capitalize()}.csv.gz") for name in ("shunyi", "huairou")}
    frames["changins"] = _changins(data / "changins_meteo10min_2024.csv.gz")
    catalog = Catalog(folder)
    catalog.add_series(
        (_COUNTIES[name], f"{name}-gw", f"{name}-station", channel, "") for name, f in frames.items() for channel in f["channel"].unique()
    )
    (folder / "segments").mkdir()
    sids = {(s.device.removesuffix("-station"), s.channel): s.sid for s in catalog.series()}
    whole = pl.concat([_sent(f, name, sids, seed) for seed, (name, f) in enumerate(frames.items())])
    whole = whole.filter(pl.col("t") < pl.col("t").min().over("station") + months * _MONTH_MS).sort("received")
    clock = FixedClock(from_ms(int(whole["received"][-1])) + timedelta(days=40))
    store, number = Store(folder, clock, catalog), 0
    for part in whole.with_columns(month=pl.col("t") // _MONTH_MS).partition_by("month", maintain_order=True):
        for piece in part.iter_slices(_SEGMENT):
            number += 1
            _segment(folder, catalog, number, piece)
        store.compact()
    while any(k.name == "segment" and k.files for k in store.stats()):
        store.compact()
    store.compact()
    kinds = {k.name: k for k in store.stats()}
    catalog.close()
    return Made(kinds["daily"].rows, kinds["daily"].files, kinds["daily"].bytes, kinds["rollup 1h"].bytes + kinds["rollup 1d"].bytes)


def _segment(folder: Path, catalog: Catalog, number: int, piece: Any) -> None:
    name = SegmentName("bench", number)
    columns = {c: piece[c].to_numpy() for c in ("sid", "t", "x", "flag", "received", "seq")}
    digest = write_segment(folder / "segments", name, columns, {})
    t, received = piece["t"], piece["received"]
    with catalog.transaction() as db:
        put_file(db, StoredFile(str(name), "segment", "", 0, piece.height, t.min(), t.max(), received.max()))
        put_digest(db, str(name), digest)


def _sent(frame: Any, station: str, sids: dict[tuple[str, str], int], seed: int) -> Any:
    import numpy as np
    import polars as pl

    dice, times = np.random.default_rng(seed), frame["t"].unique().sort()
    delay = np.exp(dice.normal(5.0, 0.7, len(times))).astype(np.int64)
    messages = pl.DataFrame({"t": times, "received": times.to_numpy() + delay, "seq": np.arange(1, len(times) + 1)})
    numbers = pl.DataFrame({"channel": [c for s, c in sids if s == station], "sid": [n for (s, _), n in sids.items() if s == station]})
    return frame.join(messages, on="t").join(numbers, on="channel").with_columns(flag=pl.lit(1), station=pl.lit(station))


def _prsa(path: Path) -> Any:
    import polars as pl

    read = pl.read_csv(path, null_values="NA", infer_schema_length=40_000)
    t = read.select(pl.datetime("year", "month", "day", "hour", time_zone="Asia/Shanghai").dt.epoch("ms").alias("t"))["t"]
    read = read.with_columns(t, wd=pl.col("wd").replace_strict(_WINDS, default=None))
    return _long(read, _PRSA)


def _changins(path: Path) -> Any:
    import polars as pl

    read = pl.read_csv(path, separator=";", null_values=["-", "NA", ""], infer_schema_length=60_000)
    date, *columns = read.columns
    read = read.with_columns(pl.col(date).str.to_datetime("%d.%m.%Y %H:%M").dt.epoch("ms").alias("t"))
    return _long(read, dict(zip(columns, _CHANGINS, strict=True)))


def _long(read: Any, channels: dict[str, str]) -> Any:
    import polars as pl

    parts = [
        read.select("t", pl.col(column).cast(pl.Float64, strict=False).alias("x"), pl.lit(channel).alias("channel")).drop_nulls()
        for column, channel in channels.items()
    ]
    return pl.concat(parts).unique(["t", "channel"])
