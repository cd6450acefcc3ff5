"""Batch: rows and answers that become durable together. Rows come one by one or as whole columns (`Block`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.payloads import Ack, Refused
from ingest.quarantine import Held
from ingest.reuse import Doubt
from ingest.runs import Noted
from ingest.segments import UNTOLD
from ingest.sequences import Sequences
from ingest.signatures import SignedMessage
from ingest.states import State


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of many messages as arrays of one length: series (uint32), time, value, number of the message; all received at one time."""

    sid: Any
    t: Any
    x: Any
    seq: Any
    received: int


class Batch:
    """Rows and answers that become durable together."""

    def __init__(self) -> None:
        self.sids: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.seqs: list[int] = []
        self.received: list[int] = []
        self.blocks: list[Block] = []
        # What a sender itself said of a value, by its place in the lists above: a QARTOD flag that joins the time test's result.
        self.syntax: dict[int, int] = {}
        # Of each gateway: the numbers of messages that are new here, and of those that are on disk already.
        self.new: dict[str, Sequences] = {}
        self.known: dict[str, Sequences] = {}
        self.refused: dict[str, list[Refused]] = {}
        self.refused_whole: list[tuple[str, int]] = []
        self.dead: list[tuple[int, str, str, str, bytes]] = []
        self.counties: dict[str, str] = {}
        self.readings: dict[str, int] = {}
        self.duplicates: dict[str, int] = {}
        self.last_received: dict[str, int] = {}
        self.unnumbered: dict[str, int] = {}
        self.signed: list[SignedMessage] = []
        self.ill_signed: dict[str, int] = {}
        # For the loss ledger: what spools gave up, and the counters of foreign messages in the order they were taken.
        self.gone: dict[str, list[tuple[int, int]]] = {}
        self.noted: list[Noted] = []
        # Of foreign senders: for the quarantine; what repeats are known by; damaged messages per feed.
        self.held: list[Held] = []
        # (entry, message) that leave the quarantine with this batch.
        self.released: list[tuple[int, int]] = []
        self.identities: list[tuple[str, bytes]] = []
        # Of Sparkplug feeds: (feed, digest) of messages that wait for a birth no more; who came and went, (gateway, name, online, when);
        # what to publish once the batch is durable, as (topic, body, qos, retain).
        self.settled: list[tuple[str, bytes]] = []
        self.lives: list[tuple[str, str, bool, int]] = []
        self.commands: list[tuple[str, bytes, int, bool]] = []
        # More for the counters of the catalogue.
        self.counts: dict[str, int] = {}
        self.damaged: dict[str, int] = {}
        # Of the rows that came one by one: row -> the device's own time less the best one, None where it told none; all others: 0.
        self.shifts: dict[int, int | None] = {}
        # How gateways say they are: the newest state of each and when it came.
        self.states: dict[str, tuple[int, State]] = {}
        # Messages whose numbers are known: whether they are repeats is seen when all before them is written.
        self.doubts: list[Doubt] = []
        self.reused: dict[str, int] = {}
        self.tokens: list[Any] = []
        self.size = 0
        self.new_series = False
        self._in_blocks = 0

    def __len__(self) -> int:
        return self._in_blocks + len(self.sids)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write and nothing to answer."""
        ours = self.new or self.known or self.unnumbered or self.duplicates or self.noted
        foreign = self.held or self.released or self.settled or self.lives or self.commands or self.states
        return not (self.tokens or ours or foreign or self.dead)

    @property
    def newest_ms(self) -> int:
        """When the newest of its messages was received, 0 where there is none."""
        return max([*self.last_received.values(), *(d[0] for d in self.dead[-1:]), *(n.received_ms for n in self.noted[-1:])], default=0)

    def add_block(self, block: Block) -> None:
        """Take the rows of many messages."""
        self.blocks.append(block)
        self._in_blocks += len(block.sid)

    def add_new(self, gateway: str, county: str, first: int, last: int, readings: int, received_ms: int) -> None:
        """Note that the messages numbered `first` to `last` of a gateway are new and hold so many readings."""
        found = self.new.get(gateway)
        if found is None:
            self.new[gateway] = Sequences([(first, last)])
            self.counties[gateway] = county
        else:
            found.extend(first, last)
        self.readings[gateway] = self.readings.get(gateway, 0) + readings
        self.last_received[gateway] = received_ms

    def add_known(self, gateway: str, county: str, seq: int, received_ms: int) -> None:
        """Note a message that is on disk already: it is answered again."""
        self.known.setdefault(gateway, Sequences()).add(seq)
        self.duplicates[gateway] = self.duplicates.get(gateway, 0) + 1
        self.counties[gateway], self.last_received[gateway] = county, received_ms

    def said(self) -> dict[int, int]:
        """Return what senders said of values themselves, by the row of `arrays`."""
        return {self._in_blocks + place: flag for place, flag in self.syntax.items()}

    def arrays(self) -> dict[str, Any]:
        """Return every row as columns: sid, t, x, received, seq, and shift where one is not 0."""
        import numpy as np

        one_by_one = Block(
            np.array(self.sids, dtype=np.uint32),
            np.array(self.times, dtype=np.int64),
            np.array(self.values, dtype=np.float64),
            np.array(self.seqs, dtype=np.int64),
            0,
        )
        blocks = [*self.blocks, one_by_one]
        shift = {"shift": self._shift()} if self.shifts else {}
        received = [np.full(len(b.sid), b.received, dtype=np.int64) for b in self.blocks]
        return {
            "sid": np.concatenate([b.sid for b in blocks]),
            "t": np.concatenate([b.t for b in blocks]),
            "x": np.concatenate([b.x for b in blocks]),
            "received": np.concatenate([*received, np.array(self.received, dtype=np.int64)]),
            "seq": np.concatenate([b.seq for b in blocks]),
            **shift,
        }

    def _shift(self) -> Any:
        import numpy as np

        values = np.zeros(len(self), dtype=np.int64)
        for row, shift in self.shifts.items():
            values[self._in_blocks + row] = UNTOLD if shift is None else shift
        return values

    def acks(self) -> dict[str, Ack]:
        """Return the acknowledgement due to each gateway once the batch is durable."""
        due: dict[str, Ack] = {}
        for gateway in {*self.new, *self.known, *self.refused}:
            acked = self.new.get(gateway) or Sequences()
            if gateway in self.known:
                acked = Sequences(acked.as_tuples())
                for first, last in self.known[gateway].ranges:
                    acked.add_range(first, last)
            due[gateway] = Ack(1, acked.as_tuples(), self.refused.get(gateway, []))
        return due
