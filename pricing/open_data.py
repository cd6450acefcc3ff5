"""Open data: the quotes that may be passed on, page by page or whole, with what was left out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from pricing import touched
from pricing.open_rows import LeftOut, OpenRow, Selection, blocks, count_left_out, cursor_text, read_cursor
from pricing.open_terms import Terms, terms_of_sources
from pricing.store import price_series

KEPT_COUNTS = 256


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page of rows, the cursor of the next one, and what was left out of the whole answer (told on the first page only)."""

    rows: list[OpenRow]
    next: str | None
    left_out: list[LeftOut]


class OpenData:
    """Gives quotes to anybody. `everything` is for those who signed in: what may not be passed on is shown to them all the same."""

    def __init__(self, reading: Engine) -> None:
        self._reading = reading
        self._counted: dict[Any, list[LeftOut]] = {}

    def terms(self, *, demo: bool) -> dict[str, Terms]:
        """Return the terms of every source of which something is kept."""
        with self._reading.connect() as connection:
            return terms_of_sources(connection, demo=demo)

    def stamp(self) -> tuple[int, ...]:
        """Return figures that differ whenever a quote was appended or a series added: what an answer's tag is made of."""
        with self._reading.connect() as connection:
            series = connection.execute(select(func.count(), func.count(price_series.c.product)).select_from(price_series)).one()
            return (*touched.stamp(connection), *series)

    def page(self, selection: Selection, terms: Mapping[str, Terms], *, everything: bool, after: str | None, limit: int) -> OpenPage:
        """Return the rows after a cursor, at most `limit`."""
        place = read_cursor(after) if after is not None else None
        found: list[tuple[int, OpenRow]] = []
        for block in blocks(self._reading, selection, _open(terms, everything=everything), place, limit + 1):
            found += block
            if len(found) > limit:
                break
        more = cursor_text(*found[limit - 1]) if len(found) > limit else None
        left = self.left_out(selection, terms, everything=everything) if after is None else []
        return OpenPage([row for _, row in found[:limit]], more, left)

    def left_out(self, selection: Selection, terms: Mapping[str, Terms], *, everything: bool) -> list[LeftOut]:
        """Return how many rows are left out of the answer, by source."""
        closed = {} if everything else {s: t for s, t in terms.items() if not t.open}
        if not closed:
            return []
        key = (selection, tuple(sorted(closed)), self.stamp())
        if key not in self._counted:
            # Counting may take as long as reading; a question that is asked page by page or again and again is counted once.
            if len(self._counted) >= KEPT_COUNTS:
                self._counted.clear()
            with self._reading.connect() as connection:
                self._counted[key] = count_left_out(connection, selection, closed)
        return self._counted[key]

    def stream(self, selection: Selection, terms: Mapping[str, Terms], *, everything: bool) -> Iterator[list[OpenRow]]:
        """Yield all rows in blocks of some thousand."""
        for block in blocks(self._reading, selection, _open(terms, everything=everything)):
            yield [row for _, row in block]

    def write_parquet(self, path: Path, selection: Selection, terms: Mapping[str, Terms], *, everything: bool, raw: str) -> int:
        """Write all rows as one Parquet file and return how many, in bounded memory; `raw` is the address of a run's answers."""
        from pricing.open_parquet import write_parquet

        return write_parquet(path, self.stream(selection, terms, everything=everything), raw)


def _open(terms: Mapping[str, Terms], *, everything: bool) -> dict[str, Terms]:
    return {s: t for s, t in terms.items() if everything or t.open}
