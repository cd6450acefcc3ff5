"""How a host is treated: what a source's politeness asks before, between and after requests. Nothing of it holds for loopback."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from foundation.clock import Clock, to_ms
from foundation.errors import SuheError
from pricing.addresses import LOOPBACK_HOSTS
from pricing.hosts import HostBook
from pricing.source import Source

# Next to no backoff on loopback: there is nobody to be polite to, only a spell to sit out.
LOOPBACK_BACKOFF_SECONDS = 0.05
ROBOTS_MS = 24 * 3_600_000
# An old robots.txt is better than none where the new one cannot be had. RFC 9309, 2.3.1.4.
ROBOTS_AT_MOST_MS = 30 * 24 * 3_600_000

# Waits so many seconds; what it returns is true where the wait was cut short because everything is to stop.
Pause = Callable[[float], object]


class FetchFailed(SuheError):
    """A site that could not be asked, or did not answer properly after several tries."""

    code = "source-failed"
    status = 502


class Stopped(FetchFailed):
    """We were told to stop in the middle of a run: no fault of the site."""


class NotAsked(FetchFailed):
    """A site we did not ask: robots.txt forbids it, the day's bytes are spent, or it is left alone after failures."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is owed to a host. The default owes nothing: that is loopback, where nobody is at the other end."""

    pause_seconds: float = 0.0
    jitter_seconds: float = 0.0
    backoff_seconds: float = LOOPBACK_BACKOFF_SECONDS
    daily_bytes: int | None = None
    robots: bool = False
    breaker: bool = False
    validators: bool = False


def policy_of(source: Source, base_url: str) -> Policy:
    """Return what a source asks of us at an address."""
    if is_loopback(base_url):
        return Policy()
    return Policy(
        source.pause_seconds, source.jitter_seconds, source.backoff_seconds, source.daily_bytes, robots=True, breaker=True, validators=True
    )


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine's own, plainly written."""
    return urlsplit(url).hostname in LOOPBACK_HOSTS


class Manners:
    """The policy at work for one host."""

    def __init__(self, policy: Policy, book: HostBook, clock: Clock, pause: Pause, rng: random.Random) -> None:
        self.policy = policy
        self.book = book
        self._clock = clock
        self._pause = pause
        self._rng = rng

    def wait(self, seconds: float) -> None:
        """Wait, or raise Stopped where there is no more time for that."""
        if self._pause(seconds) is True:
            raise Stopped("the collector was told to stop")

    def may_ask(self, host: str) -> None:
        """Raise NotAsked where a host is left alone or has given enough for today."""
        policy = self.policy
        if not policy.breaker and policy.daily_bytes is None:
            return
        state = self.book.state(host)
        now = to_ms(self._clock.now())
        if policy.breaker and state.breaker.state(now) == "open":
            minutes = -(-(state.breaker.open_until_ms - now) // 60_000)
            raise NotAsked(
                "the site is left alone for a while", got=f"{state.breaker.failures} failures in a row", todo=f"wait {minutes} min"
            )
        if policy.daily_bytes is not None and state.bytes_today >= policy.daily_bytes:
            raise NotAsked(
                "this site gave enough for today", expected=f"at most {policy.daily_bytes} bytes", got=f"{state.bytes_today} bytes"
            )

    def wait_for_turn(self, host: str, asked_delay: float = 0.0) -> None:
        """Wait until the host may be asked again: its pause, longer where its robots.txt asks for longer, and a random part."""
        policy = self.policy
        gap = max(policy.pause_seconds, asked_delay)
        if gap <= 0:
            return
        wait = self.book.turn(host, gap + self._rng.uniform(0.0, policy.jitter_seconds))
        if wait > 0:
            self.wait(wait)

    def answered(self, host: str, size: int, *, well: bool) -> None:
        """Count an answer."""
        if self.policy.breaker or self.policy.daily_bytes is not None:
            self.book.answered(host, size, well=well)

    def failed(self, host: str, rest_seconds: float = 0.0) -> None:
        """Count a request that failed for good."""
        if self.policy.breaker:
            self.book.failed(host, rest_seconds)
