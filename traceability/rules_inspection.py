"""Sample, test, judgement: what follows from what, and what a screening can never say.

A screening that finds something is positive, not failed; only a confirmatory result settles that. A screening that finds nothing does
not lift an earlier failure or suspicion. Comparison is by the value as measured, without a guard band for uncertainty.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from foundation.clock import from_ms, market_day
from foundation.errors import BadInput, Conflict
from traceability.events import TraceEvent
from traceability.fields_trade import SCREENING, class_of
from traceability.limits import Limits
from traceability.past import Past

# GB/T 5009.199: inhibition of this much or more is positive.
INHIBITION_PERCENT = Decimal(50)


def check_test(event: TraceEvent, past: Past) -> None:
    """A test is of a recorded sample of the same lot, taken before it."""
    told = event.body["suhe:test"]
    _cited(event, past, told["sample"], "sample")
    if told["method"] == "enzyme_inhibition" and [(a["unit"], "value" in a) for a in told["analytes"]] != [("%", True)]:
        raise BadInput("an enzyme inhibition test says one thing", expected="one analyte with its inhibition as value in %")


def check_judgement(event: TraceEvent, past: Past, limits: tuple[Limits, str] | None = None) -> None:
    """A judgement follows from its test: right class, limit for each analyte, right comparison and, with `limits`, the right edition."""
    told = event.body["suhe:judgement"]
    test = _cited(event, past, told["test"], "test")
    tested = test.body["suhe:test"]
    sample = past.cited(tested["sample"])
    if told["class"] != class_of(tested["method"]):
        raise Conflict("a judgement is of its test's class", expected=class_of(tested["method"]), got=told["class"])
    if told["result"] != "invalid":
        wanted = outcome(tested, told)
        if told["result"] != wanted:
            raise Conflict(
                "the result is not what the values and the limits say", expected=wanted, got=told["result"], todo="compare them again"
            )
    if limits is not None and sample is not None:
        limits[0].check(told, tested, market_day(from_ms(sample.event_time_ms)), limits[1])


def outcome(tested: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return what a test's values make of the limits a judgement gives."""
    screening = told["class"] == SCREENING
    given = {(x["analyte"], x["unit"]): Decimal(repr(x["limit"])) for x in told["limits"]}
    over = False
    for analyte in tested["analytes"]:
        limit = given.get((analyte["name"], analyte["unit"]))
        if limit is None:
            raise Conflict(
                "the judgement gives no limit for an analyte that was tested", expected=f"{analyte['name']} in {analyte['unit']}"
            )
        if tested["method"] == "enzyme_inhibition" and limit != INHIBITION_PERCENT:
            raise Conflict("GB/T 5009.199 draws the line at 50 % inhibition", expected="50", got=str(limit))
        if "value" in analyte:
            value = Decimal(repr(analyte["value"]))
            over |= value >= limit if screening else value > limit
        elif not screening and Decimal(repr(analyte[analyte["below"]])) > limit:
            raise Conflict(
                "the method cannot see as little as the limit", expected=f"a {analyte['below']} of {limit} or less for {analyte['name']}",
                got=repr(analyte[analyte["below"]]), todo="judge it invalid",
            )  # fmt: skip
    if not over:
        return "pass"
    return "screening_positive" if screening else "fail"


def _cited(event: TraceEvent, past: Past, event_id: str, kind: str) -> TraceEvent:
    found = past.cited(event_id)
    if found is None or found.kind.name != kind or found.lots != event.lots:
        raise Conflict(
            f"a {event.kind.name} cites a recorded {kind} of the same lot",
            expected=f"the eventID of a {kind} of {event.lots[0]}",
            got=f"{event_id}: {found.kind.name if found else 'not recorded'}",
            todo=f"send the {kind} first",
        )
    if found.event_time_ms > event.event_time_ms:
        raise Conflict(f"a {event.kind.name} comes after its {kind}", got=f"{kind} at {found.body['eventTime']}")
    return found
