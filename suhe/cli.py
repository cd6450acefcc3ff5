"""The `suhe` command: parse, call one use case, print. Nothing heavy is imported until a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foundation.errors import SuheError

if TYPE_CHECKING:
    from foundation.settings import Settings

app = typer.Typer(
    name="suhe",
    help="Suhe 溯禾: what a county runs to know its fields, prove its produce, watch its prices and move its harvest.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; an error we foresaw is one line on stderr and exit code 1."""
    try:
        if sys.argv[1:3] == ["gateway", "run"]:
            # On a box with little memory: typer's reading of options loads pydantic, a quarter of what such a box may hold.
            from suhe.commands.gateway import main as run_gateway

            run_gateway(sys.argv[3:])
            return
        app()
    except SuheError as error:
        print(f"suhe: {error.message}", file=sys.stderr)
        for word, text in (("expected", error.expected), ("got", error.got), ("do", error.todo)):
            if text:
                print(f"  {word + ':':<10}{text}", file=sys.stderr)
        sys.exit(1)


def settings() -> Settings:
    """Read the settings; a bad one is an error that names it."""
    from pydantic import ValidationError

    from foundation.errors import BadInput
    from foundation.settings import Settings as Read

    try:
        return Read()
    except ValidationError as error:
        first = error.errors()[0]
        name = "SUHE_" + str(first["loc"][0]).upper()
        raise BadInput(f"the setting {name} cannot be used", expected=first["msg"], todo="`suhe config` lists every setting") from error


@app.command()
def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Simulate two counties: fields, lots and markets.")] = False,
    lan: Annotated[bool, typer.Option("--lan", help="Also show the public pages, read-only, to phones on this network.")] = False,
) -> None:
    """Start everything on this machine and print one address to open."""
    from suhe.stack import up as run

    run(settings(), demo=demo, lan=lan, say=lambda line: print(line, flush=True))


@app.command()
def web(
    host: Annotated[str, typer.Option(help="Address to listen on; default from SUHE_HTTP_HOST.")] = "",
    port: Annotated[int, typer.Option(help="Port; default from SUHE_HTTP_PORT.")] = 0,
    *,
    public_only: Annotated[bool, typer.Option("--public-only", help="Only the public pages, read-only.")] = False,
) -> None:
    """Serve the pages and the API."""
    from suhe.processes import serve_web

    serve_web(settings(), host=host, port=port, public_only=public_only)


@app.command()
def sink() -> None:
    """Feed the server store (InfluxDB v2 writes) from the readings on disk."""
    from suhe.processes import run_sink

    run_sink(settings())


@app.command()
def scheduler() -> None:
    """Run every scheduled job: price rounds, log checkpoints, the cold chain."""
    from suhe.processes import run_jobs

    run_jobs(settings())


@app.command()
def simulate(
    what: Annotated[str, typer.Argument(help="field, markets, season, trucks, scans or guests")],
) -> None:
    """Run one simulator of the demo against this installation, over the real protocols."""
    from suhe.processes import run_simulator

    run_simulator(settings(), what)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A CSV file, .gz too.")],
    mapping: Annotated[str, typer.Option("--mapping", "-m", help="A mapping file, or the name of a packaged one.")],
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send a real file through gateway, broker and store."""
    from suhe.commands.replay import run

    run(settings(), file, mapping, as_json=json_output)


@app.command()
def sell(
    product: Annotated[str, typer.Argument(help="A product's id, such as cucumber.")] = "",
    base: Annotated[str, typer.Option(help="The base where it lies, such as sx-04.")] = "",
    kg: Annotated[int, typer.Option(help="How many kilograms.")] = 0,
    lot: Annotated[str, typer.Option(help="A lot that lies at its base, instead of the three.")] = "",
    *,
    english: Annotated[bool, typer.Option("--en/--zh", help="In English or in Chinese.")] = True,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Rank the markets for a load by what is left of a kilogram at the farm gate."""
    from suhe.commands.sell import run

    run(settings(), product, base, kg, lot, lang="en" if english else "zh-Hans", as_json=json_output)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A proof bundle, as /t/CODE/bundle.json gives it; - for standard input.")],
    log: Annotated[str, typer.Option(help="The log's public key (a vkey, or a file with it), from elsewhere than the bundle.")] = "",
    witness: Annotated[list[str] | None, typer.Option(help="A witness's public key, likewise; as often as there are witnesses.")] = None,
    quorum: Annotated[int | None, typer.Option(help="How many of them must have cosigned; else more than half.", min=1)] = None,
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Check a proof bundle without database and network. Exit 0: holds; 1: broken; 3: cannot be checked; 4: fewer cosigned than asked."""
    from suhe.commands.verify import run

    sys.exit(run(file, log, witness or [], quorum, as_json=json_output))


@app.command()
def config(*, json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Print every setting with its value and meaning; secrets are masked."""
    from suhe.commands.config import run

    run(settings(), as_json=json_output)


