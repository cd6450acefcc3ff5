"""Charts show every number they are given, leave gaps open, stay small and carry their words."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts import Band, DayRange, Line, LineChart, line_chart, path, season_strip, sparkline, thin, value_ticks

START = date(2026, 1, 1)


def days(*values: float, start: date = START) -> list[tuple[date, float]]:
    return [(start + timedelta(days=k), v) for k, v in enumerate(values)]


def chart(lines: list[Line], *, end: date = START + timedelta(days=30), band: Band | None = None) -> str:
    return str(line_chart(LineChart("c", "番茄 <莘县>", "30 天 & 一条线", START, end, lines, band)))


def walked(d: str) -> list[list[tuple[int, int]]]:
    """Return the points a short path visits, one list per subpath."""
    runs: list[list[tuple[int, int]]] = []
    x = y = 0
    for letter, body in re.findall(r"([Mhvlz])([^Mhvlz]*)", d):
        numbers = [int(n) for n in re.findall(r"-?\d+", body)]
        if letter == "M":
            x, y = numbers
            runs.append([(x, y)])
        elif letter != "z":
            pairs = {
                "h": [(n, 0) for n in numbers],
                "v": [(0, n) for n in numbers],
                "l": list(zip(numbers[::2], numbers[1::2], strict=False)),
            }
            for dx, dy in pairs[letter]:
                x, y = x + dx, y + dy
                runs[-1].append((x, y))
    return runs


@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=1, max_size=40))
def test_a_short_path_ends_where_its_points_end(points: list[tuple[int, int]]) -> None:
    """However a path is shortened, it starts and ends where it should and visits no point that was not given."""
    (run,) = walked(path(points))
    assert run[0] == points[0]
    assert run[-1] == points[-1]
    assert set(run) <= set(points)


def test_a_gap_is_not_bridged() -> None:
    """Quotes further apart than the gap are drawn as two lines, not joined."""
    late = days(3, 4, start=START + timedelta(days=20))
    drawn = re.search(r'class="line l0" d="([^"]*)"', chart([Line("a", days(1, 2) + late)]))
    assert drawn
    assert len(walked(drawn.group(1))) == 2


def test_a_single_quote_is_still_seen() -> None:
    """A lone point has a path of its own, so that a round cap shows it."""
    assert 'class="line l0" d="M0 ' in chart([Line("a", days(5))])


def test_words_are_escaped_and_named() -> None:
    """The chart is well-formed XML with a title and a description that it points to."""
    root = ET.fromstring(chart([Line("a", days(1, 2, 3))]))
    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    named = {e.get("id"): e.text for e in root.iter() if e.get("id")}
    assert [named[i] for i in ids] == ["番茄 <莘县>", "30 天 & 一条线"]


def test_three_years_of_four_markets_stay_small() -> None:
    """Three years of daily quotes in four markets with a band weigh less than 8 kB before compression."""
    n = 1095
    lines = [Line(str(m), days(*[3 + m + ((k * 7919 + m) % 97) / 50 for k in range(n)])) for m in range(4)]
    band = Band("usual", [(START + timedelta(days=7 * k), 2.0, 3.0 + (k % 5) / 9, 5.0) for k in range(n // 7)])
    assert len(chart(lines, end=START + timedelta(days=n), band=band)) < 8000


def test_one_market_over_three_years_is_under_six_kilobytes() -> None:
    """One market's three years with the seasonal band weigh less than 6 kB."""
    lines = [Line("m", days(*[3 + (k * 7919 % 97) / 50 for k in range(1095)]))]
    band = Band("usual", [(START + timedelta(days=7 * k), 2.0, 3.0 + (k % 5) / 9, 5.0) for k in range(156)])
    assert len(chart(lines, end=START + timedelta(days=1095), band=band)) < 6000


@pytest.mark.parametrize("bounds", [(0.9, 1.1), (0, 0), (-3, 41.7), (2.345, 2.346), (0, 1e6)])
def test_ticks_hold_every_value_at_even_round_steps(bounds: tuple[float, float]) -> None:
    """The first tick is at or below the least value, the last at or above the greatest, and steps are even."""
    ticks = value_ticks(*bounds)
    assert ticks[0] <= bounds[0]
    assert ticks[-1] >= bounds[1]
    steps = {round(b - a, 9) for a, b in itertools.pairwise(ticks)}
    assert len(steps) == 1
    assert 2 <= len(ticks) <= 8


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=400), st.integers(3, 60))
def test_thinning_keeps_real_points_and_both_ends(values: list[float], most: int) -> None:
    """A thinned line has no invented point and keeps its first and last."""
    points = days(*values)
    kept = thin(points, most)
    assert len(kept) <= max(most, len(points) if len(points) <= most else most)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert set(kept) <= set(points)
    assert [d for d, _ in kept] == sorted(d for d, _ in kept)


def test_a_strip_marks_each_day_without_data() -> None:
    """A day with no reading leaves the band open and gets a mark below it."""
    full = DayRange(1.0, 2.0, 3.0)
    svg = str(season_strip([full, full, None, full], "水温"))
    ET.fromstring(svg)
    assert 'class="gap" d="M2 ' in svg
    band = re.search(r'class="band" d="([^"]*)"', svg)
    assert band
    assert len(walked(band.group(1))) == 2


def test_one_spike_does_not_flatten_a_season() -> None:
    """Beside a day forty degrees too cold the other days still use the height of the strip."""
    season = [DayRange(10 + k % 3, 15, 20 + k % 3) for k in range(60)]
    season[30] = DayRange(-30, 15, 21)
    means = re.search(r'class="line" d="([^"]*)"', str(season_strip(season, "气温")))
    bands = re.search(r'class="band" d="([^"]*)"', str(season_strip(season, "气温")))
    assert means and bands
    heights = [y for _, y in walked(bands.group(1))[0]]
    assert max(heights) - min(heights) >= 34
    assert sorted(heights)[len(heights) // 4] < 15 < sorted(heights)[3 * len(heights) // 4]


def test_a_strip_of_a_season_is_small() -> None:
    """A 120-day season of one channel weighs less than 3 kB."""
    season = [DayRange(10 + k % 7, 15 + k % 5, 20 + k % 11) for k in range(120)]
    assert len(season_strip(season, "气温")) < 3000


def test_nothing_known_draws_nothing() -> None:
    """Where there is no value there is no chart, rather than an empty frame."""
    assert season_strip([None, None], "x") == ""
    assert sparkline([], "x") == ""


def test_a_flat_sparkline_is_a_level_line_with_its_end_marked() -> None:
    """An unchanged price is a level line in the middle."""
    svg = str(sparkline(days(2, 2, 2), "不变"))
    ET.fromstring(svg)
    assert 'aria-label="不变"' in svg
    assert '<circle cx="92" cy="14"' in svg
