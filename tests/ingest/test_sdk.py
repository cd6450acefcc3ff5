"""The SDK as a box in a field runs it: light, over TLS, telling how it is, with the county's clock beside its own."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.catalog import Catalog
from ingest.gateway import Gateway, Reading, Tls
from ingest.links import Link, links
from ingest.losses import ledger_rows
from ingest.states import State, encode_state
from ingest.topics import state_topic
from tests import servers
from tests.ingest.examples import NOW_MS, level, worker
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
GATEWAY, DEVICE = "by-01-gw", "by-01-p1-level"
MEMORY_MB = 40

BOX = """
import json, sys
before = set(sys.modules)
sys.path.insert(0, {root!r})
from pathlib import Path
from ingest.gateway import Gateway, Reading
gateway = Gateway({gateway!r}, "any", "127.0.0.1", {port}, Path({spool!r}))
gateway.start()
begin = {begin}
for part in range(0, {count}, 500):
    gateway.send_many([[Reading({device!r}, "water_level", begin + 1000 * n, float(n % 80)) for n in range(k, k + 20)] for k in range(part, part + 500, 20)])
empty = gateway.wait_until_empty(60)
gateway.stop()
standard = sys.stdlib_module_names
others = sorted({{m.partition(".")[0] for m in set(sys.modules) - before if m.partition(".")[0] not in standard and m != "__main__"}})
memory = {{line.split()[0][:-1]: int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("Vm")}}
print(json.dumps([empty, others, sorted(m for m in sys.modules if m.startswith(("ingest.", "foundation."))), memory["VmHWM"]]))
"""  # noqa: E501


def test_a_box_sends_ten_thousand_readings_in_little_memory(mosquitto: servers.Server, tmp_path: Path) -> None:
    """In a clean interpreter the SDK loads paho-mqtt and the standard library, and stays below forty megabytes from begin to end."""
    program = BOX.format(
        root=str(ROOT),
        gateway=GATEWAY,
        port=mosquitto.port,
        spool=str(tmp_path / "spool.db"),
        begin=NOW_MS - 20_000_000,
        count=10_000,
        device=DEVICE,
    )
    with worker(tmp_path / "readings", mosquitto.port):
        done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=120, check=True)
    empty, others, ours, peak_mb = json.loads(done.stdout)
    print(f"peak {peak_mb:.1f} MB")
    assert empty and peak_mb < MEMORY_MB
    # typing_extensions is what paho-mqtt itself asks for on older Pythons.
    assert set(others) <= {"paho", "ingest", "foundation", "typing_extensions"} and "paho" in others
    assert set(ours) <= {f"ingest.{m}" for m in ("gateway", "messages", "spool", "states", "topics")} | {
        "foundation.errors",
        "foundation.ids",
    }
    catalog = Catalog(tmp_path / "readings")
    assert catalog.rows("SELECT value FROM counter WHERE name = 'readings'") == [(10_000,)]
    catalog.close()


def link(folder: Path) -> Link | None:
    """Return what is known of the example gateway's link."""
    catalog = Catalog(folder)
    try:
        return links(catalog).get(GATEWAY)
    finally:
        catalog.close()


