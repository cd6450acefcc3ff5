"""How a foreign file of quotes is read: a TOML file that names columns, market, unit and the way days are written."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from foundation.errors import BadInput, NotFound
from foundation.ids import check_id
from pricing.markets import MARKETS
from pricing.sources import SOURCES

Id = Annotated[str, AfterValidator(check_id)]


class Columns(BaseModel):
    """Which column holds what; an empty name means the file has no such column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    day: str
    low: str = ""
    mid: str = ""
    high: str = ""
    unit: str = ""
    spec: str = ""
    grade: str = ""
    origin: str = ""
    market: str = ""
    volume: str = ""
    pack: str = ""

    @property
    def named(self) -> list[str]:
        """The columns the file must have."""
        return [c for c in self.model_dump().values() if c]


class Mapping(BaseModel):
    """How one kind of file is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Id
    source: Id
    market: str
    licence: str
    columns: Columns
    unit: str = ""
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")
    # `auto` finds out whether the file is UTF-8, UTF-16 or GB 18030 (GBK), and the report says which.
    encoding: str = "auto"
    # A format of the standard library, or one of pricing.days.FORMATS: roc, excel.
    day_format: str = "%Y-%m-%d"

    @model_validator(mode="after")
    def _makes_sense(self) -> Mapping:
        if self.market not in MARKETS:
            raise ValueError(f"market must be one of {', '.join(MARKETS)}")
        if self.source in SOURCES:
            raise ValueError("an import must not speak in the name of a live source")
        if bool(self.columns.unit) == bool(self.unit):
            raise ValueError("name either a column of units or one unit for all rows")
        if not self.columns.mid and not (self.columns.low and self.columns.high):
            raise ValueError("name a column of middle prices, or low and high")
        return self


def packaged_mappings() -> list[str]:
    """Return the names of the mappings that come with the program."""
    return sorted(
        p.name.removesuffix(".toml") for p in resources.files("pricing").joinpath("mappings").iterdir() if p.name.endswith(".toml")
    )


def read_mapping(which: str) -> Mapping:
    """Return a mapping by the name of a packaged one or by its file.

    Raises:
        NotFound: there is neither.
        BadInput: the file is no mapping; the message says where.

    """
    path = Path(which)
    if which in packaged_mappings():
        text = resources.files("pricing").joinpath("mappings", f"{which}.toml").read_text("utf-8")
    elif path.is_file():
        text = path.read_text("utf-8")
    else:
        raise NotFound("there is no such mapping", expected="a TOML file, or one of " + ", ".join(packaged_mappings()), got=which[:120])
    try:
        return Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput("this mapping is no TOML", got=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput("this mapping cannot be used", expected=first["msg"], got=".".join(map(str, first["loc"])) or which[:120]) from error
