"""Prices are said plainly, with sign and arrow, and never more surely than the quotes allow."""

from __future__ import annotations

from datetime import date, timedelta

from dashboards.price_words import change_of, change_since, days_old, price_text, sentence, story, sureness_text

TODAY = date(2026, 11, 23)


def t(message: str, **values: object) -> str:
    return message % values if values else message


def line(*values: float, end: date = TODAY, step: int = 1) -> list[tuple[date, float]]:
    return [(end - timedelta(days=step * (len(values) - 1 - k)), v) for k, v in enumerate(values)]


def test_a_price_is_said_as_the_reader_says_it() -> None:
    """2,345 thousandths per kilogram is 1.17 元/斤 in Chinese and 2.35 CNY/kg in English."""
    assert price_text(2344, "zh-Hans") == "1.17"
    assert price_text(2346, "en") == "2.35"


def test_a_change_always_has_arrow_and_sign() -> None:
    """Up, down and flat can be told apart without colour."""
    assert change_of(4.14).text == "▲ +4.1%"
    assert change_of(-4.14).text == "▼ −4.1%"
    assert change_of(0.01).direction == "flat"
    assert change_of(None).text == ""


def test_a_change_over_a_week_needs_a_quote_of_about_a_week_ago() -> None:
    """A quote far older than the span is not passed off as the span's start."""
    assert change_since(line(2, *[9] * 6, 3), 7) == 50
    assert change_since([(TODAY - timedelta(days=40), 2.0), (TODAY, 3.0)], 7) is None
    assert change_since([], 7) is None


def test_few_quotes_or_divided_markets_are_not_called_sure() -> None:
    """Sureness is low with few quotes, and high only when most other markets moved the same way."""
    rising = line(*[2.0 + k / 50 for k in range(40)])
    assert story(rising, None, [5.0, 4.0, 6.0]).sureness == "high"  # type: ignore[union-attr]
    assert story(rising, None, [-5.0, -4.0, 6.0]).sureness == "fair"  # type: ignore[union-attr]
    assert story(line(2, 3, step=7), None, [5.0, 5.0]).sureness == "low"  # type: ignore[union-attr]
    assert story([], None, []) is None


def test_the_sentence_says_price_change_season_and_age() -> None:
    """The plain sentence has the price in the reader's unit, the moves and how old it is."""
    s = story(line(*[2000.0] * 33, *[2100.0] * 7, end=TODAY - timedelta(days=1)), 1750.0, [5.0, 5.0])
    assert s
    said = sentence(s, "番茄", "莘县", TODAY, "zh-Hans", t)
    assert said == "莘县番茄昨天 1.05 元/斤，一周涨 5.0%，一个月涨 5.0%，比往年同期高 20%。"
    assert "近 30 天有 30 天报价" in sureness_text(s, "zh-Hans", t)


def test_age_is_in_days() -> None:
    """Today, yesterday, then a count."""
    assert [days_old(n, t) for n in (0, 1, 5)] == ["今天", "昨天", "5 天前"]
