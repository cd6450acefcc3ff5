"""`suhe up`: the whole county on one machine.

1. hold the data folder, 2. bring the schema up to date, 3. in demo mode register the two counties, 4. prepare the broker,
5. start the pages, 6. print the address once they are served and start everything else, 7. watch until told to stop,
8. end everything in order.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from foundation.clock import SystemClock
from foundation.database import open_engine
from foundation.errors import Conflict, Unavailable
from foundation.settings import Settings
from suhe import chain_child, witness_child
from suhe.broker import NOTICE, Broker, broker_command, prepare_broker, write_passwords, write_rules
from suhe.installation import Installation, lock_folder, open_installation
from suhe.processes import choose_demo_station_port, station_ports, web_address
from suhe.supervisor import Child, Supervisor
from suhe.victoria import prepare_victoria, sink_target, victoria_command

FIRST_PAGE_SECONDS = 60.0
_TICK = 0.25
_LOOK_AT_GATEWAYS_EVERY = 2.0


def up(settings: Settings, *, demo: bool, lan: bool, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM; `say` prints one line to the person who started this."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, on_signal)
    with lock_folder(settings.data):  # 1
        installation = open_installation(settings.data, demo=demo)
        _port_must_be_free(settings)
        supervisor = Supervisor(state_file(settings), control_folder(settings))
        control_folder(settings).mkdir(parents=True, exist_ok=True)
        try:
            broker = _prepare(settings, installation)  # 2, 3, 4
            # The pages start alone: the person who waits for them should not wait for everything else to load as well.
            family = children(settings, installation, broker, lan=lan)
            pages = [child.name for child in family].index("web") + settings.web_processes
            for child in family[:pages]:  # 5
                supervisor.add(child)
            _say_where(settings, broker, supervisor, stop, lan=lan, say=say)  # 6
            for child in [] if stop.is_set() else family[pages:]:
                supervisor.add(child)
            _watch(settings, broker, supervisor, stop)  # 7
        finally:
            say("stopping")
            supervisor.stop()  # 8


def children(settings: Settings, installation: Installation, broker: Broker, *, lan: bool) -> list[Child]:
    """Return every child of this installation, in starting order. Pages come first: they show the rest filling."""
    logs = settings.data / "logs"
    env = {"SUHE_DATA": str(settings.data.absolute()), "PYTHONUNBUFFERED": "1"}

    def ours(name: str, *arguments: str) -> Child:
        return Child(name, [sys.executable, "-m", "suhe.cli", *arguments], logs / f"{name}.log", env)

    found: list[Child] = []
    if broker.kind != "outside":
        found.append(Child("broker", broker_command(settings, broker), logs / "broker.log", env))
    found += [ours("web" if n == 0 else f"web-{n}", "web") for n in range(settings.web_processes)]
    found += [ours(f"ingest-{n}", "ingest", "--worker", str(n)) for n in range(settings.ingest_workers)]
    if station_ports(settings):
        found.append(ours("stations", "ingest", "stations"))
    chain = chain_child.prepare_chain(settings, demo=installation.demo)
    if chain is not None:
        found.append(Child(chain_child.NAME, chain, logs / "chain.log", env))
    if installation.demo:
        found.append(ours("markets", "simulate", "markets"))
    found.append(ours("scheduler", "scheduler"))
    if installation.demo:
        found += [
            ours("field", "simulate", "field"),
            ours("season", "simulate", "season"),
            ours("trucks", "simulate", "trucks"),
            ours("scans", "simulate", "scans"),
            ours("guests", "simulate", "guests"),
        ]
        command, more = witness_child.witness_command(settings, web_address(settings))
        found.append(Child(witness_child.NAME, command, logs / "witness.log", {**env, **more}))
    # Last: a server store may lag, the pages and the readings may not.
    own = prepare_victoria(settings)
    if own is not None:
        found.append(Child("victoria-metrics", victoria_command(settings, own), logs / "victoria-metrics.log", env))
    if sink_target(settings) is not None:
        found.append(ours("sink", "sink"))
    if lan:
        found.append(ours("web-lan", "web", "--public-only", "--host", "0.0.0.0", "--port", str(lan_port(settings))))  # noqa: S104
    return found


def state_file(settings: Settings) -> Path:
    """Return the file in which the supervisor tells how its children are."""
    return settings.data / "state.json"


def control_folder(settings: Settings) -> Path:
    """Return the folder whose `hold-NAME` files keep children down."""
    return settings.data / "control"


def lan_port(settings: Settings) -> int:
    """Return the port of the public pages on the local network."""
    return settings.http_port + 1


def lan_address() -> str:
    """Return this machine's address on the local network as its routing table tells it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return str(s.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _prepare(settings: Settings, installation: Installation) -> Broker:
    from registry.service import Registry
    from suhe.migrate import migrate

    engine = open_engine(settings.records_url)
    migrate(engine)
    registry = Registry(engine, SystemClock())
    if installation.demo:
        from suhe.demo import register_demo

        register_demo(settings, registry, SystemClock())
        witness_child.register_witness(settings, engine, registry, SystemClock())
        choose_demo_station_port(settings)
    broker = prepare_broker(settings)
    write_rules(settings, broker, registry.feeds())
    write_passwords(settings, broker, registry.broker_credentials())
    engine.dispose()
    return broker


