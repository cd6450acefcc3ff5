"""Prices told by telephone: whole calls or nothing, once however often they are sent, asked about when far off, and never forgotten."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from foundation.blobs import BlobFolder
from foundation.errors import BadInput, NotAllowed, NotFound
from pricing import store
from pricing.desk.calls import Call, CallLine
from pricing.desk.service import PriceDesk
from pricing.service import Prices
from tests.pricing.tables import fingerprints

TODAY = date(2026, 11, 23)
COUNTY = "371522"


def _call(token: str, *lines: CallLine, day: date = TODAY, market: str = "shenxian", teller: str = "broker") -> Call:
    return Call(token, market, day, teller, lines, "下雨")


def _mid(prices: Prices, product: str = "tomato", day: date = TODAY) -> int | None:
    return next((p.mid for p in prices.series(product, "shenxian", day, day)), None)


def _week(desk: PriceDesk, price: str = "1.60") -> None:
    for back in range(6, 0, -1):
        desk.tell(_call(f"w{back}", CallLine("tomato", mid=price), day=TODAY - timedelta(days=back)), COUNTY, "zhao")


def test_a_call_is_written_down_in_yuan_per_jin(desk: PriceDesk, prices: Prices, tmp_path: Path) -> None:
    """Three prices, or one alone; the row leads to what was typed, and who told it is a role."""
    lines = (CallLine("tomato", "1.50", "1.60", "1.80", grade="一级"), CallLine("cucumber", mid="2"), CallLine("garlic"))
    outcome = desk.tell(_call("a", *lines), COUNTY, "zhao")
    assert ([x.state for x in outcome.lines], outcome.kept, outcome.stored) == (["kept", "kept", "empty"], 2, True)
    [point] = prices.series("tomato", "shenxian", TODAY, TODAY)
    assert (point.low, point.mid, point.high, point.source) == (3000, 3200, 3600, "manual")
    single = [n.code for n in desk.notes("cucumber", "shenxian", TODAY)]
    assert single == ["by-telephone", "single-price"]
    assert desk.notes("tomato", "shenxian", TODAY)[0].numbers["teller"] == "broker"
    with prices.engine.begin() as connection:
        kept = connection.execute(select(store.price_payload)).one()
    told = json.loads(gzip.decompress(BlobFolder(tmp_path / "blobs").get(kept.blob)))
    assert told["call"]["lines"][0]["mid"] == "1.60" and told["call"]["teller"] == "broker" and "zhao" not in json.dumps(told)


def test_the_same_form_sent_twice_changes_nothing(desk: PriceDesk, prices: Prices) -> None:
    """A double tap and a reload are one call."""
    desk.tell(_call("a", CallLine("tomato", mid="1.6")), COUNTY, "zhao")
    before = (fingerprints(prices), desk.book(COUNTY, TODAY))
    again = desk.tell(_call("a", CallLine("tomato", mid="1.6")), COUNTY, "zhao")
    assert again.stored and again.again and again.kept == 0
    assert (fingerprints(prices), desk.book(COUNTY, TODAY)) == before


def test_the_same_form_at_the_same_moment_is_one_call(desk: PriceDesk, prices: Prices) -> None:
    """Four requests with one form, together: one of them writes, the others find it written."""
    call = _call("a", CallLine("tomato", mid="1.6"), CallLine("cucumber", mid="2"))
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: desk.tell(call, COUNTY, "zhao"), range(4)))
    assert sorted(x.kept for x in outcomes) == [0, 0, 0, 2] and all(x.stored for x in outcomes)
    assert len(desk.book(COUNTY, TODAY)) == 2 and prices.counts()["observed"] == 2


def test_one_bad_line_and_nothing_is_stored(desk: PriceDesk, prices: Prices) -> None:
    """A call is one transaction: with a line that cannot be a price the whole form comes back, told which and why."""
    lines = (CallLine("tomato", mid="1.6"), CallLine("cucumber", "3", "", "2"), CallLine("garlic", mid="x"), CallLine("tomato", mid="1.7"))
    outcome = desk.tell(_call("a", *lines), COUNTY, "zhao")
    assert [(x.state, x.refusal) for x in outcome.lines] == [
        ("refused", "twice"), ("refused", "order"), ("refused", "no-number"), ("refused", "twice"),
    ]  # fmt: skip
    assert not outcome.stored and prices.counts() == {"current": 0, "observed": 0, "series": 0}


def test_a_price_far_off_is_asked_about_and_stands_when_confirmed(desk: PriceDesk, prices: Prices) -> None:
    """Nothing is stored before the answer; confirmed it stands at once, under the name of who confirmed it, and can be rejected."""
    _week(desk)
    call = _call("a", CallLine("tomato", mid="16.0"), CallLine("cucumber", mid="2"))
    asked = desk.tell(call, COUNTY, "zhao")
    assert ([x.state for x in asked.lines], asked.stored) == (["ask", "kept"], False)
    oddity = asked.lines[0].oddity
    assert oddity is not None and oddity.usual == 3200 and oddity.factor == pytest.approx(10)
    assert _mid(prices) is None
    assert desk.tell(call, COUNTY, "zhao", confirmed=[0]).kept == 2
    assert _mid(prices) == 32_000 and desk.waiting(COUNTY) == []
    [decided] = desk.decided(COUNTY)
    assert (decided.decision, decided.decider, decided.why) == ("released", "zhao", "told-again-when-asked")
    desk.decide([decided.quote.id], "rejected", "qian", county=COUNTY)
    assert _mid(prices) is None


def test_a_correction_is_a_revision_and_both_are_kept(desk: PriceDesk, prices: Prices) -> None:
    """Told again for the day it replaces what stood; the history and the book keep what was said first."""
    desk.tell(_call("a", CallLine("tomato", mid="1.6")), COUNTY, "zhao")
    desk.tell(_call("b", CallLine("tomato", mid="1.8")), COUNTY, "zhao")
    assert _mid(prices) == 3600 and prices.counts()["observed"] == 2
    assert [(e.act, e.mid, e.standing) for e in desk.book(COUNTY, TODAY)] == [("corrected", 3600, True), ("told", 3200, False)]
    assert desk.tell(_call("c", CallLine("tomato", mid="1.8")), COUNTY, "zhao").lines[0].state == "same"


def test_one_takes_back_ones_own_and_the_book_keeps_it(desk: PriceDesk, prices: Prices) -> None:
    """Withdrawn it no longer stands; twice is once; another person's entry and what no longer stands are left alone."""
    desk.tell(_call("a", CallLine("tomato", mid="1.6")), COUNTY, "zhao")
    [entry] = desk.book(COUNTY, TODAY)
    with pytest.raises(NotAllowed):
        desk.withdraw(entry.id, "x", COUNTY, "qian")
    with pytest.raises(NotFound):
        desk.withdraw(entry.id, "x", "321023", "zhao")
    assert desk.withdraw(entry.id, "x", COUNTY, "zhao") and not desk.withdraw(entry.id, "y", COUNTY, "zhao")
    assert _mid(prices) is None and prices.counts()["observed"] == 2
    assert [e.act for e in desk.book(COUNTY, TODAY)] == ["withdrawn", "told"]
    desk.tell(_call("b", CallLine("tomato", mid="1.6")), COUNTY, "zhao")
    assert _mid(prices) == 3200


