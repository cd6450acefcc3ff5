"""Our messages from the standard library alone: read by ingest as they were meant, signed as RFC 8785 has it."""

from __future__ import annotations

import base64
import json
import math

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from foundation.errors import BadInput
from ingest.messages import LATEST_MS, MOST_GONE, Encoder, Reading, decode_acknowledgement, es6_number, signer_of
from ingest.payloads import Ack, ReadingIn, Refused, decode_up, encode_ack, encode_up
from ingest.signatures import signed_bytes
from ingest.states import State, decode_state, encode_state

SEED = bytes(range(32))
NAMES = st.text(st.sampled_from("abcZ09_.-"), min_size=1, max_size=64).filter(lambda s: set(s) != {"."})
UNITS = st.none() | st.text(st.characters(codec="utf-8"), max_size=32)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53).map(float)
READINGS = st.builds(Reading, NAMES, NAMES, st.integers(0, LATEST_MS), NUMBERS, UNITS)
GONE = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=3)


@given(NUMBERS)
@settings(max_examples=1000, deadline=None)
def test_a_number_is_spelled_as_ecmascript_does(x: float) -> None:
    """Any finite double, near every border where the spelling changes."""
    assert es6_number(x).encode() == rfc8785.dumps(x)


@pytest.mark.parametrize(
    "x", [0.0, -0.0, 1e21, 1e20, 123456789012345680000.0, 1e-6, 1e-7, 1.5e-7, 5e-324, 1.7976931348623157e308, 0.1, 100.0]
)
def test_the_borders_of_spelling(x: float) -> None:
    """Where decimal and exponent meet."""
    assert es6_number(x).encode() == rfc8785.dumps(x) and es6_number(-x).encode() == rfc8785.dumps(-x)


@given(st.integers(0, 2**53 - 1), st.lists(READINGS, min_size=1, max_size=5), GONE)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_and_its_signature_fits(seq: int, readings: list[Reading], gone: list[tuple[int, int]]) -> None:
    """Ingest reads the same readings; the signature is over the RFC 8785 bytes of the message without it."""
    plain = decode_up(Encoder().encode(seq, readings, gone))
    assert plain.seq == seq and plain.gone == gone and plain.sig is None
    assert [(r.d, r.c, r.t, r.x, r.u) for r in plain.readings] == [tuple(r) for r in readings]
    body = Encoder(signer_of(SEED)).encode(seq, readings, gone)
    up, told = decode_up(body), json.loads(body)
    del told["sig"]
    assert up.sig is not None
    signature = base64.b64decode(up.sig)
    for canonical in (rfc8785.dumps(told), signed_bytes(up)):
        SigningKey(SEED).verify_key.verify(canonical, signature)


@given(st.lists(READINGS, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_both_kinds_of_readings_are_written_alike(readings: list[Reading]) -> None:
    """A reading of the SDK and one of the payloads make one message, and the payloads' own writer means the same."""
    ours = [ReadingIn(*r) for r in readings]
    assert Encoder().encode(3, ours) == Encoder().encode(3, readings)
    assert decode_up(encode_up(3, ours)) == decode_up(Encoder().encode(3, readings))


@pytest.mark.parametrize(
    "reading",
    [
        Reading("a b", "c", 1, 1.0), Reading("", "c", 1, 1.0), Reading("d" * 65, "c", 1, 1.0), Reading("d", "..", 1, 1.0),
        Reading('d"', "c", 1, 1.0), Reading("d", "c", -1, 1.0), Reading("d", "c", LATEST_MS + 1, 1.0),
        Reading("d", "c", 1.5, 1.0), Reading("d", "c", True, 1.0),  # type: ignore[arg-type]
        Reading("d", "c", 1, math.nan), Reading("d", "c", 1, math.inf), Reading("d", "c", 1, 1.0, "u" * 33),
        Reading("d", "c", 1, 1.0, "\ud800"),
    ],
)  # fmt: skip
def test_what_ingest_would_refuse_is_refused_where_it_is_written(reading: Reading) -> None:
    """Names, times, values and units that break a rule never reach the spool."""
    with pytest.raises(BadInput):
        Encoder().encode(1, [reading])


def test_sizes_are_bounded() -> None:
    """No readings, too many, too long a body or too many gaps are refused with what would do."""
    good = Reading("d", "c", 1, 1.0)
    for readings, gone in (
        ([], ()),
        ([good] * 2001, ()),
        ([Reading("d" * 64, "c" * 64, 1, 1.0)] * 1500, ()),
        ([good], [(1, 1)] * (MOST_GONE + 1)),
    ):
        with pytest.raises(BadInput):
            Encoder().encode(1, readings, gone)


def test_an_acknowledgement_is_read_with_and_without_its_time() -> None:
    """The clock of the county is optional; what is unknown is left alone, what is wrong is refused."""
    ack = Ack(1, [(400, 412), (415, 415)], [Refused(413, "why")])
    for now, expected in ((None, 0), (1_764_741_600_250, 1_764_741_600_250)):
        told = decode_acknowledgement(encode_ack(ack, now))
        assert (told.acked, told.refused, told.now_ms) == ([(400, 412), (415, 415)], [(413, "why")], expected)
    assert decode_acknowledgement(b'{"acked":[],"more":{},"now":"soon"}').now_ms == 0
    for wrong in (
        b"",
        b"\xff",
        b"[]",
        b"5",
        b'{"acked":5}',
        b'{"acked":[[1]]}',
        b'{"acked":[["a","b"]]}',
        b'{"acked":[],"refused":[{}]}',
        b"[" * 9999,
    ):
        with pytest.raises(BadInput):
            decode_acknowledgement(wrong)


@given(st.binary(max_size=80))
def test_any_acknowledgement_and_state_is_read_or_refused(body: bytes) -> None:
    """Nothing but BadInput leaves the decoders."""
    for decode in (decode_acknowledgement, decode_state):
        try:
            decode(body)
        except BadInput:
            pass


def test_a_state_is_read_as_written() -> None:
    """Online or not, what waits, and the clock where it is known."""
    for state in (State(True, 5, 3, 12, -240, 7), State(False, 1)):
        assert decode_state(encode_state(state)) == state
    for wrong in (
        b"{}",
        b'{"v":2,"online":true,"t":1}',
        b'{"v":1,"online":1,"t":1}',
        b'{"v":1,"online":true,"t":"x"}',
        b'{"v":1,"online":true,"t":1e300}',
    ):
        with pytest.raises(BadInput):
            decode_state(wrong)
