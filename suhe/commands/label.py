"""`suhe label`: sheets of labels to print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dashboards.labels.service import Run
    from suhe.bootstrap import Services

app = typer.Typer(help="Labels to stick on produce.", no_args_is_help=True)


@app.callback()
def labels() -> None:
    """Labels to stick on produce: each carries a code that opens its lot's trace page."""


@app.command()
def sheet(
    lot: Annotated[str, typer.Argument(help="A lot's id or its trace code.")] = "",
    county: Annotated[str, typer.Option(help="Instead of one lot: every harvested lot in stock in this county.")] = "",
    count: Annotated[int, typer.Option(help="How many labels of each lot; 0 fills the first page of a single lot.")] = 0,
    layout: Annotated[
        str, typer.Option("--sheet", help="a4-3x8, a4-3x7, a4-2x7, a4-2x5, roll-60x40 or roll-100x70 (columns x rows, or mm).")
    ] = "a4-3x8",
    start: Annotated[int, typer.Option(help="First free place of a sheet that was partly used, counted row by row.")] = 1,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PDF to write.")] = Path("labels.pdf"),
) -> None:
    """Write a PDF of labels; a lot that failed its inspection gets none."""
    from dashboards.labels.service import print_sheets, reach_of
    from dashboards.labels.sheets import check_run, sheet_of
    from foundation.errors import BadInput
    from suhe.cli import settings
    from suhe.processes import web_address

    if bool(lot) == bool(county):
        raise BadInput("say whose labels", expected="a lot, or --county", todo="suhe label sheet --help")
    chosen, read = sheet_of(layout), settings()
    check_run(chosen, count or 1, start)
    copies = count or (chosen.per_page - start + 1 if lot else 1)
    address = read.public_url or web_address(read)
    services = _services()
    runs = [_run_of(services, lot, copies, address)] if lot else _of_county(services, county, copies, address)
    if not runs:
        raise BadInput("there is nothing to label", expected="a harvested lot in stock", got=county, todo="suhe trace lots")
    total = sum(run.copies for run in runs)
    body = print_sheets(services, runs, chosen, start)
    try:
        output.write_bytes(body)
    except OSError as error:
        raise BadInput(
            "the file cannot be written", expected="a path in a folder that exists", got=f"{output}: {error.strerror}"
        ) from error
    print(f"{output}: labels {total}, lots {len(runs)}, pages {chosen.pages(total, start)}, sheet {chosen.id}")
    if reach_of(address) != "world":
        print(f"the codes lead to {address}, which phones outside cannot open: set SUHE_PUBLIC_URL", file=sys.stderr)


def _of_county(services: Services, county: str, copies: int, address: str) -> list[Run]:
    """Return the runs of a county's lots in stock, the newest first; those held back are told on stderr."""
    from dashboards.labels.service import HeldBack

    services.registry.county(county)
    runs = []
    for lot in services.trace.lots(county, limit=500, state="in_stock"):
        try:
            runs.append(_run_of(services, lot.id, copies, address))
        except HeldBack as error:
            print(f"left out: {error.message}", file=sys.stderr)
    return runs


def _run_of(services: Services, lot: str, copies: int, address: str) -> Run:
    from dashboards.labels.service import Run, label_of
    from foundation.errors import SuheError

    try:
        lot = services.trace.lot_of_code(lot)
    except SuheError:
        pass  # not a code, so it is a lot's id
    return Run(label_of(services, lot, address), copies)


def _services() -> Services:
    from foundation.database import open_engine
    from suhe.bootstrap import build_services
    from suhe.cli import settings
    from suhe.migrate import migrate

    read = settings()
    migrate(open_engine(read.records_url))
    return build_services(read)
