"""Legs from the log to the alarm: taken in once, judged again when late readings come, summed up exactly once, by nobody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from foundation.errors import BadInput, Conflict, NotAllowed, NotFound
from logistics.cold_chain.nouns import ABOVE, EXCURSION, GAP, OK, PENDING, SILENT
from tests.dashboards.fakes_cold import CARRIER, FAST, MINUTE, START, Road, build_road, drive
from tests.dashboards.fakes_house import COOP, SHOP, build_house
from traceability.legs import summary_id


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """Return a house with trucks and nothing shipped yet."""
    return build_road(build_house(tmp_path, readings_every_minutes=1440))


def verdicts(road: Road) -> dict[str, str]:
    return {leg.lots[0].rsplit(":", 1)[1]: leg.verdict for leg in road.cold.legs("371522", limit=50)}


def test_each_leg_gets_the_verdict_it_deserves(road: Road) -> None:
    """Fine, out of range, not fully known, without a recorder, and under way with its alarm open: five legs, five answers."""
    legs = drive(road)
    found = verdicts(road)
    assert {k: found[k] for k in ("A1", "A2", "A3", "A4")} == {
        "A1": "in_range", "A2": "out_of_range", "A3": "not_fully_known", "A4": "no_recorder",
    }  # fmt: skip
    dark = road.cold.leg(legs["A3"]).leg.judged
    assert (dark.unknown, dark.count, round(dark.complete_percent)) == (100, 27, 72)
    (alarm,) = road.cold.alarms("371522")
    assert (alarm.leg, alarm.side, alarm.value_c, alarm.limit_c) == (legs["A5"], ABOVE, 15.0, 13.0)
    assert road.cold.alarms("321023") == [] and [leg.id for leg in road.cold.legs(state="under_way")] == [legs["A5"]]
    assert road.cold.legs_of_lots([road.house.kit.lot("A2")])[0].id == legs["A2"]


def test_watching_again_changes_nothing_and_late_readings_do(road: Road) -> None:
    """A second look judges only what time may change; readings that come after the receipt are judged, whatever their order."""
    leg = road.ship("B1", START)
    road.measure(START, [10.0] * 6)
    road.receive("B1", START + 180 * MINUTE)
    road.watch(START + 181 * MINUTE)
    assert verdicts(road)["B1"] == "not_fully_known" and road.watch() == 0
    road.measure(START + 120 * MINUTE, [15.0] * 6)
    road.measure(START + 60 * MINUTE, [15.0] * 6)
    assert road.watch(START + 182 * MINUTE) == 1 and road.watch() == 0
    told = road.cold.legs()[0]
    assert told.id == leg and told.verdict == "out_of_range" and told.judged.unknown == 0
    assert told.judged == road.cold.leg(leg).leg.judged


def test_a_truck_that_falls_silent_raises_an_alarm_of_its_own(road: Road) -> None:
    """Under way: awaited, heard, silent; the silence is an alarm since the last reading, and over when it speaks again."""
    road.ship("B2", START)
    assert road.watch(START + MINUTE) and road.cold.legs()[0].judged.state == PENDING
    road.measure(START, [10.0, 10.1])
    road.watch(START + 12 * MINUTE)
    assert road.cold.legs()[0].judged.state == OK and road.cold.alarms() == []
    road.watch(START + 40 * MINUTE)
    (alarm,) = road.cold.alarms()
    assert (alarm.side, alarm.since_ms, road.cold.legs()[0].judged.state) == (SILENT, int((START + 10 * MINUTE).timestamp() * 1000), GAP)
    road.measure(START + 40 * MINUTE, [10.2])
    road.watch(START + 41 * MINUTE)
    assert road.cold.alarms() == [] and road.cold.legs()[0].judged.unknown == 30


def test_an_accelerated_truck_is_judged_at_its_own_pace(road: Road) -> None:
    """In a demo a recorder of ten seconds lives sixty times faster: half a minute beyond the limit is an excursion; elsewhere it is not."""
    road.ship("B3", START, recorder=FAST)
    road.measure(START, [10.0, *[16.0] * 5], recorder=FAST, step=timedelta(seconds=10))
    road.watch(START + timedelta(seconds=55))
    told = road.cold.legs()[0]
    assert (told.pace, told.limits.delay_s, told.judged.state) == (60, 30, EXCURSION)


def test_a_summary_is_recorded_exactly_once(road: Road) -> None:
    """Sent again it is the same receipt; with other words it is a conflict; under another id it is refused."""
    leg = road.ship("C1", START)
    road.measure(START, [10.0] * 12)
    road.receive("C1", START + 120 * MINUTE)
    road.watch(START + 140 * MINUTE)
    assert [x.id for x in road.cold.legs(state="due")] == [leg]
    body = road.summary_body(leg)
    assert road.sign(body).new and not road.sign(body).new
    road.measure(START + 55 * MINUTE, [14.0])
    changed = road.summary_body(leg)
    assert changed["suhe:cold"] != body["suhe:cold"]
    with pytest.raises(Conflict, match="another body"):
        road.sign(changed)
    with pytest.raises(BadInput, match="one summary"):
        road.sign({**changed, "eventID": road.house.kit.body("sensor_summary", CARRIER)["eventID"]})
    road.watch()
    assert road.cold.legs(state="due") == [] and road.cold.legs()[0].summary == summary_id(leg)
    events = [e for e in road.house.services.trace.lot(road.house.kit.lot("C1")).events if e.kind == "sensor_summary"]
    assert len(events) == 1 and road.house.services.trace.verify_all().ok


def test_a_summary_of_a_foreign_hand_or_device_is_refused(road: Road) -> None:
    """Another signer, another recorder, other lots, other times, before the receipt or for a leg nobody knows: refused with the reason."""
    leg, other = road.ship("C2", START), road.ship("C3", START + 300 * MINUTE, recorder=None)
    road.measure(START, [10.0] * 12)
    road.watch()
    with pytest.raises(Conflict, match="nothing to sum up"):
        road.cold.summary(leg)
    road.receive("C2", START + 120 * MINUTE)
    road.watch(START + 121 * MINUTE)
    body = road.summary_body(leg)
    sensors = body["sensorElementList"][0]

    def with_metadata(**changes: str) -> dict[str, object]:
        return {**body, "sensorElementList": [{**sensors, "sensorMetadata": {**sensors["sensorMetadata"], **changes}}]}

    for wrong, why in (
        (with_metadata(deviceID="urn:suhe:device:sx-truck-02"), "another recorder"),
        (with_metadata(startTime="2025-11-22T05:00:00Z"), "covers its leg"),
        (with_metadata(endTime="2025-11-22T09:00:00Z"), "covers its leg"),
        ({**body, "eventTime": "2025-11-22T07:00:00Z"}, "covers its leg"),
        ({**body, "quantityList": [{"epcClass": road.house.kit.lot("P2")}]}, "no shipment"),
        ({**body, "suhe:leg": other, "eventID": summary_id(other)}, "no shipment"),
    ):
        with pytest.raises(Conflict, match=why):
            road.sign(wrong)
    with pytest.raises(Conflict, match="names no recorder"):
        road.sign({**body, "suhe:leg": other, "eventID": summary_id(other), "quantityList": [{"epcClass": road.house.kit.lot("C3")}]})
    with pytest.raises(Conflict, match="who carried it"):
        road.sign({**body, "suhe:party": f"urn:suhe:party:{COOP}"}, COOP)
    with pytest.raises(NotAllowed, match="may not sign"):
        road.sign({**body, "suhe:party": f"urn:suhe:party:{SHOP}"}, SHOP)
    for field, value in (("count", -1), ("readingsHash", "ab"), ("minutesAbove", "7")):
        with pytest.raises(BadInput, match="suhe:cold"):
            road.sign({**body, "suhe:cold": {**body["suhe:cold"], field: value}})
    assert road.sign(body).new


def test_a_shipment_names_only_a_recorder_of_its_carrier(road: Road) -> None:
    """A sensor of the field, a truck of nobody and a carrier nobody knows cannot travel on a leg."""
    with pytest.raises(NotAllowed, match="belongs to somebody else"):
        road.ship("D1", START, recorder="sx-01-g1-climate")
    with pytest.raises(NotFound):
        road.ship("D2", START, recorder="by-truck-99")
    with pytest.raises(NotFound):
        road.ship("D3", START, recorder=None, **{"suhe:carrier": "urn:suhe:party:nobody"})
    with pytest.raises(NotFound, match="no such leg"):
        road.cold.leg("urn:uuid:nothing")
