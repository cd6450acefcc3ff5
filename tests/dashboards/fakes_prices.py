"""A price service by hand: a few products and markets with a made-up but steady past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace

TODAY = date(2026, 11, 23)
NOW_MS = 1_795_420_800_000  # 2026-11-23 16:00 in Shanghai


@dataclass(frozen=True)
class FakeMarket:
    """A market."""

    id: str
    county: str | None
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class FakeRow:
    """A row of the board."""

    product: str
    market: str
    low: int
    mid: int
    high: int
    valid_date: date
    observed_ms: int
    age_days: int
    change_pct: float | None
    previous: int | None
    source: str
    stale: bool


MARKETS = [
    FakeMarket("shenxian", "371522", "莘县瓜菜批发市场", "Shenxian wholesale market"),
    FakeMarket("xinfadi", None, "北京新发地", "Xinfadi, Beijing"),
    FakeMarket("baoying", "321023", "宝应莲藕市场", "Baoying lotus-root market"),
]
PRODUCTS = {"tomato": ("番茄", "Tomato"), "lotus_root": ("莲藕", "Lotus root"), "cucumber": ("黄瓜", "Cucumber")}


class FakePrices:
    """Answers like the price service; `broken` names a source that is quarantined and whose rows are stale."""

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.asked = 0

    def markets(self) -> list[FakeMarket]:
        """Return three markets."""
        return MARKETS

    def series(self, product: str, market: str, start: date, end: date) -> list[SimpleNamespace]:
        """Return a saw-tooth with a few days left out."""
        self.asked += 1
        base = 3000 + 400 * len(product) + 100 * len(market)
        days = [start + timedelta(days=k) for k in range((end - start).days + 1)]
        return [
            SimpleNamespace(
                valid_date=d, low=v - 200, mid=v, high=v + 200, observed_ms=NOW_MS - (TODAY - d).days * 86_400_000, source=market
            )
            for d in days
            if d <= TODAY and d.toordinal() % 17 != 3
            for v in [base + (d.timetuple().tm_yday * 13 + d.toordinal()) % 900]
        ]

    def board(self, county: str | None, day: date | None) -> list[FakeRow]:
        """Return the last quote of each product and market."""
        rows = []
        for product in PRODUCTS:
            for market in MARKETS:
                if (product == "lotus_root") != (market.id == "baoying") and market.id != "xinfadi":
                    continue
                a, b = self.series(product, market.id, TODAY - timedelta(days=5), TODAY)[-2:]
                stale = market.id == self.broken
                rows.append(
                    FakeRow(product, market.id, b.low, b.mid, b.high, TODAY - timedelta(days=3 * stale), NOW_MS - 3_600_000, 3 * stale,
                            100.0 * (b.mid / a.mid - 1), a.mid, market.id, stale)
                )  # fmt: skip
        return rows
