"""The field as a page shows it: sites on a schematic map, live figures, who is silent, which messages are missing.

A device's state comes from its own interval: ok up to one and a quarter of them, late up to three, silent beyond.
In a demo the live interval counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from dashboards.field_map import SHEETS, Mark, Sheet, places, row_of, short_names
from dashboards.i18n import Translate, age_text, name_of, number_text
from dashboards.ledger_view import Tally, tallies
from foundation.clock import to_ms
from ingest.channels import channel_of
from ingest.reading import FAIL, SUSPECT, Latest

if TYPE_CHECKING:
    from dashboards.services import Services
    from ingest.losses import LedgerRow
    from registry.devices import Device
    from registry.plots import Base, Plot

_T = TypeVar("_T", "Device", "Plot")

# Kinds of devices that travel.
ON_WHEELS = frozenset({"reefer"})
OK, LATE, SILENT, UNKNOWN = "ok", "late", "silent", "unknown"
_WORST = {UNKNOWN: 0, OK: 1, LATE: 2, SILENT: 3}
LATE_AFTER, SILENT_AFTER = 1.25, 3.0
DEMO_INTERVAL_S = 10
MINUTE_S = 60
# A demo's gateway speaks every five seconds, with half its devices each time; a real one with its devices.
DEMO_GATEWAY_INTERVAL_S = 5
GATEWAY_INTERVAL_S = 600
# The way from the sensor to the store takes a moment, more so when a machine is busy.
SLACK_MS = 1_000


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
class DeviceRow:
    """One device of a base."""

    id: str
    name: str
    state: str
    age: str
    gateway: str


@dataclass(frozen=True)
class Site:
    """A base with its state, its leading figures, its devices and its marks on the map."""

    id: str
    name: str
    state: str
    figures: tuple[Figure, ...]
    devices: tuple[DeviceRow, ...]
    marks: tuple[Mark, ...]
    lat: float
    lon: float

    @property
    def gateways(self) -> tuple[str, ...]:
        """The gateways its devices speak through: most often one."""
        return tuple(dict.fromkeys(d.gateway for d in self.devices))


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
class FlaggedNow:
    """A channel whose newest reading is suspect or failed."""

    figure: Figure
    name: str
    site: str


@dataclass(frozen=True)
class ForeignGaps:
    """How many gaps of foreign counters are open, and how many messages are missing in them and may still come."""

    gaps: int = 0
    missing: int = 0


@dataclass(frozen=True)
class GatewayRow:
    """A gateway: what came, what is missing, and its loss ledger in numbers.

    `gaps` are the open ones of its own numbers; `foreign` counts those of stations that speak through it and can send again.
    """

    id: str
    state: str
    heard: str
    messages: int
    readings: int
    duplicates: int
    gaps: tuple[str, ...]
    foreign: ForeignGaps
    ledger: Tally


@dataclass(frozen=True)
class MapView:
    """One drawing of the map: its sheet and, for each base, its short name and place."""

    sheet: Sheet
    labels: tuple[tuple[Site, str, int, int], ...]


@dataclass(frozen=True)
class FieldView:
    """Everything the field page shows."""

    sites: tuple[Site, ...]
    silent: tuple[Silent, ...]
    gateways: tuple[GatewayRow, ...]
    marked: tuple[FlaggedNow, ...]
    devices: int
    heard: int
    newest_ms: int | None

    @cached_property
    def maps(self) -> tuple[MapView, ...]:
        """The map on each sheet, drawn when a page asks for it; a frame does not."""
        short = short_names({s.id: s.name for s in self.sites})
        many = {s.id: len(s.marks) for s in self.sites}
        where = {sheet.name: places(self.sites, short, many, sheet) for sheet in SHEETS}
        return tuple(MapView(sheet, tuple((s, short[s.id], *where[sheet.name][s.id]) for s in self.sites)) for sheet in SHEETS)

    @property
    def gaps(self) -> int:
        """How many stretches of message numbers are missing."""
        return sum(len(g.gaps) + g.foreign.gaps for g in self.gateways)


@dataclass(frozen=True)
class _Seen:
    """When each device was last heard of, and what that makes of it."""

    now_ms: int
    ages: Mapping[str, int]
    states: Mapping[str, str]

    def age(self, device: str, t: Translate) -> str:
        return age_text(self.ages[device], t) if device in self.ages else t("还没有读数")


# Which figures a site leads with; the rest are on its device pages.
LEADING = ("water_level", "water_temperature", "dissolved_oxygen", "air_temperature", "air_humidity", "soil_moisture", "co2", "rain")
MOST_FIGURES = 5
# Room a mark with its name takes on the map, in percent of its width and height.
NAME_WIDE, NAME_HIGH = 15.0, 6.5


def state_of(age_ms: int | None, interval_s: int) -> str:
    """Return the state of something that reports every `interval_s` and was last heard of `age_ms` ago."""
    if age_ms is None:
        return UNKNOWN
    if age_ms <= interval_s * LATE_AFTER * 1000 + SLACK_MS:
        return OK
    return LATE if age_ms <= interval_s * SILENT_AFTER * 1000 + SLACK_MS else SILENT


def field_view(services: Services, county: str, lang: str, t: Translate) -> FieldView:
    """Return the present view of a county's field."""
    now_ms = to_ms(services.clock.now())
    everything = services.registry.devices(county=county)
    devices = [d for d in everything if d.kind not in ON_WHEELS]
    # A depot whose every device is on the road is no place in the field; its trucks are on the page of the cold chain.
    fields = {d.base for d in devices}
    depots = {d.base for d in everything} - fields
    bases = [b for b in services.registry.bases(county=county) if b.id not in depots]
    latest: dict[str, list[Latest]] = {}
    for reading in services.readings.latest(county=county):
        latest.setdefault(reading.device, []).append(reading)
    ages = {d.id: now_ms - max(r.received_ms for r in latest[d.id]) for d in devices if d.id in latest}
    states = {d.id: state_of(ages.get(d.id), _interval(services, d)) for d in devices}
    seen = _Seen(now_ms, ages, states)
    plots = _by_base(services.registry.plots(county=county))
    boxes = _by_base(devices)
    sites = tuple(_site(b, plots.get(b.id, ()), boxes.get(b.id, ()), latest, seen, lang, t) for b in bases)
    names = {b.id: name_of(b, lang) for b in bases}
    silent = [
        Silent(d.id, name_of(d, lang), names[d.base], age_text(ages[d.id], t), ages[d.id], states[d.id])
        for d in devices
        if states[d.id] in (LATE, SILENT)
    ]
    return FieldView(
        sites,
        tuple(sorted(silent, key=lambda s: (-s.age_ms, s.device))),
        _gateways(services, county, depots, devices, now_ms, t),
        tuple(
            FlaggedNow(figure_of(r, now_ms, lang, t), name_of(d, lang), names[d.base])
            for d in devices
            for r in latest.get(d.id, ())
            if r.flag in (SUSPECT, FAIL)
        ),
        len(devices),
        len(ages),
        max((r.t_ms for rows in latest.values() for r in rows), default=None),
    )


