"""The price index that makes real prices of nominal ones: a file of the installation, `cpi.toml`; without it prices stay nominal.

`[monthly]` holds "2026-10" = 103.2 and so on; `[annual]` holds "2025" = 102.0 and so on, from which months are interpolated. `source` and
`date` say whose figures they are.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from foundation.errors import BadInput
from pricing.analysis.ipa import interpolated, is_annual


@dataclass(frozen=True, slots=True)
class Cpi:
    """A monthly price index by first of the month, with its source; `made` where months were interpolated from years."""

    months: dict[date, float]
    source: str
    date: date
    made: bool


def read_cpi(path: Path) -> Cpi | None:
    """Return the installation's price index, None where there is no file.

    Raises:
        BadInput: the file is incomplete, or an annual index was repeated over the months.

    """
    if not path.is_file():
        return None
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        monthly = {date.fromisoformat(f"{m}-01"): float(v) for m, v in found.get("monthly", {}).items()}
        annual = {int(y): float(v) for y, v in found.get("annual", {}).items()}
        source, day = str(found["source"]), found["date"]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInput("this price index cannot be read", got=f"{path.name}: {error}") from None
    if not monthly and not annual:
        raise BadInput("this price index has no figures", expected="[monthly] or [annual]", got=path.name)
    if min([*monthly.values(), *annual.values()]) <= 0:
        raise BadInput("a price index is above 0", got=path.name)
    if is_annual(monthly):
        raise BadInput(
            "this price index changes only in January, so every January would look like a crash",
            expected="monthly figures", got=path.name, todo="put one figure a year under [annual]; months are then interpolated",
        )  # fmt: skip
    return Cpi({**interpolated(annual), **monthly}, source, day, not monthly)
