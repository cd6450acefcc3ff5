"""The outbox: messages are written beside what caused them, in the same transaction, and delivered afterwards, at least once.

A delivery is claimed, handed over, and marked. A process that is killed between handing over and marking leaves a claim that runs out; the
message then goes again under the same idempotency key. Tries are a minute apart at first, then twice as long each time up to an hour; a
message is dead after the last of them, or at once where the channel says that trying again changes nothing. The reason is kept and shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)

from foundation.clock import Clock, to_ms
from foundation.database import metadata, reading
from foundation.errors import NotFound
from foundation.log import get_logger
from foundation.notify import Channel, Message, SendFailed

WAITING, SENT, DEAD = "waiting", "sent", "dead"
MOST_TRIES = 10
# The shortest wait is a whole minute, so that no message is tried twice within the minute a channel's limit counts.
FIRST_WAIT_S, LONGEST_WAIT_S = 60, 3600
# Longer than any adapter may take to hand one message over.
CLAIM_MS = 180_000
MINUTE_MS = 60_000
KEPT_DAYS = 30

outbox = Table(
    "outbox", metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("lang", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("tried_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("claimed_until_ms", BigInteger, nullable=False),
    UniqueConstraint("message_id", "channel"),
    Index("ix_outbox_state_channel_due", "state", "channel", "due_ms"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One message for one channel, and how it stands with it."""

    id: int
    channel: str
    scope: str
    message: Message
    state: str
    why: str
    tries: int
    made_ms: int
    due_ms: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of delivery did. `later` were not tried: the channel's limit of this minute was reached, or it had just failed."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    later: int = 0


def put(connection: Connection, message: Message, channels: Iterable[str], scope: str, now_ms: int) -> int:
    """Write a message for some channels in the caller's transaction; return how many were new. The same message again changes nothing.

    `scope` is a word by which the writer finds its own messages again, such as a county.
    """
    from sqlalchemy.dialects import postgresql, sqlite

    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    told = {
        "message_id": message.id, "scope": scope, "title": message.title, "text": message.text, "url": message.url,
        "severity": message.severity, "lang": message.lang, "state": WAITING, "why": "", "tries": 0, "made_ms": now_ms, "due_ms": now_ms,
        "claimed_until_ms": 0,
    }  # fmt: skip
    new = 0
    for channel in dict.fromkeys(channels):
        written = make(outbox).values(**told, channel=channel).on_conflict_do_nothing().returning(outbox.c.id)
        new += connection.execute(written).first() is not None
    return new


