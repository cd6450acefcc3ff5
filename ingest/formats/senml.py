"""Packs of SenML, RFC 8428, as JSON and as CBOR: base fields applied, times resolved, one value a record.

A record's name is split into device and channel where the sender split it, between base name and name; else at its last `/` or `:`.
A sum becomes the channel `NAME.sum`, in its unit times seconds. Truth values are 1 and 0; text and data are no readings.
"""

from __future__ import annotations

import re
from typing import Any

from foundation.errors import BadInput
from ingest.formats.cbor import read_cbor
from ingest.formats.decoded import MOST_OBSERVED, Context, Decoded, Observed
from ingest.formats.json_text import finite, kind_of, note, number_in, read_json
from ingest.formats.times import LAST_MS

VERSION = 10
# A resolved time below this is seconds from now; above, seconds since 1970 (RFC 8428, 4.5.3).
_RELATIVE = 2**28
_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_FIELDS = frozenset(_LABELS.values())
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,255}", re.ASCII)
_BARE_URN = re.compile(r"urn:dev:[a-z]+:[^:/]+", re.ASCII)
_BETWEEN = ":/._-"
# Units of SenML's registry that are written otherwise in UCUM.
UCUM = {"%RH": "%", "%EL": "%", "lat": "deg", "lon": "deg", "pH": "[pH]", "count": "{count}", "l": "L", "m3": "m3", "/": "1", "EL": "s"}


def decode_json(topic: str, body: bytes, context: Context) -> Decoded:
    """Return a pack's records, resolved; times that are relative count from when it came."""
    del topic
    return _pack(read_json(body), context.received_ms, text_data=True)


def decode_cbor(topic: str, body: bytes, context: Context) -> Decoded:
    """Return a pack's records, resolved; labels may be integers or texts."""
    del topic
    told = read_cbor(body)
    if type(told) is list:
        told = [_labelled(r) if type(r) is dict else r for r in told]
    return _pack(told, context.received_ms, text_data=False)


