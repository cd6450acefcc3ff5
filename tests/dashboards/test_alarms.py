"""The county's alarms: one list from every domain, the oldest first, each with its beginning, its words and where to read more."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboards.alarms import BAD, WARNING, Alarm, FirstSeen, alarms, domains
from dashboards.field_view import field_view
from dashboards.i18n import translator
from foundation.clock import to_ms
from ingest.payloads import ReadingIn, encode_up
from tests.dashboards.fakes import BAOYING, SHENXIAN, Installation, build_installation
from tests.dashboards.fakes_house import HARVESTED, INSPECTOR, NOW, build_house
from tests.dashboards.fakes_prices import trouble
from tests.waiting import wait_until
from traceability import anchor as states


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Return an installation of this test's own."""
    return build_installation(tmp_path)


def asked(services: object, county: str, seen: FirstSeen | None = None, lang: str = "zh-Hans") -> list[Alarm]:
    t = translator(lang)
    return alarms(services, county, field_view(services, county, lang, t), lang, t, seen or FirstSeen())  # type: ignore[arg-type]


def test_the_oldest_alarm_stands_first(house: Installation) -> None:
    """A gateway silent for an hour stands before a gap seen just now; its devices are not told one by one."""
    found = asked(house.services, BAOYING)
    assert [(a.key, a.severity, a.at_least) for a in found] == [("gateway:by-03-gw", BAD, False), ("gap:by-02-gw", WARNING, True)]
    assert found[0].since_ms == to_ms(NOW - timedelta(hours=1))
    assert found[0].text == "柳堡莲藕基地网关无声，8 台设备没有读数"
    assert "5–7" in found[1].text
    assert [a.text for a in asked(house.services, BAOYING, lang="en")] == [
        "Liubao Lotus Base: gateway silent, 8 devices", "Xi'anfeng Lotus Base: messages 5–7 missing",
    ]  # fmt: skip


def test_a_silent_gateway_does_not_hide_another_s_device(house: Installation) -> None:
    """A base has two gateways: one is silent, the other speaks, and a device behind the other that does not is told by itself."""
    registry, clock = house.services.registry, house.services.clock
    registry.register_gateway("by-03-x", BAOYING, "by-03", "第二网关", "Second")
    level = registry.device("by-03-p1-level")
    registry.add_all([dataclasses.replace(level, id=f"by-03-x-{k}", gateway="by-03-x") for k in "ab"])
    now = clock.instant
    for seq, (device, hours) in enumerate((("by-03-x-b", 1), ("by-03-x-a", 0)), 1):
        clock.instant = now - timedelta(hours=hours)
        body = encode_up(seq, [ReadingIn(device, "water_level", to_ms(clock.instant), 12.0)])
        wait_until(lambda body=body: house.services.readings.accept("by-03-x", body).acked, 5, what="the new gateway is known")
    found = {a.key: a.text for a in asked(house.services, BAOYING, lang="en")}
    assert found["gateway:by-03-gw"] == "Liubao Lotus Base: gateway silent, 8 devices"
    assert "device:by-03-x-b" in found and "device:by-03-x-a" not in found
    view = field_view(house.services, BAOYING, "en", translator("en"))
    assert next(s.gateways for s in view.sites if s.id == "by-03") == ("by-03-gw", "by-03-x")


def test_what_has_no_beginning_counts_from_when_it_was_seen(house: Installation) -> None:
    """A gap is as old as this process has known it; when it is filled and opens again it is new."""
    seen, clock = FirstSeen(), house.services.clock
    since = next(a.since_ms for a in asked(house.services, BAOYING, seen) if a.at_least)
    clock.instant += timedelta(minutes=5)
    house.speak("by-02-gw", 9)
    assert next(a.since_ms for a in asked(house.services, BAOYING, seen) if a.at_least) == since
    for seq in (5, 6, 7):
        house.speak("by-02-gw", seq)
    assert not [a for a in asked(house.services, BAOYING, seen) if a.key.startswith("gap")]
    house.speak("by-02-gw", 12)
    assert next(a.since_ms for a in asked(house.services, BAOYING, seen) if a.at_least) == to_ms(clock.instant)


