"""The page of one gateway: its loss ledger, its devices, what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from dashboards.i18n import translator
from dashboards.ledger_view import Tally, dropping, drops_lines, gap_lines, tallies
from ingest.losses import BrokerDrops, SeenGap
from tests.dashboards.fakes import BAOYING, SHENXIAN, WITH_GAP, Installation, build_installation

NOW = 1_764_000_000_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo nobody changes."""
    return build_installation(tmp_path_factory.mktemp("gateways"))


@pytest.fixture(scope="module")
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a browser of the whole application."""
    with whole.browser("en") as client:
        yield client


def test_an_open_gap_stands_with_its_numbers(whole: Installation, web: TestClient) -> None:
    """The messages that are missing are counted, and the gap tells its numbers and its state."""
    page = web.get(f"/c/{BAOYING}/gateways/{WITH_GAP}").text
    (row,) = (r for r in re.findall(r"<tr>(.*?)</tr>", page, re.S) if "5–7" in r)
    assert "just seen" in row and "3 missing" in row
    assert "Messages still missing: 3." in page
    tally = tallies(whole.services.readings.ledger(BAOYING))[WITH_GAP]
    assert (tally.missing, tally.lost, tally.expected) == (3, 0, tally.received + 3)


def test_a_gateway_of_another_county_is_none_of_this_one(web: TestClient) -> None:
    """A gateway's page stands in its own county only."""
    assert web.get(f"/c/{SHENXIAN}/gateways/{WITH_GAP}").status_code == 404
    assert web.get(f"/c/{BAOYING}/gateways/no-such").status_code == 404


def test_what_became_of_a_gap_is_told() -> None:
    """Filled after so long, so many that never come, still open since: each in words."""
    t = translator("en")
    gaps = [
        SeenGap("g", 5, 7, NOW - 60_000, NOW - 48_000, 0, 0, fresh=False),
        SeenGap("g/node", 9, 9, NOW - 60_000, NOW - 58_000, 0, 1, fresh=False),
        SeenGap("g", 11, 30, NOW - 3 * 3_600_000, None, 20, 0, fresh=False),
    ]
    lines = gap_lines(gaps, NOW, "en", t)
    assert [(line.numbers, line.state, line.became) for line in lines] == [
        ("5–7", "filled", "filled after 12 s"), ("9", "lost", "1 will never come"), ("11–30", "open", "20 missing, for 3 h"),
    ]  # fmt: skip
    assert Tally().settled and not Tally(lost=1).settled


def test_what_a_broker_threw_away_is_told_and_alarms_for_a_day() -> None:
    """A broker that dropped messages is an alarm; one that tells nothing is not taken for one that lost nothing."""
    t = translator("en")
    well = BrokerDrops("b:1", True, 0, 0, 0, None, NOW - 5_000, "2.0.11", 60)
    bad = BrokerDrops("b:1", True, 7, 7, 0, NOW - 3_600_000, NOW - 5_000, "2.0.11", 60)
    mute = BrokerDrops("b:1", False, 0, 0, 0, None, None, "", None)
    (one,), (two,), (three,) = (drops_lines([d], NOW, "en", t) for d in (well, bad, mute))
    assert ("dropped: 0" in one.text, one.bad) == (True, False)
    assert ("dropped: 7" in two.text, two.bad) == (True, True)
    assert ("does not tell" in three.text, three.bad) == (True, False)
    assert not dropping(bad, NOW + 48 * 3_600_000)
