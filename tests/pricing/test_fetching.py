"""The collector tries again where that helps, waits as long as it is told, says who it is, and never follows a page."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import httpx
import pytest

from foundation.clock import FixedClock
from foundation.database import open_engine
from pricing.fetching import FetchFailed, Payload, Policy, fetch, is_loopback, manners_for, open_client, policy_of
from pricing.hosts import HostBook
from pricing.quotes import Window
from pricing.source import Blocked, Request
from pricing.sources import SOURCES

CLOCK = FixedClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
WINDOW = Window(date(2026, 11, 23), date(2026, 11, 23))
GOOD = b'{"code":0,"data":{"total":0,"page":1,"rows":[]}}'


class _Site(httpx.BaseTransport):
    """A site that gives the answers it was told to give, one after the other."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _fetch(site: _Site, base: str = "http://127.0.0.1:1") -> tuple[int, list[float], list[Payload]]:
    waits: list[float] = []
    kept: list[Payload] = []
    engine = open_engine("sqlite://")
    manners = manners_for(Policy(), HostBook(engine, CLOCK), CLOCK, waits.append, random.Random(1))
    with httpx.Client(transport=site) as client:
        pages = list(fetch(SOURCES["shenxian_origin"], base, WINDOW, client, CLOCK, kept.append, manners))
    return len(pages), waits, kept


def test_overload_and_broken_lines_are_tried_again() -> None:
    """A 502, an empty body and a lost connection cost a try each; every payload received is kept, the empty one too."""
    site = _Site(httpx.Response(502), httpx.Response(200, content=b""), httpx.ConnectError("gone"), httpx.Response(200, content=GOOD))
    pages, waits, kept = _fetch(site)
    assert pages == 1
    assert len(waits) == 3
    assert waits == sorted(waits)
    assert [len(k.body) for k in kept] == [0, len(GOOD)]


def test_retry_after_is_honoured_in_both_forms() -> None:
    """Seconds and dates are waited for; who asks for a longer rest than a run may last gets it: the run ends."""
    when = "Mon, 23 Nov 2026 08:00:07 GMT"
    site = _Site(
        httpx.Response(429, headers={"retry-after": "3"}), httpx.Response(503, headers={"retry-after": when}),
        httpx.Response(200, content=GOOD),
    )  # fmt: skip
    assert _fetch(site)[1] == [3.0, 7.0]
    patient = _Site(httpx.Response(429, headers={"retry-after": "99999"}))
    with pytest.raises(FetchFailed):
        _fetch(patient)
    assert len(patient.asked) == 1


def test_a_site_that_never_answers_is_given_up() -> None:
    """After five tries the run has failed; a refusal is not tried again at all."""
    with pytest.raises(FetchFailed):
        _fetch(_Site(*[httpx.Response(502)] * 5))
    refusing = _Site(httpx.Response(403))
    with pytest.raises(FetchFailed):
        _fetch(refusing)
    assert len(refusing.asked) == 1
    with pytest.raises(Blocked):
        _fetch(_Site(*[httpx.Response(200)] * 5))


def test_a_moved_site_is_not_followed() -> None:
    """A redirect is a change somebody should look at, not an address to trust."""
    with pytest.raises(FetchFailed):
        _fetch(_Site(httpx.Response(302, headers={"location": "http://elsewhere.example/"})))


def test_loopback_is_told_by_its_plain_names_only() -> None:
    """On this machine there is nobody to be polite to; a name that only looks like this machine's is a stranger's."""
    assert is_loopback("http://localhost:1/x")
    assert not is_loopback("http://127.0.0.1.example/x")
    assert policy_of(SOURCES["xinfadi"], "http://127.0.0.1:1") == Policy()
    assert policy_of(SOURCES["xinfadi"], "http://market.example").robots


def test_the_collector_says_who_it_is() -> None:
    """The user agent names us and the contact the operator set; certificates are checked as everywhere."""
    with open_client("office@example.org") as client:
        agent = client.headers["user-agent"]
    assert agent.startswith("suhe-price-collector/")
    assert "office@example.org" in agent


def test_a_request_names_its_path_only() -> None:
    """The address of a site is given by the installation, so a source's requests carry none."""
    for source in SOURCES.values():
        assert all(isinstance(r, Request) and r.path.startswith("/") for r in source.plan(WINDOW))
