"""How far the simulated field has come, kept on disk so that a killed simulator goes on and never contradicts itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from foundation.files import write_durably


@dataclass
class Window:
    """A stretch of the past (after, until] still to be sent; `done` counts the days each gateway has put into its spool."""

    after_ms: int
    until_ms: int
    history: bool
    done: dict[str, int] = field(default_factory=dict)


@dataclass
class Progress:
    """Everything a restart needs to know.

    `unacknowledged` holds, per gateway, the (sequence, readings) of history messages not yet known to be acknowledged.
    """

    seed: int
    windows: list[Window]
    live_since_ms: int
    live_until_ms: int
    history_total: int
    history_sent: int = 0
    history_complete: bool = False
    last_seq: dict[str, int] = field(default_factory=dict)
    unacknowledged: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    labelled_days: list[int] = field(default_factory=list)

    def acknowledged(self) -> int:
        """Return how many history readings are known to be safely kept by ingest."""
        return self.history_sent - sum(n for waiting in self.unacknowledged.values() for _, n in waiting)

    def note_sent(self, gateway: str, sequences: list[int], sizes: list[int], *, history: bool) -> None:
        """Record messages put into a gateway's spool."""
        if not sequences:
            return
        self.last_seq[gateway] = sequences[-1]
        if history:
            self.history_sent += sum(sizes)
            self.unacknowledged.setdefault(gateway, []).extend(zip(sequences, sizes, strict=True))

    def note_pending(self, gateway: str, pending: int) -> None:
        """Record that a gateway still holds `pending` messages; they are its newest, because it sends in order."""
        waiting = self.unacknowledged.get(gateway)
        if waiting:
            oldest = self.last_seq.get(gateway, 0) - pending
            self.unacknowledged[gateway] = [(seq, n) for seq, n in waiting if seq > oldest]

    def save(self, path: Path) -> None:
        """Write the state durably."""
        write_durably(path, json.dumps(asdict(self)).encode())


def load_progress(path: Path) -> Progress | None:
    """Return the state last saved, or None where there is none."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    told["windows"] = [Window(**w) for w in told["windows"]]
    told["unacknowledged"] = {g: [(int(s), int(n)) for s, n in waiting] for g, waiting in told["unacknowledged"].items()}
    return Progress(**told)
