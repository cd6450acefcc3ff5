"""Panels of what is measured: the map with who speaks, the weather, the climate of the greenhouses, the alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from dashboards.alarms import Alarm, domains
from dashboards.field_map import Sheet, places, short_names
from dashboards.field_view import FieldView, Site
from dashboards.i18n import name_of, number_text
from dashboards.screen_parts import DAY_MS, MINUTE_MS, Asked, Panel
from dashboards.screen_svg import Scale, course, span_bar
from ingest.reading import SUSPECT, Latest, Window

if TYPE_CHECKING:
    from registry.devices import Device

# Of a size that a unit of the map is nearly one and a half pixels of a screen 1920 wide: its 14-unit text is over 20 pixels high.
SHEET = Sheet("screen", 478, 312)
STEP_MS = 30 * MINUTE_MS
# How long a reading counts as the present: three of the slowest regular intervals, in a demo a minute.
FRESH_MS, DEMO_FRESH_MS = 30 * MINUTE_MS, MINUTE_MS


@dataclass(frozen=True)
class Weather:
    """The county's present weather and one station's last day."""

    temperature: str
    low: str
    high: str
    others: tuple[tuple[str, str], ...]
    stations: int
    station: str
    chart: Any
    day_low: str
    day_high: str
    rain: str


@dataclass(frozen=True)
class Climate:
    """One base's greenhouses: the last day's range and the present."""

    base: str
    bar: Any
    now: str
    humidity: str
    state: str


def fresh_ms(a: Asked) -> int:
    """Return how old a reading may be and still count as the present."""
    return DEMO_FRESH_MS if a.services.demo else FRESH_MS


def newest(readings: Iterable[Latest]) -> int | None:
    """Return the newest time of observation."""
    return max((r.t_ms for r in readings), default=None)


def good(readings: Sequence[Latest], channel: str, a: Asked, devices: Mapping[str, Any] | None = None) -> list[float]:
    """Return the present, unflagged values of a channel."""
    return [
        r.value
        for r in readings
        if r.channel == channel and r.flag < SUSPECT and a.now_ms - r.t_ms <= fresh_ms(a) and (devices is None or r.device in devices)
    ]


def field_panel(a: Asked, view: FieldView) -> Panel:
    """Return the map of bases with the state of every plot, and how many devices speak."""
    short = short_names({s.id: s.name for s in view.sites})
    where = a.kept.get((a.county, a.lang, "map"), 600, lambda: places(view.sites, short, {s.id: len(s.marks) for s in view.sites}, SHEET))
    labels: list[tuple[Site, str, int, int]] = [(s, short[s.id], *where[s.id]) for s in view.sites if s.id in where]
    data = {"sheet": SHEET, "labels": labels, "heard": view.heard, "devices": view.devices, "silent": len(view.silent), "gaps": view.gaps}
    return Panel("field", a.t("田间"), view.newest_ms, fresh_ms(a), data)


def weather_panel(a: Asked, latest: Sequence[Latest], devices: Sequence[Device]) -> Panel:
    """Return the weather now, as the median of the stations that speak, and the last day of the first of them."""
    stations = {d.id: d for d in devices if d.kind == "weather_station"}
    mine = [r for r in latest if r.device in stations]
    temperatures = good(mine, "air_temperature", a)
    heard = sorted({r.device for r in mine if r.channel == "air_temperature"})
    chosen = stations[heard[0]] if heard else None
    data = None
    if chosen is not None:
        windows, rain = a.once("weather", 60, lambda: _day_of(a, chosen.id))
        data = _weather(a, mine, temperatures, _base_name(a, chosen), windows, rain)
    return Panel("weather", a.t("天气"), newest(mine), fresh_ms(a), data)


def _day_of(a: Asked, device: str) -> tuple[list[Window | None], list[float | None]]:
    """Return a station's last day in half hours: temperature, and rain as sums."""
    end = a.now_ms // STEP_MS * STEP_MS + STEP_MS
    start = end - DAY_MS
    found = a.services.readings.aggregate_many([(device, "air_temperature"), (device, "rain")], start, end, STEP_MS)
    steps = range(start, end, STEP_MS)
    warm = {w.start_ms: w for w in found[device, "air_temperature"] if w.mean is not None}
    wet = {w.start_ms: (w.mean or 0.0) * w.n for w in found[device, "rain"]}
    return [warm.get(ms) for ms in steps], [wet.get(ms) for ms in steps]


