"""What cannot be is refused when it is made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import nacl.signing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from foundation.ids import shard_of
from registry.devices import Device, DeviceChannel, Gateway
from registry.keys import SigningKey, check_key_id, key_id
from registry.outline import area_square_metres, check_outline, ring_of
from registry.products import Variety
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND, SQUARE

NAN = float("nan")


@pytest.mark.parametrize(
    "make",
    [
        lambda: dataclasses.replace(BAOYING, code="32102"),
        lambda: dataclasses.replace(BAOYING, lat=91.0),
        lambda: dataclasses.replace(BAOYING, lon=NAN),
        lambda: dataclasses.replace(BAOYING, name_zh=""),
        lambda: dataclasses.replace(COOP, roles=("emperor",)),
        lambda: dataclasses.replace(COOP, roles=()),
        lambda: dataclasses.replace(COOP, roles=("grower", "grower")),
        lambda: dataclasses.replace(COOP, roles=("administrator",)),
        lambda: dataclasses.replace(COOP, name_en=" "),
        lambda: dataclasses.replace(COOP, name_en="Coop "),
        lambda: dataclasses.replace(COOP, name_en="Coop\n"),
        lambda: dataclasses.replace(COOP, name_zh="合作\u202e社"),
        lambda: dataclasses.replace(COOP, address_zh="x" * 121),
        lambda: dataclasses.replace(BASE, party="a/b"),
        lambda: dataclasses.replace(BASE, id=".."),
        lambda: dataclasses.replace(POND, area_mu=0.0),
        lambda: dataclasses.replace(POND, area_mu=NAN),
        lambda: dataclasses.replace(POND, area_mu=1e9),
        lambda: dataclasses.replace(POND, kind="lake"),
        lambda: dataclasses.replace(LOTUS, shelf_life_class="eternal"),
        lambda: dataclasses.replace(LOTUS, unit="斤"),
        lambda: dataclasses.replace(LOTUS, varieties=(Variety("v", "甲", "A"), Variety("v", "乙", "B"))),
        lambda: dataclasses.replace(LEVEL, channels=()),
        lambda: dataclasses.replace(LEVEL, channels=LEVEL.channels * 2),
        lambda: dataclasses.replace(LEVEL, id="a/b"),
        lambda: dataclasses.replace(LEVEL, plot=""),
        lambda: DeviceChannel("water_level", "", 600),
        lambda: DeviceChannel("water_level", "c m", 600),
        lambda: DeviceChannel("water_level", "℃", 600),
        lambda: DeviceChannel("water_level", "cm", 0),
        lambda: Gateway("ingest", "321023", "by-01", "网关", "Gateway", shard_of("ingest"), 0),
        lambda: Gateway("by-01-gw", "321023", "by-01", "网关", "Gateway", "z", 0),
        lambda: SigningKey("0" * 16, "coop-1", bytes(nacl.signing.SigningKey.generate().verify_key), 0),
    ],
)
def test_nonsense_is_refused(make: Callable[[], object]) -> None:
    """A thing that cannot be is refused when it is made, with what was expected."""
    with pytest.raises(BadInput) as refused:
        make()
    assert refused.value.message


# The eight points of small order and their other spellings (RFC 7748, libsodium's blocklist).
SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("public", [*SMALL_ORDER, "", "ab" * 31, "ab" * 33, "02" + "00" * 31])
def test_a_key_that_verifies_forgeries_is_refused(public: str) -> None:
    """Points of small order, bytes off the curve and wrong lengths are no public keys."""
    raw = bytes.fromhex(public)
    with pytest.raises(BadInput):
        SigningKey(key_id(raw), "coop-1", raw, 0)


@given(st.binary(min_size=32, max_size=32))
def test_every_real_key_is_taken(seed: bytes) -> None:
    """Any key made from a seed is a key, with 16 hex digits of its hash as id."""
    public = bytes(nacl.signing.SigningKey(seed).verify_key)
    key = SigningKey(key_id(public), "coop-1", public, 0)
    assert check_key_id(key.id) == key.id


def test_a_validity_does_not_end_before_it_begins() -> None:
    """An empty validity is refused; a revocation may lie before its begin, then nothing counts."""
    public = bytes(nacl.signing.SigningKey.generate().verify_key)
    with pytest.raises(BadInput):
        SigningKey(key_id(public), "coop-1", public, 5, 5)
    revoked = SigningKey(key_id(public), "coop-1", public, 5, None, 3)
    assert not any(revoked.valid_at(ms) for ms in range(10))


def polygon(*corners: tuple[float, float]) -> str:
    """Return a GeoJSON Polygon."""
    return json.dumps({"type": "Polygon", "coordinates": [[list(c) for c in corners]]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"type":"Point","coordinates":[1,2]}',
        '{"type":"Polygon"}',
        '{"type":"Polygon","coordinates":[]}',
        '{"type":"Polygon","coordinates":[[],[]]}',
        '{"type":"Polygon","coordinates":[[1,2,3,4]]}',
        polygon((0, 0), (1, 0), (0, 0)),
        polygon((0, 0), (1, 0), (1, 1), (0, 1)),
        polygon((0, 0), (1, 1), (1, 0), (0, 1), (0, 0)),
        polygon((0, 0), (1, 0), (2, 0), (0, 0)),
        polygon((0, 0), (1, 0), (1, 1), (1, 0), (0, 0)),
        polygon((0, 0), (200, 0), (1, 1), (0, 0)),
        polygon((0, 0), (1e-7, 0), (1e-7, 1e-7), (0, 0)),
        '{"type":"Polygon","coordinates":[[[NaN,0],[1,0],[1,1],[NaN,0]]]}',
        '{"type":"Polygon","coordinates":[[["0",0],[1,0],[1,1],["0",0]]]}',
        '{"type":"Polygon","coordinates":[[[true,0],[1,0],[1,1],[true,0]]]}',
        "[" * 30_000,
        polygon(*((k * 1e-4, (k * k) * 1e-7) for k in range(502)), (0, 0)),
    ],
)
def test_an_outline_is_one_closed_ring_that_does_not_cross_itself(text: str) -> None:
    """Anything else is refused, and so is what only looks like JSON."""
    with pytest.raises(BadInput):
        check_outline(text)


def test_an_outline_has_one_spelling() -> None:
    """Blanks, heights and extra members are dropped, so that the same outline is the same text."""
    loose = json.loads(SQUARE)
    loose["coordinates"][0] = [[*corner, 7.5] for corner in loose["coordinates"][0]]
    loose["bbox"] = [1, 2, 3, 4]
    assert check_outline(json.dumps(loose, indent=3)) == SQUARE
    assert check_outline(SQUARE) == SQUARE


def test_the_area_in_an_outline_is_right() -> None:
    """A thousandth of a degree each way at 33.2 degrees north is 93.1 m by 111.3 m."""
    assert area_square_metres(ring_of(SQUARE)) == pytest.approx(93.15 * 111.32, rel=1e-3)


@given(st.text(max_size=60))
def test_any_text_is_an_outline_or_refused(text: str) -> None:
    """No text brings anything but an outline or BadInput."""
    with pytest.raises(BadInput):
        check_outline(text)


def test_a_mu_is_a_fifteenth_of_a_hectare() -> None:
    """Fifteen mu are one hectare exactly."""
    assert POND.area_hectares == 1.0


def test_a_device_keeps_what_it_was_made_of() -> None:
    """Nouns are values: equal by content, not to be changed."""
    assert dataclasses.replace(LEVEL) == LEVEL
    with pytest.raises(dataclasses.FrozenInstanceError):
        LEVEL.id = "x"  # type: ignore[misc]
    assert isinstance(LEVEL, Device)
