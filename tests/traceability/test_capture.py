"""Recording events: what is accepted, what is refused and why, what a receipt promises."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput, Conflict, NotAllowed, NotFound, SuheError
from foundation.ids import in_fours
from tests.traceability.kit import KEYS, Kit, as_json, small_season
from traceability.authors import Envelope


def test_a_receipt_says_where_the_event_stands(kit: Kit) -> None:
    """An event's receipt tells its place in the log and in each lot's chain; chains count from one without a gap."""
    first = kit.plant("L1")
    assert (first.log_index, first.lots, first.new) == (KEYS, ((kit.lot("L1"), 1),), True)
    assert kit.harvest("L1", 100).lots == ((kit.lot("L1"), 2),)
    both = kit.transform("split", {"L1": 100}, {"A": 40, "B": 60})
    assert both.lots == ((kit.lot("A"), 1), (kit.lot("B"), 1), (kit.lot("L1"), 3))


def test_the_same_bytes_again_return_the_first_receipt(kit: Kit) -> None:
    """Sending an event again changes nothing and answers the first receipt, alone, in a batch, and twice in one batch."""
    envelope = kit.sign(kit.body("plant", "coop", **_planting(kit, "L1")), "coop")
    first, second = kit.trace.capture_many([envelope, envelope])
    again = kit.trace.capture(envelope.body, envelope.key_id, envelope.signature)
    assert first.new and not second.new and not again.new
    assert replace(again, new=True) == first == replace(second, new=True)
    assert kit.trace.verify_all().size == KEYS + 1


def test_another_body_under_a_recorded_id_is_refused(kit: Kit) -> None:
    """An event id belongs to one body for ever."""
    body = kit.body("plant", "coop", **_planting(kit, "L1"))
    _capture(kit, kit.sign(body, "coop"))
    other = {**body, "eventTime": "2025-10-02T08:00:00+08:00"}
    with pytest.raises(Conflict, match="recorded with another body"):
        _capture(kit, kit.sign(other, "coop"))


def test_a_batch_is_recorded_whole_or_not_at_all(kit: Kit) -> None:
    """One refused event leaves nothing of its batch, and the error names it by its number."""
    good = kit.sign(kit.body("plant", "coop", **_planting(kit, "L1")), "coop")
    bad = kit.sign(kit.body("harvest", "coop", quantityList=[kit.part("L2", 5)], bizLocation={"id": "urn:suhe:plot:a1"}), "coop")
    with pytest.raises(Conflict, match="event 2 of 2"):
        kit.trace.capture_many([good, bad])
    assert kit.trace.verify_all().size == KEYS and kit.trace.lots() == []


REFUSED: dict[str, tuple[Any, str]] = {
    "twice": (lambda b: b.replace(b'"action":"ADD"', b'"action":"ADD","action":"ADD"'), "given twice"),
    "nan": (lambda b: b.replace(b'"+08:00"', b"NaN"), "no number of JSON"),
    "infinity": (lambda b: b.replace(b'"+08:00"', b"-Infinity"), "no number of JSON"),
    "space": (lambda b: b.replace(b'":', b'": ', 1), "canonical form"),
    "order": (lambda b: b'{"type":"ObjectEvent",' + b.replace(b',"type":"ObjectEvent"', b"", 1)[1:], "canonical form"),
    "float": (lambda b: b.replace(b'"+08:00"', b"1.0"), "canonical form"),
    "huge": (lambda b: b.replace(b'"+08:00"', b"9007199254740993"), "canonical JSON"),
    "escape": (lambda b: b.replace(b'"+08:00"', b'"\\u0041"'), "canonical form"),
    "surrogate": (lambda b: b.replace(b'"+08:00"', b'"\\ud800"'), "canonical"),
    "decomposed": (lambda b: b.replace(b'"+08:00"', '"e\u0301"'.encode()), "normal form C"),
    "latin": (lambda b: b.replace(b'"+08:00"', b'"\xe9"'), "UTF-8"),
    "cut": (lambda b: b[:-1], "no JSON"),
    "list": (lambda b: b"[" + b + b"]", "no JSON object"),
    "deep": (lambda b: b"[" * 9000 + b"]" * 9000, "deep|no JSON"),
    "long": (lambda b: b.replace(b'"+08:00"', b'"' + b"x" * 40_000 + b'"'), "too long"),
    "marked": (lambda b: b"\xef\xbb\xbf" + b, "no JSON"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_bytes_with_two_readings_are_refused_though_signed(kit: Kit, how: str) -> None:
    """Whatever is not the one canonical spelling of an object is refused, even well signed."""
    change, why = REFUSED[how]
    body = change(rfc8785.dumps(kit.body("plant", "coop", **_planting(kit, "L1"))))
    with pytest.raises(BadInput, match=why):
        _capture(kit, kit.sign(body, "coop"))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no lot": ({"quantityList": []}, "quantityList"),
    "foreign lot": ({"quantityList": [{"epcClass": "urn:epc:id:sgtin:1.2.3"}]}, "no lot"),
    "no plot": ({"bizLocation": {"id": "urn:suhe:party:coop"}}, "bizLocation"),
    "no place": ({"bizLocation": None}, "needs more fields"),
    "unknown field": ({"suhe:phone": "13800000000"}, "no such field"),
    "other step": ({"bizStep": "commissioning"}, "not known here"),
    "other action": ({"action": "OBSERVE"}, "another action"),
    "other context": ({"@context": ["https://example.org/context.jsonld"]}, "JSON-LD context"),
    "old uuid": ({"eventID": "urn:uuid:2f1b2f1e-0000-4000-8000-000000000000"}, "eventID"),
    "no zone": ({"eventTime": "2025-10-01T08:00:00"}, "eventTime"),
    "no day": ({"eventTime": "2025-02-30T08:00:00+08:00"}, "eventTime"),
    "no offset": ({"eventTimeZoneOffset": "+25:00"}, "eventTimeZoneOffset"),
    "no product": ({"ilmd": {}}, "ilmd"),
    "more ilmd": ({"ilmd": {"suhe:product": "tomato", "suhe:farmer": "张三"}}, "ilmd"),
    "year 0 in UTC": ({"eventTime": "0001-01-01T00:00:00+08:00"}, "lies too far back"),
    "1969": ({"eventTime": "1969-12-31T23:59:59+08:00"}, "lies too far back"),
    "year 9999": ({"eventTime": "9999-12-31T23:59:59-08:00"}, "eventTime|future"),
    "future": ({"eventTime": "2025-11-21T08:00:00+08:00"}, "future"),
    "control characters": ({"suhe:note": "a\nb"}, "suhe:note"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_body_that_breaks_the_vocabulary_names_the_field(kit: Kit, what: str) -> None:
    """Every rule of form is enforced at capture with an error that says which."""
    changes, why = WRONG[what]
    with pytest.raises(BadInput, match=why):
        kit.plant("L1", changes=changes)


@pytest.mark.parametrize("quantity", [0, -1, 1e10, 0.0001, "12", True, None])
def test_a_quantity_is_a_positive_number_to_a_thousandth(kit: Kit, quantity: Any) -> None:
    """Nothing, less than nothing, text and false precision are no quantities."""
    kit.plant("L1")
    with pytest.raises(BadInput):
        kit.harvest("L1", 1, changes={"quantityList": [{"epcClass": kit.lot("L1"), "quantity": quantity, "uom": "KGM"}]})


def test_a_signature_counts_only_over_these_bytes_by_this_key(kit: Kit) -> None:
    """A forged signer, another key, a changed body and rubbish for a signature are refused."""
    envelope = kit.sign(kit.body("plant", "coop", **_planting(kit, "L1")), "coop")
    other = kit.sign(kit.body("plant", "coop", **_planting(kit, "L2")), "coop")
    for body, key, signature in (
        (envelope.body, envelope.key_id, other.signature),
        (other.body, envelope.key_id, envelope.signature),
        (envelope.body, envelope.key_id, b"short"),
        (envelope.body, kit.key_id("coop-2"), envelope.signature),
    ):
        with pytest.raises(BadInput, match="signature"):
            kit.trace.capture(body, key, signature)
    stranger = Envelope(envelope.body, "0" * 16, envelope.signature)
    with pytest.raises(NotAllowed, match="not registered"):
        _capture(kit, stranger)
    with pytest.raises(NotAllowed, match="another party"):
        _capture(kit, kit.sign(kit.body("plant", "coop", **_planting(kit, "L1")), "coop-2"))


def test_a_key_counts_from_its_day_until_it_is_revoked(kit: Kit) -> None:
    """A key not valid yet, run out or revoked at the time of recording signs nothing."""
    key = kit.registry.key(kit.key_id("coop"))
    now = key.valid_from_ms + 10**9
    for changed in (
        replace(key, valid_from_ms=now + 1),
        replace(key, valid_to_ms=now),
        replace(key, revoked_ms=now - 5),
    ):
        kit.registry.put("key", changed)
        with pytest.raises(NotAllowed, match="does not count now"):
            kit.plant("L1")
    kit.registry.put("key", replace(key, revoked_ms=now + 5))
    assert kit.plant("L1").new


def test_only_the_entitled_sign(kit: Kit) -> None:
    """A role is needed for each kind of event, and a plot is spoken for by who runs it."""
    with pytest.raises(NotAllowed, match="may not sign"):
        kit.plant("L1", party="shop")
    with pytest.raises(NotAllowed, match="runs a plot"):
        kit.plant("L1", party="coop-2", plot="a1")
    kit.plant("L1")
    with pytest.raises(NotAllowed, match="may not sign"):
        kit.inspect("L1", party="shop")
    with pytest.raises(BadInput, match="county"):
        kit.plant("L2", changes={"quantityList": [{"epcClass": "urn:suhe:lot:321023:L2"}]})


def test_what_an_event_names_is_registered(kit: Kit) -> None:
    """An unknown plot, product, variety or receiver is refused."""
    with pytest.raises(NotFound):
        kit.plant("L1", plot="zz")
    with pytest.raises(NotFound):
        kit.plant("L1", product="dragonfruit")
    with pytest.raises(NotFound, match="variety"):
        kit.plant("L1", changes={"ilmd": {"suhe:product": "tomato", "suhe:variety": "blue"}})
    kit.plant("L1")
    kit.harvest("L1", 10)
    with pytest.raises(NotFound):
        kit.ship("L1", 5, to="nobody")


def test_mass_is_kept(kit: Kit) -> None:
    """Nothing comes out that did not go in, nobody ships what they do not hold, nobody receives what was not sent."""
    kit.plant("L1")
    kit.buy("F", 10, "L1")
    with pytest.raises(Conflict, match="does not hold"):
        kit.use("F", 10.001, "L1")
    with pytest.raises(Conflict, match="does not hold"):
        kit.ship("L1", 1)
    kit.harvest("L1", 100)
    with pytest.raises(Conflict, match="more comes out"):
        kit.transform("split", {"L1": 50}, {"A": 30, "B": 20.001})
    with pytest.raises(Conflict, match="do not change the product"):
        kit.transform("split", {"L1": 50}, {"A": 30, "B": 20}, product="sauce")
    kit.transform("pack", {"L1": 50}, {"A": 49})
    with pytest.raises(Conflict, match="does not hold"):
        kit.ship("L1", 50.001)
    with pytest.raises(Conflict, match="does not hold"):
        kit.ship("A", 1, party="coop-2", to="coop")
    kit.ship("A", 49)
    with pytest.raises(Conflict, match="more is received"):
        kit.receive("A", 49.001)
    with pytest.raises(Conflict, match="more is received"):
        kit.receive("A", 1, party="works")
    kit.receive("A", 48)
    with pytest.raises(Conflict, match="more is received"):
        kit.receive("A", 2)
    with pytest.raises(Conflict, match="exists already"):
        kit.plant("A")
    with pytest.raises(Conflict, match="no such lot"):
        kit.inspect("Z")
    assert kit.trace.verify_all().ok


def test_a_lot_tells_where_it_stands(kit: Kit) -> None:
    """A lot's state, quantities, days and origin follow its events, and a child inherits field and days."""
    small_season(kit)
    by = {lot.number: lot for lot in kit.trace.lots()}
    states = {"L1": "used_up", "L1a": "in_transit", "M": "used_up", "P1": "received", "P2": "in_stock", "L3": "growing"}
    assert {n: by[n].state for n in states} == states
    assert (by["P1"].quantity, by["P1"].held, by["P1"].arriving, by["P1"].unit) == (Decimal(200), Decimal(198), Decimal(2), "kg")
    assert by["L1a"].plot == "a1" and by["M"].plot == "" and by["L3"].harvested_day is None
    assert by["P1"].harvested_day == by["L1"].harvested_day is not None and by["L1"].inspection == "pass"
    history = kit.trace.lot(by["P1"].short)
    assert [e.kind for e in history.events] == ["pack", "ship", "receive"]
    assert {a.number for a in history.ancestors} == {"M", "L1b", "L2", "L1"}
    assert kit.trace.lot(kit.lot("L1")).inputs == {kit.lot("F1"): "有机肥"}


