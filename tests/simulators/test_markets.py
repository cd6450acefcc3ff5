"""Simulated market sites: the same prices for ever, the documented shapes, the habits and the faults of real ones."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from foundation.clock import FixedClock
from foundation.errors import BadInput
from pricing.sources import SOURCES
from simulators.markets import MODES, SEED, SITES, THROTTLED_EVERY, MarketSites, addresses, break_market, heal
from simulators.markets_catalog import PLATFORM_MARKETS, catalog
from simulators.markets_prices import PriceWorld

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
FORM = b"limit=20&current=1&pubDateStartTime=2026/11/20&pubDateEndTime=2026/11/23&prodPcatid=&prodCatid=&prodName="


def test_prices_of_the_past_never_change() -> None:
    """A world made two years later, and one asked at another hour, tell the same past; another seed tells another."""
    early, late = PriceWorld(7), PriceWorld(7)
    week = (date(2026, 11, 10), date(2026, 11, 16))
    for index in range(0, len(catalog()), 17):
        was = early.mids(index, *week, NOW)
        assert was == late.mids(index, *week, NOW + timedelta(days=700, hours=3))
        assert was != PriceWorld(8).mids(index, *week, NOW)


def test_a_new_site_changes_no_price_of_another() -> None:
    """Each block of series is drawn by itself: the first site's prices are what they were before there were others."""
    world = PriceWorld(SEED)
    first = [round(p.mid, 3) for _, p in world.mids(0, date(2026, 11, 1), date(2026, 11, 3), NOW)]
    assert first == [2.9, 3.15, 3.15]
    assert [round(p.mid, 3) for _, p in world.mids(len(catalog()) - 1, date(2026, 11, 1), date(2026, 11, 1), NOW)] == [10.2]


def test_a_demo_polls_what_needs_no_leave_and_is_in_yuan(tmp_path: Path) -> None:
    """Sites that need leave, quote in other money or are files of the past are served and not polled; every source has a site."""
    polled = addresses(1)
    assert set(polled) == {s.id for s in SOURCES.values() if s.enabled}
    assert set(addresses(1, every=True)) == set(SOURCES)
    site = MarketSites(tmp_path, PriceWorld(7), FixedClock(NOW))
    assert site.answer("GET", "/wfp_hdx/wfp_food_prices.csv", b"")[0] == 200


def test_today_moves_through_the_day_and_settles() -> None:
    """Some of today's prices differ between morning and evening, and the day settles at what it will always have been."""
    world = PriceWorld(7)
    hours = [datetime(2026, 11, 22, 22, tzinfo=UTC), NOW, datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), NOW + timedelta(days=9)]
    seen = [[world.mids(i, TODAY, TODAY, h) for i in range(len(world.series))] for h in hours]
    assert seen[0] != seen[1]
    assert seen[2] == seen[3]


def test_three_years_of_twenty_products_in_ten_markets() -> None:
    """The catalogue of the polled sites is wide enough, and days are quoted but for closures and a few absences."""
    world = PriceWorld(7)
    polled = [i for i, q in enumerate(world.series) if SITES[q.source].polled]
    assert len({world.series[i].market for i in polled}) == 10
    assert len({q.product for q in world.series}) >= 20
    start = TODAY - timedelta(days=1095)
    counts = [len(world.mids(i, start, TODAY, NOW)) for i in polled]
    assert min(counts) > 1050
    assert sum(counts) > 190_000


def test_prices_have_a_season_and_are_sticky() -> None:
    """黄瓜 is dear in February and cheap in May; about seven days of ten repeat yesterday."""
    world = PriceWorld(7)
    index = next(i for i, q in enumerate(world.series) if q.source == "xinfadi" and q.product == "cucumber")
    days = dict(world.mids(index, date(2022, 1, 1), date(2026, 11, 22), NOW))
    mean = {m: sum(v) / len(v) for m in (2, 5) if (v := [p.mid for d, p in days.items() if d.month == m])}
    assert mean[2] > 1.6 * mean[5]
    values = [p.mid for p in days.values()]
    repeats = sum(a == b for a, b in itertools.pairwise(values)) / len(values)
    assert 0.6 < repeats < 0.85


