"""Recalls: what a bad lot reaches, who ordered it, and that the tables hold what the events say. On both databases."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert, text

from foundation.errors import BadInput, Conflict, NotAllowed, NotFound
from registry.parties import Party
from tests.traceability.kit import COUNTY, Kit, small_season
from traceability import recall, store
from traceability.events import lot_urn
from traceability.recalling import Order, Recalls


@pytest.fixture
def recalls(kit: Kit, tmp_path: Any) -> Recalls:
    """Return the recalls of a kit that has a small season behind it and an office of the county."""
    kit.registry.put("party", Party("office", COUNTY, ("county",), "示例办公室", "Example office"))
    kit.registry.add_key = lambda party, public, since: _register(kit, party, public, since)  # type: ignore[attr-defined]
    small_season(kit)
    return Recalls(kit.engine, kit.trace, kit.registry, kit.clock, tmp_path / "keys")  # type: ignore[arg-type]


def _register(kit: Kit, party: str, public: bytes, since: int) -> None:
    from registry.keys import SigningKey, key_id

    kit.registry.put("key", SigningKey(key_id(public), party, public, since))


def _numbers(lots: Any) -> set[str]:
    return {x.rsplit(":", 1)[1] for x in lots}


def _order(kit: Kit, number: str, party: str = "office", *, drill: bool = False) -> Order:
    return Order((kit.lot(number),), party, 2, "农药残留超标", "Pesticide above the limit", drill)


def test_forward_reaches_every_descendant_and_nothing_else(kit: Kit, recalls: Recalls) -> None:
    """A bad lot reaches what was split, merged and packed from it, however far, and no other lot."""
    with store.snapshot(kit.engine) as connection:
        assert _numbers(recall.forward(connection, [kit.lot("L1")])) == {"L1", "L1a", "L1b", "M", "P1", "P2"}
        assert _numbers(recall.forward(connection, [kit.lot("L1a")])) == {"L1a"}
        assert _numbers(recall.forward(connection, [kit.lot("L3")])) == {"L3"}


def test_a_bad_input_reaches_the_lots_it_was_used_on(kit: Kit, recalls: Recalls) -> None:
    """A bought input leads to every lot it was used on and on to their descendants; backward it is found again."""
    with store.snapshot(kit.engine) as connection:
        assert _numbers(recall.forward(connection, [kit.lot("F1")])) == {"F1", "L1", "L2", "L1a", "L1b", "M", "P1", "P2"}
        assert _numbers(recall.backward(connection, [kit.lot("P1")])) == {"P1", "M", "L1b", "L1", "L2", "F1"}


def test_a_bought_but_unused_input_reaches_nothing(kit: Kit, recalls: Recalls) -> None:
    """An input that was only bought for a lot and never used on it leads nowhere."""
    kit.buy("F2", 10, "L3")
    with store.snapshot(kit.engine) as connection:
        assert _numbers(recall.forward(connection, [kit.lot("F2")])) == {"F2"}


def test_a_lattice_of_diamonds_costs_its_edges(kit: Kit) -> None:
    """Forty rounds of two lots with two parents each are 81 lots, not 2^40 paths; a lot that names itself ends the walk."""
    names = [[lot_urn(COUNTY, f"D{k}-{s}") for s in range(2)] for k in range(41)]
    edges = [(p, c) for above, below in pairwise(names) for p in above for c in below] + [(names[0][0], names[0][0])]
    lots = [_bare(x) for row in names for x in row]
    with kit.engine.begin() as connection:
        connection.execute(insert(store.lot), lots)
        connection.execute(insert(store.lot_edge), [{"parent": p, "child": c, "log_index": 0} for p, c in edges])
    with store.snapshot(kit.engine) as connection:
        assert len(recall.forward(connection, [names[0][0]])) == 81
        assert len(recall.backward(connection, [names[40][1]])) == 81


def test_the_reach_tells_mixed_quantities_apart(kit: Kit, recalls: Recalls) -> None:
    """A lot merged from a bad and a good one is reached whole and marked mixed, and so is what comes of it; a pure part is not."""
    found = {x.id.rsplit(":", 1)[1]: x for x in recalls.reach([kit.lot("L1")]).lots}
    assert {n for n, x in found.items() if x.mixed} == {"M", "P1", "P2"}
    assert [n for n, x in found.items() if x.root] == ["L1"]
    assert not any(x.mixed for x in recalls.reach([kit.lot("F1")]).lots)


def test_the_reach_says_who_confirmed_and_which_shipment_did_not(kit: Kit, recalls: Recalls) -> None:
    """Receivers are those shipped to; one who did not confirm every shipment is not known, and the shipment is named."""
    found = recalls.reach([kit.lot("L1")])
    assert (found.receivers, found.confirmed) == (("shop", "works"), ("works",))
    assert [(u.from_party, u.to_party, _numbers(u.lots)) for u in found.unconfirmed] == [("coop", "shop", {"L1a"})]
    tallies = {t.party: t for t in found.tallies}
    assert (tallies["shop"].held, tallies["shop"].mixed_held, tallies["shop"].arriving, tallies["shop"].received) == (198, 198, 102, 198)
    assert tallies["coop"].held == 150


def test_a_sale_leaves_the_holdings_and_stands_in_the_reach(kit: Kit, recalls: Recalls) -> None:
    """What a shop sold is no longer held, cannot be sold twice, and the reach says how much went to consumers."""
    kit.send("sell", "shop", quantityList=[kit.part("P1", 150)])
    with pytest.raises(Conflict, match="does not hold that much"):
        kit.send("sell", "shop", quantityList=[kit.part("P1", 49)])
    tally = next(t for t in recalls.reach([kit.lot("L1")]).tallies if t.party == "shop")
    assert (tally.held, tally.sold) == (48, 150)
    assert kit.trace.verify_all().ok


def test_a_recall_is_a_signed_event_and_stands_under_verification(kit: Kit, recalls: Recalls) -> None:
    """An office's recall is one more record; the whole log with it replays to its tables, and every descendant is affected at once."""
    recalls.make_office_key("office")
    case = recalls.start(_order(kit, "L1"))
    assert case.is_open and case.level == 2 and case.authority == "county"
    assert _numbers(recalls.affecting([kit.lot(x) for x in ("L1", "P2", "L2", "L3")])) == {"L1", "P2"}
    assert kit.trace.verify_all().ok
    assert kit.trace.recalled([kit.lot("P1"), kit.lot("L2")]) == {kit.lot("P1")}
    kit.transform("split", {"L1a": 100}, {"L1c": 50, "L1d": 50})
    assert _numbers(recalls.affecting([kit.lot("L1d")])) == {"L1d"}, "what comes of it later is affected too"


