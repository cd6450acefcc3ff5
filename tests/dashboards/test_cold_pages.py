"""The cold chain on pages: the consumer's legs, the county's road, one leg in full; and over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.alarms import FirstSeen, alarms, domains
from dashboards.app import create_app
from dashboards.cold_chart import leg_strip, thinned
from dashboards.field_view import field_view
from dashboards.i18n import translator
from dashboards.pages.cold_chain import cold_frame
from ingest.reading import GOOD, Point
from logistics.cold_chain.limits import CLASSES
from tests.dashboards.fakes_cold import Road, build_road, drive
from tests.dashboards.fakes_house import NOW, build_house
from traceability.legs import summary_id

SHENXIAN = "371522"
ENGLISH = {"accept-language": "en"}
HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Road, dict[str, str]]:
    """Return a house in which five legs happened, and their ids."""
    road = build_road(build_house(tmp_path_factory.mktemp("cold"), readings_every_minutes=720))
    legs = drive(road)
    road.house.kit.trace.make_checkpoint()
    road.house.kit.clock.instant = NOW
    return road, legs


@pytest.fixture(scope="module")
def web(told: tuple[Road, dict[str, str]]) -> Iterator[TestClient]:
    """Yield a browser of the whole application."""
    with TestClient(create_app(told[0].house.services), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize(
    ("lot", "chinese", "english"),
    [
        (
            "A1",
            ("全程在限内", "限外 0 分钟，没有数据 0 分钟", "承运方已签名，曲线与签名的哈希一致"),
            ("in range all the way", "0 min without data"),
        ),
        ("A2", ("超限，最长 90 分钟", "限外 90 分钟"), ("out of range, longest 90 min",)),
        ("A3", ("不完全知道", "没有数据 100 分钟", "没有数据不等于没问题"), ("not fully known", "No data does not mean fine.")),
        ("A4", ("没有记录仪", "途中的温度不知道"), ("no recorder", "the temperature on the way is not known")),
        ("A5", ("在途，超限中",), ("on the road, out of range",)),
    ],
)
def test_the_consumers_page_tells_each_leg(
    told: tuple[Road, dict[str, str]], web: TestClient, lot: str, chinese: tuple[str, ...], english: tuple[str, ...]
) -> None:
    """Every leg has its way, its minutes and its verdict in both languages; a leg with readings has its curve, one without has none."""
    address = f"/t/{told[0].house.code(lot)}"
    said = words(web.get(address).text)
    assert "瓜田里示例合作社 → 禾家示例超市" in said
    for part in chinese:
        assert part in said, part
    page = web.get(address, headers=ENGLISH).text
    for part in english:
        assert part in words(page), part
    assert ('class="lim"' in page) == (lot != "A4") and ('class="gap"' in page.split("Cold chain</h2>")[1]) == (lot == "A3")
    assert "Guatianli Example Melon Cooperative → Hejia Example Supermarket" in words(page)


def test_the_summary_stands_among_the_events(told: tuple[Road, dict[str, str]], web: TestClient) -> None:
    """The signed summary is an event of the lot with its figures, checked like the others; a lot page shows it too."""
    road, _ = told
    said = words(web.get(f"/t/{road.house.code('A2')}").text)
    assert "冷链小结" in said and "货厢 10.4 至 15.2 °C，平均 11.6，限外 90 分钟，没有数据 0 分钟" in said
    assert "记录完整，没有被改动" in said
    assert "Cold-chain summary" in words(web.get(f"/lots/{SHENXIAN}:A2", headers=ENGLISH).text)


def test_a_page_with_a_leg_stays_small(told: tuple[Road, dict[str, str]], web: TestClient) -> None:
    """With a leg of six hours and its curve, page with its style sheet, and QR code, stay below 20 kB uncompressed."""
    address = f"/t/{told[0].house.code('A3')}"
    page = web.get(address)
    total = len(page.content) + len(web.get(address + "/qr.svg").content)
    assert "<script>" not in page.text and total <= 20_000, total


def test_the_road_page_shows_trucks_alarms_and_legs(told: tuple[Road, dict[str, str]], web: TestClient) -> None:
    """Under way with figure, age, limits and curve; the alarm by age; finished legs with their minutes apart; and the page of one leg."""
    road, legs = told
    page = web.get(f"/c/{SHENXIAN}/cold-chain").text
    said = words(page)
    for part in (
        "1 辆冷藏车在途。",
        "1 件需要处理。",
        "高于上限 13.0 °C",
        "2号冷藏车",
        "限值 8.0 至 13.0 °C",
        "没有记录仪",
        "不完全知道",
        "已签名",
    ):
        assert part in said, part
    assert page.count('<svg class="strip"') == 1 and f"/c/{SHENXIAN}/cold-chain/{legs['A5']}" in page
    one = words(web.get(f"/c/{SHENXIAN}/cold-chain/{legs['A2']}").text)
    for part in ("超限", "高于上限", "15.2", "SHA-256", "1号冷藏车", "动力学平均温度"):
        assert part in one, part
    assert web.get(f"/c/321023/cold-chain/{legs['A2']}").status_code == 404
    assert road.cold.leg(legs["A2"]).leg.judged.readings_hash in web.get(f"/c/{SHENXIAN}/cold-chain/{legs['A2']}").text
    assert "现在没有带记录仪的车在途。" in words(web.get("/c/321023/cold-chain").text)


def test_the_big_screen_names_the_truck(told: tuple[Road, dict[str, str]]) -> None:
    """The county's alarms hold the truck beyond its limit, since when, with a link to its leg."""
    road, legs = told
    services, t = road.house.services, translator("en")
    found = [a for a in alarms(services, SHENXIAN, field_view(services, SHENXIAN, "en", t), "en", t, FirstSeen()) if a.domain == "cold"]
    assert [(a.link, a.text.split(",")[0]) for a in found] == [
        (f"/c/{SHENXIAN}/cold-chain/{legs['A5']}", "Reefer truck 2 above the limit 13.0 °C")
    ]
    assert found[0].since_ms == road.cold.alarms(SHENXIAN)[0].since_ms and "cold" in domains(t)


