"""A Sparkplug feed in a worker: what waits is on disk, survives a restart, is claimed by names, and flags and states are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.ids import shard_of
from ingest.batch import Batch
from ingest.claiming import reclaim
from ingest.edge_state import edge_states
from ingest.formats.sparkplug_payload import FLOAT, Metric, write_payload
from ingest.quarantine import BIRTH, DEVICE, entries, messages_of
from ingest.segments import read_rows
from ingest.sparkplug.feeds import SparkplugFeeds, host_for
from ingest.topics import SHARDS
from ingest.writer import Writer
from registry.feeds import DeviceName, Feed, FeedBook
from tests.ingest.examples import NOW_MS, TwoGateways
from tests.ingest.sparkplug_edge import Edge, Message

FEED = Feed("sp", "by-01-gw", "sparkplug-b", "spBv1.0/Field/+/by-01-gw/#")
POND = DeviceName("sp", "by-01-gw/pond-1", "by-01-p1")


class Book:
    """Feeds that are changed by hand."""

    def __init__(self, *names: DeviceName) -> None:
        self.book = FeedBook((FEED,), names)

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return the book."""
        return self.book


class Worker:
    """A writer that listens, without a broker; `now` is its clock."""

    def __init__(self, folder: Path, book: Book) -> None:
        self.folder, self.now = folder, 1000.0
        self.writer = Writer(folder, "0", TwoGateways(), feeds=book)
        foreign = self.writer.intake.foreign
        self.feeds = foreign.sparkplug = SparkplugFeeds(foreign, self.writer.catalog, "suhe-0", lambda: self.now)

    def send(self, *messages: Message) -> Batch:
        """Take messages as one batch and make it durable."""
        batch = Batch()
        for topic, body in messages:
            self.now += 0.01
            self.writer.intake.take(topic, body, NOW_MS, batch)
        self.feeds.tick(NOW_MS, batch)
        self.writer.flush(batch)
        return batch

    def rows(self) -> list[tuple[str, str, float, int]]:
        """Return device, channel, value and flag of every stored row."""
        names = {s.sid: (s.device, s.channel) for s in self.writer.catalog.series()}
        frames = [read_rows(path) for path in sorted((self.folder / "segments").glob("*.parquet"))]
        rows = [row for frame in frames for row in frame.select("sid", "x", "flag", "version").iter_rows()]
        return [(*names[sid], x, flag) for sid, x, flag, version in rows if version == 0]


