"""What only a witness catches: histories whose own checks all hold, because whoever has the log's key made them anew."""

from __future__ import annotations

import base64
import json
import random
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from foundation.errors import Unavailable
from tests.traceability.kit import NOW, Kit
from tests.traceability.witness_kit import ServedLog, sqlite_kit, start_witness, witness
from tests.waiting import wait_until
from traceability import map_store, store
from traceability.fork_proof import TIME_BACK, TWO_HISTORIES, TWO_MAPS, TWO_ROOTS, Fork, read_fork
from traceability.heads import read_note
from traceability.lot_map import MapEntry
from traceability.map_tree import MapTree
from traceability.notes import Checkpoint
from traceability.records import Entry, Record
from traceability.witness_program import ROLLBACK, UNSIGNED, WRONG_RECORDS, Alarmed, WitnessProgram
from traceability.witness_state import WitnessState


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedLog]:
    """Yield a served log with three records of a lot under a checkpoint."""
    kit = sqlite_kit(tmp_path / "log")
    kit.plant("L1")
    kit.harvest("L1", 400)
    kit.inspect("L1", "fail")
    kit.trace.make_checkpoint()
    with ServedLog(kit) as log:
        yield log


def test_a_witness_cosigns_what_grew_and_the_log_shows_it(served: ServedLog, tmp_path: Path) -> None:
    """A record is witnessed once a known witness cosigned a checkpoint over it, and not before; strangers' signatures count for nothing."""
    kit, one = served.kit, witness(served.url, tmp_path / "w1")
    assert not one.look().note and "403" in one.trouble
    assert not kit.trace.witnessed(0)
    kit.trace.add_witness(one.key.public.vkey(), ours=True)
    assert one.look().note and kit.trace.witnessed(0), "what was not taken the first time is handed in again"
    two = witness(served.url, tmp_path / "w2")
    kit.trace.add_witness(two.key.public.vkey(), whole=True)
    kit.plant("L2", plot="a2")
    kit.trace.make_checkpoint()
    assert one.look().note and two.look().note and not one.look().note
    found = kit.trace.witnessed(0)
    assert [c.witness.name for c in found.by] == [one.key.name, two.key.name] and found.independent == 1
    note = kit.trace.checkpoint_note()
    assert [name for name, _, _ in read_note(note).signatures] == [kit.trace.log_vkey().split("+")[0], one.key.name, two.key.name]
    kit.plant("L3", plot="a3")
    assert not kit.trace.witnessed(kit.trace.log_size() - 1)


def test_a_rewritten_database_with_checkpoints_signed_anew(served: ServedLog, tmp_path: Path) -> None:
    """Layer 5, witness: the failed inspection became a pass and everything after it was made and signed anew; the log's own audit holds."""
    kit, one = served.kit, witness(served.url, tmp_path / "w")
    one.look()
    before = kit.trace.checkpoint_note()
    _wipe(kit)
    kit.plant("L1")
    kit.harvest("L1", 400)
    kit.inspect("L1", "pass")
    kit.plant("L2", plot="a2")
    kit.clock.instant = NOW + timedelta(minutes=5)
    kit.trace.make_checkpoint()
    assert kit.trace.verify_all().ok
    assert one.look().alarm == TWO_HISTORIES
    proof = _alarm_file(one)
    assert read_fork(proof).check() == TWO_HISTORIES and read_fork(proof).first == before
    assert kit.trace.witnessing.alarms()[0][1] == TWO_HISTORIES
    _refuses_until_acknowledged(one, tmp_path / "w", served)


def test_a_rewritten_database_of_the_same_size(served: ServedLog, tmp_path: Path) -> None:
    """Layer 5, witness: two roots at one size, signed by one key, are a proof that needs nothing else."""
    kit, one = served.kit, witness(served.url, tmp_path / "w")
    one.look()
    first = kit.trace.checkpoint_note()
    _wipe(kit)
    kit.plant("L1")
    kit.harvest("L1", 400)
    kit.inspect("L1", "pass")
    kit.trace.make_checkpoint()
    assert one.look().alarm == TWO_ROOTS
    assert Fork(kit.trace._signer.verifier, first, kit.trace.checkpoint_note()).check() == TWO_ROOTS


