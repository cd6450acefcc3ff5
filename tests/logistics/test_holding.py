"""Hold or sell: what a wait leaves to the thousandth, its chance, and advice only where it is likely to pay."""

from __future__ import annotations

import copy
import tomllib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from dashboards.holding_words import holding_view
from dashboards.i18n import translator
from dashboards.pages.selling import sell_context
from foundation.clock import to_ms
from foundation.errors import BadInput
from logistics.selling.holding import FILE, Holding, StoreTerms, after_wait, chance_above, hold, past_waits, read_store, store_sheet
from logistics.selling.netback import at_gate, haul_of, netback_of
from pricing.forecast import store
from pricing.forecast.nouns import COMBINED, NAIVE, Forecast, ForecastPoint, NotEnoughHistory, Skill
from tests.dashboards.fakes_house import NOW, House, build_house
from tests.logistics.test_selling import BASE, MARKET_PLACES, TARIFF, TERMS, quoted, table

KEEP = StoreTerms(10_000, 5, 52_000, 12)
MONDAY = date(2026, 11, 23)
SKILL = Skill(4, 2.0, 2.4, 0.8, 90)
TODAY = netback_of(
    quoted(), MARKET_PLACES["kuangshan"], haul_of(TARIFF, table(100_000), BASE, MARKET_PLACES["kuangshan"], 1500, reefer=False), TERMS
)


def point(p10: int, p50: int, p90: int, weeks: int = 4) -> ForecastPoint:
    return ForecastPoint(weeks, MONDAY + timedelta(weeks=weeks), p10, p50, p90, COMBINED)


def test_what_a_wait_leaves_is_worked_out_by_hand() -> None:
    """Four weeks at 5.00: one per cent a week spoils, storage and interest are paid on what lies here today."""
    assert at_gate(TODAY.quoted.mid, TODAY, TERMS) == TODAY.mid
    spoilt = round(1_000_000 * (1 - 0.99**4))
    interest = TODAY.mid * 52_000 * 4 // 52_000_000
    assert after_wait(5000, TODAY, TERMS, KEEP, 4) == at_gate(5000, TODAY, TERMS) * (1_000_000 - spoilt) // 1_000_000 - 20 - interest
    held = hold(TODAY, TERMS, KEEP, 4, point(4000, 5000, 6500), SKILL)
    assert (held.spoilt_ppm, held.storage_milli, held.capital_milli) == (spoilt, 20, interest)
    assert held.low < TODAY.mid < held.mid < held.high


def test_a_chance_is_read_from_the_quantiles() -> None:
    """At P10, P50 and P90 it is 90, 50 and 10 per cent; a price that cannot move is above or is not."""
    p = point(4000, 5000, 6500)
    assert [round(chance_above(p, x), 6) for x in (4000, 5000, 6500)] == [0.9, 0.5, 0.1]
    assert chance_above(p, 0) == 1.0
    flat = point(5000, 5000, 5000)
    assert [chance_above(flat, x) for x in (4999, 5000, 5001)] == [1.0, 0.5, 0.0]


def test_waiting_is_advised_only_where_it_is_likely_to_pay() -> None:
    """The same price again never pays for its storage; a clear rise does; between them the chance decides, and it is said."""
    same, slight, clear = (
        hold(TODAY, TERMS, KEEP, 4, p, SKILL) for p in (point(3600, 4000, 4500), point(3900, 4350, 4900), point(4500, 5200, 6000))
    )
    assert same.chance < 0.5 < slight.chance < clear.chance
    made = Forecast("garlic", "kuangshan", "CNY", "xinfadi", 0, MONDAY, MONDAY, 4000, 100, 0, (point(4500, 5200, 6000),), (SKILL,))
    for waits, advised in (((same,), False), ((same, clear), True), ((), False)):
        holding = Holding("garlic", TODAY, waits, made, ())
        assert holding.hold is advised
        assert holding.best == (waits[-1] if waits else None)
    lang = "zh-Hans"
    no = holding_view(Holding("garlic", TODAY, (same,), made, ()), MONDAY, lang, translator(lang))
    yes = holding_view(Holding("garlic", TODAY, (clear,), made, ()), MONDAY, lang, translator(lang))
    assert no.sentence.startswith("不建议为了价格而放") and yes.sentence.startswith("放 4 周再卖")
    assert "MASE" in yes.sure and yes.waits[0].chance == f"{100 * clear.chance:.0f}%"
    none = holding_view(Holding("garlic", TODAY, (), NotEnoughHistory(10, 64), ()), MONDAY, "en", translator("en"))
    assert "10 complete weeks" in none.sentence and not none.waits


