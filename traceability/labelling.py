"""Whether labels of a lot may be printed: pure rules. A label is the moment at which produce goes out under a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from foundation.clock import from_ms, market_day
from traceability.fields_trade import SCREENING
from traceability.standing import HOLDING
from traceability.views import EventView, LotHistory

# A result that says something; an invalid test neither clears nor condemns.
_TELLING = ("pass", *HOLDING)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why labels wait. `lot` is the lot the reason lies in, the lot itself or one it came from.

    `reason` is "growing" (nothing was harvested yet), "interval" (picked before an input's interval was over, told only afterwards),
    "recalled" (`lot` is what was called back), or the result that holds: "fail" or "screening_positive".
    """

    reason: str
    lot: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a lot as it stands: `superseded` where a later one counts instead. Nothing is ever taken off the list."""

    event: EventView
    result: str
    screening: bool
    superseded: bool


def findings(events: Iterable[EventView]) -> list[Finding]:
    """Return every result of a lot in the order of the log, each with whether it still counts."""
    told = sorted((e for e in events if e.kind in ("inspect", "judge") and e.readable), key=lambda e: e.log_index)
    counts = _standing(told)
    return [
        Finding(e, result_of(e), _screens(e), result_of(e) in _TELLING and counts is not None and e.event_id != counts.event_id)
        for e in told
    ]  # fmt: skip


def holds(own: LotHistory, ancestors: Sequence[LotHistory]) -> list[Hold]:
    """Return what holds a lot's labels back, its own reasons first.

    The result that counts is the last that says something, except that a screening never lifts a failure or a suspicion. A pass of the
    lot itself clears what was found before it in lots it came from, unless that pass is a mere screening of a judged suspicion; what was
    found in them later counts again, for it is the same produce.
    """
    if own.summary.harvested_ms is None or own.summary.quantity is None:
        return [Hold("growing", own.summary.id)]
    last = _standing(own.events)
    cleared_at, by_screening = -1, False
    found = []
    if last is not None:
        if result_of(last) in HOLDING:
            found.append(Hold(result_of(last), own.summary.id, last.event_id))
        else:
            cleared_at, by_screening = last.log_index, last.kind == "judge" and _screens(last)
    for history in ancestors:
        said = _standing(history.events)
        if said is not None and result_of(said) in HOLDING and (said.log_index > cleared_at or by_screening):
            found.append(Hold(result_of(said), history.summary.id, said.event_id))
    return found + [Hold("interval", h.summary.id, e.event_id) for h in (own, *ancestors) for e in _early(h.events)]


def result_of(event: EventView) -> str:
    """Return the result an inspection or a judgement tells."""
    return str(event.body["suhe:judgement" if event.kind == "judge" else "suhe:inspection"]["result"])


def _standing(events: Iterable[EventView]) -> EventView | None:
    """Return the event whose result counts."""
    counts: EventView | None = None
    for e in sorted(events, key=lambda e: e.log_index):
        if e.kind not in ("inspect", "judge") or not e.readable or result_of(e) not in _TELLING:
            continue
        if counts is not None and e.kind == "judge" and _screens(e) and result_of(counts) in HOLDING:
            continue
        counts = e
    return counts


def _screens(event: EventView) -> bool:
    if event.kind == "judge":
        return bool(event.body["suhe:judgement"]["class"] == SCREENING)
    return str(event.body["suhe:inspection"]["method"]) in ("enzyme_inhibition", "colloidal_gold")


def _early(events: Sequence[EventView]) -> list[EventView]:
    """Return harvests within the interval of a use: a use recorded after the harvest could not stop it at capture."""
    uses = [e for e in events if e.kind == "input_used" and e.readable and e.body.get("suhe:intervalDays")]
    picked = [e for e in events if e.kind == "harvest" and e.readable]
    return [
        h for h in picked
        if any(u.event_time_ms <= h.event_time_ms and _day(h) < _day(u) + timedelta(days=int(u.body["suhe:intervalDays"])) for u in uses)
    ]  # fmt: skip


def _day(event: EventView) -> date:
    return market_day(from_ms(event.event_time_ms))
