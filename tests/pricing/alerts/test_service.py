"""Rules, alarms and messages together, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from foundation.clock import to_ms
from foundation.errors import BadInput, Conflict, NotAllowed, NotFound
from foundation.notify_words import markdown, plain_text
from pricing.alerts import store
from pricing.alerts.conditions import CHANGE, LEVEL, SILENT, Condition
from pricing.alerts.rules import Rule
from tests.pricing.alerts.conftest import COUNTY, TODAY, Desk


def test_an_alarm_and_its_message_are_written_together_and_told_once(desk: Desk) -> None:
    """One look raises the alarm and fills the outbox; further looks at the same quotes add nothing; delivery tells it once."""
    desk.rule()
    desk.quotes.quote(TODAY, 3120)
    assert (desk.alerts.evaluate().raised, desk.alerts.evaluate().raised) == (1, 0)
    assert desk.alerts.outbox.counts() == {"waiting": 1, "sent": 0, "dead": 0}
    assert (desk.alerts.deliver().sent, desk.alerts.deliver().sent) == (1, 0)
    (message,) = desk.channels["group"].got
    assert message.title == "警报：番茄 · 北京新发地：价格不低于 1.50 元/斤"
    for part in ("1.56 元/斤", "1.51 元/斤 至 1.64 元/斤", "4 个报价", "来源：北京新发地", "11月28日", "今天", "1.47 元/斤"):
        assert part in message.text, part
    assert message.url == f"https://suhe.example/c/{COUNTY}/price-alerts"


def test_nothing_is_left_where_the_message_cannot_be_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alarm and message share a transaction: without the one there is not the other, and the next look does both."""
    desk.rule()
    desk.quotes.quote(TODAY, 3120)

    def fail(*_: object) -> int:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr("pricing.alerts.service.put", fail)
        with pytest.raises(OSError, match="disk full"):
            desk.alerts.evaluate()
    assert desk.alerts.open_alarms() == []
    assert (desk.alerts.evaluate().raised, len(desk.alerts.open_alarms())) == (1, 1)


def test_the_database_itself_keeps_a_rule_from_two_open_alarms(desk: Desk) -> None:
    """A second open alarm of one rule is refused by an index, whoever writes it."""
    rule = desk.rule()
    desk.quotes.quote(TODAY, 3120)
    desk.alerts.evaluate()
    row = {"id": "x", "rule_id": rule.id, "county": COUNTY, "raised_ms": 1, "raised_fact": "", "cleared_fact": "", "acked_by": ""}
    with pytest.raises(IntegrityError), desk.engine.begin() as connection:
        connection.execute(insert(store.price_alert).values(row))


def test_two_schedulers_at_once_raise_one_alarm_and_tell_it_once(desk: Desk) -> None:
    """Several looks at the same moment: one of them raises, the others find it raised; one message leaves."""
    for limit in (2000, 2100, 2200):
        desk.rule(Condition(LEVEL, "above", limit, "tomato", "xinfadi"))
    desk.quotes.quote(TODAY, 3120)
    with ThreadPoolExecutor(4) as pool:
        looks = [f.result() for f in [pool.submit(desk.alerts.evaluate) for _ in range(4)]]
    assert (sum(x.raised for x in looks), sum(x.messages for x in looks)) == (3, 1)
    assert (len(desk.alerts.open_alarms()), desk.alerts.outbox.counts()["waiting"]) == (3, 1)


def test_an_acknowledged_alarm_is_not_told_again_and_its_end_is(desk: Desk) -> None:
    """Reminders come daily until somebody acknowledges; the clear message comes in any case."""
    desk.rule()
    desk.quotes.quote(TODAY, 3120)
    desk.alerts.evaluate()
    desk.clock.advance(timedelta(days=1))
    assert desk.alerts.evaluate().reminded == 1
    (alarm,) = desk.alerts.open_alarms(COUNTY)
    assert desk.alerts.acknowledge(alarm.id, "li").acked_by == "li"
    assert desk.alerts.acknowledge(alarm.id, "zhao").acked_by == "li"
    desk.clock.advance(timedelta(days=1))
    assert desk.alerts.evaluate().reminded == 0
    desk.quotes.quote(TODAY + timedelta(days=2), 2900)
    assert desk.alerts.evaluate().cleared == 1
    desk.alerts.deliver()
    assert [m.title.partition("：")[0] for m in desk.channels["group"].got] == ["警报", "仍未确认", "解除"]
    with pytest.raises(Conflict):
        desk.alerts.acknowledge(alarm.id, "li")
    with pytest.raises(NotFound):
        desk.alerts.acknowledge("none", "li")


