"""The use cases of selling."""

from __future__ import annotations


class Selling:
    """The use cases of selling."""