def test_xinfadi_answers_in_its_documented_shape(tmp_path: Path) -> None:
    """Prices are text in 元/斤, newest first, `count` is of the whole query, the place is glued provinces, one name has a mark in it."""
    site = MarketSites(tmp_path, PriceWorld(7), FixedClock(NOW))
    status, body, _ = site.answer("POST", "/xinfadi/getPriceData.html", FORM)
    told = json.loads(body)
    assert status == 200
    assert (told["current"], told["limit"], len(told["list"])) == (1, 20, 20)
    assert told["count"] > 100
    assert all(isinstance(r[k], str) for r in told["list"] for k in ("lowPrice", "avgPrice", "highPrice"))
    assert [r["pubDate"] for r in told["list"]] == sorted((r["pubDate"] for r in told["list"]), reverse=True)
    assert any(r["prodName"].startswith("\ufeff") for r in told["list"])
    assert {r["unitInfo"] for r in told["list"]} == {"斤"}
    assert site.answer("GET", "/xinfadi/getPriceData.html", b"")[0] == 405
    assert site.answer("POST", "/xinfadi/other", FORM)[0] == 404
    assert site.answer("POST", "/xinfadi/getPriceData.html", b"limit=x")[0] == 400


def test_the_platform_answers_a_matrix(tmp_path: Path) -> None:
    """Products times days, gaps null, days written in Chinese; an unknown market is an error inside a 200."""
    site = MarketSites(tmp_path, PriceWorld(7), FixedClock(NOW))
    name = PLATFORM_MARKETS["jiangqiao"][0]
    target = "/ncpscxx" + next(iter(SITES["ncpscxx"].routes))
    data = json.loads(site.answer("POST", target, f"startTime=20261120&endTime=20261123&marketName={name}".encode())[1])["data"]
    assert data["names"] == ["2026年11月20日", "2026年11月21日", "2026年11月22日", "2026年11月23日"]
    assert len(data["values"]) == len(data["codes"]) == 20
    assert json.loads(site.answer("POST", target, b"startTime=20261120&endTime=20261123&marketName=x")[1])["code"] == 500


def test_throttling_comes_now_and_then_as_an_empty_answer(tmp_path: Path) -> None:
    """One request in so many is answered 200 with nothing, as the real site does, and the next one properly."""
    site = MarketSites(tmp_path, PriceWorld(7), FixedClock(NOW))
    sizes = [len(site.answer("POST", "/xinfadi/getPriceData.html", FORM)[1]) for _ in range(THROTTLED_EVERY + 1)]
    assert [k for k, size in enumerate(sizes, 1) if size == 0] == [THROTTLED_EVERY]


def test_sites_break_as_asked_and_heal(tmp_path: Path) -> None:
    """The control folder breaks a site in each way; healing restores the very same answer; nonsense is refused."""
    site = MarketSites(tmp_path, PriceWorld(7), FixedClock(NOW), quirks=False)
    good = site.answer("POST", "/xinfadi/getPriceData.html", FORM)
    for mode in MODES:
        break_market(tmp_path, "xinfadi", mode)
        assert site.answer("POST", "/xinfadi/getPriceData.html", FORM) != good
        assert heal(tmp_path) == ["xinfadi"]
        assert site.answer("POST", "/xinfadi/getPriceData.html", FORM) == good
    with pytest.raises(BadInput):
        break_market(tmp_path, "nowhere", "html")
    with pytest.raises(BadInput):
        break_market(tmp_path, "ncpscxx", "slip")
    with pytest.raises(BadInput):
        break_market(tmp_path, "xinfadi", "nonsense")
