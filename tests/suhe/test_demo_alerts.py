"""A demo has alert rules of its own once its prices are there, and makes them once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from suhe.demo_alerts import OWNER, seed_alert_rules
from suhe.schedule import look_at_price_alerts
from tests.dashboards.fakes_house import COUNTY, build_house


def test_a_demo_waits_for_its_prices_then_makes_its_rules_once(tmp_path: Path) -> None:
    """Without its price history nothing is judged; with it every county with quotes gets rules; removed ones do not come back."""
    services: Any = build_house(tmp_path, readings_every_minutes=720, price_days=60).services
    work: Any = SimpleNamespace(services=services, demo=True)
    services.readiness = lambda: {"prices": (False, "filling")}
    look_at_price_alerts(work)
    assert services.price_alerts.rules(COUNTY) == []
    services.readiness = lambda: {"prices": (True, "")}
    look_at_price_alerts(work)
    rules = services.price_alerts.rules(COUNTY)
    assert len(rules) >= 5 and {r.rule.owner for r in rules} == {OWNER}
    assert all(r.looked_ms for r in rules)
    for r in rules:
        services.price_alerts.remove_rule(r.rule.id, OWNER, "county")
    assert seed_alert_rules(services) == 0
