"""One test a habit of the real sites, over HTTP: what the collector makes of lists that move, silent caps, rests, walls and boxes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import pricing.index_store
import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.indices import INDEX_NAMES
from pricing.quotes import Window
from pricing.service import Prices
from pricing.source import SourceChanged
from pricing.sources import SOURCES, amis, pfsc_quotes
from simulators.markets import SEED, run_markets
from simulators.markets_prices import PriceWorld
from tests.waiting import wait_until

assert pricing.store
assert pricing.index_store
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Town:
    """Prices, the sites with all their habits, and the collector's own client."""

    prices: Prices
    addresses: dict[str, str]
    client: httpx.Client
    clock: FixedClock


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Yield every site with its habits."""
    clock = FixedClock(NOW)
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    stop = threading.Event()
    serve = threading.Thread(target=run_markets, args=(0, tmp_path, stop), kwargs={"clock": clock, "every": True})
    serve.start()
    told = tmp_path / "simulator" / "markets.json"
    wait_until(told.exists, 10)
    with open_client("office@example.org", allow=LOOPBACK_HOSTS) as client:
        yield Town(Prices(engine, clock, BlobFolder(tmp_path / "blobs")), json.loads(told.read_text()), client, clock)
    stop.set()
    serve.join(10)
    engine.dispose()


def _series(source: str, window: Window) -> int:
    """Return how many quotes a source's simulated market made in a window, rest days left out."""
    world = PriceWorld(SEED)
    return sum(
        len([d for d, _ in world.mids(k, window.start, window.end, NOW) if source != "amis" or d.weekday() != 0])
        for k, q in enumerate(world.series)
        if q.source == source
    )


def test_a_list_that_moves_while_it_is_paged_loses_no_day(town: Town) -> None:
    """Xinfadi publishes rows between two pages: what comes twice is a copy, what came in meanwhile is fetched, older days are whole."""
    window = Window(TODAY - 20 * DAY, TODAY)
    report = town.prices.collect("xinfadi", town.addresses["xinfadi"], window, town.client)
    assert report.state == "ok", report.why
    assert report.copies > 0
    whole = _series("xinfadi", window)
    assert whole - 2 <= report.new <= whole
    again = town.prices.collect("xinfadi", town.addresses["xinfadi"], window, town.client)
    assert (again.state, again.new, again.revised, again.withdrawn) == ("ok", whole - report.new, 0, 0)


def test_a_month_of_taiwan_is_a_month_in_spite_of_the_cap(town: Town) -> None:
    """Thirty days give every row though no answer holds more than a thousand and none says so; days of rest are closed, not missing."""
    window = Window(TODAY - 29 * DAY, TODAY)
    naive = {"Start_time": amis.roc_date(window.start), "End_time": amis.roc_date(window.end), "TcType": "N04", "MarketCode": ""}
    told = town.client.get(town.addresses["amis"] + amis.PATH, params=naive).json()
    assert (len(told["Data"]), told["Next"]) == (1000, False)
    assert len({row["TransDate"] for row in told["Data"]}) < 10
    report = town.prices.collect("amis", town.addresses["amis"], window, town.client)
    assert report.state == "ok", report.why
    assert report.new == _series("amis", window) > 4 * 1000
    assert town.prices.board(None, None) == []


def test_rest_days_are_told_as_closed(town: Town) -> None:
    """A Monday has no quotes and no missing market: each one is told as closed."""
    batch = town.prices.try_source("amis", town.addresses["amis"], TODAY, town.client)
    assert batch.quotes == []
    assert batch.refused == []
    assert sorted(c for page in batch.pages for c in page.closed) == [(f"tw-{m}", TODAY) for m in ("104", "109", "400", "648")]


def test_volume_and_money_of_taiwan_are_kept_as_what_they_are(town: Town) -> None:
    """Quantities are kilograms, prices dollars; neither is ever taken for yuan."""
    batch = town.prices.try_source("amis", town.addresses["amis"], TODAY - DAY, town.client)
    assert {q.series.currency for q in batch.quotes} == {"TWD"}
    assert all(q.volume_kg and q.volume_kg >= 300 for q in batch.quotes)