def _say_where(
    settings: Settings, broker: Broker, supervisor: Supervisor, stop: threading.Event, *, lan: bool, say: Callable[[str], None]
) -> None:
    if broker.kind == "amqtt":
        say(NOTICE)
    deadline = time.monotonic() + FIRST_PAGE_SECONDS
    while not stop.is_set():
        supervisor.tick()
        if _answers(settings.http_host, settings.http_port):
            say(f"Suhe is at http://{_shown_host(settings)}:{settings.http_port}/")
            if lan:
                from suhe.terminal_qr import qr_lines

                address = f"http://{lan_address()}:{lan_port(settings)}/"
                say(f"public pages for phones on this network: {address}")
                for line in qr_lines(address):
                    say(line)
            return
        if time.monotonic() > deadline:
            raise Unavailable(
                "no page was served", expected=f"within {FIRST_PAGE_SECONDS:.0f} s", todo=f"read {settings.data}/logs/web.log"
            )
        stop.wait(0.05)


def _watch(settings: Settings, broker: Broker, supervisor: Supervisor, stop: threading.Event) -> None:
    from registry.service import Registry

    registry = Registry(open_engine(settings.records_url), SystemClock())
    known, feeds = registry.broker_credentials(), registry.feeds()
    look = 0.0
    while not stop.wait(_TICK):
        supervisor.tick()
        if time.monotonic() < look:
            continue
        look = time.monotonic() + _LOOK_AT_GATEWAYS_EVERY
        now, feeds_now = registry.broker_credentials(), registry.feeds()
        child = supervisor.children.get("broker")
        pid = child.process.pid if child and child.running and child.process else None
        if feeds_now != feeds:
            # Rules before passwords: a new gateway is let in to what it may do.
            write_rules(settings, broker, feeds_now, pid)
            feeds = feeds_now
        if now != known:
            write_passwords(settings, broker, now, pid)
            known = now


def _port_must_be_free(settings: Settings) -> None:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((settings.http_host, settings.http_port))
        except OSError as error:
            raise Conflict(
                "the port of the pages is taken",
                got=f"{settings.http_host}:{settings.http_port}",
                todo="end the program that uses it, or choose another with SUHE_HTTP_PORT",
            ) from error


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1" if host == "0.0.0.0" else host, port), 0.2):  # noqa: S104
            return True
    except OSError:
        return False


def _shown_host(settings: Settings) -> str:
    return "127.0.0.1" if settings.http_host == "0.0.0.0" else settings.http_host  # noqa: S104
