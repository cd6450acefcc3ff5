"""The same receiver on paho-mqtt: for MQTT 3.1.1 brokers, the embedded one among them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from foundation.errors import Unavailable
from ingest.receiver import CONNECT_S, KEEPALIVE_S, Message, Presence
from ingest.topics import PREFIX

# The embedded broker sends everything it has at once; what waits here is bounded by the gateways' own windows.
MOST_AT_ONCE = 2000


class PahoReceiver:
    """MQTT 3.1.1 with manual acknowledgement. The session is clean: such brokers lose sessions anyway, and gateways resend."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        username: str,
        password: str,
        filters: Sequence[str],
        presence: Presence | None = None,
    ) -> None:
        self._presence = presence
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._subscribed = threading.Event()
        self._lost = ""
        self._filters = [(f, 1) for f in [*filters, *([presence.topic] if presence is not None else [])]]
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, clean_session=True, manual_ack=True,
            reconnect_on_failure=False,
        )  # fmt: skip
        if username:
            client.username_pw_set(username, password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if presence is not None:
            client.will_set(presence.topic, presence.gone, qos=1, retain=True)
        self._client = client
        try:
            client.connect(host, port, keepalive=KEEPALIVE_S)
        except OSError as error:
            raise Unavailable("the broker cannot be reached", got=f"{host}:{port}: {error}") from error
        client.loop_start()
        if not self._subscribed.wait(CONNECT_S):
            client.loop_stop()
            raise Unavailable("the broker does not let ingest in", got=self._lost or "no answer")
        if presence is not None:
            client.publish(presence.topic, presence.here, qos=1, retain=True)

    def poll(self, seconds: float) -> Sequence[Message]:
        """See `Receiver.poll`."""
        found: list[Message] = []
        try:
            found.append(self._queue.get(timeout=seconds))
            while len(found) < MOST_AT_ONCE:
                found.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        if not found and self._lost:
            raise Unavailable("the connection to the broker is lost", got=self._lost)
        return found

    def acknowledge(self, tokens: Sequence[Any]) -> None:
        """See `Receiver.acknowledge`."""
        for mid, qos in tokens:
            self._client.ack(mid, qos)

    def publish(self, topic: str, body: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """See `Receiver.publish`. At QoS 1 unless told otherwise, because this broker gives no other sign of life."""
        self._client.publish(topic, body, qos=qos, retain=retain)

    def change(self, add: Sequence[str], drop: Sequence[str]) -> None:
        """See `Receiver.change`."""
        if add:
            self._client.subscribe([(f, 1) for f in add])
        if drop:
            self._client.unsubscribe(list(drop))

    def close(self) -> None:
        """See `Receiver.close`."""
        if self._presence is not None and not self._lost:
            with suppress(RuntimeError, ValueError):
                self._client.publish(self._presence.topic, self._presence.left(), qos=1, retain=True).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, _u: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self._lost = str(code)
            return
        client.subscribe(self._filters)

    def _on_subscribe(self, _c: mqtt.Client, _u: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self._lost = f"a subscription is refused: {refused[0]}"
        else:
            self._subscribed.set()

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._lost = str(code)

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        # Nothing here can raise: an exception would end paho's thread without a word.
        if message.retain and not message.topic.startswith(f"{PREFIX}/"):
            # What a foreign sender left retained was told before and is no new reading.
            self._client.ack(message.mid, message.qos)
            return
        self._queue.put((message.topic, bytes(message.payload), (message.mid, message.qos)))
