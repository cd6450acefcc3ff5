"""The cold chain in a real browser: nothing runs out of the screen, it is whole with scripts off, and its figures move by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from dashboards.app import create_app
from tests.dashboards.fakes_cold import MINUTE, Road, build_road, drive
from tests.dashboards.fakes_house import COUNTY, NOW, build_house
from tests.servers import free_port
from tests.waiting import wait_until


class Site:
    """A house with trucks on the road, served by the real application."""

    def __init__(self, folder: Path) -> None:
        self.road: Road = build_road(build_house(folder, readings_every_minutes=720))
        self.legs = drive(self.road)
        self.road.house.kit.clock.instant = NOW
        self.port = free_port()
        services = self.road.house.services
        self.server = uvicorn.Server(uvicorn.Config(create_app(services), port=self.port, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.server.started, what="the site answers")

    def address(self, page: str, lang: str) -> str:
        """Return the address of a page in a language."""
        return f"http://127.0.0.1:{self.port}{page}?lang={lang}"

    def stop(self) -> None:
        """End the server."""
        self.server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site."""
    made = Site(tmp_path_factory.mktemp("cold"))
    yield made
    made.stop()


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_nothing_runs_out_of_the_screen(site: Site, chromium_page: Any, lang: str) -> None:
    """On a phone and on a desktop the road, a leg with an excursion and the consumer's page never scroll sideways."""
    for page in (f"/c/{COUNTY}/cold-chain", f"/c/{COUNTY}/cold-chain/{site.legs['A2']}", f"/t/{site.road.house.code('A2')}"):
        problems: list[str] = []
        chromium_page.on("console", lambda m, problems=problems: problems.append(m.text) if m.type == "error" else None)
        chromium_page.goto(site.address(page, lang), wait_until="domcontentloaded")
        assert chromium_page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page
        drawn = chromium_page.locator("svg.strip, svg.cold").evaluate_all("all => all.some(x => x.getBoundingClientRect().width > 200)")
        assert drawn and problems == [], (page, problems)


def test_without_scripts_the_road_is_whole(site: Site, chromium: Any) -> None:
    """With scripts off the page shows its trucks, the alarm and the figures as of its loading, and says so."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(site.address(f"/c/{COUNTY}/cold-chain", "zh-Hans"))
    text = page.inner_text("main")
    assert "打开页面时的数字" in text and "高于上限" in text and "15.0" in text
    context.close()


def test_a_new_reading_moves_the_figure(site: Site, chromium: Any) -> None:
    """A reading that arrives while the page is open changes the temperature without a reload."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(site.address(f"/c/{COUNTY}/cold-chain", "en"), wait_until="domcontentloaded")
    figure = page.locator('[data-live="sx-truck-02.cargo_temperature"]')
    assert figure.inner_text() == "15.0"
    site.road.measure(NOW - MINUTE, [17.3], recorder="sx-truck-02", step=MINUTE)
    wait_until(lambda: figure.inner_text() == "17.3", 15, what="the figure moves")
    context.close()
