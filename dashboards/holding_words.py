"""Hold or sell in words: whether waiting is likely to bring more, what each wait leaves, and what it brought in earlier years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dashboards.forecast_words import forecast_words, method_text
from dashboards.i18n import Translate, day_text
from dashboards.joining import sentences
from dashboards.price_words import DOWN, FLAT, UP, price_text, price_unit
from logistics.selling.holding import LIKELY, Held, Holding
from pricing.forecast.nouns import NAIVE


@dataclass(frozen=True, slots=True)
class WaitLine:
    """One wait as the page shows it; prices are in the reader's unit, after everything that keeping costs."""

    weeks: int
    week: str
    left: str
    span: str
    chance: str
    costs: str
    method: str


@dataclass(frozen=True, slots=True)
class YearLine:
    """What the same wait brought in an earlier year."""

    began: str
    sold: str
    held: str
    gain: str
    direction: str


@dataclass(frozen=True, slots=True)
class HoldingView:
    """Hold or sell as the page shows it; without a forecast only the sentence, which says why."""

    sentence: str
    sure: str
    unit: str
    waits: tuple[WaitLine, ...]
    past_weeks: int
    past: tuple[YearLine, ...]


def holding_view(holding: Holding, today: date, lang: str, t: Translate) -> HoldingView:
    """Return hold or sell in the reader's language."""
    best = holding.best
    if best is None:
        return HoldingView(forecast_words(holding.forecast, today, lang, t).what, "", price_unit(lang), (), 0, ())
    said = {
        "weeks": best.weeks, "left": _money(best.mid, lang), "low": _money(best.low, lang), "high": _money(best.high, lang),
        "now": _money(holding.today.mid, lang), "unit": price_unit(lang), "chance": f"{100 * best.chance:.0f}",
        "likely": f"{100 * LIKELY:.0f}",
    }  # fmt: skip
    if holding.hold:
        first = t(
            "放 %(weeks)s 周再卖，有 %(chance)s%% 的可能比今天卖（%(now)s %(unit)s）剩得多："
            "扣掉存放的费用和损耗，预计剩 %(left)s，八成把握在 %(low)s 到 %(high)s 之间。",
            **said,
        )
    else:
        first = t(
            "不建议为了价格而放：最好的一档是放 %(weeks)s 周，剩得比今天卖（%(now)s %(unit)s）多的可能只有 %(chance)s%%，"
            "没有超过 %(likely)s%%；预计剩 %(left)s，八成把握在 %(low)s 到 %(high)s 之间。",
            **said,
        )
    words = forecast_words(holding.forecast, today, lang, t, weeks=best.point.horizon_weeks)
    return HoldingView(
        first, sentences((words.sure, words.made), lang), price_unit(lang), tuple(_wait(h, lang, t) for h in holding.held), best.weeks,
        tuple(YearLine(day_text(p.began, lang), _money(p.sold, lang), _money(p.held, lang), *_signed(p.gain, lang)) for p in holding.past),
    )  # fmt: skip


def _wait(h: Held, lang: str, t: Translate) -> WaitLine:
    costs = t(
        "烂掉 %(spoilt)s%%，存放 %(storage)s，资金 %(capital)s",
        spoilt=f"{h.spoilt_ppm / 10_000:.1f}", storage=_money(h.storage_milli, lang), capital=_money(h.capital_milli, lang),
    )  # fmt: skip
    span = t("%(a)s 至 %(b)s", a=_money(h.low, lang), b=_money(h.high, lang))
    method = method_text(NAIVE, t) if h.point.method == NAIVE else ""
    return WaitLine(h.weeks, day_text(h.week, lang), _money(h.mid, lang), span, f"{100 * h.chance:.0f}%", costs, method)


def _money(milli: int, lang: str) -> str:
    return price_text(milli, lang).replace("-", "−")


def _signed(milli: int, lang: str) -> tuple[str, str]:
    text = price_text(abs(milli), lang)
    if text == price_text(0, lang):
        return text, FLAT
    return (f"▲ +{text}", UP) if milli > 0 else (f"▼ −{text}", DOWN)
