"""A county's basket index in words and numbers: how high, how sure, of what it is made, and the official index beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from dashboards.charts import Line, LineChart, line_chart
from dashboards.i18n import CHINESE, Translate, day_text, name_of
from dashboards.joining import listed
from dashboards.price_words import Change, change_of, days_old
from foundation.clock import market_day
from pricing.analysis.facts import IndexPoint, IndexSeries
from pricing.analysis.index import LEAST_COVERAGE, change_pct
from pricing.indices import INDEX_NAMES

if TYPE_CHECKING:
    from dashboards.services import Services

RANGES = {"3y": 1096, "1y": 366, "90d": 90}
# The official indices that stand beside a county's own.
OFFICIAL = ("A", "AE")
# A day is looked for so many days back: markets rest at Spring Festival.
SLACK_DAYS = 10


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day in the table behind the chart."""

    day: date
    value: str
    coverage: str
    carried: str
    imputed: str
    official: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest day that is shown, in words: value, age, coverage, and the change over a week, a month and a year."""

    day: str
    age: str
    value: str
    coverage: str
    changes: tuple[tuple[str, Change, str], ...]


def index_context(services: Services, county: str, range_key: str, as_of_ms: int | None, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the page shows; `as_of_ms` shows it as it was known then.

    Raises:
        NotFound: there is no such county, or it has no basket.

    """
    place = services.registry.county(county)
    today = market_day(services.clock.now())
    range_key = range_key if range_key in RANGES else "1y"
    start = today - timedelta(days=RANGES[range_key])
    # A year more, so that the newest day has its year before.
    found = services.analysis.index(county, min(start, today - timedelta(days=366 + SLACK_DAYS)), today, as_of_ms)
    shown = [p for p in found.points if p.day >= start]
    own = [(p.day, p.value) for p in shown if p.value is not None]
    told = {code: services.prices.official_index(code, start, today, as_of_ms=as_of_ms) for code in OFFICIAL}
    official = {code: {p.day: float(p.value) for p in points} for code, points in told.items()}
    quoted = [code for code in OFFICIAL if official[code]]
    names = {p.id: name_of(p, lang) for p in services.registry.products()}
    markets = {m.id: name_of(m, lang) for m in services.prices.markets()}
    return {
        "county": county, "county_name": name_of(place, lang), "head": head_of(found, today, lang, t), "range": range_key,
        "ranges": [("3y", t("3 年")), ("1y", t("1 年")), ("90d", t("90 天"))],
        "missing": "" if not found.reason else _why(found, t),
        "chart": _chart(t("县产品价格指数"), "own", own, start, today, lang, t),
        "officials": [_official(code, official[code], start, today, lang, t) for code in quoted],
        "official_heads": [_official_name(code, lang) for code in quoted],
        "base": found.base, "least": f"{LEAST_COVERAGE:.0%}",
        "markets": listed((markets.get(m, m) for m in found.markets), lang),
        "weights": [
            ((w.product, names.get(w.product, w.product)), f"{w.percent:g}", t("我们的假设，不是调查") if w.own else w.source, w.date)
            for w in found.weights
        ],
        # A product of the basket that nobody in the county's markets quotes has no page.
        "quoted": {r.product for r in services.prices.board(county, None)},
        "own_weights": any(w.own for w in found.weights),
        "same_source": len({(w.own, w.source, w.date) for w in found.weights}) == 1,
        "links": [(x.day, x.old, x.new, f"{x.factor:.4f}", x.overlap_days) for x in found.links],
        "rows": _rows(shown, [official[code] for code in quoted], range_key),
        "table_step": {"3y": t("每月最后一天"), "1y": t("每周最后一天"), "90d": t("每一天")}[range_key],
        "as_of": found.as_of_ms is not None,
        "csv": f"/c/{county}/index.csv",
    }  # fmt: skip


