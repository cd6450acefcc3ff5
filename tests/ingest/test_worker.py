"""The whole way: gateway, broker, worker, store, acknowledgement."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.batch import Batch
from ingest.gateway import Gateway
from ingest.keeper import Keeper
from ingest.service import Readings
from tests import servers
from tests.ingest.examples import NOW_MS, TwoGateways, clock, level, worker
from tests.waiting import wait_until

GATEWAY = "by-01-gw"
BROKERS = pytest.mark.parametrize(("broker", "protocol"), [("mosquitto", 5), ("mosquitto", 4), ("amqtt", 4)])


@BROKERS
def test_everything_sent_is_stored_once_and_the_spool_empties(
    broker: str, protocol: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Messages of two gateways reach the store, each reading once, over both protocols and both brokers."""
    server: servers.Server = request.getfixturevalue(broker)
    gateways = [Gateway(g, "any", "127.0.0.1", server.port, tmp_path / f"{g}.db", protocol=protocol) for g in ("by-01-gw", "sx-01-gw")]
    with worker(tmp_path / "readings", server.port, protocol):
        for gateway, device in zip(gateways, ("by-01-p1", "sx-01-g1"), strict=True):
            gateway.send_many([[level(n * 10 + k, k, device=device) for k in range(10)] for n in range(30)])
            gateway.start()
        assert all(gateway.wait_until_empty(15) for gateway in gateways)
        for gateway in gateways:
            gateway.stop()
    readings = Readings(tmp_path / "readings", clock(), TwoGateways())
    for device in ("by-01-p1", "sx-01-g1"):
        found = readings.range(device, "water_level", 0, NOW_MS + 1, limit=1000)
        assert [p.t_ms for p in found] == sorted(level(n, 0).t for n in range(300))
    assert readings.counts().readings == 600
    assert {(g.gateway, g.messages, g.open_gaps) for g in readings.gateways()} == {("by-01-gw", 30, ()), ("sx-01-gw", 30, ())}
    readings.close()


def test_a_store_that_cannot_be_written_gets_its_batches_when_it_can() -> None:
    """While the store fails nothing is acknowledged and the keeper takes no more than one batch ahead; then all is written in order."""
    flushed: list[Batch] = []
    failures = [OSError(28, "No space left on device")] * 2

    class Disk:
        def flush(self, batch: Batch) -> None:
            if failures:
                raise failures.pop()
            flushed.append(batch)

        def settle(self) -> None:
            pass

    class Answers:
        acknowledged: list[int] = []  # noqa: RUF012 - one instance

        def poll(self, seconds: float) -> list[tuple[str, bytes, object]]:
            return []

        def acknowledge(self, tokens: list[int]) -> None:
            assert len(flushed) > len(self.acknowledged)
            self.acknowledged += tokens

        def publish(self, topic: str, body: bytes, *, qos: int = 0, retain: bool = False) -> None:
            pass

        def close(self) -> None:
            pass

    keeper, receiver = Keeper(Disk()), Answers()
    keeper.start()
    batches = [Batch() for _ in range(3)]
    began = time.monotonic()
    for n, batch in enumerate(batches):
        batch.tokens.append(n)
        keeper.put(batch, receiver)  # type: ignore[arg-type]
    assert time.monotonic() - began > 1.0, "the third had to wait for the first"
    keeper.finish()
    assert flushed == batches and receiver.acknowledged == [0, 1, 2]
    assert not keeper.is_alive()
    with pytest.raises(RuntimeError):
        keeper.put(Batch(), receiver)  # type: ignore[arg-type]


def test_a_worker_waits_for_its_broker_and_outlives_it(tmp_path: Path, mosquitto: servers.Server) -> None:
    """Started before the broker, and through the broker's death, the worker goes on as soon as there is one."""
    mosquitto.kill()
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db")
    with worker(tmp_path / "readings", mosquitto.port):
        gateway.start()
        gateway.send([level(1, 1.0)])
        mosquitto.start_again()
        assert gateway.wait_until_empty(15)
        mosquitto.kill()
        gateway.send([level(2, 2.0)])
        mosquitto.start_again()
        assert gateway.wait_until_empty(15)
        gateway.stop()
    readings = Readings(tmp_path / "readings", clock(), TwoGateways())
    assert readings.counts().readings == 2
    readings.close()


def test_a_message_that_breaks_the_intake_is_kept_and_the_next_is_stored(mosquitto: servers.Server, tmp_path: Path) -> None:
    """Whatever goes wrong with one message, the loop goes on; the gateway keeps what was not answered and it is stored when mended."""

    class Broken(TwoGateways):
        trouble = True

        def device_allowed(self, gateway_id: str, device_id: str) -> bool:
            if device_id.endswith("p2") and self.trouble:
                raise RuntimeError("the registry does not answer")
            return super().device_allowed(gateway_id, device_id)

    directory = Broken()
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db")
    readings = Readings(tmp_path / "readings", clock(), directory)
    with worker(tmp_path / "readings", mosquitto.port, directory=directory):
        gateway.start()
        gateway.send_many([[level(1, 1.0, device="by-01-p2")], [level(1, 1.0, device="by-01-p1")]])
        wait_until(lambda: readings.counts().readings == 1 and readings.counts().dead_letters >= 1, 10)
        assert gateway.pending() == 1 and readings.gateways()[0].open_gaps == ()
        directory.trouble = False
        assert gateway.wait_until_empty(15)
        gateway.stop()
    assert readings.counts().readings == 2
    assert "does not answer" in readings.dead_letters(1)[0].reason
    readings.close()
