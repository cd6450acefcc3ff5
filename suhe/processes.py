"""What each supervised process does: build its part from the settings, run until SIGTERM."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.clock import SystemClock
from foundation.database import open_engine
from foundation.errors import BadInput, NotFound
from foundation.files import write_durably
from foundation.log import get_logger, set_up_logging
from foundation.ports import free_port, port_is_free
from foundation.settings import Settings
from suhe.broker import connection, tls_context

if TYPE_CHECKING:
    from suhe.bootstrap import Services


def stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    return stop


def serve_web(settings: Settings, *, host: str, port: int, public_only: bool) -> None:
    """Serve the pages and the API with uvicorn. Where several processes are configured they share one port."""
    import uvicorn

    from dashboards.app import create_site
    from dashboards.fast_protocol import protocol_with
    from suhe.bootstrap import build_services
    from suhe.migrate import migrate

    set_up_logging(settings.log_level)
    migrate(open_engine(settings.records_url))
    services = build_services(settings)
    site = create_site(services, public_only=public_only)
    # The first look at every county's prices reads years of them: it is taken before somebody waits for it, and beside the first answers.
    threading.Thread(target=_look_at_prices, args=[services], name="first-look", daemon=True).start()
    where = (host or settings.http_host, port or settings.http_port)
    config = uvicorn.Config(
        site,
        http=protocol_with(site),
        host=where[0],
        port=where[1],
        log_config=None,
        access_log=False,
        server_header=False,
        # Event streams stay open for ever; a stop must not wait for them.
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[_shared_socket(*where)] if settings.web_processes > 1 else None)


def _look_at_prices(services: Services) -> None:
    try:
        for county in services.registry.counties():
            services.analysis.unusual(county.code)
    except Exception:  # noqa: BLE001 - the board looks again itself when it is asked for
        get_logger(__name__).exception("no first look at the prices")


def _shared_socket(host: str, port: int) -> socket.socket:
    """Return a socket on a port that other processes of ours listen on as well; the kernel hands each connection to one of them.

    Each process has a socket of its own, so that any of them can be killed and come back while the others go on answering.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((host, port))
    return shared


def run_ingest(settings: Settings, *, worker: int, workers: int) -> None:
    """Run one ingest worker with its share of the sixteen shards."""
    from ingest.mqtt_sessions import shards_of
    from ingest.worker import run_worker
    from registry.directory import RegistryDirectory
    from registry.service import Registry

    set_up_logging(settings.log_level)
    of = workers or settings.ingest_workers
    if not 0 <= worker < of:
        raise BadInput("there is no such worker", expected=f"0 to {of - 1}", got=str(worker), todo="set SUHE_INGEST_WORKERS or --workers")
    broker = connection(settings)
    directory = RegistryDirectory(Registry(open_engine(settings.records_url), SystemClock()))
    run_worker(
        host=broker.host,
        port=broker.port,
        username=broker.ingest_user,
        password=broker.ingest_password,
        worker_id=str(worker),
        shards=shards_of(worker, of),
        folder=settings.readings_folder,
        directory=directory,
        keys=directory,
        feeds=directory,
        protocol=broker.protocol,
        compact_seconds=settings.compact_seconds,
        workers=of,
        tls=tls_context(settings, broker),
        stop=stop_on_signal(),
    )


def station_ports(settings: Settings) -> dict[str, int]:
    """Return format -> port of the station protocols that are switched on; a demo switches SL 651 on by itself."""
    chosen = {name: port for name, port in (("sl651", settings.sl651_port), ("hj212", settings.hj212_port)) if port}
    kept = settings.data / "broker" / "stations.json"
    if chosen or not kept.is_file():
        return chosen
    return {"sl651": int(json.loads(kept.read_text())["sl651"])}


def choose_demo_station_port(settings: Settings) -> None:
    """Keep a free port for the demo's station, the same from start to start as long as it is free."""
    kept = settings.data / "broker" / "stations.json"
    if settings.sl651_port or settings.hj212_port:
        kept.unlink(missing_ok=True)
        return
    before = station_ports(settings).get("sl651", 0)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_durably(kept, json.dumps({"sl651": before if before and port_is_free(before) else free_port()}).encode())


def run_station_server(settings: Settings) -> None:
    """Listen for stations that speak SL 651 or HJ 212 over TCP."""
    from ingest.stations.server import run_stations
    from registry.directory import RegistryDirectory
    from registry.service import Registry

    set_up_logging(settings.log_level)
    ports = station_ports(settings)
    if not ports:
        raise BadInput("no port for stations is set", todo="set SUHE_SL651_PORT or SUHE_HJ212_PORT")
    run_stations(
        settings.readings_folder,
        RegistryDirectory(Registry(open_engine(settings.records_url), SystemClock())),
        host=settings.stations_host,
        ports=ports,
        blobs=settings.data / "blobs",
        stop=stop_on_signal(),
    )


