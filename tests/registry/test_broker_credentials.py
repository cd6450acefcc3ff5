"""A real mosquitto and the registry agree on who is a gateway."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import paho.mqtt.client as mqtt

from registry.service import Registry
from tests import servers
from tests.waiting import wait_until


def test_a_gateway_signs_in_at_mosquitto_until_rotated_or_revoked(filled: Registry, tmp_path: Path) -> None:
    """The password shown once is the broker's; after rotation only the new one is, after revocation none."""
    first = filled.rotate_gateway("by-01-gw")
    folder = tmp_path / "mosquitto"
    server = servers.require(lambda: servers.start_mosquitto(folder, passwords=dict(filled.broker_credentials())))
    assert isinstance(server, servers.Server)

    def read_again() -> None:
        (folder / "passwords").write_text("".join(f"{user}:{hashed}\n" for user, hashed in filled.broker_credentials()))
        os.kill(server.pid, signal.SIGHUP)

    with servers.running(server):
        assert lets_in(server.port, first)
        second = filled.rotate_gateway("by-01-gw")
        read_again()
        wait_until(lambda: lets_in(server.port, second), what="the new password")
        assert not lets_in(server.port, first)
        filled.revoke_gateway("by-01-gw")
        read_again()
        wait_until(lambda: not lets_in(server.port, second), what="nobody let in")


def lets_in(port: int, password: str) -> bool:
    """Tell whether the broker lets the gateway in with this password."""
    answers: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set("by-01-gw", password)
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.append(not reason.is_failure)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait_until(lambda: answers, what="an answer to CONNECT")
        return answers[0]
    finally:
        client.disconnect()
        client.loop_stop()
