"""What is known for each kind of condition, from the real analysis on made-up quotes, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, market_day, to_ms
from foundation.database import metadata, open_engine
from pricing.alerts.conditions import ALPS, FORECAST, IPA, LEVEL, SPREAD, Condition
from pricing.alerts.evidence import Evidence
from pricing.alerts.rules import Fact, NoFact, Rule
from pricing.alerts.wording import Names, headline, told_fact, told_rule
from pricing.analysis.service import Analysis
from pricing.forecast.nouns import COMBINED, Forecast, ForecastPoint, NotEnoughHistory, Skill
from pricing.service import Prices
from tests.dashboards.fakes_prices import fill

NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
NAMES = Names(
    {"tomato": ("番茄", "Tomato")},
    {"xinfadi": ("新发地", "Xinfadi"), "shouguang": ("寿光", "Shouguang")},
    {"xinfadi": ("新发地行情", "Xinfadi page")},
)


@dataclass
class Told:
    """Stands in for the forecasts: says what it was given."""

    says: Forecast | NotEnoughHistory

    def latest(self, _product: str, _market: str) -> Forecast | NotEnoughHistory:
        """Return the newest forecast."""
        return self.says


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prices]:
    """Yield prices with seven years of one product in two markets."""
    folder = tmp_path_factory.mktemp("evidence")
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    metadata.create_all(engine)
    fill(engine, market_day(NOW), to_ms(NOW), days=2500, products=("tomato",), markets=(("xinfadi", "xinfadi"), ("shouguang", "ncpscxx")))
    yield Prices(engine, FixedClock(NOW), BlobFolder(folder / "blobs"))
    engine.dispose()


def evidence(prices: Prices, forecast: Forecast | NotEnoughHistory | None = None) -> Evidence:
    clock = FixedClock(NOW)
    told = Told(forecast) if forecast is not None else None
    return Evidence(prices, Analysis(prices, clock, Path("none")), told)  # type: ignore[arg-type]


def said(condition: Condition, fact: Fact, lang: str) -> str:
    rule = Rule("r", "371522", "wang", condition)
    return "\n".join([headline(rule, NAMES, lang), *told_fact(rule, fact, NAMES, lang, to_ms(NOW)), told_rule(rule, fact, lang)])


def found(prices: Prices, condition: Condition, forecast: Forecast | NotEnoughHistory | None = None) -> Fact:
    fact = evidence(prices, forecast).look(condition, to_ms(NOW))
    assert isinstance(fact, Fact), fact
    return fact


def test_indicators_carry_both_weights_the_month_and_what_they_rest_on(prices: Prices) -> None:
    """IPA and ALPS are the analysis's own numbers for the newest month, with n; the month is the observation that persistence counts."""
    facts = Analysis(prices, FixedClock(NOW), Path("none")).product("tomato", "xinfadi")
    ipa = found(prices, Condition(IPA, "above", 0.5, "tomato", "xinfadi"))
    assert (ipa.value, ipa.more["other_value"], ipa.n) == (facts.ipa.fixed.value, facts.ipa.pca.value, facts.ipa.fixed.n)
    assert facts.ipa.month is not None
    assert ipa.stamp == facts.ipa.month.toordinal()
    alps = found(prices, Condition(ALPS, "above", 0.25, "tomato", "xinfadi"))
    assert (alps.value, alps.n) == (facts.alps.value.value, facts.alps.value.n)
    for condition, fact, parts in (
        (Condition(IPA, "below", 0.5, "tomato", "xinfadi"), ipa, ("-0.50", "γ=0.4", "名义价格", "没有区间")),
        (Condition(ALPS, "above", 0.25, "tomato", "xinfadi"), alps, ("0.25", "元/斤", "个月")),
    ):
        text = said(condition, fact, "zh-Hans")
        for part in ("新发地行情", "今天", *parts):
            assert part in text, (part, text)


