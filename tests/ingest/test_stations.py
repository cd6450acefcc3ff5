"""Stations over real TCP: what is answered is on disk, what is damaged or unknown is kept, and nothing stops the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from foundation.blobs import BlobFolder
from ingest.catalog import Catalog
from ingest.formats.bcd import bcd_time
from ingest.formats.decoded import SHANGHAI_MS
from ingest.formats.hj212_frames import parse_packet
from ingest.formats.sl651_frames import EOT, ESC, parse_frame
from ingest.quarantine import entries, messages_of
from ingest.service import Readings
from ingest.stations.pictures import pictures
from registry.feeds import FeedBook
from tests.ingest.examples import DAY_MS, NOW_MS, clock
from tests.ingest.station_parts import (
    AIR,
    LEVEL,
    RIVER,
    WATER,
    Line,
    StationBook,
    link,
    listening,
    packet,
    picture_packets,
    report,
)  # fmt: skip


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[dict[str, int]]:
    """Yield the ports of a running server."""
    with listening(tmp_path) as found:
        yield found


@contextlib.contextmanager
def line(port: int) -> Iterator[Line]:
    """Yield a station's end of a connection."""
    made = Line(port)
    try:
        yield made
    finally:
        made.close()


def stored(folder: Path, device: str, channel: str) -> list[tuple[int, float]]:
    """Return (minutes before the example's time, value) of what is on disk."""
    readings = Readings(folder / "readings", clock(), StationBook())
    try:
        return [((NOW_MS - p.t_ms) // 60_000, p.value) for p in readings.range(device, channel, 0, NOW_MS + DAY_MS)]
    finally:
        readings.close()


def dead(folder: Path) -> list[tuple[str, str, bytes]]:
    """Return (topic, reason, body) of the dead letters."""
    catalog = Catalog(folder / "readings")
    try:
        return [(str(t), str(r), bytes(b)) for t, r, b in catalog.rows("SELECT topic, reason, body FROM dead_letter ORDER BY id")]  # type: ignore[arg-type]
    finally:
        catalog.close()


def test_a_report_is_confirmed_when_it_is_on_disk(ports: dict[str, int], tmp_path: Path) -> None:
    """The confirmation is addressed back, has the report's serial number, and its reading can be read then; metres are centimetres."""
    with line(ports["sl651"]) as station:
        station.send(report(7, 412, 5))
        answer = parse_frame(station.frame())
        assert stored(tmp_path, LEVEL, "water_level") == [(5, 41.2)]
    assert answer.down and (answer.station, answer.centre, answer.password, answer.function) == (RIVER, 1, "1234", 0x32)
    assert answer.text[:2] == b"\x00\x07" and bcd_time(answer.text[2:8], SHANGHAI_MS) == NOW_MS and answer.end == EOT


def test_a_station_that_stays_on_the_line_is_told_to(ports: dict[str, int]) -> None:
    """After a link report, which is not answered itself, confirmations end with ESC; answers to questions are not confirmed."""
    with line(ports["sl651"]) as station:
        station.send(link() + report(3, 100, function=0x37) + report(4, 110))
        answer = parse_frame(station.frame())
        assert answer.end == ESC and answer.text[:2] == b"\x00\x04" and station.silent()


def test_a_packet_is_answered_where_it_asks(ports: dict[str, int], tmp_path: Path) -> None:
    """Flag bit 0 asks for 9014 with the same QN; without it nothing is sent, and the data is stored all the same."""
    with line(ports["hj212"]) as station:
        station.send(packet("DataTime=20260701115500;w01001-Rtd=7.5", Flag="4"))
        station.send(packet("DataTime=20260701120000;w01001-Rtd=7.6,w01001-Flag=N;w01010-Rtd=21.5", QN="20260701120001000"))
        answer = parse_packet(station.text())
        assert station.silent()
        assert stored(tmp_path, WATER, "ph") == [(5, 7.5), (0, 7.6)]
        assert stored(tmp_path, WATER, "water_temperature") == [(0, 21.5)]
    assert (answer.command, answer.fields["QN"], answer.station) == ("9014", "20260701120001000", AIR)


def test_a_report_sent_again_is_confirmed_again_and_stored_once(ports: dict[str, int], tmp_path: Path) -> None:
    """A lost answer costs a repeat, not a second reading."""
    with line(ports["sl651"]) as station:
        for _ in range(3):
            station.send(report(9, 500))
            assert parse_frame(station.frame()).text[:2] == b"\x00\x09"
    assert stored(tmp_path, LEVEL, "water_level") == [(0, 50.0)]


def test_damage_is_kept_and_stops_nothing(ports: dict[str, int], tmp_path: Path) -> None:
    """Garbage, a wrong checksum and half a frame are dead letters with their bytes; the frames between them are answered."""
    good, broken = report(1, 100), bytearray(report(2, 200))
    broken[40] ^= 1
    with line(ports["sl651"]) as station:
        station.send(b"AT+CSQ\r\n" + good + bytes(broken) + report(3, 300)[:-5])
        assert parse_frame(station.frame()).text[:2] == b"\x00\x01"
    with line(ports["hj212"]) as other:
        other.send(b"##0101garbage\r\n" + packet("DataTime=20260701120000;w01001-Rtd=7.6"))
        assert parse_packet(other.text()).command == "9014"
    with line(ports["sl651"]) as station:
        station.send(report(4, 400))
        station.frame()
    found = dead(tmp_path)
    assert {b for _, _, b in found} == {b"AT+CSQ\r\n", bytes(broken), report(3, 300)[:-5], b"##0101garbage\r\n"}
    assert {t for t, _, _ in found} == {"sl651", "hj212"}
    catalog = Catalog(tmp_path / "readings")
    assert dict(catalog.rows("SELECT name, value FROM counter WHERE name LIKE 'damaged:%'")) == {"damaged:sl651": 3, "damaged:hj212": 1}
    catalog.close()


def test_an_unknown_station_is_kept_whole_and_not_answered(ports: dict[str, int], tmp_path: Path) -> None:
    """Its frame lies in quarantine until somebody says who it is; as long as it is not answered it keeps its own."""
    frame = report(1, 100, station="0099999999")
    with line(ports["sl651"]) as station:
        station.send(frame + report(5, 200))
        assert parse_frame(station.frame()).station == RIVER and station.silent()
    catalog = Catalog(tmp_path / "readings")
    (entry,) = entries(catalog)
    assert (entry.kind, entry.name) == ("station", "0099999999") and [m.body for m in messages_of(catalog, entry.id)] == [frame]
    catalog.close()


def test_a_wrong_password_is_refused_and_ends_the_line(tmp_path: Path) -> None:
    """What comes under a wrong password, or for a feed without one, is kept and neither stored nor answered."""
    directory = StationBook()
    with listening(tmp_path, directory) as ports:
        with line(ports["sl651"]) as station:
            station.send(report(1, 100, password="9999"))
            assert station.silent()
            station.send(b"".join(report(k, 100, password="9999") for k in range(2, 9)))
            assert station.ended()
        directory.book = FeedBook(tuple(replace(f, secret_hash="") for f in directory.book.feeds), directory.book.devices)
        with line(ports["sl651"]) as station:
            station.send(report(1, 100))
            assert station.silent()
    reasons = {why for _, why, _ in dead(tmp_path)}
    assert reasons == {"the password is wrong", "no password is registered for feed river"}


def test_a_picture_of_many_packets_is_kept_and_confirmed_once(ports: dict[str, int], tmp_path: Path) -> None:
    """The packets may come over two connections; the picture is a blob of its own, listed with its time."""
    picture = b"\xff\xd8" + bytes(range(256)) * 9 + b"\xff\xd9"
    raws = picture_packets(picture)
    with line(ports["sl651"]) as station:
        station.send(b"".join(raws[:4]))
        assert station.silent()
    with line(ports["sl651"]) as station:
        station.send(b"".join(raws[3:]))
        answer = parse_frame(station.frame())
        assert answer.function == 0x36 and answer.text[:2] == b"\x00\x21" and station.silent()
        station.send(raws[-1])
        assert parse_frame(station.frame()).text[:2] == b"\x00\x21"
    catalog = Catalog(tmp_path / "readings")
    (found,) = pictures(catalog, "by-01-gw")
    catalog.close()
    assert (found.station, found.t_ms, found.size) == (RIVER, NOW_MS, len(picture))
    assert BlobFolder(tmp_path / "blobs").get(found.sha256) == picture


def test_a_picture_that_never_ends_is_a_dead_letter(tmp_path: Path) -> None:
    """Packets of which the rest does not come are kept together when the server ends."""
    raws = picture_packets(bytes(2000))
    with listening(tmp_path) as ports, line(ports["sl651"]) as station:
        station.send(raws[0] + raws[2] + report(1, 100))
        station.frame()
    ((topic, why, body),) = dead(tmp_path)
    assert topic == "sl651" and body == raws[0] + raws[2] and why.startswith("parts of this message never came; there are 2 of 7")


def test_parts_of_a_packet_are_read_with_the_one_that_tells_their_time(ports: dict[str, int], tmp_path: Path) -> None:
    """Each part that asks is answered before the next is sent; one whose answer was lost comes again and is answered again."""
    with line(ports["hj212"]) as station:
        first = packet("DataTime=20260701120000;w01001-Rtd=7.6", PNUM="3", PNO="1", Flag="7")
        second = packet("w01010-Rtd=21.5", PNUM="3", PNO="2", Flag="7")
        for raw, number in ((first, "1"), (second, "2"), (second, "2"), (packet("w01009-Rtd=8.1", PNUM="3", PNO="3", Flag="7"), "3")):
            station.send(raw)
            answer = parse_packet(station.text())
            assert (answer.fields["PNO"], answer.fields["Flag"]) == (number, "6")
    assert [stored(tmp_path, WATER, c) for c in ("ph", "water_temperature", "dissolved_oxygen")] == [[(0, 7.6)], [(0, 21.5)], [(0, 8.1)]]


def test_what_cannot_be_understood_is_kept_and_answered(ports: dict[str, int], tmp_path: Path) -> None:
    """A whole frame nobody can read will not become readable by being sent again: it is kept, and the station goes on."""
    with line(ports["hj212"]) as station:
        station.send(packet("DataTime=20261301000000;w01001-Rtd=7.6"))
        assert parse_packet(station.text()).command == "9014"
    assert any("the time of this packet" in why for _, why, _ in dead(tmp_path))


def test_a_line_full_of_rubbish_is_ended(ports: dict[str, int]) -> None:
    """After so many damaged pieces without a frame the connection is closed; others go on."""
    with line(ports["hj212"]) as noisy, line(ports["hj212"]) as quiet:
        noisy.send(b"##0003abc0000\r\n" * 60)
        assert noisy.ended()
        quiet.send(packet("DataTime=20260701120000;w01001-Rtd=7.6"))
        assert parse_packet(quiet.text()).command == "9014"
