"""The big screens: every panel says its time and whether it is stale, alarms stand by age, both names lead to a county."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.screen_parts import Kept, Panel
from dashboards.screen_svg import Scale
from dashboards.screen_view import Screens
from tests.dashboards.fakes import BAOYING, SHENXIAN, Installation, build_installation
from tests.dashboards.fakes_cold import build_road, drive
from tests.dashboards.fakes_house import NOW, build_house

PANELS = {
    "shenxian": ("weather", "climate", "field", "alarms", "prices", "lots", "trucks", "proof"),
    "baoying": ("calendar", "weather", "ponds", "alarms", "prices", "trucks", "traps"),
}


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Return an installation of this test's own."""
    return build_installation(tmp_path)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an installation nobody changes."""
    return build_installation(tmp_path_factory.mktemp("screens"))


@pytest.fixture(scope="module")
def web(still: Installation) -> Iterator[TestClient]:
    """Yield a browser of it."""
    with still.browser() as client:
        yield client


def frame(screens: Screens, name: str, lang: str = "zh-Hans") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(screens.frame(name, lang))
    return told


def test_a_screen_is_found_by_name_and_by_code(web: TestClient) -> None:
    """The name and the county's code lead to the same screen; another name is not found."""
    assert "莘县" in web.get("/screen/shenxian").text
    assert web.get("/screen/baoying").text == web.get(f"/screen/{BAOYING}").text
    assert web.get("/screen/nowhere").status_code == 404
    assert f'href="/screen/{SHENXIAN}"' in web.get(f"/c/{SHENXIAN}").text


def test_only_readers_see_a_screen(tmp_path: Path) -> None:
    """Outside a demo a screen needs a sign-in, and the public half has none at all."""
    real = build_installation(tmp_path, demo=False)
    with real.browser() as client:
        assert client.get("/screen/shenxian").status_code == 401
    with real.browser(public_only=True) as client:
        assert client.get("/screen/shenxian").status_code == 404


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize(
    ("lang", "words", "nothing", "stale"), [("zh-Hans", "截至", "还没有数据", "过时"), ("en", "as of", "no data yet", "stale")]
)
def test_every_panel_says_its_time(still: Installation, name: str, lang: str, words: str, nothing: str, stale: str) -> None:
    """Every panel of a screen carries "as of", is not stale while things come in, and is not empty."""
    told = frame(Screens(still.services), name, lang)["panels"]
    assert tuple(told) == PANELS[name]
    # In this house nothing was carried, no trap has spoken and the last checkpoint is a day old; those panels say so.
    old = {"trucks": nothing, "traps": nothing, "proof": stale}
    for key, panel in told.items():
        assert panel["as_of"].startswith(old.get(key, words)), key
        assert panel["stale"] == (key in old), key
        assert len(panel["html"]) > 20, key


def test_a_panel_turns_stale_when_its_readings_stop(house: Installation) -> None:
    """When nothing comes any more every panel of readings says so after its limit; a reading makes it fresh again."""
    screens = Screens(house.services)
    house.services.clock.instant += timedelta(seconds=55)
    assert not frame(screens, "shenxian")["panels"]["weather"]["stale"]
    house.services.clock.instant += timedelta(seconds=10)
    told = frame(screens, "shenxian")["panels"]
    assert {k for k in ("weather", "field", "climate") if told[k]["stale"]} == {"weather", "field", "climate"}
    assert "过时" in told["weather"]["as_of"]
    assert not told["alarms"]["stale"]
    house.speak("sx-01-gw", 10_001)
    assert not frame(screens, "shenxian")["panels"]["weather"]["stale"]