def _labelled(record: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in record.items():
        label = _LABELS.get(key) if type(key) is int else key
        if label in found:
            raise BadInput("a field comes twice in one record, as a number and as a text", expected="each field once", got=str(key)[:40])
        if label is not None:
            found[label] = value
    return found


class _Base:
    """The base fields that hold now."""

    __slots__ = ("name", "sum", "time", "unit", "value", "version")

    def __init__(self) -> None:
        self.name = ""
        self.time = 0.0
        self.unit: str | None = None
        self.value: float | None = None
        self.sum: float | None = None
        self.version: int | None = None

    def take(self, record: dict[str, Any]) -> None:
        if "bn" in record:
            self.name = _text(record, "bn")
        if "bt" in record:
            self.time = _number(record, "bt")
        if "bu" in record:
            self.unit = _text(record, "bu")
        if "bv" in record:
            self.value = _number(record, "bv")
        if "bs" in record:
            self.sum = _number(record, "bs")
        if "bver" in record:
            version = _number(record, "bver")
            if not 1 <= version <= VERSION or version != int(version):
                raise BadInput("this pack is of a version we do not know", expected=f"`bver` 1 to {VERSION}", got=str(version)[:20])
            if self.version is not None and self.version != version:
                raise BadInput("records of one pack have two versions", expected=str(self.version), got=str(version)[:20])
            self.version = int(version)


def _pack(told: Any, received_ms: int, *, text_data: bool) -> Decoded:
    if type(told) is not list or not told:
        raise BadInput("a SenML pack is an array of records", expected="at least one record", got=kind_of(told) if told != [] else "none")
    if len(told) > MOST_OBSERVED:
        raise BadInput("this pack holds too many records", expected=f"at most {MOST_OBSERVED}", got=str(len(told)))
    base = _Base()
    observed: list[Observed] = []
    skipped: list[str] = []
    updates: list[float] = []
    for record in told:
        if type(record) is not dict:
            raise BadInput("a record of SenML is an object", got=kind_of(record))
        if not record.keys() <= _FIELDS:
            _unknown(record)
        base.take(record)
        _record(record, base, received_ms, observed, skipped, text_data=text_data)
        if "ut" in record:
            updates.append(_number(record, "ut"))
    return Decoded(tuple(observed), None, "", tuple(skipped), {"update_within_s": max(updates)} if updates else {})


def _unknown(record: dict[str, Any]) -> None:
    for label in record.keys() - _FIELDS:
        if label.endswith("_"):
            raise BadInput("this pack has a field that must be understood and is not", expected="fields of RFC 8428", got=label[:40])


def _record(
    record: dict[str, Any], base: _Base, received_ms: int, observed: list[Observed], skipped: list[str], *, text_data: bool
) -> None:
    name = base.name + (_text(record, "n") if "n" in record else "")
    if not _NAME.fullmatch(name):
        raise BadInput(
            "a record's name cannot be used", expected="letters, digits and - : . / _, not one of these first", got=repr(name)[:80]
        )
    kinds = [k for k in ("v", "vs", "vb", "vd") if k in record]
    summed = "s" in record or base.sum is not None
    if len(kinds) > 1:
        raise BadInput("a record has more than one value", expected="one of v, vs, vb, vd", got=", ".join(kinds))
    if not kinds and base.value is None and not summed:
        raise BadInput("a record has neither value nor sum", expected="v, vs, vb, vd or s", got=name[:80])
    device, channel = _split(base.name, name)
    t_ms = _resolved(base.time + (_number(record, "t") if "t" in record else 0.0), received_ms)
    unit = _text(record, "u") if "u" in record else base.unit
    unit = UCUM.get(unit, unit) if unit is not None else None
    kind = kinds[0] if kinds else ""
    if kind == "v" or (not kind and base.value is not None):
        value = (base.value or 0.0) + (_number(record, "v") if kind else 0.0)
        observed.append(Observed(device, channel, t_ms, finite(value, name), unit))
    elif kind == "vb":
        if type(record["vb"]) is not bool:
            raise BadInput("`vb` is no truth value", got=kind_of(record["vb"]))
        observed.append(Observed(device, channel, t_ms, 1.0 if record["vb"] else 0.0, unit))
    elif kind:
        if type(record[kind]) is not (str if kind == "vs" or text_data else bytes):
            raise BadInput(f"`{kind}` is of another type", expected="a text" if kind == "vs" else "base64 in JSON, bytes in CBOR")
        note(skipped, f"{name[:80]}: {'text' if kind == 'vs' else 'data'}")
    if summed:
        total = (base.sum or 0.0) + (_number(record, "s") if "s" in record else 0.0)
        observed.append(Observed(device, f"{channel}.sum", t_ms, finite(total, name), f"{unit}.s" if unit else None))


def _split(base: str, name: str) -> tuple[str, str]:
    if base and len(name) > len(base) and (base[-1] in _BETWEEN or name[len(base)] in _BETWEEN):
        channel = name[len(base) :].lstrip(_BETWEEN)
        if channel:
            return base.rstrip(_BETWEEN), channel
    cut = max(name.rfind("/"), name.rfind(":")) if not _BARE_URN.fullmatch(name) else len(name)
    if 0 < cut < len(name) - 1:
        return name[:cut], name[cut + 1 :]
    # A name without parts: with a base name it is the device's, alone it is the channel's.
    return (name.rstrip(_BETWEEN), "value") if base or cut == len(name) else ("", name)


def _resolved(seconds: float, received_ms: int) -> int | None:
    if seconds == 0:
        return None
    ms = round(seconds * 1000) + (received_ms if seconds < _RELATIVE else 0) if abs(seconds) <= LAST_MS else -1
    if not 0 <= ms <= LAST_MS:
        raise BadInput("a record's time is outside every calendar", expected="1970 to 9999", got=f"{seconds!r} s"[:40])
    return ms


def _text(record: dict[str, Any], label: str) -> str:
    told = record[label]
    if type(told) is not str:
        raise BadInput(f"`{label}` is no text", expected="a text", got=kind_of(told))
    return told


def _number(record: dict[str, Any], label: str) -> float:
    return number_in(record[label], f"`{label}`")
