"""Scans on pages: the first-scan line, guessed codes slowed down, and the county's list of what is strange."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from dashboards.api import scans as api
from dashboards.guessing import MOST_OF_ADDRESS, MOST_OF_DEVICE, WINDOW_S, Guesses
from dashboards.pages import scans as page
from dashboards.pages import trace
from tests.dashboards.fakes_house import COUNTY, House, build_house

LOT = f"{COUNTY}:P1"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=24 * 60)


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    with TestClient(house.app(trace, page, api)) as made:
        yield made


def test_the_second_reader_is_told_of_the_first(house: House, client: TestClient) -> None:
    """The page of a pack says that it is scanned for the first time, then how often it was; a false serial is told as such."""
    code = house.code("P1")
    (serial,) = house.services.scans.give_serials(code, 1)
    address = f"/t/{code}?s={serial}&at=36.24,115.67"
    assert "本包首次扫码（第 1 包）" in client.get(address, headers={"user-agent": "first"}).text
    house.services.scans.flush()
    assert "本包（第 1 包）已被扫过 1 次" in client.get(address, headers={"user-agent": "second"}).text
    assert "不是这里发出的" in client.get(f"/t/{code}?s={serial[::-1]}").text
    english = client.get(address, headers={"accept-language": "en"}).text
    assert "scanned before, times: " in english


def test_who_looks_ahead_or_is_at_work_makes_no_scan(house: House, client: TestClient) -> None:
    """A browser's prefetch and a page opened by somebody signed in are no scans."""
    code = house.code("P1")
    (serial,) = house.services.scans.give_serials(code, 1)
    for headers in ({"sec-purpose": "prefetch"}, {"cookie": "session=x"}):
        assert client.get(f"/t/{code}?s={serial}", headers=headers).status_code == 200
    house.services.scans.flush()
    assert house.services.scans.first(code, serial).scans == 0


def test_guessing_codes_is_slowed_down_and_told(house: House) -> None:
    """After twenty unknown codes a device reads 429 with a page and a time; real codes, other devices and later hours are answered."""
    with TestClient(house.app(trace, page, api)) as client:
        guess = "/t/AAAA-AAAA-AAAA-AAAA-" + _check("A" * 16)
        for _ in range(MOST_OF_DEVICE):
            assert client.get(guess, headers={"user-agent": "guesser"}).status_code == 404
        answer = client.get(guess, headers={"user-agent": "guesser"})
        assert answer.status_code == 429
        assert "试得太多了" in answer.text
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
        assert client.get(f"/t/{house.code('P1')}", headers={"user-agent": "guesser"}).status_code == 200
        assert client.get(guess, headers={"user-agent": "somebody else"}).status_code == 404
        house.services.clock.advance(timedelta(seconds=WINDOW_S + 1))
        assert client.get(guess, headers={"user-agent": "guesser"}).status_code == 404


def test_an_address_is_slowed_down_too() -> None:
    """Changing the browser's name at every try does not help for long."""
    guesses = Guesses()
    for k in range(MOST_OF_ADDRESS):
        assert guesses.wait_s("198.51.100.7", f"browser {k}", 0) == 0
        guesses.count("198.51.100.7", f"browser {k}", 0)
    assert guesses.wait_s("198.51.100.7", "yet another", 1) == WINDOW_S - 1
    assert guesses.wait_s("198.51.100.8", "yet another", 1) == 0


def test_the_county_reads_what_is_strange_with_its_evidence(house: House, client: TestClient) -> None:
    """A copied label is listed with the figures, on the page and in the API; the words claim no proof."""
    code = house.code("P1")
    (serial,) = house.services.scans.give_serials(code, 1)
    for k, at in enumerate(("36.24,115.67", "31.23,121.47")):
        client.get(f"/t/{code}?s={serial}&at={at}", headers={"user-agent": f"phone {k}"})
        house.services.scans.flush()
    text = client.get("/scans").text
    assert "来不及的距离" in text
    assert "不是证据" in text
    (told,) = [a for a in client.get("/api/v1/scans/anomalies").json() if a["rule"] == "impossible_travel"]
    assert told["evidence"]["km"] > 700
    assert told["code"] == code
    first = client.get(f"/api/v1/codes/{code}/scans", params={"s": serial}).json()
    assert (first["kind"], first["scans"]) == ("pack", 2)


def test_a_guest_gets_no_serials(client: TestClient) -> None:
    """Who only reads cannot have labels' serials given out."""
    assert client.post(f"/api/v1/lots/{LOT}/serials", json={"count": 1}).status_code == 401


def _check(digits: str) -> str:
    from foundation.ids import crockford_encode

    value = 0
    for c in digits:
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c)
    return crockford_encode(value.to_bytes(10, "big"))[-1]


def test_a_page_tells_a_name_only_to_who_may_read_it(house: House, client: TestClient) -> None:
    """A consumer reads the name of who agreed; another name only the county; after erasure both pages say that it was erased."""
    import secrets as noise

    from dashboards.i18n import translator
    from dashboards.person_words import persons_of
    from traceability.secrets import Secret

    kit = house.kit
    given = {}
    for number, name, consent in (("N1", "演示农户甲", True), ("N2", "演示农户乙", False)):
        secret = given[number] = Secret("suhe:by", noise.token_bytes(32), name, consent)
        body = kit.body(
            "plant", "sx-coop-02", quantityList=[{"epcClass": kit.lot(number)}], ilmd={"suhe:product": "melon"},
            bizLocation={"id": "urn:suhe:plot:sx-01-g1"}, eventTime="2025-11-22T08:00:00Z", **{"suhe:by": secret.commitment},
        )  # fmt: skip
        house.services.trace.capture_many([replace(kit.sign(body, "sx-coop-02"), secrets=(secret,))])
    assert "演示农户甲" in client.get(f"/t/{house.code('N1')}").text
    # On an English page a Chinese name is marked as Chinese, as every recorded word is.
    assert '<span lang="zh-Hans">演示农户甲</span>' in client.get(f"/t/{house.code('N1')}", headers={"accept-language": "en"}).text
    assert "演示农户乙" not in client.get(f"/t/{house.code('N2')}").text
    events = house.services.trace.lot(kit.lot("N2")).events
    assert list(persons_of(house.services, events, "county", None, translator("zh-Hans")).values()) == ["演示农户乙"]
    for number in given:
        house.services.trace.erase(given[number].commitment, "asked by the person")
    house.services.clock.advance(timedelta(seconds=61))
    for number in given:
        text = client.get(f"/t/{house.code(number)}").text
        assert "姓名已删除" in text
        assert "演示农户" not in text
