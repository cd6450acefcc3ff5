"""`suhe verify FILE`: check a proof bundle without any installation of ours: no database, no network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traceability.bundle_outcome import Outcome

HOLDS, BROKEN, CANNOT, TOO_WEAK = 0, 1, 3, 4
_SIGNS = {"ok": "ok  ", "bad": "FAIL", "none": "-   "}


def run(file: Path, log: str, witnesses: list[str], quorum: int | None, *, as_json: bool) -> int:
    """Print the outcome of the check and return the exit code."""
    from traceability.bundle_check import check_bundle
    from traceability.bundle_outcome import Pins

    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        print(f"suhe: {file} cannot be read: {error.strerror}", file=sys.stderr)
        return CANNOT
    pins = Pins(_vkey(log) if log else None, tuple(_vkey(w) for w in witnesses), quorum)
    outcome = check_bundle(data, pins)
    code = _exit_code(outcome, wanted=quorum)
    if as_json:
        print(json.dumps({**outcome.as_json(), "exit": code}, ensure_ascii=False, indent=2))
    else:
        _print(outcome, code)
    return code


def _exit_code(outcome: Outcome, *, wanted: int | None) -> int:
    if outcome.verdict != "holds":
        return BROKEN if outcome.verdict == "broken" else CANNOT
    # Whoever asked for a quorum asked for it to be met.
    return TOO_WEAK if wanted is not None and (outcome.witnesses_from != "pinned" or len(outcome.witnesses) < wanted) else HOLDS


def _print(o: Outcome, code: int) -> None:
    from foundation.clock import from_ms

    for step in o.steps:
        print(f"{_SIGNS[step.state]}  {step.number}. {step.name}: {step.detail}")
    if o.size:
        print(f"checkpoint: {o.size} records, {from_ms(o.time_ms):%Y-%m-%d %H:%M:%S} UTC; what is newer it cannot show")
    if o.log:
        whose = "pinned by you" if o.log_from == "pinned" else "the file's own claim: nobody else vouches for it; pin it with --log"
        print(f"log key: {o.log} ({whose})")
    if o.witnesses_from:
        whose = (
            "pinned by you" if o.witnesses_from == "pinned" else "the file's own list, which counts for nothing; pin them with --witness"
        )
        print(f"witnesses: {', '.join(o.witnesses) or 'none'} of {o.witnesses_known} cosigned ({whose})")
    for secret in o.secrets:
        print(f"record {secret.index}, {secret.field}: {secret.value if secret.value is not None else 'erased or not shown'}")
    if o.verdict == "holds":
        counts = {g: sum(1 for r in o.records if r.own and r.grade == g) for g in dict.fromkeys(r.grade for r in o.records)}
        told = ", ".join(f"{n} {g}" for g, n in counts.items() if n)
        waits = f"; {o.pending} newer records wait for a checkpoint" if o.pending else ""
        print(f"{o.lot}: HOLDS, grade {o.grade} ({told}){waits}")
        if code == TOO_WEAK:
            print("but fewer of the pinned witnesses cosigned than were asked for")
    elif o.verdict == "broken":
        where = f", record {o.record}" if o.record is not None else ""
        print(f"{o.lot or 'this file'}: DOES NOT HOLD at step {o.step}{where}: {o.what}")
    else:
        print(f"{o.lot or 'this file'}: CANNOT BE CHECKED by this program: {o.what}")


def _vkey(told: str) -> str:
    """Return a vkey given as itself or as a file that holds it."""
    path = Path(told)
    return path.read_text().strip() if "+" not in told and path.is_file() else told.strip()
