"""The use cases of cold chain."""

from __future__ import annotations


class ColdChain:
    """The use cases of cold chain."""
