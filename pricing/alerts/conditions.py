"""What a rule watches for: one flat noun, and a table of what each kind of condition needs."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput
from foundation.ids import check_id

LEVEL, CHANGE, IPA, ALPS, SPREAD, FORECAST, SILENT = "level", "change", "ipa", "alps", "spread", "forecast", "silent"
ABOVE, BELOW = "above", "below"
QUANTILES = ("p10", "p50", "p90")
MOST_WEEKS = 12
MOST_DAYS = 90
LARGEST_PRICE = 10_000_000
# The published classes: FAO calls an anomaly moderate from 0.5 and high from 1 (SDG 2.c.1 metadata); WFP's ALPS is stress from 0.25,
# alert from 1 and crisis from 2 (VAM technical guidance note).
IPA_LIMITS = (0.5, 1.0)
ALPS_LIMITS = (0.25, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Need:
    """What a kind of condition needs: its fields, the sides it may look to, and how far back it must come before it is over.

    `margin` is the hysteresis: a share of the limit where `relative`, else in the limit's own unit.
    """

    fields: frozenset[str]
    sides: tuple[str, ...]
    margin: float
    relative: bool


_WHERE = frozenset({"product", "market"})
NEEDS: dict[str, Need] = {
    LEVEL: Need(_WHERE, (ABOVE, BELOW), 0.02, relative=True),
    CHANGE: Need(_WHERE | {"days"}, (ABOVE, BELOW), 0.2, relative=True),
    IPA: Need(_WHERE, (ABOVE, BELOW), 0.1, relative=False),
    ALPS: Need(_WHERE, (ABOVE,), 0.1, relative=False),
    SPREAD: Need(_WHERE | {"other_market"}, (ABOVE,), 0.1, relative=True),
    FORECAST: Need(_WHERE | {"weeks", "quantile"}, (ABOVE, BELOW), 0.02, relative=True),
    SILENT: Need(frozenset({"source"}), (ABOVE,), 0.0, relative=False),
}
KINDS = tuple(NEEDS)


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule is met.

    `limit`: thousandths of the currency per kilogram for level and forecast; per cent, without a sign, over `days` for change; the
    indicator's value for ipa and alps; for spread what carrying a kilogram between the two markets costs, in thousandths; 0 for silent,
    whose limit is the source's own (one and a half of its periods, its calendar kept). `side` above means at or over the limit, for change
    a rise; below means at or under it, for change a fall.
    """

    kind: str
    side: str = ABOVE
    limit: float = 0.0
    product: str = ""
    market: str = ""
    other_market: str = ""
    source: str = ""
    days: int = 0
    weeks: int = 0
    quantile: str = ""

    def __post_init__(self) -> None:
        if self.kind not in NEEDS:
            raise BadInput("there is no such kind of alert", expected=", ".join(KINDS), got=self.kind[:40])
        need = NEEDS[self.kind]
        given = {k for k in ("product", "market", "other_market", "source", "days", "weeks", "quantile") if getattr(self, k)}
        if given != need.fields:
            raise BadInput(
                f"an alert of kind {self.kind} needs other fields", expected=", ".join(sorted(need.fields)), got=str(sorted(given))
            )
        for name in ("product", "market", "other_market", "source"):
            if getattr(self, name):
                check_id(getattr(self, name), name)
        if self.side not in need.sides:
            raise BadInput("this alert cannot look to that side", expected=" or ".join(need.sides), got=self.side[:40])
        self._check_limit()
        if self.other_market and self.other_market == self.market:
            raise BadInput("a spread lies between two markets", got=self.market)
        if self.days and not 1 <= self.days <= MOST_DAYS:
            raise BadInput("these days cannot be compared", expected=f"1 to {MOST_DAYS} days", got=str(self.days))
        if self.weeks and not 1 <= self.weeks <= MOST_WEEKS:
            raise BadInput("there is no forecast so far ahead", expected=f"1 to {MOST_WEEKS} weeks", got=str(self.weeks))
        if self.quantile and self.quantile not in QUANTILES:
            raise BadInput("there is no such line of a forecast", expected=", ".join(QUANTILES), got=self.quantile[:20])

    def _check_limit(self) -> None:
        expected, good = {
            LEVEL: ("a price", 0 < self.limit <= LARGEST_PRICE),
            FORECAST: ("a price", 0 < self.limit <= LARGEST_PRICE),
            SPREAD: ("a transfer cost", 0 < self.limit <= LARGEST_PRICE),
            CHANGE: ("0.5 to 500 per cent", 0.5 <= self.limit <= 500),
            IPA: (f"one of {IPA_LIMITS}", self.limit in IPA_LIMITS),
            ALPS: (f"one of {ALPS_LIMITS}", self.limit in ALPS_LIMITS),
        }.get(self.kind, ("0: the limit comes with the facts", self.limit == 0))
        if not good:
            raise BadInput("this limit cannot be used", expected=expected, got=f"{self.limit:g}")
