"""The consumer's trace page in words and numbers: what, from where, checked how, grown in what weather, and what was done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from dashboards.anchor_words import AnchorLine, anchor_line
from dashboards.certificate_words import CertificateWords, certificate_of
from dashboards.charts import season_strip
from dashboards.cold_view import LegLine, cold_journey
from dashboards.i18n import CHINESE, Translate, day_text, name_of, number_text
from dashboards.inspection_words import hold_lines, results_of
from dashboards.joining import listed, named, sentences
from dashboards.lot_view import EventLine, Gathered, amount_of, checked_text, event_lines, gather, headline, problem_lines, when_text
from dashboards.person_words import persons_of
from dashboards.price_words import days_old
from dashboards.product_drawing import drawing_of
from dashboards.recall_words import RecallNotice, recall_notice
from dashboards.season import SUMMED, ChannelSeason, Season, season_of
from dashboards.telling import Teller
from dashboards.verifier import VerifierPins, pins_of
from foundation.clock import SHANGHAI, from_ms, market_day
from foundation.errors import NotFound
from foundation.ids import in_fours
from ingest.channels import channel_of
from traceability.photos import PRODUCT
from traceability.problem_reports import MOST_TEXT

if TYPE_CHECKING:
    from dashboards.services import Services

# Most gaps named one by one; the rest are counted.
NAMED_GAPS = 2


@dataclass(frozen=True, slots=True)
class SeasonLine:
    """One channel of the season as the page shows it."""

    name: str
    unit: str
    summary: str
    strip: Markup
    complete: str
    gap_text: str
    months: dict[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class InspectionLine:
    """One inspection as the page shows it."""

    title: str
    when: str
    who: str
    details: str
    meaning: str
    passed: bool


@dataclass(frozen=True, slots=True)
class PhotoView:
    """The photo of a lot, or of its product, as the page shows it."""

    src: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """What the phone's own check is told: the keys this server names, and what the page claims to be about."""

    pins: VerifierPins
    lot: str
    product: str
    harvested: str
    upto: int


@dataclass(frozen=True, slots=True)
class TraceView:
    """Everything the trace page shows."""

    code: str
    product: str
    place: str
    harvested: str
    harvested_age: str
    quantity: str
    ok: bool
    headline: str
    problems: tuple[str, ...]
    checked: str
    anchor: AnchorLine
    season: tuple[SeasonLine, ...]
    season_note: str
    season_gaps: str
    season_first: str
    season_last: str
    months: tuple[tuple[str, tuple[str, ...]], ...]
    inspections: tuple[InspectionLine, ...]
    certificate: CertificateWords
    marks: tuple[str, ...]
    journey: tuple[str, ...]
    journey_note: str
    cold: tuple[LegLine, ...]
    events: tuple[EventLine, ...]
    lot_url: str
    photo: PhotoView | None
    drawing: Markup
    check: CheckView
    report_kinds: tuple[tuple[str, str], ...]
    may_report: bool = True
    report_most: int = MOST_TEXT
    recall: RecallNotice | None = None


def trace_view(services: Services, lot: str, lang: str, t: Translate, *, public_only: bool) -> TraceView:
    """Return everything the trace page of a lot shows, verified now."""
    found = gather(services, lot)
    s = found.history.summary
    teller = Teller(services.registry, lang, t)
    now = services.clock.now()
    season, plot = _season(services, found, market_day(now))
    channels = season.channels if season else ()
    # A silence of all sensors is told once, not under each channel.
    together = set.intersection(*(set(c.gaps) for c in channels)) if len(channels) > 1 else set[tuple[int, int]]()
    lines = tuple(season_line(c, lang, t, told=together) for c in channels)
    anchored = anchor_line(services.anchors.of_records(e.log_index for e in found.events), lang, t)
    journey, note = journey_of(found, teller, t)
    days = harvest_days(found)
    age = (market_day(now) - days[-1]).days if days else 0
    product = teller.product(s.product, s.variety)
    return TraceView(
        code=in_fours(s.code),
        product=product,
        place=teller.plot(plot) or teller.party(s.party),
        harvested=harvest_text(days, lang, t),
        harvested_age=days_old(age, t),
        quantity=amount_of(s, t),
        ok=found.ok and not anchored.alarm,
        headline=_headline(found, alarm=anchored.alarm, t=t),
        problems=tuple(problem_lines(found, teller, lang, t)),
        checked=checked_text(found, lang, t),
        anchor=anchored,
        season=lines,
        season_note=_season_note(season, found, teller.plot(plot), lang, t),
        season_gaps=gaps_text(sorted(together, key=lambda g: g[0] - g[1]), lang, t),
        season_first=day_text(season.first, lang) if season else "",
        season_last=day_text(season.last, lang) if season else "",
        months=_months(lines, lang),
        inspections=tuple(_inspections(found, teller, lang, t)),
        certificate=certificate_of(found.history, teller, lang, t),
        marks=tuple(hold_lines(services.trace.holds_on_labels(s.id), s.id, t)),
        journey=journey,
        journey_note=note,
        cold=cold_journey(services, found, lang, t),
        events=tuple(event_lines(found, found.events, teller, lang, t, persons_of(services, found.events, "public", None, t))),
        lot_url=f"/lots/{s.short}" if not public_only else "",
        photo=_photo(services, found, product, t),
        drawing=drawing_of(s.product, t("%(what)s的示意图", what=product)),
        check=CheckView(
            pins_of(services),
            s.id,
            s.product,
            days[-1].isoformat() if days else "",
            max((e.log_index for e in found.history.events), default=-1),
        ),
        report_kinds=tuple(report_kinds(t).items()),
        recall=recall_notice(services, s.id, lang, t),
    )


