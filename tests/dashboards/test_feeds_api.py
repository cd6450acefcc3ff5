"""Foreign senders over HTTP: webhooks, the quarantine, who may do what."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from foundation.clock import to_ms
from ingest.payloads import ReadingIn, encode_up
from tests.dashboards.fakes import Installation, build_installation

FEED = {"id": "lora", "gateway": "by-01-gw", "format": "chirpstack-v4", "topic": "application/7/device/+/event/+"}
UPLINK = {
    "deduplicationId": "3ac7e3c4", "time": "2026-07-01T03:00:00.5Z", "deviceInfo": {"devEui": "0101010101010101"}, "fCnt": 3, "fPort": 2,
    "object": {"temperature": 21.5},
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an installation with its gateways."""
    return build_installation(Path(tmp_path_factory.mktemp("feeds")))


def test_a_webhook_is_stored_after_its_device_is_claimed(site: Installation) -> None:
    """ChirpStack posts, the device waits, the office claims it over HTTP, and what waited is answered as a reading."""
    uplink = dict(UPLINK, time=site.services.clock.now().isoformat())
    with site.machine(site.key("county", "321023")) as office, site.machine() as sender:
        assert office.post("/api/v1/feeds", json=FEED).status_code == 201
        assert office.post("/api/v1/feeds", json={**FEED, "id": "again"}).status_code == 409
        wrong = sender.post("/api/v1/feeds/lora?event=up", json=uplink, auth=("by-01-gw", "wrong"))
        other = sender.post("/api/v1/feeds/lora?event=up", json=uplink, auth=("by-02-gw", site.passwords["by-02-gw"]))
        assert (wrong.status_code, other.status_code) == (401, 401), "another gateway's password is no key to this feed"
        auth = ("by-01-gw", site.passwords["by-01-gw"])
        answer = sender.post("/api/v1/feeds/lora?event=up", json=uplink, auth=auth)
        assert (answer.status_code, answer.json()) == (200, {"stored": 0, "quarantined": 1, "refused": [], "duplicate": False})
        (waiting,) = office.get("/api/v1/quarantine").json()["items"]
        assert waiting["name"] == "0101010101010101" and waiting["channels"] == [{"name": "temperature", "value": 21.5, "unit": None}]
        one = office.get(f"/api/v1/quarantine/{waiting['id']}").json()
        assert one["guess"] == [{"code": "air_temperature", "unit": "Cel", "interval_s": 600}]
        assert json.loads(one["messages"][0]["body"])["fCnt"] == 3
        claimed = office.post(f"/api/v1/quarantine/{waiting['id']}/claim", json={"device": "by-01-box", "name_en": "Box", "name_zh": "箱"})
        assert (claimed.status_code, claimed.json()["stored"]) == (200, 1)
        assert site.services.readings.latest(devices=["by-01-box"])[0].value == 21.5
        again = sender.post("/api/v1/feeds/lora?event=up", json={**uplink, "deduplicationId": "b"}, auth=auth)
        assert again.json()["stored"] == 1
        damaged = sender.post("/api/v1/feeds/lora?event=up", content=b"{", auth=auth)
        assert damaged.status_code == 200 and damaged.json()["refused"]


def test_a_secret_stands_for_the_feed_alone(site: Installation) -> None:
    """A token opens its own feed, in the header, and for ThingsBoard's devices in the address."""
    with site.machine(site.key("county", "321023")) as office, site.machine() as sender:
        assert office.post("/api/v1/feeds", json={"id": "tb", "gateway": "by-01-gw", "format": "thingsboard-device"}).status_code == 201
        secret = office.post("/api/v1/feeds/tb/secret").json()["secret"]
        assert office.put("/api/v1/feeds/tb/devices", json={"name": "", "device": "by-01-p1-level"}).status_code == 204
        body = {"waterLevel": 12.5}
        assert sender.post(f"/api/v1/{secret}/telemetry", json=body).json()["stored"] == 1
        assert sender.post("/api/v1/feeds/tb", json=body, headers={"authorization": f"Token {secret}"}).json()["stored"] == 1
        assert sender.post("/api/v1/feeds/lora", json=body, headers={"authorization": f"Token {secret}"}).status_code == 401
        assert sender.post("/api/v1/nonsense/telemetry", json=body).status_code == 401
        shown = office.get("/api/v1/feeds/tb").json()
        assert shown["has_secret"] and secret not in json.dumps(shown)
        assert office.delete("/api/v1/feeds/tb").status_code == 204
        assert sender.post(f"/api/v1/{secret}/telemetry", json=body).status_code == 401


def test_another_county_sees_and_changes_nothing_of_it(site: Installation) -> None:
    """A county's office works on its own feeds and its own quarantine alone."""
    with site.machine(site.key("county", "371522")) as other, site.machine(site.key("grower", "321023")) as grower:
        assert other.get("/api/v1/feeds").json()["items"] == []
        assert other.get("/api/v1/feeds/lora").status_code == 403
        assert other.delete("/api/v1/feeds/lora").status_code == 403
        assert other.post("/api/v1/feeds", json={**FEED, "id": "mine", "topic": "else/#"}).status_code == 403
        assert grower.get("/api/v1/quarantine").status_code == 403


def test_a_feed_that_cannot_be_is_refused_with_its_reason(site: Installation) -> None:
    """A format nobody knows, a mapping with a mistake, a filter that takes what is not the sender's."""
    with site.machine(site.key("county", "321023")) as office:
        for wrong in ({"format": "nonsense"}, {"format": "mapping", "mapping": "topic ="}, {"topic": "#"}, {"topic": "suhe/v1/+/+/up"}):
            assert office.post("/api/v1/feeds", json={**FEED, "id": "wrong", "topic": "else/#", **wrong}).status_code == 422, wrong


def test_a_clock_is_proposed_and_accepted_over_http(site: Installation) -> None:
    """The office sees which clock is eight hours off and accepts the correction; a decision stands, with who made it."""
    clock, level = site.services.clock, "by-03-p1-level"
    began, sequence = clock.instant, 50_000

    def send(minute: int) -> None:
        clock.instant = began + timedelta(minutes=minute)
        told = ReadingIn(level, "water_level", to_ms(clock.instant) - 8 * 3_600_000, 12.5)
        assert not site.services.readings.accept("by-03-gw", encode_up(sequence + minute, [told])).refused

    for k in range(13):
        send(5 * k)
    with site.machine(site.key("county", "321023")) as office, site.machine(site.key("county", "371522")) as other:
        (proposal,) = office.get("/api/v1/clocks").json()["items"]
        assert (proposal["device"], proposal["correction_ms"], proposal["state"]) == (level, 8 * 3_600_000, "proposed")
        assert other.get("/api/v1/clocks").json()["items"] == []
        assert other.post(f"/api/v1/clocks/{proposal['id']}/accept").status_code == 403
        done = office.post(f"/api/v1/clocks/{proposal['id']}/accept", params={"whole_gateway": True}).json()
        assert (done["state"], done["device"], done["decided_by"]) == ("accepted", "", "test county")
        assert office.post(f"/api/v1/clocks/{proposal['id']}/refuse").status_code == 409
        send(66)
        assert site.services.readings.latest(devices=[level])[0].t_ms == to_ms(clock.instant)
        assert office.post(f"/api/v1/clocks/{proposal['id']}/revoke").json()["revoked_by"] == "test county"
    clock.instant = began
