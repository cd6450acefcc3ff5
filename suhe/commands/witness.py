"""`suhe witness`: what another organisation runs to keep a log honest. Needs no county's installation, only the base install."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Watch a log from outside: check that it only ever grows, cosign it, raise the alarm on a fork.")

ALARM_EXIT = 3


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    log: Annotated[str, typer.Option(help="Address of the log, such as https://trace.example.org.")] = "",
    key: Annotated[Path, typer.Option(help="File of this witness's private key; made at first use.")] = Path("witness.key"),
    name: Annotated[str, typer.Option(help="Name of a new key, best a domain of yours: witness.example.org.")] = "",
    folder: Annotated[Path, typer.Option(help="Where it remembers what it saw.")] = Path("witness"),
    every: Annotated[float, typer.Option(help="Seconds between looks.", min=1)] = 30.0,
    serve: Annotated[int, typer.Option(help="Port to show its state and take checkpoints on; 0 for none.", min=0, max=65535)] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on with --serve.")] = "127.0.0.1",
    log_key: Annotated[str, typer.Option("--log-key", help="The log's public key (vkey), had from its operator by another way.")] = "",
    verifier: Annotated[Path | None, typer.Option(help="A copy of the verifier page to serve as /verify.html.")] = None,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Fetch all records and recompute tree and map; SUHE_WITNESS_API_KEY or its _FILE.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    acknowledge: Annotated[bool, typer.Option("--acknowledge", help="Say that a person has looked at the alarms that stand.")] = False,
    show_key: Annotated[bool, typer.Option("--show-key", help="Print this witness's public key for `suhe trace witness add`.")] = False,
) -> None:
    """Run a witness; exit 3 where an alarm stands."""
    if context.invoked_subcommand is not None:
        return
    from foundation.clock import SystemClock, to_ms
    from foundation.errors import BadInput
    from traceability.cosignatures import read_cosigner_key
    from traceability.witness_state import WitnessState

    if show_key:
        print(read_cosigner_key(key, name).public.vkey())
        return
    if acknowledge:
        print(f"{WitnessState(folder).acknowledge(to_ms(SystemClock().now()))} alarms acknowledged")
        return
    if not log:
        raise BadInput("say which log to watch", expected="--log https://…", todo="suhe witness --help")
    sys.exit(_watch(log, key, name, folder, every, serve, host, log_key, verifier, full=full, once=once))


@app.command("prove-fork")
def prove_fork(
    first: Annotated[Path, typer.Argument(help="A signed checkpoint, or an ALARM file that holds both.")],
    second: Annotated[Path | None, typer.Argument(help="Another signed checkpoint of the same log.")] = None,
    log_key: Annotated[str, typer.Option("--log-key", help="The log's public key (vkey) both must be signed with.")] = "",
) -> None:
    """Check, offline, that two signed checkpoints cannot both be true; exit 0 only where that is proved."""
    from dataclasses import replace

    from foundation.errors import BadInput
    from traceability.fork_proof import KINDS, Fork, read_fork
    from traceability.heads import read_log_vkey

    if second is None:
        fork = read_fork(_read(first))
        if log_key:
            fork = replace(fork, log=read_log_vkey(log_key))
    elif log_key:
        fork = Fork(read_log_vkey(log_key), _read(first), _read(second))
    else:
        raise BadInput("say whose checkpoints these are", expected="--log-key NAME+HASH+KEY", todo="the log tells it at /api/v1/log/key")
    print(f"proved: {KINDS[fork.check()]}\nlog key  {fork.log.vkey()}")
    if not log_key:
        print("compare this key with the one you know the log by")


def _watch(
    url: str, key_file: Path, name: str, folder: Path, every: float, port: int, host: str, log_key: str, verifier: Path | None, *,
    full: bool, once: bool,
) -> int:  # fmt: skip
    import logging
    import signal
    import threading

    from foundation.clock import SystemClock
    from foundation.errors import SuheError
    from traceability.cosignatures import read_cosigner_key
    from traceability.witness_log import HttpLog
    from traceability.witness_program import WitnessProgram
    from traceability.witness_server import serve as start_serving
    from traceability.witness_state import WitnessState

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    key = read_cosigner_key(key_file, name)
    program = WitnessProgram(WitnessState(folder), key, HttpLog(url, _api_key() if full else ""), SystemClock(), whole=full)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _say(f"witness  {key.public.vkey()}")
    while not stop.is_set():
        try:
            pinned, new = program.pin(log_key)
        except SuheError as error:
            if once or error.code != "unavailable":
                raise
            _say(f"waiting for the log: {error.explain()}")
            stop.wait(min(every, 5.0))
            continue
        _say(f"log      {pinned}")
        if new and not log_key:
            _say("FIRST CONTACT: this key was taken as the log told it. COMPARE it with the one its operator gives you by another way.")
        break
    server = start_serving(program, port, host=host, verifier=verifier) if port and not stop.is_set() else None
    while not stop.is_set():
        found = program.look()
        if found.note:
            origin, size = found.note.split("\n")[:2]
            _say(f"cosigned {origin} size {size}")
        if found.alarm:
            _say(f"ALARM    {program.trouble}")
        elif program.trouble:
            _say(f"trouble  {program.trouble}")
        if once or stop.wait(every):
            break
    if server is not None:
        server.shutdown()
    if program.state.standing():
        return ALARM_EXIT
    return 1 if once and program.trouble else 0


def _api_key() -> str:
    told = os.environ.get("SUHE_WITNESS_API_KEY", "")
    file = os.environ.get("SUHE_WITNESS_API_KEY_FILE", "")
    return told or (_read(Path(file)).strip() if file else "")


def _read(path: Path) -> str:
    from foundation.errors import NotFound

    try:
        return path.read_text()
    except OSError as error:
        raise NotFound("this file cannot be read", got=str(path)) from error


def _say(line: str) -> None:
    print(line, flush=True)
