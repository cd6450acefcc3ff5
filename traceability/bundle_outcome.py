"""What the check of a bundle answers: a verdict, the steps, a grade for each record and for the whole, and whose word was taken."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

HOLDS, BROKEN, CANNOT = "holds", "broken", "cannot"
GRADES = ("unsigned", "signed", "logged", "witnessed", "anchored")
UNSIGNED, SIGNED, LOGGED, WITNESSED, ANCHORED = GRADES
OK, BAD, NONE = "ok", "bad", "none"

# The plan of the check; the same numbers stand in `_verify_bundle.js`, on the page and in the vectors.
PLAN = {
    1: "form",
    2: "checkpoint signature",
    3: "cosignatures",
    4: "record hash",
    5: "author signature",
    6: "key register",
    7: "chain",
    8: "map (completeness)",
    9: "inclusion",
    10: "anchor consistency",
    11: "disclosed values",
}


@dataclass(frozen=True, slots=True)
class Pins:
    """The keys the checker brings along. Without `log` the file's own claim is taken, and the outcome says so.

    `quorum` is how many of `witnesses` must have cosigned; without it more than half of them.
    """

    log: str | None = None
    witnesses: tuple[str, ...] = ()
    quorum: int | None = None

    @property
    def needed(self) -> int:
        """How many cosignatures make a checkpoint witnessed."""
        return max(1, self.quorum if self.quorum is not None else len(self.witnesses) // 2 + 1)


@dataclass(frozen=True, slots=True)
class BundleStep:
    """One step of the plan: ok, bad, or none where it was not reached or there was nothing to check."""

    number: int
    name: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class RecordMark:
    """What is proved of one record."""

    index: int
    id: str
    kind: str
    grade: str
    own: bool  # stands in the chain of the lot itself
    proved: bool  # under the checkpoint, not newer
    body_hash: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A personal field that a body commits to: its value where it was disclosed and fits, None where it reads "erased"."""

    index: int
    field: str
    value: str | None


@dataclass(slots=True)
class Outcome:
    """The result of a check. `step` and `record` say where it broke; `grade` is None unless it holds."""

    verdict: str
    lot: str = ""
    code: str | None = None
    step: int | None = None
    record: int | None = None
    what: str = ""
    grade: str | None = None
    steps: list[BundleStep] = field(default_factory=list)
    records: list[RecordMark] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    size: int = 0
    time_ms: int = 0
    log: str = ""
    log_from: str = ""
    witnesses: list[str] = field(default_factory=list)
    witnesses_known: int = 0
    witnesses_from: str = ""
    needed: int = 0
    anchor: dict[str, Any] | None = None
    pending: int = 0
    cut: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return asdict(self)


def lowest(grades: list[str]) -> str:
    """Return the lowest of some grades."""
    return min(grades, key=GRADES.index)