def test_a_split_view_is_proved_from_what_two_readers_saw(served: ServedLog, tmp_path: Path) -> None:
    """Layer 5, witnesses together: each reader's log is sound by itself; both notes side by side are a publishable proof."""
    (tmp_path / "other" / "keys").mkdir(parents=True)
    shutil.copy(tmp_path / "log" / "keys" / "log.key", tmp_path / "other" / "keys" / "log.key")
    other = sqlite_kit(tmp_path / "other")
    other.plant("L1")
    other.harvest("L1", 400)
    other.inspect("L1", "pass")
    other.plant("L9", plot="a3")
    other.trace.make_checkpoint()
    with ServedLog(other) as hidden:
        here, there = witness(served.url, tmp_path / "w1"), witness(hidden.url, tmp_path / "w2")
        here.look(), there.look()
        assert not here.state.alarms() and not there.state.alarms()
        # A third party brings one reader's checkpoint to the other's witness: sizes differ, so the larger tree has to show itself.
        here.log = there.log
        assert here.look().alarm == TWO_HISTORIES
    fork = read_fork(_alarm_file(here))
    assert fork.check() == TWO_HISTORIES
    assert served.kit.trace.witnessing.take_alarm(json.dumps(fork.as_json())) is True
    assert served.kit.trace.witnessing.take_alarm(json.dumps(fork.as_json())) is False


