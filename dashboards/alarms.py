"""What is wrong in a county right now, from every domain, as one list: the oldest first.

An alarm says since when. Where the beginning is known it is that; where only the state is known (a gap in the numbers, a broken part)
it is the time this process first saw it, and `at_least` says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from dashboards.anchor_words import condition_text
from dashboards.cold_view import ColdTeller
from dashboards.field_view import LATE, SILENT, FieldView
from dashboards.i18n import Translate, name_of
from dashboards.joining import listed
from dashboards.ledger_view import dropping
from dashboards.pages.shell import alerts
from foundation.clock import SHANGHAI, to_ms
from pricing.alerts.wording import headline
from traceability import anchor as states

if TYPE_CHECKING:
    from dashboards.services import Services

BAD, WARNING = "bad", "warning"

# A lot that failed its inspection stays on the list as long as it may be somewhere.
INSPECTION_DAYS = 30
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Alarm:
    """One thing that is wrong. `domain` is what the county's check list groups it under, `link` where to read more."""

    key: str
    domain: str
    severity: str
    since_ms: int
    at_least: bool
    text: str
    link: str


class FirstSeen:
    """When this process first saw each alarm whose beginning nobody recorded; forgets those that are over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, int]] = {}

    def since(self, county: str, keys: list[str], now_ms: int) -> dict[str, int]:
        """Return the first time of each key, the present for new ones."""
        with self._lock:
            known = self._seen.get(county, {})
            self._seen[county] = {k: known.get(k, now_ms) for k in keys}
            return dict(self._seen[county])


@dataclass(frozen=True)
class _Found:
    """An alarm before its beginning is settled; `since_ms` is None where nobody recorded it."""

    key: str
    domain: str
    severity: str
    since_ms: int | None
    text: str
    link: str


def alarms(services: Services, county: str, view: FieldView, lang: str, t: Translate, seen: FirstSeen) -> list[Alarm]:
    """Return everything that is wrong in a county, the oldest first. `view` is the county's field as the caller already has it."""
    now_ms = to_ms(services.clock.now())
    found = [f for source in _SOURCES for f in source(services, county, view, lang, t)]
    first = seen.since(county, [f.key for f in found if f.since_ms is None], now_ms)
    told = [
        Alarm(f.key, f.domain, f.severity, first[f.key] if f.since_ms is None else f.since_ms, f.since_ms is None, f.text, f.link)
        for f in found
    ]
    return sorted(told, key=lambda a: (a.since_ms, a.severity != BAD, a.key))


def _parts(services: Services, _county: str, _view: FieldView, _lang: str, t: Translate) -> Iterator[_Found]:
    for text in alerts(services, t):
        yield _Found(f"part:{text}", "parts", BAD, None, text, "/")


def _gateways(services: Services, county: str, view: FieldView, lang: str, t: Translate) -> Iterator[_Found]:
    heard = {g.gateway: g.last_received_ms for g in services.readings.gateways()}
    link = f"/c/{county}/field"
    quiet = {g.id for g in view.gateways if g.state in (LATE, SILENT)}
    gateway_of = {d.id: d.gateway for s in view.sites for d in s.devices}
    sites = {g: s for s in view.sites for g in s.gateways}
    for g in view.gateways:
        # A base's further gateways go by their own names.
        name = sites[g.id].name if g.id in sites and sites[g.id].gateways[0] == g.id else g.id
        if g.state == SILENT:
            text = t("%(name)s网关无声，%(n)s 台设备没有读数", name=name, n=list(gateway_of.values()).count(g.id))
            yield _Found(f"gateway:{g.id}", "field", BAD, heard[g.id], text, link)
        if g.gaps:
            text = t("%(name)s缺序号 %(gaps)s", name=name, gaps=listed(g.gaps[:3], lang) + ("…" if len(g.gaps) > 3 else ""))
            yield _Found(f"gap:{g.id}", "field", WARNING, None, text, link)
        if g.foreign.gaps:
            text = t("%(name)s的站点缺 %(n)s 条消息", name=name, n=g.foreign.missing)
            yield _Found(f"foreign-gap:{g.id}", "field", WARNING, None, text, link)
    if dropped := next((d for d in services.readings.drops() if dropping(d, to_ms(services.clock.now()))), None):
        text = t("消息服务丢弃过消息，共 %(n)s 条", n=dropped.total)
        yield _Found("broker-drops", "field", BAD, dropped.last_increase_ms, text, link)
    now_ms = to_ms(services.clock.now())
    for s in view.silent:
        # A silent gateway speaks for all its devices; they are not told one by one.
        if s.state == SILENT and gateway_of.get(s.device) not in quiet:
            text = t("%(site)s %(name)s无声", site=s.site, name=s.name)
            yield _Found(f"device:{s.device}", "field", WARNING, now_ms - s.age_ms, text, f"{link}/{s.device}")


