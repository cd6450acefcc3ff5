"""The field page and its stream: states, the map, gaps, figures, frames."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from dashboards.field_map import SHEETS, TALL, WIDE, places, short_names
from dashboards.field_view import LATE, OK, SILENT, UNKNOWN, field_view, state_of
from dashboards.i18n import translator
from dashboards.live import Hubs, field_frame
from registry.plots import Base
from tests.dashboards.fakes import BAOYING, SHENXIAN, STOPPED, WITH_GAP, Installation, build_installation

T = TypeVar("T")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo nobody changes."""
    return build_installation(tmp_path_factory.mktemp("field"))


@pytest.fixture(scope="module")
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a browser of the whole application."""
    with whole.browser("en") as client:
        yield client


@pytest.mark.parametrize(
    ("age_s", "interval_s", "expected"),
    [(None, 10, UNKNOWN), (0, 10, OK), (13, 10, OK), (14, 10, LATE), (31, 10, LATE), (32, 10, SILENT), (700, 600, OK), (1900, 600, SILENT)],
)
def test_a_state_follows_from_age_and_interval(age_s: int | None, interval_s: int, expected: str) -> None:
    """On time up to one and a quarter intervals, late up to three, silent beyond, each with a second for the way."""
    assert state_of(None if age_s is None else age_s * 1000, interval_s) == expected


@given(st.lists(st.tuples(st.floats(33, 34), st.floats(119, 120), st.integers(2, 9)), min_size=1, max_size=16), st.sampled_from(SHEETS))
def test_no_base_hides_another_on_the_map(where: list[tuple[float, float, int]], sheet: object) -> None:
    """However near two bases are, their blocks do not overlap and stay on the sheet, on a phone's sheet too."""
    bases = [Base(f"b-{k}", BAOYING, "p", f"基地{k}", f"Base {k}", lat, lon) for k, (lat, lon, _) in enumerate(where)]
    names = {b.id: "塘" * (n // 2) for b, (_, _, n) in zip(bases, where, strict=True)}
    marks = {b.id: 3 for b in bases}
    assert sheet in (WIDE, TALL)
    placed = places(bases, names, marks, sheet)
    half = {b.id: max(len(names[b.id]) * 14.5, 66) / 2 for b in bases}
    for a, b in itertools.combinations(placed, 2):
        (ax, ay), (bx, by) = placed[a], placed[b]
        assert abs(ax - bx) >= half[a] + half[b] or abs(ay - by) >= 43
    for key, (x, y) in placed.items():
        assert half[key] <= x <= sheet.width - half[key]
        assert 20 <= y <= sheet.height - 20


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["燕店蔬菜基地", "王奉蔬菜基地"], ["燕店", "王奉"]),
        (["Yandian Vegetable Base", "Wangfeng Vegetable Base"], ["Yandian", "Wangfeng"]),
        (["北大荒", "大荒"], ["北大荒", "大荒"]),
        (["Only Base"], ["Only Base"]),
    ],
)
def test_a_map_leaves_out_what_all_names_share(names: list[str], expected: list[str]) -> None:
    """What every base's name ends in is said once, elsewhere; a name never loses itself."""
    assert list(short_names(dict(enumerate(names))).values()) == expected  # type: ignore[arg-type]


def test_the_page_names_who_is_silent_and_what_is_missing(web: TestClient) -> None:
    """A stopped gateway's devices are listed with their age, an open gap with its numbers, an unreadable message is counted."""
    page = web.get(f"/c/{BAOYING}/field").text
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    gateways = {m[1]: row for row in rows if (m := re.match(r'<td><a href="/c/321023/gateways/(by-\d\d-gw)">', row))}
    assert "Silent" in gateways[STOPPED]
    assert "5–7" in gateways[WITH_GAP]
    assert "None" in gateways["by-01-gw"]
    assert page.count("1 h ago") >= 8
    assert "messages that could not be read" in page
    assert 'class="silent"' in page


def test_figures_carry_unit_age_and_flag(whole: Installation) -> None:
    """Each live figure tells its unit and age; a value beyond the sensor's span keeps its value and shows its flag."""
    whole.speak("by-01-gw", 10_001, water_level=400.0)
    t = translator("zh-Hans")
    view = field_view(whole.services, BAOYING, "zh-Hans", t)
    site = next(s for s in view.sites if s.id == "by-01")
    level = next(f for f in site.figures if f.label == "水位")
    assert ("by-01-p1-level.water_level", 4) in [(m.figure.key, m.figure.flag) for m in view.marked]
    assert (level.text, level.unit, level.age) == ("400.0", "cm", "2 秒前")
    assert level.flag >= 3