def test_earlier_years_tell_what_the_wait_brought() -> None:
    """A year in which either week was not quoted is left out; the others show gain and loss after the same costs."""
    a, b, c = (MONDAY - timedelta(weeks=52 * k) for k in (1, 2, 3))
    four = timedelta(weeks=4)
    weeks = [(c, 4000.0), (c + four, 3000.0), (b, 4000.0), (a, 4000.0), (a + four, 6000.0)]
    found = past_waits(weeks, MONDAY, 4, TODAY, TERMS, KEEP)
    assert [p.began for p in found] == [a, c]
    assert found[0].gain > 0 > found[1].gain and found[0].sold == TODAY.mid


def test_no_terms_of_keeping_without_a_source() -> None:
    """A product whose figures do not say where they come from is refused by name; absurd figures too."""
    told = copy.deepcopy(tomllib.loads(FILE.read_text(encoding="utf-8")))
    told["store"]["garlic"]["source"] = ""
    with pytest.raises(BadInput, match=r"store\.garlic"):
        read_store(told)
    with pytest.raises(BadInput):
        replace(KEEP, most_weeks=0)
    assert set(store_sheet().products) == {"garlic", "onion", "potato", "lotus_root"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with prices and lots."""
    return build_house(tmp_path_factory.mktemp("hold"), readings_every_minutes=720, price_days=30)


def test_the_page_says_hold_or_sell_for_what_can_be_kept(house: House) -> None:
    """Garlic without history: said so. With a forecast: a table of waits. A cucumber cannot be kept, so nothing is said of it."""
    services = house.services
    county, base = "371522", next(b.id for b in services.registry.bases("371522"))
    sheet = services.logistics.selling
    products = {r.product for r in services.prices.board(None, None)}
    kept = next(p for p in ("garlic", "potato", "onion", "lotus_root") if p in products)
    ranking = sheet.where_to_sell(kept, base, 1500)
    before = sheet.hold_or_sell(ranking)
    assert before is not None and isinstance(before.forecast, NotEnoughHistory) and not before.hold
    last = date(2025, 11, 10)
    price = ranking.ranked[0].quoted.mid
    points = tuple(ForecastPoint(h, last + timedelta(weeks=h), price, 2 * price, 3 * price, NAIVE) for h in range(1, 13))
    skill = tuple(Skill(h, 1.0, 1.0, 0.8, 50) for h in range(1, 13))
    made = Forecast(kept, ranking.ranked[0].quoted.market, "CNY", "test", to_ms(NOW), NOW.date(), last, price, 90, 0, points, skill)
    with house.kit.engine.begin() as connection:
        store.append(connection, made, "")
    after = sheet.hold_or_sell(ranking)
    assert after is not None and after.hold and [h.weeks for h in after.held] == [2, 4, 8, 11]
    assert all(h.week == date(2025, 11, 17) + timedelta(weeks=h.weeks) for h in after.held)
    context = sell_context(services, county, {"product": kept, "base": base, "kg": "1500", "lot": ""}, "en", translator("en"))
    assert context["hold"].sentence.startswith("Kept")
    assert sheet.hold_or_sell(sheet.where_to_sell("cucumber", base, 1500)) is None
