"""The pieces of `bench.ingest` work together, at a scale that says nothing about speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import ingest
from bench.ingest_node_red import flow
from bench.ingest_packets import write_packets
from bench.ingest_parts import Tools, compile_tools, load, start_broker
from bench.ingest_runs import Load, ours
from ingest.topics import up_topic
from tests import servers

TINY = ingest.Size(rounds=1, singles=500, batches=50, peer_singles=500, peer_batches=50, paced=500)


@pytest.fixture(autouse=True)
def _servers(mosquitto: servers.Server) -> None:
    """Skip by name where there is no mosquitto."""


def test_every_figure_has_a_row_for_every_peer(tmp_path: Path) -> None:
    """Ours, the tutorial stack and the C subscriber each store what was sent; rows carry the names and bounds the issue asks for."""
    servers.require(lambda: servers.program("victoria-metrics"))
    tools = compile_tools(tmp_path)
    rows, left_out = ingest.measure(tools, tmp_path, TINY, None)
    told = {(row.figure, row.peer) for row in rows}
    wanted = {("singles", "tutorial"), ("batches", "tutorial"), ("worker cpu", None), ("ack latency", None)}
    if tools.subscriber is not None:
        wanted.add(("singles", "c-subscriber"))
    assert told == wanted
    assert left_out == (["node-red"] if tools.subscriber is not None else ["node-red", "c-subscriber"])
    bounds = {(row.figure, row.peer): row.at_least or row.at_most for row in rows}
    # The C subscriber's share is reached for, not asked.
    assert {key for key, bound in bounds.items() if not bound} <= {("singles", "c-subscriber")}
    assert bounds["singles", "tutorial"] == 10 and bounds["batches", "tutorial"] == 15
    assert all(row.value > 0 for row in rows)


def test_the_load_without_a_compiler_tells_the_same(tmp_path: Path) -> None:
    """The Python load sends the same packets, counts the same acknowledgements and tells the same things."""
    write_packets(tmp_path / "packets", 4400, 1)
    python = Tools(compile_tools(tmp_path / "nowhere").load, None)
    assert python.load[1:] == ("-m", "bench.ingest_load")
    sent = Load(tmp_path / "packets", 1, 400)
    assert ours(python, sent, rate=2000).p99_ms > 0
    folder = tmp_path / "told"
    folder.mkdir()
    with servers.running(start_broker(folder)):
        keys = [set(load(tools, folder, sent.packets, 0, 100, acks=False)) for tools in (python, compile_tools(tmp_path))]
    assert keys[0] <= keys[1] | {"sent"}


def test_the_flow_reads_our_topics_and_counts_what_was_written() -> None:
    """Node-RED's flow is wired from the broker to the store, at QoS 1, and every wire ends at a node."""
    nodes = {node["id"]: node for node in flow(1883, 8428)}
    assert nodes["in"]["qos"] == "1" and nodes["b"]["port"] == "1883" and nodes["i"]["port"] == "8428"
    wired = {target for node in nodes.values() for targets in node.get("wires", []) for target in targets}
    assert wired <= set(nodes) and {"points", "gather", "out", "count"} <= wired
    merged = {node["id"]: node for node in flow(1883, 8428, merged=True)}
    assert "points" not in merged and merged["in"]["wires"] == [["gather"]]
    assert up_topic("bench-00").startswith("suhe/v1/")