def test_one_silent_device_is_told_by_its_name(house: Installation) -> None:
    """Where a gateway speaks but one of its devices does not, the device is the alarm, since its last reading came."""
    services = house.services
    services.clock.instant += timedelta(minutes=1)
    rows = [
        ReadingIn(d.id, c.code, to_ms(services.clock.instant) - 500, 14.0)
        for d in services.registry.devices(gateway="sx-01-gw")
        for c in d.channels
        if c.code == "air_temperature"
    ]
    assert not services.readings.accept("sx-01-gw", encode_up(10_001, rows)).refused
    quiet = {d.id for d in services.registry.devices(gateway="sx-01-gw")} - {r.d for r in rows}
    found = [a for a in asked(services, SHENXIAN) if a.key.startswith("device:")]
    heard = {r.device for r in services.readings.latest(county=SHENXIAN)}
    assert {a.key.removeprefix("device:") for a in found} == quiet & heard
    assert "sx-01-g1-soil" in quiet & heard
    assert {a.since_ms for a in found} == {to_ms(NOW)}
    assert all(a.link == f"/c/{SHENXIAN}/field/{a.key.removeprefix('device:')}" for a in found)


def test_a_source_in_trouble_and_old_quotes_are_told(house: Installation) -> None:
    """A source that failed is one alarm, not one per quote; quotes nobody renewed are one alarm of their market."""
    services = house.services
    trouble(services.prices.engine, "xinfadi", "failing", "no answer")
    found = {a.key: a for a in asked(services, SHENXIAN) if a.domain == "prices"}
    assert "采集失败" in found["source:xinfadi"].text
    assert "quotes:xinfadi" not in found
    services.clock.instant += timedelta(days=3)
    later = {a.key: a for a in asked(services, SHENXIAN) if a.domain == "prices"}
    assert later["source:shenxian_origin"].since_ms == to_ms(NOW) - 45_000
    assert "停更" in later["source:shenxian_origin"].text


def test_a_lot_that_failed_its_inspection_is_told(tmp_path: Path) -> None:
    """A failed lot stands on the list since its inspection and leaves it after a month."""
    made = build_house(tmp_path, readings_every_minutes=720)
    failed = {"method": "enzyme_inhibition", "result": "fail", "standard": "GB/T 5009.199-2003", "samples": 3, "items": ["有机磷"]}
    at = HARVESTED + timedelta(hours=30)
    made.kit.clock.instant = at + timedelta(minutes=5)
    when = {"eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    made.kit.send("inspect", INSPECTOR, quantityList=[{"epcClass": made.kit.lot("T1")}], **{"suhe:inspection": failed}, **when)
    made.kit.clock.instant = NOW
    found = [a for a in asked(made.services, SHENXIAN) if a.domain == "inspection"]
    assert [(a.severity, a.since_ms, a.text, a.link) for a in found] == [(BAD, to_ms(at), "批次 T1 检测不合格", f"/lots/{SHENXIAN}:T1")]
    made.kit.clock.instant = NOW + timedelta(days=30)
    assert not [a for a in asked(made.services, SHENXIAN) if a.domain == "inspection"]


def test_a_part_that_is_down_is_told(house: Installation) -> None:
    """A part of the installation that stopped is an alarm of both counties."""
    house.services.readiness = lambda: {"children": (False, "down: broker")}
    for county in (SHENXIAN, BAOYING):
        assert [a.severity for a in asked(house.services, county) if a.domain == "parts"] == [BAD]


def test_an_anchor_that_waits_or_contradicts_is_told(house: Installation) -> None:
    """A chain that cannot be reached is a warning since then, a log that is not the anchored one is bad; no chain at all is neither."""
    assert not [a for a in asked(house.services, SHENXIAN) if a.key == "anchor"]
    fine = house.services.anchors.status()
    for condition, severity in ((states.UNREACHABLE, WARNING), (states.FORK, BAD)):
        told = dataclasses.replace(fine, condition=condition, since_ms=to_ms(NOW) - 60_000)
        house.services.anchors = SimpleNamespace(status=lambda told=told: told, condition=lambda told=told: told.condition)
        found = [a for a in asked(house.services, SHENXIAN) if a.key == "anchor"]
        assert [(a.severity, a.since_ms, a.link) for a in found] == [(severity, to_ms(NOW) - 60_000, "/anchor")]


def test_every_alarm_has_a_check(house: Installation) -> None:
    """Whatever may be told belongs to a check that is otherwise told to be well."""
    house.services.readiness = lambda: {"children": (False, "down: broker")}
    house.services.clock.instant += timedelta(days=3)
    told = {a.domain for county in (SHENXIAN, BAOYING) for a in asked(house.services, county)}
    assert told <= set(domains(translator("en")))
    assert {"field", "prices", "parts"} <= told
