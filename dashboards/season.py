"""The growing season of a plot, told by its sensors: per channel the range of each day, and honestly what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from dashboards.charts import DayRange
from foundation.clock import SHANGHAI, to_ms

if TYPE_CHECKING:
    from dashboards.services import Services
    from registry.devices import Device

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

# What a buyer can make sense of, most telling first; a plot shows the first four it measures.
TOLD = (
    "water_temperature",
    "water_level",
    "dissolved_oxygen",
    "air_temperature",
    "rain",
    "soil_moisture",
    "air_humidity",
    "soil_temperature",
)
SUMMED = frozenset({"rain"})


@dataclass(frozen=True, slots=True)
class ChannelSeason:
    """One channel over the season: totals over good readings only, and the hours in which there was none."""

    device: str
    channel: str
    unit: str
    low: float
    mean: float
    high: float
    total: float
    count: int
    days: tuple[DayRange | None, ...]
    hours: int
    hours_with_data: int
    gaps: tuple[tuple[int, int], ...]  # (start_ms, end_ms), longest first
    last_ms: int

    @property
    def complete_percent(self) -> float:
        """Share of the season's hours with at least one good reading."""
        return 100.0 * self.hours_with_data / self.hours if self.hours else 0.0


@dataclass(frozen=True, slots=True)
class Season:
    """All told channels of a plot between two days, both included."""

    first: date
    last: date
    channels: tuple[ChannelSeason, ...]


def season_of(services: Services, plot_id: str, first: date, last: date, most: int = 4) -> Season:
    """Return the season of a plot from the readings of its own devices and, for what they do not measure, of its base's."""
    start_ms, end_ms = day_start_ms(first), min(day_start_ms(last + timedelta(days=1)), to_ms(services.clock.now()))
    keys = told_channels(services, plot_id)[:most]
    if end_ms <= start_ms or not keys:
        return Season(first, last, ())
    found = services.readings.aggregate_many([(device, channel) for device, channel, _ in keys], start_ms, end_ms, HOUR_MS)
    channels = [_channel_season(d, c, unit, found.get((d, c), []), start_ms, end_ms) for d, c, unit in keys]
    return Season(first, last, tuple(c for c in channels if c is not None))


def told_channels(services: Services, plot_id: str) -> list[tuple[str, str, str]]:
    """Return (device, channel, unit) for each told channel, once, the plot's own device before the base's."""
    plot = services.registry.plot(plot_id)
    county = services.registry.base(plot.base).county
    here: Sequence[Device] = services.registry.devices(county=county)
    ranked = [d for d in here if d.plot == plot_id] + [d for d in here if d.plot is None and d.base == plot.base]
    chosen: dict[str, tuple[str, str, str]] = {}
    for device in ranked:
        for channel in device.channels:
            chosen.setdefault(channel.code, (device.id, channel.code, channel.unit))
    return [chosen[code] for code in TOLD if code in chosen]


def day_start_ms(day: date) -> int:
    """Return the moment a calendar day begins in Shanghai."""
    return to_ms(datetime.combine(day, time(), SHANGHAI))


def _channel_season(device: str, channel: str, unit: str, windows: Sequence[object], start_ms: int, end_ms: int) -> ChannelSeason | None:
    hourly: Mapping[int, object] = {w.start_ms: w for w in windows if w.n}  # type: ignore[attr-defined]
    if not hourly:
        return None
    days: list[DayRange | None] = []
    total, count, low, high = 0.0, 0, float("inf"), float("-inf")
    for day_ms in range(start_ms, end_ms, DAY_MS):
        n, s, lo, hi = 0, 0.0, float("inf"), float("-inf")
        for hour_ms in range(day_ms, min(day_ms + DAY_MS, end_ms), HOUR_MS):
            w = hourly.get(hour_ms)
            if w is not None:
                n, s, lo, hi = n + w.n, s + w.mean * w.n, min(lo, w.min), max(hi, w.max)  # type: ignore[attr-defined]
        days.append(DayRange(lo, s / n, hi) if n else None)
        total, count, low, high = total + s, count + n, min(low, lo), max(high, hi)
    hours = list(range(start_ms, end_ms, HOUR_MS))
    gaps = _missing(hours, hourly)
    return ChannelSeason(
        device, channel, unit, low, total / count, high, total, count, tuple(days),
        len(hours), sum(h in hourly for h in hours), tuple(sorted(gaps, key=lambda g: g[0] - g[1])), max(hourly) + HOUR_MS,
    )  # fmt: skip


def _missing(hours: Sequence[int], hourly: Mapping[int, object]) -> list[tuple[int, int]]:
    gaps: list[tuple[int, int]] = []
    for hour in hours:
        if hour in hourly:
            continue
        if gaps and gaps[-1][1] == hour:
            gaps[-1] = (gaps[-1][0], hour + HOUR_MS)
        else:
            gaps.append((hour, hour + HOUR_MS))
    return gaps
