"""Gateways of other makers in the demo: each speaks its protocol so that its decoder understands it, and a station repeats itself."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import Any

from ingest.formats import chirpstack, sl651, sparkplug
from ingest.formats import sl651_frames as sl
from ingest.formats.bcd import time_to_bcd
from ingest.formats.decoded import SHANGHAI_MS, Context
from registry.feeds import Feed
from simulators import guests_catalog as who
from simulators.guests import LoRaNetwork, SparkplugNode, Station, Weather

NOW = 1_764_000_000_000
CONTEXT = Context(NOW)


class Line:
    """Stands where a paho client would: it keeps what is published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, body: str | bytes, qos: int) -> None:
        """Keep a message."""
        self.sent.append((topic, body.encode() if isinstance(body, str) else body))

    def will_set(self, topic: str, body: bytes, qos: int) -> None:
        """Take the will."""

    def subscribe(self, topic: str, qos: int) -> None:
        """Take a subscription."""


def test_the_network_passes_on_registered_sensors_and_one_nobody_knows() -> None:
    """Every frame is a ChirpStack uplink with a counter of its own sensor; one in twelve is the stranger's."""
    line: Any = Line()
    network = LoRaNetwork(line, Weather(1))
    for turn in range(24):
        network.say(NOW + turn * 5_000, turn)
    found = [chirpstack.decode(topic, body, CONTEXT) for topic, body in line.sent]
    devices = [d.observed[0].device for d in found]
    assert set(devices) == set(who.LORA_SENSORS) and devices.count(who.LORA_SENSORS[2]) == 2
    assert {o.channel for o in found[0].observed} == {"soilMoisture", "soilTemperature", "batteryVoltage"}
    assert [d.number.number for d in found if d.number and d.observed[0].device == who.LORA_SENSORS[2]] == [1, 2]


def test_the_node_is_born_before_it_speaks_and_again_when_asked() -> None:
    """Nothing is said before the birth; then data by alias, numbered on; a command begins a new birth with number 0."""
    line: Any = Line()
    node = SparkplugNode(line, Weather(1), NOW)
    node.say(NOW, 0)
    assert line.sent == []
    node._connected(line, None, None, SimpleNamespace(is_failure=False), None)
    node.say(NOW, 1)
    node._commanded(line, None, None)  # type: ignore[arg-type]
    kinds = [topic.split("/")[2] for topic, _ in line.sent]
    assert kinds == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA", "DDATA", "NBIRTH", "DBIRTH", "DBIRTH"]
    from ingest.formats.sparkplug_payload import read_payload

    assert [read_payload(body).seq for _, body in line.sent] == [0, 1, 2, 3, 4, 0, 1, 2]
    birth = sparkplug.decode(*line.sent[1], CONTEXT)
    assert {(o.device, o.channel) for o in birth.observed} == {("store-1/room-a", "temperature"), ("store-1/room-a", "humidity")}


def test_a_station_repeats_a_report_until_it_is_confirmed() -> None:
    """A centre that hangs up once gets the same report again; confirmed, the station reports once a minute."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def centre() -> None:
            for answers in (False, True):
                line, _ = server.accept()
                with line:
                    heard.append(line.recv(4096))
                    if answers:
                        frame = sl.parse_frame(heard[-1])
                        line.sendall(sl.confirm(frame, frame.text[:2], NOW, SHANGHAI_MS, stay=True))
                        line.recv(1)

        thread = threading.Thread(target=centre, daemon=True)
        thread.start()
        station = Station("127.0.0.1", server.getsockname()[1], "1A2B", Weather(1))
        try:
            station.say(NOW, 0)
            raise AssertionError("a report that nobody confirmed was taken for sent")
        except OSError:
            pass
        station.say(NOW + 5_000, 1)
        station.say(NOW + 10_000, 2)
        station.close()
        thread.join(5)
    assert len(heard) == 2 and heard[0] == heard[1]
    found = sl651.decode("", heard[0], CONTEXT)
    assert {o.channel for o in found.observed} == {"39", "38"} and found.facts["function"] == "32"
    assert sl.parse_frame(heard[0]).password == "1A2B" and time_to_bcd(NOW, SHANGHAI_MS) in heard[0]


def test_the_catalogue_is_one_the_registry_takes() -> None:
    """Every name means a device behind its feed's own gateway, and one sensor has no name."""
    gateway_of = {d.id: d.gateway for d in who.DEVICES}
    feeds = {f.id: Feed(f.id, f.gateway, f.format, topic=f.topic, station=f.station) for f in who.FEEDS}
    assert all(gateway_of[n.device] == feeds[n.feed].gateway for n in who.NAMES)
    assert set(who.LORA_SENSORS) - {n.name for n in who.NAMES} == {who.LORA_SENSORS[2]}
