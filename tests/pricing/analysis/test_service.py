"""The use cases of analysis on real tables: facts as they were known, the index with its versions, and what is unusual today."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from foundation.clock import FixedClock, to_ms
from foundation.errors import BadInput, NotFound
from pricing import store
from pricing.alerts.sentences import SAYS
from pricing.analysis.basket import SHIPPED
from pricing.analysis.book import Book, read_points
from pricing.analysis.facts import REASONS, Fact, Unusual
from pricing.analysis.service import Analysis
from pricing.analysis.usual import past_of, ranked, unusual_of, unusual_spread
from pricing.service import Prices
from tests.pricing.analysis.kit import TODAY, back, put, wave

SHENXIAN = "371522"
BASE = """
[[basket]]
id = "{id}"
kind = "wholesale"
base_start = {base}
base_end = {end}
markets = ["xinfadi"]
source = "by hand"
date = 2026-11-01
own = true
item = [{{ product = "tomato", percent = {tomato}, group = "g" }}, {{ product = "cucumber", percent = {cucumber}, group = "g" }}]
{link}
"""


@pytest.fixture
def analysis(lite_prices: Prices, clock: FixedClock, tmp_path: Path) -> Analysis:
    """Return analysis on an empty database, with a folder of its own."""
    return Analysis(lite_prices, clock, tmp_path / "analysis")


def test_facts_carry_what_they_rest_on_or_why_there_are_none(analysis: Analysis, lite_prices: Prices) -> None:
    """Three years give every comparison; two months give reasons; nothing at all gives none of the numbers, and no error."""
    put(lite_prices, "tomato", "xinfadi", wave(back(1100)))
    put(lite_prices, "celery", "xinfadi", wave(back(60)))
    full = analysis.product("tomato", "xinfadi")
    assert full.latest is not None and (full.latest.age_days, full.latest.source) == (0, "xinfadi")
    compared = (full.day_change, full.week, full.ten_days, full.month, full.year_solar, full.year_lunar)
    for fact in (*(c.change_pct for c in compared), full.season.index, full.season.band, full.volatility, full.alps.value):
        assert fact.value is not None and fact.n > 0 and fact.start is not None and fact.end is not None
    assert full.ipa.fixed.reason == "not-enough-history" and full.ipa.state_fixed == "unknown"
    assert (full.level.level, full.level.ratio.reason) == (0, "no-thresholds")
    short = analysis.product("celery", "xinfadi")
    assert short.week.change_pct.value is not None
    assert {short.year_solar.change_pct.reason, short.season.index.reason, short.volatility.reason, short.alps.value.reason} == {
        "not-enough-history"
    }
    none = analysis.product("melon", "xinfadi")
    assert none.latest is None and none.week.change_pct.reason == "not-quoted"


def test_a_fact_without_a_value_has_a_reason_and_the_other_way_round() -> None:
    """A number nobody computed cannot be made, nor a reason beside a number."""
    for wrong in ({"value": None}, {"value": 1.0, "reason": "not-quoted"}, {"value": None, "reason": "bad luck"}):
        with pytest.raises(BadInput):
            Fact("ipa", n=0, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        Fact("feeling", 1.0, 1)


def test_every_reason_is_told_in_words_by_alerts() -> None:
    """An alert that cannot look says why in both languages, whatever reason analysis gives."""
    assert all(all(SAYS[reason]) for reason in REASONS)


def test_all_is_told_as_it_was_known(analysis: Analysis, lite_prices: Prices, clock: FixedClock) -> None:
    """A correction of last month changes facts and index of today, and neither as they were known before it."""
    put(lite_prices, "tomato", "xinfadi", wave(back(1100)))
    put(lite_prices, "cucumber", "xinfadi", wave(back(1100), 2500))
    folder = analysis._folder / "baskets"
    folder.mkdir(parents=True)
    body = BASE.format(id="v1", base="2024-01-01", end="2024-12-31", tomato=60, cucumber=40, link="")
    (folder / f"{SHENXIAN}.toml").write_text(f'county = "{SHENXIAN}"\n{body}')
    then = to_ms(clock.now())
    before, index = analysis.product("tomato", "xinfadi"), analysis.index(SHENXIAN, TODAY - timedelta(days=40), TODAY)
    clock.advance(timedelta(hours=1))
    put(lite_prices, "tomato", "xinfadi", dict.fromkeys(back(40, end=TODAY - timedelta(days=10)), 9000.0))
    now, as_then = analysis.product("tomato", "xinfadi"), analysis.product("tomato", "xinfadi", as_of_ms=then)
    assert now.month.change_pct.value != before.month.change_pct.value
    assert as_then.month == before.month and as_then.alps == before.alps and as_then.weekly == before.weekly
    assert analysis.index(SHENXIAN, TODAY - timedelta(days=40), TODAY, as_of_ms=then).points == index.points
    assert analysis.index(SHENXIAN, TODAY - timedelta(days=40), TODAY).points != index.points
    assert analysis.unusual(SHENXIAN, as_of_ms=then) != analysis.unusual(SHENXIAN)


def test_versions_of_a_basket_are_chained_and_each_is_kept(analysis: Analysis, lite_prices: Prices) -> None:
    """New weights from November on: no step at the join, the change after it is the new version's own, both can be asked for."""
    put(lite_prices, "tomato", "xinfadi", wave(back(1100)))
    put(lite_prices, "cucumber", "xinfadi", wave(back(1100), 2500, 0.4, 90))
    folder = analysis._folder / "baskets"
    folder.mkdir(parents=True)
    old = BASE.format(id="old", base="2024-01-01", end="2024-12-31", tomato=60, cucumber=40, link="")
    link = "link_start = 2026-10-01\nlink_end = 2026-10-31"
    new = BASE.format(id="new", base="2026-09-01", end="2026-09-30", tomato=20, cucumber=80, link=link)
    (folder / f"{SHENXIAN}.toml").write_text(f'county = "{SHENXIAN}"\n{old}{new}')
    start = date(2026, 9, 15)
    chain = analysis.index(SHENXIAN, start, TODAY)
    by_day = {p.day: p.raw for p in chain.points}
    first, second = ({p.day: p.raw for p in analysis.index(SHENXIAN, start, TODAY, version=v).points} for v in ("old", "new"))
    assert (chain.links[0].old, chain.links[0].new, chain.links[0].overlap_days) == ("old", "new", 31)
    october, november, later = date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 20)
    assert all(by_day[d] == first[d] for d in by_day if d <= october)
    assert by_day[later] / by_day[november] == pytest.approx(second[later] / second[november])  # type: ignore[operator]
    assert first[later] / first[november] != pytest.approx(second[later] / second[november])  # type: ignore[operator]
    # What is asked for does not change the link.
    alone = analysis.index(SHENXIAN, november, TODAY)
    assert {p.day: p.raw for p in alone.points} == pytest.approx({d: v for d, v in by_day.items() if d >= november})
    assert chain.base.start == date(2024, 1, 1)


