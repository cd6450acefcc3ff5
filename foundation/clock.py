"""Time as an argument: aware UTC inside, Asia/Shanghai at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Anything that can tell the time."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is moved; used by tests and replays."""

    instant: datetime

    def now(self) -> datetime:
        """Return the instant the clock was last set to."""
        return self.instant

    def advance(self, step: timedelta) -> None:
        """Move the clock by `step`."""
        self.instant += step


def to_ms(instant: datetime) -> int:
    """Return milliseconds since the Unix epoch for an aware datetime."""
    if instant.tzinfo is None:
        raise ValueError("an aware datetime is needed, got a naive one")
    return int((instant - _EPOCH) // timedelta(milliseconds=1))


def from_ms(ms: int) -> datetime:
    """Return the aware UTC datetime `ms` milliseconds after the Unix epoch.

    A number beyond the calendar gives the nearest end of it, a day short so that every zone can show it: only a broken or altered
    record holds one, and a page about it must still be drawn. What is wrong with it is verification's to say.
    """
    return _EPOCH + timedelta(milliseconds=min(max(ms, _FIRST_MS), _LAST_MS))


def market_day(instant: datetime) -> date:
    """Return the calendar day in Shanghai, which is the day a market or a field diary means."""
    return instant.astimezone(SHANGHAI).date()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = to_ms(datetime(1, 1, 2, tzinfo=UTC))
_LAST_MS = to_ms(datetime(9999, 12, 30, tzinfo=UTC))
