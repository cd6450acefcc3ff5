"""Line protocol into readings: `POST /api/v2/write`, for Telegraf and every InfluxDB client.

A line names its device in the tag `device`. The field `value` is a reading of the channel the measurement names; any other field is a
reading of the channel it names itself. So both of these say the same:

    air_temperature,device=by-01-weather value=12.3
    weather,device=by-01-weather air_temperature=12.3,air_humidity=80

A tag `unit` must be the channel's; other tags are not kept. `flag` beside `value` is skipped: flags are ours to give.
"""

from __future__ import annotations

import itertools
import zlib
from dataclasses import dataclass

from foundation.errors import BadInput
from ingest.batch import Batch
from ingest.intake import Intake
from ingest.line_protocol import Line, read_lines
from ingest.payloads import ReadingIn

# Above every number a gateway may give its own messages: these have none, and must not take one away.
FIRST_NUMBER = 2**53
LARGEST_BODY = 16 * 1024 * 1024
LATEST_MS = 4_102_444_800_000
_PER_MS = {"ns": 1_000_000, "us": 1000, "ms": 1, "s": 0}
TOPIC = "api/v2/write"
_REASONS_TOLD = 3


@dataclass(frozen=True)
class Written:
    """What became of a body: how many lines are on disk, how many are not, and why."""

    stored: int
    dropped: int
    why: str

    def message(self) -> str:
        """Return the refusal as InfluxDB words it."""
        return f"partial write: {self.why} dropped={self.dropped}"


@dataclass(frozen=True)
class Point:
    """The readings of one line."""

    line: Line
    readings: tuple[ReadingIn, ...]


class Lines:
    """Gives line protocol to an intake. One thread at a time."""

    def __init__(self) -> None:
        self._numbers = itertools.count(FIRST_NUMBER)

    def take(self, intake: Intake, gateway: str, body: bytes, precision: str, received_ms: int, batch: Batch) -> Written:
        """Take every line that is in order into the batch; raise BadInput where nothing can be read at all."""
        points, dropped = read_points(body, precision, received_ms)
        wrong = intake.take_unnumbered(gateway, [r for p in points for r in p.readings], next(self._numbers), received_ms, batch)
        refused = [(p.line.text, wrong[key]) for p in points for key in {(r.d, r.c, r.u) for r in p.readings} if key in wrong]
        bad = sum(any((r.d, r.c, r.u) in wrong for r in p.readings) for p in points)
        dropped += refused
        if dropped:
            whys = list(dict.fromkeys(why for _, why in dropped))
            why = "; ".join(whys[:_REASONS_TOLD]) + ("; …" if len(whys) > _REASONS_TOLD else "")
            kept = "\n".join(dict.fromkeys(text for text, _ in dropped)).encode()
            batch.dead.append((received_ms, gateway, TOPIC, why, kept))
            return Written(len(points) - bad, len(dropped) - len(refused) + bad, why)
        return Written(len(points), 0, "")


def unzip(body: bytes) -> bytes:
    """Return a gzip body unpacked; raise BadInput where it is none or becomes too long."""
    out: list[bytes] = []
    size = 0
    while body:
        unpacker = zlib.decompressobj(31)
        try:
            part = unpacker.decompress(body, LARGEST_BODY - size + 1)
        except zlib.error as error:
            raise BadInput("unable to decompress the body", expected="gzip", got=str(error)[:100]) from error
        size += len(part)
        out.append(part)
        if size > LARGEST_BODY:
            raise TooLarge("request too large", expected=f"at most {LARGEST_BODY} bytes unpacked", todo="write fewer lines at a time")
        if not unpacker.eof:
            raise BadInput("unable to decompress the body", expected="gzip", got="a part of it is missing")
        body = unpacker.unused_data
    return b"".join(out)


class TooLarge(BadInput):
    """A body that becomes too long when unpacked."""

    code = "too-large"
    status = 413


def read_points(body: bytes, precision: str, received_ms: int) -> tuple[list[Point], list[tuple[str, str]]]:
    """Return the readings of every line, and (line, reason) of those that cannot be readings."""
    if precision not in _PER_MS:
        raise BadInput("invalid precision; valid precision units are ns, us, ms, and s", got=precision[:20])
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadInput("unable to parse: the body is not UTF-8", got=f"a bad byte at {error.start}") from error
    lines, bad = read_lines(text)
    if not lines and not bad:
        raise BadInput("writing requires points")
    points: list[Point] = []
    dropped = [(b.text, b.why) for b in bad]
    for line in lines:
        try:
            points.append(Point(line, _readings(line, precision, received_ms)))
        except BadInput as error:
            dropped.append((line.text, error.message))
    return points, dropped


def _readings(line: Line, precision: str, received_ms: int) -> tuple[ReadingIn, ...]:
    device, unit = line.tags.get("device"), line.tags.get("unit")
    if not device or len(device) > 64:
        raise BadInput(f"measurement {line.measurement[:64]!r} has no tag device that names a device")
    t = received_ms
    if line.time is not None:
        t = line.time * 1000 if precision == "s" else line.time // _PER_MS[precision]
    if not 0 <= t <= LATEST_MS:
        raise BadInput(f"time outside range 1970 to 2100: {line.time} in {precision}")
    fields = dict(line.fields)
    if "value" in fields:
        fields.pop("flag", None)
    found = []
    for name, value in fields.items():
        if isinstance(value, bool | str):
            kind = "boolean" if isinstance(value, bool) else "string"
            raise BadInput(
                f"field type conflict: input field {name[:64]!r} on measurement {line.measurement[:64]!r} is type {kind}, "
                "already exists as type float"
            )
        channel = line.measurement if name == "value" else name
        if len(channel) > 64:
            raise BadInput(f"channel {channel[:64]!r}… is too long")
        found.append(ReadingIn(d=device, c=channel, t=t, x=float(value), u=unit[:33] if unit else None))
    if not found:
        raise BadInput(f"measurement {line.measurement[:64]!r} has no field of a reading")
    return tuple(found)