def test_the_night_is_told_together_in_the_morning(desk: Desk) -> None:
    """What begins and ends in quiet hours is told in one message when they are over; nothing is lost and nothing told twice."""
    desk.rule(quiet=(22 * 60, 7 * 60))
    desk.rule(Condition(LEVEL, "below", 2000, "tomato", "xinfadi"), quiet=(22 * 60, 7 * 60))
    desk.at("2026-11-28 23:00")
    desk.quotes.quote(TODAY, 3120)
    desk.alerts.evaluate()
    desk.at("2026-11-29 01:00")
    desk.quotes.quote(TODAY + timedelta(days=1), 1900)
    desk.alerts.evaluate()
    desk.at("2026-11-29 06:59")
    assert desk.alerts.evaluate().messages == 0
    desk.at("2026-11-29 07:00")
    assert desk.alerts.evaluate().messages == 1
    assert desk.alerts.evaluate().messages == 0
    desk.alerts.deliver()
    (message,) = desk.channels["group"].got
    assert message.title == "价格提醒汇总：3 条"
    titles = [line.split()[2][:2] for line in message.text.split("\n") if line.startswith("11月2")]
    # The two of one look have no order between them.
    assert (titles[0], sorted(titles[1:])) == ("警报", ["解除", "警报"])


def test_each_channel_is_told_in_its_own_language(desk: Desk) -> None:
    """One alarm reaches a Chinese group and an English office, each in its words and units."""
    desk.rule(channels=("group", "office"))
    desk.quotes.quote(TODAY - timedelta(days=1), 3120)
    desk.alerts.evaluate()
    desk.alerts.deliver()
    (chinese,), (english,) = desk.channels["group"].got, desk.channels["office"].got
    assert "昨天" in chinese.text and "元/斤" in chinese.text
    assert "3.12 CNY/kg" in english.text and "(yesterday)" in english.text
    assert english.id != chinese.id


def test_an_old_quote_raises_nothing_and_says_so(desk: Desk) -> None:
    """A quote of more than three days ago says nothing of today: the rule shows why it is silent."""
    desk.rule()
    desk.quotes.quote(TODAY - timedelta(days=4), 9000)
    assert desk.alerts.evaluate().raised == 0
    assert [(r.why, r.fact) for r in desk.alerts.rules(COUNTY)] == [("not-quoted", None)]


def test_a_change_is_told_with_both_prices_and_how_much_is_usual(desk: Desk) -> None:
    """The rise over seven days names then and now; a source that took over from another is not compared with it."""
    desk.rule(Condition(CHANGE, "above", 10, "tomato", "xinfadi", days=7))
    desk.quotes.quote(TODAY - timedelta(days=7), 2000, source="other")
    desk.quotes.quote(TODAY, 3000)
    desk.alerts.evaluate()
    assert desk.alerts.rules(COUNTY)[0].why == "not-comparable"
    desk.quotes.quote(TODAY - timedelta(days=7), 2500)
    desk.quotes.quote(TODAY - timedelta(days=3), 2750)
    desk.alerts.evaluate()
    desk.alerts.deliver()
    text = desk.channels["group"].got[0].text
    for part in ("▲ +20.0%", "11月21日 1.25 元/斤", "现在 1.50 元/斤", "3 天有报价", "中位数 9.5%"):
        assert part in text, part


def test_a_silent_source_is_an_alarm_with_the_time_it_last_spoke(desk: Desk) -> None:
    """The look after the source fell silent raises, the look after it spoke clears."""
    desk.rule(Condition(SILENT, source="xinfadi"))
    health = SimpleNamespace(id="xinfadi", state="ok", last_success_ms=to_ms(desk.clock.now()) - 90 * 60_000, rows_last=41)
    desk.quotes.health = [health]
    assert desk.alerts.evaluate().raised == 0
    health.state = "stale"
    desk.clock.advance(timedelta(minutes=3))
    assert desk.alerts.evaluate().raised == 1
    health.state = "ok"
    desk.clock.advance(timedelta(minutes=3))
    assert desk.alerts.evaluate().cleared == 1
    desk.alerts.deliver()
    assert "10:30" in desk.channels["group"].got[0].text
    assert "93 分钟，有 41 行；现在没有新的回答" in desk.channels["group"].got[0].text


def test_a_source_that_failed_once_or_is_closed_is_not_silent(desk: Desk) -> None:
    """What counts is the source's period and calendar, not its last try; one that never answered is told as such."""
    desk.rule(Condition(SILENT, source="xinfadi"))
    health = SimpleNamespace(id="xinfadi", state="failing", last_success_ms=to_ms(desk.clock.now()) - 60_000, rows_last=41)
    desk.quotes.health = [health]
    assert desk.alerts.evaluate().raised == 0
    health.state, health.last_success_ms = "never", None
    assert (desk.alerts.evaluate().raised, desk.alerts.rules(COUNTY)[0].why) == (0, "never-asked")
    health.state = "stale"
    assert desk.alerts.evaluate().raised == 1
    desk.alerts.deliver()
    assert "5 分钟内没有过可信的回答" in desk.channels["group"].got[0].text


