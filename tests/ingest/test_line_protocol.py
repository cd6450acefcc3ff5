"""What the reader of line protocol takes, what it refuses, and that it reads whatever influxdb-client writes."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from foundation.errors import BadInput
from ingest.catalog import Series
from ingest.line_protocol import read_lines
from ingest.lines import reading_lines, series_head
from ingest.lines_in import LARGEST_BODY, TooLarge, read_points, unzip
from tests.ingest.examples import NOW_MS

# What the client itself changes: line breaks become \n, and a backslash at a name's end is not escaped there.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda s: not s.endswith("\\") and s[0] != "#"
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1), st.booleans(), TEXTS)


@given(
    NAMES, st.dictionaries(NAMES, NAMES, max_size=4), st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.integers(-(2**62), 2**62)
)
def test_whatever_influxdb_client_writes_is_read_back(name: str, tags: dict[str, str], fields: dict[str, object], time: int) -> None:
    """Names with every special character, quoted text over several lines, numbers of every size: all come back as they were."""
    point = Point(name).time(time)
    for key, value in tags.items():
        point.tag(key, value)
    for key, given_ in fields.items():
        point.field(key, given_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = point.to_line_protocol()
    good, bad = read_lines(f"# a comment\n\n{text}\n{text}\r\n")
    assert bad == [] and len(good) == 2
    for line in good:
        assert (line.measurement, line.tags, line.fields, line.time) == (name, tags, fields, time)
        assert [type(v) for v in (line.fields[k] for k in fields)] == [
            type(v) if not isinstance(v, float) else float for v in fields.values()
        ]


@given(st.text(max_size=200))
def test_no_text_stops_it(text: str) -> None:
    """Every text is read to its end: into points and refusals, never an exception."""
    good, bad = read_lines(text)
    for line in good:
        assert line.fields and line.measurement
        assert all(math.isfinite(v) for v in line.fields.values() if isinstance(v, float))
    assert all(one.why.startswith("unable to parse") and "\n" not in one.why for one in bad)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("m", "missing fields"),
        ("m,a=b", "missing fields"),
        ("m ", "missing fields"),
        (",a=b f=1", "missing measurement"),
        ("m,=b f=1", "missing tag key"),
        ("m,a= f=1", "missing tag value"),
        ("m,a f=1", "missing tag value"),
        ("m,a=b,a=c f=1", "duplicate tags"),
        ("m =1", "missing field key"),
        ("m f", "invalid field format"),
        ("m f=", "missing field value"),
        ("m f=1,", "missing field key"),
        ("m f=NaN", "invalid number"),
        ("m f=inf", "invalid number"),
        ("m f=0x10", "invalid number"),
        ("m f=1_000", "invalid number"),
        ("m f=+1", "invalid number"),
        ("m f=1e", "invalid number"),
        ("m f=1.5i", "invalid number"),
        ("m f=-1u", "value out of range"),
        ("m f=9223372036854775808i", "value out of range"),
        ("m f=1e999", "value out of range"),
        ('m f="open', "unbalanced quotes"),
        ('m f="a"b', "invalid field format"),
        ("m f=1 12x", "bad timestamp"),
        ("m f=1 1 1", "bad timestamp"),
        ("m f=1 1.5", "bad timestamp"),
        ("m f=1 99999999999999999999", "bad timestamp"),
        ("m f=¹", "invalid number"),
    ],
)
def test_a_bad_line_is_told_and_the_next_one_read(line: str, why: str) -> None:
    """The reason is InfluxDB's, the line is shown, and its neighbours are read."""
    good, bad = read_lines(f"m f=1 1\n{line}\nm f=2 2")
    assert [one.fields["f"] for one in good] == [1.0, 2.0]
    assert len(bad) == 1 and bad[0].why.endswith(why) and bad[0].text == line


