"""The excursion state machine: limit, delay, hysteresis, and gaps that are never taken for fine.

A value holds from its reading to the next, as long as that comes within the gap time; a longer silence is unknown as a whole, because
nobody can say when in it something happened. A gap neither opens nor closes an excursion and does not stop the clock of the delay.
Readings are judged in the order of their own times, each time once: in whatever order they arrived, the answer is the same.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence

from ingest.reading import SUSPECT, Point
from logistics.cold_chain.nouns import ABOVE, EXCURSION, GAP, OK, PENDING, RECOVERING, WARMING, Excursion, Judgement, Limits

# Activation energy over the gas constant: 83.144 kJ/mol, the usual default where a product's own is not known.
_DH_OVER_R = 83.144 / 8.314462618e-3
_KELVIN = 273.15
DAY_MS = 86_400_000


def judge(readings: Iterable[Point], limits: Limits, start_ms: int, end_ms: int, *, over: bool) -> Judgement:
    """Return what the readings of [start, end) amount to; `over` says whether the leg ended there or is seen so far.

    Only good readings judge; suspect ones are counted, and failed to be known.
    """
    seen = {p.t_ms: p for p in readings if start_ms <= p.t_ms < end_ms}
    ordered = [seen[t] for t in sorted(seen)]
    good = [p for p in ordered if p.flag < SUSPECT]
    machine = Machine(limits, start_ms)
    for p in good:
        machine.step(p.t_ms, p.value)
    machine.look(end_ms)
    spans = _spans(good, limits, start_ms, end_ms)
    known = sum(ms for ms, value in spans if value is not None)
    values = [p.value for p in good]
    return Judgement(
        state=machine.state,
        since_ms=machine.state_since_ms,
        last_ms=good[-1].t_ms if good else None,
        last_c=values[-1] if values else None,
        count=len(good),
        suspect=len(ordered) - len(good),
        low_c=min(values, default=None),
        mean_c=sum(ms * v for ms, v in spans if v is not None) / known if known else (values[0] if values else None),
        high_c=max(values, default=None),
        mkt_c=mean_kinetic(good, end_ms),
        minutes=(end_ms - start_ms) / 60_000,
        above=sum(ms for ms, v in spans if v is not None and limits.side(v) == ABOVE) / 60_000,
        below=sum(ms for ms, v in spans if v is not None and limits.side(v) not in ("", ABOVE)) / 60_000,
        unknown=sum(ms for ms, v in spans if v is None) / 60_000,
        excursions=machine.excursions(end_ms if over else None),
        readings_hash=readings_hash(ordered),
    )


class Machine:
    """The state of one leg as its good readings come, in the order of their times."""

    def __init__(self, limits: Limits, start_ms: int) -> None:
        self._limits = limits
        self.state, self.state_since_ms = PENDING, start_ms
        self._last_ms = start_ms
        self._side, self._since_ms, self._extreme = "", 0, 0.0
        self._opened_ms: int | None = None
        self._closed: list[Excursion] = []

    def step(self, t_ms: int, value: float) -> None:
        """Take in a good reading."""
        self._last_ms = t_ms
        side = self._limits.side(value)
        if self._side and self._opened_ms is not None:
            if side == self._side:
                self._extreme = _further(self._extreme, value, side)
                self._enter(EXCURSION, t_ms)
                return
            if not self._limits.back_inside(value, self._side):
                self._enter(RECOVERING, t_ms)
                return
            self._close(t_ms)
        if side and side == self._side:
            self._extreme = _further(self._extreme, value, side)
        elif side:
            self._side, self._since_ms, self._extreme = side, t_ms, value
        else:
            self._side = ""
            self._enter(OK, t_ms)
            return
        if t_ms - self._since_ms >= self._limits.delay_s * 1000:
            self._opened_ms = t_ms
            self._enter(EXCURSION, t_ms)
        else:
            self._enter(WARMING, t_ms)

    def look(self, now_ms: int) -> None:
        """Look at the clock: a delay may be over, or a silence too long."""
        if now_ms - self._last_ms > self._limits.gap_s * 1000:
            self._enter(GAP, self._last_ms)
        elif self.state == WARMING and now_ms - self._since_ms >= self._limits.delay_s * 1000:
            self._opened_ms = now_ms
            self._enter(EXCURSION, now_ms)

    def excursions(self, end_ms: int | None) -> tuple[Excursion, ...]:
        """Return all excursions; one that is open ends at `end_ms` where that is given."""
        found = list(self._closed)
        if self._opened_ms is not None:
            found.append(Excursion(self._side, self._since_ms, self._opened_ms, end_ms, self._extreme))
        return tuple(found)

    def _close(self, t_ms: int) -> None:
        self._closed.append(Excursion(self._side, self._since_ms, self._opened_ms or t_ms, t_ms, self._extreme))
        self._side, self._opened_ms = "", None

    def _enter(self, state: str, t_ms: int) -> None:
        if state != self.state:
            self.state, self.state_since_ms = state, t_ms


def mean_kinetic(good: Sequence[Point], end_ms: int) -> float | None:
    """Return the mean kinetic temperature of the last 24 hours before `end_ms`: a supplement, it never replaces the excursion rule."""
    last = [p.value + _KELVIN for p in good if p.t_ms >= end_ms - DAY_MS]
    if not last:
        return None
    mean = sum(math.exp(-_DH_OVER_R / t) for t in last) / len(last)
    return _DH_OVER_R / -math.log(mean) - _KELVIN


def readings_hash(ordered: Sequence[Point]) -> str:
    """Return the SHA-256 over the leg's readings, so that a curve shown later can be checked against a signed summary.

    One line per reading in the order of time, `{ms} {value}`, after a line that names the encoding. Flags are ours and may change;
    they are not in it.
    """
    digest = hashlib.sha256(b"suhe/readings/v1\n")
    for p in ordered:
        digest.update(f"{p.t_ms} {p.value!r}\n".encode())
    return digest.hexdigest()


def _spans(good: Sequence[Point], limits: Limits, start_ms: int, end_ms: int) -> list[tuple[int, float | None]]:
    """Return the time between start and end as (ms, value held), None where nothing is known."""
    gap = limits.gap_s * 1000
    if not good:
        return [(end_ms - start_ms, None)] if end_ms > start_ms else []
    first = good[0].t_ms - start_ms
    spans: list[tuple[int, float | None]] = [(first, good[0].value if first <= gap else None)]
    ends = [*(p.t_ms for p in good[1:]), end_ms]
    for p, until in zip(good, ends, strict=True):
        spans.append((until - p.t_ms, p.value if until - p.t_ms <= gap else None))
    return spans


def _further(extreme: float, value: float, side: str) -> float:
    return max(extreme, value) if side == ABOVE else min(extreme, value)