def test_the_national_system_wants_post_a_body_the_right_names_and_a_name(town: Town) -> None:
    """A GET is 405, a wrong name is an error inside a 200, a program that hides behind a library's name meets the wall; ours comes in."""
    url = town.addresses["pfsc_quotes"] + pfsc_quotes.PATH
    assert town.client.get(url).status_code == 405
    wrong = town.client.post(url, json={"currentPage": 1, "pageSize": 10})
    assert wrong.status_code == 200
    (asked,) = pfsc_quotes.plan(Window(TODAY, TODAY))
    with pytest.raises(SourceChanged, match="refused the query"):
        pfsc_quotes.parse(wrong.content, asked)
    assert town.client.post(url).json()["code"] == 500
    with httpx.Client() as nobody:
        wall = nobody.post(url, json={"pageNum": 1, "pageSize": 10})
    assert (wall.status_code, "防火墙" in wall.text) == (403, True)
    report = town.prices.collect("pfsc_quotes", town.addresses["pfsc_quotes"], None, town.client)
    assert report.state == "ok", report.why


def test_official_indices_are_kept_apart_from_prices(town: Town) -> None:
    """The 200 index comes from both of its roads as one series, twice the same changes nothing, and averages stand on no board."""
    for _ in range(2):
        report = town.prices.collect("pfsc", town.addresses["pfsc"], None, town.client)
        assert report.state == "ok", report.why
        town.clock.advance(timedelta(minutes=1))
    points = town.prices.official_index("A", TODAY - 40 * DAY, TODAY)
    assert len(points) >= 20
    assert all(p.day.weekday() < 5 and 90 < p.value < 150 and p.observed_ms == points[0].observed_ms for p in points)
    assert all(town.prices.official_index(code, TODAY, TODAY) for code in INDEX_NAMES)
    assert town.prices.series("lotus_root", "national", TODAY, TODAY)
    assert town.prices.board(None, None) == []


def test_boxes_of_jiangnan_become_kilograms(town: Town) -> None:
    """A price per foam box of ten kilograms stands beside prices per kilogram, and all of its prices came as text."""
    batch = town.prices.try_source("jnmarket", town.addresses["jnmarket"], TODAY, town.client)
    (melon,) = [q for q in batch.quotes if q.series.product == "melon"]
    assert melon.raw_unit == "泡沫箱 = 10 kg"
    assert 2_000 < melon.mid < 40_000
    rows = json.loads(batch.payloads[0].body)["rows"]
    assert all(isinstance(r[k], str) for r in rows for k in ("topPrice", "averagePrice", "minimumPrice", "weight"))


def test_gaps_of_the_platform_stay_gaps(town: Town) -> None:
    """A null in the matrix is no quote: nobody fills it."""
    window = Window(TODAY - 60 * DAY, TODAY)
    report = town.prices.collect("ncpscxx", town.addresses["ncpscxx"], window, town.client, pause=lambda _seconds: None)
    assert report.state == "ok", report.why
    assert report.new == _series("ncpscxx", window) < 6 * 20 * window.days


def test_tags_forecasts_and_litres_of_the_world_food_programme(town: Town) -> None:
    """The row of tags is no row, a forecast is no quote, litres are refused, pounds and bags become kilograms, kinds stay apart."""
    batch = town.prices.try_source("wfp_hdx", town.addresses["wfp_hdx"], TODAY, town.client)
    assert max(q.valid_date for q in batch.quotes) <= TODAY
    assert {r.reason for r in batch.refused} == {"unit"}
    assert {q.series.currency for q in batch.quotes} == {"MWK"}
    assert {(q.series.name, q.series.spec, q.series.grade) for q in batch.quotes} == {
        ("Tomatoes", "Retail", ""), ("Onions(dry)", "Wholesale", ""), ("Maize(white)", "Wholesale", "aggregate"),
        ("Rice", "Retail", "actual+aggregate"),
    }  # fmt: skip
    assert SOURCES["wfp_hdx"].kind == "mixed"
