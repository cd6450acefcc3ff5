"""MQTT v5 by hand over one blocking socket: the ingest hot path.

Only packets are someone else's (`mqtt5`); connecting, keeping alive, resuming and acknowledging are here. The session is persistent and
the receive window finite, so the broker holds what we have not acknowledged, and no more than that is ever under way.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from foundation.errors import Unavailable
from ingest.tls_socket import TlsSocket
from ingest.topics import PREFIX

READ_BYTES = 256 * 1024
RECEIVE_MAXIMUM = 10_000
SESSION_EXPIRY_S = 14 * 24 * 3600
KEEPALIVE_S = 30
CONNECT_S = 10.0
LEAVE_S = 2.0
# Packet number of a later change of subscriptions; those of the first are 1 and 2. Messages of ours are numbered from the last on.
_CHANGE = 4
FIRST_ID = 100


# Topic, body, and the token that acknowledges it (None where none is due). A plain tuple: one is made for every message.
Message = tuple[str, bytes, Any]


@dataclass(frozen=True, slots=True)
class Presence:
    """What others read of us at `topic`, retained: `here` once we listen, `gone` by the broker where we are lost, `left` on leaving."""

    topic: str
    here: bytes
    gone: bytes
    left: Callable[[], bytes]


class Receiver(Protocol):
    """A persistent subscription whose messages are acknowledged by hand, in the order they came.

    One thread polls; another may acknowledge and publish.
    """

    def poll(self, seconds: float) -> Sequence[Message]:
        """Return what has come, waiting up to `seconds` for the first; raise Unavailable where the connection is lost."""
        ...

    def acknowledge(self, tokens: Sequence[Any]) -> None:
        """Tell the broker that these messages are kept."""
        ...

    def publish(self, topic: str, body: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message, usually at QoS 0: an acknowledgement that gets lost is asked for again."""
        ...

    def change(self, add: Sequence[str], drop: Sequence[str]) -> None:
        """Subscribe to more filters and leave others, without a break in the rest. `poll` raises Unavailable where one is refused."""
        ...

    def close(self) -> None:
        """Leave; the session stays with the broker."""
        ...


