"""A batch that is not what the source usually says is told as a whole; an honest busy day is not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pricing.calendar import WORKDAYS, Calendar
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


def test_days_that_are_over_are_compared_with_the_same_weekday() -> None:
    """Half the usual rows of such a weekday is worth a word, a tenth is fatal; a day that is not over has not all its rows."""
    usual = Usual(SHAPE, 1.0, 0.0, {DAY.weekday(): 100.0})
    tomorrow = DAY + timedelta(days=1)

    def found(rows: int, today: date) -> list[Finding]:
        raws = [RawQuote("xinfadi", NAMES[0], DAY, f"{k + 1}", "", f"{k + 2}", "斤") for k in range(rows)]
        return inspect(Window(DAY, DAY), [Page(raws, None, SHAPE, 1, rows)], _quotes(raws), [], {}, usual, today=today)

    assert [(f.fatal, f.signal, f.promised, f.came) for f in found(9, tomorrow)] == [(True, "b", "100", "9")]
    assert [f.fatal for f in found(49, tomorrow)] == [False]
    assert found(50, tomorrow) == []
    assert found(9, DAY) == []  # today, at six in the morning


def test_a_market_day_without_a_row_is_told_and_a_closed_one_is_not() -> None:
    """Of three days one is silent: a warning with its date; where the site says that the market rested, nothing."""
    days = [DAY - timedelta(days=k) for k in (3, 2, 1)]
    usual = Usual(SHAPE, 5.0, 0.0, {d.weekday(): 5.0 for d in days})
    raws = [*_raws(day=days[0]), *_raws(day=days[2])]
    page = Page(raws, None, SHAPE, 1, len(raws))
    window = Window(days[0], days[2])
    told = inspect(window, [page], _quotes(raws), [], {}, usual, today=DAY)
    assert [(f.fatal, f.text) for f in told] == [(False, f"no rows of {days[1]}")]
    rested = Page(raws, None, SHAPE, 1, len(raws), closed=[("xinfadi", days[1])])
    assert inspect(window, [rested], _quotes(raws), [], {}, usual, today=DAY) == []


def test_days_on_which_a_source_does_not_quote_are_not_missed() -> None:
    """A source that rests at weekends owes nothing on a Sunday, and one whose only day is not over owes nothing yet."""
    sunday = date(2026, 11, 22)
    weekend = Window(sunday - timedelta(days=1), sunday)
    office = Calendar(weekdays=WORKDAYS)
    empty = Page([], None, frozenset(), 1, 0)
    usual = Usual(SHAPE, 100.0, 0.0)
    assert inspect(weekend, [empty], [], [], {}, usual, today=DAY, calendar=office) == []
    assert [f.fatal for f in inspect(weekend, [empty], [], [], {}, usual, today=DAY)] == [True]
    assert [f.fatal for f in inspect(Window(DAY, DAY), [empty], [], [], {}, usual, today=DAY)] == [False]


def test_rows_of_markets_that_never_quoted_here_are_fatal_when_they_are_most() -> None:
    """A few new markets are a longer list; most rows from elsewhere are another site."""
    known = _known(DAY - timedelta(days=1))
    strange = [RawQuote("elsewhere", r.name, r.day, r.low, "", r.high, r.unit) for r in _raws()]
    assert [f.signal for f in _inspect(strange, known=known) if f.fatal] == ["c"]
    few = [*_raws(), RawQuote("elsewhere", "番茄", DAY, "1", "", "2", "斤")]
    assert not _fatal(_inspect(few, known=known))


def test_half_of_the_rows_in_other_units_is_fatal() -> None:
    """A source that changes what its numbers are per waits for a person, even where it says so."""
    usual = Usual(SHAPE, 5.0, 0.0, {}, {"斤": 100, "公斤": 5})
    said = [RawQuote("xinfadi", n, DAY, "2", "", "3", "公斤") for n in NAMES * 2]
    (found,) = [f for f in _inspect(said, usual=usual) if f.fatal]
    assert (found.signal, found.promised, found.came) == ("d", "斤 95%, 公斤 5%", "公斤 100%")
    same = [RawQuote("xinfadi", n, DAY, "2", "", "3", "斤") for n in NAMES * 2]
    assert not _fatal(_inspect(same, usual=usual))
    assert not _fatal(_inspect(said[:5], usual=usual))  # too few to tell


def test_every_finding_says_its_signal_and_what_was_expected() -> None:
    """Whoever looks at a batch reads which of the six signals spoke, what was to be expected and what came."""
    found = [
        *_inspect(_raws(2.0), known=_known(DAY - timedelta(days=1)), total=9, usual=Usual(SHAPE | {"unit"}, 500.0, 0.0)),
        *_inspect(_raws(names=tuple(f"品{k}" for k in range(5)))),
    ]
    assert {f.signal for f in found if f.fatal} == {"a", "b", "c", "e", "f"}
    assert all(f.came for f in found)
