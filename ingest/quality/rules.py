"""What each test asks of a channel: `quality.toml`, and a county's own file over it. Every figure names its source.

    [channel.NAME.TEST]   for a channel everywhere, also for one of a county's own
    [kind.KIND.NAME.TEST] in devices of a kind (greenhouse_climate, ...)
    [county.CODE.NAME.TEST]
    [device.ID.NAME.TEST]

    [height_m]            metres above sea level by device, for the neighbour test

The later in this order wins, figure by figure. `off = true` takes a test away. What a file changes it gives a source for.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from foundation.errors import BadInput

OVERRIDES = "quality.toml"
_EVERYTHING = (-math.inf, math.inf)


@dataclass(frozen=True)
class GrossRange:
    """Closed ranges: outside `fail` the sensor cannot say it, outside `suspect` this climate does not do it."""

    source: str
    fail: tuple[float, float] = _EVERYTHING
    suspect: tuple[float, float] = _EVERYTHING


@dataclass(frozen=True)
class Step:
    """How far a value may be from the one before: so much at once, so much per hour, whichever allows more."""

    source: str
    suspect_at_once: float
    fail_at_once: float
    suspect_per_hour: float = 0.0
    fail_per_hour: float = 0.0
    within_hours: float = 3.0


@dataclass(frozen=True)
class Spike:
    """How far a value may stick out from both its neighbours, the smaller of the two steps counting."""

    source: str
    suspect: float
    fail: float
    within_hours: float = 3.0


@dataclass(frozen=True)
class FlatLine:
    """How long values may stay within less than `tolerance`; below and above the exceptions stillness is natural."""

    source: str
    tolerance: float
    suspect_hours: float
    fail_hours: float
    readings: int = 7
    except_below: float = -math.inf
    except_above: float = math.inf


@dataclass(frozen=True)
class Climatology:
    """How many standard deviations from the mean of its month a value may be. Normals given here stand until there is a history."""

    source: str
    deviations: float
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()


@dataclass(frozen=True)
class Neighbour:
    """How far a value may be from the median of at least three devices of its kind, and how far apart these may be."""

    source: str
    least: float
    kinds: tuple[str, ...]
    within_minutes: float = 15.0
    within_km: float = 60.0
    per_km_height: float = 0.0


@dataclass(frozen=True)
class Internal:
    """What must agree within one device: `rule` is one of `RELATIONS`, held against the channel `other`."""

    source: str
    rule: str
    limit: float
    other: str = ""
    within_minutes: float = 30.0


RELATIONS = ("not_above", "dry_air", "saturation", "downgrades")
KINDS_OF_RULE: Mapping[str, type] = {
    "gross_range": GrossRange, "step": Step, "spike": Spike, "flat_line": FlatLine, "climatology": Climatology, "neighbour": Neighbour,
    "internal": Internal,
}  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """What is asked of one series; None where a test does not apply."""

    gross_range: GrossRange | None = None
    step: Step | None = None
    spike: Spike | None = None
    flat_line: FlatLine | None = None
    climatology: Climatology | None = None
    neighbour: Neighbour | None = None
    internal: Internal | None = None


class RuleBook:
    """The packaged rules with a county's own over them."""

    def __init__(self, *files: tuple[str, Mapping[str, Any]]) -> None:
        self._tables: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
        self.heights: dict[str, float] = {}
        for name, told in files:
            self.heights.update(_heights(f"{name}: height_m", told.get("height_m", {})))
            _check_file(name, told, self._tables)
        self._made: dict[tuple[str, str, str, str], Rules] = {}
        # Whatever they make together is tried now, not at the first reading.
        for channel in {key[-1] for key in self._tables}:
            kinds, counties, devices = (
                {"", *(k[1] for k in self._tables if k[0] == s and k[-1] == channel)} for s in ("kind", "county", "device")
            )
            for kind, county, device in product(kinds, counties, devices):
                self.of(channel, kind=kind, county=county, device=device)

    def channels(self) -> list[str]:
        """Return the channels anything is asked of, in the order of the files."""
        return list(dict.fromkeys(key[-1] for key in self._tables))

    def of(self, channel: str, *, kind: str = "", county: str = "", device: str = "") -> Rules:
        """Return what is asked of a channel of a device."""
        key = (channel, kind, county, device if ("device", device, channel) in self._tables else "")
        if key not in self._made:
            merged: dict[str, dict[str, Any]] = {}
            for where in (("channel",), ("kind", kind), ("county", county), ("device", device)):
                for test, told in self._tables.get((*where, channel), {}).items():
                    merged[test] = {**merged.get(test, {}), **told}
            self._made[key] = Rules(**{test: _rule(channel, test, told) for test, told in merged.items() if not told.get("off")})
        return self._made[key]


@cache
def packaged() -> RuleBook:
    """Return the rules that come with the program."""
    return RuleBook(_packaged_file())


def read_rules(data: Path | None) -> RuleBook:
    """Return the rules that hold in a data folder: the packaged ones, with its own `quality.toml` over them.

    Raises BadInput, which names the table and the figure, where the file cannot be used.
    """
    path = data / OVERRIDES if data is not None else None
    if path is None or not path.exists():
        return packaged()
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path} cannot be read as TOML", got=str(error)[:200], todo="correct the file, or take it away") from error
    return RuleBook(_packaged_file(), (str(path), told))


