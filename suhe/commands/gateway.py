"""`suhe gateway`: this machine as a gateway, on the SDK alone; nothing of a county's installation is loaded."""

from __future__ import annotations

import argparse
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from foundation.errors import BadInput

if TYPE_CHECKING:
    from ingest.gateway import Gateway
    from ingest.gateway_feed import Report

app = typer.Typer(help="Run this machine as a gateway.", no_args_is_help=True)

_MB = 1024 * 1024


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def run(context: typer.Context) -> None:
    """Send lines of readings, from a file or a pipe; --help lists the options."""
    main(context.args)


def main(arguments: list[str]) -> None:
    """Run with these arguments, without typer: see `suhe.cli.main`."""
    told = _options().parse_args(arguments)
    if (told.follow and told.source == "-") or bool(told.cert) != bool(told.key):
        raise BadInput("these options do not go together", expected="--follow with a file, --cert with --key")
    send(told)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "suhe gateway run",
        description="Send lines of readings: into the spool on disk first, out of it when the county says that they are on its own. The id "
        "and the password come from SUHE_GATEWAY_ID and SUHE_GATEWAY_PASSWORD or from --credentials, never from the command line. A file "
        "is read on from where the last run left it. Exit 0: all is acknowledged; 3: some still waits in the spool.",
    )
    add = parser.add_argument
    add("source", nargs="?", default="-", help="a CSV file or JSON lines; - for standard input")
    add("--host", default=os.environ.get("SUHE_GATEWAY_HOST", "127.0.0.1"), help="the county's broker")
    add("--port", type=int, default=int(os.environ.get("SUHE_GATEWAY_PORT", "0")), help="its port; else 1883, with TLS 8883")
    add("--spool", type=Path, default=Path("gateway-spool.db"), help="where readings wait until they are acknowledged")
    add("--credentials", type=Path, help="a file (0600) with lines `user …`, `password …` and, to sign, `seed HEX`")
    add("--batch", type=_whole(1, 2000), default=100, help="readings in a message, at most")
    add("--batch-seconds", type=float, default=1.0, help="how long a pipe's readings wait for others")
    add("--spool-mb", type=_whole(1, 1_000_000), default=256, help="how large the spool may grow")
    add("--every", type=float, default=10.0, help="seconds between lines about the state; 0 for none")
    add("--wait", type=float, default=60.0, help="seconds to wait at the end until all is acknowledged")
    add("--tls", action="store_true", help="TLS with the system's authorities; --ca and --cert mean it too")
    add("--ca", type=Path, help="PEM of the authority that signed the broker's certificate")
    add("--cert", type=Path, help="PEM of this gateway's own certificate")
    add("--key", type=Path, help="PEM of its key")
    add("--mqtt", type=int, choices=(4, 5), default=5, help="5, or 4 for MQTT 3.1.1")
    add("-f", "--follow", action="store_true", help="go on reading the file as it grows")
    add("--stamp", action="store_true", help="a line without a time has that of its arrival")
    return parser


def send(told: argparse.Namespace) -> None:
    """Run a gateway with these options until its source ends or a signal comes."""
    from ingest.gateway import Gateway, Tls
    from ingest.gateway_feed import Reader, Report, feed_file, feed_stream

    known = read_credentials(told.credentials, dict(os.environ))
    secure = Tls(told.ca, told.cert, told.key) if told.tls or told.ca or told.cert else None
    gateway = Gateway(
        known["user"], known["password"], told.host, told.port or (8883 if secure else 1883), told.spool, protocol=told.mqtt,
        on_event=_say_event, seed=_seed(known.get("seed", "")), tls=secure, spool_bytes=told.spool_mb * _MB,
        batch_readings=told.batch, batch_s=told.batch_seconds,
    )  # fmt: skip
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: _stop(stopping))
    report = Report()
    try:
        gateway.start()
        threading.Thread(target=_say_state, args=[gateway, report, told.every, stopping], daemon=True).start()
        reader = Reader(_now_ms if told.stamp else None)
        if told.source == "-":
            feed_stream(sys.stdin, gateway, reader, report, stop=stopping.is_set)
        else:
            feed_file(Path(told.source), gateway, reader, report, batch=told.batch, follow=told.follow, stop=stopping.is_set)
        deadline = time.monotonic() + told.wait
        while gateway.pending() and time.monotonic() < deadline and not stopping.is_set():
            gateway.wait_until_empty(0.2)
    except _Stopped:
        pass
    except OSError as error:
        raise BadInput("the source cannot be read", got=f"{told.source}: {error}") from error
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
        sys.exit(3)


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


def _whole(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most} is needed")
        return int(text)

    return number


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
