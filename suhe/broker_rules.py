"""Who may use which topic: one rule set, written as mosquitto's ACL file and asked directly by the embedded broker.

A gateway publishes its readings and its state only under its own name and reads only its own acknowledgements; ingest workers read and
answer all.
`pattern` lines are used because the dynamic-security plugin of mosquitto 2.0.11 does not substitute `%u`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from registry.feeds import Feed, matches, overlap

INGEST_USER = "ingest"

MOSQUITTO_ACL = f"""\
pattern write suhe/v1/+/%u/up
pattern write suhe/v1/+/%u/state
pattern read suhe/v1/+/%u/ack

user {INGEST_USER}
topic readwrite suhe/v1/#
topic read $SYS/#
"""


# Sparkplug is spoken both ways: a host answers under the same first level, and tells there that it is online.
_TWO_WAYS = {"sparkplug-b": "spBv1.0/#"}


def mosquitto_acl(feeds: Sequence[Feed]) -> str:
    """Return mosquitto's ACL file: a feed's gateway may write its filter, ingest may read it. Filters hold no line ends, see `Feed`."""
    told = [f for f in feeds if f.topic]
    ingest = [f"topic {'readwrite' if f.format in _TWO_WAYS else 'read'} {_TWO_WAYS.get(f.format, f.topic)}" for f in told]
    lines = [MOSQUITTO_ACL, *dict.fromkeys(ingest)]
    for gateway in sorted({f.gateway for f in told}):
        lines += ["", f"user {gateway}"]
        for f in told:
            if f.gateway == gateway:
                lines.append(f"topic {'readwrite' if f.format in _TWO_WAYS else 'write'} {f.topic}")
                if f.format in _TWO_WAYS:
                    lines.append("topic read spBv1.0/STATE/#")
    return "\n".join(lines) + "\n"


def feed_rules(feeds: Sequence[Feed]) -> str:
    """Return what the embedded broker is told of feeds."""
    return json.dumps([[f.gateway, f.topic, f.format] for f in feeds if f.topic])


class TopicRules:
    """Who may use which topic, with the feeds as `feed_rules` tells them."""

    def __init__(self, told: str = "[]") -> None:
        self._feeds: list[tuple[str, str, str]] = [tuple(row) for row in json.loads(told)]

    def may_publish(self, user: str, topic: str) -> bool:
        """Tell whether `user` may publish to `topic`."""
        if user == INGEST_USER:
            return topic.startswith("suhe/v1/") or any(_TWO_WAYS.get(f) and matches(_TWO_WAYS[f], topic) for _, _, f in self._feeds)
        return _own(user, topic, "up", "state") or any(gateway == user and matches(taken, topic) for gateway, taken, _ in self._feeds)

    def may_subscribe(self, user: str, topic: str) -> bool:
        """Tell whether `user` may subscribe to `topic`, which may be a filter."""
        if user == INGEST_USER:
            ours = topic.startswith(("suhe/v1/", "$SYS/"))
            return ours or any(
                topic == taken or matches(taken, topic) or (f in _TWO_WAYS and overlap(_TWO_WAYS[f], topic)) for _, taken, f in self._feeds
            )
        two_ways = any(g == user and f in _TWO_WAYS and (topic == taken or matches(taken, topic)) for g, taken, f in self._feeds)
        return _own(user, topic, "ack") or two_ways


def may_publish(user: str, topic: str) -> bool:
    """Tell whether `user` may publish to `topic` where there are no feeds."""
    return TopicRules().may_publish(user, topic)


def may_subscribe(user: str, topic: str) -> bool:
    """Tell whether `user` may subscribe to `topic` where there are no feeds."""
    return TopicRules().may_subscribe(user, topic)


def _own(user: str, topic: str, *directions: str) -> bool:
    parts = topic.split("/")
    return len(parts) == 5 and parts[:2] == ["suhe", "v1"] and parts[3] == user and parts[4] in directions and bool(user)
