"""One county day: a first start, every fault made on purpose, a stop and a second start, on both brokers.

The tests of this file share one installation for each broker and run in order: each leaves it healed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from foundation.files import find_program
from suhe.chain_child import anvil_path
from tests import servers
from tests.end_to_end.county import County
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("county_day")
READINGS = 3_000_000
# Breaking something shows within ten seconds on a quiet machine (docs/performance.md); a busy one is given more, for a test
# must not fail for its neighbours' load.
SHOWS_WITHIN = 30


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def county(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Yield a started demo."""
    if request.param == "mosquitto" and not find_program("mosquitto"):
        servers.require(lambda: servers.program("mosquitto"))
    made = County(tmp_path_factory.mktemp(request.param), request.param)
    made.settings["SUHE_ANCHOR_SECONDS"] = "3"  # a demo's thirty would only be waited for
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
    for path in ("field", "lots", "prices", "cold-chain"):
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


LEVELS = ("by-02-p1-level", "by-02-p2-level", "by-02-p3-level")


def gaps_of(county: County, device: str, since_ms: int, until_ms: int) -> list[object]:
    """Return the stretches without a water level longer than one and a half live intervals."""
    query = f"device={device}&channel=water_level&start={since_ms}&end={until_ms}&interval_ms=10000"
    found = county.json(f"/api/v1/readings/gaps?{query}")["items"]
    assert isinstance(found, list)
    return found


def test_a_cut_gateway_shows_and_its_readings_come_later(county: County) -> None:
    """A gateway that is cut shows within ten seconds and leaves a gap; after healing the gap fills from its spool."""
    began = int(time.time() * 1000) - 20_000
    county.suhe("demo", "break", "gateway", "by-02-gw")

    def state() -> str:
        page = county.page("/c/321023/field")
        at = page.find("/gateways/by-02-gw")
        return page[at : at + 120] if at >= 0 else ""

    wait_until(lambda: "state late" in state() or "state silent" in state(), SHOWS_WITHIN, what="the gateway shows as late")
    now = lambda: int(time.time() * 1000)  # noqa: E731
    wait_until(lambda: all(gaps_of(county, d, began, now()) for d in LEVELS), 60, what="each of its ponds has a gap")
    until = now()
    county.suhe("demo", "heal")
    wait_until(lambda: "state ok" in state(), 60, what="the gateway is heard again")
    # A planted drop-out may leave a true gap of its own in one sensor, not in most of them.
    wait_until(lambda: sum(not gaps_of(county, d, began, until) for d in LEVELS) >= 2, 60, what="the gaps are filled")


def test_a_killed_broker_is_told_and_what_was_measured_meanwhile_comes_later(county: County) -> None:
    """While the broker is held down every page says so; after healing the readings of the outage are there."""
    began = int(time.time() * 1000) - 20_000
    county.suhe("demo", "break", "broker")
    wait_until(lambda: "message service is down" in county.page("/"), SHOWS_WITHIN, what="the alert")
    before = county.metric("suhe_readings_stored_total")
    until = int(time.time() * 1000) + 5_000
    county.suhe("demo", "heal")
    wait_until(lambda: "message service is down" not in county.page("/"), 60, what="no alert")
    wait_until(lambda: county.metric("suhe_readings_stored_total") > before, 90, what="readings flow again")
    wait_until(lambda: sum(not gaps_of(county, d, began, until) for d in LEVELS) >= 2, 90, what="nothing of the outage is missing")


def test_a_market_that_answers_rubbish_does_not_change_the_board(county: County) -> None:
    """The board keeps the last good quotes and marks each as stale; the source page says why; healing ends both."""

    def quoted() -> dict[tuple[object, object], tuple[object, object]]:
        rows = county.json("/api/v1/prices/board?county=371522")["items"]
        assert isinstance(rows, list)
        return {(r["product"], r["market"]): (r["mid"], r["valid_date"]) for r in rows if r["source"] == "xinfadi"}

    county.suhe("demo", "break", "market", "xinfadi:units")
    wait_until(
        lambda: "state quarantined" in county.page("/sources") or "state failing" in county.page("/sources"), 30, what="the source shows"
    )
    kept = quoted()
    assert kept
    county.suhe("demo", "break", "market", "xinfadi:html")
    wait_until(lambda: "<b>Stale</b>" in county.page("/c/371522/prices"), 30, what="the board says stale")
    assert quoted() == kept
    county.suhe("demo", "heal")
    wait_until(lambda: "state quarantined" not in county.page("/sources") and "state failing" not in county.page("/sources"), 90)
    wait_until(lambda: "<b>Stale</b>" not in county.page("/c/371522/prices"), 30, what="nothing is stale any more")