def test_lots_are_paged_newest_first(kit: Kit) -> None:
    """Pages of any size show every lot of produce once, and the filters hold."""
    small_season(kit)
    whole = [lot.id for lot in kit.trace.lots()]
    for size in (1, 2, 3, 7):
        paged: list[str] = []
        while page := kit.trace.lots(after=paged[-1] if paged else None, limit=size):
            paged += [lot.id for lot in page]
        assert paged == whole
    assert {lot.product for lot in kit.trace.lots(product="sauce")} == {"sauce"}
    assert kit.trace.lots(county="321023") == []
    with pytest.raises(NotFound):
        kit.trace.lots(after=kit.lot("nowhere"))


def test_a_code_leads_to_its_lot_however_it_is_typed(kit: Kit) -> None:
    """Case, dashes and O for 0 do not matter; a mistyped character is told from an unknown code; inputs have none."""
    small_season(kit)
    lot = kit.lot("P1")
    code = kit.trace.code_of(lot)
    assert len(code) == 17 and code[-1] not in "*~$=U"
    for typed in (code, in_fours(code).lower(), code.replace("0", "O").replace("1", "l")):
        assert kit.trace.lot_of_code(typed) == lot
    wrong = ("0" if code[0] != "0" else "2") + code[1:]
    with pytest.raises(BadInput, match="mistyped"):
        kit.trace.lot_of_code(wrong)
    with pytest.raises(NotFound):
        kit.trace.lot_of_code("0" * 16 + "0")
    with pytest.raises(NotFound):
        kit.trace.code_of(kit.lot("F1"))
    assert len({kit.trace.code_of(x.id) for x in kit.trace.lots()}) == 8


