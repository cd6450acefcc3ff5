"""Text messages: a port to whichever provider an installation has a contract with, and a spool that stands in where it has none.

No provider is built in: each needs a contract, a registered signature and a template approved beforehand. The spool writes what would be
sent into a folder, one file per message and number, and says in every file that nothing was sent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from foundation.clock import Clock
from foundation.errors import BadInput
from foundation.files import write_durably
from foundation.notify import Message

PER_MINUTE = 60
# Three parts of 67 characters: more is not read on a phone's lock screen, and each part is paid for.
LONGEST = 201
MOST_RECEIVERS = 20
_NUMBER = re.compile(r"\+?[0-9]{5,15}\Z")


class SmsPort(Protocol):
    """What a provider's adapter does."""

    def submit(self, number: str, text: str, key: str) -> None:
        """Hand one text to the provider; `key` is the same in every try. Raise SendFailed where it was not taken."""
        ...


class SpoolSms:
    """Writes texts into a folder instead of sending them, and says so."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def submit(self, number: str, text: str, key: str) -> None:
        """Write the text to a file only the owner may read; the same key gives the same file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(f"{key}\n{number}".encode()).hexdigest()[:24]
        told = {"to": number, "text": text, "key": key, "spooled_at": self._clock.now().isoformat(), "sent": False,
                "note": "not sent: no SMS provider is connected to this installation"}  # fmt: skip
        write_durably(self._folder / f"{name}.json", json.dumps(told, ensure_ascii=False, indent=1).encode(), 0o600)


class Sms:
    """Some numbers behind a port."""

    kind = "sms"
    per_minute = PER_MINUTE

    def __init__(self, port: SmsPort, numbers: Sequence[str]) -> None:
        if not 1 <= len(numbers) <= MOST_RECEIVERS or not all(_NUMBER.match(n) for n in numbers):
            raise BadInput("these are no telephone numbers", expected=f"1 to {MOST_RECEIVERS} numbers of digits, with or without +")
        self._port = port
        self._numbers = tuple(numbers)

    def send(self, message: Message) -> None:
        """Submit title and text, cut to three parts, to every number."""
        text = " ".join(f"{message.title}: {message.text}".split())
        if len(text) > LONGEST:
            text = text[: LONGEST - 1] + "…"
        for number in self._numbers:
            self._port.submit(number, text, message.id)
