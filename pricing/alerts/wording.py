"""Alarms in words, in both languages: every one carries the number, its source, its age and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from foundation.clock import SHANGHAI, from_ms, market_day
from pricing.alerts.conditions import ALPS, BELOW, CHANGE, FORECAST, IPA, LEVEL, SILENT, SPREAD, Condition
from pricing.alerts.judging import limits
from pricing.alerts.rules import CLEARED, RAISED, REMINDER, Fact, Rule
from pricing.alerts.sentences import CHINESE, SAYS, say
from pricing.markets import currency_of


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called, by id, as (Chinese, English); an id nobody knows is said as it is."""

    products: Mapping[str, tuple[str, str]]
    markets: Mapping[str, tuple[str, str]]
    sources: Mapping[str, tuple[str, str]]


def headline(rule: Rule, names: Names, lang: str) -> str:
    """Return what a rule watches for, as one line."""
    c = rule.condition
    return say(f"{c.kind}-{c.side}", lang, product=_name(names.products, c.product, lang), market=_name(names.markets, c.market, lang),
               other=_name(names.markets, c.other_market, lang), source=_name(names.sources, c.source, lang), days=c.days, weeks=c.weeks,
               line=say(c.quantile, lang) if c.quantile else "", limit=_limit_text(c, lang))  # fmt: skip


def number(rule: Rule, fact: Fact, lang: str) -> str:
    """Return the fact's number with its unit, alone."""
    said = _amount(rule.condition, fact.value, fact.currency, lang)
    return say("ago", lang, n=said) if rule.condition.kind == SILENT else said


def told_fact(rule: Rule, fact: Fact, names: Names, lang: str, now_ms: int) -> list[str]:
    """Return a fact as sentences: the number with its uncertainty, then its source and age."""
    c = rule.condition

    def amount(value: object) -> str:
        return _amount(c, float(value), fact.currency, lang) if isinstance(value, int | float) else say("unknown", lang)

    more = fact.more
    values: dict[str, object] = {"value": amount(fact.value), "low": amount(fact.low), "high": amount(fact.high), "n": fact.n,
                                 "days": c.days, "limit": amount(fact.limit)}  # fmt: skip

    def money(key: str) -> str:
        return price(_num(more.get(key)), fact.currency, lang) if more.get(key) is not None else say("unknown", lang)

    if c.kind == CHANGE:
        values |= {"now": money("now"), "then": money("then"), "then_day": _day(more.get("then_day"), lang),
                   "usual": f"{_num(more.get('usual_step')):.1f}%"}  # fmt: skip
    elif c.kind in (IPA, ALPS):
        values |= {"month": more.get("month", ""), "other_value": amount(more.get("other_value")), "alerts": more.get("alerts", 0),
                   "real": say("real" if more.get("real") else "nominal", lang), "expected": money("expected")}  # fmt: skip
    elif c.kind == SPREAD:
        sides = {k: _name(names.markets, str(more.get(k, "")), lang) for k in ("dearer", "cheaper")}
        values |= {**sides, "usual": amount(more.get("usual")), "outside": f"{100 * _num(more.get('outside')):.0f}%",
                   "half": _half_life(more, lang)}  # fmt: skip
    elif c.kind == FORECAST:
        method = str(more.get("method", ""))
        values |= {"week": _day(more.get("week"), lang), "method": say(method, lang) if method in SAYS else method, "p50": money("p50"),
                   "mase": f"{_num(more.get('mase')):.2f}", "naive": f"{_num(more.get('mase_naive')):.2f}",
                   "coverage": f"{100 * _num(more.get('coverage')):.0f}%", "origins": more.get("origins", 0)}  # fmt: skip
    elif c.kind == SILENT:
        state = str(more.get("state", ""))
        values |= {"since": _moment(fact.observed_ms, lang), "state": say(f"state-{state}", lang) if f"state-{state}" in SAYS else state}
    lines = [say("value-silent-never" if more.get("never") else f"value-{c.kind}", lang, **values)]
    if fact.day is not None:
        old = (market_day(from_ms(now_ms)) - fact.day).days
        age = say("today" if old <= 0 else "yesterday" if old == 1 else "days-ago", lang, n=old)
        key = "provenance-forecast" if c.kind == FORECAST else "provenance"
        day, seen = _day(fact.day.isoformat(), lang), _moment(fact.observed_ms, lang)
        lines.append(say(key, lang, source=_name(names.sources, fact.source, lang), day=day, days=age, seen=seen))
    return lines