def report_kinds(t: Translate) -> dict[str, str]:
    """Return what a consumer can report, in words."""
    return {
        "spoiled": t("变质、破损"),
        "taste": t("味道、气味不对"),
        "label": t("东西和标签不符"),
        "elsewhere": t("这个码也出现在别的东西上"),
        "other": t("别的"),
    }


def _photo(services: Services, found: Gathered, product: str, t: Translate) -> PhotoView | None:
    """Return the newest photo of the lot, of a lot it came from, or of the product, and say which of these it is."""
    lots = [h.summary.id for h in found.lineage]
    photo = services.photos.of(*lots, PRODUCT + found.history.summary.product)
    if photo is None:
        return None
    caption = t("这一批的照片，由上传者负责") if photo.subject in lots else t("这种产品的照片，不是这一批")
    return PhotoView(f"/photos/{photo.sha256}.jpg", photo.width, photo.height, t("%(what)s的照片", what=product), caption)


def _headline(found: Gathered, *, alarm: bool, t: Translate) -> str:
    """Return the verdict in one line. That all is well is the server's word, and the line says so: no mark stands for it."""
    if alarm and found.ok:
        return t("日志与链上的锚不一致")
    return t("本服务器刚刚核对：%(what)s", what=headline(found, t)) if found.ok else headline(found, t)


def season_plot(services: Services, code: str) -> str:
    """Return the plot whose sealed days tell the season of the lot behind a code. Raises NotFound where it grew on none known."""
    found = gather(services, services.trace.lot_of_code(code))
    plot = next((h.summary.plot for h in found.lineage if h.summary.plot and h.summary.planted_day), "")
    if not plot:
        raise NotFound("no plot is known of this lot", got=code)
    return plot


def season_line(c: ChannelSeason, lang: str, t: Translate, told: Collection[tuple[int, int]] = ()) -> SeasonLine:
    """Return one channel in words: its range, how complete it is, and where it is silent beyond what is `told` elsewhere."""
    channel = channel_of(c.channel, c.unit)
    unit = _UNITS.get(channel.unit, channel.unit)

    def n(value: float) -> str:
        return number_text(value, lang, channel.decimals)

    name = name_of(channel, lang)
    summed = c.channel in SUMMED
    summary = t("共 %(n)s %(unit)s", n=n(c.total), unit=unit) if summed else t(
        "%(low)s 至 %(high)s %(unit)s，平均 %(mean)s", low=n(c.low), high=n(c.high), mean=n(c.mean), unit=unit
    )  # fmt: skip
    where = "" if c.at_plot else t("（基地气象站）")
    percent = 100 if c.hours_with_data == c.hours else min(99, int(c.complete_percent))
    complete = t("%(p)s%% 的小时有读数，%(n)s 条", p=percent, n=f"{c.count:,}") + where
    # A number from a seal can be proved from the raw readings by anyone who has them; one that is not sealed yet may still change.
    sealed = t("；%(m)s 天里 %(n)s 天已封存", n=c.sealed_days, m=len(c.days))
    pale = any(day is not None and not is_sealed for day, is_sealed in zip(c.days, c.sealed, strict=True))
    complete += sealed + (t("，浅色的还没有") if pale else "")
    return SeasonLine(
        name,
        unit,
        summary,
        season_strip(c.days, named(name, summary, lang), sealed=c.sealed),
        complete,
        gaps_text([g for g in c.gaps if g not in told], lang, t),
        {(m.year, m.month): n(m.total) if summed else f"{n(m.low)} / {n(m.mean)} / {n(m.high)}" for m in c.months},
    )


