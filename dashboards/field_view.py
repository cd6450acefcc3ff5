"""The field as a page shows it: sites on a schematic map, live figures, who is silent, which messages are missing.

A device's state comes from its own interval: ok below 1.5 of them, late below 3, silent beyond. In a demo the live interval counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import Translate, age_text, name_of, number_text
from foundation.clock import to_ms
from ingest.channels import channel_of
from ingest.reading import SUSPECT, Latest

if TYPE_CHECKING:
    from dashboards.services import Services
    from registry.devices import Device
    from registry.plots import Base

OK, LATE, SILENT, UNKNOWN = "ok", "late", "silent", "unknown"
_WORST = {UNKNOWN: 0, OK: 1, LATE: 2, SILENT: 3}
LATE_AFTER, SILENT_AFTER = 1.5, 3.0
DEMO_INTERVAL_S = 10
# A page and the broker between take a moment: no interval is judged shorter than this.
SLACK_MS = 5_000


@dataclass(frozen=True)
class Figure:
    """One live figure: what is measured, its text, age and flag. `key` names its cell on the page."""

    key: str
    device: str
    label: str
    text: str
    unit: str
    age: str
    flag: int


@dataclass(frozen=True)
class Site:
    """A base with its place on the map, its state and its figures."""

    id: str
    name: str
    x: float
    y: float
    kind: str
    state: str
    gateway: str
    figures: tuple[Figure, ...]
    more: int


@dataclass(frozen=True)
class Silent:
    """A device not heard of for too long."""

    device: str
    name: str
    site: str
    age: str
    age_ms: int
    state: str


@dataclass(frozen=True)
class GatewayRow:
    """A gateway: what came, what is missing."""

    id: str
    state: str
    heard: str
    messages: int
    readings: int
    duplicates: int
    gaps: tuple[str, ...]


@dataclass(frozen=True)
class FieldView:
    """Everything the field page shows."""

    sites: tuple[Site, ...]
    silent: tuple[Silent, ...]
    gateways: tuple[GatewayRow, ...]
    devices: int
    heard: int


# Which figures a site leads with; the rest are on its device pages.
LEADING = ("water_level", "water_temperature", "dissolved_oxygen", "air_temperature", "air_humidity", "soil_moisture", "co2", "rain")
MOST_FIGURES = 5
# Room a mark with its name takes on the map, in percent of its width and height.
NAME_WIDE, NAME_HIGH = 15.0, 6.5


def state_of(age_ms: int | None, interval_s: int) -> str:
    """Return the state of something that reports every `interval_s` and was last heard of `age_ms` ago."""
    if age_ms is None:
        return UNKNOWN
    interval_ms = interval_s * 1000
    if age_ms <= interval_ms * LATE_AFTER + SLACK_MS:
        return OK
    return LATE if age_ms <= interval_ms * SILENT_AFTER + SLACK_MS else SILENT


def field_view(services: Services, county: str, lang: str, t: Translate) -> FieldView:
    """Return the present view of a county's field."""
    now_ms = to_ms(services.clock.now())
    devices = services.registry.devices(county=county)
    bases = services.registry.bases(county=county)
    latest: dict[str, list[Latest]] = {}
    for reading in services.readings.latest(county=county):
        latest.setdefault(reading.device, []).append(reading)
    interval = _interval(services)
    ages = {d.id: now_ms - max(r.received_ms for r in latest[d.id]) for d in devices if d.id in latest}
    states = {d.id: state_of(ages.get(d.id), interval(d)) for d in devices}
    places = _places(bases)
    sites = tuple(_site(base, devices, latest, states, places[base.id], now_ms, lang, t) for base in bases)
    names = {b.id: name_of(b, lang) for b in bases}
    silent = sorted(
        (
            Silent(d.id, name_of(d, lang), names[d.base], age_text(ages[d.id], t), ages[d.id], states[d.id])
            for d in devices
            if states[d.id] in (LATE, SILENT)
        ),
        key=lambda s: -s.age_ms,
    )
    return FieldView(sites, tuple(silent), _gateways(services, county, now_ms, t), len(devices), len(ages))


