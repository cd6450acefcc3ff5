"""Price alerts for people and machines: the page in both languages, the form, who may do what, and the API."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.alarms import FirstSeen, alarms
from dashboards.field_view import field_view
from dashboards.i18n import translator
from foundation.notify_channels import ChannelSettings
from pricing.alerts.conditions import ALPS, CHANGE, FORECAST, IPA, LEVEL, NEEDS, SILENT, SPREAD, Condition
from pricing.alerts.rules import Rule
from tests.dashboards.fakes import BAOYING, SHENXIAN, Installation, build_installation
from tests.dashboards.test_words import HAN, LATIN, SAME_IN_BOTH, seen_by

PAGE = f"/c/{SHENXIAN}/price-alerts"
API = f"/api/v1/price-alerts/{SHENXIAN}"
CONDITIONS = (
    Condition(LEVEL, "above", 100, "tomato", "xinfadi"), Condition(CHANGE, "above", 0.5, "cucumber", "shenxian", days=30),
    Condition(CHANGE, "below", 0.5, "cucumber", "shenxian", days=30), Condition(SPREAD, "above", 50, "tomato", "xinfadi", "shenxian"),
    Condition(FORECAST, "above", 100, "tomato", "xinfadi", weeks=4, quantile="p10"), Condition(IPA, "below", 1, "tomato", "xinfadi"),
    Condition(ALPS, "above", 1, "tomato", "xinfadi"), Condition(SILENT, source="xinfadi"),
)  # fmt: skip


@dataclass
class Office:
    """An installation with rules, channels, and people who are signed in."""

    house: Installation
    site: FastAPI
    browsers: dict[tuple[str, str], TestClient] = field(default_factory=dict)

    def signed_in(self, name: str, lang: str = "zh") -> TestClient:
        """Return the browser of somebody who is signed in, the same one each time."""
        if (name, lang) not in self.browsers:
            client = TestClient(self.site, headers={"accept": "text/html", "accept-language": lang}, follow_redirects=False)
            token = self.house.services.registry.make_link(name)
            if client.get(f"/sign-in/{token}").status_code == 200:
                client.post(f"/sign-in/{token}")
            self.browsers[(name, lang)] = client
        return self.browsers[(name, lang)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Return an installation whose tomatoes ring, in which nobody else writes."""
    house = build_installation(tmp_path_factory.mktemp("alerts"))
    services = house.services
    for name, role, county in (("王丽", "cooperative", SHENXIAN), ("李伟", "county", SHENXIAN), ("赵敏", "cooperative", BAOYING)):
        services.registry.add_person(name, role, county)
    channels = services.price_alerts._channels
    channels.add(ChannelSettings("1", "sms", scope=SHENXIAN, options={"to": "13800000000"}))
    channels.add(ChannelSettings("2", "webhook", "en", SHENXIAN, {"url": "https://hook.invalid/", "secret": "not-shown-anywhere-0"}))
    channels.add(ChannelSettings("3", "sms", scope=BAOYING, options={"to": "13900000000"}))
    for c in CONDITIONS:
        services.price_alerts.add_rule(Rule("", SHENXIAN, "王丽", c, ("1",), quiet=(1320, 420), digest=450))
    assert services.price_alerts.evaluate().raised >= 2
    return Office(house, house.app())


@pytest.mark.parametrize("kind", NEEDS)
def test_the_page_is_whole_in_both_languages(office: Office, kind: str) -> None:
    """Alarms, rules and the form of every kind say nothing in the other language, and a phone loads less than 60 kB."""
    chinese = office.signed_in("王丽").get(f"{PAGE}?kind={kind}").text
    english = office.signed_in("王丽", "en").get(f"{PAGE}?kind={kind}").text
    assert [w for w in seen_by(english, "en") if HAN.search(re.sub("王丽", "", w))] == []
    assert [w for w in seen_by(chinese, "zh-Hans") if set(LATIN.findall(w)) - SAME_IN_BOTH] == []
    assert max(len(chinese.encode()), len(english.encode())) < 60_000


