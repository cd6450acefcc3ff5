"""What prices do: collect from sources, import files, answer the board and the series, and tell how each source is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select

from foundation.blobs import BlobFolder
from foundation.clock import Clock, market_day, to_ms
from foundation.database import reading
from foundation.errors import Conflict
from foundation.ids import uuid7
from pricing import index_store, quarantine, store
from pricing.band import SeasonalBand
from pricing.board import BoardRow, Point, board_rows, points
from pricing.collecting import Batch, Collector, RunReport
from pricing.desk.tellers import TELEPHONE
from pricing.fetching import Pause, Policy
from pricing.health import SilentSource, SourceHealth, health, silent
from pricing.hosts import HostBook
from pricing.indices import IndexPoint
from pricing.lease import Fence
from pricing.mapping import Mapping, read_mapping
from pricing.markets import MARKETS, markets_of
from pricing.names import reading_of
from pricing.open_data import OpenData
from pricing.payloads import StoredPayload, as_received, payload_of, payloads_of
from pricing.proposing import Proposal, propose_mapping
from pricing.provenance import Observation, observations
from pricing.quarantine import HeldBatch, HeldDetail
from pricing.quotes import Market, Window
from pricing.reviews import decide
from pricing.saved import read_saved
from pricing.snapshot import SnapshotState, read_state
from pricing.snapshot_queries import SnapshotQueries
from pricing.snapshot_records import changed_since
from pricing.sources import SOURCES, source

if TYPE_CHECKING:
    import httpx

    from pricing.importing import ImportReport, Preview
    from pricing.tabular import Table

HISTORY_DAYS = 3 * 365 + 1
ROUND_DAYS = 3
# History is asked for in blocks that lie fixed in the calendar, so that a killed backfill goes on where it was.
BLOCK_DAYS = 91
_BLOCKS_FROM = date(2010, 1, 4)


class Prices:
    """The use cases of prices."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder, snapshot_folder: Path | None = None) -> None:
        self.engine = engine
        self._snapshot_folder = snapshot_folder
        self._reading = reading(engine)
        self._clock = clock
        self._blobs = blobs
        self._collector = Collector(engine, clock, blobs)
        self.large = SnapshotQueries(self._reading, snapshot_folder)
        self.open_data = OpenData(self._reading)
        self._hosts = HostBook(engine, clock)

    def collect(
        self, source_id: str, base_url: str, window: Window | None, client: httpx.Client, *, kind: str = "round", slot: str = "",
        pause: Pause | None = None, policy: Policy | None = None, fence: Fence | None = None,
    ) -> RunReport:  # fmt: skip
        """Collect one closed window of days from a source, by default the last few days; the report says what came of it.

        `slot` makes a run unique: of two schedulers with the same slot only one asks the site, and of two runs that want the same days
        at the same time, too. Never raises for what a site does. `policy` is the politeness, by default the source's own, none on
        loopback. With the `fence` of a scheduler's lease nothing is written once another one took over.

        Raises:
            LeaseLost: another scheduler took over.

        """
        found = source(source_id)
        window = window or self.round_window()
        if found.answers == "present":
            window = Window(market_day(self._clock.now()), market_day(self._clock.now()))
        slot = slot or f"{kind}:{uuid7(to_ms(self._clock.now()))}"
        return self._collector.run(found, base_url, window, client, kind=kind, slot=slot, pause=pause, policy=policy, fence=fence)

    def try_source(self, source_id: str, base_url: str, day: date | None, client: httpx.Client) -> Batch:
        """Ask a source for one day and return everything it said, storing nothing; what a site does wrong is raised."""
        day = day or market_day(self._clock.now())
        found = source(source_id)
        return self._collector.try_out(found, base_url or found.address, Window(day, day), client)

    def read_answer(self, source_id: str, path: Path) -> RunReport:
        """Record an answer of a source that somebody saved to a file: a country's CSV, an older export, a site's own reply.

        Raises:
            NotFound: no such source or file.
            BadInput: the file is too large.
            Blocked, SourceChanged: it is no answer of this source.

        """
        return self._collector.take_file(source(source_id), path.name, read_saved(path))

    def round_window(self) -> Window:
        """Return the window of an ordinary round: today and the days before that sites still correct."""
        today = market_day(self._clock.now())
        return Window(today - timedelta(days=ROUND_DAYS - 1), today)

    def history_windows(self, source_id: str, days: int = HISTORY_DAYS) -> list[tuple[str, Window]]:
        """Return (slot, window) of the history still to be fetched, the most recent first; none of a source that tells only the present."""
        found = source(source_id)
        if found.answers == "present":
            return []
        t = store.price_run.c
        with self._reading.connect() as connection:
            done = set(connection.execute(select(t.slot).where(t.source == source_id, t.kind == "history", t.state == "ok")).scalars())
        return [(slot, w) for slot, w in self.all_history_windows(days, found.longest_window_days) if slot not in done]

    def all_history_windows(self, days: int = HISTORY_DAYS, longest: int = BLOCK_DAYS) -> list[tuple[str, Window]]:
        """Return (slot, window) of the whole history, the most recent first; the newest block ends today, none is longer than `longest`."""
        today = market_day(self._clock.now())
        first = today - timedelta(days=days - 1)
        return [(f"history:{w}", w) for w in _blocks(first, today, min(longest, BLOCK_DAYS))]

    def reread_windows(self, source_id: str, days: int) -> list[Window]:
        """Return the last days as windows no longer than a source answers for, the most recent first."""
        found = source(source_id)
        today = market_day(self._clock.now())
        if found.answers == "present":
            return [Window(today, today)]
        longest = min(days, found.longest_window_days)
        ends = range(0, days, longest)
        return [Window(today - timedelta(days=min(days, k + longest) - 1), today - timedelta(days=k)) for k in ends]

    def import_file(self, path: Path, mapping: str | Mapping) -> ImportReport:
        """Import a file of quotes as a mapping says: one in hand, a packaged one by name, or a file. The report says what was refused."""
        from pricing.importing import Importer

        told = read_mapping(mapping) if isinstance(mapping, str) else mapping
        return Importer(self.engine, self._clock, self._blobs).run(path, told)

    def import_rows(self, table: Table, mapping: Mapping) -> ImportReport:
        """Import an uploaded or pasted table as a mapping says; the same rows again change nothing."""
        from pricing.importing import Importer

        return Importer(self.engine, self._clock, self._blobs).run_table(table, mapping)

    def write_refused(self, report: ImportReport, path: Path) -> int:
        """Write every row an import refused to a CSV file, however many there were; return how many."""
        from pricing.importing import write_refused

        with self._reading.connect() as connection:
            return write_refused(connection, report.run_id, path)

    def preview(self, table: Table, mapping: Mapping, rows: int = 20) -> Preview:
        """Return what an import of a table would take and refuse, with its first rows; nothing is stored."""
        from pricing.importing import Importer

        return Importer(self.engine, self._clock, self._blobs).preview(table, mapping, rows)

    def reread_names(self) -> int:
        """Give every stored series the product and variety the table of names means now; return how many changed."""
        with self.engine.begin() as connection:
            return store.reread(connection, reading_of)

    def propose_mapping(self, table: Table) -> Proposal:
        """Return which column of a table seems to hold what, for a person to confirm."""
        return propose_mapping(table.header, table.rows[:200])

    def board(self, county: str | None, day: date | None) -> list[BoardRow]:
        """Return the board of a market day (default today): a county's own markets and those that belong to no county."""
        with self._reading.connect() as connection:
            t = store.price_source.c
            troubled = {r.id: r.state for r in connection.execute(select(t.id, t.state).where(t.state.in_(("quarantined", "failing"))))}
            return board_rows(connection, [m.id for m in markets_of(county)], day or market_day(self._clock.now()), troubled)

    def series(self, product: str, market: str, start: date, end: date, *, as_of_ms: int | None = None) -> list[Point]:
        """Return a product's days in a market from `start` to `end`, both included; `as_of_ms` answers as it was known then."""
        with self._reading.connect() as connection:
            return points(connection, product, market, start, end, as_of_ms)

    def official_index(self, code: str, start: date, end: date, *, as_of_ms: int | None = None) -> list[IndexPoint]:
        """Return an official index (A is the 200 index) from `start` to `end`, both included, as published; never computed by us."""
        with self._reading.connect() as connection:
            return index_store.known(connection, code, start, end, as_of_ms)

    def observations(self, product: str, market: str, day: date) -> list[Observation]:
        """Return everything ever observed of a product in a market on a day, each with the payloads it was read from."""
        with self._reading.connect() as connection:
            return observations(connection, product, market, day, _licences())

    def seasonal_band(self, product: str, market: str) -> SeasonalBand | None:
        """Return what is usual for each time of year, or None where there is no earlier year to tell from."""
        known = self.series(product, market, date(1990, 1, 1), market_day(self._clock.now()))
        # An imported past of other making is not this source's usual; the two are never mixed into one band.
        band = SeasonalBand((p.valid_date, p.mid) for p in known if p.source == known[-1].source)
        return band if band.years else None

    def markets(self, *, everywhere: bool = False) -> list[Market]:
        """Return the markets whose prices may be compared; `everywhere` adds those of other territories and national averages."""
        return list(MARKETS.values()) if everywhere else markets_of(None)

    def products_quoted(self) -> list[str]:
        """Return the products that any market has quoted."""
        t = store.price_series.c
        with self._reading.connect() as connection:
            return list(connection.execute(select(t.product).where(t.product.is_not(None)).distinct().order_by(t.product)).scalars())

    def counts(self) -> dict[str, int]:
        """Return how many quotes stand, how many observations are kept, and how many series there are."""
        tables = {"current": store.quote_current, "observed": store.quote_obs, "series": store.price_series}
        with self._reading.connect() as connection:
            return {name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables.items()}

    def sources(self) -> list[SourceHealth]:
        """Return how every source is."""
        with self._reading.connect() as connection:
            return health(connection, self._hosts.states(), self._clock.now())

    def silent_sources(self, now: datetime | None = None) -> list[SilentSource]:
        """Return the sources without a good answer for more than one and a half of their periods, closures not counted."""
        with self._reading.connect() as connection:
            return silent(connection, now or self._clock.now())

    def payload(self, run_id: int, number: int) -> tuple[StoredPayload, bytes]:
        """Return one raw answer of a run as it came, and what is known of it; raise NotFound where there is none."""
        with self._reading.connect() as connection:
            found = payload_of(connection, run_id, number, _licences())
        return found, as_received(self._blobs, found)

    def payloads(self, run_id: int) -> list[StoredPayload]:
        """Return what is known of every raw answer of a run."""
        with self._reading.connect() as connection:
            return payloads_of(connection, run_id, _licences())

    def held_batches(self, source_id: str | None = None, *, limit: int = 50) -> list[HeldBatch]:
        """Return the batches that are or were in quarantine, the newest first."""
        with self._reading.connect() as connection:
            return quarantine.held_batches(connection, source_id, limit)

    def held_batch(self, run_id: int) -> HeldDetail:
        """Return one batch in quarantine: what was promised, what came, its raw answers and some of its rows."""
        with self._reading.connect() as connection:
            batch = quarantine.held_batch(connection, run_id)
            kept = payloads_of(connection, run_id, _licences())
        return quarantine.detail(batch, source(batch.source), kept, self._blobs)

    def accept_batch(self, run_id: int, by: str) -> RunReport:
        """Believe a batch in quarantine: its raw answers are read again and recorded, but for days that a later good answer told.

        Raises:
            NotFound: no such batch.
            Conflict: it is decided, or every day of it was told since.
            SuheError: its answers cannot be read; the source's file must learn the new shape first.

        """
        with self._reading.connect() as connection:
            batch = quarantine.held_batch(connection, run_id)
            kept = payloads_of(connection, run_id, _licences())
            found = source(batch.source)
            told_since = quarantine.told_since(connection, batch)
        read = quarantine.read_again(found, batch.window, kept, self._blobs, market_day(self._clock.now()))
        left = quarantine.without_days(read, told_since)
        if read.quotes and not left.quotes:
            raise Conflict("newer good answers tell these days", expected="a day that no later answer told", got=str(batch.window))
        return self._collector.accept(found, run_id, batch.window, left, by)

    def leave_batch(self, run_id: int, by: str) -> None:
        """Do not believe a batch in quarantine: it stays there and is no longer asked about."""
        with self.engine.begin() as connection:
            quarantine.held_batch(connection, run_id)
            decide(connection, run_id, "left", by, to_ms(self._clock.now()))

    def build_snapshot(self, *, at_least: int = 0) -> SnapshotState | None:
        """Build the snapshot anew where `at_least` rows were appended since the last one, or there is none.

        None where nothing was due, there is no folder for it, or another process is building.
        """
        from pricing.snapshot_build import build

        if self._snapshot_folder is None:
            return None
        state, waiting = self.snapshot_state()
        if state is not None and waiting < max(1, at_least):
            return None
        return build(self._snapshot_folder, self._reading, self._clock)

    def snapshot_state(self) -> tuple[SnapshotState | None, int]:
        """Return what the snapshot holds and how many rows were appended since; None and 0 where there is none."""
        state = read_state(self._snapshot_folder) if self._snapshot_folder is not None else None
        if state is None:
            return None, 0
        with self._reading.connect() as connection:
            return state, changed_since(connection, state.seen)

    def ask_round(self, source_id: str) -> None:
        """Ask for a round of a source now instead of at its time; the scheduler looks for this every few seconds."""
        source(source_id)
        with self.engine.begin() as connection:
            store.upsert_source(connection, source_id, {"asked_ms": to_ms(self._clock.now())})

    def asked_rounds(self) -> list[str]:
        """Return the sources for which a round was asked and none has begun since, forgetting the wish."""
        t = store.price_source
        with self._reading.connect() as connection:
            asked = list(connection.execute(select(t.c.id).where(t.c.asked_ms.is_not(None))).scalars())
        for source_id in asked:
            with self.engine.begin() as connection:
                store.upsert_source(connection, source_id, {"asked_ms": None})
        return asked

    def note_next_run(self, source_id: str, next_run_ms: int | None, period_ms: int) -> None:
        """Record when a source is asked next and how often it is, for the page that shows its health."""
        with self.engine.begin() as connection:
            store.upsert_source(connection, source_id, {"next_run_ms": next_run_ms, "period_ms": period_ms})


def _licences() -> dict[str, str]:
    return {s.id: s.licence for s in (*SOURCES.values(), TELEPHONE)}


def _blocks(first: date, last: date, length: int) -> Iterator[Window]:
    """Yield the calendar's fixed blocks that touch `first`..`last`, the most recent first, cut off at both ends."""
    number = (last - _BLOCKS_FROM).days // length
    while True:
        start = _BLOCKS_FROM + timedelta(days=number * length)
        end = start + timedelta(days=length - 1)
        if end < first:
            return
        # The oldest block is fetched whole: cutting it at a moving day would make it another block every day.
        yield Window(start, min(end, last))
        number -= 1
