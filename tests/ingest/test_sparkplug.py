"""Sparkplug payloads: what google's protobuf writes we read, what we write it reads, and a number means what its datatype says."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats import protobuf as pb
from ingest.formats.decoded import Context
from ingest.formats.sparkplug import decode, parse_topic, rebirth_command, state_body, state_topic
from ingest.formats.sparkplug_payload import (
    BOOLEAN,
    DATATYPES,
    DOUBLE,
    FLOAT,
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT8,
    UINT32,
    UINT64,
    Metric,
    number_in,
    read_payload,
    write_payload,
)  # fmt: skip
from tests.ingest import sparkplug_proto

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
F32 = st.floats(width=32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.one_of(
    st.tuples(st.just("int_value"), U32), st.tuples(st.just("long_value"), U64), st.tuples(st.just("float_value"), F32),
    st.tuples(st.just("double_value"), st.floats()), st.tuples(st.just("boolean_value"), st.booleans()),
    st.tuples(st.just("string_value"), TEXT), st.none(),
)  # fmt: skip


@st.composite
def foreign_metrics(draw: st.DrawFn) -> dict[str, Any]:
    """Return the fields of a metric, each there or not."""
    fields = {
        "name": TEXT, "alias": U64, "timestamp": U64, "datatype": U32, "is_historical": st.booleans(), "is_transient": st.booleans(),
        "is_null": st.booleans(),
    }  # fmt: skip
    made = {name: draw(kind) for name, kind in fields.items() if draw(st.booleans())}
    value = draw(VALUES)
    return made | ({value[0]: value[1]} if value else {})


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are one, NaN included."""
    return type(a) is type(b) and (a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b)))


def theirs(metrics: list[dict[str, Any]], **more: Any) -> Any:
    """Return google's payload of these fields."""
    return sparkplug_proto.Payload(metrics=metrics, **more)


def check(ours: Metric, other: Any) -> None:
    """Compare our metric with google's."""
    for mine, its in (("name", "name"), ("alias", "alias"), ("t_ms", "timestamp"), ("datatype", "datatype")):
        expected = getattr(other, its) if other.HasField(its) or mine in ("name", "datatype") else None
        assert getattr(ours, mine) == expected
    assert (ours.historical, ours.transient, ours.null) == (other.is_historical, other.is_transient, other.is_null)
    kind = other.WhichOneof("value")
    assert same(ours.value, getattr(other, kind) if kind else None)


@settings(deadline=None)
@given(st.lists(foreign_metrics(), max_size=5), st.none() | U64, st.none() | st.integers(0, 255))
def test_what_google_writes_we_read(metrics: list[dict[str, Any]], t_ms: int | None, seq: int | None) -> None:
    """Every field of every metric comes out as google's library put it in."""
    more = {k: v for k, v in (("timestamp", t_ms), ("seq", seq)) if v is not None}
    payload = theirs(metrics, **more)
    ours = read_payload(payload.SerializeToString())
    assert (ours.t_ms, ours.seq, len(ours.metrics)) == (t_ms, seq, len(metrics))
    for mine, its in zip(ours.metrics, payload.metrics, strict=True):
        check(mine, its)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Metric, name=TEXT, alias=st.none() | U64, t_ms=st.none() | U64, datatype=st.integers(0, 34), historical=st.booleans(),
            transient=st.booleans(), null=st.booleans(),
            value=st.one_of(st.none(), U32, st.booleans(), st.floats(), TEXT), properties=st.dictionaries(
                TEXT, st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), TEXT), max_size=3),
        ),
        max_size=4,
    ),
    st.none() | st.integers(0, 255),
)  # fmt: skip
def test_what_we_write_google_reads(metrics: list[Metric], seq: int | None) -> None:
    """A payload of ours parses, says the same, and comes back from our own reader."""
    metrics = [
        m if not isinstance(m.value, float) or m.datatype != FLOAT else Metric(**{**_fields(m), "datatype": DOUBLE}) for m in metrics
    ]
    body = write_payload(metrics, t_ms=1, seq=seq)
    payload = sparkplug_proto.Payload.FromString(body)
    assert payload.timestamp == 1 and (payload.seq if payload.HasField("seq") else None) == seq
    back = read_payload(body)
    for mine, again, its in zip(metrics, back.metrics, payload.metrics, strict=True):
        check(again, its)
        assert same(again.value, mine.value) and again.properties == mine.properties
        assert list(its.properties.keys) == list(mine.properties)


def _fields(m: Metric) -> dict[str, Any]:
    return {name: getattr(m, name) for name in Metric.__slots__}  # type: ignore[attr-defined]


@settings(deadline=None)
@given(st.sampled_from([(INT8, 8), (INT16, 16), (INT32, 32), (INT64, 64)]), st.data())
def test_a_negative_number_is_read_from_every_pattern_libraries_send(kind: tuple[int, int], data: st.DataObject) -> None:
    """The pattern of the type's own width, of 32 and of 64 bits all mean the same number; pysparkplug sends 2^32 + v."""
    datatype, bits = kind
    value = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    for width in {bits, 32, 64} if bits <= 32 else {64}:
        assert number_in(value % 2**width, datatype) == float(value)
    body = write_payload([Metric(name="x", datatype=datatype, value=value)])
    raw = read_payload(body).metrics[0].value
    assert isinstance(raw, int) and raw >= 0
    assert number_in(raw, datatype) == float(value)
    assert sparkplug_proto.Payload.FromString(body).metrics[0].WhichOneof("value") == ("long_value" if bits == 64 else "int_value")


