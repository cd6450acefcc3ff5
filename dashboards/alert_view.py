"""Price alerts as a page shows them, and a form's fields as a rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from dashboards.i18n import CHINESE, Translate, age_text, name_of, time_text
from dashboards.price_words import price_unit
from foundation.clock import to_ms
from foundation.errors import BadInput
from foundation.money import price_milli_per_kg
from foundation.notify_outbox import DEAD, SENT
from pricing.alerts.conditions import ABOVE, ALPS, CHANGE, FORECAST, IPA, LEVEL, NEEDS, SILENT, SPREAD, Condition
from pricing.alerts.rules import Alarm, Fact, Rule, RuleNow
from pricing.alerts.service import OFFICES
from pricing.alerts.wording import Names, headline, number, told_fact, told_rule, why_text

if TYPE_CHECKING:
    from dashboards.services import Services

PAST_SHOWN, MESSAGES_SHOWN = 20, 10
# What is proposed for quiet hours and the digest; a person may choose otherwise.
USUAL_QUIET, USUAL_DIGEST = ("22:00", "07:00"), "07:30"
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z")


class Said(BadInput):
    """A refusal whose message is already in the reader's language."""


@dataclass(frozen=True)
class AlarmLine:
    """One alarm: what, since when, the number with source and age, and who has seen it."""

    id: str
    title: str
    severity: str
    since: str
    age: str
    lines: list[str]
    now: str
    acked: str
    over: str
    link: str


@dataclass(frozen=True)
class RuleLine:
    """One rule: what it watches, what is known now, when and whom it tells."""

    id: str
    title: str
    now: str
    lines: list[str]
    why: str
    runs: str
    delivery: list[str]
    owner: str
    ringing: bool
    mine: bool
    link: str


@dataclass(frozen=True)
class MessageLine:
    """One message for one channel and how it went."""

    channel: str
    title: str
    lang: str
    when: str
    state: str
    why: str


def kind_names(t: Translate) -> dict[str, str]:
    """Return what each kind of rule is called, in the order in which it is offered."""
    return {
        LEVEL: t("价格到线"), CHANGE: t("涨跌幅"), FORECAST: t("预测到线"), SPREAD: t("两地价差"), IPA: t("异常指标 IPA"),
        ALPS: t("急涨指标 ALPS"), SILENT: t("来源没有报价"),
    }  # fmt: skip


def channel_kinds(t: Translate) -> dict[str, str]:
    """Return what each kind of channel is called."""
    return {
        "wecom": t("企业微信群机器人"),
        "dingtalk": t("钉钉群机器人"),
        "webhook": t("签名回调"),
        "mail": t("邮件"),
        "sms": t("短信（只存盘，不发送）"),
    }


def alarm_line(alarm: Alarm, names: Names, lang: str, t: Translate, now_ms: int) -> AlarmLine:
    """Return an alarm as it is shown; an open one tells what is known now, a past one how it was."""
    fact = alarm.now if alarm.cleared_ms is None and alarm.now is not None else alarm.raised
    acked = t("%(who)s 于 %(when)s 确认", who=alarm.acked_by, when=time_text(alarm.acked_ms, lang)) if alarm.acked_ms else ""
    over = t("已于 %(when)s 解除", when=time_text(alarm.cleared_ms, lang)) if alarm.cleared_ms else ""
    return AlarmLine(
        alarm.id, headline(alarm.rule, names, lang), alarm.rule.severity, time_text(alarm.raised_ms, lang),
        age_text(now_ms - alarm.raised_ms, t), told_fact(alarm.rule, fact, names, lang, now_ms), number(alarm.rule, fact, lang),
        acked, over, evidence_link(alarm.rule, fact),
    )  # fmt: skip


def rule_line(r: RuleNow, names: Names, lang: str, t: Translate, now_ms: int, *, mine: bool) -> RuleLine:
    """Return a rule as it is shown."""
    rule = r.rule
    delivery = [t("送到：%(names)s", names=("、" if lang == CHINESE else ", ").join(rule.channels)) if rule.channels else t("只显示在本页")]
    if rule.digest is not None:
        delivery.append(t("每天 %(at)s 汇总", at=clock_text(rule.digest)))
    if rule.quiet is not None:
        delivery.append(t("%(a)s 至 %(b)s 不打扰，过后一起送", a=clock_text(rule.quiet[0]), b=clock_text(rule.quiet[1])))
    fact = r.fact
    return RuleLine(
        rule.id, headline(rule, names, lang), number(rule, fact, lang) if fact else "",
        told_fact(rule, fact, names, lang, now_ms) if fact else [], why_text(r.why, lang) if r.why else "",
        told_rule(rule, fact, lang) if fact else "", delivery, rule.owner, bool(r.open_alarm), mine,
        evidence_link(rule, fact),
    )  # fmt: skip


