"""Clocks that are whole hours off: watched batch by batch, proposed, and corrected where a person has said so. Table `clock_proposal`.

A writer watches in the thread that writes, whole arrays at once: readings whose clocks are right cost one comparison each.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from foundation.errors import Conflict, NotFound
from ingest.catalog import Catalog
from ingest.clocks import HOUR_MS, MOST_HOURS, NEAR_MS, Finding, Suspicion

PROPOSED, ACCEPTED, REFUSED, REVOKED, REPLACED = "proposed", "accepted", "refused", "revoked", "replaced"
# Devices under suspicion at one time; beyond that the clock that is wrong is ours.
MOST_SUSPECTS = 5_000
# A proposal that stands is brought up to date no oftener.
_AGAIN_MS = 600_000
# A mean of an hour is filed under the hour's beginning: it says nothing of the clock.
STRETCHES = (".minute", ".hour", ".day")
_FURTHEST_MS = MOST_HOURS * HOUR_MS + NEAR_MS


@dataclass(frozen=True, slots=True)
class ClockProposal:
    """A correction, proposed or decided. `device` is empty where it is for every device of the gateway.

    `correction_ms` is what is added to the device's own time; `spread_ms` how far the offsets it rests on lie apart. `decided_by` accepted
    or refused it, `revoked_by` took an accepted one back.
    """

    id: int
    gateway: str
    device: str
    correction_ms: int
    first_ms: int
    last_ms: int
    messages: int
    spread_ms: int
    state: str
    decided_by: str
    decided_ms: int | None
    revoked_by: str
    revoked_ms: int | None


class ClockWatch:
    """The clocks of one writer's devices. The thread that writes uses it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen = -1
        self._devices: list[tuple[str, str]] = []
        self._number: Any = None
        self._begins: Any = None
        self._numbers: dict[tuple[str, str], int] = {}
        self._by_number: dict[int, int] = {}
        self._accepted: dict[tuple[str, str], ClockProposal] = {}
        self._corrections: Any = None
        self._since: Any = None
        self._suspects: dict[int, Suspicion] = {}
        self._told: dict[int, tuple[int, int]] = {}
        self._findings: list[tuple[int, Finding]] = []

    def correct(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Return a batch's columns with accepted corrections applied, and note what its clocks say; the columns given are not changed."""
        import numpy as np

        sid, t, received = arrays["sid"], arrays["t"], arrays["received"]
        self._look(int(sid.max()))
        told = arrays["shift"] == 0 if "shift" in arrays else np.True_
        corrections = self._corrections[sid]
        # The clock is right, or wrong by what is corrected anyway: no further look.
        offset = received - t
        odd = (np.abs(offset - corrections) > HOUR_MS // 2) & (np.abs(offset) <= _FURTHEST_MS) & told
        if odd.any() or self._suspects:
            told_now = told & ~self._begins[sid]
            self._observe(self._number[sid], offset, received, odd & told_now, told_now)
        applied = (corrections != 0) & told & (received >= self._since[sid])
        if not applied.any():
            return arrays
        shift = arrays["shift"].copy() if "shift" in arrays else np.zeros(len(t), dtype=np.int64)
        shift[applied] = -corrections[applied]
        return {**arrays, "t": t + np.where(applied, corrections, 0), "shift": shift}

    def correction(self, sid: int) -> int:
        """Return what is added to a series' times at present."""
        return int(self._corrections[sid]) if self._corrections is not None and sid < len(self._corrections) else 0

    def put(self, db: sqlite3.Connection) -> None:
        """Write what was found since the last batch that was written."""
        for number, finding in self._findings:
            gateway, device = self._devices[number]
            _propose(db, gateway, device, finding)
            self._told[number] = (finding.correction_ms, finding.last_ms)

    def written(self) -> None:
        """Forget what was written."""
        self._findings.clear()

    def _observe(self, number: Any, offset: Any, received: Any, odd: Any, told: Any) -> None:
        """Look at the newest reading of each device that is off or was: its offset is the smallest, for delays only add to it."""
        import numpy as np

        wanted = np.zeros(len(self._devices), dtype=bool)
        wanted[number[odd]] = True
        if self._suspects:
            wanted[list(self._suspects)] = True
        rows = np.flatnonzero(wanted[number] & told)
        order = rows[np.lexsort((offset[rows], number[rows]))]
        first = order[np.append(True, number[order][1:] != number[order][:-1])] if len(order) else order
        for row in first.tolist():
            device = int(number[row])
            suspect = self._suspects.get(device)
            if suspect is None:
                if len(self._suspects) >= MOST_SUSPECTS:
                    continue
                suspect = self._suspects[device] = Suspicion()
            found = suspect.observe(int(received[row]), int(offset[row]))
            if found is None:
                if not suspect.total or suspect.hours * HOUR_MS == self._correction_of(device):
                    del self._suspects[device]
                continue
            if found.correction_ms != self._correction_of(device):
                correction, last = self._told.get(device, (None, 0))
                if correction != found.correction_ms or found.last_ms - last >= _AGAIN_MS:
                    self._findings.append((device, found))

    def _correction_of(self, number: int) -> int:
        return self._by_number.get(number, 0)

    def _look(self, highest: int) -> None:
        """Take in new series, and what was decided meanwhile."""
        import numpy as np

        seen = self._catalog.changed_by_others()
        known = 0 if self._number is None else len(self._number)
        if seen == self._seen and highest < known:
            return
        if highest >= known:
            series = self._catalog.series()
            size = max(highest, max((s.sid for s in series), default=0)) + 1
            self._number = np.zeros(size, dtype=np.int64)
            self._begins = np.zeros(size, dtype=bool)
            for one in series:
                key = (one.gateway, one.device)
                if key not in self._numbers:
                    self._numbers[key] = len(self._devices)
                    self._devices.append(key)
                self._number[one.sid] = self._numbers[key]
                self._begins[one.sid] = one.channel.endswith(STRETCHES)
        self._seen = seen
        accepted = {(p.gateway, p.device): p for p in proposals(self._catalog, "state = 'accepted'")}
        if highest < known and accepted == self._accepted:
            return
        self._accepted = accepted
        by_number = np.zeros(len(self._devices), dtype=np.int64)
        since = np.zeros(len(self._devices), dtype=np.int64)
        self._by_number = {}
        if accepted:
            for number, (gateway, device) in enumerate(self._devices):
                found = accepted.get((gateway, device)) or accepted.get((gateway, ""))
                if found is not None:
                    by_number[number], since[number] = found.correction_ms, found.decided_ms or 0
                    self._by_number[number] = found.correction_ms
        self._corrections, self._since = by_number[self._number], since[self._number]


def proposals(catalog: Catalog, where: str = "1", parameters: tuple[object, ...] = ()) -> list[ClockProposal]:
    """Return the corrections that satisfy an SQL condition, those that wait for a decision first, then the newest."""
    query = (
        "SELECT id, gateway, device, correction_ms, first, last, messages, spread_ms, state, decided_by, decided, revoked_by, revoked "
        f"FROM clock_proposal WHERE {where} ORDER BY state <> 'proposed', last DESC, id"
    )
    return [ClockProposal(*row) for row in catalog.rows(query, parameters)]  # type: ignore[arg-type]


def one_proposal(catalog: Catalog, proposal: int) -> ClockProposal:
    """Return a correction by its number."""
    found = proposals(catalog, "id = ?", (proposal,))
    if not found:
        raise _nothing(proposal)
    return found[0]


def accept(catalog: Catalog, proposal: int, who: str, at_ms: int, *, whole_gateway: bool = False) -> ClockProposal:
    """Apply a proposed correction to what is received from `at_ms` on; what is stored stays as it is.

    With `whole_gateway` it counts for every device of the gateway, and other proposals of the same correction there are settled with it.
    """
    with catalog.transaction() as db:
        found = _one(db, proposal)
        if found.state != PROPOSED:
            raise Conflict("this correction is decided already", got=f"{found.state} by {found.decided_by}")
        device = "" if whole_gateway else found.device
        # One correction at a time: the one before is over.
        db.execute(
            "UPDATE clock_proposal SET state = ?, revoked_by = ?, revoked = ? WHERE state = ? AND gateway = ? AND (device = ? OR ? = '')",
            (REPLACED, who, at_ms, ACCEPTED, found.gateway, device, device),
        )
        db.execute(
            "UPDATE clock_proposal SET state = ?, decided_by = ?, decided = ?, device = ? WHERE id = ?",
            (ACCEPTED, who, at_ms, device, proposal),
        )
        if whole_gateway:
            db.execute(
                "DELETE FROM clock_proposal WHERE state = ? AND gateway = ? AND correction_ms = ?",
                (PROPOSED, found.gateway, found.correction_ms),
            )
        return _one(db, proposal)


def refuse(catalog: Catalog, proposal: int, who: str, at_ms: int) -> ClockProposal:
    """Leave a clock as it is; the same correction is not proposed for this device again."""
    change = "UPDATE clock_proposal SET state = ?, decided_by = ?, decided = ? WHERE id = ?"
    return _decide(catalog, proposal, PROPOSED, change, REFUSED, who, at_ms)


def revoke(catalog: Catalog, proposal: int, who: str, at_ms: int) -> ClockProposal:
    """Correct no more what is received from now on; what was corrected keeps the device's own time beside it."""
    change = "UPDATE clock_proposal SET state = ?, revoked_by = ?, revoked = ? WHERE id = ?"
    return _decide(catalog, proposal, ACCEPTED, change, REVOKED, who, at_ms)


def _decide(catalog: Catalog, proposal: int, wanted: str, change: str, state: str, who: str, at_ms: int) -> ClockProposal:
    with catalog.transaction() as db:
        found = _one(db, proposal)
        if found.state != wanted:
            raise Conflict(f"only a correction that is {wanted} can become {state}", got=found.state)
        db.execute(change, (state, who, at_ms, proposal))
        return _one(db, proposal)


def _one(db: sqlite3.Connection, proposal: int) -> ClockProposal:
    row = db.execute(
        "SELECT id, gateway, device, correction_ms, first, last, messages, spread_ms, state, decided_by, decided, revoked_by, revoked "
        "FROM clock_proposal WHERE id = ?",
        (proposal,),
    ).fetchone()
    if row is None:
        raise _nothing(proposal)
    return ClockProposal(*row)


def _nothing(proposal: int) -> NotFound:
    return NotFound("there is no such correction of a clock", got=str(proposal), todo="suhe feed clock")


def _propose(db: sqlite3.Connection, gateway: str, device: str, finding: Finding) -> None:
    """Note a finding, unless a person has decided on the very same; one that stands is brought up to date, another one replaced."""
    decided = db.execute(
        "SELECT 1 FROM clock_proposal WHERE gateway = ? AND device IN (?, '') AND correction_ms = ? AND state IN (?,?,?)",
        (gateway, device, finding.correction_ms, ACCEPTED, REFUSED, REVOKED),
    ).fetchone()
    if decided is not None:
        return
    told = (finding.first_ms, finding.last_ms, finding.messages, finding.spread_ms)
    changed = db.execute(
        "UPDATE clock_proposal SET first = min(first, ?), last = max(last, ?), messages = ?, spread_ms = ? "
        "WHERE gateway = ? AND device = ? AND correction_ms = ? AND state = ?",
        (*told, gateway, device, finding.correction_ms, PROPOSED),
    )
    if not changed.rowcount:
        db.execute("DELETE FROM clock_proposal WHERE gateway = ? AND device = ? AND state = ?", (gateway, device, PROPOSED))
        db.execute(
            "INSERT INTO clock_proposal (gateway, device, correction_ms, first, last, messages, spread_ms, state, decided_by, revoked_by) "
            "VALUES (?,?,?,?,?,?,?,?,'','')",
            (gateway, device, finding.correction_ms, *told, PROPOSED),
        )
