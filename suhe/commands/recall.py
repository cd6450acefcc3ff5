"""`suhe trace recall`: what a bad lot reaches, and calling it back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suhe.bootstrap import Services
    from traceability.reach import Reach

LotName = Annotated[str, typer.Argument(help="A trace code, a lot's or an input's id, or county:number.")]


def recall(
    lot: LotName,
    reason: Annotated[
        str, typer.Option(help="Why, in Chinese. With it the recall is signed and issued; without, only the reach is shown.")
    ] = "",
    reason_en: Annotated[str, typer.Option(help="Why, in English.")] = "",
    level: Annotated[int, typer.Option(help="1 (gravest) to 3.", min=1, max=3)] = 2,
    party: Annotated[str, typer.Option(help="Who recalls: the lot's maker. Without it, the county's office.")] = "",
    export: Annotated[Path | None, typer.Option(help="Write the reach: a .csv, .xlsx or .jsonld (EPCIS) file.")] = None,
    *,
    drill: Annotated[bool, typer.Option("--drill", help="The whole procedure without notices to consumers.")] = False,
) -> None:
    """Show what a lot reaches; with --reason, recall it (with --drill, as a drill)."""
    from foundation.errors import NotFound
    from traceability.recalling import Order

    services = _services()
    known = services.recalls.find(lot)
    reach = services.recalls.reach([known])
    _show(reach)
    if export is not None:
        _export(services, reach, export)
    if not reason:
        print("nothing was sent; with --reason it is recalled", file=sys.stderr)
        return
    county = known.split(":")[3]
    offices = [party] if party else [p.id for p in services.registry.parties(county) if "county" in p.roles]
    if not offices:
        raise NotFound("no office of this county is registered", got=county, todo="register a party with the role county")
    case = services.recalls.start(Order((known,), offices[0], level, reason, reason_en, drill))
    print(f"{'DRILL' if drill else 'RECALL'} {case.id} by {case.party}: record {case.log_index}")


def lift(
    recall_id: Annotated[str, typer.Argument(help="The recall's id, as `suhe trace recalls` prints it.")],
    note: Annotated[str, typer.Option(help="Why it is lifted.")] = "",
) -> None:
    """Lift a recall or end a drill."""
    case = _services().recalls.lift(recall_id, note)
    print(f"{case.id}: {'lifted' if not case.is_open else 'still open for ' + ', '.join(case.open_roots)}")


def recalls() -> None:
    """List recalls and drills, the newest first."""
    found = _services().recalls.cases()
    for c in found:
        state = "open" if c.is_open else "lifted"
        print(f"{c.id}  {'drill ' if c.drill else 'recall'}  level {c.level}  {state:<6}  {c.party:<16} {c.reason_zh}")
    if not found:
        print("no recalls yet", file=sys.stderr)


def office(party: Annotated[str, typer.Argument(help="A party, mostly a county's office.")]) -> None:
    """Let this installation sign for a party: make its key in the keys folder and register it."""
    print(f"{party}: key {_services().recalls.make_office_key(party)}")


def _show(reach: Reach) -> None:
    print(f"lots reached {len(reach.lots)}, of these mixed with others {reach.mixed}, trace codes {len(reach.codes)}")
    print(f"receivers known {len(reach.confirmed)} of {len(reach.receivers)}")
    for p in reach.tallies:
        print(f"  {p.party} held {p.held} {p.unit} (mixed {p.mixed_held}), received {p.received}, coming {p.arriving}, sold {p.sold}")
    for u in reach.unconfirmed:
        print(f"  no receipt: {u.from_party} -> {u.to_party}, lots {len(u.lots)}, {u.leg}")


def _export(services: Services, reach: Reach, path: Path) -> None:
    from foundation.errors import BadInput

    form = {".csv": "csv", ".xlsx": "xlsx", ".jsonld": "epcis", ".json": "epcis"}.get(path.suffix.lower())
    if form is None:
        raise BadInput("there is no such form of export", expected="a .csv, .xlsx or .jsonld file", got=path.name)
    try:
        path.write_bytes(services.recalls.export(reach, form))
    except OSError as error:
        raise BadInput("the file cannot be written", expected="a path in a folder that exists", got=f"{path}: {error.strerror}") from error
    print(f"{path}: lots {len(reach.lots)}")


def _services() -> Services:
    from foundation.database import open_engine
    from suhe.bootstrap import build_services
    from suhe.cli import settings
    from suhe.migrate import migrate

    read = settings()
    migrate(open_engine(read.records_url))
    return build_services(read)
