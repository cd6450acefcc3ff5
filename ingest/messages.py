"""Our protocol's two messages in the standard library alone, for the gateway SDK; `payloads.py` is their other end.

A signed message is signed over its RFC 8785 bytes, spelled here directly: keys in order, numbers as ECMAScript writes them.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN

MOST_READINGS = 2000
LARGEST_MESSAGE = 200_000
MOST_GONE = 64
LATEST_MS = 4_102_444_800_000
_LONGEST_UNIT = 32
_KNOWN_NAMES = 10_000

Ranges = Sequence[tuple[int, int]]
Sign = Callable[[bytes], bytes]


class Reading(NamedTuple):
    """One reading: device, channel, observation time in ms UTC, value, and a UCUM unit where not registered."""

    d: str
    c: str
    t: int
    x: float
    u: str | None = None


class AnyReading(Protocol):
    """Whatever has the fields of a reading."""

    @property
    def d(self) -> str:
        """The device."""
        ...

    @property
    def c(self) -> str:
        """The channel."""
        ...

    @property
    def t(self) -> int:
        """The time of observation, ms UTC."""
        ...

    @property
    def x(self) -> float:
        """The value."""
        ...

    @property
    def u(self) -> str | None:
        """The unit."""
        ...


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What ingest says: ranges that are on disk, numbers refused for good with reasons, and its clock, ms UTC, 0 where it tells none."""

    acked: list[tuple[int, int]]
    refused: list[tuple[int, str]]
    now_ms: int = 0


class _Spelling(NamedTuple):
    """What stands before the time, between time and value, and after the value: as sent, and as signed."""

    sent: tuple[str, str, str]
    signed: tuple[str, str, str]


class Encoder:
    """Writes messages; it remembers the names it met, so that a reading costs little."""

    def __init__(self, sign: Sign | None = None) -> None:
        self._sign = sign
        self._known: dict[tuple[str, str, str | None], _Spelling] = {}

    def encode(self, seq: int, readings: Sequence[AnyReading], gone: Ranges = ()) -> bytes:
        """Return the message of `readings` under `seq`; raise BadInput where it would be refused.

        `gone` are earlier numbers this gateway will never send.
        """
        if not 1 <= len(readings) <= MOST_READINGS:
            raise BadInput("a message holds too many or no readings", expected=f"1 to {MOST_READINGS}", got=str(len(readings)))
        known, parts, spelled = self._known, [], []
        for r in readings:
            one = known.get((r.d, r.c, r.u)) or self._spell(r)
            t, x = r.t, float(r.x)
            if type(t) is not int or not 0 <= t <= LATEST_MS:
                raise BadInput("the time of a reading cannot be", expected="whole ms since 1970, up to 2100", got=repr(t)[:40])
            if not math.isfinite(x):
                raise BadInput("a reading has no value", expected="a finite number", got="NaN or infinity", todo="leave the reading out")
            before, between, after = one.sent
            parts.append(f"{before}{t}{between}{x!r}{after}")
            if self._sign is not None:
                before, between, after = one.signed
                spelled.append(f"{before}{t}{between}{es6_number(x)}{after}")
        told = json.dumps([list(r) for r in gone], separators=(",", ":")) if gone else ""
        if len(gone) > MOST_GONE:
            raise BadInput("a message tells of too many gaps", expected=f"at most {MOST_GONE}", got=str(len(gone)))
        more = f',"gone":{told}' if told else ""
        if self._sign is not None:
            text = "{" + (f'"gone":{told},' if told else "") + f'"readings":[{",".join(spelled)}],"seq":{seq},"v":1}}'
            more += f',"sig":"{base64.b64encode(self._sign(text.encode())).decode()}"'
        body = f'{{"v":1,"seq":{seq},"readings":[{",".join(parts)}]{more}}}'.encode()
        if len(body) > LARGEST_MESSAGE:
            raise BadInput(
                "a message is too long", expected=f"at most {LARGEST_MESSAGE} bytes", got=str(len(body)), todo="send fewer readings"
            )
        return body

    def _spell(self, r: AnyReading) -> _Spelling:
        for what, name in (("device", r.d), ("channel", r.c)):
            if not isinstance(name, str) or not ID_PATTERN.match(name):
                raise BadInput(f"this {what} cannot be used", expected="1 to 64 of A-Z a-z 0-9 _ . -", got=repr(name)[:80])
        unit = ""
        if r.u is not None:
            if not isinstance(r.u, str) or len(r.u) > _LONGEST_UNIT or not _encodable(r.u):
                raise BadInput("this unit cannot be used", expected=f"at most {_LONGEST_UNIT} characters", got=repr(r.u)[:80])
            unit = f'"u":{json.dumps(r.u, ensure_ascii=False)}'
        sent = (f'{{"d":"{r.d}","c":"{r.c}","t":', ',"x":', f",{unit}}}" if unit else "}")
        signed = (f'{{"c":"{r.c}","d":"{r.d}","t":', f',{unit},"x":' if unit else ',"x":', "}")
        if len(self._known) >= _KNOWN_NAMES:
            self._known.clear()
        spelling = self._known[r.d, r.c, r.u] = _Spelling(sent, signed)
        return spelling


def decode_acknowledgement(body: bytes) -> Acknowledged:
    """Return an acknowledgement; raise BadInput where it is none. Fields that are not known are left alone."""
    try:
        told: Any = json.loads(body)
        acked = [(_whole(first), _whole(last)) for first, last in told["acked"]]
        refused = [(_whole(one["seq"]), str(one["why"])[:500]) for one in told.get("refused", ())]
        now = told.get("now", 0)
        return Acknowledged(acked, refused, now if type(now) is int and 0 < now < LATEST_MS else 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("this acknowledgement cannot be read", got=f"{type(error).__name__}: {error}"[:200]) from error


def es6_number(x: float) -> str:
    """Return a finite number as ECMAScript writes it, which is how RFC 8785 does."""
    text = repr(x)
    if "e" not in text:
        # Both write up to 16 digits plainly; ours ends a whole number in .0.
        return (text[:-2] if x else "0") if text.endswith(".0") else text
    sign, (whole, _, exponent) = "-" if x < 0 else "", text.lstrip("-").partition("e")
    before, _, after = whole.partition(".")
    digits = (before + after).lstrip("0")
    # The number is 0.DIGITS times ten to the power of `point`.
    point = len(before) + int(exponent or 0) - (len(before + after) - len(digits))
    digits = digits.rstrip("0") or "0"
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "") + power


def signer_of(seed: bytes) -> Sign:
    """Return a function that signs with a gateway's private key, given by its 32 bytes of seed; PyNaCl is loaded now."""
    from nacl.signing import SigningKey

    key = SigningKey(seed)
    return lambda message: bytes(key.sign(message).signature)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no number of a message")
    return value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
