"""The loss ledger: what is missing is told, what comes is filled, and every message is one of received, refused, missing or lost."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import ledger
from ingest.batch import Batch
from ingest.catalog import Catalog
from ingest.formats.decoded import Numbered
from ingest.losses import LedgerRow, ledger_rows, seen_gaps
from ingest.payloads import encode_up
from ingest.runs import Noted, Run, step
from ingest.sequences import Sequences
from ingest.service import Readings
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest.examples import NOW_MS, TwoGateways, clock, level, message

GATEWAY = "by-01-gw"
LATER = ledger.GRACE_MS + 1


class Store:
    """A writer whose clock is the test's."""

    def __init__(self, folder: Path, name: str = "0") -> None:
        self.writer = Writer(folder, name, TwoGateways())

    def take(self, *numbers: int, at: int = 0, gone: tuple[tuple[int, int], ...] = ()) -> None:
        """Store messages by their numbers, received `at` ms after the beginning, in one batch."""
        batch = Batch()
        self.writer.intake.refresh()
        for n in numbers:
            self.writer.intake.take(up_topic(GATEWAY), encode_up(n, [level(1, float(n))], gone=gone), NOW_MS + at, batch)
        self.writer.flush(batch)

    def row(self, at: int = 1_000_000) -> LedgerRow:
        """Return the gateway's row of the ledger."""
        (row,) = ledger_rows(self.writer.catalog, NOW_MS + at)
        assert row.expected == row.received + row.refused + row.missing + row.lost == row.last - row.begins + 1
        assert row.seen == row.open + row.filled + row.given_up
        return row

    def gaps(self, at: int = 1_000_000) -> list[tuple[int, int, int, int, str]]:
        """Return the gateway's gaps as (first, last, missing, lost, state), in their order."""
        return [(g.first, g.last, g.missing, g.lost, g.state) for g in reversed(seen_gaps(self.writer.catalog, GATEWAY, NOW_MS + at))]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Yield an empty store."""
    made = Store(tmp_path)
    yield made
    made.writer.close()


def test_a_stream_that_advances_has_no_gaps_and_asks_for_nothing(store: Store) -> None:
    """Numbers in order leave no row, and the one place that looks closer is not reached but for the first message."""
    statements: list[str] = []
    store.take(1, 2)
    store.writer.catalog._db.set_trace_callback(statements.append)
    store.take(3)
    store.take(4, 5)
    store.writer.catalog._db.set_trace_callback(None)
    assert not [s for s in statements if "refused WHERE" in s or "INTO gap" in s]
    assert store.gaps() == [] and (store.row().expected, store.row().received) == (5, 5)


def test_a_gap_is_told_at_once_and_counted_after_the_grace(store: Store) -> None:
    """Fresh at first, open later, filled in parts, closed with the time it took."""
    store.take(1, 5)
    assert store.gaps(at=1) == [(2, 4, 3, 0, "fresh")]
    assert (store.row(at=1).fresh, store.row(at=1).seen, store.row(at=1).missing) == (1, 0, 3)
    assert (store.row().fresh, store.row().seen, store.row().open) == (0, 1, 1)
    store.take(3, at=LATER)
    assert store.gaps() == [(2, 4, 2, 0, "open")]
    store.take(2, 4, at=60_000)
    assert store.gaps() == [(2, 4, 0, 0, "filled")]
    assert (store.row().filled, store.row().missing, store.row().longest_fill_ms) == (1, 0, 60_000)


def test_reordering_makes_no_noise(store: Store) -> None:
    """A gap that closes within the grace leaves no trace, in one batch or in two."""
    store.take(2, 1, 4, 3)
    store.take(7)
    store.take(5, 6, at=ledger.GRACE_MS - 1)
    assert store.gaps() == [] and store.row().seen == 0 and store.row().received == 7


def test_a_gateway_that_begins_late_has_no_gap_before(store: Store) -> None:
    """The first number ever met is the beginning; earlier ones that come after all move it down."""
    store.take(412)
    assert store.gaps() == [] and store.row().begins == 412
    store.take(408, at=1)
    assert store.gaps() == [(409, 411, 3, 0, "open")] and store.row().begins == 408


def test_what_is_refused_for_good_is_no_gap(store: Store) -> None:
    """Refused before, between or after: nothing more is to come of it."""
    store.take(1)
    refuse(store, 2)
    store.take(3, 6)
    assert store.gaps() == [(4, 5, 2, 0, "open")]
    refuse(store, 4)
    refuse(store, 5, at=LATER)
    assert store.gaps() == [(4, 5, 0, 0, "filled")]
    assert (store.row().refused, store.row().missing) == (3, 0)
    refuse(store, 9)
    assert store.gaps()[1:] == [(7, 8, 2, 0, "open")] and store.row().last == 9


def refuse(store: Store, number: int, at: int = 0) -> None:
    """Hand in a message that is refused as a whole."""
    batch = Batch()
    store.writer.intake.take(up_topic(GATEWAY), b'{"v":1,"seq":%d,"readings":[]}' % number, NOW_MS + at, batch)
    assert batch.refused_whole == [(GATEWAY, number)]
    store.writer.flush(batch)


def test_what_a_spool_gave_up_is_lost_for_certain(store: Store) -> None:
    """A gap marker closes what it names; what comes nevertheless is received."""
    store.take(1, 8)
    store.take(9, at=LATER, gone=((3, 6), (20, 40)))
    assert store.gaps() == [(2, 7, 2, 4, "open")]
    store.take(2, 7, at=LATER)
    assert store.gaps() == [(2, 7, 0, 4, "lost")] and (store.row().given_up, store.row().lost) == (1, 4)
    store.take(4, at=2 * LATER)
    assert store.gaps() == [(2, 7, 0, 3, "lost")] and store.row().received == 6
    assert Readings(store.writer._folder.parent, clock(), TwoGateways()).gateways()[0].open_gaps == ()


def test_what_was_given_up_before_the_first_message_is_lost_too(store: Store) -> None:
    """A gateway whose spool overflowed before it ever reached us says so with its first message."""
    store.take(500, gone=((1, 499),))
    assert store.gaps() == [(1, 499, 0, 499, "lost")] and (store.row().begins, store.row().lost) == (1, 499)


def test_a_gap_marker_counts_in_a_repeated_message(store: Store) -> None:
    """A message adopted after a crash and then sent again brings its marker with it."""
    store.take(1, 5)
    store.take(5, at=LATER, gone=((2, 4),))
    assert store.gaps() == [(2, 4, 0, 3, "lost")] and store.row().duplicates == 1


def test_writers_fill_each_others_gaps(tmp_path: Path) -> None:
    """HTTP and MQTT are two writers of one ledger; what both store at the same moment is counted once."""
    one, two = Store(tmp_path), Store(tmp_path, "web")
    one.take(1, 10)
    two.take(4, 5, at=LATER)
    both = [Batch(), Batch()]
    for store, batch in zip((one, two), both, strict=True):
        store.writer.intake.take(up_topic(GATEWAY), message(6), NOW_MS + LATER, batch)
    for store, batch in zip((one, two), both, strict=True):
        store.writer.flush(batch)
    assert one.gaps() == [(2, 9, 5, 0, "open")]
    two.take(2, 3, at=LATER)
    one.take(7, 8, 9, at=LATER)
    assert two.gaps() == [(2, 9, 0, 0, "filled")]
    one.writer.close()
    two.writer.close()


def test_an_adopted_segment_fills_its_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between segment and commit: the next start takes the segment, and with it what it fills and opens."""
    store = Store(tmp_path)
    store.take(1, 4)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingest.writer.ledger.record", die)
        with pytest.raises(KeyboardInterrupt):
            store.take(2, 3, 7, at=LATER)
    assert store.gaps() == [(2, 3, 2, 0, "open")]
    store.writer.close()
    again = Store(tmp_path)
    assert again.gaps() == [(2, 3, 0, 0, "filled"), (5, 6, 2, 0, "open")]
    again.writer.close()


