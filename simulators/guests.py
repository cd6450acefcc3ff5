"""Gateways of other makers beside ours: a ChirpStack network, a Sparkplug node and an SL 651 station, each in its own protocol, live.

None of them waits for our acknowledgement: the first two know only the broker's, the station waits for the centre's confirmation and
repeats itself until it has one. What they lose, the loss ledger shows.
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from foundation.clock import Clock, SystemClock, to_ms
from foundation.log import get_logger
from ingest.formats import sl651_frames as sl
from ingest.formats.bcd import time_to_bcd
from ingest.formats.decoded import SHANGHAI_MS
from ingest.formats.sparkplug_payload import BOOLEAN, FLOAT, UINT64, Metric, write_payload
from simulators import guests_catalog as who
from simulators.randomness import Dice

STEP_S = 5.0
_PATIENCE_S = 3.0
_KEEPALIVE_S = 30
# What a station keeps until it is confirmed; older reports are written over, as in a box of that kind.
_MOST_KEPT = 500


class Guest(Protocol):
    """One foreign sender."""

    def say(self, now_ms: int, turn: int) -> None:
        """Send what is due; `turn` counts the steps."""
        ...

    def close(self) -> None:
        """Leave."""
        ...


def run_guests(
    passwords: Mapping[str, str],
    *,
    host: str,
    port: int,
    protocol: int,
    station_port: int,
    station_password: str,
    seed: int,
    stop_event: threading.Event,
    clock: Clock | None = None,
) -> None:
    """Speak until `stop_event` is set. `station_port` 0 leaves the station out; its password is four hexadecimal digits."""
    clock = clock or SystemClock()
    weather = Weather(seed)
    connect: Callable[[str], mqtt.Client] = lambda name: _client(name, passwords[name], protocol)  # noqa: E731
    guests: list[Guest] = [LoRaNetwork(connect(who.LORA), weather), SparkplugNode(connect(who.STORE), weather, to_ms(clock.now()))]
    for guest in guests:
        guest.start(host, port)  # type: ignore[attr-defined]
    if station_port:
        guests.append(Station("127.0.0.1", station_port, station_password, weather))
    log = get_logger(__name__)
    turn = 0
    try:
        while not stop_event.wait(STEP_S):
            for guest in guests:
                try:
                    guest.say(to_ms(clock.now()), turn)
                except OSError as error:
                    log.warning("a guest is not heard", guest=type(guest).__name__, why=str(error))
            turn += 1
    finally:
        for guest in guests:
            guest.close()


class Weather:
    """Slow, plausible values: a daily wave, a drift of days, a little noise that follows from the seed and the time."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)

    def value(self, name: str, now_ms: int, mean: float, swing: float, noise: float) -> float:
        """Return the value of a named quantity at a time."""
        hours = now_ms / 3_600_000
        wave = math.sin((hours + 2) / 24 * 2 * math.pi) * 0.7 + math.sin(hours / 190) * 0.3
        return mean + swing * wave + noise * float(self._dice.rng(name, now_ms // 1000).normal())


class LoRaNetwork:
    """A ChirpStack v4 server that passes on what soil sensors send, two registered ones and one nobody registered."""

    def __init__(self, client: mqtt.Client, weather: Weather) -> None:
        self._client, self._weather = client, weather
        self._counts = dict.fromkeys(who.LORA_SENSORS, 0)

    def start(self, host: str, port: int) -> None:
        """Connect, and keep connecting."""
        self._client.connect_async(host, port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    def say(self, now_ms: int, turn: int) -> None:
        """Pass on one sensor's frame, the registered ones in turn, the other now and then."""
        eui = who.LORA_SENSORS[2] if turn % 12 == 11 else who.LORA_SENSORS[turn % 2]
        self._counts[eui] += 1
        at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="microseconds")
        told = {
            "deduplicationId": str(uuid.uuid4()),
            "time": at.replace("+00:00", "123+00:00"),
            "deviceInfo": {"applicationName": who.LORA_APPLICATION, "deviceName": f"soil {eui[-4:]}", "devEui": eui},
            "fCnt": self._counts[eui],
            "fPort": 2,
            "object": {
                "soilMoisture": round(self._weather.value(eui + "m", now_ms, 23, 2, 0.1), 1),
                "soilTemperature": round(self._weather.value(eui + "t", now_ms, 17, 3, 0.05), 1),
                "batteryVoltage": 3.6,
            },
            "rxInfo": [{"gatewayId": "0016c001f1000001", "rssi": -97, "snr": 7.5}],
        }
        self._client.publish(f"application/{who.LORA_APPLICATION}/device/{eui}/event/up", json.dumps(told), qos=1)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


class SparkplugNode:
    """An edge node with two rooms: births, data by alias, a rebirth when the host asks for one, a death as its will."""

    def __init__(self, client: mqtt.Client, weather: Weather, began_ms: int) -> None:
        self._client, self._weather, self._bd_seq = client, weather, began_ms // 1000 % 256
        self._seq = 0
        self._lock = threading.Lock()
        self._born = False
        death = write_payload([Metric("bdSeq", datatype=UINT64, value=self._bd_seq)], t_ms=began_ms)
        client.will_set(self._topic("NDEATH"), death, qos=1)
        client.on_connect = self._connected
        client.on_message = self._commanded

    def start(self, host: str, port: int) -> None:
        """Connect, and keep connecting."""
        self._client.connect_async(host, port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    def say(self, now_ms: int, turn: int) -> None:  # noqa: ARG002
        """Send the values of both rooms by alias."""
        with self._lock:
            if not self._born:
                return
            for k, room in enumerate(who.SPARKPLUG_DEVICES):
                values = self._values(room, now_ms)
                metrics = [Metric(alias=10 * k + n, t_ms=now_ms, value=value) for n, value in enumerate(values.values())]
                self._publish("DDATA", f"/{room}", metrics, now_ms)

    def close(self) -> None:
        """Leave without the will's word: what a node says at a planned stop is its death by itself."""
        now_ms = int(time.time() * 1000)
        death = write_payload([Metric("bdSeq", datatype=UINT64, value=self._bd_seq)], t_ms=now_ms)
        self._client.publish(self._topic("NDEATH"), death, qos=1)
        self._client.disconnect()
        self._client.loop_stop()

    @staticmethod
    def _topic(kind: str, rest: str = "") -> str:
        return f"spBv1.0/{who.SPARKPLUG_GROUP}/{kind}/{who.SPARKPLUG_NODE}{rest}"

    def _values(self, room: str, now_ms: int) -> dict[str, float]:
        mean = 2.0 if room.endswith("a") else -1.5
        return {
            "temperature": round(self._weather.value(room + "t", now_ms, mean, 0.3, 0.08), 2),
            "humidity": round(self._weather.value(room + "h", now_ms, 88, 2, 0.4), 1),
        }

    def _connected(self, client: mqtt.Client, _u: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if not code.is_failure:
            client.subscribe(self._topic("NCMD"), qos=1)
            self._birth()

    def _commanded(self, _c: mqtt.Client, _u: Any, _message: mqtt.MQTTMessage) -> None:
        # The one command it knows is to be born again.
        self._birth()

    def _birth(self) -> None:
        with self._lock:
            now_ms, self._seq = int(time.time() * 1000), 0
            node = [Metric("bdSeq", datatype=UINT64, value=self._bd_seq), Metric("Node Control/Rebirth", datatype=BOOLEAN, value=False)]
            self._publish("NBIRTH", "", node, now_ms)
            for k, room in enumerate(who.SPARKPLUG_DEVICES):
                found = enumerate(self._values(room, now_ms).items())
                metrics = [Metric(name, 10 * k + n, now_ms, FLOAT, value=value) for n, (name, value) in found]
                self._publish("DBIRTH", f"/{room}", metrics, now_ms)
            self._born = True

    def _publish(self, kind: str, rest: str, metrics: list[Metric], now_ms: int) -> None:
        body = write_payload(metrics, t_ms=now_ms, seq=self._seq)
        self._seq = (self._seq + 1) % 256
        self._client.publish(self._topic(kind, rest), body, qos=0)


class Station:
    """A river gauge on a TCP line: reports level and voltage, and repeats a report until the centre confirms it."""

    def __init__(self, host: str, port: int, password: str, weather: Weather) -> None:
        self._address, self._password, self._weather = (host, port), password, weather
        self._serial = int(time.time()) % 65_000
        self._minute = 0
        self._kept: list[bytes] = []
        self._line: socket.socket | None = None

    def say(self, now_ms: int, turn: int) -> None:  # noqa: ARG002
        """Make a report once a minute, the grain of its times, and send what was not confirmed, oldest first."""
        if now_ms // 60_000 != self._minute:
            self._minute = now_ms // 60_000
            self._kept = [*self._kept[-_MOST_KEPT:], self._report(now_ms)]
        try:
            while self._kept:
                line = self._line or self._connect()
                line.sendall(self._kept[0])
                if not self._confirmed(line):
                    raise OSError("the centre did not confirm a report")
                self._kept.pop(0)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _connect(self) -> socket.socket:
        self._line = socket.create_connection(self._address, _PATIENCE_S)
        return self._line

    def _confirmed(self, line: socket.socket) -> bool:
        splitter, deadline = sl.Sl651Splitter(), time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            got = line.recv(4096)
            if not got:
                return False
            if any(frame for frame in splitter.feed(got)):
                return True
        return False

    def _report(self, now_ms: int) -> bytes:
        self._serial = self._serial % 65_535 + 1
        station = bytes.fromhex(who.STATION)
        minute = time_to_bcd(now_ms, SHANGHAI_MS)
        level = self._weather.value("river", now_ms, 0.62, 0.05, 0.002)
        told = b"\x39\x23" + _bcd(level, 3, 4) + b"\x38\x12" + _bcd(12.6, 2, 2)
        text = self._serial.to_bytes(2, "big") + minute + b"\xf1\xf1" + station + b"\x48\xf0\xf0" + minute[:5] + told
        return sl.build_frame(sl.Frame(1, who.STATION, self._password, 0x32, False, sl.STX, text, sl.ETX))


def _bcd(value: float, decimals: int, size: int) -> bytes:
    return bytes.fromhex(f"{round(max(value, 0.0) * 10**decimals):0{2 * size}d}")


def _client(name: str, password: str, protocol: int) -> mqtt.Client:
    more: dict[str, Any] = {} if protocol == 5 else {"clean_session": True}
    version = mqtt.MQTTv5 if protocol == 5 else mqtt.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **more)
    client.username_pw_set(name, password)
    client.reconnect_delay_set(1, 10)
    return client
