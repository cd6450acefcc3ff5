"""The outbox delivers at least once, never twice without need, within limits, and says what it could not deliver."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from foundation.errors import NotFound
from foundation.notify import Message, SendFailed
from foundation.notify_http import poster
from foundation.notify_outbox import CLAIM_MS, DEAD, KEPT_DAYS, MOST_TRIES, SENT, WAITING, Outbox, put, wait_after
from foundation.notify_webhook import Webhook
from tests.foundation.receivers import Heard, served
from tests.foundation.test_notify_channels import Receiver

NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)


@dataclass
class Group:
    """A channel that remembers; what is in `troubles` is raised first."""

    kind: str = "test"
    per_minute: int = 20
    got: list[str] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)

    def send(self, message: Message) -> None:
        """Take the message."""
        if self.troubles:
            raise self.troubles.pop(0)
        self.got.append(message.id)


@dataclass
class Post:
    """An outbox with its clock."""

    outbox: Outbox
    clock: FixedClock

    def write(self, *ids: str, channel: str = "group") -> int:
        """Put messages into the outbox."""
        with self.outbox._engine.begin() as connection:
            return sum(put(connection, Message(i, "t", ""), [channel], "s", to_ms(self.clock.now())) for i in ids)

    def minutes(self, n: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(minutes=n))


@pytest.fixture
def post(records_url: str) -> Iterator[Post]:
    """Yield an empty outbox on either database."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    clock = FixedClock(NOW)
    yield Post(Outbox(engine, clock), clock)
    engine.dispose()


def test_a_message_is_written_once_and_delivered_once_to_each_channel(post: Post) -> None:
    """The same key for the same channel is one message, however often it is written; each channel gets it by itself."""
    assert [post.write("a"), post.write("a"), post.write("a", channel="office")] == [1, 0, 1]
    group, office = Group(), Group()
    assert post.outbox.deliver({"group": group, "office": office}).sent == 2
    assert post.outbox.deliver({"group": group, "office": office}).sent == 0
    assert (group.got, office.got) == (["a"], ["a"])


def test_what_is_rolled_back_is_not_sent(post: Post) -> None:
    """A message lives and dies with the transaction that caused it."""
    with post.outbox._engine.connect() as connection, connection.begin() as transaction:
        put(connection, Message("a", "t", ""), ["group"], "s", 0)
        transaction.rollback()
    assert post.outbox.counts() == {WAITING: 0, SENT: 0, DEAD: 0}


def test_a_receiver_that_fails_is_asked_again_with_the_same_key_and_takes_it_once(post: Post) -> None:
    """500 twice, then taken: three requests with one key and one body, an ever longer wait between them."""
    post.write("a")
    with served(Receiver(Heard())) as heard:
        heard.answers += [(500, b"", {}), (502, b"", {})]
        channels = {"group": Webhook(heard.address, Receiver.secret, poster(near=True), FixedClock(NOW))}
        seen = []
        for _ in range(8):
            done = post.outbox.deliver(channels)
            seen.append((done.sent, done.failed))
            post.minutes(0.5)
        assert seen == [(0, 1), (0, 0), (0, 1), (0, 0), (0, 0), (0, 0), (1, 0), (0, 0)]
        assert len({(h["idempotency-key"], body) for _, h, body in heard.requests}) == 1
        assert [key for key, _ in heard.taken] == ["a"]
    (entry,) = post.outbox.entries()
    assert (entry.state, entry.tries, entry.why) == (SENT, 3, "")


KILLED = """
    import os, sys
    from datetime import UTC, datetime
    from foundation.clock import FixedClock
    from foundation.database import open_engine
    from foundation.notify_http import poster
    from foundation.notify_outbox import Outbox
    from foundation.notify_webhook import Webhook

    url, address, secret = sys.argv[1:]
    clock = FixedClock(datetime(2026, 11, 28, 4, 0, tzinfo=UTC))
    hook = Webhook(address, secret, poster(near=True), clock)

    class Dying:
        kind, per_minute = "webhook", 20

        def send(self, message):
            hook.send(message)
            os.kill(os.getpid(), 9)  # the receiver has it; nobody has noted it

    Outbox(open_engine(url), clock).deliver({"group": Dying()})
"""


