"""The trade's rules: intervals, required fields, sample to judgement, certificates, corrections; and that verification replays them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from foundation.errors import BadInput, Conflict, NotAllowed
from tests.traceability.kit import Kit
from traceability import store
from traceability.canonical import canonical
from traceability.events import read_event
from traceability.labelling import findings
from traceability.pass_rates import PassRate
from traceability.past import Past
from traceability.rules import check_trade
from traceability.rules_certificate import LAW_39, ORDER_4, rule_on
from traceability.vocabulary import CONTEXT

PESTICIDE = {
    "suhe:inputClass": "pesticide", "suhe:nameZh": "示例农药", "suhe:registration": "示例 1", "suhe:maker": "示例厂", "suhe:batch": "B1",
    "suhe:intervalDays": 7,
}  # fmt: skip
CHLORPYRIFOS = {"name": "毒死蜱", "unit": "mg/kg"}
LIMIT = {"analyte": "毒死蜱", "limit": 0.02, "unit": "mg/kg"}


def buy(kit: Kit, **without: Any) -> None:
    ilmd = {k: v for k, v in {**PESTICIDE, **without}.items() if v is not None}
    kit.send("input_bought", quantityList=[kit.part("P", 10)], ilmd=ilmd, **{"suhe:lots": [kit.lot("A")]})


def at(day: int, hour: int = 8) -> str:
    return f"2025-10-{day:02}T{hour:02}:00:00+08:00"


@pytest.mark.parametrize("field", ["suhe:registration", "suhe:maker", "suhe:batch", "suhe:intervalDays"])
def test_a_pesticide_is_bought_with_what_its_label_says(kit: Kit, field: str) -> None:
    """Each required field of a pesticide that is missing is named, with why it is asked for."""
    kit.plant("A")
    with pytest.raises(BadInput, match=field) as refused:
        buy(kit, **{field: None})
    assert field in (refused.value.expected or "") and ": " in (refused.value.expected or "")
    buy(kit)


def test_a_harvest_waits_for_every_interval(kit: Kit) -> None:
    """Refused to the day before, with input, day of use and first day allowed; accepted on that day; one picked before the use is fine."""
    kit.plant("A", changes={"eventTime": at(1)})
    buy(kit)
    with pytest.raises(BadInput, match="less than the label"):
        kit.use("P", 1, "A", changes={"eventTime": at(2)}, **{"suhe:intervalDays": 3})
    with pytest.raises(BadInput, match="less than the label"):
        kit.use("P", 1, "A", changes={"eventTime": at(2)})
    kit.use("P", 1, "A", changes={"eventTime": at(2, 23)}, **{"suhe:intervalDays": 7})
    kit.use("P", 1, "A", changes={"eventTime": at(1, 9)}, **{"suhe:intervalDays": 7})
    for day in (2, 3, 8):
        with pytest.raises(Conflict, match="示例农药") as refused:
            kit.harvest("A", 10, changes={"eventTime": at(day, 23)})
        assert "2025-10-02" in refused.value.message and "2025-10-09" in refused.value.message
    kit.harvest("A", 10, changes={"eventTime": at(1, 8)})
    kit.harvest("A", 10, changes={"eventTime": at(9, 0)})
    assert kit.trace.verify_all().ok and kit.trace.verify_lot(kit.lot("A")).ok


def test_a_use_told_after_the_harvest_holds_the_labels(kit: Kit) -> None:
    """A late record is accepted, for it is true; what was picked within its interval gets no labels, nor does what was made of it."""
    kit.plant("A", changes={"eventTime": at(1)})
    buy(kit)
    kit.harvest("A", 10, changes={"eventTime": at(5)})
    kit.transform("split", {"A": 10}, {"B": 5, "C": 5}, changes={"eventTime": at(6)})
    assert not kit.trace.holds_on_labels(kit.lot("B"))
    kit.use("P", 1, "A", changes={"eventTime": at(3)}, **{"suhe:intervalDays": 7})
    assert [(h.reason, h.lot) for h in kit.trace.holds_on_labels(kit.lot("B"))] == [("interval", kit.lot("A"))]


def test_verification_replays_the_interval(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A harvest that got past the rule at capture is named by both verifiers."""
    kit.plant("A", changes={"eventTime": at(1)})
    buy(kit)
    kit.use("P", 1, "A", changes={"eventTime": at(2)}, **{"suhe:intervalDays": 7})
    with monkeypatch.context() as patched:
        patched.setattr("traceability.ledger.check_trade", lambda *_: None)
        kit.harvest("A", 10, changes={"eventTime": at(5)})
    for problems in (kit.trace.verify_all().problems, kit.trace.verify_lot(kit.lot("A")).problems):
        assert any("interval" in p.what and p.step == 12 for p in problems)


