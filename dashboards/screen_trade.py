"""Panels of what is sold and proven: prices, lots and the last records, inspections and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.cold_view import ColdTeller
from dashboards.home_view import LEADING
from dashboards.i18n import name_of, number_text, time_text
from dashboards.inspection_words import short_rate
from dashboards.price_words import Change, change_of, days_old, price_text, price_unit
from dashboards.screen_parts import DAY_MS, HOUR_MS, MINUTE_MS, Asked, Panel
from dashboards.telling import Teller
from foundation.clock import SHANGHAI, from_ms, to_ms
from logistics.cold_chain import nouns
from traceability.fields_trade import CONFIRMATORY, SCREENING

if TYPE_CHECKING:
    from dashboards.field_view import FieldView
    from logistics.cold_chain.nouns import ColdLeg
    from traceability.verdicts import Verdict

MOST_PRICES, MOST_EVENTS, MOST_LEGS = 8, 4, 4
INSPECTION_DAYS = 30
# A source is asked a few times a day, in a demo every minute.
PRICES_LIMIT_MS, DEMO_PRICES_LIMIT_MS = 36 * HOUR_MS, 10 * MINUTE_MS
LOTS_LIMIT_MS, CHECKPOINT_LIMIT_MS = 36 * HOUR_MS, 26 * HOUR_MS
# A recorder speaks every few minutes, in a demo every ten seconds.
ROAD_LIMIT_MS, DEMO_ROAD_LIMIT_MS = 30 * MINUTE_MS, MINUTE_MS
DONE = ("harvest", "inspect", "pack", "ship", "receive")


@dataclass(frozen=True)
class Quote:
    """One line of the price board."""

    product: str
    price: str
    change: Change
    market: str
    age: str
    stale: bool


def price_panel(a: Asked, most: int = MOST_PRICES) -> Panel:
    """Return the newest price of the county's main products: its own markets first."""
    rows = a.once("prices", 20, lambda: _board(a))
    markets = {m.id: a.t("本县") if m.county == a.county else name_of(m, a.lang) for m in a.services.prices.markets()}
    products = {p.id: name_of(p, a.lang) for p in a.services.registry.products()}
    quotes = [
        Quote(
            products.get(r.product, r.product),
            price_text(r.mid, a.lang),
            change_of(r.change_pct),
            markets.get(r.market, r.market),
            days_old(r.age_days, a.t),
            r.stale,
        )
        for r in rows[:most]
    ]
    asked = [s.last_success_ms for s in a.once("sources", 20, a.services.prices.sources) if s.last_success_ms]
    limit = DEMO_PRICES_LIMIT_MS if a.services.demo else PRICES_LIMIT_MS
    return Panel("prices", a.t("价格"), max(asked, default=None), limit, quotes, price_unit(a.lang))


def _board(a: Asked) -> list[Any]:
    rows = a.services.prices.board(a.county, None)
    wanted = LEADING.get(a.county, ())
    local = {m.id for m in a.services.prices.markets() if m.county == a.county}
    rows.sort(
        key=lambda r: (r.product not in wanted, r.market not in local, wanted.index(r.product) if r.product in wanted else 0, r.product)
    )
    first: dict[str, Any] = {}
    for row in rows:
        first.setdefault(row.product, row)
    return list(first.values())


def lots_panel(a: Asked) -> Panel:
    """Return how often what was done today, and the last records."""
    midnight = to_ms(from_ms(a.now_ms).astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0))
    found = a.once("activity", 15, lambda: a.services.trace.activity(a.county, midnight, MOST_EVENTS))
    teller = Teller(a.services.registry, a.lang, a.t)
    words = {
        "harvest": a.t("采收"),
        "inspect": a.t("检测"),
        "pack": a.t("包装"),
        "ship": a.t("发运"),
        "receive": a.t("收货"),
    }
    products = {p.id: name_of(p, a.lang) for p in a.services.registry.products()}
    summaries = {s.id: s for s in a.once("lots", 15, lambda: a.services.trace.lots(a.county, limit=500))}
    events = []
    for e in found.last:
        told = teller.tell(e)
        lot = next((x.lot for x in e.amounts if x.lot in summaries), "")
        product = products.get(e.product or (summaries[lot].product if lot else ""), "")
        amount = e.amount
        quantity = f"{number_text(amount.quantity, a.lang)} {amount.unit}" if amount and amount.quantity is not None else ""
        events.append((told.title, product, quantity, _when(a, e.event_time_ms)))
    # A judgement closes what was one event before samples, tests and judgements were told apart.
    done = {**found.counts, "inspect": found.counts.get("inspect", 0) + found.counts.get("judge", 0)}
    data = {"counts": [(words[k], done.get(k, 0)) for k in DONE], "events": events}
    return Panel("lots", a.t("今天的批次"), found.newest_record_ms, LOTS_LIMIT_MS, data)


