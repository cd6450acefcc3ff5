"""How well strange scans tell copied labels, on simulated scans with labelled copies: `python -m bench.scans [--quick]`.

A pack counts as told when a rule fires on it. Precision: of packs told, those whose label was copied. Recall: of copied labels that were
scanned at all, those told. False alarms: packs told whose label was not copied, per 10,000 honest scans. Each with its 95 % Wilson interval
in the scale; the assumptions stand in `simulators/scans.py: Habits`. Two scenes: copies of 10 to 300 packs, and small runs of 3 to 20.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace

from bench.report import Row, print_report
from simulators.scans import Habits, SimulatedScan, stream
from traceability.scan_rules import DAY_MS, Ended, of_pack, out_of_region
from traceability.scans import Scan, cell_of

START_MS = 1_763_600_000_000
CODE = "0" * 17
SEEDS = range(1, 11)
SCENES = {"": Habits(), "small runs, ": replace(Habits(), fewest_copies=3, most_copies=20)}
PACK_RULES = ("impossible_travel", "many_devices", "after_end")
SHIPPED = [cell_of(lat, lon) for lat, lon in ((36.24, 115.67), (36.65, 117.12), (34.75, 113.63))]


@dataclass
class Tally:
    """What one rule told."""

    told_copied: int = 0
    told_honest: int = 0


@dataclass
class Count:
    """What is known of all lots of a scene."""

    copied: int = 0
    honest_scans: int = 0
    scans: int = 0
    rules: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    lots_told: int = 0
    lots: int = 0
    clean_lots_told: int = 0
    seconds: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print_report("scans", rows(quick=parser.parse_args().quick))


def rows(*, quick: bool) -> list[Row]:
    """Return the figures; quick: two lots instead of ten."""
    seeds = SEEDS[:2] if quick else SEEDS
    found: list[Row] = []
    for scene, habits in SCENES.items():
        count = Count()
        for seed in seeds:
            _lot(count, seed, habits)
        found += _figures(scene, count, f"seeds {seeds[0]} to {seeds[-1]}")
    return found


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share."""
    if not of:
        return 0.0, 1.0
    p = hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * (p * (1 - p) / of + z * z / (4 * of * of)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _lot(count: Count, seed: int, habits: Habits) -> None:
    scans = stream(seed, START_MS, habits)
    begin = time.perf_counter()
    packs: dict[int, list[SimulatedScan]] = defaultdict(list)
    for s in scans:
        packs[s.pack].append(s)
    for own in packs.values():
        copied = any(s.copy for s in own)
        count.copied += copied
        told = {a.rule for a in of_pack([_scan(s) for s in own], Ended("sold", START_MS + habits.days * DAY_MS))}
        for rule in (*told, *(["together"] if told else [])):
            if copied:
                count.rules[rule].told_copied += 1
            else:
                count.rules[rule].told_honest += 1
    count.lots += 1
    count.lots_told += out_of_region([_scan(s) for s in scans], SHIPPED) is not None
    count.seconds += time.perf_counter() - begin
    count.scans += len(scans)
    clean = stream(seed + 1000, START_MS, replace(habits, copied=0))
    count.clean_lots_told += out_of_region([_scan(s) for s in clean], SHIPPED) is not None
    count.honest_scans += sum(not s.copy for s in scans)


def _scan(s: SimulatedScan) -> Scan:
    return Scan(CODE, s.pack, s.time_ms, s.device, cell_of(*s.place) if s.place else None)


def _figures(scene: str, count: Count, seeds: str) -> list[Row]:
    found = []
    for rule in (*PACK_RULES, "together"):
        tally = count.rules[rule]
        told = tally.told_copied + tally.told_honest
        low, high = wilson(tally.told_copied, told)
        name = f"scan, {scene}{rule}"
        share = f"{tally.told_copied} of {told} told, 95 % {low:.3f} to {high:.3f}, {seeds}"
        found.append(Row(f"{name} precision", tally.told_copied / told if told else 0.0, "share", share))
        low, high = wilson(tally.told_copied, count.copied)
        found.append(Row(f"{name} recall", tally.told_copied / max(1, count.copied), "share",
                         f"{tally.told_copied} of {count.copied} copied labels, 95 % {low:.3f} to {high:.3f}"))  # fmt: skip
        low, high = wilson(tally.told_honest, count.honest_scans)
        found.append(Row(f"{name} false alarms", tally.told_honest / count.honest_scans * 10_000, "per 10,000",
                         f"{tally.told_honest} in {count.honest_scans:,} honest, 95 % {low * 1e4:.2f} to {high * 1e4:.2f}"))  # fmt: skip
    found.append(Row(f"scan, {scene}out_of_region lots told", count.lots_told / count.lots, "share",
                     f"{count.lots_told} of {count.lots} with copies, {count.clean_lots_told} of {count.lots} without"))  # fmt: skip
    found.append(Row(f"scan, {scene}judging", count.scans / count.seconds, "scans/s", f"{count.scans:,} scans"))
    return found


if __name__ == "__main__":
    main()
