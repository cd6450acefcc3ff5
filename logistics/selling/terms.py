"""The terms of sale from their file: losses by shelf-life class, fees by kind of market, packing; each group with its source and date."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from foundation.errors import BadInput
from logistics.selling.model import Terms
from logistics.tariff import KINDS, Source

FILE = Path(__file__).with_name("terms.toml")


@dataclass(frozen=True, slots=True)
class TermSheet:
    """Every group of terms, and where it comes from."""

    loss: Mapping[str, Mapping[str, Any]]
    fees: Mapping[str, Mapping[str, Any]]
    packing_milli: int
    sources: tuple[Source, ...]

    def terms(self, shelf_life_class: str, market_kind: str) -> Terms:
        """Return the terms of a class of produce in a kind of market."""
        try:
            loss, fees = self.loss[shelf_life_class], self.fees[market_kind]
        except KeyError as error:
            known = ", ".join((*self.loss, *self.fees))
            raise BadInput("there are no terms for this", expected=known, got=f"{shelf_life_class}, {market_kind}") from error
        return Terms(
            loss["ppm_per_hour"], loss["handling_ppm"], fees["commission_ppm"], fees["entry_milli_per_kg"], self.packing_milli
        )  # fmt: skip


@cache
def term_sheet() -> TermSheet:
    """Return the terms as shipped."""
    return read_terms(tomllib.loads(FILE.read_text(encoding="utf-8")))


def read_terms(told: Mapping[str, Any]) -> TermSheet:
    """Return the terms of a file's content; refuse a group without kind, source and date."""
    groups = {f"loss.{k}": v for k, v in told["loss"].items()} | {f"fees.{k}": v for k, v in told["fees"].items()}
    groups["packing"] = told["packing"]
    for name, group in groups.items():
        if group.get("kind") not in KINDS or not group.get("source") or not group.get("as_of"):
            raise BadInput("figures of the terms have no source", expected="kind, source and as_of in every group", got=name)
    sources = tuple(Source(name, g["kind"], g["source"], g["as_of"]) for name, g in groups.items())
    return TermSheet(told["loss"], told["fees"], told["packing"]["milli_per_kg"], sources)
