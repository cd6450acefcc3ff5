"""Analysis against published figures: FAO's example of price anomalies, a ministry's index table, WFP's and Xinfadi's prices."""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from pricing.analysis import alps, ipa
from pricing.analysis.facts import IndexPoint
from pricing.analysis.index import change_pct
from pricing.analysis.months import month_number, monthly_prices
from pricing.analysis.season import seasonal_index
from pricing.analysis.volatility import unchanged_share, volatility
from pricing.weekly import weekly_prices

Months = list[tuple[date, float]]


@pytest.fixture
def fao(conformance_data: Path) -> list[dict[str, str]]:
    """Return the months of wheat in Al-Fashir, September 2009 to October 2024."""
    with (conformance_data / "pricing" / "ipa_example_input_sudan_alfashir_wheat.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def real(fao: list[dict[str, str]]) -> Months:
    """Return the published real prices."""
    return [(date.fromisoformat(r["Date"]), float(r["price_real"])) for r in fao]


def test_the_46_published_rows_come_out_to_half_a_millionth(fao: list[dict[str, str]], conformance_data: Path) -> None:
    """Growth, scores and indicator of every published row, with γ = 0.8322 from the months themselves."""
    found = ipa.over_all_years(real(fao))
    gamma = ipa.gamma_pca(found)
    assert gamma == pytest.approx(0.8322, abs=5e-5)
    by_month = {a.month: a for a in found}
    with (conformance_data / "pricing" / "ipa_example_expected.csv").open(encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == 46
    for row in expected:
        a = by_month[date.fromisoformat(row["date"])]
        value = a.ipa(gamma)
        # The published figures have six decimals.
        for name, ours in (("vcqgr", a.v_quarter), ("vcagr", a.v_year), ("ipa_q", a.z_quarter), ("ipa_a", a.z_year), ("ipa", value)):
            assert ours == pytest.approx(float(row[name]), abs=5.001e-7), (row["date"], name)
        if row["cls"] in ("Price Alert", "Price Watch"):
            assert ipa.state_of(value) == row["cls"].removeprefix("Price ").lower()


def test_the_weight_decides_how_many_alerts_there_are(fao: list[dict[str, str]]) -> None:
    """20 alerts, 12 watches and 12 months undefined at γ = 0.8322; the same prices give 9 and 17 at 0.4."""
    found = ipa.over_all_years(real(fao))
    assert ipa.counts(found, 0.8322)["unknown"] == 12
    pca = ipa.counts(found, 0.8322)
    sdg = ipa.counts(found, ipa.GAMMA_SDG)
    assert (pca["alert"], pca["watch"]) == (20, 12)
    assert (sdg["alert"], sdg["watch"]) == (9, 17)


def test_production_judges_only_what_five_earlier_years_allow(fao: list[dict[str, str]]) -> None:
    """Without looking ahead, five times as many months are undefined, and cutting the series off changes none that is told."""
    months = real(fao)
    found = ipa.as_it_went(months)
    assert ipa.counts(found, ipa.GAMMA_SDG)["unknown"] == 60
    assert ipa.as_it_went(months[:120]) == found[:120]


def test_the_example_repeats_an_annual_price_index_and_production_refuses_it(fao: list[dict[str, str]]) -> None:
    """Its real price falls to two fifths from one December to January; the index that does this is refused."""
    nominal = [(date.fromisoformat(r["Date"]), float(r["price_nominal_SDG_per_kg"])) for r in fao if r["price_nominal_SDG_per_kg"]]
    cpi = {date.fromisoformat(r["Date"]): float(r["cpi"]) for r in fao}
    worst = min(b[1] / a[1] for a, b in pairwise(real(fao)) if b[0].month == 1)
    assert worst < 0.45
    assert ipa.is_annual(cpi)
    with pytest.raises(ipa.AnnualCpi):
        ipa.real_prices(nominal, cpi)
    smooth = ipa.interpolated({m.year: v for m, v in cpi.items()})
    gentle = ipa.real_prices(nominal, smooth)
    assert min(b[1] / a[1] for a, b in pairwise(gentle) if b[0].month == 1) > worst


def test_a_published_index_table_recomputes_from_its_own_base(conformance_data: Path) -> None:
    """Of 12 month-on-month figures of 2005 and 2006, 11 follow from the rounded index to a tenth, the last is a tenth off."""
    with (conformance_data / "pricing" / "moa_index_2005_2006_published.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    exact = []
    for column in ("total", "basket"):
        for now, then in pairwise(rows):
            a, b = (_point(row["month"], float(row[f"{column}_fixed_base_2000"])) for row in (now, then))
            change = change_pct(a, b)
            assert change is not None
            off = round(100 + change, 1) - float(now[f"{column}_mom"])
            exact.append(abs(off) < 0.05)
            assert abs(off) < 0.15
    assert (len(exact), sum(exact)) == (12, 11)


def test_spikes_of_vegetables_in_palestine_are_those_of_an_independent_fit(conformance_data: Path) -> None:
    """Every judged month of 39 series of tomatoes, cucumbers and onions agrees with numpy; most are normal, few a crisis."""
    series: dict[tuple[str, str], dict[date, float]] = defaultdict(dict)
    wanted = {"Tomatoes (greenhouse)", "Cucumbers (greenhouse)", "Onions (dry, local)"}
    with gzip.open(conformance_data / "pricing" / "wfp_food_prices_pse.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["commodity"] in wanted and row["priceflag"] == "actual" and row["pricetype"] == "Retail":
                series[row["commodity"], row["market"]][date.fromisoformat(row["date"]).replace(day=1)] = float(row["price"])
    assert len(series) == 39
    words: Counter[str] = Counter()
    for of in series.values():
        months = sorted(of.items())
        for k, (_, value) in enumerate(alps.as_it_went(months)):
            words[alps.state_of(value)] += 1
            if value is not None:
                assert value == pytest.approx(_by_numpy(months[: k + 1]), abs=1e-9)
    judged = sum(words.values()) - words["unknown"]
    assert judged == 526
    assert 0.6 < words["normal"] / judged < 0.8
    assert words["crisis"] / judged < 0.03
    assert words["stress"] > words["alert"] > words["crisis"] > 0


def test_the_seasons_of_xinfadi_are_those_measured_before(conformance_data: Path) -> None:
    """黄瓜 dear in February, cheap in May; 番茄 dear in February; 藕 dear in July, cheap in November; 大蒜 flat; quotes are sticky."""
    days = _xinfadi(conformance_data)
    index = {name: seasonal_index(monthly_prices(days[name])) for name in ("黄瓜", "番茄", "藕", "大蒜")}
    assert all(s is not None and s.ratios == 12 for s in index.values())
    measured = {("黄瓜", 2): 1.69, ("黄瓜", 5): 0.52, ("番茄", 2): 1.81, ("藕", 7): 1.40, ("藕", 11): 0.81}
    for (name, month), factor in measured.items():
        assert index[name].months[month - 1] == pytest.approx(factor, abs=0.05), (name, month)  # type: ignore[union-attr]
    assert max(index["大蒜"].months) < 1.15 and min(index["大蒜"].months) > 0.85  # type: ignore[union-attr]
    # Cucumbers restless, garlic calm; two thirds of all quotes repeat the day before.
    restless, calm = (volatility(weekly_prices(days[name])).value for name in ("黄瓜", "大蒜"))
    assert restless is not None and calm is not None and restless > 3 * calm
    shares = [(f.value, f.n) for name in days if (f := unchanged_share(days[name], 9999)).value is not None]
    assert 0.64 < sum(v * n for v, n in shares if v is not None) / sum(n for _, n in shares) < 0.72


def _point(month: str, value: float) -> IndexPoint:
    return IndexPoint(date.fromisoformat(f"{month}-01"), value, value, 1.0, 0.0, 0.0)


def _by_numpy(months: Months) -> float:
    numbers = [month_number(m) for m, _ in months]
    y = np.log([p for _, p in months])
    x = np.zeros((len(y), 13))
    x[:, 0] = np.array(numbers) - numbers[0]
    for row, number in enumerate(numbers):
        x[row, 1 + number % 12] = 1
    solved, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    e = y - x @ solved
    return float(e[-1] / math.sqrt(float(e @ e) / (len(y) - int(rank))))


def _xinfadi(folder: Path) -> dict[str, list[tuple[date, float]]]:
    quotes: dict[str, dict[date, list[float]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(folder / "pricing" / "xinfadi_veg_2013_2015.csv.gz", "rt", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            try:
                price = float(row["平均价"])
            except ValueError:
                continue
            if price > 0:
                quotes[row["品名"]][date.fromisoformat(row["发布日期"])].append(price)
    return {name: sorted((day, fmean(p)) for day, p in of.items()) for name, of in quotes.items()}
