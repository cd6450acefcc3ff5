"""Trace, lots, prices and sources in a real browser: nothing runs out of the screen, nothing needs a script, little is loaded."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from dashboards.app import create_site
from dashboards.fast_protocol import protocol_with
from dashboards.headers import HEADERS
from tests.dashboards.fakes_house import COOP, COUNTY, PLOT, House, build_house
from tests.servers import free_port
from tests.traceability.anchor_kit import FakeChain, anchor_on
from tests.waiting import wait_until

PAGES = ("/t/{code}", "/t/ABCD-EFGH-JKMN-PQRS-T", "/lots/{county}:T1", "/lots/{county}:P1/labels", "/c/{county}/lots",
         "/c/{county}/prices", "/c/{county}/prices/tomato", "/c/{county}/prices/tomato/xinfadi/2025-11-23", "/sources",
         "/c/{county}/index", "/c/{county}/price-alerts", "/anchor", "/c/{county}/desk", "/c/{county}/desk/telephone",
         "/c/{county}/desk/import")  # fmt: skip


class Site:
    """A house served on a port of its own, by the real application."""

    def __init__(self, folder: Path) -> None:
        self.house: House = build_house(folder, readings_every_minutes=60, price_days=400)
        # A name as long as real ones are.
        planted = {"ilmd": {"suhe:product": "tomato", "suhe:variety": "tomato_cherry"}, "bizLocation": {"id": f"urn:suhe:plot:{PLOT}"}}
        self.house.kit.send("plant", COOP, quantityList=[{"epcClass": self.house.kit.lot("sx-12-g2-260806-n363616-03a")}], **planted)
        anchor_on(self.house.services, FakeChain())
        self.port = free_port()
        site = create_site(self.house.services)
        self.server = uvicorn.Server(uvicorn.Config(site, http=protocol_with(site), port=self.port, log_level="warning"))
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.server.started, what="the site answers")

    def address(self, page: str, lang: str = "zh-Hans") -> str:
        """Return the address of a page in a language."""
        return f"http://127.0.0.1:{self.port}" + page.format(code=self.house.code("P1"), county=COUNTY) + f"?lang={lang}"

    def stop(self) -> None:
        """End the server and wait for it."""
        self.server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site nobody breaks."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.stop()


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_nothing_runs_out_of_the_screen(site: Site, chromium_page: Any, page: str, lang: str) -> None:
    """On a phone and on a desktop, in both languages, no page scrolls sideways and the policy of the site blocks nothing on it."""
    complaints: list[str] = []
    chromium_page.on("console", lambda m: complaints.append(m.text) if "404" not in m.text else None)
    chromium_page.goto(site.address(page, lang))
    width = chromium_page.viewport_size["width"]
    assert chromium_page.evaluate("document.documentElement.scrollWidth") <= width
    assert chromium_page.evaluate("document.documentElement.lang") == lang
    assert not complaints


@pytest.mark.parametrize("page", PAGES)
def test_targets_are_large_enough_for_a_thumb(site: Site, chromium: Any, page: str) -> None:
    """Buttons and fields on a phone are at least 44 px high, or their label is."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto(site.address(page))
    small = tab.evaluate(
        "[...document.querySelectorAll('button, select, input:not([type=radio]):not([type=checkbox]):not([type=hidden]), "
        "label:has(input[type=radio], input[type=checkbox])')].filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    context.close()
    assert not small


def test_the_trace_page_reads_with_scripts_off_and_is_light(site: Site, chromium: Any) -> None:
    """With scripts off the verdict, the season, the events and the QR code are there, in no more than 15 kB over the wire; no tick is."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    tab = context.new_page()
    sizes: dict[str, int] = {}
    counted = ("responseHeadersSize", "responseBodySize")
    tab.on("requestfinished", lambda r: sizes.__setitem__(r.url, sum(r.sizes()[k] for k in counted)))
    tab.goto(site.address("/t/{code}"), wait_until="load")
    assert tab.locator(".verdict").inner_text().startswith("本服务器刚刚核对：记录完整，没有被改动")
    assert "✓" not in tab.locator("main").inner_text()
    assert tab.locator("svg.strip").count() == 4
    assert tab.locator("ol.events > li").count() == 8
    tab.locator(".qr img").scroll_into_view_if_needed()
    tab.wait_for_load_state("networkidle")
    context.close()
    assert len(sizes) == 2
    assert sum(sizes.values()) <= 15_000, sizes


def test_the_verdict_stands_above_the_fold(site: Site, chromium: Any) -> None:
    """On a phone, product, place, harvest and verdict are seen without scrolling."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto(site.address("/t/{code}", "en"))
    box = tab.locator(".verdict").bounding_box()
    context.close()
    assert box["y"] + box["height"] < 844


@pytest.mark.parametrize(("lang", "word"), [("zh-Hans", "核对通过"), ("en", "The check holds")])
def test_a_phone_checks_the_page_itself(site: Site, chromium_page: Any, lang: str, word: str) -> None:
    """Nothing is green before; one touch loads the check, and the real page with its real proof holds, grade and marks beside."""
    asked: list[str] = []
    chromium_page.on("request", lambda r: asked.append(r.url))
    chromium_page.goto(site.address("/t/{code}", lang))
    wait_until(lambda: chromium_page.is_visible("[data-check-run]"), what="the button")
    assert not any("verify" in url for url in asked) and "✓" not in chromium_page.inner_text("main")
    chromium_page.click("[data-check-run]")
    chromium_page.wait_for_selector("section[data-check][data-verdict]")
    outcome = chromium_page.inner_text("[data-check-outcome]")
    assert chromium_page.get_attribute("section[data-check]", "data-verdict") == "holds", outcome
    assert word in outcome
    marks = chromium_page.eval_on_selector_all("[data-event-mark]", "all => all.map(m => m.textContent.trim())")
    assert marks and all(marks)
    assert chromium_page.evaluate("document.documentElement.scrollWidth") <= chromium_page.viewport_size["width"]


def test_red_is_seen_within_seconds_of_the_alteration(tmp_path: Path, chromium_page: Any) -> None:
    """After an event is altered in the database, loading the page again shows the verdict in red and marks the event."""
    site = Site(tmp_path)
    try:
        chromium_page.goto(site.address("/t/{code}"))
        green = chromium_page.locator(".verdict b").evaluate("e => getComputedStyle(e).color")
        site.house.tamper("harvest")
        site.house.services.clock.advance(timedelta(seconds=5))
        chromium_page.reload()
        assert chromium_page.locator(".verdict.bad b").evaluate("e => getComputedStyle(e).color") == "rgb(179, 32, 26)" != green
        assert "采收" in chromium_page.locator("ol.events > li.bad").inner_text()
    finally:
        site.stop()


def test_the_chart_can_be_read_and_has_its_numbers_behind_it(site: Site, chromium_page: Any) -> None:
    """Labels keep 12 px at every width, day labels do not overlap, the chart has a name, and a table stands behind it."""
    # The drawn chart is what everybody has; a wide screen with scripts gets another one (see below).
    chromium_page.route("**/static/prices-desktop*.js", lambda route: route.abort())
    chromium_page.goto(site.address("/c/{county}/prices/tomato"))
    label = chromium_page.locator("svg.chart text.val").first
    assert label.evaluate("e => getComputedStyle(e).fontSize") == "12px"
    boxes = chromium_page.evaluate(
        "[...document.querySelectorAll('svg.chart text.day')].map(e => e.getBoundingClientRect()).filter(b => b.width)"
        ".map(b => [b.left, b.right])"
    )
    assert len(boxes) >= 4
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(boxes))
    assert chromium_page.get_by_role("img", name="番茄的价格").count() == 1
    chromium_page.get_by_text("图里的数字").click()
    assert chromium_page.locator("details[open] tbody tr").count() > 40


