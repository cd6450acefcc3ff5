"""What flagging remembers of each series: its newest readings, and how long it has stood still. Arrays by series number."""

from __future__ import annotations

from typing import Any, ClassVar

# So many newest readings of a series: a late one finds its neighbours among them, and a spike is known when the next has come.
KEPT = 3
NEVER = -(2**62)


class Memory:
    """The newest readings of every series, the newest last; `t` is `NEVER` where there is none."""

    # name -> (shape beyond the series, value of nothing, type)
    _ARRAYS: ClassVar[dict[str, tuple[tuple[int, ...], Any, str]]] = {
        "t": ((KEPT,), NEVER, "int64"), "x": ((KEPT,), float("nan"), "float64"), "received": ((KEPT,), 0, "int64"),
        "seq": ((KEPT,), 0, "int64"), "tests": ((KEPT,), 0, "uint32"), "final": ((KEPT,), True, "bool"),
        "still_from": ((), NEVER, "int64"), "still_low": ((), float("nan"), "float64"), "still_high": ((), float("nan"), "float64"),
        "still_count": ((), 0, "int64"), "still_known": ((), False, "bool"),
    }  # fmt: skip

    def __init__(self) -> None:
        self.t: Any
        self.x: Any
        self.received: Any
        self.seq: Any
        self.tests: Any
        self.final: Any
        self.still_from: Any
        self.still_low: Any
        self.still_high: Any
        self.still_count: Any
        self.still_known: Any
        self._size = 0
        self.grow(0)

    def grow(self, wanted: int) -> None:
        """Make room for series below `wanted`."""
        import numpy as np

        if self._size and wanted <= self._size:
            return
        size = max(wanted, 2 * self._size, 64)
        for name, (shape, blank, kind) in self._ARRAYS.items():
            more = np.full((size - self._size, *shape), blank, dtype=kind)
            setattr(self, name, np.concatenate([getattr(self, name), more]) if self._size else more)
        self._size = size

    def copy(self, sids: Any) -> dict[str, Any]:
        """Return what is remembered of some series."""
        return {name: getattr(self, name)[sids] for name in self._ARRAYS}

    def restore(self, sids: Any, kept: dict[str, Any]) -> None:
        """Remember again what `copy` gave."""
        for name, values in kept.items():
            getattr(self, name)[sids] = values
