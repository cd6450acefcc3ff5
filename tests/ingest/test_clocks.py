"""Clocks: which times are believed, which offsets are proposed as corrections, and what a decision changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.errors import Conflict
from ingest.batch import Batch
from ingest.catalog import Catalog
from ingest.clock_keeping import ClockWatch, accept, proposals, refuse, revoke
from ingest.clocks import HOUR_MS, Finding, Suspicion, believable, whole_hours
from ingest.payloads import ReadingIn, encode_up
from ingest.segments import read_rows
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest.examples import MINUTE_MS, NOW_MS, TwoGateways


@pytest.mark.parametrize(
    ("t_ms", "can_be_meant"),
    [
        (None, True),
        (NOW_MS, True),
        (NOW_MS + HOUR_MS, True),
        (0, False),
        (NOW_MS + 25 * HOUR_MS, False),
        (4_102_444_800_000, False),
        (NOW_MS - 1024 * 7 * 24 * HOUR_MS, False),
    ],
)
def test_a_time_is_believed_where_it_can_be_meant(t_ms: int | None, can_be_meant: bool) -> None:
    """1970, 2100, a GPS week one roll-over ago, and more than a day ahead cannot be."""
    assert believable(t_ms, NOW_MS) is can_be_meant


@pytest.mark.parametrize(("seconds", "hours"), [(0, 0), (21_597, 6), (-28_803, -8), (1800, None), (15 * 3600, None), (3600 + 121, None)])
def test_an_offset_is_near_a_whole_hour_or_not(seconds: int, hours: int | None) -> None:
    """Within two minutes of a whole hour, no further than any zone is."""
    assert whole_hours(seconds * 1000) == hours


def watch(offsets: list[tuple[float, float]]) -> Finding | None:
    """Return the last finding of a device whose newest readings came (minute, offset in seconds)."""
    suspect, found = Suspicion(), None
    for minute, seconds in offsets:
        found = suspect.observe(NOW_MS + int(minute * MINUTE_MS), int(seconds * 1000))
    return found


def test_a_steady_whole_hour_is_found() -> None:
    """With the delays a radio network adds, and a backlog in between, eight hours are found."""
    noise = random.Random(1)
    steady = [(5.0 * k, 28_800 + noise.expovariate(0.2)) for k in range(30)]
    backlog = [(152.0 + k / 10, 28_800 + 7200 - 700 * k) for k in range(10)]
    found = watch([*steady, *backlog, *((160 + 5.0 * k, 28_800 + noise.expovariate(0.2)) for k in range(5))])
    assert found is not None and found.correction_ms == 8 * HOUR_MS and found.messages >= 35


@pytest.mark.parametrize(
    "offsets",
    [
        [(5.0 * k, 1.0) for k in range(100)][:50] + [(250 + 5.0 * k, 1800.0) for k in range(100)],
        [(5.0 * k, 7150 + 2.1 * k) for k in range(60)],
        [(k / 20, 28_900 - 60 * k) for k in range(480)],
        [(5.0 * k, 28_800.0) for k in range(11)],
        [(k / 10, 28_800.0) for k in range(100)],
        [*((5.0 * k, 7200.0) for k in range(11)), (56, 3.0), *((60 + 5.0 * k, 7200.0) for k in range(11))],
    ],
    ids=["half an hour", "drift", "backlog", "too few", "too short", "a fresh one in between"],
)
def test_what_is_no_whole_hour_is_not_found(offsets: list[tuple[float, float]]) -> None:
    """A drift that passes, a backlog that drains, and what rests on too little are not proposed."""
    suspect = Suspicion()
    found = [suspect.observe(NOW_MS + int(minute * MINUTE_MS), int(seconds * 1000)) for minute, seconds in offsets]
    assert [f for f in found if f is not None and f.correction_ms] == []


class Field:
    """A writer that is sent messages of one gateway by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = Writer(folder, "0", TwoGateways())
        self.catalog = Catalog(folder)
        self.seq = 0

    def send(self, minute: int, hours: int, device: str = "by-01-p1", channel: str = "ph") -> None:
        """Send a reading made at `minute` by a clock that many hours behind."""
        self.seq += 1
        at = NOW_MS + minute * MINUTE_MS
        batch = Batch()
        body = encode_up(self.seq, [ReadingIn(device, channel, at - hours * HOUR_MS - 2000, 7.0)])
        self.writer.intake.take(up_topic("by-01-gw"), body, at, batch)
        self.writer.flush(batch)

    def rows(self) -> list[tuple[int, int]]:
        """Return (best time less receipt, shift) of every reading, in order."""
        files = sorted((self.folder / "segments").glob("*.parquet"))
        return [(r["t"] - r["received"], r["shift"]) for f in files for r in read_rows(f).to_dicts()]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    """Yield a writer and a second look at its catalogue."""
    made = Field(tmp_path)
    yield made
    made.catalog.close()
    made.writer.close()