def head_of(found: IndexSeries, today: date, lang: str, t: Translate) -> Head | None:
    """Return the newest shown day in words, None where no day is shown."""
    shown = [p for p in found.points if p.value is not None]
    if not shown:
        return None
    now = shown[-1]
    spans = ((t("比一周前"), 7), (t("比一个月前"), 30), (t("比一年前"), 365))
    changes = tuple((name, *_change(shown, now, days, lang)) for name, days in spans)
    return Head(day_text(now.day, lang), days_old((today - now.day).days, t), f"{now.value:.1f}", f"{now.coverage:.0%}", changes)


def csv_of(services: Services, county: str, as_of_ms: int | None) -> str:
    """Return every day of the index since its base as CSV, unrounded, with coverage and the official indices beside it."""
    services.registry.county(county)
    today = market_day(services.clock.now())
    start = services.analysis.index(county, today, today, as_of_ms).base.start
    found = services.analysis.index(county, start, today, as_of_ms)
    official = [{p.day: p.raw for p in services.prices.official_index(code, start, today, as_of_ms=as_of_ms)} for code in OFFICIAL]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["day", "index", "shown", "coverage", "carried", "imputed", "basket", *(f"official_{code}" for code in OFFICIAL)])
    for p in found.points:
        raw = "" if p.raw is None else repr(p.raw)
        shares = [f"{x:.4f}" for x in (p.coverage, p.carried, p.imputed)]
        writer.writerow([p.day, raw, int(p.value is not None), *shares, found.basket, *(of.get(p.day, "") for of in official)])
    return out.getvalue()


def _change(shown: Sequence[IndexPoint], now: IndexPoint, days: int, lang: str) -> tuple[Change, str]:
    """Return the change against the newest shown day at least `days` older, and which day that is."""
    limit = now.day - timedelta(days=days)
    then = next((p for p in reversed(shown) if p.day <= limit), None)
    if then is None or (limit - then.day).days > SLACK_DAYS:
        return change_of(None), ""
    return change_of(change_pct(now, then)), day_text(then.day, lang)


def _official(code: str, of: dict[date, float], start: date, end: date, lang: str, t: Translate) -> dict[str, Any]:
    name = _official_name(code, lang)
    return {"name": name, "newest": _newest(of, lang), "chart": _chart(name, f"official-{code}", sorted(of.items()), start, end, lang, t)}


def _chart(title: str, name: str, points: Sequence[tuple[date, float]], start: date, end: date, lang: str, t: Translate) -> Markup:
    return line_chart(
        LineChart(
            name, title, t("%(a)s 至 %(b)s；下面有数字表。", a=start, b=end), start, end, [Line(title, points)], gap_days=1,
            value_text=lambda v: f"{v:g}", month_text=lambda d: t("%(m)s月", m=d.month) if lang == CHINESE else f"{d:%b}",
        )
    )  # fmt: skip


def _rows(shown: Sequence[IndexPoint], official: Sequence[dict[date, float]], range_key: str) -> list[DayRow]:
    """Return the days of the table, the newest first: each, or the last of each week or month."""
    last: dict[tuple[int, ...], IndexPoint] = {}
    for p in shown:
        period: tuple[int, ...] = {"3y": (p.day.year, p.day.month), "1y": p.day.isocalendar()[:2]}.get(range_key, (p.day.toordinal(),))
        last[period] = p
    return [
        DayRow(
            p.day, "–" if p.value is None else f"{p.value:.1f}", f"{p.coverage:.0%}", f"{p.carried:.0%}", f"{p.imputed:.0%}",
            tuple(f"{of[p.day]:.2f}" if p.day in of else "–" for of in official),
        )
        for p in sorted(last.values(), key=lambda p: p.day, reverse=True)
    ]  # fmt: skip


def _newest(of: dict[date, float], lang: str) -> tuple[str, str]:
    day = max(of)
    return f"{of[day]:.2f}", day_text(day, lang)


def _official_name(code: str, lang: str) -> str:
    zh, en = INDEX_NAMES[code]
    return zh if lang == CHINESE else en


def _why(found: IndexSeries, t: Translate) -> str:
    if found.reason == "not-comparable":
        return t("新旧两版篮子没有共同的日子，接不起来。")
    return t("基期（%(base)s 起）没有足够的报价，算不出指数。县里可以改基期。", base=found.base.start)
