"""A message to people and what carries it. This floor knows nothing of what the messages are about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from foundation.errors import BadInput, SuheError

SEVERITIES = ("info", "warning", "bad")
LANGUAGES = ("zh-Hans", "en")
LONGEST_TITLE, LONGEST_TEXT = 120, 8000
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `id` is its idempotency key: the same message sent twice carries the same one, so a receiver can tell.

    `title` is one line; `text` is plain text of several lines, in `lang`; `url` leads to more, or is empty.
    """

    id: str
    title: str
    text: str
    url: str = ""
    severity: str = "warning"
    lang: str = "zh-Hans"

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise BadInput("this cannot be a message's key", expected="1 to 128 of A-Z a-z 0-9 _ . : -", got=repr(self.id[:80]))
        if not self.title.strip() or len(self.title) > LONGEST_TITLE or any(ord(c) < 32 for c in self.title):
            raise BadInput("this title cannot be used", expected=f"one line of 1 to {LONGEST_TITLE} characters", got=repr(self.title[:80]))
        if len(self.text) > LONGEST_TEXT or any(ord(c) < 32 and c != "\n" for c in self.text):
            raise BadInput(
                "this text cannot be used", expected=f"plain text of at most {LONGEST_TEXT} characters", got=repr(self.text[:80])
            )
        if self.url and not self.url.startswith(("http://", "https://")):
            raise BadInput("this is no link", expected="http:// or https://", got=repr(self.url[:80]))
        if self.severity not in SEVERITIES or self.lang not in LANGUAGES:
            raise BadInput(
                "there is no such severity or language", expected=f"{SEVERITIES}, {LANGUAGES}", got=f"{self.severity}, {self.lang}"
            )

    @property
    def short_id(self) -> str:
        """The end of the key as people read it, by which they see that a message came twice."""
        return re.sub(r"[^A-Za-z0-9]", "", self.id)[-8:].upper()


class SendFailed(SuheError):
    """A message that was not taken. `permanent`: trying again changes nothing until somebody repairs the channel.

    `wait_s` is how long the receiver asked us to wait, 0 where it did not say. The text never holds a secret.
    """

    code = "not-delivered"
    status = 502

    def __init__(self, message: str, *, got: str = "", todo: str = "", permanent: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(message, got=got, todo=todo)
        self.permanent = permanent
        self.wait_s = wait_s


class Channel(Protocol):
    """Something that carries messages to people."""

    @property
    def kind(self) -> str:
        """The name of its kind, such as `wecom`."""
        ...

    @property
    def per_minute(self) -> int:
        """How many messages a minute it may be given."""
        ...

    def send(self, message: Message) -> None:
        """Hand over one message and return when it was taken; raise SendFailed otherwise."""
        ...


def fitted(text: str, most_bytes: int) -> str:
    """Return text cut to so many bytes of UTF-8 at a whole character, with an ellipsis where something was cut."""
    raw = text.encode()
    if len(raw) <= most_bytes:
        return text
    return raw[: most_bytes - 3].decode(errors="ignore") + "…"
