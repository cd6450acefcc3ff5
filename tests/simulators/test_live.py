"""Live readings: every tick once, held-back ones later, nothing twice."""

from __future__ import annotations

from collections import Counter

import numpy as np

from simulators.faults import plan
from simulators.field import Field
from simulators.live import TICK_MS, Live
from simulators.messages import Outbox
from simulators.timegrid import day_of

FIELD = Field(21)
DAY = 20_780


def keys(parts: list[Outbox]) -> Counter[tuple[str, str, int]]:
    """Return how often each (device, channel, time of observation) is among the readings."""
    return Counter((*box.names[k], t) for box in parts for k, t in zip(box.which.tolist(), box.observed_ms.tolist(), strict=True))


def test_tick_by_tick_is_what_one_long_look_gives() -> None:
    """Ten minutes in ticks, or at once, or by another object: the same readings leave, each once."""
    devices = FIELD.world.devices_of("by-03-gw")
    start = DAY * 86_400_000
    until = start + 600_000
    live, other = Live(FIELD, devices), Live(FIELD, devices)
    ticks = [live.leaving(t, t + TICK_MS, observed_after_ms=start) for t in range(start, until, TICK_MS)]
    at_once = other.leaving(start, until, observed_after_ms=start)
    assert keys([box for parts in ticks for box in parts]) == keys(at_once)
    assert sum(keys(at_once).values()) > 500


def test_a_held_back_reading_leaves_when_its_delay_is_over() -> None:
    """During a late window nothing leaves the device; after the delay all of it does, with its own times."""
    levels = [d for d in FIELD.world.devices if d.kind == "water_level"]
    late = [(d, f) for day in range(DAY, DAY + 60) for d in levels for f in plan(FIELD.dice, d, day) if f.kind == "late"]
    device, fault = late[0]
    live, begun = Live(FIELD, (device,)), fault.from_ms - 600_000
    during = live.leaving(fault.from_ms, fault.from_ms + 600_000, observed_after_ms=begun)
    assert not any(t >= fault.from_ms for _, _, t in keys(during))
    delay = int(fault.size)
    after = live.leaving(fault.from_ms + delay - 1, fault.from_ms + delay + 600_000 - 1, observed_after_ms=begun)
    held = [t for _, _, t in keys(after) if fault.from_ms <= t < fault.to_ms and t < fault.from_ms + 600_000]
    assert held == list(range(fault.from_ms, fault.from_ms + 600_000, TICK_MS))


def test_what_history_sent_is_not_sent_again() -> None:
    """Readings observed up to the beginning of live belong to history, held back or not."""
    devices = FIELD.world.devices_of("sx-04-gw")
    begun = DAY * 86_400_000 + 1_234_000
    parts = Live(FIELD, devices).leaving(begun - 1, begun + 60_000, observed_after_ms=begun)
    assert min(int(np.min(box.observed_ms)) for box in parts) > begun
    assert day_of(begun) == DAY