class Outbox:
    """What waits, and its delivery."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._log = get_logger(__name__)

    def deliver(self, channels: Mapping[str, Channel], *, only: str | None = None) -> Delivered:
        """Hand over what is due, each channel within its limit, the oldest first; `only` names the one channel to serve.

        Never raises for what a channel does.
        """
        now = to_ms(self._clock.now())
        t = outbox.c
        due = select(t.channel).where(t.state == WAITING, t.due_ms <= now, t.claimed_until_ms <= now).distinct()
        with self._reading.connect() as connection:
            names = sorted(n for n in connection.execute(due).scalars() if only in (None, n))
        sum_of = Delivered()
        for name in names:
            one = self._deliver_to(name, channels.get(name))
            sum_of = Delivered(*(getattr(sum_of, k) + getattr(one, k) for k in Delivered.__slots__))
        return sum_of

    def entries(self, scope: str | None = None, state: str | None = None, limit: int = 100) -> list[Entry]:
        """Return messages, the newest first."""
        t = outbox.c
        asked = select(outbox).order_by(t.id.desc()).limit(limit)
        if scope is not None:
            asked = asked.where(t.scope == scope)
        if state is not None:
            asked = asked.where(t.state == state)
        with self._reading.connect() as connection:
            return [_entry(r) for r in connection.execute(asked)]

    def entry(self, message_id: str, channel: str) -> Entry:
        """Return one message for one channel; raise NotFound otherwise."""
        t = outbox.c
        with self._reading.connect() as connection:
            found = connection.execute(select(outbox).where(t.message_id == message_id, t.channel == channel)).first()
        if found is None:
            raise NotFound("there is no such message", got=message_id[:80])
        return _entry(found)

    def written_since(self, prefix: str, channel: str, since_ms: int) -> int:
        """Return how many messages whose key begins so were written for a channel since a time."""
        t = outbox.c
        asked = select(func.count()).where(t.message_id.startswith(prefix, autoescape=True), t.channel == channel, t.made_ms > since_ms)
        with self._reading.connect() as connection:
            found: int = connection.execute(asked).scalar_one()
            return found

    def counts(self, scope: str | None = None) -> dict[str, int]:
        """Return how many messages are waiting, sent and dead."""
        t = outbox.c
        asked = select(t.state, func.count()).group_by(t.state)
        if scope is not None:
            asked = asked.where(t.scope == scope)
        with self._reading.connect() as connection:
            return {WAITING: 0, SENT: 0, DEAD: 0} | {r[0]: r[1] for r in connection.execute(asked)}

    def again(self, entry_id: int) -> None:
        """Let a dead message be tried again from the beginning, after its channel was repaired."""
        now = to_ms(self._clock.now())
        change = update(outbox).where(outbox.c.id == entry_id, outbox.c.state == DEAD)
        with self._engine.begin() as connection:
            done = connection.execute(change.values(state=WAITING, tries=0, due_ms=now, claimed_until_ms=0, ended_ms=None))
        if not done.rowcount:
            raise NotFound("there is no dead message of this number", got=str(entry_id), todo="suhe notify outbox --state dead")

    def forget(self) -> int:
        """Delete what was sent or given up more than 30 days ago; return how many."""
        before = to_ms(self._clock.now()) - KEPT_DAYS * 86_400_000
        with self._engine.begin() as connection:
            gone: int = connection.execute(delete(outbox).where(outbox.c.state != WAITING, outbox.c.ended_ms < before)).rowcount
            return gone

    def _deliver_to(self, name: str, channel: Channel | None) -> Delivered:
        now = to_ms(self._clock.now())
        t = outbox.c
        waiting = (t.state == WAITING, t.channel == name, t.due_ms <= now, t.claimed_until_ms <= now)
        with self._reading.connect() as connection:
            ids = list(connection.execute(select(t.id).where(*waiting).order_by(t.id)).scalars())
            lately = select(func.count()).where(t.channel == name, t.tried_ms > now - MINUTE_MS)
            used: int = connection.execute(lately).scalar_one()
        allowed = len(ids) if channel is None else max(0, channel.per_minute - used)
        sent = failed = dead = 0
        for entry_id in ids[:allowed]:
            entry = self._claim(entry_id)
            if entry is None:
                continue
            ended = self._hand_over(entry, channel)
            sent, failed, dead = sent + (ended == SENT), failed + (ended == WAITING), dead + (ended == DEAD)
            if ended == WAITING:
                break  # what does not answer once is not asked again in the same round
        return Delivered(sent, failed, dead, len(ids) - sent - failed - dead)

    def _claim(self, entry_id: int) -> Entry | None:
        """Take one message for this process; None where another has it."""
        now = to_ms(self._clock.now())
        t = outbox.c
        free = update(outbox).where(t.id == entry_id, t.state == WAITING, t.claimed_until_ms <= now)
        with self._engine.begin() as connection:
            if not connection.execute(free.values(claimed_until_ms=now + CLAIM_MS, tried_ms=now, tries=t.tries + 1)).rowcount:
                return None
            return _entry(connection.execute(select(outbox).where(t.id == entry_id)).one())

    def _hand_over(self, entry: Entry, channel: Channel | None) -> str:
        """Send and mark; return the state it is in afterwards."""
        why, permanent, wait_s = "", False, 0.0
        try:
            if channel is None:
                raise SendFailed("there is no channel of this name any more", got=entry.channel, todo="suhe notify add")
            channel.send(entry.message)
        except SendFailed as error:
            why, permanent, wait_s = error.explain(), error.permanent, error.wait_s
        except Exception as error:  # noqa: BLE001 - one channel's fault must not keep the others' messages back
            why = f"the channel failed: {type(error).__name__}"
        now = to_ms(self._clock.now())
        if not why:
            values: dict[str, object] = {"state": SENT, "why": "", "ended_ms": now}
        elif permanent or entry.tries >= MOST_TRIES:
            tried = "" if permanent else f" ({entry.tries} tries)"
            values = {"state": DEAD, "why": why + tried, "ended_ms": now}
        else:
            values = {"state": WAITING, "why": why, "due_ms": now + int(1000 * max(wait_s, wait_after(entry.tries))), "claimed_until_ms": 0}
        with self._engine.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.id == entry.id).values(**values))
        if why:
            self._log.warning("message not delivered", channel=entry.channel, entry=entry.id, tries=entry.tries, why=why)
        return str(values["state"])


def wait_after(tries: int) -> int:
    """Return the seconds to wait after so many tries."""
    return min(FIRST_WAIT_S << min(max(tries - 1, 0), 10), LONGEST_WAIT_S)


def _entry(r: Row[Any]) -> Entry:
    row = r._mapping
    message = Message(*(row[k] for k in ("message_id", "title", "text", "url", "severity", "lang")))
    return Entry(row["id"], row["channel"], row["scope"], message, row["state"], row["why"], row["tries"], row["made_ms"], row["due_ms"],
                 row["ended_ms"])  # fmt: skip
