"""Kill -9 of ingest, of the broker and of a gateway while readings flow: what is in a spool ends up in the store, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.ingest_parts import field, given, message, waiting
from tests.waiting import wait_until

BROKERS = ["mosquitto", "amqtt"]
SIZE = 20
GATEWAYS = ("gw-a", "gw-b", "gw-c")


@pytest.mark.parametrize("broker", BROKERS)
def test_a_killed_ingest_worker_loses_nothing(tmp_path: Path, broker: str) -> None:
    """Killed mid-stream, again and again, the worker comes back, and every message is stored once and leaves its spool."""
    messages, kills = (400, 3) if broker == "mosquitto" else (150, 2)
    with field(tmp_path, broker) as made:
        gateways = [made.gateway(name) for name in GATEWAYS]
        for gateway in gateways:
            gateway.start()
        total = messages * SIZE * len(GATEWAYS)
        for part in range(kills + 1):
            for name, gateway in zip(GATEWAYS, gateways, strict=True):
                gateway.send_many(
                    [message(name, n, SIZE) for n in range(part * messages // (kills + 1), (part + 1) * messages // (kills + 1))]
                )
            if part < kills:
                made.wait_for(total * part // (kills + 1) + 1)
                made.worker.kill()
                made.worker.start()
        for gateway in gateways:
            assert gateway.wait_until_empty(30)
            gateway.stop()
        for name in GATEWAYS:
            made.check(name, messages, SIZE)
        assert made.count() == total


@pytest.mark.parametrize("broker", BROKERS)
def test_a_killed_broker_loses_nothing(tmp_path: Path, broker: str) -> None:
    """Killed twice with messages under way and no memory of its own, the broker comes back, and the spools fill what it forgot."""
    messages = 400 if broker == "mosquitto" else 120
    with field(tmp_path, broker) as made:
        gateways = [made.gateway(name) for name in GATEWAYS]
        for gateway in gateways:
            gateway.start()
        total = messages * SIZE * len(GATEWAYS)
        for part in range(3):
            for name, gateway in zip(GATEWAYS, gateways, strict=True):
                gateway.send_many([message(name, n, SIZE) for n in range(part * messages // 3, (part + 1) * messages // 3)])
            if part < 2:
                made.wait_for(total * part // 3 + 1, 20)
                made.broker.kill()
                made.broker.start_again()
        for gateway in gateways:
            assert gateway.wait_until_empty(30)
            gateway.stop()
        for name in GATEWAYS:
            made.check(name, messages, SIZE)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_killed_gateway_loses_nothing_it_spooled(tmp_path: Path, broker: str) -> None:
    """Killed four times while it spools and sends, a gateway goes on from its spool: no number is given twice, nothing is missing."""
    messages = 600 if broker == "mosquitto" else 200
    with field(tmp_path, broker) as made:
        child = made.gateway_process("gw-a", messages, SIZE)
        spool = made.spool("gw-a")
        for part in range(1, 5):
            wait_until(lambda part=part: given(spool) >= messages * part // 6, 10, every=0.005)
            child.kill()
            child.start()
        assert child.process.wait(40) == 0
        assert waiting(spool) == 0
        made.check("gw-a", messages, SIZE)
        state = made.readings.gateways()[0]
        assert (state.last_seq, state.messages, state.open_gaps) == (messages, messages, ())


def test_everything_killed_at_once(tmp_path: Path) -> None:
    """A power cut takes gateway, broker and worker together; all come back and nothing is missing or there twice."""
    messages = 600
    with field(tmp_path, "mosquitto") as made:
        child = made.gateway_process("gw-a", messages, SIZE)
        for part in (1, 2):
            made.wait_for(messages * SIZE * part // 4)
            child.kill()
            made.broker.kill()
            made.worker.kill()
            made.broker.start_again()
            made.worker.start()
            child.start()
        assert child.process.wait(40) == 0
        made.check("gw-a", messages, SIZE)


def test_an_empty_spool_opened_again_does_not_repeat_a_number(tmp_path: Path) -> None:
    """Emptied by acknowledgements, closed and opened again, a spool goes on counting: the store takes the next message for a new one."""
    with field(tmp_path, "mosquitto") as made:
        numbers = []
        for n in range(3):
            gateway = made.gateway("gw-a")
            gateway.start()
            numbers.append(gateway.send(message("gw-a", n, SIZE)))
            assert gateway.wait_until_empty(10)
            gateway.stop()
        assert numbers == [1, 2, 3]
        made.check("gw-a", 3, SIZE)
