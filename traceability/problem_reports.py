"""What consumers report about a lot: a kind, a few words, no name. Never in the log: nobody signed it, and it may be erased."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, Index, Integer, Select, String, Table, func, insert, select

from foundation.clock import Clock, market_day, to_ms
from foundation.database import metadata, reading
from foundation.errors import BadInput, TooMany
from foundation.files import make_once

KINDS = ("spoiled", "taste", "label", "elsewhere", "other")
MOST_TEXT = 500
MOST_A_DAY = 3

problem_report = Table(
    "problem_report",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("county", String(6), nullable=False),
    Column("lot", String(200), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("text", String(MOST_TEXT), nullable=False),
    Column("day", String(10), nullable=False),
    Column("device", String(32), nullable=False),
)
Index(None, problem_report.c.county, problem_report.c.made_ms)
Index(None, problem_report.c.day, problem_report.c.device)


@dataclass(frozen=True, slots=True)
class ProblemReport:
    """One report as the county's office reads it; the device is not shown."""

    lot: str
    made_ms: int
    kind: str
    text: str


class ProblemReports:
    """The reports of one installation. `key_path` holds the key behind the daily names of devices, made at first use."""

    def __init__(self, engine: Engine, clock: Clock, key_path: Path) -> None:
        self._engine, self._clock, self._key_path = engine, clock, key_path

    def device_name(self, address: str, agent: str) -> str:
        """Return today's name of a device: a keyed hash that is another one tomorrow and leads back to nobody."""
        said = "\n".join(("suhe/device/v1", market_day(self._clock.now()).isoformat(), address, agent))
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()[:32]

    def add(self, lot: str, kind: str, text: str, device: str) -> ProblemReport:
        """Keep a report from a device, known only by a name that changes every day.

        Raises:
            BadInput: no such kind, or too many words.
            TooMany: this device has reported enough today.
        """
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if kind not in KINDS:
            raise BadInput("there is no such kind of problem", expected=", ".join(KINDS), got=kind[:20])
        if len(text) > MOST_TEXT:
            raise BadInput("this report is too long", expected=f"at most {MOST_TEXT} characters", got=f"{len(text):,}")
        now = self._clock.now()
        day, made_ms = market_day(now).isoformat(), to_ms(now)
        table = problem_report.c
        with self._engine.begin() as connection:
            sent = connection.execute(select(func.count()).where(table.day == day, table.device == device)).scalar() or 0
            if sent >= MOST_A_DAY:
                raise TooMany(
                    "this device has sent enough reports today", expected=f"at most {MOST_A_DAY} a day", todo="try again tomorrow"
                )
            county = lot.split(":")[-2]
            row = {"county": county, "lot": lot, "made_ms": made_ms, "kind": kind, "text": text, "day": day, "device": device}
            connection.execute(insert(problem_report).values(row))
        return ProblemReport(lot, made_ms, kind, text)

    def of_county(self, county: str, limit: int = 200) -> list[ProblemReport]:
        """Return the reports about a county's lots, the newest first."""
        return list(self._read(select(problem_report).where(problem_report.c.county == county), limit))

    @cached_property
    def _key(self) -> bytes:
        if not self._key_path.exists():
            make_once(self._key_path, secrets.token_bytes(32))
        return self._key_path.read_bytes()

    def _read(self, query: Select[Any], limit: int) -> Iterable[ProblemReport]:
        ordered = query.order_by(problem_report.c.made_ms.desc(), problem_report.c.id.desc()).limit(limit)
        with reading(self._engine).connect() as connection:
            for row in connection.execute(ordered):
                yield ProblemReport(row.lot, row.made_ms, row.kind, row.text)
