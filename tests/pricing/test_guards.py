"""A batch that is not what the source usually says is told as a whole; an honest busy day is not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pricing.clean import quote_of
from pricing.guards import Finding, Usual, inspect, median_moves
from pricing.quotes import Quote, RawQuote, Window
from pricing.source import Page

DAY = date(2026, 11, 23)
NAMES = ("番茄", "黄瓜", "茄子", "大蒜", "土豆")
SHAPE = frozenset({"name", "price"})


def _raws(factor: float = 1.0, names: tuple[str, ...] = NAMES, day: date = DAY) -> list[RawQuote]:
    return [RawQuote("xinfadi", n, day, f"{k * factor:.2f}", "", f"{(k + 1) * factor:.2f}", "斤") for k, n in enumerate(names, 1)]


def _quotes(raws: list[RawQuote]) -> list[Quote]:
    return [q for r in raws if isinstance(q := quote_of(r, "xinfadi", r.day), Quote)]


def _known(day: date, factor: float = 1.0) -> dict[tuple[str, ...], dict[date, int]]:
    return {q.series.key: {day: q.mid} for q in _quotes(_raws(factor, day=day))}


def _fatal(found: list[Finding]) -> list[str]:
    return [f.text for f in found if f.fatal]


def _inspect(raws: list[RawQuote], *, known=None, usual: Usual | None = None, total: int | None = None, window: Window | None = None):
    page = Page(raws, total, SHAPE, 1, len(raws))
    return inspect(window or Window(DAY, DAY), [page], _quotes(raws), [], known or {}, usual or Usual(SHAPE, 5.0, 0.0))


@pytest.mark.parametrize("factor", [0.5, 2.0, 500.0])
def test_a_switched_unit_is_seen_in_all_prices_at_once(factor: float) -> None:
    """斤 for 公斤, 公斤 for 斤, 吨 for 公斤: every one moves the median by more than any honest day."""
    assert any("unit" in text for text in _fatal(_inspect(_raws(factor), known=_known(DAY - timedelta(days=1)))))


def test_an_honest_jump_of_some_products_is_no_switch() -> None:
    """Two products that double overnight do not condemn the others."""
    raws = _raws()
    raws = [
        RawQuote(r.market, r.name, r.day, str(float(r.low) * 2), "", str(float(r.high) * 2), r.unit) if k < 2 else r
        for k, r in enumerate(raws)
    ]
    assert not _fatal(_inspect(raws, known=_known(DAY - timedelta(days=1))))


def test_the_nearest_standing_price_is_compared_on_either_side() -> None:
    """History is fetched backwards: a block is compared with what follows it as well as with what precedes it."""
    assert median_moves(_quotes(_raws(2.0)), _known(DAY + timedelta(days=3)))["xinfadi"] == pytest.approx(0.693, abs=0.02)
    assert median_moves(_quotes(_raws(1.0)), _known(DAY - timedelta(days=3)))["xinfadi"] == pytest.approx(0.0)
    assert median_moves(_quotes(_raws()), {}) == {}


def test_no_rows_and_too_few_rows_are_told_apart_from_holidays() -> None:
    """Nothing or a twentieth of the usual is fatal on a market day and nothing special at Spring Festival."""
    assert _fatal(_inspect([]))
    few = Usual(SHAPE, 100.0, 0.0)
    assert _fatal(_inspect(_raws(), usual=few))
    assert not _fatal(_inspect(_raws(), usual=Usual(SHAPE, 12.0, 0.0)))  # fewer than half: a warning
    festival = Window(date(2026, 2, 17), date(2026, 2, 19))
    assert not _fatal(_inspect([], window=festival))
    assert not _fatal(_inspect(_raws(), usual=few, window=festival))


def test_missing_columns_are_fatal_and_new_ones_are_told() -> None:
    """A column less is another format; a column more is only worth a note."""
    assert _fatal(_inspect(_raws(), usual=Usual(SHAPE | {"unit"}, 5.0, 0.0)))
    found = _inspect(_raws(), usual=Usual(frozenset({"name"}), 5.0, 0.0))
    assert not _fatal(found)
    assert [f.text for f in found] == ["new columns: price"]


def test_fewer_rows_than_promised_is_fatal() -> None:
    """A site that says seven and gives five held something back."""
    assert _fatal(_inspect(_raws(), total=7)) == ["5 rows received of 7 promised"]
    assert not _fatal(_inspect(_raws(), total=5))


def test_names_that_mean_nothing_all_at_once_are_fatal() -> None:
    """A site whose names are suddenly strange changed its language or its goods."""
    strange = tuple(f"品{k}" for k in range(5))
    assert _fatal(_inspect(_raws(names=strange)))
    assert not _fatal(_inspect(_raws(names=strange), usual=Usual(SHAPE, 5.0, 1.0)))
