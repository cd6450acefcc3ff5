"""The pieces of `bench.store` work together, at a scale that says nothing about speed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bench import store


def test_the_store_is_asked_and_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One field and two days of weather: the rows and bounds the issue names; without the data the bench says what is missing."""
    rows = {row.figure: row for row in store.answers(tmp_path / "fields", 1, 60, 1)}
    monkeypatch.delenv("SUHE_CONFORMANCE_DATA", raising=False)
    assert store.weather(tmp_path / "none", quick=True) == [] and "left out: bytes per reading" in capsys.readouterr().out
    (tmp_path / "field").mkdir()
    hours = [f"2016,1,{1 + k // 24},{k % 24},{k % 7}.5,1020.1,-9.0,0.0,NNE,1.{k % 5}" for k in range(48)]
    for station in ("Shunyi", "Huairou"):
        with gzip.open(tmp_path / f"field/prsa_weather_{station}.csv.gz", "wt") as out:
            out.write("\n".join(["year,month,day,hour,TEMP,PRES,DEWP,RAIN,wd,WSPM", *hours]))
    with gzip.open(tmp_path / "field/changins_meteo10min_2024.csv.gz", "wt") as out:
        out.write("\n".join(["date;a;b;c;d", *(f"01.01.2024 {k:02}:10;1.5;80;-;0" for k in range(24))]))
    monkeypatch.setenv("SUHE_CONFORMANCE_DATA", str(tmp_path))
    rows |= {row.figure: row for row in store.weather(tmp_path / "weather", quick=True)}
    bounds = {name: rows[name].at_most for name in ("latest", "hourly", "daily", "bytes per reading")}
    assert bounds == {"latest": 20.0, "hourly": 20.0, "daily": 250.0, "bytes per reading": 6.0}
    assert all(row.value > 0 for row in rows.values())
    assert {"hourly against DuckDB", "daily against DuckDB", "latest against SQLite", "hourly against SQLite"} <= rows.keys()
    assert rows["bytes per reading"].scale.startswith(f"{48 * 6 * 2 + 24 * 3:,} readings")
