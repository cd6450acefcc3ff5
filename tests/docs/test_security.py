"""The security page names only tests and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_the_security_page_relies_on_exists() -> None:
    """A control without its test would be a promise."""
    text = (ROOT / "docs" / "security.md").read_text()
    named = set(re.findall(r"`((?:tests|dashboards|suhe|registry)/[^`#]*)`", text))
    assert len(named) >= 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