def test_rules_are_checked_and_belong_to_somebody(desk: Desk) -> None:
    """Unknown things and other counties' channels are refused; only the owner and the office change or remove a rule."""
    unknown = (Condition(LEVEL, "above", 1, "mango", "xinfadi"), Condition(LEVEL, "above", 1, "tomato", "nowhere"))
    for wrong in (*unknown, Condition(SILENT, source="none")):
        with pytest.raises(BadInput):
            desk.rule(wrong)
    with pytest.raises(BadInput, match="channel"):
        desk.rule(channels=("elsewhere",))
    rule = desk.rule()
    with pytest.raises(NotAllowed):
        desk.alerts.remove_rule(rule.id, "li", "cooperative")
    assert desk.alerts.change_rule(Rule(rule.id, "321023", "li", rule.condition, persist=3), "zhao", "county").owner == "wang"
    assert (desk.alerts.rule(rule.id).persist, desk.alerts.rule(rule.id).county) == (3, COUNTY)
    desk.alerts.remove_rule(rule.id, "wang", "cooperative")
    with pytest.raises(NotFound):
        desk.alerts.rule(rule.id)


def test_a_removed_rule_closes_its_alarm_and_tells_nothing_more(desk: Desk) -> None:
    """The alarm of a rule that was removed is over, stays in the past, and what waited for the morning is not told."""
    rule = desk.rule(quiet=(0, 1439))
    desk.quotes.quote(TODAY, 3120)
    desk.alerts.evaluate()
    assert len(desk.alerts.open_alarms()) == 1
    desk.alerts.remove_rule(rule.id, "wang", "cooperative")
    desk.clock.advance(timedelta(days=2))
    assert (desk.alerts.evaluate().messages, desk.alerts.open_alarms(), len(desk.alerts.past_alarms(COUNTY))) == (0, [], 1)


def test_one_rule_in_trouble_silences_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that fails is said on its rule and nowhere else; the others ring."""
    desk.rule()
    broken = desk.rule(Condition(SILENT, source="xinfadi"))
    desk.quotes.quote(TODAY, 3120)

    def fail() -> list[object]:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(desk.quotes, "sources", fail)
    assert desk.alerts.evaluate().raised == 1
    assert {r.rule.id: r.why for r in desk.alerts.rules(COUNTY)}[broken.id] == "fault"


def test_alarms_are_raised_though_the_channels_cannot_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file of channels stops no alarm: the message waits in the outbox for the day the file is mended."""
    desk.rule()
    desk.quotes.quote(TODAY, 3120)

    def fail(_scope: str | None = None) -> list[object]:
        raise BadInput("the file of channels cannot be read")

    with monkeypatch.context() as broken:
        broken.setattr(desk.alerts._channels, "settings", fail)
        assert (desk.alerts.evaluate().raised, desk.alerts.outbox.counts()["waiting"]) == (1, 1)
    assert desk.alerts.deliver().sent == 1


def test_a_reminder_without_news_tells_what_was_known_and_how_old_it_is(desk: Desk) -> None:
    """Days after the last quote an alarm nobody has seen is told again with its number, source and age."""
    desk.rule()
    desk.quotes.quote(TODAY, 3120)
    desk.alerts.evaluate()
    desk.clock.advance(timedelta(days=6))
    assert desk.alerts.evaluate().reminded == 1
    desk.alerts.deliver()
    last = desk.channels["group"].got[-1]
    assert last.title.startswith("仍未确认")
    for part in ("1.56 元/斤", "来源：", "6 天前"):
        assert part in last.text, part


def test_a_flood_is_few_messages(desk: Desk) -> None:
    """Forty alarms at once are fewer messages than a robot takes in a minute, each whole on the wire, and every alarm is in one of them."""
    for limit in range(1000, 1040):
        desk.rule(Condition(LEVEL, "above", limit, "tomato", "xinfadi"))
    desk.quotes.quote(TODAY, 3120)
    assert desk.alerts.evaluate().raised == 40
    desk.alerts.deliver()
    got = desk.channels["group"].got
    assert 1 < len(got) <= 20
    assert max(len(plain_text(m).encode()) for m in got) <= 2048
    assert max(len(markdown(m).encode()) for m in got) <= 4096
    assert sum(m.text.count("警报：") for m in got) == 40
    assert len({m.id for m in got}) == len(got)
