"""Quality notes: what a price's own past, its revisions and its source say about it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from foundation.blobs import BlobFolder
from foundation.clock import to_ms
from foundation.errors import BadInput
from pricing import store
from pricing.desk.notes import DayQuote, QualityNote, notes_of_quotes
from pricing.desk.service import PriceDesk
from pricing.service import Prices

TODAY = date(2026, 11, 23)


def _days(mids: list[int], **changed: Any) -> list[DayQuote]:
    quotes = [DayQuote(1, TODAY - timedelta(days=k), mid, "reported", "1|2|3") for k, mid in enumerate(reversed(mids))]
    return [DayQuote(**{**{f: getattr(q, f) for f in DayQuote.__slots__}, **changed}) for q in quotes]


def _codes(quotes: list[DayQuote]) -> list[str]:
    return [n.code for n in notes_of_quotes("tomato", "xinfadi", quotes, TODAY)]


def test_a_note_carries_exactly_its_figures() -> None:
    """A note of an unknown kind, or without one of its figures, cannot be made."""
    with pytest.raises(BadInput):
        QualityNote("odd", "tomato", "xinfadi", {})
    with pytest.raises(BadInput):
        QualityNote("single-price", "tomato", "xinfadi", {})


def test_a_price_repeated_ten_times_is_noted() -> None:
    """Nine equal quotes say nothing, ten do; days without a quote neither count nor break the row."""
    assert _codes(_days([3000] * 9)) == []
    note = notes_of_quotes("tomato", "xinfadi", _days([2900, *[3000] * 10]), TODAY)[0]
    assert (note.code, note.numbers) == ("unchanged", {"quotes": 10, "since": TODAY - timedelta(days=9)})


def test_a_midpoint_that_is_called_an_average_is_noted() -> None:
    """Only where the source itself wrote a middle price; a midpoint of ours poses as nothing."""
    assert _codes(_days([3000], mid_kind="midpoint", raw_price="1|2|3")) == ["midpoint-as-average"]
    assert _codes(_days([3000], mid_kind="midpoint", raw_price="1||3")) == []
    assert _codes(_days([3000], mid_kind="single", raw_price="|3|")) == ["single-price"]


def test_fewer_series_than_usual_are_noted() -> None:
    """Two grades where four are usual: the middle price is of something else."""
    usual = [DayQuote(s, TODAY - timedelta(days=d), 3000 + 7 * d, "reported", "") for s in range(4) for d in range(1, 6)]
    today = [DayQuote(s, TODAY, 3000, "reported", "") for s in range(2)]
    [note] = notes_of_quotes("tomato", "xinfadi", usual + today, TODAY)
    assert (note.code, note.numbers) == ("fewer-series", {"quoted": 2, "usual": 4})


def _observe(prices: Prices, rows: list[tuple[date, int, int, str]]) -> None:
    with prices.engine.begin() as connection:
        series = {"id": 1, "source": "xinfadi", "market": "xinfadi", "name": "番茄", "spec": "", "grade": "", "origin": "",
                  "currency": "CNY", "product": "tomato"}  # fmt: skip
        connection.execute(store.price_series.insert(), series)
        for day, mid, observed_ms, status in rows:
            store.append(connection, [
                {"series_id": 1, "valid_date": day, "ordinal": 0, "observed_ms": observed_ms, "low": mid, "mid": mid, "high": mid,
                 "mid_kind": "reported", "volume_kg": None, "raw_price": "", "raw_unit": "斤", "run_id": 1, "status": status}])  # fmt: skip


def test_a_revision_of_the_last_week_is_noted_with_both_prices(prices: Prices, clock: Any, tmp_path: Path) -> None:
    """What was revised, from what to what and when; a withdrawal too; not what was revised eight days ago."""
    now, day_ms = to_ms(clock.now()), 86_400_000
    day = TODAY - timedelta(days=9)
    _observe(prices, [(day, 3000, now - 9 * day_ms, "quoted"), (day, 3300, now - 8 * day_ms, "quoted")])
    desk = PriceDesk(prices.engine, clock, BlobFolder(tmp_path))
    assert [n.code for n in desk.notes("tomato", "xinfadi")] == []
    with prices.engine.begin() as connection:
        row = dict(connection.execute(store.quote_obs.select()).mappings().first() or {})
        store.append(connection, [{**row, "observed_ms": now - day_ms, "mid": 3500, "high": 3500}])
    [note] = desk.notes("tomato", "xinfadi")
    assert (note.code, note.numbers["before"], note.numbers["after"]) == ("revised", 3300, 3500)
    with prices.engine.begin() as connection:
        store.append(connection, [{**row, "observed_ms": now, "status": "withdrawn"}])
        store.upsert_source(connection, "xinfadi", {"state": "failing", "why": "does not answer"})
    assert [n.code for n in desk.notes("tomato", "xinfadi")] == ["source-troubled", "withdrawn"]
    assert desk.notes("tomato", "shouguang") == []
