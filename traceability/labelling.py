"""Whether labels of a lot may be printed: pure rules. A label is the moment at which produce goes out under a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from traceability.views import EventView, LotHistory

# A result that says something; an invalid test neither clears nor condemns.
_HOLDING = ("fail", "screening_positive")
_TELLING = ("pass", *_HOLDING)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why labels wait. `lot` is the lot the reason lies in, the lot itself or one it came from.

    `reason` is "growing" (nothing was harvested yet) or the result of the inspection: "fail" or "screening_positive",
    or "recalled"; then `lot` is what was called back.
    """

    reason: str
    lot: str
    event_id: str = ""


def holds(own: LotHistory, ancestors: Sequence[LotHistory]) -> list[Hold]:
    """Return what holds a lot's labels back, its own reasons first.

    The last inspection that says something counts. A pass of the lot itself clears what was found before it in lots it came from;
    what was found in them later counts again, for it is the same produce.
    """
    if own.summary.harvested_ms is None or own.summary.quantity is None:
        return [Hold("growing", own.summary.id)]
    last = _last(own.events)
    cleared_at = -1
    found = []
    if last is not None:
        if _result(last) in _HOLDING:
            found.append(Hold(_result(last), own.summary.id, last.event_id))
        else:
            cleared_at = last.log_index
    for history in ancestors:
        said = _last(history.events)
        if said is not None and _result(said) in _HOLDING and said.log_index > cleared_at:
            found.append(Hold(_result(said), history.summary.id, said.event_id))
    return found


def _last(events: Iterable[EventView]) -> EventView | None:
    telling = [e for e in events if e.kind == "inspect" and e.readable and _result(e) in _TELLING]
    return max(telling, key=lambda e: e.log_index, default=None)


def _result(event: EventView) -> str:
    return str(event.body["suhe:inspection"]["result"])
