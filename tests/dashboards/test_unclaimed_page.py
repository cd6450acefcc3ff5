"""The page of what waits in quarantine: seen by everybody who reads, claimed in one step by the county's own people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from dashboards.api.deps import SESSION_COOKIE
from foundation.clock import to_ms
from ingest.payloads import ReadingIn, encode_up
from registry.feeds import Feed
from tests.dashboards.fakes import BAOYING, SHENXIAN, Installation, build_installation

PAGE = f"/c/{BAOYING}/unclaimed"
EUI = "0101010101010101"
TOPIC = f"application/lora/device/{EUI}/event/up"
FEED = Feed("by-lora", "by-01-gw", "chirpstack-v4", topic="application/lora/#")


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo with a LoRaWAN sensor and a gateway nobody registered."""
    made = build_installation(tmp_path_factory.mktemp("unclaimed"))
    made.services.registry.add_feed(FEED)
    for k in range(3):
        made.services.readings.accept_foreign(FEED, TOPIC, _uplink(made, k))
    body = encode_up(1, [ReadingIn("box-1-t", "air_temperature", to_ms(made.services.clock.now()), 20.5)])
    made.services.readings.accept("box-1", body)
    return made


@pytest.fixture
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a browser of the whole application."""
    with whole.browser("en") as client:
        yield client


def _uplink(made: Installation, k: int) -> bytes:
    at = made.services.clock.now().isoformat()
    info = {"deviceName": "Field 7", "devEui": EUI, "applicationId": "lora"}
    told = {"deduplicationId": f"id-{k}", "time": at, "deviceInfo": info, "fCnt": k, "object": {"soilMoisture": 21.5 + k, "note": "text"}}
    return json.dumps(told).encode()


def _sign_in(made: Installation, web: TestClient, name: str, county: str) -> None:
    made.services.registry.add_person(name, "county", county)
    web.cookies.set(SESSION_COOKIE, made.services.registry.redeem_link(made.services.registry.make_link(name)))


def _entry(page: str, name: str) -> str:
    found = re.search(rf'<li id="w(\d+)">\s*<h2>{re.escape(name)}', page)
    assert found is not None, name
    return found.group(1)


def test_the_field_page_leads_to_what_waits_and_a_guest_only_looks(web: TestClient) -> None:
    """Two names wait, with what they send and what it would be here; the demo's guest sees no button."""
    assert "Names waiting to be claimed: 2" in web.get(f"/c/{BAOYING}/field").text
    page = web.get(PAGE).text
    assert EUI in page and "soilMoisture" in page and "Soil moisture" in page and "box-1" in page
    assert "messages kept: 3" in page
    assert "<form" not in page.partition("<main")[2]
    assert web.post(f"{PAGE}/{_entry(page, EUI)}", data={"do": "claim", "device": "x"}).status_code == 401


def test_a_device_is_claimed_in_one_step_and_nothing_it_sent_is_lost(whole: Installation, web: TestClient) -> None:
    """The name becomes a device on a base; the three readings that waited are stored, and the next ones at once."""
    _sign_in(whole, web, "qian", BAOYING)
    page = web.get(PAGE).text
    entry = _entry(page, EUI)
    suggested = re.findall(r'name="device" value="([^"]+)"', page)
    assert "by-01-gw-0101010101010101" in suggested
    form = {"do": "claim", "device": "by-01-soil-7", "base": "by-01", "name_zh": "七号土壤", "name_en": "Soil 7"}
    answer = web.post(f"{PAGE}/{entry}", data=form, follow_redirects=False)
    assert answer.status_code == 303
    after = web.get(answer.headers["location"]).text
    assert "by-01-soil-7 is registered" in after and "stored out of what waited: 3" in after
    assert EUI not in after
    whole.services.readings.accept_foreign(FEED, TOPIC, _uplink(whole, 9))
    (now,) = whole.services.readings.latest(devices=["by-01-soil-7"])
    assert (now.channel, now.value) == ("soil_moisture", 30.5)


def test_a_new_gateway_gets_a_password_that_is_shown_once(whole: Installation, web: TestClient) -> None:
    """A gateway of our own protocol that sends already is registered on a base; its devices then wait one by one."""
    _sign_in(whole, web, "qian", BAOYING)
    entry = _entry(web.get(PAGE).text, "box-1")
    answer = web.post(f"{PAGE}/{entry}", data={"do": "claim", "base": "by-01"})
    password = re.search(r"shown this once:</b> <code>([^<]+)</code>", answer.text)
    assert answer.status_code == 200 and password is not None and answer.headers["cache-control"] == "no-store"
    assert whole.services.registry.check_gateway("box-1", password.group(1))
    page = web.get(PAGE).text
    assert password.group(1) not in page and _entry(page, "box-1-t")


def test_what_nobody_wants_is_thrown_away(whole: Installation, web: TestClient) -> None:
    """Thrown away, a name and its messages are gone from the page."""
    _sign_in(whole, web, "qian", BAOYING)
    entry = _entry(web.get(PAGE).text, EUI)
    assert web.post(f"{PAGE}/{entry}", data={"do": "discard"}, follow_redirects=False).status_code == 303
    assert EUI not in web.get(PAGE).text


def test_another_county_neither_sees_nor_claims_it(whole: Installation, web: TestClient) -> None:
    """Staff of the other county are refused at this page, and cannot claim by number at their own."""
    entry = _entry(web.get(PAGE).text, EUI)
    _sign_in(whole, web, "sun", SHENXIAN)
    assert web.get(PAGE).status_code == 403
    assert EUI not in web.get(f"/c/{SHENXIAN}/unclaimed").text
    form = {"do": "claim", "device": "sx-x", "base": "sx-01"}
    assert web.post(f"/c/{SHENXIAN}/unclaimed/{entry}", data=form).status_code == 404


def test_a_form_nobody_made_is_refused_in_words(whole: Installation, web: TestClient) -> None:
    """An unknown wish, a number no database holds, a base elsewhere: each is told, nothing changes."""
    _sign_in(whole, web, "qian", BAOYING)
    entry = _entry(web.get(PAGE).text, EUI)
    assert web.post(f"{PAGE}/{entry}", data={"do": "dance"}).status_code == 422
    assert web.post(f"{PAGE}/{10**30}", data={"do": "claim"}).status_code == 404
    assert web.post(f"{PAGE}/{entry}", data={"do": "claim", "device": "by-x", "base": "sx-01"}).status_code == 403
    assert web.post(f"{PAGE}/{entry}", data={"do": "claim", "device": "no/id", "base": "by-01"}).status_code == 422
    assert EUI in web.get(PAGE).text
