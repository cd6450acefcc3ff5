"""Quality flags against the simulator's planted faults: what is seen of each, and how often good readings are accused.

    python -m bench.quality           60 days of all devices, a seed the rules were not made with
    python -m bench.quality --quick   12 days
    python -m bench.quality --seed 1  another seed; --wrong SERIES prints what is flagged wrongly

Days are taken from four seasons. Each day's readings of every device go through the flagger in the order in which they leave the devices, a
batch for ten minutes, and then through the final flags as the compaction gives them to a day. A planted fault is seen when a reading of its
window is suspect or failed. A false alarm is a suspect or failed reading outside every window of its device (and half an hour behind it).
Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.report import Row, print_report
from ingest.quality import TESTS, result_of
from ingest.quality.final import final_flags
from ingest.quality.plan import Plan, Watched
from ingest.quality.rules import packaged
from ingest.quality.stream import Flagger
from ingest.reading import SUSPECT
from registry.devices import DevicePlace
from simulators.faults import KINDS, Fault, faults_of, sent_by
from simulators.field import Field
from simulators.timegrid import DAY_MS, STEP_MS, STEPS, first_day_of_year, start_of

SEASONS = (14, 104, 195, 287)  # days of the year: mid January, April, July, October
YEAR, HISTORY_YEARS = 2026, 2
AFTERWARDS_MS = 3 * STEP_MS
BATCH_MS = STEP_MS
# The tests whose alarms name a fault: precision is counted over the alarms of these.
NAMED_BY = {"spike": ("step", "spike"), "stuck": ("flat_line",), "drift": ("neighbour", "climatology")}
VALUE_FAULTS = ("spike", "drift", "stuck", "wrong-clock")


@dataclass(frozen=True)
class Told:
    """Everything sent in a stretch of days, by row, and the faults planted in it."""

    sid: Any
    t: Any
    x: Any
    received: Any
    observed: Any
    names: dict[int, tuple[str, str]]
    faults: list[Fault]


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, p = 1.959964, hits / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return max(0.0, (middle - half) / (1 + z * z / of)), min(1.0, (middle + half) / (1 + z * z / of))


def share(hits: int, of: int) -> str:
    """Return a share with its interval, in per cent."""
    low, high = wilson(hits, of)
    return f"{hits}/{of} = {100 * hits / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]" if of else "none"


def told_in(field: Field, days: range) -> Told:
    """Return what all devices send on some days, in the order in which it leaves them."""
    devices, faults = (
        field.world.devices,
        dict.fromkeys(f for d in field.world.devices for day in days for f in faults_of(field.dice, d, day)),
    )
    names = dict(enumerate(((d.id, c.code) for d in devices for c in d.channels), 1))
    numbers = {key: n for n, key in names.items()}
    parts: list[tuple[Any, ...]] = []
    for day in days:
        for device in devices:
            for s in sent_by(field, device, start_of(day), STEPS, STEP_MS):
                n = len(s.t_ms)
                parts.append((np.full(n, numbers[s.device, s.channel]), s.t_ms, s.values, s.leaves_ms + 2000, s.observed_ms))
    sid, t, x, received, observed = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(received, kind="stable")
    return Told(sid[order], t[order], x[order], received[order], observed[order], names, list(faults))


def flagger_of(field: Field, names: dict[int, tuple[str, str]], normals: dict[int, dict[int, tuple[float, float]]]) -> Flagger:
    """Return a flagger that knows the scenario's devices, their places and their history."""
    places, county = {}, {d.id: d.county for d in field.world.devices}
    for d in field.world.devices:
        at = field.world.plot(d.plot) if d.plot else field.world.base(d.base)
        places[d.id] = DevicePlace(d.kind, at.lat, at.lon)
    plan = Plan(packaged())
    plan.add(Watched(sid, county[device], device, channel) for sid, (device, channel) in names.items())
    plan.place(places)
    plan.set_normals(normals)
    return Flagger(plan)


