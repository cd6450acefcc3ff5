"""An import is whole or not at all, changes nothing the second time, keeps every earlier value, and does not grow with its file."""

from __future__ import annotations

import io
import tracemalloc
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import func, select, update

from foundation.clock import FixedClock, to_ms
from foundation.errors import BadInput
from pricing import importing, store, streaming
from pricing import spill as spilling
from pricing.appending import Stage
from pricing.importing import Importer
from pricing.mapping import Columns, Mapping
from pricing.quotes import Series
from pricing.service import Prices
from pricing.spill import Spill
from pricing.tabular import Table, read_pasted, read_table
from pricing.touched import price_touched
from tests.pricing.tables import fingerprints

DAY = date(2026, 11, 20)
HEAD = ("品名", "最低价", "最高价", "单位", "日期")
MAPPING = Mapping(
    name="sheet", source="import-sheet", market="xinfadi", licence="own",
    columns=Columns(name="品名", low="最低价", high="最高价", unit="单位", day="日期"),
)  # fmt: skip


def _table(*rows: tuple[str, str, str]) -> Table:
    return Table("x.csv", "csv", HEAD, [(name, low, high, "斤", DAY.isoformat()) for name, low, high in rows])


def test_what_was_known_at_any_time_can_be_asked_again(prices: Prices, clock: FixedClock) -> None:
    """A revision appends, a withdrawal takes away, what is quoted again comes back; the same rows again change nothing."""
    prices.import_rows(_table(("番茄", "1", "2"), ("藕", "3", "4")), MAPPING)
    first = to_ms(clock.now())
    before = fingerprints(prices)
    again = prices.import_rows(_table(("番茄", "1", "2"), ("藕", "3", "4")), MAPPING)
    assert (again.new, again.revised) == (0, 0)
    assert fingerprints(prices) == before
    # The clock stands still: a revision is later all the same.
    revised = prices.import_rows(_table(("番茄", "1", "3"), ("藕", "3", "4")), MAPPING)
    assert (revised.new, revised.revised) == (0, 1)
    with prices.engine.begin() as connection:
        stands = connection.execute(select(store.quote_current).order_by(store.quote_current.c.mid)).mappings().first()
        assert stands is not None
        gone = {**stands, "status": "withdrawn", "observed_ms": first + 10_000}
        store.append(connection, [gone])

    def mids(product: str, at: int | None) -> list[int]:
        return [p.mid for p in prices.series(product, "xinfadi", DAY, DAY, as_of_ms=at)]

    assert [mids("tomato", first), mids("tomato", first + 1), mids("tomato", first + 10_000), mids("tomato", None)] == [
        [3000],
        [4000],
        [],
        [],
    ]
    back = prices.import_rows(_table(("番茄", "1", "3"), ("藕", "3", "4")), MAPPING)
    assert (back.new, back.revised) == (1, 0)
    # Quoted again at a time of the clock before its withdrawal: observed after it all the same.
    assert [mids("tomato", first + 10_000), mids("tomato", first + 10_001), mids("tomato", None)] == [[], [4000], [4000]]
    assert mids("lotus_root", None) == mids("lotus_root", first) == [7000]


def test_what_is_quoted_again_by_a_round_comes_after_its_withdrawal(prices: Prices) -> None:
    """The way of small batches and the way of the stage agree: nothing is observed before what it replaces."""
    for count in (3, store.STAGED_FROM + 3):
        with prices.engine.begin() as connection:
            key = ("s", "xinfadi", f"n{count}", "", "", "", "CNY")
            ids = store.add_series(connection, {}, [Series(*key)])
            rows = [_observed(ids[key], DAY - timedelta(days=k), 100) for k in range(count)]
            store.append(connection, rows)
            store.append(connection, [{**r, "status": "withdrawn", "observed_ms": 200} for r in rows])
            store.append(connection, [{**r, "observed_ms": 200} for r in rows])
            t = store.quote_current.c
            stands = connection.execute(select(t.observed_ms).where(t.series_id == ids[key])).scalars().all()
            assert len(stands) == count
            assert set(stands) == {201}


