"""Every number leads to what a site really said."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import httpx

from foundation.clock import FixedClock, market_day
from pricing.quotes import Window
from pricing.service import Prices
from tests.pricing.conftest import Sites


def test_a_price_leads_to_its_payload_and_a_revision_keeps_the_first(
    prices: Prices, sites: Sites, client: httpx.Client, clock: FixedClock
) -> None:
    """Each observation of a day names its text, its run and a kept payload of that hash; after a revision both are there, one stands."""
    today = market_day(clock.now())
    window = Window(today, today)
    assert prices.collect("xinfadi", sites.addresses["xinfadi"], window, client).state == "ok"
    first = prices.observations("tomato", "xinfadi", today)
    assert len(first) == 2 and all(o.stands and o.raw_unit == "斤" and o.raw_price.count("|") == 2 for o in first)
    point = prices.series("tomato", "xinfadi", today, today)[0]
    assert point.low == min(o.low for o in first) and point.high == max(o.high for o in first)
    kept = first[0].payloads[0]
    assert len(kept.sha256) == len(hashlib.sha256().hexdigest()) and kept.size > 100
    clock.advance(timedelta(hours=3))
    prices.collect("xinfadi", sites.addresses["xinfadi"], window, client)
    later = prices.observations("tomato", "xinfadi", today)
    assert len(later) >= len(first)
    assert sum(o.stands for o in later) == len(first)
    assert {(o.mid, o.observed_ms) for o in first} <= {(o.mid, o.observed_ms) for o in later}


def test_an_unknown_day_has_no_observations(lite_prices: Prices) -> None:
    """Nothing is made up for a day nobody quoted."""
    assert lite_prices.observations("tomato", "xinfadi", market_day(lite_prices._clock.now())) == []
