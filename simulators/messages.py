"""From what devices send to what gateways publish: merged in the order of leaving, cut into messages of a bounded size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ingest.payloads import ReadingIn
from simulators.faults import Sent
from simulators.timegrid import Floats, Ints

# The protocol's bound is 2,000 readings and 200 kB; a reading without its unit is about 80 bytes.
LARGEST = 1_900


@dataclass(frozen=True)
class Outbox:
    """Readings of one gateway in the order in which they leave; `which` points into `names` (device, channel)."""

    names: tuple[tuple[str, str], ...]
    which: Ints
    t_ms: Ints
    values: Floats
    leaves_ms: Ints
    observed_ms: Ints

    def where(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Outbox:
        """Return the readings chosen by a mask, in the same order."""
        return Outbox(
            self.names, self.which[chosen], self.t_ms[chosen], self.values[chosen], self.leaves_ms[chosen], self.observed_ms[chosen]
        )

    def messages(self) -> list[list[ReadingIn]]:
        """Return the readings as messages of about equal size, none above the bound."""
        count = self.t_ms.size
        if count == 0:
            return []
        parts = -(-count // LARGEST)
        size = -(-count // parts)
        names = self.names
        readings = [
            ReadingIn(d=names[k][0], c=names[k][1], t=t, x=x)
            for k, t, x in zip(self.which.tolist(), self.t_ms.tolist(), self.values.tolist(), strict=True)
        ]
        return [readings[k : k + size] for k in range(0, count, size)]


def outbox(sent: Iterable[Sent]) -> Outbox:
    """Merge what the devices of a gateway send."""
    parts = list(sent)
    which = np.repeat(np.arange(len(parts)), [p.t_ms.size for p in parts])
    leaves = np.concatenate([p.leaves_ms for p in parts])
    order = np.argsort(leaves, kind="stable")
    return Outbox(
        tuple((p.device, p.channel) for p in parts),
        which[order],
        np.concatenate([p.t_ms for p in parts])[order],
        np.concatenate([p.values for p in parts])[order],
        leaves[order],
        np.concatenate([p.observed_ms for p in parts])[order],
    )
