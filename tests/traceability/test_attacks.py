"""Somebody changes the database below the API: every change is found and named, and clean data raises no alarm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from sqlalchemy import delete, insert, select, update

from tests.traceability.kit import KEYS, Kit, as_json, flip, make_kit, small_season
from traceability import map_store, store
from traceability.notes import Checkpoint
from traceability.records import Entry, Record, hash_body
from traceability.verdicts import LogReport

EVENT_COLUMNS = [c.name for c in store.event.c if c.name != "log_index"]


@pytest.fixture
def written(kit: Kit) -> Kit:
    """Return a kit with a season in which every kind of event happened, all but the last record sealed."""
    small_season(kit)
    return kit


def test_clean_data_raises_no_alarm(written: Kit) -> None:
    """Nothing is wrong with a log nobody touched: not the whole, not any lot, at any moment of its growth."""
    report = written.trace.verify_all()
    assert report.ok and not report.problems and report.checkpoints == 3 and report.size == KEYS + 17
    lots = written.trace.lots()
    assert len(lots) == 8
    for lot in lots:
        verdict = written.trace.verify_lot(lot.id)
        assert verdict.ok, verdict.problems
        assert [s.number for s in verdict.steps] == list(range(1, 14)) and all(s.ok for s in verdict.steps)
    assert written.trace.verify_lot(written.lot("L3")).pending == 1


@pytest.mark.parametrize("column", [c for c in EVENT_COLUMNS if c not in ("event_id", "event_type", "event_time_ms", "party")])
def test_the_fast_audit_names_a_changed_record(written: Kit, column: str) -> None:
    """Without a signature checked, every changed byte of a record's body, hashes, signature, key or time is named all the same."""
    assert written.trace.audit().ok
    for index in (0, KEYS + 1, KEYS + 9, KEYS + 16):
        row = _event(written, index)
        _set(written, store.event, store.event.c.log_index == index, **{column: flip(getattr(row, column))})
        report = written.trace.audit()
        assert not report.ok and index in _named(report), (column, index, report.problems)
        _set(written, store.event, store.event.c.log_index == index, **{column: getattr(row, column)})
    undo = _delete(written, KEYS + 3, entries_too=True)
    assert any("missing" in p.what for p in written.trace.audit().problems)
    undo()
    assert written.trace.audit().ok


@pytest.mark.parametrize("column", EVENT_COLUMNS)
def test_a_changed_column_of_any_event_is_found_and_named(written: Kit, column: str) -> None:
    """Each stored column of each event, changed by as little as one bit, names that record, in the log and on its lots' pages."""
    # Every record on the embedded engine; every fourth on the other, whose rows are read by the same code.
    for index in range(KEYS, KEYS + 17, 1 if written.engine.dialect.name == "sqlite" else 4):
        row = _event(written, index)
        _set(written, store.event, store.event.c.log_index == index, **{column: flip(getattr(row, column))})
        report = written.trace.verify_all()
        assert not report.ok and _named(report) == {index}, (column, index, report.problems)
        for lot in _lots_of(written, index)[:1]:
            verdict = written.trace.verify_lot(lot)
            assert index in {p.record_index for p in verdict.problems}, (column, index, lot)
            assert any(p.event_id in (row.event_id, flip(row.event_id)) for p in verdict.problems)
        _set(written, store.event, store.event.c.log_index == index, **{column: getattr(row, column)})
    assert written.trace.verify_all().ok


def test_a_record_moved_to_another_place_is_found(written: Kit) -> None:
    """A record under another number leaves its place empty: the place, its event and its lots are named."""
    _set(written, store.event, store.event.c.log_index == KEYS + 7, log_index=40)
    report = written.trace.verify_all()
    assert KEYS + 7 in _named(report)
    assert written.lot("L1") in {lot for p in report.problems if p.record_index == KEYS + 7 for lot in p.lots}
    assert not written.trace.verify_lot(written.lot("L1")).ok