def test_the_stream_carries_the_same_figures(told: tuple[Road, dict[str, str]], web: TestClient) -> None:
    """A frame holds the newest temperature, its age and the alarm's age under the keys the page waits for, and the page's version."""
    road, legs = told
    page = web.get(f"/c/{SHENXIAN}/cold-chain").text
    frame = json.loads(cold_frame(road.house.services, SHENXIAN, "zh-Hans"))
    assert frame["values"]["sx-truck-02.cargo_temperature"][0] == "15.0" and 'data-live="sx-truck-02.cargo_temperature"' in page
    key = f"alarm.{legs['A5']}.above"
    assert f'data-text="{key}"' in page and frame["texts"][key] in page
    assert f'data-version="{frame["version"]}"' in page


def test_the_pages_say_nothing_in_the_other_language(told: tuple[Road, dict[str, str]], web: TestClient) -> None:
    """The English road and leg pages hold no Chinese."""
    _, legs = told
    for address in (f"/c/{SHENXIAN}/cold-chain", f"/c/{SHENXIAN}/cold-chain/{legs['A2']}"):
        page = web.get(address, headers=ENGLISH).text
        assert HAN.findall(words(re.sub(r'<a [^>]*lang="zh-Hans".*?</a>', "", page))) == []


def test_the_api_tells_legs_alarms_and_what_is_to_be_signed(told: tuple[Road, dict[str, str]]) -> None:
    """Lists by state, one leg with its readings, the summary of a finished one with its id; a county sees only its own."""
    road, legs = told
    keys = {county: road.house.services.registry.make_api_key(f"cold {county}", "carrier", county) for county in (SHENXIAN, "321023")}

    def get(path: str, county: str = SHENXIAN, **query: Any) -> Any:
        with TestClient(create_app(road.house.services), headers={"authorization": f"Bearer {keys[county]}"}) as client:
            return client.get(f"/api/v1/cold-chain/{path}", params=query)

    assert [x["id"] for x in get("legs", state="under_way").json()["items"]] == [legs["A5"]]
    assert legs["A2"] in {x["id"] for x in get("legs", state="finished").json()["items"]}
    assert get("legs", county="321023").json()["items"] == []
    assert [a["side"] for a in get("alarms").json()["items"]] == ["above"]
    one = get(f"legs/{legs['A3']}").json()
    assert len(one["readings"]) == 27 == one["judged"]["count"] and one["verdict"] == "not_fully_known"
    assert get(f"legs/{legs['A3']}/summary").json()["summary_id"] == summary_id(legs["A3"])
    assert get(f"legs/{legs['A5']}/summary").status_code == 409
    assert get(f"legs/{legs['A3']}", "321023").status_code == 403
    assert get("legs", state="sideways").status_code == 422 and get("legs/nothing").status_code == 404


def test_a_curve_never_thins_its_extremes_away() -> None:
    """Of five thousand readings the highest is still drawn, and a silence is drawn as one."""
    points = [Point(k * 10_000, 10.0 + (8.0 if k == 2_345 else 0.0), GOOD) for k in range(5_000)]
    kept = thinned(points, 60)
    assert len(kept) <= 120 and max(p.value for p in kept) == 18.0 and [p.t_ms for p in kept] == sorted(p.t_ms for p in kept)
    limits = CLASSES["cool"]
    assert 'class="gap"' not in leg_strip(points, limits, 0, 50_000_000, "x")
    assert 'class="gap"' in leg_strip(points[:2_000] + points[3_000:], limits, 0, 50_000_000, "x")
    assert leg_strip([], limits, 0, 1, "x") == "" and len(leg_strip(points, limits, 0, 50_000_000, "x")) < 1_200
