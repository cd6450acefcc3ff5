"""How a foreign CSV file is read: a TOML file that names columns, channels, units, codes, the time and its zone."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from foundation.errors import BadInput, NotFound
from foundation.ids import check_county, check_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class MappedChannel:
    """One column that holds readings: value = number * scale + offset, or the table's entry for a coded column."""

    column: str
    code: str
    unit: str
    scale: float = 1.0
    offset: float = 0.0
    table: str = ""

    def __post_init__(self) -> None:
        check_id(self.code, "channel")
        if not self.column or not self.unit:
            raise BadInput("a mapped channel needs a column and a unit", got=f"column {self.column!r}, unit {self.unit!r}")


@dataclass(frozen=True)
class MappedTime:
    """Where a row's time stands: in parts (year, month, day, hour[, minute[, second]]) or in one column with a format."""

    zone: str
    parts: tuple[str, ...] = ()
    column: str = ""
    format: str = ""

    def __post_init__(self) -> None:
        if bool(self.parts) == bool(self.column):
            raise BadInput("a mapping's time is either in parts or in one column", got=f"parts {self.parts}, column {self.column!r}")
        if self.parts and not 3 <= len(self.parts) <= 6:
            raise BadInput("time parts are year, month, day and up to hour, minute, second", got=str(self.parts))
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise BadInput("this time zone is not known", expected="an IANA name, such as Asia/Shanghai", got=self.zone) from error

    def read(self, row: dict[str, str]) -> int:
        """Return a row's time in ms UTC; raises ValueError or KeyError where it cannot be read."""
        if self.parts:
            numbers = [int(row[p]) for p in self.parts]
            local = datetime(*numbers, tzinfo=ZoneInfo(self.zone))  # type: ignore[arg-type, misc]
        else:
            text = row[self.column]
            read = datetime.strptime(text, self.format) if self.format else datetime.fromisoformat(text)  # noqa: DTZ007 - zone by mapping
            local = read if read.tzinfo else read.replace(tzinfo=ZoneInfo(self.zone))
        return int((local - _EPOCH) // timedelta(milliseconds=1))


@dataclass(frozen=True)
class MappedPlace:
    """Where the file's devices stand; enough to register them. `name` is the station's, `county_name` its county's."""

    county: str
    county_name_zh: str
    county_name_en: str
    name_zh: str
    name_en: str
    lat: float
    lon: float

    def __post_init__(self) -> None:
        check_county(self.county)
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise BadInput("this place is not on earth", got=f"{self.lat}, {self.lon}")


@dataclass(frozen=True)
class Mapping:
    """A whole mapping. `device` is fixed, or the text of `device_column` behind `device_prefix`."""

    name: str
    gateway: str
    place: MappedPlace
    time: MappedTime
    channels: tuple[MappedChannel, ...]
    missing: frozenset[str]
    tables: dict[str, dict[str, float]]
    device: str = ""
    device_column: str = ""
    device_prefix: str = ""
    device_kind: str = "weather_station"

    def __post_init__(self) -> None:
        check_id(self.gateway, "gateway")
        if bool(self.device) == bool(self.device_column):
            raise BadInput("a mapping names one device, or the column that names it", got=f"{self.device!r}, {self.device_column!r}")
        if not self.channels:
            raise BadInput("a mapping without a channel sends nothing", todo="add a [[channel]]")
        for channel in self.channels:
            if channel.table and channel.table not in self.tables:
                raise BadInput("a channel uses a table that is not there", expected=f"one of {sorted(self.tables)}", got=channel.table)

    def columns(self) -> list[str]:
        """Return every column the file must have."""
        time = list(self.time.parts) or [self.time.column]
        return time + ([self.device_column] if self.device_column else []) + [c.column for c in self.channels]

    def device_of(self, row: dict[str, str]) -> str:
        """Return the device a row belongs to."""
        return check_id(self.device or self.device_prefix + row[self.device_column].strip(), "device")


def packaged_mappings() -> list[str]:
    """Return the names of the mappings that come with the program."""
    return sorted(
        p.name.removesuffix(".toml") for p in resources.files("simulators").joinpath("mappings").iterdir() if p.name.endswith(".toml")
    )


def load_mapping(name_or_path: str) -> Mapping:
    """Return a mapping by the path of its file or by the name of a packaged one.

    Raises:
        NotFound: there is no such file and no such packaged mapping.
        BadInput: the file is not TOML, or breaks a rule of mappings.

    """
    path = Path(name_or_path)
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    elif name_or_path in packaged_mappings():
        text = resources.files("simulators").joinpath("mappings", f"{name_or_path}.toml").read_text(encoding="utf-8")
    else:
        raise NotFound("there is no such mapping", expected=f"a file, or one of {', '.join(packaged_mappings())}", got=name_or_path)
    try:
        return _build(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput("this mapping is not TOML", got=str(error), todo="see the packaged mappings for examples") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput("this mapping lacks something or has too much", got=repr(error), todo="see the packaged mappings") from error


def _build(told: dict[str, Any]) -> Mapping:
    device, time = told["device"], dict(told["time"])
    return Mapping(
        name=told["name"],
        gateway=told["gateway"],
        place=MappedPlace(**told["place"]),
        time=MappedTime(
            zone=time["zone"], parts=tuple(time.get("parts", ())), column=time.get("column", ""), format=time.get("format", "")
        ),
        channels=tuple(MappedChannel(**c) for c in told["channel"]),
        missing=frozenset(told.get("missing", ("",))),
        tables={name: {k: float(v) for k, v in table.items()} for name, table in told.get("tables", {}).items()},
        device=device.get("id", ""),
        device_column=device.get("column", ""),
        device_prefix=device.get("prefix", ""),
        device_kind=device.get("kind", "weather_station"),
    )
