"""`suhe replay`: register the file's gateway and devices, send the file through them, print what became of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from foundation.clock import SystemClock
from foundation.database import open_engine
from foundation.settings import Settings
from registry.devices import Device, DeviceChannel
from registry.parties import County, Party
from registry.plots import Base
from registry.service import Registry
from simulators.mapping import Mapping, load_mapping
from simulators.replay import ReplayReport, devices_in, replay_file
from suhe.broker import connection

_INTERVAL_S = 3600


def run(settings: Settings, file: Path, mapping_name: str, *, as_json: bool) -> None:
    """Replay a file into the running installation; exit 1 where anything of it was not stored."""
    mapping = load_mapping(mapping_name)
    devices = devices_in(file, mapping)
    registry = Registry(open_engine(settings.records_url), SystemClock())
    password = _register(registry, mapping, devices)
    broker = connection(settings)
    report = replay_file(
        file,
        mapping,
        password=password,
        host=broker.host,
        port=broker.port,
        protocol=broker.protocol,
        spool=settings.data / "spool" / f"{mapping.gateway}.db",
        progress=None if as_json else _show,
    )
    if as_json:
        print(json.dumps(report.shown(), ensure_ascii=False, indent=2))
    else:
        _print(report)
    sys.exit(0 if report.acknowledged and not report.refused_messages else 1)


def _register(registry: Registry, mapping: Mapping, devices: list[str]) -> str:
    """Register what the mapping names, where it is not there yet, and return a new password of its gateway."""
    place = mapping.place
    base, party = f"replay-{mapping.name}", "replay"
    if place.county not in {c.code for c in registry.counties()}:
        registry.add_county(County(place.county, place.county_name_zh, place.county_name_en, place.lat, place.lon))
    if not any(p.id == party for p in registry.parties()):
        registry.add_party(Party(party, place.county, ("grower",), "回放数据", "Replayed data"))
    registry.add_base(Base(base, place.county, party, place.name_zh, place.name_en, place.lat, place.lon))
    if any(g.id == mapping.gateway for g in registry.gateways()):
        password = registry.rotate_gateway(mapping.gateway)
    else:
        _, password = registry.register_gateway(mapping.gateway, place.county, base, place.name_zh, place.name_en)
    channels = tuple(DeviceChannel(c.code, c.unit, _INTERVAL_S) for c in mapping.channels)
    for device in devices:
        registry.add_device(
            Device(device, place.county, mapping.gateway, None, base, mapping.device_kind, place.name_zh, place.name_en, channels)
        )
    return password


def _show(report: ReplayReport) -> None:
    print(f"\r{report.rows:,} rows, {report.total:,} readings sent", end="", file=sys.stderr, flush=True)


def _print(report: ReplayReport) -> None:
    from rich.console import Console
    from rich.table import Table

    print(file=sys.stderr)
    table = Table("channel", "readings", "missing in the file", box=None, pad_edge=False)
    for code in sorted({*report.readings, *report.missing}):
        table.add_row(code, f"{report.readings[code]:,}", f"{report.missing[code]:,}")
    console = Console()
    console.print(table)
    state = "all acknowledged: on ingest's disk" if report.acknowledged else "NOT all acknowledged: the rest waits in the gateway's spool"
    console.print(f"{report.rows:,} rows, {report.total:,} readings in {report.messages} messages, {report.seconds:.1f} s; {state}")
    for refused in report.refused[:20]:
        console.print(f"line {refused.row}{' ' + refused.column if refused.column else ''}: {refused.why}")
    if report.refused_count > 20:
        console.print(f"{report.refused_count - 20:,} more refusals; --json tells up to 1,000")
    for why in report.refused_messages[:20]:
        console.print(f"refused by ingest: {why}")
