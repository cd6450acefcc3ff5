"""Messages taken together become what they become one by one."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.batch import Batch
from ingest.bulk import decode_many
from ingest.payloads import decode_up
from ingest.receiver import Message
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest.examples import NOW_MS, TwoGateways, level, message

DEVICES = {"by-01-gw": "by-01-p1", "sx-01-gw": "sx-01-g1"}
# What an attacker would join to its neighbours, and what is merely broken.
FRAGMENTS = [
    b'{"v":1,"seq":1,"readings":[{"d":"a","c":"b","t":1,"x":1}]}',
    b'{"v":1,"seq":2,"readings":[{"d":"a","c":"b","t":1,"x":1}],"z":[{}',
    b'{}],"seq":3}',
    b'{"v":1,"seq":4,"readings":[{"d":"a","c":"b","t":1,"x":1}],"z":"}',
    b'{"v":1,"seq":5,"readings":[{"d":"a","c":"b","t":1,"x":1}],"z":',
    b'"}',
    b"",
    b" ",
    b"{}",
    b"{",
    b"}",
    b"\xff",
    b'{"v":1,"seq":1e999}',
    b'{"v":1,"seq":6,"readings":[{"d":"a","c":"b","t":1,"x":1e999}]}',
]


@given(st.lists(st.lists(st.sampled_from([*FRAGMENTS, b",", b"\n"]), max_size=4).map(b"".join), min_size=1, max_size=5))
@settings(max_examples=400, deadline=None)
def test_a_body_is_read_as_if_it_were_alone(bodies: list[bytes]) -> None:
    """Whatever stands beside it, a body is read, or not read, as by itself."""
    alone = []
    for body in bodies:
        try:
            alone.append(decode_up(body))
        except BadInput:
            alone.append(None)
    assert decode_many(bodies) == alone


def some_message(gateway: str, seq: int, salt: int) -> Message:
    """Return a message in order, or one that is not: a stranger, another's device, damage, line ends. A repeat is the same message."""
    chance = random.Random(f"{gateway} {seq} {salt}")
    device = chance.choice([DEVICES.get(gateway, "nobody")] * 4 + [DEVICES["by-01-gw"]])
    body = message(seq, *(level(chance.randint(0, 50), chance.uniform(-5, 9), device=device) for _ in range(chance.randint(1, 3))))
    damage = chance.randint(0, 9)
    if damage == 0:
        body = body[:-3]
    elif damage == 1:
        body = body.replace(b",", b",\n")
    elif damage == 2:
        body = body.replace(b'"u"', b'"?"')
    return (up_topic(gateway) if damage != 3 else "suhe/v1/0/not-its-shard/up", body, seq)


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([*DEVICES, "zz-99-gw"]), st.integers(1, 9)), min_size=1, max_size=12), min_size=1, max_size=3
    ),
    st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_taken_together_is_taken_one_by_one(chunks: list[list[tuple[str, int]]], salt: int) -> None:
    """The same rows, numbers, refusals and dead letters, whether messages come one by one or together."""
    with tempfile.TemporaryDirectory() as folder:
        together, single = (Writer(Path(folder) / name, "0", TwoGateways()) for name in ("together", "single"))
        for chunk in chunks:
            many, one = Batch(), Batch()
            messages = [some_message(gateway, seq, salt) for gateway, seq in chunk]
            together.intake.take_many(messages, NOW_MS, many)
            for topic, body, _ in messages:
                single.intake.take(topic, body, NOW_MS, one)
            assert facts(many) == facts(one)
            together.flush(many)
            single.flush(one)
        assert together.catalog.sequences() == single.catalog.sequences()
        together.close()
        single.close()


def facts(batch: Batch) -> object:
    """Return what a batch holds, whatever order it came in."""
    arrays = batch.arrays()
    rows = sorted(zip(*(arrays[name].tolist() for name in ("seq", "t", "x", "sid", "received")), strict=True), key=repr)
    return (
        [row[:3] + row[4:] for row in rows],
        {g: s.ranges for g, s in batch.new.items()},
        {g: s.ranges for g, s in batch.known.items()},
        batch.readings,
        batch.duplicates,
        sorted((g, r.seq, r.why) for g, refused in batch.refused.items() for r in refused),
        sorted(batch.refused_whole),
        sorted(batch.dead),
        batch.size,
    )
