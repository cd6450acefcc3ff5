"""Panels of what is sold and proven: prices, lots and the last records, inspections and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.home_view import LEADING
from dashboards.i18n import name_of, number_text, time_text
from dashboards.price_words import Change, change_of, days_old, price_text, price_unit
from dashboards.screen_parts import DAY_MS, HOUR_MS, MINUTE_MS, Asked, Panel
from dashboards.telling import Teller
from foundation.clock import SHANGHAI, from_ms, to_ms

if TYPE_CHECKING:
    from traceability.verdicts import Verdict

MOST_PRICES, MOST_EVENTS = 10, 5
INSPECTION_DAYS = 30
# A source is asked a few times a day, in a demo every minute.
PRICES_LIMIT_MS, DEMO_PRICES_LIMIT_MS = 36 * HOUR_MS, 10 * MINUTE_MS
LOTS_LIMIT_MS, CHECKPOINT_LIMIT_MS = 36 * HOUR_MS, 26 * HOUR_MS
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
    markets = {m.id: name_of(m, a.lang) for m in a.services.prices.markets()}
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
    words = {"harvest": a.t("采收"), "inspect": a.t("检测"), "pack": a.t("包装"), "ship": a.t("发运"), "receive": a.t("收货")}
    products = {p.id: name_of(p, a.lang) for p in a.services.registry.products()}
    summaries = {s.id: s for s in a.once("lots", 15, lambda: a.services.trace.lots(a.county, limit=500))}
    events = []
    for e in found.last:
        told = teller.tell(e)
        lot = next((x.lot for x in e.amounts if x.lot in summaries), "")
        product = products.get(e.product or (summaries[lot].product if lot else ""), "")
        amount = e.amount
        quantity = f"{number_text(amount.quantity, a.lang)} {amount.unit}" if amount and amount.quantity is not None else ""
        events.append((told.title, product, quantity, told.who, time_text(e.event_time_ms, a.lang)))
    data = {"counts": [(words[k], found.counts.get(k, 0)) for k in DONE], "events": events}
    return Panel("lots", a.t("今天的批次"), found.newest_record_ms, LOTS_LIMIT_MS, data)


def proof_panel(a: Asked) -> Panel:
    """Return how many lots were tested and passed, how long the log is, and what the last spot check of a lot's history found."""
    results = a.once("inspections", 30, lambda: a.services.trace.inspections(a.county, a.now_ms - INSPECTION_DAYS * DAY_MS))
    picked, tested = sum(results.values()), sum(n for r, n in results.items() if r)
    checkpoint = a.services.trace.latest_checkpoint()
    verdict = a.once("spot check", 60, lambda: _spot_check(a))
    data = {
        "picked": picked,
        "tested": tested,
        "passed": results.get("pass", 0),
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
