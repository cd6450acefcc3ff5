"""Where C2SP tlog-tiles puts tiles: an index in groups of three digits, all but the last behind an x, and `.p/W` for a partial tile."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator

from foundation.errors import BadInput, NotFound
from traceability.tiles import TILE_WIDTH

_PATH = re.compile(r"((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?\Z", re.ASCII)


def tile_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile below its level; 1234067 is x001/x234/067."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups)) + (f".p/{width}" if width < TILE_WIDTH else "")


def read_tile_path(path: str) -> tuple[int, int]:
    """Return (number, width) of a path; NotFound where no tile can have it, as for any file that is not there."""
    found = _PATH.match(path)
    number = int(found[1].replace("x", "").replace("/", "") + found[2]) if found and len(path) < 40 else -1
    width = int(found[3]) if found and found[3] else TILE_WIDTH
    # One tile has one path: no groups of zeros before it, no partial tile of full width.
    if number < 0 or (found is not None and found[3] and width >= TILE_WIDTH) or tile_path(number, width) != path:
        raise NotFound("there is no such tile", expected="such as 000, x001/234 or 000.p/17", got=path[:60])
    return number, width


def tile_count(size: int, level: int) -> int:
    """Return how many hashes a level of tiles has in a tree of `size` leaves."""
    return size >> (8 * level)


def pack_entries(leaves: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its length in two bytes."""
    parts = []
    for leaf in leaves:
        if len(leaf) > 0xFFFF:
            raise BadInput("this record is too long for an entry bundle", expected="at most 65535 bytes", got=str(len(leaf)))
        parts += [struct.pack(">H", len(leaf)), leaf]
    return b"".join(parts)


def unpack_entries(bundle: bytes) -> Iterator[bytes]:
    """Yield the entries of a bundle; BadInput where it ends in the middle of one."""
    at = 0
    while at < len(bundle):
        (length,) = struct.unpack_from(">H", bundle, at) if at + 2 <= len(bundle) else (1 << 20,)
        at += 2
        if at + length > len(bundle):
            raise BadInput("this entry bundle ends in the middle of an entry")
        yield bundle[at : at + length]
        at += length
