"""What a gateway says of itself: retained on `suhe/v1/{shard}/{gateway}/state`, its last will among it.

{"v":1,"online":true,"t":1764741600000,"spool":3,"oldest_s":12,"offset_ms":-240,"given_up":0}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadInput

LARGEST_STATE = 1_000
_MOST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class State:
    """A gateway's state by its own word and clock.

    `spool` messages wait, the oldest for `oldest_s` seconds; `offset_ms` is the county's clock less its own as far as it knows;
    `given_up` messages were dropped since it started because its spool was full.
    """

    online: bool
    t_ms: int
    spool: int = 0
    oldest_s: int = 0
    offset_ms: int | None = None
    given_up: int = 0


def encode_state(state: State) -> bytes:
    """Return a state as JSON."""
    told = {"v": 1, "online": state.online, "t": state.t_ms, "spool": state.spool, "oldest_s": state.oldest_s, "given_up": state.given_up}
    if state.offset_ms is not None:
        told["offset_ms"] = state.offset_ms
    return json.dumps(told, separators=(",", ":")).encode()


def decode_state(body: bytes) -> State:
    """Return a state; raise BadInput where it is none. What is not known is left alone."""
    try:
        if len(body) > LARGEST_STATE:
            raise ValueError(f"{len(body)} bytes")
        told: Any = json.loads(body)
        if told["v"] != 1 or type(told["online"]) is not bool:
            raise ValueError("not version 1, or neither online nor not")
        offset = told.get("offset_ms")
        spool, oldest_s, given_up = (_whole(told.get(name, 0)) for name in ("spool", "oldest_s", "given_up"))
        return State(told["online"], _whole(told["t"]), spool, oldest_s, None if offset is None else _whole(offset), given_up)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("this state cannot be read", got=f"{type(error).__name__}: {error}"[:200]) from error


def _whole(value: object) -> int:
    if type(value) is not int or abs(value) > _MOST:
        raise TypeError(f"{str(value)[:40]} is no whole number")
    return value
