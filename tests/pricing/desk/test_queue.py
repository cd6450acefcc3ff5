"""The reviewer's queue: the most consequential first, by batch, and decided about whole or not at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from foundation.blobs import BlobFolder
from foundation.errors import BadInput, NotFound
from pricing.desk.service import PriceDesk
from pricing.service import Prices
from tests.pricing.desk.test_aside import TODAY, Desk, _past


@pytest.fixture
def desk(lite_prices: Prices, clock: Any, tmp_path: Path) -> PriceDesk:
    """Return a desk where a mapped product tripled, an unmapped one went tenfold, and Baoying's own market doubled."""
    batches = Desk(lite_prices)
    for product, market, mid in (("tomato", "xinfadi", 9000), ("weeds", "xinfadi", 30_000), ("lotus_root", "baoying", 6000)):
        batches.batch(*_past(), product=product, market=market)
        batches.batch((TODAY, mid), product=product, market=market)
    return PriceDesk(lite_prices.engine, clock, BlobFolder(tmp_path))


def test_what_moves_the_board_most_comes_first(desk: PriceDesk, lite_prices: Prices) -> None:
    """Each county sees its own markets and those of nobody; of one batch alone where it is named."""
    with lite_prices.engine.begin() as connection:
        from pricing.store import price_series

        connection.execute(price_series.update().where(price_series.c.name == "weeds").values(product=None))
    assert [w.name for w in desk.waiting("371522")] == ["tomato", "weeds"]
    assert [w.name for w in desk.waiting("321023")] == ["tomato", "lotus_root", "weeds"]
    run = next(b.run_id for b in desk.batches("321023") if b.count == 1)
    assert [w.name for w in desk.waiting("321023", run)] == ["lotus_root"]
    first = desk.waiting("371522")[0]
    assert first.weight(TODAY) > first.weight(TODAY + timedelta(days=3))


def test_several_are_decided_about_together_or_not_at_all(desk: PriceDesk) -> None:
    """One that is another county's among them, and none is decided about."""
    ids = [w.id for w in desk.waiting(None)]
    with pytest.raises(NotFound):
        desk.decide(ids, "released", "staff", county="371522")
    assert len(desk.waiting(None)) == 3
    with pytest.raises(BadInput):
        desk.decide([], "released", "staff")
    desk.decide([w.id for w in desk.waiting("371522")], "rejected", "staff", "slip", county="371522")
    assert [w.name for w in desk.waiting(None)] == ["lotus_root"]
    assert [(d.decision, d.decider, d.why) for d in desk.decided("371522")] == [("rejected", "staff", "slip")] * 2


def test_the_board_is_told_of_what_waits_until_it_is_decided(desk: PriceDesk) -> None:
    """On its day and on the days after, as long as nothing newer stands; not any more once a person decided."""
    for day in (TODAY, TODAY + timedelta(days=2)):
        [note] = [n for n in desk.notes("tomato", "xinfadi", day) if n.code == "set-aside"]
        assert (note.numbers["day"], note.numbers["mid"], note.numbers["usual"]) == (TODAY, 9000, 3000)
    assert "set-aside" not in [n.code for n in desk.notes("tomato", "xinfadi", TODAY - timedelta(days=1))]
    desk.decide([w.id for w in desk.waiting("371522")], "rejected", "staff")
    assert "set-aside" not in [n.code for n in desk.notes("tomato", "xinfadi", TODAY)]


def test_a_market_of_nobody_we_know_waits_at_every_desk(lite_prices: Prices, clock: Any, tmp_path: Path) -> None:
    """A quote of a market only a foreign source knows is not held where no person can see it; it comes last."""
    batches = Desk(lite_prices)
    for market in ("elsewhere", "xinfadi"):
        batches.batch(*_past(), market=market)
        batches.batch((TODAY, 30_000 if market == "elsewhere" else 6000), market=market)
    desk = PriceDesk(lite_prices.engine, clock, BlobFolder(tmp_path))
    assert [w.market for w in desk.waiting("371522")] == ["xinfadi", "elsewhere"]
    desk.decide([w.id for w in desk.waiting("371522")], "rejected", "staff", county="371522")