def test_an_alarm_shows_number_source_age_and_doubt(office: Office) -> None:
    """The open alarm of a price tells all four, and its rule says when it clears."""
    page = office.signed_in("王丽").get(PAGE).text
    (ring,) = [part for part in (p.partition("</article>")[0] for p in page.split("<article")[1:]) if "价格不低于" in part]
    for part in ("元/斤", "区间", "个报价", "来源：", "今天", "取得", "知道了"):
        assert part in ring, part
    (link,) = re.findall(r'<p class="links"><a href="([^"]+)"', ring)
    assert office.signed_in("王丽").get(link).status_code == 200
    assert "not-shown-anywhere" not in page and "13800000000" not in page and "hook.invalid" not in page


class Fields(HTMLParser):
    """Reads the fields of the form that adds a rule, as a browser would send them untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.select, self.sent = False, "", dict[str, str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what would be sent."""
        told = {k: v or "" for k, v in attrs}
        if tag == "form":
            self.inside = told.get("class") == "adding"
        elif self.inside and tag == "select":
            self.select = told["name"]
        elif self.inside and tag == "option" and (self.select not in self.sent or "selected" in told):
            self.sent[self.select] = told["value"]
        elif self.inside and tag == "input" and (told.get("type") not in ("checkbox", "radio") or "checked" in told):
            self.sent[told["name"]] = told.get("value", "on")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("kind", NEEDS)
def test_the_form_as_it_comes_makes_a_rule(office: Office, kind: str, lang: str) -> None:
    """With a number filled in where one is asked for, every kind's form is taken, in the reader's unit; its owner removes it."""
    with office.signed_in("王丽", lang) as client:
        form = Fields()
        form.feed(client.get(f"{PAGE}?kind={kind}").text)
        sent = form.sent
        if sent.get("limit") == "":
            sent["limit"] = "3.50"
        before = {r.rule.id for r in office.house.services.price_alerts.rules(SHENXIAN)}
        answer = client.post(PAGE, content=urlencode(sent), headers={"content-type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 303, answer.text
        (made,) = [r.rule for r in office.house.services.price_alerts.rules(SHENXIAN) if r.rule.id not in before]
        assert (made.owner, made.quiet, made.channels) == ("王丽", (1320, 420), ("1", "2"))
        assert made.condition.kind == kind
        if kind == LEVEL:
            assert made.condition.limit == (7000 if lang == "zh" else 3500)
        assert client.post(f"{PAGE}/rules/{made.id}/remove").status_code == 303
        assert client.post(f"{PAGE}/rules/{made.id}/remove").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"limit": "abc"}, {"limit": "-3"}, {"product": ""}, {"product": "none"}, {"persist": "99"},
              {"quiet": "on", "quiet_from": "25:00"},
              {"quiet": "on", "quiet_from": "07:00"}, {"channel.3": "on"}, {"kind": "none"}, {"limit": "1e999"}],
)  # fmt: skip
def test_what_cannot_be_a_rule_is_said_and_kept(office: Office, wrong: dict[str, str]) -> None:
    """A wrong field is answered on the page itself, in the reader's language, with what was entered; nothing is added."""
    good = {
        "kind": "level",
        "product": "tomato",
        "market": "xinfadi",
        "side": "above",
        "limit": "3.5",
        "persist": "1",
        "quiet_until": "07:00",
    }
    with office.signed_in("王丽", "en") as client:
        before = len(office.house.services.price_alerts.rules(SHENXIAN))
        answer = client.post(PAGE, data={**good, **wrong})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert [w for w in seen_by(answer.text, "en") if HAN.search(re.sub("王丽", "", w))] == []
        assert len(office.house.services.price_alerts.rules(SHENXIAN)) == before


