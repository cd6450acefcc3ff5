"""What a trip costs: items worked out by hand, the toll rule at its edge, and figures that name their source."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from logistics.distance import Matrix, Tortuous, great_circle_km, road_km, way_metres
from logistics.places import MARKET_PLACES, Place
from logistics.tariff import CURRENT, FOLDER, read_tariff, tariff_of, trip_cost
from pricing.markets import MARKETS

TARIFF = tariff_of()
MEDIUM = TARIFF.truck("medium")


def told() -> dict[str, Any]:
    return copy.deepcopy(tomllib.loads((FOLDER / f"{CURRENT}.toml").read_text(encoding="utf-8")))


def test_a_trip_is_the_sum_of_its_items_worked_out_by_hand() -> None:
    """5,000 kg over 100 km in a 6.8 m truck, one stop, empty back: each item as the tariff's figures give it."""
    cost = trip_cost(TARIFF, MEDIUM, loaded_m=100_000, return_m=100_000, kg=5_000, stops=1)
    drive_s = 100_000 * 3600 * 1083 // 65_000_000
    assert TARIFF.drive_seconds(100_000) == drive_s == 5998
    seconds = drive_s + 2 * 15 * 60 + 2 * 7 * 60 * 5
    assert (cost.fixed_fen, cost.distance_fen, cost.handling_fen) == (42_000, 100 * 320, 2 * 5 * 1500)
    assert (cost.seconds, cost.driver_fen, cost.cooling_fen) == (seconds, seconds * 4000 // 3600, 0)
    assert (cost.toll_fen, cost.toll_reason, cost.fill_percent) == (100 * 90, "due_not_full", 65)  # 417 of 640 crates
    assert cost.empty_return_fen == 100 * (320 + 90) // 2
    assert cost.total_fen == 42_000 + 32_000 + 9_000 + cost.driver_fen + 15_000 + 20_500


@pytest.mark.parametrize(("kg", "reason"), [(7199, "free_volume"), (7200, "free_mass"), (6132, "due_not_full"), (6133, "free_volume")])
def test_toll_is_free_from_exactly_eighty_percent(kg: int, reason: str) -> None:
    """80 % of 9,000 kg is 7,200; 80 % of 640 crates is 512, which 6,133 kg reach and 6,132 kg do not."""
    cost = trip_cost(TARIFF, MEDIUM, loaded_m=50_000, return_m=0, kg=kg, stops=1)
    assert cost.toll_reason == reason
    assert (cost.toll_fen == 0) is cost.toll_free is (reason != "due_not_full")


def test_one_load_that_is_not_fresh_pays_toll_however_full() -> None:
    """The rule frees whole vehicles of listed fresh produce only."""
    full = trip_cost(TARIFF, MEDIUM, loaded_m=50_000, return_m=0, kg=7_600, stops=1, fresh=False)
    assert (full.toll_reason, full.toll_fen) == ("due_not_fresh", 50 * 90)


def test_a_reefer_costs_more_carries_less_and_pays_for_cooling() -> None:
    """Derived from the dry truck by the tariff's percentages."""
    reefer = TARIFF.truck("medium_reefer")
    assert (reefer.payload_kg, reefer.fixed_fen, reefer.fen_per_km, reefer.reefer) == (8_370, 54_600, 400, True)
    cold, dry = (trip_cost(TARIFF, t, loaded_m=80_000, return_m=80_000, kg=4_000, stops=2) for t in (reefer, MEDIUM))
    assert cold.cooling_fen == cold.seconds * 1500 // 3600 > 0
    assert cold.total_fen > dry.total_fen


@pytest.mark.parametrize("kg", [0, -5, 9_001])
def test_a_truck_never_carries_nothing_or_too_much(kg: int) -> None:
    """An overload is refused with what the truck may carry, not priced."""
    with pytest.raises(BadInput, match="9000 kg"):
        trip_cost(TARIFF, MEDIUM, loaded_m=1000, return_m=0, kg=kg, stops=1)


@given(st.integers(1, 7_600), st.integers(0, 2_000_000), st.integers(0, 2_000_000))
def test_a_longer_way_never_costs_less(kg: int, a: int, b: int) -> None:
    """With the same load, cost rises with the way."""
    near, far = sorted((a, b))
    costs = [trip_cost(TARIFF, MEDIUM, loaded_m=m, return_m=m, kg=kg, stops=1).total_fen for m in (near, far)]
    assert costs[0] <= costs[1]


@pytest.mark.parametrize("group", ["reefer", "toll", "driver", "handling", "empty_return", "trucks.small"])
@pytest.mark.parametrize("field", ["kind", "source", "as_of"])
def test_no_figure_without_kind_source_and_date(group: str, field: str) -> None:
    """A tariff with a group that does not say where it comes from is refused by the group's name."""
    broken = told()
    part = broken["trucks"]["small"] if group == "trucks.small" else broken[group]
    part[field] = ""
    with pytest.raises(BadInput, match=group):
        read_tariff(broken)


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    """The error lists what there is."""
    with pytest.raises(BadInput, match=CURRENT):
        tariff_of("1999-01")


def test_every_market_has_a_place() -> None:
    """Wherever a price is quoted, a truck can be sent."""
    ours = {k: m for k, m in MARKETS.items() if m.comparable}
    assert set(MARKET_PLACES) == set(ours)
    assert {k: p.name_zh for k, p in MARKET_PLACES.items()} == {k: m.name_zh for k, m in ours.items()}


def test_road_distances_are_plausible_and_symmetric() -> None:
    """Great circle by the haversine; the detour falls from 1.35 next door to 1.18 on trunk roads."""
    berlin, paris = Place("b", "柏林", "Berlin", 52.52, 13.405), Place("p", "巴黎", "Paris", 48.8566, 2.3522)
    assert great_circle_km(berlin, paris) == pytest.approx(877.5, abs=1.5)
    assert road_km(berlin, paris) / great_circle_km(berlin, paris) == pytest.approx(1.18, abs=0.001)
    near = Place("n", "近", "Near", 52.53, 13.405)
    assert road_km(berlin, near) / great_circle_km(berlin, near) == pytest.approx(1.347, abs=0.003)
    assert road_km(berlin, berlin) == 0
    assert way_metres(Tortuous(), (berlin, paris, berlin)) == 2 * Tortuous().metres(paris, berlin)


def test_a_distance_table_never_guesses() -> None:
    """A missing pair is an error that names it."""
    a, b = MARKET_PLACES["shenxian"], MARKET_PLACES["xinfadi"]
    table = Matrix("county table of 2026-10", {("shenxian", "xinfadi"): 470_000})
    assert (table.metres(a, b), table.metres(a, a)) == (470_000, 0)
    with pytest.raises(BadInput, match="xinfadi to shenxian"):
        table.metres(b, a)
