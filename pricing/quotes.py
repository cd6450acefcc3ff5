"""The nouns of prices: a raw quote as a source wrote it, a quote in thousandths per kilogram, a series, a market, a window of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from foundation.errors import BadInput
from foundation.ids import check_county, check_id

# How the middle price came about: half-way between low and high, told by the source, or the only price there is.
MidKind = Literal["midpoint", "reported", "single"]
MARKET_KINDS = ("origin", "wholesale", "retail")


@dataclass(frozen=True, slots=True)
class Window:
    """A closed window of market days: both ends belong to it."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise BadInput("this window of days is empty", expected="a start no later than the end", got=f"{self.start} to {self.end}")

    @property
    def days(self) -> int:
        """How many days the window has."""
        return (self.end - self.start).days + 1

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"


@dataclass(frozen=True, slots=True)
class RawQuote:
    """One row as a source wrote it: prices and unit are still text, the name is the source's own."""

    market: str
    name: str
    day: date
    low: str
    mid: str
    high: str
    unit: str
    spec: str = ""
    grade: str = ""
    origin: str = ""
    volume_kg: int | None = None
    row: int = 0
    # Where a row names its own; otherwise its source's currency holds.
    currency: str = ""
    # What one pack weighs where the price is per pack, as the source tells it: "10", "10斤", "5 kg".
    pack: str = ""

    @property
    def raw_price(self) -> str:
        """The three prices as they were written."""
        return f"{self.low}|{self.mid}|{self.high}"


@dataclass(frozen=True, slots=True)
class Series:
    """What is quoted day by day: a source's product name, spec, grade and origin in one market.

    `product` and `variety` are ours where the name is known; they are a reading of the name, not part of what the series is.
    """

    source: str
    market: str
    name: str
    spec: str = ""
    grade: str = ""
    origin: str = ""
    currency: str = "CNY"
    product: str | None = None
    variety: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str, str, str, str]:
        """What makes the series one and the same; product and variety are only our reading of its name."""
        return (self.source, self.market, self.name, self.spec, self.grade, self.origin, self.currency)


@dataclass(frozen=True, slots=True)
class Quote:
    """One price of one series on one market day, in thousandths of the currency per kilogram; raw text and unit are kept beside it."""

    series: Series
    valid_date: date
    low: int
    mid: int
    high: int
    mid_kind: MidKind
    raw_price: str
    raw_unit: str
    volume_kg: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.mid <= self.high:
            raise BadInput("these prices are out of order", expected="0 < low <= mid <= high", got=f"{self.low}, {self.mid}, {self.high}")


@dataclass(frozen=True, slots=True)
class Market:
    """A place where produce is priced; `county` where it is one of a county's own markets.

    `territory` is the customs territory it lies in (ISO 3166) and `currency` the one its prices are in: quotes in another are never
    shown under it. A `reference` is no place but a figure about
    many (a national average): it is kept and can be asked for, but stands on no board and enters no average of markets.
    """

    id: str
    name_zh: str
    name_en: str
    kind: str
    county: str | None = None
    territory: str = "CN"
    currency: str = "CNY"
    reference: bool = False

    def __post_init__(self) -> None:
        check_id(self.id, "market id")
        if self.county is not None:
            check_county(self.county)
        if self.kind not in MARKET_KINDS:
            raise BadInput("there is no such kind of market", expected=", ".join(MARKET_KINDS), got=self.kind)
        if len(self.territory) != 2 or len(self.currency) != 3:
            raise BadInput(
                "a market has a customs territory and a currency", expected="such as CN and CNY", got=f"{self.territory}, {self.currency}"
            )

    @property
    def comparable(self) -> bool:
        """Whether its prices may stand on a county's board: a real market of the mainland's customs territory, in yuan."""
        return self.territory == "CN" and self.currency == "CNY" and not self.reference
