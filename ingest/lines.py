"""Line protocol as we send it to a server store: the contract that boards and queries of others rely on.

- readings: the measurement is the channel's code (`air_temperature`); tags `county`, `gateway`, `device`, `unit` (left out where there is
  none); fields `value` (float) and `flag` (integer, QARTOD); the time is that of the observation.
- ingest's health, every 10 s, with the time of now: measurement `ingest_gateway`, tags `county`, `gateway`, fields `messages`, `readings`,
  `duplicates`, `open_gaps`, `silent_seconds`; and measurement `ingest_store` without tags, fields `readings`, `segments`, `daily_files`,
  `dead_letters`, `sink_lag_seconds`, `sink_waiting_readings`.

Times are milliseconds: write with `precision=ms`. In VictoriaMetrics a field becomes the metric `{measurement}_{field}` with the tags as
labels: `air_temperature_value{device="sx-01-g1-air"}`, `ingest_gateway_open_gaps{gateway="sx-01-gw"}`. The number after `flag=` ends in
`i`; all others are floats, so that a count can never disagree with an older field type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.catalog import Series
    from ingest.reading import Counts, GatewayState

GATEWAY_MEASUREMENT = "ingest_gateway"
STORE_MEASUREMENT = "ingest_store"

# A unit comes from a device. A line break in a name would begin a line of somebody else's making, and a backslash at its end would
# swallow what follows: neither has an escape that every server reads alike, so both become an underscore.
_NO_ESCAPE = re.compile(r"[\x00-\x1f\x7f\\\u0085\u2028\u2029\ud800-\udfff]")
_SPECIAL = re.compile(r"([,= ])")
_SPECIAL_IN_MEASUREMENT = re.compile(r"([, ])")
# A line that begins with a number sign is a comment.
_COMMENT = re.compile(r"^#")


def escape_measurement(name: str) -> str:
    """Return a measurement's name as it stands in a line; raise ValueError for none."""
    if not name:
        raise ValueError("a measurement has a name")
    return _SPECIAL_IN_MEASUREMENT.sub(r"\\\1", _COMMENT.sub("_", _NO_ESCAPE.sub("_", name)))


def escape_tag(text: str) -> str:
    """Return a tag's or field's name, or a tag's value, as it stands in a line; raise ValueError for an empty one."""
    if not text:
        raise ValueError("a tag is not empty")
    return _SPECIAL.sub(r"\\\1", _NO_ESCAPE.sub("_", text))


def line_head(measurement: str, tags: Mapping[str, str]) -> str:
    """Return measurement and tags, up to the fields; tags without a value are left out."""
    parts = [escape_measurement(measurement), *(f"{escape_tag(k)}={escape_tag(v)}" for k, v in sorted(tags.items()) if v)]
    return ",".join(parts)


def series_head(series: Series) -> str:
    """Return the part of a reading's line that is the same for its whole series; made once, used for every reading."""
    return line_head(series.channel, {"county": series.county, "gateway": series.gateway, "device": series.device, "unit": series.unit})


def reading_lines(heads: Mapping[int, str], rows: Iterable[tuple[int, int, float, int]]) -> list[str]:
    """Return the line of each (series, time, value, flag). A value that is no finite number has no line."""
    return [f"{heads[sid]} value={x!r},flag={flag}i {t}" for sid, t, x, flag in rows if x - x == 0]


def health_lines(gateways: Iterable[GatewayState], counts: Counts, lag_seconds: float, waiting: int, now_ms: int) -> list[str]:
    """Return how ingest is, one line for each gateway and one for the store."""
    lines = [
        _numbers(
            line_head(GATEWAY_MEASUREMENT, {"county": g.county, "gateway": g.gateway}),
            now_ms,
            messages=g.messages,
            readings=g.readings,
            duplicates=g.duplicates,
            open_gaps=len(g.open_gaps),
            silent_seconds=round((now_ms - g.last_received_ms) / 1000, 3),
        )
        for g in gateways
    ]
    store = _numbers(
        STORE_MEASUREMENT,
        now_ms,
        readings=counts.readings,
        segments=counts.segments,
        daily_files=counts.daily_files,
        dead_letters=counts.dead_letters,
        sink_lag_seconds=round(lag_seconds, 3),
        sink_waiting_readings=waiting,
    )
    return [*lines, store]


def _numbers(head: str, now_ms: int, **fields: float) -> str:
    return f"{head} {','.join(f'{name}={float(value)!r}' for name, value in fields.items())} {now_ms}"
