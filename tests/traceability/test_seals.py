"""A sealed plot-day is proved by the raw readings it was made from, and by no others."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey as Seed
from sqlalchemy import text

from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from ingest.payloads import ReadingIn, encode_up
from ingest.raw import RawSeries
from ingest.retention import Keep
from ingest.segments import COLUMNS
from ingest.service import Readings
from ingest.signatures import signer_of
from registry import devices, parties, plots
from registry.directory import RegistryDirectory
from registry.service import Registry
from traceability.merkle import Frontier, leaf_hash, tree_root
from traceability.sealing import DISPROVED, GONE, PROVED, SealCheck, Seals
from traceability.seals import DAY_MS, HOUR_MS, TAG, Measured, channel_day, encode_reading, grade_of, leaves_of
from traceability.service import Trace

DAY = date(2025, 11, 20)
# Midnight in Shanghai, which is 16:00 UTC of the day before.
START_MS = to_ms(datetime(2025, 11, 19, 16, 0, tzinfo=UTC))
SETTLE_MS = HOUR_MS
AIR, SOIL = ("g1-air", "air_temperature"), ("g1-soil", "soil_moisture")
SEED = hashlib.sha256(b"gateway").digest()


class Field:
    """A registry, a log and a store of readings with one greenhouse, one pond and a station, and a gateway that may sign."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.clock = FixedClock(datetime(2025, 11, 22, 4, 0, tzinfo=UTC))
        self.engine = open_engine(url or f"sqlite:///{folder / 'records.db'}")
        metadata.create_all(self.engine)
        self.registry = Registry(self.engine, self.clock)
        self._register()
        directory = RegistryDirectory(self.registry, 0.0)
        self.folder = folder / "readings"
        self.readings = Readings(self.folder, self.clock, directory, directory)
        self.trace = Trace(self.engine, self.registry, self.clock, folder / "log.key")
        self.seals = Seals(self.engine, self.trace, self.registry, self.readings, self.clock, SETTLE_MS)
        self.seq = 0

    def send(self, *readings: ReadingIn, seed: bytes | None = None) -> None:
        """Hand in one message."""
        self.seq += 1
        ack = self.readings.accept("gw", encode_up(self.seq, list(readings), signer_of(seed) if seed else None))
        assert ack.acked == [(self.seq, self.seq)] and not ack.refused

    def day(self, *, skip_hours: tuple[int, ...] = (), seed: bytes | None = None) -> None:
        """Hand in a day of the greenhouse: every ten minutes but in the hours left out."""
        at = [START_MS + k * 600_000 for k in range(144) if k // 6 not in skip_hours]
        self.send(*(ReadingIn(*AIR, t, 20.0 + (t // 600_000) % 5 / 2) for t in at), seed=seed)
        self.send(*(ReadingIn(*SOIL, t, 30.5 - (t // 600_000) % 2 / 10) for t in at))

    def verify(self) -> SealCheck:
        """Check the one seal of the day."""
        (check,) = self.seals.verify("g1", DAY, DAY)
        return check

    def alter(self, change: pl.Expr | None = None, rows: pl.DataFrame | None = None) -> None:
        """Rewrite the files of raw readings as somebody with the disk in hand would, leaving the manifest alone."""
        for path in [*self.folder.glob("segments/*.parquet"), *self.folder.glob("daily/*.parquet")]:
            frame = pl.read_parquet(path)
            changed = frame if change is None else frame.with_columns(change)
            if rows is not None:
                changed = rows if rows.columns == frame.columns else rows.select(frame.columns)
            changed.write_parquet(path)

    def raw(self) -> pl.DataFrame:
        """Return the rows of all files."""
        paths = [*self.folder.glob("segments/*.parquet"), *self.folder.glob("daily/*.parquet")]
        return pl.concat([pl.read_parquet(p, columns=list(COLUMNS)) for p in paths])

    def _register(self) -> None:
        self.registry.add_all(
            [
                parties.County("371522", "莘县", "Shenxian", 36.2, 115.7),
                parties.Party("coop", "371522", ("cooperative",), "合作社", "Co-operative", "", ""),
                plots.Base("b1", "371522", "coop", "一号基地", "Base 1", 36.2, 115.7),
                plots.Plot("g1", "b1", "greenhouse", "一号棚", "House 1", 1.0, 36.2, 115.7),
                plots.Plot("p1", "b1", "pond", "一号塘", "Pond 1", 1.0, 36.2, 115.7),
            ]
        )
        self.registry.register_gateway("gw", "371522", "b1", "网关", "Gateway")
        channel = devices.DeviceChannel
        kinds = {
            "g1-air": ("g1", channel("air_temperature", "Cel", 600)),
            "g1-soil": ("g1", channel("soil_moisture", "%", 600)),
            "p1-water": ("p1", channel("water_level", "cm", 600)),
            "b1-station": (None, channel("air_temperature", "Cel", 600)),
        }
        self.registry.add_all(
            devices.Device(name, "371522", "gw", plot, "b1", "sensor", "传感器", "Sensor", (c,)) for name, (plot, c) in kinds.items()
        )


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    """Yield a field of one county."""
    made = Field(tmp_path)
    yield made
    made.readings.close()


def channel_of(told: object, device: str) -> dict[str, object]:
    """Return a sealed channel by its device."""
    return next(c for c in told["channels"] if c["device"] == device)  # type: ignore[index]


# The leaf


@given(st.text("abcXYZ019_.-", min_size=1, max_size=64), st.text("abc_", min_size=1, max_size=64), st.integers(0, 2**42),
       st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**53))  # fmt: skip
def test_a_leaf_gives_back_what_it_was_made_of(device: str, channel: str, t: int, x: float, seq: int) -> None:
    """The encoding of a reading can be read in one way only, so two readings never share a leaf."""
    leaf = encode_reading(device, channel, t, x, seq)
    rest = leaf.removeprefix(TAG)
    (size,) = struct.unpack_from(">H", rest)
    assert rest[2 : 2 + size].decode() == device
    (more,) = struct.unpack_from(">H", rest, 2 + size)
    assert rest[4 + size : 4 + size + more].decode() == channel
    assert struct.unpack_from(">qdq", rest, 4 + size + more) == (t, x, seq)
    assert len(rest) == 4 + size + more + 24


@given(st.lists(st.tuples(st.integers(0, 2**41), st.floats(-1e6, 1e6), st.integers(0, 2**53)), max_size=40))
def test_many_leaves_are_the_single_leaves(rows: list[tuple[int, float, int]]) -> None:
    """The fast way over arrays hashes exactly the documented bytes."""
    t, x, q = ([r[k] for r in rows] for k in range(3))
    n = len(rows)
    series = RawSeries(1, "d", "c", np.array(t, np.int64), np.array(x, np.float64), np.array(q, np.int64), np.zeros(n, np.int64),
                       np.ones(n, np.uint8), np.ones(n, np.bool_))  # fmt: skip
    assert leaves_of(series) == [leaf_hash(encode_reading("d", "c", *row)) for row in rows]


@given(st.integers(0, 70))
def test_a_root_made_at_once_is_the_growing_trees(size: int) -> None:
    """Level by level gives RFC 6962's root at every size, none and odd ones included."""
    leaves = [leaf_hash(bytes([k])) for k in range(size)]
    assert tree_root(leaves) == Frontier(leaves).root()


# The numbers


def test_a_days_numbers_are_exact(field: Field) -> None:
    """Three silent hours of 24 leave 126 of 144 readings: 87.5 %, and the hours are named; a suspect value is counted, not averaged."""
    field.day(skip_hours=(3, 4, 18))
    field.send(ReadingIn("g1-soil", "soil_moisture", START_MS + 3 * HOUR_MS, 900.0))
    told = field.seals.seal("g1", DAY).told
    air, soil = channel_of(told, "g1-air"), channel_of(told, "g1-soil")
    values = [20.0 + ((START_MS + k * 600_000) // 600_000) % 5 / 2 for k in range(144) if k // 6 not in (3, 4, 18)]
    assert (air["n"], air["readings"], air["expected"], air["filled"], air["complete"]) == (126, 126, 144, 126, 875)
    assert air["missingHours"] == [3, 4, 18]
    assert (air["min"], air["max"], air["sum"], air["mean"]) == (20, 22, math.fsum(values), math.fsum(values) / 126)
    assert (soil["readings"], soil["n"], soil["fail"] + soil["suspect"], soil["max"]) == (127, 126, 1, 30.5)
    assert told["readings"] == 253
    assert [c["device"] for c in told["channels"]] == ["g1-air", "g1-soil"]  # not the station outside the greenhouse


def test_a_silent_day_is_sealed_as_silent(field: Field) -> None:
    """A pond whose sensor said nothing has a seal that says so: no reading, no mean, every hour missing; the station is told beside it."""
    field.send(ReadingIn("b1-station", "air_temperature", START_MS, 12.0))
    told = field.seals.seal("p1", DAY).told
    pond, station = channel_of(told, "p1-water"), channel_of(told, "b1-station")
    assert (pond["n"], pond["complete"], pond["missingHours"], "mean" in pond) == (0, 0, list(range(24)), False)
    assert station["n"] == 1
    assert [c.state for c in field.seals.verify("p1", DAY, DAY)] == [PROVED]


def test_a_day_is_cut_at_midnight_in_shanghai(field: Field) -> None:
    """The first millisecond of a day is in it and the last of the day before is not; every day has 24 hours, in summer too."""
    for t, x in ((START_MS - 1, 1.0), (START_MS, 2.0), (START_MS + DAY_MS - 1, 3.0), (START_MS + DAY_MS, 4.0)):
        field.send(ReadingIn(*AIR, t, x))
    told = field.seals.seal("g1", DAY).told
    assert (told["start"], told["end"]) == (START_MS, START_MS + DAY_MS)
    assert (channel_of(told, "g1-air")["min"], channel_of(told, "g1-air")["max"]) == (2, 3)
    july = to_ms(datetime(2025, 6, 30, 16, 0, tzinfo=UTC))
    series = RawSeries(1, *AIR, np.array([july, july + DAY_MS - 1]), np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 0]),
                       np.array([1, 1], np.uint8), np.array([True, True]))  # fmt: skip
    assert channel_day(Measured(*AIR, "Cel", "gw", 600), series, july, {}).told["missingHours"] == list(range(1, 23))


# When days are sealed


def test_only_days_that_are_over_and_settled_are_sealed(field: Field) -> None:
    """A day is sealed one settling time after its end, once; a day still running is refused."""
    field.day()
    field.clock.instant = datetime(2025, 11, 20, 16, 30, tzinfo=UTC)
    assert field.seals.seal_due() == 0
    field.clock.instant = datetime(2025, 11, 20, 17, 0, tzinfo=UTC)
    assert field.seals.seal_due() == 2  # the greenhouse and the pond
    assert field.seals.seal_due() == 0
    with pytest.raises(Exception, match="not over"):
        field.seals.seal("g1", DAY + timedelta(days=1))


def test_a_run_seals_no_more_than_it_is_told(field: Field) -> None:
    """A long history is sealed in several runs, the oldest day first."""
    for back in range(4):
        field.send(ReadingIn(*AIR, START_MS - back * DAY_MS, 20.0))
    assert field.seals.seal_due(most=3) == 3
    assert sorted(field.seals.sealed("g1", DAY - timedelta(days=9), DAY)) == [DAY - timedelta(days=3), DAY - timedelta(days=2)]
    assert field.seals.seal_due() == 5


def test_late_data_makes_a_superseding_seal(field: Field) -> None:
    """The new seal cites the old one, both stay in the plot's chain, the newest is the one checked; nothing new makes no seal."""
    field.day()
    field.seals.seal_due()
    first = field.seals.sealed("g1", DAY, DAY)[DAY]
    assert field.seals.seal("g1", DAY).log_index == first.log_index
    field.clock.advance(timedelta(hours=5))
    field.send(ReadingIn(*AIR, START_MS + 60_000, 33.0))
    assert field.verify().state == DISPROVED  # the raw readings say more than the seal: until it is sealed anew that is told
    assert field.seals.seal_due() == 1
    chain = field.seals.chain("g1")
    assert next(s.log_index for s in chain if s.day == DAY) == first.log_index
    newest = field.seals.sealed("g1", DAY, DAY)[DAY]
    assert newest.told["supersedes"] == {"id": first.told["id"], "record": first.record_hash, "readings": 288}
    assert field.verify().state == PROVED
    assert field.seals.seal_due() == 0


def test_a_revision_is_a_leaf_of_its_own(field: Field) -> None:
    """A corrected value is sealed beside the one it corrects; the later word is the one in the numbers."""
    field.send(ReadingIn(*AIR, START_MS, 20.0))
    field.clock.advance(timedelta(minutes=1))
    field.send(ReadingIn(*AIR, START_MS, 25.0))
    air = channel_of(field.seals.seal("g1", DAY).told, "g1-air")
    assert (air["readings"], air["n"], air["revised"], air["mean"]) == (2, 1, 1, 25)
    field.readings.compact()
    assert field.verify().state == PROVED


# Proved


def test_compaction_and_repeats_change_no_seal(field: Field) -> None:
    """Sealed from segments with repeats in them, proved from the compacted day, where each repeat is gone."""
    field.day()
    field.clock.advance(timedelta(minutes=1))
    field.send(ReadingIn(*AIR, START_MS, 20.0 + (START_MS // 600_000) % 5))
    field.seals.seal_due()
    field.trace.make_checkpoint()
    before = field.verify()
    assert (before.state, before.logged) == (PROVED, True)
    field.readings.compact()
    for path in field.folder.glob("segments/*.parquet"):
        path.unlink()
    assert field.verify().state == PROVED


def test_both_databases_keep_seals(tmp_path: Path, records_url: str) -> None:
    """Sealing, superseding and proving work on SQLite and on PostgreSQL."""
    field = Field(tmp_path, records_url)
    field.day()
    assert field.seals.seal_due() == 2
    field.clock.advance(timedelta(hours=1))
    field.send(ReadingIn(*AIR, START_MS + 1, 1.0))
    assert field.seals.seal_due() == 1
    assert field.verify().state == PROVED
    field.readings.close()


# Disproved: the files altered below us


ALTERED = {
    "value": (pl.when(pl.col("t") == START_MS).then(pl.col("x") + 0.001).otherwise(pl.col("x")), "sum"),
    "time": (pl.when(pl.col("t") == START_MS).then(pl.col("t") + 1).otherwise(pl.col("t")), "root"),
    "message number": (pl.when(pl.col("t") == START_MS).then(pl.col("seq") + 7).otherwise(pl.col("seq")).alias("seq"), "root"),
}


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("what", ALTERED)
def test_an_altered_raw_reading_disproves_its_seal(field: Field, what: str, compacted: bool) -> None:
    """One value, time or message number changed in the file, compacted or not: the seal of the day is disproved, its channel named."""
    field.day()
    field.seals.seal_due()
    if compacted:
        field.readings.compact()
        for path in field.folder.glob("segments/*.parquet"):
            path.unlink()
    change, named = ALTERED[what]
    field.alter(change)
    check = field.verify()
    assert check.state == DISPROVED
    assert ("g1-air air_temperature", named) in {(d.where, d.what) for d in check.differences}


@pytest.mark.parametrize("what", ["dropped", "inserted", "another device"])
def test_a_dropped_inserted_or_moved_reading_is_counted_and_named(field: Field, what: str) -> None:
    """A reading taken out, put in, or given to another device: the channels concerned are named with both counts."""
    field.day()
    field.seals.seal_due()
    field.readings.compact()
    for path in field.folder.glob("segments/*.parquet"):
        path.unlink()
    (path,) = field.folder.glob("daily/*.parquet")
    rows = pl.read_parquet(path)
    air, soil = rows.filter(pl.col("device") == "g1-air"), rows.filter(pl.col("device") == "g1-soil")
    if what == "dropped":
        rows = pl.concat([air[1:], soil])
    elif what == "inserted":
        rows = pl.concat([air, air[:1].with_columns(pl.col("t") + 5), soil])
    else:
        moved = air[5:6].with_columns(sid=pl.lit(soil["sid"][0], pl.UInt32), t=pl.col("t") + 1)
        rows = pl.concat([air[:5], air[6:], moved, soil])
    rows.write_parquet(path)
    check = field.verify()
    counts = {d.where: (d.sealed, d.found) for d in check.differences if d.what == "readings"}
    expected = {
        "dropped": {"g1-air air_temperature": ("144", "143"), "gw": ("288", "287"), "the day": ("288", "287")},
        "inserted": {"g1-air air_temperature": ("144", "145"), "gw": ("288", "289"), "the day": ("288", "289")},
        "another device": {"g1-air air_temperature": ("144", "143"), "g1-soil soil_moisture": ("144", "145")},
    }
    assert check.state == DISPROVED
    assert counts == expected[what]


def test_a_file_taken_away_disproves(field: Field) -> None:
    """A file the manifest names and the disk has no more is no retention: what cannot be read is told as such."""
    field.day()
    field.seals.seal_due()
    for path in field.folder.glob("segments/*.parquet"):
        path.unlink()
    check = field.verify()
    assert check.state == DISPROVED
    assert "cannot be read" in check.faults[0]


def test_an_altered_seal_is_no_seal(field: Field) -> None:
    """The statement changed in the database, its hash left or recomputed: the log's signature and tree do not fit it."""
    field.day()
    field.seals.seal_due()
    field.trace.make_checkpoint()
    with field.engine.begin() as connection:
        body = connection.execute(text("SELECT body FROM event WHERE event_type = 'plot_day' ORDER BY log_index LIMIT 1")).scalar()
        change = text("UPDATE event SET body = :b WHERE body = :a")
        assert connection.execute(change, {"a": body, "b": body.replace(b'"max":22', b'"max":23')}).rowcount == 1
    check = field.verify()
    assert check.state == DISPROVED
    assert any("altered" in f for f in check.faults) and any("signature" in f for f in check.faults)
    assert {(d.where, d.what) for d in check.differences} == {("g1-air air_temperature", "max")}


def test_raw_readings_no_longer_kept_are_the_third_state(field: Field) -> None:
    """Days taken from the front of the store by a retention prove nothing and disprove nothing."""
    field.day()
    field.seals.seal_due()
    field.send(ReadingIn(*AIR, START_MS + 2 * DAY_MS, 20.0))
    field.readings.compact()
    from ingest.catalog import Catalog

    catalog = Catalog(field.folder)
    with catalog.transaction() as db:
        db.execute("DELETE FROM file WHERE max_t < ?", (START_MS + DAY_MS,))
    catalog.close()
    assert field.verify().state == GONE


def test_a_deletion_with_a_trace_is_told_as_gone_and_nothing_else_is(field: Field) -> None:
    """A device's readings deleted by hand leave the seal unproved; another device's altered beside them are disproved as ever."""
    field.day()
    field.seals.seal_due()
    field.readings.store.delete("g1-air", "", START_MS, START_MS + DAY_MS, who="li", why="withdrawn consent")
    check = field.verify()
    assert check.state == GONE and {d.where for d in check.differences if d.where.startswith("g1")} == {"g1-air air_temperature"}
    field.alter(pl.when(pl.col("x") == 30.5).then(31.5).otherwise(pl.col("x")).alias("x"))
    assert field.verify().state == DISPROVED


def test_retention_leaves_the_seal_and_makes_no_new_one(field: Field) -> None:
    """A day whose readings are no longer kept is told as gone; a late reading of it does not supersede its seal."""
    field.day()
    field.seals.seal_due()
    field.readings.compact()
    field.clock.advance(timedelta(days=500))
    assert field.readings.store.retain(Keep())
    assert field.verify().state == GONE
    before = len(field.seals.chain("g1"))
    field.send(ReadingIn(*AIR, START_MS + HOUR_MS + 1, 20.0))
    field.clock.advance(timedelta(days=1))
    field.seals.seal_due()
    assert len(field.seals.chain("g1")) == before
    assert field.verify().state == GONE


# Signed by the gateway


def test_a_gateways_signatures_reach_the_seal(field: Field) -> None:
    """What came in messages the gateway signed is graded so, with a root over the messages; what did not is "as received"."""
    field.registry.add_gateway_key("gw", bytes(Seed(SEED).verify_key))
    field.day(seed=SEED)
    told = field.seals.seal("g1", DAY).told
    air, soil = channel_of(told, "g1-air"), channel_of(told, "g1-soil")
    assert (grade_of(air), grade_of(soil)) == ("signed", "as received")
    (gateway,) = told["gateways"]
    (message,) = field.readings.signed_messages("gw", 1, 9)
    assert (gateway["messages"], gateway["readings"], gateway["signed"]) == (1, 288, 144)
    assert gateway["messagesRoot"] == tree_root([leaf_hash(message.message_hash)]).hex()
    Seed(SEED).verify_key.verify(_message(field, message.message_hash), message.signature)
    field.readings.compact()
    assert field.verify().state == PROVED


def test_flags_given_anew_make_a_new_seal(field: Field) -> None:
    """Late readings change the flags beside them when a day is put together: numbers differ under an equal root and are sealed again."""
    at = [START_MS + k * 600_000 for k in range(144)]
    value = {t: 20.0 + (9 if k >= 50 else 0) + k % 3 / 2 for k, t in enumerate(at)}
    field.send(*(ReadingIn(*AIR, t, value[t]) for t in [*at[:30], *at[50:]]))
    field.send(*(ReadingIn(*AIR, t, value[t]) for t in at[30:50]))
    field.seals.seal_due()
    first = field.verify()
    assert first.state == PROVED and channel_of(first.seal.told, "g1-air")["fail"] == 0
    field.clock.advance(timedelta(hours=1))
    field.readings.compact()
    assert {d.what for d in field.verify().differences} >= {"fail", "n"} and field.verify().seal.told["root"] == first.seal.told["root"]
    assert field.seals.seal_due() == 1
    again = field.verify()
    assert again.state == PROVED and channel_of(again.seal.told, "g1-air")["fail"] == 1
    assert again.seal.told["supersedes"]["id"] == first.seal.told["id"]
    field.clock.advance(timedelta(hours=1))
    field.readings.compact()
    assert field.seals.seal_due() == 0


def test_a_signature_taken_from_the_store_disproves(field: Field) -> None:
    """Without the signed message's hash the readings are only as received: the seal says more than can be shown."""
    field.registry.add_gateway_key("gw", bytes(Seed(SEED).verify_key))
    field.day(seed=SEED)
    field.seals.seal_due()
    from ingest.catalog import Catalog

    catalog = Catalog(field.folder)
    with catalog.transaction() as db:
        db.execute("DELETE FROM signed_message")
    catalog.close()
    assert ("g1-air air_temperature", "signed", "144", "0") in {(d.where, d.what, d.sealed, d.found) for d in field.verify().differences}


def _message(field: Field, wanted: bytes) -> bytes:
    """Return the signed bytes as the gateway would still have them."""
    from ingest.payloads import Up
    from ingest.signatures import signed_bytes

    at = [START_MS + k * 600_000 for k in range(144)]
    message = signed_bytes(Up(1, 1, [ReadingIn(*AIR, t, 20.0 + (t // 600_000) % 5 / 2) for t in at]))
    assert hashlib.sha256(message).digest() == wanted
    return message
