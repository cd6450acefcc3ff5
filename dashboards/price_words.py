"""Prices in words: how a price, a change, an age and a doubt are written in each language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dashboards.i18n import CHINESE, Translate
from dashboards.joining import clauses, named

UP, DOWN, FLAT, UNKNOWN = "up", "down", "flat", "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """A relative change, its direction and its text with sign and arrow; never colour alone."""

    direction: str
    text: str


def price_text(milli_per_kg: float, lang: str) -> str:
    """Return a price as the reader says it: 元/斤 in Chinese, CNY/kg in English; the unit is `price_unit`."""
    return f"{milli_per_kg / milli_per_unit(lang):.2f}"


def milli_per_unit(lang: str) -> int:
    """Return how many thousandths per kilogram are one of the reader's units."""
    return 2000 if lang == CHINESE else 1000


def price_unit(lang: str) -> str:
    """Return the unit that goes with `price_text`."""
    return "元/斤" if lang == CHINESE else "CNY/kg"


def change_of(percent: float | None) -> Change:
    """Return a change with its arrow and sign; under a twentieth of a percent it is unchanged."""
    if percent is None:
        return Change(UNKNOWN, "")
    if abs(percent) < 0.05:
        return Change(FLAT, "0.0%")
    return Change(UP, f"▲ +{percent:.1f}%") if percent > 0 else Change(DOWN, f"▼ −{-percent:.1f}%")


def days_old(days: int, t: Translate) -> str:
    """Return how old a quote's day is."""
    if days <= 0:
        return t("今天")
    return t("昨天") if days == 1 else t("%(n)s 天前", n=days)


@dataclass(frozen=True, slots=True)
class Story:
    """What a line of quotes says about its last day."""

    last_day: date
    last: float
    week: float | None  # change in percent over about 7 days
    month: float | None  # over about 30 days
    usual: float | None  # against the usual price of this time of year
    quoted_days: int  # of the last 30
    same_way: int  # other markets that moved the same way over the week
    others: int  # other markets that can be compared

    @property
    def sureness(self) -> str:
        """Return high, fair or low: the rule is stated to the reader beside it."""
        if self.quoted_days < 10 or self.week is None:
            return "low"
        agree = self.same_way / self.others if self.others else 0.0
        return "high" if self.quoted_days >= 20 and self.others >= 2 and agree >= 0.6 else "fair"


def story(points: Sequence[tuple[date, float]], usual: float | None, other_weeks: Sequence[float | None]) -> Story | None:
    """Return the story of one market's quotes beside the week's change in the other markets; None without quotes."""
    if not points:
        return None
    day, last = points[-1]
    week = change_since(points, 7)
    known = [w for w in other_weeks if w is not None]
    same = sum(1 for w in known if week is not None and _sign(w) == _sign(week))
    recent = sum(1 for d, _ in points if (day - d).days < 30)
    against = None if not usual else 100.0 * (last / usual - 1)
    return Story(day, last, week, change_since(points, 30), against, recent, same, len(known))


def change_since(points: Sequence[tuple[date, float]], days: int, slack: int = 5) -> float | None:
    """Return the last value's change in percent against the newest one at least `days` older, if not `slack` days older still."""
    if not points:
        return None
    day, last = points[-1]
    then = day - timedelta(days=days)
    for d, v in reversed(points):
        if d <= then:
            return 100.0 * (last / v - 1) if v > 0 and (then - d).days <= slack else None
    return None


def sentence(s: Story, product: str, market: str, today: date, lang: str, t: Translate) -> str:
    """Return one plain paragraph: the price, what changed, how it sits in the season, and how sure this is."""
    age = (today - s.last_day).days
    price = f"{price_text(s.last, lang)} {price_unit(lang)}"
    old = days_old(age, t)
    parts = [f"{market}{product}{old} {price}" if lang == CHINESE else f"{product} at {market}: {price} ({old})"]
    if s.week is not None:
        parts.append(_moved(s.week, t("一周"), t))
    if s.month is not None:
        parts.append(_moved(s.month, t("一个月"), t))
    if s.usual is not None:
        if abs(s.usual) < 5:
            parts.append(t("与往年同期相近"))
        else:
            message = t("比往年同期高 %(p)s%%", p=f"{s.usual:.0f}") if s.usual > 0 else t("比往年同期低 %(p)s%%", p=f"{-s.usual:.0f}")
            parts.append(message)
    return clauses(parts, lang) + ("。" if lang == CHINESE else ".")


def sureness_text(s: Story, lang: str, t: Translate) -> str:
    """Return how sure the sentence is, with the counts it rests on."""
    word = {"high": t("把握较大"), "fair": t("把握一般"), "low": t("把握较小")}[s.sureness]
    counts = t("近 30 天有 %(n)s 天报价", n=s.quoted_days)
    if s.others:
        counts += t("；另外 %(others)s 个市场里有 %(same)s 个这一周同方向", others=s.others, same=s.same_way)
    return named(word, counts, lang) + ("。" if lang == CHINESE else ".")


def _moved(percent: float, span: str, t: Translate) -> str:
    if abs(percent) < 0.5:
        return t("%(span)s基本没变", span=span)
    amount = f"{abs(percent):.1f}"
    return t("%(span)s涨 %(p)s%%", span=span, p=amount) if percent > 0 else t("%(span)s跌 %(p)s%%", span=span, p=amount)


def _sign(value: float) -> int:
    return 0 if abs(value) < 0.5 else 1 if value > 0 else -1
