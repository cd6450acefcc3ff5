"""The gateway SDK: hand readings in, forget about the network.

A reading is on disk when `send` returns, travels at QoS 1, and is deleted only when the county's ingest says it is on *its* disk. A
PUBACK deletes nothing: brokers give it for messages they lose.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from foundation.errors import BadInput
from ingest.payloads import Ack, ReadingIn, decode_ack, encode_up
from ingest.signatures import signer_of
from ingest.spool import Spool
from ingest.topics import ack_topic, up_topic

SESSION_EXPIRY_S = 14 * 24 * 3600
# What may be under way at once. It bounds the broker's and our memory, and what a lost connection sends twice.
MOST_IN_FLIGHT = 64
MOST_BYTES_IN_FLIGHT = 4_000_000
FIRST_RESEND_S = 3.0
# The broker said that nobody listens: ingest is starting, or away.
NOBODY_RESEND_S = 1.0
_NO_MATCHING_SUBSCRIBERS = 0x10
LONGEST_RESEND_S = 60.0
# MQTT 3.1.1 does not say that nobody listens, and such brokers forget: silence is all there is to go by.
LONGEST_RESEND_V311_S = 5.0
KEEPALIVE_S = 30

Event = Callable[[str, dict[str, Any]], None]


class Gateway:
    """One gateway's connection and spool. Thread-safe; `protocol` is 5 (MQTT v5) or 4 (3.1.1, for the embedded broker).

    With `seed`, 32 bytes of an Ed25519 private key, every message is signed as it goes into the spool.
    """

    def __init__(
        self,
        gateway_id: str,
        password: str,
        host: str,
        port: int,
        spool: Path,
        *,
        protocol: int = 5,
        on_event: Event | None = None,
        seed: bytes | None = None,
    ) -> None:
        self._id = gateway_id
        self._address = host, port
        self._v5 = protocol == 5
        self._spool = Spool(spool)
        self._sign = signer_of(seed) if seed is not None else None
        self._listener = on_event
        self._topic, self._ack_topic = up_topic(gateway_id), ack_topic(gateway_id)
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._under_way: dict[int, tuple[float, int]] = {}
        self._bytes = 0
        self._sent_up_to = 0
        self._resend_s = FIRST_RESEND_S
        self._ready = False
        self._stopping = False
        self._sender: threading.Thread | None = None
        self._client = self._make_client(password, protocol)

    def send(self, readings: Sequence[ReadingIn]) -> int:
        """Put one message of readings into the spool, durably, and return its sequence number."""
        return self.send_many([readings])[0]

    def send_many(self, messages: Sequence[Sequence[ReadingIn]]) -> list[int]:
        """Put several messages into the spool in one transaction and return their sequence numbers."""
        given = self._spool.put([functools.partial(encode_up, readings=list(readings), sign=self._sign) for readings in messages])
        with self._wake:
            self._wake.notify_all()
        return given

    def start(self) -> None:
        """Connect, and keep connecting; sending goes on by itself."""
        if self._sender is not None:
            return
        host, port = self._address
        self._client.connect_async(host, port, keepalive=KEEPALIVE_S, **self._connect_options())
        self._client.loop_start()
        self._sender = threading.Thread(target=self._run, name=f"gateway-{self._id}", daemon=True)
        self._sender.start()

    def stop(self) -> None:
        """Leave the network. What is not acknowledged stays in the spool for the next start."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._sender is not None:
            self._sender.join(5)
        self._client.disconnect()
        self._client.loop_stop()
        self._spool.close()

    def pending(self) -> int:
        """Return how many messages are not acknowledged yet."""
        return self._spool.count()

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait until everything is acknowledged; tell whether it was, within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._wake:
            while self._spool.count():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._wake.wait(min(left, 0.5))
        return True

    def _on_event(self, name: str, facts: dict[str, Any]) -> None:
        if self._listener is None:
            return
        try:
            self._listener(name, facts)
        except Exception:  # a listener's error must not end the network thread
            logging.getLogger(__name__).exception("the gateway's listener failed at %s", name)

    def _make_client(self, password: str, protocol: int) -> mqtt.Client:
        version = mqtt.MQTTv5 if protocol == 5 else mqtt.MQTTv311
        # Our own spool holds what is not acknowledged, so the client library need not keep a session of ours on 3.1.1.
        more: dict[str, Any] = {} if self._v5 else {"clean_session": True}
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._id, protocol=version, **more)
        client.username_pw_set(self._id, password)
        client.max_inflight_messages_set(MOST_IN_FLIGHT)
        client.reconnect_delay_set(1, 10)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _connect_options(self) -> dict[str, Any]:
        if not self._v5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        return {"clean_start": False, "properties": properties}

    def _on_connect(self, client: mqtt.Client, _u: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self._on_event("refused", {"why": str(code)})
            return
        client.subscribe(self._ack_topic, qos=1)

    def _on_subscribe(self, _c: mqtt.Client, _u: Any, _mid: int, _codes: Any, _properties: Any) -> None:
        # Only now can an acknowledgement reach us: sending earlier would send everything twice.
        with self._wake:
            self._ready = True
            self._forget_under_way()
            self._wake.notify_all()
        self._on_event("connected", {})

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _flags: Any, code: Any, _properties: Any) -> None:
        with self._wake:
            self._ready = False
        self._on_event("disconnected", {"why": str(code)})

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        # An exception here would end paho's thread without a word, so nothing may leave this function.
        try:
            ack = decode_ack(bytes(message.payload))
        except BadInput as error:
            self._on_event("bad acknowledgement", {"why": str(error)})
            return
        self._settle(ack)

    def _on_publish(self, _c: mqtt.Client, _u: Any, _mid: int, code: Any, _properties: Any) -> None:
        if code.value == _NO_MATCHING_SUBSCRIBERS:
            self._resend_s = min(self._resend_s, NOBODY_RESEND_S)
        elif code.is_failure:
            self._on_event("refused", {"why": str(code)})

    def _settle(self, ack: Ack) -> None:
        for refused in ack.refused:
            self._on_event("message refused", {"seq": refused.seq, "why": refused.why})
        settled = [*ack.acked, *((r.seq, r.seq) for r in ack.refused)]
        try:
            self._spool.delete(settled)
        except Exception as error:  # noqa: BLE001 - the message is resent and acknowledged again
            self._on_event("spool", {"why": str(error)})
            return
        with self._wake:
            for first, last in settled:
                for seq in [s for s in self._under_way if first <= s <= last] if last - first > 256 else range(first, last + 1):
                    gone = self._under_way.pop(seq, None)
                    if gone is not None:
                        self._bytes -= gone[1]
            self._resend_s = FIRST_RESEND_S
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopping and not self._may_send():
                    self._wake.wait(0.5)
                    self._resend_if_old()
                if self._stopping:
                    return
                room = MOST_IN_FLIGHT - len(self._under_way)
                size = MOST_BYTES_IN_FLIGHT - self._bytes
                begin = self._sent_up_to
            for seq, body in self._spool.after(begin, room, size):
                with self._wake:
                    if not self._ready or self._sent_up_to != begin:
                        break
                    self._under_way[seq] = (time.monotonic(), len(body))
                    self._bytes += len(body)
                    self._sent_up_to = begin = seq
                self._client.publish(self._topic, body, qos=1)

    def _may_send(self) -> bool:
        if not self._ready or len(self._under_way) >= MOST_IN_FLIGHT or self._bytes >= MOST_BYTES_IN_FLIGHT:
            return False
        return bool(self._spool.count() > len(self._under_way) and self._spool.after(self._sent_up_to, 1, 1))

    def _resend_if_old(self) -> None:
        if not self._ready or not self._under_way:
            return
        oldest = min(sent for sent, _ in self._under_way.values())
        if time.monotonic() - oldest > self._resend_s:
            self._resend_s = min(self._resend_s * 2, LONGEST_RESEND_S if self._v5 else LONGEST_RESEND_V311_S)
            self._forget_under_way()

    def _forget_under_way(self) -> None:
        """Send everything waiting once more; what arrives twice is acknowledged twice and stored once."""
        self._under_way.clear()
        self._bytes = 0
        self._sent_up_to = 0
