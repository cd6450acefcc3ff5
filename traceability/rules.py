"""The trade's rules that look back: at capture with the operator's limits, at verification without (limits are dated but not logged)."""

from __future__ import annotations

from traceability.events import TraceEvent
from traceability.limits import Limits
from traceability.past import Past
from traceability.rules_certificate import check_certificate
from traceability.rules_correction import check_correction
from traceability.rules_inspection import check_judgement, check_test
from traceability.rules_interval import check_harvest, check_use


def check_trade(event: TraceEvent, past: Past, limits: tuple[Limits, str] | None = None) -> None:
    """Refuse an event that does not follow from what was recorded before it. Raises as `lots.check`."""
    name = event.kind.name
    if name == "harvest":
        check_harvest(event, past)
    elif name == "input_used":
        check_use(event, past)
    elif name == "test":
        check_test(event, past)
    elif name == "judge":
        check_judgement(event, past, limits)
    elif name == "certificate":
        check_certificate(event)
    elif name == "correct":
        check_correction(event, past)
