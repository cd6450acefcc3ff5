"""`suhe replay`: a real file through gateway, broker and store, told row by row what was not taken."""

from __future__ import annotations

import csv
import gzip
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from foundation.errors import BadInput, NotFound, Unavailable
from ingest.payloads import ReadingIn
from simulators.mapping import MappedChannel, Mapping

LARGEST = 1_900
MOST_WAITING = 32
_MOST_TOLD = 1_000  # refused rows told one by one; all are counted


class Sender(Protocol):
    """What a replay uses of the gateway SDK; it must have been started."""

    def send_many(self, messages: list[list[ReadingIn]]) -> list[int]:
        """Spool messages durably and return their sequence numbers."""
        ...

    def pending(self) -> int:
        """Return how many messages are not acknowledged yet."""
        ...

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait until everything is acknowledged; False if it took longer."""
        ...


@dataclass(frozen=True)
class RefusedRow:
    """A row, or one column of it, that was not sent. `row` is the line in the file, the header being line 1."""

    row: int
    column: str
    why: str


@dataclass
class ReplayReport:
    """What a file held and what became of it."""

    file: str
    mapping: str
    rows: int = 0
    readings: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    refused_count: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    first_ms: int | None = None
    last_ms: int | None = None
    messages: int = 0
    refused_messages: list[str] = field(default_factory=list)  # by ingest, with its reason; nothing of them is stored
    acknowledged: bool = False
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """How many readings were sent."""
        return sum(self.readings.values())

    def shown(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {**asdict(self), "readings": dict(self.readings), "missing": dict(self.missing), "total": self.total}

    def refuse(self, row: int, column: str, why: str) -> None:
        """Count a refusal and tell it while there is room."""
        self.refused_count += 1
        if len(self.refused) < _MOST_TOLD:
            self.refused.append(RefusedRow(row, column, why))


def replay_file(
    file: Path,
    mapping: Mapping,
    *,
    password: str,
    host: str,
    port: int,
    spool: Path,
    protocol: int = 5,
    end_at_ms: int | None = None,
    speed: float = 0.0,
    timeout: float = 60.0,
    progress: Callable[[ReplayReport], None] | None = None,
    stop: threading.Event | None = None,
) -> ReplayReport:
    """Send a file through the mapping's gateway, which must be registered with this password and with the file's devices.

    What ingest refuses stands in the report with its reason; a broker that does not let the gateway in ends as Unavailable and says so.
    """
    from ingest.gateway import Gateway

    refused: list[str] = []
    shut_out: list[str] = []

    def on_event(name: str, facts: dict[str, Any]) -> None:
        if name == "message refused":
            refused.append(str(facts.get("why", "")))
        elif name == "refused":
            shut_out.append(str(facts.get("why", "")))

    gateway = Gateway(mapping.gateway, password, host, port, spool, protocol=protocol, on_event=on_event)
    gateway.start()
    try:
        report = replay(file, mapping, gateway, end_at_ms=end_at_ms, speed=speed, timeout=timeout, progress=progress, stop=stop)
    except Unavailable as error:
        if shut_out:
            raise Unavailable("the broker does not let the gateway in", got=shut_out[-1], todo="register it and its password") from error
        raise
    finally:
        gateway.stop()
    report.refused_messages = refused
    return report


def replay(
    file: Path,
    mapping: Mapping,
    gateway: Sender,
    *,
    end_at_ms: int | None = None,
    speed: float = 0.0,
    timeout: float = 120.0,
    progress: Callable[[ReplayReport], None] | None = None,
    stop: threading.Event | None = None,
) -> ReplayReport:
    """Send a CSV file (.gz too) through a gateway and wait until ingest has acknowledged all of it.

    `end_at_ms` shifts all times so that the newest row falls on it; None leaves them. `speed` is how many times faster than it was
    observed; 0 is as fast as it goes. `timeout` bounds the wait for acknowledgements without any progress.

    Raises:
        NotFound: there is no such file.
        BadInput: the file lacks columns the mapping names.
        Unavailable: acknowledgements stopped coming; what was not acknowledged stays in the gateway's spool.

    """
    stop = stop or threading.Event()
    report, begun = ReplayReport(str(file), mapping.name), time.monotonic()
    shift = 0 if end_at_ms is None else end_at_ms - _newest(file, mapping)
    waiting: list[ReadingIn] = []
    for row_number, row in _rows(file, mapping):
        report.rows += 1
        readings = _readings_of(row_number, row, mapping, shift, report)
        if readings and speed > 0:
            _pace(report, readings[0].t, speed, begun, stop)
        if stop.is_set():
            break
        waiting += readings
        if len(waiting) >= LARGEST or (speed > 0 and waiting):
            _send(gateway, waiting, report, timeout, stop)
            waiting = []
            if progress:
                progress(report)
    if waiting:
        _send(gateway, waiting, report, timeout, stop)
    _until(gateway, 0, timeout, stop)
    report.acknowledged = gateway.wait_until_empty(0.0) or gateway.pending() == 0
    report.seconds = time.monotonic() - begun
    if progress:
        progress(report)
    return report


def devices_in(file: Path, mapping: Mapping) -> list[str]:
    """Return the devices a file's rows belong to, for registering them before a replay."""
    if mapping.device:
        return [mapping.device]
    return sorted({mapping.device_of(row) for _, row in _rows(file, mapping)})


