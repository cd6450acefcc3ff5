"""The last line of every bench: one JSON object with the figures and whether each bound holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One figure. `at_least` bounds the ratio where there is a peer, else the value; `at_most` likewise."""

    figure: str
    value: float
    unit: str
    scale: str
    peer: str | None = None
    peer_value: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """The figure over its peer's, measured in the same run."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def holds(self) -> bool:
        """Whether every stated bound holds."""
        judged = self.ratio if self.ratio is not None else self.value
        return (self.at_least is None or judged >= self.at_least) and (self.at_most is None or judged <= self.at_most)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}"


def print_report(bench: str, rows: list[Row]) -> None:
    """Print each figure for a person, then the whole as one JSON line."""
    for row in rows:
        against = f"  {row.ratio:.1f}x {row.peer} ({_short(row.peer_value)})" if row.ratio is not None else ""
        print(f"{row.figure:<24} {row.value:>14,.2f} {row.unit:<12} {row.scale}{against}{'' if row.holds else '  DOES NOT HOLD'}")
    told = []
    for row in rows:
        entry = {**asdict(row), "ratio": round(row.ratio, 3) if row.ratio is not None else None, "holds": row.holds}
        told.append({k: v for k, v in entry.items() if not (k in ("at_least", "at_most") and v is None)})
    print(json.dumps({"bench": bench, "rows": told}))
