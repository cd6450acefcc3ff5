"""One channel over a day, a week or two months as SVG: mean line over the band from lowest to highest; a gap is a gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from dashboards.charts import value_ticks
from ingest.reading import Window

# Width and height for a desktop and for a phone, so that the text stays readable on both.
WIDE, NARROW = (960, 260), (350, 220)
LEFT, BOTTOM, TOP = 56, 26, 10


def channel_chart(
    windows: Sequence[Window],
    start_ms: int,
    end_ms: int,
    window_ms: int,
    *,
    size: tuple[int, int],
    title: str,
    value_text: Callable[[float], str],
    ticks: Sequence[tuple[int, str]],
) -> Markup:
    """Return the chart of the windows in [start, end); windows further apart than one and a half of them are not joined."""
    width, height = size
    shown = [w for w in windows if w.mean is not None and w.min is not None and w.max is not None]
    if not shown:
        return Markup("")
    low, high = min(w.min for w in shown if w.min is not None), max(w.max for w in shown if w.max is not None)
    marks = value_ticks(low, high)
    low, high = min([low, *marks]), max([high, *marks])
    span = (high - low) or 1.0

    def x(ms: float) -> float:
        return round(LEFT + (ms - start_ms) / (end_ms - start_ms) * (width - LEFT - 8), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / span * (height - TOP - BOTTOM), 1)

    runs: list[list[Window]] = []
    for w in shown:
        if runs and w.start_ms - runs[-1][-1].start_ms <= 1.5 * window_ms:
            runs[-1].append(w)
        else:
            runs.append([w])
    middle = window_ms / 2
    parts = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">']
    for mark in marks:
        parts.append(f'<path class="grid" d="M{LEFT} {y(mark)}H{width - 8}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(mark) + 4}" text-anchor="end">{escape(value_text(mark))}</text>')
    for at, label in ticks:
        parts.append(f'<path class="tick" d="M{x(at)} {height - BOTTOM}v4"/>')
        parts.append(f'<text x="{x(at)}" y="{height - 6}" text-anchor="middle">{escape(label)}</text>')
    for run in runs:
        up = " ".join(f"{x(w.start_ms + middle)},{y(w.max or 0)}" for w in run)
        down = " ".join(f"{x(w.start_ms + middle)},{y(w.min or 0)}" for w in reversed(run))
        line = " ".join(f"{x(w.start_ms + middle)},{y(w.mean or 0)}" for w in run)
        if len(run) == 1:
            parts.append(f'<circle class="dot" cx="{x(run[0].start_ms + middle)}" cy="{y(run[0].mean or 0)}" r="2.5"/>')
        parts.append(f'<polygon class="band" points="{up} {down}"/><polyline class="line l0" fill="none" points="{line}"/>')
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704 - numbers and escaped text only
