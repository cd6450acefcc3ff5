"""The cold chain in words and numbers, for the consumer's page and for the county's: what was measured, what is not known.

A finished leg is told from its signed summary where there is one, and says so; else from what is known now. No data is never told as
fine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from dashboards.cold_chart import CHARTS, leg_chart, leg_strip
from dashboards.i18n import CHINESE, Translate, age_text, name_of, number_text, time_text
from dashboards.joining import clauses, sentences
from dashboards.telling import Teller
from foundation.clock import to_ms
from foundation.errors import NotFound
from logistics.cold_chain import nouns
from logistics.cold_chain.nouns import Alarm, ColdLeg, Limits

if TYPE_CHECKING:
    from dashboards.lot_view import Gathered
    from dashboards.services import Services
    from ingest.reading import Point

# How a state or verdict is coloured: the classes of the style sheets.
TONES = {
    nouns.OK: "ok", nouns.WARMING: "late", nouns.EXCURSION: "failing", nouns.RECOVERING: "late", nouns.GAP: "silent", nouns.PENDING: "",
    nouns.IN_RANGE: "ok", nouns.OUT_OF_RANGE: "failing", nouns.NOT_FULLY_KNOWN: "late", nouns.NO_LIMITS: "", nouns.NO_RECORDER: "late",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What is said of a leg in numbers, from its signed summary or from what is known now."""

    low: float | None
    mean: float | None
    high: float | None
    outside: float
    unknown: float
    minutes: float
    count: int
    signed: bool
    hash: str


