"""The promises themselves, in the order they are tried; see `check`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ingest.broker.check import (
    FAILS,
    GATEWAY_WINDOW,
    NO_SUBSCRIBERS,
    NOT_AUTHORIZED,
    NOTE,
    SILENCE_S,
    WINDOW,
    Broker,
    Check,
    Finding,
    judged,
    only_level_5,
)
from ingest.broker.facts import DROPPED
from ingest.broker.line import Line
from ingest.payloads import LARGEST_MESSAGE
from ingest.receiver import SESSION_EXPIRY_S
from ingest.topics import PREFIX

_QUEUE = (
    "A worker that is restarted, and every foreign sender's message meanwhile, depends on this queue; our own gateways send again, "
    "which the ledger shows as a gap until they have."
)


def _session(broker: Broker) -> Iterator[Finding]:
    """Session kept over a reconnect, offline queue and its depth, order."""
    topic = broker.topic("queue")
    line = broker.line("queue", clean=True, expiry_s=3600)
    line.leave()
    line = broker.line("queue", expiry_s=3600)
    line.subscribe([topic])
    line.leave()
    sender = broker.line("sender", clean=True, expiry_s=0)
    answered = sender.publish_all(topic, [b"%d" % n for n in range(broker.messages)])
    line = broker.line("queue", expiry_s=3600)
    present = line.session_present
    yield judged(
        "session kept over a reconnect",
        present,
        f"session present: {'yes' if present else 'no'}",
        "What a worker had not acknowledged, and what came while it was away, is gone.",
        "Allow persistent sessions; mosquitto: persistent_client_expiration 14d; EMQX: session_expiry_interval.",
    )
    found = line.drain(broker.messages, SILENCE_S)
    kept = len(set(found))
    whole = kept == broker.messages
    yield judged(
        "queue of an absent session",
        whole,
        f"{kept:,} of {broker.messages:,} kept; the sender was told Success for {answered:,}",
        f"{answered - kept:,} messages were thrown away and answered with Success. {_QUEUE}",
        "mosquitto: max_queued_messages = rate x longest outage (default 1,000; not 0); EMQX: max_mqueue_len; "
        "VerneMQ: max_offline_messages; HiveMQ: queued messages per client.",
    )
    numbers = [int(body) for body in found]
    ordered = numbers == sorted(numbers)
    if numbers:
        yield judged(
            "messages in order",
            ordered,
            f"{len(numbers):,} looked at",
            "Every batch looks like gaps that fill; the ledger's grace hides short ones only.",
            "Use one path through the cluster per client; switch parallel delivery off.",
        )
    line.leave(forget=True)
    sender.leave()
    broker.forget("queue")


def _expiry(broker: Broker) -> Iterator[Finding]:
    """Session expiry as asked for, and honoured."""
    if broker.level != 5:
        yield only_level_5("session expiry", "How long a session is kept is the broker's own affair.")
        return
    line = broker.line("expiry", clean=True, expiry_s=SESSION_EXPIRY_S)
    given = int(line.told.get("SessionExpiryInterval", SESSION_EXPIRY_S))
    line.leave(forget=True)
    whole = given >= SESSION_EXPIRY_S
    yield judged(
        "session expiry of 14 days",
        whole,
        f"given: {given:,} s",
        "A worker that is away longer finds nothing of what was queued for it.",
        "mosquitto: persistent_client_expiration 14d; EMQX: session_expiry_interval 14d; HiveMQ: session-expiry max-interval.",
    )
    broker.line("short", clean=True, expiry_s=1).leave()
    time.sleep(2.5)
    line = broker.line("short", expiry_s=1)
    gone = not line.session_present
    line.leave(forget=True)
    yield judged(
        "a session ends when it expired",
        gone,
        "gone after 1 s" if gone else "still there after 2.5 s",
        "Sessions of tools and former workers pile up in the broker until it cleans them.",
        serious=False,
    )


def _redelivery(broker: Broker) -> Iterator[Finding]:
    """Not acknowledged, cut off, connected again: everything comes again."""
    topic, count = broker.topic("again"), 20
    line = broker.line("again", clean=True, expiry_s=3600)
    line.leave()
    line = broker.line("again", expiry_s=3600)
    line.subscribe([topic])
    sender = broker.line("sender", clean=True, expiry_s=0)
    sender.publish_all(topic, [b"%d" % n for n in range(count)])
    came = line.wait_for(count, 5.0)
    line.cut()
    line = broker.line("again", expiry_s=3600)
    again = line.drain(count, SILENCE_S)
    repeated = sum(m.dup for m in line.messages)
    line.leave(forget=True)
    sender.leave()
    broker.forget("again")
    whole = len(set(again)) == count
    yield judged(
        "what was not acknowledged comes again",
        whole,
        f"{len(set(again))} of {count} again after a cut ({came} had come, {repeated} marked as repeats)",
        "A worker that is killed loses what it held and had not written. Our gateways send it again; foreign senders do not.",
        "Nothing to set: the broker forgets sessions. Use another.",
    )


def _window(broker: Broker) -> Iterator[Finding]:
    """Receive maximum respected."""
    if broker.level != 5:
        yield only_level_5("receive maximum", "The broker may send everything at once; our receiver bounds itself at 2,000 messages.")
        return
    topic = broker.topic("window")
    line = broker.line("window", clean=True, expiry_s=0, receive_maximum=WINDOW)
    line.subscribe([topic])
    sender = broker.line("sender", clean=True, expiry_s=0)
    sender.publish_all(topic, [b"%d" % n for n in range(10 * WINDOW)])
    first = line.wait_for(WINDOW + 1, 1.0)
    for message in list(line.messages)[: WINDOW // 2]:
        line.acknowledge(message)
    later = line.wait_for(2 * WINDOW, 1.0) - WINDOW // 2
    line.leave(forget=True)
    sender.leave()
    whole = 0 < first <= WINDOW
    over = f"; {later} were under way after {WINDOW // 2} acknowledgements, so our own bound counts" if later > WINDOW else ""
    yield judged(
        "receive maximum",
        whole,
        f"{first} of {WINDOW} under way{over}",
        "Memory of a worker whose disk is slow is bounded by nothing but the socket.",
        "EMQX: do not raise max_inflight above what clients ask for; mosquitto: max_inflight_messages 10000.",
    )


def _answers(broker: Broker) -> Iterator[Finding]:
    """Reason codes of the broker's answers."""
    nobody, refused = "nobody listens is told (0x10)", "what is not allowed is refused (0x87)"
    sender = broker.line("sender", clean=True, expiry_s=0)
    code = sender.publish(broker.topic("nobody"), b"x")
    sender.leave()
    if broker.level != 5:
        yield only_level_5(nobody, "A gateway waits for its resend (5 s) instead of knowing at once that ingest is away.")
    else:
        yield judged(
            nobody,
            code == NO_SUBSCRIBERS,
            f"PUBACK 0x{code or 0:02x}" if code is not None else "no answer",
            "" if code == NO_SUBSCRIBERS else "The code is optional in MQTT 5. A gateway sends again after 3 s instead of 1 s.",
            serious=False,
        )
    if broker.gateway is None:
        yield Finding(refused, NOTE, "not tried: no gateway's sign-in was given (--gateway)")
        return
    line = Line(broker.gateway, broker.client("gateway"), broker.level, clean=True, expiry_s=0)
    code = line.publish(broker.topic("another-gateway"), b"x", wait_s=3.0)
    cut = line.ended.is_set()
    line.leave()
    whole = code == NOT_AUTHORIZED
    yield judged(
        refused,
        whole,
        "the connection was ended" if cut else "no answer" if code is None else f"PUBACK 0x{code:02x}",
        "A gateway may speak for others, or takes a refusal for Success or for a bad line and sends for ever.",
        "Rule per gateway: write only suhe/v1/+/{its id}/up, read only suhe/v1/+/{its id}/ack; EMQX: deny_action = ignore.",
    )


