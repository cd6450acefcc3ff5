"""Charts drawn on the server as SVG: readable with scripts off, sharp at every width, a few kilobytes each.

A line chart has a stretched inner drawing and unstretched text, so that labels keep their size on a phone and on a desktop.
What is missing is left out of the line: a gap is a gap. Words come from the caller, already in the reader's language.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from markupsafe import Markup, escape

WIDTH = 1000
PLOT_HEIGHT = 200
# Twice the height in user units, so that whole numbers are half pixels and paths stay short.
_UNITS = 2 * PLOT_HEIGHT
_TOP = 18
_BOTTOM = 22


@dataclass(frozen=True, slots=True)
class Line:
    """One named line of (day, value) in time order; days further apart than the chart's `gap_days` are not joined."""

    label: str
    points: Sequence[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual for each day: (day, low, middle, high)."""

    label: str
    points: Sequence[tuple[date, float, float, float]]


@dataclass(frozen=True, slots=True)
class Fan:
    """What is likely to come after the last quote: (day, low, middle, high), the day the fan opens first."""

    label: str
    points: Sequence[tuple[date, float, float, float]]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Everything a line chart shows, in words and numbers."""

    name: str  # unique on the page; becomes the prefix of element ids
    title: str
    description: str
    start: date
    end: date
    lines: Sequence[Line]
    band: Band | None = None
    fan: Fan | None = None
    gap_days: int = 10
    value_text: Callable[[float], str] = field(default=lambda v: f"{v:g}")
    month_text: Callable[[date], str] = field(default=lambda d: f"{d.month}")

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a chart needs an end after its start, got {self.start}..{self.end}")


@dataclass(frozen=True, slots=True)
class DayRange:
    """The lowest, mean and highest good value of one day."""

    low: float
    mean: float
    high: float


def line_chart(chart: LineChart) -> Markup:
    """Return the chart as one `<svg>`; lines carry the classes `l0`, `l1`, ... in the order given."""
    span = (chart.end - chart.start).days
    values = [v for line in chart.lines for d, v in line.points if chart.start <= d <= chart.end]
    if chart.band:
        values += [v for d, low, _, high in chart.band.points if chart.start <= d <= chart.end for v in (low, high)]
    if chart.fan:
        values += [v for d, low, _, high in chart.fan.points if chart.start <= d <= chart.end for v in (low, high)]
    ticks = value_ticks(min(values), max(values)) if values else [0.0, 1.0]
    bottom, top = ticks[0], ticks[-1]

    def x(day: date) -> int:
        return round((day - chart.start).days * WIDTH / span)

    def y(value: float) -> int:
        return round((top - value) * _UNITS / (top - bottom))

    paths = []
    if chart.band:
        shown = [p for p in chart.band.points if chart.start <= p[0] <= chart.end]
        if len(shown) > 1:
            edge = [(x(d), y(high)) for d, _, _, high in shown] + [(x(d), y(low)) for d, low, _, _ in reversed(shown)]
            paths.append(f'<path class="band" d="{path(edge)}z"/>')
            paths.append(f'<path class="usual" d="{path([(x(d), y(m)) for d, _, m, _ in shown])}"/>')
    if chart.fan:
        paths.append(_fan_paths([(x(d), y(low), y(mid), y(high)) for d, low, mid, high in chart.fan.points if d <= chart.end], _UNITS))
    for k, line in enumerate(chart.lines):
        inside = [(d, v) for d, v in line.points if chart.start <= d <= chart.end]
        runs = _runs(inside, chart.gap_days)
        room = max(240 // max(1, len(chart.lines)), 80)
        drawn = "".join(path([(x(d), y(v)) for d, v in thin(run, max(8, room * len(run) // len(inside)))]) for run in runs)
        paths.append(f'<path class="line l{k}" d="{drawn}"/>')
    height = _TOP + PLOT_HEIGHT + _BOTTOM
    levels = [(round(_TOP + (top - t) * PLOT_HEIGHT / (top - bottom), 1), chart.value_text(t)) for t in ticks]
    grid = "".join(f'<line class="grid" x2="100%" y1="{at:g}" y2="{at:g}"/>' for at, _ in levels)
    texts = "".join(f'<text class="val" y="{at - 4:g}">{escape(text)}</text>' for at, text in levels)
    days = "".join(_day_label((d - chart.start).days / span, text, minor, height) for d, text, minor in day_ticks(chart))
    return _svg(
        f'<svg class="chart" width="100%" height="{height}" role="img" aria-labelledby="{chart.name}-t {chart.name}-d">'
        f'<title id="{chart.name}-t">{escape(chart.title)}</title><desc id="{chart.name}-d">{escape(chart.description)}</desc>{grid}'
        f'<svg y="{_TOP}" width="100%" height="{PLOT_HEIGHT}" viewBox="0 0 {WIDTH} {_UNITS}" preserveAspectRatio="none" '
        f'overflow="visible">{"".join(paths)}</svg>{texts}{days}</svg>'
    )


def _fan_paths(shown: Sequence[tuple[int, int, int, int]], height: int) -> str:
    """Return the fan's area, its middle line, and an upright where it opens: left of it is known, right of it is not."""
    if len(shown) < 2:
        return ""
    edge = [(at, high) for at, _, _, high in shown] + [(at, low) for at, low, _, _ in reversed(shown)]
    return (
        f'<path class="fan" d="{path(edge)}z"/><path class="likely" d="{path([(at, mid) for at, _, mid, _ in shown])}"/>'
        f'<path class="now" d="M{shown[0][0]} 0v{height}"/>'
    )


def sparkline(points: Sequence[tuple[date, float]], label: str, *, days: int = 60, gap_days: int = 10) -> Markup:
    """Return a word-sized line of the last `days` days up to the last point, its end marked; nothing where there are no points."""
    if not points:
        return Markup("")
    end = points[-1][0]
    shown = [(d, v) for d, v in points if (end - d).days <= days]
    low, high = min(v for _, v in shown), max(v for _, v in shown)
    spread = (high - low) or 1.0

    def at(day: date, value: float) -> tuple[int, int]:
        return 92 - round((end - day).days * 90 / days), (14 if high == low else 24 - round((value - low) * 20 / spread))

    drawn = "".join(path([at(d, v) for d, v in thin(run, 40)]) for run in _runs(shown, gap_days))
    last = at(*shown[-1])
    return _svg(
        f'<svg class="spark" width="96" height="28" viewBox="0 0 96 28" role="img" aria-label="{escape(label)}">'
        f'<path d="{drawn}"/><circle cx="{last[0]}" cy="{last[1]}" r="2.5"/></svg>'
    )


def dot_strip(values: Sequence[float], own: float | None, label: str) -> Markup:
    """Return a word-sized scale from the lowest to the highest of the values, a tick for each, and a filled dot for `own`."""
    everything = [*values, *([own] if own is not None else [])]
    low, high = min(everything), max(everything)
    spread = (high - low) or 1.0

    def x(value: float) -> int:
        return 48 if high == low else 5 + round((value - low) * 86 / spread)

    ticks = "".join(f"M{at} 6v8" for at in sorted({x(v) for v in values}))
    dot = f'<circle cx="{x(own)}" cy="10" r="4"/>' if own is not None else ""
    return _svg(
        f'<svg class="dots" width="96" height="20" viewBox="0 0 96 20" role="img" aria-label="{escape(label)}">'
        f'<path class="axis" d="M5 10h86"/><path class="ticks" d="{ticks}"/>{dot}</svg>'
    )


def season_strip(days: Sequence[DayRange | None], label: str, *, height: int = 44, sealed: Sequence[bool] = ()) -> Markup:
    """Return one day per unit of width: the day's range as a band, its mean as a line, and a mark below for each day with no data.

    Days that are not `sealed`, where that is told, have a lighter band. The height is that of all but the most extreme days, which run to
    the edge: one spike does not flatten a season.
    """
    known = [d for d in days if d is not None]
    if not known:
        return Markup("")
    spare = len(known) // 15
    low, high = sorted(d.low for d in known)[spare], sorted(d.high for d in known)[-1 - spare]
    spread = (high - low) or 1.0
    room = height - 6

    def y(value: float) -> int:
        return 1 + round((high - min(max(value, low), high)) * (room - 2) / spread)

    bands: list[str] = []
    open_bands: list[str] = []
    means: list[str] = []

    def band(first: int, run: Sequence[DayRange]) -> str:
        # Half a day either side, so that a single day between two gaps is still seen.
        upper = [(first + k, y(d.high)) for k, d in enumerate(run)] + [(first + len(run), y(run[-1].high))]
        lower = [(first + k, y(d.low)) for k, d in enumerate(run)] + [(first + len(run), y(run[-1].low))]
        return path(upper + lower[::-1]) + "z"

    for first, run in _day_runs(days):
        for is_sealed, start, end in _alike([not sealed or sealed[first + k] for k in range(len(run))]):
            (bands if is_sealed else open_bands).append(band(first + start, run[start:end]))
        means.append(path([(first + k, y(d.mean)) for k, d in enumerate(run)] + [(first + len(run), y(run[-1].mean))]))
    gaps = "".join(f"M{k} {height - 2}h1" for k, d in enumerate(days) if d is None)
    gap_path = f'<path class="gap" d="{gaps}"/>' if gaps else ""
    # Lighter by an attribute of its own: the strip is told apart with the page's styles off, too.
    lighter = f'<path class="band open" opacity=".45" d="{"".join(open_bands)}"/>' if open_bands else ""
    return _svg(
        f'<svg class="strip" width="100%" height="{height}" viewBox="0 0 {len(days)} {height}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}"><path class="band" d="{"".join(bands)}"/>{lighter}'
        f'<path class="line" d="{"".join(means)}"/>{gap_path}</svg>'
    )


def _alike(values: Sequence[bool]) -> list[tuple[bool, int, int]]:
    """Return (value, start, end) of each run of equal values."""
    found: list[tuple[bool, int, int]] = []
    for k, value in enumerate(values):
        if found and found[-1][0] == value:
            found[-1] = (value, found[-1][1], k + 1)
        else:
            found.append((value, k, k + 1))
    return found


def value_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round values, evenly spaced by 1, 2, 2.5 or 5 times a power of ten, the first ≤ low and the last ≥ high."""
    if high - low < 1e-9:
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


def day_ticks(chart: LineChart) -> list[tuple[date, str, bool]]:
    """Return (day, label, minor) at firsts of months; the year stands where it begins; minor ones are hidden on a phone."""
    span = (chart.end - chart.start).days
    if span <= 45:
        days = [chart.end - timedelta(days=k) for k in range(0, span + 1, 7)][::-1]
        return [(d, f"{d.month}-{d.day:02d}", k % 2 == len(days) % 2) for k, d in enumerate(days)]
    months = next(m for m in (1, 2, 3, 6, 12, 24) if span / 30.4 / m <= 13)
    ticks = []
    year, month = chart.start.year, chart.start.month
    while (day := date(year, month, 1)) <= chart.end:
        if day >= chart.start and (month - 1) % months == 0:
            # On a phone a year keeps its quarters and three years keep their halves.
            minor = (month - 1) % (months * (3 if months == 1 and span > 220 else 2)) != 0
            ticks.append((day, str(year) if month == 1 else chart.month_text(day), minor))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return ticks


def thin(points: Sequence[tuple[date, float]], most: int) -> list[tuple[date, float]]:
    """Return at most `most` of the points, real ones only, that keep the line's shape (largest triangle in three buckets)."""
    if len(points) <= most or most < 3:
        return list(points)
    days = [d.toordinal() for d, _ in points]
    kept = [points[0]]
    at = 0
    for k in range(1, most - 1):
        lo, hi = _bucket(k, len(points), most)
        nlo, nhi = _bucket(k + 1, len(points), most)
        mean_x = sum(days[nlo:nhi]) / (nhi - nlo)
        mean_y = sum(v for _, v in points[nlo:nhi]) / (nhi - nlo)
        ax, ay = days[at], points[at][1]
        at = max(range(lo, hi), key=lambda j: abs((ax - mean_x) * (points[j][1] - ay) - (ax - days[j]) * (mean_y - ay)))
        kept.append(points[at])
    return [*kept, points[-1]]


def path(points: Sequence[tuple[int, int]]) -> str:
    """Return a short SVG path through whole-number points; points in the middle of a straight run are left out."""
    if not points:
        return ""
    parts = [f"M{points[0][0]} {points[0][1]}"]
    if len(points) == 1:
        return parts[0] + "h0"
    steps: list[tuple[int, int]] = []
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        if steps and dy == 0 and steps[-1][1] == 0 and (steps[-1][0] >= 0) == (dx >= 0):
            steps[-1] = (steps[-1][0] + dx, 0)
        elif dx or dy:
            steps.append((dx, dy))
    previous = ""
    for dx, dy in steps:
        letter = "h" if dy == 0 else "v" if dx == 0 else "l"
        numbers = str(dx) if dy == 0 else str(dy) if dx == 0 else f"{dx}{dy}" if dy < 0 else f"{dx} {dy}"
        separator = "" if letter != previous else "" if numbers.startswith("-") else " "
        parts.append((letter if letter != previous else separator) + numbers)
        previous = letter
    return "".join(parts)


def _svg(text: str) -> Markup:
    # Every word in `text` was escaped where it was put in; the rest is ours.
    return Markup(text)  # noqa: S704


def _runs(points: Sequence[tuple[date, float]], gap_days: int) -> list[list[tuple[date, float]]]:
    """Return the points cut wherever neighbours are more than `gap_days` apart."""
    runs: list[list[tuple[date, float]]] = []
    for day, value in points:
        if runs and (day - runs[-1][-1][0]).days <= gap_days:
            runs[-1].append((day, value))
        else:
            runs.append([(day, value)])
    return runs


def _day_runs(days: Sequence[DayRange | None]) -> list[tuple[int, list[DayRange]]]:
    runs: list[tuple[int, list[DayRange]]] = []
    for k, day in enumerate(days):
        if day is None:
            continue
        if runs and runs[-1][0] + len(runs[-1][1]) == k:
            runs[-1][1].append(day)
        else:
            runs.append((k, [day]))
    return runs


def _bucket(k: int, n: int, most: int) -> tuple[int, int]:
    if k >= most - 1:
        return n - 1, n
    return 1 + (k - 1) * (n - 2) // (most - 2), 1 + k * (n - 2) // (most - 2)


def _day_label(share: float, text: str, minor: bool, height: int) -> str:
    # Near an edge the label is aligned inwards, so that nothing is cut off.
    anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
    at = f"{share * 100:.1f}%"
    kind = "day minor" if minor else "day"
    return (
        f'<line class="tick" x1="{at}" x2="{at}" y1="{_TOP + PLOT_HEIGHT}" y2="{_TOP + PLOT_HEIGHT + 4}"/>'
        f'<text class="{kind}" x="{at}" y="{height - 4}" text-anchor="{anchor}">{escape(text)}</text>'
    )
