"""Real open files read by the sources: a day of Taiwan's markets in the older export, and the World Food Programme's file of Palestine."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import pricing.index_store
import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.clean import quote_of
from pricing.quotes import Quote
from pricing.saved import read_saved
from pricing.service import Prices
from pricing.source import Request
from pricing.sources import SOURCES, amis

assert pricing.store
assert pricing.index_store
TODAY = date(2026, 11, 1)


def test_a_day_of_taiwan(conformance_data: Path) -> None:
    """Of 2,224 rows six are markets at rest and 263 bunches of flowers from one market; one price of nought; lotus root with its volume."""
    page = amis.parse(read_saved(conformance_data / "pricing/taiwan_amis_2017-08-27_farmtransdata.json.gz"), Request("/file"))
    found = [quote_of(raw, "amis", TODAY, "TWD") for raw in page.rows]
    quotes = [q for q in found if isinstance(q, Quote)]
    refused = [r for r in found if not isinstance(r, Quote)]
    assert (page.counted, len(page.rows), len(page.closed), len(quotes)) == (2224, 2218, 6, 1954)
    assert Counter(r.reason for r in refused) == {"piece-unit": 263, "zero": 1}
    assert {r.market for r in refused if r.reason == "piece-unit"} == {"tw-105"}
    assert {q.valid_date for q in quotes} == {date(2017, 8, 27)}
    root = {q.series.market: (q.low, q.mid, q.high, q.volume_kg) for q in quotes if q.series.product == "lotus_root"}
    assert root["tw-104"] == (38_800, 53_800, 65_000, 726)
    assert root["tw-109"] == (22_200, 42_100, 60_000, 3145)
    assert len(root) == 9
    # Weighted by volume, nine markets asked 37.13 dollars a kilogram that day.
    assert sum(mid * kg for _, mid, _, kg in root.values() if kg) / sum(kg for *_, kg in root.values() if kg) == pytest.approx(
        37_132.25, abs=0.01
    )


def test_seventeen_years_of_palestine(conformance_data: Path, tmp_path: Path) -> None:
    """Of 25,785 rows 2,751 are litres and cubic metres; packs from 380 grams to 60 kilograms become kilograms; twice is once."""
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    prices = Prices(engine, FixedClock(datetime(2026, 11, 1, tzinfo=UTC)), BlobFolder(tmp_path / "blobs"))
    path = conformance_data / "pricing/wfp_food_prices_pse.csv.gz"
    report = prices.read_answer("wfp_hdx", path)
    assert (report.received, report.new, len(report.refused)) == (25_785, 23_034, 2_751)
    assert Counter(r.detail.split(" per ")[1] for r in report.refused) == {"3 L": 1018, "Cubic meter": 928, "L": 805}
    assert (report.window.start, report.copies) == (date(2007, 1, 15), 0)
    assert prices.read_answer("wfp_hdx", path).state == "taken"
    assert SOURCES["wfp_hdx"].markets == ()
    engine.dispose()
