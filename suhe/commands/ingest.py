"""`suhe ingest`: take readings from the broker; its commands try a format out and check a broker."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Take readings from the broker into the store, acknowledging what is on disk.", invoke_without_command=True)


@app.callback()
def ingest(
    context: typer.Context,
    worker: Annotated[int | None, typer.Option(help="Run this worker alone, numbered from 0; without it all of them, supervised.")] = None,
    workers: Annotated[int, typer.Option(help="How many workers share the shards; default from SUHE_INGEST_WORKERS.")] = 0,
) -> None:
    """Take readings from the broker into the store, acknowledging what is on disk.

    The number of workers may change from start to start: what the sessions of former workers hold at the broker is taken first.
    """
    if context.invoked_subcommand is not None:
        return
    from suhe.cli import settings
    from suhe.processes import run_ingest, stop_on_signal

    chosen = settings()
    if worker is None and (workers or chosen.ingest_workers > 1):
        from suhe.ingest_family import run_workers

        run_workers(chosen, workers or chosen.ingest_workers, stop_on_signal(), lambda line: print(line, flush=True))
    else:
        run_ingest(chosen, worker=worker or 0, workers=workers)


@app.command()
def stations() -> None:
    """Listen for water and air stations that speak SL 651 or HJ 212 over TCP; SUHE_SL651_PORT and SUHE_HJ212_PORT say where."""
    from suhe.cli import settings
    from suhe.processes import run_station_server

    run_station_server(settings())


@app.command()
def rules(
    channel: Annotated[str, typer.Argument(help="A channel's code; without it all.")] = "",
    device: Annotated[str, typer.Option(help="A registered device: with the rules of its kind, its county and itself.")] = "",
    kind: Annotated[str, typer.Option(help="A kind of device, such as greenhouse_climate.")] = "",
    county: Annotated[str, typer.Option(help="A county's code.")] = "",
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print what quality control asks of a channel, with sources, and check the county's own quality.toml."""
    from suhe.cli import settings
    from suhe.commands.ingest_rules import run

    run(settings(), channel, device, kind, county, as_json=json_output)


@app.command(name="broker-check")
def broker_check(
    url: Annotated[str, typer.Argument(help="mqtt://user:password@host:port, or mqtts:// with TLS; the user of ingest.")],
    gateway: Annotated[str, typer.Option(help="GATEWAY:PASSWORD of a gateway, to see whether it is kept to its own topics.")] = "",
    ca: Annotated[str, typer.Option(help="A file of certificates to trust instead of the system's.")] = "",
    messages: Annotated[int, typer.Option(help="How many messages are queued for an absent session.")] = 5000,
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Put a broker through every promise ingest relies on. Exit 0: all hold; 1: something fails, with what to change."""
    import sys

    from suhe.commands.broker_check import run

    sys.exit(run(url, gateway=gateway, ca=ca, messages=messages, as_json=json_output))


@app.command(name="formats")
def list_formats() -> None:
    """List the formats we take: name, usual topic, and what it is."""
    from ingest.formats.catalog import FORMATS
    from ingest.formats.mapping_file import packaged

    for f in FORMATS.values():
        print(f"{f.name:<20} {f.name_zh} / {f.name_en}")
        print(f"{'':<20} {f.doc}" + (f" Usual topic: {f.topic}" if f.topic else ""))
    print(f"{'':<20} Tables that come with the program: {', '.join(packaged())}")


@app.command(name="try")
def try_payload(
    first: Annotated[str, typer.Argument(metavar="MAPPING", help="A mapping file or the name of one; left out with --format.")],
    payload: Annotated[str, typer.Argument(help="A file with one message as it came; - for standard input.")] = "",
    format_name: Annotated[str, typer.Option("--format", help="A format we take instead of a mapping; `suhe ingest formats`.")] = "",
    topic: Annotated[str, typer.Option(help="The topic it came under.")] = "",
    zone: Annotated[str, typer.Option(help="The zone of times that carry none.")] = "+08:00",
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show which readings one message would make, and what of it is skipped and why; nothing is stored."""
    from foundation.errors import BadInput
    from suhe.commands.ingest_try import run

    if bool(format_name) == bool(payload):
        raise BadInput("a message is tried with a mapping or with a format", expected="MAPPING PAYLOAD, or --format NAME PAYLOAD")
    run("" if format_name else first, payload or first, format_name or "mapping", topic, zone, as_json=json_output)
