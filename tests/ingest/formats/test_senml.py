"""SenML, RFC 8428: base fields, times, sums, names, versions; CBOR says what JSON says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded, Observed
from ingest.formats.senml import decode_cbor, decode_json
from tests.ingest.formats.shapes import RECEIVED

cbor2 = pytest.importorskip("cbor2", reason="cbor2 is the oracle of our CBOR")

LABELS = {
    "bver": -1,
    "bn": -2,
    "bt": -3,
    "bu": -4,
    "bv": -5,
    "bs": -6,
    "n": 0,
    "u": 1,
    "v": 2,
    "vs": 3,
    "vb": 4,
    "s": 5,
    "t": 6,
    "ut": 7,
    "vd": 8,
}


def read(*records: Any) -> Decoded:
    """Read a pack both ways; both must say the same."""
    told = decode_json("", json.dumps(records).encode(), Context(RECEIVED))
    numbered = [{LABELS.get(k, k): v.encode() if k == "vd" else v for k, v in r.items()} for r in records]
    assert decode_cbor("", cbor2.dumps(numbered), Context(RECEIVED)) == told
    assert (
        decode_cbor("", cbor2.dumps([{k: v.encode() if k == "vd" else v for k, v in r.items()} for r in records]), Context(RECEIVED))
        == told
    )
    return told


def said(told: Decoded) -> list[tuple[str, str, float, str | None]]:
    return [(o.device, o.channel, o.value, o.unit) for o in told.observed]


def test_the_standard_s_cbor_example() -> None:
    """RFC 8428, section 6: the pack of seven currents as the standard prints its bytes."""
    body = bytes.fromhex(
        "87a721781b75726e3a6465763a6f773a313065323037336130313038303036 3a22fb41d303a15b00106223614120050067766f6c7461676501615602fb"
        "405e066666666666"
        "a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccd"
        "a3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00"
        "a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333".replace(" ", "")
    )
    told = decode_cbor("", body, Context(RECEIVED))
    device = "urn:dev:ow:10e2073a0108006"
    assert told.observed[0] == Observed(device, "voltage", 1276020076001, 120.1, "V")
    assert [o.t_ms for o in told.observed[1:]] == [1276020071001 + 1000 * n for n in range(6)]
    assert [o.value for o in told.observed[1:]] == [1.2, 1.3, 1.4, 1.5, 1.6, 1.7]


def test_base_fields_hold_until_they_change() -> None:
    """Name, time, unit, value and sum of the base go with every record after it."""
    told = read(
        {"bn": "pond-3/", "bt": 1320067464, "bu": "%RH", "bv": 20, "n": "rh", "v": 0.5},
        {"n": "rh", "t": 60, "v": 1},
        {"bn": "pond-4/", "n": "t", "u": "Cel", "v": -5, "bt": 1320067000},
        {"n": "none"},
    )
    assert said(told) == [
        ("pond-3", "rh", 20.5, "%"),
        ("pond-3", "rh", 21.0, "%"),
        ("pond-4", "t", 15.0, "Cel"),
        ("pond-4", "none", 20.0, "%"),
    ]
    assert [o.t_ms for o in told.observed] == [1320067464000, 1320067524000, 1320067000000, 1320067000000]


def test_times_below_2_28_are_relative_to_now() -> None:
    """0 is no time at all, negative is ago, a small positive one is ahead; 2^28 is in 1978."""
    told = read(
        {"bn": "d/", "n": "c", "v": 1},
        {"n": "c", "v": 1, "t": -5},
        {"n": "c", "v": 1, "t": 2.5},
        {"n": "c", "v": 1, "t": 2**28 - 1},
        {"n": "c", "v": 1, "t": 2**28},
        {"n": "c", "v": 1, "bt": -10, "t": 10},
    )
    assert [o.t_ms for o in told.observed] == [
        None,
        RECEIVED - 5000,
        RECEIVED + 2500,
        RECEIVED + (2**28 - 1) * 1000,
        2**28 * 1000,
        None,
    ]


def test_values_of_every_kind() -> None:
    """Truth values are 1 and 0; text and data are skipped; update times are a fact."""
    told = read(
        {"bn": "d/", "n": "open", "vb": True},
        {"n": "shut", "vb": False},
        {"n": "s", "vs": "on"},
        {"n": "d", "vd": "AAE"},
        {"n": "v", "v": 1, "ut": 60},
    )
    assert [(o.channel, o.value) for o in told.observed] == [("open", 1.0), ("shut", 0.0), ("v", 1.0)]
    assert told.skipped == ("s: text", "d: data") and told.facts == {"update_within_s": 60.0}


def test_sums_are_channels_of_their_own() -> None:
    """A sum is in the unit times seconds, with its base added; a record may hold a sum alone."""
    told = read({"bn": "d/", "bs": 100, "n": "power", "u": "W", "v": 5, "s": 20}, {"n": "power", "u": "W"}, {"n": "flow", "s": 1})
    assert said(told) == [
        ("d", "power", 5.0, "W"),
        ("d", "power.sum", 120.0, "W.s"),
        ("d", "power.sum", 100.0, "W.s"),
        ("d", "flow.sum", 101.0, None),
    ]


@pytest.mark.parametrize(
    ("base", "name", "device", "channel"),
    [
        ("urn:dev:ow:10e2073a0108006:", "voltage", "urn:dev:ow:10e2073a0108006", "voltage"),
        ("urn:dev:ow:10e2073a0108006", "", "urn:dev:ow:10e2073a0108006", "value"),
        (None, "urn:dev:ow:10e2073a01080063", "urn:dev:ow:10e2073a01080063", "value"),
        (None, "urn:dev:mac:0024befffe804ff1/current", "urn:dev:mac:0024befffe804ff1", "current"),
        ("urn:dev:mac:0024befffe804ff1", "/current", "urn:dev:mac:0024befffe804ff1", "current"),
        ("urn:dev:ow:10e2", "073a:voltage", "urn:dev:ow:10e2073a", "voltage"),
        ("pond-3/", "probe/1", "pond-3", "probe/1"),
        ("pond-3", "", "pond-3", "value"),
        (None, "pond-3/temperature", "pond-3", "temperature"),
        (None, "temperature", "", "temperature"),
    ],
)
def test_a_name_is_split_into_device_and_channel(base: str | None, name: str, device: str, channel: str) -> None:
    """Where the sender split it; else at the last / or :; what has no parts is the channel of the sender itself."""
    record: dict[str, Any] = {"v": 1} | ({"bn": base} if base is not None else {}) | ({"n": name} if name else {})
    assert [(o.device, o.channel) for o in read(record).observed] == [(device, channel)]


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "at least one"),
        ([5], "object"),
        ([{"n": "hi"}], "neither value nor sum"),
        ([{"bn": "d/"}, {"n": "c", "v": 1}], "neither value nor sum"),
        ([{"v": 1}], "name"),
        ([{"n": "3 a", "v": 1}], "name"),
        ([{"n": "_a", "v": 1}], "name"),
        ([{"n": "温度", "v": 1}], "name"),
        ([{"n": "a" * 257, "v": 1}], "name"),
        ([{"n": "a", "v": 1, "vb": True}], "more than one value"),
        ([{"n": "a", "v": "1"}], "`v` is no number"),
        ([{"n": "a", "v": True}], "`v` is no number"),
        ([{"n": "a", "v": None}], "`v` is no number"),
        ([{"n": "a", "vb": 1}], "`vb` is no truth value"),
        ([{"n": "a", "vs": 1}], "`vs`"),
        ([{"n": "a", "vd": 1}], "`vd`"),
        ([{"n": 5, "v": 1}], "`n` is no text"),
        ([{"n": "a", "v": 1, "u": 5}], "`u`"),
        ([{"n": "a", "v": 1, "t": "0"}], "`t`"),
        ([{"n": "a", "v": 1, "bt": []}], "`bt`"),
        ([{"bver": 11, "n": "a", "v": 1}], "version"),
        ([{"bver": 0, "n": "a", "v": 1}], "version"),
        ([{"bver": 9.5, "n": "a", "v": 1}], "version"),
        ([{"bver": 5, "n": "a", "v": 1}, {"bver": 6, "n": "a", "v": 1}], "two versions"),
        ([{"n": "a", "v": 1, "must_": 1}], "must be understood"),
        ([{"n": "a", "v": 1, "t": 1e300}], "calendar"),
        ([{"n": "a", "v": 1, "t": -1e12}], "calendar"),
        ([{"bv": 1e308, "n": "a", "v": 1e308}], "beyond"),
        ([{"n": "a", "v": 1, "ut": "x"}], "`ut`"),
        ({"n": "a", "v": 1}, "array"),
        ([{"n": "a", "v": 1}] * 20_001, "too many"),
    ],
)
def test_what_is_no_pack_is_refused(records: Any, words: str) -> None:
    """Every rule of the standard that is broken is named; one bad record refuses the pack."""
    with pytest.raises(BadInput, match=words):
        decode_json("", json.dumps(records).encode(), Context(RECEIVED))


def test_fields_nobody_knows_are_ignored() -> None:
    """An extension that need not be understood does not disturb."""
    assert said(read({"n": "a", "v": 1, "x": {"y": 1}, "bx": 5})) == [("", "a", 1.0, None)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70])
def test_cbor_can_say_what_json_cannot(value: float) -> None:
    """NaN, infinity and big numbers are refused there too."""
    with pytest.raises(BadInput):
        decode_cbor("", cbor2.dumps([{0: "a", 2: value}]), Context(RECEIVED))


def test_a_field_twice_in_two_spellings_is_refused() -> None:
    """The number 2 and the text v are one field."""
    with pytest.raises(BadInput, match="twice"):
        decode_cbor("", cbor2.dumps([{0: "a", 2: 1.0, "v": 2.0}]), Context(RECEIVED))


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,12}", fullmatch=True)


@given(
    st.lists(st.tuples(names, st.floats(-1e9, 1e9), st.floats(-1e6, 1e6)), min_size=1, max_size=8),
    names,
    st.floats(-1e6, 1e6),
    st.sampled_from([0, 1.6e9]),
)
def test_a_resolved_pack_says_what_the_pack_says(records: list[tuple[str, float, float]], base: str, bv: float, bt: float) -> None:
    """Applying the base by hand changes no value and no time, up to a double's rounding."""
    packed = [{"n": n, "v": v, "t": t} for n, v, t in records]
    packed[0] |= {"bn": base, "bv": bv, "bt": bt}
    resolved = [{"n": base + n, "v": bv + v, "t": bt + t} for n, v, t in records]
    told = decode_json("", json.dumps(packed).encode(), Context(RECEIVED))
    alone = decode_json("", json.dumps(resolved).encode(), Context(RECEIVED))
    assert [(o.value, o.t_ms) for o in told.observed] == [(o.value, o.t_ms) for o in alone.observed]
