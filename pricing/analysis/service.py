"""What analysis answers: the facts of a product, the spread of two markets, a county's index, and what is unusual today."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from foundation.clock import Clock, from_ms, market_day
from foundation.errors import BadInput, NotFound
from foundation.ids import check_county
from foundation.log import get_logger
from pricing.analysis import basket as baskets
from pricing.analysis import levels as leveling
from pricing.analysis.basket import Basket, read_baskets
from pricing.analysis.book import Book, Pair, of_one_source
from pricing.analysis.cpi import Cpi, read_cpi
from pricing.analysis.facts import IndexPoint, IndexSeries, Link, ProductFacts, SpreadFacts, Unusual
from pricing.analysis.index import chained, laspeyres
from pricing.analysis.levels import Rule, read_rules
from pricing.analysis.telling import facts_of, spread_facts
from pricing.analysis.usual import Past, past_of, ranked, unusual_of, unusual_spread
from pricing.board import Point
from pricing.markets import markets_of
from pricing.weekly import monday_of

if TYPE_CHECKING:
    from pricing.service import Prices

# How fast a spread returns is judged over two years.
RETURN_WEEKS = 104
_FIRST = date(1990, 1, 1)

T = TypeVar("T")


class Analysis:
    """The use cases of analysis. `folder` is where the installation keeps its own baskets, levels and price index, all of them optional."""

    def __init__(self, prices: Prices, clock: Clock, folder: Path) -> None:
        self._prices = prices
        self._clock = clock
        self._folder = folder
        self._book = Book(prices.engine, clock)
        self._pasts: dict[Pair, tuple[Sequence[Point], Past]] = {}
        self._complained: set[str] = set()
        self._told: dict[str, tuple[tuple[object, ...], list[Unusual]]] = {}

    def product(self, product: str, market: str, day: date | None = None, as_of_ms: int | None = None) -> ProductFacts:
        """Return all facts of a product in a market on a day (default today); `as_of_ms` tells them as they were known then."""
        day = day or _day_of(as_of_ms) or market_day(self._clock.now())
        points = self._prices.series(product, market, _FIRST, day, as_of_ms=as_of_ms)
        cpi = self._usable(self.cpi, None)
        return facts_of(
            product,
            market,
            day,
            points,
            rule=self._usable(lambda: self.rule_of(product, market), None),
            cpi=cpi.months if cpi else None,
            as_of_ms=as_of_ms,
        )

    def spread(
        self, product: str, a: str, b: str, transfer_cost_milli: int | None, *, day: date | None = None, as_of_ms: int | None = None
    ) -> SpreadFacts:
        """Return how far market `a` lies above `b`; the transfer cost is what carrying a kilogram from the cheaper to the dearer takes."""
        day = day or _day_of(as_of_ms) or market_day(self._clock.now())
        start = day - timedelta(weeks=RETURN_WEEKS)
        pa, pb = (_prices_of(self._prices.series(product, m, start, day, as_of_ms=as_of_ms)) for m in (a, b))
        return spread_facts(product, a, b, day, pa, pb, transfer_cost_milli)

    def index(self, county: str, start: date, end: date, as_of_ms: int | None = None, *, version: str | None = None) -> IndexSeries:
        """Return the county's basket index from `start` to `end`, its versions chained, or one version by itself.

        Raises:
            NotFound: the county has no basket, or no such version.

        """
        versions = self.baskets(county)
        if version is not None:
            versions = [b for b in versions if b.id == version]
        if not versions:
            raise NotFound("there is no basket", got=f"{county} {version or ''}".strip(), todo="put one into the folder of baskets")
        newest = versions[-1]
        series: list[IndexPoint] = []
        links: list[Link] = []
        for number, b in enumerate(versions):
            # A version is computed back to its overlap with the one before, whatever is asked for.
            first = min([start, *(v.link.start for v in versions[number : number + 2] if v.link)])
            own = laspeyres(b, self._quotes(b, end, as_of_ms), first, end)
            if not own:
                reason = "not-enough-history"
                return IndexSeries(county, newest.id, versions[0].base, newest.items, newest.markets, (), tuple(links), as_of_ms, reason)
            if b.link is None or version is not None:
                series = own
                continue
            try:
                series, link = chained(series, own, b.link, (versions[number - 1].id, b.id))
            except ValueError:
                reason = "not-comparable"
                return IndexSeries(county, newest.id, versions[0].base, newest.items, newest.markets, (), tuple(links), as_of_ms, reason)
            links.append(link)
        shown = tuple(p for p in series if start <= p.day <= end)
        return IndexSeries(county, newest.id, versions[0].base, newest.items, newest.markets, shown, tuple(links), as_of_ms)

    def unusual(self, county: str, day: date | None = None, as_of_ms: int | None = None) -> list[Unusual]:
        """Return what is unusual in a county's markets on a day (default today), the most unusual first (see `ranked`).

        Answers come from memory, brought up to date by what the runs have changed; what was known at a time is read from the tables.
        """
        today = market_day(self._clock.now())
        markets = markets_of(check_county(county))
        names = [m.id for m in markets]
        own = {m.id for m in markets if m.county == county}
        cpi = self._usable(self.cpi, None)
        if (day or today) == today and as_of_ms is None:
            version, points = self._book.look(names)
            state = (version, today, self._usable(self.rules, list[Rule]()), cpi)
            told = self._told.get(county)
            if told is None or told[0] != state:
                told = (state, self._unusual(points, own, today, cpi, self._past))
                self._told[county] = told
            return list(told[1])
        day = day or _day_of(as_of_ms) or today
        then = self._book.look(names, day)[1] if as_of_ms is None else self._book.look_back(names, day, as_of_ms)
        return self._unusual(then, own, day, cpi, lambda _pair, points, day: past_of(points, day))

    def baskets(self, county: str) -> list[Basket]:
        """Return the versions of a county's basket, oldest first: the installation's own before the one that is shipped."""
        check_county(county)
        for folder in (self._folder / "baskets", baskets.SHIPPED):
            if (folder / f"{county}.toml").is_file():
                return read_baskets(folder / f"{county}.toml")
        return []

    def rules(self) -> list[Rule]:
        """Return the rules of levels: the installation's own before those that are shipped."""
        own = self._folder / "levels.toml"
        return read_rules(own if own.is_file() else leveling.SHIPPED)

    def rule_of(self, product: str, market: str) -> Rule | None:
        """Return the rule of levels for a product in a market; a rule without a market is meant for counties' own ones."""
        origin = any(m.id == market and m.county is not None for m in self._prices.markets())
        return _rule(self.rules(), product, market, own=origin)

    def cpi(self) -> Cpi | None:
        """Return the installation's price index; without one, prices stay nominal."""
        return read_cpi(self._folder / "cpi.toml")

    def _quotes(self, b: Basket, end: date, as_of_ms: int | None) -> dict[Pair, list[tuple[date, float]]]:
        """Return the basket's days up to `end`; as they stand today from memory, else from the tables."""
        if as_of_ms is not None:
            known = self._book.look_back(b.markets, end, as_of_ms, [w.product for w in b.items])
        else:
            known = self._book.look(b.markets, end if end < market_day(self._clock.now()) else None)[1]
        pairs = [(w.product, market) for w in b.items for market in b.markets]
        return {pair: [(p.valid_date, float(p.mid)) for p in known.get(pair, ()) if p.valid_date >= b.base.start] for pair in pairs}

    def _unusual(
        self, points: Mapping[Pair, Sequence[Point]], own: set[str], day: date, cpi: Cpi | None,
        past: Callable[[Pair, Sequence[Point], date], Past],
    ) -> list[Unusual]:  # fmt: skip
        pasts = {pair: past(pair, known, day) for pair, known in points.items()}
        found: list[Unusual] = []
        months = cpi.months if cpi else None
        rules = self._usable(self.rules, list[Rule]())
        for (product, market), known in points.items():
            rule = _rule(rules, product, market, own=market in own)
            found += unusual_of(product, market, day, known, pasts[product, market], rule=rule, cpi=months)
            if market in own:
                others = {m: p for (x, m), p in points.items() if x == product and m not in own}
                for other in others:
                    pair = {market: known, other: others[other]}
                    found += unusual_spread(product, market, other, day, pair, {m: pasts[product, m] for m in pair})
        return ranked(found, own)

    def _usable(self, read: Callable[[], T], otherwise: T) -> T:
        """Return what a file of the county says; a slip in it must not take the morning's board away, but the log says so once."""
        try:
            return read()
        except BadInput as error:
            if error.explain() not in self._complained:
                self._complained.add(error.explain())
                get_logger(__name__).warning("a file of the county's is not used", why=error.explain())
            return otherwise

    def _past(self, pair: Pair, points: Sequence[Point], day: date) -> Past:
        """Return the pair's past, made anew only in a new week or where a day before this week was corrected."""
        before = points[: bisect_left(points, monday_of(day), key=lambda p: p.valid_date)]
        had = self._pasts.get(pair)
        if had is not None and had[1].monday == monday_of(day) and had[0] == before:
            return had[1]
        made = past_of(before, day)
        self._pasts[pair] = (before, made)
        return made


def _rule(rules: Sequence[Rule], product: str, market: str, *, own: bool) -> Rule | None:
    return next((r for r in rules if r.product == product and (r.market == market or (r.market is None and own))), None)


def _day_of(as_of_ms: int | None) -> date | None:
    """Return the market day of a moment: what is told as it was known then is told of that day."""
    return market_day(from_ms(as_of_ms)) if as_of_ms is not None else None


def _prices_of(points: Sequence[Point]) -> list[tuple[date, float]]:
    return [(p.valid_date, float(p.mid)) for p in of_one_source(points)]
