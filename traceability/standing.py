"""Where a lot stands after a result: what supersedes what."""

from __future__ import annotations

from traceability.events import TraceEvent
from traceability.fields_trade import SCREENING

HOLDING = ("fail", "screening_positive")


def standing_after(before: str, event: TraceEvent) -> str:
    """Return a lot's standing after a judgement; `before` is its standing until then.

    A later result supersedes an earlier one, but a screening neither lifts a failure nor clears a suspicion, and an invalid result
    says nothing.
    """
    told = event.body["suhe:judgement"]
    result = str(told["result"])
    if result == "invalid":
        return before or "invalid"
    if told["class"] == SCREENING and before in HOLDING:
        return before
    return result
