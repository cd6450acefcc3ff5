"""A stranger's site is asked as it wishes to be asked: its robots.txt, its pace, its rest, its own word that nothing is new."""

from __future__ import annotations

import json
import random
import re
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from foundation.clock import FixedClock, to_ms
from pricing.breaker import REST_MS, Breaker
from pricing.fetching import Policy
from pricing.hosts import HostBook
from pricing.politeness import Manners, NotAsked
from pricing.quotes import Window
from pricing.robots import Robots
from pricing.service import Prices
from tests.pricing.hosts_of_tests import Host, served
from tests.pricing.tables import fingerprints

DAY = date(2026, 11, 22)
WINDOW = Window(DAY, DAY)
ROWS = [
    {"date": "20261122", "product": p, "grade": "一级", "town": "燕店", "min": f"{k}.10", "max": f"{k}.50", "unit": "元/斤"}
    for k, p in enumerate(("番茄", "黄瓜", "茄子", "辣椒", "甜瓜"), 1)
]
DATA = json.dumps({"code": 0, "data": {"total": len(ROWS), "page": 1, "rows": ROWS}}, ensure_ascii=False).encode()
STRICT = Policy(backoff_seconds=1.0, daily_bytes=1_000_000, robots=True, breaker=True, validators=True)


class _Waits:
    """A pause that moves the clock instead of waiting, and remembers."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def waits(clock: FixedClock) -> _Waits:
    """Return a pause that costs no time."""
    return _Waits(clock)


def _site(robots: str = "", *, status: int = 200, data: bytes = DATA, validators: dict[str, str] | None = None):
    """Return how a site answers: its robots.txt, and the same data to every question unless it was seen before."""

    def answer(_method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path == "/robots.txt":
            return 200, {}, robots.encode()
        if validators and headers.get("if-none-match") == validators.get("etag"):
            return 304, dict(validators), b""
        return status, dict(validators or {}), data

    return answer


def _collect(prices: Prices, host: Host, client: httpx.Client, waits: _Waits, policy: Policy = STRICT, window: Window = WINDOW):
    return prices.collect("shenxian_origin", host.url, window, client, policy=policy, pause=waits)


def test_robots_are_asked_once_a_day_and_obeyed_by_name_of_the_rule(lite_prices: Prices, client, clock: FixedClock, waits: _Waits) -> None:
    """A forbidden address is not asked at all, the error names the line, and robots.txt itself is asked for once in 24 hours."""
    forbidding = "User-agent: *\nDisallow: /admin\nDisallow: /api/\n"
    with served(_site(forbidding)) as host:
        for _ in range(3):
            report = _collect(lite_prices, host, client, waits)
            assert report.state == "failed"
            assert "line 3: Disallow: /api/" in report.why
        assert host.paths == ["/robots.txt"]
        health = {s.id: s for s in lite_prices.sources()}["shenxian_origin"]
        assert "Disallow: /api/" in health.robots
        clock.advance(timedelta(hours=25))
        _collect(lite_prices, host, client, waits)
        assert host.paths == ["/robots.txt"] * 2


def test_a_rule_for_others_or_for_other_addresses_does_not_concern_us() -> None:
    """Only the group of our own agent, or that for all, and the longest matching rule of it."""
    assert not Robots("User-agent: other\nDisallow: /").forbids("http://x.example/api")
    assert not Robots("User-agent: *\nDisallow: /\nAllow: /api").forbids("http://x.example/api/quotes")
    ours = Robots("User-agent: *\nAllow: /\nUser-agent: suhe-price-collector\nDisallow: /api\nCrawl-delay: 9")
    assert ours.forbids("http://x.example/api") == "line 4: Disallow: /api"
    assert ours.delay_seconds == 9.0
    assert not Robots("\x00<html>no robots at all").forbids("http://x.example/api")


def test_a_robots_file_that_cannot_be_read_for_trouble_forbids_everything(lite_prices: Prices, client, waits: _Waits) -> None:
    """RFC 9309: absent allows, unreachable forbids; an older copy goes on holding."""
    state = {"status": 404}

    def answer(_method: str, path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return (state["status"], {}, b"no") if path == "/robots.txt" else (200, {}, DATA)

    with served(answer) as host:
        state["status"] = 503
        report = _collect(lite_prices, host, client, waits)
        assert "robots.txt cannot be read" in report.why
        assert host.paths == ["/robots.txt"]
        state["status"] = 404
        assert _collect(lite_prices, host, client, waits).state == "ok"
        waits.clock.advance(timedelta(hours=25))
        state["status"] = 503
        assert _collect(lite_prices, host, client, waits).state == "ok"


def test_between_two_requests_lie_the_pause_and_a_random_part(lite_prices: Prices, client, clock: FixedClock, waits: _Waits) -> None:
    """One to three seconds, never twice the same, over runs and sources, and longer where robots.txt asks for it."""
    rng = random.Random(7)
    book = HostBook(lite_prices.engine, clock)
    manners = Manners(Policy(pause_seconds=1.0, jitter_seconds=2.0), book, clock, waits, rng)
    for _ in range(20):
        manners.wait_for_turn("market.example")
    assert len(waits.waits) == 19
    assert all(1.0 <= w <= 3.0 for w in waits.waits)
    assert len({round(w, 2) for w in waits.waits}) > 10
    waits.waits.clear()
    with served(_site("User-agent: *\nCrawl-delay: 8")) as host:
        polite = Policy(pause_seconds=1.0, robots=True)
        for _ in range(2):
            assert _collect(lite_prices, host, client, waits, polite).state == "ok"
        assert waits.waits == [1.0, 8.0]


def test_two_processes_share_one_pace(lite_prices: Prices, clock: FixedClock) -> None:
    """Turns are booked in the records: whoever else asks the host gets the turn after."""
    one, two = HostBook(lite_prices.engine, clock), HostBook(lite_prices.engine, clock)
    assert [one.turn("h", 2.0), two.turn("h", 2.0), one.turn("h", 2.0), two.turn("other", 2.0)] == [0.0, 2.0, 4.0, 0.0]


def test_a_page_that_did_not_change_is_not_sent_again_and_changes_nothing(lite_prices: Prices, client, waits: _Waits) -> None:
    """ETag and Last-Modified go out with the next request, and 304 means our copy: the run is good and appends no row."""
    told = {"etag": '"v1"', "last-modified": "Sun, 22 Nov 2026 00:00:00 GMT"}
    with served(_site(validators=told)) as host:
        assert _collect(lite_prices, host, client, waits).new == len(ROWS)
        before = fingerprints(lite_prices)
        waits.clock.advance(timedelta(hours=1))
        again = _collect(lite_prices, host, client, waits)
        assert (again.state, again.kept, again.changed) == ("ok", len(ROWS), 0)
        assert fingerprints(lite_prices) == before
        _, headers = host.asked[-1]
        assert (headers["if-none-match"], headers["if-modified-since"]) == (told["etag"], told["last-modified"])
        stored, body = lite_prices.payload(again.run_id or 0, 1)
        assert (body, stored.size) == (DATA, len(DATA))


def test_a_304_for_a_copy_that_is_gone_is_never_asked_for(lite_prices: Prices, client, waits: _Waits, tmp_path: Path) -> None:
    """Without the blob there is nothing to take the answer from, so the question carries no ETag."""
    with served(_site(validators={"etag": '"v1"'})) as host:
        _collect(lite_prices, host, client, waits)
        for blob in (tmp_path / "blobs").rglob("*"):
            if blob.is_file():
                blob.unlink()
        assert _collect(lite_prices, host, client, waits).state == "ok"
        assert "if-none-match" not in host.asked[-1][1]


def test_a_host_gives_so_many_bytes_a_day(lite_prices: Prices, client, clock: FixedClock, waits: _Waits) -> None:
    """Once the day's bytes are spent the host is left alone until the next day in Shanghai."""
    small = Policy(daily_bytes=len(DATA))
    with served(_site()) as host:
        assert _collect(lite_prices, host, client, waits, small).state == "ok"
        spent = _collect(lite_prices, host, client, waits, small)
        assert spent.state == "failed"
        assert "enough for today" in spent.why
        assert len(host.asked) == 1
        clock.advance(timedelta(hours=9))  # over midnight in Shanghai, not in UTC
        assert _collect(lite_prices, host, client, waits, small).state == "ok"


