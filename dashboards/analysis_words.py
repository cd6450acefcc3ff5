"""What analysis found, in words: one plain sentence for each thing out of the ordinary, one row with its footing for each fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboards.i18n import Translate
from dashboards.joining import clauses
from dashboards.price_words import Change, change_of, days_old, price_text
from pricing.analysis.facts import Comparison, Fact, ProductFacts, Unusual


@dataclass(frozen=True, slots=True)
class UnusualLine:
    """One thing out of the ordinary as a page shows it; `basis` says what it rests on and how old the price is."""

    product: str
    market: str
    price: str
    direction: str
    mark: str
    what: str
    basis: str
    url: str


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact of a product: its name, its value or why there is none, what it rests on, and where its method is told."""

    name: str
    value: str
    direction: str
    basis: str
    method: str


def unusual_line(u: Unusual, product: str, market: str, source: str, other: str, url: str, lang: str, t: Translate) -> UnusualLine:
    """Return what is unusual as a line; the names are the reader's, `other` the other market of a spread."""
    what = {"band": _band, "move": _move, "spread": _spread, "ipa": _ipa, "alps": _alps, "level": _level}[u.kind](u, other, t)
    if u.also:
        what = clauses((what, t("另有 %(n)s 个市场也不寻常", n=len(u.also))), lang)
    basis = clauses((_footing(u.fact, t), source, days_old(u.age_days, t)), lang)
    mark = "▲" if u.up else "▼"
    return UnusualLine(product, market, price_text(u.price_milli, lang), "up" if u.up else "down", mark, what, basis, url)


def _band(u: Unusual, _other: str, t: Translate) -> str:
    percent = f"{abs(u.value):.0f}"
    return t("比往年同期高 %(p)s%%", p=percent) if u.value > 0 else t("比往年同期低 %(p)s%%", p=percent)


def _move(u: Unusual, _other: str, t: Translate) -> str:
    values = {"p": f"{abs(u.value):.0f}", "usual": f"{max(abs(u.low or 0.0), abs(u.high or 0.0)):.0f}"}
    if u.value > 0:
        return t("一周涨 %(p)s%%，平常一周动不到 %(usual)s%%", **values)
    return t("一周跌 %(p)s%%，平常一周动不到 %(usual)s%%", **values)


def _spread(u: Unusual, other: str, t: Translate) -> str:
    percent = f"{abs(u.value):.0f}"
    if u.value > 0:
        return t("和%(other)s的价差比平常高 %(p)s%%", other=other, p=percent)
    return t("和%(other)s的价差比平常低 %(p)s%%", other=other, p=percent)


def _ipa(u: Unusual, _other: str, t: Translate) -> str:
    said = {
        "alert": t("粮农组织价格异常指标：异常高"), "watch": t("粮农组织价格异常指标：偏高"),
        "low-alert": t("粮农组织价格异常指标：异常低"), "low-watch": t("粮农组织价格异常指标：偏低"),
    }[u.state]  # fmt: skip
    return f"{said} ({u.value:+.2f})".replace("-", "−")


def _alps(u: Unusual, _other: str, t: Translate) -> str:
    said = {
        "stress": t("世界粮食计划署价格尖峰指标：偏紧"), "alert": t("世界粮食计划署价格尖峰指标：警戒"),
        "crisis": t("世界粮食计划署价格尖峰指标：危机"),
    }.get(u.state, t("世界粮食计划署价格尖峰指标：正常"))  # fmt: skip
    return f"{said} ({u.value:+.2f})".replace("-", "−")


def _level(u: Unusual, _other: str, t: Translate) -> str:
    return t("%(n)s 级预警：价格是成本参考的 %(ratio)s 倍", n=u.state, ratio=f"{u.value:.2f}")


def fact_rows(f: ProductFacts, lang: str, t: Translate) -> list[FactRow]:
    """Return the facts of a product in the order of a page: comparisons, season, swings, indicators, level."""
    return [
        _comparison(t("环比（这一周比上一周）"), f.week, lang, t),
        _comparison(t("旬环比"), f.ten_days, lang, t),
        _comparison(t("月环比"), f.month, lang, t),
        _comparison(t("同比（公历同一天前后）"), f.year_solar, lang, t),
        _comparison(t("同比（按春节对齐）"), f.year_lunar, lang, t),
        _row(t("季节指数（1 是全年平均）"), f.season.index, lambda v: f"{v:.2f}", lang, t),
        _row(t("和往年同期的中间价比"), f.season.band, _percent, lang, t),
        _row(t("周价格的年波动率"), f.volatility, lambda v: f"{v:.0%}", lang, t),
        _row(t("照抄前一天的报价"), f.unchanged, lambda v: f"{v:.0%}", lang, t),
        _row(t("粮农组织价格异常指标 IPA（γ = 0.4）"), f.ipa.fixed, _signed, lang, t, _ipa_history(f, t)),
        _row(_pca_name(f, t), f.ipa.pca, _signed, lang, t),
        _row(t("粮食计划署价格尖峰指标 ALPS"), f.alps.value, _signed, lang, t),
        _row(t("县里的预警：价格和成本参考之比"), f.level.ratio, lambda v: f"{v:.2f}", lang, t, _level_now(f, lang, t)),
    ]


