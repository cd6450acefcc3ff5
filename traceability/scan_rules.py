"""What is strange about the scans of a label: pure rules over one table of thresholds.

A rule gives evidence, never a proof. One serial on many packs looks like one pack in many places; so does a pack that many people
photographed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from foundation.clock import from_ms, market_day
from traceability.scans import Cell, Scan, least_km

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above what something counts as strange; measured on simulated scans, see `docs/performance.md`."""

    # No parcel flies faster than an airliner; five minutes are left for clocks and for a page that was opened late.
    kmh: float = 900.0
    slack_ms: int = 300_000
    # A family and a few curious in a shop look at one pack in a day; so many phones do not.
    devices_a_day: int = 8
    # The same over a pack's whole life. Devices of different days cannot be told apart, so one phone counts once a day.
    device_days: int = 15
    # Produce is still eaten for a while after it was sold; after a recall every scan is told, for the pack is still out there.
    after_end_ms: Mapping[str, int] = field(default_factory=lambda: {"recalled": 0, "sold": 14 * DAY_MS, "used_up": 14 * DAY_MS})
    # People carry and give produce away; only several scans far from everywhere it was sent are told, and as a share of those with a place.
    far_km: float = 300.0
    far_scans: int = 5
    far_share: float = 0.2
    # A QR code is not mistyped: serials that were never given out come from trying, or from a printer of false ones.
    unknown_serials_an_hour: int = 5
    unknown_codes_in_ten_minutes: int = 30


@dataclass(frozen=True, slots=True)
class Ended:
    """When and how a lot's labels should have come to their end: recalled, sold (handed to consumers) or used_up."""

    how: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What a rule found: on a pack (0 for a lot as a whole), between two times, with the figures it rests on."""

    rule: str
    pack: int
    first_ms: int
    last_ms: int
    evidence: Mapping[str, Any]


RULES = ("impossible_travel", "many_devices", "after_end", "out_of_region", "unknown_burst")
USUAL = Thresholds()


def of_pack(scans: Iterable[Scan], ended: Ended | None = None, limits: Thresholds = USUAL) -> list[Anomaly]:
    """Return what is strange about the scans of one pack."""
    ordered = sorted(scans, key=lambda s: s.time_ms)
    found = [_travel(ordered, limits), _devices(ordered, limits), after_end(ordered, ended, limits)]
    return [a for a in found if a is not None]


def after_end(ordered: Sequence[Scan], ended: Ended | None, limits: Thresholds = USUAL) -> Anomaly | None:
    """Return the scans that came after a lot was recalled, or long after it was sold or used up."""
    if ended is None:
        return None
    late = [s for s in ordered if s.time_ms > ended.time_ms + limits.after_end_ms[ended.how]]
    if not late:
        return None
    evidence = {"how": ended.how, "ended_ms": ended.time_ms, "scans": len(late)}
    return Anomaly("after_end", late[0].pack, late[0].time_ms, late[-1].time_ms, evidence)


def out_of_region(scans: Iterable[Scan], region: Sequence[Cell], limits: Thresholds = USUAL) -> Anomaly | None:
    """Return whether a lot is scanned far from every place it was sent to; nothing where no place is known."""
    placed = sorted((s for s in scans if s.cell is not None), key=lambda s: s.time_ms)
    if not region or len(placed) < limits.far_scans:
        return None
    nearest = {cell: min(least_km(cell, r) for r in region) for cell in {s.cell for s in placed if s.cell}}
    far = [s for s in placed if s.cell and nearest[s.cell] > limits.far_km]
    # One phone that is far away and opens the page often is one scan a day.
    devices = {s.device for s in far}
    if len(devices) < limits.far_scans or len(far) < limits.far_share * len(placed):
        return None
    furthest = max(nearest[s.cell] for s in far if s.cell)
    evidence = {"scans": len(far), "of": len(placed), "devices": len(devices), "km": round(furthest)}
    return Anomaly("out_of_region", 0, far[0].time_ms, far[-1].time_ms, evidence)


def unknown_burst(counts: Mapping[int, int], *, of_code: bool, limits: Thresholds = USUAL) -> Anomaly | None:
    """Return whether so many unknown serials of a code (or codes at all) were tried; `counts` are by ten minutes since the epoch, in ms."""
    span, most = (6, limits.unknown_serials_an_hour) if of_code else (1, limits.unknown_codes_in_ten_minutes)
    step, best = 600_000, (0, 0)
    for slot in counts:
        best = max(best, (sum(counts.get(slot - k * step, 0) for k in range(span)), slot))
    if best[0] < most:
        return None
    last = best[1] + step
    return Anomaly("unknown_burst", 0, last - span * step, last, {"tries": best[0], "minutes": span * 10, "of_code": of_code})


def _travel(ordered: Sequence[Scan], limits: Thresholds) -> Anomaly | None:
    """Where no two scans that follow each other are impossible, no two are."""
    placed = [s for s in ordered if s.cell is not None]
    worst: tuple[float, Scan, Scan, float] | None = None
    count = 0
    for a, b in pairwise(placed):
        if a.cell is None or b.cell is None or a.cell == b.cell:
            continue
        km = least_km(a.cell, b.cell)
        hours = (b.time_ms - a.time_ms + limits.slack_ms) / HOUR_MS
        if km > limits.kmh * hours:
            count += 1
            if worst is None or km / hours > worst[0]:
                worst = (km / hours, a, b, km)
    if worst is None or worst[1].cell is None or worst[2].cell is None:
        return None
    _, a, b, km = worst
    evidence = {"km": round(km), "minutes": round((b.time_ms - a.time_ms) / 60_000), "times": count,
                "from": list(worst[1].cell.centre), "to": list(worst[2].cell.centre)}  # fmt: skip
    return Anomaly("impossible_travel", a.pack, a.time_ms, b.time_ms, evidence)


def _devices(ordered: Sequence[Scan], limits: Thresholds) -> Anomaly | None:
    days: dict[Any, set[str]] = defaultdict(set)
    for s in ordered:
        days[market_day(from_ms(s.time_ms))].add(s.device)
    in_all = sum(map(len, days.values()))
    most = max(map(len, days.values()), default=0)
    if most <= limits.devices_a_day and in_all <= limits.device_days:
        return None
    evidence = {"devices": most, "device_days": in_all, "days": len(days)}
    return Anomaly("many_devices", ordered[0].pack, ordered[0].time_ms, ordered[-1].time_ms, evidence)
