"""Parts of the price pages: the map, the strip of other markets, what is unusual, the quotes behind a number, charts for other sites."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from dashboards.analysis_words import why_none
from dashboards.charts import dot_strip
from dashboards.i18n import translator
from dashboards.pages import embed, prices
from foundation.clock import market_day
from pricing.analysis.facts import REASONS, Fact
from pricing.forecast.nouns import Forecast
from tests.dashboards.fakes_house import COUNTY, NOW, House, build_house
from tests.dashboards.fakes_prices import MARKETS, trouble

TODAY = market_day(NOW)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with three years of quotes and the forecasts made of them."""
    made = build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=1440, price_days=1100)
    made.services.forecasts.make_market("shenxian")
    return made


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    """Yield a client of the price pages."""
    with TestClient(house.app(prices, embed), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


def test_the_strip_marks_every_market_and_our_own_in_place() -> None:
    """The lowest stands at the left end, the highest at the right, our own dot between them by its value."""
    drawn = str(dot_strip([1000, 2000], 1500, "a & b"))
    assert "M5 6v8M91 6v8" in drawn
    assert 'cx="48"' in drawn
    assert "a &amp; b" in drawn
    assert "circle" not in str(dot_strip([1000], None, "alone"))


def test_the_map_shows_each_market_once_with_its_distance_from_ours(web: TestClient, house: House) -> None:
    """Each market that quotes stands on the map at its price; the percentages are against the county's own market; the choice is kept."""
    page = web.get(f"/c/{COUNTY}/prices", params={"map": "tomato"}).text
    drawn = re.search(r'<svg class="market-map tall".*?</svg>', page, re.S)
    assert drawn
    said = [" ".join(g.itertext()).split() for g in ET.fromstring(drawn[0].replace("&nbsp;", " ")).iter("g")]
    assert len(said) == len(MARKETS)
    rows = {r.market: r for r in house.services.prices.board(COUNTY, None) if r.product == "tomato"}
    own = rows["shenxian"].mid
    assert {s[1] for s in said} == {f"{r.mid / 2000:.2f}" for r in rows.values()}
    xinfadi = next(s for s in said if s[0] == "北京新发地")
    assert xinfadi[-1].replace("−", "-") == f"{100 * (rows['xinfadi'].mid / own - 1):+.1f}%"
    assert '<option value="tomato" selected>' in page
    # What is asked for and not quoted falls back to a product that is.
    assert "market-map" in web.get(f"/c/{COUNTY}/prices", params={"map": "nonsense"}).text


def test_a_market_in_trouble_is_not_compared(tmp_path: Path) -> None:
    """Where a source is down its market stays on the map with its age, and has no percentage and no tick among the others."""
    house = build_house(tmp_path, readings_every_minutes=1440, price_days=60)
    trouble(house.kit.engine, "xinfadi", "failing", "the site does not answer")
    with TestClient(house.app(prices), headers={"accept": "text/html", "accept-language": "zh"}) as web:
        page = web.get(f"/c/{COUNTY}/prices", params={"map": "tomato"}).text
    old = re.search(r'class="old">.*?北京新发地.*?</g>', page, re.S)
    assert old and "%" not in old[0] and "今天" in old[0]
    assert f"另 {len(MARKETS) - 2} 个市场" in page
    assert page.index("北京新发地行情") < page.index("今天不寻常的") < page.index('<table class="board"')


def test_what_is_unusual_stands_first_and_leads_to_its_product(web: TestClient, house: House) -> None:
    """The board begins with what analysis calls unusual, at most five lines, each with a price, a mark, its footing and its age."""
    found = house.services.analysis.unusual(COUNTY)
    assert found
    page = web.get(f"/c/{COUNTY}/prices").text
    section = page[page.index('class="unusual"') : page.index('class="today"')]
    lines = re.findall(r"<li>.*?</li>", section, re.S)
    assert len(lines) == min(5, len(found))
    first = found[0]
    assert f"/c/{COUNTY}/prices/{first.product}?m={first.market}" in lines[0]
    assert f"{first.price_milli / 2000:.2f}" in lines[0]
    assert all(re.search(r"[▲▼]", x) and re.search(r"<small>.*\d.*(今天|昨天|天前)", x) for x in lines)


def test_a_young_board_does_not_call_itself_ordinary(tmp_path: Path) -> None:
    """With two months of quotes nothing can be called usual, and the page says that instead of all being well."""
    house = build_house(tmp_path, readings_every_minutes=1440, price_days=20)
    with TestClient(house.app(prices), headers={"accept": "text/html", "accept-language": "zh"}) as web:
        page = web.get(f"/c/{COUNTY}/prices").text
        product = web.get(f"/c/{COUNTY}/prices/tomato").text
    assert "历史还不够" in page
    assert "历史还不够，不作预测" in product
    assert 'class="fan"' not in product


def test_the_fan_opens_where_knowledge_ends(web: TestClient, house: House) -> None:
    """The chart has the forecast's fan, the table its horizons with both errors, and the numbers are those of the forecast."""
    told = house.services.forecasts.latest("tomato", "shenxian")
    assert isinstance(told, Forecast)
    page = web.get(f"/c/{COUNTY}/prices/tomato").text
    assert 'class="fan"' in page and 'class="likely"' in page
    four, skill = told.at(4), told.skill_at(4)
    assert four and skill
    for text in (f"{four.p50 / 2000:.2f}", f"{four.p10 / 2000:.2f}–{four.p90 / 2000:.2f}", f"{skill.mase:.2f}", f"{skill.mase_naive:.2f}"):
        assert f">{text}<" in page
    numbers = web.get(f"/c/{COUNTY}/prices/tomato.json").json()
    assert numbers["fan"][4][1:] == [round(v / 2000, 4) for v in (four.p10, four.p50, four.p90)]
    assert numbers["fan"][0][1] == numbers["fan"][0][3] == round(told.last_price / 2000, 4)
    assert [line["label"] for line in numbers["lines"]] == ["莘县瓜菜产地市场", "北京新发地"]
    assert numbers["unit"] == "元/斤"


def test_spreads_say_their_footing(web: TestClient, house: House) -> None:
    """Every other market has its spread now and usually, what a truck costs, on how many days it was wider, and how fast gaps close."""
    page = web.get(f"/c/{COUNTY}/prices/tomato").text
    section = page[page.index("的价差</h2>") :]
    section = section[: section.index("</section>")]
    assert section.count('<tr role="row"') == len(MARKETS)  # the head and every market but our own
    cost = house.services.logistics.selling.transfer_cost_milli("tomato", "shenxian", "xinfadi", 10_000)
    assert cost and f"{cost / 2000:.2f}" in section
    assert house.services.logistics.selling.transfer_cost_milli("tomato", "shenxian", "nowhere", 10_000) is None
    assert "天里" in section


def test_every_fact_names_a_method_that_is_told(web: TestClient) -> None:
    """Each indicator on the product's page carries the id of its method, and the method page has an anchor of that id."""
    page = web.get(f"/c/{COUNTY}/prices/tomato").text
    rows = re.findall(r"<tr role=\"row\">.*?</tr>", page[page.index("facts-table") :], re.S)
    methods = [m for row in rows for m in re.findall(r"<code>([a-z-]+)</code>", row)]
    assert len(methods) == 13
    told = (Path(__file__).parents[2] / "docs" / "prices.md").read_text("utf-8")
    assert {m for m in methods if f'id="{m}"' not in told} == set()


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_every_reason_for_no_number_has_words(lang: str) -> None:
    """Whatever reason analysis has for giving no number, the reader is told it."""
    t = translator(lang)
    told = {reason: why_none(Fact("ipa", None, 2, reason=reason, need=6), t) for reason in REASONS}
    assert len(set(told.values())) == len(REASONS)
    assert "6" in told["not-enough-history"]


def test_a_day_without_a_quote_is_not_filled(web: TestClient) -> None:
    """The page behind a number tells a silent day as silent; an unknown market is not found, a wrong day refused."""
    assert "没有的不补" in web.get(f"/c/{COUNTY}/prices/tomato/xinfadi/1999-01-01").text
    assert web.get(f"/c/{COUNTY}/prices/tomato/nowhere/2025-11-23").status_code == 404
    assert web.get(f"/c/{COUNTY}/prices/tomato/xinfadi/yesterday").status_code == 422


def test_an_embedded_chart_is_whole_and_loads_nothing(web: TestClient) -> None:
    """The SVG is well formed, carries source, day and a link, lets itself be framed, has no script, and is answered 304 when unchanged."""
    answer = web.get(f"/embed/prices/tomato.svg?county={COUNTY}&m=xinfadi&range=1y&lang=en")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors *" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    drawn = ET.fromstring(answer.text)
    assert drawn.tag == f"{SVG}svg"
    said = " ".join(drawn.itertext())
    assert "Xinfadi price page" in said and str(TODAY) in said and "CNY/kg" in said
    assert not [e for e in drawn.iter() if e.tag in (f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject")]
    assert next(drawn.iter(f"{SVG}a")).get("href", "").endswith(f"/c/{COUNTY}/prices/tomato")
    assert len(answer.content) < 20_000
    again = web.get(answer.request.url, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert web.get("/embed/prices/garlic.svg?county=" + COUNTY).status_code == 404


def test_pages_are_light(web: TestClient) -> None:
    """Board and product page are far below 60 kB before compression, whatever is on them."""
    assert len(web.get(f"/c/{COUNTY}/prices").content) < 60_000
    assert len(web.get(f"/c/{COUNTY}/prices/tomato").content) < 60_000
    assert json.loads(web.get(f"/c/{COUNTY}/prices/tomato.json").text)
