"""What the page of notifications shows a receiver is run against our own sender."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foundation.clock import FixedClock
from foundation.notify import Message
from foundation.notify_channels import KINDS
from foundation.notify_http import poster
from foundation.notify_webhook import Webhook
from tests.foundation.receivers import Heard, Judge, served

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()
SECRET = "a-secret-nobody-guesses"
NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)


class AsShown(Judge):
    """A receiver built from the page's own code."""

    def __init__(self, heard: Heard, code: dict[str, Any]) -> None:
        super().__init__(heard)
        self.ours: Callable[..., bool] = code["ours"]
        self.take: Callable[..., bool] = code["take"]
        self.seen: set[str] = set()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Verify, take what is new, and answer."""
        if not self.ours(SECRET, headers, body, NOW.timestamp()):
            return 401, b"", {}
        if self.take(self.seen, headers):
            self.heard.taken.append(json.loads(body))
        return 204, b"", {}


def test_the_code_shown_to_a_receiver_accepts_us_and_nobody_else() -> None:
    """The example verifies our request, takes a repetition once, and refuses a changed body, another secret and an old request."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    code: dict[str, Any] = {}
    exec(compile(source, "notifications.md", "exec"), code)  # the page's own example is what is tested
    with served(AsShown(Heard(), code)) as heard:
        hook = Webhook(heard.address, SECRET, poster(near=True), FixedClock(NOW))
        message = Message("price-alert:1", "番茄", "1.56 元/斤")
        hook.send(message)
        hook.send(message)
        assert [told["title"] for told in heard.taken] == ["番茄"]
        _, headers, body = heard.requests[0]
    now = NOW.timestamp()
    assert code["ours"](SECRET, headers, body, now)
    assert not code["ours"](SECRET, headers, body + b" ", now)
    assert not code["ours"]("another", headers, body, now)
    assert not code["ours"](SECRET, headers, body, now + 301)
    assert not code["ours"](SECRET, {}, body, now)


def test_the_page_names_every_kind_with_its_options() -> None:
    """The table of channels is the program's own."""
    for name, kind in KINDS.items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
        assert [o for o in (*kind.needed, *kind.secret, *kind.optional) if f"`{o}" not in row] == [], name
