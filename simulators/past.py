"""The past at ten-minute cadence: the history a new demo begins with, and what was missed while the simulator was stopped."""

from __future__ import annotations

from simulators.faults import sent_by
from simulators.field import Field
from simulators.messages import Outbox, outbox
from simulators.scenario import Device
from simulators.timegrid import STEP_MS, STEPS, day_of, start_of


def days_between(after_ms: int, until_ms: int) -> list[int]:
    """Return the Shanghai days that hold instants of (after, until], the newest first, so that pages show something at once."""
    if until_ms <= after_ms:
        return []
    return list(range(day_of(until_ms), day_of(after_ms + 1) - 1, -1))


def readings_of_day(field: Field, devices: tuple[Device, ...], day: int, after_ms: int, until_ms: int) -> Outbox:
    """Return what a gateway's devices send of a day's regular ten-minute readings that were observed in (after, until]."""
    merged = outbox(part for device in devices for part in sent_by(field, device, start_of(day), STEPS, STEP_MS))
    if after_ms < start_of(day) and start_of(day + 1) <= until_ms:
        return merged
    return merged.where((merged.observed_ms > after_ms) & (merged.observed_ms <= until_ms))


def nominal(devices: tuple[Device, ...], after_ms: int, until_ms: int) -> int:
    """Return how many readings faultless devices would make in (after, until]."""
    intervals = (1000 * c.interval_s for d in devices for c in d.channels)
    return sum(until_ms // step - after_ms // step for step in intervals)
