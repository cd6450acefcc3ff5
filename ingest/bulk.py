"""Many messages at once: decoded in one go, their readings as columns. What is out of the ordinary is left to `Intake.take`, one by one.

Ordinary is: our own format, in order; from a gateway met before that registered no key; every series known; the number the next one of
its gateway; nothing given up. Nothing is changed before everything that could fail has been done, so that a message is either taken
whole or left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
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
_gone: Callable[[Any], Any] = attrgetter("gone")
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
    met = set(sources)
    plain = {s for s in met if s is not None and s.county is not None and s.key is None}
    for source in plain:
        source.at = source.stored.last if source.stored.ranges else -2
    before = {source: source.at for source in plain}
    ups = decode_many(bodies)
    told = _one_each(sources, ups) if len(plain) == len(met) and all(ups) else None
    if told is None:
        told = _some_each(sources, ups, plain)
    if told.block_of is not None:
        batch.add_block(_block(*told.block_of, received_ms))
        batch.size += sum(map(len, bodies)) - sum(len(bodies[at]) for at in told.left)
        for source, last in before.items():
            if source.at > last:
                source.stored.extend(last + 1, source.at)
                count = told.counts.get(source, source.at - last)
                batch.add_new(source.gateway, source.county or "", last + 1, source.at, count, received_ms)
    return told.left


@dataclass(slots=True)
class _Told:
    """Which messages are in order: their series, readings, numbers and how many readings each has; and the places of the others."""

    left: list[int]
    block_of: tuple[list[int], list[Any], list[int], list[int] | None] | None
    # Of a gateway that sent more than one reading a message: how many in all.
    counts: dict[Source, int]


def _one_each(sources: Sequence[Any], ups: Sequence[Any]) -> _Told | None:
    """Look at messages of one reading each, which is where every step counts; None where they are not."""
    readings = list(map(_readings, ups))
    if max(map(len, readings)) > 1 or any(map(_gone, ups)):
        return None
    flat = [reading for (reading,) in readings]
    sids = [source.sids.get(key) for source, key in zip(sources, map(_key, flat), strict=True)]
    seqs, left = list(map(_seq, ups)), []
    for at, source, seq, sid in zip(range(len(seqs)), sources, seqs, sids, strict=True):
        if source.at + 1 == seq and sid is not None:
            source.at = seq
        else:
            left.append(at)
    if left:
        fits = [True] * len(seqs)
        for at in left:
            fits[at] = False
        sids, flat, seqs = (list(compress(values, fits)) for values in (sids, flat, seqs))
    return _Told(left, (sids, flat, seqs, None) if seqs else None, {})


def _some_each(sources: Sequence[Source | None], ups: Sequence[Up | None], plain: set[Source]) -> _Told:
    """Look at messages of any form."""
    sids: list[int] = []
    flat: list[Any] = []
    seqs, lengths, left, counts = [], [], [], dict.fromkeys(plain, 0)
    for at, (source, up) in enumerate(zip(sources, ups, strict=True)):
        if source is not None and up is not None and source in counts and source.at + 1 == up.seq and not up.gone:
            found = list(map(source.sids.get, map(_key, up.readings)))
            if None not in found:
                source.at = up.seq
                counts[source] += len(found)
                sids += found  # type: ignore[arg-type]
                flat += up.readings
                seqs.append(up.seq)
                lengths.append(len(found))
                continue
        left.append(at)
    return _Told(left, (sids, flat, seqs, lengths) if seqs else None, counts)


def _block(sids: list[int], flat: list[Any], seqs: list[int], lengths: list[int] | None, received_ms: int) -> Block:
    import numpy as np

    total = len(sids)
    return Block(
        sid=np.array(sids, dtype=np.uint32),
        t=np.fromiter(map(_t, flat), np.int64, total),
        x=np.fromiter(map(_x, flat), np.float64, total),
        seq=np.array(seqs, dtype=np.int64) if lengths is None else np.repeat(np.array(seqs, dtype=np.int64), lengths),
        received=received_ms,
    )
