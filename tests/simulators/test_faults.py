"""Planted faults: each layer does what its label says, and no more."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from simulators.faults import CLOCK_OFFSET_MS, KINDS, Fault, Sent, faults_of, labels, plan, sent_by, suffer
from simulators.field import Field, Series
from simulators.randomness import Dice
from simulators.timegrid import STEP_MS, day_of, start_of

DAY = 20_750
START = start_of(DAY)
T = START + np.arange(144, dtype=np.int64) * STEP_MS
TRUE = 20 + np.arange(144) * 0.1


def with_fault(kind: str, *, channel: str | None = "air_temperature", first: int = 60, steps: int = 6, size: float = 0.0) -> Sent:
    """Return the clean ramp under one fault."""
    fault = Fault(kind, "d", channel, START + first * STEP_MS, START + (first + steps) * STEP_MS, size)
    series = Series("d", "air_temperature", T, np.round(TRUE, 1))
    return suffer(series, [fault], lambda _c, t: float(np.round(np.interp(t, T, TRUE), 1)))


def test_without_faults_what_is_sent_is_what_was_read() -> None:
    """No fault, no change: claimed, leaving and observed times are one."""
    sent = suffer(Series("d", "air_temperature", T, np.round(TRUE, 1)), [], lambda _c, _t: 0.0)
    assert np.array_equal(sent.t_ms, T) and np.array_equal(sent.leaves_ms, T) and np.array_equal(sent.values, np.round(TRUE, 1))


def test_drop_out_leaves_a_hole() -> None:
    """Readings in the window are missing, all others stand."""
    sent = with_fault("drop-out", channel=None)
    assert sorted(set(T) - set(sent.t_ms)) == list(T[60:66])


def test_spike_touches_one_reading() -> None:
    """Exactly the first reading in the window is thrown off by the labelled size, at ten minutes and at ten seconds."""
    sent = with_fault("spike", steps=1, size=16.0)
    off = sent.values - np.round(TRUE, 1)
    assert np.flatnonzero(off).tolist() == [60] and off[60] == pytest.approx(16)
    fast_t = START + 60 * STEP_MS + np.arange(360, dtype=np.int64) * 10_000
    fault = Fault("spike", "d", "air_temperature", int(fast_t[0]), int(fast_t[0]) + STEP_MS, 16.0)
    fast = suffer(Series("d", "air_temperature", fast_t, np.zeros(360)), [fault], lambda _c, _t: 0.0)
    assert np.flatnonzero(fast.values).tolist() == [0]


def test_drift_runs_away_steadily() -> None:
    """The error grows evenly from nothing towards the labelled size and ends with the window."""
    sent = with_fault("drift", steps=40, size=8.0)
    off = sent.values - np.round(TRUE, 1)
    assert off[60] == 0 and off[99] == pytest.approx(7.8, abs=0.06) and not off[100:].any()
    assert np.all(np.diff(off[60:100]) >= 0)


def test_stuck_repeats_the_value_it_stopped_at() -> None:
    """In the window every value is the true one of its beginning, also where the stretch read begins inside it."""
    sent = with_fault("stuck", steps=20)
    assert set(sent.values[60:80]) == {26.0}
    fault = Fault("stuck", "d", "air_temperature", START - 10 * STEP_MS, START + 5 * STEP_MS, 0.0)
    late_part = suffer(Series("d", "air_temperature", T, TRUE), [fault], lambda _c, _t: 17.3)
    assert set(late_part.values[:5]) == {17.3}


def test_duplicate_sends_twice_the_same() -> None:
    """Readings in the window are sent twice with the same time and value."""
    sent = with_fault("duplicate", channel=None)
    assert Counter(Counter(sent.t_ms.tolist()).values()) == {1: 138, 2: 6}
    assert len({*zip(sent.t_ms.tolist(), sent.values.tolist(), strict=True)}) == 144


def test_late_readings_leave_later_but_tell_their_own_time() -> None:
    """Held-back readings keep their times; only when they leave changes."""
    sent = with_fault("late", channel=None, size=3 * STEP_MS)
    assert np.array_equal(sent.t_ms, T)
    assert set(sent.leaves_ms[60:66] - T[60:66]) == {3 * STEP_MS}


def test_a_wrong_clock_claims_other_times() -> None:
    """Claimed times are off by the constant and fall beside the ten-minute grid, so that they overwrite nothing."""
    sent = with_fault("wrong-clock", channel=None, size=CLOCK_OFFSET_MS)
    assert set(sent.t_ms[60:66] - sent.observed_ms[60:66]) == {CLOCK_OFFSET_MS}
    assert not np.isin(sent.t_ms[60:66], T).any()


def test_layers_compose() -> None:
    """Two faults at once both show."""
    spike = Fault("spike", "d", "air_temperature", int(T[61]), int(T[62]), 10.0)
    late = Fault("late", "d", None, int(T[60]), int(T[66]), 2.0 * STEP_MS)
    sent = suffer(Series("d", "air_temperature", T, TRUE), [spike, late], lambda _c, _t: 0.0)
    assert sent.values[61] == pytest.approx(TRUE[61] + 10) and sent.leaves_ms[61] == T[61] + 2 * STEP_MS


def test_every_kind_befalls_the_field_at_its_stated_rate() -> None:
    """In sixty days each kind occurs about as often as its chance says, drop-outs cost under one per cent, all are labelled."""
    field = Field(12)
    devices = field.world.devices
    seen = Counter(json.loads(line)["kind"] for day in range(DAY - 60, DAY) for line in labels(field.dice, devices, day))
    assert set(seen) == set(KINDS)
    for kind, (chance, _, _) in KINDS.items():
        possible = [d for d in devices if d.kind not in ("pest_lamp", "spore_trap")] if kind in ("spike", "drift", "stuck") else devices
        assert seen[kind] == pytest.approx(chance * len(possible) * 60, rel=0.45)
    lost = sum(
        f.to_ms - f.from_ms for d in devices for day in range(DAY - 60, DAY) for f in plan(field.dice, d, day) if f.kind == "drop-out"
    )
    assert lost / (len(devices) * 60 * 86_400_000) < 0.01


def test_labels_tell_the_truth_about_the_stream() -> None:
    """Where no label stands, what is sent is what was read; where one stands, something differs."""
    field = Field(13)
    checked = Counter[str]()
    for device in field.world.devices:
        for day in range(DAY, DAY + 6):
            faults = faults_of(field.dice, device, day)
            for clean, sent in zip(
                field.read(device, start_of(day), 144, STEP_MS), sent_by(field, device, start_of(day), 144, STEP_MS), strict=True
            ):
                mine = [f for f in faults if f.channel in (None, clean.channel)]
                touched = np.zeros(clean.t_ms.size, dtype=bool)
                for f in mine:
                    touched |= (clean.t_ms >= f.from_ms) & (clean.t_ms < f.to_ms)
                untouched = clean.t_ms[~touched]
                kept = np.isin(sent.observed_ms, untouched)
                assert np.array_equal(sent.t_ms[kept], untouched)
                assert np.array_equal(sent.values[kept], clean.values[~touched])
                checked.update(f.kind for f in mine)
    assert {"drop-out", "spike", "duplicate", "late"} <= set(checked)


def test_a_window_that_opened_earlier_still_counts() -> None:
    """Faults that began up to two days before are among a day's faults."""
    field = Field(12)
    found = [
        f
        for d in field.world.devices
        for day in range(DAY - 60, DAY)
        for f in plan(field.dice, d, day)
        if day_of(f.to_ms - 1) > day_of(f.from_ms)
    ]
    assert found
    for fault in found:
        device = next(d for d in field.world.devices if d.id == fault.device)
        for day in range(day_of(fault.from_ms), day_of(fault.to_ms - 1) + 1):
            assert fault in faults_of(field.dice, device, day)


def test_a_device_s_faults_are_its_own() -> None:
    """The plan depends on seed, device and day only."""
    device = Field(1).world.devices[3]
    assert plan(Dice(1), device, DAY) == plan(Dice(1), device, DAY)
    assert [plan(Dice(1), device, d) for d in range(DAY, DAY + 90)] != [plan(Dice(2), device, d) for d in range(DAY, DAY + 90)]


def test_no_such_fault() -> None:
    """A fault of an unknown kind or with an empty window cannot be made."""
    with pytest.raises(ValueError, match="no such fault"):
        Fault("gremlin", "d", None, 0, 1, 0.0)
    with pytest.raises(ValueError, match="no such fault"):
        Fault("spike", "d", None, 5, 5, 0.0)
