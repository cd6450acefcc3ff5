"""A broker's queue overflows on purpose: the broker tells what it threw away, the ledger what is missing, and the gateways fill it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish
import pytest

from ingest.losses import LedgerRow
from ingest.payloads import encode_up
from ingest.topics import up_topic
from tests import servers
from tests.faults.ingest_parts import Field, message
from tests.waiting import wait_until

QUEUE = 100


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Field]:
    """Yield a field whose broker queues a hundred messages for an absent worker and tells every second what it dropped."""
    extra = f"max_queued_messages {QUEUE}\nsys_interval 1"
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker", extra=extra))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        made = Field(tmp_path, server, 5)
        try:
            yield made
        finally:
            for child in made.children:
                child.stop()


def publish(field: Field, gateway: str, first: int, last: int) -> None:
    """Publish messages numbered `first` to `last` as a gateway that goes on whatever it is answered; each holds two readings."""
    messages = [{"topic": up_topic(gateway), "payload": encode_up(n, message(gateway, n - 1, 2)), "qos": 1} for n in range(first, last + 1)]
    paho.mqtt.publish.multiple(messages, "127.0.0.1", field.broker.port)


def listening(field: Field, gateway: str) -> None:
    """Wait until the worker has its session, which message 1 of a gateway shows, and has heard the broker's counter."""

    def stored() -> bool:
        publish(field, gateway, 1, 1)
        return field.count() >= 2

    wait_until(stored, 15, every=0.2, what="the worker's session")
    # Repeats still under way would take places of the queue: what comes behind them shows that they are through.
    publish(field, "gw-behind", 1, 1)
    field.wait_for(4)
    wait_until(lambda: dropped(field) == 0, 15, what="the broker's counter")


def row(field: Field, gateway: str) -> LedgerRow:
    """Return a gateway's row of the ledger."""
    (found,) = [r for r in field.readings.ledger() if r.stream == gateway]
    return found


def dropped(field: Field) -> int:
    """Return how many messages the broker is known to have thrown away, -1 where it has told nothing yet."""
    told = [d for d in field.readings.drops() if d.told]
    return told[0].total if told else -1


def test_overflow_is_told_shown_as_a_gap_and_filled(small: Field) -> None:
    """300 messages to an absent worker: 100 kept, 200 dropped with Success; the gap stands in the ledger until they come again."""
    listening(small, "gw-a")
    small.worker.stop()
    publish(small, "gw-a", 2, 301)
    small.worker.start()
    # A place or two of the queue may be taken by what workers say to each other.
    wait_until(lambda: row(small, "gw-a").received >= QUEUE - 1, 20, what="what the queue held")
    publish(small, "gw-a", 302, 305)
    wait_until(lambda: row(small, "gw-a").last == 305, 10, what="what came later")
    lost = row(small, "gw-a").missing
    assert 300 - QUEUE <= lost <= 302 - QUEUE
    wait_until(lambda: lost <= dropped(small) <= lost + 2, 15, what="the drops")
    wait_until(lambda: row(small, "gw-a").open == 1, 10, what="the gap, counted")
    (gap,) = small.readings.sequence_gaps("gw-a")
    assert (gap.first, gap.last, gap.missing, gap.state) == (302 - lost, 301, lost, "open")
    publish(small, "gw-a", gap.first, gap.last)
    wait_until(lambda: row(small, "gw-a").missing == 0, 20, what="the gap filled")
    told = row(small, "gw-a")
    assert (told.expected, told.received, told.seen, told.filled, told.open, told.lost) == (305, 305, 1, 1, 0, 0)
    small.check("gw-a", 305, 2)


def test_gateways_that_keep_their_spools_lose_nothing_by_it(small: Field) -> None:
    """Four gateways go on while the worker is away and the queue is full many times over: everything arrives, and nothing twice."""
    names, messages, size = [f"gw-{n}" for n in range(4)], 120, 3
    listening(small, "gw-first")
    small.worker.kill()
    gateways = [small.gateway(name) for name in names]
    try:
        for name, gateway in zip(names, gateways, strict=True):
            gateway.send_many([message(name, n, size) for n in range(messages)])
            gateway.start()
        # Sixty-four of each are under way at once: two and a half times the queue.
        wait_until(lambda: all(g.pending() == messages for g in gateways), 5, what="nothing acknowledged")
        wait_until(lambda: _counter(small) > QUEUE, 15, what="drops at the broker")
        small.worker.start()
        for gateway in gateways:
            assert gateway.wait_until_empty(60)
    finally:
        for gateway in gateways:
            gateway.stop()
    wait_until(lambda: dropped(small) > 0, 15, what="the drops told")
    for name in names:
        small.check(name, messages, size)
        told = row(small, name)
        assert (told.expected, told.received, told.missing, told.open, told.lost) == (messages, messages, 0, 0, 0)


def _counter(field: Field) -> int:
    import paho.mqtt.subscribe

    from ingest.broker.facts import DROPPED

    return int(paho.mqtt.subscribe.simple(DROPPED, hostname="127.0.0.1", port=field.broker.port).payload)
