"""The proof file of a plot's sealed days: the form of a proof bundle with one chain, the plot's, so that the same checks take it apart.

The chain is told from its first record, because the map proves the whole of it: count and head. A day left out, or a seal that was
superseded and is not shown, would break it.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from foundation.errors import NotFound
from traceability.records import FIRST_PREV
from traceability.vocabulary import PLOT_URN

if TYPE_CHECKING:
    from traceability.service import Trace
    from traceability.store import StoredEvent

FORM = "bundle/1"


def season_file(trace: Trace, plot: str) -> bytes:
    """Return the proof file of everything sealed of a plot. Raises NotFound where nothing is."""
    subject = PLOT_URN + plot
    latest, chain = trace.latest_checkpoint(), trace.chain(subject)
    if not chain:
        raise NotFound("nothing of this plot is sealed yet", got=plot, todo="a day is sealed some hours after it is over")
    size = latest.size if latest is not None and latest.map_root is not None else 0
    told = _records(subject, chain)
    own = [e.log_index for e in chain if e.log_index < size]
    siblings = trace.map_proof(subject, size)[1].siblings if own else ()
    bundle: dict[str, Any] = {
        "suhe": FORM,
        "lot": subject,
        "code": None,
        "made": max([e.record_time_ms for e in chain] + ([latest.time_ms] if latest is not None else [])),
        "log": trace.log_vkey(),
        "witnesses": [w.cosigner.vkey() for w in trace.witnesses()],
        "checkpoint": trace.checkpoint_note(size) if size else None,
        "records": [r for r in told if r["index"] < size],
        "chains": [{"subject": subject, "records": own, "map": ["" if not any(s) else _b64(s) for s in siblings]}],
        "inclusion": {"index": own[-1], "proof": [_b64(h) for h in trace.inclusion(own[-1], size)]} if own else None,
        "anchor": None,
        "disclosed": {},
        "pending": [r for r in told if r["index"] >= size],
    }
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def _records(subject: str, chain: list[StoredEvent]) -> list[dict[str, Any]]:
    told, last = [], FIRST_PREV
    for e in chain:
        entries = [[n.lot, n.lot_seq, "" if n.lot == subject and n.prev == last else _b64(n.prev)] for n in e.entries]
        last = e.record_hash
        told.append(
            {"index": e.log_index, "body": e.body.decode(errors="replace"), "key": e.key_id, "sig": _b64(e.signature),
             "time": e.record_time_ms, "entries": entries}
        )  # fmt: skip
    return told


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
