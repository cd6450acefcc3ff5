"""The snapshot answers as the records do, whatever happened since it was built, and costs nothing but time when it is gone."""

from __future__ import annotations

import fcntl
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from pricing import store
from pricing.board import Point
from pricing.mapping import Mapping
from pricing.quotes import Window
from pricing.service import Prices
from pricing.snapshot import POINTER, read_state
from pricing.snapshot_index import Basket
from pricing.tabular import read_pasted

PRODUCTS, MARKETS = ("cucumber", "lotus_root", "tomato"), ("xinfadi", "shouguang", "kuangshan", "zhongcai", "shenxian")
FIRST, LAST = date(2026, 8, 15), date(2026, 11, 22)
SOURCES = ("ncpscxx", "import-other")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the snapshot lies."""
    return tmp_path / "prices"


@pytest.fixture
def prices(records_url: str, tmp_path: Path, folder: Path, clock: FixedClock) -> Iterator[Prices]:
    """Yield a service with random quotes in it: several series of a pair, two sources of one market, gaps, a foreign currency."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    found = Prices(engine, clock, BlobFolder(tmp_path / "blobs"), folder)
    _fill(found, clock)
    yield found
    engine.dispose()


def _fill(prices: Prices, clock: FixedClock) -> None:
    dice = random.Random(5)
    pairs = [(p, m, s, n) for p in PRODUCTS for m in MARKETS for s in SOURCES for n in range(1 + (p == "tomato"))
             if s == "ncpscxx" or m == "xinfadi"]  # fmt: skip
    with prices.engine.begin() as connection:
        for p, m, s, n in [*pairs, ("tomato", "xinfadi", "ncpscxx", 9)]:
            series = {"source": s, "market": m, "name": p, "spec": str(n), "grade": "", "origin": "", "product": p}
            connection.execute(insert(store.price_series), {**series, "currency": "USD" if n == 9 else "CNY"})
    rows = [(k, FIRST + timedelta(days=d), dice.randrange(900, 9000)) for k in range(1, len(pairs) + 2) for d in range((LAST - FIRST).days)
            if dice.random() < 0.8]  # fmt: skip
    record(prices, clock, rows)


def record(prices: Prices, clock: FixedClock, rows: list[tuple[int, date, int | None]]) -> None:
    """Append (series, day, price or None for withdrawn)."""
    now = to_ms(clock.now())
    with prices.engine.begin() as connection:
        store.append(connection, [
            {"series_id": k, "valid_date": day, "ordinal": 0, "observed_ms": now + k % 3, "low": (mid or 100) - 50, "mid": mid or 100,
             "high": (mid or 100) + 70, "mid_kind": "midpoint", "volume_kg": None, "raw_price": "", "raw_unit": "斤", "run_id": 1,
             "status": "quoted" if mid else "withdrawn"}
            for k, day, mid in rows
        ])  # fmt: skip
    clock.advance(timedelta(minutes=1))


def answers(prices: Prices) -> list[Any]:
    """Return the answers to one question of each kind, floats rounded: sums of logarithms depend on their order in the last digits."""
    large = prices.large
    basket = Basket({"cucumber": 2.0, "tomato": 1.0, "lotus_root": 0.5}, "ncpscxx")
    index = large.index(basket, Window(FIRST, date(2026, 9, 5)), date(2026, 9, 1), LAST)
    return [
        large.series("tomato", "xinfadi", FIRST, LAST),
        large.series("tomato", "xinfadi", date(2026, 10, 1), date(2026, 10, 3)),
        large.quartiles("tomato", FIRST, LAST),
        large.quartiles("tomato", FIRST, LAST, kind="origin"),
        large.quartiles("lotus_root", FIRST, LAST, source="import-other"),
        large.latest("tomato", LAST),
        large.latest("cucumber", date(2026, 9, 9)),
        [(d.valid_date, d.value and round(d.value, 9), round(d.coverage, 9), d.products) for d in index],
        large.series("no_such", "xinfadi", FIRST, LAST), large.quartiles("no_such", FIRST, LAST), large.latest("no_such", LAST),
    ]  # fmt: skip


