"""A forecast is told with what it is worth, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from dashboards.forecast_words import forecast_lines, forecast_words, track_words
from dashboards.i18n import LANGUAGES, translator
from pricing.forecast.nouns import COMBINED, NAIVE, Forecast, ForecastPoint, NotEnoughHistory, PastPoint, Skill, TrackRecord

LAST = date(2026, 11, 16)
MADE = Forecast(
    "tomato", "xinfadi", "CNY", "xinfadi", 1_795_000_000_000, date(2026, 11, 23), LAST, 3000, 150, 2,
    (ForecastPoint(1, LAST + timedelta(weeks=1), 2800, 3000, 3300, NAIVE),
     ForecastPoint(4, LAST + timedelta(weeks=4), 2600, 3200, 4000, COMBINED)),
    (Skill(1, 1.05, 1.02, 0.81, 104), Skill(4, 2.2, 2.5, 0.79, 101)),
)  # fmt: skip
ZH, EN = (translator(lang) for lang in LANGUAGES)


def test_a_forecast_says_what_how_sure_and_how_old() -> None:
    """Price with unit, interval, both MASE, how often tried, how many weeks it rests on and when it was made."""
    chinese = forecast_words(MADE, date(2026, 11, 24), "zh-Hans", ZH)
    assert chinese.whole("zh-Hans") == (
        "2026年12月14日那一周，预计 1.60 元/斤；八成把握在 1.30 到 2.00 之间。"
        "提前这么久试过 101 次，误差比照搬上周价小 12%（MASE 2.20 对 2.50），区间罩住了其中的 79%。"
        "根据截至2026年11月22日的 150 个整周，昨天算的。"
    )
    english = forecast_words(MADE, date(2026, 11, 24), "en", EN).whole("en")
    assert english.startswith("In the week of 14 December 2026 we expect 3.20 CNY/kg; in eight cases of ten between 2.60 and 4.00.")
    assert "12% smaller" in english and "MASE 2.20 against 2.50" in english
    foreign = forecast_words(replace(MADE, currency="TWD"), date(2026, 11, 24), "zh-Hans", ZH)
    assert "3.20 TWD/kg" in foreign.what


def test_where_naive_wins_the_words_say_so() -> None:
    """One week ahead last week's price is shown, and that nothing did better; weeks later the forecast says it may be out of date."""
    words = forecast_words(MADE, date(2026, 12, 10), "zh-Hans", ZH, weeks=1)
    assert words.naive and "所以写的就是上周价" in words.sure and "MASE 1.05 对 1.02，试过 104 次" in words.sure
    assert "此后已过去 2 周" in words.made
    assert "last week's price is what is shown" in forecast_words(MADE, LAST, "en", EN, weeks=1).sure
    first, fourth = forecast_lines(MADE, "zh-Hans", ZH)
    assert (first.method, fourth.method) == ("照搬上周价", "几种简单方法合在一起")
    assert (fourth.p50, fourth.mase, fourth.mase_naive, fourth.coverage) == ("1.60", "2.20", "2.50", "79%")


def test_too_little_history_is_no_forecast() -> None:
    """The sentence has both numbers, and another one where weeks are not what is missing."""
    assert "10 个，至少要 64 个" in forecast_words(NotEnoughHistory(10, 64), LAST, "zh-Hans", ZH).what
    assert "10 complete weeks were quoted, it takes 64" in forecast_words(NotEnoughHistory(10, 64), LAST, "en", EN).what
    assert "yet" in forecast_words(NotEnoughHistory(90, 64), LAST, "en", EN).what


def test_the_track_record_counts_what_came() -> None:
    """Two forecasts came due, one inside; their error stands beside naive's; before anything came nothing is said."""
    points = tuple(
        PastPoint(LAST, 4, LAST + timedelta(weeks=k), 2600, 3200, 4000, 3000, came, COMBINED) for k, came in enumerate((3300, 4400))
    )
    record = TrackRecord("tomato", "xinfadi", points)
    assert track_words(record, "en", EN) == (
        "Of the forecasts given 4 weeks ahead, 2 have come due; 1 fell inside their interval. "
        "Their error was 76% of that of last week's price."
    )
    assert "已经到期 2 次，其中 1 次落在区间里" in track_words(record, "zh-Hans", ZH)
    assert track_words(TrackRecord("tomato", "xinfadi", ()), "en", EN) == ""
