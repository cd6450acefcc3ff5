"""The reviewer's queue as its page shows it: each quote with its line, the other markets that day, its reason in words and its raw row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from dashboards.charts import sparkline
from dashboards.i18n import Translate, day_text, name_of, time_text
from dashboards.joining import listed
from dashboards.price_desk_words import decision_text, factor_text, oddity_text, prices_text
from dashboards.price_note_words import money_text
from dashboards.price_words import Change, change_of
from foundation.clock import market_day
from pricing.desk.queue import MOST_SHOWN, Waiting

if TYPE_CHECKING:
    from dashboards.services import Services

SPARK_DAYS = 45
PAYLOADS = "/api/v1/prices/runs/{run}/payloads"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What another market quoted that day."""

    market: str
    price: str
    change: Change


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One quote that waits."""

    id: int
    product: str
    href: str
    what: str
    market: str
    source: str
    day: str
    price: str
    factor: str
    high: bool
    why: str
    spark: Markup
    others: tuple[Neighbour, ...]
    unit: str
    raw: str
    run_id: int
    payloads: str


def queue_lines(services: Services, county: str, waiting: Sequence[Waiting], lang: str, t: Translate) -> list[QueueLine]:
    """Return the lines of the queue, at most as many as one looks at in one go."""
    shown = waiting[:MOST_SHOWN]
    products = {p.id: name_of(p, lang) for p in services.registry.products()}
    markets = {m.id: name_of(m, lang) for m in services.prices.markets(everywhere=True)}
    sources = {s.id: name_of(s, lang) for s in services.prices.sources()}
    past = services.desk.past_of(shown, SPARK_DAYS)
    beside = services.desk.beside(shown)
    found = []
    for w in shown:
        value = {"low": w.low, "mid": w.mid, "high": w.high}[w.oddity.part]
        product = products.get(w.product or "", w.name)
        points = sorted([*((d, float(m)) for d, m in past[w.id] if d != w.day), (w.day, float(w.mid))])
        label = t("%(product)s在%(market)s近来的报价，末尾是待核的这一条", product=product, market=markets.get(w.market, w.market))
        _, unit = money_text(w.mid, lang, w.currency).split(" ")
        others = tuple(
            Neighbour(markets.get(b.market, b.market), money_text(b.mid, lang, w.currency).split(" ")[0], change_of(b.change_pct))
            for b in beside[w.id]
        )
        found.append(
            QueueLine(
                w.id, product, f"/c/{county}/prices/{w.product}" if w.product in products else "",
                listed((w.name if w.name != product else "", w.spec, w.grade, w.origin), lang), markets.get(w.market, w.market),
                sources.get(w.source, w.source), day_text(w.day, lang), prices_text(w.low, w.mid, w.high, lang, w.currency),
                factor_text(w.oddity.factor, t), w.oddity.factor > 1, oddity_text(w.oddity, value, markets, lang, t, w.currency),
                sparkline(points, label, days=SPARK_DAYS), others, unit, f"{w.raw_price} / {w.raw_unit}", w.run_id,
                PAYLOADS.format(run=w.run_id) if w.payloads else "",
            )
        )  # fmt: skip
    return found


def queue_context(services: Services, county: str, run_id: int | None, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the page of the queue shows."""
    desk = services.desk
    waiting = desk.waiting(county, run_id)
    sources = {s.id: name_of(s, lang) for s in services.prices.sources()}
    return {
        "county": county, "county_name": name_of(services.registry.county(county), lang), "run": run_id, "count": len(waiting),
        "lines": queue_lines(services, county, waiting, lang, t), "more": max(0, len(waiting) - MOST_SHOWN),
        "batches": [
            {"run": b.run_id, "text": _batch_text(b, sources, lang, t), "count": b.count, "here": b.run_id == run_id}
            for b in desk.batches(county)
        ],
        "decided": _decided(services, county, lang, t), "today": day_text(market_day(services.clock.now()), lang),
    }  # fmt: skip


def _batch_text(batch: Any, sources: Mapping[str, str], lang: str, t: Translate) -> str:
    days = _days(batch.first, batch.last, lang)
    return t("%(source)s %(days)s（第 %(run)s 批）", source=sources.get(batch.source, batch.source), days=days, run=batch.run_id)


def _days(first: date, last: date, lang: str) -> str:
    return day_text(first, lang) if first == last else f"{day_text(first, lang)} – {day_text(last, lang)}"


def _decided(services: Services, county: str, lang: str, t: Translate) -> list[dict[str, Any]]:
    products = {p.id: name_of(p, lang) for p in services.registry.products()}
    markets = {m.id: name_of(m, lang) for m in services.prices.markets(everywhere=True)}
    return [
        {
            "id": d.quote.id, "what": products.get(d.quote.product or "", d.quote.name),
            "market": markets.get(d.quote.market, d.quote.market), "day": day_text(d.quote.day, lang),
            "price": prices_text(d.quote.low, d.quote.mid, d.quote.high, lang, d.quote.currency),
            "decision": decision_text(d.decision, d.decider, d.why, lang, t), "when": time_text(d.decided_ms, lang),
            # Only the last decision can be taken back, and only one that a decision of a person would change.
            "other": {"released": "rejected", "rejected": "released"}.get(d.decision, "") if d.decision == d.quote.state else "",
        }
        for d in services.desk.decided(county)
    ]  # fmt: skip
