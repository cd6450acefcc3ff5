"""Quality notes in words: one short sentence each, with its figures, in either language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dashboards.i18n import CHINESE, Translate, day_text, time_text
from dashboards.joining import named
from dashboards.price_words import price_text, price_unit
from dashboards.reasons import reason_text
from pricing.desk.notes import QualityNote


def note_text(note: QualityNote, lang: str, t: Translate) -> str:
    """Return a quality note as a sentence for a reader of the language."""
    return _WORDS[note.code](note.numbers, lang, t)


def teller_text(teller: str, t: Translate) -> str:
    """Return who told a price by telephone: a role, never a name."""
    return {
        "grower": t("种植户"), "cooperative": t("合作社"), "broker": t("经纪人"), "market": t("市场管理员"), "buyer": t("收购商"),
    }.get(teller, t("其他人"))  # fmt: skip


def money_text(milli: Any, lang: str, currency: str = "CNY") -> str:
    """Return a price with its unit; money of elsewhere stays what it is, per kilogram."""
    if currency != "CNY":
        return f"{float(milli) / 1000:.2f} {currency}/{'公斤' if lang == CHINESE else 'kg'}"
    return f"{price_text(float(milli), lang)} {price_unit(lang)}"


Numbers = Mapping[str, Any]


def _set_aside(n: Numbers, lang: str, t: Translate) -> str:
    values = {"day": day_text(n["day"], lang), "price": money_text(n["mid"], lang), "usual": money_text(n["usual"], lang)}
    if n["count"] > 1:
        return t("%(day)s有 %(n)s 条报价待核（如 %(price)s，平常约 %(usual)s），没有采用，先按原来的价格。", n=n["count"], **values)
    return t("%(day)s的报价 %(price)s 与平常（约 %(usual)s）差得远，待核，没有采用，先按原来的价格。", **values)


def _revised(n: Numbers, lang: str, t: Translate) -> str:
    return t(
        "%(day)s的价格在 %(when)s 由 %(before)s 改为 %(after)s。", day=day_text(n["day"], lang), when=time_text(n["observed_ms"], lang),
        before=money_text(n["before"], lang), after=money_text(n["after"], lang),
    )  # fmt: skip


def _withdrawn(n: Numbers, lang: str, t: Translate) -> str:
    return t(
        "%(day)s的价格 %(before)s 在 %(when)s 撤回。", day=day_text(n["day"], lang), before=money_text(n["before"], lang),
        when=time_text(n["observed_ms"], lang),
    )  # fmt: skip


def _single(_n: Numbers, _lang: str, t: Translate) -> str:
    return t("只报了一个价，没有最低和最高。")


def _midpoint(_n: Numbers, _lang: str, t: Translate) -> str:
    return t("来源写的“平均价”只是最低和最高的中点，不是按成交量平均。")


def _unchanged(n: Numbers, lang: str, t: Translate) -> str:
    return t("已连续 %(n)s 次报价没有变（从 %(day)s起），可能是照抄。", n=n["quotes"], day=day_text(n["since"], lang))


def _fewer(n: Numbers, _lang: str, t: Translate) -> str:
    return t("平常有 %(n)s 个品种或等级的报价，这天只有 %(k)s 个。", n=n["usual"], k=n["quoted"])


def _troubled(n: Numbers, lang: str, t: Translate) -> str:
    said = t("来源现在取不到") if n["state"] == "failing" else t("来源最近一次的回答没有采用")
    return named(said, reason_text(n["why"], lang), lang) if n["why"] else said


def _telephone(n: Numbers, _lang: str, t: Translate) -> str:
    return t("电话报价，%(who)s说的。", who=teller_text(n["teller"], t))


_WORDS: dict[str, Callable[[Numbers, str, Translate], str]] = {
    "set-aside": _set_aside, "revised": _revised, "withdrawn": _withdrawn, "single-price": _single, "midpoint-as-average": _midpoint,
    "unchanged": _unchanged, "fewer-series": _fewer, "source-troubled": _troubled, "by-telephone": _telephone,
}  # fmt: skip