def test_many_authors_at_once_leave_one_gapless_log(kit: Kit) -> None:
    """Concurrent captures on one lot and on many give places without gap or twin."""
    kit.plant("L1")
    kit.harvest("L1", 1000)
    envelopes = [kit.sign(kit.body("inspect", "inspector", **_inspection(kit, "L1")), "inspector") for _ in range(12)]
    failures: list[BaseException] = []

    def send(part: list[Envelope]) -> None:
        try:
            for envelope in part:
                _capture(kit, envelope)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(envelopes[k::4],)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [e.lot_seq for e in kit.trace.lot(kit.lot("L1")).events] == list(range(1, 15))
    assert kit.trace.verify_all().ok


def test_times_of_recording_never_go_back(kit: Kit) -> None:
    """A clock set back does not put a record before the one before it, nor a checkpoint before what it seals."""
    kit.plant("L1")
    kit.trace.make_checkpoint()
    kit.clock.advance(timedelta(hours=-3))
    kit.harvest("L1", 5)
    second = kit.trace.make_checkpoint()
    assert second is not None and second.size == KEYS + 2 and kit.trace.make_checkpoint() is None
    assert kit.trace.verify_all().ok


@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_lattice_of_splits_and_merges_keeps_mass_and_verifies(kit: Kit, data: st.DataObject) -> None:
    """Whatever is split, merged and packed in whatever order: what is held never exceeds what was picked, and everything verifies."""
    tag = kit.body("plant", "coop")["eventID"][-6:]
    names = iter(f"{tag}-{n}" for n in range(1000))
    stock: dict[str, int] = {}
    for _ in range(2):
        name = next(names)
        kit.plant(name)
        stock[name] = data.draw(st.integers(10, 1000))
        kit.harvest(name, stock[name] / 10)
    picked = sum(stock.values())
    for _ in range(data.draw(st.integers(1, 7))):
        kind = data.draw(st.sampled_from(["split", "merge", "pack"]))
        pool = [n for n, amount in stock.items() if amount >= 4]
        if len(pool) < 2:
            break
        sources = data.draw(st.lists(st.sampled_from(pool), min_size=2, max_size=3, unique=True))[: 1 if kind == "split" else 3]
        taken = {n: data.draw(st.integers(2, stock[n])) for n in sources}
        total = sum(taken.values())
        parts = [total] if kind == "merge" else [total // 2, total - total // 2]
        made = {next(names): p for p in parts}
        kit.transform(kind, {n: a / 10 for n, a in taken.items()}, {n: a / 10 for n, a in made.items()})
        for n, a in taken.items():
            stock[n] -= a
        stock.update(made)
    found = {lot.number: lot for lot in kit.trace.lots(limit=500) if lot.number.startswith(tag)}
    assert {n: int(lot.held * 10) for n, lot in found.items()} == stock
    assert sum(stock.values()) == picked
    kit.trace.make_checkpoint()
    assert kit.trace.verify_all().ok
    assert all(kit.trace.verify_lot(lot.id).ok for lot in found.values())


def test_ancestors_of_a_lattice_are_each_told_once(kit: Kit) -> None:
    """A ladder of splits and merges has 2^n paths and 3n lots: the history is answered at once."""
    kit.plant("R0")
    kit.harvest("R0", 512)
    for n in range(12):
        kit.transform("split", {f"R{n}": 512}, {f"S{n}": 256, f"T{n}": 256})
        kit.transform("merge", {f"S{n}": 256, f"T{n}": 256}, {f"R{n + 1}": 512})
    assert len(kit.trace.lot(kit.lot("R12")).ancestors) == 36


def test_the_body_is_kept_to_the_byte(kit: Kit) -> None:
    """What is stored and shown is what was signed, unchanged."""
    envelope = kit.sign(kit.body("plant", "coop", **_planting(kit, "L1"), **{"suhe:note": "第一茬 🍅"}), "coop")
    _capture(kit, envelope)
    shown = kit.trace.lot(kit.lot("L1")).events[0]
    assert shown.body_text.encode() == envelope.body and shown.body == as_json(envelope.body)


def test_errors_are_the_domains_own(kit: Kit) -> None:
    """No input whatever, well signed, raises anything but an error that speaks to people."""

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=5))
    @settings(max_examples=40, deadline=None)
    def check(value: Any) -> None:
        for name in (
            "quantityList",
            "ilmd",
            "bizLocation",
            "eventTime",
            "eventID",
            "suhe:party",
            "suhe:note",
            "type",
            "bizStep",
            "disposition",
        ):
            try:
                envelope = kit.sign({**kit.body("plant", "coop", **_planting(kit, "L1")), name: value}, "coop")
            except (rfc8785.CanonicalizationError, UnicodeEncodeError):
                continue
            with contextlib.suppress(SuheError):
                _capture(kit, envelope)

    check()


