r"""A custom group robot of DingTalk 钉钉 with a signing secret (加签).

Contract: open.dingtalk.com/document/orgapp/custom-robots-send-group-messages and …/customize-robot-security-settings. The string to sign is
`timestamp\nsecret`, the timestamp in ms within an hour of theirs; sign = URL-encoded base64 of its HMAC-SHA256 with the secret as the key.
`errcode` 0 is success. At most 20 messages a minute; who sends more is silenced for ten minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from urllib.parse import quote_plus

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput
from foundation.notify import Message, fitted
from foundation.notify_http import Post, check_status
from foundation.notify_wecom import check_errcode
from foundation.notify_words import markdown

ADDRESS = "https://oapi.dingtalk.com/robot/send"
PER_MINUTE = 20
LARGEST_BODY = 20_000
SILENCED_S = 600.0
# System busy; too fast, by its old and its new number.
TOO_OFTEN = {-1: 0.0, 130101: SILENCED_S, 410100: SILENCED_S}
_TOKEN = re.compile(r"[A-Za-z0-9]{8,128}\Z")


def sign(timestamp_ms: int, secret: str) -> str:
    """Return the signature as base64, not yet URL-encoded."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class DingTalkRobot:
    """One group's robot."""

    kind = "dingtalk"
    per_minute = PER_MINUTE

    def __init__(self, token: str, secret: str, post: Post, clock: Clock, *, address: str = ADDRESS) -> None:
        if not _TOKEN.match(token):
            raise BadInput("this is no token of a DingTalk robot", expected="what follows access_token= in its webhook address")
        if not secret.startswith("SEC"):
            raise BadInput("this is no signing secret of a DingTalk robot", expected="the text beginning with SEC under 加签")
        self._url = f"{address}?access_token={token}"
        self._secret = secret
        self._post = post
        self._clock = clock

    def send(self, message: Message) -> None:
        """Post the message to the group, signed for this moment."""
        now = to_ms(self._clock.now())
        url = f"{self._url}&timestamp={now}&sign={quote_plus(sign(now, self._secret))}"
        body = {"msgtype": "markdown", "markdown": {"title": message.title, "text": fitted(markdown(message), LARGEST_BODY - 1000)}}
        answer = self._post(url, json.dumps(body, ensure_ascii=False).encode(), {"content-type": "application/json"})
        check_status(answer)
        check_errcode(answer.body, TOO_OFTEN, "look at the robot's token, its secret, and this machine's clock")
