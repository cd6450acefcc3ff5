"""A gateway's signature on its message: Ed25519 over the RFC 8785 bytes of the message without `sig`, in base64.

A message of two thousand readings is spelled canonically by msgspec in a hundredth of the time a general canonicaliser takes; where its
spelling could differ from RFC 8785 (an exponent, a negative zero, an escape) the general one is asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ingest.messages import Sign
from ingest.messages import signer_of as signer_of
from ingest.payloads import Up

_sorted = msgspec.json.Encoder(order="sorted")
_BASE64_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{86}==\Z")
# Numbers that msgspec and RFC 8785 spell alike but for a trailing ".0" have neither an exponent nor five leading zeros.
_UNLIKE = re.compile(rb'\\|"x":(?:-?[0-9.]*e|-0\.0[,}]|-?0\.0000|-?[0-9]{16})')


class Key(Protocol):
    """The public key of a gateway, as the registry has it."""

    @property
    def id(self) -> str:
        """The key's id."""
        ...

    @property
    def public_key(self) -> bytes:
        """The 32 bytes."""
        ...

    @property
    def must_sign(self) -> bool:
        """Whether a message without a fitting signature is refused."""
        ...


class GatewayKeys(Protocol):
    """What ingest asks of the registry about signatures."""

    def gateway_key(self, gateway_id: str) -> Key | None:
        """Return the key a gateway signs with at present, None where none is registered."""
        ...


class NoKeys:
    """No gateway has a key."""

    def gateway_key(self, gateway_id: str) -> Key | None:  # noqa: ARG002
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """What is kept of a message whose signature fits: enough to tie its readings to it, and to prove whoever shows the message right."""

    gateway: str
    seq: int
    received_ms: int
    key_id: str
    message_hash: bytes
    signature: bytes


def signed_bytes(up: Up) -> bytes:
    """Return what the gateway signs: the RFC 8785 bytes of the message without its signature."""
    plain = Up(up.v, up.seq, up.readings, gone=up.gone)
    spelled = _sorted.encode(plain)
    # A unit could spell what looks like the end of a number.
    if _UNLIKE.search(spelled) or (b'"u":' in spelled and any(r.u is not None and ".0}" in r.u for r in up.readings)):
        import rfc8785

        return rfc8785.dumps(msgspec.to_builtins(plain))
    return spelled.replace(b".0}", b"}")


def sign_up(up: Up, sign: Sign) -> Up:
    """Return the message with its signature."""
    return Up(up.v, up.seq, up.readings, base64.b64encode(sign(signed_bytes(up))).decode(), up.gone)


def check_signature(gateway: str, up: Up, key: Key, received_ms: int) -> SignedMessage | None:
    """Return what is to be kept of a signed message, None where the signature does not fit the key."""
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import CryptoError

    if up.sig is None or not _BASE64_SIGNATURE.match(up.sig):
        return None
    try:
        signature, message = base64.b64decode(up.sig, validate=True), signed_bytes(up)
        crypto_sign_open(signature + message, key.public_key)
    except (binascii.Error, CryptoError, ValueError):
        return None
    return SignedMessage(gateway, up.seq, received_ms, key.id, hashlib.sha256(message).digest(), signature)
