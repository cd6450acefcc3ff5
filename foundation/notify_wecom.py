"""A group robot of WeCom 企业微信: POST JSON to its webhook; the key in the address is the whole credential.

Contract: developer.work.weixin.qq.com/document/path/91770. Markdown up to 4,096 bytes of UTF-8, text up to 2,048; `errcode` 0 is success;
at most 20 messages a minute. Markdown is not shown in the personal WeChat of a member, so `plain` sends text.
"""

from __future__ import annotations

import json
import re

from foundation.errors import BadInput
from foundation.notify import Message, SendFailed, fitted
from foundation.notify_http import Post, check_status
from foundation.notify_words import markdown, plain_text

ADDRESS = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
PER_MINUTE = 20
LARGEST_MARKDOWN, LARGEST_TEXT = 4096, 2048
# Too often (45009), too many at once (45033), system busy (-1): later is right. Everything else is a fault of the channel.
TOO_OFTEN = {45009: 60.0, 45033: 10.0, -1: 0.0}
_KEY = re.compile(r"[A-Za-z0-9_-]{8,128}\Z")


class WeComRobot:
    """One group's robot."""

    kind = "wecom"
    per_minute = PER_MINUTE

    def __init__(self, key: str, post: Post, *, address: str = ADDRESS, plain: bool = False) -> None:
        if not _KEY.match(key):
            raise BadInput("this is no key of a WeCom robot", expected="what follows key= in the robot's webhook address")
        self._url = f"{address}?key={key}"
        self._post = post
        self._plain = plain

    def send(self, message: Message) -> None:
        """Post the message to the group."""
        if self._plain:
            body = {"msgtype": "text", "text": {"content": fitted(plain_text(message), LARGEST_TEXT)}}
        else:
            body = {"msgtype": "markdown", "markdown": {"content": fitted(markdown(message), LARGEST_MARKDOWN)}}
        answer = self._post(self._url, json.dumps(body, ensure_ascii=False).encode(), {"content-type": "application/json"})
        check_status(answer)
        check_errcode(answer.body, TOO_OFTEN, "look at the robot's key with `suhe notify test`")


def check_errcode(body: bytes, passing: dict[int, float], todo: str) -> None:
    """Return where a robot's answer says `errcode` 0; raise SendFailed otherwise. `passing` are codes worth another try, with a wait."""
    try:
        told = json.loads(body)
        code, text = int(told["errcode"]), str(told.get("errmsg", ""))
    except (ValueError, KeyError, TypeError) as error:
        raise SendFailed("the robot's answer cannot be read", got=f"{len(body)} bytes without errcode") from error
    if code:
        raise SendFailed(
            "the robot refused the message", got=f"errcode {code}: {text[:120]}", permanent=code not in passing,
            wait_s=passing.get(code, 0.0), todo="" if code in passing else todo,
        )  # fmt: skip
