"""Nouns to rows and back: the only place that knows how each is stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Table

from registry import store
from registry.devices import Device, DeviceChannel, Gateway
from registry.keys import SigningKey
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product, Variety

Noun = County | Party | Base | Plot | Product | Device

# In the order in which foreign keys allow them to be written.
TABLES: dict[type[Any], Table] = {
    County: store.county,
    Party: store.party,
    Base: store.base,
    Plot: store.plot,
    Product: store.product,
    Gateway: store.gateway,
    Device: store.device,
}


def key_column(kind: type[Any]) -> str:
    """Return the name of the column that identifies a noun of this kind."""
    return "code" if kind is County else "id"


def to_row(noun: Any) -> dict[str, Any]:
    """Return the row that stores a noun."""
    row = {name: value for name, value in asdict(noun).items() if name in TABLES[type(noun)].c}
    if isinstance(noun, Party):
        row["roles"] = " ".join(noun.roles)
    if isinstance(noun, Plot):
        row["outline"] = None if noun.outline is None else json.dumps(noun.outline)
    if isinstance(noun, Product):
        row["varieties"] = json.dumps([asdict(v) for v in noun.varieties], ensure_ascii=False)
    if isinstance(noun, Device):
        row["channels"] = json.dumps([asdict(c) for c in noun.channels])
    return row


def from_row(kind: type[Any], row: Mapping[str, Any]) -> Any:
    """Return the noun a row stores."""
    return _READERS[kind](row)


def _plain(kind: type[Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: kind(**row)


def _party(row: Mapping[str, Any]) -> Party:
    return Party(**{**row, "roles": tuple(row["roles"].split())})


def _plot(row: Mapping[str, Any]) -> Plot:
    outline = row["outline"]
    corners = None if outline is None else tuple((float(lon), float(lat)) for lon, lat in json.loads(outline))
    return Plot(**{**row, "outline": corners})


def _product(row: Mapping[str, Any]) -> Product:
    return Product(**{**row, "varieties": tuple(Variety(**v) for v in json.loads(row["varieties"]))})


def _device(row: Mapping[str, Any]) -> Device:
    return Device(**{**row, "channels": tuple(DeviceChannel(**c) for c in json.loads(row["channels"]))})


def _gateway(row: Mapping[str, Any]) -> Gateway:
    return Gateway(**{name: value for name, value in row.items() if name != "password_hash"})


def _key(row: Mapping[str, Any]) -> SigningKey:
    return SigningKey(**{**row, "public_key": bytes(row["public_key"])})


_READERS: dict[type[Any], Callable[[Mapping[str, Any]], Any]] = {
    County: _plain(County),
    Party: _party,
    Base: _plain(Base),
    Plot: _plot,
    Product: _product,
    Device: _device,
    Gateway: _gateway,
    SigningKey: _key,
}
