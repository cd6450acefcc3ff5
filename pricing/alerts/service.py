"""What alerts do: keep rules, look at what is known, raise and clear alarms, and put what is to be told into the outbox."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, insert, select, update

from foundation.clock import Clock, to_ms
from foundation.database import reading
from foundation.errors import BadInput, Conflict, NotAllowed, NotFound, SuheError, TooMany
from foundation.ids import uuid7
from foundation.log import get_logger
from foundation.notify import LONGEST_TITLE, SEVERITIES, Message
from foundation.notify_channels import ChannelFile, ChannelSettings
from foundation.notify_outbox import Delivered, Entry, Outbox, put
from pricing.alerts import store
from pricing.alerts.conditions import Condition
from pricing.alerts.evidence import Evidence
from pricing.alerts.judging import due_ms, judge
from pricing.alerts.rules import CLEARED, RAISED, REMINDER, Alarm, Fact, Rule, RuleNow
from pricing.alerts.sentences import say
from pricing.alerts.wording import Names, digest_text, moment, title_of, told_fact, told_rule
from pricing.markets import MARKETS
from pricing.sources import SOURCES

if TYPE_CHECKING:
    from registry.service import Registry

MOST_RULES = 200
# Tests go the way of alarms and take up their limit: a few a minute are enough to see whether a channel works.
TEST, MOST_TESTS = "test:", 3
# A message of several alarms must arrive whole: a WeCom robot cuts plain text at 2,048 bytes, title and link included.
LARGEST_PART = 1700
# Who may change a rule that is not their own.
OFFICES = ("county", "administrator")


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at every rule came to."""

    rules: int
    raised: int = 0
    cleared: int = 0
    reminded: int = 0
    messages: int = 0


