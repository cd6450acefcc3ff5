"""Alerts on a small house: two products, two markets, hand-made quotes, and channels that only remember."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

import foundation.notify_outbox
import pricing.alerts.store
from foundation.clock import SHANGHAI, FixedClock
from foundation.database import metadata, open_engine
from foundation.notify import Message, SendFailed
from foundation.notify_channels import ChannelFile, ChannelSettings
from pricing.alerts.conditions import LEVEL, Condition
from pricing.alerts.evidence import Evidence
from pricing.alerts.rules import Rule
from pricing.alerts.service import PriceAlerts
from pricing.board import Point

assert pricing.alerts.store and foundation.notify_outbox

COUNTY = "371522"
TODAY = date(2026, 11, 28)


@dataclass
class Quotes:
    """Stands in for prices: what was quoted, and how the sources are."""

    points: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    health: list[Any] = field(default_factory=list)

    def quote(self, day: date, mid: int, product: str = "tomato", market: str = "xinfadi", source: str = "xinfadi") -> None:
        """Let a price be quoted, in place of one of the same day."""
        kept = [p for p in self.points.get((product, market), []) if p.valid_date != day]
        kept.append(Point(day, mid - 100, mid, mid + 150, 1_795_000_000_000, source, 4))
        self.points[(product, market)] = sorted(kept, key=lambda p: p.valid_date)

    def series(self, product: str, market: str, start: date, end: date) -> list[Point]:
        """Return the days from start to end."""
        return [p for p in self.points.get((product, market), []) if start <= p.valid_date <= end]

    def sources(self) -> list[Any]:
        """Return how every source is."""
        return self.health

    def silent_sources(self, now: datetime) -> list[Any]:
        """Return those that are silent too long."""
        return [SimpleNamespace(id=s.id, silent_ms=5 * 60_000) for s in self.health if s.state == "stale"]


@dataclass
class Remembering:
    """A channel that remembers; `broken` makes it fail."""

    kind: str = "test"
    per_minute: int = 20
    got: list[Message] = field(default_factory=list)
    broken: SendFailed | None = None

    def send(self, message: Message) -> None:
        """Take the message."""
        if self.broken is not None:
            raise self.broken
        self.got.append(message)


@dataclass
class Desk:
    """Everything a test of alerts works with."""

    alerts: PriceAlerts
    quotes: Quotes
    clock: FixedClock
    engine: Engine
    channels: dict[str, Remembering]

    def rule(self, condition: Condition | None = None, **values: Any) -> Rule:
        """Add a rule: tomatoes at Xinfadi from 3,000 up, told to the group."""
        of = condition or Condition(LEVEL, "above", 3000, "tomato", "xinfadi")
        return self.alerts.add_rule(Rule("", COUNTY, "wang", of, **{"channels": ("group",), **values}))

    def at(self, text: str) -> None:
        """Set the clock to a time of Shanghai's, such as 2026-11-28 12:00."""
        self.clock.instant = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)


@pytest.fixture
def desk(records_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Yield alerts on an empty database at noon in Shanghai."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    clock = FixedClock(datetime(2026, 11, 28, 12, tzinfo=SHANGHAI))
    registry = SimpleNamespace(
        products=lambda: [SimpleNamespace(id="tomato", name_zh="番茄", name_en="Tomato")],
        counties=lambda: [SimpleNamespace(code=COUNTY)],
    )
    quotes = Quotes()
    file = ChannelFile(tmp_path / "keys", tmp_path / "spool", clock)
    for name, lang in (("group", "zh-Hans"), ("office", "en")):
        file.add(ChannelSettings(name, "sms", lang, COUNTY, {"to": "+8613800000000"}))
    channels = {"group": Remembering(), "office": Remembering()}
    file.channels = lambda: channels  # type: ignore[method-assign,return-value,assignment]
    alerts = PriceAlerts(engine, clock, registry, Evidence(quotes), file, "https://suhe.example")  # type: ignore[arg-type]
    yield Desk(alerts, quotes, clock, engine, channels)
    engine.dispose()
