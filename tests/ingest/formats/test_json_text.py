"""JSON of strangers: one meaning for every body, or a refusal that says why. Times and paths likewise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.json_path import MISSING, parse_path
from ingest.formats.json_text import decimal_in, flatten, read_json
from ingest.formats.times import epoch_ms, local_ms, rfc3339_ms

DAMAGED = {
    "not a number": b'{"v":NaN}',
    "infinity": b'{"v":Infinity}',
    "beyond a double": b'{"v":1e400}',
    "an endless integer": b'{"v":' + b"9" * 5000 + b"}",
    "a byte order mark": b'\xef\xbb\xbf{"v":1}',
    "not UTF-8": b'{"v":"\xff"}',
    "UTF-16": '{"v":1}'.encode("utf-16"),
    "a lone surrogate": rb'{"v":"\ud800"}',
    "cut off": b'{"v":1',
    "two documents": b'{"v":1}{"v":2}',
    "nothing": b"",
    "a name twice": b'{"v":1,"v":2}',
    "a name twice, spaced": b'{"v" : 1, "v": 2}',
    "a name twice, deep": b'{"a":[{"b":{"v":1,"w":3,"v":2}}]}',
    "a name twice, spelled otherwise": rb'{"v":1,"\u0076":2}',
    "a name twice behind a quotation mark": rb'{"v":1,"v":2,"x":"\":"}',
    "nested without end": b"[" * 500_000 + b"]" * 500_000,
    "objects nested without end": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
    "too long": b'"' + b"x" * 1_000_000 + b'"',
    "a comma too many": b'{"v":1,}',
    "single quotes": b"{'v':1}",
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_a_body_without_one_meaning_is_refused(body: bytes) -> None:
    """Whatever RFC 8259 forbids or leaves open is BadInput with something a person can read."""
    with pytest.raises(BadInput) as error:
        read_json(body)
    assert error.value.message and len(error.value.explain()) < 600


def test_a_library_that_raised_the_recursion_limit_does_not_end_the_process() -> None:
    """Where the interpreter would let a parser go on until its stack ends, depth is looked at before; wide bodies are read all the same."""
    program = """
import sys
sys.setrecursionlimit(100_000)
from foundation.errors import BadInput
from ingest.formats.json_text import read_json
assert len(read_json(b"[" + b"[[{}]]," * 50_000 + b"1]")) == 50_001
for body in (b"[" * 90_000, b'{"a":' * 90_000, b'["[",' * 90_000):
    try:
        read_json(body)
        raise SystemExit("not refused")
    except BadInput:
        pass
