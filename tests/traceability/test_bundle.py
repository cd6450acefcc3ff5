"""A bundle made from the database holds; whatever was altered, left out or forged below it is caught without that database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from foundation.clock import to_ms
from foundation.database import metadata
from tests.traceability.kit import Kit, small_season
from tests.vectors import make_bundles
from traceability import anchor_store, store
from traceability.bundle import Bundles
from traceability.bundle_check import check_bundle
from traceability.bundle_outcome import GRADES, Pins
from traceability.cosignatures import CosignerKey
from traceability.kinds_js import FILE, kinds_js


@pytest.fixture(autouse=True)
def _tables(request: pytest.FixtureRequest) -> None:
    """Add the anchor's tables where there is a database."""
    if "kit" in request.fixturenames:
        tables = [anchor_store.contract, anchor_store.anchor, anchor_store.state]
        metadata.create_all(request.getfixturevalue("kit").engine, tables=tables)


VECTORS = Path(__file__).parents[1] / "vectors" / "bundle"


def test_the_vectors_are_the_generators() -> None:
    """The files are exactly what the generator makes, so that neither can drift; every step and every grade is among them."""
    made = make_bundles.vectors()
    assert {p.stem: json.loads(p.read_text()) for p in VECTORS.glob("*.json")} == made
    assert {v["expect"]["step"] for v in made.values()} == {None, *range(1, 12)}
    assert {v["expect"]["grade"] for v in made.values()} == {None, *GRADES}


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda p: p.stem)
def test_a_vector_is_judged_as_it_says(path: Path) -> None:
    """Verdict, step and grade are the vector's."""
    v = json.loads(path.read_text())
    pins = Pins(v["pins"].get("log"), tuple(v["pins"].get("witnesses", ())), v["pins"].get("quorum"))
    found = check_bundle(v["bundle"].encode(), pins)
    assert {"verdict": found.verdict, "step": found.step, "grade": found.grade} == v["expect"], found.what
    assert [s.number for s in found.steps] == list(range(1, 12))
    assert [s.number for s in found.steps if s.state == "bad"] == ([found.step] if found.step else [])


def test_any_byte_altered_anywhere_never_passes_for_the_original() -> None:
    """Of a good file with any one byte changed, the check tells the difference: broken, or the very same records proved."""
    v = json.loads((VECTORS / "good-witnessed.json").read_text())
    pins = Pins(v["pins"]["log"], tuple(v["pins"]["witnesses"]), v["pins"]["quorum"])
    data = v["bundle"].encode()
    good = check_bundle(data, pins)
    proved = [(m.id, m.body_hash) for m in good.records]
    for at in range(0, len(data), 37):
        for mask in (1, 0x10):
            found = check_bundle(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :], pins)
            same = [(m.id, m.body_hash) for m in found.records]
            assert found.verdict != "holds" or same == proved, (at, mask)


def test_the_browsers_table_of_kinds_is_the_vocabularys() -> None:
    """The verifier in the browser knows the kinds of events and their signers as the vocabulary has them: run traceability.kinds_js."""
    assert FILE.read_text() == kinds_js()


def test_a_bundle_from_the_database_holds_at_every_moment(kit: Kit) -> None:
    """Each lot's bundle holds: before any checkpoint, after each, and with records that wait."""
    bundles = Bundles(kit.engine, kit.trace)
    kit.plant("A")
    early = check_bundle(bundles.make(kit.lot("A")))
    assert (early.verdict, early.grade) == ("holds", "signed"), early.what
    small_season(kit)
    for lot in kit.trace.lots():
        data = bundles.make(lot.id)
        found = check_bundle(data, Pins(kit.trace.log_vkey()))
        assert found.verdict == "holds", (lot.id, found.step, found.what)
        assert found.grade == ("signed" if lot.id.endswith("L3") else "logged")
        assert data == bundles.make(lot.id)
        own = [m.id for m in found.records if m.own]
        assert own == [e.event_id for e in kit.trace.lot(lot.id).events]
    kit.ship("P2", 10, party="works")
    waiting = check_bundle(bundles.make(kit.lot("P2")))
    assert (waiting.verdict, waiting.grade, waiting.pending) == ("holds", "logged", 1), waiting.what


def test_cosignatures_choose_the_checkpoint_and_raise_the_grade(kit: Kit) -> None:
    """Of the checkpoints that cover a lot the most cosigned one is taken; pinned witnesses make it witnessed."""
    bundles = Bundles(kit.engine, kit.trace)
    small_season(kit)
    cosigner = CosignerKey("witness.example/w", b"w" * 32)
    vkey = cosigner.public.vkey()
    kit.trace.add_witness(vkey)
    note = kit.trace.checkpoint_note()
    size = int(note.split("\n")[1])
    kit.trace.add_cosignature(note + cosigner.cosign(note.partition("\n\n")[0] + "\n", to_ms(kit.clock.now()) // 1000).line() + "\n")
    kit.plant("later")
    kit.trace.make_checkpoint()
    found = check_bundle(bundles.make(kit.lot("M")), Pins(kit.trace.log_vkey(), (vkey,)))
    assert (found.verdict, found.grade, found.size) == ("holds", "witnessed", size), found.what
    assert bundles.pins() == (kit.trace.log_vkey(), (vkey,), 1)


@pytest.mark.parametrize("column", ["body", "signature", "record_time_ms", "key_id"])
def test_a_database_changed_below_gives_a_bundle_that_is_broken(kit: Kit, column: str) -> None:
    """Somebody changes a stored record: its lot's bundle is broken, wherever it is checked."""
    small_season(kit)
    bundles = Bundles(kit.engine, kit.trace)
    stored = kit.trace.chain(kit.lot("M"))[-1]
    others: dict[str, Any] = {
        "body": stored.body.replace(b"450", b"950"),
        "key_id": kit.key_id("inspector"),
        "record_time_ms": stored.record_time_ms - 1,
        "signature": bytes([stored.signature[0] ^ 1]) + stored.signature[1:],
    }
    with kit.engine.begin() as connection:
        connection.execute(update(store.event).where(store.event.c.log_index == stored.log_index).values({column: others[column]}))
    assert check_bundle(bundles.make(kit.lot("M"))).verdict == "broken"
    assert check_bundle(bundles.make(kit.lot("L3"))).verdict == "holds"


def test_a_last_record_deleted_below_gives_a_bundle_that_is_broken(kit: Kit) -> None:
    """The last event of a lot dropped from every table: the map under the signed checkpoint still counts it."""
    small_season(kit)
    bundles = Bundles(kit.engine, kit.trace)
    last = kit.trace.chain(kit.lot("P1"))[-1].log_index
    with kit.engine.begin() as connection:
        connection.execute(delete(store.event_lot).where(store.event_lot.c.log_index == last))
        connection.execute(delete(store.event).where(store.event.c.log_index == last))
    found = check_bundle(bundles.make(kit.lot("P1")))
    assert (found.verdict, found.step) == ("broken", 8)
