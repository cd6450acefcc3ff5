"""A freight plan in words and numbers: trips as a timetable, what they cost and why, the baselines with their methods, the check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.field_map import SHEETS
from dashboards.freight_map import FreightMap, freight_map
from dashboards.i18n import Translate, day_text, name_of, number_text, time_text
from dashboards.joining import sentences
from dashboards.selling_view import toll_text
from foundation.clock import market_day
from logistics.distance import METHOD
from logistics.freight.demand import NO_MARKET
from logistics.freight.planning import TOO_FAR

if TYPE_CHECKING:
    from dashboards.services import Services
    from logistics.freight.model import Plan, Trip
    from logistics.freight.service import DayPlan


@dataclass(frozen=True, slots=True)
class StopLine:
    """One loading stop."""

    base: str
    arrive: str
    leave: str
    kg: str
    lots: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TripView:
    """One trip as the timetable shows it."""

    number: int
    truck: str
    market: str
    stops: tuple[StopLine, ...]
    arrive: str
    unloaded: str
    kg: str
    fill: int
    km: str
    cost: str
    per_kg: str
    parts: tuple[tuple[str, str], ...]
    toll: str


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """One baseline beside the plan."""

    name: str
    method: str
    trips: int
    cost: str
    difference: str


@dataclass(frozen=True, slots=True)
class FreightView:
    """Everything the page shows of a plan."""

    day: str
    made: str
    made_ms: int
    summary: str
    method: str
    without: str
    trips: tuple[TripView, ...]
    baselines: tuple[BaselineLine, ...]
    unserved: tuple[tuple[str, str, str], ...]
    problems: tuple[str, ...]
    maps: tuple[FreightMap, ...]
    tariff: str
    basis: str


def freight_view(services: Services, made: DayPlan, lang: str, t: Translate) -> FreightView:
    """Return a plan in the reader's language."""
    growing = {p.base for p in services.registry.plots(county=made.county)}
    bases = [b for b in services.registry.bases(made.county) if b.id in growing]
    names = {b.id: name_of(b, lang) for b in bases}
    markets = {m.id: name_of(m, lang) for m in services.prices.markets()}
    lots = {c.id: c.lot for c in made.consignments}
    carried = {c.split("/")[0] for trip in made.plan.trips for stop in trip.stops for c in stop.consignments}
    trips = tuple(_trip(services, n, trip, names, markets, lots, lang, t) for n, trip in enumerate(made.plan.trips, 1))
    products = {p.id: name_of(p, lang) for p in services.registry.products()}
    said = {
        "lots": len(carried),
        "kg": number_text(made.plan.kg, lang),
        "trips": len(trips),
        "cost": yuan(made.plan.total_fen, lang),
    }
    old = made.day != market_day(services.clock.now())
    reasons = {NO_MARKET: t("没有一个来得及去的市场值得去"), TOO_FAR: t("到市场时已经收市")}
    return FreightView(
        day=day_text(made.day, lang) + (t("（不是今天的）") if old else ""),
        made=time_text(made.made_ms, lang),
        made_ms=made.made_ms,
        summary=t("%(lots)s 批、%(kg)s 公斤，%(trips)s 车，合计 %(cost)s 元", **said) if trips else _nothing(made, t),
        method=_method(made, t),
        without="" if made.plan.method == "pyvrp" or not trips else _without(services, t),
        trips=trips,
        baselines=tuple(_baseline(b, made.plan, lang, t) for b in made.baselines) if trips else (),
        unserved=tuple(
            (
                u.consignment.lot,
                f"{products.get(u.consignment.product, u.consignment.product)} {number_text(u.consignment.kg, lang)} kg",
                reasons.get(u.reason, u.reason),
            )
            for u in made.plan.unserved
        ),
        problems=made.problems,
        maps=tuple(freight_map(made.plan.trips, bases, names, markets, sheet) for sheet in SHEETS),
        tariff=made.tariff,
        basis=_basis(services, made, lang, t),
    )  # fmt: skip


def _nothing(made: DayPlan, t: Translate) -> str:
    """Return what is said of a plan without trips."""
    if made.plan.unserved:
        return t("基地里有 %(n)s 批货，没有一批排上车。", n=len(made.plan.unserved))
    return t("今天基地里没有要运的货。")


