"""A real log whose clock was six hours off: the constant offset of a LoRa node is found, and nothing else in it is."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from ingest.clocks import HOUR_MS, Suspicion

LINE = re.compile(r'([0-9.]+),"Data: node: 2, message: \d+, time: (\d+),')


def test_the_six_hours_of_a_real_node_are_proposed(conformance_data: Path) -> None:
    """Within its first hour and a bit the correction is found, it is six hours, and over 4,550 messages no other one ever is."""
    with gzip.open(conformance_data / "field" / "hast_lora_node2_raw.txt.gz", "rt") as log:
        told = [(float(m[1]), int(m[2])) for m in map(LINE.match, log) if m]
    assert len(told) > 4000
    suspect = Suspicion()
    found = [suspect.observe(round(received * 1000), round((received - own) * 1000)) for received, own in told]
    first = next(at for at, finding in enumerate(found) if finding is not None)
    assert first < 20
    assert {f.correction_ms for f in found if f is not None} == {6 * HOUR_MS}
    assert max(f.spread_ms for f in found if f is not None) < 120_000
