"""Segments: immutable Parquet files, one per flush, named `{writer}-{number}.parquet`, whole or not there at all.

Written aside, synced, renamed, folder synced. The metadata tells which messages are inside, so that a segment whose catalogue entry was
lost in a crash can be adopted.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.files import sync_folder
from ingest.manifest import Digest
from ingest.signatures import SignedMessage

# series, best time, value, flag (the worst of the tests), when it was received, number of its message;
# tests: each quality test's result, four bits a test, see quality; shift: the device's own time less the best time, in ms, null where it
# told none; version: 0 as flagged on arrival, 1 for a row that says no more than the final flag of one stored before.
COLUMNS = ("sid", "t", "x", "flag", "received", "seq", "tests", "shift", "version")
# What a file of an earlier release has not got.
ABSENT = {"tests": 0, "shift": 0, "version": 0}
# In an array of shifts: the device told no time. In the files it is null.
UNTOLD = -(2**63)
_NAME = re.compile(r"(.+)-(\d{10})\.parquet\Z")
_MESSAGES, _SIGNED = "suhe.messages", "suhe.signed"


@dataclass(frozen=True)
class SegmentName:
    """A writer and its running number."""

    writer: str
    number: int

    def __str__(self) -> str:
        return f"{self.writer}-{self.number:010d}.parquet"


def parse_name(name: str) -> SegmentName | None:
    """Return the parts of a segment's file name, or None where it is none."""
    found = _NAME.match(name)
    return SegmentName(found.group(1), int(found.group(2))) if found else None


def write_segment(
    folder: Path,
    name: SegmentName,
    columns: Mapping[str, Any],
    messages: Mapping[str, Sequence[tuple[int, int]]],
    signed: Sequence[SignedMessage] = (),
) -> Digest:
    """Write one segment durably and return size and hash of its bytes.

    `columns` holds equally long sequences for `COLUMNS`; `messages` holds gateway -> ranges of the sequence numbers inside; `signed` tells
    which of them were signed, so that an adopted segment loses no signature.
    """
    # snappy: a segment lives an hour at most, and zstd would cost more than the decoding of its messages.
    told = {_MESSAGES: json.dumps(messages)}
    if signed:
        told[_SIGNED] = json.dumps([[s.gateway, s.seq, s.received_ms, s.key_id, s.message_hash.hex(), s.signature.hex()] for s in signed])
    return write_frame(folder, str(name), frame_of(columns), told, compression="snappy", statistics=False)


def frame_of(columns: Mapping[str, Any]) -> Any:
    """Return a polars frame with the store's column types; a column of `ABSENT` may be left out."""
    import numpy as np
    import polars as pl

    kinds = {
        "sid": pl.UInt32, "t": pl.Int64, "x": pl.Float64, "flag": pl.UInt8, "received": pl.Int64, "seq": pl.Int64,
        "tests": pl.UInt32, "shift": pl.Int64, "version": pl.UInt8,
    }  # fmt: skip
    # A query to fill what is absent would cost more than the writing of the file.
    absent = {name: np.full(len(columns["sid"]), ABSENT[name]) for name in COLUMNS if name not in columns}
    frame = pl.DataFrame([pl.Series(name, absent[name] if name in absent else columns[name], dtype=kinds[name]) for name in COLUMNS])
    if "shift" in columns:
        frame = frame.with_columns(pl.when(pl.col("shift") != UNTOLD).then(pl.col("shift")))
    return frame


def read_rows(path: Path) -> Any:
    """Return a segment's or daily file's rows as a frame of `COLUMNS`; what a file of an earlier release lacks is filled in."""
    import polars as pl

    frame = pl.read_parquet(path)
    return frame_of({name: frame[name] for name in COLUMNS if name in frame.columns})


def write_frame(folder: Path, name: str, frame: Any, metadata: Mapping[str, str] | None = None, **options: Any) -> Digest:
    """Write a frame as a Parquet file that is whole or not there; return size and hash of what was written, not of what is read back."""
    made = io.BytesIO()
    frame.write_parquet(made, metadata=dict(metadata or {}), **options)
    content = made.getbuffer()
    aside = folder / f".{name}.tmp"
    with aside.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(folder / name)
    sync_folder(folder)
    return Digest(len(content), hashlib.sha256(content).digest())


def messages_in(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Return gateway -> ranges of sequence numbers of the messages a segment holds."""
    import polars as pl

    told = json.loads(pl.read_parquet_metadata(path).get(_MESSAGES, "{}"))
    return {gateway: [(first, last) for first, last in ranges] for gateway, ranges in told.items()}


def signed_in(path: Path) -> list[SignedMessage]:
    """Return what a segment tells of its signed messages."""
    import polars as pl

    told = json.loads(pl.read_parquet_metadata(path).get(_SIGNED, "[]"))
    return [SignedMessage(g, seq, received, key, bytes.fromhex(h), bytes.fromhex(sig)) for g, seq, received, key, h, sig in told]


def clean(folder: Path, writer: str) -> None:
    """Remove what a crash of this writer left half-written."""
    for path in folder.glob(f".{writer}-*.tmp"):
        path.unlink()
