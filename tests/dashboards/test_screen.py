"""The big screens: every panel says its time and whether it is stale, alarms stand by age, both names lead to a county."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.screen_view import Screens
from tests.dashboards.fakes import BAOYING, SHENXIAN, Installation, build_installation

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