def test_a_judgement_follows_from_its_test(kit: Kit) -> None:
    """Class, limits, comparison and edition are checked against test, table and day of sampling; each mistake is refused."""
    kit.plant("A")
    kit.harvest("A", 10)
    with pytest.raises(Conflict, match="cites a recorded sample"):
        kit.test("A", "urn:uuid:00000000-0000-7000-8000-000000000000")
    sample = kit.sample("A").event_id
    clean = kit.test("A", sample, {**CHLORPYRIFOS, "below": "lod", "lod": 0.005}).event_id
    over = kit.test("A", sample, {**CHLORPYRIFOS, "value": 0.021, "uncertainty": 0.002}).event_id
    equal = kit.test("A", sample, {**CHLORPYRIFOS, "value": 0.02}).event_id
    blunt = kit.test("A", sample, {**CHLORPYRIFOS, "below": "loq", "loq": 0.05}).event_id
    for test, result, limits, edition, why in (
        (over, "pass", [LIMIT], "GB 2763-2021", "not what the values"),
        (clean, "fail", [LIMIT], "GB 2763-2021", "not what the values"),
        (clean, "screening_positive", [LIMIT], "GB 2763-2021", "not what the values"),
        (over, "pass", [{**LIMIT, "limit": 0.5}], "GB 2763-2021", "another limit"),
        (clean, "pass", [LIMIT], "GB 2763-2026", "another edition"),
        (clean, "pass", [LIMIT], "GB 9999-2020", "knows no edition"),
        (clean, "pass", [{**LIMIT, "analyte": "别的"}], "GB 2763-2021", "no limit for an analyte"),
        (blunt, "pass", [LIMIT], "GB 2763-2021", "cannot see"),
        (sample, "pass", [LIMIT], "GB 2763-2021", "cites a recorded test"),
    ):
        with pytest.raises(Conflict, match=why):
            kit.judge("A", test, result, *limits, edition=edition)
    kit.judge("A", blunt, "invalid", LIMIT)
    kit.judge("A", equal, "pass", LIMIT)
    kit.judge("A", over, "fail", LIMIT)
    assert kit.trace.lot(kit.lot("A")).summary.inspection == "fail"
    assert kit.trace.verify_all().ok and kit.trace.verify_lot(kit.lot("A")).ok


def test_the_edition_of_the_sampling_day_decides(kit: Kit) -> None:
    """Sampled on the last day of one edition and judged in the time of the next, the old one is cited; a day later, the new one."""
    kit.clock.instant = datetime(2026, 3, 10, tzinfo=UTC)
    kit.plant("A")
    kit.harvest("A", 10)
    later = {"changes": {"eventTime": "2026-03-05T08:00:00+08:00"}}
    for sampled, right, wrong in (("2026-02-28", "GB 2763-2021", "GB 2763-2026"), ("2026-03-01", "GB 2763-2026", "GB 2763-2021")):
        sample = kit.sample("A", changes={"eventTime": f"{sampled}T08:00:00+08:00"}).event_id
        test = kit.test("A", sample, {**CHLORPYRIFOS, "value": 0.01}, **later).event_id
        with pytest.raises(Conflict, match=f"expected: {right}|another edition"):
            kit.judge("A", test, "pass", LIMIT, edition=wrong, **later)
        kit.judge("A", test, "pass", LIMIT, edition=right, **later)


