"""The conformance test of brokers: one that keeps every promise, one with a short queue, and one that cannot keep them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from foundation.errors import BadInput, Unavailable
from foundation.passwords import hash_password
from ingest.broker.check import FAILS, HOLDS, Broker, Finding, as_gateway, check_broker, read_address
from suhe.broker_rules import INGEST_USER, MOSQUITTO_ACL
from suhe.commands.broker_check import run
from tests import servers


def examine(url: str, *, messages: int = 1500, gateway: str = "", ca: str = "") -> dict[str, Finding]:
    """Put a broker through everything and return the findings by promise."""
    broker = Broker(read_address(url, ca), messages, patience_s=2.0)
    found = list(check_broker(as_gateway(broker, gateway) if gateway else broker))
    assert all(f.means and f.change for f in found if f.state == FAILS)
    return {f.promise: f for f in found}


def failed(found: dict[str, Finding]) -> set[str]:
    """Return the promises that fail."""
    return {name for name, f in found.items() if f.state == FAILS}


def test_our_own_settings_keep_every_promise_over_tls_and_with_rules(tmp_path: Path) -> None:
    """Mosquitto as we set it up, behind TLS with a certificate of its own: all hold, the gateway's rule among them."""
    tmp_path.joinpath("broker").mkdir()
    key, certificate = tmp_path / "broker" / "key.pem", tmp_path / "broker" / "cert.pem"
    openssl = servers.require(lambda: servers.program("openssl"))
    subprocess.run(
        [str(openssl), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    passwords = {name: hash_password("s3cret") for name in (INGEST_USER, "gw-1")}
    extra = f"certfile {certificate}\nkeyfile {key}\nsys_interval 1"
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker", passwords=passwords, acl=MOSQUITTO_ACL, extra=extra))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        url = f"mqtts://{INGEST_USER}:s3cret@127.0.0.1:{server.port}"
        found = examine(url, gateway="gw-1:s3cret", ca=str(certificate))
        assert failed(found) == set()
        assert found["what is not allowed is refused (0x87)"].measured == "PUBACK 0x87"
        assert found["queue of an absent session"].measured.startswith("1,500 of 1,500 kept")
        with pytest.raises(Unavailable):
            examine(url)  # a certificate nobody trusts
        with pytest.raises(Unavailable):
            examine(url.replace("s3cret", "wrong"), ca=str(certificate))


def test_a_broker_with_default_settings_fails_at_its_queue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Mosquitto as installed keeps a thousand, answers all with Success, and the command says so and ends with 1."""
    extra = "max_queued_messages 1000\nmax_inflight_messages 20\nmessage_size_limit 0\nsys_interval 1"
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker", extra=extra))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        code = run(f"mqtt://127.0.0.1:{server.port}", gateway="", ca="", messages=1500, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert code == 1 and not told["ok"]
    (one,) = [f for f in told["findings"] if f["state"] == FAILS]
    assert one["promise"] == "queue of an absent session"
    assert one["measured"] == "1,000 of 1,500 kept; the sender was told Success for 1,500"
    assert "500 messages were thrown away" in one["means"] and "max_queued_messages" in one["change"]


def test_the_embedded_broker_says_what_it_cannot_keep(tmp_path: Path) -> None:
    """Amqtt speaks 3.1.1 and forgets: exactly those promises fail, and the rest holds."""
    with servers.running(servers.start_amqtt(tmp_path / "broker")) as server:
        found = examine(f"mqtt://127.0.0.1:{server.port}", messages=100)
    assert failed(found) == {
        "speaks MQTT 5", "queue of an absent session", "session expiry", "what was not acknowledged comes again", "receive maximum",
        "nobody listens is told (0x10)",
    }  # fmt: skip
    assert found["sixteen filters with a wildcard"].state == found["a last will is delivered"].state == HOLDS


@pytest.mark.parametrize("url", ["http://broker", "mqtt://", "broker:1883", "mqtt://broker:port", "ws://broker"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Only mqtt:// and mqtts:// with a host; the refusal shows no password."""
    with pytest.raises(BadInput):
        read_address(url)


def test_an_address_has_its_defaults() -> None:
    """Ports by scheme, users and passwords unquoted."""
    assert (read_address("mqtt://h").port, read_address("mqtts://h").port, read_address("mqtts://h").tls) == (1883, 8883, True)
    told = read_address("mqtt://a%40b:p%3Aw@h:1")
    assert (told.user, told.password, told.port) == ("a@b", "p:w", 1)


def test_a_broker_that_is_not_there_is_said_at_once() -> None:
    """Nothing listens: one error, no table."""
    with pytest.raises(Unavailable):
        examine(f"mqtt://127.0.0.1:{servers.free_port()}")
