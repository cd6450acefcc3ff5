"""Compliance certificates (承诺达标合格证): which rule applies on which day, who promises, and when a lot needs one of its own."""

from __future__ import annotations

from datetime import date

from foundation.clock import from_ms, market_day
from foundation.errors import BadInput
from traceability.events import TraceEvent
from traceability.vocabulary import PARTY_URN

ORDER_4 = "农业农村部令2025年第4号"
ORDER_4_FROM = date(2026, 2, 1)
# Before the order, certificates were issued under the law itself (revised 2022, in force 2023-01-01).
LAW_39 = "农产品质量安全法第三十九条"


def rule_on(day: date) -> str:
    """Return the rule under which a certificate of this day is issued."""
    return ORDER_4 if day >= ORDER_4_FROM else LAW_39


def check_certificate(event: TraceEvent) -> None:
    """The promising party signs, on the certificate's own day, under the rule of that day."""
    told = event.body["suhe:certificate"]
    if told["promiser"] != PARTY_URN + event.party:
        raise BadInput("who promises signs the certificate", expected=PARTY_URN + event.party, got=told["promiser"])
    day = market_day(from_ms(event.event_time_ms))
    if told["date"] != str(day):
        raise BadInput("a certificate carries the day of its event", expected=str(day), got=told["date"])
    if told["rule"] != rule_on(day):
        raise BadInput("another rule was in force on this day", expected=f"{rule_on(day)} on {day}", got=told["rule"])