def _packaged_file() -> tuple[str, Mapping[str, Any]]:
    path = Path(__file__).with_name(OVERRIDES)
    return OVERRIDES, tomllib.loads(path.read_text(encoding="utf-8"))


def _check_file(name: str, told: Mapping[str, Any], tables: dict[tuple[str, ...], dict[str, dict[str, Any]]]) -> None:
    for scope, depth in (("channel", 0), ("kind", 1), ("county", 1), ("device", 1)):
        for owner, channels in _owners(told.get(scope, {}), depth, f"{name}: {scope}"):
            for channel, tests in _table(channels, f"{name}: {'.'.join((scope, *owner))}").items():
                where = f"{name}: {'.'.join((scope, *owner, channel))}"
                for test, figures in _table(tests, where).items():
                    _check_figures(f"{where}.{test}", test, _table(figures, f"{where}.{test}"))
                    known = tables.setdefault((scope, *owner, channel), {})
                    known[test] = {**known.get(test, {}), **figures}
    unknown = sorted(set(told) - {"channel", "kind", "county", "device", "height_m"})
    if unknown:
        raise BadInput(f"{name}: there is no such table", expected="channel, kind, county, device or height_m", got=unknown[0][:60])


def _heights(where: str, told: Any) -> dict[str, float]:
    for device, height in _table(told, where).items():
        if not (_number(height) and -500 <= height <= 9000):
            raise BadInput(f"{where}.{device} is no height", expected="metres above sea level", got=repr(height)[:60])
    return {device: float(height) for device, height in told.items()}


def _owners(told: Any, depth: int, where: str) -> list[tuple[tuple[str, ...], Any]]:
    return [((owner,), channels) for owner, channels in _table(told, where).items()] if depth else [((), told)]


def _table(told: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise BadInput(f"{where} is no table", expected="a table of figures", got=repr(told)[:60])
    return told


def _check_figures(where: str, test: str, figures: Mapping[str, Any]) -> None:
    made = KINDS_OF_RULE.get(test)
    if made is None:
        raise BadInput(f"{where}: there is no such test", expected=", ".join(KINDS_OF_RULE), got=test[:60])
    if not isinstance(figures.get("source"), str) or not figures["source"].strip():
        raise BadInput(
            f"{where} has no source", expected="source = a text: whose figure this is", todo="write where it comes from, or assumption"
        )
    known = {f.name: str(f.type) for f in fields(made)}
    for key, value in figures.items():
        kind = "bool" if key == "off" else known.get(key)
        if kind is None:
            raise BadInput(f"{where}: there is no such figure", expected=", ".join(sorted(known)), got=key[:60])
        if not _fits(kind, value):
            raise BadInput(f"{where}.{key} cannot be used", expected=_WORDS.get(kind, "two numbers"), got=repr(value)[:60])


_WORDS = {
    "str": "a text", "float": "a number", "int": "a whole number", "bool": "true or false", "tuple[str, ...]": "a list of texts",
    "tuple[float, ...]": "twelve numbers, January first", "tuple[float, float]": "two numbers, the lower first",
}  # fmt: skip


def _fits(kind: str, value: Any) -> bool:
    if kind == "float":
        return _number(value)
    if kind == "tuple[float, float]":
        return isinstance(value, list) and len(value) == 2 and all(map(_number, value)) and value[0] <= value[1]
    if kind == "tuple[float, ...]":
        return isinstance(value, list) and len(value) == 12 and all(map(_number, value))
    if kind == "tuple[str, ...]":
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    return isinstance(value, {"str": str, "int": int, "bool": bool}[kind]) and not (kind == "int" and isinstance(value, bool))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _rule(channel: str, test: str, told: Mapping[str, Any]) -> Any:
    made = KINDS_OF_RULE[test]
    if made is GrossRange and "suspect" not in told:
        told = {**told, "suspect": told.get("fail", _EVERYTHING)}
    lacking = [f.name for f in fields(made) if f.name not in told and f.default is MISSING]
    if lacking:
        raise BadInput(f"the test {test} of {channel} lacks figures", expected=", ".join(lacking), todo="give them in quality.toml")
    rule = made(**{k: tuple(v) if isinstance(v, list) else v for k, v in told.items() if k != "off"})
    for low, high in (
        ("suspect", "fail"),
        ("suspect_at_once", "fail_at_once"),
        ("suspect_per_hour", "fail_per_hour"),
        ("suspect_hours", "fail_hours"),
    ):
        a, b = getattr(rule, low, None), getattr(rule, high, None)
        inside = b[0] <= a[0] and a[1] <= b[1] if isinstance(a, tuple) and isinstance(b, tuple) else a is None or b is None or a <= b
        if not inside:
            raise BadInput(f"the test {test} of {channel} fails before it suspects", expected=f"{low} within {high}", got=f"{a}, {b}")
    if isinstance(rule, Internal) and (rule.rule not in RELATIONS or (not rule.other) != (rule.rule == "downgrades")):
        raise BadInput(
            f"internal test of {channel}: this relation cannot be used", expected=", ".join(RELATIONS) + ", with other", got=rule.rule
        )
    if isinstance(rule, Climatology) and len(rule.mean) != len(rule.sd):
        raise BadInput(f"climatology of {channel}", expected="mean and sd, or neither", got=f"{len(rule.mean)} and {len(rule.sd)} numbers")
    return rule