def _interval(services: Services):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def of(device: Device) -> int:
        slowest = max(c.interval_s for c in device.channels)
        return min(DEMO_INTERVAL_S, slowest) if services.demo else slowest

    return of


def _places(bases: Sequence[Base]) -> Mapping[str, tuple[float, float]]:
    """Return each base's place on the sheet in percent of its width and height; names that would overlap are moved apart."""
    if not bases:
        return {}
    west, east = min(b.lon for b in bases), max(b.lon for b in bases)
    south, north = min(b.lat for b in bases), max(b.lat for b in bases)
    wide, high = (east - west) or 1.0, (north - south) or 1.0
    placed: dict[str, tuple[float, float]] = {}
    for b in sorted(bases, key=lambda b: (-b.lat, b.id)):
        x = 4 + (b.lon - west) / wide * 92
        y = 6 + (north - b.lat) / high * 84
        while any(abs(x - ox) < NAME_WIDE and abs(y - oy) < NAME_HIGH for ox, oy in placed.values()):
            y += NAME_HIGH
            if y > 95:
                y, x = 6.0, (x + NAME_WIDE) % 92
        placed[b.id] = (round(x, 1), round(y, 1))
    return placed


def _site(
    base: Base,
    devices: Sequence[Device],
    latest: Mapping[str, Sequence[Latest]],
    states: Mapping[str, str],
    place: tuple[float, float],
    now_ms: int,
    lang: str,
    t: Translate,
) -> Site:
    here = [d for d in devices if d.base == base.id]
    worst = max((states[d.id] for d in here), key=lambda s: _WORST[s], default=UNKNOWN)
    found: dict[str, Figure] = {}
    for device in here:
        for reading in latest.get(device.id, ()):
            if reading.channel in LEADING and reading.channel not in found:
                found[reading.channel] = figure_of(reading, now_ms, lang, t)
    leading = [found[c] for c in LEADING if c in found][:MOST_FIGURES]
    kind = "pond" if base.county == "321023" or any("pond" in d.kind or "water" in d.kind for d in here) else "greenhouse"
    gateway = here[0].gateway if here else ""
    return Site(base.id, name_of(base, lang), *place, kind, worst, gateway, tuple(leading), len(here))


def figure_of(reading: Latest, now_ms: int, lang: str, t: Translate) -> Figure:
    """Return a reading as it is written on a page; a flagged one keeps its value and shows its flag."""
    channel = channel_of(reading.channel, reading.unit)
    label = name_of(channel, lang)
    text = number_text(round(reading.value, channel.decimals), lang, channel.decimals)
    return Figure(
        f"{reading.device}.{reading.channel}",
        reading.device,
        label,
        text,
        unit_text(reading.unit),
        age_text(now_ms - reading.t_ms, t),
        reading.flag,
    )


UNITS = {"Cel": "°C", "%": "%", "[pH]": "", "{count}": "", "deg": "°", "W/m2": "W/m²"}


def unit_text(ucum: str) -> str:
    """Return a UCUM unit as people write it."""
    return UNITS.get(ucum, ucum)


def flagged(figure: Figure) -> bool:
    """Tell whether a figure failed a test or is suspect."""
    return figure.flag >= SUSPECT and figure.flag != 9


def _gateways(services: Services, county: str, now_ms: int, t: Translate) -> tuple[GatewayRow, ...]:
    known = {g.gateway: g for g in services.readings.gateways()}
    interval = DEMO_INTERVAL_S if services.demo else 600
    rows = []
    for gateway in services.registry.gateways(county=county):
        state = known.get(gateway.id)
        if state is None:
            rows.append(GatewayRow(gateway.id, UNKNOWN, t("还没有消息"), 0, 0, 0, ()))
            continue
        age = now_ms - state.last_received_ms
        gaps = tuple(f"{a}–{b}" if a != b else str(a) for a, b in state.open_gaps)
        rows.append(
            GatewayRow(gateway.id, state_of(age, interval), age_text(age, t), state.messages, state.readings, state.duplicates, gaps)
        )
    return tuple(sorted(rows, key=lambda r: (-_WORST[r.state], -len(r.gaps), r.id)))
