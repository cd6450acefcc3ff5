"""Drawings of the big screens as SVG: stretched lines without text, and the calendar whose text keeps its size.

A drawing that is stretched to its panel holds no text; its words stand beside it as HTML. Sizes of text are in `em`, so they follow the
screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from dashboards.charts import path


@dataclass(frozen=True)
class Scale:
    """Turns values into whole units of a drawing, and keeps them inside it."""

    low: float
    high: float
    units: int

    def __post_init__(self) -> None:
        if self.high <= self.low:
            raise ValueError(f"a scale needs its low end below its high one, got {self.low}..{self.high}")

    def at(self, value: float) -> int:
        """Return the place of a value."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(share * self.units)


def scale_over(values: Sequence[float], units: int, *, at_least: float = 1.0) -> Scale:
    """Return a scale over the values with a little air, and not finer than `at_least` so that a still line stays still."""
    low, high = min(values), max(values)
    air = max((high - low) * 0.08, (at_least - (high - low)) / 2, 0.001)
    return Scale(low - air, high + air, units)


def course(values: Sequence[float | None], label: str, *, bars: Sequence[float | None] = ()) -> Markup:
    """Return a line over regular steps, broken where nothing was read, with `bars` hanging from the top for rain."""
    known = [v for v in values if v is not None]
    if not known:
        return Markup("")
    y = scale_over(known, 100, at_least=2.0)
    parts = []
    most = max((b for b in bars if b is not None), default=0.0)
    if most > 0:
        falls = "".join(f"M{4 * k + 2} 0v{max(round(b / max(most, 2.0) * 60), 2)}" for k, b in enumerate(bars) if b)
        parts.append(f'<path class="rain" d="{falls}"/>')
    run: list[tuple[int, int]] = []
    line, area = "", ""
    for k, v in enumerate([*values, None]):
        if v is not None:
            run.append((4 * k + 2, 100 - y.at(v)))
        elif run:
            line += path(run)
            area += path([(run[0][0], 100), *run, (run[-1][0], 100)]) + "z"
            run = []
    parts.append(f'<path class="under" d="{area}"/><path class="line" d="{line}"/>')
    return _svg(
        f'<svg class="fill" viewBox="0 0 {4 * len(values)} 100" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def span_bar(scale: Scale, low: float, high: float, now: float | None, band: tuple[float, float] | None = None, mark: str = "") -> Markup:
    """Return a thin range from `low` to `high` with the present as a dot; `band` is what is wanted, drawn behind."""
    parts = [f'<path class="track" d="M0 5h{scale.units}"/>']
    if band is not None:
        left, right = scale.at(band[0]), scale.at(band[1])
        parts.append(f'<rect class="want" x="{left}" y="0" width="{right - left}" height="10"/>')
    parts.append(f'<path class="range" d="M{scale.at(low)} 5H{scale.at(high)}"/>')
    if now is not None:
        parts.append(f'<path class="dot {mark}" d="M{scale.at(now)} 5h0"/>')
    return _svg(f'<svg class="bar" viewBox="0 0 {scale.units} 10" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>')


def nights(values: Sequence[float | None], label: str, *, most: float | None = None) -> Markup:
    """Return one bar per night; a night without a reading is a dot below."""
    known = [v for v in values if v is not None]
    top = max([most or 0.0, *known, 1.0])
    bars = "".join(f"M{4 * k + 2} 100v-{max(round(v / top * 92), 1)}" for k, v in enumerate(values) if v is not None and v > 0)
    zero = "".join(f"M{4 * k + 1} 99h2" for k, v in enumerate(values) if v == 0)
    gaps = "".join(f"M{4 * k + 2} 97h0" for k, v in enumerate(values) if v is None)
    return _svg(
        f'<svg class="fill nights" viewBox="0 0 {4 * len(values)} 100" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f'<path class="count" d="{bars}"/><path class="zero" d="{zero}"/><path class="gap" d="{gaps}"/></svg>'
    )


def _svg(text: str) -> Markup:
    # Every word in `text` was escaped where it was put in; the rest is ours.
    return Markup(text)  # noqa: S704
