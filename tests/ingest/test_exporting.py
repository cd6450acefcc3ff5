"""What leaves as CSV, Parquet or line protocol is what counts, each once, of any length."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from foundation.clock import to_ms
from foundation.errors import BadInput
from ingest import exporting
from ingest.line_protocol import read_lines
from ingest.service import Readings
from tests.ingest.examples import DAY_MS, NOW_MS, TwoGateways, clock, level, message

SPAN = (NOW_MS - 5 * DAY_MS, NOW_MS + 1)


@pytest.fixture
def readings(tmp_path: Path) -> Iterator[Readings]:
    """Yield a store with three devices over four days, corrections and impossible values among them."""
    made = Readings(tmp_path / "readings", clock(), TwoGateways())
    for seq in range(1, 9):
        for gateway, devices in (("by-01-gw", "ab"), ("sx-01-gw", "a")):
            base = gateway.removesuffix("gw")
            parts = [level(seq * 600 + n * 10, [1.0, 1.5, 999.0][n % 3], device=base + d, unit="cm") for n in range(50) for d in devices]
            made.accept(gateway, message(seq, *parts))
    made.accept("by-01-gw", message(99, level(600, 1.25, device="by-01-a", unit="cm")))
    made.compact()
    made.accept("by-01-gw", message(100, level(1, 1.5, device="by-01-a", unit="cm")))
    yield made
    made.close()


def ours(readings: Readings, *, good_only: bool = False) -> dict[tuple[str, str, int], tuple[float, int]]:
    """Return what our own history answers."""
    return {
        (one.device, one.channel, p.t_ms): (p.value, p.flag)
        for one in readings.latest()
        for p in readings.range(one.device, one.channel, *SPAN, limit=10**6)
        if p.flag < 3 or not good_only
    }


@pytest.fixture(params=[100_000, 70])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have all in memory at once, or little."""
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", request.param)
    return int(request.param)


@pytest.mark.usefixtures("at_once")
def test_csv_is_what_counts(readings: Readings) -> None:
    """A head, then each series and time once, quoted as RFC 4180 has it; flagged readings are left out where asked."""
    for good_only in (False, True):
        text = b"".join(readings.store.export("csv", *SPAN, good_only=good_only)).decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        found = {(r["device"], r["channel"], to_ms(datetime.fromisoformat(r["time"]))): (float(r["value"]), int(r["flag"])) for r in rows}
        expected = ours(readings, good_only=good_only)
        assert len(rows) == len(expected) and found == expected and {r["unit"] for r in rows} == {"cm"}


@pytest.mark.usefixtures("at_once")
def test_parquet_is_what_counts(readings: Readings, tmp_path: Path) -> None:
    """Any Parquet reader has the same rows, with times as times; of nothing it is a file without rows."""
    path = tmp_path / "out.parquet"
    path.write_bytes(b"".join(readings.store.export("parquet", *SPAN)))
    frame = pl.read_parquet(path).with_columns(pl.col("time").dt.epoch("ms"))
    assert {(d, c, t): (x, f) for d, c, _, t, x, f in frame.iter_rows()} == ours(readings) and frame.height == len(ours(readings))
    path.write_bytes(b"".join(readings.store.export("parquet", *SPAN, devices=["nobody"])))
    assert pl.read_parquet(path).columns == list(exporting.HEAD) and not pl.read_parquet(path).height


@pytest.mark.usefixtures("at_once")
def test_line_protocol_is_what_counts(readings: Readings) -> None:
    """The lines are those a server store is fed with; devices and channels narrow them."""
    text = b"".join(readings.store.export("lines", *SPAN, devices=["by-01-a", "sx-01-a"], channels=["water_level"])).decode()
    lines, bad = read_lines(text)
    assert not bad and lines[0].tags["county"]
    found = {(x.tags["device"], x.measurement, x.time): (x.fields["value"], x.fields["flag"]) for x in lines}
    assert found == {k: v for k, v in ours(readings).items() if k[0] != "by-01-b"}
    assert b"".join(readings.store.export("lines", *SPAN, channels=["rain"])) == b""


def test_an_unknown_format_is_refused(readings: Readings) -> None:
    """The formats are told."""
    with pytest.raises(BadInput, match="format"):
        next(readings.store.export("xlsx", *SPAN))
