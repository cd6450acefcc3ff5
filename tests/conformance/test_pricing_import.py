"""The whole of a real crawl of Xinfadi's vegetables, 2013 to 2015: every oddity it is known to have comes out exactly."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.service import Prices
from tests.pricing.tables import fingerprints

assert pricing.store


@pytest.fixture
def prices(records_url: str, tmp_path: Path) -> Prices:
    """Return a price service on an empty database."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    return Prices(engine, FixedClock(datetime(2026, 11, 23, 8, tzinfo=UTC)), BlobFolder(tmp_path / "blobs"))


def test_the_whole_file_is_imported_and_explained(prices: Prices, conformance_data: Path, tmp_path: Path) -> None:
    """74,882 rows: kept, copied or refused with a reason, none lost; a second import changes nothing."""
    path = conformance_data / "pricing" / "xinfadi_veg_2013_2015.csv.gz"
    report = prices.import_file(path, "xinfadi_veg")
    found = report.findings
    assert report.rows == 74_882
    assert (found["days"], found["names"]) == (707, 401)
    assert (found["repeated_keys"], found["exact_copies"]) == (2_973, 670)
    assert (found["zero_prices"], found["low_above_high"], found["mid_not_midpoint"], found["prices_with_text"]) == (336, 17, 203, 1)
    festival = ["2015-02-19", "2015-02-20", "2015-02-21", "2015-02-22", "2015-02-23"]
    assert found["days_without_quotes"] == 13
    assert [d for d in found["silent_days"] if d.startswith("2015-02")] == festival
    assert found["doubled_days"] == [
        "2013-06-10", "2013-07-31", "2013-08-23", "2013-09-02", "2013-10-23", "2013-11-11", "2014-02-01", "2015-02-06",
    ]  # fmt: skip
    twice = dict(list(found["quoted_twice"].items())[:4])
    assert twice == {"小白菜": 325, "油菜": 317, "油麦菜": 317, "菠菜": 309}
    assert report.reasons == {"zero": 336, "mid": 68, "order": 17, "piece-name": 4, "piece-price": 1}
    # Copies of rows that are refused are refused with them: 662 of the 670 are copies of quotes that were taken.
    assert report.copies == 662
    assert report.kept + report.copies + len(report.refused) == report.rows
    assert prices.counts()["current"] == prices.counts()["observed"] == report.kept == report.new
    assert all(word in report.summary() for word in ("74,882", "2,973", "2013-06-10", "小白菜 on 325 days"))
    assert prices.write_refused(report, tmp_path / "refused.csv") == 426
    lines = list(csv.DictReader((tmp_path / "refused.csv").open(encoding="utf-8-sig")))
    assert len(lines) == len(report.refused) == 426
    assert all(line["why"] and line["row"] and line["detail"] for line in lines)
    before = fingerprints(prices)
    again = prices.import_file(path, "xinfadi_veg")
    assert (again.new, again.revised) == (0, 0)
    assert fingerprints(prices) == before


def test_two_stalls_under_one_key_are_both_kept(prices: Prices, conformance_data: Path) -> None:
    """菠菜 quoted twice on one day at two prices stands twice, and the day's price is between the two."""
    prices.import_file(conformance_data / "pricing" / "xinfadi_veg_2013_2015.csv.gz", "xinfadi_veg")
    days = prices.series("spinach", "xinfadi", datetime(2013, 6, 1).date(), datetime(2015, 5, 31).date())  # noqa: DTZ001
    assert sum(p.quotes == 2 for p in days) >= 300
    assert all(p.low <= p.mid <= p.high for p in days)
