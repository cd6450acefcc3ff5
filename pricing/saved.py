"""A source's answer that somebody saved to a file, packed or not, read in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from foundation.errors import BadInput, NotFound

# One country's food prices of twenty years are some tens of megabytes.
LARGEST_ANSWER = 128 * 1024 * 1024


def read_saved(path: Path) -> bytes:
    """Return what a file holds, unpacked where it is gzip.

    Raises:
        NotFound: there is no such file, or it cannot be read.
        BadInput: it is larger than an answer can be, packed or unpacked, or its packing is damaged.

    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            body = file.read(LARGEST_ANSWER + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput("this file's packing is damaged", expected="gzip", got=str(error)[:80]) from error
    except OSError as error:
        raise NotFound("this file cannot be read", got=f"{path}: {error.strerror}") from error
    if len(body) > LARGEST_ANSWER:
        raise BadInput("this answer is too large", expected=f"at most {LARGEST_ANSWER} bytes", todo="split it")
    return body
