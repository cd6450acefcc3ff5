"""What a data folder is: its id, the version that wrote it, whether it is a demo; and that only one `suhe up` runs on it."""

from __future__ import annotations

import fcntl
import os
import tomllib
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from foundation.errors import Conflict
from foundation.files import write_durably


@dataclass(frozen=True)
class Installation:
    """The identity of a data folder."""

    id: str
    version: str
    demo: bool


def open_installation(data: Path, *, demo: bool) -> Installation:
    """Return the installation in `data`, made now where there is none.

    Demo is a property of the folder, decided at its first start: asking for `--demo` on a real installation is refused, so
    that simulated readings never mix with real ones.
    """
    found = read_installation(data)
    if found is not None:
        if demo and not found.demo:
            raise Conflict(
                "this folder holds a real installation; simulated data must not be mixed into it",
                got=str(data),
                todo="give the demo a folder of its own: SUHE_DATA=./demo suhe up --demo",
            )
        return found
    data.mkdir(parents=True, exist_ok=True)
    (data / "keys").mkdir(mode=0o700, exist_ok=True)
    (data / "keys").chmod(0o700)
    made = Installation(str(uuid.uuid4()), version("suhe"), demo)
    text = f'id = "{made.id}"\nversion = "{made.version}"\ndemo = {"true" if demo else "false"}\n'
    write_durably(data / "installation.toml", text.encode())
    return made


def read_installation(data: Path) -> Installation | None:
    """Return the installation in `data`, or None where there is none yet."""
    try:
        told = tomllib.loads((data / "installation.toml").read_text())
    except FileNotFoundError:
        return None
    return Installation(str(told["id"]), str(told["version"]), bool(told["demo"]))


def lock_folder(data: Path) -> IO[str]:
    """Hold `data` for one supervisor until the returned file is closed; raise Conflict where another holds it."""
    data.mkdir(parents=True, exist_ok=True)
    held = (data / "suhe.lock").open("a+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.seek(0)
        raise Conflict(
            "another `suhe up` runs on this folder",
            got=f"{data} (process {held.read().strip() or 'unknown'})",
            todo="use its address, end it first, or give this one another folder with SUHE_DATA",
        ) from error
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    return held
