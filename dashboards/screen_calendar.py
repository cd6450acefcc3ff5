"""The lotus year as one drawing: months, stages, the depth each wants with what the ponds had, seasons of risk with what traps caught.

Places from left to right are shares of the width, from top to bottom they are `em`: the drawing widens with the wall, its text does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup, escape

from dashboards.charts import path

DAYS = 366
DEEPEST_CM = 25
# Heights in em: months, stages, depths, then one strip per risk.
_STAGES, _DEPTHS, _DEPTHS_HIGH, _RISKS, _RISK_HIGH, _STEP = 1.5, 3.5, 5.5, 9.3, 1.7, 2.0


@dataclass(frozen=True)
class CalendarStage:
    """A stage with its days and the depth it wants; `agreed` where texts agree on that."""

    name: str
    first: date
    last: date
    depth_cm: tuple[float, float]
    now: bool
    agreed: bool


@dataclass(frozen=True)
class CalendarRisk:
    """A season of risk and the mean catch of the nights up to today, the newest last."""

    name: str
    first: date
    last: date
    now: bool
    nights: Sequence[float | None]


@dataclass(frozen=True)
class Calendar:
    """Everything the drawing shows; `first` is the first day of the lotus year."""

    label: str
    first: date
    today: date
    today_word: str
    unit: str
    stages: tuple[CalendarStage, ...]
    risks: tuple[CalendarRisk, ...]
    levels: Mapping[date, float]
    months: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= (self.today - self.first).days < DAYS:
            raise ValueError(f"today lies outside the year that begins on {self.first}: {self.today}")


def calendar_svg(c: Calendar) -> Markup:
    """Return the calendar as one `<svg>`."""
    height = _RISKS + _STEP * len(c.risks)
    parts = [*_months(c, height), *_stages(c), *_levels(c)]
    for k, risk in enumerate(c.risks):
        parts += _risk(c, risk, _RISKS + _STEP * k)
    at = _share(c, c.today, 0.5)
    parts.append(f'<line class="today" x1="{at}" x2="{at}" y1="1.4em" y2="{height:g}em"/>')
    anchor = _anchor((c.today - c.first).days / DAYS)
    parts.append(f'<text class="today" x="{at}" y="1em" text-anchor="{anchor}">{escape(c.today_word)}</text>')
    return Markup(  # noqa: S704 - numbers and escaped text only
        f'<svg class="calendar" width="100%" height="{height:g}em" role="img" aria-label="{escape(c.label)}">{"".join(parts)}</svg>'
    )


def _months(c: Calendar, height: float) -> list[str]:
    parts = []
    for k in range(12):
        month = (c.first.month - 1 + k) % 12 + 1
        day = date(c.first.year + (month < c.first.month), month, 1)
        # The month today lies in leaves its place to the word for today where the two would meet.
        near = abs((c.today - day).days - 6) < 14
        parts.append(f'<line class="month" x1="{_share(c, day)}" x2="{_share(c, day)}" y1="1.3em" y2="{height:g}em"/>')
        if not near:
            parts.append(f'<text class="quiet" x="{_share(c, day, 1.5)}" y="1em">{escape(c.months[month - 1])}</text>')
    return parts


def _stages(c: Calendar) -> list[str]:
    parts = []
    for s in c.stages:
        x, wide = _share(c, s.first), _width(s.first, s.last)
        middle = _share(c, s.first, ((s.last - s.first).days + 1) / 2)
        kind = "stage now" if s.now else "stage"
        parts.append(f'<rect class="{kind}" x="{x}" y="{_STAGES}em" width="{wide}" height="1.7em"/>')
        parts.append(f'<text class="{kind}" x="{middle}" y="{_STAGES + 1.2:g}em" text-anchor="middle">{escape(s.name)}</text>')
        low, high = s.depth_cm
        top = _DEPTHS + _DEPTHS_HIGH * (1 - high / DEEPEST_CM)
        tall = _DEPTHS_HIGH * (high - low) / DEEPEST_CM
        band = "want" if s.agreed else "want assumed"
        parts.append(f'<rect class="{band}" x="{x}" y="{top:.2f}em" width="{wide}" height="{tall:.2f}em"/>')
        # Above the band, for a narrow one has no room inside.
        parts.append(
            f'<text class="depth" x="{middle}" y="{top - 0.3:.2f}em" text-anchor="middle">{low:g}–{high:g} {escape(c.unit)}</text>'
        )
    return parts


def _levels(c: Calendar) -> list[str]:
    runs: list[list[tuple[int, int]]] = []
    previous: date | None = None
    for day, level in sorted(c.levels.items()):
        if not c.first <= day <= c.today:
            continue
        if previous is None or day - previous > timedelta(days=2):
            runs.append([])
        runs[-1].append(((day - c.first).days, round((1 - min(level, DEEPEST_CM) / DEEPEST_CM) * 200)))
        previous = day
    drawn = "".join(path(run) for run in runs)
    box = f'x="0" y="{_DEPTHS}em" width="100%" height="{_DEPTHS_HIGH}em" viewBox="0 0 {DAYS} 200" preserveAspectRatio="none"'
    return [f'<svg {box}><path class="line level" d="{drawn}"/></svg>'] if drawn else []


def _risk(c: Calendar, risk: CalendarRisk, y: float) -> list[str]:
    kind = "risk now" if risk.now else "risk"
    middle = _share(c, risk.first, ((risk.last - risk.first).days + 1) / 2)
    parts = [
        f'<rect class="{kind}" x="{_share(c, risk.first)}" y="{y:g}em" width="{_width(risk.first, risk.last)}" height="{_RISK_HIGH}em"/>'
    ]
    top = max([10.0, *(n for n in risk.nights if n is not None)])
    begin = (c.today - c.first).days - len(risk.nights)
    bars = "".join(f"M{2 * (begin + k) + 1} 100v-{max(round(n / top * 100), 2)}" for k, n in enumerate(risk.nights) if n and begin + k >= 0)
    box = f'x="0" y="{y:g}em" width="100%" height="{_RISK_HIGH}em" viewBox="0 0 {2 * DAYS} 100" preserveAspectRatio="none"'
    parts.append(f'<svg {box}><path class="count" d="{bars}"/></svg>')
    parts.append(f'<text class="{kind}" x="{middle}" y="{y + 1.2:g}em" text-anchor="middle">{escape(risk.name)}</text>')
    return parts


def _share(c: Calendar, day: date, more: float = 0.0) -> str:
    return f"{100 * ((day - c.first).days + more) / DAYS:.2f}%"


def _width(first: date, last: date) -> str:
    return f"{100 * ((last - first).days + 1) / DAYS - 0.12:.2f}%"


def _anchor(share: float) -> str:
    return "start" if share < 0.02 else "end" if share > 0.98 else "middle"
