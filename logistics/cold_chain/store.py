"""The tables of the cold chain. All of it follows from the trace log and the readings and can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Index, Integer, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from foundation.database import metadata
from logistics.cold_chain.nouns import ColdLeg, Excursion, Judgement, Limits

cold_leg = Table(
    "cold_leg",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("county", String(6), nullable=False),
    Column("from_party", String(64), nullable=False),
    Column("to_party", String(64), nullable=False),
    Column("carrier", String(64), nullable=False),
    Column("recorder", String(64), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("product", String(64), nullable=False),
    Column("departs_ms", BigInteger, nullable=False),
    Column("arrives_ms", BigInteger),
    Column("recorded_ms", BigInteger, nullable=False),  # when the log last said something of it
    Column("class", String(20), nullable=False),
    Column("low_c", Float),
    Column("high_c", Float),
    Column("delay_s", Integer, nullable=False),
    Column("gap_s", Integer, nullable=False),
    Column("hysteresis_c", Float, nullable=False),
    Column("pace", Integer, nullable=False),
    Column("summary", String(45), nullable=False),
    Column("judged", Text, nullable=False),  # a Judgement as JSON, empty before the first
    Column("judged_ms", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),  # of the recorder's gateway when it was judged
    Column("settled", Boolean, nullable=False),
    Index(None, "county", "departs_ms"),
    Index(None, "settled"),
)

cold_leg_lot = Table(
    "cold_leg_lot",
    metadata,
    Column("leg", String(45), primary_key=True),
    Column("lot", String(140), primary_key=True, index=True),
    Column("received_ms", BigInteger),
)

# How far the trace log has been read: one row.
cold_cursor = Table("cold_cursor", metadata, Column("id", Integer, primary_key=True), Column("log_index", BigInteger, nullable=False))


def take_cursor(connection: Connection) -> int:
    """Return how far the log was read, holding the only place to go on; -1 at the beginning."""
    query = select(cold_cursor.c.log_index).where(cold_cursor.c.id == 1).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        # Two may begin at once: the second waits here for the first and finds its row.
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(cold_cursor), {"id": 1, "log_index": -1})
        row = connection.execute(query).one()
    return int(row[0])


def move_cursor(connection: Connection, log_index: int) -> None:
    """Note how far the log was read."""
    connection.execute(update(cold_cursor).where(cold_cursor.c.id == 1).values(log_index=log_index))


def put_leg(connection: Connection, row: Mapping[str, Any], lots: Mapping[str, int | None]) -> None:
    """Write a leg's row and its lots anew."""
    for table, key in ((cold_leg, cold_leg.c.id), (cold_leg_lot, cold_leg_lot.c.leg)):
        connection.execute(delete(table).where(key == row["id"]))
    connection.execute(insert(cold_leg), dict(row))
    connection.execute(insert(cold_leg_lot), [{"leg": row["id"], "lot": lot, "received_ms": at} for lot, at in lots.items()])


def put_judgement(connection: Connection, leg: str, judged: Judgement, *, now_ms: int, messages: int, settled: bool) -> None:
    """Keep what a leg's readings amount to."""
    told = json.dumps(asdict(judged))
    connection.execute(
        update(cold_leg).where(cold_leg.c.id == leg).values(judged=told, judged_ms=now_ms, messages=messages, settled=settled)
    )


def rows(connection: Connection, *where: Any, order: Sequence[Any] = (), limit: int = 10_000) -> list[Any]:
    """Return rows of `cold_leg`, the newest departure first unless told otherwise."""
    query = select(cold_leg).where(*where).order_by(*(order or (cold_leg.c.departs_ms.desc(),)), cold_leg.c.id)
    return list(connection.execute(query.limit(limit)).all())


def lots_of(connection: Connection, legs: Iterable[str]) -> dict[str, dict[str, int | None]]:
    """Return, per leg, its lots and when each was received."""
    found: dict[str, dict[str, int | None]] = {}
    ids = list(legs)
    for k in range(0, len(ids), 500):
        query = select(cold_leg_lot).where(cold_leg_lot.c.leg.in_(ids[k : k + 500])).order_by(cold_leg_lot.c.lot)
        for row in connection.execute(query):
            found.setdefault(row.leg, {})[row.lot] = row.received_ms
    return found


def legs_with(connection: Connection, lots: Sequence[str]) -> list[str]:
    """Return the ids of the legs on which any of these lots travelled."""
    found: dict[str, None] = {}
    for k in range(0, len(lots), 500):
        query = select(cold_leg_lot.c.leg).where(cold_leg_lot.c.lot.in_(lots[k : k + 500]))
        found.update(dict.fromkeys(connection.execute(query).scalars()))
    return list(found)


def leg_of(row: Any, lots: Mapping[str, int | None]) -> ColdLeg:
    """Return the leg that a row stores."""
    told = row._mapping
    return ColdLeg(
        id=row.id, county=row.county, from_party=row.from_party, to_party=row.to_party, carrier=row.carrier, recorder=row.recorder,
        departs_ms=row.departs_ms, arrives_ms=row.arrives_ms, lots=tuple(lots), product=row.product,
        limits=Limits(told["class"], row.low_c, row.high_c, row.delay_s, row.gap_s, row.hysteresis_c),
        pace=row.pace, summary=row.summary, judged=judgement_of(row.judged) if row.judged else None,
    )  # fmt: skip


def judgement_of(text: str) -> Judgement:
    """Return a judgement from its JSON."""
    told = json.loads(text)
    told["excursions"] = tuple(Excursion(**e) for e in told["excursions"])
    return Judgement(**told)