def test_kinds_of_values() -> None:
    """Floats in every form, integers, unsigned ones, truths; a missing time is None."""
    ((line,), _) = read_lines('m a=1,b=-1.5e-3,c=.5,d=7i,e=18446744073709551615u,f=T,g=false,h="x \\"y\\" \\\\ z",i=1.')
    assert line.fields == {"a": 1.0, "b": -0.0015, "c": 0.5, "d": 7, "e": 2**64 - 1, "f": True, "g": False, "h": 'x "y" \\ z', "i": 1.0}
    assert line.time is None and line.tags == {}


def test_a_hostile_body_is_read_in_time_that_grows_with_its_length() -> None:
    """No pattern of ours goes back over what it has read: a body made of the worst text takes no longer than one of points."""
    for text in (
        "m,a=" + "\\," * 200_000,
        'm f="' + "\\\\" * 200_000,
        "m" + "\\" * 400_001,
        "m f=" + "1" * 400_000,
        ("m " + "f=1," * 3) * 30_000,
    ):
        good, bad = read_lines(text)
        assert not good and bad


def test_lines_of_ours_come_back_as_the_readings_they_were() -> None:
    """What one installation sends out another can take in: value, device, channel, unit and time; flags are given anew."""
    series = Series(1, "371522", "sx-01-gw", "sx-01-g1-air", "air_temperature", "Cel")
    (line,) = reading_lines({1: series_head(series)}, [(1, NOW_MS, 21.5, 3)])
    ((point,), dropped) = read_points(line.encode(), "ms", 0)
    (reading,) = point.readings
    assert dropped == []
    assert (reading.d, reading.c, reading.t, reading.x, reading.u) == ("sx-01-g1-air", "air_temperature", NOW_MS, 21.5, "Cel")


@pytest.mark.parametrize(
    ("precision", "time"), [("ns", NOW_MS * 10**6 + 999_999), ("us", NOW_MS * 1000 + 999), ("ms", NOW_MS), ("s", NOW_MS // 1000)]
)
def test_times_of_every_precision(precision: str, time: int) -> None:
    """A time finer than a millisecond loses what is finer; none at all is the time it came."""
    points, _ = read_points(f"m,device=d value=1 {time}\nm,device=d value=2".encode(), precision, NOW_MS + 5)
    assert [p.readings[0].t for p in points] == [NOW_MS, NOW_MS + 5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("m value=1", "no tag device"),
        ("m,device=d state=true", "is type boolean"),
        ('m,device=d state="on"', "is type string"),
        ("m,device=d value=1 -1", "time outside range"),
        ("m,device=d value=1 9223372036854775807", "time outside range"),
        (f"m,device=d {'x' * 65}=1", "is too long"),
        (f"m,device={'d' * 65} value=1", "no tag device"),
        ("m,device=d flag=1i,value=true", "is type boolean"),
    ],
)
def test_lines_that_are_no_readings(line: str, why: str) -> None:
    """What has no device, no number or no time of ours is refused with its reason."""
    points, dropped = read_points(line.encode(), "ms", NOW_MS)
    assert points == [] and [text for text, _ in dropped] == [line] and why in dropped[0][1]


def test_bodies_that_are_nothing() -> None:
    """No points, no UTF-8, an unknown precision: the whole is refused."""
    for body, precision, why in (
        (b"", "ns", "points"),
        (b"# only\n", "ns", "points"),
        (b"m f=\xff", "ns", "UTF-8"),
        (b"m f=1", "h", "precision"),
    ):
        with pytest.raises(BadInput, match=why):
            read_points(body, precision, NOW_MS)


def test_a_zip_bomb_is_not_unpacked() -> None:
    """Unpacking stops at the bound; rubbish and torn gzip are told; members one after the other are one body."""
    import gzip

    assert unzip(gzip.compress(b"a\n") + gzip.compress(b"b\n")) == b"a\nb\n"
    with pytest.raises(TooLarge):
        unzip(gzip.compress(b"0" * (LARGEST_BODY + 1)))
    with pytest.raises(TooLarge):
        unzip(gzip.compress(b"0" * (LARGEST_BODY // 2)) * 3)
    for torn in (b"no gzip", gzip.compress(b"m f=1")[:-9]):
        with pytest.raises(BadInput, match="decompress"):
            unzip(torn)