def _readings_of(number: int, row: dict[str, str], mapping: Mapping, shift: int, report: ReplayReport) -> list[ReadingIn]:
    try:
        t = mapping.time.read(row) + shift
        device = mapping.device_of(row)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        report.refuse(number, "", f"its time cannot be read: {error}")
        return []
    except BadInput as error:
        report.refuse(number, mapping.device_column, error.explain())
        return []
    if device not in report.devices:
        report.devices.append(device)
    report.first_ms = t if report.first_ms is None else min(report.first_ms, t)
    report.last_ms = t if report.last_ms is None else max(report.last_ms, t)
    found = []
    for channel in mapping.channels:
        cell = (row[channel.column] or "").strip()
        if cell in mapping.missing:
            report.missing[channel.code] += 1
            continue
        try:
            value = _value(cell, channel, mapping)
        except ValueError as error:
            report.refuse(number, channel.column, str(error))
            continue
        report.readings[channel.code] += 1
        found.append(ReadingIn(d=device, c=channel.code, t=t, x=value, u=channel.unit))
    return found


def _value(cell: str, channel: MappedChannel, mapping: Mapping) -> float:
    if channel.table:
        table = mapping.tables[channel.table]
        if cell not in table:
            raise ValueError(f"{cell[:40]!r} is not in the table {channel.table}")
        return table[cell]
    try:
        number = float(cell)
    except ValueError:
        raise ValueError(f"{cell[:40]!r} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{cell[:40]!r} is no finite number")
    if channel.scale == 1.0 and channel.offset == 0.0:
        return number  # exactly what the file says, to the last bit
    return number * channel.scale + channel.offset


def _send(gateway: Sender, readings: list[ReadingIn], report: ReplayReport, timeout: float, stop: threading.Event) -> None:
    messages = [readings[k : k + LARGEST] for k in range(0, len(readings), LARGEST)]
    _until(gateway, MOST_WAITING, timeout, stop)
    gateway.send_many(messages)
    report.messages += len(messages)


def _until(gateway: Sender, most: int, timeout: float, stop: threading.Event) -> None:
    """Wait until at most `most` messages are unacknowledged; give up when none was acknowledged for `timeout` seconds."""
    last, moved = gateway.pending(), time.monotonic()
    while last > most and not stop.is_set():
        stop.wait(0.02)
        now = gateway.pending()
        if now < last:
            moved = time.monotonic()
        elif time.monotonic() - moved > timeout:
            raise Unavailable(
                "no acknowledgement came",
                expected=f"one within {timeout:.0f} s",
                got=f"{now} messages waiting",
                todo="look whether broker and ingest run; the spool keeps what was not acknowledged, and replaying again is harmless",
            )
        last = now


def _pace(report: ReplayReport, t_ms: int, speed: float, begun: float, stop: threading.Event) -> None:
    due = begun + (t_ms - (report.first_ms or t_ms)) / 1000 / speed
    stop.wait(max(0.0, due - time.monotonic()))


def _newest(file: Path, mapping: Mapping) -> int:
    newest = None
    for _, row in _rows(file, mapping):
        try:
            t = mapping.time.read(row)
        except (ValueError, KeyError, TypeError, OverflowError):
            continue
        newest = t if newest is None else max(newest, t)
    if newest is None:
        raise BadInput("no row of this file has a time that can be read", got=file.name, todo="check the mapping's [time]")
    return newest


def _rows(file: Path, mapping: Mapping) -> Iterator[tuple[int, dict[str, str]]]:
    with _open(file) as lines:
        reader = csv.DictReader(lines)
        lacking = [c for c in mapping.columns() if c not in (reader.fieldnames or [])]
        if lacking:
            raise BadInput(
                "this file lacks columns the mapping names",
                expected=", ".join(lacking),
                got=", ".join(reader.fieldnames or ["an empty file"]),
                todo="choose another mapping",
            )
        for row in reader:
            yield reader.line_num, row


@contextmanager
def _open(file: Path) -> Iterator[Iterator[str]]:
    if not file.is_file():
        raise NotFound("there is no such file", got=str(file))
    if file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as lines:
            yield iter(lines)
    else:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield iter(lines)
