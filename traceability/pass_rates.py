"""Pass rates with their size and their uncertainty, screening and confirmatory apart.

A rate is lots passed of lots tested: the last result of each lot counts, an invalid one does not. The interval is Wilson's at 95 %.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import sqrt

from sqlalchemy import Connection, select

from traceability import store
from traceability.fields_trade import CONFIRMATORY, SCREENING, class_of
from traceability.vocabulary import LOT_URN

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class PassRate:
    """How many of `n` lots passed."""

    passed: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.passed <= self.n:
            raise ValueError(f"{self.passed} of {self.n} is no pass rate")

    @property
    def rate(self) -> float | None:
        """The share that passed, None where nothing was tested."""
        return self.passed / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share; everything from 0 to 1 where nothing was tested."""
        if not self.n:
            return 0.0, 1.0
        n, p, z2 = self.n, self.passed / self.n, _Z95 * _Z95
        middle, half = p + z2 / (2 * n), _Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, (middle - half) / (1 + z2 / n)), min(1.0, (middle + half) / (1 + z2 / n))


def pass_rates(connection: Connection, county: str, since_ms: int) -> dict[str, PassRate]:
    """Return the rates of a county's lots by class, of results that happened since a time."""
    e, entry = store.event.c, store.event_lot.c
    query = select(e.body, entry.lot, e.event_type).join(store.event_lot, entry.log_index == e.log_index)
    query = query.where(e.event_type.in_(("inspect", "judge")), e.event_time_ms >= since_ms, entry.lot.like(f"{LOT_URN}{county}:%"))
    last: dict[tuple[str, str], str] = {}
    for body, lot, kind in connection.execute(query.order_by(e.log_index)):
        try:
            told = json.loads(body)["suhe:judgement" if kind == "judge" else "suhe:inspection"]
            found = told["class"] if kind == "judge" else class_of(told["method"])
            result = str(told["result"])
        except (ValueError, KeyError, TypeError):
            continue  # altered in the database; the verifier names it
        if result != "invalid" and not (kind == "inspect" and told["method"] in ("sensory", "other")):
            last[found, lot] = result
    rates = {}
    for name in (SCREENING, CONFIRMATORY):
        results = [r for (c, _), r in last.items() if c == name]
        rates[name] = PassRate(results.count("pass"), len(results))
    return rates