def test_a_recall_wiped_from_the_tables_is_found(kit: Kit, recalls: Recalls) -> None:
    """Whoever clears the mark of an open recall below the API is named by step 12."""
    recalls.make_office_key("office")
    recalls.start(_order(kit, "L1"))
    with kit.engine.begin() as connection:
        connection.execute(text("UPDATE lot SET recalls = ''"))
    report = kit.trace.verify_all()
    assert [(p.step, _numbers(p.lots)) for p in report.problems] == [(12, {"L1"})]
    assert not kit.trace.verify_lot(kit.lot("L1")).ok


def test_recalled_lots_get_no_labels_and_are_offered_nowhere(kit: Kit, recalls: Recalls) -> None:
    """Labels of a descendant wait and the lot is not offered while the recall is open; lifted, all is as before."""
    recalls.make_office_key("office")
    before = {x.id for x in kit.trace.lots_at_makers(COUNTY)}
    assert kit.lot("L1a") in before
    case = recalls.start(_order(kit, "L1"))
    assert [(h.reason, h.lot, h.event_id) for h in kit.trace.holds_on_labels(kit.lot("P2"))] == [("recalled", kit.lot("L1"), case.id)]
    assert before - {x.id for x in kit.trace.lots_at_makers(COUNTY)} == {kit.lot("L1a"), kit.lot("P2")}
    kit.clock.instant = kit.clock.instant.replace(hour=kit.clock.instant.hour + 1)
    lifted = recalls.lift(case.id, "复检合格")
    assert not lifted.is_open and lifted.lifted_ms is not None
    assert not kit.trace.holds_on_labels(kit.lot("P2")) and {x.id for x in kit.trace.lots_at_makers(COUNTY)} == before
    assert kit.trace.verify_all().ok