def test_the_lotus_year_has_something_to_say_in_every_month(house: Installation) -> None:
    """In each month the calendar names its stage and the depth it wants, judges the ponds by it, and knows whether pests are in season."""
    screens, clock, told = Screens(house.services), house.services.clock, {}
    for k in range(1, 13):
        year, month = divmod(NOW.month + k - 1, 12)
        clock.instant = datetime(NOW.year + year, month + 1, 15, 4, 0, tzinfo=UTC)
        house.speak("by-01-gw", 20_000 + k, water_level=12.0)
        panels = frame(screens, "baoying")["panels"]
        assert not panels["calendar"]["stale"]
        stage = re.search(r'class="stage-name">([^<]+)<small>第 (\d+) 天，共 (\d+) 天', panels["calendar"]["html"])
        band = re.search(r"<b>([\d–]+) 厘米</b><span>建议水深（([^）]+)）", panels["calendar"]["html"])
        assert stage and band
        assert 1 <= int(stage[2]) <= int(stage[3])
        told[month + 1] = (
            stage[1],
            band[1],
            band[2],
            "3/3 在范围内" in panels["calendar"]["html"],
            panels["traps"]["html"].count("正在其中"),
        )
    texts = "多份当地推广资料一致"
    winter, vigour = ("成熟采收、留塘越冬", "8–15", "假设", True, 0), ("旺盛生长", "10–20", texts, True, 2)
    swelling = "开花膨藕", "4–10", "资料不一：4–7 与 5–10 厘米", False
    assert told == {
        11: winter, 12: winter, 1: winter, 2: winter, 3: winter, 4: ("种植萌芽", "3–5", texts, False, 0),
        5: ("浮叶立叶", "5–10", texts, False, 0), 6: vigour, 7: vigour, 8: vigour, 9: (*swelling, 2), 10: (*swelling, 1),
    }  # fmt: skip


def test_alarms_on_the_screen_stand_by_age(house: Installation) -> None:
    """The alarms of the screen are the county's, the oldest first, each with how long; what is well is told below."""
    html = frame(Screens(house.services), "baoying")["panels"]["alarms"]["html"]
    assert re.findall(r"<li class=\"(?:bad|warning)\"><b>([^<]+)</b><span>([^<]+)", html) == [
        ("1 小时", "柳堡莲藕基地网关无声，8 台设备没有读数"), ("不到 1 分钟", "西安丰莲藕基地缺序号 5–7"),
    ]  # fmt: skip
    assert "近 30 天没有不合格的批次" in html
    assert "没有告警" not in html


def test_a_dear_question_is_asked_seldom(house: Installation) -> None:
    """A minute of frames asks the store for the last day once; another county's or a later answer is asked for again."""
    asked, clock = [], house.services.clock
    kept = Kept(clock)
    for _ in range(60):
        kept.get(("a", "day"), 60, lambda: asked.append("a"))
        clock.instant += timedelta(seconds=0.9)
    assert asked == ["a"]
    kept.get(("b", "day"), 60, lambda: asked.append("b"))
    clock.instant += timedelta(seconds=60)
    kept.get(("a", "day"), 60, lambda: asked.append("a"))
    clock.instant -= timedelta(hours=1)
    kept.get(("a", "day"), 60, lambda: asked.append("set back"))
    assert asked == ["a", "b", "a", "set back"]


def test_trucks_on_the_road_are_on_the_screen(tmp_path: Path) -> None:
    """The truck under way stands first with its temperature and state, then those that arrived with their range and verdict."""
    road = build_road(build_house(tmp_path, readings_every_minutes=720))
    drive(road)
    road.house.kit.clock.instant = NOW
    panel = frame(Screens(road.house.services), "shenxian", "en")["panels"]["trucks"]
    rows = re.findall(
        r"<th scope=\"row\">([^<]+)</th><td class=\"num\"><b>([^<]+)</b> °C</td><td class=\"fit [^\"]*\">([^<]+)", panel["html"]
    )
    assert rows == [
        ("Reefer truck 2", "15.0", "out of range"), ("Reefer truck 1", "10.4–10.4", "incomplete"),
        ("Reefer truck 1", "10.4–15.2", "exceeded"), ("Reefer truck 1", "10.4–10.4", "in range"),
    ]  # fmt: skip


def test_a_panel_needs_a_limit() -> None:
    """A panel without a time after which it is stale is refused, as is a drawing whose scale is upside down."""
    with pytest.raises(ValueError, match="stale"):
        Panel("x", "x", 0, 0, None)
    with pytest.raises(ValueError, match="low end"):
        Scale(3, 3, 100)