def test_a_device_page_shows_its_channels_with_range_and_completeness(web: TestClient) -> None:
    """A device's page has each channel with newest value, chart, extremes and how complete it is, for every span."""
    for span in ("24h", "7d", "60d", "nonsense"):
        page = web.get(f"/c/{SHENXIAN}/field/sx-01-g1-climate?span={span}").text
        for word in ("Air temperature", "Relative humidity", "Lowest", "Highest", "Windows with readings", "<svg"):
            assert word in page, (span, word)
    assert "No readings in this time." not in page


def test_a_device_nobody_heard_of_still_has_a_page(whole: Installation, web: TestClient, tmp_path: Path) -> None:
    """A registered device without a single reading is shown as such, not as an error."""
    quiet = next(d.id for d in whole.services.registry.devices(gateway="by-03-gw") if d.kind == "spore_trap")
    answer = web.get(f"/c/{BAOYING}/field/{quiet}")
    assert answer.status_code == 200


def in_a_loop_of_its_own(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a thread of its own: the browser of other tests keeps a loop running on this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asyncio.wait_for(work, 10)).result(20)


async def _frames(hubs: Hubs, key: tuple[str, str], many: int) -> list[dict[str, object]]:
    found = []
    async for text in hubs.frames(*key):
        if "data: " in text:
            found.append(json.loads(text.split("data: ", 1)[1]))
            assert re.match(r"id: \d+\nevent: frame\ndata: .*\n\n$", text, re.S)
        if len(found) == many:
            break
    return found


def test_a_frame_is_made_once_for_all_who_look(whole: Installation) -> None:
    """Twenty listeners of one county get the same frame, and it was rendered once."""
    made: list[str] = []

    def render(county: str, lang: str) -> str:
        made.append(county)
        return field_frame(whole.services, county, lang)

    async def run() -> list[list[dict[str, object]]]:
        hubs = Hubs(render)
        return await asyncio.wait_for(asyncio.gather(*(_frames(hubs, (BAOYING, "en"), 1) for _ in range(20))), 10)

    got = in_a_loop_of_its_own(run())
    assert len(made) == 1
    assert all(frames == got[0] for frames in got)
    assert "by-01-p1-level.water_level" in got[0][0]["values"]  # type: ignore[operator]


def test_a_late_device_changes_the_shape_of_the_page(tmp_path: Path) -> None:
    """When a device falls silent the next frame carries another version, which tells the page to renew itself."""
    house = build_installation(tmp_path)
    clock = house.services.clock
    clock.instant += timedelta(seconds=3)  # the planted gap is older than the ledger's grace
    before = json.loads(field_frame(house.services, BAOYING, "en"))
    clock.instant += timedelta(seconds=2)
    still = json.loads(field_frame(house.services, BAOYING, "en"))
    clock.instant += timedelta(seconds=20)
    after = json.loads(field_frame(house.services, BAOYING, "en"))
    assert before["version"] == still["version"] != after["version"]
    with house.browser("en") as client:
        assert f'data-version="{after["version"]}"' in client.get(f"/c/{BAOYING}/field").text


def test_a_failing_frame_does_not_end_the_stream() -> None:
    """While the store does not answer the listeners keep their stream; the next good frame reaches them."""
    calls = itertools.count()

    def render(_county: str, _lang: str) -> str:
        if next(calls) == 0:
            raise OSError("the store is away")
        return json.dumps({"time": "now"})

    assert in_a_loop_of_its_own(_frames(Hubs(render), ("x", "en"), 1)) == [{"time": "now"}]


def test_the_same_frame_is_not_sent_twice() -> None:
    """A frame equal to the last one is not sent again; a listener that comes later gets it at once."""

    async def run() -> int:
        hubs = Hubs(partial(lambda _c, _l: "{}"))
        await _frames(hubs, ("x", "en"), 1)
        late = asyncio.create_task(_frames(hubs, ("x", "en"), 2))
        done, _ = await asyncio.wait([late], timeout=2.5)
        late.cancel()
        return len(done)

    assert in_a_loop_of_its_own(run()) == 0
