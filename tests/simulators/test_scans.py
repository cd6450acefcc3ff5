"""Simulated scans: the same seed is the same stream, labels of copies are right, and the rules tell most large runs of copies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scans import SEEDS, rows, wilson
from simulators.scans import Habits, stream
from traceability.secrets import commitment

FEW = replace(Habits(), packs=300, copied=5)


def test_a_seed_is_a_stream() -> None:
    """One seed gives one stream in time order; another seed another."""
    assert stream(1, 0, FEW) == stream(1, 0, FEW) != stream(2, 0, FEW)
    assert [s.time_ms for s in stream(1, 0, FEW)] == sorted(s.time_ms for s in stream(1, 0, FEW))


def test_only_copied_labels_have_copies() -> None:
    """What is marked a copy carries the number of a pack whose label was copied, and without copiers there is none."""
    found = stream(1, 0, FEW)
    assert any(s.copy for s in found)
    assert all(s.pack <= 5 and s.copied for s in found if s.copy)
    assert not any(s.copy or s.copied for s in stream(1, 0, replace(FEW, copied=0)))


def test_the_bench_tells_large_runs_and_owns_up_to_small_ones() -> None:
    """Every figure has its interval; most labels copied on many packs are told, few of those copied on a handful by devices alone."""
    found = {r.figure: r for r in rows(quick=True)}
    assert all("95 %" in r.scale for name, r in found.items() if name.endswith(("precision", "recall", "false alarms")))
    assert found["scan, many_devices recall"].value > 0.4 > found["scan, small runs, many_devices recall"].value
    assert found["scan, many_devices false alarms"].value < 10
    assert SEEDS


def test_wilson_intervals() -> None:
    """Known values: 199 of 200 is 97.2 to 99.9 %, none of nothing is anything."""
    assert wilson(199, 200) == pytest.approx((0.9722, 0.9991), abs=2e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_demo_body_commits_to_an_invented_person() -> None:
    """The secret beside a demo's planting fits the commitment in its body, and a repeat is the same; other events have none."""
    import base64

    from simulators.season_bodies import PERSONS, with_person

    credential = {"seed": "11" * 32}
    body = {"bizStep": "urn:suhe:bizstep:planting", "eventID": "urn:uuid:1", "bizLocation": {"id": "x"}}
    told, (secret,) = with_person(body, credential)
    assert told["suhe:by"] == commitment("suhe:by", base64.b64decode(secret["salt"]), secret["value"])
    assert secret["value"] in dict(PERSONS)
    assert with_person(body, credential) == (told, [secret])
    assert with_person({**body, "bizStep": "shipping"}, credential)[1] == []
