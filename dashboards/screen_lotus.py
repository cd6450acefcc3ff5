"""Panels of the lotus county: its calendar with the ponds' levels and the traps' nights on it, every pond, every trap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from agronomy.lotus import AGREE, RISKS, Risk, Span, depth_band, risk_on, stage_on, stages_of
from dashboards.field_map import short_names
from dashboards.i18n import name_of, number_text
from dashboards.screen_calendar import Calendar, CalendarRisk, CalendarStage, calendar_svg
from dashboards.screen_field import fresh_ms, good, half_hours, newest
from dashboards.screen_parts import DAY_MS, HOUR_MS, Asked, Panel
from dashboards.screen_svg import Scale, nights, span_bar
from foundation.clock import SHANGHAI, from_ms, market_day, to_ms
from ingest.reading import Latest

if TYPE_CHECKING:
    from registry.devices import Device
    from registry.plots import Plot

HISTORY_DAYS, SHOWN_NIGHTS, TREND_NIGHTS = 60, 14, 3
DEPTHS = Scale(0, 25, 200)
# What stands in water but is no lotus has no place against the lotus's band.
LOTUS = ("lotus_root", "lotus_sprout")
COUNTS_LIMIT_MS = 3 * HOUR_MS


@dataclass(frozen=True)
class PondRow:
    """One pond: its level against what the stage wants, and its water where a probe stands in it."""

    name: str
    crop: str
    bar: Any
    level: str
    state: str
    temperature: str
    oxygen: str
    ph: str


@dataclass(frozen=True)
class TrapRow:
    """One trap: its last nights, the last whole one, and where three nights go against the three before."""

    name: str
    chart: Any
    last: str
    trend: str
    direction: str


@dataclass(frozen=True)
class TrapGroup:
    """All traps of a kind against the season in which what they count is looked for."""

    title: str
    season: str
    now: bool
    status: str
    rows: tuple[TrapRow, ...]


def span_text(span: Span, unit: str) -> str:
    """Return a range as people write it: 8–15 cm, ≥ 8 °C, ≤ 25 °C."""
    if span.low is None:
        return f"≤ {span.high:g} {unit}"
    return f"≥ {span.low:g} {unit}" if span.high is None else f"{span.low:g}–{span.high:g} {unit}"


def source_text(thing: Span | Risk, a: Asked) -> str:
    """Return where a figure is from, in the reader's language."""
    return thing.source_zh if a.zh else thing.source_en


def calendar_panel(a: Asked, latest: Sequence[Latest], devices: Sequence[Device], counts: Mapping[str, Sequence[float | None]]) -> Panel:
    """Return the year of the lotus with today on it: what the stage wants, and what ponds and traps have said for two months."""
    today = market_day(from_ms(a.now_ms))
    stage, band = stage_on(today), depth_band(stage_on(today))
    rows = list(stages_of(today))
    place = next(k for k, (s, first, last) in enumerate(rows) if s == stage and first <= today <= last)
    _, first, last = rows[place]
    following = rows[(place + 1) % len(rows)][0]
    gauges = [d.id for d in devices if d.kind == "water_level" and _is_lotus(a, d.plot)]
    mine = [r for r in latest if r.device in set(gauges)]
    levels = good(mine, "water_level", a)
    warm = good(latest, "water_temperature", a)
    within = sum(band.judge(x) == "within" for x in levels)
    daily = a.once("pond days", 600, lambda: _daily_median(a, gauges))
    drawn = calendar_svg(
        Calendar(
            label=a.t("莲藕的一年：阶段、建议水深和风险期"),
            first=rows[0][1],
            today=today,
            today_word=a.t("今天"),
            unit=a.t("厘米"),
            stages=tuple(
                CalendarStage(
                    s.name_zh if a.zh else s.short_en,
                    b,
                    e,
                    (s.depth_cm.low or 0, s.depth_cm.high or 0),
                    s == stage,
                    s.depth_cm.status == AGREE,
                )
                for s, b, e in rows
            ),
            risks=tuple(CalendarRisk(name_of(r, a.lang), *_season(r, today), risk_on(r, today), counts.get(r.channel, ())) for r in RISKS),
            levels=daily,
            months=tuple(_month(m, a) for m in range(1, 13)),
        )
    )
    data = {
        "stage": stage.name_zh if a.zh else stage.short_en,
        "day": (today - first).days + 1,
        "days": (last - first).days + 1,
        "advice": stage.advice_zh if a.zh else stage.advice_en,
        "next": following.name_zh if a.zh else following.short_en,
        "left": (last - today).days + 1,
        "band": span_text(band, a.t("厘米")),
        "source": source_text(band, a),
        "level": number_text(round(median(levels), 1), a.lang, 1) if levels else "–",
        "within": within,
        "ponds": len(levels),
        "water": number_text(round(median(warm), 1), a.lang, 1) if warm else "–",
        "wanted": span_text(stage.water_c, "°C") if stage.water_c else "",
        "svg": drawn,
    }
    return Panel("calendar", a.t("莲藕日历"), newest(mine), fresh_ms(a), data)


