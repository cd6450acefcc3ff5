"""A gateway's signature is checked against its registered key, kept with the readings, and survives what they survive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from ingest.payloads import ReadingIn, Up, decode_up, encode_up
from ingest.service import Readings
from ingest.signatures import sign_up, signed_bytes, signer_of
from registry.devices import GatewayKey
from registry.keys import key_id
from tests.ingest.examples import NOW_MS, TwoGateways, clock, level

SEED, OTHER = bytes(range(32)), bytes(range(1, 33))


class Keys:
    """One gateway has a key."""

    def __init__(self, *, must_sign: bool) -> None:
        public = bytes(SigningKey(SEED).verify_key)
        self.key = GatewayKey(key_id(public), "by-01-gw", public, must_sign, 0)

    def gateway_key(self, gateway_id: str) -> GatewayKey | None:
        """Return its key."""
        return self.key if gateway_id == "by-01-gw" else None


@pytest.fixture(params=[False, True], ids=["may sign", "must sign"])
def readings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Readings]:
    """Yield a store that knows a key."""
    made = Readings(tmp_path, clock(), TwoGateways(), Keys(must_sign=request.param))
    yield made
    made.close()


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**6), 10**6).map(float), st.sampled_from([-0.0, 1e21, 1e-7])
)
READINGS = st.builds(ReadingIn, d=st.text(min_size=1, max_size=9), c=st.just("c"), t=st.integers(0, 4 * 10**12), x=NUMBERS,
                     u=st.none() | st.sampled_from(["Cel", "{count}", "m.0}", 'q"\\', "°"]))  # fmt: skip


@given(st.lists(READINGS, min_size=1, max_size=5), st.integers(0, 2**53 - 1))
def test_what_is_signed_is_the_canonical_spelling(parts: list[ReadingIn], seq: int) -> None:
    """However a message is spelled, its signed bytes are those of RFC 8785 without `sig`: the fast way and the general one agree."""
    up = Up(1, seq, parts)
    try:
        expected = rfc8785.dumps(msgspec.to_builtins(up))
    except rfc8785.CanonicalizationError:
        return
    assert signed_bytes(up) == expected
    assert signed_bytes(decode_up(msgspec.json.encode(sign_up(up, signer_of(SEED))))) == expected


def test_a_fitting_signature_is_kept(readings: Readings) -> None:
    """The message's hash and signature are kept by its number, however its JSON was spaced."""
    body = json.dumps(json.loads(encode_up(1, [level(1, 3.0)], signer_of(SEED))), indent=2).encode()
    assert readings.accept("by-01-gw", body).acked == [(1, 1)]
    (kept,) = readings.signed_messages("by-01-gw", 0, 9)
    SigningKey(SEED).verify_key.verify(signed_bytes(decode_up(body)), kept.signature)
    assert (kept.received_ms, kept.key_id) == (NOW_MS, key_id(bytes(SigningKey(SEED).verify_key)))


@pytest.mark.parametrize("how", ["another key", "altered", "no base64", "unsigned"])
def test_a_signature_that_does_not_fit(readings: Readings, how: str, request: pytest.FixtureRequest) -> None:
    """Where the gateway must sign, the message is refused with the reason; else it is stored, and counted if it was signed ill."""
    body = encode_up(1, [level(1, 3.0)], None if how == "unsigned" else signer_of(OTHER if how == "another key" else SEED))
    if how == "altered":
        body = body.replace(b'"x":3.0', b'"x":3.5')
    if how == "no base64":
        body = body.replace(b'"sig":"', b'"sig":"!')
    ack = readings.accept("by-01-gw", body)
    assert readings.signed_messages("by-01-gw", 0, 9) == []
    if "must" in request.node.callspec.id:
        assert not ack.acked
        assert "signed" in ack.refused[0].why or "does not fit" in ack.refused[0].why
        assert readings.counts().readings == 0
    else:
        assert ack.acked == [(1, 1)]
        assert readings.ill_signed() == ({} if how == "unsigned" else {"by-01-gw": 1})


def test_a_gateway_without_a_key_is_not_checked(readings: Readings) -> None:
    """A signature nobody can check is neither kept nor a fault."""
    assert readings.accept("sx-01-gw", encode_up(1, [level(1, 3.0, device="sx-01-a")], signer_of(OTHER))).acked == [(1, 1)]
    assert readings.signed_messages("sx-01-gw", 0, 9) == []
    assert readings.ill_signed() == {}


def test_a_signature_survives_the_loss_of_its_catalogue_entry(tmp_path: Path) -> None:
    """Killed between segment and catalogue: the segment that is adopted tells its signatures too."""
    readings = Readings(tmp_path, clock(), TwoGateways(), Keys(must_sign=False))
    readings.accept("by-01-gw", encode_up(1, [level(1, 3.0)], signer_of(SEED)))
    before = readings.signed_messages("by-01-gw", 0, 9)
    readings.close()
    from ingest.catalog import Catalog

    catalog = Catalog(tmp_path)
    with catalog.transaction() as db:
        for table in ("file", "arrival", "signed_message", "sequence"):
            db.execute(f"DELETE FROM {table}")
    catalog.close()
    again = Readings(tmp_path, clock(), TwoGateways(), Keys(must_sign=False))
    assert again.accept("by-01-gw", encode_up(1, [level(1, 3.0)], signer_of(SEED))).acked == [(1, 1)]
    assert again.signed_messages("by-01-gw", 0, 9) == before
    again.close()
