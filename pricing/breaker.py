"""A circuit breaker for one host: after some failures it is left alone for a while, then asked once to see whether it is back."""

from __future__ import annotations

from dataclasses import dataclass, replace

OPEN_AFTER_FAILURES = 5
REST_MS = 30 * 60_000
# A site that asks to be left alone for longer than this is asked again all the same.
LONGEST_REST_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """How often in a row a host failed, and until when it is left alone; what state that is depends on the time."""

    failures: int = 0
    open_until_ms: int = 0

    def state(self, now_ms: int) -> str:
        """Return closed (ask), open (leave alone) or half-open (ask once: one failure more opens it again)."""
        if now_ms < self.open_until_ms:
            return "open"
        return "half-open" if self.failures >= OPEN_AFTER_FAILURES else "closed"

    def failed(self, now_ms: int, rest_ms: int = 0) -> Breaker:
        """Return the breaker after a failure. `rest_ms` is how long the host itself asked to be left alone, from the first time on."""
        failures = self.failures + 1
        rest = max(REST_MS if failures >= OPEN_AFTER_FAILURES else 0, min(rest_ms, LONGEST_REST_MS))
        return replace(self, failures=failures, open_until_ms=now_ms + rest if rest else 0)

    def answered(self) -> Breaker:
        """Return the breaker after a proper answer."""
        return Breaker()
