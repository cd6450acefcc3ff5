"""A copy of a store in use: its catalogue as of one moment, and every file that this catalogue names.

1 the catalogue by SQLite's own backup, which waits for no writer and keeps none waiting; 2 the files it names: linked beside the store
first, which takes no time, so that a compaction cannot remove one meanwhile, then copied or linked to where the copy is to be; 3 hashes of
all of it. What was acknowledged before the copy began was in the catalogue by then, and so is in the copy.
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
from ingest.catalog import Catalog
from ingest.checking import Fault, Report, check
from ingest.manifest import PLACES, digest_of

CATALOG, TOLD = "catalog.db", "backup.json"
FORMAT = 1
# A compaction's grace is a minute: between the catalogue's copy and the links lies far less, and a loaded machine gets another try.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Backup:
    """What a copy holds."""

    made_at: str
    files: int
    bytes: int


def backup(folder: Path, target: Path, clock: Clock) -> Backup:
    """Copy the store to `target`, which must be empty or not there."""
    if target.exists() and any(target.iterdir()):
        raise Conflict("there is something in this folder already", got=str(target), todo="name a new folder for each backup")
    target.mkdir(parents=True, exist_ok=True)
    staging = folder / f".backup-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for attempt in range(_ATTEMPTS):
            shutil.rmtree(staging, ignore_errors=True)
            _copy_catalog(folder / CATALOG, target / CATALOG)  # 1
            names = list(_named(target))
            try:
                for place, name in names:  # 2
                    (staging / place).mkdir(parents=True, exist_ok=True)
                    os.link(folder / place / name, staging / place / name)
                break
            except FileNotFoundError as error:
                if attempt + 1 == _ATTEMPTS:
                    raise Conflict("a file the catalogue names is not there", got=str(error.filename), todo="suhe store check") from error
        for place, name in names:
            (target / place).mkdir(exist_ok=True)
            _move(staging / place / name, target / place / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    whole = digest_of(target / CATALOG)  # 3
    size = whole.size + sum((target / place / name).stat().st_size for place, name in names)
    made = Backup(clock.now().isoformat(timespec="seconds"), len(names), size)
    told = {"format": FORMAT, "made_at": made.made_at, "files": made.files, "bytes": made.bytes, "catalog_sha256": whole.sha256.hex()}
    write_durably(target / TOLD, (json.dumps(told, indent=2) + "\n").encode())
    for place in {place for place, _ in names}:
        sync_folder(target / place)
    return made


def verify(target: Path, *, deep: bool = True) -> Report:
    """Check a copy: its catalogue against the hash taken at the copying, every file against those of the catalogue."""
    told = read_told(target)
    report = Report()
    if digest_of(target / CATALOG).sha256.hex() != told["catalog_sha256"]:
        report.faults.append(Fault(CATALOG, "is not what was copied: other bytes than were written"))
        return report
    # Opening a catalogue may write to it; a copy is looked at in a copy.
    looked_at = target / f".{CATALOG}.looked-at"
    looked_at.mkdir(exist_ok=True)
    try:
        shutil.copyfile(target / CATALOG, looked_at / CATALOG)
        catalog = Catalog(looked_at)
        try:
            return check(target, catalog, deep=deep)
        finally:
            catalog.close()
    finally:
        shutil.rmtree(looked_at, ignore_errors=True)


def restore(target: Path, folder: Path) -> Report:
    """Put a copy that is whole where a store is to be; the folder must be empty or not there."""
    if folder.exists() and any(folder.iterdir()):
        raise Conflict("there are readings in this folder already", got=str(folder), todo="move them away first, nothing is overwritten")
    report = verify(target)
    if not report.whole:
        return report
    shutil.copytree(target, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(TOLD))
    for path in [folder, *(p for p in folder.iterdir() if p.is_dir())]:
        sync_folder(path)
    return report


def read_told(target: Path) -> dict[str, str]:
    """Return what a copy says of itself."""
    try:
        told = json.loads((target / TOLD).read_text())
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}")
        return {str(k): str(v) for k, v in told.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("this is no backup of a store", expected=f"a folder with {TOLD}", got=f"{target}: {error}"[:160]) from error


def _copy_catalog(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    origin, copy = sqlite3.connect(source, timeout=60), sqlite3.connect(target)
    try:
        origin.backup(copy)  # all pages in one step, so of one moment
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
        origin.close()
    fd = os.open(target, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _named(target: Path) -> Iterator[tuple[str, str]]:
    copy = sqlite3.connect(f"{target.absolute().joinpath(CATALOG).as_uri()}?mode=ro", uri=True)
    try:
        for kind, name in copy.execute("SELECT kind, name FROM file"):
            yield PLACES[kind], name
        for (name,) in copy.execute("SELECT name FROM rollup"):
            yield PLACES["rollup"], name
    finally:
        copy.close()


def _move(source: Path, target: Path) -> None:
    """Link where both lie on one disk, which costs nothing; copy and sync elsewhere."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        with target.open("rb") as out:
            os.fsync(out.fileno())
