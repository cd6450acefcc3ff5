"""Whatever happens to a site, to the line or to us, the board shows yesterday's prices as old, never a wrong one as new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing import store
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.quotes import Window
from pricing.service import Prices
from simulators.markets import run_markets
from tests.faults.tampering import ALTERATIONS, Tampered, doubled
from tests.pricing.hosts_of_tests import served
from tests.pricing.tables import fingerprints
from tests.pricing.test_politeness import DATA
from tests.waiting import wait_until

assert pricing.store
TODAY = date(2026, 11, 23)
SOURCES = ("xinfadi", "shenxian_origin", "baoying_lotus", "ncpscxx")


def _no_wait(_seconds: float) -> None:
    return None


@pytest.fixture
def clock() -> FixedClock:
    """Return a clock at 16:00 on 2026-11-23 in Shanghai."""
    return FixedClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))


@pytest.fixture
def addresses(tmp_path: Path, clock: FixedClock) -> Iterator[dict[str, str]]:
    """Yield where the sites are."""
    stop = threading.Event()
    serve = threading.Thread(target=run_markets, args=(0, tmp_path, stop), kwargs={"clock": clock, "quirks": False})
    serve.start()
    told = tmp_path / "simulator" / "markets.json"
    wait_until(told.exists, 10)
    yield json.loads(told.read_text())
    stop.set()
    serve.join(10)


def _prices(url: str, tmp_path: Path, clock: FixedClock) -> Prices:
    engine = open_engine(url)
    metadata.create_all(engine)
    return Prices(engine, clock, BlobFolder(tmp_path / "blobs"))


@pytest.fixture
def prices(tmp_path: Path, clock: FixedClock) -> Iterator[Prices]:
    """Yield prices on an empty SQLite."""
    found = _prices(f"sqlite:///{tmp_path / 'prices.db'}", tmp_path, clock)
    yield found
    found.engine.dispose()


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_site_becomes_never_reaches_the_board(source: str, prices: Prices, addresses: dict[str, str], clock: FixedClock) -> None:
    """Another language, a block page, half a page, other columns, other units: no row changes, the rows turn stale, then all is well."""
    line = Tampered()
    with httpx.Client(transport=line) as client:
        assert prices.collect(source, addresses[source], Window(TODAY - timedelta(days=20), TODAY), client).state == "ok"
        before, board = fingerprints(prices), {(r.product, r.market): r.mid for r in prices.board(None, None)}
        seen = {}
        for name, alter in ALTERATIONS.items():
            line.alter = alter
            clock.advance(timedelta(minutes=1))
            report = prices.collect(source, addresses[source], None, client, pause=_no_wait)
            seen[name] = report.state
            assert fingerprints(prices) == before, name
            rows = prices.board(None, None)
            assert {(r.product, r.market): r.mid for r in rows} == board
            assert all(r.stale for r in rows), name
        assert set(seen.values()) == {"quarantined"}, seen
        assert {b.run_id for b in prices.held_batches() if b.is_open} == {b.run_id for b in prices.held_batches()}
        line.alter = None
        clock.advance(timedelta(minutes=1))
        assert prices.collect(source, addresses[source], None, client).state == "ok"
        assert not any(r.stale for r in prices.board(None, None))
        # The good answer told these days: nobody need look at what came before it.
        assert {b.decision for b in prices.held_batches()} == {"overtaken"}
        assert {s.id: s.quarantined for s in prices.sources()}[source] == 0


def test_another_language_is_seen_where_most_names_mean_nothing_to_us(prices: Prices, tmp_path: Path, clock: FixedClock) -> None:
    """Of a source most of whose crops are not ours the names themselves tell it: what was never said before is not believed."""
    stop = threading.Event()
    options = {"clock": clock, "quirks": False, "every": True}
    serve = threading.Thread(target=run_markets, args=(0, tmp_path / "all", stop), kwargs=options)
    serve.start()
    told = tmp_path / "all" / "simulator" / "markets.json"
    wait_until(told.exists, 10)
    url = json.loads(told.read_text())["amis"]
    line = Tampered()
    with httpx.Client(transport=line) as client:
        assert prices.collect("amis", url, Window(TODAY - timedelta(days=6), TODAY), client).state == "ok"
        before = fingerprints(prices)
        line.alter = ALTERATIONS["language"]
        report = prices.collect("amis", url, None, client, pause=_no_wait)
        assert report.state == "quarantined", report
        assert "never used here" in report.why
        assert fingerprints(prices) == before
    stop.set()
    serve.join(10)


def test_a_body_that_breaks_off_is_no_answer(prices: Prices, clock: FixedClock) -> None:
    """A line that ends before the promised length is tried again and then a failure; nothing of the half is read."""

    def answer(_method: str, _path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return 200, {"content-length": str(len(DATA)), "connection": "close"}, DATA[: len(DATA) // 2]

    with served(answer) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        report = prices.collect("shenxian_origin", host.url, Window(TODAY, TODAY), client, pause=_no_wait)
    assert (report.state, report.received) == ("failed", 0)
    assert "RemoteProtocolError" in report.why
    assert prices.counts()["observed"] == 0


class _FullDisk(BlobFolder):
    """A folder into which nothing more goes."""

    def put(self, content: bytes) -> str:
        """Fail as a full disk does."""
        raise OSError(28, "No space left on device")


def test_a_full_disk_keeps_no_days_from_the_next_run(prices: Prices, clock: FixedClock, tmp_path: Path) -> None:
    """What cannot be kept is not recorded; the fault is told as ours, and the next run may ask for the same days at once."""
    body = DATA.replace(b"20261122", b"20261123")
    full = Prices(prices.engine, clock, _FullDisk(tmp_path / "blobs"))
    with served(lambda *_: (200, {}, body)) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        with pytest.raises(OSError, match="No space"):
            full.collect("shenxian_origin", host.url, None, client, slot="round:1")
        assert prices.counts()["observed"] == 0
        assert prices.collect("shenxian_origin", host.url, None, client, slot="round:1").state == "ok"


def test_a_batch_in_quarantine_is_looked_at_and_believed(prices: Prices, addresses: dict[str, str], clock: FixedClock) -> None:
    """What was promised and what came, the signal, the rows and the raw answer are there; accepted, it stands like any other."""
    line = Tampered()
    window = Window(TODAY - timedelta(days=20), TODAY)
    with httpx.Client(transport=line) as client:
        assert prices.collect("xinfadi", addresses["xinfadi"], window, client).state == "ok"
        before = fingerprints(prices)
        line.alter = doubled
        clock.advance(timedelta(minutes=1))
        report = prices.collect("xinfadi", addresses["xinfadi"], None, client, pause=_no_wait)
        assert report.run_id is not None
        held = prices.held_batch(report.run_id)
        (found,) = [f for f in held.batch.findings if f.fatal]
        assert (found.signal, found.came) == ("e", "2.00")
        assert held.quotes
        assert not held.unreadable
        stored, body = prices.payload(report.run_id, held.payloads[0].number)
        assert (stored.sha256, stored.open) == (held.payloads[0].sha256, False)
        assert body.startswith(b"{")
        known_ms = int(clock.now().timestamp() * 1000)
        clock.advance(timedelta(minutes=1))
        told = prices.accept_batch(report.run_id, "li")
        assert (told.state, told.revised) == ("ok", report.kept)
        assert fingerprints(prices) != before
        tomato = prices.series("tomato", "xinfadi", TODAY, TODAY)[0].mid
        assert tomato == pytest.approx(2 * prices.series("tomato", "xinfadi", TODAY, TODAY, as_of_ms=known_ms)[0].mid, rel=0.01)
        assert not any(r.stale for r in prices.board(None, None))
        (batch,) = prices.held_batches()
        assert (batch.decision, batch.decided_by, batch.is_open) == ("accepted", "li", False)
        with pytest.raises(Exception, match="decided"):
            prices.accept_batch(report.run_id, "wang")
        # From now on this is how the source looks: the same answer again changes nothing.
        clock.advance(timedelta(minutes=1))
        again = prices.collect("xinfadi", addresses["xinfadi"], None, client, pause=_no_wait)
        assert (again.state, again.changed) == ("ok", 0)


def test_a_batch_is_left_or_comes_too_late(prices: Prices, addresses: dict[str, str], clock: FixedClock) -> None:
    """Left, it asks nobody any more; one whose days a later good answer told cannot be believed any more; a page for people never."""
    line = Tampered()
    with httpx.Client(transport=line) as client:
        assert prices.collect("xinfadi", addresses["xinfadi"], Window(TODAY - timedelta(days=20), TODAY), client).state == "ok"
        runs = []
        for name in ("units", "units", "block page"):
            line.alter = ALTERATIONS[name]
            clock.advance(timedelta(minutes=1))
            runs.append(prices.collect("xinfadi", addresses["xinfadi"], None, client, pause=_no_wait).run_id or 0)
        prices.leave_batch(runs[0], "li")
        assert {b.run_id: b.decision for b in prices.held_batches()} == {runs[0]: "left", runs[1]: "", runs[2]: ""}
        assert "page" in prices.held_batch(runs[2]).unreadable
        with pytest.raises(Exception, match="page"):
            prices.accept_batch(runs[2], "li")
        line.alter = None
        clock.advance(timedelta(minutes=1))
        assert prices.collect("xinfadi", addresses["xinfadi"], None, client).state == "ok"
        before = fingerprints(prices)
        with pytest.raises(Exception, match="newer good answers"):
            prices.accept_batch(runs[1], "li")
        assert fingerprints(prices) == before


@pytest.mark.parametrize(
    ("engine", "point", "survives"),
    [("sqlite", "quote_current", False), ("sqlite", "INSERT INTO price_payload", False), ("postgresql", "quote_current", False),
     ("sqlite", "no such statement", True)],
)  # fmt: skip
def test_a_kill_in_the_middle_leaves_the_old_state_or_the_new(
    engine: str, point: str, survives: bool, addresses: dict[str, str], clock: FixedClock, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A collector of its own process is killed while it records: nothing of its batch is there, or all of it, and the next run goes on."""
    url = request.getfixturevalue("postgres_url") if engine == "postgresql" else f"sqlite:///{tmp_path / 'killed.db'}"
    prices = _prices(url, tmp_path, clock)
    window = Window(TODAY, TODAY)
    with open_client(allow=LOOPBACK_HOSTS) as client:
        assert prices.collect("xinfadi", addresses["xinfadi"], window, client).state == "ok"
        old = fingerprints(prices)
        clock.advance(timedelta(hours=5))  # the site corrects its prices through the day
        undisturbed = _undisturbed(addresses["xinfadi"], window, client, tmp_path, clock)
        arguments = [url, str(tmp_path / "blobs"), addresses["xinfadi"], clock.now().isoformat(), TODAY.isoformat(), point]
        child = subprocess.Popen([sys.executable, "-m", "tests.faults.price_child", *arguments], stdout=subprocess.PIPE, text=True,
                                 cwd=Path(__file__).parents[2], env=os.environ | {"TZ": "UTC"})  # fmt: skip
        assert child.stdout is not None
        said = child.stdout.readline().strip()
        child.kill()
        child.wait(10)
        assert said == ("ok" if survives else "here")
        assert (fingerprints(prices) == old) != survives
        t = store.price_run.c
        with prices.engine.connect() as connection:
            state = connection.execute(select(t.state).where(t.slot == "round:killed")).scalar_one()
        assert state == ("ok" if survives else "running")
        # Its claim holds the days for an hour, then the same slot can be run again.
        assert prices.collect("xinfadi", addresses["xinfadi"], window, client, slot="round:killed").state == "taken"
        clock.advance(timedelta(minutes=61))
        again = prices.collect("xinfadi", addresses["xinfadi"], window, client, slot="round:killed")
        assert again.state == ("taken" if survives else "ok")
        assert survives or again.revised > 0
        if not survives:
            undisturbed = _undisturbed(addresses["xinfadi"], window, client, tmp_path, clock)
        assert {(r.product, r.mid, r.quotes) for r in prices.board(None, None)} == undisturbed
    prices.engine.dispose()


