"""The basket index against a page worked by hand: weights, geometric means, carrying, imputing, coverage and the chain."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import pytest

from foundation.errors import BadInput
from pricing.analysis.basket import SHIPPED, Basket, read_baskets
from pricing.analysis.facts import IndexPoint, Weight
from pricing.analysis.index import LEAST_COVERAGE, chained, change_pct, elementary, laspeyres
from pricing.quotes import Window

BASE = Window(date(2026, 1, 1), date(2026, 1, 10))
DAY = date(2026, 2, 1)
Days = list[tuple[date, float]]


def weight(product: str, percent: float, group: str = "greens") -> Weight:
    """Return an item of a basket."""
    return Weight(product, percent, "by hand", date(2026, 1, 1), own=True, group=group)


def basket(*items: Weight, markets: tuple[str, ...] = ("a", "b"), **fields: object) -> Basket:
    """Return a basket of wholesale markets with base 1 to 10 January."""
    return Basket("hand", "371522", "wholesale", BASE, markets, items, **fields)  # type: ignore[arg-type]


def quoted(level: float, *later: tuple[date, float]) -> Days:
    """Return ten base days at one price, and what came later."""
    return [(BASE.start + timedelta(days=k), level) for k in range(10)] + list(later)


TOMATO, CUCUMBER, MELON = weight("tomato", 50), weight("cucumber", 30), weight("melon", 20, "fruit")


def test_a_page_worked_by_hand() -> None:
    """Tomato 1.2 and 1.25 in two markets is √1.5; cucumber fell to 0.9 in one; melon stood still: 100·(0.5·√1.5 + 0.27 + 0.2)."""
    quotes = {
        ("tomato", "a"): quoted(4000, (DAY, 4800)), ("tomato", "b"): quoted(8000, (DAY, 10000)),
        ("cucumber", "a"): quoted(3000, (DAY, 2700)), ("melon", "a"): quoted(7000, (DAY, 7000)), ("melon", "b"): quoted(9000, (DAY, 9000)),
    }  # fmt: skip
    (found,) = laspeyres(basket(TOMATO, CUCUMBER, MELON), quotes, DAY, DAY)
    assert found.value == pytest.approx(100 * (0.5 * math.sqrt(1.5) + 0.3 * 0.9 + 0.2))
    assert (found.coverage, found.carried, found.imputed) == (pytest.approx(1.0), 0.0, pytest.approx(0.0))


def test_the_geometric_mean_does_not_let_one_market_pull() -> None:
    """Doubling in one market and halving in another is no change; the arithmetic mean would say a quarter more."""
    assert elementary([2.0, 0.5]) == pytest.approx(1.0)


def test_the_base_is_the_median_of_its_days_and_needs_ten() -> None:
    """A wild base day does not move the base; a market with nine base days is not in the sample, a basket without any has no index."""
    wild = [(d, 99_000.0 if d == BASE.start else p) for d, p in quoted(4000, (DAY, 4400))]
    (found,) = laspeyres(basket(weight("tomato", 100)), {("tomato", "a"): wild}, DAY, DAY)
    assert found.value == pytest.approx(110.0)
    assert laspeyres(basket(weight("tomato", 100)), {("tomato", "a"): quoted(4000, (DAY, 4400))[1:]}, DAY, DAY) == []


def test_a_relative_is_carried_for_its_days_and_no_longer() -> None:
    """Two days after the last quote it stands, marked as carried; on the third nothing is known, and nothing is shown."""
    quotes = {("tomato", "a"): quoted(4000, (DAY, 4400))}
    found = laspeyres(basket(weight("tomato", 100), carry_days=2), quotes, DAY, DAY + timedelta(days=3))
    assert [p.raw for p in found] == [pytest.approx(110), pytest.approx(110), pytest.approx(110), None]
    assert [(p.coverage, p.carried, p.imputed) for p in found] == [(1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1)]
    # Carried is not quoted: such a day is computed and not shown.
    assert [p.value is None for p in found] == [False, True, True, True]


def test_an_item_without_a_market_moves_with_its_group() -> None:
    """Cucumber is given the greens' mean, which is tomato's; melon has no group left and is given the mean of all."""
    quotes = {("tomato", "a"): quoted(4000, (DAY, 4800)), ("cucumber", "a"): quoted(3000), ("melon", "a"): quoted(7000)}
    (found,) = laspeyres(basket(TOMATO, CUCUMBER, MELON), quotes, DAY, DAY)
    assert found.raw == pytest.approx(120.0)
    assert (found.coverage, found.imputed) == (pytest.approx(0.5), pytest.approx(0.5))
    other = weight("beans", 10, "fruit")
    some = basket(weight("tomato", 60), weight("melon", 30, "fruit"), other)
    quotes = {("tomato", "a"): quoted(4000, (DAY, 4000)), ("melon", "a"): quoted(7000, (DAY, 14000))}
    (found,) = laspeyres(some, quotes, DAY, DAY)
    assert found.value == pytest.approx(100 * (0.6 + 0.3 * 2 + 0.1 * 2))


@pytest.mark.parametrize(("percent", "shown"), [(70, True), (69, False)])
def test_below_seventy_per_cent_nothing_is_shown(percent: float, shown: bool) -> None:
    """At the limit the index is shown; below it only the coverage is told."""
    quotes = {("tomato", "a"): quoted(4000, (DAY, 4400)), ("cucumber", "a"): quoted(3000)}
    (found,) = laspeyres(basket(weight("tomato", percent), weight("cucumber", 100 - percent)), quotes, DAY, DAY)
    assert found.coverage == pytest.approx(percent / 100)
    assert (found.value is not None) is shown and found.raw is not None


def test_half_of_an_items_markets_cover_half_of_its_weight() -> None:
    """Coverage counts what was quoted on the day, market by market."""
    quotes = {("tomato", "a"): quoted(4000, (DAY, 4400)), ("tomato", "b"): quoted(4000, (DAY - timedelta(days=1), 4000))}
    (found,) = laspeyres(basket(weight("tomato", 100)), quotes, DAY, DAY)
    assert (found.coverage, found.carried) == (0.5, 0.5)
    assert found.raw == pytest.approx(100 * math.sqrt(1.1))


def point(day: date, raw: float, coverage: float = 1.0) -> IndexPoint:
    """Return a day of an index."""
    return IndexPoint(day, raw if coverage >= LEAST_COVERAGE else None, raw, coverage, 1 - coverage, 0.0)


def test_the_chain_joins_without_a_step() -> None:
    """At T the old index was 120 and the new one 80, so that 88 of the new is 132; the old one stays as it was up to T."""
    days = [DAY + timedelta(days=k) for k in range(4)]
    old = [point(d, v) for d, v in zip(days, (110.0, 120.0, 500.0, 500.0), strict=True)]
    new = [point(d, v) for d, v in zip(days, (1.0, 80.0, 88.0, 84.0), strict=True)]
    found, link = chained(old, new, Window(days[1], days[1]), ("first", "second"))
    assert [p.raw for p in found] == [110.0, 120.0, pytest.approx(132.0), pytest.approx(126.0)]
    assert (link.factor, link.day, link.old, link.new, link.overlap_days) == (1.5, days[1], "first", "second", 1)
    # Over the join, too, the change is the new index's own.
    assert change_pct(found[2], found[1]) == pytest.approx(10.0)
    over_two, _ = chained(old, new, Window(days[0], days[1]), ("first", "second"))
    assert over_two[2].raw == pytest.approx(88 * 230 / 81)


def test_an_overlap_without_a_covered_day_is_no_overlap() -> None:
    """Days below the limit join nothing."""
    with pytest.raises(ValueError, match="no covered day"):
        chained([point(DAY, 100.0, 0.5)], [point(DAY, 100.0)], Window(DAY, DAY), ("a", "b"))


def test_changes_come_from_the_unrounded_index() -> None:
    """100.04 to 100.16 is 0.12 %; the rounded figures would say 0.2 %."""
    assert change_pct(point(DAY, 100.16), point(DAY, 100.04)) == pytest.approx(0.11995, abs=1e-5)
    assert change_pct(point(DAY, 100.16), point(DAY, 100.04, 0.3)) is None


@pytest.mark.parametrize(
    "change",
    [{"items": (weight("tomato", 99),)}, {"items": ()}, {"items": (weight("tomato", 50), weight("tomato", 50))}, {"markets": ()},
     {"kind": "mixed"}, {"carry_days": -1}, {"county": "x"}, {"items": (weight("tomato", 110), weight("melon", -10))}],
)  # fmt: skip
def test_a_basket_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    """Weights make 100 %, items and markets are there and named once, the kind is one."""
    good: dict[str, object] = {"id": "x", "county": "371522", "kind": "wholesale", "base": BASE, "markets": ("a",),
                               "items": (weight("tomato", 100),)}  # fmt: skip
    Basket(**good)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        Basket(**{**good, **change})  # type: ignore[arg-type]


def test_the_shipped_baskets_say_whose_figures_they_are() -> None:
    """Both counties have one; every weight has a source and a date and is marked as our assumption."""
    for path in sorted(SHIPPED.glob("*.toml")):
        for b in read_baskets(path):
            assert b.county == path.stem
            assert all(w.source and w.date and w.own and w.group for w in b.items)
    assert {p.stem for p in SHIPPED.glob("*.toml")} >= {"371522", "321023"}


def test_a_file_of_baskets_names_its_joins(tmp_path: Path) -> None:
    """The second version without overlap days is refused, as are unreadable and incomplete files."""
    text = (SHIPPED / "321023.toml").read_text(encoding="utf-8")
    second = text[text.index("[[basket]]") :].replace("baoying-2024", "baoying-2027")
    path = tmp_path / "321023.toml"
    path.write_text(text + second, encoding="utf-8")
    with pytest.raises(BadInput, match="joined"):
        read_baskets(path)
    joined = second.replace("carry_days = 3", "carry_days = 3\nlink_start = 2026-12-01\nlink_end = 2026-12-31")
    path.write_text(text + joined, encoding="utf-8")
    assert [b.link for b in read_baskets(path)] == [None, Window(date(2026, 12, 1), date(2026, 12, 31))]
    for broken in ("[[bas", 'county = "321023"', text.replace("percent = 80\n", "")):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(BadInput):
            read_baskets(path)