def _by_base(things: Sequence[_T]) -> dict[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for thing in things:
        found.setdefault(thing.base, []).append(thing)
    return found


def _interval(services: Services, device: Device) -> int:
    """Return how often a device is expected to speak, in seconds."""
    slowest = max(c.interval_s for c in device.channels)
    # What is due every ten minutes is sent oftener by a demo's simulators; what is due sooner keeps its own pace there too.
    return DEMO_INTERVAL_S if services.demo and slowest > MINUTE_S else slowest


def _site(
    base: Base,
    plots: Sequence[Plot],
    devices: Sequence[Device],
    latest: Mapping[str, Sequence[Latest]],
    seen: _Seen,
    lang: str,
    t: Translate,
) -> Site:
    found: dict[str, Figure] = {}
    for device in devices:
        for reading in latest.get(device.id, ()):
            if reading.channel in LEADING and reading.channel not in found:
                found[reading.channel] = figure_of(reading, seen.now_ms, lang, t)
    marks = [_mark(p.id, p.kind, [d for d in devices if d.plot == p.id], seen, name_of(p, lang), t) for p in plots]
    own = [d for d in devices if d.plot is None]
    if own:
        marks.append(_mark(base.id, "station", own, seen, t("气象站、虫情灯等"), t))
    return Site(
        base.id,
        name_of(base, lang),
        worst(seen.states[d.id] for d in devices),
        tuple(found[c] for c in LEADING if c in found)[:MOST_FIGURES],
        tuple(DeviceRow(d.id, name_of(d, lang), seen.states[d.id], seen.age(d.id, t), d.gateway) for d in devices),
        row_of(marks),
        base.lat,
        base.lon,
    )


def _mark(key: str, kind: str, devices: Sequence[Device], seen: _Seen, name: str, t: Translate) -> Mark:
    state = worst(seen.states[d.id] for d in devices)
    return Mark(key, kind, state, f"{name} · {state_words(t)[state]}")


def worst(states: Iterable[str]) -> str:
    """Return the worst of some states, unknown where there is none."""
    return max(states, key=_WORST.__getitem__, default=UNKNOWN)


def state_words(t: Translate) -> dict[str, str]:
    """Return each state in words."""
    return {OK: t("正常"), LATE: t("迟到"), SILENT: t("无声"), UNKNOWN: t("未知")}


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


def _gateways(
    services: Services, county: str, depots: set[str], devices: Sequence[Device], now_ms: int, t: Translate
) -> tuple[GatewayRow, ...]:
    known = {g.gateway: g for g in services.readings.gateways()}
    streams = services.readings.ledger(county)
    ledger, foreign = tallies(streams), _foreign_gaps(streams)
    paces: dict[str, int] = {}
    for device in devices:
        paces[device.gateway] = min(_interval(services, device), paces.get(device.gateway, GATEWAY_INTERVAL_S))
    rows = []
    for gateway in services.registry.gateways(county=county):
        if gateway.base in depots:
            continue
        state = known.get(gateway.id)
        if state is None:
            rows.append(GatewayRow(gateway.id, UNKNOWN, t("还没有消息"), 0, 0, 0, (), ForeignGaps(), Tally()))
            continue
        age, pace = now_ms - state.last_received_ms, paces.get(gateway.id, GATEWAY_INTERVAL_S)
        interval = DEMO_GATEWAY_INTERVAL_S if services.demo and pace <= DEMO_INTERVAL_S else pace if services.demo else GATEWAY_INTERVAL_S
        gaps = tuple(f"{a}–{b}" if a != b else str(a) for a, b in state.open_gaps)
        missing, tally = foreign.get(gateway.id, ForeignGaps()), ledger.get(gateway.id, Tally())
        heard = state_of(age, interval), age_text(age, t)
        rows.append(GatewayRow(gateway.id, *heard, state.messages, state.readings, state.duplicates, gaps, missing, tally))
    return tuple(sorted(rows, key=lambda r: (-_WORST[r.state], -len(r.gaps) - r.foreign.gaps, r.id)))


def _foreign_gaps(streams: Iterable[LedgerRow]) -> dict[str, ForeignGaps]:
    found: dict[str, ForeignGaps] = {}
    for s in streams:
        if s.stream != s.gateway and s.resends and s.missing:
            before = found.get(s.gateway, ForeignGaps())
            found[s.gateway] = ForeignGaps(before.gaps + s.open + s.fresh, before.missing + s.missing)
    return found
