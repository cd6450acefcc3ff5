"""The price desk in words: why a quote waits, who decided and why, what is wrong with a typed price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date

from dashboards.i18n import CHINESE, Translate
from dashboards.joining import clauses, sentences
from dashboards.price_note_words import money_text
from dashboards.price_words import change_of
from pricing.desk.deciding import CONFIRMED
from pricing.desk.soft_gate import Oddity

# Beyond this a multiple of a small spread says nothing more.
MOST_SCALES = 20


def prices_text(low: int, mid: int, high: int, lang: str, currency: str = "CNY") -> str:
    """Return a price with its range: 3.60 元/斤（3.40–3.80）."""
    if low == mid == high:
        return money_text(mid, lang, currency)
    span = "–".join(money_text(x, lang, currency).split(" ")[0] for x in (low, high))
    return f"{money_text(mid, lang, currency)}（{span}）" if lang == CHINESE else f"{money_text(mid, lang, currency)} ({span})"


def factor_text(factor: float, t: Translate) -> str:
    """Return how far a price is from the usual: 是平常的 2.0 倍, 只有平常的 50%."""
    return t("是平常的 %(n)s 倍", n=f"{factor:.2f}") if factor >= 1 else t("只有平常的 %(n)s%%", n=f"{100 * factor:.0f}")


def oddity_text(oddity: Oddity, value: int, market_names: Mapping[str, str], lang: str, t: Translate, currency: str = "CNY") -> str:
    """Return why a quote waits: which price, against what, how far, and what the other markets did."""
    part = {"low": t("最低价"), "mid": t("中间价"), "high": t("最高价")}[oddity.part]
    told = t(
        "%(part)s %(price)s，最近 %(n)s 次报价的中位数是 %(usual)s，%(factor)s", part=part, n=oddity.quotes,
        price=money_text(value, lang, currency), usual=money_text(oddity.usual, lang, currency), factor=factor_text(oddity.factor, t),
    )  # fmt: skip
    spread = _spread_text(oddity.scales, t)
    return sentences((_stop(clauses((told, spread), lang), lang), others_text(oddity, market_names, t)), lang)


def others_text(oddity: Oddity, market_names: Mapping[str, str], t: Translate) -> str:
    """Return what the other markets did that day, as a sentence."""
    together = oddity.others_move
    if together is not None:
        return t("别的 %(n)s 个市场当天没有这样动，中位数 %(move)s。", n=len(oddity.others), move=_move_text(together))
    if oddity.others:
        [(market, move)] = oddity.others.items()
        return t("当天只有%(market)s可比（%(move)s），不足以作证。", market=market_names.get(market, market), move=_move_text(move))
    return t("当天没有别的市场可比，只和自己的过去比。")


def _move_text(log_move: float) -> str:
    return change_of(100 * math.expm1(log_move)).text


def _spread_text(scales: float | None, t: Translate) -> str:
    if scales is None:
        return t("近来价格没有变过")
    if scales > MOST_SCALES:
        return t("是近来通常波动的 %(n)s 倍以上", n=MOST_SCALES)
    return t("是近来通常波动的 %(n)s 倍", n=f"{scales:.1f}")


def decision_text(decision: str, decider: str, why: str, lang: str, t: Translate) -> str:
    """Return what was decided, by whom, and why."""
    what = {"released": t("放行"), "rejected": t("不采用"), "superseded": t("来源改口，作废"), "open": t("重新待核")}.get(
        decision, decision
    )
    rules = {
        "second-day": t("后来一天报的是同一水平"), "fits-now": t("别的市场也这样动了"), "said-otherwise": t("来源现在报的是另一个价"),
        "said-again": t("来源又报了这个价"), CONFIRMED: t("记价的人被问到时确认了"),
    }  # fmt: skip
    return clauses((what, decider or t("按规则"), rules.get(why, why)), lang)


def refusal_text(reason: str, t: Translate) -> str:
    """Return what is wrong with a price typed on the telephone's page."""
    return {
        "twice": t("同一产品填了两行"), "order": t("最低价比最高价高"), "mid": t("价格不在最低和最高之间"), "zero": t("价格是 0"),
        "negative": t("价格是负数"), "absurd": t("价格高得不可能"), "no-number": t("不是数字，或只填了最低、最高中的一个"),
        "piece-price": t("这是按个、按箱的价，不是按斤"), "future": t("这一天还没到"),
    }.get(reason, t("这一行不能用"))  # fmt: skip


def day_choice(day: date, today: date, t: Translate) -> str:
    """Return a recent day as a choice: 今天, 昨天, 11月20日."""
    back = (today - day).days
    if back == 0:
        return t("今天")
    return t("昨天") if back == 1 else t("%(m)s月%(d)s日", m=day.month, d=day.day)


def _stop(text: str, lang: str) -> str:
    return f"{text}。" if lang == CHINESE else f"{text}."


def field_text(field: str, t: Translate) -> str:
    """Return what a column of a file may hold."""
    return {
        "name": t("品名"), "day": t("日期"), "low": t("最低价"), "mid": t("中间价"), "high": t("最高价"), "unit": t("单位"),
        "spec": t("规格"), "grade": t("等级"), "origin": t("产地"), "market": t("市场"), "volume": t("成交量"), "pack": t("每件多重"),
    }.get(field, field)  # fmt: skip


def row_refusal_text(reason: str, t: Translate) -> str:
    """Return why a row of a file is not taken."""
    return {
        "piece-price": t("价格里写着按个、按箱"), "piece-name": t("品名里写着按个、按箱"), "piece-unit": t("单位是个、只、把，不是重量"),
        "unit": t("单位不是重量"), "pack": t("按件报价，不知道一件多重"), "market": t("市场我们不认识"), "no-number": t("价格不是数字"),
        "zero": t("价格是 0"), "negative": t("价格是负数"), "absurd": t("价格高得不可能"), "order": t("最低价比最高价高"),
        "mid": t("价格不在最低和最高之间"), "future": t("这一天还没到"), "no-name": t("没有品名"), "currency": t("币种不对"),
        "day": t("日期读不出来"),
    }.get(reason, t("这一行不能用"))  # fmt: skip