def test_a_screening_settles_nothing(kit: Kit) -> None:
    """50 % is positive, 49.9 % is not; a second clean screening does not lift it, a confirmatory result does; all results stay listed."""
    kit.plant("A")
    kit.harvest("A", 10)
    sample = kit.sample("A").event_id
    cards = {v: kit.test("A", sample, {"name": "抑制率", "unit": "%", "value": v}, method="enzyme_inhibition").event_id for v in (49.9, 50)}
    with pytest.raises(Conflict, match="not what the values"):
        kit.judge("A", cards[50], "fail")
    with pytest.raises(Conflict, match="50 % inhibition"):
        kit.send(
            "judge", "inspector", quantityList=[{"epcClass": kit.lot("A")}],
            **{"suhe:judgement": {"test": cards[50], "class": "screening", "edition": "GB/T 5009.199-2003", "result": "pass",
                                  "limits": [{"analyte": "抑制率", "limit": 70, "unit": "%"}]}},
        )  # fmt: skip
    kit.judge("A", cards[50], "screening_positive")
    kit.judge("A", cards[49.9], "pass")
    assert [h.reason for h in kit.trace.holds_on_labels(kit.lot("A"))] == ["screening_positive"]
    assert kit.trace.lot(kit.lot("A")).summary.inspection == "screening_positive"
    kit.transform("split", {"A": 10}, {"B": 5, "C": 5})
    assert [(h.reason, h.lot) for h in kit.trace.holds_on_labels(kit.lot("B"))] == [("screening_positive", kit.lot("A"))]
    clean = kit.test("A", sample, {**CHLORPYRIFOS, "value": 0.01}).event_id
    kit.judge("A", clean, "pass", LIMIT)
    assert not kit.trace.holds_on_labels(kit.lot("A")) and not kit.trace.holds_on_labels(kit.lot("B"))
    told = findings(kit.trace.lot(kit.lot("A")).events)
    assert [(f.result, f.superseded) for f in told] == [("screening_positive", True), ("pass", True), ("pass", False)]
    rates = kit.trace.pass_rates("371522", 0)
    assert rates["screening"] == PassRate(1, 1) and rates["confirmatory"] == PassRate(1, 1)


def certificate(kit: Kit, number: str = "A", kg: float = 10, **told: Any) -> Any:
    body = {
        "product": "番茄", "origin": "示例县示例基地", "date": "2025-10-01", "promiser": "urn:suhe:party:coop", "contact": "0635-0000000",
        "basis": ["self_test"], "rule": LAW_39, **told,
    }  # fmt: skip
    return kit.send("certificate", quantityList=[kit.part(number, kg)], **{"suhe:certificate": body})


def test_a_certificate_is_the_promise_of_who_signs_it(kit: Kit) -> None:
    """Its day, its rule, its party and its amount are checked; a person's phone is refused; a failed lot gets none."""
    kit.plant("A")
    kit.harvest("A", 10)
    for change, why in (
        ({"contact": "13800000000"}, "person's number"), ({"contact": "联系 +86 138-0000-0000"}, "person's number"),
        ({"promiser": "urn:suhe:party:works"}, "who promises"), ({"date": "2025-10-02"}, "day of its event"),
        ({"rule": ORDER_4}, "another rule"),
        ({"basis": []}, "basis"), ({"kg": 10.5}, "no more than"),
    ):  # fmt: skip
        with pytest.raises((BadInput, Conflict), match=why):
            certificate(kit, **change)
    certificate(kit)
    kit.inspect("A", "fail")
    with pytest.raises(Conflict, match="no compliance"):
        certificate(kit)
    assert (rule_on(date(2026, 1, 31)), rule_on(date(2026, 2, 1))) == (LAW_39, ORDER_4)


def correction(kit: Kit, event: str, field: str, wrong: Any, right: Any, party: str = "coop", number: str = "A") -> Any:
    told = {"event": event, "field": field, "wrong": wrong, "right": right, "reason": "写错了"}
    return kit.send("correct", party, quantityList=[{"epcClass": kit.lot(number)}], **{"suhe:correction": told})


def test_corrections_append_and_never_touch_what_rules_hang_on(kit: Kit) -> None:
    """The author's word on a field that was there; a quantity, a time, another's event or nonsense is refused; the old record stays."""
    kit.plant("A")
    picked = kit.harvest("A", 10, **{"suhe:grade": "一级"}).event_id
    checked = kit.inspect("A").event_id
    for event, field, wrong, right, error in (
        (picked, "quantityList", 10, 12, BadInput), (picked, "eventTime", "x", "y", BadInput),
        (picked, "suhe:grade", "三级", "二级", Conflict),
        (picked, "suhe:grade", "一级", "一级", Conflict), (picked, "suhe:grade", "一级", "级" * 31, BadInput),
        (checked, "suhe:note", "a", "b", NotAllowed),
        ("urn:uuid:00000000-0000-7000-8000-000000000000", "suhe:grade", "一级", "二级", Conflict),
    ):  # fmt: skip
        with pytest.raises(error):
            correction(kit, event, field, wrong, right)
    before = kit.trace.lot(kit.lot("A")).summary
    correction(kit, picked, "suhe:grade", "一级", "二级")
    after = kit.trace.lot(kit.lot("A"))
    assert (after.summary.quantity, after.summary.event_count) == (before.quantity, before.event_count + 1)
    assert next(e for e in after.events if e.event_id == picked).body["suhe:grade"] == "一级"
    assert kit.trace.verify_all().ok


