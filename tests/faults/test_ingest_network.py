"""The network between gateways, broker and worker is cut for twelve seconds, in a network namespace; and ten times the usual load."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.faults.ingest_parts import Field, acknowledged, field, message, waiting

SIZE = 20
CUT_S = 12.0


def ip(*words: str) -> None:
    """Change the machine's network."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Link:
    """A broker in a network namespace, reached over one pair of interfaces that can be taken down."""

    def __init__(self, folder: Path) -> None:
        # A process has one of each; two test runs on one machine have different numbers.
        number = os.getpid() % 200
        self.space, self.near, self.far = f"suhe-{os.getpid()}", f"sh{os.getpid()}a", f"sh{os.getpid()}b"
        self.here, self.there = f"10.231.{number}.1", f"10.231.{number}.2"
        self.port = servers.free_port()
        ip("netns", "add", self.space)
        ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.space)
        ip("addr", "add", f"{self.here}/30", "dev", self.near)
        ip("link", "set", self.near, "up")
        ip("-n", self.space, "addr", "add", f"{self.there}/30", "dev", self.far)
        ip("-n", self.space, "link", "set", self.far, "up")
        config = folder / "mosquitto.conf"
        config.write_text(
            f"user root\nlistener {self.port} {self.there}\nallow_anonymous true\npersistence false\nmax_queued_messages 1000000\n"
            "max_inflight_messages 20000\n"
        )
        binary = servers.program("mosquitto")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.space, binary, "-c", str(config)])

    def set(self, state: str) -> None:
        """Take the link `down` or `up`: packets are lost in both directions, nobody is told."""
        ip("link", "set", self.near, state)

    def end(self) -> None:
        """Remove all of it."""
        self.process.terminate()
        self.process.wait(10)
        subprocess.run(["ip", "link", "del", self.near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.space], check=False, capture_output=True)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    """Yield a broker behind a link; without root, or where namespaces are not allowed, skip by name."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace is made by root only")
    try:
        made = servers.require(lambda: servers.program("mosquitto")) and Link(tmp_path)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"a network namespace cannot be made here: {error}")
    assert isinstance(made, Link)
    try:
        yield made
    finally:
        made.end()


def test_a_network_cut_for_twelve_seconds(link: Link, tmp_path: Path) -> None:
    """Readings go on being spooled; when the link is back both sides go on by themselves, and nothing is missing or there twice."""
    broker = servers.Server("mosquitto", link.port, link.process, [], tmp_path / "log", url=link.there)
    made = Field(tmp_path, broker, 5)
    gateway = made.gateway("gw-a")
    try:
        gateway.start()
        gateway.send_many([message("gw-a", n, SIZE) for n in range(50)])
        assert gateway.wait_until_empty(30)
        gateway.send_many([message("gw-a", n, SIZE) for n in range(50, 100)])
        link.set("down")
        begin, n = time.monotonic(), 100
        while time.monotonic() - begin < CUT_S:
            gateway.send(message("gw-a", n, SIZE))
            n += 1
            time.sleep(0.1)
        assert waiting(made.spool("gw-a")) >= n - 100
        assert not made.lost("gw-a", SIZE)
        link.set("up")
        assert gateway.wait_until_empty(60)
        made.check("gw-a", n, SIZE)
    finally:
        gateway.stop()
        for child in made.children:
            child.stop()


def test_ten_times_the_usual_load(tmp_path: Path) -> None:
    """A burst of ten times what went before: nothing is lost, and what was behind is caught up with; how long it took is printed."""
    usual = 20
    with field(tmp_path, "mosquitto") as made:
        gateways = [made.gateway(f"gw-{k}") for k in "abcde"]
        for gateway in gateways:
            gateway.start()
        rounds, begin = {g._id: 0 for g in gateways}, time.monotonic()
        for load in (usual, usual, 10 * usual, 10 * usual, usual):
            for gateway in gateways:
                first = rounds[gateway._id]
                gateway.send_many([message(gateway._id, n, SIZE) for n in range(first, first + load)])
                rounds[gateway._id] += load
            if load > usual:
                begin = time.monotonic()
        assert all(gateway.wait_until_empty(60) for gateway in gateways)
        behind = 20 * usual * SIZE * len(gateways)
        print(f"{behind} readings in a burst, all acknowledged {time.monotonic() - begin:.2f} s after its last part")
        for gateway in gateways:
            gateway.stop()
            assert len(acknowledged(made.spool(gateway._id))) == rounds[gateway._id]
            made.check(gateway._id, rounds[gateway._id], SIZE)
