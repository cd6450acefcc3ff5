"""A copy of a whole installation while it runs: records, readings, blobs, keys and the county's own files.

The order matters: records first, then what they speak of. So a lot, a seal or a photo in the copied records finds its readings and its blob
in the copy, and at worst some readings are there that no record knows of yet.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.clock import Clock
from foundation.errors import BadInput, Conflict
from foundation.files import sync_folder, write_durably
from ingest.backing import restore as restore_readings
from ingest.backing import verify as verify_readings
from ingest.checking import Fault, Report
from ingest.keeping import Store
from ingest.manifest import digest_of

TOLD, FORMAT = "installation.json", 1
RECORDS, READINGS = "records.db", "readings"
# What nothing else can make anew. Snapshots, exports, logs, the broker's queue and a server store's copy are not in it.
FOLDERS = ("blobs", "keys", "analysis", "spool")
FILES = ("installation.toml", "quality.toml")


@dataclass(frozen=True)
class Copied:
    """What a copy holds; `records` is false where PostgreSQL holds them."""

    files: int
    bytes: int
    records: bool


def backup(data: Path, target: Path, clock: Clock) -> Copied:
    """Copy the installation in `data` to `target`, which must be empty or not there; its owner alone may read the copy."""
    if target.exists() and any(target.iterdir()):
        raise Conflict("there is something in this folder already", got=str(target), todo="name a new folder for each backup")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.chmod(0o700)
    told: dict[str, str] = {}
    records = (data / RECORDS).exists()
    if records:
        _copy_records(data / RECORDS, target / RECORDS)
        told[RECORDS] = digest_of(target / RECORDS).sha256.hex()
    if (data / READINGS / "catalog.db").exists():
        Store(data / READINGS, clock).backup(target / READINGS)
    for name in _own(data):
        _copy(data / name, target / name)
        told[name] = digest_of(target / name).sha256.hex()
    write_durably(target / TOLD, json.dumps({"format": FORMAT, "sha256": told}, indent=1).encode(), mode=0o600)
    sync_folder(target)
    sizes = [p.stat().st_size for p in target.rglob("*") if p.is_file()]
    return Copied(len(sizes), sum(sizes), records)


def verify(target: Path) -> Report:
    """Check every file of a copy against its hash, the readings row by row, the records by SQLite's own check."""
    report = Report()
    for name, sha256 in _told(target).items():
        path = target / name
        if not path.exists():
            report.faults.append(Fault(name, "is not there"))
        elif digest_of(path).sha256.hex() != sha256:
            report.faults.append(Fault(name, "is not what was copied: other bytes than were written"))
        report.files += 1
        report.bytes += path.stat().st_size if path.exists() else 0
    if report.whole and (target / RECORDS).exists():
        copy = sqlite3.connect(f"{(target / RECORDS).absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            report.faults += [Fault(RECORDS, str(said)) for (said,) in copy.execute("PRAGMA integrity_check") if said != "ok"]
        finally:
            copy.close()
    if (target / READINGS).exists():
        found = verify_readings(target / READINGS)
        report.faults += found.faults
        report.notes += found.notes
        report.files, report.rows, report.bytes = report.files + found.files, found.rows, report.bytes + found.bytes
    return report


def restore(target: Path, data: Path) -> Report:
    """Put a copy that is whole into an empty data folder."""
    if data.exists() and any(data.iterdir()):
        raise Conflict(
            "there is an installation in this folder already", got=str(data), todo="name an empty SUHE_DATA; nothing is overwritten"
        )
    report = verify(target)
    if not report.whole:
        return report
    data.mkdir(parents=True, exist_ok=True)
    for name in _told(target):
        _copy(target / name, data / name)
    if (target / READINGS).exists():
        restore_readings(target / READINGS, data / READINGS)
    sync_folder(data)
    return report


def _own(data: Path) -> Iterator[str]:
    for name in FILES:
        if (data / name).exists():
            yield name
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.is_file() and not path.name.endswith(".tmp"):
                yield str(path.relative_to(data))


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its mode, its folders with theirs, and sync it."""
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        target.parent.chmod(source.parent.stat().st_mode & 0o777)
    try:
        shutil.copy2(source, target)
    except FileNotFoundError as error:
        raise Conflict("a file went while it was copied", got=source.name, todo="begin again") from error
    with target.open("rb") as out:
        os.fsync(out.fileno())


def _copy_records(source: Path, target: Path) -> None:
    origin, copy = sqlite3.connect(source, timeout=60), sqlite3.connect(target)
    try:
        origin.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
        origin.close()
    target.chmod(0o600)


def _told(target: Path) -> dict[str, str]:
    try:
        told = json.loads((target / TOLD).read_text())
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}")
        return {str(name): str(sha256) for name, sha256 in told["sha256"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput("this is no backup of an installation", expected=f"a folder with {TOLD}", got=f"{target}: {error}"[:160]) from error
