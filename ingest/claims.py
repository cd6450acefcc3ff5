"""One owner at a time: a lock file held by a process and freed by the kernel when it ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from foundation.errors import Conflict


class Claim:
    """A held lock; `release` gives it up."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise Conflict("another process holds this", got=path.name, todo="give this one another name, or stop the other") from error

    def release(self) -> None:
        """Give the lock up."""
        os.close(self._fd)


def claim_writer(folder: Path, name: str) -> Claim:
    """Claim a writer's name; raise Conflict where a living process has it. Two writers of one name would replace each other's segments."""
    return Claim(folder / "segments" / f".{name}.lock")


def claim_free_writer(folder: Path, name: str) -> tuple[str, Claim]:
    """Claim `name`, or `name-2`, `name-3` ... where other processes have it."""
    number = 1
    while True:
        tried = name if number == 1 else f"{name}-{number}"
        try:
            return tried, claim_writer(folder, tried)
        except Conflict:
            if number == 64:
                raise
            number += 1