def page_context(services: Services, county: str, lang: str, t: Translate, by: str, role: str) -> dict[str, object]:
    """Return what the page shows of a county's alerts."""
    alerts, now_ms = services.price_alerts, to_ms(services.clock.now())
    names = alerts.names()
    past = alerts.past_alarms(county, PAST_SHOWN)
    # What rings comes first.
    standing = sorted(alerts.rules(county), key=lambda r: not r.open_alarm)
    rules = [rule_line(r, names, lang, t, now_ms, mine=r.rule.owner == by or role in OFFICES) for r in standing]
    states = {SENT: t("已送达"), DEAD: t("没有送到")}
    messages = [
        MessageLine(e.channel, e.message.title, e.message.lang, time_text(e.made_ms, lang),
                    states.get(e.state, t("等待送出")), e.why)
        for e in alerts.messages(county, MESSAGES_SHOWN)
    ]  # fmt: skip
    return {
        "open": [alarm_line(a, names, lang, t, now_ms) for a in past if a.cleared_ms is None],
        "over": [alarm_line(a, names, lang, t, now_ms) for a in past if a.cleared_ms is not None],
        "rules": rules, "messages": messages,
        "channels": [(c.name, channel_kinds(t)[c.kind]) for c in alerts.channels(county)],
        "undelivered": alerts.outbox.counts(f"price-alerts:{county}")[DEAD],
    }  # fmt: skip


def form_context(services: Services, county: str, lang: str, t: Translate, kind: str, given: Mapping[str, str]) -> dict[str, object]:
    """Return what the form offers for a kind of rule; `given` keeps what was entered."""
    quoted = set(services.prices.products_quoted())
    markets = [m for m in services.prices.markets() if m.county in (None, county)]
    markets.sort(key=lambda m: m.county != county)
    return {
        "kind": kind if kind in NEEDS else LEVEL, "kinds": list(kind_names(t).items()), "given": given,
        "products": [(p.id, name_of(p, lang)) for p in services.registry.products() if p.id in quoted],
        "markets": [(m.id, name_of(m, lang)) for m in markets],
        "sources": [(s.id, name_of(s, lang)) for s in services.prices.sources()],
        "quiet": USUAL_QUIET, "digest_at": USUAL_DIGEST,
        "unit": price_unit(lang),
    }  # fmt: skip


def rule_of_form(form: Mapping[str, str], county: str, owner: str, lang: str, t: Translate) -> Rule:
    """Return the rule a form describes; raise Said with a sentence for the person where a field cannot be read."""
    kind = form.get("kind", "")
    if kind not in NEEDS:
        raise Said(t("请先选择提醒的种类。"))
    fields = NEEDS[kind].fields
    texts = {k: form.get(k, "").strip() for k in ("product", "market", "other_market", "source", "quantile") if k in fields}
    if not all(texts.values()):
        raise Said(t("还有没选的项。"))
    whole = {k: _whole(form.get(k, ""), t) for k in ("days", "weeks") if k in fields}
    limit = _limit(kind, form, lang, t)
    quiet = (_minute(form.get("quiet_from", ""), t), _minute(form.get("quiet_until", ""), t)) if form.get("quiet") else None
    digest = _minute(form.get("digest_at", ""), t) if form.get("when") == "digest" else None
    channels = tuple(k.removeprefix("channel.") for k in form if k.startswith("channel."))
    try:
        condition = Condition(kind, form.get("side") or ABOVE, limit, **texts, **whole)  # type: ignore[arg-type]
        return Rule("", county, owner, condition, channels, lang, "warning", _whole(form.get("persist", "1"), t), quiet, digest)
    except BadInput as error:
        raise Said(t("这条规则不能用：请看各项是否在范围内，两个市场不能相同，免打扰的起止不能相同。")) from error


def evidence_link(rule: Rule, fact: Fact | None) -> str:
    """Return where the number comes from: the raw quotes of the day, the product's page, or the sources."""
    c = rule.condition
    if c.kind == SILENT:
        return "/sources"
    page = f"/c/{rule.county}/prices/{c.product}"
    return f"{page}/{c.market}/{fact.day}" if c.kind in (LEVEL, CHANGE) and fact is not None and fact.day is not None else page


def clock_text(minute: int) -> str:
    """Return a minute of the day as 07:30."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _limit(kind: str, form: Mapping[str, str], lang: str, t: Translate) -> float:
    text = form.get("limit", "").strip().replace(",", "").replace("，", "")
    if kind == SILENT:
        return 0.0
    try:
        if kind in (LEVEL, FORECAST, SPREAD):
            return float(price_milli_per_kg(text, "斤" if lang == CHINESE else "公斤"))
        value = Decimal(text)
        if value.is_finite():
            return float(value)
    except (BadInput, InvalidOperation):
        pass
    raise Said(t("“%(text)s”不是可用的数。", text=text[:20]))


def _whole(text: str, t: Translate) -> int:
    if text.isascii() and text.isdigit() and len(text) < 5:
        return int(text)
    raise Said(t("“%(text)s”不是可用的数。", text=text[:20]))


def _minute(text: str, t: Translate) -> int:
    found = _CLOCK.match(text.strip())
    if found is None:
        raise Said(t("“%(text)s”不是时刻，请写成 07:30 这样。", text=text[:20]))
    return int(found[1]) * 60 + int(found[2])
