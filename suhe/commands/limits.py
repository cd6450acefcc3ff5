"""`suhe trace limits`: the dated table that judgements are held against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from traceability.service import Trace

app = typer.Typer(help="Limits of residues: which edition held on which day.", no_args_is_help=True)


@app.command("import")
def import_file(file: Annotated[Path, typer.Argument(help="A CSV file, UTF-8.", exists=True, dir_okay=False)]) -> None:
    """Keep the limits of a file; each edition it names is replaced whole, others stay."""
    from foundation.errors import BadInput

    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("this file is not UTF-8", got=str(file), todo="save it as CSV UTF-8") from error
    print(f"{_trace().import_limits(text)} limits kept")


@app.command("list")
def list_all() -> None:
    """List the limits; those not compared with the text of their standard say so."""
    for x in _trace().limits().rows:
        days = f"{x.from_day} to {x.to_day or 'now'}"
        mark = "" if x.checked else "  (not compared with the standard's text)"
        print(f"{x.edition:<14} {days:<25} {x.product:<16} {x.analyte}  {x.value} {x.unit}{mark}")


def _trace() -> Trace:
    from foundation.database import open_engine
    from suhe.bootstrap import build_services
    from suhe.cli import settings
    from suhe.migrate import migrate

    read = settings()
    migrate(open_engine(read.records_url))
    return build_services(read).trace