def test_a_wide_screen_gets_a_chart_that_answers_the_pointer(site: Site, chromium: Any) -> None:
    """On a desktop the same numbers come as a chart with zoom and words at the pointer, under 250 kB in all; a phone loads none of it."""
    sizes = {}
    for width in (1440, 390):
        context = chromium.new_context(viewport={"width": width, "height": 900})
        tab = context.new_page()
        complaints: list[str] = []
        loaded: list[Any] = []
        tab.on("console", lambda m, kept=complaints: kept.append(m.text))
        tab.on("requestfinished", lambda r, kept=loaded: kept.append(r))
        tab.goto(site.address("/c/{county}/prices/tomato"), wait_until="networkidle")
        sizes[width] = sum(r.sizes()["responseBodySize"] + r.sizes()["responseHeadersSize"] for r in loaded)
        assert not complaints
        if width == 1440:
            tab.wait_for_selector(".wide-chart svg")
            assert tab.get_by_role("img", name="番茄的价格").count() == 1
            box = tab.locator(".wide-chart").bounding_box()
            tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
            tab.wait_for_function("/20\\d\\d-\\d\\d-\\d\\d +元.斤/.test(document.querySelector('.wide-chart').textContent)")
            assert not complaints
        else:
            assert tab.locator(".wide-chart").count() == 0
        context.close()
    assert sizes[1440] < 250_000
    assert sizes[390] < 60_000


def test_a_chart_may_stand_on_another_site(site: Site, chromium_page: Any) -> None:
    """As a picture and in a frame of a page of another origin the chart is drawn, with its own styles."""
    address = site.address("/embed/prices/tomato.svg") + "&county=371522"
    page = f'<!doctype html><title>x</title><img src="{address}"><iframe src="{address}" width="660" height="400"></iframe>'.encode()

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    chromium_page.goto(f"http://127.0.0.1:{server.server_port}/", wait_until="networkidle")
    assert chromium_page.evaluate("document.images[0].naturalWidth") == 640
    drawn = chromium_page.frames[1].locator("path.line").first
    assert drawn.evaluate("e => getComputedStyle(e).fill") == "none"
    server.shutdown()
    server.server_close()


def test_choosing_markets_needs_no_script(site: Site, chromium: Any) -> None:
    """The form of ranges and markets works as a plain form."""
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site.address("/c/{county}/prices/tomato"))
    tab.get_by_label("90 天").check()
    tab.get_by_label("南京众彩").check()
    tab.get_by_role("button", name="显示").click()
    assert "range=90d" in tab.url
    assert tab.locator(".legend li").count() == 4
    context.close()


def test_the_policy_lets_in_no_foreign_thing() -> None:
    """The pages are served under a policy that allows only this server's own styles and scripts."""
    assert "default-src 'self'" in HEADERS["content-security-policy"]
    assert "unsafe" not in HEADERS["content-security-policy"]