def of_records(prices: Prices) -> list[Any]:
    """Return the same answers where there is no snapshot."""
    return answers(Prices(prices.engine, FixedClock(prices._clock.now()), prices._blobs))


def test_the_snapshot_answers_what_the_records_answer(prices: Prices, folder: Path, clock: FixedClock) -> None:
    """Before a snapshot, with one, and after quotes were revised, withdrawn and added quotes inside and outside its days."""
    before = of_records(prices)
    assert answers(prices) == before and before[0] and before[2].days and before[5] and before[7]
    state = prices.build_snapshot()
    assert state is not None and state == read_state(folder)
    assert answers(prices) == before
    assert before[0] == prices.series("tomato", "xinfadi", FIRST, LAST)
    record(prices, clock, [(1, date(2026, 11, 20), 4321), (19, date(2026, 11, 21), None), (20, LAST, 7777), (21, date(2026, 11, 20), 5555)])
    record(prices, clock, [(k, date(2026, 10, 2), 1111) for k in (13, 14, 15, 20)])
    after = of_records(prices)
    assert after != before and answers(prices) == after
    for k in range(25):
        record(prices, clock, [(1, FIRST + timedelta(days=3 * k), 3333), (13, FIRST + timedelta(days=3 * k), 3333)])
    assert answers(prices) == of_records(prices) != after


def test_whoever_writes_is_seen(prices: Prices) -> None:
    """What an import of a file appended, few rows or many, is in the answers though the snapshot is older."""
    prices.build_snapshot()
    before = answers(prices)
    told = {"name": "m", "source": "import-m", "market": "xinfadi", "licence": "own", "unit": "公斤"}
    mapping = Mapping.model_validate({**told, "columns": {"name": "n", "day": "d", "mid": "p"}})
    for start in (0, 1):
        rows = [("番茄", f"{FIRST + timedelta(days=k % 97)}", f"{2 + k % 7}.{k % 10}") for k in range(start, 1500 * start + 1)]
        report = prices.import_rows(read_pasted("\n".join("\t".join(r) for r in [("n", "d", "p"), *rows])), mapping)
        assert report.new + report.revised > 0
        assert answers(prices) == of_records(prices) != before
        before = answers(prices)


def test_what_the_file_says_is_used(prices: Prices, clock: FixedClock) -> None:
    """Days that were not touched since come from the file: a row changed behind everybody's back is not seen until the next snapshot."""
    prices.build_snapshot()
    with prices.engine.begin() as connection:
        connection.execute(store.quote_current.update().values(mid=99, low=98, high=100))
    assert all(p.mid != 99 for p in prices.large.series("tomato", "xinfadi", FIRST, LAST))
    record(prices, clock, [(1, LAST, 4321)])
    assert prices.build_snapshot() is not None
    assert prices.large.latest("tomato", LAST)["shouguang"].mid == 99


def test_a_snapshot_is_built_only_where_something_changed(prices: Prices, folder: Path, clock: FixedClock) -> None:
    """Nothing is written when nothing changed, or less than was asked for; the file before the last is removed."""
    assert prices.build_snapshot(at_least=50) is not None
    clock.advance(timedelta(minutes=1))
    assert prices.build_snapshot() is None
    for k in range(3):
        record(prices, clock, [(1, LAST, 4000 + k)])
        assert prices.snapshot_state() == (read_state(folder), 1)
        assert prices.build_snapshot(at_least=50) is None
        assert prices.build_snapshot() is not None
    assert len(list(folder.glob("quotes-*"))) == 2
    assert sorted(p.suffix for p in folder.iterdir()) == [".duckdb", ".duckdb", ".json", ".lock"]


