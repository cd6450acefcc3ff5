"""Of several schedulers one works; who slept through its own replacement finds every door closed."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import select, text

from foundation.clock import FixedClock
from pricing import store
from pricing.lease import Fence, Lease, LeaseLost
from pricing.quotes import Window
from pricing.service import Prices
from tests.pricing.hosts_of_tests import served
from tests.pricing.tables import fingerprints
from tests.pricing.test_politeness import DATA

DAY = date(2026, 11, 22)
WINDOW = Window(DAY, DAY)


def _lease(prices: Prices, clock: FixedClock, holder: str) -> Lease:
    return Lease(prices, clock, "scheduler", holder, 15)


def test_the_number_grows_with_every_change_of_hands_and_never_comes_again(prices: Prices, clock: FixedClock) -> None:
    """Prolonging keeps the number; taking over, giving up and taking again do not."""
    one, two = _lease(prices, clock, "one"), _lease(prices, clock, "two")
    numbers = []
    for _ in range(3):
        assert one.take()
        numbers.append(one.fence.number)
        assert one.take()
        assert one.fence.number == numbers[-1]
        one.give_up()
        assert two.take()
        numbers.append(two.fence.number)
        two.give_up()
    assert numbers == sorted(set(numbers))


def test_a_lease_that_was_lost_is_not_prolonged(prices: Prices, clock: FixedClock) -> None:
    """The one who was replaced may only ask anew, and gets another number if it ever gets it again."""
    one, two = _lease(prices, clock, "one"), _lease(prices, clock, "two")
    assert one.take()
    old = one.fence
    clock.advance(timedelta(seconds=16))
    assert two.take()
    assert not one.prolong()
    assert not one.take()
    clock.advance(timedelta(seconds=16))
    assert one.take()
    assert one.fence.number > two.fence.number > old.number


def test_a_paused_leader_cannot_write(prices: Prices, client: httpx.Client, clock: FixedClock) -> None:
    """A leader that stands still in the middle of a run wakes up to LeaseLost: nothing it fetched is recorded, its successor's run is."""
    leader, follower = _lease(prices, clock, "leader"), _lease(prices, clock, "follower")
    asked, go_on = threading.Event(), threading.Event()

    def answer(_method: str, path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if "page=1" in path and not asked.is_set():
            asked.set()
            go_on.wait(10)
        return 200, {}, DATA

    told: list[BaseException] = []

    def work() -> None:
        try:
            prices.collect("shenxian_origin", host.url, WINDOW, client, slot="round:1", fence=leader.fence)
        except LeaseLost as error:
            told.append(error)

    assert leader.take()
    with served(answer) as host:
        paused = threading.Thread(target=work)
        paused.start()
        assert asked.wait(10)
        assert not follower.take()
        clock.advance(timedelta(seconds=16))
        assert follower.take()
        before = fingerprints(prices)
        report = prices.collect("shenxian_origin", host.url, WINDOW, client, slot="round:2", fence=follower.fence)
        assert report.state == "ok"
        after = fingerprints(prices)
        assert after != before
        go_on.set()
        paused.join(10)
    assert [type(e) for e in told] == [LeaseLost]
    assert fingerprints(prices) == after
    with prices.engine.connect() as connection:
        t = store.price_run.c
        runs = connection.execute(select(t.slot, t.state).order_by(t.slot)).all()
        payloads = connection.execute(select(store.price_payload.c.run_id)).all()
    # The days the dead run had claimed were free at once for whoever took over from it.
    assert [tuple(r) for r in runs] == [("round:1", "failed"), ("round:2", "ok")]
    assert len(payloads) == 1


def test_an_old_number_opens_no_door(prices: Prices, client: httpx.Client, clock: FixedClock) -> None:
    """With yesterday's number not even a run can be claimed, and no site is asked."""
    lease = _lease(prices, clock, "one")
    assert lease.take()
    with served(lambda *_: (200, {}, DATA)) as host:
        for number in (lease.fence.number - 1, lease.fence.number + 1):
            with pytest.raises(LeaseLost):
                prices.collect("shenxian_origin", host.url, WINDOW, client, fence=Fence("scheduler", number))
        with pytest.raises(LeaseLost):
            prices.collect("shenxian_origin", host.url, WINDOW, client, fence=Fence("no such lease", 1))
        assert host.asked == []
        assert prices.collect("shenxian_origin", host.url, WINDOW, client, fence=lease.fence).state == "ok"


def test_on_postgresql_the_lock_ends_with_the_connection(postgres_url: str, tmp_path, clock: FixedClock) -> None:
    """A leader whose connection was cut has lost the lease before its time is over; the next one need not wait for the time."""
    from foundation.blobs import BlobFolder
    from foundation.database import metadata, open_engine

    engine = open_engine(postgres_url)
    metadata.create_all(engine)
    prices = Prices(engine, clock, BlobFolder(tmp_path / "blobs"))
    one, two = _lease(prices, clock, "one"), _lease(prices, clock, "two")
    assert one.take()
    assert not two.take()
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(l.pid, 2000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
            )
        )
    assert two.take()
    assert not one.prolong()
    assert two.prolong()
    one.give_up()
    assert two.prolong()
    two.give_up()
    engine.dispose()