def test_killed_between_sending_and_noting_it_goes_again_under_the_same_key(post: Post, records_url: str) -> None:
    """A kill -9 after the receiver took it: nobody else sends while the claim holds, then the same key comes again and changes nothing."""
    post.write("a")
    with served(Receiver(Heard())) as heard:
        root = Path(__file__).parents[2]
        program = [sys.executable, "-c", textwrap.dedent(KILLED), records_url, heard.address, Receiver.secret]
        done = subprocess.run(program, check=False, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
        assert done.returncode == -9, done.stderr
        assert len(heard.taken) == 1
        channels = {"group": Webhook(heard.address, Receiver.secret, poster(near=True), FixedClock(NOW))}
        assert post.outbox.deliver(channels).sent == 0
        post.clock.advance(timedelta(milliseconds=CLAIM_MS))
        assert post.outbox.deliver(channels).sent == 1
        assert len(heard.requests) == 2
        assert len(heard.taken) == 1


def test_a_channel_is_given_no_more_than_it_may_take_in_a_minute(post: Post) -> None:
    """Twenty-five messages to a robot of twenty: twenty now, none for the rest of the minute, five after it; the oldest first."""
    post.write(*(f"m{k:02}" for k in range(25)))
    group = Group()
    assert post.outbox.deliver({"group": group}).later == 5
    post.minutes(0.9)
    assert post.outbox.deliver({"group": group}).sent == 0
    post.minutes(0.1)
    assert post.outbox.deliver({"group": group}).sent == 5
    assert group.got == [f"m{k:02}" for k in range(25)]


def test_a_message_dies_with_its_reason_and_can_be_called_back(post: Post) -> None:
    """After the last try, or at once where nothing else helps, a message is dead and says why; the operator may let it try again."""
    post.write("a")
    group = Group(troubles=[SendFailed("no answer", got="timeout") for _ in range(MOST_TRIES)])
    for _ in range(MOST_TRIES):
        post.outbox.deliver({"group": group})
        post.minutes(60)
    (entry,) = post.outbox.entries(state=DEAD)
    assert (entry.tries, group.troubles) == (MOST_TRIES, [])
    assert "timeout" in entry.why and "10 tries" in entry.why
    assert post.outbox.deliver({"group": group}).sent == 0
    post.outbox.again(entry.id)
    assert post.outbox.deliver({"group": group}).sent == 1
    with pytest.raises(NotFound):
        post.outbox.again(entry.id)
    post.write("b")
    assert post.outbox.deliver({"group": Group(troubles=[SendFailed("refused", permanent=True)])}).dead == 1


def test_one_channel_in_trouble_keeps_no_other_waiting(post: Post) -> None:
    """A channel that fails, even by a fault of ours, or that is gone, ends its own round only; the reason names no more than the fault."""
    post.write("a", "b", channel="broken")
    post.write("a", channel="gone")
    post.write("a")
    group, broken = Group(), Group(troubles=[RuntimeError("secret inside")])
    done = post.outbox.deliver({"group": group, "broken": broken})
    assert (done.sent, done.failed, done.later) == (1, 2, 1)
    whys = {e.channel: e.why for e in post.outbox.entries(state=WAITING) if e.why}
    assert "RuntimeError" in whys["broken"] and "secret" not in whys["broken"]
    assert "no channel of this name" in whys["gone"]


def test_a_receiver_that_names_a_wait_is_left_alone_for_so_long(post: Post) -> None:
    """DingTalk silences a robot for ten minutes: ten minutes it is, though our own wait is shorter."""
    post.write("a")
    group = Group(troubles=[SendFailed("too fast", wait_s=600)])
    post.outbox.deliver({"group": group})
    post.minutes(9.9)
    assert post.outbox.deliver({"group": group}).sent == 0
    post.minutes(0.1)
    assert post.outbox.deliver({"group": group}).sent == 1


def test_what_was_sent_long_ago_is_forgotten_and_what_waits_is_not(post: Post) -> None:
    """Sent and dead messages go after thirty days; a waiting one stays."""
    post.write("a")
    post.outbox.deliver({"group": Group()})
    post.write("b")
    post.clock.advance(timedelta(days=KEPT_DAYS + 1))
    assert post.outbox.forget() == 1
    assert [e.message.id for e in post.outbox.entries()] == ["b"]


def test_waits_grow_and_end_at_an_hour() -> None:
    """Never less than the minute a limit counts, never more than an hour."""
    assert [wait_after(n) for n in (0, 1, 2, 3, 6, 7, 99)] == [60, 60, 120, 240, 1920, 3600, 3600]
