"""Step 12 of the plan: the tables beside the log hold what the events make of them, no more and no less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from foundation.errors import BadInput
from traceability import store
from traceability.codes import read_code, seal_text
from traceability.lots import Lot
from traceability.notes import NoteVerifier


def lot_faults(expected: Lot | None, row: Row[Any] | None, held: Sequence[Row[Any]]) -> list[str]:
    """Return how a lot's row and holdings differ from what its events make of it."""
    if expected is None:
        return ["no event makes this lot"]
    if row is None:
        return ["its row is missing"]
    faults = []
    kept = row._mapping
    for name, value in store.row_of(expected).items():
        if kept[name] != value:
            faults.append(f"the stored {name} is {_shown(kept[name])}, its events say {_shown(value)}")
    found = sorted((r.party, r.held, r.arriving) for r in held)
    wanted = sorted((r["party"], r["held"], r["arriving"]) for r in store.holding_rows(expected))
    if found != wanted:
        faults.append(f"the stored holdings are {found}, its events say {wanted}")
    return faults


def code_fault(row: Row[Any], log_key: NoteVerifier) -> list[str]:
    """Return what is wrong with a lot's code: mistyped, or not the one the log's key gave to this lot."""
    if row.kind != "produce":
        return ["an input has no trace code"] if row.code or row.code_seal else []
    try:
        fine = read_code(row.code or "") == row.code and log_key.fits(seal_text(row.id, row.code), row.code_seal or b"")
    except BadInput:
        fine = False
    return [] if fine else ["its trace code is not the one it was given"]


def _shown(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes) else repr(value)
