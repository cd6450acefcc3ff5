"""From a quote to the receivers: real channels from the file, receivers that check, and nothing lost over many nights."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from foundation.clock import SHANGHAI, market_day
from foundation.notify_channels import ChannelFile, ChannelSettings
from foundation.notify_webhook import signature_holds
from pricing.alerts.conditions import LEVEL, Condition
from tests.foundation.receivers import DingTalk, Heard, Judge, WeCom, served
from tests.pricing.alerts.conftest import COUNTY, TODAY, Desk

KEY, TOKEN, SECRET, SHARED = "693a91f6-test-key0", "0123456789abcdef0123", "SEC0123456789abcdef", "a-secret-nobody-guesses"


class Hook(Judge):
    """A webhook's receiver: takes what is signed, each key once, and is down at first."""

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Verify and take."""
        stamp = headers["suhe-timestamp"]
        if not signature_holds(SHARED, stamp, body, headers["suhe-signature"], float(stamp)):
            return 401, b"", {}
        self.heard.taken.append((headers["idempotency-key"], body.decode()))
        return 200, b"", {}


def test_one_alarm_reaches_every_kind_of_receiver(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Both robots and a webhook get number, source and age; the webhook that was down gets it a minute later, the robots not twice."""
    folder = tmp_path_factory.mktemp("channels")
    file = ChannelFile(folder / "keys", folder / "spool", desk.clock)
    with (
        served(WeCom(Heard(), KEY)) as wecom,
        served(DingTalk(Heard(), TOKEN, SECRET, desk.clock)) as dingtalk,
        served(Hook(Heard())) as hook,
    ):
        for name, kind, options in (
            ("group", "wecom", {"key": KEY, "address": f"{wecom.address}/cgi-bin/webhook/send"}),
            ("ding", "dingtalk", {"token": TOKEN, "secret": SECRET, "address": f"{dingtalk.address}/robot/send"}),
            ("hook", "webhook", {"url": hook.address, "secret": SHARED}),
        ):
            file.add(ChannelSettings(name, kind, scope=COUNTY, options={**options, "near": "yes"}))
        desk.alerts._channels = file
        hook.answers.append((503, b"", {}))
        desk.rule(channels=("group", "ding", "hook"))
        desk.quotes.quote(TODAY, 3120)
        desk.alerts.evaluate()
        assert (desk.alerts.deliver().sent, desk.alerts.deliver().sent) == (2, 0)
        desk.clock.advance(timedelta(minutes=1))
        assert desk.alerts.deliver().sent == 1
        told = [*wecom.taken, *dingtalk.taken, *(body for _, body in hook.taken)]
        assert len(told) == 3
        for text in told:
            for part in ("1.56 元/斤", "北京新发地", "今天", f"/c/{COUNTY}/price-alerts"):
                assert part in text, part
        # Each receiver has its own key: one that was told does not stand for another.
        assert len({e.message.id for e in desk.alerts.messages(COUNTY)}) == 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_many_nights_everything_is_told_once_and_nothing_at_night(desk: Desk, seed: int) -> None:
    """Ten days of looks every three hours at wild prices: what happened and what was told agree, and no message was written at night."""
    random = Random(seed)
    desk.rule(quiet=(21 * 60, 7 * 60))
    desk.rule(Condition(LEVEL, "below", 2500, "tomato", "xinfadi"), quiet=(21 * 60, 7 * 60), digest=450)
    desk.channels["group"].per_minute = 1000
    happened = 0
    for _ in range(80):
        desk.quotes.quote(market_day(desk.clock.now()), random.randrange(2000, 4000))
        look = desk.alerts.evaluate()
        happened += look.raised + look.cleared + look.reminded
        desk.alerts.deliver()
        hour = desk.clock.now().astimezone(SHANGHAI).hour
        assert look.messages == 0 or 7 <= hour < 21
        desk.clock.advance(timedelta(hours=3))
    for alarm in desk.alerts.open_alarms(COUNTY):
        desk.alerts.acknowledge(alarm.id, "li")
    # Two days on the quotes are too old to say anything more, and everything is due.
    for _ in range(2):
        desk.clock.advance(timedelta(days=5))
        last = desk.alerts.evaluate()
        assert (last.raised, last.cleared, last.reminded) == (0, 0, 0)
        desk.alerts.deliver()
    got = desk.channels["group"].got
    marks = ("警报：", "解除：", "仍未确认：")
    told = sum(m.title.startswith(marks) or sum(m.text.count(mark) for mark in marks) for m in got)
    assert told == happened > 20
    assert len({m.id for m in got}) == len(got)