@pytest.mark.parametrize("column", [*EVENT_COLUMNS, "log_index"])
def test_a_value_of_another_type_is_found_not_stumbled_over(tmp_path: Path, column: str) -> None:
    """SQLite keeps text where bytes or numbers were, as a careless UPDATE leaves them: the record is named all the same."""
    kit = make_kit(f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    small_season(kit)
    for value in ("x'00'", "'nonsense'", "1.5", "zeroblob(40)"):
        with kit.engine.begin() as connection:
            before = connection.exec_driver_sql(f"SELECT {column} FROM event WHERE log_index = {KEYS + 5}").scalar()
            rowid = connection.exec_driver_sql(f"SELECT rowid FROM event WHERE log_index = {KEYS + 5}").scalar()
            connection.exec_driver_sql(f"UPDATE event SET {column} = {value} WHERE rowid = {rowid}")
        report = kit.trace.verify_all()
        assert not report.ok and _named(report) & {KEYS + 5, -1}, (column, value)
        assert not kit.trace.verify_lot(kit.lot("L1")).ok
        kit.trace.lots(), kit.trace.lot(kit.lot("L1"))
        with kit.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE event SET {column} = ? WHERE rowid = {rowid}", (before,))
    assert kit.trace.verify_all().ok
    kit.engine.dispose()


def test_a_body_edited_by_hand_in_sql_is_named(tmp_path: Path) -> None:
    """`UPDATE event SET body = replace(...)`, which turns bytes into text, is named; the same text in another type is no alarm."""
    kit = make_kit(f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    small_season(kit)
    with kit.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE event SET body = CAST(body AS TEXT) WHERE log_index = {KEYS + 5}")
    assert kit.trace.verify_all().ok
    with kit.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE event SET body = replace(body, '400', '500') WHERE log_index = {KEYS + 5}")
    assert _named(kit.trace.verify_all()) == {KEYS + 5}
    assert not kit.trace.verify_lot(kit.lot("L1")).ok
    kit.engine.dispose()


def test_every_byte_of_a_body_counts(written: Kit) -> None:
    """Any single flipped byte of a stored body is found, whichever it is."""
    row = _event(written, KEYS + 5)
    lot = written.lot("L1")
    for at in range(0, len(row.body), 19):
        altered = row.body[:at] + bytes([row.body[at] ^ 1]) + row.body[at + 1 :]
        _set(written, store.event, store.event.c.log_index == KEYS + 5, body=altered)
        assert {p.record_index for p in written.trace.verify_lot(lot).problems} == {KEYS + 5}


@pytest.mark.parametrize("column", ["lot", "lot_seq", "prev", "log_index"])
def test_a_changed_place_in_a_chain_is_found(written: Kit, column: str) -> None:
    """An event's place in a lot's chain, moved or cut from the one before, is found and its record named."""
    with written.engine.connect() as connection:
        entries = connection.execute(select(store.event_lot).order_by(store.event_lot.c.log_index, store.event_lot.c.lot)).all()
    for entry in entries:
        value = getattr(entry, column)
        changed = value + 1000 if column in ("lot_seq", "log_index") else flip(value)
        here = (store.event_lot.c.lot == entry.lot) & (store.event_lot.c.lot_seq == entry.lot_seq)
        _set(written, store.event_lot, here, **{column: changed})
        report = written.trace.verify_all()
        assert entry.log_index in _named(report), (column, entry, report.problems)
        there = (store.event_lot.c.lot == (changed if column == "lot" else entry.lot)) & (
            store.event_lot.c.lot_seq == (changed if column == "lot_seq" else entry.lot_seq)
        )
        _set(written, store.event_lot, there, **{column: value})
    assert written.trace.verify_all().ok


def test_a_deleted_record_is_named_with_its_lot(written: Kit) -> None:
    """A record deleted from the middle, with or without its places in the chains, is named by its number."""
    for index in (KEYS, KEYS + 4, KEYS + 8, KEYS + 12):
        for entries_too in (False, True):
            lots = _lots_of(written, index)
            undo = _delete(written, index, entries_too=entries_too)
            report = written.trace.verify_all()
            missing = [p for p in report.problems if p.record_index == index]
            assert missing and "missing" in missing[0].what
            assert {lot for p in report.problems for lot in p.lots} & set(lots)
            assert not all(written.trace.verify_lot(lot).ok for lot in lots)
            undo()
    assert written.trace.verify_all().ok


def test_records_cut_from_the_end_are_missed_by_the_checkpoint(written: Kit) -> None:
    """Everything after a moment deleted, tables included: the checkpoint sealed more than is there."""
    for index in (KEYS + 16, KEYS + 15, KEYS + 14):
        _delete(written, index, entries_too=True)
    report = written.trace.verify_all()
    assert {KEYS + 14, KEYS + 15} <= _named(report)
    assert any("seals more records" in p.what for p in report.problems)


def test_two_records_swapped(written: Kit) -> None:
    """Two events that changed places are both named."""
    with written.engine.begin() as connection:
        for a, b in ((KEYS + 2, 900), (KEYS + 3, KEYS + 2), (900, KEYS + 3)):
            for table in (store.event, store.event_lot):
                connection.execute(update(table).where(table.c.log_index == a).values(log_index=b))
    assert {KEYS + 2, KEYS + 3} <= _named(written.trace.verify_all())


def test_a_rewritten_and_rechained_lot_does_not_fit_the_checkpoint(written: Kit) -> None:
    """An insider with the author's key rewrites an event, chains and hashes everything anew: the signed root gives it away."""
    rewrite = _rewriter(written)
    rewrite(KEYS + 5, lambda body: body["quantityList"][0].update(quantity=401))
    report = written.trace.verify_all()
    assert not report.ok and {p.record_index for p in report.problems if p.step == 10} >= {KEYS + 5}
    assert not written.trace.verify_lot(written.lot("L1")).ok
    with written.engine.begin() as connection:
        _rebuild_tiles(connection)
    report = written.trace.verify_all()
    assert any(p.step == 10 and "do not give the root" in p.what for p in report.problems)
    assert not written.trace.verify_lot(written.lot("L1")).ok


def test_a_checkpoint_of_another_key_does_not_count(written: Kit) -> None:
    """Rewriting the records and sealing them with one's own key is refused by the log's key."""
    from traceability.notes import NoteSigner

    forger = NoteSigner(written.trace.checkpoint_note().split("\n")[0], b"\x07" * 32)
    with written.engine.begin() as connection:
        row = connection.execute(select(store.checkpoint).order_by(store.checkpoint.c.size.desc()).limit(1)).one()
        note = forger.note(Checkpoint(forger.name, row.size, row.root, row.time_ms))
        connection.execute(update(store.checkpoint).where(store.checkpoint.c.size == row.size).values(note=note))
    assert any(p.step == 11 for p in written.trace.verify_all().problems)
    assert any(p.step == 11 for p in written.trace.verify_lot(written.lot("L1")).problems)


@pytest.mark.parametrize("column", ["size", "root", "time_ms", "note", "map_root"])
def test_a_changed_checkpoint_is_found(written: Kit, column: str) -> None:
    """Any column of any stored checkpoint, changed, is named with its size."""
    with written.engine.connect() as connection:
        rows = connection.execute(select(store.checkpoint)).all()
    for row in rows:
        changed = getattr(row, column) + 1 if column == "size" else flip(getattr(row, column))
        _set(written, store.checkpoint, store.checkpoint.c.size == row.size, **{column: changed})
        report = written.trace.verify_all()
        assert any(p.step in (10, 11) and "checkpoint" in p.what for p in report.problems), (row.size, column)
        now = changed if column == "size" else row.size
        _set(written, store.checkpoint, store.checkpoint.c.size == now, **{column: getattr(row, column)})
    assert written.trace.verify_all().ok


def test_a_changed_tile_is_found(written: Kit) -> None:
    """Any hash of the stored tree, changed, is found though every record is as it was."""
    with written.engine.connect() as connection:
        tile = connection.execute(select(store.log_tile)).one()
    for k in range(KEYS + 16):
        altered = tile.hashes[: k * 32] + flip(tile.hashes[k * 32 :])
        _set(written, store.log_tile, store.log_tile.c.level == 0, hashes=altered)
        report = written.trace.verify_all()
        assert _named(report) == {k} and {p.step for p in report.problems} == {10}
    for altered in (tile.hashes[:-32], tile.hashes + bytes(32), tile.hashes[:-1]):
        _set(written, store.log_tile, store.log_tile.c.level == 0, hashes=altered)
        assert not written.trace.verify_all().ok


@pytest.mark.parametrize("table", ["lot", "holding", "lot_edge"])
def test_a_changed_table_beside_the_log_is_found(written: Kit, table: str) -> None:
    """What the pages read quickly is what the events say; any changed column of it names the lot."""
    target = {"lot": store.lot, "holding": store.holding, "lot_edge": store.lot_edge}[table]
    with written.engine.connect() as connection:
        rows = connection.execute(select(target)).all()
    keys = [c.name for c in target.primary_key]
    for row in rows:
        here = [target.c[k] == getattr(row, k) for k in keys]
        for column in [c.name for c in target.c if c.name not in keys]:
            value = getattr(row, column)
            if value is None and column in ("code", "code_seal"):
                continue
            _set(written, target, *here, **{column: flip(value)})
            report = written.trace.verify_all()
            assert not report.ok, (table, column, row)
            lot = row.id if table == "lot" else row.lot if table == "holding" else row.child
            assert any(lot in p.lots for p in report.problems), (table, column, report.problems)
            assert not written.trace.verify_lot(lot).ok
            _set(written, target, *here, **{column: value})
    assert written.trace.verify_all().ok


def test_rows_added_or_removed_beside_the_log_are_found(written: Kit) -> None:
    """A lot, holding or edge that no event makes, or one that is gone, is found."""
    with written.engine.begin() as connection:
        connection.execute(insert(store.holding), {"lot": written.lot("L3"), "party": "coop-2", "held": 5, "arriving": 0})
        connection.execute(insert(store.lot_edge), {"parent": written.lot("L3"), "child": written.lot("P2"), "log_index": 12})
        connection.execute(delete(store.lot).where(store.lot.c.id == written.lot("L1b")))
    named = {lot for p in written.trace.verify_all().problems for lot in p.lots}
    assert {written.lot("L3"), written.lot("P2"), written.lot("L1b")} <= named


def test_swapped_trace_codes_are_found(written: Kit) -> None:
    """Two labels that lead to each other's lot are found, though both codes are well formed."""
    one, two = written.lot("P1"), written.lot("P2")
    with written.engine.begin() as connection:
        rows = {r.id: r for r in connection.execute(select(store.lot).where(store.lot.c.id.in_([one, two])))}
        for lot, values in ((one, {"code": None}), (two, rows[one]), (one, rows[two])):
            code = values["code"] if isinstance(values, dict) else values.code
            connection.execute(update(store.lot).where(store.lot.c.id == lot).values(code=code))
    assert {lot for p in written.trace.verify_all().problems for lot in p.lots} == {one, two}
    assert not written.trace.verify_lot(one).ok


def test_a_record_put_in_later_is_found(written: Kit) -> None:
    """A well-signed event put in at the end with an older time of recording is found by that time."""
    written.clock.instant = written.clock.instant.replace(hour=9)
    written.plant("L9", plot="a3")
    row = _event(written, KEYS + 17)
    earlier = _event(written, KEYS + 3).record_time_ms - 1
    entries = tuple(Entry(lot, 1, bytes(32)) for lot in _lots_of(written, KEYS + 17))
    record_hash, leaf = Record(row.body, entries, row.body_hash, row.key_id, row.signature, earlier).hashes()
    _set(written, store.event, store.event.c.log_index == KEYS + 17, record_time_ms=earlier, record_hash=record_hash, leaf_hash=leaf)
    _set(written, store.lot, store.lot.c.id == written.lot("L9"), head=record_hash)
    problems = written.trace.verify_all().problems
    assert {(p.record_index, p.step) for p in problems} == {(KEYS + 17, 8)}


def test_a_record_of_a_key_that_did_not_count_is_found(written: Kit) -> None:
    """A key revoked before an event was recorded makes that event's record fall, and no other party's."""
    from dataclasses import replace

    key = written.registry.key(written.key_id("shop"))
    written.registry.put("key", replace(key, revoked_ms=key.valid_from_ms + 1))
    written.trace.make_checkpoint()
    report = written.trace.verify_all()
    assert {p.step for p in report.problems} == {5} and _named(report) == {KEYS + 14}
    assert not written.trace.verify_lot(written.lot("P1")).ok and written.trace.verify_lot(written.lot("L2")).ok
    written.registry.put("key", key)
    assert any("revoked" in p.what and "registry does not know" in p.what for p in written.trace.verify_all().problems)


@pytest.mark.parametrize("column", EVENT_COLUMNS)
def test_a_changed_statement_about_a_key_is_found(written: Kit, column: str) -> None:
    """The log's own statement of whose a key is, changed in any column, is named, and no page whose events that key signed passes."""
    for index in range(KEYS - 1):  # whatever the last key, the shop's, says is looked at by the next test
        row = _event(written, index)
        _set(written, store.event, store.event.c.log_index == index, **{column: flip(getattr(row, column))})
        assert index in _named(written.trace.verify_all()), (column, index)
        signed = {0: "L1", 1: "L3", 2: "P1", 3: "L1"}[index]
        assert not written.trace.verify_lot(written.lot(signed)).ok, (column, index)
        _set(written, store.event, store.event.c.log_index == index, **{column: getattr(row, column)})
    assert written.trace.verify_all().ok


def test_a_key_slipped_into_the_registry_speaks_for_nothing(written: Kit) -> None:
    """Forged signer: a key put into the registry's table and an event signed with it, chained and all, is not known to the log."""
    from nacl.signing import SigningKey as Seed

    from registry.keys import SigningKey
    from tests.traceability.kit import key_id_of

    seed = Seed(b"\x05" * 32)
    old = written.registry.key(written.key_id("coop-2"))
    written.registry.put("key", SigningKey(key_id_of(seed), "coop-2", bytes(seed.verify_key), old.valid_from_ms))
    row = _event(written, KEYS + 16)
    signature = seed.sign(row.body).signature
    _set(written, store.event, store.event.c.log_index == KEYS + 16, signature=signature, key_id=key_id_of(seed))
    assert any(p.record_index == KEYS + 16 and p.step == 5 for p in written.trace.verify_all().problems)
    assert any(p.step == 5 for p in written.trace.verify_lot(written.lot("L3")).problems)


def test_a_revocation_is_stated_once_whatever_its_time(written: Kit) -> None:
    """A key revoked from the beginning of time on is stated so with the next checkpoint, and not again with every one after."""
    from dataclasses import replace

    key = written.registry.key(written.key_id("shop"))
    written.registry.put("key", replace(key, revoked_ms=0))
    for _ in range(3):
        written.trace.make_checkpoint()
    told = [s.told["revoked"] for _, s in written.trace.statements("urn:suhe:key:" + key.id) if s.type == "key_revoked"]
    assert told == [0] and written.trace.make_checkpoint() is None
    assert not written.trace.verify_lot(written.lot("P1")).ok


def test_rights_are_those_of_the_time(written: Kit) -> None:
    """A party that loses a plot or gets a role has said nothing wrong before; what it says after is held against the new rights."""
    from dataclasses import replace

    from foundation.errors import NotAllowed

    base = written.registry.base("b")
    written.registry.put("base", replace(base, party="coop"))
    written.plant("L7", plot="b2")
    written.trace.make_checkpoint()
    assert written.trace.verify_all().ok and written.trace.verify_lot(written.lot("L3")).ok
    with pytest.raises(NotAllowed):
        written.plant("L8", party="coop-2", plot="b1")
    told = written.trace.statements("urn:suhe:key:" + written.key_id("coop"))
    assert [s.told["plots"] for _, s in told] == [["a1", "a2", "a3"], ["a1", "a2", "a3", "b1", "b2", "b3"]]


def test_a_false_map_under_an_honest_log_is_found(written: Kit) -> None:
    """The operator signs a checkpoint whose map leaves out a lot's last event: the records do not make that map."""
    from traceability.lot_map import MapEntry
    from traceability.map_tree import MapTree

    with written.engine.connect() as connection:
        row = connection.execute(select(store.checkpoint).order_by(store.checkpoint.c.size.desc()).limit(1)).one()
        heads = map_store.heads(connection, 0, row.size)
        last = store.events_of_lot(connection, written.lot("L1a"))
    false = [MapEntry(h.subject, h.count - 1, last[-2].record_hash) if h.subject == written.lot("L1a") else h for h in heads]
    tree = MapTree()
    root = tree.put(false)
    signer = written.trace._signer
    note = signer.note(Checkpoint(signer.name, row.size, row.root, row.time_ms, root))
    _set(written, store.checkpoint, store.checkpoint.c.size == row.size, map_root=root, note=note)
    assert {p.step for p in written.trace.verify_all().problems} == {13}
    # Nor does the stored map help: the lot's page holds what it proves against the chain.
    with written.engine.begin() as connection:
        connection.execute(delete(map_store.map_node))
        rows = [{"place": map_store.place_key(k), "since": row.size, "hash": n[0], "subject": n[1]} for k, n in tree.nodes()]
        connection.execute(insert(map_store.map_node), rows)
    assert {p.step for p in written.trace.verify_lot(written.lot("L1a")).problems} == {13}


def test_a_changed_node_of_the_stored_map_is_found(written: Kit) -> None:
    """Any stored node of the map, changed or gone, is named, and a proof through it does not pass."""
    with written.engine.connect() as connection:
        nodes = connection.execute(select(map_store.map_node)).all()
    for node in nodes[:: 1 if written.engine.dialect.name == "sqlite" else 5]:
        here = map_store.map_node.c.place == node.place
        for column in ("hash", "subject"):
            _set(written, map_store.map_node, here, **{column: flip(getattr(node, column))})
            assert {p.step for p in written.trace.verify_all().problems} == {13}, (node, column)
            _set(written, map_store.map_node, here, **{column: getattr(node, column)})
    _set(written, map_store.map_node, map_store.map_node.c.place == b"\x01", hash=bytes(32))
    assert any(p.step == 13 for p in written.trace.verify_lot(written.lot("L1a")).problems)


def test_an_event_that_breaks_a_rule_is_found_though_it_is_well_signed(written: Kit) -> None:
    """An insider who writes past the API that more was shipped than was there is found by the replay."""
    rewrite = _rewriter(written)
    rewrite(KEYS + 15, lambda body: body["quantityList"][0].update(quantity=9000))
    assert any(p.record_index == KEYS + 15 and p.step in (10, 12) for p in written.trace.verify_all().problems)


def test_the_whole_log_is_checked(kit: Kit) -> None:
    """Two thousand records are captured in bulk and verified, each told as it is done; `bench.trace` measures how long it takes."""
    bodies = [
        kit.body("plant", "coop", quantityList=[{"epcClass": kit.lot(f"N{n}")}], ilmd={"suhe:product": "tomato"},
                 bizLocation={"id": "urn:suhe:plot:a1"})
        for n in range(1000)
    ]  # fmt: skip
    kit.trace.capture_many([kit.sign(b, "coop") for b in bodies])
    harvests = [
        kit.body("harvest", "coop", quantityList=[kit.part(f"N{n}", 10)], bizLocation={"id": "urn:suhe:plot:a1"}) for n in range(1000)
    ]
    kit.trace.capture_many([kit.sign(b, "coop") for b in harvests])
    kit.trace.make_checkpoint()
    seen: list[tuple[int, int]] = []
    report = kit.trace.verify_all(progress=lambda done, total: seen.append((done, total)))
    assert report.ok and report.size == KEYS + 2000 and seen[-1] == (KEYS + 2000, KEYS + 2000)


def _event(kit: Kit, index: int) -> Any:
    with kit.engine.connect() as connection:
        return connection.execute(select(store.event).where(store.event.c.log_index == index)).one()


def _lots_of(kit: Kit, index: int) -> list[str]:
    with kit.engine.connect() as connection:
        query = select(store.event_lot.c.lot).where(store.event_lot.c.log_index == index).order_by(store.event_lot.c.lot)
        return list(connection.execute(query).scalars())


def _set(kit: Kit, table: Any, *where: Any, **values: Any) -> None:
    with kit.engine.begin() as connection:
        assert connection.execute(update(table).where(*where).values(**values)).rowcount == 1


def _delete(kit: Kit, index: int, *, entries_too: bool) -> Callable[[], None]:
    tables = (store.event, store.event_lot) if entries_too else (store.event,)
    kept = []
    with kit.engine.begin() as connection:
        for table in tables:
            kept.append((table, [dict(r._mapping) for r in connection.execute(select(table).where(table.c.log_index == index))]))
            connection.execute(delete(table).where(table.c.log_index == index))

    def undo() -> None:
        with kit.engine.begin() as connection:
            for table, rows in kept:
                connection.execute(insert(table), rows)

    return undo


def _named(report: LogReport) -> set[int]:
    return {p.record_index for p in report.problems if p.record_index is not None}


def _rewriter(kit: Kit) -> Callable[[int, Callable[[dict[str, Any]], Any]], None]:
    """Return a forger with the author's key who changes a body and makes every hash after it fit again."""

    def rewrite(index: int, change: Callable[[dict[str, Any]], Any]) -> None:
        row = _event(kit, index)
        body = as_json(row.body)
        change(body)
        text = rfc8785.dumps(body)
        signature = kit.seeds[row.party].sign(text).signature
        _set(kit, store.event, store.event.c.log_index == index, body=text, body_hash=hash_body(text), signature=signature)
        heads: dict[str, bytes] = {}
        with kit.engine.begin() as connection:
            for some in store.all_events(connection):
                for e in some:
                    entries = tuple(Entry(x.lot, x.lot_seq, heads.get(x.lot, bytes(32))) for x in e.entries)
                    record_hash, leaf = Record(e.body, entries, e.body_hash, e.key_id, e.signature, e.record_time_ms).hashes()
                    values = {"record_hash": record_hash, "leaf_hash": leaf}
                    connection.execute(update(store.event).where(store.event.c.log_index == e.log_index).values(values))
                    for x in entries:
                        here = (store.event_lot.c.lot == x.lot) & (store.event_lot.c.lot_seq == x.lot_seq)
                        connection.execute(update(store.event_lot).where(here).values(prev=x.prev))
                        connection.execute(update(store.lot).where(store.lot.c.id == x.lot).values(head=record_hash))
                        heads[x.lot] = record_hash

    return rewrite


def _rebuild_tiles(connection: Any) -> None:
    leaves = connection.execute(select(store.event.c.leaf_hash).order_by(store.event.c.log_index)).scalars().all()[: KEYS + 16]
    connection.execute(update(store.log_tile).values(hashes=b"".join(leaves)))
