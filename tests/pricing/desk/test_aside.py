"""Quotes set aside: they wait off the board, once; a second day, the other markets or a person lets them stand, and all of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from foundation.clock import to_ms
from foundation.errors import BadInput, Conflict, NotFound
from pricing import store
from pricing.desk.aside import hold_back
from pricing.desk.deciding import decide
from pricing.desk.judging import Held
from pricing.desk.tables import quote_aside, quote_aside_decision
from pricing.quotes import Quote, Series
from pricing.recording import Standing, changes, with_ordinals
from pricing.service import Prices

TODAY = date(2026, 11, 23)
NOW = 1_795_000_000_000
USUAL = [3000, 3100, 3000, 2900, 3000, 3000, 3050, 3000]


class Desk:
    """Batches go in as the collector records them."""

    def __init__(self, prices: Prices) -> None:
        self.prices, self.now, self.run = prices, NOW, 0

    def batch(self, *quotes: tuple[date, int], market: str = "xinfadi", source: str = "xinfadi", product: str = "tomato") -> Held:
        """Record (day, middle price) pairs of one series in one transaction, ten seconds after the batch before."""
        series = Series(source, market, product, product=product)
        told = [Quote(series, d, m - 100, m, m + 100, "reported", f"{m / 2000:.2f}", "斤") for d, m in quotes]
        self.now, self.run = self.now + 10_000, self.run + 1
        with self.prices.engine.begin() as connection:
            ids = store.add_series(connection, store.series_ids(connection, source), [series])
            first, last = min(d for d, _ in quotes), max(d for d, _ in quotes)
            around = timedelta(days=14)
            rows = store.current_rows(connection, list(ids.values()), first - around, last + around)
            standing = {(r[0], r[1], r[2]): Standing((r[3], r[4], r[5], r[6], r[7]), r[8], r[9]) for r in rows}
            keyed, copies = with_ordinals(told)
            held = hold_back(connection, ids, keyed, standing, self.run, self.now)
            expected = [k for k in standing if first <= k[1] <= last and k[:2] not in held.days]
            change = changes(held.quotes, copies, ids, standing, expected, self.run, self.now)
            store.append(connection, [*change.observed, *held.observed])
        return held

    def decide(self, aside: int, decision: str, who: str = "staff-1", why: str = "") -> None:
        """Decide as a person."""
        self.now += 10_000
        with self.prices.engine.begin() as connection:
            decide(connection, aside, decision, who, why, self.now)

    def mids(self, market: str = "xinfadi") -> dict[date, int]:
        """Return what stands."""
        return {p.valid_date: p.mid for p in self.prices.series("tomato", market, TODAY - timedelta(days=60), TODAY)}

    def states(self) -> list[tuple[int, str]]:
        """Return (middle price, state) of all that was ever set aside."""
        with self.prices.engine.begin() as connection:
            return [(r.mid, r.state) for r in connection.execute(select(quote_aside).order_by(quote_aside.c.id))]

    def decisions(self) -> list[tuple[str, str, str]]:
        """Return (decision, decider, why) in order."""
        t = quote_aside_decision.c
        with self.prices.engine.begin() as connection:
            return [tuple(r) for r in connection.execute(select(t.decision, t.decider, t.why).order_by(t.aside_id, t.number))]


def _past(days: int = 8, end: date = TODAY - timedelta(days=1), mids: Sequence[int] = USUAL) -> list[tuple[date, int]]:
    return [(end - timedelta(days=days - 1 - k), mids[k]) for k in range(days)]


@pytest.fixture
def desk(prices: Prices) -> Desk:
    """Return a desk with eight usual days behind it."""
    made = Desk(prices)
    made.batch(*_past())
    return made


def test_a_doubled_price_waits_and_the_board_keeps_yesterday(desk: Desk) -> None:
    """It is kept with reason and figures, does not stand, and the same answer again queues nothing and changes nothing."""
    assert desk.batch((TODAY, 6000)).aside == 1
    for _ in range(2):
        again = desk.batch((TODAY, 6000))
        assert (again.aside, again.waiting) == (0, 1)
    assert desk.states() == [(6000, "open")]
    assert max(desk.mids()) == TODAY - timedelta(days=1)
    row = next(r for r in desk.prices.board(None, TODAY) if r.market == "xinfadi")
    assert (row.mid, row.age_days) == (3000, 1)


def test_a_revision_that_is_odd_leaves_what_stands(desk: Desk) -> None:
    """The day keeps its price: it is neither replaced nor taken for withdrawn, and put right again nothing is left waiting."""
    desk.batch((TODAY, 3000))
    assert desk.batch((TODAY, 6000)).aside == 1
    assert desk.mids()[TODAY] == 3000
    desk.batch((TODAY, 3000))
    assert desk.states() == [(6000, "superseded")]
    assert desk.decisions() == [("superseded", "", "said-otherwise")]


def test_a_second_day_at_the_new_level_releases_both(desk: Desk) -> None:
    """A level that lasts is the market; the day set aside is recorded as observed now, under the run that brought it."""
    desk.batch((TODAY - timedelta(days=1), 5000))
    brought = desk.run
    held = desk.batch((TODAY, 5100))
    assert (held.aside, held.released) == (0, 1)
    assert desk.mids()[TODAY - timedelta(days=1)] == 5000 and desk.mids()[TODAY] == 5100
    assert desk.decisions() == [("released", "", "second-day")]
    with desk.prices.engine.begin() as connection:
        t = store.quote_obs.c
        seen = connection.execute(select(t.run_id, t.observed_ms).where(t.mid == 5000)).all()
    assert [tuple(r) for r in seen] == [(brought, desk.now)]


def test_a_history_holds_back_only_what_returned(prices: Prices) -> None:
    """In one batch of many days a level that lasted passes at once; the day that jumped and fell back waits."""
    desk = Desk(prices)
    days = [
        *_past(8, TODAY - timedelta(days=9)),
        *((TODAY - timedelta(days=8 - k), m) for k, m in enumerate((5200, 5300, 9900, 5200, 5200))),
    ]
    assert desk.batch(*days).aside == 1
    assert [mid for mid, _ in desk.states()] == [9900]
    assert desk.mids()[TODAY - timedelta(days=8)] == 5200


def test_a_unit_is_not_released_by_being_repeated(desk: Desk) -> None:
    """Twice the price while two other markets stayed waits for a person on every day; so does ten times with nobody to ask."""
    for market in ("zhongcai", "lianyi"):
        desk.batch(*_past(), (TODAY, 3000), market=market, source="ncpscxx")
    yesterday = TODAY - timedelta(days=1)
    assert desk.batch((yesterday, 6000)).aside == 1
    assert desk.batch((yesterday, 6000), (TODAY, 6000)).aside == 1
    assert [s for _, s in desk.states()] == ["open", "open"]


def test_what_the_others_made_too_is_released_when_they_have_spoken(desk: Desk) -> None:
    """Alone in the morning it waits; at noon two markets show the same move, and the next round lets it stand."""
    assert desk.batch((TODAY, 6000)).aside == 1
    for market in ("zhongcai", "lianyi"):
        # These two have too short a past to be judged themselves.
        desk.batch((TODAY - timedelta(days=1), 3200), (TODAY, 6300), market=market, source="ncpscxx")
    assert desk.batch((TODAY, 6000)).released == 1
    assert desk.mids()[TODAY] == 6000
    assert desk.decisions() == [("released", "", "fits-now")]


def test_a_person_releases_and_rejects_and_may_think_again(desk: Desk) -> None:
    """Released it stands from that moment, rejected it stays out however often it is said; every decision is kept with its author."""
    desk.batch((TODAY, 6000))
    desk.decide(1, "rejected", why="asked the market: a slip")
    assert desk.batch((TODAY, 6000)).waiting == 1 and TODAY not in desk.mids()
    desk.decide(1, "released", "staff-2")
    desk.decide(1, "released", "staff-3")
    assert desk.mids()[TODAY] == 6000 and desk.batch((TODAY, 6000)).aside == 0
    desk.decide(1, "rejected", "staff-2")
    assert TODAY not in desk.mids()
    assert [d[:2] for d in desk.decisions()] == [("rejected", "staff-1"), ("released", "staff-2"), ("rejected", "staff-2")]
    assert desk.batch((TODAY, 6000)).waiting == 1 and TODAY not in desk.mids()


def test_a_decision_needs_a_person_and_something_to_decide(desk: Desk) -> None:
    """Nobody, nonsense, an unknown quote and one that is no longer said are refused."""
    desk.batch((TODAY, 6000))
    with pytest.raises(BadInput):
        desk.decide(1, "released", "")
    with pytest.raises(BadInput):
        desk.decide(1, "deleted")
    with pytest.raises(NotFound):
        desk.decide(9, "released")
    desk.batch((TODAY, 3000))
    with pytest.raises(Conflict):
        desk.decide(1, "released")


def test_as_known_before_the_release_it_did_not_stand(desk: Desk, clock: Any) -> None:
    """History answers as it was known: a quote that was released later was not there before."""
    desk.batch((TODAY, 6000))
    before = desk.now
    desk.decide(1, "released")
    known = desk.prices.series("tomato", "xinfadi", TODAY, TODAY, as_of_ms=before)
    assert known == [] and desk.mids()[TODAY] == 6000
    assert to_ms(clock.now()) > 0
