"""The big screens in a real browser at 1920×1080: large text, nothing cut off or empty, live, and honest when the line is cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.screen_view import Screens
from tests.browser.test_front_and_field import CONTRAST, Site, until

NAMES = ("shenxian", "baoying")
LANGUAGES = ("zh-Hans", "en")

# Every visible piece of text smaller than 20 px as it is painted: that of an SVG with its scale.
SMALL = """() => {
  const bad = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.getClientRects().length || e.closest('script')) continue;
    const scale = e.getScreenCTM ? e.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(e).fontSize) * scale;
    if (size < 19.99) bad.push(size.toFixed(1) + ' ' + walk.currentNode.textContent.trim().slice(0, 40));
  }
  return bad;
}"""

# Whatever is cut off: text outside its panel, a body larger than its room, words that end in an ellipsis, a page that scrolls.
CUT_OFF = """() => {
  const bad = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) bad.push('page ' + root.scrollWidth + ' x ' + root.scrollHeight);
  for (const panel of document.querySelectorAll('.panel')) {
    const room = panel.getBoundingClientRect(), body = panel.querySelector('.body'), range = document.createRange();
    if (body.scrollHeight > body.clientHeight + 1 || body.scrollWidth > body.clientWidth + 1)
      bad.push(panel.id + ' ' + body.scrollWidth + ' x ' + body.scrollHeight + ' in ' + body.clientWidth + ' x ' + body.clientHeight);
    const walk = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      if (!walk.currentNode.textContent.trim()) continue;
      range.selectNode(walk.currentNode);
      const at = range.getBoundingClientRect();
      if (at.left < room.left || at.right > room.right + 1 || at.top < room.top || at.bottom > room.bottom + 1)
        bad.push(panel.id + ' text outside: ' + walk.currentNode.textContent.trim().slice(0, 40));
      const e = walk.currentNode.parentElement;
      const dotted = getComputedStyle(e).textOverflow === 'ellipsis' && e.scrollWidth > e.clientWidth;
      if (dotted) bad.push(panel.id + ' shortened: ' + e.textContent);
    }
  }
  return bad;
}"""

# Panels whose content leaves more than three tenths of their height or width empty.
EMPTY = """() => {
  const bad = [];
  for (const panel of document.querySelectorAll('.panel')) {
    // One that has nothing yet says so in its middle.
    if (panel.querySelector('p.calm')) continue;
    const body = panel.querySelector('.body').getBoundingClientRect(), range = document.createRange(), seen = [];
    const walk = document.createTreeWalker(panel.querySelector('.body'), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      if (!walk.currentNode.textContent.trim()) continue;
      range.selectNode(walk.currentNode);
      seen.push(range.getBoundingClientRect());
    }
    for (const e of panel.querySelectorAll('.body svg')) seen.push(e.getBoundingClientRect());
    const high = Math.max(...seen.map(r => r.bottom)) - Math.min(...seen.map(r => r.top));
    const wide = Math.max(...seen.map(r => r.right)) - Math.min(...seen.map(r => r.left));
    if (!(high >= .7 * body.height && wide >= .7 * body.width))
      bad.push([panel.id, wide, high, 'in', body.width, body.height].map(x => typeof x === 'number' ? Math.round(x) : x).join(' '));
  }
  return bad;
}"""

# The contrast of text inside drawings with the shape or the panel behind it.
DRAWN_CONTRAST = """() => {
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = (c) => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const bad = [];
  for (const text of document.querySelectorAll('svg text')) {
    const at = text.getBoundingClientRect();
    const stack = document.elementsFromPoint(at.left + at.width / 2, at.top + at.height / 2);
    const under = stack.find(e => e.tagName === 'rect' && getComputedStyle(e).fill !== 'none');
    const ground = under ? getComputedStyle(under).fill : getComputedStyle(text.closest('.panel')).backgroundColor;
    const a = light(parse(getComputedStyle(text).fill)), b = light(parse(ground));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(ratio.toFixed(2) + ' ' + text.textContent);
  }
  return bad;
}"""

# A stream in the test's hand, and how many streams and repeating timers the page has asked for.
OWN_STREAM = """() => {
  window.streams = []; window.timers = 0;
  window.EventSource = class {
    constructor(url) { this.url = url; this.readyState = 1; this.hear = {}; window.streams.push(this); }
    addEventListener(kind, f) { this.hear[kind] = f; }
    close() { this.readyState = 2; }
  };
  window.EventSource.CLOSED = 2;
  const every = window.setInterval;
  window.setInterval = (f, ms) => { window.timers += 1; return every(f, ms); };
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site nobody changes, with readings of a day behind it."""
    made = Site(tmp_path_factory.mktemp("wall"))
    yield made
    made.stop()


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Site]:
    """Yield a site of this test's own, in which things happen."""
    made = Site(tmp_path)
    yield made
    made.stop()


@contextmanager
def wall(chromium: Any, width: int = 1920, height: int = 1080) -> Iterator[Any]:
    """Yield a page as large as a wall."""
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    yield page
    context.close()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_screen_can_be_read_from_afar(site: Site, chromium: Any, name: str, lang: str) -> None:
    """At 1920×1080 all text is at least 20 px, stands out, is whole, and no panel is half empty; no policy is broken."""
    complaints: list[str] = []
    with wall(chromium) as page:
        page.on("console", lambda m: complaints.append(m.text))
        page.goto(site.address(f"/screen/{name}", lang), wait_until="load")
        assert page.evaluate(SMALL) == []
        assert "\n".join(page.evaluate(CUT_OFF)) == ""
        assert page.evaluate(EMPTY) == []
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(DRAWN_CONTRAST) == []
    assert complaints == []


@pytest.mark.parametrize("size", [(3840, 2160), (6656, 1792), (1440, 900)], ids=["4k", "ultrawide", "desktop"])
@pytest.mark.parametrize("name", NAMES)
def test_a_screen_fits_other_walls(site: Site, chromium: Any, name: str, size: tuple[int, int]) -> None:
    """On larger, wider and smaller walls nothing is cut off; text grows with the wall and keeps its shape."""
    with wall(chromium, *size) as page:
        page.goto(site.address(f"/screen/{name}"), wait_until="load")
        assert "\n".join(page.evaluate(CUT_OFF)) == ""
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") == pytest.approx(
            20 * min(size[0] / 1920, size[1] / 1080), 0.01
        )


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_phone_gets_the_panels_one_below_the_other(site: Site, chromium: Any, name: str, lang: str) -> None:
    """At 390 px the panels are stacked, nothing scrolls sideways and text is at least 16 px."""
    with wall(chromium, 390, 844) as page:
        page.goto(site.address(f"/screen/{name}", lang), wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        tops = page.evaluate("[...document.querySelectorAll('.panel')].map(p => p.getBoundingClientRect().top)")
        assert tops == sorted(tops)
        assert len(set(tops)) == len(tops)


def test_every_stage_of_the_lotus_fits(tmp_path: Path, chromium: Any) -> None:
    """Whatever the month, the calendar and its words are whole on the wall, in both languages."""
    made = Site(tmp_path)
    try:
        with wall(chromium) as page:
            for k, month in enumerate((2, 4, 5, 7, 9, 12)):
                made.house.services.clock.instant = datetime(2026, month, 15, 6, 0, tzinfo=UTC)
                made.house.speak("by-01-gw", 20_000 + k)
                for lang in LANGUAGES:
                    page.goto(made.address("/screen/baoying", lang), wait_until="load")
                    assert [x for x in page.evaluate(CUT_OFF) if "p-calendar" in x or "p-ponds" in x or "p-traps" in x] == [], (month, lang)
    finally:
        made.stop()


def test_a_reading_reaches_the_wall(moving: Site, chromium: Any) -> None:
    """A reading shows within seconds, on the ponds and in the time of their panel, without reloading."""
    with wall(chromium) as page:
        page.goto(moving.address("/screen/baoying"))
        page.evaluate("window.same = true")
        moving.house.services.clock.instant += timedelta(seconds=3)
        moving.house.speak("by-01-gw", 10_001, water_level=13.7)
        until(page, "document.querySelector('#p-ponds').textContent.includes('13.7')")
        until(page, "document.querySelector('[data-clock]').textContent === '16:00:03'")
        assert page.evaluate("window.same")


def test_readings_that_stop_show_on_the_wall(moving: Site, chromium: Any) -> None:
    """When nothing is heard any more the panels of readings are dimmed and say so, while the alarms stay bright."""
    with wall(chromium) as page:
        page.goto(moving.address("/screen/shenxian"))
        assert not page.evaluate("document.querySelector('#p-weather').classList.contains('stale')")
        moving.house.services.clock.instant += timedelta(minutes=3)
        until(page, "document.querySelector('#p-weather').classList.contains('stale')")
        assert "过时" in page.inner_text("#p-weather .asof")
        assert page.evaluate("getComputedStyle(document.querySelector('#p-weather .body')).opacity < 1")
        assert not page.evaluate("document.querySelector('#p-alarms').classList.contains('stale')")
        # The number of alarms beside the heading moves with them.
        assert page.inner_text("#p-alarms .note") == str(page.locator("#p-alarms li.bad, #p-alarms li.warning").count())
        assert page.inner_text("#p-alarms .note") != "0"


def test_a_cut_line_is_told_and_mended(tmp_path: Path, chromium: Any) -> None:
    """When the server goes the wall says so and keeps the last figures with their time; when it is back the banner goes by itself."""
    first = Site(tmp_path)
    with wall(chromium) as page:
        page.clock.install()
        page.goto(first.address("/screen/shenxian"))
        first.house.services.clock.instant += timedelta(seconds=1)
        until(page, "document.querySelector('[data-clock]').textContent === '16:00:01'")
        first.stop()
        page.clock.fast_forward(12_000)
        until(page, "!document.querySelector('.cut').hidden")
        assert page.inner_text(".cut") == "连接中断，数字停在 16:00:01"
        first.start()
        try:
            page.clock.fast_forward(40_000)
            until(page, "document.querySelector('.cut').hidden")
        finally:
            first.stop()


def test_weeks_of_frames_leave_nothing_behind(tmp_path: Path, chromium: Any) -> None:
    """Thousands of frames leave the page as large as the first, with one timer and one stream; a dead stream is opened anew."""
    made = Site(tmp_path)
    house = made.house
    screens = Screens(house.services)
    try:
        with wall(chromium) as page:
            page.clock.install()
            page.add_init_script(f"({OWN_STREAM})()")
            page.goto(made.address("/screen/baoying"), wait_until="load")
            frames = []
            for k in range(2):
                house.services.clock.instant += timedelta(seconds=1)
                house.speak("by-01-gw", 30_000 + k, water_level=10.0 + k)
                frames.append(screens.frame("baoying", "zh-Hans"))
            assert frames[0] != frames[1]
            count = "document.getElementsByTagName('*').length"
            send = "(data) => streams[streams.length - 1].hear.frame({ data })"
            for frame in frames:
                page.evaluate(send, frame)
            before = page.evaluate(count)
            page.evaluate("(f) => { for (let k = 0; k < 2000; k++) streams[0].hear.frame({ data: f[k % 2] }); }", frames)
            assert page.evaluate(count) == before
            assert page.evaluate("[timers, streams.length]") == [1, 1]
            page.clock.fast_forward(60_000)
            until(page, "streams.length > 1 && streams[0].readyState === 2")
            page.evaluate(send, frames[0])
            until(page, "document.querySelector('.cut').hidden")
            assert page.evaluate("timers") == 1
    finally:
        made.stop()


def test_another_version_fetches_the_page_once(moving: Site, chromium: Any) -> None:
    """A frame of another version makes the page fetch itself whole; a second one within a minute does not."""
    with wall(chromium) as page:
        page.goto(moving.address("/screen/shenxian"))
        page.evaluate("document.body.dataset.version = 'old'; window.old = true")
        with page.expect_navigation():
            moving.house.services.clock.instant += timedelta(seconds=1)
        assert page.evaluate("!window.old && document.body.dataset.version !== 'old'")
        page.evaluate("document.body.dataset.version = 'old'; window.old = true")
        moving.house.services.clock.instant += timedelta(seconds=1)
        until(page, "document.querySelector('[data-clock]').textContent === '16:00:02'")
        assert page.evaluate("window.old")
