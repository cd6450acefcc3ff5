"""The tables of alerts and the few statements on them. What the database itself keeps: a rule never has two open alarms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)

from foundation.database import metadata
from pricing.alerts.conditions import Condition
from pricing.alerts.judging import State
from pricing.alerts.rules import Alarm, Fact, Rule, RuleNow

price_alert_rule = Table(
    "price_alert_rule", metadata,
    Column("id", Text, primary_key=True),
    Column("county", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("condition", Text, nullable=False),  # JSON
    Column("channels", Text, nullable=False),  # JSON
    Column("lang", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("persist", Integer, nullable=False),
    Column("quiet_from", Integer),
    Column("quiet_until", Integer),
    Column("digest", Integer),
    Column("made_ms", BigInteger, nullable=False),
    Column("removed_ms", BigInteger),
    Index("ix_price_alert_rule_county", "county"),
)  # fmt: skip

price_alert_state = Table(
    "price_alert_state", metadata,
    Column("rule_id", Text, ForeignKey("price_alert_rule.id"), primary_key=True),
    Column("stamp", BigInteger),
    Column("before", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("alarm", Boolean, nullable=False),
    Column("acked", Boolean, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
    Column("alarm_id", Text, nullable=False),
    Column("fact", Text, nullable=False),  # JSON, "" where nothing was known yet
    Column("why", Text, nullable=False),
    Column("looked_ms", BigInteger, nullable=False),
)  # fmt: skip

price_alert = Table(
    "price_alert", metadata,
    Column("id", Text, primary_key=True),
    Column("rule_id", Text, ForeignKey("price_alert_rule.id"), nullable=False),
    Column("county", Text, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("raised_fact", Text, nullable=False),  # JSON
    Column("cleared_ms", BigInteger),
    Column("cleared_fact", Text, nullable=False),  # JSON, "" while open or where the rule was removed
    Column("acked_ms", BigInteger),
    Column("acked_by", Text, nullable=False),
    Index("ix_price_alert_county_raised", "county", "raised_ms"),
    Index(
        "uq_price_alert_open", "rule_id", unique=True, sqlite_where=text("cleared_ms IS NULL"), postgresql_where=text("cleared_ms IS NULL")
    ),
)  # fmt: skip

price_alert_event = Table(
    "price_alert_event", metadata,
    Column("id", Integer, primary_key=True),
    Column("rule_id", Text, ForeignKey("price_alert_rule.id"), nullable=False),
    Column("alarm_id", Text, ForeignKey("price_alert.id"), nullable=False),
    Column("kind", Text, nullable=False),  # raised, cleared, reminder
    Column("at_ms", BigInteger, nullable=False),
    Column("fact", Text, nullable=False),  # JSON
    Column("due_ms", BigInteger, nullable=False),
    Column("told_ms", BigInteger),
    Index("ix_price_alert_event_due", "told_ms", "due_ms"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an alarm and is to be told."""

    id: int
    alarm_id: str
    kind: str
    at_ms: int
    fact: Fact | None
    due_ms: int
    rule: Rule


def add_rule(connection: Connection, rule: Rule) -> None:
    """Write a rule and its empty state."""
    connection.execute(insert(price_alert_rule).values(_rule_row(rule)))
    empty = {"rule_id": rule.id, "alarm_id": "", "fact": "", "why": "", "looked_ms": 0, **_state_row(State())}
    connection.execute(insert(price_alert_state).values(empty))


def change_rule(connection: Connection, rule: Rule) -> None:
    """Replace what a rule says; where it stands is another matter."""
    connection.execute(update(price_alert_rule).where(price_alert_rule.c.id == rule.id).values(_rule_row(rule)))


def end_rule(connection: Connection, rule_id: str, now_ms: int) -> None:
    """Take a rule out of use, close its alarm and drop what was still to be told of it; its past stays."""
    t, a, e = price_alert_rule, price_alert, price_alert_event
    state_for_update(connection, rule_id)
    connection.execute(update(t).where(t.c.id == rule_id).values(removed_ms=now_ms))
    connection.execute(update(a).where(a.c.rule_id == rule_id, a.c.cleared_ms.is_(None)).values(cleared_ms=now_ms))
    connection.execute(delete(e).where(e.c.rule_id == rule_id, e.c.told_ms.is_(None)))
    connection.execute(delete(price_alert_state).where(price_alert_state.c.rule_id == rule_id))


def rules(connection: Connection, county: str | None = None, rule_id: str | None = None) -> list[Rule]:
    """Return the rules in use, in order of their making."""
    t = price_alert_rule.c
    asked = select(price_alert_rule).where(t.removed_ms.is_(None)).order_by(t.made_ms, t.id)
    if county is not None:
        asked = asked.where(t.county == county)
    if rule_id is not None:
        asked = asked.where(t.id == rule_id)
    return [rule_of(r) for r in connection.execute(asked)]


