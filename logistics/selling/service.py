"""Where to sell today: the one use case that joins price, lot and freight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from foundation.clock import Clock, market_day
from foundation.errors import Conflict
from logistics.cold_chain.limits import CLASS_OF
from logistics.distance import Distances, Tortuous
from logistics.places import MARKET_PLACES, Place, place_of
from logistics.selling.holding import WAITS, YEARS_BACK, Holding, hold, past_waits, store_sheet
from logistics.selling.model import Quoted, Ranking
from logistics.selling.netback import OLDEST_DAYS, haul_of, netback_of, sift
from logistics.selling.terms import TermSheet, term_sheet
from logistics.tariff import Tariff, tariff_of
from pricing.forecast.nouns import NotEnoughHistory
from pricing.weekly import monday_of, weekly_prices

if TYPE_CHECKING:
    from pricing.forecast.service import Forecasts
    from pricing.service import Prices
    from registry.service import Registry
    from traceability.service import Trace
    from traceability.views import LotSummary


@dataclass(frozen=True, slots=True)
class Load:
    """A load somebody may want to sell today, and the lots it lies in at its base."""

    product: str
    base: str
    kg: int
    lots: tuple[LotSummary, ...]


class Selling:
    """Ranks markets for a load. Tariff, terms and distances are arguments, so that a county can bring its own."""

    def __init__(
        self, prices: Prices, trace: Trace, registry: Registry, clock: Clock, *,
        tariff: Tariff | None = None, terms: TermSheet | None = None, distances: Distances | None = None,
        forecasts: Forecasts | None = None,
    ) -> None:  # fmt: skip
        self._prices, self._trace, self._registry, self._clock = prices, trace, registry, clock
        self.tariff = tariff or tariff_of()
        self.terms = terms or term_sheet()
        self._distances = distances or Tortuous()
        self._forecasts = forecasts

    def where_to_sell(self, product: str, base: str, kg: int, day: date | None = None) -> Ranking:
        """Return the markets for `kg` of a product at a base, the best netback first, and those refused with the reason.

        Raises:
            NotFound: there is no such product or base.
            BadInput: the load is nothing or absurdly large.

        """
        # A load that cannot be is refused even where no market quotes.
        at = place_of(self._registry.base(base))
        haul_of(self.tariff, self._distances, at, at, kg, reefer=needs_reefer(product))
        return self.rank(product, base, kg, {}, day)

    def rank(
        self, product: str, base: str, kg: int, shared: Mapping[str, int], day: date | None = None, *,
        quotes: Sequence[Quoted] | None = None,
    ) -> Ranking:  # fmt: skip
        """Return the ranking of a load that travels with others: to a market in `shared` its trucks carry that many kilograms.

        Who ranks many loads at once asks for `quotes` once.
        """
        known, at = self._registry.product(product), place_of(self._registry.base(base))
        day = day or market_day(self._clock.now())
        reefer = needs_reefer(product)
        fine, refused = sift(self.quotes(product, day) if quotes is None else quotes, MARKET_PLACES)
        netbacks = []
        for quoted in fine:
            place: Place = MARKET_PLACES[quoted.market]
            haul = haul_of(self.tariff, self._distances, at, place, shared.get(quoted.market, kg), reefer=reefer)
            netbacks.append(netback_of(quoted, place, haul, self.terms.terms(known.shelf_life_class, quoted.kind)))
        ranked = tuple(sorted(netbacks, key=lambda n: (-n.mid, n.haul.metres, n.quoted.market)))
        return Ranking(
            product, base, kg, day, self.tariff.id, self.tariff.status, self._distances.method, ranked,
            tuple(sorted(refused, key=lambda r: (r.quoted.age_days, r.quoted.market))),
        )  # fmt: skip

    def transfer_cost_milli(self, product: str, a: str, b: str, kg: int) -> int | None:
        """Return what it costs to bring a kilogram from one market to another in a load of `kg`; None where a market has no known place.

        It is the band within which two markets' prices may differ without anybody gaining by moving produce: freight and toll, no loss.
        """
        if a not in MARKET_PLACES or b not in MARKET_PLACES:
            return None
        haul = haul_of(self.tariff, self._distances, MARKET_PLACES[a], MARKET_PLACES[b], kg, reefer=needs_reefer(product))
        return 10 * haul.total_fen // kg

    def hold_or_sell(self, ranking: Ranking) -> Holding | None:
        """Return what waiting would leave against the best netback of a ranking; None for what cannot be kept or is sold nowhere."""
        store = store_sheet().products.get(ranking.product)
        if store is None or self._forecasts is None or not ranking.ranked:
            return None
        today = ranking.ranked[0]
        terms = self.terms.terms(self._registry.product(ranking.product).shelf_life_class, today.quoted.kind)
        found = self._forecasts.latest(ranking.product, today.quoted.market)
        if isinstance(found, NotEnoughHistory):
            return Holding(ranking.product, today, (), found, ())
        held = []
        for p, skill in zip(found.points, found.skill, strict=True):
            weeks = (p.week - monday_of(ranking.day)) // timedelta(weeks=1)
            if weeks in WAITS and weeks <= store.most_weeks:
                held.append(hold(today, terms, store, weeks, p, skill))
        made = Holding(ranking.product, today, tuple(held), found, ())
        if made.best is None:
            return made
        days = self._prices.series(ranking.product, today.quoted.market, ranking.day - timedelta(days=(YEARS_BACK + 1) * 366), ranking.day)
        known = weekly_prices((p.valid_date, p.mid) for p in days if p.source == today.quoted.source)
        return replace(made, past=past_waits(known, monday_of(ranking.day), made.best.weeks, today, terms, store))

    def load_of_lot(self, lot_id: str) -> Load:
        """Return what of a lot lies at its own base.

        Raises:
            Conflict: nothing lies there any more, no plot was ever told, it is not weighed, or the lot may not be sold.

        """
        history = self._trace.lot(lot_id)
        summary = history.summary
        if summary.inspection in BLOCKED:
            raise Conflict("this lot did not pass its inspection", got=summary.short, todo="choose a product and a base instead")
        if self._trace.recalled([summary.id]):
            raise Conflict("this lot is called back", got=summary.short, todo="see /recall; choose a product and a base instead")
        base = self._base_of(summary)
        # What a buyer or a works holds of it does not lie at the base.
        held = int(history.holders.get(self._registry.base(base).party, 0)) if base and summary.unit == WEIGHED else 0
        if held <= 0:
            raise Conflict("nothing of this lot lies at a base to be sold", got=summary.short, todo="choose a product and a base instead")
        return Load(summary.product, base, held, (summary,))

    def loads(self, county: str) -> list[Load]:
        """Return what lies picked at each base of a county today, the heaviest first."""
        lying: dict[tuple[str, str], list[LotSummary]] = {}
        for lot in self._trace.lots_at_makers(county):
            base = self._base_of(lot)
            # What a works made of it lies at the works, not at the base it once came from.
            if base and self._registry.base(base).party == lot.party and _for_sale(lot):
                lying.setdefault((lot.product, base), []).append(lot)
        found = [Load(product, base, sum(int(x.held) for x in lots), tuple(lots)) for (product, base), lots in lying.items()]
        return sorted(found, key=lambda load: (-load.kg, load.product, load.base))

    def _base_of(self, lot: LotSummary) -> str:
        """Return the base where a lot lies: its plot's, or that of the nearest lot it came from."""
        if lot.plot:
            return self._registry.plot(lot.plot).base
        for parent in self._trace.lot(lot.id).ancestors:
            if parent.plot:
                return self._registry.plot(parent.plot).base
        return ""

    def quotes(self, product: str, day: date) -> list[Quoted]:
        """Return every market's quote of a product as the board of a day has it."""
        kinds = {m.id: m.kind for m in self._prices.markets()}
        # The board calls a quote stale by its age too; a source in trouble is in trouble whatever the age.
        troubled = {s.id for s in self._prices.sources() if s.state in NOT_BELIEVED}
        return [
            Quoted(r.market, kinds[r.market], r.low, r.mid, r.high, r.valid_date, r.age_days, r.observed_ms, r.source,
                   troubled=r.source in troubled)
            for r in self._prices.board(None, day)
            if r.product == product
        ]  # fmt: skip


# How a source is whose last answer failed or was not believed.
NOT_BELIEVED = ("quarantined", "failing")
# The tariff moves kilograms; what is counted or filled has no weight.
WEIGHED = "kg"
# A lot that failed, or waits for the instrument after a positive screening, is not for sale.
BLOCKED = ("fail", "screening_positive")


def _for_sale(lot: LotSummary) -> bool:
    return lot.unit == WEIGHED and int(lot.held) > 0 and lot.inspection not in BLOCKED


def needs_reefer(product: str) -> bool:
    """Tell whether a product travels cooled: everything the cold chain's table does not call ambient."""
    return CLASS_OF.get(product, "chilled") != "ambient"


__all__ = ["BLOCKED", "OLDEST_DAYS", "WEIGHED", "Load", "Selling", "needs_reefer"]
