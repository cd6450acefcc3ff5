"""Ranges of sequence numbers behave like the set of their numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.sequences import Sequences

spans = st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.lists(st.one_of(st.integers(1, 60), spans)))
def test_ranges_are_a_set(added: list[int | tuple[int, int]]) -> None:
    """After any numbers and ranges in any order: the same members, `add` tells what was new, and the gaps are what is missing."""
    ours, truth = Sequences(), set[int]()
    for one in added:
        if isinstance(one, tuple):
            ours.add_range(*one)
            truth |= set(range(one[0], one[1] + 1))
        else:
            assert ours.add(one) == (one not in truth)
            truth.add(one)
        assert {n for n in range(1, 80) if n in ours} == truth
    assert ours.last == max(truth, default=0)
    missing = set(range(min(truth, default=0), max(truth, default=0))) - truth if truth else set[int]()
    assert {n for a, b in ours.gaps() for n in range(a, b + 1)} == missing
    assert Sequences((a, b) for a, b in ours.ranges).ranges == ours.ranges
