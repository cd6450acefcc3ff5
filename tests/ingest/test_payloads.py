"""The wire format: what is accepted, what is refused, and that nothing unexpected escapes."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from foundation.ids import shard_of
from ingest.payloads import Ack, ReadingIn, Refused, decode_ack, decode_up, encode_ack, encode_up, sequence_in
from ingest.topics import ack_topic, parse_topic, up_topic

MALFORMED = {
    "nothing": b"",
    "not UTF-8": b'{"v":1,"seq":1,"readings":[{"d":"\xff","c":"rain","t":1,"x":1}]}',
    "not JSON": b"v=1;seq=2",
    "HTML": b"<html><body>502</body></html>",
    "cut off": b'{"v":1,"seq":3,"readings":[{"d":"a","c":"rain","t":1',
    "an array": b"[1,2,3]",
    "another version": b'{"v":2,"seq":4,"readings":[{"d":"a","c":"rain","t":1,"x":1}]}',
    "no sequence": b'{"v":1,"readings":[{"d":"a","c":"rain","t":1,"x":1}]}',
    "a negative sequence": b'{"v":1,"seq":-1,"readings":[{"d":"a","c":"rain","t":1,"x":1}]}',
    "no readings": b'{"v":1,"seq":5,"readings":[]}',
    "a number as text": b'{"v":1,"seq":6,"readings":[{"d":"a","c":"rain","t":1,"x":"1.0"}]}',
    "NaN": b'{"v":1,"seq":7,"readings":[{"d":"a","c":"rain","t":1,"x":NaN}]}',
    "infinity": b'{"v":1,"seq":8,"readings":[{"d":"a","c":"rain","t":1,"x":1e999}]}',
    "null": b'{"v":1,"seq":9,"readings":[{"d":"a","c":"rain","t":1,"x":null}]}',
    "time as text": b'{"v":1,"seq":10,"readings":[{"d":"a","c":"rain","t":"2026-07-01","x":1}]}',
    "time before 1970": b'{"v":1,"seq":11,"readings":[{"d":"a","c":"rain","t":-5,"x":1}]}',
    "an empty device": b'{"v":1,"seq":12,"readings":[{"d":"","c":"rain","t":1,"x":1}]}',
    "deep JSON": b"[" * 100_000,
    "deep inside": b'{"v":1,"seq":13,"sig":' + b'{"a":' * 50_000,
    "NUL": b"\x00" * 64,
}


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 4_102_444_800_000)), min_size=1, max_size=50))
def test_a_message_comes_out_as_it_went_in(values: list[tuple[float, int]]) -> None:
    """Decoding what was encoded gives every value and time back, exactly."""
    sent = [ReadingIn(d="pond-3-level", c="water_level", t=t, x=x) for x, t in values]
    got = decode_up(encode_up(412, sent))
    assert got.seq == 412 and got.readings == sent


def test_the_documented_message_is_read() -> None:
    """The message of the docs, written by another program, is understood."""
    body = b'{"v":1,"seq":412,"readings":[{"d":"pond-3-level","c":"water_level","t":1764741600000,"x":12.5,"u":"cm"}]}'
    assert decode_up(body).readings == [ReadingIn(d="pond-3-level", c="water_level", t=1_764_741_600_000, x=12.5, u="cm")]


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_message_is_refused_with_a_reason(name: str) -> None:
    """A malformed body raises BadInput that says something, and nothing else."""
    with pytest.raises(BadInput) as refused:
        decode_up(MALFORMED[name])
    assert refused.value.got


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_bad_input(body: bytes) -> None:
    """Whatever bytes come, decoding either works or says BadInput."""
    try:
        decode_up(body)
    except BadInput:
        pass


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_gateway_cannot_send_a_reading_without_a_value(value: float) -> None:
    """NaN and infinity are refused where they are handed in, not at the other end."""
    with pytest.raises(BadInput):
        encode_up(1, [ReadingIn(d="a", c="rain", t=1, x=value)])


def test_a_message_has_a_largest_size() -> None:
    """Neither no reading nor more than two thousand make a message, and its bytes are bounded."""
    one = ReadingIn(d="a" * 60, c="b" * 60, t=1_764_741_600_000, x=1.0, u="cm")
    for count in (0, 2001, 1900):
        with pytest.raises(BadInput):
            encode_up(1, [one] * count)


def test_a_broken_message_may_still_tell_its_number() -> None:
    """The sequence number is found in a message that cannot be read, where there is one."""
    assert sequence_in(MALFORMED["cut off"]) == 3 and sequence_in(MALFORMED["NaN"]) == 7
    assert sequence_in(b"rubbish") is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"v":1,"readings":[{"d":"a","c":"rain","t":1,"x":"bad","seq":3}],"seq":10000012.5}',
        b'{"v":1,"readings":[{"d":"a","c":"rain","t":1,"x":NaN,"seq":3}],"seq":10000012}',
        b'{"v":1,"seq":9007199254740992,"readings":[]}',
        b'{"v":1,"seq":9007199254740992,"readings":[{"x":NaN}]}',
        b'{"v":1,"seq":1.5,"readings":[]}',
        b'{"v":1,"seq":1.5,"readings":[{"x":NaN}]}',
        b'{"v":1,"seq":12',
        b'{"v":1,"seq":-1,"readings":[]}',
        b'{"readings":[{"seq":3',
        b'[{"v":1,"seq":3,"readings":[]}]',
        b'{"v":1,"seq":3,"readings":[{"x":NaN}],"seq":4}',
    ],
)
def test_a_number_that_is_not_surely_the_message_s_own_is_never_named(body: bytes) -> None:
    """A gateway drops what is refused: naming another message's number would lose that message, so then none is named."""
    with pytest.raises(BadInput):
        decode_up(body)
    assert sequence_in(body) is None


def test_the_message_s_own_number_is_found_behind_another_one() -> None:
    """The number at the top is the message's, whatever stands inside its readings."""
    body = b'{"v":1,"readings":[{"d":"a","c":"rain","t":1,"x":"bad","seq":3}],"seq":10000012}'
    assert sequence_in(body) == 10_000_012


def test_an_acknowledgement_is_the_documented_json() -> None:
    """An acknowledgement is the JSON the docs show and is read back."""
    ack = Ack(1, [(400, 412)], [Refused(413, "why")])
    assert json.loads(encode_ack(ack)) == {"v": 1, "acked": [[400, 412]], "refused": [{"seq": 413, "why": "why"}]}
    assert decode_ack(encode_ack(ack)) == ack
    with pytest.raises(BadInput):
        decode_ack(b'{"acked": 5}')


def test_topics_name_gateway_and_shard() -> None:
    """A topic says whose it is; one with another's shard, another form or a name that is none is refused."""
    topic = parse_topic(up_topic("by-01-gw"))
    assert (topic.shard, topic.gateway, topic.direction) == (shard_of("by-01-gw"), "by-01-gw", "up")
    assert parse_topic(ack_topic("by-01-gw")).direction == "ack"
    other = "0" if topic.shard != "0" else "1"
    for bad in (f"suhe/v1/{other}/by-01-gw/up", "suhe/v1/a/up", "suhe/v2/a/b/up", up_topic("x").replace("x", "x\n"), "suhe/v1/a/b c/up"):
        with pytest.raises(BadInput):
            parse_topic(bad)