def _basis(services: Services, made: DayPlan, lang: str, t: Translate) -> str:
    """Return what times and ways rest on: assumptions, until a county puts in its own."""
    tariff = services.logistics.freight.tariff
    hours = {"from": clock_text(tariff.loading_from_s, t), "close": clock_text(tariff.market_closes_s, t)}
    told = t(
        "时刻是推算的：%(from)s 起装车、%(close)s 收市、平均每小时 %(speed)s 公里，都是费率表里的假定。",
        speed=tariff.speed_km_per_hour,
        **hours,
    )
    return sentences([told, t("路程按经纬度估算，不是导航里程。") if made.distances == METHOD else ""], lang)


def _method(made: DayPlan, t: Translate) -> str:
    if made.plan.method == "pyvrp":
        return t("PyVRP 求解，限时 %(s)s 秒，再按费率表逐车计价", s=f"{made.limit_s:g}")
    return t("自家的节约法加局部搜索，按费率表逐车计价")


def yuan(fen: int, lang: str) -> str:
    """Return an amount in whole yuan."""
    return number_text(round(fen / 100), lang)


def clock_text(seconds: int, t: Translate) -> str:
    """Return a time of the plan's day; past midnight it is said so."""
    days, rest = divmod(seconds, 86_400)
    text = f"{rest // 3600:02}:{rest % 3600 // 60:02}"
    return t("次日 %(time)s", time=text) if days else text


def _without(services: Services, t: Translate) -> str:
    """Return what is to be said of a plan whose routes are not the solver's."""
    if services.logistics.freight.has_solver:
        return t("这一天用不上求解器，或它在时限内没有给出更便宜的方案。")
    return t("没有用 PyVRP：货多时方案会差一些，差多少这一天没有算。")


def _trip(
    services: Services, number: int, trip: Trip, names: dict[str, str], markets: dict[str, str], lots: dict[str, str], lang: str,
    t: Translate,
) -> TripView:  # fmt: skip
    cost = trip.cost
    parts = (
        (t("车辆固定"), cost.fixed_fen), (t("里程"), cost.distance_fen), (t("过路费"), cost.toll_fen), (t("司机"), cost.driver_fen),
        (t("装卸"), cost.handling_fen), (t("制冷"), cost.cooling_fen), (t("空车返程分摊"), cost.empty_return_fen),
    )  # fmt: skip
    # An operator's new tariff may no longer know the truck, or the office the market, of a plan that is shown until the next.
    truck = next((name_of(x, lang) for x in services.logistics.freight.tariff.trucks if x.id == trip.truck), trip.truck)
    per_kg = f"{cost.total_fen / 100 / trip.kg:.2f}"
    return TripView(
        number=number,
        truck=truck,
        market=markets.get(trip.market, trip.market),
        stops=tuple(
            StopLine(names.get(s.base, s.base), clock_text(s.arrive_s, t), clock_text(s.leave_s, t), number_text(s.kg, lang),
                     tuple((lots.get(c.split("/")[0], c), c.split(":")[-1]) for c in s.consignments))
            for s in trip.stops
        ),
        arrive=clock_text(trip.arrive_s, t),
        unloaded=clock_text(trip.unloaded_s, t),
        kg=number_text(trip.kg, lang),
        fill=cost.fill_percent,
        km=number_text(round(trip.loaded_m / 1000), lang),
        cost=yuan(cost.total_fen, lang),
        per_kg=per_kg,
        parts=tuple((name, yuan(fen, lang)) for name, fen in parts if fen),
        toll=toll_text((cost.toll_reason,), lang, t),
    )  # fmt: skip


def _baseline(baseline: Plan, plan: Plan, lang: str, t: Translate) -> BaselineLine:
    names = {
        "alone": (t("各运各的"), t("每个基地的货单独用最便宜的一辆车")),
        "nearest_neighbour": (t("一个调度员，就近拼车"), t("从最远的基地开始，每次去装得下的最近一个")),
        "savings": (t("一个调度员，节约法拼车"), t("每次合并最省钱的两条路线（Clarke 和 Wright，1964），不再改进")),
    }
    name, method = names.get(baseline.method, (baseline.method, ""))
    less = baseline.total_fen - plan.total_fen
    amount = yuan(abs(less), lang)
    difference = t("计划少 %(n)s 元", n=amount) if less > 0 else t("计划多 %(n)s 元", n=amount) if less < 0 else t("一样")
    return BaselineLine(name, method, len(baseline.trips), yuan(baseline.total_fen, lang), difference)
