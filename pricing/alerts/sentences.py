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
        "{product}：{market}与{other}的价差超出转运成本 {limit}",
        "{product}: spread of {market} and {other} beyond the transfer cost of {limit}",
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
        "Price of the day {value}, range {low} to {high}, quotes: {n}.",
    ),
    "value-change": (
        "{days} 天 {value}：{then_day} {then}，现在 {now}；"
        "按当日高低价算，在 {low} 与 {high} 之间；其间 {n} 天有报价，日间变动的中位数 {usual}。",
        "{days} days {value}: {then} on {then_day}, now {now}; by the days' lows and highs between {low} and {high}; "
        "{n} days quoted in between, median day-to-day move {usual}.",
    ),
    "value-ipa": (
        "{month} 的 IPA {value}（固定权重 γ=0.4；主成分权重为 {other_value}），由 {n} 年的同一个月算得，{real}；此指标没有区间，"
        "同一口径在历史上报警 {alerts} 个月。",
        "IPA {value} for {month} (fixed weight γ=0.4; with the principal component's weight {other_value}), from this month of {n} years, "
        "{real}; it has no interval; the same measure alerted in {alerts} months of the past.",
    ),
    "value-alps": (
        "{month} 的 ALPS {value}，即比趋势加季节（{expected}）高出的标准误数，由 {n} 个月算得。",
        "ALPS {value} for {month}: standard errors above trend and season ({expected}), from {n} months.",
    ),
    "value-spread": (
        "{dearer}比{cheaper}高 {value}，转运成本合 {limit}；{n} 个共同报价日里中位数 {usual}，{outside} 的日子超出；半衰期 {half}。",
        "{dearer} is {value} above {cheaper}, the transfer cost is {limit}; median {usual} over {n} common days, beyond it on {outside} of "
        "them; half-life {half}.",
    ),
    "value-forecast": (
        "{week} 起的一周 {value}；中位数 {p50}，80% 区间 {low} 至 {high}（过去 {origins} 次预测里有 {coverage} 落在区间内）；"
        "{method}，MASE {mase}（朴素法 {naive}），{n} 周历史。",
        "Week of {week}: {value}; median {p50}, 80 % interval {low} to {high} (held in {coverage} of {origins} past forecasts); "
        "{method}, MASE {mase} (naive {naive}), {n} weeks of history.",
    ),
    "value-silent": (
        "上一次可信的回答在 {since}，已过 {value}，有 {n} 行；现在{state}。",
        "The last answer that could be believed came {since}, {value} ago, with {n} rows; now {state}.",
    ),
    "value-silent-never": (
        "从 {since} 问起，{value}内没有过可信的回答；现在{state}。",
        "Asked since {since}: in {value} no answer that could be believed; now {state}.",
    ),
    "state-ok": ("有回答", "it answers"),
    "state-never": ("还没有问过", "it was not asked yet"),
    "state-stale": ("没有新的回答", "it brings nothing new"),
    "state-quarantined": ("有回答但不可信，已隔离", "its answer is not believed and put aside"),
    "state-failing": ("没有回答", "it does not answer"),
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
    "digest-title": ("价格提醒汇总：{n} 条", "Price alerts, {n} together"),
    "test-title": ("测试消息", "Test message"),
    "test-text": (
        "溯禾的价格提醒会发到这里。收到这一条说明通道可用。",
        "Price alerts of Suhe arrive here. This message shows that the channel works.",
    ),
    "ago": ("{n}前有过可信的回答", "an answer that could be believed {n} ago"),
    "minutes": ("{n} 分钟", "{n} min"),
    "hours": ("{n} 小时", "{n} h"),
    "weeks": ("{n} 周", "{n} weeks"),
    "weeks-between": ("{n} 周（90% 区间 {low} 至 {high}）", "{n} weeks (90 % interval {low} to {high})"),
    "endless": ("不定", "unbounded"),
    "real": ("已按物价指数折算", "deflated by the price index"),
    "nominal": ("名义价格，未折算物价", "nominal, not deflated"),
    "not-quoted": ("近 3 天没有报价", "not quoted in the last 3 days"),
    "too-old": ("数据太旧", "what is known is too old"),
    "not-comparable": ("没有可比的报价", "no quotes that can be compared"),
    "not-enough-history": ("历史不够", "not enough history"),
    "not-enough-history-of": ("历史不够：有 {have}，要 {need}", "not enough history: {have} of {need}"),
    "no-variation": ("价格没有变化，算不出", "prices do not vary, so nothing can be told"),
    "no-return": ("价差看不出回归", "the spread is not seen to return"),
    "annual-cpi": ("物价指数只有年度的", "the price index is yearly only"),
    "no-thresholds": ("没有可用的界限", "no thresholds to judge by"),
    "low-coverage": ("报价覆盖不足", "too little is quoted"),
    "not-watched": ("这里没有这项分析", "this analysis is not available here"),
    "never-asked": ("还没有问过这个来源", "this source was never asked"),
    "fault": ("这一项算不出来，原因在日志里", "this could not be worked out; the log says why"),
    "combination": ("组合法", "combination"),
    "naive": ("朴素法", "naive"),
    "unknown": ("未知", "unknown"),
}


def say(key: str, lang: str, **values: object) -> str:
    """Return a sentence in the language."""
    return SAYS[key][0 if lang == CHINESE else 1].format(**values)