def _comparison(name: str, c: Comparison, lang: str, t: Translate) -> FactRow:
    if c.change_pct.value is None or c.now is None or c.then is None or c.then.price is None or c.now.price is None:
        return FactRow(name, why_none(c.change_pct, t), "unknown", "", c.change_pct.method)
    change = change_of(c.change_pct.value)
    days = t(
        "%(a)s 至 %(b)s 的 %(x)s（%(n)s 天报价），比 %(c)s 至 %(d)s 的 %(y)s（%(m)s 天）", a=c.now.start, b=c.now.end,
        x=price_text(c.now.price, lang), n=c.now.quoted, c=c.then.start, d=c.then.end, y=price_text(c.then.price, lang), m=c.then.quoted,
    )  # fmt: skip
    return FactRow(name, change.text, change.direction, days, c.change_pct.method)


def _row(name: str, fact: Fact, shown: Callable[[float], str | Change], lang: str, t: Translate, more: str = "") -> FactRow:
    if fact.value is None:
        return FactRow(name, why_none(fact, t), "unknown", "", fact.method)
    told = shown(fact.value)
    text, direction = (told.text, told.direction) if isinstance(told, Change) else (told, "flat")
    return FactRow(name, text, direction, clauses([x for x in (_footing(fact, t), more) if x], lang), fact.method)


def _percent(value: float) -> Change:
    return change_of(value)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _ipa_history(f: ProductFacts, t: Translate) -> str:
    if f.ipa.fixed.value is None:
        return ""
    kind = t("按物价指数折实") if f.ipa.real else t("名义价，没有折实")
    return t(
        "%(kind)s；历来警报 %(a)s 次、关注 %(w)s 次，用主成分权重则是 %(c)s 次、%(d)s 次", kind=kind, a=f.ipa.alerts_fixed,
        w=f.ipa.watches_fixed, c=f.ipa.alerts_pca, d=f.ipa.watches_pca,
    )  # fmt: skip


def _pca_name(f: ProductFacts, t: Translate) -> str:
    gamma = f"{f.ipa.gamma_pca:.2f}" if f.ipa.gamma_pca is not None else "?"
    return t("IPA（γ 由主成分定，%(g)s）", g=gamma)


def _level_now(f: ProductFacts, lang: str, t: Translate) -> str:
    if f.level.ratio.value is None or f.level.reference_milli is None:
        return ""
    reference = price_text(f.level.reference_milli, lang)
    if not f.level.level:
        return t("没有预警；参考 %(r)s", r=reference)
    return t("%(n)s 级，已 %(w)s 周；参考 %(r)s", n=f.level.level, w=f.level.weeks, r=reference)


def _footing(fact: Fact, t: Translate) -> str:
    if fact.start is None or fact.end is None:
        return t("%(n)s 个数", n=fact.n) if fact.n else ""
    if fact.start == fact.end:
        return t("%(day)s，%(n)s 个数", day=fact.start, n=fact.n)
    return t("%(a)s 至 %(b)s，%(n)s 个数", a=fact.start, b=fact.end, n=fact.n)


def why_none(fact: Fact, t: Translate) -> str:
    """Return why there is no number, in words."""
    if fact.reason == "not-enough-history" and fact.need:
        return t("历史不够（有 %(n)s，要 %(need)s）", n=fact.n, need=fact.need)
    return {
        "not-enough-history": t("历史不够"), "not-quoted": t("没有报价"), "not-comparable": t("两边报的品种不同，不比"),
        "low-coverage": t("报价的天数太少，不比"), "no-variation": t("算不出：没有变化"), "no-return": t("看不出回归"),
        "annual-cpi": t("只有年度物价指数，不用来折实"), "no-thresholds": t("县里没有定参考"), "too-old": t("价格太旧"),
    }.get(fact.reason, t("没有"))  # fmt: skip
