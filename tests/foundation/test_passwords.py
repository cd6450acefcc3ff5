"""Gateway passwords, checked by ourselves and by a real mosquitto with the same hash."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.passwords import hash_password, new_password, password_fits
from tests import servers
from tests.waiting import wait_until


@given(st.text(max_size=80), st.text(max_size=80))
def test_only_the_password_fits_its_hash(password: str, other: str) -> None:
    """A password fits its own hash; another does not."""
    hashed = hash_password(password)
    assert password_fits(password, hashed)
    assert password_fits(other, hashed) == (other == password)


def test_a_hash_is_salted_and_does_not_hold_the_password() -> None:
    """Two hashes of one password differ; a new password has 256 random bits in characters a URL takes."""
    password = new_password()
    assert len(password) == 43 and password.replace("-", "").replace("_", "").isalnum()
    assert hash_password(password) != hash_password(password)
    assert password not in hash_password(password)
    assert len({new_password() for _ in range(100)}) == 100


@pytest.mark.parametrize("broken", ["", "$7$", "$6$101$YQ==$YQ==", "$7$x$YQ==$YQ==", "$7$101$!$?", "$7$0$YQ==$YQ==", "plain"])
def test_nothing_fits_a_broken_hash(broken: str) -> None:
    """A hash that cannot be read lets nobody in, with no error."""
    assert not password_fits("", broken)
    assert not password_fits("plain", broken)


def test_mosquitto_takes_our_hashes(tmp_path: Path) -> None:
    """A real broker with our password file lets the right password in and no other."""
    password = new_password()
    hashes = {"by-01-gw": hash_password(password), "by-02-gw": hash_password(new_password())}
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "mosquitto", passwords=hashes))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        assert answer(server.port, "by-01-gw", password) == "Success"
        assert answer(server.port, "by-01-gw", password[:-1]) == "Not authorized"
        assert answer(server.port, "by-02-gw", password) == "Not authorized"
        assert answer(server.port, "nobody", password) == "Not authorized"


def answer(port: int, user: str, password: str) -> str:
    """Return the broker's answer to a connection attempt."""
    answers: list[str] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(user, password)
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.append(str(reason))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        return wait_until(lambda: answers, what="an answer to CONNECT")[0]
    finally:
        client.disconnect()
        client.loop_stop()