def flagged(flags: Flagger, told: Told) -> tuple[Any, Any, Any]:
    """Return the results on arrival, the final flags and results, as writer and compaction make them."""
    seq = np.arange(len(told.t))
    columns = {"sid": told.sid.astype(np.uint32), "t": told.t, "x": told.x, "received": told.received, "seq": seq}
    cuts = np.flatnonzero(np.diff(told.received // BATCH_MS)) + 1
    arrived = np.empty(len(told.t), dtype=np.uint32)
    for rows in np.split(seq, cuts):
        arrived[rows] = flags.judge({name: values[rows] for name, values in columns.items()}).tests
    flag, tests = final_flags(flags.plan, {**columns, "tests": arrived})
    return arrived, flag, tests


def normals_of(field: Field, names: dict[int, tuple[str, str]]) -> dict[int, dict[int, tuple[float, float]]]:
    """Return the months' normals as years of faultless history give them: every third day of the seasons' months, hourly."""
    found: dict[int, dict[int, tuple[float, float]]] = defaultdict(dict)
    numbers = {key: n for n, key in names.items()}
    for first in SEASONS:
        month = [first // 30 + 1, (first + 14) // 30 + 1]
        values: dict[int, list[Any]] = defaultdict(list)
        for year in range(YEAR - HISTORY_YEARS, YEAR):
            for day in range(first_day_of_year(year) + first - 14, first_day_of_year(year) + first + 30, 3):
                for device in field.world.devices:
                    for s in field.read(device, start_of(day), STEPS, STEP_MS):
                        values[numbers[s.device, s.channel]].append(s.values)
        for sid, parts in values.items():
            whole = np.concatenate(parts)
            for m in month:
                found[sid][m] = float(whole.mean()), float(whole.std())
    return found


def windows(told: Told, faults: list[Fault]) -> Iterator[tuple[Fault, Any]]:
    """Yield each fault with the rows it changed."""
    by_device: dict[str, list[int]] = defaultdict(list)
    for sid, (device, _) in told.names.items():
        by_device[device].append(sid)
    rows_of = {sid: np.flatnonzero(told.sid == sid) for sid in told.names}
    for f in faults:
        sids = [s for s in by_device[f.device] if f.channel in (None, told.names[s][1])]
        rows = np.concatenate([rows_of[s] for s in sids])
        end = f.from_ms + STEP_MS if f.kind == "spike" else f.to_ms
        inside = (told.observed[rows] >= f.from_ms) & (told.observed[rows] < end)
        yield f, rows[inside]


def score(seed: int, days: int, *, history: bool, wrong: str = "") -> list[Row]:
    """Flag some days and print what was seen."""
    field = Field(seed)
    each = max(1, days // len(SEASONS))
    seen: dict[str, list[int]] = {kind: [0, 0] for kind in KINDS}
    arrived_seen: dict[str, int] = defaultdict(int)
    seen_by: dict[str, dict[str, int]] = {kind: defaultdict(int) for kind in KINDS}
    alarms: dict[str, list[int]] = {kind: [0, 0] for kind in NAMED_BY}
    alarm_stretches: dict[str, list[int]] = {kind: [0, 0] for kind in NAMED_BY}
    false_by: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    false_tests: dict[tuple[str, str], int] = defaultdict(int)
    late, twice, took, rows_done = [0, 0], [0, 0], 0.0, 0
    normals: dict[int, dict[int, tuple[float, float]]] = {}
    for season in SEASONS:
        begin = first_day_of_year(YEAR) + season
        told = told_in(field, range(begin, begin + each))
        if history and not normals:
            normals = normals_of(field, told.names)
        flags = flagger_of(field, told.names, normals)
        start = time.process_time()
        arrived, flag, tests = flagged(flags, told)
        took, rows_done = took + time.process_time() - start, rows_done + len(told.t)
        bad = flag >= SUSPECT
        by_test = {name: result_of(tests, n) >= SUSPECT for n, name in enumerate(TESTS)}
        on_arrival = np.zeros(len(bad), dtype=bool)
        for n in range(len(TESTS)):
            on_arrival |= result_of(arrived, n) >= SUSPECT
        faulty = np.zeros(len(bad), dtype=bool)
        inside = {kind: np.zeros(len(bad), dtype=bool) for kind in KINDS}
        for f, rows in windows(told, told.faults):
            inside[f.kind][rows] = True
        for f, rows in windows(told, told.faults):
            if f.kind in VALUE_FAULTS:
                faulty[rows] = True
            # A fault counts as planted where something of it was sent.
            if not len(rows) or f.kind == "drop-out":
                continue
            seen[f.kind][1] += 1
            seen[f.kind][0] += bool(bad[rows].any())
            arrived_seen[f.kind] += bool(on_arrival[rows].any())
            for name, hits in by_test.items():
                seen_by[f.kind][name] += bool(hits[rows].any())
        near = _behind(told, faulty)
        for kind, names in NAMED_BY.items():
            called = np.logical_or.reduce([by_test[n] for n in names])
            right, total = _stretches(told, called, _behind(told, inside[kind]))
            alarm_stretches[kind][0] += right
            alarm_stretches[kind][1] += total
            alarms[kind][0] += _stretches(told, called, near)[0]
            alarms[kind][1] += total
        clean = ~faulty & ~near
        for sid, (device, channel) in told.names.items():
            here = (told.sid == sid) & clean
            false_by[channel][0] += int(bad[here].sum())
            false_by[channel][1] += int(here.sum())
            for name in TESTS:
                false_tests[channel, name] += int((by_test[name] & here).sum())
            if wrong and wrong in (channel, device, f"{device}/{channel}"):
                _print_wrong(told, tests, np.flatnonzero(here & bad))
        late[0] += int((bad & inside["late"] & clean).sum())
        late[1] += int((inside["late"] & clean).sum())
        twice[0] += int((bad & inside["duplicate"] & clean).sum())
        twice[1] += int((inside["duplicate"] & clean).sum())
        seen["drop-out"][1] += sum(f.kind == "drop-out" for f in told.faults)
        seen["drop-out"][0] += _gaps_seen(told)
    _print(seen, arrived_seen, seen_by, alarms, alarm_stretches, false_by, false_tests, late, twice)
    rows = [
        Row(f"{kind} recall", round(100 * seen[kind][0] / max(1, seen[kind][1]), 1), "%", f"{seen[kind][1]} planted", at_least=None)
        for kind in ("spike", "stuck", "drift", "wrong-clock", "drop-out")
    ]
    false, clean_rows = (sum(v[k] for v in false_by.values()) for k in (0, 1))
    rows += [
        Row(
            f"{kind} precision",
            round(100 * alarm_stretches[kind][0] / max(1, alarm_stretches[kind][1]), 1),
            "%",
            f"{alarm_stretches[kind][1]} alarms",
        )
        for kind in ("spike", "stuck", "drift")
    ]
    rows.append(Row("false alarms", round(1e4 * false / clean_rows, 2), "per 10,000", f"{clean_rows:,} readings without a fault"))
    rows.append(
        Row("flagging", round(1e6 * took / rows_done, 2), "us/reading", "arrival in batches of ten minutes and the day's final flags")
    )
    return rows


def _behind(told: Told, faulty: Any) -> Any:
    """Return the rows within half an hour of a faulty one of their series."""
    near = np.zeros(len(faulty), dtype=bool)
    order = np.lexsort((told.t, told.sid))
    sid, t, hit = told.sid[order], told.t[order], faulty[order]
    at = np.where(hit, t, -(2**60))
    for shift in range(1, 5):
        same = sid[shift:] == sid[:-shift]
        near[order[shift:]] |= same & (t[shift:] - at[:-shift] <= AFTERWARDS_MS)
        near[order[:-shift]] |= same & (at[shift:] > 0) & (at[shift:] - t[:-shift] <= STEP_MS)
    return near | faulty


def _stretches(told: Told, called: Any, inside: Any) -> tuple[int, int]:
    """Return how many alarms (readings of one series flagged within an hour of each other) overlap a window, and how many there are."""
    order = np.lexsort((told.t, told.sid))
    rows = order[called[order]]
    if not len(rows):
        return 0, 0
    sid, t = told.sid[rows], told.t[rows]
    begins = np.append(True, (sid[1:] != sid[:-1]) | (t[1:] - t[:-1] > 6 * STEP_MS))
    which = np.cumsum(begins) - 1
    return int((np.bincount(which, inside[rows]) > 0).sum()), int(which[-1]) + 1


def _gaps_seen(told: Told) -> int:
    """Return how many planted drop-outs show as a gap of more than one and a half intervals in some channel of their device."""
    found = 0
    by_device: dict[str, list[int]] = defaultdict(list)
    for sid, (device, _) in told.names.items():
        by_device[device].append(sid)
    times = {sid: np.unique(told.observed[told.sid == sid]) for sid in told.names}
    for f in told.faults:
        if f.kind == "drop-out":
            for sid in by_device[f.device]:
                t = times[sid]
                interval = int(np.median(np.diff(t))) if len(t) > 2 else STEP_MS
                wide = np.flatnonzero(np.diff(t) > 1.5 * interval)
                if ((t[wide] < f.to_ms) & (t[wide + 1] > f.from_ms)).any():
                    found += 1
                    break
    return found


def _print_wrong(told: Told, tests: Any, rows: Any) -> None:
    for k in rows[:40]:
        device, channel = told.names[int(told.sid[k])]
        line = np.flatnonzero(told.sid == told.sid[k])
        line = line[np.argsort(told.t[line], kind="stable")]
        at = int(np.flatnonzero(line == k)[0])
        around = told.x[line[max(0, at - 3) : at + 4]].tolist()
        which = [n for i, n in enumerate(TESTS) if result_of(tests[k : k + 1], i)[0] >= SUSPECT]
        print(f"  {device}/{channel} {np.datetime64(int(told.t[k]) + DAY_MS // 3, 'ms')} {which} {around}")


def _print(
    seen: dict[str, list[int]],
    arrived: dict[str, int],
    seen_by: dict[str, dict[str, int]],
    any_fault: dict[str, list[int]],
    own_fault: dict[str, list[int]],
    false_by: dict[str, list[int]],
    false_tests: dict[tuple[str, str], int],
    late: list[int],
    twice: list[int],
) -> None:
    for kind, (hits, of) in seen.items():
        if kind in (*VALUE_FAULTS, "drop-out"):
            print(f"{kind:<12} seen {share(hits, of)}" + (f", on arrival {arrived[kind]}/{of}" if kind in arrived else ""))
            by = ", ".join(f"{name} {count}" for name, count in seen_by[kind].items() if count)
            if by:
                print(f"{'':<12} by {by}")
        if kind in own_fault:
            own, anyone = share(*own_fault[kind]), share(*any_fault[kind])
            print(f"{'':<12} alarms of {' and '.join(NAMED_BY[kind])} at a {kind}: {own}; at any fault: {anyone}")
    print(f"late readings accused       {share(*late)}\nreadings sent twice accused {share(*twice)}\n\nfalse alarms by channel")
    for channel, (hits, of) in sorted(false_by.items()):
        tests = ", ".join(f"{name} {false_tests[channel, name]}" for name in TESTS if false_tests[channel, name])
        print(f"  {channel:<20} {share(hits, of):<44} {tests}")


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--no-history", action="store_true", help="without normals: as in the first year of a device")
    parser.add_argument("--wrong", default="", help="print false alarms of a channel, a device, or device/channel")
    arguments = parser.parse_args()
    print_report("quality", score(arguments.seed, 12 if arguments.quick else 60, history=not arguments.no_history, wrong=arguments.wrong))


if __name__ == "__main__":
    main()
