"""One connection to a broker under examination: everything that comes is kept, acknowledged only on request, and it can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from foundation.errors import Unavailable

CONNECT_S = 5.0
ANSWER_S = 10.0


@dataclass(frozen=True)
class Address:
    """A broker's address and how to sign in; `ca` is a file of certificates to trust instead of the system's."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    ca: str = ""


class Line:
    """A connection on MQTT 5 (`level` 5) or 3.1.1 (4). It never reconnects by itself."""

    def __init__(
        self,
        address: Address,
        client_id: str,
        level: int,
        *,
        clean: bool = False,
        expiry_s: int = 3600,
        receive_maximum: int | None = None,
        will: tuple[str, bytes] | None = None,
        sending: int = 10,
    ) -> None:
        """Connect; raise Unavailable where the broker does not answer or refuses.

        `sending` is how many messages of ours may be under way at once, whatever the broker says it takes.
        """
        self.messages: list[mqtt.MQTTMessage] = []
        self.answers: dict[int, int] = {}
        self.session_present = False
        self.told: dict[str, Any] = {}
        self.ended = threading.Event()
        self._news = threading.Condition()
        self._level = level
        self._connected = threading.Event()
        self._refused = ""
        self._subscribed: list[int] | None = None
        more: dict[str, Any] = {} if level == 5 else {"clean_session": clean}
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5 if level == 5 else mqtt.MQTTv311, manual_ack=True,
            reconnect_on_failure=False, **more,
        )  # fmt: skip
        if address.user:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set(ca_certs=address.ca or None)
        if will is not None:
            client.will_set(will[0], will[1], qos=1)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(sending)
        client.on_connect, client.on_message, client.on_publish = self._on_connect, self._on_message, self._on_publish
        client.on_subscribe, client.on_disconnect = self._on_subscribe, self._on_disconnect
        self.client = client
        options: dict[str, Any] = {}
        if level == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = expiry_s
            if receive_maximum is not None:
                properties.ReceiveMaximum = receive_maximum
            options = {"clean_start": clean, "properties": properties}
        try:
            client.connect(address.host, address.port, keepalive=30, **options)
        except (OSError, ValueError) as error:
            raise Unavailable("the broker cannot be reached", got=f"{address.host}:{address.port}: {error}") from error
        client.loop_start()
        if not self._connected.wait(CONNECT_S) or self._refused:
            self._cut()
            raise Unavailable("the broker does not let us in", got=self._refused or f"no answer to a CONNECT of level {level}")

    def subscribe(self, filters: Sequence[str], qos: int = 1) -> list[int]:
        """Subscribe and return the broker's code for each filter."""
        self._subscribed = None
        self.client.subscribe([(f, qos) for f in filters])
        self._wait(lambda: self._subscribed is not None, ANSWER_S)
        return self._subscribed or []

    def publish(self, topic: str, body: bytes, *, retain: bool = False, wait_s: float = ANSWER_S) -> int | None:
        """Publish at QoS 1 and return the reason code of the answer, None where there was none."""
        mid = self.client.publish(topic, body, qos=1, retain=retain).mid
        self._wait(lambda: mid in self.answers, wait_s)
        return self.answers.get(mid)

    def publish_all(self, topic: str, bodies: Sequence[bytes], wait_s: float = 60.0) -> int:
        """Publish many and return how many were answered with Success."""
        mids = [self.client.publish(topic, body, qos=1).mid for body in bodies]
        self._wait(lambda: all(mid in self.answers for mid in mids), wait_s)
        return sum(self.answers.get(mid, 255) < 128 for mid in mids)

    def wait_for(self, count: int, timeout: float) -> int:
        """Wait until so many messages have come and return how many have."""
        self._wait(lambda: len(self.messages) >= count, timeout)
        return len(self.messages)

    def drain(self, most: int, silence_s: float) -> list[bytes]:
        """Acknowledge what comes until `most` have come or none comes for a while, and return the bodies in order."""
        done = 0
        while done < most:
            if self.wait_for(done + 1, silence_s) <= done:
                break
            for message in self.messages[done:]:
                self.acknowledge(message)
                done += 1
        return [bytes(m.payload) for m in self.messages]

    def acknowledge(self, message: mqtt.MQTTMessage) -> None:
        """Tell the broker that a message is kept."""
        self.client.ack(message.mid, message.qos)

    def cut(self) -> None:
        """End the connection as a power cut would: no DISCONNECT."""
        self._cut()

    def leave(self, *, forget: bool = False) -> None:
        """End the connection politely; with `forget` the session goes with it (MQTT 5)."""
        properties = None
        if self._level == 5 and forget:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
        self.client.disconnect(properties=properties)
        self.ended.wait(2.0)
        self.client.loop_stop()

    def _cut(self) -> None:
        sock: Any = self.client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.ended.wait(2.0)
        self.client.loop_stop()

    def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._news:
            while not done() and not self.ended.is_set():
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._news.wait(min(left, 0.5))

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _on_connect(self, _c: mqtt.Client, _u: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            self._refused = str(code)
        self.session_present = bool(flags.session_present)
        self.told = {} if properties is None else dict(properties.json())
        self._connected.set()

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        self.messages.append(message)
        self._tell()

    def _on_publish(self, _c: mqtt.Client, _u: Any, mid: int, code: Any, _properties: Any) -> None:
        self.answers[mid] = int(code.value)
        self._tell()

    def _on_subscribe(self, _c: mqtt.Client, _u: Any, _mid: int, codes: Any, _properties: Any) -> None:
        self._subscribed = [int(code.value) for code in codes]
        self._tell()

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _flags: Any, _code: Any, _properties: Any) -> None:
        self.ended.set()
        self._tell()
