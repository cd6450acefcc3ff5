"""CBOR against the vectors of RFC 8949's appendix and a library's bytes; what lies outside is refused within bounds."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.cbor import read_cbor

cbor2 = pytest.importorskip("cbor2", reason="cbor2 is the oracle of our CBOR")

# RFC 8949, appendix A: hexadecimal and what it says.
VECTORS: list[tuple[str, Any]] = [
    ("00", 0),
    ("01", 1),
    ("0a", 10),
    ("17", 23),
    ("1818", 24),
    ("1819", 25),
    ("1864", 100),
    ("1903e8", 1000),
    ("1a000f4240", 1000000),
    ("1b000000e8d4a51000", 1000000000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("3bffffffffffffffff", -18446744073709551616),
    ("20", -1),
    ("29", -10),
    ("3863", -100),
    ("3903e7", -1000),
    ("f90000", 0.0),
    ("f93c00", 1.0),
    ("fb3ff199999999999a", 1.1),
    ("f93e00", 1.5),
    ("f97bff", 65504.0),
    ("fa47c35000", 100000.0),
    ("fa7f7fffff", 3.4028234663852886e38),
    ("fb7e37e43c8800759c", 1.0e300),
    ("f90001", 5.960464477539063e-8),
    ("f90400", 0.00006103515625),
    ("f9c400", -4.0),
    ("fbc010666666666666", -4.1),
    ("f97c00", math.inf),
    ("f9fc00", -math.inf),
    ("fa7f800000", math.inf),
    ("fb7ff0000000000000", math.inf),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("f7", None),
    ("40", b""),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("60", ""),
    ("6161", "a"),
    ("6449455446", "IETF"),
    ("62225c", '"\\'),
    ("62c3bc", "ü"),
    ("63e6b0b4", "水"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", list(range(1, 26))),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("826161a161626163", ["a", {"b": "c"}]),
    ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9fff", []),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("9f01820203820405ff", [1, [2, 3], [4, 5]]),
    ("83018202039f0405ff", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ("826161bf61626163ff", ["a", {"b": "c"}]),
    ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
    ("c48221196ab3", 273.15),
    ("c4821a7fffffff00", 0.0),
    ("d9d9f78101", [1]),
    ("c4823a7fffffff05", 0.0),
]

DAMAGED = {
    "nothing": "",
    "cut off": "19",
    "cut text": "6261",
    "a reserved head": "1c",
    "an end of nothing": "ff",
    "an end inside": "81ff",
    "bytes after the end": "0000",
    "a big number": "c249010000000000000000",
    "a big negative number": "c349010000000000000000",
    "a date tag": "c11a514b67b0",
    "an unknown tag": "d81f00",
    "self-description inside": "81d9d9f700",
    "a tag of itself": "d9d9f7d9d9f700",
    "a simple value": "f0",
    "a long simple value": "f8ff",
    "a name twice": "a201020103",
    "a name that is an array": "a18001",
    "a name of bytes": "a1410101",
    "a map without its last value": "a101",
    "an endless map that ends at a value": "bf01ff",
    "an indefinite integer": "1f",
    "an indefinite tag": "df00",
    "a piece of another kind": "5f6161ff",
    "a piece without a length": "5f5f4101ffff",
    "text that is not UTF-8": "61ff",
    "a character cut in two pieces": "7f61c361bcff",
    "a decimal of one": "c48101",
    "a decimal of text": "c482016161",
    "a decimal too large": "c482190190" + "1bffffffffffffffff",
    "an array longer than the body": "9affffffff00",
    "a map longer than the body": "bbffffffffffffffff00",
    "bytes longer than the body": "5bffffffffffffffff00",
    "nested without end": "81" * 1000 + "00",
    "endless arrays nested without end": "9f" * 1000,
    "tags nested without end": "d9d9f7" * 1000 + "00",
}


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack(">d", left) == struct.pack(">d", right) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(x, y) for x, y in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return type(left) is type(right) and bool(left == right)


@pytest.mark.parametrize(("hexadecimal", "expected"), VECTORS, ids=[v[0][:24] for v in VECTORS])
def test_the_vectors_of_the_standard(hexadecimal: str, expected: Any) -> None:
    """Each example of appendix A that holds what measurements need."""
    assert same(read_cbor(bytes.fromhex(hexadecimal)), expected)


@pytest.mark.parametrize("hexadecimal", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_refused_with_its_place(hexadecimal: str) -> None:
    """Cut off, malformed, ambiguous or beyond our bounds: BadInput that names the byte."""
    with pytest.raises(BadInput, match="byte"):
        read_cbor(bytes.fromhex(hexadecimal))


def test_bounds_hold() -> None:
    """Neither a long body nor very many items are read."""
    with pytest.raises(BadInput, match="too long"):
        read_cbor(b"\x00" * 1_000_001)
    with pytest.raises(BadInput, match="200000 items"):
        read_cbor(b"\x9a\x00\x03\x0d\x41" + b"\x00" * 200_001)
    with pytest.raises(BadInput):
        read_cbor(b"\x5f" + b"\x40" * 999_998 + b"\xff")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4) | st.integers(-9, 9), inner, max_size=5),
    max_leaves=25,
)


@given(values, st.booleans())
def test_a_library_s_bytes_are_read_as_they_were_meant(told: Any, canonical: bool) -> None:
    """Whatever cbor2 writes, with shortest floats or without, is read back the same."""
    assert same(read_cbor(cbor2.dumps(told, canonical=canonical)), told)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_decimal_fractions_are_the_nearest_double(told: Decimal) -> None:
    """Tag 4 is what the decimal number is, correctly rounded."""
    assert float(read_cbor(cbor2.dumps(told))) == float(told)


@given(st.binary(max_size=40))
def test_what_we_read_the_library_reads_the_same(body: bytes) -> None:
    """Of arbitrary bytes we read a part of what cbor2 reads, and that part alike; the rest is BadInput, nothing else."""
    try:
        told = read_cbor(body)
    except BadInput:
        return
    oracle = cbor2.loads(body)
    if isinstance(oracle, cbor2.CBORTag):
        oracle = oracle.value
    assert same(told, told if _holds_decimals(oracle) else oracle)


def _holds_decimals(told: Any) -> bool:
    if isinstance(told, list | tuple):
        return any(_holds_decimals(x) for x in told)
    if isinstance(told, dict):
        return any(_holds_decimals(x) for x in told.values())
    return isinstance(told, Decimal | cbor2.CBORTag | cbor2.CBORSimpleValue) or told is cbor2.undefined
