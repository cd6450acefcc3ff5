"""Kills in a loop: a worker twenty times, a broker eight times, a gateway at each point between its spool and its acknowledgement."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.ingest_parts import Process, acknowledged, field, given, message, waiting
from tests.waiting import wait_until

SIZE = 20
KILLS = 20


def test_a_worker_killed_twenty_times_loses_nothing(tmp_path: Path) -> None:
    """Killed each time with messages acknowledged and messages under way; what the gateway was told is stored is stored."""
    part, rng = 40, random.Random(6)
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        spool = made.spool("gw-a")
        for kill in range(KILLS):
            told = len(acknowledged(spool))
            for n in range(kill * part, (kill + 1) * part):
                gateway.send(message("gw-a", n, SIZE))
            wait_until(lambda told=told: len(acknowledged(spool)) > told, 30, every=rng.uniform(0.001, 0.05))
            made.worker.kill()
            made.worker.start()
        assert gateway.wait_until_empty(60)
        gateway.stop()
        assert not made.lost("gw-a", SIZE)
        made.check("gw-a", KILLS * part, SIZE)


def test_a_broker_killed_in_a_loop_loses_nothing(tmp_path: Path) -> None:
    """Eight times, without a memory of its own and always with messages under way; in the end the spool is empty."""
    messages = 800
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        for part in range(8):
            gateway.send_many([message("gw-a", n, SIZE) for n in range(part * 100, (part + 1) * 100)])
            told = len(acknowledged(made.spool("gw-a")))
            wait_until(lambda told=told: len(acknowledged(made.spool("gw-a"))) > told, 30, every=0.005)
            made.broker.kill()
            made.broker.start_again()
        assert gateway.wait_until_empty(60)
        gateway.stop()
        assert not made.lost("gw-a", SIZE)
        made.check("gw-a", messages, SIZE)


def test_a_gateway_killed_between_spool_publish_and_acknowledgement(tmp_path: Path) -> None:
    """Killed at each of these points and started again it goes on from its spool: nothing is missing, twice, or under another's number."""
    messages = 50
    with field(tmp_path, "mosquitto") as made:
        for name, at in (("gw-a", "spooled"), ("gw-b", "published"), ("gw-c", "acknowledged")):
            spool = made.spool(name)
            told = ("dying gateway", made.broker.port, 5, str(spool), name, messages, SIZE)
            dying = Process(*told, at)
            made.children.append(dying)
            assert dying.process.wait(30) == -9
            assert given(spool) == messages and waiting(spool) > 0
            again = Process(*told, "")
            made.children.append(again)
            assert again.process.wait(60) == 0
            assert waiting(spool) == 0 and given(spool) == messages
            made.check(name, messages, SIZE)
        assert {(g.last_seq, g.open_gaps) for g in made.readings.gateways()} == {(messages, ())}
