"""What a broker tells of itself under `$SYS`: its version, since when it runs, and how many messages it threw away.

A broker throws away what its queues have no room for and answers the sender with Success all the same; its own counter is the only sign of
it besides the gaps in the ledger. The counter begins anew with the broker; here it only grows.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from foundation.clock import Clock, to_ms
from foundation.log import get_logger
from ingest.catalog import Catalog

DROPPED = "$SYS/broker/publish/messages/dropped"
UPTIME = "$SYS/broker/uptime"
VERSION = "$SYS/broker/version"
CLIENT_ID = "ingest-watch"
# Uptimes are whole seconds, told every few: a start time that moves by less is the same start.
SAME_START_MS = 15_000
# Whether the broker is another than before is asked first: its counter cannot be read without.
WAIT_FOR_UPTIME_S = 3.0
_RETRY_S = 5.0


class BrokerWatch(threading.Thread):
    """Listens to one broker's `$SYS` and keeps what it says in the catalogue. One worker of an installation runs it."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        host: str,
        port: int,
        username: str,
        password: str,
        protocol: int,
        stop: threading.Event,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(name="broker-watch", daemon=True)
        self._folder, self._clock, self._address, self._login = folder, clock, (host, port), (username, password)
        self._version = mqtt.MQTTv5 if protocol == 5 else mqtt.MQTTv311
        self._ending, self._tls = stop, tls
        self._name = broker_name(host, port)
        self._log = get_logger(__name__)

    def run(self) -> None:
        """Connect and listen until told to stop; nothing here can hold up or end the worker."""
        catalog = Catalog(self._folder)
        try:
            while not self._ending.is_set():
                try:
                    self._listen(catalog)
                except Exception as error:  # noqa: BLE001 - what the broker tells of itself is worth no crash
                    self._log.debug("the broker's figures cannot be had", why=f"{type(error).__name__}: {error}")
                self._ending.wait(_RETRY_S)
        finally:
            catalog.close()

    def _listen(self, catalog: Catalog) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{CLIENT_ID}-{id(self):x}", protocol=self._version)
        if self._login[0]:
            client.username_pw_set(*self._login)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        asked: list[float] = []

        def on_connect(*_: Any) -> None:
            note(catalog, self._name, "watched", "1", self._now())
            client.subscribe([(UPTIME, 0), (VERSION, 0)])
            asked[:] = [time.monotonic()]

        def on_message(_c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
            self._take(catalog, message.topic, message.payload.decode(errors="replace"))
            if message.topic == UPTIME and asked:
                asked.clear()
                client.subscribe(DROPPED, 0)

        client.on_connect, client.on_message = on_connect, on_message
        client.connect(*self._address, keepalive=60)
        try:
            while not self._ending.is_set() and client.loop(0.5) == mqtt.MQTT_ERR_SUCCESS:
                if asked and time.monotonic() - asked[0] > WAIT_FOR_UPTIME_S:
                    asked.clear()
                    client.subscribe(DROPPED, 0)
        finally:
            client.disconnect()

    def _take(self, catalog: Catalog, topic: str, text: str) -> None:
        number = re.match(r"\d+", text)
        if topic == VERSION:
            note(catalog, self._name, "version", text[:100], self._now())
        elif topic == UPTIME and number:
            note_start(catalog, self._name, self._now() - int(number.group()) * 1000, self._now())
        elif topic == DROPPED and number:
            more = note_dropped(catalog, self._name, int(number.group()), self._now())
            if more:
                self._log.error("the broker threw messages away", broker=self._name, more=more, counter=int(number.group()))

    def _now(self) -> int:
        return to_ms(self._clock.now())


def broker_name(host: str, port: int) -> str:
    """Return a broker's name in the catalogue."""
    return f"{host}:{port}"


def note(catalog: Catalog, broker: str, name: str, value: str, at_ms: int) -> None:
    """Keep a fact."""
    with catalog.transaction() as db:
        db.execute("INSERT OR REPLACE INTO broker_fact VALUES (?,?,?,?)", (broker, name, value, at_ms))


def note_start(catalog: Catalog, broker: str, started_ms: int, at_ms: int) -> bool:
    """Keep since when the broker runs and tell whether that is another start than before: then its counter is at nought again."""
    known = catalog.rows("SELECT value FROM broker_fact WHERE broker = ? AND name = 'started'", (broker,))
    if known and abs(started_ms - int(str(known[0][0]))) <= SAME_START_MS:
        return False
    with catalog.transaction() as db:
        db.execute("INSERT OR REPLACE INTO broker_fact VALUES (?,'started',?,?)", (broker, str(started_ms), at_ms))
        if known:
            db.execute("INSERT INTO broker_drop (broker, at, value, more, restarted) VALUES (?,?,0,0,1)", (broker, at_ms))
            db.execute("UPDATE broker_fact SET value = '0' WHERE broker = ? AND name = 'dropped'", (broker,))
    return bool(known)


def note_dropped(catalog: Catalog, broker: str, value: int, at_ms: int) -> int:
    """Keep the broker's counter and return by how much it grew. The first one ever told is where counting begins."""
    with catalog.transaction() as db:
        row = db.execute("SELECT value FROM broker_fact WHERE broker = ? AND name = 'dropped'", (broker,)).fetchone()
        before = int(row[0]) if row else value
        db.execute("INSERT OR REPLACE INTO broker_fact VALUES (?,'dropped',?,?)", (broker, str(value), at_ms))
        # A counter that went back is another process's, even where it did not tell since when it runs.
        restarted = value < before
        more = value if restarted else value - before
        if more or restarted:
            db.execute(
                "INSERT INTO broker_drop (broker, at, value, more, restarted) VALUES (?,?,?,?,?)", (broker, at_ms, value, more, restarted)
            )
    return more
