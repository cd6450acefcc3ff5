"""Sparkplug B over a real broker: an edge node, a worker that can be killed, and everything the node sent in the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.ingest_parts import field
from tests.faults.sparkplug_parts import LiveEdge
from tests.ingest.sparkplug_edge import Edge
from tests.waiting import wait_until

BROKERS = ["mosquitto", "amqtt"]
POND = "gw-s-pond-1"


def rows(made: object) -> dict[tuple[str, int], float]:
    """Return what is stored of the pond, by channel and time."""
    return {(c, t): x for d, c, t, x in made.stored("gw-s") if d == POND}  # type: ignore[attr-defined]


@pytest.mark.parametrize("broker", BROKERS)
def test_births_aliases_a_gap_and_a_killed_worker(tmp_path: Path, broker: str) -> None:
    """Data by alias are stored, a gap and a killed worker each bring a request for a birth, and nothing that arrived is missing."""
    with field(tmp_path, broker, sparkplug=True) as made:
        live = LiveEdge(Edge(node="gw-s"), made.broker.port, "suhe-0")
        # 1. The host says that it is there, retained, and the node tells its births.
        wait_until(lambda: live.states and json.loads(live.states[-1])["online"], 15)
        live.birth()
        for n in range(20):
            live.data(Temperature=20.0 + n / 4, Level=-n)
        wait_until(lambda: live.told.items() <= rows(made).items(), 10, what="data by alias are stored")
        assert live.rebirths == 0
        # 2. Two messages are lost on the way: after the reorder timeout the host asks for a birth, and what came after them is stored.
        live.data(lose=True, Temperature=1.0)
        live.data(lose=True, Temperature=1.0)
        for n in range(5):
            live.data(Temperature=30.0 + n, Level=-100 - n)
        live.wait_for_rebirth(1)
        wait_until(lambda: live.told.items() <= rows(made).items(), 10, what="what came after the gap is stored")
        # 3. The worker is killed: the broker says the host is away, the new one asks again and takes what it could not read until then.
        made.worker.kill()
        wait_until(lambda: not json.loads(live.states[-1])["online"], 10)
        if broker == "mosquitto":
            for n in range(5):
                live.data(Temperature=40.0 + n, Level=-200 - n)
        made.worker.start()
        wait_until(lambda: json.loads(live.states[-1])["online"], 15)
        for n in range(5):
            live.data(Temperature=50.0 + n, Level=-300 - n)
        live.wait_for_rebirth(2)
        wait_until(lambda: live.told.items() <= rows(made).items(), 15, what="what waited for a birth is stored")
        # 4. Nothing waits, nothing is refused, and the ledger knows the two that were lost.
        assert not made.readings.quarantine() and not made.readings.dead_letters(10)
        lost = [g for g in made.readings.sequence_gaps("gw-s") if g.stream == "gw-s/Field/gw-s"]
        assert sum(g.lost + g.missing for g in lost[-1:]) == 2
        # 5. The node's will ends its session.
        live.cut()
        wait_until(lambda: all(not s.online for s in made.readings.edge_states("gw-s")), 15)
        assert [s.name for s in made.readings.edge_states()] == ["gw-s", "gw-s/pond-1"]
