"""On what terms each source's quotes may be passed on: said in every row, and the reason where rows are left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, func, select

from pricing.desk.tables import price_mapping
from pricing.desk.tellers import TELEPHONE
from pricing.mapping import packaged_mappings, read_mapping
from pricing.sources import SOURCES
from pricing.store import price_series, price_source
from pricing.terms import is_open

SYNTHETIC = "synthetic: made up by the simulators of a demo, free to use"
NOT_STATED = "none stated"
_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one source: its licence in words, whether anybody may have its quotes, and how many series of it are kept."""

    source: str
    name_zh: str
    name_en: str
    licence: str
    open: bool
    address: str
    series: int


def terms_of_sources(connection: Connection, *, demo: bool) -> dict[str, Terms]:
    """Return the terms of every source of which a series is kept. In a demo what came from this machine itself is made up, and says so."""
    t = price_series.c
    kept = connection.execute(select(t.source, func.count()).group_by(t.source).order_by(t.source)).all()
    addresses = {r.id: r.address for r in connection.execute(select(price_source.c.id, price_source.c.address))}
    stated = _stated(connection)
    found = {}
    for source, series in kept:
        known = SOURCES.get(source) or (TELEPHONE if source == TELEPHONE.id else None)
        address = addresses.get(source) or (known.address if known else "")
        licence = stated.get(source, NOT_STATED)
        if demo and address.startswith(_LOOPBACK):
            licence = SYNTHETIC
        zh, en = (known.name_zh, known.name_en) if known else (source, source)
        found[source] = Terms(source, zh, en, licence, licence == SYNTHETIC or is_open(licence), address, series)
    return found


@cache
def _packaged() -> tuple[tuple[str, str], ...]:
    return tuple((m.source, m.licence) for m in map(read_mapping, packaged_mappings()))


def _stated(connection: Connection) -> Mapping[str, str]:
    """Return the licence of every source that states one; of an import whose mappings disagree the one that is not open."""
    found = {s.id: s.licence for s in (*SOURCES.values(), TELEPHONE)}
    told = list(_packaged())
    for (text,) in connection.execute(select(price_mapping.c.mapping)):
        saved = json.loads(text)
        told.append((str(saved.get("source", "")), str(saved.get("licence", ""))))
    for source, licence in told:
        if source not in found or (is_open(found[source]) and not is_open(licence)):
            found[source] = licence
    return found
