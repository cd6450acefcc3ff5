"""The scenario: its size, its ids, its references."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter

import pytest

from foundation.ids import ID_PATTERN, check_county
from simulators.scenario import BAOYING, SHENXIAN, scenario
from simulators.sensors import SENSORS

WORLD = scenario()


def test_two_counties_as_the_demo_promises() -> None:
    """Shenxian has twenty vegetable bases with greenhouses, Baoying six lotus bases with ponds, one gateway each."""
    bases = Counter(b.county for b in WORLD.bases)
    assert bases == {SHENXIAN: 20, BAOYING: 6}
    assert [b.id for b in WORLD.bases][:2] == ["sx-01", "sx-02"] and WORLD.bases[-1].id == "by-06"
    kinds = {b.county: {p.kind for p in WORLD.plots_of(b.id)} for b in WORLD.bases}
    assert kinds == {SHENXIAN: {"greenhouse"}, BAOYING: {"pond"}}
    assert sorted(g.base for g in WORLD.gateways) == sorted(b.id for b in WORLD.bases)


def test_history_is_large_enough() -> None:
    """Sixty days of the regular channels are more than three million readings even after the planted drop-outs."""
    per_day = sum(86_400 // c.interval_s for d in WORLD.devices for c in d.channels)
    assert per_day * 60 >= 3_150_000
    assert 350 <= sum(c.interval_s == 600 for d in WORLD.devices for c in d.channels) <= 400


def test_every_kind_of_device_stands_in_the_field() -> None:
    """Weather, water level and quality, soil, greenhouse climate, spore traps and pest lamps are all there."""
    kinds = Counter(d.kind for d in WORLD.devices)
    assert set(kinds) == {"weather_station", "water_level", "water_quality", "soil", "greenhouse_climate", "spore_trap", "pest_lamp"}
    assert kinds["weather_station"] == 26


def test_ids_are_usable_and_unique_and_references_hold() -> None:
    """Every id may stand in a topic, none is used twice, and everything named exists."""
    for things in (WORLD.parties, WORLD.products, WORLD.bases, WORLD.plots, WORLD.gateways, WORLD.devices):
        ids = [t.id for t in things]
        assert len(set(ids)) == len(ids)
        assert all(ID_PATTERN.match(i) for i in ids)
    counties = {check_county(c.code) for c in WORLD.counties}
    parties, bases, plots = ({t.id: t for t in things} for things in (WORLD.parties, WORLD.bases, WORLD.plots))
    varieties = {p.id: {v.id for v in p.varieties} for p in WORLD.products}
    gateways = {g.id: g for g in WORLD.gateways}
    assert all(parties[b.party].county == b.county and b.county in counties for b in WORLD.bases)
    assert all(p.base in bases and p.id.startswith(p.base) and p.variety in varieties[p.product] for p in WORLD.plots)
    for d in WORLD.devices:
        assert d.base in bases and gateways[d.gateway].base == d.base
        assert d.plot is None or plots[d.plot].base == d.base
        assert {c.code for c in d.channels} <= set(SENSORS)


def test_roles_a_season_needs() -> None:
    """Both counties have growers, a processor, a carrier, an inspector, a retailer and an office."""
    for county in (SHENXIAN, BAOYING):
        for role in ("cooperative", "processor", "carrier", "inspector", "retailer", "county"):
            assert WORLD.parties_with(role, county), (county, role)


def test_nobody_real_is_meant() -> None:
    """Every invented organisation says in both languages that it is an example."""
    assert all("示例" in p.name_zh and "Example" in p.name_en for p in WORLD.parties)


def test_the_same_at_every_call() -> None:
    """The scenario is one value."""
    assert scenario() is scenario()


def test_plots_are_as_large_as_they_say_and_do_not_overlap() -> None:
    """An outline encloses the plot's area, and plots of a base lie apart."""
    for base in WORLD.bases:
        boxes = []
        for plot in WORLD.plots_of(base.id):
            ring = json.loads(plot.outline or "")["coordinates"][0]
            east, north = [x for x, _ in ring], [y for _, y in ring]
            metres = (max(east) - min(east)) * 111_320 * math.cos(math.radians(plot.lat)), (max(north) - min(north)) * 111_320
            assert metres[0] * metres[1] == pytest.approx(plot.area_mu * 2_000 / 3, rel=0.03)
            boxes.append((min(north), max(north)))
        assert all(a[1] < b[0] for a, b in itertools.pairwise(sorted(boxes)))
