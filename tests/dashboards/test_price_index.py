"""The page of a county's basket index: what it shows, what it hides, and that its numbers are those of the analysis."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete

from dashboards.i18n import translator
from dashboards.index_view import index_context
from dashboards.pages import price_index
from foundation.clock import from_ms, market_day, to_ms
from pricing import store
from tests.dashboards.fakes_house import COUNTY, NOW, House, build_house
from tests.dashboards.fakes_prices import fill

# A day that memory reads again within the hour.
LOST = date(2025, 11, 5)
PRODUCTS = ("melon", "tomato", "cucumber", "pepper", "eggplant", "mushroom")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with prices of most of Shenxian's basket since before its base."""
    made = build_house(tmp_path_factory.mktemp("index"), readings_every_minutes=720)
    fill(made.kit.engine, market_day(NOW), to_ms(NOW), days=800, products=PRODUCTS)
    return made


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    """Yield a browser that sees the index pages only."""
    with TestClient(house.app(price_index), headers={"accept-language": "zh"}) as client:
        yield client


def test_the_page_tells_value_coverage_weights_and_whose_they_are(browser: TestClient, house: House) -> None:
    """The index of the newest day to one decimal, the share quoted, whose weights they are, and the official index's absence."""
    found = house.services.analysis.index(COUNTY, market_day(NOW), market_day(NOW))
    value = found.points[-1].value
    assert value is not None
    page = browser.get(f"/c/{COUNTY}/index").text
    assert f"{value:.1f}" in page and "92%" in page
    assert page.count("我们的假设，不是调查") == 2  # above the table, and below it for all weights
    assert "这段时间还没有取到官方指数" in page
    assert len(browser.get(f"/c/{COUNTY}/index?range=90d").content) < 60_000 and len(page.encode()) < 60_000


def test_days_that_are_not_covered_are_hidden_in_chart_and_table(house: House) -> None:
    """Where a market day is lost, the chart has no point and the table a dash, but the coverage is told."""
    with house.kit.engine.begin() as connection:
        gone = connection.execute(store.quote_current.select().where(store.quote_current.c.valid_date == LOST)).all()
        connection.execute(delete(store.quote_current).where(store.quote_current.c.valid_date == LOST))
    house.services.clock.instant = from_ms(to_ms(NOW) + 2 * 3_600_000)
    try:
        found = index_context(house.services, COUNTY, "90d", None, "zh-Hans", translator("zh-Hans"))
        (row,) = [r for r in found["rows"] if r.day == LOST]
        assert row.value == "–" and row.coverage == "0%" and row.carried != "0%"
    finally:
        house.services.clock.instant = NOW
        with house.kit.engine.begin() as connection:
            connection.execute(store.quote_current.insert(), [dict(r._mapping) for r in gone])


def test_the_download_is_every_day_unrounded(browser: TestClient, house: House) -> None:
    """The CSV begins at the base, and its figures are the analysis's to the last bit."""
    text = browser.get(f"/c/{COUNTY}/index.csv").content.decode("utf-8-sig")
    rows = {date.fromisoformat(r["day"]): r for r in csv.DictReader(io.StringIO(text))}
    assert min(rows) == date(2024, 1, 1)
    for p in house.services.analysis.index(COUNTY, date(2025, 11, 20), market_day(NOW)).points:
        row = rows[p.day]
        assert float(row["index"]) == p.raw and row["shown"] == str(int(p.value is not None))


def test_as_of_shows_what_was_known(browser: TestClient) -> None:
    """Before anything was observed there is no index, and the page says so instead of failing; strange days are refused."""
    page = browser.get(f"/c/{COUNTY}/index?as_of=2020-01-01")
    assert page.status_code == 200 and "没有足够的报价" in page.text
    assert browser.get(f"/c/{COUNTY}/index?as_of=x").status_code == 422
    assert browser.get("/c/110000/index").status_code == 404


def test_the_official_index_stands_beside_as_published(house: House, tmp_path: Path) -> None:
    """Its value is shown as its publisher wrote it, in a chart of its own, with the words that it is not ours."""
    from pricing import index_store
    from pricing.indices import IndexPoint

    days = [IndexPoint("A", date(2025, 11, d), 118_230 + d, f"118.{230 + d}") for d in (18, 19, 20)]
    with house.kit.engine.begin() as connection:
        index_store.record(connection, "pfsc_index", 1, days, to_ms(NOW))
    found = index_context(house.services, COUNTY, "90d", None, "zh-Hans", translator("zh-Hans"))
    assert [o["newest"][0] for o in found["officials"]] == ["118.25"]
    assert found["official_heads"] == ["农产品批发价格200指数"]
