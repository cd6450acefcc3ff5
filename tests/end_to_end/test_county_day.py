"""One county day: a first start, every fault made on purpose, a stop and a second start, on both brokers.

The tests of this file share one installation for each broker and run in order: each leaves it healed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from foundation.files import find_program
from tests import servers
from tests.end_to_end.county import County
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("county_day")
READINGS = 3_000_000


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def county(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Yield a started demo."""
    if request.param == "mosquitto" and not find_program("mosquitto"):
        servers.require(lambda: servers.program("mosquitto"))
    made = County(tmp_path_factory.mktemp(request.param), request.param)
    try:
        made.start()
        yield made
    finally:
        made.end()


def test_the_first_start_says_where_it_is_and_which_broker_it_uses(county: County) -> None:
    """One address is printed; the embedded broker is announced, mosquitto is not."""
    wait_until(lambda: f"http://127.0.0.1:{county.port}/" in county.said(), 10)
    assert ("amqtt" in county.said()) is (county.broker == "amqtt")


def test_all_history_comes_in_through_the_real_path(county: County) -> None:
    """Sixty days of readings, the season and three years of prices are in when /readyz says so; nothing was refused."""
    wait_until(lambda: county.status("/readyz") == 200, 300, every=0.5, what=f"ready: {county.json('/readyz')}")
    assert county.metric("suhe_readings_stored_total") >= READINGS
    assert county.metric("suhe_dead_letters_total") == 0
    assert "everything holds" in county.suhe("trace", "verify", "--all")


def test_history_visibly_filled(county: County) -> None:
    """Once all is in, no page speaks of filling any more, and the county's page shows field, prices and lots."""
    page = county.page("/c/321023")
    assert "First start" not in page
    for path in ("field", "lots", "prices"):
        assert county.status(f"/c/321023/{path}") == 200, path
        assert county.status(f"/c/371522/{path}") == 200, path


def test_an_altered_record_is_named_by_verify_and_by_its_page(county: County) -> None:
    """One figure changed in the database turns the lot's page red and makes verify fail with the lot's name; healing mends both."""
    said = county.suhe("demo", "break", "record")
    lot = said.split("lot ")[1].split(")")[0]
    code = str(county.json(f"/api/v1/lots/{lot.removeprefix('urn:suhe:lot:')}")["lot"]["code"])
    assert lot in county.suhe("trace", "verify", "--all", expect=1)
    wait_until(lambda: "verdict bad" in county.page(f"/t/{code}"), 15, what="the trace page turns red")
    county.suhe("demo", "heal")
    wait_until(lambda: 'class="verdict"' in county.page(f"/t/{code}"), 15, what="the trace page is green again")
    assert "everything holds" in county.suhe("trace", "verify", "--all")


def test_a_cut_gateway_shows_and_its_readings_come_later(county: County) -> None:
    """A gateway that is cut shows as late or silent; after healing its messages arrive and no gap stays."""
    county.suhe("demo", "break", "gateway", "by-02-gw")
    row = "by-02-gw"

    def state() -> str:
        page = county.page("/c/321023/field")
        at = page.find(f"<td>{row}</td>")
        at = at if at >= 0 else page.rfind(row)
        return page[at : at + 400]

    wait_until(lambda: "state late" in state() or "state silent" in state(), 30, what="the gateway shows as late")
    county.suhe("demo", "heal")
    wait_until(lambda: "state ok" in state(), 30, what="the gateway is heard again")
    wait_until(lambda: county.metric("suhe_gateway_open_gaps") == 0, 30, what="no gap stays open")


def test_a_killed_broker_is_told_and_nothing_is_lost(county: County) -> None:
    """While the broker is held down every page says so; after healing readings flow again."""
    county.suhe("demo", "break", "broker")
    wait_until(lambda: "message service is down" in county.page("/"), 20, what="the alert")
    before = county.metric("suhe_readings_stored_total")
    county.suhe("demo", "heal")
    wait_until(lambda: "message service is down" not in county.page("/"), 30, what="no alert")
    wait_until(lambda: county.metric("suhe_readings_stored_total") > before, 60, what="readings flow again")


def test_a_market_that_answers_rubbish_does_not_change_the_board(county: County) -> None:
    """The board keeps the last good quotes and says they are stale; the source page says why."""
    county.suhe("demo", "break", "market")
    wait_until(
        lambda: "state quarantined" in county.page("/sources") or "state failing" in county.page("/sources"), 30, what="the source shows"
    )
    wait_until(lambda: "stale" in county.page("/c/371522/prices"), 20, what="the board says stale")
    county.suhe("demo", "heal")
    wait_until(lambda: "state quarantined" not in county.page("/sources") and "state failing" not in county.page("/sources"), 90)


@pytest.mark.parametrize("child", ["ingest-0", "web", "field", "scheduler"])
def test_every_child_can_be_killed_and_comes_back(county: County, child: str) -> None:
    """A child killed outright is running again under another process id."""
    pid = county.children()[child]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: county.children().get(child) not in (None, pid), 20, what=f"{child} is back")
    wait_until(lambda: county.status("/healthz") == 200, 20)


def test_ctrl_c_ends_everything_and_the_next_start_goes_on(county: County) -> None:
    """After Ctrl-C no process of ours is left; a second start serves, keeps what was there and continues."""
    before = county.metric("suhe_readings_stored_total")
    county.interrupt()
    assert county.process is not None
    assert county.process.returncode == 0
    wait_until(lambda: county.processes_left() == [], 5, what="no process is left")
    county.start()
    assert county.metric("suhe_readings_stored_total") >= before
    wait_until(lambda: county.metric("suhe_readings_stored_total") > before, 60, what="live readings go on")
    wait_until(lambda: county.status("/readyz") == 200, 60, what="ready again")