@pytest.fixture
def edge() -> Edge:
    """Return an edge node of by-01-gw, an hour ago by the tests' clock."""
    return Edge(node="by-01-gw", now_ms=NOW_MS - 3_600_000)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Yield a worker that knows the pond."""
    made = Worker(tmp_path, Book(POND))
    yield made
    made.writer.close()


def test_what_waits_for_a_birth_is_on_disk_and_survives_a_restart(edge: Edge, tmp_path: Path) -> None:
    """Held in quarantine before it is acknowledged, taken back by the next run, settled with the birth."""
    worker = Worker(tmp_path, Book(POND))
    edge.births()
    batch = worker.send(edge.data(Temperature=21.0), edge.data(Temperature=22.0))
    (entry,) = entries(worker.writer.catalog)
    assert (entry.kind, entry.name, entry.kept) == (BIRTH, "by-01-gw", 2)
    assert [command[0] for command in batch.commands] == ["spBv1.0/Field/NCMD/by-01-gw"] and not worker.rows()
    worker.writer.close()
    again = Worker(tmp_path, Book(POND))
    again.send(*edge.births())
    assert [x for device, channel, x, _ in again.rows() if device == "by-01-p1" and "emperature" in channel] == [20.0, 21.0, 22.0]
    assert all(e.kind != BIRTH for e in entries(again.writer.catalog))
    again.writer.close()


def test_a_birth_in_the_same_batch_leaves_nothing_behind(worker: Worker, edge: Edge) -> None:
    """Held and settled before the batch is written: nothing stays in quarantine."""
    edge.births()
    worker.send(edge.data(Temperature=21.0), *edge.births())
    assert all(e.kind != BIRTH for e in entries(worker.writer.catalog))


def test_a_device_nobody_named_waits_with_names_in_place_of_aliases(tmp_path: Path, edge: Edge) -> None:
    """What is kept of it can be read by anybody, and becomes readings once the device is named, unit, flag and all."""
    book = Book()
    worker = Worker(tmp_path, book)
    bad = [Metric(alias=edge.alias("pond-1", "Temperature"), t_ms=NOW_MS - 60_000, value=23.5, properties={"Quality": 0})]
    births = edge.births()
    worker.send(*births, (edge.topic("DDATA", "pond-1"), write_payload(bad, t_ms=NOW_MS, seq=2)))
    (entry,) = [e for e in entries(worker.writer.catalog, "kind = ?", (DEVICE,)) if e.name == "by-01-gw/pond-1"]
    assert len(messages_of(worker.writer.catalog, entry.id)) == 2 and "Temperature" in entry.channels
    worker.writer.intake.foreign.sparkplug = None
    book.book = FeedBook((FEED,), (POND,))
    batch = Batch()
    assert reclaim(worker.writer.intake, batch) == 2
    worker.writer.flush(batch)
    found = [(x, flag) for device, channel, x, flag in worker.rows() if device == "by-01-p1" and "emperature" in channel]
    assert (23.5, 4) in found and 20.0 in {x for x, _ in found}
    worker.writer.close()


def test_states_of_nodes_and_devices(worker: Worker, edge: Edge) -> None:
    """Births and deaths are kept with their number and since when."""
    worker.send(*edge.births())
    worker.send(*edge.births(), edge.device_death("pond-1"))
    states = {s.name: (s.online, s.births) for s in edge_states(worker.writer.catalog, "by-01-gw")}
    assert states == {"by-01-gw": (True, 2), "by-01-gw/pond-1": (False, 2)}
    worker.send(edge.death())
    assert not any(s.online for s in edge_states(worker.writer.catalog))


def test_the_ledger_knows_what_was_lost(worker: Worker, edge: Edge) -> None:
    """A gap in the numbers of a node is a gap of its stream, across a restart of the numbers by a birth."""
    worker.send(*edge.births(), edge.data(Temperature=21.0))
    edge.data(Temperature=0.0)
    worker.send(edge.data(Temperature=22.0), *edge.births(), edge.data(Temperature=23.0))
    rows = worker.writer.catalog.rows("SELECT stream, missing + lost FROM gap")
    assert rows == [("by-01-gw/Field/by-01-gw", 1)]


def test_damaged_payloads_are_dead_letters(worker: Worker, edge: Edge) -> None:
    """Kept with the reason, counted, and the next message is taken."""
    worker.send((edge.topic("NDATA"), b"\xff\xff"), *edge.births())
    (letter,) = worker.writer.catalog.rows("SELECT gateway, topic, reason FROM dead_letter")
    assert letter[0] == "by-01-gw" and worker.rows()


def test_a_word_that_the_host_is_away_is_contradicted_once(worker: Worker) -> None:
    """The will of an earlier connection may come late; what others say of themselves is theirs."""
    presence = worker.feeds.presence(NOW_MS)
    assert presence.here == b'{"online":true,"timestamp":%d}' % NOW_MS and presence.gone == b'{"online":false,"timestamp":%d}' % NOW_MS
    topic = "spBv1.0/STATE/suhe-0"
    batch = worker.send((topic, presence.gone), (topic, presence.gone), (topic, presence.here), ("spBv1.0/STATE/other", presence.gone))
    assert batch.commands == [(topic, presence.here, 1, True)]


def test_a_float_by_name_needs_no_birth(worker: Worker, edge: Edge) -> None:
    """A message that tells name and datatype is stored at once; the birth is asked for all the same."""
    metric = Metric("Temperature", t_ms=NOW_MS, datatype=FLOAT, value=19.5)
    batch = worker.send((edge.topic("DDATA", "pond-1"), write_payload([metric], t_ms=NOW_MS, seq=9)))
    assert [x for _, _, x, _ in worker.rows()] == [19.5] and len(batch.commands) == 1


def test_the_host_a_node_is_told_is_the_worker_of_its_shard() -> None:
    """Worker N of M has the shards N, N + M, N + 2 M …; with one worker it is suhe-0 for everybody."""
    for gateway in ("by-01-gw", "sx-01-gw", "gw-a"):
        assert host_for(gateway, 1) == "suhe-0"
        for workers in (2, 5, 16):
            (worker,) = [n for n in range(workers) if shard_of(gateway) in SHARDS[n::workers]]
            assert host_for(gateway, workers) == f"suhe-{worker}"
