"""What was done in a county lately, from the log's end back to a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from foundation.clock import to_ms
from tests.dashboards.fakes_house import COUNTY, HARVESTED, INSPECTOR, NOW, House, build_house
from traceability import activity as module


def events_in(house: House) -> int:
    """Return how many records of the log are authors' events, not the log's own statements."""
    trace = house.services.trace
    return sum(1 for record in trace.records(0, trace.log_size()) if record.party)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house with one season in it."""
    return build_house(tmp_path, readings_every_minutes=720)


def test_events_since_a_time_are_counted_by_kind(house: House) -> None:
    """Events count by when they happened, whatever was recorded before and after; another county has none."""
    trace = house.services.trace
    found = trace.activity(COUNTY, to_ms(HARVESTED), 3)
    assert found.counts == {"harvest": 1, "inspect": 1, "pack": 1, "ship": 1, "receive": 1, "plant": 1}
    assert [e.kind for e in found.last] == ["plant", "receive", "ship"]
    assert found.newest_record_ms == to_ms(HARVESTED + timedelta(days=2, minutes=5))
    assert trace.activity("321023", 0, 3).last == ()
    assert sum(trace.activity(COUNTY, 0, 3).counts.values()) == events_in(house)


def test_a_quiet_day_still_shows_the_last_events(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last events are shown although nothing happened since; the log is read in steps and no step is lost or counted twice."""
    monkeypatch.setattr(module, "_STEP", 2)
    trace = house.services.trace
    assert trace.activity(COUNTY, to_ms(NOW), 4).counts == {}
    assert [e.kind for e in trace.activity(COUNTY, to_ms(NOW), 4).last] == ["plant", "receive", "ship", "pack"]
    assert sum(trace.activity(COUNTY, 0, 3).counts.values()) == events_in(house)


def test_lots_count_by_their_last_inspection(house: House) -> None:
    """Lots picked since a time count under their last result; those that failed are named until they are too old."""
    trace, kit = house.services.trace, house.kit
    before = trace.inspections(COUNTY, to_ms(HARVESTED) - 1)
    assert before["pass"] >= 1
    assert trace.failed_lots(COUNTY, 0) == []
    at = HARVESTED + timedelta(hours=30)
    kit.clock.instant = at + timedelta(minutes=5)
    told = {
        "method": "enzyme_inhibition",
        "result": "screening_positive",
        "standard": "GB/T 5009.199-2003",
        "samples": 3,
        "items": ["有机磷"],
    }
    when = {"eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    kit.send("inspect", INSPECTOR, quantityList=[{"epcClass": kit.lot("T1")}], **{"suhe:inspection": told}, **when)
    assert trace.inspections(COUNTY, to_ms(HARVESTED) - 1)["screening_positive"] == 1
    assert trace.failed_lots(COUNTY, 0) == [(f"urn:suhe:lot:{COUNTY}:T1", "screening_positive", to_ms(at))]
    assert trace.failed_lots(COUNTY, to_ms(NOW)) == []
