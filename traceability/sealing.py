"""The use cases of sealed plot-days: seal the days that are over, prove or disprove a seal from the raw readings, tell a season by them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput, NotFound, SuheError
from ingest.rollups import day_number as day_at
from traceability import seal_store, store
from traceability.merkle import InvalidProof, verify_inclusion
from traceability.records import Entry, Record, hash_body
from traceability.seals import (
    DAY_MS,
    Difference,
    Measured,
    channel_day,
    day_start_ms,
    differences,
    measured_in,
    seal_fields,
)
from traceability.statements import PLOT_DAY, read_statement
from traceability.vocabulary import PLOT_URN

if TYPE_CHECKING:
    from ingest.raw import RawSeries
    from ingest.service import Readings
    from ingest.signatures import SignedMessage
    from registry.devices import Device
    from registry.plots import Plot
    from registry.service import Registry
    from traceability.service import Trace

PROVED, DISPROVED, GONE = "proved", "disproved", "gone"
# A reading is received a moment before it is on disk: this much of the past is looked at again for late ones.
LOOK_BACK_MS = 60_000
# A county that was silent for longer than this has no sealed days in between: nobody was measuring.
LONGEST_SILENCE_DAYS = 31


@dataclass(frozen=True, slots=True)
class SealedDay:
    """A sealed plot-day as the log tells it."""

    log_index: int
    plot: str
    day: date
    told: Mapping[str, Any]
    record_hash: str


@dataclass(frozen=True, slots=True)
class SealCheck:
    """What came of checking a seal: proved, disproved, or gone where raw readings are no longer kept or were deleted with a trace."""

    seal: SealedDay
    state: str
    faults: tuple[str, ...]
    differences: tuple[Difference, ...]
    logged: bool  # False while the record waits for its checkpoint


class Seals:
    """Seals of plot-days. A day is sealed once it has been over for `settle_ms`."""

    def __init__(self, engine: Engine, trace: Trace, registry: Registry, readings: Readings, clock: Clock, settle_ms: int) -> None:
        self._engine, self._trace, self._registry, self._readings = engine, trace, registry, readings
        self._clock, self._settle_ms = clock, settle_ms

    # Sealing

    def seal_due(self, most: int = 300) -> int:
        """Seal up to about `most` plot-days that are over, the oldest first, and again those for which late readings came.

        Returns how many seals were logged.
        """
        now_ms = to_ms(self._clock.now())
        with self._engine.begin() as connection:
            seal_store.catch_up(connection)
            known = seal_store.sealed_days(connection)
            looked_ms = seal_store.read_mark(connection, "late_ms")
        over = day_at(now_ms - self._settle_ms)
        plots = self._plots()
        wanted: dict[int, list[str]] = defaultdict(list)
        if looked_ms is not None:
            for plot, day in self._touched(plots, looked_ms, day_start_ms(over)):
                if (plot, day) in known:
                    wanted[day].append(plot)
        count = sum(map(len, wanted.values()))
        for day, plot in self._unsealed(plots, known, over):
            if count >= most:
                break
            wanted[day].append(plot)
            count += 1
        made = sum(self._seal(day, names, plots, known) for day, names in sorted(wanted.items()))
        with self._engine.begin() as connection:
            seal_store.catch_up(connection)
            seal_store.set_mark(connection, "late_ms", now_ms - LOOK_BACK_MS)
        return made

    def seal(self, plot: str, day: date) -> SealedDay:
        """Seal one day of a plot now and return the seal; where nothing has changed since the last, that one.

        Raises:
            NotFound: there is no such plot, or nothing measures it.
            BadInput: the day is not over.

        """
        self._registry.plot(plot)
        number, plots = seal_store.day_number(day), self._plots()
        if day_start_ms(number) + DAY_MS > to_ms(self._clock.now()):
            raise BadInput("this day is not over", expected="a day in the past", got=f"{day}")
        if plot not in plots:
            raise NotFound("nothing measures this plot", got=plot, todo="register a device of the plot or of its base")
        self._seal(number, [plot], plots, self._known(plot))
        with self._engine.begin() as connection:
            seal_store.catch_up(connection)
        return self.sealed(plot, day, day)[day]

    # Asking

    def sealed(self, plot: str, first: date, last: date) -> dict[date, SealedDay]:
        """Return the newest seal of every sealed day of a plot between two days, both included."""
        with store.snapshot(self._engine) as connection:
            found = seal_store.sealed_days(connection, plot, seal_store.day_number(first), seal_store.day_number(last))
            stored = store.bodies(connection, found.values())
        told: dict[date, SealedDay] = {}
        for (_, number), index in found.items():
            # One that was altered in the database is no seal any more: the page goes on without it, the verifier names it.
            with suppress(ValueError, KeyError, TypeError):
                body, record_hash = stored[index]
                day = seal_store.day_of(number)
                said = json.loads(body)
                if said["day"] == day.isoformat() and said["subject"] == PLOT_URN + plot:
                    told[day] = SealedDay(index, plot, day, said, record_hash.hex())
        return told

    def chain(self, plot: str) -> list[SealedDay]:
        """Return every seal of a plot in the order of its chain, superseded ones too."""
        return [
            SealedDay(stored.log_index, plot, date.fromisoformat(said.told["day"]), said.told, stored.record_hash.hex())
            for stored, said in self._trace.statements(PLOT_URN + plot)
            if said.type == PLOT_DAY
        ]

    def sealed_plots(self) -> list[str]:
        """Return every plot of which a day is sealed."""
        with self._engine.begin() as connection:
            seal_store.catch_up(connection)
            return sorted({plot for plot, _ in seal_store.sealed_days(connection)})

    # Verifying

    def verify(self, plot: str, first: date, last: date) -> Iterator[SealCheck]:
        """Check the newest seal of every sealed day of a plot against the log and against the raw readings, the oldest first."""
        with self._engine.begin() as connection:
            seal_store.catch_up(connection)
            found = seal_store.sealed_days(connection, plot, seal_store.day_number(first), seal_store.day_number(last))
        for (_, number), index in sorted(found.items()):
            yield self._verify(plot, seal_store.day_of(number), index)

    def _verify(self, plot: str, day: date, index: int) -> SealCheck:
        """Check one seal: 1 its record in the log, 2 what it says it is, 3 every number and root, made anew from the raw readings."""
        faults, logged = self._check_record(plot, index)  # 1
        stored = self._trace.records(index, index + 1)[0]
        seal = SealedDay(index, plot, day, {}, stored.record_hash.hex())
        try:  # 2
            said = read_statement(stored.body)
            if said.type != PLOT_DAY or said.subject != PLOT_URN + plot or said.told.get("day") != day.isoformat():
                faults.append("the statement is about another plot or day")
            seal = SealedDay(index, plot, day, said.told, stored.record_hash.hex())
            measured = measured_in(said.told)
        except SuheError as error:
            return SealCheck(seal, DISPROVED, (*faults, error.message), (), logged)
        start_ms = day_start_ms(seal_store.day_number(day))  # 3
        try:
            raw = self._raw([m.device for m in measured], start_ms)
        except Exception as error:  # noqa: BLE001 - a file that is damaged or was taken away disproves nothing but cannot prove either
            faults.append(f"the raw readings cannot be read: {type(error).__name__}: {str(error)[:160]}")
            return SealCheck(seal, DISPROVED, tuple(faults), (), logged)
        if seal.told["readings"] and not any(len(s) for s in raw.values()) and self._no_longer_kept(start_ms):
            return SealCheck(seal, DISPROVED if faults else GONE, tuple(faults), (), logged)
        found = differences(seal.told, self._fields(day, start_ms, measured, raw))
        state = PROVED if not found else GONE if self._all_deleted(measured, found, start_ms) else DISPROVED
        return SealCheck(seal, DISPROVED if faults else state, tuple(faults), tuple(found), logged)

    def _check_record(self, plot: str, index: int) -> tuple[list[str], bool]:
        """Return what is wrong with a seal's record, and whether a checkpoint covers it."""
        stored = next(iter(self._trace.records(index, index + 1)), None)
        if stored is None:
            raise NotFound("this record is not in the log", got=str(index), todo="suhe trace verify --all")
        faults: list[str] = []
        entries = tuple(Entry(e.lot, e.lot_seq, e.prev) for e in stored.entries)
        record = Record(stored.body, entries, hash_body(stored.body), stored.key_id, stored.signature, stored.record_time_ms)
        record_hash, leaf = record.hashes()
        if [e.lot for e in entries] != [PLOT_URN + plot]:
            faults.append("the record stands in another chain than the plot's")
        if (record_hash, leaf, record.body_hash) != (stored.record_hash, stored.leaf_hash, stored.body_hash):
            faults.append("the record was altered: its hashes do not fit its bytes")
        if not self._trace.log_signed(stored.body, stored.signature):
            faults.append("the log's signature does not fit the statement")
        latest = self._trace.latest_checkpoint()
        if latest is None or latest.size <= index:
            return faults, False
        try:
            verify_inclusion(leaf, index, latest.size, self._trace.inclusion(index, latest.size), latest.root)
        except InvalidProof as error:
            faults.append(f"the statement is not in the log under its checkpoint: {error}")
        return faults, True

    def _all_deleted(self, measured: Sequence[Measured], found: Sequence[Difference], start_ms: int) -> bool:
        """Whether every channel that differs is one whose readings somebody deleted, with a trace that says so."""
        channels = {f"{m.device} {m.channel}": m.device for m in measured}
        differing = {channels[d.where] for d in found if d.where in channels}
        traced = (self._readings.deletions([device], start_ms, start_ms + DAY_MS) for device in differing)
        return bool(differing) and all(traced)

    def _no_longer_kept(self, start_ms: int) -> bool:
        """Whether the store begins after this day: a retention takes whole days from the front, an attacker seldom does."""
        oldest = self._readings.counts().oldest_ms
        return oldest is None or oldest >= start_ms + DAY_MS

    # Making

    def _seal(self, number: int, names: Sequence[str], plots: Mapping[str, list[Measured]], known: Mapping[tuple[str, int], int]) -> int:
        """Seal a day of some plots in one transaction, passing over those whose seal still holds; return how many were sealed."""
        start_ms, day = day_start_ms(number), seal_store.day_of(number)
        raw = self._raw(sorted({m.device for name in names for m in plots[name]}), start_ms)
        # A base's station is told by every plot of it: its channels are summed up once.
        days: dict[Measured, Any] = {}
        signed = self._signed({m for name in names for m in plots[name]}, raw)
        statements = []
        for name in names:
            before = self._before(name, day, known.get((name, number)))
            supersedes = None
            if before is not None:
                supersedes = {"id": before.told["id"], "record": before.record_hash, "readings": before.told["readings"]}
            channels = []
            for m in plots[name]:
                if m not in days:
                    days[m] = channel_day(m, raw.get((m.device, m.channel)), start_ms, signed[m.gateway])
                channels.append(days[m])
            fields = seal_fields(day.isoformat(), start_ms, channels, signed, supersedes)
            if before is None or differences(before.told, fields):
                statements.append((PLOT_DAY, PLOT_URN + name, fields))
        if statements:
            self._trace.state_many(statements)
        return len(statements)

    def _fields(self, day: date, start_ms: int, measured: Sequence[Measured], raw: Mapping[tuple[str, str], RawSeries]) -> dict[str, Any]:
        signed = self._signed(set(measured), raw)
        channels = [channel_day(m, raw.get((m.device, m.channel)), start_ms, signed[m.gateway]) for m in measured]
        return seal_fields(day.isoformat(), start_ms, channels, signed)

    def _before(self, plot: str, day: date, index: int | None) -> SealedDay | None:
        return None if index is None else self.sealed(plot, day, day).get(day)

    def _known(self, plot: str) -> dict[tuple[str, int], int]:
        with self._engine.begin() as connection:
            seal_store.catch_up(connection)
            return seal_store.sealed_days(connection, plot)

    def _raw(self, devices: Sequence[str], start_ms: int) -> dict[tuple[str, str], RawSeries]:
        return {(s.device, s.channel): s for s in self._readings.raw(devices, start_ms, start_ms + DAY_MS)}

    def _signed(self, measured: Iterable[Measured], raw: Mapping[tuple[str, str], RawSeries]) -> dict[str, dict[int, SignedMessage]]:
        """Return, by gateway and number, the signed messages in which these readings may have come."""
        spans: dict[str, list[int]] = {}
        for m in measured:
            series = raw.get((m.device, m.channel))
            span = spans.setdefault(m.gateway, [])
            if series is not None and len(series):
                span += [int(series.seqs.min()), int(series.seqs.max())]
        return {g: {s.seq: s for s in self._readings.signed_messages(g, min(span), max(span))} if span else {} for g, span in spans.items()}

    # What there is to seal

    def _plots(self) -> dict[str, list[Measured]]:
        """Return what tells every plot: its own devices, then those of its base that stand in no plot.

        A station outside says nothing of the air in a greenhouse: one that has devices is told by them alone, as its page is.
        """
        by_base: dict[str, list[Device]] = defaultdict(list)
        for device in self._registry.devices():
            by_base[device.base].append(device)
        found = {p.id: _measured(p, by_base.get(p.base, [])) for p in self._registry.plots()}
        return {plot: measured for plot, measured in found.items() if measured}

    def _unsealed(self, plots: Mapping[str, list[Measured]], known: Mapping[tuple[str, int], int], over: int) -> Iterator[tuple[int, str]]:
        """Yield (day, plot) of what is over and not sealed, the oldest first."""
        counties = {b.id: b.county for b in self._registry.bases()}
        here: dict[str, list[str]] = defaultdict(list)
        for p in self._registry.plots():
            if p.id in plots:
                here[counties[p.base]].append(p.id)
        days: dict[str, set[int]] = defaultdict(set)
        for county, day in self._readings.days():
            if 0 <= day < over:
                days[county].add(day)
        waiting = sorted((day, county) for county, some in days.items() for day in _without_holes(some))
        for day, county in waiting:
            yield from ((day, plot) for plot in here[county] if (plot, day) not in known)

    def _touched(self, plots: Mapping[str, list[Measured]], received_ms: int, before_ms: int) -> set[tuple[str, int]]:
        """Return (plot, day) of every day before a time of which something was received after another."""
        told_by: dict[str, list[str]] = defaultdict(list)
        for plot, measured in plots.items():
            for device in {m.device for m in measured}:
                told_by[device].append(plot)
        return {(plot, day) for device, day in self._readings.late(received_ms, before_ms) for plot in told_by.get(device, ())}


def _measured(plot: Plot, devices: Sequence[Device]) -> list[Measured]:
    own = [d for d in devices if d.plot == plot.id]
    around = [] if own and plot.kind == "greenhouse" else [d for d in devices if d.plot is None]
    return [Measured(d.id, c.code, c.unit, d.gateway, c.interval_s) for d in own + around for c in d.channels]


def _without_holes(days: set[int]) -> list[int]:
    """Return days with the silent ones between them, where the silence is not too long."""
    ordered, found = sorted(days), list[int]()
    for day in ordered:
        if found and day - found[-1] <= LONGEST_SILENCE_DAYS:
            found += range(found[-1] + 1, day)
        found.append(day)
    return found
