"""Wait for a condition instead of sleeping for a guess."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_pause = threading.Event()


def wait_until(condition: Callable[[], T], timeout: float = 10.0, *, every: float = 0.05, what: str = "") -> T:
    """Return the first true value of `condition`; fail with what was last seen after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or condition}; last seen: {seen!r}")
        _pause.wait(every)
