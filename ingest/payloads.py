"""The two messages of our own protocol, version 1: readings up, acknowledgements down.

Up:  {"v":1,"seq":412,"readings":[{"d":"pond-3-level","c":"water_level","t":1764741600000,"x":12.5,"u":"cm"}]}
Ack: {"v":1,"acked":[[400,412]],"refused":[{"seq":413,"why":"..."}],"now":1764741600250}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec

from foundation.errors import BadInput

MOST_READINGS = 2000
LARGEST_MESSAGE = 200_000
MOST_GONE = 64
_LAST_SEQ = 2**53 - 1
# In an acknowledgement: a reason that refuses no message, so that a gateway drops none for it.
NO_NUMBER = -1

# Only the length is checked here: a pattern costs more than all the rest of the decoding. The alphabet is checked once for every name
# that is not known yet, see intake.py.
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Seq = Annotated[int, msgspec.Meta(ge=0, le=_LAST_SEQ)]


class ReadingIn(msgspec.Struct, gc=False, omit_defaults=True):
    """One reading on the wire: device, channel, observation time in ms UTC, value, and a UCUM unit where not registered."""

    d: _Id
    c: _Id
    t: Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
    x: float
    u: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class Up(msgspec.Struct, gc=False, omit_defaults=True):
    """A gateway's message; `seq` counts messages per gateway and is never used again.

    `gone` are ranges of earlier numbers the gateway no longer has and will never send: what its full spool gave up, for the loss ledger.
    """

    v: Annotated[int, msgspec.Meta(ge=1, le=1)]
    seq: _Seq
    readings: Annotated[list[ReadingIn], msgspec.Meta(min_length=1, max_length=MOST_READINGS)]
    sig: str | None = None
    gone: Annotated[list[tuple[_Seq, _Seq]], msgspec.Meta(max_length=MOST_GONE)] = []


class _Numbered(msgspec.Struct, gc=False):
    """A message of which only the number is looked at."""

    seq: _Seq


class Refused(msgspec.Struct, gc=False):
    """A message that will never be stored, and why; the gateway drops it."""

    seq: int
    why: str


class Ack(msgspec.Struct, gc=False):
    """The application acknowledgement: ranges of sequence numbers that are on disk, ends included; `now` is our clock, ms UTC."""

    v: int
    acked: list[tuple[int, int]]
    refused: list[Refused] = []
    now: int | msgspec.UnsetType = msgspec.UNSET


_up = msgspec.json.Decoder(Up)
_ack = msgspec.json.Decoder(Ack)
_numbered = msgspec.json.Decoder(_Numbered)
_encoder = msgspec.json.Encoder()
# The number at the head of a body that is no JSON (cut off, NaN): nothing but the version may stand before it.
_HEAD = re.compile(rb'\s*\{\s*(?:"v"\s*:\s*1\s*,\s*)?"seq"\s*:\s*([0-9]{1,16})\s*[,}]')


def encode_up(
    seq: int, readings: list[ReadingIn], sign: Callable[[bytes], bytes] | None = None, gone: Sequence[tuple[int, int]] = ()
) -> bytes:
    """Return a message of `readings` under `seq`, signed where `sign` is given; raise BadInput where it would be refused for its size."""
    if not 1 <= len(readings) <= MOST_READINGS:
        raise BadInput("a message holds too many or no readings", expected=f"1 to {MOST_READINGS}", got=str(len(readings)))
    up = Up(1, seq, readings, gone=list(gone))
    body = _encoder.encode(up)
    if b'"x":null' in body:
        raise BadInput("a reading has no value", expected="a finite number", got="NaN or infinity", todo="leave the reading out")
    if sign is not None:
        from ingest.signatures import sign_up

        body = _encoder.encode(sign_up(up, sign))
    if len(body) > LARGEST_MESSAGE:
        raise BadInput("a message is too long", expected=f"at most {LARGEST_MESSAGE} bytes", got=str(len(body)), todo="send fewer readings")
    return body


def decode_up(body: bytes) -> Up:
    """Return a gateway's message; raise BadInput with the place and the reason where it is not one."""
    try:
        return _up.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise BadInput("this message cannot be read", expected="version 1 JSON, see docs/gateways.md", got=str(error)[:200]) from error


def sequence_in(body: bytes) -> int | None:
    """Return the sequence number of a message that cannot be read, so that its gateway can be told; None where it is not certain.

    A gateway drops a message that is refused. A number found inside a reading, or cut short, would be another message's, which
    would then be lost: so only the number at the top of the object counts, and only whole.
    """
    try:
        return _numbered.decode(body).seq
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return None
    except (msgspec.DecodeError, ValueError):
        pass  # no JSON: its head may still be whole
    found = _HEAD.match(body)
    if found is None or body.count(b'"seq"') != 1 or int(found.group(1)) > _LAST_SEQ:
        return None
    return int(found.group(1))


def encode_ack(ack: Ack, now_ms: int | None = None) -> bytes:
    """Return an acknowledgement as JSON, with the time of its sending where that is given."""
    return _encoder.encode(ack if now_ms is None else Ack(ack.v, ack.acked, ack.refused, now_ms))


def decode_ack(body: bytes) -> Ack:
    """Return an acknowledgement; raise BadInput where it is not one."""
    try:
        return _ack.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput("this acknowledgement cannot be read", got=str(error)[:200]) from error
