"""The simulated field against the ranges ingest flags by: faultless readings pass, thrown-off ones often do not."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ingest.channels import CHANNELS
from ingest.quality.rules import packaged
from simulators.faults import faults_of, sent_by
from simulators.field import Field
from simulators.timegrid import STEP_MS, start_of

FIRST = 20_454  # 2026-01-01


def suspect_range(channel: str) -> tuple[float, float]:
    """Return what this climate allows of a channel."""
    asked = packaged().of(channel).gross_range
    assert asked is not None
    return asked.suspect


def test_a_faultless_year_raises_no_flag() -> None:
    """On a day of every month no reading of any channel is outside the range its climate allows, and units are the county's."""
    field = Field(371522)
    for day in range(FIRST, FIRST + 365, 31):
        for device in field.world.devices:
            units = {c.code: c.unit for c in device.channels}
            for s in field.read(device, start_of(day), 144, STEP_MS):
                known = CHANNELS[s.channel]
                assert units[s.channel] == known.unit
                low, high = suspect_range(s.channel)
                assert s.values.min() >= low and s.values.max() <= high, (s.device, s.channel, day)


def test_spikes_can_be_seen_by_their_range_alone_about_half_the_time() -> None:
    """Of the planted spikes a good part leaves the sensor's or the climate's range: pages have something to show, and not everything."""
    field = Field(371522)
    seen = Counter[str]()
    for day in range(FIRST + 280, FIRST + 300):
        for device in field.world.devices:
            spikes = [f for f in faults_of(field.dice, device, day) if f.kind == "spike" and f.from_ms >= start_of(day)]
            if not spikes:
                continue
            for sent in sent_by(field, device, start_of(day), 144, STEP_MS):
                for at in (np.flatnonzero(sent.observed_ms == f.from_ms) for f in spikes if f.channel == sent.channel):
                    low, high = suspect_range(sent.channel)
                    seen.update("inside" if low <= sent.values[k] <= high else "outside" for k in at)
    assert 0.25 < seen["outside"] / seen.total() < 0.75