@pytest.mark.parametrize(
    ("value", "datatype"),
    [(300, INT8), (256, UINT8), (2**32, UINT32), (math.nan, DOUBLE), (math.inf, FLOAT), ("12", STRING), (1.5, INT32), (True, INT32),
     (1, BOOLEAN), (b"x", 17), (b"", 16), (b"", 19), (1, 0), (1, 99), (1_764_000_000_000, 13)],
)  # fmt: skip
def test_what_is_no_number_says_so(value: Any, datatype: int) -> None:
    """A value that does not fit its datatype, and a datatype that is no reading, are told in words."""
    with pytest.raises(BadInput):
        number_in(value, datatype)


def test_numbers_of_every_numeric_datatype() -> None:
    """What a datatype can hold comes out as that number."""
    assert number_in(True, BOOLEAN) == 1.0 and number_in(False, BOOLEAN) == 0.0
    assert number_in(2**64 - 1, UINT64) == float(2**64 - 1)
    assert number_in(21.5, FLOAT) == 21.5
    assert len(DATATYPES) == 34


def test_data_sets_and_templates_are_skipped_with_a_word() -> None:
    """Tables, templates, texts and files are no readings; the metrics beside them are."""
    inner = {"name": "x", "datatype": 3, "int_value": 1}
    table = {"num_of_columns": 1, "columns": ["a"], "types": [3], "rows": [{"elements": [{"int_value": 1}]}]}
    payload = theirs(
        [
            {"name": "table", "datatype": 16, "dataset_value": table},
            {"name": "pump", "datatype": 19, "template_value": {"template_ref": "Pump", "metrics": [inner]}},
            {"name": "name", "datatype": 12, "string_value": "P-7"},
            {"name": "file", "datatype": 18, "bytes_value": b"\x00", "metadata": {"size": 1}},
            {"name": "gone", "datatype": 9, "is_null": True},
            {"name": "scratch", "datatype": 9, "is_transient": True, "float_value": 1.0},
            {"name": "bdSeq", "datatype": 4, "long_value": 3},
            {"name": "Node Control/Rebirth", "datatype": 11, "boolean_value": False},
            {"name": "Properties/Hardware", "datatype": 12, "string_value": "x"},
            {"name": "Temperature", "datatype": 9, "float_value": 21.5, "timestamp": 5, "is_historical": True,
             "properties": {"keys": ["engUnit", "Quality"], "values": [{"type": 12, "string_value": "°C"}, {"type": 3, "int_value": 500}]}},
        ],
        timestamp=7, seq=0,
    )  # fmt: skip
    found = decode("spBv1.0/Field/NBIRTH/gw", payload.SerializeToString(), Context(0))
    (one,) = found.observed
    assert (one.device, one.channel, one.t_ms, one.value, one.unit, one.historical, one.quality) == (
        "gw",
        "Temperature",
        5,
        21.5,
        "°C",
        True,
        3,
    )
    assert [words.split(":")[0] for words in found.skipped] == ["table", "pump", "name", "file", "gone", "scratch"]
    assert found.facts == {"type": "NBIRTH", "seq": 0}


def test_topics() -> None:
    """What is a topic of Sparkplug is taken apart; anything else is refused."""
    assert parse_topic("spBv1.0/莘县/DDATA/gw/泵 7").device == "泵 7"
    assert parse_topic("spBv1.0/G/NBIRTH/N").node == "N"
    for wrong in (
        "",
        "spBv1.0",
        "spBv1.0/STATE/host",
        "spBv1.0/G/NDATA/N/D",
        "spBv1.0/G/DDATA/N",
        "spAv1.0/G/NDATA/N",
        "spBv1.0//NDATA/N",
        "spBv1.0/G/XDATA/N",
    ):
        with pytest.raises(BadInput):
            parse_topic(wrong)
    assert (state_topic("suhe-0"), state_body(True, 5)) == ("spBv1.0/STATE/suhe-0", b'{"online":true,"timestamp":5}')


def test_the_rebirth_command() -> None:
    """A command names the node, carries one true value and no sequence number."""
    topic, body = rebirth_command("G", "N", 9)
    payload = sparkplug_proto.Payload.FromString(body)
    (metric,) = payload.metrics
    assert topic == "spBv1.0/G/NCMD/N" and not payload.HasField("seq") and payload.timestamp == 9
    assert (metric.name, metric.datatype, metric.boolean_value, metric.timestamp) == ("Node Control/Rebirth", 11, True, 9)


@pytest.mark.parametrize(
    "body",
    [b"\x00\x00", b"\x0b\x0c", b"\x12\x05abc", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x08", b"\x08" + b"\x80" * 11 + b"\x01",
     b"\x09\x00", b"\x12\x04\x0a\x02\xff\xfe", b"\x18\x80\x02", b"\x0f\x00"],
)  # fmt: skip
def test_damaged_bytes_are_refused_in_words(body: bytes) -> None:
    """Field number 0, groups, lengths beyond the message, numbers without end, text that is none, a sequence number beyond 255."""
    with pytest.raises(BadInput):
        read_payload(body)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but BadInput ever comes of damaged bytes; where we read something, google's library agrees on the metrics' number."""
    try:
        ours = read_payload(body)
    except BadInput:
        return
    assert len(ours.metrics) <= len(body)


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.binary(max_size=50), F32, st.floats())
def test_fields_come_back(whole: int, raw: bytes, short: float, long: float) -> None:
    """What is written as a field is read as that field."""
    body = pb.put_varint(1, whole) + pb.put_bytes(2, raw) + pb.put_float(3, short) + pb.put_double(536_870_911, long)
    found = list(pb.fields(body))
    assert found[:2] == [(1, 0, whole), (2, 2, raw)]
    assert same(pb.float_of(found[2][2]), struct.unpack("<f", struct.pack("<f", short))[0])  # type: ignore[arg-type]
    assert same(pb.double_of(found[3][2]), long)  # type: ignore[arg-type]
