"""Prices: market sources become quotes with history, and quotes become a board.

In: what market sites answer (`sources/`, one file each) and files people import (`importing.py`).
Through: pure rules that turn text into thousandths per kilogram or refuse it with a reason (`clean.py`, `guards.py`).
Kept: every observation for ever (`quote_obs`), what stands now (`quote_current`), every raw payload by its SHA-256.
Out: `service.Prices`: collect, import, board, series, seasonal band, health of the sources. Read that file first.
For analysts: `from pricing import frame` (docs/analysts.md).
"""

from __future__ import annotations

from pricing.analysts import frame

__all__ = ["frame"]