"""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]), st.booleans())
def test_sound_json_reads_as_json_reads_it(told: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    """What the standard library writes, in any spacing and escaping, is read back as it was; nothing sound is refused."""
    body = json.dumps(told, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert read_json(body) == told


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", 'b"', "c:", '":', " :", "\\", "::"]), st.integers(0, 9) | st.text(':"a\\ ', max_size=4)), max_size=6
    ),
    st.sampled_from([":", " :", ":\n"]),
)
def test_a_name_that_comes_twice_never_passes(pairs: list[tuple[str, int | str]], colon: str) -> None:
    """Whatever the names hold and however it is spaced: an object is read exactly when each name is there once."""
    body = ("{" + ",".join(f"{json.dumps(k)}{colon}{json.dumps(v)}" for k, v in pairs) + "}").encode()
    if len({k for k, _ in pairs}) == len(pairs):
        assert read_json(body) == dict(pairs)
    else:
        with pytest.raises(BadInput, match="twice"):
            read_json(body)


def test_values_are_flattened_into_dotted_names() -> None:
    """Objects and arrays become dots, truth values 1 and 0; text and null are skipped and said so."""
    into: list[tuple[str, float]] = []
    skipped: list[str] = []
    flatten({"soil": {"t": 1, "m": [2.5, None]}, "leak": True, "off": False, "state": "ok", "n": "7"}, "", into, skipped)
    assert into == [("soil.t", 1.0), ("soil.m.0", 2.5), ("leak", 1.0), ("off", 0.0)]
    assert skipped == ["soil.m.1: null", "state: text", "n: text"]
    flatten({"": 1, "a": {"": 2}}, "", into, skipped)
    assert into[-1] == ("a.", 2.0) and skipped[-1] == "a value without a name"


def test_what_lies_too_deep_or_is_too_much_has_bounds() -> None:
    """Depth, names and counts end somewhere: skipped where it is harmless, refused where it is not."""
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    into: list[tuple[str, float]] = []
    skipped: list[str] = []
    flatten(deep, "", into, skipped)
    flatten({"x" * 300: {"y": 1}}, "", into, skipped)
    assert not into and len(skipped) == 2
    with pytest.raises(BadInput, match="too many values"):
        flatten([1] * 20_001, "", into, skipped)
    with pytest.raises(BadInput, match="beyond every number"):
        flatten({"v": 10**400}, "", [], skipped)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1_000", "0x10", "", "1e", "1,5", "١", "1e999", "1" * 65, "1 2", "true"])
def test_text_that_is_no_plain_number_is_none(text: str) -> None:
    """Only plain decimal notation counts."""
    assert decimal_in(text) is None


@pytest.mark.parametrize(("text", "value"), [("7", 7.0), (" -1.5 ", -1.5), ("+.5", 0.5), ("2.", 2.0), ("1e3", 1000.0), ("007", 7.0)])
def test_text_that_is_a_plain_number_is_one(text: str, value: float) -> None:
    """Signs, spaces around, exponents and leading zeros are plain."""
    assert decimal_in(text) == value


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2022-07-18T09:34:15.775023242+00:00", 1658136855775),
        ("2022-07-18T09:34:15.775Z", 1658136855775),
        ("2022-07-18 17:34:15+08:00", 1658136855000),
        ("2016-12-31T23:59:60Z", 1483228800000),
        ("1970-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999999999Z", 253402300799999),
    ],
)
def test_times_of_rfc_3339(text: str, ms: int) -> None:
    """Nanoseconds are cut, not rounded; a leap second is the second after it."""
    assert rfc3339_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    ["2022-07-18", "2022-07-18T09:34:15", "20220718T093415Z", "2022-W29-1T00:00:00Z", "2022-02-30T00:00:00Z", "1969-12-31T23:59:59Z",
     "2022-07-18T24:00:01Z", "2022-07-18T09:34:15+99:00", "", None, 1658136855775, "２022-07-18T09:34:15Z", "0000-01-01T00:00:00Z"],
)  # fmt: skip
def test_times_that_are_none(text: Any) -> None:
    """Without a zone, in no calendar, before 1970 or no text at all: refused."""
    with pytest.raises(BadInput):
        rfc3339_ms(text)


@pytest.mark.parametrize(
    "text", ["2026-07-18T09:34:15", "2026-07-18 09:34:15.0", "2026/07/18 09:34:15", "20260718093415", "20260718T093415"]
)
def test_local_times_are_of_the_feed_s_zone(text: str) -> None:
    """A time without a zone is eight hours earlier in UTC where the feed is in China."""
    assert local_ms(text, 8 * 3_600_000) == 1784338455000
    assert local_ms("2026-07-18T01:34:15Z", 8 * 3_600_000) == 1784338455000


@pytest.mark.parametrize("told", [-1, True, None, "5", 1e300, float("inf"), 253402300800000])
def test_numbers_that_are_no_time(told: Any) -> None:
    """Before 1970, after 9999, or no number."""
    with pytest.raises(BadInput):
        epoch_ms(told)


def test_paths_find_what_they_name() -> None:
    """Dots, indices, quoted names and every element of an array."""
    told = {"a": {"b": [{"c": 1}, {"c": 2}, {}]}, "x.y": 3}
    assert parse_path("a.b[1].c").find(told) == 2
    assert parse_path('["x.y"]').find(told) == 3
    assert parse_path("a.b[9].c").find(told) is MISSING and parse_path("a.c").find(told) is MISSING
    assert parse_path("a.b[*].c").find_all(told) == [(0, 1), (1, 2)]
    assert parse_path("[*]").find_all([5, 6]) == [(0, 5), (1, 6)]
    assert parse_path("a[*]").find_all(told) == []


@pytest.mark.parametrize("text", ["", ".a", "a..b", "a[", "a[-1]", "a[*][*]", "a.", "[]", "a[x]", "a" + ".a" * 40])
def test_paths_that_are_none_are_refused(text: str) -> None:
    """A path that cannot be read says how one looks."""
    with pytest.raises(BadInput):
        parse_path(text)