def _retained(broker: Broker) -> Iterator[Finding]:
    """A retained message is kept, given to a newcomer, and cleared."""
    topic = broker.topic("retained")
    sender = broker.line("sender", clean=True, expiry_s=0)
    sender.publish(topic, b"kept", retain=True)
    line = broker.line("newcomer", clean=True, expiry_s=0)
    line.subscribe([topic])
    kept = line.wait_for(1, 3.0) == 1 and bool(line.messages[0].retain)
    line.leave()
    sender.publish(topic, b"", retain=True)
    line = broker.line("newcomer", clean=True, expiry_s=0)
    line.subscribe([topic])
    cleared = line.wait_for(1, 0.5) == 0
    line.leave()
    sender.leave()
    whole = kept and cleared
    yield judged(
        "retained messages",
        whole,
        f"kept: {'yes' if kept else 'no'}, cleared: {'yes' if cleared else 'no'}",
        "Sparkplug hosts announce themselves by a retained message; edge nodes would not see us. Our own format needs none.",
        "EMQX: retainer.enable = true; others: allow retained messages for the user of ingest.",
    )


def _size(broker: Broker) -> Iterator[Finding]:
    """Our largest message passes, and the limit is told."""
    topic = broker.topic("size")
    line = broker.line("size", clean=True, expiry_s=0)
    told = line.told.get("MaximumPacketSize")
    line.subscribe([topic])
    sender = broker.line("sender", clean=True, expiry_s=0)
    sender.publish(topic, b"x" * LARGEST_MESSAGE, wait_s=5.0)
    whole = line.wait_for(1, 5.0) == 1 and len(line.messages[0].payload) == LARGEST_MESSAGE
    line.leave()
    sender.leave()
    limit = f"limit told: {int(told):,} bytes" if told else "no limit told"
    yield judged(
        f"a message of {LARGEST_MESSAGE:,} bytes",
        whole,
        f"{'arrived' if whole else 'did not arrive'}; {limit}",
        "A gateway with a large batch is cut off (MQTT 5) or told Success for nothing (3.1.1), and sends it for ever.",
        "mosquitto: message_size_limit 262144; EMQX: mqtt.max_packet_size = 256KB; VerneMQ: max_message_size.",
    )