def test_one_builds_at_a_time(lite: Prices, folder: Path) -> None:
    """While a process is building another one leaves it to it, and touches none of its files."""
    folder.mkdir()
    (folder / "quotes-x.duckdb.part").write_bytes(b"half")
    with (folder / "build.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert lite.build_snapshot() is None
        assert (folder / "quotes-x.duckdb.part").exists()
    assert lite.build_snapshot() is not None


@pytest.mark.parametrize("damage", ["gone", "cut", "zeros", "other form", "pointer"])
def test_without_a_readable_snapshot_the_records_answer(lite: Prices, folder: Path, damage: str) -> None:
    """A file that is missing, cut short, overwritten or of another form costs time only, and the next build puts one back."""
    state = lite.build_snapshot()
    assert state is not None
    path, pointer = folder / state.file, folder / POINTER
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "zeros":
        path.write_bytes(path.read_bytes()[:4096] + bytes(state.size - 4096))
    elif damage == "other form":
        pointer.write_text(pointer.read_text().replace('"form": 1', '"form": 999'))
    else:
        pointer.write_text("{")
    assert answers(lite) == of_records(lite)
    path.unlink(missing_ok=True)
    assert lite.build_snapshot() is not None
    assert answers(lite) == of_records(lite)


def test_a_file_that_breaks_under_an_open_reader_is_asked_no_more(lite: Prices, folder: Path) -> None:
    """A block that turns out to be broken while it is read gives the records' answer, now and until there is another file."""
    state = lite.build_snapshot()
    assert state is not None and lite.large.series("tomato", "xinfadi", FIRST, FIRST)
    with (folder / state.file).open("rb+") as file:
        file.seek(12288)
        file.write(random.Random(1).randbytes(state.size - 12288))
    assert answers(lite) == of_records(lite)
    assert answers(lite) == of_records(lite)


def test_a_build_that_dies_leaves_the_old_one(lite: Prices, folder: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error half-way leaves pointer and file as they were; what a killed build left is removed by the next."""
    old = lite.build_snapshot()
    record(lite, clock, [(1, LAST, 4321)])
    monkeypatch.setattr("pricing.snapshot_build.finish", lambda _duck: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        lite.build_snapshot()
    assert read_state(folder) == old
    assert not list(folder.glob("*.part*"))
    (folder / "quotes-x.duckdb.part").write_bytes(b"half")
    monkeypatch.undo()
    new = lite.build_snapshot()
    assert new != old and not list(folder.glob("*.part*"))


def test_a_snapshot_replaced_under_a_reader_is_never_half_seen(lite: Prices, folder: Path, clock: FixedClock) -> None:
    """While files are replaced and removed, every answer is that of one state or the other."""
    import threading

    lite.build_snapshot()
    stop, seen, wrong = threading.Event(), set[int](), list[BaseException]()

    def read() -> None:
        own = Prices(lite.engine, FixedClock(clock.now()), lite._blobs, folder)
        while not stop.is_set():
            try:
                seen.add(own.large.latest("cucumber", LAST)["xinfadi"].mid)
                assert len(own.large.series("tomato", "xinfadi", FIRST, LAST)) > 50
            except BaseException as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for r in readers:
        r.start()
    told = []
    for k in range(3):
        told.append(3000 + k)
        record(lite, clock, [(1, LAST, 3000 + k), (2, LAST, 3000 + k)])
        lite.build_snapshot()
    stop.set()
    for r in readers:
        r.join(20)
    assert wrong == []
    old: Point = lite.large.latest("cucumber", LAST)["xinfadi"]
    assert old.mid == told[-1] and len(seen & set(told)) >= 1


@pytest.fixture
def lite(tmp_path: Path, folder: Path, clock: FixedClock) -> Iterator[Prices]:
    """Yield the same service on SQLite alone."""
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    found = Prices(engine, clock, BlobFolder(tmp_path / "blobs"), folder)
    _fill(found, clock)
    yield found
    engine.dispose()
