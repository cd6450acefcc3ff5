"""The page of one gateway: its loss ledger, its devices, what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from dashboards.alarms import FirstSeen, alarms
from dashboards.api.deps import SESSION_COOKIE
from dashboards.clock_view import link_text
from dashboards.field_view import ForeignGaps, field_view
from dashboards.i18n import translator
from dashboards.ledger_view import Tally, dropping, drops_lines, gap_lines, tallies
from foundation.clock import to_ms
from ingest.catalog import Catalog
from ingest.formats.decoded import Numbered
from ingest.ledger import record
from ingest.links import Link
from ingest.losses import BrokerDrops, SeenGap
from ingest.payloads import ReadingIn, encode_up
from ingest.runs import Noted
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


def test_a_wrong_clock_is_corrected_when_a_person_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A clock six hours slow is proposed on both pages, accepted and taken back by the county's own people, nobody else's."""
    made = build_installation(tmp_path_factory.mktemp("clock"))
    clock, link = made.services.clock, f"/c/{BAOYING}/gateways/by-01-gw"
    for k in range(40):
        clock.instant += timedelta(minutes=10)
        t = to_ms(clock.now()) - 6 * 3_600_000 - 1000
        made.services.readings.accept("by-01-gw", encode_up(20_000 + k, [ReadingIn("by-01-p1-level", "water_level", t, 20.0 + k % 3)]))
    with made.browser("en") as web:
        assert "off by whole hours and waits" in web.get(f"/c/{BAOYING}/field").text
        page = web.get(link).text
        assert "add 6 h" in page and "nothing is changed until then" in page and "Accept</button>" not in page
        (number,) = [p.id for p in made.services.readings.clocks() if p.gateway == "by-01-gw"]
        form = {"clock": str(number), "do": "accept"}
        assert web.post(f"{link}/clock", data=form).status_code == 401
        for name, county in (("sun", SHENXIAN), ("qian", BAOYING)):
            made.services.registry.add_person(name, "county", county)
        web.cookies.set(SESSION_COOKIE, made.services.registry.redeem_link(made.services.registry.make_link("sun")))
        assert web.post(f"{link}/clock", data=form).status_code == 403
        web.cookies.set(SESSION_COOKIE, made.services.registry.redeem_link(made.services.registry.make_link("qian")))
        assert "Accept</button>" in web.get(link).text
        assert web.post(f"{link}/clock", data={**form, "do": "dance"}).status_code == 422
        assert web.post(f"{link}/clock", data=form).status_code == 303
        assert "accepted by qian" in web.get(link).text
        assert web.post(f"{link}/clock", data={**form, "do": "revoke"}).status_code == 303
        assert "taken back by qian" in web.get(link).text


def test_what_a_gateway_says_of_itself_is_told() -> None:
    """Connected or not, what waits there, how its clock is: in words."""
    t = translator("en")
    well = Link("g", True, NOW, NOW, NOW, 0, 0, None, 0)
    ill = Link("g", False, NOW, NOW, NOW, 1200, 90, -240, 3)
    assert link_text(None, "en", t) == []
    assert len(link_text(well, "en", t)) == 1 and "connected" in link_text(well, "en", t)[0]
    said = "; ".join(link_text(ill, "en", t))
    assert "last will" in said and "1,200" in said and "-0.2 s" in said and "given up: 3" in said


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


def test_gaps_of_stations_that_resend_stand_on_the_field_page_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Serial numbers missing from a station that sends again: in the row, the headline and the alarms."""
    folder = tmp_path_factory.mktemp("foreign")
    made = build_installation(folder)
    at = to_ms(made.services.clock.now()) - 60_000
    heard = [(raw, "0012345678", True) for raw in (1, 2, 5, 6, 9)] + [(raw, "node", False) for raw in (1, 4)]
    catalog = Catalog(folder / "readings")
    with catalog.transaction() as db:
        notes = [Noted("by-01-gw", Numbered(stream, raw, 65_536), at, restart=False, resends=resends) for raw, stream, resends in heard]
        record(db, {}, noted=notes, at_ms=at)
    catalog.close()
    view = field_view(made.services, BAOYING, "zh", translator("zh"))
    (row,) = (g for g in view.gateways if g.id == "by-01-gw")
    assert row.foreign == ForeignGaps(2, 4) and not row.gaps and view.gaps == 3
    with made.browser() as web:
        page = web.get(f"/c/{BAOYING}/field").text
    assert "2 处，缺 4 条" in page and "3 处序号缺口。" in page
    with made.browser("en") as web:
        assert "gaps: 2, messages missing: 4" in web.get(f"/c/{BAOYING}/field").text
    told = alarms(made.services, BAOYING, view, "zh", translator("zh"), FirstSeen())
    assert any("的站点缺 4 条消息" in a.text for a in told)
