"""Collecting changes the history only where a source says something new, on both databases."""

from __future__ import annotations

import gzip
import hashlib
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from pricing import store
from pricing.quotes import Window
from pricing.service import Prices
from pricing.sources import SOURCES
from tests.pricing.tables import fingerprints

TODAY = date(2026, 11, 23)


def test_collecting_the_same_answer_twice_changes_nothing(prices: Prices, sites, client: httpx.Client, clock: FixedClock) -> None:
    """Both tables have the same hash after a second run of every source, a minute and a fresh slot later."""
    for source, url in sites.addresses.items():
        report = prices.collect(source, url, Window(TODAY - timedelta(days=20), TODAY - timedelta(days=1)), client)
        assert report.state == "ok", report.why
        assert report.new == report.kept > 0
    before = fingerprints(prices)
    clock.advance(timedelta(minutes=1))
    for source, url in sites.addresses.items():
        report = prices.collect(source, url, Window(TODAY - timedelta(days=20), TODAY - timedelta(days=1)), client)
        assert (report.state, report.changed) == ("ok", 0)
    assert fingerprints(prices) == before


def test_a_revision_appends_and_the_past_can_be_asked_for(prices: Prices, sites, client: httpx.Client, clock: FixedClock) -> None:
    """A corrected price stands; what was known before is still there for whoever asks as of then."""
    url, window = sites.addresses["xinfadi"], Window(TODAY, TODAY)
    prices.collect("xinfadi", url, window, client)
    known_ms = int(clock.now().timestamp() * 1000)
    first = {p: prices.series(p, "xinfadi", TODAY, TODAY)[0].mid for p in prices.products_quoted()}
    clock.advance(timedelta(hours=5))  # the site corrects today's prices through the day
    report = prices.collect("xinfadi", url, window, client)
    assert report.revised > 0
    assert report.new == 0
    now = {p: prices.series(p, "xinfadi", TODAY, TODAY)[0].mid for p in first}
    then = {p: prices.series(p, "xinfadi", TODAY, TODAY, as_of_ms=known_ms)[0].mid for p in first}
    assert now != first
    assert then == first
    with prices.engine.connect() as connection:
        kept = connection.execute(select(func.count()).select_from(store.quote_obs)).scalar_one()
        stands = connection.execute(select(func.count()).select_from(store.quote_current)).scalar_one()
    assert (stands, kept) == (report.kept, report.kept + report.revised)


def test_the_raw_payload_is_kept_by_its_hash(prices: Prices, sites, client: httpx.Client, tmp_path: Path) -> None:
    """What a site sent can be read again byte for byte from the blob folder."""
    prices.collect("xinfadi", sites.addresses["xinfadi"], None, client)
    with prices.engine.connect() as connection:
        rows = connection.execute(select(store.price_payload)).all()
    assert rows
    for row in rows:
        body = gzip.decompress(BlobFolder(tmp_path / "blobs").get(row.blob))
        assert hashlib.sha256(body).hexdigest() == row.sha256
        assert SOURCES["xinfadi"].parse(body, next(iter(SOURCES["xinfadi"].plan(Window(TODAY, TODAY))))).rows


def test_one_slot_is_run_once(prices: Prices, sites, client: httpx.Client) -> None:
    """Of two schedulers with the same slot one asks the site; the other is told it is taken."""
    reports = [prices.collect("xinfadi", sites.addresses["xinfadi"], None, client, slot="round:2026-11-23T08:00") for _ in range(2)]
    assert [r.state for r in reports] == ["ok", "taken"]


def test_history_goes_on_where_it_was(lite_prices: Prices, sites, client: httpx.Client) -> None:
    """Blocks that are done are not asked for again; the most recent comes first and ends today."""
    waiting = lite_prices.history_windows("baoying_lotus", 300)
    assert waiting[0][1].end == TODAY
    assert [w.end for _, w in waiting] == sorted((w.end for _, w in waiting), reverse=True)
    slot, window = waiting[0]
    lite_prices.collect("baoying_lotus", sites.addresses["baoying_lotus"], window, client, kind="history", slot=slot)
    assert lite_prices.history_windows("baoying_lotus", 300) == waiting[1:]


def test_a_row_that_vanishes_is_withdrawn_not_forgotten(lite_prices: Prices, sites, client: httpx.Client) -> None:
    """A quote the site took back no longer stands; its observation stays, followed by a tombstone."""
    url, window = sites.addresses["xinfadi"], Window(TODAY - timedelta(days=1), TODAY - timedelta(days=1))
    report = lite_prices.collect("xinfadi", url, window, client)
    t = store.quote_obs
    with lite_prices.engine.begin() as connection:  # as if the site had once quoted 番茄 a third time
        one = dict(connection.execute(select(t).limit(1)).one()._mapping)
        store.append(connection, [{**one, "ordinal": 1, "mid": one["mid"] + 1, "high": one["high"] + 2}])
    again = lite_prices.collect("xinfadi", url, window, client)
    assert again.withdrawn == 1
    with lite_prices.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(store.quote_current)).scalar_one() == report.kept
        history = connection.execute(select(t.c.status).where(t.c.ordinal == 1).order_by(t.c.observed_ms)).scalars().all()
        assert history == ["quoted", "withdrawn"]


def test_a_round_of_every_source_fills_the_board(lite_prices: Prices, sites, client: httpx.Client) -> None:
    """At least eight markets quote at least twenty products between them, within one recent week."""
    for source, url in sites.addresses.items():
        lite_prices.collect(source, url, None, client)
    rows = lite_prices.board(None, None)
    assert {r.market for r in rows} == {m.id for m in lite_prices.markets()}
    assert len({r.product for r in rows}) >= 20
    assert all(r.low <= r.mid <= r.high and not r.stale and r.age_days == 0 for r in rows if r.valid_date == TODAY)


def test_health_says_never_ok_and_stale(lite_prices: Prices, sites, client: httpx.Client, clock: FixedClock) -> None:
    """A source never asked says so; one silent for more than one and a half of its periods is stale."""
    assert {s.state for s in lite_prices.sources()} == {"never"}
    lite_prices.collect("xinfadi", sites.addresses["xinfadi"], None, client)
    lite_prices.note_next_run("xinfadi", None, 60_000)
    health = {s.id: s for s in lite_prices.sources()}
    assert (health["xinfadi"].state, health["ncpscxx"].state) == ("ok", "never")
    clock.advance(timedelta(minutes=2))
    assert {s.id: s.state for s in lite_prices.sources()}["xinfadi"] == "stale"


def test_a_wished_round_is_told_once(lite_prices: Prices) -> None:
    """Asking for a round leaves a wish that is handed out a single time."""
    lite_prices.ask_round("xinfadi")
    assert lite_prices.asked_rounds() == ["xinfadi"]
    assert lite_prices.asked_rounds() == []


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_can_be_tried_without_storing(lite_prices: Prices, sites, client: httpx.Client, source: str) -> None:
    """Trying a source shows its rows and leaves every table empty."""
    # Taiwan's markets rest on Mondays, and the simulated ones on this one.
    batch = lite_prices.try_source(source, sites.addresses[source], TODAY - timedelta(days=1), client)
    assert batch.quotes
    assert lite_prices.counts() == {"current": 0, "observed": 0, "series": 0}
