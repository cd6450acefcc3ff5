"""The growing season of a plot, told by its sensors: per channel the range of each day, and honestly what is missing.

A sealed day is told by its seal in the log; one that is not sealed yet by the raw readings, and the page says which is which.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from dashboards.charts import DayRange
from foundation.clock import SHANGHAI, from_ms, to_ms

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
class MonthRange:
    """The lowest, mean, highest and total of the good values of one calendar month."""

    year: int
    month: int
    low: float
    mean: float
    high: float
    total: float


@dataclass(frozen=True, slots=True)
class ChannelSeason:
    """One channel over the season: totals over good readings only, and the hours in which there was none."""

    device: str
    at_plot: bool  # measured in the plot itself, not by its base's station
    channel: str
    unit: str
    low: float
    mean: float
    high: float
    total: float
    count: int
    days: tuple[DayRange | None, ...]
    months: tuple[MonthRange, ...]
    hours: int
    hours_with_data: int
    gaps: tuple[tuple[int, int], ...]  # (start_ms, end_ms), longest first
    last_ms: int
    sealed: tuple[bool, ...] = ()  # by day, like `days`

    @property
    def sealed_days(self) -> int:
        """How many of the days are told by a seal in the log."""
        return sum(self.sealed)

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
    """Return the season of a plot from its own devices and, for what they do not measure, its base's: sealed days by their seals."""
    start_ms, end_ms = day_start_ms(first), min(day_start_ms(last + timedelta(days=1)), to_ms(services.clock.now()))
    keys = told_channels(services, plot_id)[:most]
    if end_ms <= start_ms or not keys:
        return Season(first, last, ())
    seen = {(k.device, k.channel): dict[int, _Day]() for k in keys}
    for day, seal in services.seals.sealed(plot_id, first, last).items():
        for told in seal.told["channels"]:
            if (told["device"], told["channel"]) in seen:
                seen[told["device"], told["channel"]][day_start_ms(day)] = _sealed_day(told)
    # The raw readings are asked for what no seal tells, all channels at once.
    waiting = [d for d in range(start_ms, end_ms, DAY_MS) if any(d not in days for days in seen.values())]
    if waiting:
        until = min(waiting[-1] + DAY_MS, end_ms)
        found = services.readings.aggregate_many(list(seen), waiting[0], until, HOUR_MS)
        for key, windows in found.items():
            _add_raw(seen[key], [w for w in windows if w.n], start_ms)
    channels = [_channel_season(k, seen[k.device, k.channel], start_ms, end_ms) for k in keys]
    return Season(first, last, tuple(c for c in channels if c is not None))


@dataclass(frozen=True, slots=True)
class Told:
    """A channel to be told: which device measures it, and whether that stands in the plot itself."""

    device: str
    channel: str
    unit: str
    at_plot: bool


def told_channels(services: Services, plot_id: str) -> list[Told]:
    """Return each channel worth telling once, the plot's own device before the base's.

    A base's station outside says nothing of the air in a greenhouse: one that has devices is told by them alone.
    """
    plot = services.registry.plot(plot_id)
    county = services.registry.base(plot.base).county
    here: Sequence[Device] = services.registry.devices(county=county)
    own = [d for d in here if d.plot == plot_id]
    around = [] if own and plot.kind == "greenhouse" else [d for d in here if d.plot is None and d.base == plot.base]
    chosen: dict[str, Told] = {}
    for device in own + around:
        for channel in device.channels:
            chosen.setdefault(channel.code, Told(device.id, channel.code, channel.unit, device.plot == plot_id))
    return [chosen[code] for code in TOLD if code in chosen]


def day_start_ms(day: date) -> int:
    """Return the moment a calendar day begins in Shanghai."""
    return to_ms(datetime.combine(day, time(), SHANGHAI))


class _Sum:
    """What is known of a span of time as windows are added to it."""

    __slots__ = ("count", "high", "low", "total")

    def __init__(self) -> None:
        self.count, self.total, self.low, self.high = 0, 0.0, float("inf"), float("-inf")

    def add(self, count: int, total: float, low: float, high: float) -> None:
        self.count, self.total = self.count + count, self.total + total
        self.low, self.high = min(self.low, low), max(self.high, high)


class _Day(_Sum):
    """One day of a channel: its sum, the hours of it with a good reading, and whether its seal told it."""

    __slots__ = ("hours", "sealed")

    def __init__(self, *, sealed: bool) -> None:
        super().__init__()
        self.sealed, self.hours = sealed, set[int]()


def _sealed_day(told: Mapping[str, Any]) -> _Day:
    day = _Day(sealed=True)
    if told["n"]:
        day.add(told["n"], told["sum"], told["min"], told["max"])
        day.hours = set(range(24)) - set(told["missingHours"])
    return day


def _add_raw(days: dict[int, _Day], windows: Sequence[Any], start_ms: int) -> None:
    """Add hourly windows to the days that no seal tells."""
    for w in windows:
        day_ms = w.start_ms - (w.start_ms - start_ms) % DAY_MS
        day = days.setdefault(day_ms, _Day(sealed=False))
        if not day.sealed:
            day.add(w.n, w.mean * w.n, w.min, w.max)
            day.hours.add((w.start_ms - day_ms) // HOUR_MS)


def _channel_season(told: Told, seen: Mapping[int, _Day], start_ms: int, end_ms: int) -> ChannelSeason | None:
    hourly = {day_ms + h * HOUR_MS for day_ms, day in seen.items() for h in day.hours}
    if not hourly:
        return None
    whole, months, nothing = _Sum(), dict[tuple[int, int], _Sum](), _Day(sealed=False)
    days: list[DayRange | None] = []
    sealed: list[bool] = []
    for day_ms in range(start_ms, end_ms, DAY_MS):
        day = seen.get(day_ms, nothing)
        days.append(DayRange(day.low, day.total / day.count, day.high) if day.count else None)
        sealed.append(day.sealed)
        if day.count:
            local = from_ms(day_ms).astimezone(SHANGHAI)
            for span in (whole, months.setdefault((local.year, local.month), _Sum())):
                span.add(day.count, day.total, day.low, day.high)
    hours = range(start_ms, end_ms, HOUR_MS)
    return ChannelSeason(
        told.device, told.at_plot, told.channel, told.unit, whole.low, whole.total / whole.count, whole.high, whole.total, whole.count,
        tuple(days), tuple(MonthRange(y, m, x.low, x.total / x.count, x.high, x.total) for (y, m), x in months.items()),
        len(hours), sum(h in hourly for h in hours), tuple(sorted(_missing(hours, hourly), key=lambda g: g[0] - g[1])),
        max(hourly) + HOUR_MS, tuple(sealed),
    )  # fmt: skip


def _missing(hours: Sequence[int], hourly: Collection[int]) -> list[tuple[int, int]]:
    gaps: list[tuple[int, int]] = []
    for hour in hours:
        if hour in hourly:
            continue
        if gaps and gaps[-1][1] == hour:
            gaps[-1] = (gaps[-1][0], hour + HOUR_MS)
        else:
            gaps.append((hour, hour + HOUR_MS))
    return gaps