def test_a_correction_is_proposed_applied_after_a_person_said_so_and_revoked(field: Field) -> None:
    """Nothing changes before the acceptance; after it the best time is right and the device's own time stays; a revocation ends it."""
    for k in range(13):
        field.send(5 * k, 8)
        field.send(5 * k, 0, "by-01-p2")
    (proposal,) = proposals(field.catalog)
    assert (proposal.gateway, proposal.device, proposal.correction_ms, proposal.state) == ("by-01-gw", "by-01-p1", 8 * HOUR_MS, "proposed")
    assert {shift for _, shift in field.rows()} == {0}
    done = accept(field.catalog, proposal.id, "wang.li", NOW_MS + 65 * MINUTE_MS)
    assert (done.state, done.decided_by) == ("accepted", "wang.li")
    field.send(66, 8)
    assert field.rows()[-1] == (-2000, -8 * HOUR_MS)
    field.send(67, 0, "by-01-p2")
    assert field.rows()[-1] == (-2000, 0)
    assert field.writer.catalog.rows("SELECT max(t) FROM latest")[0][0] == NOW_MS + 67 * MINUTE_MS - 2000
    revoke(field.catalog, proposal.id, "li.na", NOW_MS + 70 * MINUTE_MS)
    field.send(71, 8)
    assert field.rows()[-1] == (-2000 - 8 * HOUR_MS, 0)
    with pytest.raises(Conflict):
        revoke(field.catalog, proposal.id, "li.na", NOW_MS)


def test_a_refused_correction_is_not_proposed_again(field: Field) -> None:
    """A person said the clock is right; the same finding is not brought up once more."""
    for k in range(13):
        field.send(5 * k, 8)
    (proposal,) = proposals(field.catalog)
    assert refuse(field.catalog, proposal.id, "wang.li", NOW_MS).state == "refused"
    for k in range(13, 40):
        field.send(5 * k, 8)
    assert [p.state for p in proposals(field.catalog)] == ["refused"]


def test_the_mean_of_an_hour_says_nothing_of_the_clock(field: Field) -> None:
    """It is filed under the hour's beginning and comes an hour later, always."""
    for k in range(20):
        field.send(60 * k, 1, channel="w01001-Avg.hour")
    assert proposals(field.catalog) == []


def test_a_clock_that_was_set_right_is_found_while_it_is_corrected(field: Field) -> None:
    """One decision is for the whole gateway; when the clock is mended, no correction is proposed, and accepting that ends the other."""
    for k in range(13):
        field.send(5 * k, 8)
    accept(field.catalog, proposals(field.catalog)[0].id, "wang.li", NOW_MS + 65 * MINUTE_MS, whole_gateway=True)
    field.send(66, 8, "by-01-p3")
    assert field.rows()[-1] == (-2000, -8 * HOUR_MS)
    for k in range(13):
        field.send(70 + 5 * k, 0)
    proposal = proposals(field.catalog)[0]
    assert (proposal.state, proposal.correction_ms, proposal.device) == ("proposed", 0, "by-01-p1")
    accept(field.catalog, proposal.id, "wang.li", NOW_MS + 140 * MINUTE_MS)
    field.send(141, 0)
    assert field.rows()[-1] == (-2000, 0)


def test_clocks_that_are_right_cost_no_look(tmp_path: Path) -> None:
    """A batch of readings that are fresh, or days old, goes through as it is."""
    import numpy as np

    catalog = Catalog(tmp_path)
    catalog.add_series([("321023", "by-01-gw", "by-01-p1", "ph", "[pH]")])
    watched = ClockWatch(catalog)
    t = np.array([NOW_MS - 1000, NOW_MS - 72 * HOUR_MS + 50_000])
    arrays = {"sid": np.array([1, 1]), "t": t, "received": np.array([NOW_MS, NOW_MS])}
    assert watched.correct(arrays) is arrays and not watched._suspects
    catalog.close()