def pond_panel(a: Asked, latest: Sequence[Latest], devices: Sequence[Device]) -> Panel:
    """Return every pond's level against the band of the stage, with a day's range, and its water."""
    band = depth_band(stage_on(market_day(from_ms(a.now_ms))))
    gauges = [d for d in devices if d.kind == "water_level"]
    ranges = a.once("pond ranges", 120, lambda: half_hours(a, [d.id for d in gauges], "water_level"))
    plots = {p.id: p for p in a.services.registry.plots(county=a.county)}
    bases = _bases(a, devices)
    products = {p.id: name_of(p, a.lang) for p in a.services.registry.products()}
    mine = [r for r in latest if r.channel in ("water_level", "water_temperature", "dissolved_oxygen", "ph")]
    rows = []
    for gauge in gauges:
        here = [r for r in mine if r.device == gauge.id or _plot_of(r.device, devices) == gauge.plot]
        crop = _crops(a).get(gauge.plot or "", "")
        lotus = _is_lotus(a, gauge.plot)
        level = next(iter(good(here, "water_level", a)), None)
        state = band.judge(level) if level is not None and lotus else ""
        low, high = ranges.get(gauge.id, (level or 0.0, level or 0.0))
        wanted = (band.low or 0.0, band.high or DEPTHS.high) if lotus else None
        plot = plots.get(gauge.plot or "")
        rows.append(
            PondRow(
                f"{bases[gauge.base]} {_pond(plot, a) if plot else ''}",
                "" if lotus else products.get(crop, crop),
                span_bar(DEPTHS, low, high, level, wanted, state),
                _one(level, 1, a),
                state,
                _first(good(here, "water_temperature", a), 1, a),
                _first(good(here, "dissolved_oxygen", a), 1, a),
                _first(good(here, "ph", a), 1, a),
            )
        )
    data = {"rows": rows, "band": span_text(band, a.t("厘米")), "source": source_text(band, a)}
    return Panel("ponds", a.t("各塘水位和水质"), newest(mine), fresh_ms(a), data)


def trap_panel(a: Asked, latest: Sequence[Latest], devices: Sequence[Device]) -> Panel:
    """Return every trap's last nights beside the season in which its catch matters."""
    today = market_day(from_ms(a.now_ms))
    bases = _bases(a, devices)
    found = trap_nights(a, devices)
    groups = []
    for risk in RISKS:
        first, last = _season(risk, today)
        rows = [_trap(bases.get(d.base, d.base), found[d.id, risk.channel], a) for d in devices if (d.id, risk.channel) in found]
        # What a lamp or a trap counts is everything it catches; the season is that of the one that does most harm.
        title = a.t("诱虫灯，全部诱虫") if risk.channel == "pest_count" else a.t("捕捉仪，全部孢子")
        season = a.t("%(risk)s风险期 %(first)s–%(last)s", risk=name_of(risk, a.lang), first=_day(first, a), last=_day(last, a))
        groups.append(TrapGroup(title, season, risk_on(risk, today), source_text(risk, a), tuple(rows)))
    mine = [r for r in latest if r.channel in {k.channel for k in RISKS}]
    limit = fresh_ms(a) if a.services.demo else COUNTS_LIMIT_MS
    return Panel("traps", a.t("虫情和孢子"), newest(mine), limit, {"groups": groups, "nights": SHOWN_NIGHTS})


def trap_nights(a: Asked, devices: Sequence[Device]) -> dict[tuple[str, str], list[float | None]]:
    """Return each trap's catch from noon to noon for two months up to the last noon; None where it said nothing."""
    keys = [(d.id, c.code) for d in devices for c in d.channels if c.code in {r.channel for r in RISKS}]
    local = from_ms(a.now_ms).astimezone(SHANGHAI)
    noon = local.replace(hour=12, minute=0, second=0, microsecond=0)
    end = to_ms(noon if local >= noon else noon - timedelta(days=1))
    return a.once("nights", 600, lambda: _nights(a, keys, end))


