"""Who tries trace codes that do not exist is slowed down: counted in memory, by device and by address, and forgotten after ten minutes."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from threading import Lock

# A person mistypes a few times; the check character already catches nearly all of it before it counts.
MOST_OF_DEVICE = 20
# Many phones share one address behind a carrier.
MOST_OF_ADDRESS = 300
WINDOW_S = 600
_MOST_KEPT = 20_000


class Guesses:
    """Tries in vain, by who made them. Keys are hashed with a number of this process, so that no address lies about in memory."""

    def __init__(self) -> None:
        self._pepper = secrets.token_bytes(16)
        self._tries: OrderedDict[bytes, list[float]] = OrderedDict()
        self._lock = Lock()

    def tried(self, address: str, user_agent: str, now_s: float) -> int:
        """Take down one try in vain; return for how many seconds its kind is refused, 0 where it is not. Who is refused waits no longer."""
        wait = self.wait_s(address, user_agent, now_s)
        if not wait:
            self.count(address, user_agent, now_s)
        return wait

    def count(self, address: str, user_agent: str, now_s: float) -> None:
        """Take down one try in vain."""
        with self._lock:
            for key, most in self._keys(address, user_agent):
                times = self._recent(key, now_s)
                times.append(now_s)
                self._tries[key] = times[-most - 1 :]
                self._tries.move_to_end(key)
            while len(self._tries) > _MOST_KEPT:
                self._tries.popitem(last=False)

    def wait_s(self, address: str, user_agent: str, now_s: float) -> int:
        """Return for how many seconds this device gets no more answers; 0 where it may ask."""
        with self._lock:
            waits = [0.0]
            for key, most in self._keys(address, user_agent):
                times = self._recent(key, now_s)
                if len(times) >= most:
                    waits.append(times[-most] + WINDOW_S - now_s)
        return int(-(-max(waits) // 1))

    def _recent(self, key: bytes, now_s: float) -> list[float]:
        return [t for t in self._tries.get(key, ()) if 0 <= now_s - t < WINDOW_S]

    def _keys(self, address: str, user_agent: str) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        device = hashlib.blake2b(f"{address}\n{user_agent[:400]}".encode("utf-8", "replace"), key=self._pepper, digest_size=12)
        whole = hashlib.blake2b(address.encode("utf-8", "replace"), key=self._pepper, digest_size=12)
        return (device.digest(), MOST_OF_DEVICE), (b"a" + whole.digest(), MOST_OF_ADDRESS)
