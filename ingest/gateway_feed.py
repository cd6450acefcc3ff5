"""Lines into a gateway: CSV or JSON lines from a file or a pipe become readings in the spool. Standard library and the SDK only.

CSV names its columns in the first line: device, channel, time, value and, if need be, unit (or d, c, t, x, u). JSON lines are objects of
the same names. A time is ms since 1970 or ISO 8601 with its zone; a line without one is refused unless arrival is to be its time.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from foundation.errors import BadInput
from ingest.messages import Encoder, Reading

_NAMES = {"device": "d", "d": "d", "channel": "c", "c": "c", "time": "t", "t": "t", "value": "x", "x": "x", "unit": "u", "u": "u"}
_TIMES = "ms since 1970, or ISO 8601 with its zone"
LONGEST_LINE = 65_536
_MOST_TOLD = 20


class Sender(Protocol):
    """What a gateway offers to a feed of lines."""

    def send_many(self, messages: list[list[Reading]], marks: dict[str, int] | None = None) -> list[int]:
        """Put messages into the spool with marks."""
        ...

    def collect(self, readings: list[Reading]) -> None:
        """Gather readings into messages."""
        ...

    def flush(self) -> None:
        """Put what was gathered into the spool."""
        ...

    def mark(self, name: str) -> int:
        """Return a mark."""
        ...


@dataclass
class Report:
    """What became of the lines: readings in the spool, lines refused, and the reasons for the first of those."""

    readings: int = 0
    refused: int = 0
    why: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, number: int, why: str) -> None:
        """Note a line that is no reading."""
        self.refused += 1
        if len(self.why) < _MOST_TOLD:
            self.why.append((number, why))


class Reader:
    """Makes readings of lines, one source at a time. `stamp` gives the time of a line that has none, None refuses such a line."""

    def __init__(self, stamp: Callable[[], int] | None = None) -> None:
        self.stamp = stamp
        self._columns: list[str | None] | None = None
        self._check = Encoder()

    def read(self, line: str) -> Reading | None:
        """Return the reading of a line, None for a header or an empty line; raise BadInput for one that is no reading."""
        line = line.strip("\r\n \ufeff")
        if not line:
            return None
        cells = self._of_json(line) if line.startswith("{") else self._of_csv(line)
        if cells is None:
            return None
        reading = self._reading(cells)
        # What a message would not take is refused here, with its line, and not with a hundred others.
        self._check.encode(0, [reading])
        return reading

    def head(self, line: str) -> None:
        """Take a line as the header: for a file that is read on from its middle."""
        self._columns = None
        self.read(line)

    def _of_json(self, line: str) -> dict[str, object]:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput("this line is no JSON", got=str(error)[:100]) from error
        return {_NAMES[name]: value for name, value in told.items() if name in _NAMES}

    def _of_csv(self, line: str) -> dict[str, object] | None:
        try:
            (cells,) = csv.reader([line], strict=True)
        except (csv.Error, ValueError) as error:
            raise BadInput("this line is no CSV", got=str(error)[:100]) from error
        if self._columns is None:
            columns = [_NAMES.get(cell.strip().lower()) for cell in cells]
            if not {"d", "c", "x"} <= set(columns):
                raise BadInput("the first line names no columns", expected="device,channel,time,value[,unit]", got=line[:100])
            self._columns = columns
            return None
        if len(cells) != len(self._columns):
            raise BadInput("this line has another number of cells", expected=str(len(self._columns)), got=str(len(cells)))
        return {name: cell.strip() for name, cell in zip(self._columns, cells, strict=True) if name is not None}

    def _reading(self, told: dict[str, object]) -> Reading:
        device, channel, unit = told.get("d"), told.get("c"), told.get("u")
        if not isinstance(device, str) or not isinstance(channel, str):
            raise BadInput("this line names no device and channel", got=f"{device!r}, {channel!r}"[:100])
        try:
            value = float(told["x"])  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput("this value is no number", got=repr(told.get("x"))[:60]) from error
        return Reading(device, channel, self._time(told.get("t")), value, str(unit) if unit else None)

    def _time(self, told: object) -> int:
        if told is None or told == "":
            if self.stamp is None:
                raise BadInput(
                    "this line has no time", expected="ms since 1970, or ISO 8601 with its zone", todo="or --stamp: arrival is its time"
                )
            return self.stamp()
        if type(told) is int or (isinstance(told, str) and told.isascii() and told.isdecimal()):
            return int(told)
        try:
            found = datetime.fromisoformat(str(told).replace("Z", "+00:00"))
        except ValueError as error:
            raise BadInput("this time cannot be read", expected=_TIMES, got=repr(told)[:60]) from error
        if found.tzinfo is None:
            raise BadInput("this time has no zone", expected="such as 2026-07-01T12:00:00+08:00", got=repr(told)[:60])
        return round(found.timestamp() * 1000)


def feed_stream(source: IO[str], sender: Sender, reader: Reader, report: Report, *, stop: Callable[[], bool]) -> None:
    """Read a pipe to its end; the sender gathers its lines into messages."""
    for number, line in enumerate(source, 1):
        waiting: list[Reading] = []
        _take(reader, line, number, waiting, report)
        if waiting:
            sender.collect(waiting)
            report.readings += 1
        if stop():
            break
    sender.flush()


def feed_file(path: Path, sender: Sender, reader: Reader, report: Report, *, batch: int, follow: bool, stop: Callable[[], bool]) -> None:
    """Read a file to its end, or for ever with `follow`, from where this spool left it.

    How far it was read is stored with the readings, so that neither a crash nor a start anew sends a line twice or leaves one out. A file
    that became shorter is another one, and read from its beginning.
    """
    name = f"file {path.absolute()}"
    with path.open("rb") as source:
        at = sender.mark(name)
        if at > path.stat().st_size:
            at = 0
        if at:
            reader.head(source.readline(LONGEST_LINE).decode(errors="replace"))
        source.seek(at)
        number = 0
        while not stop():
            waiting: list[Reading] = []
            end = at
            for line in _whole_lines(source, at, last=not follow):
                number, end = number + 1, end + len(line)
                _take(reader, line.decode(errors="replace"), number, waiting, report)
                if len(waiting) >= batch:
                    break
            if end > at:
                _put(sender, waiting, report, {name: end})
                at = end
                continue
            if not follow:
                return
            time.sleep(0.2)
            if path.stat().st_size < at:
                at, reader = 0, Reader(reader.stamp)


def _whole_lines(source: IO[bytes], at: int, *, last: bool) -> Iterator[bytes]:
    """Yield lines from a position; one without its end only where no more is to come."""
    source.seek(at)
    while line := source.readline(LONGEST_LINE):
        if not line.endswith(b"\n") and not last and len(line) < LONGEST_LINE:
            return
        yield line


def _take(reader: Reader, line: str, number: int, waiting: list[Reading], report: Report) -> None:
    try:
        reading = reader.read(line)
    except BadInput as error:
        report.refuse(number, error.explain())
        return
    if reading is not None:
        waiting.append(reading)


def _put(sender: Sender, waiting: list[Reading], report: Report, marks: dict[str, int] | None = None) -> None:
    if waiting or marks:
        sender.send_many([waiting] if waiting else [], marks)
        report.readings += len(waiting)
