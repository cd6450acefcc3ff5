"""Source health: every source with its state, reason, times, rows and terms; trouble first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.pages import sources
from pricing.sources import SOURCES
from tests.dashboards.fakes_house import House, build_house
from tests.dashboards.fakes_prices import trouble


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house with a few quotes."""
    return build_house(tmp_path, readings_every_minutes=1440, price_days=5)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    """Yield a client of the house."""
    with TestClient(house.app(sources), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_every_source_is_listed_with_all_its_facts(web: TestClient) -> None:
    """Name, state, last success and lag, rows, quarantine, next run, markets, licence and permission of each source."""
    page = web.get("/sources").text
    assert page.count('<li class="source') == len(SOURCES)
    for source in SOURCES.values():
        assert source.name_zh in page
    said = words(page)
    for part in ("都正常", "45 秒前", "20 秒后", "本县自有", "只在内部用，不转发", "北京新发地"):
        assert part in said, part


def test_a_source_that_is_off_is_not_counted_among_those_that_are_fine(tmp_path: Path) -> None:
    """What needs leave or is in other money is listed as off, with what it covers; the line above counts the others."""
    empty = build_house(tmp_path, readings_every_minutes=1440)
    with TestClient(empty.app(sources), headers={"accept": "text/html"}) as web:
        said, english = (words(unescape(web.get(f"/sources?lang={lang}").text)) for lang in ("zh-Hans", "en"))
    on = sum(s.enabled for s in SOURCES.values())
    assert f"{on} 个来源" in said
    assert f"另有 {len(SOURCES) - on} 个没有启用" in said
    assert "3 more are off." in english
    for source in SOURCES.values():
        assert source.covers_zh in said
        assert source.covers_en in english


def test_trouble_comes_first_with_its_reason(house: House, web: TestClient) -> None:
    """A quarantined source moves to the top, and its reason is told in the reader's language."""
    trouble(house.kit.engine, "xinfadi", "quarantined", "prices of xinfadi moved by a factor of 2.00 at once: the unit was switched")
    page = web.get("/sources").text
    assert re.findall(r'<li class="source ([a-z]+)', page)[0] == "quarantined"
    assert "价格一下子都变了，像是换了单位" in page
    assert "1 个有问题：北京新发地行情" in words(page)
    assert "the unit was switched" in web.get("/sources?lang=en").text


def test_a_silent_source_is_stale(house: House, web: TestClient) -> None:
    """After one and a half of its periods without a success a source is no longer called fine."""
    house.services.clock.advance(timedelta(minutes=10))
    page = web.get("/sources").text
    assert set(re.findall(r'<li class="source ([a-z]+)', page)) == {"stale"}
    assert "已经 10 分钟没有成功" in page


def test_a_source_never_asked_says_so(tmp_path: Path) -> None:
    """Before the first round nothing is claimed."""
    empty = build_house(tmp_path, readings_every_minutes=1440)
    with TestClient(empty.app(sources), headers={"accept": "text/html"}) as web:
        page = web.get("/sources").text
    assert set(re.findall(r'<li class="source ([a-z]+)', page)) == {"never", "off"}
    assert "还没取过" in page
