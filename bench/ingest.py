"""Readings per second from the broker to disk, processor time per reading, and the way from publish to acknowledgement.

    python -m bench.ingest            five rounds of each, in turn, medians
    python -m bench.ingest --quick    two rounds of fewer messages
    python -m bench.ingest --workers 2    one round with so many workers, for information

`singles` are messages of one reading, `batches` of twenty; QoS 1, 50 gateways, 4,000 series. Ours is one worker beside a real mosquitto:
every reading validated, flagged, fsynced, then acknowledged to the broker and to its gateway. The clock runs from the first publish to
the last application acknowledgement, and the rows on disk are counted afterwards.

Peers get the same packets over the same load in the same run, each a fresh broker of the same settings:

- `node-red`: mqtt in, a function, a 5,000-point accumulator, influx batch, VictoriaMetrics. To the last batch answered.
  `node-red-merged`, in the full run and without a bound: both functions in one node.
- `tutorial`: paho, json, one influxdb-client Point per reading, the batching WriteApi as it comes, VictoriaMetrics. To the last point
  written.
- `c-subscriber`: MQTT 5, acknowledges every message and does nothing else: what broker and load leave possible.

None of them validates, flags, finds repeats or tells a gateway anything, and none stores before it acknowledges to the broker. All listen
at the broker's port; the load comes by its Unix socket, so that the broker's time is the consumer's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import ingest_node_red, ingest_runs
from bench.ingest_packets import SERIES, write_packets
from bench.ingest_parts import Tools, compile_tools, temporary
from bench.ingest_runs import Load, Ours
from bench.report import Row, print_report
from tests.servers import Missing

BATCH = 20
LATENCY_RATE = 5000
# The share of a C subscriber is what we reach for, and stated without a bound.
AT_LEAST: dict[tuple[str, str], float | None] = {
    ("singles", "node-red"): 3.0, ("singles", "node-red-merged"): None, ("singles", "tutorial"): 10.0, ("singles", "c-subscriber"): None,
    ("batches", "node-red"): 6.0, ("batches", "node-red-merged"): None, ("batches", "tutorial"): 15.0,
}  # fmt: skip
CPU_US, LATENCY_MS = 6.0, 300.0
# What of our promise each peer does not give.
LESS = {
    "node-red": "acknowledges before it stores, validates, flags and answers nothing",
    "node-red-merged": "acknowledges before it stores, validates, flags and answers nothing",
    "tutorial": "acknowledges before it stores, validates, flags and answers nothing",
    "c-subscriber": "acknowledges and stores nothing",
}


@dataclass(frozen=True)
class Size:
    """How much is sent: rounds, messages of one reading and of twenty for us and for slower peers, messages at 5,000 a second."""

    rounds: int
    singles: int
    batches: int
    peer_singles: int
    peer_batches: int
    paced: int


# Peers' readings are multiples of 5,000, so that Node-RED's last batch is a full one.
FULL = Size(5, 160_000, 40_000, 50_000, 5_000, 50_000)
QUICK = Size(2, 60_000, 12_000, 10_000, 1_000, 15_000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    with temporary() as folder:
        tools = compile_tools(folder)
        if arguments.workers > 1:
            _several(tools, folder, size, arguments.workers)
            return
        rows, left_out = measure(tools, folder, size, _node_red())
    for name in left_out:
        print(f"left out: {name}")
    print_report("ingest", rows)


def measure(tools: Tools, folder: Path, size: Size, node_red: Path | None) -> tuple[list[Row], list[str]]:
    """Return a row for every figure and peer, and the names of the peers that cannot be had here."""
    loads = {1: folder / "singles", BATCH: folder / "batches"}
    for readings, most in ((1, max(size.singles, size.peer_singles, size.paced)), (BATCH, max(size.batches, size.peer_batches))):
        write_packets(loads[readings], SERIES // readings + most, readings)
    singles, batches = Load(loads[1], 1, size.singles), Load(loads[BATCH], BATCH, size.batches)
    theirs = {"singles": Load(loads[1], 1, size.peer_singles), "batches": Load(loads[BATCH], BATCH, size.peer_batches)}
    peers: dict[str, Callable[[Load], float]] = {"tutorial": lambda sent: ingest_runs.tutorial(tools, sent)}
    if node_red is not None:
        installed = node_red
        peers["node-red"] = lambda sent: ingest_runs.node_red(tools, sent, installed)
        if size is FULL:
            peers["node-red-merged"] = lambda sent: ingest_runs.node_red(tools, sent, installed, merged=True)
    found: dict[str, list[float]] = {}
    runs: dict[str, list[Ours]] = {"singles": [], "batches": [], "paced": []}
    for _ in range(size.rounds):
        for figure, sent in (("singles", singles), ("batches", batches)):
            runs[figure].append(ingest_runs.ours(tools, sent))
            for name, run in peers.items():
                found.setdefault(f"{figure} {name}", []).append(run(theirs[figure]))
        if tools.subscriber is not None:
            found.setdefault("singles c-subscriber", []).append(ingest_runs.subscriber(tools, singles))
        runs["paced"].append(ingest_runs.ours(tools, Load(loads[1], 1, size.paced), rate=LATENCY_RATE))
    return _rows(size, runs, found), [name for name in ("node-red", "c-subscriber") if f"singles {name}" not in found]


def _rows(size: Size, runs: dict[str, list[Ours]], found: dict[str, list[float]]) -> list[Row]:
    rows = []
    sizes = {"singles": (size.singles, size.peer_singles), "batches": (size.batches * BATCH, size.peer_batches * BATCH)}
    for (figure, peer), bound in AT_LEAST.items():
        theirs = found.get(f"{figure} {peer}")
        if theirs is not None:
            rates = [r.rate for r in runs[figure]]
            ours, others = sizes[figure]
            scale = (
                f"{ours:,} readings ({_spread(rates)}), peer {ours if peer == 'c-subscriber' else others:,} ({_spread(theirs)}), "
                f"{size.rounds} rounds; the peer {LESS[peer]}"
            )
            rows.append(Row(figure, round(_middle(rates)), "readings/s", scale, peer, round(_middle(theirs)), at_least=bound))
    cpu, paced = [r.cpu_us for r in runs["singles"]], runs["paced"]
    scale = (
        f"singles at full load ({min(cpu):.2f} to {max(cpu):.2f}); at {LATENCY_RATE:,} a second {_middle([r.cpu_us for r in paced]):.1f}, "
        f"in batches of {BATCH} {_middle([r.cpu_us for r in runs['batches']]):.2f}"
    )
    rows.append(Row("worker cpu", round(_middle(cpu), 2), "us/reading", scale, at_most=CPU_US))
    p99 = [r.p99_ms for r in paced]
    scale = (
        f"publish to application acknowledgement at {LATENCY_RATE:,} readings/s over 50 connections, {size.paced:,} readings, "
        f"{size.rounds} rounds ({min(p99):.0f} to {max(p99):.0f}), p50 {_middle([r.p50_ms for r in paced]):.1f}, "
        f"longest {max(r.max_ms for r in paced):.0f}"
    )
    rows.append(Row("ack latency", round(_middle(p99), 1), "ms p99", scale, at_most=LATENCY_MS))
    return rows


def _middle(values: list[float]) -> float:
    return float(statistics.median(values))


def _spread(values: list[float]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"


def _several(tools: Tools, folder: Path, size: Size, workers: int) -> None:
    for readings, messages in ((1, size.singles), (BATCH, size.batches)):
        sent = Load(folder / f"packets-{readings}", readings, messages)
        write_packets(sent.packets, sent.warm + messages, readings)
        for n in (1, workers):
            print(f"{n} workers, messages of {readings}: {ingest_runs.ours(tools, sent, workers=n).rate:,.0f} readings/s", flush=True)


def _node_red() -> Path | None:
    try:
        return ingest_node_red.install()
    except Missing as missing:
        print(f"{missing} cannot be had: the peer node-red is left out", file=sys.stderr)
        return None


if __name__ == "__main__":
    main()
