"""Pre-harvest intervals: no harvest before the interval of every input used on the lot has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from foundation.clock import from_ms, market_day
from foundation.errors import BadInput, Conflict
from traceability.events import TraceEvent
from traceability.past import Past


def first_day(use: TraceEvent) -> date:
    """Return the first day on which a lot may be harvested after a use; the day of use counts as day 0."""
    return market_day(from_ms(use.event_time_ms)) + timedelta(days=int(use.body.get("suhe:intervalDays", 0)))


def breaks_interval(harvest_ms: int, uses: Sequence[TraceEvent]) -> TraceEvent | None:
    """Return the use whose interval a harvest breaks, that with the longest wait; a use after the harvest breaks nothing."""
    day = market_day(from_ms(harvest_ms))
    broken = [u for u in uses if u.event_time_ms <= harvest_ms and day < first_day(u)]
    return max(broken, key=first_day, default=None)


def check_harvest(event: TraceEvent, past: Past) -> None:
    """Refuse a harvest within an interval, naming the input, the day it was used and the first day allowed."""
    for lot in event.lots:
        use = breaks_interval(event.event_time_ms, past.uses(lot))
        if use is not None:
            names = ", ".join(_named(item.lot, past) for item in use.with_role("subject"))
            raise Conflict(
                f"the interval of {names} is not over: used {market_day(from_ms(use.event_time_ms))}, "
                f"{use.body['suhe:intervalDays']} days, first day of harvest {first_day(use)}",
                expected=f"a harvest on {first_day(use)} or later",
                got=str(market_day(from_ms(event.event_time_ms))),
                todo="wait; what was picked may not be sold",
            )


def check_use(event: TraceEvent, past: Past) -> None:
    """An input whose label asks for an interval is used with that interval or a longer one."""
    for item in event.with_role("subject"):
        purchase = past.bought(item.lot)
        label = purchase.body["ilmd"].get("suhe:intervalDays") if purchase else None
        if label is not None and event.body.get("suhe:intervalDays", -1) < label:
            raise BadInput(
                f"suhe:intervalDays of this use is less than the label of {_named(item.lot, past)} asks for",
                expected=f"{label} or more",
                got=str(event.body.get("suhe:intervalDays", "nothing")),
                todo="copy the interval from the label",
            )


def _named(input_lot: str, past: Past) -> str:
    purchase = past.bought(input_lot)
    number = input_lot.rsplit(":", 1)[1]
    return f"{purchase.body['ilmd']['suhe:nameZh']} ({number})" if purchase else number