def test_a_drill_stops_nothing(kit: Kit, recalls: Recalls) -> None:
    """A drill is found and listed like a recall, but labels and offers go on."""
    recalls.make_office_key("office")
    assert recalls.start(_order(kit, "L1", drill=True)).drill
    assert [c.drill for c in recalls.affecting([kit.lot("P2")])[kit.lot("P2")]] == [True]
    assert not kit.trace.recalled([kit.lot("P2")]) and not kit.trace.holds_on_labels(kit.lot("P2"))


def test_who_may_recall(kit: Kit, recalls: Recalls) -> None:
    """A maker recalls its own lots, not another's; a shop recalls none; a county none of another county; only the orderer lifts."""
    recalls.make_office_key("coop")
    case = recalls.start(_order(kit, "L1", "coop"))
    assert case.authority == "maker"
    with pytest.raises(Conflict, match="its own lots"):
        recalls.start(_order(kit, "P1", "coop"))
    recalls.make_office_key("shop")
    with pytest.raises(NotAllowed, match="may not sign"):
        recalls.start(_order(kit, "L1", "shop"))
    kit.registry.put("party", Party("far", "321023", ("county",), "别处", "Elsewhere"))
    recalls.make_office_key("far")
    with pytest.raises(NotAllowed, match="of its own"):
        recalls.start(_order(kit, "L1", "far"))
    recalls.make_office_key("works")
    with pytest.raises(Conflict, match="open recall"):
        kit.send("recall_lifted", "works", quantityList=[{"epcClass": kit.lot("L1")}], **{"suhe:recallOf": case.id})
    told = {"level": 2, "reasonZh": "x", "authority": "county"}
    with pytest.raises(NotAllowed, match="as county"):
        kit.send("recall", "coop", quantityList=[{"epcClass": kit.lot("L1")}], **{"suhe:recall": told, "suhe:drill": False})


def test_lifting_one_root_leaves_the_others(kit: Kit, recalls: Recalls) -> None:
    """A recall of two lots lifted for one of them stays open for the other and what comes of it."""
    recalls.make_office_key("office")
    case = recalls.start(Order((kit.lot("L1a"), kit.lot("L3")), "office", 1, "x"))
    assert recalls.lift(case.id, lots=[kit.lot("L3")]).open_roots == (kit.lot("L1a"),)
    assert _numbers(recalls.affecting([kit.lot("L3"), kit.lot("L1a")])) == {"L1a"}


def test_what_is_asked_wrongly_is_refused(kit: Kit, recalls: Recalls) -> None:
    """An unknown lot, a level that is none, a party without a key here, and a recall that never was."""
    with pytest.raises(NotFound):
        recalls.find(f"{COUNTY}:nothing")
    assert recalls.find(kit.trace.code_of(kit.lot("P1"))) == kit.lot("P1")
    assert recalls.find(f"{COUNTY}:F1") == kit.lot("F1")
    with pytest.raises(NotFound, match="holds no key"):
        recalls.start(_order(kit, "L1"))
    recalls.make_office_key("office")
    with pytest.raises(BadInput, match="level"):
        recalls.start(Order((kit.lot("L1"),), "office", 4, "x"))
    with pytest.raises(NotFound, match="no such recall"):
        recalls.case("x")


def _bare(lot: str) -> dict[str, Any]:
    return {
        "id": lot, "kind": "produce", "county": COUNTY, "product": "tomato", "variety": "", "name_zh": "", "party": "coop", "plot": "",
        "uom": "KGM", "made": 1, "state": "in_stock", "inspection": "", "moved": False, "event_count": 0, "head": bytes(32),
        "first_index": 0, "last_event_ms": 0, "recalls": "",
    }  # fmt: skip
