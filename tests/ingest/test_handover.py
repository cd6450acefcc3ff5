"""Another number of workers: what the sessions of former ones hold is stored, and no shard is left without a session on the way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.ids import shard_of
from ingest.catalog import Catalog
from ingest.claims import claim_writer
from ingest.mqtt_sessions import client_of, covered, held, hold, shards_of, stranded
from ingest.receiver import SocketReceiver
from ingest.service import Readings
from ingest.topics import SHARDS, up_filter, up_topic
from ingest.worker import run_worker
from tests import servers
from tests.faults.ingest_parts import Directory, message
from tests.ingest.examples import clock
from tests.waiting import wait_until

NAMES = [f"gw-{n:02d}" for n in range(16)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Server]:
    """Run mosquitto."""
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


@contextlib.contextmanager
def worker(folder: Path, broker: servers.Server, number: int, workers: int) -> Iterator[None]:
    """Run one of so many workers in a thread until the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(
        target=run_worker,
        kwargs={
            "host": "127.0.0.1", "port": broker.port, "username": "ingest", "password": "any", "worker_id": str(number),
            "shards": shards_of(number, workers), "workers": workers, "folder": folder, "directory": Directory(), "stop": stop,
        },
    )  # fmt: skip
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def publish(broker: servers.Server, first: int, count: int) -> None:
    """Publish messages of every gateway once each, as senders that keep nothing do."""
    import paho.mqtt.publish

    from ingest.payloads import encode_up

    messages = [
        {"topic": up_topic(name), "payload": encode_up(n + 1, message(name, n, 2)), "qos": 1}
        for n in range(first, first + count)
        for name in NAMES
    ]
    paho.mqtt.publish.multiple(messages, "127.0.0.1", broker.port)


def stored(folder: Path) -> dict[str, int]:
    """Return gateway -> messages on disk, each counted once."""
    return {row.gateway: row.received for row in Readings(folder, clock(), Directory()).ledger()}


def everything(folder: Path, messages: int) -> bool:
    """Tell whether every gateway's messages are on disk."""
    return stored(folder) == dict.fromkeys(NAMES, messages)


def test_three_workers_killed_and_one_started_stores_what_all_three_held(tmp_path: Path, broker: servers.Server) -> None:
    """Sessions of three workers queue; one worker alone stores all of it, ends the other two, and leaves its own shards to itself."""
    folder = tmp_path / "readings"
    with worker(folder, broker, 0, 3), worker(folder, broker, 1, 3), worker(folder, broker, 2, 3):
        catalog = Catalog(folder)
        wait_until(lambda: covered(catalog, f"127.0.0.1:{broker.port}", 3), 10, what="three workers subscribed")
        publish(broker, 0, 5)
        wait_until(lambda: everything(folder, 5), 10, what="five messages of each stored")
    publish(broker, 5, 20)
    with worker(folder, broker, 0, 1):
        wait_until(lambda: everything(folder, 25), 20, what="what three sessions held")
        name = f"127.0.0.1:{broker.port}"
        wait_until(lambda: stranded(catalog, name, 1) == [], 20, what="former sessions ended")
        assert held(catalog, name)[client_of(0)] == {up_filter(s) for s in SHARDS}
        publish(broker, 25, 1)
        wait_until(lambda: everything(folder, 26), 10, what="going on")
    for number in (1, 2):
        again = SocketReceiver("127.0.0.1", broker.port, client_of(number), "", "", ["nothing/here"])
        assert not again.session_present
        again.close(forget=True)


def test_more_workers_leave_no_moment_without_a_session(tmp_path: Path, broker: servers.Server) -> None:
    """A worker goes on collecting for a shard that it gave away until its new owner's session does."""
    folder = tmp_path / "readings"
    name = f"127.0.0.1:{broker.port}"
    with worker(folder, broker, 0, 1):
        catalog = Catalog(folder)
        wait_until(lambda: covered(catalog, name, 1), 10, what="one worker subscribed")
    publish(broker, 0, 3)
    with worker(folder, broker, 0, 2):
        wait_until(lambda: everything(folder, 3), 10, what="what one session held")
        publish(broker, 3, 3)
        wait_until(lambda: everything(folder, 6), 10, what="both halves while the second worker is missing")
        assert not covered(catalog, name, 2)
        with worker(folder, broker, 1, 2):
            wait_until(lambda: held(catalog, name)[client_of(0)] == {up_filter(s) for s in shards_of(0, 2)}, 10, what="the handover")
            publish(broker, 6, 3)
            wait_until(lambda: everything(folder, 9), 10, what="each its own half")


def test_a_session_with_a_feed_waits_for_the_feeds_new_listener(tmp_path: Path) -> None:
    """Shards alone are not enough: what listens to a foreign sender must have moved as well."""
    catalog = Catalog(tmp_path)
    hold(catalog, client_of(0), "b", [up_filter(s) for s in SHARDS], 1)
    assert covered(catalog, "b", 1, [up_filter("3")])
    assert not covered(catalog, "b", 1, [up_filter("3"), "application/#"])
    hold(catalog, client_of(0), "b", [*map(up_filter, SHARDS), "application/#"], 2)
    assert covered(catalog, "b", 1, ["application/#"])


def test_a_worker_that_lives_is_not_taken_over(tmp_path: Path, broker: servers.Server) -> None:
    """Whoever holds the writer's name of a former worker keeps its session, too."""
    folder = tmp_path / "readings"
    name = f"127.0.0.1:{broker.port}"
    catalog = Catalog(folder)
    hold(catalog, client_of(7), name, [up_filter("7")], 1)
    claim = claim_writer(folder, "7")
    other = SocketReceiver("127.0.0.1", broker.port, client_of(7), "", "", [up_filter("7")])
    with worker(folder, broker, 0, 1):
        wait_until(lambda: covered(catalog, name, 1), 10, what="one worker subscribed")
        assert not other.poll(2.0)
        assert stranded(catalog, name, 1) == [7]
    other.close()
    claim.release()


def test_a_segment_a_former_worker_never_named_is_adopted(tmp_path: Path, broker: servers.Server) -> None:
    """Killed between segment and catalogue, then never started again: its rows are taken with its session."""
    from ingest import ledger
    from ingest.batch import Batch
    from ingest.payloads import encode_up
    from ingest.writer import Writer

    folder = tmp_path / "readings"
    writer = Writer(folder, "4", Directory())
    batch = Batch()
    writer.intake.take(up_topic(NAMES[0]), encode_up(1, message(NAMES[0], 0, 2)), 1, batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "record", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            writer.flush(batch)
    writer.close()
    hold(Catalog(folder), client_of(4), f"127.0.0.1:{broker.port}", [up_filter("4")], 1)
    with worker(folder, broker, 0, 1):
        wait_until(lambda: stored(folder) == {NAMES[0]: 1}, 10, what="the segment adopted")


def test_gateways_are_spread_over_the_shards() -> None:
    """The test's gateways have shards of each of three workers, or it would show nothing."""
    assert len({SHARDS.index(shard_of(n)) % 3 for n in NAMES}) == 3
