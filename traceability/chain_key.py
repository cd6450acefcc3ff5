"""The key that pays for anchors. It is not the log's key: who steals it can spend, not sign checkpoints."""

from __future__ import annotations

import secrets
from pathlib import Path

from foundation.errors import Conflict
from foundation.files import make_once

_BYTES = 32


def read_chain_key(path: Path) -> bytes:
    """Return the key in `path`, made there (for its owner alone) if there is none yet."""
    if not path.exists():
        # A number between 1 and the order of secp256k1; all but 2^-127 of what is drawn is, and what is not fails at first use.
        make_once(path, secrets.token_hex(_BYTES).encode() + b"\n")
    try:
        key = bytes.fromhex(path.read_text().strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        # What stands in the file is not shown: it may be most of a key.
        raise Conflict("the key that pays for anchors cannot be read", expected="64 hexadecimal digits", got=str(path), todo="restore it")
    return key
