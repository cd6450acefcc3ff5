"""Front pages, field, devices and the rest of the frame in a real browser: width, contrast, scripts off, live figures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.dashboards.fakes import BAOYING, SHENXIAN, Installation, build_installation
from tests.servers import free_port
from tests.waiting import wait_until

PAGES = ("/", f"/c/{BAOYING}", f"/c/{SHENXIAN}", f"/c/{BAOYING}/field", f"/c/{SHENXIAN}/field", f"/c/{BAOYING}/field/by-03-weather",
         "/style", "/api/v1/docs", "/sign-in/none", "/no/such/page")  # fmt: skip

# The contrast of every piece of text with what is painted behind it, as WCAG 2.2 counts it; large text needs less.
CONTRAST = """() => {
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = (c) => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > .9) return c; }
    return [255, 255, 255]; };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.getClientRects().length || e.closest('svg, script, noscript, .skip')) continue;
    const s = getComputedStyle(e), a = light(parse(s.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), big = parseFloat(s.fontSize) >= 24;
    if (ratio < (big ? 3 : 4.5)) bad.push(ratio.toFixed(2) + ' ' + walk.currentNode.textContent.trim().slice(0, 40));
  }
  return bad;
}"""


class Site:
    """An installation served on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.house: Installation = build_installation(folder)
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Serve, on the same port as before."""
        config = uvicorn.Config(self.house.app(), port=self.port, log_level="warning", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.server.started, what="the site answers")

    def address(self, page: str, lang: str = "zh-Hans") -> str:
        """Return the address of a page in a language."""
        return f"http://127.0.0.1:{self.port}{page}?lang={lang}"

    def stop(self) -> None:
        """End the server and wait for it."""
        self.server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site nobody changes."""
    made = Site(tmp_path_factory.mktemp("front"))
    yield made
    made.stop()


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Site]:
    """Yield a site of this test's own, in which things happen."""
    made = Site(tmp_path)
    yield made
    made.stop()


def until(page: Any, condition: str) -> None:
    """Wait for a condition on the page; the site's own policy forbids the browser's way of waiting, which evaluates strings."""
    wait_until(lambda: page.evaluate(condition), 10, what=condition)


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_fit_the_screen_and_can_be_read(site: Site, chromium_page: Any, page: str, lang: str) -> None:
    """On phone and desktop, in both languages: nothing scrolls sideways, text stands out as WCAG AA asks, no policy is broken."""
    complaints: list[str] = []
    chromium_page.on("console", lambda m: complaints.append(m.text) if "404" not in m.text else None)
    chromium_page.goto(site.address(page, lang), wait_until="load")
    assert chromium_page.evaluate("document.documentElement.scrollWidth") <= chromium_page.viewport_size["width"]
    # A table of quotes that is wider than its box would hide each quote's day without anything scrolling sideways.
    cut = "[...document.querySelectorAll('.scroll:has(table.quotes)')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert chromium_page.evaluate(cut) == 0
    assert chromium_page.evaluate(CONTRAST) == []
    assert complaints == []


@pytest.mark.parametrize("page", PAGES)
def test_targets_are_large_enough_for_a_thumb(site: Site, chromium: Any, page: str) -> None:
    """On a phone every link and button outside a sentence or a table of figures is at least 44 px high; inside, 24."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto(site.address(page))
    small = tab.evaluate(
        "[...document.querySelectorAll('a, button, input, select, summary')].filter(e => !e.matches('.skip') && e.getClientRects().length)"
        ".map(e => [e, e.getBoundingClientRect().height, e.closest('p:not(.links), .site, h2, .map, summary, .crumb') ? 24 : 43.5])"
        ".filter(([e, high, least]) => high < least && !e.closest('p:not(.links):not(.crumb)'))"
        ".map(([e, high]) => high + ' ' + e.outerHTML.slice(0, 90))"
    )
    context.close()
    assert small == []


def test_everything_is_there_with_scripts_off(site: Site, chromium: Any) -> None:
    """Without scripts the field page has its map, figures, silent devices and gaps, and says that figures are as of loading."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site.address(f"/c/{BAOYING}/field"))
    said = tab.inner_text("main")
    assert "打开页面时的数字" in said
    assert "5–7" in said
    assert "12.5" in said
    assert tab.locator("svg.map:visible a").count() == 6
    assert tab.locator("svg.map:visible path.silent").count() >= 3
    context.close()


def test_the_keyboard_reaches_the_content_and_shows_where_it_is(site: Site, chromium_page: Any) -> None:
    """The first tab stop skips to the content; every stop has a visible outline."""
    chromium_page.goto(site.address("/"))
    chromium_page.keyboard.press("Tab")
    assert chromium_page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    for _ in range(6):
        chromium_page.keyboard.press("Tab")
        assert chromium_page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_new_reading_appears_without_reloading(moving: Site, chromium_page: Any) -> None:
    """A figure on the field page follows the next reading through the stream."""
    chromium_page.goto(moving.address(f"/c/{BAOYING}/field"))
    cell = chromium_page.locator('[data-live="by-01-p1-level.water_level"]')
    assert cell.inner_text() == "12.5"
    until(chromium_page, "document.querySelector('[data-live-status]').textContent.includes('实时')")
    moving.house.services.clock.instant += timedelta(seconds=3)
    moving.house.speak("by-01-gw", 10_001, water_level=13.7)
    until(chromium_page, "document.querySelector('[data-live=\"by-01-p1-level.water_level\"]').textContent === '13.7'")


def test_silence_and_a_filled_gap_show_in_place(moving: Site, chromium_page: Any) -> None:
    """When a gateway stops the page shows it silent, and when missing messages come the gap is gone, without losing an open part."""
    chromium_page.goto(moving.address(f"/c/{BAOYING}/field"))
    chromium_page.locator("#devices-by-01 summary").click()
    assert chromium_page.get_by_text("5–7").count() == 1
    for seq in (5, 6, 7):
        moving.house.speak("by-02-gw", seq, age_s=60)
    until(chromium_page, "!document.querySelector('main').textContent.includes('5–7')")
    moving.house.services.clock.instant += timedelta(seconds=60)
    until(chromium_page, "document.querySelectorAll('table.gateways .state.silent').length === 3")
    assert chromium_page.evaluate("document.getElementById('devices-by-01').open")


def test_progress_moves_on_the_front_page(moving: Site, chromium_page: Any) -> None:
    """While the first start fills history in, the bar and its numbers move by themselves."""
    folder = moving.house.services.settings.data / "simulator"
    folder.mkdir(exist_ok=True)
    (folder / "history.json").write_text('{"acknowledged": 1000, "total": 4000}')
    chromium_page.goto(moving.address("/", "en"))
    bar = chromium_page.locator('progress[data-progress="history"]')
    assert bar.evaluate("e => e.value") == 0.25
    (folder / "history.json").write_text('{"acknowledged": 3000, "total": 4000}')
    until(chromium_page, "document.querySelector('progress[data-progress=history]').value === 0.75")
    assert chromium_page.get_by_text("3,000 / 4,000").count() == 1
    (folder / "history.json").write_text('{"acknowledged": 4000, "total": 4000, "complete": true}')
    until(chromium_page, "!document.querySelector('progress[data-progress=history]')")