def _undisturbed(site: str, window: Window, client: httpx.Client, tmp_path: Path, clock: FixedClock) -> set[tuple[str, int, int]]:
    """Return what the board shows where nothing was killed."""
    prices = _prices(f"sqlite:///{tmp_path / f'{clock.now():%H%M}.db'}", tmp_path, clock)
    prices.collect("xinfadi", site, window, client)
    found = {(r.product, r.mid, r.quotes) for r in prices.board(None, None)}
    prices.engine.dispose()
    return found


@pytest.mark.parametrize(
    ("utc", "day"),
    [("2026-11-22 15:59", date(2026, 11, 22)), ("2026-11-22 16:00", date(2026, 11, 23)), ("2026-11-22 22:00", date(2026, 11, 23)),
     ("2026-11-22 23:30", date(2026, 11, 23)), ("2026-11-23 00:00", date(2026, 11, 23)), ("2026-12-31 16:00", date(2027, 1, 1))],
)  # fmt: skip
def test_days_are_shanghais_in_a_container_in_utc(utc: str, day: date, prices: Prices, clock: FixedClock) -> None:
    """At six in the morning in Shanghai it is today there, whatever day the machine has; windows, budgets and rereads all say so."""
    clock.instant = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert prices.round_window().end == day
    assert prices.all_history_windows()[0][1].end == day
    assert prices.reread_windows("xinfadi", 7) == [Window(day - timedelta(days=6), day)]
    asked: list[str] = []

    def answer(_method: str, path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, b'{"code":0,"data":{"total":0,"page":1,"rows":[]}}'

    with served(answer) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        prices.collect("shenxian_origin", host.url, None, client)
    assert f"end={day:%Y%m%d}" in asked[0]


def test_a_reread_asks_for_no_more_days_than_a_source_answers_for(prices: Prices) -> None:
    """Thirty-five days of a source that takes ten at a time are four questions that together are the thirty-five, no day twice."""
    from dataclasses import replace

    from pricing.sources import SOURCES as TABLE

    whole = TABLE["xinfadi"]
    TABLE["xinfadi"] = replace(whole, longest_window_days=10)
    try:
        windows = prices.reread_windows("xinfadi", 35)
    finally:
        TABLE["xinfadi"] = whole
    days = [w.start + timedelta(days=k) for w in windows for k in range(w.days)]
    assert max(w.days for w in windows) == 10
    assert sorted(days) == [TODAY - timedelta(days=k) for k in reversed(range(35))]
    assert windows[0].end == TODAY


def test_spring_festival_is_not_an_outage(prices: Prices, clock: FixedClock) -> None:
    """Closed markets answer with nothing and nobody is alarmed; the price on the board still says how old it is."""
    empty = b'{"code":0,"data":{"total":0,"page":1,"rows":[]}}'
    state = {"body": DATA.replace(b"20261122", b"20260214")}
    with served(lambda *_: (200, {}, state["body"])) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        clock.instant = datetime(2026, 2, 15, 0, 0, tzinfo=UTC)  # the day before the eve
        assert prices.collect("shenxian_origin", host.url, None, client).state == "ok"
        prices.note_next_run("shenxian_origin", None, 86_400_000)
        state["body"] = empty
        clock.instant = datetime(2026, 2, 18, 2, 0, tzinfo=UTC)
        closed = prices.collect("shenxian_origin", host.url, None, client)
        assert (closed.state, closed.warnings) == ("ok", ())
        (row,) = [r for r in prices.board(None, None) if r.product == "tomato"]
        assert (row.age_days, row.stale, row.valid_date) == (4, True, date(2026, 2, 14))
        # Nobody asked since, as over a holiday with the machine switched off: silence in a closure is no silence.
        clock.instant = datetime(2026, 2, 23, 12, 0, tzinfo=UTC)
        assert prices.silent_sources() == []
        assert {s.id: s.state for s in prices.sources()}["shenxian_origin"] == "ok"
        clock.instant = datetime(2026, 2, 25, 12, 0, tzinfo=UTC)
        assert [s.id for s in prices.silent_sources()] == ["shenxian_origin"]
        # After the festival the same empty answer is an outage.
        assert prices.collect("shenxian_origin", host.url, Window(date(2026, 2, 24), date(2026, 2, 25)), client).state == "quarantined"


def test_a_source_is_silent_after_one_and_a_half_of_its_periods(prices: Prices, clock: FixedClock) -> None:
    """Whatever the reason: it is told with how long it has been silent, also one that never answered at all."""
    good = DATA.replace(b"20261122", b"20261123")
    state: dict[str, object] = {"status": 200}
    with served(lambda *_: (int(str(state["status"])), {}, good)) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        prices.note_next_run("shenxian_origin", None, 86_400_000)
        prices.note_next_run("xinfadi", None, 86_400_000)
        assert prices.silent_sources() == []
        assert prices.collect("shenxian_origin", host.url, None, client).state == "ok"
        state["status"] = 403
        assert prices.collect("xinfadi", host.url, None, client).state == "failed"
        clock.advance(timedelta(hours=35))
        assert prices.silent_sources() == []
        prices.collect("shenxian_origin", host.url, None, client)
        clock.advance(timedelta(hours=2))
        silent = {s.id: s for s in prices.silent_sources()}
    assert set(silent) == {"shenxian_origin", "xinfadi"}
    assert silent["shenxian_origin"].silent_ms == 37 * 3_600_000
    assert silent["xinfadi"].last_success_ms is None
    assert "refused" in silent["xinfadi"].why
