"""The price board and a product's prices: every number with unit, change, age and source; what is stale says so and why."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from dashboards.pages import prices
from foundation.clock import market_day, to_ms
from tests.dashboards.fakes_house import COUNTY, NOW, House, build_house
from tests.dashboards.fakes_prices import MARKETS, PRODUCTS, fill, trouble
from tests.statements import counting

TODAY = market_day(NOW)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with 800 days of quotes of four products in four markets."""
    return build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=1440, price_days=800)


@pytest.fixture
def web(whole: House) -> Iterator[TestClient]:
    """Yield a client of the whole house."""
    with TestClient(whole.app(prices), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_every_quote_of_today_stands_on_the_board(whole: House, web: TestClient) -> None:
    """Each product in each market has its price per half kilogram, a change with arrow or zero, an age and a source."""
    page = web.get(f"/c/{COUNTY}/prices").text
    rows = whole.services.prices.board(COUNTY, None)
    assert len(rows) == len(PRODUCTS) * len(MARKETS)
    cells = re.findall(r'<td role="cell" class="num[^"]*">(.*?)</td>', page, re.S)
    assert len(cells) == len(rows)
    said = [words(c) for c in cells]
    for row in rows:
        assert any(f" {row.mid / 2000:.2f} " in s for s in said), row
    for s in said:
        assert re.search(r"[▲▼] [+−]\d|0\.0%", s), s
        assert "今天" in s or "天前" in s
    for source in ("莘县瓜菜产地行情", "北京新发地行情", "重点农产品市场信息平台"):
        assert source in page
    assert "元/斤" in page


def test_the_countys_own_market_stands_first(web: TestClient) -> None:
    """The first column of prices is the county's own market."""
    heads = re.findall(r'<th scope="col" role="columnheader" class="num[^"]*">([^<]+)', web.get(f"/c/{COUNTY}/prices").text)
    assert heads[0] == "莘县瓜菜产地市场"


def test_english_reads_in_kilograms(whole: House, web: TestClient) -> None:
    """An English reader gets CNY/kg, twice the figure of the Chinese page."""
    page = web.get(f"/c/{COUNTY}/prices?lang=en").text
    row = whole.services.prices.board(COUNTY, None)[0]
    assert "CNY/kg" in page
    assert f">{row.mid / 1000:.2f}<" in page


def test_a_quarantined_source_is_named_with_its_reason(tmp_path: Path) -> None:
    """When a site answers rubbish the board keeps its last good prices, marks them and says why, in the reader's language."""
    house = build_house(tmp_path, readings_every_minutes=1440, price_days=60)
    trouble(house.kit.engine, "xinfadi", "quarantined", "Xinfadi answered a page instead of data; expected: JSON; got: <html>")
    with TestClient(house.app(prices), headers={"accept": "text/html"}) as web:
        page = web.get(f"/c/{COUNTY}/prices").text
        assert page.count("num stale") == len(PRODUCTS)
        assert "网站回的是网页，不是数据" in page
        assert "停更" in page
        assert "&lt;html" not in page
        product = web.get(f"/c/{COUNTY}/prices/tomato").text
        assert "北京新发地的报价停在" in product
        assert "answered a page instead of data" in web.get(f"/c/{COUNTY}/prices?lang=en").text


def test_an_old_quote_says_how_old_it_is(tmp_path: Path) -> None:
    """Three days without a round, and every price is marked stale with its age."""
    house = build_house(tmp_path, readings_every_minutes=1440, price_days=60)
    house.services.clock.advance(timedelta(days=3))
    with TestClient(house.app(prices), headers={"accept": "text/html"}) as web:
        page = web.get(f"/c/{COUNTY}/prices").text
    assert page.count("num stale") == len(PRODUCTS) * len(MARKETS)
    assert "3 天前" in page


def test_a_product_is_told_drawn_and_tabled(web: TestClient) -> None:
    """One plain sentence with its sureness, a chart with the seasonal band, a line per chosen market, and the numbers behind it."""
    page = web.get(f"/c/{COUNTY}/prices/tomato", params={"range": "1y", "m": ["xinfadi", "shouguang"]}).text
    said = words(page)
    assert re.search(r"北京新发地番茄今天 \d\.\d\d 元/斤，", said)
    assert re.search(r"把握(较大|一般|较小)：近 30 天有 \d+ 天报价", said)
    chart = re.search(r'<svg class="chart".*?</svg>.*?</svg>', page, re.S)
    assert chart
    drawn = ET.fromstring(chart.group(0))
    classes = [e.get("class") for e in drawn.iter() if e.get("class")]
    assert "band" in classes
    assert {"line l0", "line l1"} <= set(classes)
    assert "line l2" not in classes
    assert len(chart.group(0)) < 8000
    assert "往年同期" in said
    table = page[page.index("图里的数字") :]
    assert 50 <= table.count("<tr>") <= 55


@pytest.mark.parametrize("span", ["3y", "1y", "90d", "nonsense"])
def test_every_range_is_a_page(web: TestClient, span: str) -> None:
    """Each range answers, and one that does not exist falls back to a year."""
    answer = web.get(f"/c/{COUNTY}/prices/cucumber", params={"range": span})
    assert answer.status_code == 200
    chosen = re.search(r'value="([^"]+)" checked', answer.text)
    assert chosen
    assert chosen.group(1) == ("1y" if span == "nonsense" else span)


def test_the_csv_holds_what_the_series_holds(whole: House, web: TestClient) -> None:
    """The download has one line per quote, prices per kilogram with three decimals, and its source."""
    answer = web.get(f"/c/{COUNTY}/prices/tomato.csv", params={"m": "xinfadi"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    series = whole.services.prices.series("tomato", "xinfadi", TODAY - timedelta(days=2000), TODAY)
    assert len(rows) == len(series)
    assert rows[-1]["mid_cny_per_kg"] == f"{series[-1].mid / 1000:.3f}"
    assert rows[-1]["source"] == "xinfadi"


def test_what_nobody_quotes_is_not_found(web: TestClient) -> None:
    """A product without a quote and an unknown county are 404."""
    assert web.get(f"/c/{COUNTY}/prices/garlic").status_code == 404
    assert web.get("/c/999999/prices").status_code == 404


def test_an_empty_board_says_so(tmp_path: Path) -> None:
    """Before the first quote the board is a sentence, not an empty table."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    with TestClient(house.app(prices), headers={"accept": "text/html"}) as web:
        page = web.get(f"/c/{COUNTY}/prices").text
    assert "还没有报价" in page
    assert "<table" not in page


def test_the_board_asks_no_more_of_two_hundred_thousand_quotes(tmp_path: Path) -> None:
    """With three years of eight markets and 26 products behind it, the board asks the database as often as with a month of them."""
    asked: list[int] = []
    for days in (30, 1096):
        house = build_house(tmp_path / str(days), readings_every_minutes=1440)
        fill(house.kit.engine, TODAY, to_ms(NOW), days=days, products=[p.id for p in house.services.registry.products()])
        with TestClient(house.app(prices), headers={"accept": "text/html"}) as web:
            web.get(f"/c/{COUNTY}/prices")
            with counting(house.kit.engine) as statements:
                assert web.get(f"/c/{COUNTY}/prices").status_code == 200
        asked.append(len(statements))
    assert house.services.prices.counts()["current"] > 200_000
    assert asked[1] <= asked[0], asked
