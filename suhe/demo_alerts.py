"""A few rules for a demo, so that its page of alerts shows what alerts are; made once, from the prices as they are by then."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from foundation.clock import market_day
from pricing.alerts.conditions import ABOVE, BELOW, CHANGE, FORECAST, LEVEL, SILENT, Condition
from pricing.alerts.rules import Rule

if TYPE_CHECKING:
    from suhe.bootstrap import Services

OWNER = "demo"
MOST_PRODUCTS = 2
LOOK_BACK_DAYS = 60


def seed_alert_rules(services: Services) -> int:
    """Make the rules of every county that never had one; return how many were made."""
    made = 0
    for county in services.registry.counties():
        if services.price_alerts.rules_ever_made(county.code):
            continue
        for condition in _conditions(services, county.code):
            # Of no weight: a demo that is well has nothing on its county's list of alarms.
            rule = Rule("", county.code, OWNER, condition, severity="info", quiet=(22 * 60, 7 * 60))
            services.price_alerts.add_rule(rule)
            made += 1
    return made


def _conditions(services: Services, county: str) -> list[Condition]:
    today = market_day(services.clock.now())
    own = {m.id for m in services.prices.markets() if m.county == county}
    found: list[Condition] = []
    rows = [r for r in services.prices.board(county, None) if r.market in own]
    for row in sorted(rows, key=lambda r: (-r.quotes, r.product))[:MOST_PRODUCTS]:
        points = services.prices.series(row.product, row.market, today - timedelta(days=LOOK_BACK_DAYS), today)
        usual = median(p.mid for p in points)
        found += [
            Condition(LEVEL, ABOVE, float(round(usual * 1.06, -1)), row.product, row.market),
            Condition(CHANGE, ABOVE, 8.0, row.product, row.market, days=7),
            Condition(CHANGE, BELOW, 8.0, row.product, row.market, days=7),
            Condition(FORECAST, BELOW, float(round(usual * 0.94, -1)), row.product, row.market, weeks=4, quantile="p50"),
        ]
    return found + [Condition(SILENT, source=s) for s in sorted({r.source for r in rows})]
