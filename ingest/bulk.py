"""Many messages at once: decoded in one go, their readings as columns. What is out of the ordinary is left to `Intake.take`, one by one.

Ordinary is: our own format, in order; from a gateway met before that registered no key; every series known; the number the next one of
its gateway; nothing given up. Nothing is changed before everything that could fail has been done, so that a message is either taken
whole or left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.batch import Batch, Block
from ingest.payloads import LARGEST_MESSAGE, Up

if TYPE_CHECKING:
    from ingest.intake import Source

_decoder = msgspec.json.Decoder(Up)
_readings: Callable[[Any], Any] = attrgetter("readings")
_seq: Callable[[Any], Any] = attrgetter("seq")
_key: Callable[[Any], Any] = attrgetter("d", "c", "u")
_t: Callable[[Any], Any] = attrgetter("t")
_x: Callable[[Any], Any] = attrgetter("x")


def decode_many(bodies: Sequence[bytes]) -> list[Up | None]:
    """Return every body as a message, None where it is not one.

    Joined by line ends they are decoded by one call. That a body cannot take part of another's into itself is sure because each begins
    with a brace and ends with one: a line end between two braces is allowed between whole values only. With as many values as
    bodies, each is one.
    """
    joined = b"\n".join(bodies)
    seams = len(bodies) - 1
    braced = joined[:1] == b"{" and joined[-1:] == b"}" and joined.count(b"\n") == seams and joined.count(b"}\n{") == seams
    if braced and (len(joined) <= LARGEST_MESSAGE or max(map(len, bodies)) <= LARGEST_MESSAGE):
        with suppress(msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
            found = _decoder.decode_lines(joined)
            if len(found) == len(bodies):
                return list(found)
    return [_decode(body) for body in bodies]


def _decode(body: bytes) -> Up | None:
    try:
        return _decoder.decode(body) if len(body) <= LARGEST_MESSAGE else None
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return None


def take_ordinary(sources: Sequence[Source | None], bodies: Sequence[bytes], received_ms: int, batch: Batch) -> list[int]:
    """Take the messages that are in order into the batch and return the places of those that are not."""
    import numpy as np

    plain = {s for s in set(sources) if s is not None and s.county is not None and s.key is None}
    ups = decode_many(bodies)
    readings = [up.readings if up is not None and source in plain else () for up, source in zip(ups, sources, strict=True)]
    sids = _series(sources, readings)
    for gateway in plain:
        gateway.at, gateway.readings = gateway.stored.last if gateway.stored.ranges else -2, 0
    fits: list[bool] = []
    add = fits.append
    for source, up, found in zip(sources, ups, sids, strict=True):
        if found and source.at + 1 == up.seq and not up.gone:  # type: ignore[union-attr]
            source.at = up.seq  # type: ignore[union-attr]
            source.readings += len(found)  # type: ignore[union-attr]
            add(True)
        else:
            add(False)
    left = [] if all(fits) else [at for at, fit in enumerate(fits) if not fit]
    if len(left) == len(fits):
        return left
    if left:
        ups, readings, sids = list(compress(ups, fits)), list(compress(readings, fits)), list(compress(sids, fits))
    counts = list(map(len, readings))
    total = sum(counts)
    flat = list(chain.from_iterable(readings))
    seq = np.fromiter(map(_seq, ups), np.int64, len(ups))
    block = Block(
        sid=np.fromiter(chain.from_iterable(sids), np.uint32, total),
        t=np.fromiter(map(_t, flat), np.int64, total),
        x=np.fromiter(map(_x, flat), np.float64, total),
        seq=seq if total == len(ups) else np.repeat(seq, counts),
        received=received_ms,
    )
    batch.add_block(block)
    batch.size += sum(map(len, compress(bodies, fits)))
    for gateway in plain:
        if gateway.readings:
            first = gateway.stored.last + 1
            gateway.stored.extend(first, gateway.at)
            batch.add_new(gateway.gateway, gateway.county or "", first, gateway.at, gateway.readings, received_ms)
    return left


def _series(sources: Sequence[Source | None], readings: Sequence[Any]) -> list[Any]:
    """Return the series of each message's readings, nothing where one of them is not known."""
    found: list[Any] = []
    add = found.append
    for source, held in zip(sources, readings, strict=True):
        if len(held) == 1:
            sid = source.sids.get(_key(held[0]))  # type: ignore[union-attr]
            add(() if sid is None else (sid,))
        elif held:
            sids = list(map(source.sids.get, map(_key, held)))  # type: ignore[union-attr]
            add(() if None in sids else sids)
        else:
            add(())
    return found