def _filters(broker: Broker) -> Iterator[Finding]:
    """Wildcards as we use them, sixteen filters in one subscription, long and deep topics."""
    line = broker.line("filters", clean=True, expiry_s=0)
    codes = line.subscribe([f"{PREFIX}/x{n:x}/+/up" for n in range(15)] + [f"{PREFIX}/x/+/up"])
    sender = broker.line("sender", clean=True, expiry_s=0)
    name = f"check-{broker.run}-".ljust(64, "c")
    right, wrong = f"{PREFIX}/x/{name}/up", f"{PREFIX}/x/{name}/more/up"
    sender.publish(wrong, b"wrong")
    sender.publish(right, b"right")
    line.wait_for(1, 3.0)
    bodies = [bytes(m.payload) for m in line.messages if m.topic in (right, wrong)]
    line.leave()
    whole = bodies == [b"right"] and len(codes) == 16 and max(codes) < 128
    yield judged(
        "sixteen filters with a wildcard",
        whole,
        f"{sum(c < 128 for c in codes)} of 16 granted; {'one' if bodies == [b'right'] else len(bodies)} of two messages came",
        "A worker does not get its shards, or gets what is not for it.",
        "Allow the user of ingest to read suhe/v1/# and to use wildcards.",
    )
    deep = f"{PREFIX}/x/{name}/" + "deep/" * 20 + "up"
    line = broker.line("deep", clean=True, expiry_s=0)
    line.subscribe([deep])
    sender.publish(deep, b"deep")
    came = line.wait_for(1, 3.0) == 1
    line.leave()
    sender.leave()
    yield judged(
        "a long topic of 25 levels",
        came,
        f"{len(deep)} characters: {'came' if came else 'did not come'}",
        "Topics of foreign senders (feeds) may not pass.",
        "EMQX: mqtt.max_topic_levels; HiveMQ: max-topic-length.",
    )


