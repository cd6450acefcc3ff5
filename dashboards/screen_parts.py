"""What every big screen is made of: panels with their own newest time, and a store that asks dear questions seldom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dashboards.i18n import CHINESE, Translate, age_text, time_text
from foundation.clock import SHANGHAI, Clock, from_ms, to_ms

if TYPE_CHECKING:
    from dashboards.services import Services

T = TypeVar("T")

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True)
class Panel:
    """One area of a screen: `as_of_ms` is the newest time of what it shows, `limit_ms` how old that may be before it says so.

    `data` is what the template `_screen_{key}.html` draws.
    """

    key: str
    title: str
    as_of_ms: int | None
    limit_ms: int
    data: Any
    note: str = ""

    def __post_init__(self) -> None:
        if self.limit_ms <= 0:
            raise ValueError(f"a panel needs a time after which it is stale, got {self.limit_ms} ms")

    def stale(self, now_ms: int) -> bool:
        """Tell whether what the panel shows is older than it may be; what has no time at all is."""
        return self.as_of_ms is None or now_ms - self.as_of_ms > self.limit_ms

    def as_of(self, now_ms: int, lang: str, t: Translate) -> str:
        """Return 截至 14:03:22 · 12 秒前, or 过时 · 14:03:22 · 3 小时前; the day where that is not today."""
        if self.as_of_ms is None:
            return t("还没有数据")
        at, now = from_ms(self.as_of_ms).astimezone(SHANGHAI), from_ms(now_ms).astimezone(SHANGHAI)
        clock = at.strftime("%H:%M:%S") if at.date() == now.date() else time_text(self.as_of_ms, lang).rpartition(" ")[0]
        age = age_text(now_ms - self.as_of_ms, t)
        return (
            t("过时 · %(time)s · %(age)s", time=clock, age=age) if self.stale(now_ms) else t("截至 %(time)s · %(age)s", time=clock, age=age)
        )


class Kept:
    """Answers kept for some seconds by the installation's clock, so that a frame a second asks the stores seldom.

    The number of keys is that of the questions, a few dozen, so it does not grow with time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[tuple[str, ...], tuple[int, Any]] = {}

    def get(self, key: tuple[str, ...], seconds: float, ask: Callable[[], T]) -> T:
        """Return the kept answer, or ask again where it is older than `seconds` or the clock was set back."""
        now_ms = to_ms(self._clock.now())
        with self._lock:
            known = self._found.get(key)
        if known is not None and 0 <= now_ms - known[0] < seconds * 1000:
            return cast("T", known[1])
        answer = ask()
        with self._lock:
            self._found[key] = (now_ms, answer)
        return answer


@dataclass(frozen=True)
class Asked:
    """Who asks for a screen: everything a panel is made from."""

    services: Services
    kept: Kept
    county: str
    lang: str
    t: Translate
    now_ms: int

    @property
    def zh(self) -> bool:
        """Whether the reader reads Chinese."""
        return self.lang == CHINESE

    def once(self, name: str, seconds: float, ask: Callable[[], T]) -> T:
        """Return the county's answer to a question that does not depend on the language, asked at most every `seconds`."""
        return self.kept.get((self.county, name), seconds, ask)

    def age(self, ms: int) -> str:
        """Return how long ago something was."""
        return age_text(self.now_ms - ms, self.t)
