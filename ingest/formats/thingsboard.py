"""ThingsBoard's telemetry, of a gateway for its devices and of a device for itself.

`values` with `ts` or values alone, one or an array of them. A number written as text is a number here, as it is for ThingsBoard itself;
nested objects, which ThingsBoard keeps as text, become dotted names.
"""

from __future__ import annotations

from typing import Any

from foundation.errors import BadInput
from ingest.formats.decoded import MOST_OBSERVED, Context, Decoded, Observed
from ingest.formats.json_text import flatten, kind_of, members, note, read_json
from ingest.formats.times import epoch_ms

_SILENT = ("attributes", "connect", "disconnect", "rpc", "claim")


def decode_gateway(topic: str, body: bytes, context: Context) -> Decoded:
    """Return the telemetry of every device a gateway speaks for; a device's name is as written."""
    del context
    last = topic.rpartition("/")[2]
    if last in _SILENT:
        return Decoded((), None, "", (f"a `{last}` message holds no reading",))
    told = members(read_json(body), "a gateway's telemetry")
    observed: list[Observed] = []
    skipped: list[str] = []
    for device, entries in told.items():
        if not device or len(device) > 200:
            raise BadInput("a device has no usable name", expected="1 to 200 characters", got=device[:60])
        _entries(device, entries, observed, skipped)
    return Decoded(tuple(observed), None, "", tuple(skipped))


def decode_device(topic: str, body: bytes, context: Context) -> Decoded:
    """Return the telemetry of the device that sends it, which the message does not name."""
    del context
    last = topic.rpartition("/")[2]
    if last in _SILENT:
        return Decoded((), None, "", (f"a `{last}` message holds no reading",))
    observed: list[Observed] = []
    skipped: list[str] = []
    _entries("", read_json(body), observed, skipped)
    return Decoded(tuple(observed), None, "", tuple(skipped))


def _entries(device: str, told: Any, observed: list[Observed], skipped: list[str]) -> None:
    if type(told) is dict:
        told = [told]
    if type(told) is not list:
        what = f"the telemetry of `{device[:60]}`" if device else "a device's telemetry"
        raise BadInput(f"{what} is no array and no object", expected='[{"ts":ms,"values":{…}}]', got=kind_of(told))
    for entry in told:
        t_ms, values = _entry(entry)
        found: list[tuple[str, float]] = []
        said: list[str] = []
        flatten(values, "", found, said, texts=True)
        observed += [Observed(device, name, t_ms, value) for name, value in found]
        for why in said:
            note(skipped, f"{device[:60]}: {why}" if device else why)
        if len(observed) > MOST_OBSERVED:
            raise BadInput("this message holds too many values", expected=f"at most {MOST_OBSERVED}", todo="send fewer at once")


def _entry(told: Any) -> tuple[int | None, dict[str, Any]]:
    entry = members(told, "an entry of telemetry")
    if "ts" not in entry:
        return None, members(entry["values"], "`values`") if len(entry) == 1 and type(entry.get("values")) is dict else entry
    t_ms = epoch_ms(entry["ts"], "`ts`")
    if "values" in entry:
        return t_ms, members(entry["values"], "`values`")
    return t_ms, {k: v for k, v in entry.items() if k != "ts"}