@app.command()
def doctor(*, json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Look at this machine and this installation, and say what to do."""
    from suhe.commands.doctor import run

    run(settings(), as_json=json_output)


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there.")]) -> None:
    """Copy the whole installation while it runs: records, readings, blobs, keys. What PostgreSQL holds is pg_dump's to copy."""
    from foundation.clock import SystemClock
    from suhe.whole_backup import backup as run

    found = settings()
    made = run(found.data, folder, SystemClock())
    print(f"{made.files:,} files, {made.bytes:,} bytes in {folder}; they hold keys: keep them as you keep keys")
    if found.database_url.get_secret_value():
        print("the records are in PostgreSQL and not in this copy: pg_dump --format=custom them before the copy, and keep both together")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A backup made by `suhe backup`.")],
    *,
    only_verify: Annotated[bool, typer.Option("--verify", help="Only check it.")] = False,
) -> None:
    """Check a backup and put it into an empty SUHE_DATA. Exit 0: whole; 1: damaged, and nothing was put anywhere."""
    from suhe.commands.store import tell
    from suhe.whole_backup import restore as run
    from suhe.whole_backup import verify as look

    tell(look(folder) if only_verify else run(folder, settings().data), as_json=False)


# Groups of commands: their modules import nothing heavy either.
from suhe.commands.cold import app as cold_app  # noqa: E402
from suhe.commands.demo import app as demo_app  # noqa: E402
from suhe.commands.feed import app as feed_app  # noqa: E402
from suhe.commands.freight import app as freight_app  # noqa: E402
from suhe.commands.gateway import app as gateway_app  # noqa: E402
from suhe.commands.grafana import app as grafana_app  # noqa: E402
from suhe.commands.ingest import app as ingest_app  # noqa: E402
from suhe.commands.label import app as label_app  # noqa: E402
from suhe.commands.notify import app as notify_app  # noqa: E402
from suhe.commands.price import app as price_app  # noqa: E402
from suhe.commands.store import app as store_app  # noqa: E402
from suhe.commands.trace import app as trace_app  # noqa: E402
from suhe.commands.user import app as user_app  # noqa: E402
from suhe.commands.witness import app as witness_app  # noqa: E402

app.add_typer(ingest_app, name="ingest")
app.add_typer(trace_app, name="trace")
app.add_typer(label_app, name="label")
app.add_typer(notify_app, name="notify")
app.add_typer(price_app, name="price")
app.add_typer(feed_app, name="feed")
app.add_typer(freight_app, name="freight")
app.add_typer(gateway_app, name="gateway")
app.add_typer(grafana_app, name="grafana")
app.add_typer(demo_app, name="demo")
app.add_typer(cold_app, name="cold")
app.add_typer(store_app, name="store")
app.add_typer(user_app, name="user")
app.add_typer(witness_app, name="witness")

if __name__ == "__main__":
    main()