def test_a_store_of_an_earlier_release_comes_with_its_gaps(store: Store) -> None:
    """What stood in the ranges before there was a ledger is in it at the first start, once."""
    store.take(1, 3, 7)
    with store.writer.catalog.transaction() as db:
        db.execute("DELETE FROM gap")
        db.execute("DELETE FROM counter WHERE name = 'ledger begun'")
    ledger.begin(store.writer.catalog)
    ledger.begin(store.writer.catalog)
    assert store.gaps() == [(2, 2, 1, 0, "open"), (4, 6, 3, 0, "open")]


def test_closed_gaps_are_bounded_and_stay_counted(store: Store) -> None:
    """Only so many closed gaps are kept one by one."""
    store.take(1, 3, 5, 7, gone=((2, 2),))
    store.take(4, 6, at=LATER)
    before = store.row()
    with store.writer.catalog.transaction() as db:
        assert ledger.prune(db, most=1) == 2
    assert len(store.gaps()) == 1
    assert (store.row().seen, store.row().filled, store.row().given_up, store.row().lost) == (3, 2, 1, 1) == (
        before.seen, before.filled, before.given_up, before.lost,
    )  # fmt: skip


EVENTS = st.lists(
    st.tuples(st.sampled_from(["stored", "stored", "stored", "refused", "gone"]), st.integers(1, 40), st.integers(0, 5)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.lists(st.integers(1, 4), min_size=40, max_size=40))
def test_the_ledger_is_what_the_numbers_say(events: list[tuple[str, int, int]], sizes: list[int]) -> None:
    """Whatever comes in whatever order and batches: the ledger's holes are exactly the numbers between that did not come."""
    with tempfile.TemporaryDirectory() as folder:
        _replay(Catalog(Path(folder)), events, sizes)


def _replay(catalog: Catalog, events: list[tuple[str, int, int]], sizes: list[int]) -> None:
    stored, refused, gone = set[int](), set[int](), set[int]()
    waiting = list(events)
    for n, size in enumerate(sizes):
        part, waiting = waiting[:size], waiting[size:]
        fresh = [x for kind, a, more in part if kind == "stored" for x in range(a, a + more + 1)]
        no = [a for kind, a, _ in part if kind == "refused"]
        up = [(a, a + more) for kind, a, more in part if kind == "gone"]
        if not part:
            break
        with catalog.transaction() as db:
            found = {"g": ranges_of(fresh)} if fresh else {}
            ledger.record(db, found, refused=[("g", x) for x in no], gone={"g": up}, at_ms=n * 10_000)
        stored |= set(fresh)
        refused |= set(no)
        gone |= {x for a, b in up for x in range(a, b + 1)}
        met = stored | refused | gone
        holes = set(range(min(met), max(met) + 1)) - stored - refused
        rows = catalog.rows("SELECT first, last, missing, lost FROM gap WHERE missing + lost > 0 ORDER BY first")
        covered = [x for a, b, _, _ in rows for x in range(int(str(a)), int(str(b)) + 1)]
        assert len(covered) == len(set(covered)) and holes <= set(covered)
        assert sum(int(str(m)) for _, _, m, _ in rows) == len(holes - gone)
        assert sum(int(str(x)) for _, _, _, x in rows) == len(holes & gone)
    catalog.close()


def ranges_of(numbers: list[int]) -> list[tuple[int, int]]:
    """Return ascending closed ranges that hold exactly these numbers."""
    found = Sequences()
    for n in numbers:
        found.add(n)
    return [(a, b) for a, b in found.ranges]


def run_of(*raws: int, modulus: int = 0, first: int = 0) -> list[int]:
    """Return the straightened numbers of a counter."""
    run: Run | None = None
    found = []
    for raw in raws:
        run, number = step(run, Numbered("s", raw, modulus, first))
        found.append(number)
    return found


@pytest.mark.parametrize(
    ("raws", "modulus", "first", "wanted"),
    [
        pytest.param((7, 8, 9), 0, 0, [7, 8, 9], id="advances"),
        pytest.param((7, 9, 8, 8), 0, 0, [7, 9, 8, 8], id="late and again"),
        pytest.param((254, 255, 0, 1), 256, 0, [254, 255, 256, 257], id="wraps"),
        pytest.param((254, 1, 255), 256, 0, [254, 257, 255], id="wraps with a loss and a late one"),
        pytest.param((65535, 1, 2), 65536, 1, [65535, 65536, 65537], id="wraps to one"),
        pytest.param((500, 0, 1), 0, 0, [500, 501, 502], id="joined anew"),
        pytest.param((60000, 1, 2), 65536, 1, [60000, 60001, 60002], id="begun anew, not five thousand lost"),
        pytest.param((30000, 7, 8), 65536, 1, [30000, 30001, 30002], id="begun anew, the first one lost"),
        pytest.param((10, 4000), 0, 0, [10, 4000], id="silent for days"),
        pytest.param((100, 9, 8), 0, 0, [100, 101, 102], id="late only within its run"),
    ],
)
def test_foreign_counters_are_straightened(raws: tuple[int, ...], modulus: int, first: int, wanted: list[int]) -> None:
    """Wraps, restarts, late messages and repeats of frame counters and serial numbers."""
    assert run_of(*raws, modulus=modulus, first=first) == wanted


def test_a_foreign_stream_has_a_row_of_its_own(store: Store) -> None:
    """Its gaps, repeats and new beginnings are the ledger's, and what its sender never resends is lost once the grace is over."""

    def note(*raws: int, at: int, restart: bool = False) -> None:
        batch = Batch()
        batch.noted += [Noted(GATEWAY, Numbered("edge/1", raw, 256), NOW_MS + at, restart=restart, resends=False) for raw in raws]
        store.writer.flush(batch)

    store.take(1)
    note(0, 1, 1, 4, at=0)
    note(5, at=1)
    note(0, 1, at=2, restart=True)
    own, foreign = ledger_rows(store.writer.catalog, NOW_MS + LATER)
    assert own.stream == GATEWAY and foreign.stream == f"{GATEWAY}/edge/1" and foreign.county == own.county
    assert (foreign.received, foreign.duplicates, foreign.lost, foreign.missing, foreign.open, foreign.given_up) == (6, 1, 2, 0, 0, 1)
    assert foreign.restarts == 2 and not foreign.resends
    assert ledger_rows(store.writer.catalog, NOW_MS)[1].missing == 2
    (gap,) = seen_gaps(store.writer.catalog, GATEWAY, NOW_MS + LATER)
    assert (gap.first, gap.last, gap.state) == (2, 3, "lost")