def test_who_may_look_and_who_may_act(office: Office) -> None:
    """A guest of the demo looks, an outsider does not; another county's people do neither; another's rule is the office's."""
    alerts = office.house.services.price_alerts
    alarm = alerts.open_alarms(SHENXIAN)[0]
    with office.house.browser() as guest:
        assert guest.get(PAGE).status_code == 200
        assert "知道了" not in guest.get(PAGE).text
        assert guest.post(f"{PAGE}/alarms/{alarm.id}/acknowledge").status_code == 401
    with office.signed_in("赵敏") as other:
        assert other.get(PAGE).status_code == 403
        assert other.post(f"{PAGE}/alarms/{alarm.id}/acknowledge").status_code == 403
        assert other.post(f"/c/{BAOYING}/price-alerts/alarms/{alarm.id}/acknowledge").status_code == 404
        assert other.post(f"/c/{BAOYING}/price-alerts/rules/{alarm.rule.id}/remove").status_code == 404
    rule = alerts.add_rule(Rule("", SHENXIAN, "李伟", CONDITIONS[0]))
    with office.signed_in("王丽") as client:
        assert client.post(f"{PAGE}/rules/{rule.id}/remove").status_code == 403
        assert client.post(f"{PAGE}/alarms/{alarm.id}/acknowledge", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.post(f"{PAGE}/alarms/{alarm.id}/acknowledge").status_code == 303
        assert "王丽 于" in client.get(PAGE).text
    with office.signed_in("李伟") as client:
        assert client.post(f"{PAGE}/rules/{rule.id}/remove").status_code == 303


def test_what_rings_is_on_the_countys_list_until_somebody_has_it_in_hand(office: Office) -> None:
    """An open alarm is among the county's, with a link to the page; an acknowledged one is not; another county's never is."""
    services, t = office.house.services, translator("en")

    def told(county: str) -> dict[str, str]:
        found = alarms(services, county, field_view(services, county, "en", t), "en", t, FirstSeen())
        return {a.key.removeprefix("price-alert:"): a.text for a in found if a.key.startswith("price-alert:")}

    ringing = {a.id for a in services.price_alerts.open_alarms(SHENXIAN) if a.acked_ms is None}
    assert ringing and set(told(SHENXIAN)) == ringing
    assert all(text.startswith("Price alert: ") and not HAN.search(text) for text in told(SHENXIAN).values())
    assert told(BAOYING) == {}
    services.price_alerts.acknowledge(min(ringing), "李伟")
    assert set(told(SHENXIAN)) == ringing - {min(ringing)}


def test_a_channel_is_tried_from_the_page(office: Office) -> None:
    """A test goes the way of every message and says whether it arrived; a channel of another county is none."""
    with office.signed_in("王丽") as client:
        assert "测试消息已送到 1。" in client.post(f"{PAGE}/channels/1/test").text
        failed = client.post(f"{PAGE}/channels/2/test").text
        assert "测试消息没有送到 2" in failed and "no address" in failed
        assert client.post(f"{PAGE}/channels/3/test").status_code == 404
        for _ in range(2):
            client.post(f"{PAGE}/channels/2/test")
        assert client.post(f"{PAGE}/channels/2/test").status_code == 429


def test_the_api_keeps_rules_and_acknowledges(office: Office) -> None:
    """Add, read, change, remove; alarms with their facts; channels by name only."""
    with office.house.machine(office.house.key("county", SHENXIAN)) as client:
        condition = {"kind": "level", "side": "below", "limit": 90000, "product": "tomato", "market": "shenxian"}
        made = client.post(f"{API}/rules", json={"condition": condition, "channels": ["1"], "quiet": [1320, 420]})
        assert made.status_code == 201, made.text
        rule = made.json()["id"]
        assert client.post(f"{API}/rules", json={"condition": {**condition, "limit": 0}}).status_code == 422
        assert client.post(f"{API}/rules", json={"condition": condition, "channels": ["3"]}).status_code == 422
        office.house.services.price_alerts.evaluate()
        told = {r["id"]: r for r in client.get(f"{API}/rules").json()}[rule]
        assert told["fact"]["value"] > 0 and told["fact"]["source"] == "shenxian_origin" and told["alarm"]
        (alarm,) = [a for a in client.get(f"{API}/alarms").json() if a["rule"] == rule]
        assert client.post(f"{API}/alarms/{alarm['id']}/acknowledge").json()["acked_by"] == "test county"
        changed = client.put(f"{API}/rules/{rule}", json={"condition": condition, "persist": 3})
        assert (changed.json()["persist"], changed.json()["id"]) == (3, rule)
        other = client.put(f"{API}/rules/{rule}", json={"condition": {**condition, "side": "above"}}).json()["id"]
        assert client.delete(f"{API}/rules/{other}").status_code == 204
        assert client.get(f"{API}/channels").json() == [
            {"name": "1", "kind": "sms", "lang": "zh-Hans"}, {"name": "2", "kind": "webhook", "lang": "en"},
        ]  # fmt: skip
        assert client.post(f"{API}/channels/1/test").json()["state"] == "sent"
        assert client.get(f"{API}/messages").json()[0]["channel"] == "1"
        assert client.get(f"/api/v1/price-alerts/{BAOYING}/rules").status_code == 403
