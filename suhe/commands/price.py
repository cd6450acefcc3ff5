"""`suhe price`: what a source says, what an import keeps and refuses, what the board shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suhe.commands.price_source import app as source_app

if TYPE_CHECKING:
    from suhe.bootstrap import Services

app = typer.Typer(help="Prices: try a source, import a file, see the board.", no_args_is_help=True)
app.add_typer(source_app, name="source")


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file, .gz too.")],
    mapping: Annotated[str, typer.Option("--mapping", "-m", help="A mapping file, or the name of a packaged one.")],
    refused: Annotated[Path | None, typer.Option(help="Write every refused row with its reason to this CSV file.")] = None,
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import a file of quotes; say what was kept, what was refused and why."""
    services = _services()
    report = services.prices.import_file(file, mapping)
    if refused is not None:
        services.prices.write_refused(report, refused)
    print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) if json_output else report.summary())


@app.command()
def reread() -> None:
    """Apply the program's table of names to the series already stored, after an upgrade that knows more names."""
    print(f"{_services().prices.reread_names():,} series mean something else now")


@app.command(name="try")
def try_source(
    source: Annotated[str, typer.Argument(help="A source's id; `suhe price source list` lists them.")],
    url: Annotated[str, typer.Option(help="Base address to ask instead of the source's own.")] = "",
    day: Annotated[str, typer.Option(help="A day, YYYY-MM-DD; default today.")] = "",
) -> None:
    """Do the same as `suhe price source try`."""
    from suhe.commands.price_try import run

    run(source, url, day)


@app.command()
def sources() -> None:
    """List the sources with their licence, permission and last success."""
    from foundation.clock import SHANGHAI, from_ms

    for s in _services().prices.sources():
        when = from_ms(s.last_success_ms).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if s.last_success_ms else "never"
        notes = (
            f"newest day {s.newest_day}" if s.newest_day else "",
            "" if s.breaker == "closed" else f"host {s.breaker}",
            f"{s.quarantined} in quarantine to look at" if s.quarantined else "",
            s.why,
        )
        told = "".join(f"; {n}" for n in notes if n)
        print(f"{s.id:<18} {s.state:<12} last success {when:<17} {s.licence}; permission: {s.permission}{told}")


@app.command()
def board(
    county: Annotated[str, typer.Option(help="Six-digit county code.")] = "371522",
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print today's board."""
    rows = _services().prices.board(county, None)
    if json_output:
        print(json.dumps([{k: str(getattr(r, k)) for k in r.__dataclass_fields__} for r in rows], ensure_ascii=False, indent=2))
        return
    for r in rows:
        change = f"{r.change_pct:+.1f} %" if r.change_pct is not None else ""
        print(f"{r.product:<22} {r.market:<18} {r.mid / 2000:>8.3f} 元/斤 {change:>9}  {r.valid_date} {'STALE' if r.stale else ''}")


@app.command()
def snapshot(*, build: Annotated[bool, typer.Option("--build", help="Write it anew now, if anything changed.")] = False) -> None:
    """Say what the snapshot for large questions holds; the scheduler writes it at night."""
    from foundation.clock import SHANGHAI, from_ms

    prices = _services().prices
    if build:
        prices.build_snapshot()
    state, waiting = prices.snapshot_state()
    if state is None:
        print("no snapshot: the records answer everything")
        return
    read = from_ms(state.read_ms).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    days = f"{state.first_day} to {state.last_day}" if state.points else "none"
    print(f"{state.file}: {state.size / 1e6:,.1f} MB, read {read}")
    print(f"{state.points:,} market days of {state.quotes:,} quotes and {state.pairs:,} pairs of product and market; days {days}")
    print(f"{waiting:,} rows were appended since; their days are asked of the records")


def _services() -> Services:
    from suhe.commands.trace import _services as build

    return build()
