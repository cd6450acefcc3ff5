"""Forecasts in words: what is expected, how sure that is against naive, how old it is; and where there is none, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from dashboards.i18n import Translate, day_text
from dashboards.joining import sentences
from dashboards.price_words import days_old, price_text, price_unit
from pricing.forecast.nouns import NAIVE, Forecast, ForecastPoint, NotEnoughHistory, Skill, TrackRecord

# What a page says in one sentence: a month ahead.
MONTH_AHEAD = 4


@dataclass(frozen=True, slots=True)
class ForecastWords:
    """A forecast in up to three sentences; where there is none, `what` says why and the others are empty."""

    what: str
    sure: str
    made: str
    naive: bool

    def whole(self, lang: str) -> str:
        """Return them one after another."""
        return sentences((self.what, self.sure, self.made), lang)


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """One week of a forecast as a table's row; prices are in the reader's unit, MASE in usual weekly moves."""

    weeks: int
    week: str
    p10: str
    p50: str
    p90: str
    method: str
    mase: str
    mase_naive: str
    coverage: str
    origins: int


def forecast_words(
    found: Forecast | NotEnoughHistory, today: date, lang: str, t: Translate, *, weeks: int = MONTH_AHEAD,
) -> ForecastWords:  # fmt: skip
    """Return the sentences of a forecast for the week `weeks` ahead, or the farthest before it that is told."""
    if isinstance(found, NotEnoughHistory):
        said = t("历史还不够，不作预测：有报价的整周 %(have)s 个，至少要 %(need)s 个。", have=found.weeks_have, need=found.weeks_needed)
        if found.weeks_have >= found.weeks_needed:
            said = t("还没有作预测：夜里才算，或者这个价格已经很久没有人报。")
        return ForecastWords(said, "", "", naive=False)
    point = max((p for p in found.points if p.horizon_weeks <= weeks), key=lambda p: p.horizon_weeks, default=found.points[0])
    skill = found.skill_at(point.horizon_weeks)
    return ForecastWords(
        _what(found, point, lang, t), _sure(skill, point.method == NAIVE, t) if skill else "", _made(found, today, lang, t),
        naive=point.method == NAIVE,
    )  # fmt: skip


def forecast_lines(found: Forecast, lang: str, t: Translate) -> tuple[ForecastLine, ...]:
    """Return the rows of the table behind a fan."""
    return tuple(
        ForecastLine(
            p.horizon_weeks, day_text(p.week, lang), _price(found, p.p10, lang), _price(found, p.p50, lang), _price(found, p.p90, lang),
            method_text(p.method, t), f"{s.mase:.2f}", f"{s.mase_naive:.2f}", f"{100 * s.coverage80:.0f}%", s.origins,
        )
        for p, s in zip(found.points, found.skill, strict=True)
    )  # fmt: skip


def method_text(method: str, t: Translate) -> str:
    """Return the name of a method."""
    return t("照搬上周价") if method == NAIVE else t("几种简单方法合在一起")


def unit_of(found: Forecast, lang: str) -> str:
    """Return the unit the forecast's prices are told in."""
    return price_unit(lang) if found.currency == "CNY" else f"{found.currency}/kg"


def track_words(record: TrackRecord, lang: str, t: Translate, *, weeks: int = MONTH_AHEAD) -> str:
    """Return how good the forecasts really given were, `weeks` ahead; empty where no week of them has come."""
    came = [p for p in record.points if p.horizon_weeks == weeks]
    if not came:
        return ""
    inside = sum(p.inside for p in came)
    said = t("给过的 %(weeks)s 周前的预测，已经到期 %(n)s 次，其中 %(inside)s 次落在区间里。", weeks=weeks, n=len(came), inside=inside)
    ratio = record.error_against_naive(weeks)
    against = "" if ratio is None else t("误差是照搬上周价的 %(p)s%%。", p=f"{100 * ratio:.0f}")
    return sentences((said, against), lang)


def _price(found: Forecast, milli: int, lang: str) -> str:
    return price_text(milli, lang) if found.currency == "CNY" else f"{milli / 1000:.2f}"


def _what(found: Forecast, point: ForecastPoint, lang: str, t: Translate) -> str:
    return t(
        "%(week)s那一周，预计 %(mid)s %(unit)s；八成把握在 %(low)s 到 %(high)s 之间。",
        week=day_text(point.week, lang), mid=_price(found, point.p50, lang), low=_price(found, point.p10, lang),
        high=_price(found, point.p90, lang), unit=unit_of(found, lang),
    )  # fmt: skip


def _sure(skill: Skill, naive: bool, t: Translate) -> str:
    figures = {
        "ours": f"{skill.mase:.2f}",
        "naive": f"{skill.mase_naive:.2f}",
        "n": skill.origins,
        "cover": f"{100 * skill.coverage80:.0f}",
    }
    if naive:
        return t(
            "提前这么久，几种方法合起来也不比照搬上周价准（MASE %(ours)s 对 %(naive)s，试过 %(n)s 次），所以写的就是上周价；"
            "区间罩住了其中的 %(cover)s%%。",
            **figures,
        )
    return t(
        "提前这么久试过 %(n)s 次，误差比照搬上周价小 %(gain)s%%（MASE %(ours)s 对 %(naive)s），区间罩住了其中的 %(cover)s%%。",
        gain=f"{100 * skill.gain:.0f}", **figures,
    )  # fmt: skip


def _made(found: Forecast, today: date, lang: str, t: Translate) -> str:
    end = found.last_week + timedelta(days=6)
    old = days_old((today - found.made_on).days, t)
    said = t("根据截至%(end)s的 %(n)s 个整周，%(old)s算的。", end=day_text(end, lang), n=found.weeks_used, old=old)
    weeks_old = (today - end).days // 7
    return sentences((said, t("此后已过去 %(n)s 周，可能过时了。", n=weeks_old) if weeks_old >= 2 else ""), lang)
