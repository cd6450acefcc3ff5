"""Frames of HJ 212 from the standard and from public test suites; most of the latter have a wrong checksum, and are kept as damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from foundation.errors import BadInput
from ingest.formats.crc import crc_hj212, crc_modbus
from ingest.formats.decoded import SHANGHAI_MS, Context
from ingest.formats.framing import Damaged, Whole
from ingest.formats.hj212 import decode, parse_time
from ingest.formats.hj212_frames import Hj212Splitter, build_packet, parse_packet

DATA = os.environ.get("SUHE_CONFORMANCE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="SUHE_CONFORMANCE_DATA names no folder")
CONTEXT = Context(1_680_000_000_000)
READINGS: dict[str, dict[str, float]] = {
    "2011 LD130133000015": {"B01": 36.91, "011": 231.0, "060": 1.803},
    "2051 14513567846884": {"a01006-Avg.minute": 101.85, "a01006-Min.minute": 101.84, "a01006-Max.minute": 101.87},
    "2011 20191012133710": {"a21": 0.0, "a21007": 0.033, "a21006": 0.036, "a21001": 25.4, "a21003": 101.94, "a21002": 49.2},
    "2011 20190901181500": {"a21005": 1.76, "a21026": 106.4, "O3": 63.4, "a21004": 63.2, "a34002": 9.0, "a34004": 4.0},
}


def vectors() -> list[dict[str, Any]]:
    """Return every published frame with what is known of it."""
    found: list[dict[str, Any]] = json.loads((Path(DATA) / "field/hj212_frames.json").read_text())["frames"] if DATA else []
    return found


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v["frame"][6:40])
def test_a_published_frame_is_cut_out_and_checked(vector: dict[str, Any]) -> None:
    """Between garbage, and in two halves, the frame comes out whole, or as damaged where its checksum is wrong."""
    raw = vector["frame"].encode()
    splitter = Hj212Splitter()
    found = [*splitter.feed(b"\xff\r\n" + raw[:3]), *splitter.feed(raw[3:])]
    assert isinstance(found[0], Damaged) and found[0].raw in (b"\xff", b"\xff\r\n")
    assert [type(one) for one in found[1:]] == [Whole if vector["crc_ok"] and vector["len_ok"] else Damaged]
    assert found[-1].raw == raw and not splitter.waiting
    if vector["crc_ok"]:
        packet = parse_packet(raw)
        assert build_packet(packet.fields, packet.cp) == raw
    else:
        with pytest.raises(BadInput, match="checksum"):
            decode("", raw, CONTEXT)


def test_the_checksum_of_the_standard_is_its_own() -> None:
    """The standard's example has the checksum the standard says, which is not that of MODBUS."""
    data = vectors()[0]["frame"].encode()[6:-6]
    assert (crc_hj212(data), crc_modbus(data)) == (0x1C80, 0x0759)


@pytest.mark.parametrize("key", READINGS)
def test_the_readings_of_published_data(key: str) -> None:
    """The data of the published frames, under a checksum that fits, gives the values written in it at the time written in it."""
    command, mark = key.split()
    (text,) = [v["frame"] for v in vectors() if f"CN={command}" in v["frame"] and mark in v["frame"]]
    data = text.encode()[6:-6]
    raw = b"##%04d%s%04X\r\n" % (len(data), data, crc_hj212(data))
    decoded = decode("", raw, CONTEXT)
    assert {one.channel: one.value for one in decoded.observed} == READINGS[key]
    assert {one.t_ms for one in decoded.observed} == {parse_time(text.split("DataTime=")[1][:14], SHANGHAI_MS)}
