"""`suhe gateway`: this machine as a gateway, on the SDK alone; nothing of a county's installation is loaded."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foundation.errors import BadInput

if TYPE_CHECKING:
    from ingest.gateway import Gateway
    from ingest.gateway_feed import Report

app = typer.Typer(help="Run this machine as a gateway.", no_args_is_help=True)

_MB = 1024 * 1024


@app.command()
def run(
    source: Annotated[str, typer.Argument(help="A CSV file or JSON lines; - for standard input.")] = "-",
    host: Annotated[str, typer.Option(help="The county's broker.", envvar="SUHE_GATEWAY_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0 means 1883, with TLS 8883.", envvar="SUHE_GATEWAY_PORT")] = 0,
    spool: Annotated[Path, typer.Option(help="Where readings wait until they are acknowledged.")] = Path("gateway-spool.db"),
    credentials: Annotated[Path | None, typer.Option(help="A file (0600) with lines `user …`, `password …`, to sign `seed HEX`.")] = None,
    batch: Annotated[int, typer.Option(help="Readings in a message, at most.", min=1, max=2000)] = 100,
    batch_seconds: Annotated[float, typer.Option(help="How long a pipe's readings wait for others.", min=0.0)] = 1.0,
    spool_mb: Annotated[int, typer.Option(help="How large the spool may grow.", min=1)] = 256,
    every: Annotated[float, typer.Option(help="Seconds between lines about the state; 0 for none.", min=0.0)] = 10.0,
    wait: Annotated[float, typer.Option(help="Seconds to wait at the end until all is acknowledged.", min=0.0)] = 60.0,
    ca: Annotated[Path | None, typer.Option(help="PEM of the authority that signed the broker's certificate.")] = None,
    cert: Annotated[Path | None, typer.Option(help="PEM of this gateway's own certificate.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM of its key.")] = None,
    mqtt: Annotated[int, typer.Option(help="5, or 4 for MQTT 3.1.1.", min=4, max=5)] = 5,
    *,
    tls: Annotated[bool, typer.Option("--tls", help="TLS with the system's authorities; --ca and --cert mean it too.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on reading the file as it grows.")] = False,
    stamp: Annotated[bool, typer.Option("--stamp", help="A line without a time has that of its arrival.")] = False,
) -> None:
    """Send lines of readings: into the spool on disk first, out of it when the county says that they are on its own.

    The id and the password come from SUHE_GATEWAY_ID and SUHE_GATEWAY_PASSWORD or from --credentials, never from the command line.
    A file is read on from where the last run left it. Exit 0: all is acknowledged; 3: some still waits in the spool.
    """
    from ingest.gateway import Gateway, Tls
    from ingest.gateway_feed import Reader, Report, feed_file, feed_stream

    told = read_credentials(credentials, dict(os.environ))
    secure = Tls(ca, cert, key) if tls or ca or cert else None
    gateway = Gateway(
        told["user"], told["password"], host, port or (8883 if secure else 1883), spool, protocol=mqtt, on_event=_say_event,
        seed=_seed(told.get("seed", "")), tls=secure, spool_bytes=spool_mb * _MB,
        batch_readings=batch, batch_s=batch_seconds,
    )  # fmt: skip
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: _stop(stopping))
    report = Report()
    try:
        gateway.start()
        threading.Thread(target=_say_state, args=[gateway, report, every, stopping], daemon=True).start()
        reader = Reader(_now_ms if stamp else None)
        if source == "-":
            feed_stream(sys.stdin, gateway, reader, report, stop=stopping.is_set)
        else:
            feed_file(Path(source), gateway, reader, report, batch=batch, follow=follow, stop=stopping.is_set)
        deadline = time.monotonic() + wait
        while gateway.pending() and time.monotonic() < deadline and not stopping.is_set():
            gateway.wait_until_empty(0.2)
    except _Stopped:
        pass
    except OSError as error:
        raise BadInput("the source cannot be read", got=f"{source}: {error}") from error
    finally:
        stopping.set()
        gateway.flush()
        left = gateway.pending()
        print(state_line(gateway, report), file=sys.stderr)
        for number, why in report.why:
            print(f"line {number}: {why}", file=sys.stderr)
        if report.refused > len(report.why):
            print(f"{report.refused - len(report.why)} more lines were refused", file=sys.stderr)
        gateway.stop()
    if left:
        raise typer.Exit(3)


def read_credentials(file: Path | None, environment: dict[str, str]) -> dict[str, str]:
    """Return user, password and, where there is one, seed; raise BadInput where they are missing or others may read the file."""
    found = {name: environment[f"SUHE_GATEWAY_{word}"] for name, word in (("user", "ID"), ("password", "PASSWORD"), ("seed", "SEED"))
             if environment.get(f"SUHE_GATEWAY_{word}")}  # fmt: skip
    if file is not None:
        try:
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                raise BadInput("others may read the file of the credentials", got=str(file), todo=f"chmod 600 {file}")
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("the file of the credentials cannot be read", got=f"{file}: {error}") from error
        pairs = (line.replace("=", " ", 1).split(maxsplit=1) for line in lines)
        found |= {pair[0].lower(): pair[1].strip() for pair in pairs if len(pair) == 2 and pair[0].lower() in ("user", "password", "seed")}
    missing = [name for name in ("user", "password") if name not in found]
    if missing:
        raise BadInput(
            f"this gateway's {' and '.join(missing)} is not known", expected="what `suhe user gateway` printed",
            todo="set SUHE_GATEWAY_ID and SUHE_GATEWAY_PASSWORD, or give --credentials FILE",
        )  # fmt: skip
    return found


def _seed(text: str) -> bytes | None:
    if not text:
        return None
    try:
        seed = bytes.fromhex(text)
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise BadInput("the seed cannot be used", expected="64 hex digits", got=f"{len(text)} characters")
    return seed


def state_line(gateway: Gateway, report: Report) -> str:
    """Return how the gateway is, in one line."""
    state = gateway.state()
    clock = "unknown" if state.offset_ms is None else f"{state.offset_ms / 1000:+.1f}s"
    return (
        f"{'online' if state.online else 'offline'} spool_depth={state.spool} oldest={state.oldest_s}s readings={report.readings} "
        f"refused={report.refused} given_up={state.given_up} clock={clock}"
    )


class _Stopped(Exception):
    """SIGTERM or SIGINT while a read waits."""


def _stop(stopping: threading.Event) -> None:
    if not stopping.is_set():
        stopping.set()
        raise _Stopped


def _say_event(name: str, facts: dict[str, Any]) -> None:
    if name != "connected" or facts:
        print(f"{name}: " + ", ".join(f"{key}={value}" for key, value in facts.items()), file=sys.stderr)


def _say_state(gateway: Gateway, report: Report, every: float, stopping: threading.Event) -> None:
    while every and not stopping.wait(every):
        print(state_line(gateway, report), file=sys.stderr, flush=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
