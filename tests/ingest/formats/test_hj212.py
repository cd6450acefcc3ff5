"""HJ 212-2017: frames out of any stream, packets into readings, parts into messages, answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.decoded import Context
from ingest.formats.framing import Damaged, Whole
from ingest.formats.hj212 import decode, parse_time, split_message, stands_alone
from ingest.formats.hj212_frames import Hj212Splitter, build_packet, data_answer, parse_packet

CONTEXT = Context(1_782_878_400_000)
HEADER = {"QN": "20260701115959000", "ST": "21", "CN": "2011", "PW": "123456", "MN": "010000A8900016F000169DC0", "Flag": "5"}


def packet(cp: str, **fields: str) -> bytes:
    """Return a frame with the example's header, changed."""
    return build_packet(HEADER | fields, cp)


def values(body: bytes) -> dict[str, float]:
    """Return channel -> value of a message."""
    return {one.channel: one.value for one in decode("", body, CONTEXT).observed}


def test_the_statistic_and_the_stretch_are_part_of_the_channel() -> None:
    """A momentary value goes by its code; means of minutes, hours and days never mix, although they begin at the same moment."""
    now = packet("DataTime=20260701120000;w01001-Rtd=8.33,w01001-Flag=N;w01010-Rtd=-0.5,w01010-Flag=N")
    assert values(now) == {"w01001": 8.33, "w01010": -0.5}
    for command, stretch in (("2051", "minute"), ("2061", "hour"), ("2031", "day")):
        mean = packet("DataTime=20260701120000;w01001-Min=8,w01001-Avg=8.5,w01001-Max=9", CN=command)
        assert values(mean) == {f"w01001-{what}.{stretch}": x for what, x in (("Min", 8.0), ("Avg", 8.5), ("Max", 9.0))}
    other = decode("", packet("RtdInterval=30", CN="1062"), CONTEXT)
    assert other.observed == () and other.skipped == ("command 1062 holds no readings",)


def test_the_instruments_flags_are_told_beside_the_values() -> None:
    """A flag that is not normal goes into the facts and with the value, which is a value still: fail for faulty, else suspect."""
    area = "DataTime=20260701120000;" + ";".join(f"a{k}-Rtd=1,a{k}-Flag={flag}" for k, flag in enumerate("ND3MT"))
    decoded = decode("", packet(area + ";b-Rtd=2"), CONTEXT)
    assert {o.channel: o.quality for o in decoded.observed} == {"a0": 0, "a1": 4, "a2": 0, "a3": 3, "a4": 3, "b": 0}
    assert decoded.facts["flags"] == {"a1": "D", "a3": "M", "a4": "T"}


def test_a_sample_has_its_own_time() -> None:
    """SampleTime counts before DataTime for its code; milliseconds may stand behind."""
    decoded = decode("", packet("DataTime=20260701120000;w21003-SampleTime=20260701080000,w21003-Rtd=1.1;w01001-Rtd=8"), CONTEXT)
    assert {o.channel: o.t_ms for o in decoded.observed} == {
        "w21003": parse_time("20260701080000", 28_800_000), "w01001": parse_time("20260701120000000", 28_800_000),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "20261301000000",
        "20260701250000",
        "2026070112000",
        "2026070112000x",
        "",
        "00000101000000",
        "02260701120000",
        "21000101000000",
        "２０２６０７０１１２００００",
    ],
)
def test_a_time_that_is_none(text: str) -> None:
    """What is no time is none, and a packet of it is damaged."""
    assert parse_time(text, 0) is None


def test_what_is_no_number_is_told() -> None:
    """Not-a-number, underscores and words are no values; the rest of the packet counts."""
    decoded = decode("", packet("DataTime=20260701120000;a-Rtd=nan;b-Rtd=1_0;c-Rtd=-1e3;d-Rtd=;e;f-Rtd=.5;g-Odd=1"), CONTEXT)
    assert {o.channel: o.value for o in decoded.observed} == {"c": -1000.0, "f": 0.5}
    assert len(decoded.skipped) == 5
    with pytest.raises(BadInput, match="nothing in this packet"):
        decode("", packet("DataTime=20260701120000;a-Rtd=nan"), CONTEXT)
    with pytest.raises(BadInput, match="time of this packet"):
        decode("", packet("DataTime=20261301000000;a-Rtd=1"), CONTEXT)


