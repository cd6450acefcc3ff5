"""The gateway SDK: hand readings in, forget about the network. It needs paho-mqtt and the standard library.

A reading is on disk when `send` returns, travels at QoS 1, and is deleted only when the county's ingest says it is on *its* disk. A
PUBACK deletes nothing: brokers give it for messages they lose.
"""

from __future__ import annotations

import functools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from foundation.errors import BadInput
from ingest.messages import MOST_READINGS, Acknowledged, AnyReading, Encoder, Reading, decode_acknowledgement, signer_of
from ingest.spool import MOST_BYTES, Spool
from ingest.states import State, encode_state
from ingest.topics import ack_topic, state_topic, up_topic

__all__ = ["Gateway", "Reading", "State", "Tls"]

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
# A thousand gateways that lost one broker must not come back in one second.
FIRST_RECONNECT_S, LONGEST_RECONNECT_S = (0.7, 1.3), (8.0, 12.0)
STATE_EVERY_S = 60.0
BATCH_READINGS, BATCH_S = 100, 1.0
# Before the spool is looked at again that could not be read.
AFTER_ERROR_S = 1.0
_OFFSETS = 15

Event = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Tls:
    """TLS to the broker: the file of the authority that signed its certificate (None: the system's), and a certificate of our own."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Gateway:
    """One gateway's connection and spool. Thread-safe; `protocol` is 5 (MQTT v5) or 4 (3.1.1, for the embedded broker).

    With `seed`, 32 bytes of an Ed25519 private key, every message is signed as it goes into the spool; that needs PyNaCl. A spool that
    would grow above `spool_bytes` gives up every second message of its older half and says so, here and to the county.
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
        tls: Tls | None = None,
        spool_bytes: int = MOST_BYTES,
        batch_readings: int = BATCH_READINGS,
        batch_s: float = BATCH_S,
    ) -> None:
        self._id = gateway_id
        self._address = host, port
        self._v5 = protocol == 5
        self._spool = Spool(spool, spool_bytes)
        self._encoder = Encoder(signer_of(seed) if seed is not None else None)
        self._listener = on_event
        self._topic, self._ack_topic, self._state_topic = up_topic(gateway_id), ack_topic(gateway_id), state_topic(gateway_id)
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._under_way: dict[int, tuple[float, int]] = {}
        self._bytes = 0
        self._sent_up_to = 0
        self._resend_s = FIRST_RESEND_S
        self._jitter = random.Random()
        self._ready = False
        self._stopping = False
        self._offsets: deque[int] = deque(maxlen=_OFFSETS)
        self._state_due = 0.0
        self._told: State | None = None
        self._batch_readings, self._batch_s = min(batch_readings, MOST_READINGS), batch_s
        self._gathering = threading.Lock()
        self._gathered: list[AnyReading] = []
        self._gathered_since = 0.0
        self._sender: threading.Thread | None = None
        self._client = self._make_client(password, protocol, tls)

    # Handing in

    def send(self, readings: Sequence[AnyReading]) -> int:
        """Put one message of readings into the spool, durably, and return its sequence number."""
        return self.send_many([readings])[0]

    def send_many(self, messages: Sequence[Sequence[AnyReading]], marks: Mapping[str, int] | None = None) -> list[int]:
        """Put several messages into the spool in one transaction and return their sequence numbers.

        `marks` are stored with them: how far a source was read, so that it goes on there. See `mark`.
        """
        before = self._spool.given_up()
        made = [functools.partial(_encode, self._encoder, list(readings)) for readings in messages]
        given = self._spool.put(made, marks)
        if self._spool.given_up() > before:
            self._on_event("spool full", {"given_up": self._spool.given_up() - before, "spool": self._spool.count()})
        with self._wake:
            self._wake.notify_all()
        return given

    def collect(self, readings: Sequence[AnyReading]) -> None:
        """Gather readings into messages: into the spool once there are enough of them or the first is old enough.

        Until then a crash loses them. `flush` puts them there now.
        """
        with self._gathering:
            if not self._gathered:
                self._gathered_since = time.monotonic()
            self._gathered += readings
            full = len(self._gathered) >= self._batch_readings
        if full:
            self.flush()

    def flush(self) -> None:
        """Put what was gathered into the spool."""
        with self._gathering:
            size, gathered = self._batch_readings, self._gathered
            if gathered:
                self.send_many([gathered[k : k + size] for k in range(0, len(gathered), size)])
                self._gathered = []

    # Running

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
        self.flush()
        with self._wake:
            self._stopping = True
            ready = self._ready
            self._wake.notify_all()
        if self._sender is not None:
            self._sender.join(5)
        if ready:
            # Told before leaving: the broker keeps the last will for those who do not say goodbye.
            try:
                self._publish_state(online=False).wait_for_publish(2)
            except (RuntimeError, ValueError):
                pass
        self._client.disconnect()
        self._client.loop_stop()
        self._spool.close()

    def pending(self) -> int:
        """Return how many messages are not acknowledged yet."""
        return self._spool.count()

    def mark(self, name: str) -> int:
        """Return a mark stored by `send_many`, 0 where none was."""
        return self._spool.mark(name)

    def clock_offset_ms(self) -> int | None:
        """Return the county's clock less this machine's, the middle of the last acknowledgements; None before the first.

        No time is corrected by it: readings go out as they were handed in.
        """
        with self._lock:
            return sorted(self._offsets)[len(self._offsets) // 2] if self._offsets else None

    def state(self, *, online: bool | None = None) -> State:
        """Return how this gateway is: connected or not, what waits and since when, what was given up, how its clock is."""
        now, oldest = _now_ms(), self._spool.oldest_ms()
        waited = 0 if oldest is None else max(now - oldest, 0) // 1000
        up = self._ready if online is None else online
        return State(up, now, self._spool.count(), waited, self.clock_offset_ms(), self._spool.given_up())

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

    def _make_client(self, password: str, protocol: int, tls: Tls | None) -> mqtt.Client:
        version = mqtt.MQTTv5 if protocol == 5 else mqtt.MQTTv311
        # A state is retained on MQTT v5 only: the embedded broker hands what is retained to whoever subscribes to anything.
        # Our own spool holds what is not acknowledged, so the client library need not keep a session of ours on 3.1.1.
        more: dict[str, Any] = {} if self._v5 else {"clean_session": True}
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._id, protocol=version, **more)
        client.username_pw_set(self._id, password)
        client.will_set(self._state_topic, encode_state(State(False, _now_ms())), qos=1, retain=self._v5)
        if tls is not None:
            ca, certificate, key = (None if path is None else str(path) for path in (tls.ca, tls.certificate, tls.key))
            try:
                client.tls_set(ca, certificate, key)
            except (OSError, ValueError) as error:
                raise BadInput("a file of TLS cannot be used", expected="PEM", got=f"{ca} {certificate} {key}: {error}") from error
        client.max_inflight_messages_set(MOST_IN_FLIGHT)
        first, longest = (self._jitter.uniform(*span) for span in (FIRST_RECONNECT_S, LONGEST_RECONNECT_S))
        client.reconnect_delay_set(first, longest)  # type: ignore[arg-type]  # fractions work, and keep gateways out of step
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
            self._state_due = 0.0
            self._told = None
            self._wake.notify_all()
        self._on_event("connected", {})

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _flags: Any, code: Any, _properties: Any) -> None:
        with self._wake:
            self._ready = False
        self._on_event("disconnected", {"why": str(code)})

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        # An exception here would end paho's thread without a word, so nothing may leave this function.
        if message.topic != self._ack_topic:
            return
        try:
            ack = decode_acknowledgement(bytes(message.payload))
        except BadInput as error:
            self._on_event("bad acknowledgement", {"why": str(error)})
            return
        self._settle(ack)

    def _on_publish(self, _c: mqtt.Client, _u: Any, _mid: int, code: Any, _properties: Any) -> None:
        if code.value == _NO_MATCHING_SUBSCRIBERS:
            self._resend_s = min(self._resend_s, NOBODY_RESEND_S)
        elif code.is_failure:
            self._on_event("refused", {"why": str(code)})

    def _settle(self, ack: Acknowledged) -> None:
        for seq, why in ack.refused:
            self._on_event("message refused", {"seq": seq, "why": why})
        refused = [(seq, seq) for seq, _ in ack.refused]
        try:
            self._spool.delete(ack.acked)
            if refused:
                self._spool.delete(refused, refused=True)
        except Exception as error:  # noqa: BLE001 - the message is resent and acknowledged again
            self._on_event("spool", {"why": str(error)})
            return
        with self._wake:
            if ack.now_ms:
                self._offsets.append(ack.now_ms - _now_ms())
            for first, last in [*ack.acked, *refused]:
                for seq in [s for s in self._under_way if first <= s <= last] if last - first > 256 else range(first, last + 1):
                    gone = self._under_way.pop(seq, None)
                    if gone is not None:
                        self._bytes -= gone[1]
            self._resend_s = FIRST_RESEND_S
            self._wake.notify_all()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - whatever the disk says now, what waits must go out when it is well again
                self._on_event("spool", {"why": str(error)})
                with self._wake:
                    self._wake.wait_for(lambda: self._stopping, AFTER_ERROR_S)

    def _turn(self) -> None:
        """Wait until something may be sent or is due, and do it."""
        with self._wake:
            while not self._stopping and not self._may_send() and not self._something_due():
                self._wake.wait(0.5)
                self._resend_if_old()
            if self._stopping:
                return
            room = MOST_IN_FLIGHT - len(self._under_way)
            size = MOST_BYTES_IN_FLIGHT - self._bytes
            begin, sending = self._sent_up_to, self._may_send()
        self._do_what_is_due()
        for seq, body in self._spool.after(begin, room, size) if sending else ():
            with self._wake:
                if not self._ready or self._sent_up_to != begin:
                    break
                self._under_way[seq] = (time.monotonic(), len(body))
                self._bytes += len(body)
                self._sent_up_to = begin = seq
            self._client.publish(self._topic, body, qos=1)

    def _something_due(self) -> bool:
        now = time.monotonic()
        return (self._ready and now >= self._state_due) or bool(self._gathered and now - self._gathered_since >= self._batch_s)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._gathered and now - self._gathered_since >= self._batch_s:
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001 - they stay gathered, and the next flush tries again
                self._on_event("spool", {"why": str(error)})
                self._gathered_since = now
        if self._ready and now >= self._state_due:
            self._state_due = now + STATE_EVERY_S
            state = self.state()
            # A gateway whose spool is empty and stays so says it once.
            if self._told is None or state.spool or self._told.spool or state.given_up != self._told.given_up:
                self._told = state
                self._publish_state(online=True)

    def _publish_state(self, *, online: bool) -> mqtt.MQTTMessageInfo:
        return self._client.publish(self._state_topic, encode_state(self.state(online=online)), qos=1, retain=self._v5)

    def _may_send(self) -> bool:
        if not self._ready or len(self._under_way) >= MOST_IN_FLIGHT or self._bytes >= MOST_BYTES_IN_FLIGHT:
            return False
        return bool(self._spool.count() > len(self._under_way) and self._spool.after(self._sent_up_to, 1, 1))

    def _resend_if_old(self) -> None:
        if not self._ready or not self._under_way:
            return
        oldest = min(sent for sent, _ in self._under_way.values())
        if time.monotonic() - oldest > self._resend_s:
            longest = LONGEST_RESEND_S if self._v5 else LONGEST_RESEND_V311_S
            self._resend_s = min(self._resend_s * 2, longest) * self._jitter.uniform(0.8, 1.0)
            self._forget_under_way()

    def _forget_under_way(self) -> None:
        """Send everything waiting once more; what arrives twice is acknowledged twice and stored once."""
        self._under_way.clear()
        self._bytes = 0
        self._sent_up_to = 0


def _encode(encoder: Encoder, readings: Sequence[AnyReading], seq: int, gone: Sequence[tuple[int, int]]) -> bytes:
    return encoder.encode(seq, readings, gone)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