def test_a_rollback_to_an_old_backup(served: ServedLog, tmp_path: Path) -> None:
    """Layer 5, witness: an old backup is sound in itself, it is only smaller than what was seen."""
    kit, one = served.kit, witness(served.url, tmp_path / "w")
    kit.engine.dispose()
    shutil.copy(tmp_path / "log" / "records.db", tmp_path / "backup.db")
    kit.plant("L2", plot="a2")
    kit.trace.make_checkpoint()
    one.look()
    kit.engine.dispose()
    for left in ("-wal", "-shm"):
        (tmp_path / "log" / f"records.db{left}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "log" / "records.db")
    assert kit.trace.verify_all().ok
    assert one.look().alarm == ROLLBACK
    assert json.loads(_alarm_file(one))["proves"] == ""


def test_a_last_record_dropped_from_the_map_only(served: ServedLog, tmp_path: Path) -> None:
    """Layer 4 under layer 5: the log is append-only, but its signed map hides the failed inspection. Only a recomputing witness refuses."""
    kit = served.kit
    plain, whole = witness(served.url, tmp_path / "w1"), witness(served.url, tmp_path / "w2", whole=True)
    for one in (plain, whole):
        kit.trace.add_witness(one.key.public.vkey())
        assert one.look().note
    kit.plant("L2", plot="a2")
    kit.inspect("L2", "fail")
    kit.trace.make_checkpoint()
    _sign_map_without_last(kit, kit.lot("L2"))
    assert plain.look().note, "a witness of consistency alone has no way to know"
    assert whole.look().alarm == WRONG_RECORDS and "map" in whole.trouble
    assert [c.witness.name for c in kit.trace.witnessed(kit.trace.log_size() - 1).by] == [plain.key.name]


def test_a_record_put_in_later_with_an_earlier_time(served: ServedLog, tmp_path: Path) -> None:
    """Layer 3 under layer 5: a new record that bears a time before the last checkpoint is found by whoever reads the records."""
    kit, whole = served.kit, witness(served.url, tmp_path / "w", whole=True)
    kit.trace.add_witness(whole.key.public.vkey(), whole=True)
    kit.clock.instant = NOW + timedelta(hours=1)
    kit.plant("L2", plot="a2")
    kit.trace.make_checkpoint()
    assert whole.look().note
    kit.clock.instant = NOW + timedelta(hours=2)
    index = kit.plant("L3", plot="a3").log_index
    _date_back(kit, index, 90 * 60_000)
    kit.trace.make_checkpoint()
    assert whole.look().alarm == WRONG_RECORDS and "back-dated" in whole.trouble


def test_a_record_put_in_between(served: ServedLog, tmp_path: Path) -> None:
    """Layer 3, consistency: a record at a place that was taken moves all that follow, and no earlier checkpoint fits any more."""
    kit, one = served.kit, witness(served.url, tmp_path / "w")
    one.look()
    _wipe(kit)
    kit.plant("L1")
    kit.plant("L0", plot="a2")
    kit.harvest("L1", 400)
    kit.inspect("L1", "fail")
    kit.trace.make_checkpoint()
    assert one.look().alarm == TWO_HISTORIES


def test_a_second_map_an_earlier_time_and_a_foreign_signature(served: ServedLog, tmp_path: Path) -> None:
    """Layer 5, notes: another map at one size, a larger log of an earlier time, and an unsigned checkpoint are each refused and kept."""
    kit = served.kit
    first, signer = kit.trace.checkpoint_note(), kit.trace._signer
    made = kit.trace.checkpoints(1)[0]
    for n, (changed, expected) in enumerate((
        (Checkpoint(made.origin, made.size, made.root, made.time_ms, bytes(32)), TWO_MAPS),
        (Checkpoint(made.origin, made.size + 1, made.root, made.time_ms - 1, made.map_root), TIME_BACK),
    )):  # fmt: skip
        one = witness(served.url, tmp_path / f"w{n}")
        one.look()
        with pytest.raises(Alarmed):
            one.consider(signer.note(changed))
        assert one.state.standing()[0].kind == expected and read_fork(_alarm_file(one)).check() == expected
    one = witness(served.url, tmp_path / "w9")
    one.look()
    with kit.engine.begin() as connection:
        text, _, line = first.rpartition("— ")
        name, _, told = line.strip().partition(" ")
        wrong = bytearray(base64.b64decode(told))
        wrong[20] ^= 1
        connection.execute(update(store.checkpoint).values(note=f"{text}— {name} {base64.b64encode(wrong).decode()}\n"))
    assert one.look().alarm == UNSIGNED


def test_honest_growth_raises_no_alarm(served: ServedLog, tmp_path: Path) -> None:
    """Over many checkpoints and restarts no witness ever alarms, none goes back, and an overtaken answer is no rollback."""
    kit = served.kit
    sizes = []
    for k in range(30):
        kit.clock.instant = NOW + timedelta(seconds=k)
        for n in range(k % 4):
            kit.use("F1", 0.001, "L1") if k > 1 else kit.buy(f"F{1 if n == 0 else n + k * 10}", 40, "L1")
        old = kit.trace.checkpoint_note()
        kit.trace.make_checkpoint()
        for name in ("w1", "w2"):
            one = witness(served.url, tmp_path / name, whole=name == "w2")
            one.look()
            assert not one.state.alarms(), one.state.alarms()
            if read_note(old).head.size < one._size():
                with pytest.raises(Unavailable, match="overtaken"):
                    one.consider(old)
        sizes.append(one._size())
    assert sizes == sorted(sizes) and sizes[-1] == kit.trace.checkpoints(1)[0].size and not one.state.alarms()


def test_killed_at_any_moment_a_witness_never_goes_back(served: ServedLog, tmp_path: Path) -> None:
    """`suhe witness` killed by SIGKILL again and again while the log grows forgets nothing it signed and raises no alarm."""
    kit, folder = served.kit, tmp_path / "w"
    folder.mkdir()
    kit.clock.instant = datetime.now(UTC)  # the process has the machine's clock
    kit.trace.add_witness(witness(served.url, folder).key.public.vkey())
    kit.buy("F1", 40, "L1")
    before, dice = 0, random.Random(6962)
    for k in range(5):
        process = start_witness(served.url, folder, *(["--full"] if k % 2 else []))
        try:
            until = time.monotonic() + 0.8 + dice.random() * 0.6
            while time.monotonic() < until:
                kit.use("F1", 0.001, "L1")
                kit.trace.make_checkpoint()
        finally:
            process.kill()
            process.communicate()
        state = WitnessState(folder)
        last = state.last()
        size = read_note(last).head.size if last else 0
        cosigned = [s.last.size for s in kit.trace.witnessing.stands() if s.last]
        assert size >= before and not state.alarms() and all(c <= size for c in cosigned)
        before = size
    process = start_witness(served.url, folder)
    try:
        wait_until(lambda: kit.trace.witnessed(kit.trace.log_size() - 1), what="the witness caught up")
    finally:
        process.terminate()
        said = process.communicate(timeout=20)[0]
    assert process.returncode == 0 and "ALARM" not in said


def _refuses_until_acknowledged(one: WitnessProgram, folder: Path, served: ServedLog) -> None:
    again = witness(served.url, folder)
    assert again.look().alarm and len(list(folder.glob("ALARM-*.json"))) == 1, "one alarm, one file, also after a restart"
    process = start_witness(served.url, folder, "--once")
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 3 and "ALARM" in said
    assert one.state.acknowledge(1) == 1 and not one.state.standing()


def _alarm_file(one: WitnessProgram) -> str:
    (path,) = one.state.folder.glob("ALARM-*.json")
    return path.read_text()


def _wipe(kit: Kit) -> None:
    """Take the whole history out of the database, as somebody does who is about to write another."""
    with kit.engine.begin() as connection:
        for table in (store.event, store.event_lot, store.lot, store.lot_edge, store.holding, store.checkpoint, store.log_tile,
                      map_store.map_node, map_store.map_past):  # fmt: skip
            connection.execute(delete(table))
    kit.trace._logged.clear()
    kit.trace.note_keys([kit.key_id(p) for p in kit.seeds])


def _sign_map_without_last(kit: Kit, lot: str) -> None:
    """Sign the latest checkpoint anew, over a map in which a lot's last record does not exist."""
    made = kit.trace.checkpoints(1)[0]
    with kit.engine.begin() as connection:
        chain = select(store.event_lot.c.lot, func.max(store.event_lot.c.lot_seq)).group_by(store.event_lot.c.lot)
        entries = []
        for subject, count in connection.execute(chain):
            kept = count - 1 if subject == lot else count
            query = select(store.event.c.record_hash).join(store.event_lot, store.event_lot.c.log_index == store.event.c.log_index)
            found = connection.execute(query.where(store.event_lot.c.lot == subject, store.event_lot.c.lot_seq == kept)).scalar()
            assert found is not None
            entries.append(MapEntry(subject, kept, found))
        root = MapTree().put(entries)
        forged = Checkpoint(made.origin, made.size, made.root, made.time_ms, root)
        values = {"map_root": root, "note": kit.trace._signer.note(forged)}
        connection.execute(update(store.checkpoint).where(store.checkpoint.c.size == made.size).values(**values))


def _date_back(kit: Kit, index: int, by_ms: int) -> None:
    """Give an unsealed record an earlier time and make its hashes anew."""
    with kit.engine.begin() as connection:
        (e,) = store.stored_events(connection, [index])
        entries = tuple(Entry(x.lot, x.lot_seq, x.prev) for x in e.entries)
        made = Record(e.body, entries, e.body_hash, e.key_id, e.signature, e.record_time_ms - by_ms)
        record_hash, leaf = made.hashes()
        values = {"record_time_ms": made.record_time_ms, "record_hash": record_hash, "leaf_hash": leaf}
        connection.execute(update(store.event).where(store.event.c.log_index == index).values(**values))
        connection.execute(update(store.lot).where(store.lot.c.id == e.entries[0].lot).values(head=record_hash))