def test_a_call_is_about_a_market_and_a_day_one_may_speak_of(desk: PriceDesk) -> None:
    """Another county's market, tomorrow, last month, an unknown product and an unknown teller are refused in words."""
    line = CallLine("tomato", mid="1.6")
    with pytest.raises(NotAllowed):
        desk.tell(_call("a", line, market="baoying"), COUNTY, "zhao")
    for day in (TODAY + timedelta(days=1), TODAY - timedelta(days=30)):
        with pytest.raises(BadInput):
            desk.tell(_call("a", line, day=day), COUNTY, "zhao")
    with pytest.raises(BadInput):
        desk.tell(_call("a", CallLine("unobtainium", mid="1")), COUNTY, "zhao")
    with pytest.raises(BadInput):
        _call("a", line, teller="王五")
    with pytest.raises(BadInput):
        _call("../a", line)


def test_a_first_call_is_held_against_other_sources_of_the_market(desk: PriceDesk, prices: Prices) -> None:
    """Where the telephone has no past of its own, what the market's site says is what is usual."""
    with prices.engine.begin() as connection:
        series = {"id": 1, "source": "shenxian_origin", "market": "shenxian", "name": "番茄", "spec": "", "grade": "", "origin": "",
                  "currency": "CNY", "product": "tomato"}  # fmt: skip
        connection.execute(store.price_series.insert(), series)
        store.append(connection, [
            {"series_id": 1, "valid_date": TODAY - timedelta(days=k), "ordinal": 0, "observed_ms": 1, "low": 3100, "mid": 3200,
             "high": 3300, "mid_kind": "reported", "volume_kg": None, "raw_price": "", "raw_unit": "斤", "run_id": 1, "status": "quoted"}
            for k in range(1, 8)
        ])  # fmt: skip
    assert desk.tell(_call("a", CallLine("tomato", mid="3.3")), COUNTY, "zhao").lines[0].state == "ask"
    assert desk.tell(_call("b", CallLine("tomato", mid="1.7")), COUNTY, "zhao").lines[0].state == "kept"
