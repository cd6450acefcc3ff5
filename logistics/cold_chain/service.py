"""The use cases of the cold chain: take in legs from the trace log, judge their readings, answer about them, name what needs somebody.

Legs are not told to us separately: a signed shipment names its recorder, and the signed receipt ends the leg. Everything in the tables
here follows from the log and the readings and can be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, or_, select

from foundation.clock import Clock, to_ms
from foundation.database import reading
from foundation.errors import Conflict, NotFound, SuheError
from foundation.log import get_logger
from ingest.reading import Point
from logistics.cold_chain import store
from logistics.cold_chain.excursion import judge
from logistics.cold_chain.limits import limits_of
from logistics.cold_chain.nouns import GAP, SILENT, Alarm, ColdLeg, Judgement
from traceability.events import county_of
from traceability.legs import Leg, legs_of

if TYPE_CHECKING:
    from ingest.service import Readings
    from registry.service import Registry
    from traceability.service import Movement, Trace

CHANNEL = "cargo_temperature"
# Late readings may change what is said of a leg for this long after it was received; then it is left as it is.
SETTLE_MS, DEMO_SETTLE_MS = 24 * 3_600_000, 300_000
# A carrier signs a summary not before this long after the receipt: its tracker may still be sending what it kept on the road.
SIGN_AFTER_MS, DEMO_SIGN_AFTER_MS = 900_000, 15_000
# A received leg is judged again for late readings not oftener than this.
LOOK_BACK_MS = 30_000
REAL_INTERVAL_S = 600
MOST_READINGS = 200_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LegReadings:
    """A leg judged now, with the readings behind it."""

    leg: ColdLeg
    points: tuple[Point, ...]


class ColdChain:
    """Legs, excursions and summaries. `demo` lets recorders of a short interval run at an accelerated pace."""

    def __init__(self, engine: Engine, trace: Trace, readings: Readings, registry: Registry, clock: Clock, *, demo: bool = False) -> None:
        self._engine, self._trace, self._readings, self._registry, self._clock = engine, trace, readings, registry, clock
        self._demo = demo

    # Watching: the scheduler's job

    def watch(self, most: int = 40) -> int:
        """Take in what the log says of shipments, then judge every leg of which something new may be known; return how many."""
        now_ms = to_ms(self._clock.now())
        self._take_in()
        messages = {g.gateway: g.messages for g in self._readings.gateways()}
        c = store.cold_leg.c
        with reading(self._engine).connect() as connection:
            # Who is on the road comes first, then what was looked at longest ago.
            waiting = store.rows(connection, c.settled.is_(False), order=(c.arrives_ms.is_not(None), c.judged_ms), limit=_AT_ONCE)
        judged = 0
        for found in waiting:
            came = messages.get(found.gateway, 0)
            if judged >= most:
                break
            if not self._is_due(found, came, now_ms):
                continue
            judged += 1
            seen = self._judge(store.leg_of(found, {}), now_ms).leg.judged
            settled = self._is_settled(found, now_ms)
            if seen is not None:
                with self._engine.begin() as connection:
                    # Only what was looked at: the leg may have been received meanwhile.
                    same = connection.execute(
                        select(c.id).where(c.id == found.id, c.arrives_ms.is_not_distinct_from(found.arrives_ms))
                    ).first()
                    if same is not None:
                        store.put_judgement(connection, found.id, seen, now_ms=now_ms, messages=came, settled=settled)
        return judged

    # Asking

    def legs(self, county: str | None = None, *, state: str = "", carrier: str = "", limit: int = 50) -> list[ColdLeg]:
        """Return legs, the newest departure first.

        `state` narrows to `under_way`, `finished`, or `due`: received, with a recorder, and without a summary although it is time.
        """
        c = store.cold_leg.c
        where = []
        if county:
            where.append(c.county == county)
        if carrier:
            where.append(c.carrier == carrier)
        if state == "under_way":
            where.append(c.arrives_ms.is_(None))
        elif state:
            where.append(c.arrives_ms.is_not(None))
        if state == "due":
            late = to_ms(self._clock.now()) - (DEMO_SIGN_AFTER_MS if self._demo else SIGN_AFTER_MS)
            where += [c.summary == "", c.recorder != "", c.recorded_ms <= late]
        return self._found(*where, limit=limit)

    def leg(self, leg_id: str) -> LegReadings:
        """Return a leg judged now, with its readings."""
        found = self._found(store.cold_leg.c.id == leg_id)
        if not found:
            raise NotFound("there is no such leg", expected="the eventID of a shipment", got=leg_id[:80])
        return self._judge(found[0], to_ms(self._clock.now()))

    def summary(self, leg_id: str) -> ColdLeg:
        """Return a finished leg judged from all that is here now, as its carrier signs it.

        Raises:
            Conflict: the leg is still under way or has no recorder.

        """
        leg = self.leg(leg_id).leg
        if leg.under_way or leg.judged is None:
            raise Conflict(
                "there is nothing to sum up",
                expected="a received leg with a recorder",
                got="still under way" if leg.recorder else "no recorder",
            )
        return leg

    def legs_of_lots(self, lots: Sequence[str]) -> list[ColdLeg]:
        """Return the legs on which any of these lots travelled, the earliest departure first."""
        with reading(self._engine).connect() as connection:
            ids = store.legs_with(connection, lots)
        return list(reversed(self._found(store.cold_leg.c.id.in_(ids)))) if ids else []

    def alarms(self, county: str | None = None) -> list[Alarm]:
        """Return what needs somebody now, the oldest first: cargo beyond a limit, and trucks under way that are not heard of."""
        found = []
        for leg in self.legs(county, state="under_way", limit=500):
            j = leg.judged
            if j is None or not leg.recorder:
                continue
            about = (leg.id, leg.county, leg.recorder, leg.carrier, leg.from_party, leg.to_party, leg.product)
            found += [Alarm(*about, e.side, e.since_ms, j.last_c, leg.limits.limit(e.side)) for e in j.excursions if e.ended_ms is None]
            if j.state == GAP:
                found.append(Alarm(*about, SILENT, j.since_ms, j.last_c, None))
        return sorted(found, key=lambda a: (a.since_ms, a.recorder))

    # How it is done

    def _found(self, *where: Any, limit: int = 500) -> list[ColdLeg]:
        with reading(self._engine).connect() as connection:
            rows = store.rows(connection, *where, limit=limit)
            lots = store.lots_of(connection, (r.id for r in rows))
        return [store.leg_of(r, lots.get(r.id, {})) for r in rows]

    def _judge(self, leg: ColdLeg, now_ms: int) -> LegReadings:
        if not leg.recorder:
            return LegReadings(leg, ())
        end = now_ms + 1 if leg.arrives_ms is None else leg.arrives_ms
        points = self._points(leg.recorder, leg.departs_ms, end)
        judged = judge(points, leg.limits, leg.departs_ms, max(end, leg.departs_ms + 1), over=leg.arrives_ms is not None)
        return LegReadings(replace(leg, judged=judged), tuple(points))

    def _points(self, recorder: str, start_ms: int, end_ms: int) -> list[Point]:
        try:
            return self._readings.range(recorder, CHANNEL, start_ms, end_ms, limit=MOST_READINGS)
        except NotFound:
            return []  # nothing of it ever arrived

    def _is_due(self, row: Any, messages: int, now_ms: int) -> bool:
        """Tell whether a leg is worth judging: its truck sent something, or time alone changes what is known."""
        found: ColdLeg = store.leg_of(row, {})
        told = row._mapping
        j: Judgement | None = found.judged
        if j is None or told["messages"] < 0:
            return True
        if not found.under_way:
            # Its truck is on another road by now: most of what it sends says nothing of this leg.
            return self._is_settled(row, now_ms) or (told["messages"] != messages and now_ms - told["judged_ms"] >= LOOK_BACK_MS)
        if told["messages"] != messages:
            return True
        return j.state != GAP or now_ms - told["judged_ms"] > 60_000 // found.pace * 5

    def _is_settled(self, row: Any, now_ms: int) -> bool:
        told = row._mapping
        if told["arrives_ms"] is None:
            return False
        return bool(now_ms - max(told["arrives_ms"], told["recorded_ms"]) > (DEMO_SETTLE_MS if self._demo else SETTLE_MS))

    def _take_in(self) -> None:
        """Read the log on from where it was read, and write the legs that its shipments, receipts and summaries make or change."""
        while True:
            with self._engine.begin() as connection:
                after = store.take_cursor(connection)
                moves = self._trace.movements(after, _AT_ONCE)
                if not moves:
                    return
                self._write(connection, moves)
                store.move_cursor(connection, moves[-1].log_index)
            if len(moves) < _AT_ONCE:
                return

    def _write(self, connection: Connection, moves: Sequence[Movement]) -> None:
        named = {m.event.leg for m in moves if m.event.leg}
        c = store.cold_leg.c
        rows = {r.id: r for r in store.rows(connection, or_(c.arrives_ms.is_(None), c.id.in_(named)))}
        lots = store.lots_of(connection, rows)
        known = [_leg_of(r, lots.get(r.id, {})) for r in rows.values()]
        before = {leg.id: (dict(leg.received), leg.summary) for leg in known}
        said = {lot: m.record_time_ms for m in moves for lot in m.event.lots}
        products = {lot: product for m in moves for lot, product in m.products.items()}
        for leg in legs_of((m.event for m in moves), known):
            if before.get(leg.id) == (leg.received, leg.summary):
                continue
            row = dict(rows[leg.id]._mapping) if leg.id in rows else self._new_row(leg, products)
            recorded_ms = max(said[lot] for lot in leg.lots if lot in said)
            row |= {"arrives_ms": leg.arrives_ms, "summary": leg.summary, "recorded_ms": recorded_ms}
            # Whatever was thought of it is thought again.
            row |= {"settled": not leg.recorder, "messages": -1}
            store.put_leg(connection, row, {lot: leg.received.get(lot) for lot in leg.lots})

    def _new_row(self, leg: Leg, products: dict[str, str]) -> dict[str, Any]:
        gateway, pace = "", 1
        if leg.recorder:
            try:
                device = self._registry.device(leg.recorder)
            except SuheError:
                get_logger(__name__).warning("a shipment names a recorder that is not registered", recorder=leg.recorder)
            else:
                gateway = device.gateway
                interval = min((x.interval_s for x in device.channels if x.code == CHANNEL), default=REAL_INTERVAL_S)
                pace = max(1, REAL_INTERVAL_S // interval) if self._demo else 1
        carried = sorted({products[lot] for lot in leg.lots if products.get(lot)})
        limits = limits_of(carried, pace)
        return {
            "id": leg.id, "county": county_of(leg.lots[0]), "from_party": leg.from_party, "to_party": leg.to_party, "carrier": leg.carrier,
            "recorder": leg.recorder, "gateway": gateway, "product": carried[0] if carried else "", "departs_ms": leg.departs_ms,
            "class": limits.name, "low_c": limits.low_c, "high_c": limits.high_c, "delay_s": limits.delay_s, "gap_s": limits.gap_s,
            "hysteresis_c": limits.hysteresis_c, "pace": pace, "judged": "", "judged_ms": 0, "messages": -1,
        }  # fmt: skip


def _leg_of(row: Any, lots: dict[str, int | None]) -> Leg:
    told = row._mapping
    received = {lot: at for lot, at in lots.items() if at is not None}
    way = (told["from_party"], told["to_party"], told["carrier"], told["recorder"])
    return Leg(told["id"], *way, told["departs_ms"], tuple(lots), received, told["summary"])
