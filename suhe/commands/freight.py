"""`suhe freight`: plan a county's day, show the plan, compare planning with named baselines over past days."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from logistics.freight.service import DayPlan
    from suhe.bootstrap import Services

app = typer.Typer(help="Freight: a day's lots onto trucks and to markets.", no_args_is_help=True)
County = Annotated[str, typer.Option(help="Six-digit county code.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def plan(
    county: County = "371522",
    limit_seconds: Annotated[float, typer.Option(help="How long the solver may think.", min=0.1, max=60)] = 3.0,
    *,
    json_output: Json = False,
) -> None:
    """Plan today's picked lots; the same lots are not planned twice."""
    services = _services()
    _show(services, services.logistics.freight.plan_day(county, limit_s=limit_seconds), as_json=json_output)


@app.command()
def show(county: County = "371522", *, json_output: Json = False) -> None:
    """Show the plan made last."""
    from foundation.errors import NotFound

    services = _services()
    made = services.logistics.freight.latest(county)
    if made is None:
        raise NotFound("there is no plan yet", got=county, todo=f"suhe freight plan --county {county}")
    _show(services, made, as_json=json_output)


@app.command()
def compare(
    county: County = "371522",
    days: Annotated[int, typer.Option(help="How many past days with shipments.", min=1, max=200)] = 20,
    limit_seconds: Annotated[float, typer.Option(help="How long the solver may think of each day.", min=0.1, max=60)] = 0.5,
    *,
    json_output: Json = False,
) -> None:
    """Plan what was shipped on past days and compare with each named baseline: mean and 95 % interval from twenty days on."""
    services = _services()
    progress = (
        (lambda done, of: print(f"\rday {done} of {of}", end="\n" if done == of else "", file=sys.stderr)) if sys.stderr.isatty() else None
    )
    found = services.logistics.freight.compare(county, days, limit_s=limit_seconds, progress=progress)
    if json_output:
        told = {
            name: {"baseline": c.baseline, "method": c.method, "tariff": c.tariff, "days": [d.isoformat() for d in c.days],
                   "plan_fen": c.plan_fen, "baseline_fen": c.baseline_fen, "mean_share": c.mean_share, "interval_95": c.interval}
            for name, c in found.items()
        }  # fmt: skip
        print(json.dumps(told, indent=2))
        return
    for name, c in found.items():
        low_high = c.interval
        span = f"95 % interval {low_high[0]:.1%} to {low_high[1]:.1%}" if low_high else "fewer than 20 days: no interval"
        cost, against = sum(c.plan_fen) / 100, sum(c.baseline_fen) / 100
        print(
            f"against {name:<18} {len(c.days)} days, plan ({c.method}) {cost:,.0f} yuan, baseline {against:,.0f} yuan: "
            f"mean of the days' savings {c.mean_share:.1%}, {span}"
        )
    first = next(iter(found.values()))
    print(f"tariff {first.tariff} (provisional, mostly assumptions): ratios may be used, sums may not; all plans passed the same checker")


def _show(services: Services, made: DayPlan, *, as_json: bool) -> None:
    from dashboards.api.freight import plan_json
    from dashboards.freight_view import freight_view
    from dashboards.i18n import translator

    if as_json:
        print(json.dumps(plan_json(made), ensure_ascii=False, indent=2, default=str))
        return
    v = freight_view(services, made, "en", translator("en"))
    print(f"{v.day}: {v.summary}\n{v.method}; tariff {v.tariff}. {v.without}".strip())
    for trip in v.trips:
        way = ", ".join(f"{s.base} {s.arrive}" for s in trip.stops)
        print(f"{trip.number:>2}. {trip.truck}: {way} -> {trip.market} {trip.arrive}")
        print(f"    {trip.kg} kg, {trip.fill} % full, {trip.km} km, {trip.cost} yuan; toll {trip.toll}")
    for b in v.baselines:
        print(f"    baseline {b.name}: {b.trips} trips, {b.cost} yuan; {b.difference} ({b.method})")
    for lot, what, why in v.unserved:
        print(f"    not carried: {lot}, {what}: {why}")
    print("\n".join(f"CHECK FAILS: {p}" for p in v.problems) or "independent check: holds")
    if v.problems:
        sys.exit(1)


def _services() -> Services:
    from foundation.database import open_engine
    from suhe.bootstrap import build_services
    from suhe.cli import settings
    from suhe.migrate import migrate

    read = settings()
    migrate(open_engine(read.records_url))
    return build_services(read)
