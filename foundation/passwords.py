"""Passwords as mosquitto stores them, so that one hash serves every broker and the HTTP door.

Format: `$7$iterations$salt$hash`, PBKDF2-HMAC-SHA512 with a 12-byte salt and a 64-byte hash, both in base 64 (mosquitto 2.0).
The passwords hashed here are 256 random bits, never chosen by a person: a dictionary cannot hold them, so few iterations do.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 101


def new_password() -> str:
    """Return 256 random bits as text that may stand in a URL."""
    return secrets.token_urlsafe(32)


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return the hash of `password` in mosquitto's format."""
    salt = salt if salt is not None else secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_fits(password: str, hashed: str) -> bool:
    """Tell whether `password` is the one behind `hashed`, in time that does not depend on where they differ."""
    try:
        _, kind, iterations, salt, digest = hashed.split("$")
        if kind != "7":
            return False
        got = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
        return hmac.compare_digest(got, base64.b64decode(digest))
    except ValueError:
        return False