def test_parts_are_joined() -> None:
    """Parts of one message are read together; one with a time of its own may be read alone, one without may not."""
    two: dict[str, Any] = {"PNUM": "2", "Flag": "7"}
    one, other = packet("DataTime=20260701120000;a-Rtd=1", PNO="1", **two), packet("b-Rtd=2", PNO="2", **two)
    assert values(one + other) == {"a": 1.0, "b": 2.0}
    assert stands_alone(parse_packet(one)) and not stands_alone(parse_packet(other))
    for wrong in (other, other + one, one + one, one + other + other, one + packet("c-Rtd=3", PNO="2", **two | {"QN": "1"})):
        with pytest.raises(BadInput):
            split_message(wrong)
    for pnum, pno in (("0", "1"), ("2", "3"), ("x", "1"), ("2", "-1")):
        with pytest.raises(BadInput, match="number of this packet"):
            decode("", packet("a-Rtd=2", PNUM=pnum, PNO=pno), CONTEXT)


def test_the_answer() -> None:
    """An answer has the question's QN and station, the version's flag, and is asked for by bit 0; answers are not answered."""
    asked = parse_packet(packet("DataTime=20260701120000;a-Rtd=1"))
    assert asked.wants_answer and not parse_packet(packet("", Flag="4")).wants_answer
    assert not parse_packet(packet("", CN="9011")).wants_answer
    answer = parse_packet(data_answer(asked))
    assert dict(answer.fields) == {"QN": HEADER["QN"], "ST": "91", "CN": "9014", "PW": "123456", "MN": HEADER["MN"], "Flag": "4"}
    assert answer.cp == "" and not answer.wants_answer
    part = parse_packet(data_answer(parse_packet(packet("a-Rtd=1", PNUM="2", PNO="2", Flag="7"))))
    assert (part.fields["PNUM"], part.fields["PNO"], part.fields["Flag"]) == ("2", "2", "6")


def test_wrong_lengths_cost_one_frame() -> None:
    """A length too short or too long, or a frame cut off, is told, and the next frame is found."""
    good = packet("DataTime=20260701120000;a-Rtd=1")
    for broken in (
        b"##0003" + good[6:],
        b"##9999" + good[6:],
        good[:40],
        good[:-6] + b"zzzz\r\n",
        b"##12",
        good[:-2].replace(b"a-", b"b-"),
    ):
        splitter = Hj212Splitter()
        found = [*splitter.feed(broken + good), *splitter.rest()]
        assert found[-1] == Whole(good) and all(isinstance(one, Damaged) for one in found[:-1]) and len(found) > 1, broken


def test_a_frame_without_line_end_is_a_frame() -> None:
    """Some stations leave out CR LF; the checksum says that the frame is whole."""
    good = packet("DataTime=20260701120000;a-Rtd=1")
    splitter = Hj212Splitter()
    assert splitter.feed(good[:-2]) == [Whole(good[:-2])] and splitter.feed(b"\r\n" + good) == [Whole(good)]
    assert values(good[:-2]) == {"a": 1.0}


@given(st.lists(st.binary(max_size=60), max_size=5), st.data())
@settings(max_examples=150, deadline=None)
def test_a_stream_is_cut_alike_however_it_arrives(garbage: list[bytes], data: st.DataObject) -> None:
    """Frames between garbage come out, in pieces of any size; of the rest only line ends are lost."""
    raws = [packet(f"DataTime=20260701120000;a-Rtd={k}") for k in range(len(garbage))]
    stream = b"".join(g + r for g, r in zip(garbage, raws, strict=True))
    splitter, found = Hj212Splitter(), []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, 200))
        found += splitter.feed(stream[at : at + size])
        at += size
    found += splitter.rest()
    bare = bytes.maketrans(b"", b"")
    told = b"".join(one.raw for one in found).translate(bare, b"\r\n")
    assert told == stream.translate(bare, b"\r\n") and not splitter.waiting
    if not any(b"#" in g for g in garbage):
        assert [one.raw.rstrip(b"\r\n") for one in found if isinstance(one, Whole)] == [raw.rstrip(b"\r\n") for raw in raws]


@given(st.binary(max_size=300), st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_read(body: bytes, text: str) -> None:
    """The decoder and the splitter take any bytes, also under a right checksum."""
    bodies = [body, b"##0100" + body]
    if text.isascii():
        bodies += [packet(text), packet("DataTime=20260701120000;" + text), build_packet({"CN": "2011", "MN": "1"}, text)]
    for one in bodies:
        splitter = Hj212Splitter()
        assert [*splitter.feed(one), *splitter.rest()] or not one.strip(b"\r\n")
        try:
            decode("", one, CONTEXT)
        except BadInput:
            pass