def _observed(series_id: int, day: date, at: int) -> dict[str, Any]:
    return {"series_id": series_id, "valid_date": day, "ordinal": 0, "observed_ms": at, "low": 1, "mid": 2, "high": 3,
            "mid_kind": "midpoint", "volume_kg": None, "raw_price": "", "raw_unit": "斤", "run_id": 1, "status": "quoted"}  # fmt: skip


def test_an_import_that_breaks_off_leaves_nothing(lite_prices: Prices, tmp_path: Path) -> None:
    """A day nobody can read in the last row leaves the records as they were, and says the row."""
    lines = ["品名,最低价,最高价,单位,日期", *(f"番茄{k},1,2,斤,2026-11-20" for k in range(500)), "番茄,1,2,斤,昨天"]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    with pytest.raises(BadInput, match=r"昨天.*row 502"):
        lite_prices.import_file(tmp_path / "x.csv", MAPPING)
    assert lite_prices.counts() == {"current": 0, "observed": 0, "series": 0}


def test_an_import_stopped_between_its_parts_leaves_nothing_and_can_be_done_again(
    lite_prices: Prices, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stops an import after some parts were written, the records are as before, and it can be done again."""
    monkeypatch.setattr(spilling, "ROWS_OF_PART", 100)
    lines = [f"菜{k},{1 + d}.5,9,斤,{DAY - timedelta(days=d)}" for d in range(7) for k in range(60)]
    (tmp_path / "x.csv").write_text("\n".join(["品名,最低价,最高价,单位,日期", *lines]))
    importer = Importer(lite_prices.engine, clock, lite_prices._blobs)
    append, parts = Stage.append_changed, []

    def stopped(stage: Stage, run_id: int, now_ms: int) -> Any:
        parts.append(run_id)
        if len(parts) == 3:
            raise KeyboardInterrupt
        return append(stage, run_id, now_ms)

    with monkeypatch.context() as patched:
        patched.setattr(Stage, "append_changed", stopped)
        with pytest.raises(KeyboardInterrupt):
            importer.run(tmp_path / "x.csv", MAPPING)
    assert len(parts) == 3
    assert lite_prices.counts() == {"current": 0, "observed": 0, "series": 0}
    report = importer.run(tmp_path / "x.csv", MAPPING)
    assert report.new == lite_prices.counts()["current"] == lite_prices.counts()["observed"] == 420


def test_memory_grows_with_the_block_and_not_with_the_file(
    lite_prices: Prices, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python and numpy hold while rows stream by does not follow a file eight times as long; parts are put aside on disk."""
    for module, name, size in ((streaming, "BLOCK", 16 * 1024), (streaming, "_HEAD", 8192), (importing, "_PART", 8192)):
        monkeypatch.setattr(module, name, size)
    monkeypatch.setattr(spilling, "ROWS_OF_PART", 500)
    importer = Importer(lite_prices.engine, clock, lite_prices._blobs, rows_in_memory=1000)
    peaks = []
    for name, series, days in (("warm", 10, 10), ("short", 40, 30), ("long", 160, 60)):
        with (tmp_path / f"{name}.csv").open("w") as out:
            out.write("品名,最低价,最高价,单位,日期\n")
            for d in range(days):
                out.writelines(f"{name}{k},{1 + (k + d) % 7}.5,9,斤,{DAY - timedelta(days=d)}\n" for k in range(series))
        tracemalloc.start()
        report = importer.run(tmp_path / f"{name}.csv", MAPPING)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.kept == report.new == series * days
    # Eight times the rows; four times the series, which are remembered by name.
    assert peaks[2] < 2 * peaks[1], peaks


def test_rows_put_aside_come_back_by_whole_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through memory or disk, every row comes back once, and no series is in two parts."""
    monkeypatch.setattr(spilling, "ROWS_OF_PART", 700)
    frame = pl.DataFrame({"home": [k * 7919 % 5000 for k in range(3000)], "row": list(range(3000))}, schema_overrides={"home": pl.Int32})
    for limit in (10**9, 500):
        with Spill(tmp_path, limit) as spill:
            for part in frame.iter_slices(400):
                spill.add(part)
            parts = list(spill.parts())
        assert len(parts) > 2
        homes = [set(p["home"]) for p in parts]
        assert sum(map(len, homes)) == len(set().union(*homes))
        assert sorted(r for p in parts for r in p["row"]) == list(range(3000))
    assert list(tmp_path.iterdir()) == []


def test_a_preview_stores_nothing_and_tells_what_an_import_would(lite_prices: Prices) -> None:
    """Rows, refusals, unknown names and days of a pasted table, as the import then finds them."""
    text = "品名\t最低价\t最高价\t单位\t日期\n番茄\t1\t2\t斤\t2026-11-20\n怪菜\t1\t2\t斤\t2026-11-19\n藕\t0\t0\t斤\t2026-11-18\n"
    table = read_pasted(text)
    proposal = lite_prices.propose_mapping(table)
    assert proposal.missing == () and proposal.columns == {"name": "品名", "low": "最低价", "high": "最高价", "unit": "单位", "day": "日期"}
    found = lite_prices.preview(table, MAPPING, rows=2)
    assert [r.row for r in found.rows] == [2, 3]
    assert found.rows[0].quote is not None and found.rows[0].quote.mid == 3000
    assert (found.taken, found.refused, found.reasons) == (2, 1, {"zero": 1})
    assert (found.unknown_names, found.first_day, found.last_day) == (("怪菜",), DAY - timedelta(days=1), DAY)
    assert lite_prices.counts()["observed"] == 0
    report = lite_prices.import_rows(table, MAPPING)
    assert (report.kept, report.reasons, report.findings["unmapped_names"]) == (found.taken, found.reasons, 1)


def test_a_workbook_and_a_column_of_markets(lite_prices: Prices, tmp_path: Path) -> None:
    """An XLSX file is imported like a CSV; each row may name its market, and one nobody knows is refused."""
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook()
    book.active.append(["市场", "品名", "均价", "单位", "日期"])
    for market, price in (("北京新发地", 2.5), ("shouguang", 2), ("火星", 2)):
        book.active.append([market, "番茄", price, "斤", "2026-11-20"])
    out = io.BytesIO()
    book.save(out)
    (tmp_path / "x.xlsx").write_bytes(out.getvalue())
    columns = Columns(name="品名", mid="均价", unit="单位", day="日期", market="市场")
    mapping = Mapping(name="markets", source="import-markets", market="xinfadi", licence="own", columns=columns)
    report = lite_prices.import_file(tmp_path / "x.xlsx", mapping)
    assert (report.kept, report.reasons) == (2, {"market": 1})
    assert [p.mid for p in lite_prices.series("tomato", "shouguang", DAY, DAY)] == [4000]
    assert [p.mid for p in lite_prices.series("tomato", "xinfadi", DAY, DAY)] == [5000]
    assert read_table("x.xlsx", out.getvalue()).rows[0][2] == "2.5"


def test_refused_rows_are_safe_to_open_in_a_spreadsheet(lite_prices: Prices, tmp_path: Path) -> None:
    """A name that is a formula comes out as text."""
    report = lite_prices.import_rows(_table(("=HYPERLINK(1)", "0", "0")), MAPPING)
    assert lite_prices.write_refused(report, tmp_path / "refused.csv") == 1
    assert "'=HYPERLINK(1)" in (tmp_path / "refused.csv").read_text("utf-8-sig")


def test_a_newer_table_of_names_is_applied_to_what_is_stored(lite_prices: Prices) -> None:
    """A series stored before its name was known gets its product and variety, its days are noted as touched, and a second time is idle."""
    lite_prices.import_rows(_table(("净藕", "3", "4"), ("怪菜", "1", "2")), MAPPING)
    with lite_prices.engine.begin() as connection:
        connection.execute(update(store.price_series).values(product=None, variety=None))
        before = connection.execute(select(func.count()).select_from(price_touched)).scalar_one()
    assert lite_prices.series("lotus_root", "xinfadi", DAY, DAY) == []
    assert (lite_prices.reread_names(), lite_prices.reread_names()) == (1, 0)
    assert [p.mid for p in lite_prices.series("lotus_root", "xinfadi", DAY, DAY)] == [7000]
    with lite_prices.engine.connect() as connection:
        assert connection.execute(select(store.price_series.c.variety).where(store.price_series.c.name == "净藕")).scalar() == "cleaned"
        assert connection.execute(select(func.count()).select_from(price_touched)).scalar_one() == before + 1
