"""HTTP: alert rules, alarms and their acknowledgement, channels and messages of a county."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.deps import require
from foundation.errors import NotAllowed, NotFound
from pricing.alerts.conditions import Condition
from pricing.alerts.rules import Alarm, Rule, RuleNow
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services
    from foundation.notify_outbox import Entry

Reader = Annotated[Caller, Depends(require("guest", "county", "cooperative", "service"))]
Writer = Annotated[Caller, Depends(require("county", "cooperative"))]
Name = Annotated[str, Field(max_length=64)]


class ConditionBody(BaseModel):
    """When a rule is met; `limit` is in thousandths per kilogram, per cent or the indicator's value, by kind."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["level", "change", "ipa", "alps", "spread", "forecast", "silent"]
    side: Literal["above", "below"] = "above"
    limit: float = Field(default=0.0, allow_inf_nan=False)
    product: Name = ""
    market: Name = ""
    other_market: Name = ""
    source: Name = ""
    days: int = 0
    weeks: int = 0
    quantile: Literal["", "p10", "p50", "p90"] = ""


class RuleBody(BaseModel):
    """A rule. `quiet` is from and until, `digest` the time of telling everything together: minutes of the day in Shanghai."""

    model_config = ConfigDict(extra="forbid")
    condition: ConditionBody
    channels: list[Name] = Field(default=[], max_length=8)
    lang: Literal["zh-Hans", "en"] = "zh-Hans"
    severity: Literal["info", "warning", "bad"] = "warning"
    persist: int = Field(default=1, ge=1, le=14)
    quiet: tuple[int, int] | None = None
    digest: int | None = None


def check_county_of(caller: Caller, *counties: str) -> None:
    """Refuse a caller of another county; where two are named, a thing must belong to the county it is asked for in."""
    if len(set(counties)) > 1:
        raise NotFound("this is not of that county", expected=counties[0], got=counties[1])
    if caller.county is not None and caller.county != counties[0]:
        raise NotAllowed("these alerts are another county's", expected=caller.county, got=counties[0])


def router(services: Services) -> APIRouter:
    """Return the routes of alerts."""
    routes = APIRouter(prefix="/api/v1/price-alerts/{county}", tags=["price alerts"])
    alerts = services.price_alerts

    @routes.get("/rules")
    def list_rules(county: str, caller: Reader) -> list[dict[str, Any]]:
        """Return a county's rules with what is known for each now, or why nothing is."""
        check_county_of(caller, county)
        return [_rule_now(r) for r in alerts.rules(county)]

    @routes.post("/rules", status_code=201)
    def add_rule(county: str, body: RuleBody, caller: Writer) -> dict[str, Any]:
        """Add a rule; it belongs to the caller."""
        check_county_of(caller, services.registry.county(county).code)
        return _rule(alerts.add_rule(_rule_of(body, "", county, caller.name)))

    @routes.put("/rules/{rule}")
    def change_rule(county: str, rule: str, body: RuleBody, caller: Writer) -> dict[str, Any]:
        """Change a rule. With another condition it is a new rule: its open alarm is closed and its id is a new one."""
        check_county_of(caller, county, alerts.rule(rule).county)
        return _rule(alerts.change_rule(_rule_of(body, rule, county, caller.name), caller.name, caller.role))

    @routes.delete("/rules/{rule}", status_code=204)
    def remove_rule(county: str, rule: str, caller: Writer) -> None:
        """Take a rule out of use and close its alarm."""
        check_county_of(caller, county, alerts.rule(rule).county)
        alerts.remove_rule(rule, caller.name, caller.role)

    @routes.get("/alarms")
    def list_alarms(county: str, caller: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[dict[str, Any]]:
        """Return alarms, open and over, the newest first."""
        check_county_of(caller, county)
        return [_alarm(a) for a in alerts.past_alarms(county, limit)]

    @routes.post("/alarms/{alarm}/acknowledge")
    def acknowledge(county: str, alarm: str, caller: Writer) -> dict[str, Any]:
        """Say that an alarm was seen: it is not told again until it is over."""
        check_county_of(caller, county, alerts.alarm(alarm).rule.county)
        return _alarm(alerts.acknowledge(alarm, caller.name))

    @routes.get("/channels")
    def list_channels(county: str, caller: Writer) -> list[dict[str, str]]:
        """Return the channels a county may use by name; addresses and secrets are never told."""
        check_county_of(caller, county)
        return [{"name": c.name, "kind": c.kind, "lang": c.lang} for c in alerts.channels(county)]

    @routes.post("/channels/{channel}/test")
    def try_channel(county: str, channel: str, caller: Writer) -> dict[str, Any]:
        """Send a test message and say how it went."""
        check_county_of(caller, county)
        return _message(alerts.test_channel(county, channel))

    @routes.get("/messages")
    def list_messages(county: str, caller: Writer, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[dict[str, Any]]:
        """Return the messages to the county's channels and how they went, the newest first."""
        check_county_of(caller, county)
        return [_message(e) for e in alerts.messages(county, limit)]

    return routes


def _rule_of(body: RuleBody, rule_id: str, county: str, owner: str) -> Rule:
    told = body.condition.model_dump()
    return Rule(
        rule_id, county, owner, Condition(**told), tuple(body.channels), body.lang, body.severity, body.persist, body.quiet, body.digest
    )


def _rule(rule: Rule) -> dict[str, Any]:
    return asdict(rule)


def _rule_now(r: RuleNow) -> dict[str, Any]:
    return {
        **_rule(r.rule),
        "fact": asdict(r.fact) if r.fact else None,
        "why": r.why,
        "looked_ms": r.looked_ms,
        "alarm": r.open_alarm or None,
    }


def _alarm(a: Alarm) -> dict[str, Any]:
    return {
        "id": a.id, "rule": a.rule.id, "condition": asdict(a.rule.condition), "raised_ms": a.raised_ms, "raised": asdict(a.raised),
        "cleared_ms": a.cleared_ms, "cleared": asdict(a.cleared) if a.cleared else None, "acked_ms": a.acked_ms, "acked_by": a.acked_by,
    }  # fmt: skip


def _message(e: Entry) -> dict[str, Any]:
    return {"id": e.message.id, "channel": e.channel, "title": e.message.title, "state": e.state, "why": e.why, "tries": e.tries,
            "made_ms": e.made_ms, "ended_ms": e.ended_ms}  # fmt: skip