class SocketReceiver:
    """The MQTT v5 receiver."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        username: str,
        password: str,
        filters: Sequence[str],
        unwanted: Sequence[str] = (),
        receive_maximum: int = RECEIVE_MAXIMUM,
        presence: Presence | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connect, subscribe and say so; `unwanted` are filters a resumed session may still have from when this worker had other shards."""
        import mqtt5

        self._m = mqtt5
        self._buffer = bytearray()
        self._ready: list[Message] = []
        self._presence = presence
        # The first are what subscribing and unsubscribing use.
        self._last_id = FIRST_ID
        # The loop sends keep-alives while the keeper sends acknowledgements.
        self._sending = threading.Lock()
        self._last_sent = time.monotonic()
        self._last_heard = time.monotonic()
        # Whether the broker had kept what this client left behind.
        self.session_present = False
        self._socket = _dial(host, port, tls)
        try:
            self._open(client_id, username, password, filters, unwanted, receive_maximum)
        except BaseException:
            self._socket.close()
            raise

    def poll(self, seconds: float) -> Sequence[Message]:
        """See `Receiver.poll`."""
        if not self._ready:
            self._keep_alive()
            readable, _, _ = select.select([self._socket], [], [], seconds)
            if readable:
                self._read()
                self._parse()
        ready, self._ready = self._ready, []
        return ready

    def acknowledge(self, tokens: Sequence[Any]) -> None:
        """See `Receiver.acknowledge`: all PUBACKs in one send."""
        if tokens:
            # A PUBACK of MQTT v5 with reason Success is four bytes: type 4, length 2, packet id.
            import numpy as np

            self._send((np.array(tokens, dtype=np.uint32) | 0x40020000).astype(">u4").tobytes())

    def publish(self, topic: str, body: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """See `Receiver.publish`. At QoS 1 the broker's answer is not waited for: what matters is said again at the next connection."""
        number = None
        if qos:
            with self._sending:
                number = self._last_id = self._last_id + 1 if self._last_id < 65_535 else FIRST_ID
        self._send(self._m.PublishPacket(topic, body, qos=self._m.QoS(qos), retain=retain, packet_id=number).write())

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Ask for no more messages of these filters; any thread may, and the broker's answer is not waited for."""
        self._send(self._m.UnsubscribePacket(3, list(filters)).write())

    def change(self, add: Sequence[str], drop: Sequence[str]) -> None:
        """See `Receiver.change`."""
        if add:
            self._send(self._m.SubscribePacket(_CHANGE, [self._wanted(f) for f in add]).write())
        if drop:
            self.unsubscribe(drop)

    def close(self, *, forget: bool = False) -> None:
        """See `Receiver.close`; with `forget` the session ends with the connection, and what it still holds is gone."""
        if self._presence is not None:
            with suppress(Unavailable):
                self.publish(self._presence.topic, self._presence.left(), qos=1, retain=True)
        try:
            self._socket.sendall(self._m.DisconnectPacket(session_expiry_interval=0 if forget else None).write())
            if self._presence is not None:
                # Closed with something unread, a connection is reset, and what was sent last may be thrown away on the other side.
                self._socket.settimeout(LEAVE_S)
                self._socket.shutdown(socket.SHUT_WR)
                while self._socket.recv(READ_BYTES):
                    pass
        except OSError:
            pass
        self._socket.close()

    def _open(
        self, client_id: str, username: str, password: str, filters: Sequence[str], unwanted: Sequence[str], receive_maximum: int
    ) -> None:
        connect = self._m.ConnectPacket(
            client_id,
            username=username or None,
            password=password.encode() if password else None,
            clean_start=False,
            keep_alive=KEEPALIVE_S,
            session_expiry_interval=SESSION_EXPIRY_S,
            receive_max=receive_maximum,
            will=self._will(),
        )
        self._send(connect.write())
        answer = self._await(self._m.ConnAckPacket)
        if answer.reason_code != self._m.ConnAckReasonCode.SUCCESS:
            raise Unavailable("the broker refuses ingest", got=str(answer.reason_code), todo="look at its user and password")
        self.session_present = bool(answer.session_present)
        wanted = [self._wanted(f) for f in filters]
        if self._presence is not None:
            # What others say in our name; our own words would wait in our own session.
            wanted.append(self._m.TopicFilter(self._presence.topic, max_qos=self._m.QoS.AT_LEAST_ONCE, no_local=True))
        self._send(self._m.SubscribePacket(1, wanted).write())
        answer = self._await(self._m.SubAckPacket)
        if any(int(code) >= 128 for code in answer.reason_codes):
            raise Unavailable("the broker refuses the subscription", got=str(list(answer.reason_codes)))
        if unwanted:
            self._send(self._m.UnsubscribePacket(2, list(unwanted)).write())
        if self._presence is not None:
            self.publish(self._presence.topic, self._presence.here, qos=1, retain=True)
        # The read that brought the answer may hold messages behind it; the next read may be far away.
        self._parse()

    def _will(self) -> Any:
        told = self._presence
        return None if told is None else self._m.Will(told.topic, payload=told.gone, qos=self._m.QoS.AT_LEAST_ONCE, retain=True)

    def _wanted(self, topic_filter: str) -> Any:
        """Return a filter to subscribe to. What a foreign sender left retained was told before and is no new reading."""
        keeps = self._m.RetainHandling.SEND_ALWAYS if topic_filter.startswith(f"{PREFIX}/") else self._m.RetainHandling.SEND_NEVER
        return self._m.TopicFilter(topic_filter, max_qos=self._m.QoS.AT_LEAST_ONCE, retain_handling=keeps)

    def _await(self, kind: type[Any]) -> Any:
        """Wait for one packet of a kind. A resumed session's messages may come before it or in the same read: they are kept."""
        deadline = time.monotonic() + CONNECT_S
        while True:
            found = self._parse(kind)
            if found is not None:
                return found
            readable, _, _ = select.select([self._socket], [], [], max(deadline - time.monotonic(), 0))
            if not readable:
                raise Unavailable("the broker does not answer", expected=kind.__name__)
            self._read()

    def _parse(self, kind: type[Any] | None = None) -> Any:
        """Take whole packets out of the buffer; return the first of `kind`, leaving what follows it for the next call."""
        view = memoryview(self._buffer)
        at, found = 0, None
        read, publish, add = self._m.read, self._m.PublishPacket, self._ready.append
        try:
            while found is None:
                packet, used = read(view[at:])
                at += used
                if type(packet) is publish:
                    add((packet.topic, packet.payload, packet.packet_id))
                elif kind is not None and isinstance(packet, kind):
                    found = packet
                elif isinstance(packet, self._m.DisconnectPacket):
                    raise Unavailable("the broker ended the connection", got=str(packet.reason_code))
                elif isinstance(packet, self._m.SubAckPacket) and any(int(code) >= 128 for code in packet.reason_codes):
                    raise Unavailable("the broker refuses a subscription", got=str(list(packet.reason_codes)))
        except IndexError:
            pass  # the rest of a packet is still on its way
        except ValueError as error:
            raise Unavailable("what came is no MQTT v5", got=str(error)[:100]) from error
        finally:
            view.release()
            del self._buffer[:at]
        return found

    def _read(self) -> None:
        try:
            more = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise Unavailable("the connection to the broker is lost", got=str(error)) from error
        if more is None:
            return  # TLS talked to itself
        if not more:
            raise Unavailable("the broker closed the connection")
        self._last_heard = time.monotonic()
        self._buffer += more

    def _send(self, data: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError as error:
            raise Unavailable("the connection to the broker is lost", got=str(error)) from error
        self._last_sent = time.monotonic()

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._last_sent > KEEPALIVE_S / 2 or now - self._last_heard > KEEPALIVE_S / 2:
            if now - self._last_heard > KEEPALIVE_S * 1.5:
                raise Unavailable("the broker has been silent for too long")
            self._send(self._m.PingReqPacket().write())


def _dial(host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket | TlsSocket:
    try:
        far = socket.create_connection((host, port), CONNECT_S)
    except OSError as error:
        raise Unavailable("the broker cannot be reached", got=f"{host}:{port}: {error}") from error
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None:
        return far
    try:
        return TlsSocket(far, tls, host)
    except OSError as error:
        far.close()
        raise Unavailable("the broker cannot be reached over TLS", got=f"{host}:{port}: {error}", todo="see SUHE_MQTT_CA") from error