def _will(broker: Broker) -> Iterator[Finding]:
    """A last will is delivered after a cut; a second connection of one client takes over."""
    topic = broker.topic("will")
    line = broker.line("watcher", clean=True, expiry_s=0)
    line.subscribe([topic])
    broker.line("dying", clean=True, expiry_s=0, will=(topic, b"gone")).cut()
    came = line.wait_for(1, 5.0) == 1
    line.leave()
    yield judged(
        "a last will is delivered",
        came,
        "came" if came else "did not come within 5 s",
        "A gateway's or edge node's death is seen only by its silence.",
        "Allow gateways to write their will topic.",
    )
    first = broker.line("twice", clean=True, expiry_s=60)
    second = broker.line("twice", expiry_s=60)
    taken = first.ended.wait(3.0) and not second.ended.is_set()
    second.leave(forget=True)
    first.leave()
    yield judged(
        "a client that comes back takes its place",
        taken,
        "the older connection ended" if taken else "both stayed, or the newer one was refused",
        "A worker whose machine froze cannot get its session back until the broker's keep-alive has run out.",
        "EMQX: leave clientid takeover on; VerneMQ: allow_multiple_sessions = off.",
    )


def _burst(broker: Broker) -> Iterator[Finding]:
    """A gateway's window of messages under way at once, which it sends without waiting."""
    line = broker.line("burst", clean=True, expiry_s=0)
    line.subscribe([broker.topic("burst")])
    sender = broker.line("sender", clean=True, expiry_s=0, sending=GATEWAY_WINDOW)
    count = 5 * GATEWAY_WINDOW
    answered = sender.publish_all(broker.topic("burst"), [b"%d" % n for n in range(count)], 15.0)
    told = sender.told.get("ReceiveMaximum")
    cut = sender.ended.is_set()
    line.leave()
    sender.leave()
    yield judged(
        f"{GATEWAY_WINDOW} messages of a gateway under way",
        answered == count and not cut,
        f"{answered} of {count} answered{'; the connection was ended' if cut else ''}; window told: {told or 'none'}",
        "Gateways are cut off whenever they have something to catch up with, and begin anew for ever.",
        "HiveMQ: server-receive-maximum 100 (default 10); EMQX: mqtt.max_inflight; BifroMQ: ReceivingMaximum, MsgPubPerSec.",
    )


def _latency(broker: Broker) -> Iterator[Finding]:
    """Time from publish to arrival, one message at a time; told, not judged."""
    topic, count = broker.topic("latency"), 200
    line = broker.line("latency", clean=True, expiry_s=0)
    line.subscribe([topic])
    sender = broker.line("sender", clean=True, expiry_s=0)
    took: list[float] = []
    for n in range(count):
        begin = time.monotonic()
        sender.client.publish(topic, b"%d" % n, qos=1)
        if line.wait_for(n + 1, 2.0) <= n:
            break
        took.append((time.monotonic() - begin) * 1000)
        line.acknowledge(line.messages[-1])
    line.leave()
    sender.leave()
    took.sort()
    if not took:
        yield Finding("latency", FAILS, "nothing arrived", "The broker does not deliver to this user.", "Look at its rules and its log.")
        return
    yield Finding("latency", NOTE, f"p50 {took[len(took) // 2]:.1f} ms, p99 {took[int(len(took) * 0.99)]:.1f} ms, {len(took)} messages")


def _drops(broker: Broker) -> Iterator[Finding]:
    """The counter of dropped messages."""
    line = broker.line("drops", clean=True, expiry_s=0)
    try:
        line.subscribe([DROPPED], 0)
        seen = line.wait_for(1, broker.patience_s) > 0
        value = bytes(line.messages[0].payload).decode(errors="replace")[:20] if seen else ""
    finally:
        line.leave()
    yield judged(
        "the broker tells what it throws away",
        seen,
        f"{DROPPED}: {value}" if seen else "not told",
        "Drops are seen only as gaps in the ledger, those of senders without numbers not at all: watch the broker's metrics.",
        "mosquitto: sys_interval 10, and let ingest read $SYS/#.",
        serious=False,
    )


CHECKS: tuple[Check, ...] = (
    _session, _expiry, _redelivery, _window, _answers, _retained, _size, _filters, _will, _burst, _latency, _drops,
)  # fmt: skip
