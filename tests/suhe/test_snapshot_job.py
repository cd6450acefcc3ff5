"""The jobs of the price snapshot: when they write one."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from suhe.schedule import SNAPSHOT_CHANGES, Work, snapshot_after_import, snapshot_prices


class Prices:
    """Notes what it was asked to build."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def build_snapshot(self, *, at_least: int = 0) -> None:
        """Note the question."""
        self.asked.append(at_least)


def test_a_demo_waits_for_its_history() -> None:
    """In a demo no snapshot is written while history is being fetched; elsewhere nothing is waited for."""
    for demo, ready, expected in ((True, False, []), (True, True, [0]), (False, False, [0])):
        prices = Prices()
        services: Any = SimpleNamespace(prices=prices, readiness=lambda ready=ready: {"prices": (ready, "")})
        snapshot_prices(Work(services, {}, None, demo, threading.Event()))  # type: ignore[arg-type]
        assert prices.asked == expected


def test_a_large_import_does_not_wait_for_the_night() -> None:
    """The second job asks for a snapshot only where so much changed that the night is too late."""
    prices = Prices()
    services: Any = SimpleNamespace(prices=prices)
    snapshot_after_import(Work(services, {}, None, False, threading.Event()))  # type: ignore[arg-type]
    assert prices.asked == [SNAPSHOT_CHANGES]
