"""Files that survive a crash: written aside, synced, renamed, folder synced."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

# Where servers live that a login shell may not list: Debian's sbin, Homebrew on both kinds of Mac.
_MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin", "/usr/local/bin")


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace `path` by `content` so that after a crash either the old or the new file is there, whole.

    Several processes may replace the same file; the last wins. `mode` holds from the first byte, so a secret is never readable.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_once(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write `path` unless it is there already. Where two processes do so at once the first wins, and both then read the same file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and deletions inside `folder` durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def find_program(name: str, *more_folders: Path) -> str | None:
    """Return the path of a server program on PATH, in the sbin folders, Homebrew's or `more_folders`, or None.

    `SUHE_HIDE_PROGRAMS`, a comma-separated list, makes named programs count as absent: the way to run without mosquitto
    on a machine that has it.
    """
    if name in [hidden.strip() for hidden in os.environ.get("SUHE_HIDE_PROGRAMS", "").split(",")]:
        return None
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join([*_MORE_FOLDERS, *map(str, more_folders)]))
