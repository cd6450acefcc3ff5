"""The use cases of freight."""

from __future__ import annotations


class Freight:
    """The use cases of freight."""
