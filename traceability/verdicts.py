"""What a verification answers: steps that hold or not, and problems that name the record."""

from __future__ import annotations

from dataclasses import dataclass

from traceability.notes import Checkpoint

# The numbered plan every verification follows; auditors read these numbers in the code, on the pages and in the terminal.
PLAN = {
    1: "body hash",
    2: "canonical JSON",
    3: "stored fields",
    4: "signature",
    5: "signing key",
    6: "chain",
    7: "record hash",
    8: "record time",
    9: "leaf",
    10: "log root",
    11: "checkpoint signature",
    12: "tables",
    13: "map",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not hold, in which record and for which lots. `record_index` is None where no one record is to blame."""

    record_index: int | None
    event_id: str
    lots: tuple[str, ...]
    what: str
    step: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan, whether it holds for everything looked at, and a sentence on what was compared."""

    number: int
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verification of one lot. `pending` counts its records newer than the checkpoint."""

    lot: str
    ok: bool
    steps: tuple[Step, ...]
    event_count: int
    head: str
    checkpoint: Checkpoint | None
    pending: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class LogReport:
    """The verification of the whole log. `size` and `root_hex` are of the records as they stand, sealed or not."""

    ok: bool
    size: int
    root_hex: str
    checkpoints: int
    problems: tuple[Problem, ...]
