"""Packs of SenML, RFC 8428, as JSON and as CBOR: base fields applied, times resolved, one value a record.

A record's name is split into device and channel where the sender split it, between base name and name; else at its last `/` or `:`.
A sum becomes the channel `NAME.sum`, in its unit times seconds. Truth values are 1 and 0; text and data are no readings.
"""

from __future__ import annotations

import math
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
_VALUES = ("v", "vs", "vb", "vd")
_REGULAR = frozenset({"n", "u", "s", "t", "ut", *_VALUES})
_RARE = frozenset({"vs", "vb", "vd", "s", "ut"})
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


class _Pack:
    """A pack being read: the base fields that hold now, and what was found."""

    def __init__(self, received_ms: int, *, text_data: bool) -> None:
        self.received_ms = received_ms
        self.text_data = text_data
        self.observed: list[Observed] = []
        self.skipped: list[str] = []
        self.update = 0.0
        self.name = ""
        self.time = 0.0
        self.t_ms: int | None = None
        self.unit: str | None = None
        self.value: float | None = None
        self.sum: float | None = None
        self.version: int | None = None
        # Names of this base name, split: a pack says the same few again and again.
        self.split: dict[str, tuple[str, str]] = {}

    def base(self, record: dict[str, Any]) -> None:
        """Take over the base fields of a record."""
        if "bn" in record:
            self.name = _text(record, "bn")
            self.split = {}
        if "bt" in record:
            self.time = _number(record, "bt")
        if "bu" in record:
            self.unit = _ucum(_text(record, "bu"))
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
        # A record may have a time of its own and so never need the base's: what is wrong with it is said where it is used.
        self.t_ms = _resolved(self.time, self.received_ms) if 0 <= self.time <= LAST_MS / 1000 - _RELATIVE else None

    def record(self, record: dict[str, Any]) -> None:
        """Take one record."""
        fields = record.keys()
        if not fields <= _REGULAR:
            if not fields <= _FIELDS:
                _unknown(record)
            self.base(record)
        name = _text(record, "n") if "n" in record else ""
        device, channel = self.split.get(name) or self._names(name)
        unit = _ucum(_text(record, "u")) if "u" in record else self.unit
        t_ms = self.t_ms
        if "t" in record:
            t_ms = _resolved(self.time + _number(record, "t"), self.received_ms)
        elif t_ms is None and self.time:
            t_ms = _resolved(self.time, self.received_ms)
        if "v" in record and self.value is None and self.sum is None and not fields & _RARE:
            value = record["v"]
            if type(value) is not float or not math.isfinite(value):
                value = _number(record, "v")
            self.observed.append(Observed(device, channel, t_ms, value, unit))
        else:
            self._other(record, device, channel, t_ms, unit)

    def _names(self, name: str) -> tuple[str, str]:
        whole = self.name + name
        if not _NAME.fullmatch(whole):
            allowed = "letters, digits and - : . / _, not one of these first"
            raise BadInput("a record's name cannot be used", expected=allowed, got=repr(whole)[:80])
        found = self.split[name] = _split(self.name, whole)
        return found

    def _other(self, record: dict[str, Any], device: str, channel: str, t_ms: int | None, unit: str | None) -> None:
        kinds = [k for k in _VALUES if k in record]
        summed = "s" in record or self.sum is not None
        if len(kinds) > 1:
            raise BadInput("a record has more than one value", expected="one of v, vs, vb, vd", got=", ".join(kinds))
        if not kinds and self.value is None and not summed:
            raise BadInput("a record has neither value nor sum", expected="v, vs, vb, vd or s", got=channel[:80])
        kind = kinds[0] if kinds else ""
        if kind == "v" or (not kind and self.value is not None):
            value = (self.value or 0.0) + (_number(record, "v") if kind else 0.0)
            self.observed.append(Observed(device, channel, t_ms, finite(value, channel), unit))
        elif kind == "vb":
            if type(record["vb"]) is not bool:
                raise BadInput("`vb` is no truth value", got=kind_of(record["vb"]))
            self.observed.append(Observed(device, channel, t_ms, 1.0 if record["vb"] else 0.0, unit))
        elif kind:
            if type(record[kind]) is not (str if kind == "vs" or self.text_data else bytes):
                raise BadInput(f"`{kind}` is of another type", expected="a text" if kind == "vs" else "base64 in JSON, bytes in CBOR")
            note(self.skipped, f"{channel[:80]}: {'text' if kind == 'vs' else 'data'}")
        if summed:
            total = finite((self.sum or 0.0) + (_number(record, "s") if "s" in record else 0.0), channel)
            self.observed.append(Observed(device, f"{channel}.sum", t_ms, total, f"{unit}.s" if unit else None))
        if "ut" in record:
            self.update = max(self.update, _number(record, "ut"))


def _pack(told: Any, received_ms: int, *, text_data: bool) -> Decoded:
    if type(told) is not list or not told:
        raise BadInput("a SenML pack is an array of records", expected="at least one record", got=kind_of(told) if told != [] else "none")
    if len(told) > MOST_OBSERVED:
        raise BadInput("this pack holds too many records", expected=f"at most {MOST_OBSERVED}", got=str(len(told)))
    pack = _Pack(received_ms, text_data=text_data)
    for record in told:
        if type(record) is not dict:
            raise BadInput("a record of SenML is an object", got=kind_of(record))
        pack.record(record)
    return Decoded(tuple(pack.observed), None, "", tuple(pack.skipped), {"update_within_s": pack.update} if pack.update else {})


def _unknown(record: dict[str, Any]) -> None:
    for label in record.keys() - _FIELDS:
        if label.endswith("_"):
            raise BadInput("this pack has a field that must be understood and is not", expected="fields of RFC 8428", got=label[:40])


def _ucum(unit: str) -> str:
    return UCUM.get(unit, unit)


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
