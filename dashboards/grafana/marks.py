"""The mark of a board's content: by it a push knows what is there already, and whether somebody changed it by hand since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MARK = "suhe-content:"
# What Grafana writes into a board that it keeps; the uid is ours.
_GRAFANAS_OWN = ("id", "version")


def content_mark(board: Mapping[str, Any]) -> str:
    """Return sixteen hex digits of the board's content, without its mark and without what Grafana adds."""
    own = {name: value for name, value in board.items() if name not in _GRAFANAS_OWN}
    own["tags"] = [tag for tag in board.get("tags") or [] if not str(tag).startswith(MARK)]
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]


def told_mark(board: Mapping[str, Any]) -> str:
    """Return the mark the board carries among its tags, or an empty word."""
    return next((str(tag).removeprefix(MARK) for tag in board.get("tags") or [] if str(tag).startswith(MARK)), "")