def by_channel(found: Mapping[tuple[str, str], Sequence[float | None]]) -> dict[str, list[float | None]]:
    """Return the mean catch of all traps of a kind, night by night."""
    together: dict[str, list[float | None]] = {}
    for channel in {c for _, c in found}:
        columns = zip(*(row for (_, c), row in found.items() if c == channel), strict=True)
        caught = [[x for x in column if x is not None] for column in columns]
        together[channel] = [sum(xs) / len(xs) if xs else None for xs in caught]
    return together


def _nights(a: Asked, keys: Sequence[tuple[str, str]], end: int) -> dict[tuple[str, str], list[float | None]]:
    start = end - HISTORY_DAYS * DAY_MS
    found = a.services.readings.aggregate_many(keys, start, end, DAY_MS)
    sums = {key: {w.start_ms: (w.mean or 0.0) * w.n for w in windows if w.n} for key, windows in found.items()}
    return {key: [sums[key].get(ms) for ms in range(start, end, DAY_MS)] for key in keys}


def _trap(name: str, row: Sequence[float | None], a: Asked) -> TrapRow:
    shown = row[-SHOWN_NIGHTS:]
    late = [x for x in row[-TREND_NIGHTS:] if x is not None]
    early = [x for x in row[-2 * TREND_NIGHTS : -TREND_NIGHTS] if x is not None]
    trend, direction = "–", "flat"
    if late and early:
        now, before = sum(late) / len(late), sum(early) / len(early)
        if abs(now - before) < max(1.0, 0.1 * before):
            trend = a.t("持平")
        else:
            trend = ("▲ +" if now > before else "▼ −") + number_text(round(abs(now - before)), a.lang, 0)
            direction = "up" if now > before else "down"
    last = row[-1] if row else None
    chart = nights(shown, a.t("%(name)s最近 %(n)s 夜", name=name, n=len(shown)))
    return TrapRow(name, chart, _one(last, 0, a), trend, direction)


def _daily_median(a: Asked, gauges: Sequence[str]) -> dict[date, float]:
    """Return the median over the ponds of each day's mean level, for two months."""
    local = from_ms(a.now_ms).astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    start = to_ms(local) - HISTORY_DAYS * DAY_MS
    found = a.services.readings.aggregate_many([(g, "water_level") for g in gauges], start, a.now_ms + 1, DAY_MS)
    days: dict[date, list[float]] = {}
    for windows in found.values():
        for w in windows:
            if w.mean is not None:
                days.setdefault(market_day(from_ms(w.start_ms)), []).append(w.mean)
    return {day: median(values) for day, values in sorted(days.items())}


def _crops(a: Asked) -> Mapping[str, str]:
    """Return what grows on each plot, as its newest lot says."""

    def ask() -> dict[str, str]:
        crops: dict[str, str] = {}
        for lot in a.services.trace.lots(a.county, limit=500):
            if lot.plot:
                crops.setdefault(lot.plot, lot.product)
        return crops

    return a.once("crops", 60, ask)


def _is_lotus(a: Asked, plot: str | None) -> bool:
    # A pond of which no lot tells anything stands at a lotus base and is taken for one.
    return _crops(a).get(plot or "", LOTUS[0]) in LOTUS


def _plot_of(device: str, devices: Sequence[Device]) -> str | None:
    return next((d.plot for d in devices if d.id == device), None)


def _season(risk: Risk, today: date) -> tuple[date, date]:
    """Return the risk's days in the lotus year around a day."""
    year = next(stages_of(today))[1].year
    return date(year, *risk.start), date(year, *risk.last)


def _bases(a: Asked, devices: Sequence[Device]) -> dict[str, str]:
    """Return the short names of the bases with ponds; a depot of trucks is none."""
    ours = {d.base for d in devices if d.kind == "water_level"}
    return short_names({b.id: name_of(b, a.lang) for b in a.services.registry.bases(county=a.county) if b.id in ours})


def _pond(plot: Plot, a: Asked) -> str:
    """Return 3号塘, or 3 where the language would write Pond 3."""
    return plot.name_zh if a.zh else plot.name_en.rpartition(" ")[2]


def _one(value: float | None, decimals: int, a: Asked) -> str:
    return "–" if value is None else number_text(round(value, decimals), a.lang, decimals)


def _first(values: Sequence[float], decimals: int, a: Asked) -> str:
    return _one(values[0] if values else None, decimals, a)


def _day(day: date, a: Asked) -> str:
    return f"{day.month}月{day.day}日" if a.zh else day.strftime("%-d %b")


def _month(month: int, a: Asked) -> str:
    return f"{month}月" if a.zh else date(2000, month, 1).strftime("%b")