class PriceAlerts:
    """The use cases of alerts."""

    def __init__(
        self, engine: Engine, clock: Clock, registry: Registry, evidence: Evidence, channels: ChannelFile, public_url: str = ""
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._registry = registry
        self._evidence = evidence
        self._channels = channels
        self._public_url = public_url.rstrip("/")
        self.outbox = Outbox(engine, clock)
        self._log = get_logger(__name__)

    def rules(self, county: str) -> list[RuleNow]:
        """Return a county's rules in use with what was last known for each."""
        with self._reading.connect() as connection:
            return store.rules_now(connection, county)

    def rules_ever_made(self, county: str) -> int:
        """Return how many rules a county ever had, those that were removed too."""
        with self._reading.connect() as connection:
            t = store.price_alert_rule.c
            made: int = connection.execute(select(func.count()).where(t.county == county)).scalar_one()
            return made

    def rule(self, rule_id: str) -> Rule:
        """Return one rule in use; raise NotFound otherwise."""
        with self._reading.connect() as connection:
            return _only(store.rules(connection, rule_id=rule_id), rule_id)

    def add_rule(self, rule: Rule) -> Rule:
        """Keep a new rule under an id of its own; what it names must exist, and its channels must be the county's."""
        now = to_ms(self._clock.now())
        made = replace(rule, id=str(uuid7(now)), made_ms=now)
        self._check(made)
        with self._engine.begin() as connection:
            if len(store.rules(connection, rule.county)) >= MOST_RULES:
                raise Conflict("this county has as many alert rules as there may be", expected=f"at most {MOST_RULES}", todo="remove one")
            store.add_rule(connection, made)
        return made

    def change_rule(self, rule: Rule, by: str, role: str) -> Rule:
        """Replace a rule by another of the same id and owner. With another condition it begins anew: its open alarm is closed."""
        old = self.rule(rule.id)
        _may_change(old, by, role)
        made = replace(rule, county=old.county, owner=old.owner, made_ms=old.made_ms)
        self._check(made)
        if made.condition != old.condition:
            self.remove_rule(old.id, by, role)
            return self.add_rule(made)
        with self._engine.begin() as connection:
            store.change_rule(connection, made)
        return made

    def remove_rule(self, rule_id: str, by: str, role: str) -> None:
        """Take a rule out of use; its owner or the county's office may. Its alarms stay in the past."""
        _may_change(self.rule(rule_id), by, role)
        with self._engine.begin() as connection:
            store.end_rule(connection, rule_id, to_ms(self._clock.now()))

    def open_alarms(self, county: str | None = None) -> list[Alarm]:
        """Return the alarms that are not over, the newest first."""
        with self._reading.connect() as connection:
            return store.alarms(connection, county, open_only=True)

    def past_alarms(self, county: str, limit: int = 50) -> list[Alarm]:
        """Return a county's alarms, open and over, the newest first."""
        with self._reading.connect() as connection:
            return store.alarms(connection, county, open_only=False, limit=limit)

    def alarm(self, alarm_id: str) -> Alarm:
        """Return one alarm; raise NotFound otherwise."""
        with self._reading.connect() as connection:
            found = store.alarms(connection, None, open_only=False, alarm_id=alarm_id)
        if not found:
            raise NotFound("there is no such alarm", got=alarm_id[:64])
        return found[0]

    def acknowledge(self, alarm_id: str, by: str) -> Alarm:
        """Note that somebody has seen an alarm: it is not told again until it is over. A second time changes nothing."""
        found = self.alarm(alarm_id)
        if found.cleared_ms is not None:
            raise Conflict("this alarm is over already", got=alarm_id[:64])
        with self._engine.begin() as connection:
            a, s = store.price_alert, store.price_alert_state
            store.state_for_update(connection, found.rule.id)  # first the state, then the alarm, as every look does
            mine = update(a).where(a.c.id == alarm_id, a.c.cleared_ms.is_(None), a.c.acked_ms.is_(None))
            if connection.execute(mine.values(acked_ms=to_ms(self._clock.now()), acked_by=by)).rowcount:
                connection.execute(update(s).where(s.c.rule_id == found.rule.id, s.c.alarm_id == alarm_id).values(acked=True))
        return self.alarm(alarm_id)

    def evaluate(self) -> Looked:
        """Look at every rule and write what follows: alarms, their ends, and messages, all in one transaction."""
        now = to_ms(self._clock.now())
        with self._reading.connect() as connection:
            rules = store.rules(connection)
        known = {c: self._look(c, now) for c in {r.condition for r in rules}}
        happened = {RAISED: 0, CLEARED: 0, REMINDER: 0}
        with self._engine.begin() as connection:
            for rule in sorted(rules, key=lambda r: r.id):  # the same order in every process: no two wait for each other
                what = self._judge(connection, rule, *known[rule.condition], now)
                if what:
                    happened[what] += 1
            messages = self._tell(connection, now)
        return Looked(len(rules), happened[RAISED], happened[CLEARED], happened[REMINDER], messages)

    def deliver(self) -> Delivered:
        """Hand over what waits in the outbox."""
        return self.outbox.deliver(self._channels.channels())

    def channels(self, county: str) -> list[ChannelSettings]:
        """Return the channels a county may use; their secrets are not to be shown."""
        return self._channels.settings(county)

    def test_channel(self, county: str, name: str) -> Entry:
        """Send a test message through a channel now, by the same way and within the same limit as an alarm; return how it went."""
        found = {c.name: c for c in self.channels(county)}.get(name)
        if found is None:
            raise NotFound("this county has no such channel", got=name[:64])
        now = to_ms(self._clock.now())
        if self.outbox.written_since(TEST, name, now - 60_000) >= MOST_TESTS:
            raise TooMany("this channel was tried often enough just now", expected=f"{MOST_TESTS} tests a minute", todo="wait a minute")
        text = say("test-text", found.lang)
        message = Message(f"{TEST}{uuid7(now)}", say("test-title", found.lang), text, severity="info", lang=found.lang)
        with self._engine.begin() as connection:
            put(connection, message, [name], _scope(county), now)
        self.outbox.deliver(self._channels.channels(), only=name)
        return self.outbox.entry(message.id, name)

    def messages(self, county: str, limit: int = 50) -> list[Entry]:
        """Return the messages to a county's channels, the newest first."""
        return self.outbox.entries(_scope(county), limit=limit)

    def names(self) -> Names:
        """Return what products, markets and sources are called."""
        return Names(
            {p.id: (p.name_zh, p.name_en) for p in self._registry.products()},
            {m.id: (m.name_zh, m.name_en) for m in MARKETS.values()},
            {s.id: (s.name_zh, s.name_en) for s in SOURCES.values()},
        )

    def _look(self, condition: Condition, now: int) -> tuple[Fact | None, str]:
        """Return what is known for a condition, or None and why; a fault of one look must not silence the other rules."""
        try:
            found = self._evidence.look(condition, now)
        except Exception:  # noqa: BLE001 - whatever it is, it is told in the log and on the rule
            self._log.exception("a rule could not be looked at", kind=condition.kind, product=condition.product, market=condition.market)
            return None, "fault"
        if isinstance(found, Fact):
            return found, ""
        return None, f"{found.why} {found.have}/{found.need}" if found.need else found.why

    def _check(self, rule: Rule) -> None:
        c = rule.condition
        if rule.county not in {known.code for known in self._registry.counties()}:
            raise NotFound("there is no such county", got=rule.county)
        names = self.names()
        for what, value, known in (
            ("product", c.product, names.products), ("market", c.market, names.markets), ("market", c.other_market, names.markets),
            ("source", c.source, names.sources),
        ):  # fmt: skip
            if value and value not in known:
                raise BadInput(f"there is no such {what}", got=value)
        foreign = set(rule.channels) - {s.name for s in self.channels(rule.county)}
        if foreign:
            raise BadInput("this county has no such channel", got=", ".join(sorted(foreign)), todo="the operator adds one: suhe notify add")

    def _judge(self, connection: Connection, rule: Rule, fact: Fact | None, why: str, now: int) -> str:
        held = store.state_for_update(connection, rule.id)
        if held is None:
            return ""  # removed since
        state, alarm_id, kept = held
        after, what = judge(rule, fact, state, now)
        # A reminder of an alarm about which nothing new is known tells what was known last, with its age.
        told = store.fact_text(fact) or kept
        if what == RAISED:
            assert fact is not None
            alarm_id = str(uuid7(now))
            raised = {"id": alarm_id, "rule_id": rule.id, "county": rule.county, "raised_ms": now, "raised_fact": store.fact_text(fact),
                      "cleared_fact": "", "acked_by": ""}  # fmt: skip
            connection.execute(insert(store.price_alert).values(raised))
        if what:
            due = due_ms(rule, now)
            event = {"rule_id": rule.id, "alarm_id": alarm_id, "kind": what, "at_ms": now, "fact": told, "due_ms": due}
            connection.execute(insert(store.price_alert_event).values(event))
        if what == CLEARED:
            a = store.price_alert
            connection.execute(update(a).where(a.c.id == alarm_id).values(cleared_ms=now, cleared_fact=store.fact_text(fact)))
            alarm_id = ""
        store.write_state(connection, rule.id, after, alarm_id=alarm_id, why=why, looked_ms=now, fact=told)
        return what

    def _tell(self, connection: Connection, now: int) -> int:
        """Put every due event into a message for each channel of its rule: several for one channel become one message."""
        events = store.due_events(connection, now)
        if not events:
            return 0
        known = self._channels_by_name()
        # A channel that was removed is written to all the same: its message ends as dead, with the reason, and is seen.
        wanted = [(e.rule.county, name, known[name].lang if name in known else e.rule.lang, e) for e in events for name in e.rule.channels]
        wanted.sort(key=lambda w: w[:3])
        written = 0
        for (county, name, lang), group in groupby(wanted, key=lambda w: w[:3]):
            for message in self._messages(county, name, lang, [w[3] for w in group], now):
                written += put(connection, message, [name], _scope(county), now)
        store.mark_told(connection, [e.id for e in events], now)
        return written

    def _channels_by_name(self) -> dict[str, ChannelSettings]:
        """Return the channels; none where their file cannot be read, so that alarms are raised all the same and wait."""
        try:
            return {c.name: c for c in self._channels.settings()}
        except SuheError as error:
            self._log.error("the channels cannot be read", why=error.explain())
            return {}

    def _messages(self, county: str, channel: str, lang: str, events: Sequence[store.Event], now: int) -> list[Message]:
        names = self.names()
        told = []
        for e in events:
            lines = told_fact(e.rule, e.fact, names, lang, now) if e.fact is not None else []
            if e.fact is not None and e.kind != CLEARED:
                lines.append(told_rule(e.rule, e.fact, lang))
            told.append((e, moment(e.at_ms, lang), title_of(e.kind, e.rule, names, lang), lines))
        url = f"{self._public_url}/c/{county}/price-alerts" if self._public_url else ""
        if len(told) == 1:
            e, when, title, lines = told[0]
            text = "\n".join([*lines, say("at-time", lang, when=when)])
            return [Message(_key(channel, [e]), title[:LONGEST_TITLE], text, url, e.rule.severity, lang)]
        made, part = list[Message](), list[tuple[store.Event, str, str, list[str]]]()
        for one in [*told, None]:
            if part and (one is None or _bytes([*part, one], lang) > LARGEST_PART):
                severity = max((p[0].rule.severity for p in part), key=SEVERITIES.index)
                text = digest_text([p[1:] for p in part], lang)
                made.append(Message(_key(channel, [p[0] for p in part]), say("digest-title", lang, n=len(part)), text, url, severity, lang))
                part = []
            if one is not None:
                part.append(one)
        return made


def _bytes(part: Sequence[tuple[store.Event, str, str, list[str]]], lang: str) -> int:
    return len(digest_text([p[1:] for p in part], lang).encode())


def _key(channel: str, events: Sequence[store.Event]) -> str:
    """Return the idempotency key of a message: the same events for the same channel have the same one."""
    told = "\n".join([channel, *(f"{e.alarm_id}:{e.kind}:{e.at_ms}" for e in events)])
    return "price-alert:" + hashlib.sha256(told.encode()).hexdigest()[:40]


def _scope(county: str) -> str:
    return f"price-alerts:{county}"


def _may_change(rule: Rule, by: str, role: str) -> None:
    if rule.owner != by and role not in OFFICES:
        raise NotAllowed("this rule is somebody else's", expected=f"its owner or one of {OFFICES}", got=by)


def _only(found: list[Rule], rule_id: str) -> Rule:
    if not found:
        raise NotFound("there is no such alert rule", got=rule_id[:64])
    return found[0]