def truck_panel(a: Asked, most: int = MOST_LEGS) -> Panel:
    """Return the refrigerated trucks under way with what their cargo has now, then the last ones that arrived."""
    teller = ColdTeller(a.services, a.lang, a.t)
    words = _verdicts(a)
    moving, arrived = a.once("legs", 5, lambda: _legs(a))
    rows = []
    for leg in [*moving, *arrived][:most]:
        line, j = teller.line(leg, ()), leg.judged
        if leg.under_way or j is None or j.low_c is None or j.high_c is None:
            degrees = line.current
        else:
            degrees = "–".join(number_text(round(x, 1), a.lang, 1) for x in (j.low_c, j.high_c))
        state = j.state if leg.under_way and j is not None else leg.verdict
        rows.append(
            (line.truck, degrees, words.get(state, line.verdict), line.tone, line.age if leg.under_way else _when(a, leg.arrives_ms or 0))
        )
    judged = [leg.judged.last_ms for leg in moving if leg.judged is not None and leg.judged.last_ms is not None]
    ended = [leg.arrives_ms for leg in arrived if leg.arrives_ms is not None]
    # With nobody on the road the list is as of now: it was asked, and nobody was.
    as_of = max(judged, default=None) if moving else a.now_ms if ended else None
    limit = DEMO_ROAD_LIMIT_MS if a.services.demo else ROAD_LIMIT_MS
    return Panel("trucks", a.t("冷链运输"), as_of, limit, {"rows": rows, "moving": len(moving)})


def _verdicts(a: Asked) -> dict[str, str]:
    """Return the state of a truck, and what is said of its way when it has arrived, in a word or two."""
    t = a.t
    return {
        nouns.OK: t("限内"),
        nouns.WARMING: t("刚越限"),
        nouns.EXCURSION: t("超限中"),
        nouns.RECOVERING: t("恢复中"),
        nouns.GAP: t("没有数据"),
        nouns.PENDING: t("等读数"),
        nouns.IN_RANGE: t("全程限内"),
        nouns.OUT_OF_RANGE: t("曾超限"),
        nouns.NOT_FULLY_KNOWN: t("数据不全"),
    }


def _when(a: Asked, ms: int) -> str:
    """Return the time of day, with the day where that is not today."""
    at, now = from_ms(ms).astimezone(SHANGHAI), from_ms(a.now_ms).astimezone(SHANGHAI)
    return at.strftime("%H:%M") if at.date() == now.date() else time_text(ms, a.lang)


def watched(a: Asked, view: FieldView) -> dict[str, str]:
    """Return how much stands behind each check: devices heard, sources that answer, lots passed, trucks on the road, parts that run."""
    ours = {m.id for m in a.services.prices.markets() if m.county in (None, a.county)}
    sources = [s for s in a.once("sources", 20, a.services.prices.sources) if ours & set(s.markets)]
    results = _inspected(a)
    moving, _ = a.once("legs", 5, lambda: _legs(a))
    checks = a.services.readiness()
    return {
        "field": a.t("%(n)s/%(of)s 台", n=view.heard, of=view.devices),
        "prices": a.t("%(n)s/%(of)s 个", n=sum(s.state == "ok" for s in sources), of=len(sources)),
        "inspection": a.t("%(n)s/%(of)s 批", n=results.get("pass", 0), of=sum(n for r, n in results.items() if r)),
        "cold": a.t("%(n)s 辆在途", n=len(moving)),
        "parts": a.t("%(n)s/%(of)s 项", n=sum(ok for ok, _ in checks.values()), of=len(checks)),
    }


def _inspected(a: Asked) -> dict[str, int]:
    return a.once("inspections", 30, lambda: a.services.trace.inspections(a.county, a.now_ms - INSPECTION_DAYS * DAY_MS))


def _legs(a: Asked) -> tuple[list[ColdLeg], list[ColdLeg]]:
    cold = a.services.logistics.cold_chain
    moving = [leg for leg in cold.legs(a.county, state="under_way", limit=60) if leg.recorder]
    return moving, [leg for leg in cold.legs(a.county, state="finished", limit=20) if leg.recorder]


def proof_panel(a: Asked) -> Panel:
    """Return how many lots were tested and passed, how long the log is, and what the last spot check of a lot's history found."""
    results = _inspected(a)
    picked, tested = sum(results.values()), sum(n for r, n in results.items() if r)
    rates = a.once("rates", 30, lambda: a.services.trace.pass_rates(a.county, a.now_ms - INSPECTION_DAYS * DAY_MS))
    checkpoint = a.services.trace.latest_checkpoint()
    verdict = a.once("spot check", 60, lambda: _spot_check(a))
    anchors = a.once("anchor", 10, a.services.anchors.status)
    data = {
        "anchored": number_text(anchors.newest.size, a.lang) if anchors.newest else "–",
        "development": anchors.contract is not None and anchors.contract.development,
        "picked": picked,
        "tested": tested,
        "passed": results.get("pass", 0),
        "screening": short_rate(rates[SCREENING]),
        "confirmatory": short_rate(rates[CONFIRMATORY]),
        "days": INSPECTION_DAYS,
        "size": number_text(a.once("log", 10, a.services.trace.log_size), a.lang),
        "sealed": number_text(checkpoint.size, a.lang) if checkpoint else "0",
        "verdict": verdict,
        "lot": verdict.lot.rsplit(":", 1)[1] if verdict else "",
    }
    return Panel("proof", a.t("检测与存证"), checkpoint.time_ms if checkpoint else None, CHECKPOINT_LIMIT_MS, data)


def _spot_check(a: Asked) -> Verdict | None:
    """Recompute one lot's history from the stored bytes, another one every minute."""
    lots = a.once("lots", 15, lambda: a.services.trace.lots(a.county, limit=500))
    return a.services.trace.verify_lot(lots[a.now_ms // MINUTE_MS % len(lots)].id) if lots else None
