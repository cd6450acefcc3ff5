"""Who may use which topic: one rule set, written as mosquitto's ACL file and asked directly by the embedded broker.

A gateway publishes only under its own name and reads only its own acknowledgements; ingest workers read and answer all.
`pattern` lines are used because the dynamic-security plugin of mosquitto 2.0.11 does not substitute `%u`.
"""

from __future__ import annotations

INGEST_USER = "ingest"

MOSQUITTO_ACL = f"""\
pattern write suhe/v1/+/%u/up
pattern read suhe/v1/+/%u/ack

user {INGEST_USER}
topic readwrite suhe/v1/#
topic read $SYS/#
"""


def may_publish(user: str, topic: str) -> bool:
    """Tell whether `user` may publish to `topic`."""
    if user == INGEST_USER:
        return topic.startswith("suhe/v1/")
    return _own(user, topic, "up")


def may_subscribe(user: str, topic: str) -> bool:
    """Tell whether `user` may subscribe to `topic`."""
    if user == INGEST_USER:
        return topic.startswith(("suhe/v1/", "$SYS/"))
    return _own(user, topic, "ack")


def _own(user: str, topic: str, direction: str) -> bool:
    parts = topic.split("/")
    return len(parts) == 5 and parts[:2] == ["suhe", "v1"] and parts[3:] == [user, direction] and bool(user)
