"""The temperature of one leg as SVG: the line, the limits it is judged by, and amber marks where nothing is known.

A strip stands on the consumer's page without any text; a chart has the limits and hours written on it. Excursions are never thinned
away: of every stretch its lowest and highest reading are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup, escape

from dashboards.charts import path
from foundation.clock import SHANGHAI, from_ms
from ingest.reading import SUSPECT, Point
from logistics.cold_chain.nouns import Limits

STRIP = (300, 44)
CHARTS = (("wide", (960, 200)), ("narrow", (350, 170)))
_LEFT, _BOTTOM, _TOP = 46, 22, 8
_HOUR_MS = 3_600_000


def leg_strip(points: Sequence[Point], limits: Limits, start_ms: int, end_ms: int, label: str) -> Markup:
    """Return the leg as a small drawing, empty where there is no good reading."""
    width, height = STRIP
    drawn = _drawing(points, limits, start_ms, end_ms, (0, 1, width, height - 7), 60)
    if not drawn:
        return Markup("")
    return Markup(  # noqa: S704 - numbers and escaped text only
        f'<svg class="strip" width="100%" height="{height}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{drawn}</svg>'
    )


def leg_chart(points: Sequence[Point], limits: Limits, start_ms: int, end_ms: int, label: str, size: tuple[int, int]) -> Markup:
    """Return the leg as a chart with its limits and times written on it, empty where there is no good reading."""
    width, height = size
    box = (_LEFT, _TOP, width - _LEFT - 8, height - _TOP - _BOTTOM)
    drawn = _drawing(points, limits, start_ms, end_ms, box, width // 4)
    if not drawn:
        return Markup("")
    good = [p.value for p in points if p.flag < SUSPECT]
    low, high = _range(good, limits)
    texts = []
    for value in sorted({v for v in (limits.low_c, limits.high_c) if v is not None} or {round(min(good), 1), round(max(good), 1)}):
        at = _y(value, low, high, box)
        texts.append(f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{f"{value:g}".replace("-", "−")} °C</text>')
    span = end_ms - start_ms
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        local = from_ms(start_ms + int(span * share)).astimezone(SHANGHAI)
        text = f"{local:%H:%M:%S}" if span < _HOUR_MS else f"{local.month}-{local.day} {local:%H:%M}"
        texts.append(f'<text x="{box[0] + box[2] * share:g}" y="{height - 5}" text-anchor="{anchor}">{text}</text>')
    return Markup(  # noqa: S704 - numbers and escaped text only
        f'<svg class="chart cold" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{drawn}{"".join(texts)}</svg>'
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most about twice `most` of the points: of each of so many stretches the lowest and the highest, in order of time."""
    if len(points) <= 2 * most:
        return list(points)
    kept = []
    for k in range(most):
        part = points[k * len(points) // most : (k + 1) * len(points) // most]
        kept += sorted({min(part, key=lambda p: p.value), max(part, key=lambda p: p.value)}, key=lambda p: p.t_ms)
    return kept


def _drawing(points: Sequence[Point], limits: Limits, start_ms: int, end_ms: int, box: tuple[int, int, int, int], most: int) -> str:
    good = [p for p in points if p.flag < SUSPECT and start_ms <= p.t_ms <= end_ms]
    if not good or end_ms <= start_ms:
        return ""
    low, high = _range([p.value for p in good], limits)
    left, top, width, height = box

    def x(ms: int) -> int:
        return left + round((ms - start_ms) * width / (end_ms - start_ms))

    gap_ms = limits.gap_s * 1000
    marks = [start_ms, *(p.t_ms for p in good), end_ms]
    gaps = [(a, b) for a, b in pairwise(marks) if b - a > gap_ms]
    breaks = {b for _, b in gaps}
    runs: list[list[tuple[int, int]]] = []
    # Runs are cut at true gaps before thinning, so that thinning never makes one.
    run: list[Point] = []
    for p in [*good, None]:
        if p is None or (run and p.t_ms in breaks):
            runs.append([(x(q.t_ms), _y(q.value, low, high, box)) for q in thinned(run, max(4, most * len(run) // len(good)))])
            run = []
        if p is not None:
            run.append(p)
    lines = "".join(
        f'<path class="lim" d="M{left} {_y(v, low, high, box)}h{width}"/>' for v in (limits.low_c, limits.high_c) if v is not None
    )
    silent = "".join(f"M{x(a)} {top + height + 3}H{x(b)}" for a, b in gaps)
    gap_path = f'<path class="gap" d="{silent}"/>' if silent else ""
    return f'{lines}<path class="line" d="{"".join(path(r) for r in runs)}"/>{gap_path}'


def _range(values: Sequence[float], limits: Limits) -> tuple[float, float]:
    seen = [*values, *(v for v in (limits.low_c, limits.high_c) if v is not None)]
    low, high = min(seen), max(seen)
    pad = max(0.5, (high - low) * 0.06)
    return low - pad, high + pad


def _y(value: float, low: float, high: float, box: tuple[int, int, int, int]) -> int:
    return box[1] + round((high - value) * box[3] / (high - low))