def told_rule(rule: Rule, fact: Fact, lang: str) -> str:
    """Return when the rule raises and when it clears, as one sentence."""
    if fact.holds is not None:
        over = say("over-told", lang)
    else:
        over = say(f"over-{rule.condition.side}", lang, limit=_amount(rule.condition, limits(rule, fact)[1], fact.currency, lang))
    return say("rule-runs", lang, n=rule.persist, over=over)


def title_of(kind: str, rule: Rule, names: Names, lang: str) -> str:
    """Return the title of one event's message."""
    mark = say(kind if kind in (RAISED, CLEARED, REMINDER) else RAISED, lang)
    head = headline(rule, names, lang)
    return f"{mark}：{head}" if lang == CHINESE else f"{mark}: {head}"


def digest_text(lines: Sequence[tuple[str, str, Sequence[str]]], lang: str) -> str:
    """Return several events as one text: for each (when, title, sentences)."""
    return "\n\n".join("\n".join([say("at", lang, when=when, what=title), *sentences]) for when, title, sentences in lines)


def price(milli: float, currency: str, lang: str) -> str:
    """Return a price: 元/斤 for CNY in Chinese, else the currency per kilogram."""
    if currency == "CNY" and lang == CHINESE:
        return f"{milli / 2000:.2f} 元/斤"
    return f"{milli / 1000:.2f} {currency}/{'公斤' if lang == CHINESE else 'kg'}"


def why_text(why: str, lang: str) -> str:
    """Return in words why nothing is known, as `reason` or `reason have/need`."""
    reason, _, counts = why.partition(" ")
    if counts and f"{reason}-of" in SAYS:
        have, _, need = counts.partition("/")
        return say(f"{reason}-of", lang, have=have, need=need)
    return say(reason, lang) if reason in SAYS else reason


def moment(at_ms: int, lang: str) -> str:
    """Return an instant in Shanghai's time."""
    return _moment(at_ms, lang)


def _limit_text(c: Condition, lang: str) -> str:
    currency = currency_of(c.market) or "CNY"
    if c.kind == SPREAD:
        return price(c.limit, currency, lang)
    limit = -c.limit if c.kind == IPA and c.side == BELOW else c.limit
    return f"{limit:g}%" if c.kind == CHANGE else _amount(c, limit, currency, lang)


def _amount(c: Condition, value: float, currency: str, lang: str) -> str:
    if c.kind in (LEVEL, FORECAST):
        return price(value, currency, lang)
    if c.kind == SPREAD:
        return f"{value:.1f}%"
    if c.kind == CHANGE:
        return "0.0%" if abs(value) < 0.05 else f"▲ +{value:.1f}%" if value > 0 else f"▼ −{-value:.1f}%"
    if c.kind == SILENT:
        return say("minutes", lang, n=f"{value:.0f}") if value < 120 else say("hours", lang, n=f"{value / 60:.0f}")
    return f"{value:.2f}"


def _half_life(more: Mapping[str, str | float | int | None], lang: str) -> str:
    """Return the weeks in which half a spread is gone, with its interval where one is known."""
    value, low, high = (more.get(k) for k in ("half_life", "half_life_low", "half_life_high"))
    if not isinstance(value, int | float):
        return say("unknown", lang)
    if not isinstance(low, int | float):
        return say("weeks", lang, n=f"{value:.1f}")
    end = f"{high:.1f}" if isinstance(high, int | float) else say("endless", lang)
    return say("weeks-between", lang, n=f"{value:.1f}", low=f"{low:.1f}", high=end)


def _name(known: Mapping[str, tuple[str, str]], key: str, lang: str) -> str:
    return known.get(key, (key, key))[0 if lang == CHINESE else 1]


def _num(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _day(value: object, lang: str) -> str:
    if not isinstance(value, str):
        return say("unknown", lang)
    day = date.fromisoformat(value)
    return f"{day.month}月{day.day}日" if lang == CHINESE else f"{day.day} {day:%b}"


def _moment(at_ms: int, lang: str) -> str:
    local = from_ms(at_ms).astimezone(SHANGHAI)
    return f"{_day(local.date().isoformat(), lang)} {local:%H:%M}"