def test_a_spread_is_held_against_what_carrying_costs(prices: Prices) -> None:
    """A cost of nothing is always exceeded, a huge one never; the text names the dearer market, the band and the half-life."""
    near, far = (Condition(SPREAD, "above", cost, "tomato", "xinfadi", "shouguang") for cost in (1, 9_000_000))
    small, large = found(prices, near), found(prices, far)
    assert small.limit is not None and large.limit is not None
    assert small.value > small.limit and large.value < large.limit
    assert small.value == large.value > 0
    text = said(near, small, "en")
    for part in ("Tomato: spread of Xinfadi and Shouguang", "above", "common days", "half-life", "Source: Xinfadi page"):
        assert part in text, (part, text)


def a_forecast(made_on: date) -> Forecast:
    last = date(2026, 11, 16)
    points = tuple(ForecastPoint(h, last + timedelta(weeks=h), 2000, 3000, 4000, COMBINED) for h in (1, 4))
    skill = tuple(Skill(h, 0.9, 1.0, 0.8, 40) for h in (1, 4))
    return Forecast("tomato", "xinfadi", "CNY", "xinfadi", to_ms(NOW), made_on, last, 2900, 150, 2, points, skill)


@pytest.mark.parametrize(("quantile", "value"), [("p10", 2000), ("p50", 3000), ("p90", 4000)])
def test_a_forecast_is_told_with_its_interval_and_its_mase(prices: Prices, quantile: str, value: float) -> None:
    """The chosen line is the number; interval, coverage, method, MASE and naive's stand beside it."""
    condition = Condition(FORECAST, "above", 2500, "tomato", "xinfadi", weeks=4, quantile=quantile)
    fact = found(prices, condition, a_forecast(date(2026, 11, 27)))
    assert (fact.value, fact.low, fact.high, fact.n) == (value, 2000, 4000, 150)
    text = said(condition, fact, "zh-Hans")
    for part in ("12月14日", "1.00 元/斤 至 2.00 元/斤", "40 次预测里有 80%", "组合法", "MASE 0.90（朴素法 1.00）", "150 周", "昨天"):
        assert part in text, (part, text)


def test_what_is_not_known_is_said_and_nothing_is_guessed(prices: Prices) -> None:
    """Too little history, a horizon nobody forecasts, an old forecast, an unknown pair, no analysis: each has its reason."""
    wanted = Condition(FORECAST, "above", 2500, "tomato", "xinfadi", weeks=4, quantile="p50")
    now = to_ms(NOW)
    assert evidence(prices, NotEnoughHistory(30, 120)).look(wanted, now) == NoFact("not-enough-history", 30, 120)
    assert evidence(prices, a_forecast(date(2026, 11, 13))).look(wanted, now) == NoFact("too-old")
    other = Condition(FORECAST, "above", 2500, "tomato", "xinfadi", weeks=8, quantile="p50")
    assert isinstance(evidence(prices, a_forecast(date(2026, 11, 27))).look(other, now), NoFact)
    for condition in (Condition(IPA, "above", 1, "melon", "xinfadi"), Condition(LEVEL, "above", 1, "melon", "xinfadi")):
        assert evidence(prices).look(condition, now) == NoFact("not-quoted")
    bare = Evidence(prices)
    spread = Condition(SPREAD, "above", 1, "tomato", "xinfadi", "shouguang")
    assert {bare.look(c, now) for c in (wanted, spread, Condition(ALPS, "above", 1, "tomato", "xinfadi"))} == {NoFact("not-watched")}


def test_years_of_quotes_are_read_again_only_for_a_new_quote(prices: Prices) -> None:
    """Looks minutes apart ask the analysis once; half an hour later, or with another newest quote, it is asked again."""
    found = evidence(prices)
    asked = list[date | None]()
    analysis = found._analysis
    assert analysis is not None
    real = analysis.product

    def product(name: str, market: str, day: date | None = None) -> object:
        asked.append(day)
        return real(name, market, day)

    analysis.product = product  # type: ignore[method-assign,assignment]
    condition, now = Condition(ALPS, "above", 1, "tomato", "xinfadi"), to_ms(NOW)
    first = found.look(condition, now)
    assert (found.look(condition, now + 29 * 60_000), len(asked)) == (first, 1)
    found.look(condition, now + 31 * 60_000)
    found.look(condition, now + 24 * 3_600_000)
    assert len(asked) == 3
