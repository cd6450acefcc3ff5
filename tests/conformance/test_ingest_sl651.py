"""Frames of SL 651-2014 from elsewhere: every one is cut out of a stream, checked, read and written again byte for byte."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from foundation.errors import BadInput
from ingest.formats.bcd import bcd_time
from ingest.formats.decoded import SHANGHAI_MS, Context
from ingest.formats.framing import Damaged, Whole
from ingest.formats.sl651 import decode
from ingest.formats.sl651_frames import Sl651Splitter, build_frame, confirm, parse_frame

DATA = os.environ.get("SUHE_CONFORMANCE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="SUHE_CONFORMANCE_DATA names no folder")
CONTEXT = Context(1_500_350_000_000)


def vectors() -> list[dict[str, Any]]:
    """Return every published frame with what is known of it."""
    found: list[dict[str, Any]] = json.loads((Path(DATA) / "field/sl651_frames.json").read_text())["frames"] if DATA else []
    return found


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: f"{v['func']}-{v['frame'][-4:]}")
def test_a_published_frame_is_cut_out_read_and_written_again(vector: dict[str, Any]) -> None:
    """Between garbage, and in two halves, the frame comes out whole; its parts make the same bytes again."""
    raw = bytes.fromhex(vector["frame"])
    splitter = Sl651Splitter()
    found = [*splitter.feed(b"\x00\x01" + raw[:9]), *splitter.feed(raw[9:] + b"\x7e")]
    assert [type(one) for one in found] == [Damaged, Whole] if vector["crc_ok"] else all(isinstance(one, Damaged) for one in found)
    if not vector["crc_ok"]:
        with pytest.raises(BadInput):
            parse_frame(raw)
        return
    assert found[1].raw == raw
    frame = parse_frame(raw)
    assert f"{frame.function:02X}" == vector["func"] and build_frame(frame) == raw
    expected = vector.get("expect")
    if expected is None:
        return
    assert (frame.centre, frame.station, int.from_bytes(frame.text[:2], "big")) == (
        expected["center"],
        expected["station"],
        expected["seq"],
    )
    decoded = decode("", raw, CONTEXT)
    assert {one.channel.removeprefix("sl651_"): one.value for one in decoded.observed} == expected["elements"]
    assert {one.t_ms for one in decoded.observed} == {bcd_time(bytes.fromhex(expected["obs"]), SHANGHAI_MS)}
    assert f"{ord(decoded.facts['class']):02X}" == expected["station_class"]


def test_damaged_frames_are_told_and_stop_nothing() -> None:
    """Every published frame with one byte changed or cut short is told as damaged, and the frame after it is found."""
    raws = [bytes.fromhex(v["frame"]) for v in vectors()]
    for raw in raws:
        for broken in (raw[:-1] + bytes([raw[-1] ^ 1]), raw[: len(raw) // 2], raw[:12] + b"\xff" + raw[13:]):
            splitter = Sl651Splitter()
            found = [*splitter.feed(broken), *splitter.feed(raw), *splitter.rest()]
            assert found[-1] == Whole(raw), broken.hex()
            assert isinstance(found[0], Damaged) and b"".join(one.raw for one in found) == broken + raw


def test_readings_of_a_report_within_the_hour() -> None:
    """The answer 3A with twelve rains: five minutes apart from the time told, missing ones left out."""
    (vector,) = [v for v in vectors() if v["func"] == "3A"]
    decoded = decode("", bytes.fromhex(vector["frame"]), CONTEXT)
    first = bcd_time(bytes.fromhex("1707181005"), SHANGHAI_MS)
    assert first is not None
    expected = {0: 0.5, 1: 0.0, 2: 0.0, 3: 0.0, 4: 2.0, 10: 0.0, 11: 0.0}
    assert {((one.t_ms or 0) - first) // 300_000: one.value for one in decoded.observed} == expected
    assert decoded.skipped == ("F4 is missing",) * 5


def test_the_published_confirmation() -> None:
    """The centre's confirmation of the published test report, as published with it."""
    (vector,) = [v for v in vectors() if v["func"] == "30"]
    frame = parse_frame(bytes.fromhex(vector["frame"]))
    sent = bcd_time(frame.text[2:8], SHANGHAI_MS)
    assert sent is not None
    answer = confirm(frame, frame.text[:2], sent, SHANGHAI_MS, stay=True)
    assert answer.hex().upper() == "7E7E00123456780112343080080200035910111549471B75D4"
    assert parse_frame(answer).down and parse_frame(answer).station == frame.station


def test_packets_of_a_picture_are_parts_of_one_message() -> None:
    """The published packets of a picture tell their numbers; without the others none of them is a message."""
    frames = {f.number: f for f in (parse_frame(bytes.fromhex(v["frame"])) for v in vectors() if v["func"] == "36")}
    assert sorted(frames) == [1, 4, 7, 10, 13] and {f.total for f in frames.values()} == {13}
    assert [f.last for _, f in sorted(frames.items())] == [False, False, False, False, True]
    for vector in vectors():
        if vector["func"] == "36":
            with pytest.raises(BadInput, match="packets of this message are missing"):
                decode("", bytes.fromhex(vector["frame"]), CONTEXT)