@dataclass(frozen=True, slots=True)
class LegLine:
    """One leg as a page shows it; `details` is one sentence after another."""

    id: str
    way: str
    carrier: str
    truck: str
    recorder: str
    product: str
    departed: str
    arrived: str
    verdict: str
    tone: str
    range_text: str
    limits_text: str
    outside: str
    unknown: str
    complete: str
    details: str
    signed: str
    strip: Markup
    charts: tuple[tuple[str, Markup], ...]
    current: str
    age: str
    signed_by: str
    pace: int


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One thing that needs somebody now."""

    leg: str
    truck: str
    way: str
    what: str
    value: str
    age: str
    side: str


def figures_of(leg: ColdLeg, summary: Mapping[str, Any] | None) -> Figures | None:
    """Return the numbers of a leg; `summary` is the body of its signed summary."""
    if summary is not None:
        report, cold = summary["sensorElementList"][0]["sensorReport"][0], summary["suhe:cold"]
        return Figures(
            report.get("minValue"), report.get("meanValue"), report.get("maxValue"), cold["minutesAbove"] + cold["minutesBelow"],
            cold["minutesUnknown"], cold["minutes"], cold["count"], signed=True, hash=cold["readingsHash"],
        )  # fmt: skip
    j = leg.judged
    if j is None or not leg.recorder:
        return None
    return Figures(j.low_c, j.mean_c, j.high_c, j.outside, j.unknown, j.minutes, j.count, signed=False, hash=j.readings_hash)


class ColdTeller:
    """Tells legs in one language."""

    def __init__(self, services: Services, lang: str, t: Translate) -> None:
        self._services, self._lang, self._t = services, lang, t
        self._teller = Teller(services.registry, lang, t)
        self._now_ms = to_ms(services.clock.now())

    def line(self, leg: ColdLeg, points: Sequence[Point], summary: Mapping[str, Any] | None = None, *, charts: bool = False) -> LegLine:
        """Return a leg as a page shows it."""
        t, told = self._t, figures_of(leg, summary)
        verdict, tone = self.verdict(leg)
        end = leg.arrives_ms or self._now_ms
        way = self._way(leg.from_party, leg.to_party)
        label = clauses((way, verdict, self._range(told)), self._lang)
        j, pace = leg.judged, leg.pace
        return LegLine(
            id=leg.id, way=way, carrier=self._teller.party(leg.carrier), truck=self._truck(leg.recorder), recorder=leg.recorder,
            product=self._teller.product(leg.product) if leg.product else "",
            departed=time_text(leg.departs_ms, self._lang), arrived=time_text(leg.arrives_ms, self._lang) if leg.arrives_ms else "",
            verdict=verdict, tone=tone, range_text=self._range(told), limits_text=self._limits(leg.limits),
            outside=self._minutes(told.outside) if told else "–", unknown=self._minutes(told.unknown) if told else "–",
            complete=f"{j.complete_percent:.0f}" if j else "–",
            details=self._details(leg, told), signed=self._signed(leg, told),
            strip=leg_strip(points, leg.limits, leg.departs_ms, end, label),
            charts=tuple((k, leg_chart(points, leg.limits, leg.departs_ms, end, label, size)) for k, size in CHARTS) if charts else (),
            current=self._degrees(j.last_c) if j and j.last_c is not None else "–",
            age=age_text(self._now_ms - j.last_ms, t) if j and j.last_ms is not None else t("还没有读数"),
            signed_by=leg.summary, pace=pace,
        )  # fmt: skip

    def verdict(self, leg: ColdLeg) -> tuple[str, str]:
        """Return what is said of a leg in a few words, and its tone: of one under way the state, of a finished one the verdict."""
        t, j = self._t, leg.judged
        if leg.under_way and leg.recorder:
            state = j.state if j else nouns.PENDING
            return self.states()[state], TONES[state]
        longest = self._minutes(j.longest) if j else ""
        briefly = j is not None and j.outside > 0
        words = {
            nouns.IN_RANGE: t("没有超限，短时越限") if briefly else t("全程在限内"),
            nouns.OUT_OF_RANGE: t("超限，最长 %(n)s 分钟", n=longest),
            nouns.NOT_FULLY_KNOWN: t("不完全知道"),
            nouns.NO_LIMITS: t("没有设限"),
            nouns.NO_RECORDER: t("没有记录仪"),
        }
        return words[leg.verdict], TONES[leg.verdict]

    def states(self) -> dict[str, str]:
        """Return the states of a leg under way, in words."""
        t = self._t
        return {
            nouns.OK: t("在途，限内"),
            nouns.WARMING: t("在途，刚越限"),
            nouns.EXCURSION: t("在途，超限中"),
            nouns.RECOVERING: t("在途，正在回到限内"),
            nouns.GAP: t("在途，没有数据"),
            nouns.PENDING: t("在途，等第一条读数"),
        }

    def alarm(self, alarm: Alarm) -> AlarmLine:
        """Return an alarm in words, with how long it has lasted."""
        t = self._t
        what = {nouns.ABOVE: t("高于上限"), nouns.BELOW: t("低于下限"), nouns.SILENT: t("没有数据")}[alarm.side]
        if alarm.limit_c is not None:
            what += f" {self._degrees(alarm.limit_c)} °C"
        value = "–" if alarm.value_c is None else self._degrees(alarm.value_c)
        age = age_text(self._now_ms - alarm.since_ms, t)
        return AlarmLine(alarm.leg, self._truck(alarm.recorder), self._way(alarm.from_party, alarm.to_party), what, value, age, alarm.side)

    def excursions(self, leg: ColdLeg) -> list[tuple[str, str, str, str, str]]:
        """Return each excursion as from, to, side, minutes and extreme."""
        t, end = self._t, leg.arrives_ms or self._now_ms
        sides = {nouns.ABOVE: t("高于上限"), nouns.BELOW: t("低于下限")}
        return [
            (time_text(e.since_ms, self._lang), time_text(e.ended_ms, self._lang) if e.ended_ms else t("还没有结束"), sides[e.side],
             self._minutes(e.minutes(end)), self._degrees(e.extreme_c))
            for e in (leg.judged.excursions if leg.judged else ())
        ]  # fmt: skip

    def _details(self, leg: ColdLeg, told: Figures | None) -> str:
        t = self._t
        if told is None:
            return t("这一段没有记录仪：途中的温度不知道。")
        minutes = {k: self._minutes(x) for k, x in (("all", told.minutes), ("out", told.outside), ("gap", told.unknown))}
        said = [
            t("限值 %(limits)s。", limits=self._limits(leg.limits)) if self._limits(leg.limits) else "",
            t("共 %(all)s 分钟，限外 %(out)s 分钟，没有数据 %(gap)s 分钟。", **minutes),
        ]
        if told.unknown > 0 or not told.count:
            said.append(t("没有数据不等于没问题。"))
        if told.outside > 0 and leg.judged is not None and not leg.judged.excursions:
            delay = self._minutes(leg.limits.delay_s / 60)
            said.append(t("每次越限都短于 %(n)s 分钟（如开门），不算超限。", n=delay))
        return sentences(said, self._lang)

    def _signed(self, leg: ColdLeg, told: Figures | None) -> str:
        t = self._t
        if told is None or leg.under_way:
            return ""
        if not told.signed:
            return t("承运方还没有签名。")
        if leg.judged is not None and leg.judged.readings_hash != told.hash:
            return t("承运方已签名；签名之后读数有变，曲线与签名时不同。")
        return t("承运方已签名，曲线与签名的哈希一致。")

    def _range(self, told: Figures | None) -> str:
        if told is None or told.low is None or told.mean is None or told.high is None:
            return ""
        t = self._t
        return t(
            "%(low)s 至 %(high)s °C，平均 %(mean)s",
            low=self._degrees(told.low),
            high=self._degrees(told.high),
            mean=self._degrees(told.mean),
        )

    def _limits(self, limits: Limits) -> str:
        t = self._t
        low, high = limits.low_c, limits.high_c
        if low is not None and high is not None:
            return t("%(low)s 至 %(high)s °C", low=self._degrees(low), high=self._degrees(high))
        if high is not None:
            return t("不高于 %(high)s °C", high=self._degrees(high))
        return "" if low is None else t("不低于 %(low)s °C", low=self._degrees(low))

    def _degrees(self, value: float) -> str:
        return number_text(round(value, 1) + 0.0, self._lang, 1).replace("-", "−")

    def _minutes(self, minutes: float) -> str:
        return number_text(round(minutes, 1), self._lang, 1) if 0 < minutes < 10 else number_text(round(minutes), self._lang)

    def _way(self, source: str, destination: str) -> str:
        return f"{self._teller.party(source)} → {self._teller.party(destination)}"

    def _truck(self, recorder: str) -> str:
        try:
            return name_of(self._services.registry.device(recorder), self._lang) if recorder else ""
        except NotFound:
            return recorder


def cold_journey(services: Services, found: Gathered, lang: str, t: Translate) -> tuple[LegLine, ...]:
    """Return the legs on which a lot and those it came from travelled, in the order of their departures."""
    shipped = {e.event_id for e in found.events if e.kind == "ship"}
    # A summary may have been signed after the lot had gone into another: it belongs to the leg all the same.
    signed = {str(e.body["suhe:leg"]): e.body for h in found.lineage for e in h.events if e.kind == "sensor_summary" and e.readable}
    lots = [h.summary.id for h in found.lineage]
    cold, teller = services.logistics.cold_chain, ColdTeller(services, lang, t)
    lines = []
    for leg in cold.legs_of_lots(lots) if shipped else ():
        if leg.id in shipped:
            now = cold.leg(leg.id)
            lines.append(teller.line(now.leg, now.points, signed.get(leg.id)))
    return tuple(lines)


def pace_note(pace: int, lang: str, t: Translate) -> str:
    """Return how an accelerated leg is to be read, empty for an ordinary one."""
    if pace <= 1:
        return ""
    return t("加速演示：一秒当一分钟") if pace == 60 else (f"×{pace}" if lang == CHINESE else f"x{pace}")
