"""The soft gate on two years of Xinfadi's vegetables: how many quotes it sets aside, and how many planted errors it catches."""

from __future__ import annotations

import csv
import gzip
import math
import random
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection

from foundation.database import metadata, open_engine
from pricing import store
from pricing.clean import quote_of
from pricing.desk.aside import hold_back
from pricing.desk.soft_gate import Triple, confirms, judge, looks_usual, recent_of, released_by_a_second_day
from pricing.quotes import Quote, RawQuote
from pricing.recording import Standing, changes, with_ordinals

Days = dict[str, list[tuple[date, Triple]]]


@pytest.fixture(scope="module")
def quotes(conformance_data: Path) -> list[Quote]:
    """Return every quote of the set that passes the hard gate."""
    found = []
    with gzip.open(conformance_data / "pricing" / "xinfadi_veg_2013_2015.csv.gz", "rt", encoding="utf-8-sig") as lines:
        for r in csv.DictReader(lines):
            day = date.fromisoformat(r["发布日期"][:10])
            raw = RawQuote("xinfadi", r["品名"], day, r["最低价"], r["平均价"], r["最高价"], r["单位"], r["规格"])
            q = quote_of(raw, "x", date(2026, 1, 1))
            if isinstance(q, Quote):
                found.append(q)
    return found


@pytest.fixture(scope="module")
def series(quotes: list[Quote]) -> Days:
    """Return series -> its quotes in order of time, exact copies once."""
    made: Days = defaultdict(list)
    for (key, day, _), q in with_ordinals(quotes)[0].items():
        made[" ".join(key)].append((day, (q.low, q.mid, q.high)))
    return {k: sorted(of) for k, of in made.items()}


def _queue(series: Days) -> tuple[int, int]:
    """Return (set aside, still waiting at the end) where each quote is judged when only the days before it are known."""
    aside = waiting = 0
    for of in series.values():
        past: list[tuple[date, Triple]] = []
        pending: list[tuple[date, Triple, bool]] = []
        for day, prices in of:
            recent = recent_of(past, day)
            odd = None if looks_usual(recent, prices) else judge(recent, prices, {})
            by_rule = odd is not None and released_by_a_second_day(odd)
            said = [p for p in pending if p[2] and confirms(p[0], p[1], day, prices)] if by_rule else []
            if odd and not said:
                aside += 1
                pending.append((day, prices, by_rule))
                continue
            pending = [p for p in pending if p not in said]
            for quote in (*((d, p) for d, p, _ in said), (day, prices)):
                insort(past, quote)
        waiting += len(pending)
    return aside, waiting


def test_the_queue_is_short_enough_for_a_person(series: Days) -> None:
    """About 15 of 1,000 quotes are set aside, a fifth of a plain 30 % rule's; after the days that follow 6 of 1,000 wait for a person."""
    total = sum(map(len, series.values()))
    aside, waiting = _queue(series)
    plain = sum(abs(b[1] / a[1] - 1) > 0.3 for of in series.values() for (_, a), (_, b) in pairwise(of))
    print(f"aside {1000 * aside / total:.2f}, waiting {1000 * waiting / total:.2f}, plain {1000 * plain / total:.2f} per 1,000 of {total}")
    assert aside <= 0.0155 * total
    assert waiting <= 0.006 * total
    assert plain >= 4 * aside


def _swapped(mid: int, rng: random.Random) -> int:
    """Return a price of which two neighbouring digits, as printed in 元/斤, changed places."""
    text = f"{mid / 2000:.2f}"
    places = [k for k, c in enumerate(text) if c != "."]
    pairs = [(a, b) for a, b in pairwise(places) if text[a] != text[b]]
    if not pairs:
        return mid
    a, b = rng.choice(pairs)
    typed = list(text)
    typed[a], typed[b] = typed[b], typed[a]
    return round(2000 * float("".join(typed)))


def _caught(series: Days, spoil: Callable[[Triple, random.Random], Triple | None]) -> float:
    """Return the share of 4,000 planted errors that are set aside."""
    rng = random.Random(371522)
    long = sorted(k for k, of in series.items() if len(of) > 40)
    caught = planted = 0
    while planted < 4000:
        of = series[rng.choice(long)]
        k = rng.randrange(12, len(of))
        spoilt = spoil(of[k][1], rng)
        if spoilt is None:
            continue
        past = [p for d, p in of[k - 12 : k] if d < of[k][0]]
        planted += 1
        caught += judge(past, spoilt, {}) is not None
    return caught / planted


def _by(factor: float) -> Callable[[Triple, random.Random], Triple]:
    return lambda p, _rng: (max(1, round(p[0] * factor)), max(1, round(p[1] * factor)), max(1, round(p[2] * factor)))


def _swap(p: Triple, rng: random.Random) -> Triple | None:
    mid = _swapped(p[1], rng)
    return (mid, mid, mid) if 0 < mid != p[1] else None


def _far_swap(p: Triple, rng: random.Random) -> Triple | None:
    found = _swap(p, rng)
    return found if found and abs(math.log(found[1] / p[1])) > math.log(1.5) else None


def test_planted_errors_are_caught(series: Days) -> None:
    """Of units taken for another, slips of the point and digits that changed places, at least these shares are set aside."""
    shares = {
        "x2": _caught(series, _by(2)), "/2": _caught(series, _by(0.5)), "x10": _caught(series, _by(10)), "/10": _caught(series, _by(0.1)),
        "swap": _caught(series, _swap), "swap beyond 1.5": _caught(series, _far_swap),
    }  # fmt: skip
    print({k: round(v, 3) for k, v in shares.items()})
    assert min(shares["x2"], shares["/2"]) >= 0.84
    assert min(shares["x10"], shares["/10"]) >= 0.99
    assert shares["swap"] >= 0.45 and shares["swap beyond 1.5"] >= 0.9


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Connection]:
    """Yield a connection to empty tables."""
    engine = open_engine(f"sqlite:///{tmp_path / 'p.db'}")
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_a_year_of_the_set_in_one_batch_and_once_more(ready: Connection, quotes: list[Quote], series: Days) -> None:
    """Where the days after are known at once no more waits than day by day, and the same year again changes nothing at all."""
    year = [q for q in quotes if q.valid_date < date(2014, 6, 1)]
    keyed, copies = with_ordinals(year)
    ids = store.add_series(ready, {}, (q.series for q in year))
    held = hold_back(ready, ids, keyed, {}, 1, 1)
    of_the_year = {k: [x for x in of if x[0] < date(2014, 6, 1)] for k, of in series.items()}
    assert 0 < held.aside <= _queue({k: of for k, of in of_the_year.items() if of})[1]
    assert len(held.quotes) == len(keyed) - held.aside
    store.append(ready, changes(held.quotes, copies, ids, {}, [], 1, 1).observed)
    rows = store.current_rows(ready, list(ids.values()), date(2013, 1, 1), date(2016, 1, 1))
    standing = {(r[0], r[1], r[2]): Standing((r[3], r[4], r[5], r[6], r[7]), r[8], r[9]) for r in rows}
    again = hold_back(ready, ids, keyed, standing, 2, 2)
    assert (again.aside, again.released, again.waiting, again.observed) == (0, 0, held.aside, [])
    assert changes(again.quotes, copies, ids, standing, [], 2, 2).observed == []
