"""Chance as an argument: one seed, a stream of its own for every device and every stretch of time.

A stream depends on the seed, the CRC-32 of a name and the numbers given with it, on nothing else. Adding a device changes no other,
and any hour can be computed again alone, which is what lets a killed simulator go on without ever contradicting itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np


@dataclass(frozen=True)
class Dice:
    """Makes independent generators from one seed."""

    seed: int

    def rng(self, name: str, *numbers: int) -> np.random.Generator:
        """Return the generator of `name` and non-negative `numbers`; the same arguments give the same stream."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(crc32(name.encode()), *numbers))
        return np.random.Generator(np.random.PCG64(sequence))