def _prices(services: Services, county: str, _view: FieldView, lang: str, t: Translate) -> Iterator[_Found]:
    own = {m.id for m in services.prices.markets() if m.county in (None, county)}
    words = {"stale": t("停更"), "quarantined": t("最近一次报价不可信，已隔离"), "failing": t("采集失败")}
    troubled = set()
    for s in services.prices.sources():
        if s.state in words and own & set(s.markets):
            troubled.add(s.id)
            text = t("价格来源%(name)s%(what)s", name=name_of(s, lang), what=words[s.state])
            yield _Found(f"source:{s.id}", "prices", WARNING, s.last_success_ms, text, "/sources")
    markets = {m.id: name_of(m, lang) for m in services.prices.markets()}
    old: dict[str, list[int]] = {}
    for row in services.prices.board(county, None):
        if row.stale and row.source not in troubled:
            old.setdefault(row.market, []).append(to_ms(_midnight(row.valid_date)) + DAY_MS)
    for market, since in old.items():
        text = t("%(market)s有 %(n)s 个报价停更", market=markets.get(market, market), n=len(since))
        yield _Found(f"quotes:{market}", "prices", WARNING, min(since), text, f"/c/{county}/prices")


def _price_alerts(services: Services, county: str, _view: FieldView, lang: str, t: Translate) -> Iterator[_Found]:
    names = services.price_alerts.names()
    for alarm in services.price_alerts.open_alarms(county):
        # What somebody has acknowledged is in hand; the page of alerts goes on showing it.
        if alarm.acked_ms is None and alarm.rule.severity != "info":
            text = t("价格提醒：%(what)s", what=headline(alarm.rule, names, lang))
            yield _Found(f"price-alert:{alarm.id}", "prices", WARNING, alarm.raised_ms, text, f"/c/{county}/price-alerts")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=SHANGHAI)


def _inspections(services: Services, county: str, _view: FieldView, _lang: str, t: Translate) -> Iterator[_Found]:
    since = to_ms(services.clock.now()) - INSPECTION_DAYS * DAY_MS
    for lot, result, at_ms in services.trace.failed_lots(county, since):
        what = t("检测不合格") if result == "fail" else t("初筛阳性，待确证")
        short = lot.split(":", 3)[3]
        text = t("批次 %(lot)s %(what)s", lot=short.partition(":")[2], what=what)
        yield _Found(f"lot:{lot}", "inspection", BAD, at_ms, text, f"/lots/{short}")


def _anchor(services: Services, _county: str, _view: FieldView, lang: str, t: Translate) -> Iterator[_Found]:
    status = services.anchors.status()
    if status.condition not in (states.NONE, states.FINE, states.DEPLOYING):
        yield _Found("anchor", "parts", BAD if status.alarm else WARNING, status.since_ms, condition_text(status, lang, t), "/anchor")


def _cold(services: Services, county: str, _view: FieldView, lang: str, t: Translate) -> Iterator[_Found]:
    teller = ColdTeller(services, lang, t)
    for alarm in services.logistics.cold_chain.alarms(county):
        line = teller.alarm(alarm)
        text = t("%(truck)s%(what)s，%(way)s", truck=line.truck, what=line.what, way=line.way)
        yield _Found(f"cold:{alarm.leg}:{alarm.side}", "cold", BAD, alarm.since_ms, text, f"/c/{county}/cold-chain/{alarm.leg}")


_SOURCES: tuple[Callable[[Services, str, FieldView, str, Translate], Iterator[_Found]], ...] = (
    _parts,
    _gateways,
    _cold,
    _prices,
    _price_alerts,
    _inspections,
    _anchor,
)


def domains(t: Translate) -> dict[str, tuple[str, str]]:
    """Return what is watched as (name, what it means that nothing is wrong there), in the order in which it is told."""
    return {
        "field": (t("网关和设备"), t("都在按时说话，序号没有缺口")),
        "prices": (t("价格来源"), t("都在更新")),
        "inspection": (t("检测"), t("近 30 天没有不合格的批次")),
        "cold": (t("冷链"), t("在途的车都在限内，都有数据")),
        "parts": (t("系统部件和链锚"), t("都在运行")),
    }