def harvest_days(found: Gathered) -> list[date]:
    """Return the days on which this lot was harvested, in order; a greenhouse is picked more than once."""
    return sorted({market_day(from_ms(e.event_time_ms)) for e in found.events if e.kind == "harvest"})


def harvest_text(days: list[date], lang: str, t: Translate) -> str:
    """Return one day, or the first and the last with how many there were."""
    if len(days) < 2:
        return day_text(days[0], lang) if days else ""
    return t("%(a)s 至 %(b)s，%(n)s 次", a=day_text(days[0], lang), b=day_text(days[-1], lang), n=len(days))


def journey_of(found: Gathered, teller: Teller, t: Translate) -> tuple[tuple[str, ...], str]:
    """Return the parties a lot passed through, in order, and what is missing from its way."""
    stops: list[str] = []
    waiting = ""
    for e in found.events:
        if e.kind not in ("ship", "receive"):
            continue
        for party in (e.from_party, e.to_party):
            if party and (not stops or stops[-1] != party) and party not in stops:
                stops.append(party)
        waiting = e.to_party if e.kind == "ship" else ""
    note = t("发往 %(who)s 之后还没有收货记录。", who=teller.party(waiting)) if waiting else ""
    return tuple(teller.party(p) for p in stops), note if stops else t("还没有发运记录。")


def _season(services: Services, found: Gathered, today: date) -> tuple[Season | None, str]:
    """Return the season of the plot this lot grew on; of the nearest known one where it came from several."""
    for h in found.lineage:
        s = h.summary
        if s.plot and s.planted_day:
            last = max([d for d in harvest_days(found) if d >= s.planted_day], default=s.harvested_day or today)
            return (season_of(services, s.plot, s.planted_day, last) if last >= s.planted_day else None), s.plot
    return None, found.history.summary.plot


def _season_note(season: Season | None, found: Gathered, place: str, lang: str, t: Translate) -> str:
    if season is None or not season.channels:
        return t("这块地在这段时间没有传感器读数。")
    plots = {h.summary.plot for h in found.lineage if h.summary.plot}
    note = t(
        "从种下到采收，%(place)s的传感器每天的最低、平均、最高；只算质量合格的读数，橙色短线是没有读数的日子，个别极端的日子只画到边上。",
        place=place,
    )
    if len(plots) > 1:
        note = sentences((note, t("这一批来自 %(n)s 块地，这里是其中一块。", n=len(plots))), lang)
    return note


def gaps_text(gaps: Sequence[tuple[int, int]], lang: str, t: Translate) -> str:
    """Return how many hours are missing and the longest stretches by name; `gaps` come longest first."""
    if not gaps:
        return ""
    missing = sum(end - start for start, end in gaps) // 3_600_000
    text = t("缺 %(n)s 小时：%(gaps)s", n=f"{missing:,}", gaps=listed((_gap(start, end, t) for start, end in gaps[:NAMED_GAPS]), lang))
    more = len(gaps) - NAMED_GAPS
    return text + (t("，另有 %(n)s 段", n=more) if more > 0 else "")


def _gap(start_ms: int, end_ms: int, t: Translate) -> str:
    start, end = from_ms(start_ms).astimezone(SHANGHAI), from_ms(end_ms).astimezone(SHANGHAI)
    return t("%(a)s 至 %(b)s", a=_short(start), b=_short(end) if end.date() != start.date() else f"{end:%H:%M}")


def _short(local: datetime) -> str:
    return f"{local.month}-{local.day} {local:%H:%M}"


def _months(lines: tuple[SeasonLine, ...], lang: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    keys = sorted({k for line in lines for k in line.months})
    names = {k: f"{k[0]}年{k[1]}月" if lang == CHINESE else f"{date(*k, 1):%b %Y}" for k in keys}
    return tuple((names[k], tuple(line.months.get(k, "–") for line in lines)) for k in keys)


def _inspections(found: Gathered, teller: Teller, lang: str, t: Translate) -> list[InspectionLine]:
    lines = []
    for seen in results_of(found.lineage, [e.event_id for e in found.events], teller, lang, t):
        when = when_text(from_ms(seen.event.event_time_ms).astimezone(SHANGHAI))
        lines.append(InspectionLine(seen.title, when, seen.who, seen.details, seen.meaning, seen.passed))
    return lines


_UNITS = {"Cel": "°C", "[pH]": "pH", "{count}": ""}
