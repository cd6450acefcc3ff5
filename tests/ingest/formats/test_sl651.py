"""SL 651-2014: frames out of any stream, reports into readings, and what is damaged told."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.bcd import bcd_value, time_to_bcd, to_bcd
from ingest.formats.decoded import SHANGHAI_MS, Context, Decoded
from ingest.formats.framing import Damaged, Whole
from ingest.formats.names import meaning
from ingest.formats.sl651 import decode, picture_in
from ingest.formats.sl651_elements import ELEMENTS, NAMED
from ingest.formats.sl651_frames import ETB, ETX, LONGEST_FRAME, STX, SYN, Frame, Sl651Splitter, build_frame, parse_frame

T = 1_782_878_400_000  # 2026-07-01 12:00 in Shanghai
CONTEXT = Context(T)
MINUTE = 60_000


def guide(t_ms: int) -> bytes:
    """Return the guide of an observation time."""
    return b"\xf0\xf0" + time_to_bcd(t_ms, SHANGHAI_MS, 5)


def report(elements: bytes, *, function: int = 0x32, serial: int = 7, sent_ms: int = T, t_ms: int | None = T) -> bytes:
    """Return the frame of a river station's report."""
    text = serial.to_bytes(2, "big") + time_to_bcd(sent_ms, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex("0012345678") + b"H"
    text += (guide(t_ms) if t_ms is not None else b"") + elements
    return build_frame(Frame(1, "0012345678", "1234", function, False, STX, text, ETX))


def packets(data: bytes, size: int = 100, *, function: int = 0x36) -> list[bytes]:
    """Return the packets of one long message."""
    text = b"\x00\x09" + time_to_bcd(T, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex("0012345678") + b"H" + guide(T) + data
    parts = [text[k : k + size] for k in range(0, len(text), size)]
    return [
        build_frame(
            Frame(1, "0012345678", "1234", function, False, SYN, part, ETX if k == len(parts) else ETB, len(parts), k)
        )
        for k, part in enumerate(parts, 1)
    ]  # fmt: skip


def values(decoded: Decoded) -> dict[str, list[tuple[int, float]]]:
    """Return channel -> (minutes after the example's time, value)."""
    found: dict[str, list[tuple[int, float]]] = {}
    for one in decoded.observed:
        found.setdefault(one.channel, []).append((((one.t_ms or 0) - T) // MINUTE, one.value))
    return found


def test_elements_have_their_signs_decimals_and_gaps() -> None:
    """FF in front is a minus, all FF is missing, a letter in a number is told, and units are those of the standard."""
    elements = bytes.fromhex("0221ff000105" + "392300012345" + "3812ffff" + "0311" + "1a5f" + "2719000005")
    decoded = decode("", report(elements), CONTEXT)
    assert values(decoded) == {"02": [(0, -10.5)], "39": [(0, 12.345)], "sl651_27": [(0, 0.5)]}
    assert {o.channel: o.unit for o in decoded.observed} == {"02": "Cel", "39": "m", "sl651_27": "m3/s"}
    assert decoded.skipped == ("38 is missing", "03 is no decimal number: 1a5f")
    assert decoded.facts["class"] == "H" and decoded.facts["sent_ms"] == T


def test_an_element_of_a_province_keeps_its_identifier() -> None:
    """What the standard does not define is kept under its hex identifier, without a unit."""
    decoded = decode("", report(bytes.fromhex("7a0825" + "ff23120015")), CONTEXT)
    assert values(decoded) == {"sl651_7A": [(0, 25.0)], "sl651_FF23": [(0, 0.15)]}
    assert {o.unit for o in decoded.observed} == {None}


def test_each_time_counts_for_what_follows_it() -> None:
    """Several observation times in a report: each value has the last one before it."""
    decoded = decode("", report(bytes.fromhex("38121115") + guide(T - 60 * MINUTE) + bytes.fromhex("38121120")), CONTEXT)
    assert values(decoded) == {"38": [(0, 11.15), (-60, 11.2)]}


@pytest.mark.parametrize(("t_ms", "first"), [(T - 55 * MINUTE, -55), (T, -55), (T - 10 * MINUTE, -65)])
def test_twelve_values_of_an_hour(t_ms: int, first: int) -> None:
    """An hour's values begin at the time told, or end there where they would otherwise lie after the sending."""
    rain = bytes([0x60]) + bytes(range(12))
    decoded = decode("", report(b"\xf4" + rain, function=0x34, sent_ms=T + 10_000, t_ms=t_ms), CONTEXT)
    assert values(decoded)["F4"] == [(first + 5 * k, k / 10) for k in range(12)]


def test_levels_of_an_hour_are_two_bytes_each() -> None:
    """F5 to FC hold hundredths of a metre; FFFF is missing."""
    levels = b"".join(n.to_bytes(2, "big") for n in (*range(100, 111), 0xFFFF))
    decoded = decode("", report(b"\xf5\xc0" + levels, function=0x34, t_ms=T - 55 * MINUTE), CONTEXT)
    assert values(decoded)["sl651_F5"] == [(-55 + 5 * k, (100 + k) / 100) for k in range(11)]
    assert decoded.skipped == ("F5 is missing",)


def test_values_one_step_apart() -> None:
    """After a step code bare values follow their element; negative ones are a byte longer, missing ones leave a hole."""
    bare = bytes.fromhex("0418000010" + "3923" + "00001000" + "ff00000250" + "ffffffff" + "00001300")
    decoded = decode("", report(bare, function=0x31), CONTEXT)
    assert values(decoded) == {"39": [(0, 1.0), (10, -0.25), (30, 1.3)]}
    normal = bytes.fromhex("0418000010" + "392300001000" + "38121115")
    assert values(decode("", report(normal, function=0x31), CONTEXT)) == {"39": [(0, 1.0)], "38": [(0, 11.15)]}


def test_steps_do_not_lead_out_of_time() -> None:
    """A step of ninety-nine days, again and again, ends with this century."""
    bare = bytes.fromhex("0418990000" + "3812") + bytes.fromhex("1115") * 600
    decoded = decode("", report(bare, function=0x31), CONTEXT)
    assert 0 < len(decoded.observed) < 600 and "38 is of no time" in decoded.skipped


def test_a_time_that_is_none_gives_no_reading_the_time_of_another() -> None:
    """A thirteenth month is no time: the value is not stored under the hour of its arrival."""
    with pytest.raises(BadInput, match="cannot be read"):
        decode("", report(b"\xf0\xf0\x26\x13\x01\x12\x00" + bytes.fromhex("38121115"), t_ms=None), CONTEXT)
    far = decode("", report(bytes.fromhex("38121115"), t_ms=T + 33 * 366 * 86_400_000), CONTEXT)
    assert far.observed[0].t_ms == T + 33 * 366 * 86_400_000


def test_numbers_and_identity() -> None:
    """A report counts by its serial number; sent again later it is the same report; the link report counts nothing."""
    one, again = (decode("", report(bytes.fromhex("38121115"), sent_ms=t), CONTEXT) for t in (T, T + 60_000))
    assert one.number is not None and (one.number.number, one.number.modulus, one.number.first) == (7, 65536, 1)
    assert one.identity == again.identity != decode("", report(bytes.fromhex("38121116")), CONTEXT).identity
    link = build_frame(Frame(1, "0012345678", "1234", 0x2F, False, STX, b"\x00\x07" + time_to_bcd(T, SHANGHAI_MS), ETX))
    decoded = decode("", link, CONTEXT)
    assert (decoded.number, decoded.observed, decoded.skipped) == (None, (), ())


def test_a_picture_is_put_together_from_its_packets() -> None:
    """All packets of a message make one picture, whatever bytes are in it; out of order or incomplete they make none."""
    picture = b"\xff\xd8" + bytes(range(256)) * 3 + b"\x7e\x7e\xf3\xf3\x7e" + b"\xff\xd9"
    raws = packets(b"\xf3\xf3" + picture)
    assert len(raws) > 5
    splitter = Sl651Splitter()
    stream = b"".join(raws)
    found = [one for k in range(0, len(stream), 37) for one in splitter.feed(stream[k : k + 37])]
    assert found == [Whole(raw) for raw in raws]
    decoded = decode("", stream, CONTEXT)
    assert decoded.facts["picture"] == {"sha256": hashlib.sha256(picture).hexdigest(), "bytes": len(picture), "t_ms": T}
    assert picture_in(stream) == picture and picture_in(report(b"")) == b""
    for wrong in (raws[1:], raws[:-1], [raws[1], raws[0], *raws[2:]], raws + raws[-1:], [report(b"")] * 2):
        with pytest.raises(BadInput):
            decode("", b"".join(wrong), CONTEXT)


@given(st.lists(st.binary(max_size=60), max_size=5), st.data())
@settings(max_examples=150, deadline=None)
def test_a_stream_is_cut_alike_however_it_arrives(garbage: list[bytes], data: st.DataObject) -> None:
    """Frames between garbage come out, nothing is lost or made up, in pieces of any size; what is held is bounded."""
    raws = [report(bytes.fromhex(f"3812{k:04d}")) for k in range(len(garbage))]
    stream = b"".join(g + r for g, r in zip(garbage, raws, strict=True))
    splitter, found = Sl651Splitter(), []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, 90))
        found += splitter.feed(stream[at : at + size])
        at += size
    found += splitter.rest()
    assert b"".join(one.raw for one in found) == stream and not splitter.waiting
    for one in found:
        if isinstance(one, Whole):
            parse_frame(one.raw)
    if not any(b"\x7e" in g for g in garbage):
        assert [one.raw for one in found if isinstance(one, Whole)] == raws


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_under_a_right_checksum_is_read_or_refused(text: bytes) -> None:
    """Whatever a station says, the decoder answers or raises BadInput, and nothing else."""
    for function in (0x31, 0x34, 0x36, 0x40):
        for raw in (
            build_frame(Frame(1, "0012345678", "1234", function, False, STX, text, ETX)),
            report(text, function=function),
            report(bytes.fromhex("0418000005") + text, function=function),
        ):
            try:
                decoded = decode("", raw, CONTEXT)
            except BadInput:
                continue
            assert all(isinstance(o.value, float) for o in decoded.observed)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    """The decoder and the splitter take any bytes."""
    for one in (body, b"\x7e\x7e" + body):
        splitter = Sl651Splitter()
        assert b"".join(f.raw for f in [*splitter.feed(one), *splitter.rest()]) == one
        try:
            decode("", one, CONTEXT)
        except BadInput:
            pass


def test_what_is_held_is_bounded() -> None:
    """A frame that claims to be long is waited for up to its length and no further."""
    splitter = Sl651Splitter()
    head = report(b"")[:11] + b"\x0f\xff\x02"
    assert splitter.feed(head + bytes(LONGEST_FRAME - len(head) - 1)) == []
    found = splitter.feed(bytes(3))
    assert isinstance(found[0], Damaged) and "checksum" not in found[0].why and not splitter.waiting


def test_named_elements_are_those_with_a_meaning() -> None:
    """An element goes by its bare identifier exactly where `names.py` knows what it is here."""
    assert {f"{n:02X}" for n in range(256) if meaning("sl651", f"{n:02X}")} == NAMED
    assert all(int(name, 16) in ELEMENTS for name in NAMED)


def test_values_divide_once() -> None:
    """A value is the double nearest to its decimal digits."""
    assert [bcd_value(to_bcd(n, 4), 3) for n in (127, 1115, 2345)] == [0.127, 1.115, 2.345]