def test_a_judgement_altered_in_the_database_breaks_a_rule_at_replay() -> None:
    """A body that says pass where its test says fail is refused by the same rule that refused it at capture."""
    past = Past()
    base = {
        "@context": CONTEXT, "action": "OBSERVE", "type": "ObjectEvent", "eventTime": "2025-10-01T08:00:00+08:00",
        "eventTimeZoneOffset": "+08:00", "suhe:party": "urn:suhe:party:inspector", "quantityList": [{"epcClass": "urn:suhe:lot:371522:A"}],
    }  # fmt: skip
    ids = [f"urn:uuid:00000000-0000-7000-8000-00000000000{k}" for k in range(3)]
    sample = {"plan": "p", "sampler": "urn:suhe:party:inspector", "taken": "t", "custody": "c"}
    test = {
        "sample": ids[0],
        "method": "lc_ms",
        "standard": "s",
        "analytes": [{**CHLORPYRIFOS, "value": 9}],
        "lab": "l",
        "reportHash": "a" * 64,
    }
    judge = {"test": ids[1], "class": "confirmatory", "edition": "GB 2763-2021", "limits": [LIMIT], "result": "pass"}
    rows = (("sampling", "suhe:sample", sample), ("testing", "suhe:test", test), ("judging", "suhe:judgement", judge))
    for k, (step, field, told) in enumerate(rows):
        event = read_event(canonical({**base, "eventID": ids[k], "bizStep": f"urn:suhe:bizstep:{step}", field: told}))
        if k == 2:
            with pytest.raises(Conflict, match="not what the values"):
                check_trade(event, past)
        past.note(event)


def test_wilson_intervals_of_the_reference() -> None:
    """199 of 200 is 97.2 to 99.9 %; nothing tested is no rate and every share possible; the ends stay within 0 and 1."""
    low, high = PassRate(199, 200).interval
    assert (round(100 * low, 1), round(100 * high, 1)) == (97.2, 99.9)
    assert PassRate(0, 0).rate is None and PassRate(0, 0).interval == (0.0, 1.0)
    assert PassRate(5, 5).interval[1] == 1.0 and 0.5 < PassRate(5, 5).interval[0] < 0.6 and PassRate(0, 5).interval[0] == 0.0
    with pytest.raises(ValueError, match="no pass rate"):
        PassRate(2, 1)


def test_pass_rates_count_the_last_result_of_each_lot_and_class(kit: Kit) -> None:
    """Screening and confirmatory never mix; an invalid result is no result; one that was altered is passed over."""
    kit.plant("A")
    kit.harvest("A", 10)
    kit.inspect("A", "screening_positive")
    kit.inspect("A", "pass")
    kit.inspect("A", "invalid")
    assert kit.trace.pass_rates("371522", 0) == {"screening": PassRate(1, 1), "confirmatory": PassRate(0, 0)}
    with kit.engine.begin() as connection:
        connection.execute(update(store.event).where(store.event.c.event_type == "inspect").values(body=b"{}"))
    assert kit.trace.pass_rates("371522", 0)["screening"] == PassRate(0, 0)


def test_imported_limits_replace_their_editions_whole(kit: Kit) -> None:
    """Until something is imported the sample holds; a bad file changes nothing and names its row."""
    head = "edition,from_day,to_day,analyte,product,value,unit,source,checked\n"
    assert {x.edition for x in kit.trace.limits().rows} == {"GB 2763-2021", "GB 2763-2026"} and not any(
        x.checked for x in kit.trace.limits().rows
    )
    row = "GB 2763-2021,2021-09-03,2026-02-28,毒死蜱,*,0.05,mg/kg,example,yes\n"
    assert kit.trace.import_limits("\ufeff" + head + row) == 1
    for bad in (
        "",
        "edition\n",
        head + row + row,
        head + row.replace("0.05", "NaN"),
        head + row.replace("2026-02-28", "2020-01-01"),
        head + ",,,,,,,,\n",
    ):
        with pytest.raises(BadInput):
            kit.trace.import_limits(bad)
    assert [str(x.value) for x in kit.trace.limits().rows] == ["0.05"]
