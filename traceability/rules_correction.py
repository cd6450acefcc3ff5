"""Corrections append: an author says which field of an earlier event was wrong and what is right. Both stay; nothing is overwritten.

Only what no rule hangs on is corrected by saying so. A quantity, a time, an interval or a result is set right by another event that the
rules can check: a further harvest, a new test and judgement.
"""

from __future__ import annotations

from typing import Any

from foundation.errors import BadInput, Conflict, NotAllowed, SuheError
from traceability.canonical import canonical
from traceability.events import TraceEvent, read_event
from traceability.past import Past

CORRECTABLE = (
    "suhe:note", "suhe:seller", "suhe:purpose", "suhe:grade", "suhe:package", "suhe:temperature",
    "ilmd.suhe:nameZh", "ilmd.suhe:nameEn", "ilmd.suhe:maker", "ilmd.suhe:registration", "ilmd.suhe:batch",
    "suhe:inspection.report", "suhe:sample.plan", "suhe:sample.taken", "suhe:sample.custody", "suhe:sample.seal",
    "suhe:test.lab", "suhe:test.cma", "suhe:test.cnas", "suhe:test.report",
    "suhe:certificate.origin", "suhe:certificate.contact", "suhe:certificate.number",
)  # fmt: skip


def check_correction(event: TraceEvent, past: Past) -> None:
    """Refuse a correction of another's event, of a field that rules hang on, of a value that is not there, or to nonsense."""
    told = event.body["suhe:correction"]
    if told["field"] not in CORRECTABLE:
        raise BadInput(
            "this field is not corrected by saying so",
            expected=", ".join(CORRECTABLE),
            got=told["field"],
            todo="a quantity, a time or a result is set right by another event, which the rules check",
        )
    cited = past.cited(told["event"])
    if cited is None:
        raise Conflict("a correction cites a recorded event", got=told["event"])
    if cited.party != event.party:
        raise NotAllowed("only its author corrects an event", expected=cited.party, got=event.party)
    if cited.lots != event.lots or cited.event_time_ms > event.event_time_ms:
        raise Conflict(
            "a correction is of the same lots and comes after", expected=", ".join(cited.lots)[:200], got=", ".join(event.lots)[:200]
        )
    *path, last = told["field"].split(".")
    right: dict[str, Any] = dict(cited.body)
    holder = right
    for name in path:
        holder[name] = dict(holder.get(name, {}))
        holder = holder[name]
    if holder.get(last) != told["wrong"] or told["right"] == told["wrong"]:
        raise Conflict("the event does not say what is corrected", expected=repr(holder.get(last))[:120], got=repr(told["wrong"])[:120])
    holder[last] = told["right"]
    try:
        read_event(canonical(right))
    except SuheError as error:
        raise BadInput(f"the right value cannot stand there: {error.message}", expected=error.expected, got=error.got) from error