def test_after_five_failures_a_host_is_left_alone_for_half_an_hour(prices: Prices, client, clock: FixedClock, waits: _Waits) -> None:
    """Open, then half-open: one failure more opens it again, one answer closes it. It outlives the process."""
    state = {"status": 500}

    def answer(_method: str, _path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return state["status"], {}, DATA

    policy = Policy(breaker=True, backoff_seconds=0.0)
    with served(answer) as host:
        for _ in range(5):
            assert _collect(prices, host, client, waits, policy).state == "failed"
        asked = len(host.asked)
        anew = Prices(prices.engine, clock, prices._blobs)  # another process
        rested = _collect(anew, host, client, waits, policy)
        assert "left alone" in rested.why
        assert len(host.asked) == asked
        assert {s.id: s.breaker for s in anew.sources()}["shenxian_origin"] == "open"
        clock.advance(timedelta(minutes=31))
        assert {s.id: s.breaker for s in anew.sources()}["shenxian_origin"] == "half-open"
        assert _collect(anew, host, client, waits, policy).state == "failed"
        assert len(host.asked) > asked
        assert "left alone" in _collect(anew, host, client, waits, policy).why
        clock.advance(timedelta(minutes=31))
        state["status"] = 200
        assert _collect(anew, host, client, waits, policy).state == "ok"
        assert _collect(anew, host, client, waits, policy).state == "ok"


def test_a_site_that_asks_for_a_long_rest_gets_it(lite_prices: Prices, client, clock: FixedClock, waits: _Waits) -> None:
    """Retry-After of an hour ends the run at once and leaves the host alone for that hour, no failure needed."""
    told = {"headers": {"retry-after": "3600"}, "status": 429}

    def answer(_method: str, _path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return int(str(told["status"])), dict(told["headers"]), DATA  # type: ignore[call-overload]

    policy = Policy(breaker=True)
    with served(answer) as host:
        assert _collect(lite_prices, host, client, waits, policy).state == "failed"
        clock.advance(timedelta(minutes=59))
        assert "left alone" in _collect(lite_prices, host, client, waits, policy).why
        assert len(host.asked) == 1
        told |= {"status": 200, "headers": {}}
        clock.advance(timedelta(minutes=2))
        assert _collect(lite_prices, host, client, waits, policy).state == "ok"


def test_the_breaker_is_a_plain_rule() -> None:
    """Closed below five failures, open for half an hour from the fifth, half-open after it, closed by one answer."""
    breaker = Breaker()
    for _ in range(4):
        breaker = breaker.failed(0)
    assert breaker.state(0) == "closed"
    breaker = breaker.failed(0)
    assert [breaker.state(ms) for ms in (0, REST_MS - 1, REST_MS)] == ["open", "open", "half-open"]
    assert breaker.failed(REST_MS).state(REST_MS + 1) == "open"
    assert breaker.answered().state(0) == "closed"


def test_only_what_passes_is_tried_again(lite_prices: Prices, client, waits: _Waits) -> None:
    """A refusal and a page that is gone cost one request, an overload several, and a word to stop ends the waiting at once."""
    counts = {}
    for status in (403, 404, 451, 500, 503):
        with served(_site(status=status)) as host:
            assert _collect(lite_prices, host, client, waits, Policy()).state == "failed"
            counts[status] = len(host.asked)
    assert counts == {403: 1, 404: 1, 451: 1, 500: 5, 503: 5}
    with served(_site(status=503)) as host:
        report = lite_prices.collect("shenxian_origin", host.url, WINDOW, client, policy=Policy(), pause=lambda _seconds: True)
        assert "told to stop" in report.why
        assert len(host.asked) == 1


def test_a_word_to_stop_is_no_fault_of_the_site(lite_prices: Prices, client, waits: _Waits) -> None:
    """Its health is what it was, and its breaker counts nothing."""
    with served(_site()) as host:
        assert _collect(lite_prices, host, client, waits).state == "ok"
        before = {s.id: s for s in lite_prices.sources()}["shenxian_origin"]
    with served(_site(status=503)) as host:
        lite_prices.collect("shenxian_origin", host.url, WINDOW, client, policy=Policy(breaker=True), pause=lambda _seconds: True)
    assert {s.id: s for s in lite_prices.sources()}["shenxian_origin"].state == before.state == "ok"


def test_loopback_is_owed_nothing(lite_prices: Prices, client, waits: _Waits) -> None:
    """On this machine no robots.txt is asked for, nothing is waited for and nothing is kept of the host."""
    with served(_site("User-agent: *\nDisallow: /")) as host:
        report = lite_prices.collect("shenxian_origin", host.url, WINDOW, client, pause=waits)
        assert report.state == "ok"
        assert host.paths == ["/api/quotes"]
        assert waits.waits == []
    assert HostBook(lite_prices.engine, waits.clock).states() == {}


def test_manners_hold_before_anything_is_asked(lite_prices: Prices, clock: FixedClock, waits: _Waits) -> None:
    """A host whose breaker is open raises at the door."""
    book = HostBook(lite_prices.engine, clock)
    book.failed("h", 600.0)
    manners = Manners(Policy(breaker=True), book, clock, waits, random.Random(1))
    with pytest.raises(NotAsked, match="wait 10 min"):
        manners.may_ask("h")
    assert book.state("h").breaker.open_until_ms == to_ms(clock.now()) + 600_000


def test_certificates_are_checked_everywhere() -> None:
    """Nowhere in the program or its tests is the check of certificates switched off."""
    root = Path(__file__).parents[2]
    off = re.compile(r"verify\s*=\s*(False|0)\b|CERT_" + r"NONE|check_hostname\s*=\s*False|_create_unverified")
    found = [
        str(path.relative_to(root))
        for folder in ("agronomy", "bench", "dashboards", "foundation", "ingest", "logistics", "pricing", "registry", "simulators", "suhe",
                       "tests", "traceability")
        for path in (root / folder).rglob("*.py")
        if "node_modules" not in path.parts and path != Path(__file__) and off.search(path.read_text("utf-8"))
    ]  # fmt: skip
    assert found == []
