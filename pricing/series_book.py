"""The series of one import: each combination of texts that names a series is read once and numbered, however many rows repeat it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from foundation.errors import BadInput
from pricing.clean import piece_in_name
from pricing.mapping import Mapping
from pricing.names import clean_name, reading_of
from pricing.quotes import Series
from pricing.rows import market_of
from pricing.store import SeriesKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

# A column of names that holds more than this many different ones is no column of names.
MOST_SERIES = 500_000
COLUMNS = ("market", "name", "spec", "grade", "origin")
# How many different texts of each column fit into one whole number of 63 bits; more are looked up the slow way.
_BITS = (7, 17, 15, 9, 15)


class SeriesBook:
    """Series numbered from 0 in the order they are met; several threads may ask."""

    def __init__(self) -> None:
        import numpy as np

        self._keys: list[SeriesKey] = []
        self._numbers: dict[SeriesKey, int] = {}
        self._texts: tuple[dict[str, int], ...] = tuple({} for _ in COLUMNS)
        self._packed = np.empty(0, np.int64)
        self._of_packed = np.empty(0, np.int64)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, number: int) -> Series:
        key = self._keys[number]
        return Series(*key, *reading_of(key[2]))

    def number(self, key: SeriesKey) -> int:
        """Return the number of a series by its key, giving it one where it is new."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._keys)
            self._keys.append(key)
            if found >= MOST_SERIES:
                raise BadInput(
                    "this file names more products than any market has", expected=f"at most {MOST_SERIES:,}",
                    got=key[2][:40], todo="look at which column holds the names",
                )  # fmt: skip
        return found

    def numbers(self, texts: list[list[str]], places: list[Whole], mapping: Mapping) -> Whole:
        """Return the number of each combination of texts of COLUMNS, -1 where it names no series we may quote.

        `places` holds, per column, where the text of each combination stands among that column's texts.
        """
        import numpy as np

        with self._lock:
            packed = self._pack(texts, places)
            if packed is None:
                return self._read(texts, [p.tolist() for p in places], mapping)
            at = np.searchsorted(self._packed, packed)
            at[at == len(self._packed)] = 0
            known = self._packed[at] == packed if len(self._packed) else np.zeros(len(packed), bool)
            found = np.full(len(packed), -1, np.int64)
            found[known] = self._of_packed[at[known]]
            new = np.flatnonzero(~known)
            if len(new):
                found[new] = self._read(texts, [p[new].tolist() for p in places], mapping)
                self._remember(packed[new], found[new])
            return found

    def _pack(self, texts: list[list[str]], places: list[Whole]) -> Whole | None:
        import numpy as np

        packed = np.zeros(len(places[0]), np.int64)
        for told, place, known, bits in zip(texts, places, self._texts, _BITS, strict=True):
            codes = np.array([known.setdefault(t, len(known)) for t in told], np.int64)
            if len(known) > 1 << bits:
                return None
            packed = (packed << bits) | codes[place]
        return packed

    def _remember(self, packed: Whole, numbers: Whole) -> None:
        import numpy as np

        both = np.concatenate([self._packed, packed])
        order = np.argsort(both)
        self._packed = both[order]
        self._of_packed = np.concatenate([self._of_packed, numbers])[order]

    def _read(self, texts: list[list[str]], places: list[list[int]], mapping: Mapping) -> Whole:
        import numpy as np

        markets = [market_of(t, mapping) for t in texts[0]]
        names, specs, grades, origins = ([clean_name(t) for t in column] for column in texts[1:])
        fine = [bool(n) and not piece_in_name(n) for n in names]
        found = [
            self.number((mapping.source, market, names[n], specs[s], grades[g], origins[o], mapping.currency))
            if (market := markets[m]) is not None and fine[n] else -1
            for m, n, s, g, o in zip(*places, strict=True)
        ]  # fmt: skip
        return np.array(found, np.int64)
