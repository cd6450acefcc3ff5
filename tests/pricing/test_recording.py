"""Ordinals do not depend on the order of rows, copies are no second stall, and only real changes are appended."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from pricing.clean import quote_of
from pricing.quotes import Quote, RawQuote
from pricing.recording import Standing, changes, values_of, with_ordinals

DAY = date(2026, 11, 23)
ROWS = st.lists(st.tuples(st.sampled_from(["番茄", "菠菜", "藕"]), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=12)


def _quote(name: str, low: int, more: int) -> Quote:
    found = quote_of(RawQuote("xinfadi", name, DAY, str(low), "", str(low + more), "斤"), "xinfadi", DAY)
    assert isinstance(found, Quote)
    return found


@given(rows=ROWS, data=st.data())
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, int, int]], data: st.DataObject) -> None:
    """However the rows are shuffled and repeated by moving pages, the same keys hold the same prices."""
    quotes = [_quote(*r) for r in rows]
    first, copies = with_ordinals(quotes)
    shuffled = data.draw(st.permutations([*quotes, quotes[0]]))
    second, more_copies = with_ordinals(shuffled)
    assert {k: values_of(q) for k, q in first.items()} == {k: values_of(q) for k, q in second.items()}
    assert len(first) == len(set(rows)) == len(rows) - copies
    assert more_copies == copies + 1


@given(rows=ROWS)
def test_what_stands_already_is_not_appended_again(rows: list[tuple[str, int, int]]) -> None:
    """Comparing a batch with itself changes nothing."""
    keyed, copies = with_ordinals(_quote(*r) for r in rows)
    ids = {key[0]: n for n, key in enumerate(keyed)}
    fresh = changes(keyed, copies, ids, {}, [], 1, 1000)
    assert fresh.new == len(fresh.observed) == len(keyed)
    standing = {(ids[s], d, o): Standing(values_of(q), 1000, q.raw_unit) for (s, d, o), q in keyed.items()}
    again = changes(keyed, copies, ids, standing, list(standing), 2, 2000)
    assert again.observed == []


def test_a_revision_is_always_later_than_what_it_revises() -> None:
    """Two runs in the same millisecond, or a clock that went back, still leave an order in the history."""
    keyed, _ = with_ordinals([_quote("番茄", 2, 1)])
    key = next(iter(keyed))
    standing = {(7, DAY, 0): Standing((1, 1, 1, "midpoint", None), 5000, "斤")}
    found = changes(keyed, 0, {key[0]: 7}, standing, [], 3, 4000)
    assert [(r["observed_ms"], r["status"]) for r in found.observed] == [(5001, "quoted")]


def test_most_rows_vanishing_at_once_is_no_withdrawal() -> None:
    """An incomplete answer must not take the history away."""
    keyed, _ = with_ordinals([_quote("番茄", 2, 1)])
    key = next(iter(keyed))
    standing = {(n, DAY, 0): Standing((1, 1, 1, "midpoint", None), 1, "斤") for n in range(50)}
    found = changes(keyed, 0, {key[0]: 99}, standing, list(standing), 3, 4000)
    assert (found.withdrawn, found.missing) == (0, 50)
