"""What was taken out of the store, by whom and why: retention and deletions by hand leave the same trace. Owns the table `deleted`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.catalog import Catalog

RETENTION = "retention"


@dataclass(frozen=True)
class Deletion:
    """One thing deleted: `what` is readings or windows; [start, end) is in time of observation.

    `files` are the files that left whole, or were written anew without the rows. `sha256` is that of the file as it was recorded at its
    writing; for single rows that of their lines, see `fingerprint`, so that a backup's rows can be compared.
    """

    at_ms: int
    who: str
    why: str
    what: str
    county: str
    device: str
    channel: str
    start_ms: int
    end_ms: int
    rows: int
    files: str
    sha256: str


def put_deletions(db: sqlite3.Connection, made: Iterable[Deletion]) -> None:
    """Keep the trace of deletions; nothing takes it away again."""
    db.executemany(
        "INSERT INTO deleted (at, who, why, what, county, device, channel, start_ms, end_ms, rows, files, sha256) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        [
            (d.at_ms, d.who, d.why, d.what, d.county, d.device, d.channel, d.start_ms, d.end_ms, d.rows, d.files, d.sha256)
            for d in made
        ],
    )  # fmt: skip


def deletions(
    catalog: Catalog, devices: Sequence[str] | None = None, start_ms: int | None = None, end_ms: int | None = None
) -> list[Deletion]:
    """Return what was deleted, the newest first; narrowed to what may have held readings of some devices in [start, end)."""
    where, parameters = ["1"], list[object]()
    if devices is not None:
        where.append(f"(device IN ({','.join('?' * len(devices))}) OR (device = '' AND county IN "
                     f"(SELECT county FROM series WHERE device IN ({','.join('?' * len(devices))}))))")  # fmt: skip
        parameters += [*devices, *devices]
    if start_ms is not None:
        where.append("end_ms > ?")
        parameters.append(start_ms)
    if end_ms is not None:
        where.append("start_ms < ?")
        parameters.append(end_ms)
    query = (
        "SELECT at, who, why, what, county, device, channel, start_ms, end_ms, rows, files, sha256 FROM deleted "
        f"WHERE {' AND '.join(where)} ORDER BY id DESC"
    )
    return [Deletion(*row) for row in catalog.rows(query, parameters)]  # type: ignore[arg-type]
