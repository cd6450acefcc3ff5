"""The sentences of alerts, in Chinese and English.

They are here and not in the pages' catalogue because a message leaves without a page; a test holds the two columns together.
"""

from __future__ import annotations

CHINESE = "zh-Hans"

# key -> (Chinese, English)
SAYS: dict[str, tuple[str, str]] = {
    "level-above": ("{product} · {market}：价格不低于 {limit}", "{product} · {market}: price at or above {limit}"),
    "level-below": ("{product} · {market}：价格不高于 {limit}", "{product} · {market}: price at or below {limit}"),
    "change-above": (
        "{product} · {market}：{days} 天涨幅不小于 {limit}",
        "{product} · {market}: up {limit} or more in {days} days",
    ),
    "change-below": (
        "{product} · {market}：{days} 天跌幅不小于 {limit}",
        "{product} · {market}: down {limit} or more in {days} days",
    ),
    "ipa-above": (
        "{product} · {market}：价格异常指标 IPA 偏高，不低于 {limit}",
        "{product} · {market}: IPA, unusually high price, {limit} or more",
    ),
    "ipa-below": (
        "{product} · {market}：价格异常指标 IPA 偏低，不高于 {limit}",
        "{product} · {market}: IPA, unusually low price, {limit} or less",
    ),
    "alps-above": (
        "{product} · {market}：价格急涨指标 ALPS 不低于 {limit}",
        "{product} · {market}: ALPS price spike, {limit} or more",
    ),
    "spread-above": (
        "{product}：{market}与{other}的价差超出运费带",
        "{product}: spread of {market} and {other} beyond the transfer cost",
    ),
    "forecast-above": (
        "{product} · {market}：{weeks} 周后预测{line}不低于 {limit}",
        "{product} · {market}: forecast {line} in {weeks} weeks at or above {limit}",
    ),
    "forecast-below": (
        "{product} · {market}：{weeks} 周后预测{line}不高于 {limit}",
        "{product} · {market}: forecast {line} in {weeks} weeks at or below {limit}",
    ),
    "silent-above": (
        "价格来源{source}没有新的可信报价",
        "Price source {source} brings no new quotes that can be believed",
    ),
    "p10": ("下限 P10", "P10, the low end,"),
    "p50": ("中位数 P50", "P50, the median,"),
    "p90": ("上限 P90", "P90, the high end,"),
    "raised": ("警报", "Alarm"),
    "cleared": ("解除", "Cleared"),
    "reminder": ("仍未确认", "Still not acknowledged"),
    "value-level": (
        "当日价 {value}，区间 {low} 至 {high}，{n} 个报价。",
        "Price of the day {value}, range {low} to {high}, {n} quotes.",
    ),
    "value-change": (
        "{days} 天 {value}：{then_day} {then}，现在 {now}；"
        "按当日高低价算，在 {low} 与 {high} 之间；其间 {n} 天有报价，日间变动的中位数 {usual}。",
        "{days} days {value}: {then} on {then_day}, now {now}; by the days' lows and highs between {low} and {high}; "
        "{n} days quoted in between, median day-to-day move {usual}.",
    ),
    "value-ipa": (
        "IPA {value}（固定权重 γ=0.4；主成分权重 {other_value}），{month}，{n} 个月的历史；没有置信区间。",
        "IPA {value} (fixed weight γ=0.4; principal-component weight {other_value}), {month}, {n} months of history; no interval is known.",
    ),
    "value-alps": (
        "ALPS {value}（趋势加季节之上的标准误数），{month}，{n} 个月的历史。",
        "ALPS {value} (standard errors above trend and season), {month}, {n} months of history.",
    ),
    "value-spread": (
        "价差 {value}，运费带 {limit}；{n} 个共同报价日里中位数 {usual}，{outside} 的日子在带外。",
        "Spread {value}, transfer cost {limit}; median {usual} over {n} common days, outside on {outside} of them.",
    ),
    "value-forecast": (
        "{week} 起的一周：{value}，80% 区间 {low} 至 {high}；方法 {method}，MASE {mase}（朴素法 {naive}），{n} 周历史。",
        "Week of {week}: {value}, 80 % interval {low} to {high}; method {method}, MASE {mase} (naive {naive}), {n} weeks of history.",
    ),
    "value-silent": (
        "上一次可信报价在 {since}，已 {value} 分钟；那一次 {n} 行。",
        "Last believed answer {since}, {value} minutes ago; it had {n} rows.",
    ),
    "provenance": (
        "来源：{source}；{day}的报价（{days}），{seen} 取得。",
        "Source: {source}; quoted for {day} ({days}), seen {seen}.",
    ),
    "provenance-forecast": (
        "来源：{source}；预测作于 {day}（{days}）。",
        "Source: {source}; forecast made on {day} ({days}).",
    ),
    "rule-runs": ("规则：连续 {n} 次满足才报警；{over}才解除。", "Rule: an alarm after {n} in a row; over {over}."),
    "over-above": ("回到 {limit} 或以下", "at {limit} or less"),
    "over-below": ("回到 {limit} 或以上", "at {limit} or more"),
    "over-told": ("条件不再成立", "when the condition no longer holds"),
    "today": ("今天", "today"),
    "yesterday": ("昨天", "yesterday"),
    "days-ago": ("{n} 天前", "{n} days ago"),
    "at": ("{when} {what}", "{what} at {when}"),
    "at-time": ("时间：{when}", "Time: {when}"),
    "removed": ("规则已删除", "rule removed"),
    "digest-title": ("价格提醒汇总：{n} 条", "Price alerts, {n} together"),
    "test-title": ("测试消息", "Test message"),
    "test-text": (
        "溯禾的价格提醒会发到这里。收到这一条说明通道可用。",
        "Price alerts of Suhe arrive here. This message shows that the channel works.",
    ),
    "combination": ("组合法", "combination"),
    "naive": ("朴素法", "naive"),
    "unknown": ("未知", "unknown"),
}


def say(key: str, lang: str, **values: object) -> str:
    """Return a sentence in the language."""
    return SAYS[key][0 if lang == CHINESE else 1].format(**values)
