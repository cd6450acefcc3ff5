"""The season's plan and its bodies: the same for the same seed, possible in its order, signed as the log wants it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from datetime import date
from itertools import pairwise

import pytest
import rfc8785
from nacl.signing import SigningKey

from simulators.scenario import BAOYING, SHENXIAN
from simulators.season_bodies import envelope
from simulators.season_calendar import POND_CALENDAR, crops, day_number
from simulators.season_plan import live, live_trip, season, trips
from simulators.timegrid import start_of
from traceability.authors import Envelope
from traceability.events import TraceEvent, read_event
from traceability.limits import Limits, sample_limits
from traceability.lots import Lot, apply, check
from traceability.past import Past
from traceability.required import check_required
from traceability.rules import check_trade

SEED = 522
DAYS = [day_number(date(2026, month, 23)) for month in (1, 4, 7, 11)]


@pytest.mark.parametrize("today", DAYS)
def test_a_season_is_possible_in_its_order_and_keeps_mass(today: int) -> None:
    """Whenever the demo begins, every event of its history is accepted by the rules of the log, one after the other."""
    lots: dict[str, Lot] = {}
    kinds: Counter[str] = Counter()
    past, limits = Past(), Limits(sample_limits())
    for told in season(SEED, today, today):
        event = _read(told.body(SEED))
        check(event, lots)
        check_required(event)
        product = lots[event.lots[0]].product if event.lots[0] in lots else ""
        check_trade(event, past, (limits, product))
        past.note(event)
        apply(event, lots)
        kinds[event.kind.name] += 1
    produce = [x for x in lots.values() if x.kind == "produce"]
    assert len({x.plot for x in produce if x.planted_ms}) >= 45
    assert {x.county for x in produce} == {SHENXIAN, BAOYING}
    assert {
        "plant",
        "input_bought",
        "input_used",
        "harvest",
        "sample",
        "test",
        "judge",
        "certificate",
        "correct",
        "split",
        "pack",
        "ship",
        "receive",
    } <= kinds.keys()
    assert {x.state for x in produce} >= {"growing", "in_stock", "received"}


def test_the_same_seed_writes_the_same_events_and_another_others() -> None:
    """Ids and bodies hang on the seed, the season's first day and the plan alone, and tomorrow only adds to today."""
    today = DAYS[3]
    first = [t.body(SEED) for t in season(SEED, today, today)]
    tomorrow = {b["eventID"]: b for b in (t.body(SEED) for t in season(SEED, today, today + 1))}
    assert all(tomorrow[b["eventID"]] == b for b in first) and len(tomorrow) > len(first)
    assert not {b["eventID"] for b in first} & {t.body(SEED + 1)["eventID"] for t in season(SEED + 1, today, today)}
    assert len({b["eventID"] for b in first}) == len(first)


def test_ponds_keep_the_calendar_of_lotus() -> None:
    """Lotus root is planted in April and dug from late August on; sprouts are pulled in early summer."""
    for crop in crops(SEED, DAYS[3], DAYS[3]):
        if crop.county == BAOYING:
            month = date.fromordinal(crop.planted + date(1970, 1, 1).toordinal()).month
            assert month in (POND_CALENDAR[crop.plot.product][0], POND_CALENDAR[crop.plot.product][0] + 1)


def test_a_live_round_is_a_whole_small_history() -> None:
    """An accelerated round picks, packs, inspects and ships in slot order, arrives ten minutes later, and says that it is accelerated."""
    today = DAYS[3]
    group = start_of(today) // 125_000 + 300
    told = live(SEED, today, today, group, 25_000, 5)
    events = [_read(t.body(SEED)) for t in told]
    assert [e.kind.name for e in events] == ["harvest", "pack", "sample", "test", "judge", "certificate", "ship", "receive"]
    assert [t.time_ms - told[0].time_ms for t in told] == [0, 25_000, 44_000, 47_000, 50_000, 55_000, 75_000, 675_000]
    assert all(e.body["suhe:note"] == "演示：加速" for e in events)
    assert told == live(SEED, today, today, group, 25_000, 5)


def test_in_each_county_a_truck_is_always_on_the_road() -> None:
    """Whatever the month, at every moment each county has an accelerated truck under way, and none is in two places."""
    for today in DAYS:
        first = start_of(today) // 125_000
        rounds = [live_trip(live(SEED, today, today, group, 25_000, 5)) for group in range(first, first + 60)]
        driven = [trip for trip in rounds if trip is not None]
        for county in ("sx", "by"):
            ways = [t for t in driven if t.carrier == f"{county}-carrier-01"]
            assert len(ways) == 30 and all(b.departs_ms < a.arrives_ms for a, b in pairwise(ways))
        for truck in {t.truck for t in driven}:
            ways = [t for t in driven if t.truck == truck]
            assert all(a.arrives_ms <= b.departs_ms for a, b in pairwise(ways)), truck


def test_a_truck_is_on_one_trip_at_a_time_and_the_shipment_names_it() -> None:
    """Recorders travel on the shipments of sixty days, none on two at once; the plan's trips are what the bodies say, today as tomorrow."""
    today = DAYS[3]
    ships = {t.key: t.fields.get("suhe:recorder") for t in season(SEED, today, today) if t.fields["bizStep"] == "shipping"}
    driven = trips(SEED, today, today)
    assert {t.key: t.truck for t in driven} == {key: truck for key, truck in ships.items() if truck}
    assert None in ships.values() and len(driven) > 50 and set(driven) <= set(trips(SEED, today, today + 1))
    for truck in {t.truck for t in driven}:
        ways = [t for t in driven if t.truck == truck]
        assert all(a.arrives_ms <= b.departs_ms for a, b in pairwise(ways)), truck


def test_an_envelope_holds_exactly_what_was_signed() -> None:
    """The text in the envelope is canonical and the signature is over its bytes."""
    seed = SigningKey(b"\x05" * 32)
    told = season(SEED, DAYS[3], DAYS[3])[0]
    key = hashlib.sha256(bytes(seed.verify_key)).hexdigest()[:16]
    sealed = envelope(told.body(SEED), {"key": key, "seed": bytes(seed).hex()})
    text = sealed["body"].encode()
    assert text == rfc8785.dumps(told.body(SEED)) and sealed["key"] == key
    seed.verify_key.verify(text, base64.b64decode(sealed["signature"]))
    assert Envelope(text, key, b"").body == text


def _read(body: dict[str, object]) -> TraceEvent:
    return read_event(rfc8785.dumps(body))
