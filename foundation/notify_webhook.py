"""A signed webhook: a POST that the receiver can verify and tell from a repetition.

Headers: `Suhe-Timestamp` (seconds since the epoch, of this try), `Suhe-Signature` (`v1=` and the hex HMAC-SHA256 of
`timestamp + "." + body` with the shared secret), `Idempotency-Key` (the message's id, the same in every try). The body is JSON and the same
in every try. Any 2xx means taken; 408, 425, 429 and 5xx are tried again (Retry-After is honoured); anything else is refused for good.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput
from foundation.notify import Message
from foundation.notify_http import Post, check_status

PER_MINUTE = 120
SHORTEST_SECRET = 16
# How far a receiver should let the timestamp be from its own clock.
TOLERANCE_S = 300


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `Suhe-Signature`."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def signature_holds(secret: str, timestamp: str, body: bytes, given: str, now_s: float) -> bool:
    """Tell whether a request is ours and fresh: what a receiver written in Python does, and what its documentation shows."""
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    return hmac.compare_digest(signature(secret, timestamp, body).encode(), given.encode())


def body_of(message: Message) -> bytes:
    """Return the JSON of a message."""
    told = {k: getattr(message, k) for k in ("id", "title", "text", "url", "severity", "lang")}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


class Webhook:
    """One receiver."""

    kind = "webhook"
    per_minute = PER_MINUTE

    def __init__(self, url: str, secret: str, post: Post, clock: Clock) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise BadInput("this secret is too short", expected=f"at least {SHORTEST_SECRET} characters that nobody can guess")
        self._url = url
        self._secret = secret
        self._post = post
        self._clock = clock

    def send(self, message: Message) -> None:
        """Post the message, signed for this moment."""
        body, timestamp = body_of(message), str(to_ms(self._clock.now()) // 1000)
        headers = {
            "content-type": "application/json", "suhe-timestamp": timestamp, "idempotency-key": message.id,
            "suhe-signature": signature(self._secret, timestamp, body),
        }  # fmt: skip
        check_status(self._post(self._url, body, headers))