def anchored(county: County) -> dict[str, object]:
    """Return how anchoring is."""
    return county.json("/api/v1/anchor/status")


def test_the_log_is_anchored_and_a_broken_chain_is_told_and_made_good(county: County) -> None:
    """Held down, the chain's silence stands on the lot's page and nothing else stops; back, the backlog is anchored; empty, all anew."""
    servers.require(lambda: anvil_path() or servers.program("anvil"))
    if county.broker == "amqtt":
        pytest.skip("the chain does not know which broker is used")
    wait_until(lambda: anchored(county)["condition"] == "fine" and anchored(county)["newest"], 60, what="the first anchor")
    code = county.suhe("trace", "lots", "--codes", "--limit", "1").strip()
    page = county.page(f"/t/{code}")
    assert "A development chain, not an independent anchor." in page
    assert "everything holds" in county.suhe("trace", "anchor", "status", "--check")
    county.suhe("demo", "break", "chain")
    wait_until(lambda: "The chain has not answered since" in county.page(f"/t/{code}"), SHOWS_WITHIN, what="the lot's page says so")
    assert county.status("/readyz") == 200
    before = int(str(anchored(county)["log_size"]))
    wait_until(lambda: int(str(anchored(county)["log_size"])) > before, 90, what="the log goes on without its chain")
    behind = int(str(anchored(county)["log_size"]))
    county.suhe("demo", "heal")
    wait_until(lambda: covers(county, behind), 90, what="the backlog is anchored")
    county.suhe("demo", "break", "chain", "empty")
    wait_until(lambda: int(str(anchored(county)["lost"])) > 0 and covers(county, behind), 90, what="a new contract holds the whole log")
    assert "lost with its chain" in county.page("/anchor")
    assert "everything holds" in county.suhe("trace", "anchor", "status", "--check")


def covers(county: County, size: float) -> bool:
    """Tell whether the log up to `size` is anchored on the chain in use."""
    told = anchored(county)
    newest = told["newest"]
    return told["condition"] == "fine" and isinstance(newest, dict) and newest["size"] >= size


@pytest.mark.parametrize("child", ["ingest-0", "web", "field", "scheduler", "trucks"])
def test_every_child_can_be_killed_and_comes_back(county: County, child: str) -> None:
    """A child killed outright is running again under another process id."""
    pid = county.children()[child]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: county.children().get(child) not in (None, pid), 20, what=f"{child} is back")
    wait_until(lambda: county.status("/healthz") == 200, 20)


def test_ctrl_c_ends_everything_and_the_next_start_goes_on(county: County) -> None:
    """After Ctrl-C no process of ours is left; a second start serves, keeps what was there and continues."""
    before = county.metric("suhe_readings_stored_total")
    chain = anchored(county)
    county.interrupt()
    assert county.process is not None
    assert county.process.returncode == 0
    wait_until(lambda: county.processes_left() == [], 5, what="no process is left")
    county.start()
    assert county.metric("suhe_readings_stored_total") >= before
    wait_until(lambda: county.metric("suhe_readings_stored_total") > before, 60, what="live readings go on")
    wait_until(lambda: county.status("/readyz") == 200, 60, what="ready again")
    if chain["contract"]:
        # The chain's state was saved too: the same contract, nothing lost that was not lost before.
        wait_until(lambda: int(str(anchored(county)["looked_ms"])) > int(str(chain["looked_ms"])), 60, what="the chain was looked at")
        wait_until(lambda: anchored(county)["condition"] == "fine", 60, what="the chain is back")
        assert (anchored(county)["contract"], anchored(county)["lost"]) == (chain["contract"], chain["lost"])
