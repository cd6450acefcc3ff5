"""The newest reading of each series: found in columns, and owed by a busy writer no longer than it lives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import Batch
from ingest.compaction import compact
from ingest.newest import newest_of
from ingest.quality import FUTURE_SUSPECT_MS
from ingest.service import Readings
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest.examples import NOW_MS, TwoGateways, clock, level, message

rows = st.tuples(st.integers(0, 3), st.integers(0, 4), st.floats(-9, 9), st.integers(0, 2), st.integers(0, 3), st.integers(0, 1))


@given(st.lists(rows, max_size=30))
def test_the_newest_of_each_series_is_the_last_word_for_its_latest_time(given_rows: list[tuple[int, int, float, int, int, int]]) -> None:
    """By time, then by when it was received, its number, its value; one from the future is never the latest."""
    found = sorted(given_rows, key=lambda r: (r[0], r[1], r[3], r[4], r[2], r[5]))
    wanted = {sid: (sid, t, x, 1 + version, 10 + received) for sid, t, x, received, _, version in found}
    late = [(9, NOW_MS + FUTURE_SUSPECT_MS + 11, 1.0, 0, 0, 0)]
    columns = list(zip(*(given_rows + late), strict=True))
    arrays = {
        "sid": np.array(columns[0], dtype=np.uint32),
        "t": np.array(columns[1], dtype=np.int64),
        "x": np.array(columns[2]),
        "received": np.array(columns[3], dtype=np.int64) + 10,
        "seq": np.array(columns[4], dtype=np.int64),
        "version": np.array(columns[5], dtype=np.uint8),
        "flag": np.array(columns[5], dtype=np.uint8) + 1,
    }
    assert newest_of(arrays) == [wanted[sid] for sid in sorted(wanted)]


@pytest.mark.parametrize("then", ["opened again", "compacted first"])
def test_what_a_killed_writer_owed_is_made_up_for(then: str, tmp_path: Path) -> None:
    """Killed between two writes of `latest`, a writer has lost nothing: the next one, or the compaction, reads its segments."""
    writer = Writer(tmp_path, "0", TwoGateways(), latest_s=60.0)
    for seq in (1, 2, 3):
        batch = Batch()
        writer.intake.take(up_topic("by-01-gw"), message(seq, level(10 - seq, float(seq))), NOW_MS, batch)
        writer.flush(batch)
    assert latest(tmp_path) == 1.0, "the first is written at once, the others are owed"
    writer.catalog.close()
    writer._claim.release()
    if then == "compacted first":
        readings = Readings(tmp_path, clock(), TwoGateways())
        assert compact(tmp_path, readings._catalog, clock()) == 3
        assert latest(tmp_path) == 3.0
        readings.close()
    again = Writer(tmp_path, "0", TwoGateways(), latest_s=60.0)
    assert latest(tmp_path) == 3.0
    assert again.catalog.rows("SELECT name FROM counter WHERE name LIKE 'behind:%'") == []
    for seq in (4, 5):
        batch = Batch()
        again.intake.take(up_topic("by-01-gw"), message(seq, level(10 - seq, float(seq))), NOW_MS, batch)
        again.flush(batch)
    again.settle()
    assert latest(tmp_path) == 4.0, "it is not time yet"
    again.close()
    assert latest(tmp_path) == 5.0


def latest(folder: Path) -> float:
    """Return the latest value of the one series there is."""
    readings = Readings(folder, clock(), TwoGateways())
    (found,) = readings.latest()
    readings.close()
    return found.value