def _planting(kit: Kit, number: str) -> dict[str, Any]:
    return {"quantityList": [{"epcClass": kit.lot(number)}], "ilmd": {"suhe:product": "tomato"}, "bizLocation": {"id": "urn:suhe:plot:a1"}}


def _inspection(kit: Kit, number: str) -> dict[str, Any]:
    told = {"method": "enzyme_inhibition", "result": "pass"}
    return {"quantityList": [{"epcClass": kit.lot(number)}], "suhe:inspection": told}


def _capture(kit: Kit, envelope: Envelope) -> Any:
    return kit.trace.capture(envelope.body, envelope.key_id, envelope.signature)


def test_a_deeply_nested_text_ends_no_process(tmp_path: Path) -> None:
    """Loading web3 leaves the recursion limit as it was, and whatever the limit, nesting is refused before any parser meets it."""
    program = """
import sys
from traceability.chain_evm import EvmChain
from traceability.canonical import read_json, read_strictly
from traceability.bundle_form import parse_strictly
from foundation.errors import BadInput
before = sys.getrecursionlimit()
EvmChain("http://127.0.0.1:9", bytes(31) + b"\\1").account()
assert sys.getrecursionlimit() == before
sys.setrecursionlimit(100_000)
for deep in ("[" * 30_000, '{"a":' * 6_000, '["\\\\"[",' * 3_000, "[" * 65 + "]" * 65):
    for read in (lambda t: read_strictly(t.encode()), lambda t: read_json(t.encode(), 10**6), lambda t: parse_strictly(t, floats=True)):
        try:
            read(deep)
        except (BadInput, ValueError) as error:
            assert "deep" in str(getattr(error, "message", error)), (deep[:20], error)
        else:
            raise AssertionError(deep[:20])
assert read_json(b'["' + b"[" * 9999 + b'"]', 10**6) == ["[" * 9999]
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "alive", (done.returncode, done.stderr[-800:])
