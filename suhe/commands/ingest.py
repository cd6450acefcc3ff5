"""`suhe ingest`: take readings from the broker; its commands try a format out and check a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Take readings from the broker into the store, acknowledging what is on disk.", invoke_without_command=True)


@app.callback()
def ingest(
    context: typer.Context,
    worker: Annotated[int, typer.Option(help="Number of this worker, from 0.")] = 0,
    workers: Annotated[int, typer.Option(help="How many workers share the shards; default from SUHE_INGEST_WORKERS.")] = 0,
) -> None:
    """Take readings from the broker into the store, acknowledging what is on disk."""
    if context.invoked_subcommand is not None:
        return
    from suhe.cli import settings
    from suhe.processes import run_ingest

    run_ingest(settings(), worker=worker, workers=workers)


@app.command(name="formats")
def list_formats() -> None:
    """List the formats we take: name, usual topic, and what it is."""
    from ingest.formats.catalog import FORMATS

    for f in FORMATS.values():
        print(f"{f.name:<20} {f.name_zh} / {f.name_en}")
        print(f"{'':<20} {f.doc}" + (f" Usual topic: {f.topic}" if f.topic else ""))


@app.command(name="try")
def try_payload(
    first: Annotated[str, typer.Argument(metavar="[MAPPING] PAYLOAD", help="With --format: the payload; else a mapping file or its name.")],
    payload: Annotated[str, typer.Argument(help="A file with one message as it came; - for standard input.")] = "",
    format_name: Annotated[str, typer.Option("--format", help="A format we take instead of a mapping; `suhe ingest formats`.")] = "",
    topic: Annotated[str, typer.Option(help="The topic it came under.")] = "",
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show which readings one message would make, and what of it is skipped and why; nothing is stored."""
    from suhe.commands.ingest_try import run

    mapping = "" if format_name else first
    run(mapping, Path(first if format_name else payload), format_name or "mapping", topic, as_json=json_output)
