"""Keys an installation signs with for a party that has no device of its own: a county's office calling lots back from this server.

One file a party, `office-{party}.key`, for its owner alone. Whoever can read it can sign as that party; revoke it in the registry then.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from nacl.signing import SigningKey

from foundation.errors import Conflict, NotFound
from foundation.files import make_once
from foundation.ids import check_id

_BYTES = 32


def office_key_path(folder: Path, party: str) -> Path:
    """Return where a party's key lies."""
    return folder / f"office-{check_id(party, 'party id')}.key"


def keep_office_key(folder: Path, party: str, seed: bytes = b"") -> SigningKey:
    """Return a party's key, kept there at the first call: `seed`, or a new one."""
    path = office_key_path(folder, party)
    if not path.exists():
        make_once(path, (seed or secrets.token_bytes(_BYTES)).hex().encode() + b"\n")
    return read_office_key(folder, party)


def read_office_key(folder: Path, party: str) -> SigningKey:
    """Return a party's key, or raise NotFound where this installation holds none."""
    path = office_key_path(folder, party)
    try:
        seed = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError as error:
        raise NotFound(
            "this installation holds no key of this party", got=party, todo=f"suhe trace office {party}, or sign with the party's own app"
        ) from error
    except ValueError:
        seed = b""
    if len(seed) != _BYTES:
        # What stands in the file is not shown: it may be most of a key.
        raise Conflict("this key cannot be read", expected="64 hexadecimal digits", got=str(path), todo="restore it from a backup")
    return SigningKey(seed)