def rules_now(connection: Connection, county: str) -> list[RuleNow]:
    """Return a county's rules with what was last known for each."""
    t, s = price_alert_rule, price_alert_state
    asked = select(t, s.c.fact, s.c.why, s.c.looked_ms, s.c.alarm_id).join(s, s.c.rule_id == t.c.id)
    found = connection.execute(asked.where(t.c.county == county, t.c.removed_ms.is_(None)).order_by(t.c.made_ms, t.c.id))
    return [RuleNow(rule_of(r), fact_of(r.fact), r.why, r.looked_ms or None, r.alarm_id) for r in found]


def state_for_update(connection: Connection, rule_id: str) -> tuple[State, str, str] | None:
    """Return where a rule stands, its open alarm and its last fact as JSON, holding the row until the transaction ends.

    None where the rule is gone.
    """
    s = price_alert_state
    r = connection.execute(select(s).where(s.c.rule_id == rule_id).with_for_update()).first()
    if r is None:
        return None
    return State(r.stamp, r.before, r.run, r.alarm, r.acked, r.told_ms), r.alarm_id, r.fact


def write_state(connection: Connection, rule_id: str, state: State, **values: object) -> None:
    """Write where a rule stands, and some columns beside it."""
    s = price_alert_state
    connection.execute(update(s).where(s.c.rule_id == rule_id).values(**_state_row(state), **values))


def alarms(connection: Connection, county: str | None, *, open_only: bool, limit: int = 200, alarm_id: str | None = None) -> list[Alarm]:
    """Return alarms, the newest first, each with what was last known for its rule."""
    a, t, s = price_alert, price_alert_rule, price_alert_state
    asked = select(a, s.c.fact.label("now_fact")).join(s, s.c.rule_id == a.c.rule_id, isouter=True).order_by(a.c.raised_ms.desc(), a.c.id)
    if county is not None:
        asked = asked.where(a.c.county == county)
    if open_only:
        asked = asked.where(a.c.cleared_ms.is_(None))
    if alarm_id is not None:
        asked = asked.where(a.c.id == alarm_id)
    rows = connection.execute(asked.limit(limit)).all()
    of = {r.id: rule_of(r) for r in connection.execute(select(t).where(t.c.id.in_({r.rule_id for r in rows})))}
    found = []
    for r in rows:
        raised = fact_of(r.raised_fact)
        assert raised is not None
        found.append(Alarm(r.id, of[r.rule_id], r.raised_ms, raised, r.cleared_ms, fact_of(r.cleared_fact), r.acked_ms, r.acked_by,
                           fact_of(r.now_fact or "")))  # fmt: skip
    return found


def due_events(connection: Connection, now_ms: int) -> list[Event]:
    """Return what is due to be told, the oldest first, holding the rows."""
    e, t = price_alert_event, price_alert_rule
    asked = select(e).where(e.c.told_ms.is_(None), e.c.due_ms <= now_ms).order_by(e.c.id).with_for_update()
    rows = connection.execute(asked).all()
    of = {r.id: rule_of(r) for r in connection.execute(select(t).where(t.c.id.in_({r.rule_id for r in rows})))}
    return [Event(r.id, r.alarm_id, r.kind, r.at_ms, fact_of(r.fact), r.due_ms, of[r.rule_id]) for r in rows]


def mark_told(connection: Connection, ids: Sequence[int], now_ms: int) -> None:
    """Note that events were put into messages."""
    e = price_alert_event
    connection.execute(update(e).where(e.c.id.in_(ids)).values(told_ms=now_ms))


def rule_of(row: Row[Any]) -> Rule:
    """Return a rule from its row."""
    r = row._mapping
    quiet = None if r["quiet_from"] is None else (r["quiet_from"], r["quiet_until"])
    return Rule(r["id"], r["county"], r["owner"], Condition(**json.loads(r["condition"])), tuple(json.loads(r["channels"])), r["lang"],
                r["severity"], r["persist"], quiet, r["digest"], r["made_ms"])  # fmt: skip


def fact_text(fact: Fact | None) -> str:
    """Return a fact as JSON, "" for none."""
    if fact is None:
        return ""
    return json.dumps({**asdict(fact), "day": fact.day.isoformat() if fact.day else None}, ensure_ascii=False, separators=(",", ":"))


def fact_of(kept: str) -> Fact | None:
    """Return the fact of a JSON text."""
    if not kept:
        return None
    told = json.loads(kept)
    return Fact(**{**told, "day": date.fromisoformat(told["day"]) if told["day"] else None})


def _rule_row(rule: Rule) -> dict[str, Any]:
    start, end = rule.quiet or (None, None)
    return {
        "id": rule.id, "county": rule.county, "owner": rule.owner, "condition": json.dumps(asdict(rule.condition)),
        "channels": json.dumps(list(rule.channels)), "lang": rule.lang, "severity": rule.severity, "persist": rule.persist,
        "quiet_from": start, "quiet_until": end, "digest": rule.digest, "made_ms": rule.made_ms,
    }  # fmt: skip


def _state_row(state: State) -> dict[str, Any]:
    return asdict(state)
