"""Limits of residues as a dated table: which edition was in force on the day of sampling, and what it allows.

The table is the operator's (`suhe trace limits import FILE`); what is shipped is a sample to show the form. `checked` says whether a row
was compared with the text of its standard: of the shipped rows the dates of the editions were, the values were not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import Any

from foundation.errors import BadInput, Conflict
from traceability.fields_trade import SCREENING_METHODS

COLUMNS = ("edition", "from_day", "to_day", "analyte", "product", "value", "unit", "source", "checked")
_MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one edition. `to_day` is the last day in force, None while it still is; `product` an id of ours, or * for any."""

    edition: str
    from_day: date
    to_day: date | None
    analyte: str
    product: str
    value: Decimal
    unit: str
    source: str
    checked: bool


class Limits:
    """A table of limits."""

    def __init__(self, rows: Iterable[Limit]) -> None:
        self.rows = tuple(rows)
        self._by_key = {(r.edition, r.analyte, r.product): r for r in self.rows}
        self._editions = {r.edition: (r.from_day, r.to_day) for r in self.rows}

    def edition_on(self, family: str, day: date) -> str | None:
        """Return the edition of a standard ("GB 2763") in force on a day, None where the table knows none."""
        held = (e for e, (start, end) in self._editions.items() if family_of(e) == family and start <= day and (end is None or day <= end))
        return max(held, default=None)

    def check(self, told: Mapping[str, Any], tested: Mapping[str, Any], sampled: date, product: str = "") -> None:
        """Refuse a judgement that cites an edition not in force on the sampling day, or a limit other than its edition's.

        A screening is judged by the standard of its method. What the table does not hold is not compared.
        """
        edition = str(told["edition"])
        if tested["method"] in SCREENING_METHODS:
            if edition != tested["standard"]:
                raise Conflict("a screening is judged by its method's own standard", expected=str(tested["standard"]), got=edition)
            return
        right = self.edition_on(family_of(edition), sampled)
        if right is None:
            raise Conflict(
                "the table of limits knows no edition of this standard for the day of sampling",
                expected=", ".join(sorted(self._editions)), got=f"{edition} on {sampled}", todo="suhe trace limits import FILE",
            )  # fmt: skip
        if edition != right:
            raise Conflict("another edition was in force on the day of sampling", expected=f"{right} on {sampled}", got=edition)
        for given in told["limits"]:
            known = self._by_key.get((edition, given["analyte"], product)) or self._by_key.get((edition, given["analyte"], "*"))
            if known is not None and (known.value, known.unit) != (Decimal(repr(given["limit"])), given["unit"]):
                raise Conflict(
                    f"{edition} has another limit for {given['analyte']}",
                    expected=f"{known.value} {known.unit}",
                    got=f"{given['limit']} {given['unit']}",
                )


def family_of(edition: str) -> str:
    """Return a standard's name without its year."""
    return edition.rsplit("-", 1)[0].strip()


def read_limits(text: str) -> list[Limit]:
    """Return the limits a CSV file holds.

    Raises:
        BadInput: a column is missing, a row says nonsense, or two rows contradict each other; the message names the row.

    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise BadInput("the table of limits lacks columns", expected=", ".join(COLUMNS), got=", ".join(reader.fieldnames or ()) or "none")
    found: dict[tuple[str, str, str], Limit] = {}
    days: dict[str, tuple[date, date | None]] = {}
    for number, row in enumerate(reader, 2):
        if number > _MOST_ROWS:
            raise BadInput("the table of limits is too long", expected=f"at most {_MOST_ROWS} rows")
        limit = _read_row(row, number)
        key = (limit.edition, limit.analyte, limit.product)
        if key in found:
            raise BadInput(f"row {number} of the limits repeats another", got=", ".join(key))
        if days.setdefault(limit.edition, (limit.from_day, limit.to_day)) != (limit.from_day, limit.to_day):
            raise BadInput(f"row {number} gives its edition other days than the rows before", got=limit.edition)
        found[key] = limit
    return list(found.values())


def sample_limits() -> list[Limit]:
    """Return the sample that is shipped."""
    return read_limits(files("traceability").joinpath("data/limits_sample.csv").read_text("utf-8"))


def _read_row(row: Mapping[str, Any], number: int) -> Limit:
    told = {c: str(row.get(c) or "").strip() for c in COLUMNS}
    for name in ("edition", "from_day", "analyte", "product", "value", "unit", "source"):
        if not told[name]:
            raise BadInput(f"row {number} of the limits has no {name}", expected="a value", got="nothing")
    try:
        value = Decimal(told["value"])
        start, end = date.fromisoformat(told["from_day"]), date.fromisoformat(told["to_day"]) if told["to_day"] else None
    except (ValueError, InvalidOperation) as error:
        raise BadInput(
            f"row {number} of the limits cannot be read", expected="days as 2026-03-01, a decimal value", got=str(told)[:160]
        ) from error
    if not value.is_finite() or not 0 <= value <= 10**6 or (end is not None and end < start) or told["checked"] not in ("yes", "no"):
        raise BadInput(
            f"row {number} of the limits says nonsense", expected="a value of 0 or more, an end after its beginning, checked yes or no",
            got=str(told)[:160],
        )  # fmt: skip
    return Limit(
        told["edition"], start, end, told["analyte"], told["product"], value, told["unit"], told["source"], told["checked"] == "yes"
    )