def run_sink(settings: Settings) -> None:
    """Feed the server store until told to stop."""
    import os

    from foundation.errors import NotFound
    from ingest.feed import feed
    from suhe.victoria import sink_target

    set_up_logging(settings.log_level)
    target = sink_target(settings)
    if target is None:
        raise NotFound("there is no server store here", todo="set SUHE_SINK_URL, or install VictoriaMetrics and start `suhe up`")
    # Behind everything that someone waits for.
    os.nice(10)
    feed(settings.readings_folder, target, SystemClock(), lag_s=settings.sink_lag_seconds, stop=stop_on_signal())


def run_jobs(settings: Settings) -> None:
    """Run the scheduler process."""
    from suhe.bootstrap import build_services
    from suhe.leader import run_scheduler

    set_up_logging(settings.log_level)
    services = build_services(settings)
    stop = stop_on_signal()
    sources = market_addresses(settings, stop) if services.demo else _chosen(settings)
    run_scheduler(services, sources, demo=services.demo, stop_event=stop)


def _chosen(settings: Settings) -> dict[str, str]:
    """Return the price sources an operator chose. A choice that cannot be meant is told loudly, and the other jobs go on."""
    from foundation.errors import SuheError
    from suhe.price_sources import chosen_sources

    try:
        return chosen_sources(settings.price_sources)
    except SuheError as error:
        get_logger(__name__).error("SUHE_PRICE_SOURCES names no source", why=error.explain())
        return {}


def run_simulator(settings: Settings, what: str) -> None:
    """Run one simulator of the demo."""
    set_up_logging(settings.log_level)
    runners: dict[str, Callable[[Settings, threading.Event], None]] = {
        "field": _field,
        "markets": _markets,
        "season": _season,
        "trucks": _trucks,
        "scans": _scans,
        "guests": _guests,
    }
    if what not in runners:
        raise BadInput("there is no such simulator", expected=", ".join(runners), got=what)
    runners[what](settings, stop_on_signal())


def demo_credentials(settings: Settings) -> dict[str, Any]:
    """Return the credentials the demo registered for its simulators."""
    path = settings.keys_folder / "demo.json"
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise NotFound("this folder holds no demo", got=str(settings.data), todo="start one with `suhe up --demo`") from error
    return told


def simulator_folder(settings: Settings) -> Path:
    """Return the folder in which the simulators keep their state and their labels."""
    folder = settings.data / "simulator"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def web_address(settings: Settings) -> str:
    """Return the address at which this machine reaches the pages and the API."""
    host = "127.0.0.1" if settings.http_host == "0.0.0.0" else settings.http_host  # noqa: S104
    return f"http://{host}:{settings.http_port}"


def market_addresses(settings: Settings, stop: threading.Event) -> dict[str, str]:
    """Return source id -> base address of the simulated market sites, waiting until they told where they listen."""
    path = simulator_folder(settings) / "markets.json"
    log = get_logger(__name__)
    while not stop.is_set():
        try:
            told: dict[str, str] = json.loads(path.read_text())
            return told
        except (OSError, ValueError):
            log.info("waiting for the market sites")
            stop.wait(0.3)
    return {}


def _field(settings: Settings, stop: threading.Event) -> None:
    from simulators.run import run_field

    broker, told = connection(settings), demo_credentials(settings)
    run_field(
        credentials=told["gateways"],
        seeds=told.get("gateway_seeds"),
        host=broker.host,
        port=broker.port,
        protocol=broker.protocol,
        data_folder=settings.data,
        stop_event=stop,
    )


def _markets(settings: Settings, stop: threading.Event) -> None:
    from simulators.markets import run_markets

    run_markets(port=0, data_folder=settings.data, stop_event=stop)


def _season(settings: Settings, stop: threading.Event) -> None:
    from simulators.season import run_season

    run_season(
        credentials=demo_credentials(settings),
        base_url=web_address(settings),
        data_folder=settings.data,
        stop_event=stop,
        clock=SystemClock(),
    )


def _scans(settings: Settings, stop: threading.Event) -> None:
    from simulators.scans import run_scans

    run_scans(credentials=demo_credentials(settings), base_url=web_address(settings), stop_event=stop)


def _guests(settings: Settings, stop: threading.Event) -> None:
    from simulators.driver import SEED
    from simulators.guests import run_guests

    broker, told = connection(settings), demo_credentials(settings)
    run_guests(
        told["guests"],
        host=broker.host,
        port=broker.port,
        protocol=broker.protocol,
        station_port=station_ports(settings).get("sl651", 0),
        station_password=told["station_password"].upper(),
        seed=SEED,
        stop_event=stop,
    )


def _trucks(settings: Settings, stop: threading.Event) -> None:
    from simulators.trucks import run_trucks

    broker = connection(settings)
    run_trucks(
        credentials=demo_credentials(settings),
        host=broker.host,
        port=broker.port,
        protocol=broker.protocol,
        base_url=web_address(settings),
        data_folder=settings.data,
        stop_event=stop,
    )
