"""The broker's own count of what it threw away: grows here, whatever the broker's own counter does."""

from __future__ import annotations

import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import paho.mqtt.publish
from paho.mqtt.enums import CallbackAPIVersion

from foundation.clock import SystemClock
from ingest.broker.facts import BrokerWatch, note, note_dropped, note_start
from ingest.catalog import Catalog
from ingest.losses import broker_drops
from tests import servers
from tests.waiting import wait_until

HERE = "127.0.0.1:1"


def test_the_counter_grows_over_restarts_of_the_broker_and_of_ours(tmp_path: Path) -> None:
    """Its first value is where counting begins; an increase while we were away counts; a new start begins at nought."""
    catalog = Catalog(tmp_path)
    assert broker_drops(catalog) == []
    note(catalog, HERE, "watched", "1", 1)
    assert not broker_drops(catalog)[0].told
    note_start(catalog, HERE, 1_000_000, 2_000_000)
    assert note_dropped(catalog, HERE, 40, 2_000_000) == 0
    assert note_dropped(catalog, HERE, 40, 2_000_001) == 0
    assert note_dropped(catalog, HERE, 55, 2_000_002) == 15
    assert not note_start(catalog, HERE, 1_004_000, 2_000_003)
    catalog.close()
    catalog = Catalog(tmp_path)
    assert note_dropped(catalog, HERE, 60, 2_000_004) == 5
    assert note_start(catalog, HERE, 3_000_000, 3_000_100)
    assert note_dropped(catalog, HERE, 70, 3_000_200) == 70
    assert note_dropped(catalog, HERE, 3, 3_000_300) == 3
    (drops,) = broker_drops(catalog)
    assert (drops.told, drops.value, drops.total, drops.restarts, drops.last_increase_ms) == (True, 3, 93, 2, 3_000_300)
    assert drops.started_ms == 3_000_000


def test_a_real_broker_tells_what_it_threw_away(tmp_path: Path) -> None:
    """Mosquitto with a queue of ten: what it drops for an absent session is told within seconds, before and after its restart."""
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker", extra="max_queued_messages 10\nsys_interval 1"))
    assert isinstance(server, servers.Server)
    catalog, stop = Catalog(tmp_path / "readings"), threading.Event()
    watch = BrokerWatch(tmp_path / "readings", SystemClock(), "127.0.0.1", server.port, "", "", 5, stop)
    watch.start()
    with servers.running(server):
        try:
            wait_until(lambda: any(d.told for d in broker_drops(catalog)), 15, what="the counter")
            _overflow(server.port, 25)
            wait_until(lambda: broker_drops(catalog)[0].total > 0, 10, what="drops told")
            assert broker_drops(catalog)[0].version.startswith("mosquitto")
        finally:
            stop.set()
            watch.join(15)


def _overflow(port: int, messages: int) -> None:
    """Publish more to an absent session than its queue takes."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="away", protocol=mqtt.MQTTv311, clean_session=False)
    done = threading.Event()
    client.on_subscribe = lambda *_: done.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("t", 1)
    assert done.wait(5)
    client.disconnect()
    client.loop_stop()
    paho.mqtt.publish.multiple([{"topic": "t", "payload": str(n), "qos": 1} for n in range(messages)], "127.0.0.1", port)
