"""The receiver over TLS: the same promise, with one thread reading while another acknowledges."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish
import pytest

from foundation.clock import SystemClock
from foundation.errors import BadInput, Unavailable
from foundation.settings import Settings
from ingest.receiver import SocketReceiver
from ingest.service import Readings
from ingest.topics import up_topic
from suhe.broker import connection, tls_context
from tests import servers
from tests.ingest.examples import TwoGateways, message, worker
from tests.waiting import wait_until

TOPIC = up_topic("by-01-gw")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of 127.0.0.1 that nobody but its holder trusts; its key lies beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    openssl = servers.require(lambda: servers.program("openssl"))
    subprocess.run(
        [str(openssl), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def broker(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """Run mosquitto behind TLS."""
    extra = f"certfile {certificate}\nkeyfile {certificate.with_name('key.pem')}"
    server = servers.require(lambda: servers.start_mosquitto(tmp_path_factory.mktemp("broker"), extra=extra))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


def test_everything_comes_and_is_acknowledged_from_another_thread(broker: servers.Server, certificate: Path) -> None:
    """Three thousand messages of ten kilobytes, acknowledged by a second thread while the first reads; nothing comes again afterwards."""
    context = ssl.create_default_context(cafile=str(certificate))
    receiver = SocketReceiver("127.0.0.1", broker.port, "tls", "", "", [TOPIC], tls=context)
    bodies = [b"%06d" % n + b"x" * 10_000 for n in range(3000)]
    sender = threading.Thread(
        target=paho.mqtt.publish.multiple,
        args=([(TOPIC, body, 1, False) for body in bodies], "127.0.0.1", broker.port),
        kwargs={"tls": {"ca_certs": str(certificate)}},
    )
    sender.start()
    found: list[bytes] = []

    def enough() -> bool:
        messages = receiver.poll(0.1)
        found.extend(body for _, body, _ in messages)
        threads.append(threading.Thread(target=receiver.acknowledge, args=([token for *_, token in messages],)))
        threads[-1].start()
        return len(found) >= len(bodies)

    threads: list[threading.Thread] = []
    wait_until(enough, 60, every=0)
    sender.join()
    for thread in threads:
        thread.join()
    assert found == bodies
    receiver.close()
    again = SocketReceiver("127.0.0.1", broker.port, "tls", "", "", [TOPIC], tls=context)
    assert again.session_present and not again.poll(0.3)
    again.close(forget=True)


def test_a_certificate_nobody_vouches_for_is_refused(broker: servers.Server) -> None:
    """Neither a stranger's certificate nor plain bytes to a TLS port get further than one error."""
    with pytest.raises(Unavailable, match="TLS"):
        SocketReceiver("127.0.0.1", broker.port, "tls", "", "", [TOPIC], tls=ssl.create_default_context())
    with pytest.raises(Unavailable):
        SocketReceiver("127.0.0.1", broker.port, "tls", "", "", [TOPIC])


def test_the_settings_name_broker_and_authority(broker: servers.Server, certificate: Path, tmp_path: Path) -> None:
    """mqtts:// with SUHE_MQTT_CA is what a worker connects with; a file that is none is told by its setting."""
    chosen = Settings(data=tmp_path, mqtt_url=f"mqtts://ingest:any@127.0.0.1:{broker.port}", mqtt_ca=str(certificate))
    found = connection(chosen)
    assert (found.tls, found.port) == (True, broker.port)
    assert isinstance(tls_context(chosen, found), ssl.SSLContext)
    assert tls_context(chosen, connection(Settings(data=tmp_path, mqtt_url="mqtt://h"))) is None
    with pytest.raises(BadInput, match="SUHE_MQTT_CA"):
        tls_context(Settings(data=tmp_path, mqtt_url="mqtts://h", mqtt_ca=str(tmp_path / "none")), found)
    assert connection(Settings(data=tmp_path, mqtt_url="mqtts://h")).port == 8883
    with worker(tmp_path / "readings", broker.port, tls=tls_context(chosen, found)):
        readings = Readings(tmp_path / "readings", SystemClock(), TwoGateways())

        def stored() -> bool:
            paho.mqtt.publish.single(TOPIC, message(1), 1, hostname="127.0.0.1", port=broker.port, tls={"ca_certs": str(certificate)})
            return readings.counts().readings == 1

        wait_until(stored, 15, every=0.2, what="a reading over TLS")