def test_an_index_that_cannot_be_says_why(analysis: Analysis, lite_prices: Prices) -> None:
    """Without quotes in the base there is a reason instead of an index; a county without a basket is not found."""
    put(lite_prices, "tomato", "xinfadi", wave(back(30)))
    found = analysis.index(SHENXIAN, TODAY - timedelta(days=10), TODAY)
    assert (found.points, found.reason, found.basket) == ((), "not-enough-history", "shenxian-2024")
    assert all(w.own for w in found.weights)
    with pytest.raises(NotFound):
        analysis.index("110000", TODAY, TODAY)
    with pytest.raises(NotFound):
        analysis.index(SHENXIAN, TODAY, TODAY, version="none")


def test_the_installations_own_files_go_before(analysis: Analysis) -> None:
    """Baskets, levels and price index are the county's to set."""
    assert analysis.cpi() is None and analysis.rule_of("tomato", "xinfadi") is None
    assert analysis.rule_of("tomato", "shenxian") is not None
    folder = analysis._folder
    (folder / "baskets").mkdir(parents=True)
    text = (SHIPPED / "371522.toml").read_text(encoding="utf-8").replace("shenxian-2024", "ours")
    (folder / "baskets" / "371522.toml").write_text(text, encoding="utf-8")
    (folder / "levels.toml").write_text("")
    (folder / "cpi.toml").write_text('source = "office"\ndate = 2026-11-01\n[annual]\n2024 = 100.0\n2025 = 102.0\n2026 = 103.0\n')
    assert analysis.baskets(SHENXIAN)[0].id == "ours"
    assert analysis.rules() == [] and analysis.rule_of("tomato", "shenxian") is None
    cpi = analysis.cpi()
    assert cpi is not None and cpi.made and cpi.months[date(2025, 6, 1)] < 102.0 < cpi.months[date(2025, 7, 1)]
    monthly = "".join(f'"{2024 + k // 12}-{k % 12 + 1:02d}" = {100 + k // 12}\n' for k in range(30))
    (folder / "cpi.toml").write_text(f'source = "office"\ndate = 2026-11-01\n[monthly]\n{monthly}')
    with pytest.raises(BadInput, match="January"):
        analysis.cpi()


