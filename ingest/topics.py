"""Topic names: `suhe/v1/{shard}/{gateway}/up`, `.../ack` and `.../state`."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN, check_id, shard_of

PREFIX = "suhe/v1"
SHARDS = "0123456789abcdef"
STATE_END = "/state"
STATE_FILTER = f"{PREFIX}/+/+/state"


@dataclass(frozen=True)
class Topic:
    """A parsed topic; `direction` is up, ack or state."""

    shard: str
    gateway: str
    direction: str


def up_topic(gateway_id: str) -> str:
    """Return the topic a gateway publishes its readings to."""
    return f"{PREFIX}/{shard_of(check_id(gateway_id, 'gateway id'))}/{gateway_id}/up"


def ack_topic(gateway_id: str) -> str:
    """Return the topic a gateway reads its acknowledgements from."""
    return f"{PREFIX}/{shard_of(check_id(gateway_id, 'gateway id'))}/{gateway_id}/ack"


def state_topic(gateway_id: str) -> str:
    """Return the topic under which a gateway says, retained, how it is."""
    return f"{PREFIX}/{shard_of(check_id(gateway_id, 'gateway id'))}/{gateway_id}/state"


def up_filter(shard: str) -> str:
    """Return the subscription for every gateway of one shard."""
    return f"{PREFIX}/{shard}/+/up"


def parse_topic(topic: str) -> Topic:
    """Return the parts of a topic; raise BadInput where it is none of ours or its shard is not the gateway's."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[:2] != ["suhe", "v1"] or parts[4] not in ("up", "ack", "state") or not ID_PATTERN.match(parts[3]):
        raise BadInput("this topic is none of ours", expected=f"{PREFIX}/{{shard}}/{{gateway}}/up", got=topic[:120])
    if parts[2] != shard_of(parts[3]):
        raise BadInput("this is not the gateway's shard", expected=up_topic(parts[3]), got=topic[:120])
    return Topic(parts[2], parts[3], parts[4])