def _weather(
    a: Asked, mine: Sequence[Latest], now: Sequence[float], station: str, windows: Sequence[Window | None], rain: Sequence[float | None]
) -> Weather:
    def text(value: float | None, decimals: int = 1) -> str:
        return "–" if value is None else number_text(round(value, decimals), a.lang, decimals)

    def middle(channel: str, decimals: int) -> str:
        values = good(mine, channel, a)
        return text(median(values) if values else None, decimals)

    known = [w for w in windows if w is not None]
    others = (
        (a.t("湿度"), middle("air_humidity", 0) + " %"),
        (a.t("风速"), middle("wind_speed", 1) + " m/s"),
        (a.t("辐射"), middle("solar_radiation", 0) + " W/m²"),
    )
    fallen = [r for r in rain if r is not None]
    return Weather(
        text(median(now) if now else None),
        text(min(now, default=None)),
        text(max(now, default=None)),
        others,
        len(now),
        station,
        course([w.mean if w else None for w in windows], a.t("过去 24 小时的气温和降水"), bars=rain),
        text(min((w.min for w in known if w.min is not None), default=None)),
        text(max((w.max for w in known if w.max is not None), default=None)),
        text(sum(fallen) if fallen else None),
    )


def climate_panel(a: Asked, latest: Sequence[Latest], devices: Sequence[Device], view: FieldView) -> Panel:
    """Return, for each base, the range of its greenhouses' temperature over a day and what it is now."""
    inside = {d.id: d for d in devices if d.kind == "greenhouse_climate"}
    mine = [r for r in latest if r.device in inside]
    spans = a.once("climate", 120, lambda: half_hours(a, list(inside), "air_temperature"))
    ends = [x for low_high in spans.values() for x in low_high]
    scale = Scale(5 * math.floor(min([10.0, *ends]) / 5), 5 * math.ceil(max([30.0, *ends]) / 5), 200)
    short = short_names({s.id: s.name for s in view.sites})
    rows = []
    for site in view.sites:
        own = {d.id for d in inside.values() if d.base == site.id}
        if not own:
            continue
        now = good(mine, "air_temperature", a, dict.fromkeys(own))
        wet = good(mine, "air_humidity", a, dict.fromkeys(own))
        low = min((spans[d][0] for d in own if d in spans), default=None)
        high = max((spans[d][1] for d in own if d in spans), default=None)
        middle = sum(now) / len(now) if now else None
        bar = span_bar(scale, low, high, middle) if low is not None and high is not None else ""
        rows.append(
            Climate(
                short[site.id],
                bar,
                "–" if middle is None else number_text(round(middle, 1), a.lang, 1),
                "–" if not wet else number_text(round(sum(wet) / len(wet)), a.lang, 0),
                site.state,
            )
        )
    data = {"rows": rows, "low": f"{scale.low:.0f}", "high": f"{scale.high:.0f}", "middle": f"{(scale.low + scale.high) / 2:g}"}
    return Panel("climate", a.t("大棚气候"), newest(mine), fresh_ms(a), data)


def half_hours(a: Asked, devices: Sequence[str], channel: str) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest half-hour mean of a day per device; a single wild reading does not stretch it."""
    end = a.now_ms // STEP_MS * STEP_MS + STEP_MS
    found = a.services.readings.aggregate_many([(d, channel) for d in devices], end - DAY_MS, end, STEP_MS)
    means = {device: [w.mean for w in windows if w.mean is not None] for (device, _), windows in found.items()}
    return {device: (min(values), max(values)) for device, values in means.items() if values}


def alarm_panel(a: Asked, found: Sequence[Alarm], figures: Mapping[str, str], most: int = 7, room: int = 9) -> Panel:
    """Return what is wrong, the oldest first, and below what is well with its figure; `room` is how many lines the panel has."""
    troubled = {alarm.domain for alarm in found}
    shown = [(x, _since(a, x)) for x in found[:most]]
    well = [(name, meaning, figures.get(domain, "")) for domain, (name, meaning) in domains(a.t).items() if domain not in troubled]
    more = len(found) - len(shown)
    # Few alarms leave room to say what each check that holds means; many leave room for its name alone.
    told = max(len(shown), 1) + bool(more) + len(well) <= room
    data = {"rows": shown, "more": more, "well": well, "told": told}
    return Panel("alarms", a.t("告警"), a.now_ms, MINUTE_MS, data, str(len(found)) if found else "")


def _since(a: Asked, alarm: Alarm) -> str:
    minutes = max(a.now_ms - alarm.since_ms, 0) // MINUTE_MS
    if minutes < 1:
        said = a.t("不到 1 分钟")
    elif minutes < 60:
        said = a.t("%(n)s 分钟", n=minutes)
    elif minutes < 48 * 60:
        said = a.t("%(n)s 小时", n=minutes // 60)
    else:
        said = a.t("%(n)s 天", n=minutes // (24 * 60))
    return a.t("至少 %(span)s", span=said) if alarm.at_least and minutes >= 1 else said


def _base_name(a: Asked, device: Device) -> str:
    return name_of(a.services.registry.base(device.base), a.lang)