def test_a_slip_in_the_countys_file_does_not_take_the_board_away(analysis: Analysis, lite_prices: Prices) -> None:
    """With broken levels and a broken price index the rest is told; who asks for the files themselves is told what is wrong."""
    put(lite_prices, "tomato", "shenxian", wave(back(500)))
    before = analysis.product("tomato", "shenxian")
    analysis._folder.mkdir()
    (analysis._folder / "levels.toml").write_text("[[rule]]\nproduct = 1\n")
    (analysis._folder / "cpi.toml").write_text("[monthly")
    after = analysis.product("tomato", "shenxian")
    assert (after.week, after.volatility) == (before.week, before.volatility)
    assert (before.level.ratio.value is not None, after.level.ratio.reason) == (True, "no-thresholds")
    assert analysis.unusual(SHENXIAN) == []
    for ask in (analysis.rules, analysis.cpi):
        with pytest.raises(BadInput):
            ask()


def test_a_leap_in_price_is_told_in_every_way_it_is_one(analysis: Analysis, lite_prices: Prices) -> None:
    """Dear since Monday: a move, out of season, a spike, far from other markets; quiet products are not named."""
    days = back(6 * 365)
    for market in ("shenxian", "xinfadi", "zhongcai"):
        put(lite_prices, "tomato", market, wave(days), source="xinfadi")
        put(lite_prices, "cucumber", market, wave(days, 2500), source="xinfadi")
    assert analysis.unusual(SHENXIAN) == []
    put(lite_prices, "tomato", "shenxian", {d: p * 2.2 for d, p in wave(back(20)).items() if p})
    (leap,) = analysis.unusual(SHENXIAN)
    assert (leap.product, leap.market, leap.up, leap.age_days, leap.source, leap.also) == ("tomato", "shenxian", True, 0, "xinfadi", ())
    assert leap.fact.n > 0 and leap.score >= 1
    assert kinds_of_tomato(lite_prices) == {"band", "alps", "spread", "ipa"}
    put(lite_prices, "tomato", "shenxian", dict.fromkeys(back(5), 1500.0))
    assert "move" in kinds_of_tomato(lite_prices)
    assert any(not u.up for u in analysis.unusual(SHENXIAN))


def kinds_of_tomato(prices: Prices) -> set[str]:
    """Return in which ways Shenxian's tomatoes are unusual today, before anything is put together."""
    series = {m: prices.series("tomato", m, date(1990, 1, 1), TODAY) for m in ("shenxian", "xinfadi")}
    pasts = {m: past_of(points, TODAY) for m, points in series.items()}
    found = list(unusual_of("tomato", "shenxian", TODAY, series["shenxian"], pasts["shenxian"]))
    found += unusual_spread("tomato", "shenxian", "xinfadi", TODAY, series, pasts)
    return {u.kind for u in found}


def test_a_level_is_told_after_whole_weeks_and_an_old_price_not_at_all(analysis: Analysis, lite_prices: Prices) -> None:
    """Tomatoes under cost for three weeks are level 1; after four days of silence nothing is called unusual."""
    monday = TODAY  # a Monday: the week before is over
    cheap = {d: (1900.0 if d >= monday - timedelta(days=21) else 3000.0) for d in back(400)}
    put(lite_prices, "tomato", "shenxian", cheap, source="shenxian_origin")
    found = [u for u in analysis.unusual(SHENXIAN) if u.kind == "level"]
    assert [(u.state, u.up, u.fact.method) for u in found] == [("1", False, "level")]
    facts = analysis.product("tomato", "shenxian").level
    assert (facts.level, facts.weeks, facts.since) == (1, 3, monday - timedelta(days=21))
    assert analysis.unusual(SHENXIAN, day=TODAY + timedelta(days=4)) == []