SILENT = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from ingest.gateway import Gateway
Gateway({gateway!r}, "any", "127.0.0.1", {port}, Path({spool!r})).start()
time.sleep(60)
"""


def test_a_gateway_that_falls_silent_is_offline_by_its_last_will(mosquitto: servers.Server, tmp_path: Path) -> None:
    """Connected it is online; killed it is offline, since when we heard; one that leaves politely says so itself."""
    folder, spool = tmp_path / "readings", tmp_path / "spool.db"
    program = SILENT.format(root=str(ROOT), gateway=GATEWAY, port=mosquitto.port, spool=str(spool))
    with worker(folder, mosquitto.port):
        box = subprocess.Popen([sys.executable, "-I", "-c", program])
        try:
            wait_until(lambda: (found := link(folder)) is not None and found.online, 15)
            first = link(folder)
        finally:
            box.kill()
            box.wait(10)
        wait_until(lambda: (found := link(folder)) is not None and not found.online, 10)
        second = link(folder)
        again = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, spool)
        again.start()
        wait_until(lambda: (found := link(folder)) is not None and found.online, 10)
        again.stop()
        wait_until(lambda: (found := link(folder)) is not None and not found.online, 10)
    assert first is not None and second is not None and second.since_ms >= first.since_ms


def test_a_state_kept_by_the_broker_is_told_once(mosquitto: servers.Server, tmp_path: Path) -> None:
    """Repeated at every subscription, it changes nothing; rubbish under the topic, or from nobody we know, is no state."""
    folder = tmp_path / "readings"
    box = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="box")
    box.connect("127.0.0.1", mosquitto.port)
    box.loop_start()

    def keep(gateway: str, body: bytes) -> None:
        box.publish(state_topic(gateway), body, qos=1, retain=True).wait_for_publish(5)

    keep("nobody", encode_state(State(True, 5)))
    keep(GATEWAY, encode_state(State(True, 5, 3, 12, -240, 7)))
    with worker(folder, mosquitto.port):
        wait_until(lambda: link(folder) is not None, 10)
        first = link(folder)
    with worker(folder, mosquitto.port):
        keep(GATEWAY, b"\xff")
        wait_until(lambda: bool(dead(folder)), 10)
        assert link(folder) == first
    box.disconnect()
    box.loop_stop()
    assert first is not None
    assert (first.online, first.told_ms, first.spool, first.oldest_s, first.offset_ms, first.given_up) == (True, 5, 3, 12, -240, 7)
    catalog = Catalog(folder)
    assert list(links(catalog)) == [GATEWAY]
    catalog.close()


def dead(folder: Path) -> list[str]:
    """Return the topics of dead letters."""
    catalog = Catalog(folder)
    try:
        return [str(topic) for (topic,) in catalog.rows("SELECT topic FROM dead_letter")]
    finally:
        catalog.close()


def test_the_clock_is_learnt_from_acknowledgements(mosquitto: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box an hour ahead knows that it is, and sends its readings as they were handed in all the same."""
    import ingest.gateway as module

    monkeypatch.setattr(module, "_now_ms", lambda: time.time_ns() // 1_000_000 + 3_600_000)
    with worker(tmp_path / "readings", mosquitto.port):
        gateway = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db")
        assert gateway.clock_offset_ms() is None and gateway.state() == State(False, gateway.state().t_ms)
        gateway.start()
        gateway.send([level(5, 1.0)])
        assert gateway.wait_until_empty(10)
        offset = gateway.clock_offset_ms()
        gateway.stop()
    assert offset is not None and -5_400_000 < offset < -1_800_000, "nearer to an hour than to none"


def test_readings_are_gathered_into_messages(tmp_path: Path) -> None:
    """As many as make a message go into the spool at once; `flush` and `stop` put the rest there."""
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", 1, tmp_path / "spool.db", batch_readings=10, batch_s=60)
    for n in range(25):
        gateway.collect([Reading(DEVICE, "water_level", NOW_MS + n, 1.0)])
    assert gateway.pending() == 2
    gateway.flush()
    assert gateway.pending() == 3 and gateway.state().spool == 3
    gateway.collect([Reading(DEVICE, "water_level", NOW_MS, 1.0)] * 3)
    gateway.stop()
    other = Gateway(GATEWAY, "any", "127.0.0.1", 1, tmp_path / "spool.db")
    assert other.pending() == 4
    other.stop()


def test_gathered_readings_go_out_by_themselves(mosquitto: servers.Server, tmp_path: Path) -> None:
    """The first of them old enough, they become a message without anybody asking."""
    with worker(tmp_path / "readings", mosquitto.port):
        gateway = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db", batch_s=0.2)
        gateway.start()
        gateway.collect([Reading(DEVICE, "water_level", NOW_MS, 1.0)])
        catalog = Catalog(tmp_path / "readings")
        wait_until(lambda: catalog.rows("SELECT value FROM counter WHERE name = 'readings'") == [(1,)], 10)
        catalog.close()
        gateway.stop()


def test_a_full_spool_is_told_to_the_listener(tmp_path: Path) -> None:
    """What was given up is an event and part of the state."""
    told: list[str] = []
    gateway = Gateway(
        GATEWAY, "any", "127.0.0.1", 1, tmp_path / "spool.db", spool_bytes=2_000, on_event=lambda name, _facts: told.append(name)
    )
    for n in range(60):
        gateway.send([Reading(DEVICE, "water_level", NOW_MS + n, 1.0)])
    assert "spool full" in told and gateway.state().given_up == 60 - gateway.pending() > 0
    gateway.stop()


def test_a_spool_that_cannot_be_read_for_a_while_is_sent_afterwards(mosquitto: servers.Server, tmp_path: Path) -> None:
    """The disk fails while the sender looks at it: the listener is told, and when the disk is well again everything goes out."""
    told: list[str] = []
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db", on_event=lambda name, _: told.append(name))
    gateway.send([Reading(DEVICE, "water_level", NOW_MS - 1000, 7.0)])
    disk = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    disk.execute("ALTER TABLE message RENAME TO away")
    with worker(tmp_path / "readings", mosquitto.port):
        gateway.start()
        try:
            wait_until(lambda: "spool" in told, 20, what="the listener is told")
            disk.execute("ALTER TABLE away RENAME TO message")
            assert gateway.wait_until_empty(20)
        finally:
            gateway.stop()
            disk.close()


def test_what_a_full_spool_gave_up_is_lost_in_the_ledger(mosquitto: servers.Server, tmp_path: Path) -> None:
    """After an outage longer than the spool every number has its end: stored, or lost for certain; nothing is awaited for ever."""
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db", spool_bytes=4_000)
    for n in range(120):
        gateway.send([Reading(DEVICE, "water_level", NOW_MS - 1000 * n, 1.0)])
    given_up = gateway.state().given_up
    with worker(tmp_path / "readings", mosquitto.port):
        gateway.start()
        assert gateway.wait_until_empty(15)
        gateway.send([Reading(DEVICE, "water_level", NOW_MS + 1000, 1.0)])
        assert gateway.wait_until_empty(15)
    gateway.stop()
    catalog = Catalog(tmp_path / "readings")
    (row,) = ledger_rows(catalog, NOW_MS + 3_600_000)
    catalog.close()
    assert given_up > 50 and (row.received, row.lost, row.missing, row.open) == (121 - given_up, given_up, 0, 0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority, a broker's certificate for 127.0.0.1 and a gateway's, made here."""
    openssl = shutil.which("openssl")
    if openssl is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("openssl is not installed")
    folder = tmp_path_factory.mktemp("authority")
    new = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run = {"cwd": folder, "check": True, "capture_output": True}
    subprocess.run([*new, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"], **run)  # type: ignore[call-overload]
    for name, more in (("broker", ["-addext", "subjectAltName=IP:127.0.0.1"]), ("box", [])):
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        subprocess.run([*new, "-subj", f"/CN={name}", *more, *signed, "-keyout", f"{name}.key", "-out", f"{name}.pem"], **run)  # type: ignore[call-overload]
    subprocess.run([*new, "-subj", "/CN=another", "-keyout", "other.key", "-out", "other.pem"], **run)  # type: ignore[call-overload]
    return folder


@pytest.fixture
def secure(authority: Path, tmp_path: Path) -> Iterator[tuple[servers.Server, int]]:
    """Yield a broker with a second listener for TLS, which asks for a client's certificate, and that listener's port."""
    port = servers.free_port()
    files = {"cafile": "ca.pem", "certfile": "broker.pem", "keyfile": "broker.key"}
    lines = [f"listener {port} 127.0.0.1", *(f"{name} {authority / file}" for name, file in files.items()), "require_certificate true"]
    extra = "\n".join([*lines, "allow_anonymous true"])
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker", extra=extra))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server, port


def test_over_tls_with_a_certificate_of_its_own(secure: tuple[servers.Server, int], authority: Path, tmp_path: Path) -> None:
    """Readings arrive over TLS where both sides prove themselves; without the right authority or certificate nothing leaves the spool."""
    server, port = secure
    own = Tls(authority / "ca.pem", authority / "box.pem", authority / "box.key")
    with worker(tmp_path / "readings", server.port):
        wrong = [Tls(authority / "other.pem", own.certificate, own.key), Tls(own.ca)]
        heard: list[str] = []
        boxes = [
            Gateway(GATEWAY, "any", "127.0.0.1", port, tmp_path / f"wrong-{k}.db", tls=tls, on_event=lambda name, _f: heard.append(name))
            for k, tls in enumerate(wrong)
        ]
        for box in boxes:
            box.send([level(5, 1.0)])
            box.start()
        gateway = Gateway(GATEWAY, "any", "127.0.0.1", port, tmp_path / "spool.db", tls=own)
        gateway.start()
        gateway.send([level(5, 1.0)])
        assert gateway.wait_until_empty(15)
        gateway.stop()
        assert [box.pending() for box in boxes] == [1, 1] and "connected" not in heard
        for box in boxes:
            box.stop()
