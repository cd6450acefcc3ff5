"""A Sparkplug edge node on a real broker: paho, a will, births again whenever a host asks for them."""

from __future__ import annotations

import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.formats.sparkplug import REBIRTH
from ingest.formats.sparkplug_payload import read_payload
from tests.ingest.sparkplug_edge import Edge, Message
from tests.waiting import wait_until

CHANNELS = {"Temperature": "water_temperature", "Level": "water_level"}


class LiveEdge:
    """An edge node that is connected; `told` is everything it measured, by (channel, time): what a store must hold in the end."""

    def __init__(self, edge: Edge, port: int, host_id: str) -> None:
        self.edge, self.host_id = edge, host_id
        self.rebirths = 0
        self.states: list[bytes] = []
        self.told: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=edge.node)
        topic, body = edge.death()
        client.will_set(topic, body, qos=1)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._on_message
        self.client = client
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert self._ready.wait(5)

    def birth(self) -> None:
        """Tell every metric."""
        with self._lock:
            self._send(*self.edge.births())

    def data(self, *, lose: bool = False, **values: float) -> None:
        """Send one message of the pond's values; `lose` gives it a number and does not send it."""
        with self._lock:
            message = self.edge.data(**values)
            if not lose:
                self.told.update({(CHANNELS[name], self.edge.now_ms): value for name, value in values.items()})
                self._send(message)

    def cut(self) -> None:
        """Lose the connection, so that the broker tells the will."""
        self.client.loop_stop()
        self.client.socket().close()  # type: ignore[union-attr]

    def leave(self) -> None:
        """Go politely."""
        self.client.disconnect()
        self.client.loop_stop()

    def _send(self, *messages: Message) -> None:
        for topic, body in messages:
            self.client.publish(topic, body, qos=0)

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(f"spBv1.0/{self.edge.group}/NCMD/{self.edge.node}", 1), (f"spBv1.0/STATE/{self.host_id}", 1)])

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        if "/STATE/" in message.topic:
            self.states.append(message.payload)
            return
        (metric,) = read_payload(message.payload).metrics
        assert metric.name == REBIRTH and metric.value is True
        self.rebirths += 1
        threading.Thread(target=self.birth).start()

    def wait_for_rebirth(self, number: int) -> None:
        """Wait until so many births were asked for."""
        wait_until(lambda: self.rebirths >= number, 15, what=f"{number} rebirths")