def test_a_harvest_everywhere_is_one_thing_to_know() -> None:
    """Same product and direction are one entry; the own market speaks by its highest score, the others stand beside it."""

    def one(market: str, score: float, *, up: bool = True) -> Unusual:
        return Unusual("move", "tomato", market, up, score, 30.0, -10.0, 10.0, Fact("volatility", 30.0, 52), 3000, TODAY, 0, "s")

    some = [one("xinfadi", 3.0), one("shenxian", 1.5), one("shenxian", 1.2), one("zhongcai", 2.0), one("lianyi", 2.0, up=False)]
    found = ranked(some, {"shenxian"})
    assert [(u.market, u.also, u.up) for u in found] == [("lianyi", (), False), ("shenxian", ("xinfadi", "zhongcai"), True)]


def test_memory_answers_what_the_tables_say(prices: Prices, clock: FixedClock, tmp_path: Path) -> None:
    """After every run, correction, withdrawal and new source, the answer from memory is that of a fresh look at the tables."""
    dice = random.Random(4)
    folder = tmp_path / "analysis"
    kept, book = Analysis(prices, clock, folder), Book(prices.engine, clock)
    for market in ("shenxian", "xinfadi"):
        put(prices, "tomato", market, wave(back(500)))
    for _ in range(12):
        clock.advance(timedelta(minutes=dice.choice((1, 20, 90))))
        days = back(dice.randint(1, 40), end=TODAY - timedelta(days=dice.randint(0, 30)))
        product, market = dice.choice(("tomato", "cucumber")), dice.choice(("shenxian", "xinfadi"))
        what = dice.random()
        if what < 0.25:
            put(prices, product, market, dict.fromkeys(days), grade="a")
        else:
            price = {d: dice.uniform(2000, 6000) for d in days}
            put(prices, product, market, price, grade=dice.choice(("", "a")), source=dice.choice(("xinfadi", "other")))
        assert kept.unusual(SHENXIAN) == Analysis(prices, clock, folder).unusual(SHENXIAN)
        markets, then = ["shenxian", "xinfadi"], to_ms(clock.now()) - 5_000_000
        earlier = TODAY - timedelta(days=dice.randint(0, 30))
        for until, as_of, found in (
            (TODAY, None, book.look(markets)[1]), (earlier, None, book.look(markets, earlier)[1]),
            (TODAY, then, book.look_back(markets, TODAY, then)),
        ):  # fmt: skip
            told = {(p, m): prices.series(p, m, date(1990, 1, 1), until, as_of_ms=as_of) for p in ("tomato", "cucumber") for m in markets}
            assert found == {pair: [x for x in s if x.source == s[-1].source] for pair, s in told.items() if s}


def test_what_a_person_released_is_seen_at_the_next_look(lite_prices: Prices, clock: FixedClock) -> None:
    """Quotes appended outside any run, as the price desk releases them, are in memory at once and not an hour later."""
    put(lite_prices, "tomato", "shenxian", wave(back(60)))
    book = Book(lite_prices.engine, clock)
    version, before = book.look(["shenxian"])
    with lite_prices.engine.begin() as connection:
        series = connection.execute(select(store.price_series.c.id)).scalar_one()
        released = {"series_id": series, "valid_date": TODAY, "ordinal": 0, "observed_ms": to_ms(clock.now()), "low": 9000, "mid": 9000,
                    "high": 9000, "mid_kind": "single", "volume_kg": None, "raw_price": "9", "raw_unit": "kg", "run_id": 1,
                    "status": "quoted"}  # fmt: skip
        store.append(connection, [released])
    later, after = book.look(["shenxian"])
    assert later > version
    assert after["tomato", "shenxian"][-1].mid == 9000 != before["tomato", "shenxian"][-1].mid
    assert book.look(["shenxian"])[0] == later


def test_money_of_another_country_stays_out(lite_prices: Prices) -> None:
    """A market's quotes in another currency are no points, as they are none on the board."""
    put(lite_prices, "tomato", "xinfadi", {TODAY: 3000.0})
    put(lite_prices, "tomato", "xinfadi", {TODAY: 90_000.0}, currency="TWD")
    with lite_prices.engine.connect() as connection:
        found = read_points(connection, ["xinfadi"], date(1990, 1, 1))
    assert [p.mid for p in found["tomato", "xinfadi"].values()] == [3000]
